"""Learned lines: which questions of the log an article is searched by. Pure; reads no log.

A question is learned by the article it ended well at, for enough askers, if they chose it often
enough among those who had it before them (`searchlog.proofs`, `index.learned`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from kb.index.learned import LEAST_RATE, LearnedLine, LearnedLines
from kb.language import query_words
from kb.searchlog.proofs import Solved


def lines(
    solved: Iterable[Solved], claims: Callable[[str], Iterable[str]], *, least: int
) -> LearnedLines:
    """The lines of each article, by slug.

    `claims` gives the questions that a writer put down for the article with a slug: they are not
    learned again.
    """
    found: dict[str, list[LearnedLine]] = defaultdict(list)
    for each in solved:
        line = LearnedLine(each.question, each.chosen, each.shown)
        if each.chosen < least or line.rate < LEAST_RATE:
            continue
        if query_words.key(each.question) not in map(query_words.key, claims(each.slug)):
            found[each.slug].append(line)
    return {slug: tuple(of) for slug, of in found.items()}
