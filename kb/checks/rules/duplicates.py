"""Articles that say the same as others of their language. Compares no two versions of one page."""

from collections import defaultdict
from collections.abc import Iterator

from kb.base.messages import Message
from kb.checks import duplicates
from kb.checks.rules.base import Base, Finding, ignored, is_mirrored, line_of, rule
from kb.content import versions
from kb.content.articles import Article

CODE = "says-the-same"
_SHOWN = 5  # articles that a finding names


@rule(CODE, "hint")
def _says_the_same(base: Base) -> Iterator[Finding]:
    """Articles of one language say the same, or one of them stands in the other as a whole."""
    by_lang: dict[str, list[Article]] = defaultdict(list)
    for article in base.served():
        if CODE not in ignored(article):
            by_lang[article.lang].append(article)
    for articles in by_lang.values():
        for group, lines in _groups(base, articles):
            asked = next((one for one in group if base.is_asked(one.path)), None)
            if asked is not None:
                others = [one.path for one in group if one is not asked]
                yield Finding(
                    asked,
                    line_of(asked, lines[asked.path]),
                    Message("says the same as {paths}", paths=_listed(others)),
                    Message("join them, or say it in one and link there; an alias keeps addresses"),
                )


def _groups(base: Base, articles: list[Article]) -> Iterator[tuple[list[Article], dict[str, int]]]:
    """Articles that say the same, by path, with the line of each where that begins."""
    texts = [duplicates.Text(each.title, base.prose(each).lines) for each in articles]
    group_of = list(range(len(articles)))  # the number of another one of the group, lower or equal
    lines: dict[str, int] = {}

    def are_apart(one: int, other: int) -> bool:
        return _is_one_page(articles[one], articles[other])

    for pair in duplicates.pairs(texts, are_apart):
        first, second = sorted((_root(group_of, pair.one), _root(group_of, pair.other)))
        group_of[second] = first
        for number, line in zip((pair.one, pair.other), pair.lines, strict=True):
            lines.setdefault(articles[number].path, line)
    groups: dict[int, list[Article]] = defaultdict(list)
    for number, article in enumerate(articles):
        groups[_root(group_of, number)].append(article)
    yield from ((group, lines) for group in groups.values() if len(group) > 1)


def _is_one_page(one: Article, other: Article) -> bool:
    """Whether two articles are versions of one page."""
    return is_mirrored(one, other) or versions.are_of_versions(one.path, other.path)


def _root(group_of: list[int], number: int) -> int:
    while group_of[number] != number:
        number = group_of[number]
    return number


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    return f"{shown}, …" if len(paths) > _SHOWN else shown
