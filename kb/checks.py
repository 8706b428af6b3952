"""What is wrong across all articles: links, claims, dates, translations. Opens no file.

A rule is a function that yields findings; its docstring is what `kb check --rules` says of it.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from rapidfuzz.distance import DamerauLevenshtein

from kb import redaction, text
from kb.articles import Article, Problem
from kb.keys import ENDINGS, KEYS
from kb.markup import Link, Rendered

Rank = Callable[[str, str], Sequence[str]]

TOP = 3  # an article must stand among so many for each question it claims to answer


class Finding(NamedTuple):
    """What a rule found in an article: the line in the file, what is wrong, and the cure."""

    article: Article
    line: int
    message: str
    cure: str


@dataclass(frozen=True)
class Base:
    """All articles that could be read, and what was made of them."""

    articles: Sequence[Article]
    rendered: Mapping[str, Rendered]  # by slug
    today: date
    files: frozenset[str] = frozenset()  # regular files below the articles folder, "/" in paths
    langs: tuple[str, ...] = ("ru", "en")
    review_days: int = 365
    support_email: str = ""
    rank: Rank | None = None  # question, language → slugs, best first; None: nothing to ask yet
    elsewhere: Sequence[Problem] = field(default=())  # mistakes in synonyms.yml and owners.yml

    @cached_property
    def by_slug(self) -> dict[str, Article]:
        return {article.slug: article for article in self.articles}

    @cached_property
    def by_path(self) -> dict[str, Article]:
        """Articles by path, with and without ending, and as the index page of their folder."""
        found: dict[str, Article] = {}
        for article in self.articles:
            stem = _stem(article.path)
            folder, _, name = stem.rpartition("/")
            if name.lower() in ("readme", "index", "_index"):
                found.setdefault(folder, article)
            found.setdefault(stem, article)
        return found | {article.path: article for article in self.articles}

    @cached_property
    def by_name(self) -> dict[str, list[Article]]:
        """Articles by file name without ending."""
        found: dict[str, list[Article]] = defaultdict(list)
        for article in self.articles:
            found[posixpath.basename(_stem(article.path))].append(article)
        return found

    @cached_property
    def by_alias(self) -> dict[str, list[Article]]:
        found: dict[str, list[Article]] = defaultdict(list)
        for article in self.articles:
            for alias in article.aliases:
                found[alias].append(article)
        return found

    def links(self, *, images: bool) -> Iterator[tuple[Article, Link]]:
        """Every link, or every image, of every article."""
        for article in self.articles:
            for link in self.rendered[article.slug].links if article.slug in self.rendered else ():
                if link.image == images:
                    yield article, link

    def served(self) -> Iterator[Article]:
        """Articles that a customer's search can meet today."""
        for article in self.articles:
            out = article.draft or article.unlisted
            early = article.publish is not None and article.publish > self.today
            late = article.expires is not None and article.expires <= self.today
            if not (out or early or late):
                yield article


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its stable name, its level, and what it says of itself."""

    code: str
    level: str
    meaning: str
    find: Callable[[Base], Iterable[Finding]]


RULES: list[Rule] = []


def rule(code: str, level: str) -> Callable[[Callable[[Base], Iterable[Finding]]], Rule]:
    """Registers a function that yields findings under a name; its docstring is the meaning."""

    def register(find: Callable[[Base], Iterable[Finding]]) -> Rule:
        meaning = " ".join((find.__doc__ or "").split())
        RULES.append(Rule(code, level, meaning, find))
        return RULES[-1]

    return register


def run(base: Base, within: Iterable[str] = ()) -> list[Problem]:
    """All problems in order of path and line; `within` names files or folders to keep to.

    `<!-- kb: ignore broken-link -->` in an article silences a rule there.
    """
    places = tuple(within)
    found = [problem for problem in base.elsewhere if _is_within(problem.path, places)]
    for one in RULES:
        for article, line, message, cure in one.find(base):
            if _is_within(article.path, places) and one.code not in _ignored(article):
                found.append(Problem(article.path, line, one.code, message, cure, one.level))
    return sorted(set(found))


def _is_within(path: str, places: Sequence[str]) -> bool:
    return not places or any(p in (".", "", path) or path.startswith(f"{p}/") for p in places)


_IGNORE = re.compile(r"<!--\s*kb:\s*ignore\s+([\w\s,-]+?)\s*-->")


def _ignored(article: Article) -> set[str]:
    if "kb:" not in article.body:
        return set()
    return {
        code for listed in _IGNORE.findall(article.body) for code in re.split(r"[\s,]+", listed)
    }


def _line(article: Article, line: int) -> int:
    """The line of the file for a line of the body."""
    return article.body_line + line - 1


def _stem(path: str) -> str:
    for ending in ENDINGS:
        if path.lower().endswith(ending):
            return path[: -len(ending)]
    return path


# ---------------------------------------------------------------- links


class _Target(NamedTuple):
    """Where a link leads: to an article, to a file or page of ours, or nowhere."""

    article: Article | None
    anchor: str
    exists: bool


def resolve(base: Base, article: Article, link: Link) -> _Target | None:
    """Where a link of `article` leads; None for other sites and for pages that are no articles."""
    if _TEMPLATED.search(link.target):
        return None
    if not link.url:
        return None if _SCHEME.match(link.target) else _Target(None, "", exists=False)
    place, _, anchor = link.url.partition("#")
    place, anchor = unquote(place.partition("?")[0]), unquote(anchor)
    if not place:
        return _Target(article, anchor, exists=True)
    if place.startswith("/articles/"):
        found = _article_at(base, place.removeprefix("/articles/"))
        return _Target(found, anchor, exists=found is not None)
    if place.startswith("/media/"):
        return _Target(None, "", exists=place.removeprefix("/media/") in base.files)
    return None


_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")
_TEMPLATED = re.compile(r"\{[{%]|^#tab/")  # another tool puts the address in, or draws tabs


def _article_at(base: Base, address: str) -> Article | None:
    """The article a reader meets there: by its path, its slug, or a former slug."""
    found = base.by_path.get(address.rstrip("/")) or base.by_slug.get(address)
    if found is None and address in base.by_alias:
        return base.by_alias[address][0]
    return found


@rule("broken-link", "error")
def _broken_link(base: Base) -> Iterator[Finding]:
    """A link leads to an article or file that is not there."""
    return _dead_links(base, _is_in_folder)


@rule("link-off-site", "warning")
def _link_off_site(base: Base) -> Iterator[Finding]:
    """A link begins with `/` and means a page that is neither an article nor another site."""
    return _dead_links(base, lambda link: not _is_in_folder(link))


def _is_in_folder(link: Link) -> bool:
    """Whether the link plainly means a file of this folder, not a page of the site around it."""
    place = link.target.partition("#")[0].partition("?")[0].lower()
    return not place.startswith("/") or place.endswith(ENDINGS) or place.startswith("/media/")


def _dead_links(base: Base, wanted: Callable[[Link], bool]) -> Iterator[Finding]:
    for article, link in base.links(images=False):
        target = resolve(base, article, link)
        if target is not None and not target.exists and wanted(link):
            yield Finding(
                article,
                _line(article, link.line),
                f"the link leads nowhere: {link.target}",
                _nearest_path(base, article, link) or "correct the path, or drop the link",
            )


def _nearest_path(base: Base, article: Article, link: Link) -> str:
    """A cure that names the article of that file name, written as a link from here."""
    place = unquote(link.target.partition("#")[0]).strip("/")
    name = posixpath.basename(_stem(place))
    same = base.by_name.get(name, ()) if name else ()
    here = article.path.partition("/")[0]
    near = [a for a in same if a.path.startswith(f"{here}/")] or list(same)
    if len(near) > 1:
        near = [a for a in near if _stem(a.path).endswith(f"/{_stem(place)}")]
    if len(near) != 1 or near[0] is article:
        return ""
    return f"write {posixpath.relpath(near[0].path, posixpath.dirname(article.path) or '.')}"


@rule("broken-anchor", "warning")
def _broken_anchor(base: Base) -> Iterator[Finding]:
    """A link leads to a heading that its article does not have."""
    for article, link in base.links(images=False):
        target = resolve(base, article, link)
        if target is None or target.article is None or not target.anchor:
            continue
        rendered = base.rendered.get(target.article.slug)
        if rendered is None or target.anchor in ("top", "h-top"):
            continue
        if target.anchor not in rendered.anchors:
            headings = [f"#{a.removeprefix('h-')}" for a in rendered.anchors if a.startswith("h-")]
            named = ", ".join(headings[:5]) or "it has none"
            yield Finding(
                article,
                _line(article, link.line),
                f"{target.article.path} has no heading #{target.anchor.removeprefix('h-')}",
                f"link to one of its headings: {named}",
            )


@rule("missing-image", "error")
def _missing_image(base: Base) -> Iterator[Finding]:
    """An image is not beside the articles."""
    for article, link in base.links(images=True):
        target = resolve(base, article, link)
        if target is not None and not target.exists:
            yield Finding(
                article,
                _line(article, link.line),
                f"there is no image {link.target}",
                "put the file beside the article, or correct the path",
            )


@rule("no-alt-text", "warning")
def _no_alt_text(base: Base) -> Iterator[Finding]:
    """An image has no text for those who do not see it."""
    for article, link in base.links(images=True):
        if not link.alt.strip():
            yield Finding(
                article,
                _line(article, link.line),
                f"the image {link.target} has no description",
                "write what it shows: ![The page Settings](…)",
            )


@rule("unknown-related", "warning")
def _unknown_related(base: Base) -> Iterator[Finding]:
    """`related` names an article that is not there."""
    for article in base.articles:
        for slug in article.related:
            if slug not in base.by_slug and slug not in base.by_alias:
                yield Finding(
                    article,
                    article.lines.get("related", 1),
                    f"`related` names {slug}, which is no article",
                    "write the slug as it stands after /articles/",
                )


@rule("alias-taken", "error")
def _alias_taken(base: Base) -> Iterator[Finding]:
    """A former address is the address of an article, or two articles claim it."""
    for alias, claimants in base.by_alias.items():
        owner = base.by_slug.get(alias)
        for article in claimants:
            others = [a for a in (owner, *claimants) if a is not None and a is not article]
            line = article.lines.get("aliases", 1)
            if owner is article:
                yield Finding(
                    article, line, f"the alias {alias} is the article's own address", "drop it"
                )
            elif others:
                yield Finding(
                    article,
                    line,
                    f"the alias {alias} belongs to {others[0].path} as well",
                    "keep it in one of them: an address leads to one article",
                )


# ---------------------------------------------------------------- claims


@rule("answer-not-found", "error")
def _answer_not_found(base: Base) -> Iterator[Finding]:
    """A question under `answers` does not find its article among the first three."""
    if base.rank is None:
        return
    for article in base.served():
        for question in article.answers:
            slugs = list(base.rank(question, article.lang))
            if article.slug in slugs[:TOP]:
                continue
            first = f"; first comes {slugs[0]}" if slugs else "; nothing is found"
            yield Finding(
                article,
                article.lines.get("answers", 1),
                f"“{question}” does not lead here{first}",
                "use the question's words in title or headings, or move it to the other article",
            )


@rule("answer-claimed-twice", "warning")
def _answer_claimed_twice(base: Base) -> Iterator[Finding]:
    """Two articles of one language claim to answer the same question."""
    claims: dict[tuple[str, str], list[tuple[Article, str]]] = defaultdict(list)
    for article in base.served():
        for question in article.answers:
            claims[article.lang, text.key(question)].append((article, question))
    for claimed in claims.values():
        for article, question in claimed:
            other = next((a for a, _ in claimed if a is not article), None)
            if other is not None:
                yield Finding(
                    article,
                    article.lines.get("answers", 1),
                    f"“{question}” is claimed by {other.path} as well",
                    "keep it where the answer is, link there from the other",
                )


@rule("duplicate-title", "warning")
def _duplicate_title(base: Base) -> Iterator[Finding]:
    """Two articles of one category and language have the same title."""
    titles: dict[tuple[str, str, str], list[Article]] = defaultdict(list)
    for article in base.served():
        titles[article.lang, article.category, " ".join(article.title.casefold().split())].append(
            article
        )
    for same in titles.values():
        for article in same if len(same) > 1 else ():
            other = next(a for a in same if a is not article)
            yield Finding(
                article,
                article.lines.get("title", article.body_line),
                f"{other.path} has the same title",
                "say in the title what tells them apart, or join them",
            )


# ---------------------------------------------------------------- the article itself

_WHY = re.compile(
    r"\b(?:почему|причин\w*|из-за чего|отчего|потому что|why|causes?|reasons?|because)\b", re.I
)


@rule("no-why", "error")
def _no_why(base: Base) -> Iterator[Finding]:
    """An article of the type `problem` does not say why it happens."""
    for article in base.articles:
        if article.type == "problem" and not _WHY.search(article.body):
            heading = "Почему так происходит" if article.lang == "ru" else "Why it happens"
            yield Finding(
                article,
                article.lines.get("type", 1),
                "a problem without a reason: readers meet it again",
                f"add a part `## {heading}`",
            )


_NO_TEXT = re.compile(
    r"<!--.*?-->|\{%.*?%\}|\{\{.*?\}\}|<[^<>]*>|^[ \t]*#{1,6}[ \t][^\n]*$|[\s*_=-]+", re.S | re.M
)


@rule("empty-article", "warning")
def _empty_article(base: Base) -> Iterator[Finding]:
    """An article has a title and no text."""
    for article in base.served():
        if len(article.body) < _SHORT and not _NO_TEXT.sub("", article.body):
            yield Finding(
                article,
                article.body_line,
                "the article has no text",
                "write it, or mark it `draft: yes`",
            )


_SHORT = 4000  # a longer one has text, and matching it would only take time


@rule("no-author", "hint")
def _no_author(base: Base) -> Iterator[Finding]:
    """Nobody signs the article, neither in front matter nor in git, though others are signed."""
    is_custom = any(article.author for article in base.articles)
    for article in base.articles if is_custom else ():
        if not article.author:
            yield Finding(article, 1, "nobody signs the article", "write `author: …`")


@rule("review-due", "warning")
def _review_due(base: Base) -> Iterator[Finding]:
    """The date under `review_by` has passed."""
    for article in base.articles:
        if article.review_by is not None and article.review_by < base.today:
            yield Finding(
                article,
                article.lines.get("review_by", 1),
                f"was to be reviewed by {article.review_by}",
                "read it, correct it, and set the next date",
            )


@rule("dates-crossed", "warning")
def _dates_crossed(base: Base) -> Iterator[Finding]:
    """An article expires before it is published, so nobody ever sees it."""
    for article in base.articles:
        if article.publish and article.expires and article.expires <= article.publish:
            yield Finding(
                article,
                article.lines.get("expires", 1),
                f"expires on {article.expires}, before it is published on {article.publish}",
                "correct one of the dates",
            )


# Keys of other tools that stand near ours by chance.
_FOREIGN_KEYS = {"published", "type_", "order", "template", "author_name", "owners", "date", "data"}


@rule("unknown-key", "warning")
def _unknown_key(base: Base) -> Iterator[Finding]:
    """A key of the front matter looks like a typing mistake of one we know."""
    for article in base.articles:
        for key in article.extra:
            near = _near_key(key)
            if near:
                yield Finding(
                    article,
                    article.lines.get(key, 1),
                    f"the key `{key}` is not known",
                    f"did you mean `{near}`?",
                )


def _near_key(key: str) -> str:
    """The known key that `key` is at most one slip away from (two in long words)."""
    folded = key.casefold().replace("-", "_")
    if folded in _FOREIGN_KEYS or len(folded) < 3:
        return ""
    slips = 1 if len(folded) < 7 else 2
    distance, near = min((DamerauLevenshtein.distance(folded, known), known) for known in KEYS)
    return near if distance <= slips else ""


# Addresses that belong to a role or to an example, not to a person.
_ROLE = re.compile(
    r"^(?:support|help|info|sales|contact|hello|team|no-?reply|admin|office|security|privacy|user"
    r"|name|you|your|mail|email|test|example|root|git|postmaster|webmaster|hostmaster|abuse)\b"
    r"|@(?:[\w.-]*\.)?(?:example|test|localhost|invalid|contoso|fabrikam|domain|company|acme|mysite"
    r"|your-?\w*|my-?\w*|users\.noreply)\b",
    re.I,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBERS = re.compile(r"(?:\d[ ()-]{0,2}){9}")
_PERSONAL = re.compile("‹(card|passport|tax|phone)›")


@rule("personal-data", "hint")
def _personal_data(base: Base) -> Iterator[Finding]:
    """A line holds what looks like a person's e-mail address, telephone, card or passport."""
    for article in base.articles:
        in_code = False
        for number, line in enumerate(article.body.split("\n"), 1):
            if line.lstrip().startswith(("```", "~~~")):
                in_code = not in_code
            kind = "" if in_code else _personal(line, base.support_email)
            if kind:
                yield Finding(
                    article,
                    _line(article, number),
                    f"this looks like somebody's {kind}",
                    "write an invented example, such as name@example.com",
                )


def _personal(line: str, support_email: str) -> str:
    for address in _EMAIL.findall(line) if "@" in line else ():
        if address.casefold() != support_email.casefold() and not _ROLE.search(address):
            return "e-mail address"
    if _NUMBERS.search(line) and "://" not in line:
        found = _PERSONAL.search(redaction.redact(line))
        return f"{found[1]} number" if found else ""
    return ""


# ---------------------------------------------------------------- translations


def _sources(base: Base) -> Iterator[tuple[Article, Article]]:
    """Pairs of a translation and the article it was made from, where that is said or seen."""
    for article in base.articles:
        source = base.by_slug.get(article.translation_of) if article.translation_of else None
        if source is not None and source is not article:
            yield article, source


def _twins(base: Base, article: Article) -> set[str]:
    """Languages in which the same article exists: same path under another language folder."""
    first, _, rest = _stem(article.path).partition("/")
    if not rest or first not in base.langs:
        return set()
    return {lang for lang in base.langs if lang != first and f"{lang}/{rest}" in base.by_path}


@rule("unknown-source", "warning")
def _unknown_source(base: Base) -> Iterator[Finding]:
    """`translation_of` names an article that is not there."""
    for article in base.articles:
        if article.translation_of and article.translation_of not in base.by_slug:
            yield Finding(
                article,
                article.lines.get("translation_of", 1),
                f"`translation_of` names {article.translation_of}, which is no article",
                "write the slug as it stands after /articles/",
            )


@rule("old-translation", "warning")
def _old_translation(base: Base) -> Iterator[Finding]:
    """A translation is older than the article it was made from."""
    for article, source in _sources(base):
        if article.updated and source.updated and article.updated < source.updated:
            yield Finding(
                article,
                article.lines.get("translation_of", 1),
                f"{source.path} was changed on {source.updated}, this on {article.updated}",
                "bring the translation up to date, then set `updated`",
            )


@rule("no-translation", "hint")
def _no_translation(base: Base) -> Iterator[Finding]:
    """An article is missing in a language that others of the folder were translated to."""
    paired: dict[str, set[str]] = {a.slug: _twins(base, a) for a in base.articles}
    for article, source in _sources(base):
        paired[article.slug].add(source.lang)
        paired[source.slug].add(article.lang)
    # Where nothing is paired, two languages are an accident and no intention.
    used = set().union(*paired.values()) & set(base.langs)
    for article in base.served():
        missing = used - {article.lang} - paired[article.slug]
        if article.lang in used and missing:
            yield Finding(
                article,
                1,
                f"not yet in {', '.join(sorted(missing))}",
                "translate it under the same path in that language's folder",
            )
