"""Translations: what is missing, and what has fallen behind. Translates nothing."""

from collections import Counter
from collections.abc import Iterator

from kb.base.messages import Message
from kb.checks.rules.base import Base, Finding, rule
from kb.content import language_folders
from kb.content.articles import Article
from kb.content.metadata import without_ending


def _sources(base: Base) -> Iterator[tuple[Article, Article]]:
    """Pairs of a translation and the article it was made from, where that is said or seen."""
    for article in base.articles:
        source = base.by_slug.get(article.translation_of) if article.translation_of else None
        if source is not None and source is not article:
            yield article, source


def _twins(base: Base, article: Article) -> set[str]:
    """Languages in which the same article exists: same path under another language folder."""
    first, _, rest = without_ending(article.path).partition("/")
    if not rest or first not in base.langs:
        return set()
    return {
        lang
        for lang in base.langs
        if lang != first
        and (f"{lang}/{rest}" in base.by_path or f"{lang}/{rest}.mdx" in base.files)
    }


@rule("unknown-source", "warning")
def _unknown_source(base: Base) -> Iterator[Finding]:
    """`translation_of` names an article that is not there."""
    for article in base.articles:
        if article.translation_of and article.translation_of not in base.by_slug:
            yield Finding(
                article,
                article.lines.get("translation_of", 1),
                Message(
                    "`translation_of` names {slug}, which is no article",
                    slug=article.translation_of,
                ),
                Message("write the slug as it stands after /articles/"),
            )


@rule("old-translation", "warning")
def _old_translation(base: Base) -> Iterator[Finding]:
    """A translation is older than the article it was made from."""
    for article, source in _sources(base):
        yield from _behind(article, source)


@rule("translation-behind", "hint")
def _translation_behind(base: Base) -> Iterator[Finding]:
    """An article is older than the one at the same path in the language written in first."""
    first = _first_language(base)
    for article in base.articles:
        rest = without_ending(article.path).partition("/")[2]
        if not article.translation_of and first in _twins(base, article):
            source = base.by_path.get(f"{first}/{rest}")
            yield from _behind(article, source) if source is not None else ()


def _behind(article: Article, source: Article) -> Iterator[Finding]:
    if article.updated and source.updated and article.updated < source.updated:
        yield Finding(
            article,
            article.lines.get("translation_of", 1),
            Message(
                "{path} was changed on {theirs}, this on {ours}",
                path=source.path,
                theirs=str(source.updated),
                ours=str(article.updated),
            ),
            Message("bring the translation up to date, then set `updated`"),
        )


def _first_language(base: Base) -> str:
    """The language of the folder with most articles; the one of the settings if there are two."""
    folders = Counter(article.path.partition("/")[0] for article in base.articles)
    return max(base.langs, key=lambda lang: (folders[lang], lang == base.lang))


@rule("no-translation", "hint")
def _no_translation(base: Base) -> Iterator[Finding]:
    """An article is missing in a language that others of the folder were translated to."""
    paired: dict[str, set[str]] = {a.slug: _twins(base, a) for a in base.articles}
    for article, source in _sources(base):
        paired[article.slug].add(source.lang)
        paired[source.slug].add(article.lang)
    aliases = ((article.path, article.aliases) for article in base.articles)
    for paths in language_folders.sharing(aliases, base.langs):
        group = [base.by_path[path] for path in paths]
        for article in group:
            paired[article.slug] |= {each.lang for each in group} - {article.lang}
    # Where nothing is paired, two languages are an accident and no intention.
    used = set().union(*paired.values()) & set(base.langs)
    for article in base.served():
        missing = used - {article.lang} - paired[article.slug]
        is_version = "/" in article.path and article.path.split("/")[0] not in base.langs
        if article.lang in used and missing and not is_version:
            yield Finding(
                article,
                1,
                Message("not yet in {languages}", languages=", ".join(sorted(missing))),
                Message("translate it under the same path in that language's folder"),
            )
