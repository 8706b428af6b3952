"""What is wrong across all articles: links, claims, dates, translations. Opens no file.

A rule is a function that yields findings; its docstring is what `kb check --rules` says of it.
Each module holds the rules of one kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rapidfuzz.distance import DamerauLevenshtein

from kb.checks.rules import (  # noqa: F401
    answers,
    dates,
    duplicates,
    links,
    markdown,
    parsing,
    translations,
    writing,
)
from kb.checks.rules import external as web
from kb.checks.rules.answers import TOP
from kb.checks.rules.base import (
    LEVELS,
    OFF,
    RULES,
    Base,
    Finding,
    Rank,
    Rule,
    Shape,
    ignored,
    line_of,
)
from kb.checks.rules.external import external
from kb.checks.rules.links import lacking
from kb.content.problems import Problem

__all__ = [
    "LEVELS", "OFF", "RULES", "TOP", "Base", "Finding", "Rank", "Rule", "Shape", "claims", "dates",
    "external", "lacking", "line_of", "links", "markdown", "reading", "run", "sieved",
    "translations", "unknown", "web", "writing",
]  # fmt: skip


def run(
    base: Base, within: Iterable[str] = (), levels: Mapping[str, str] | None = None
) -> list[Problem]:
    """All problems in order of path and line; `within` names files or folders to keep to.

    `levels` says of a rule which level it has instead of its own, or that it is `off`.
    `<!-- kb-ignore: broken-link -->` in an article silences a rule there.
    """
    levels = levels or {}
    base = replace(base, within=tuple(within) or base.within)
    spared = {article.path: codes for article in base.articles if (codes := ignored(article))}
    found = [problem for problem in base.elsewhere if base.is_asked(problem.path)]
    for rule in RULES:
        if rule.find is None or levels.get(rule.code) == OFF:
            continue
        for article, line, message, cure in rule.find(base):
            if base.is_asked(article.path) and rule.code not in spared.get(article.path, ()):
                found.append(Problem(article.path, line, rule.code, message, cure, rule.level))
    return sieved(found, levels)


def sieved(problems: Iterable[Problem], levels: Mapping[str, str]) -> list[Problem]:
    """The problems in order, each once, at the levels asked for; those that are off left out."""
    return sorted(
        {
            replace(problem, level=levels.get(problem.code, problem.level))
            for problem in problems
            if levels.get(problem.code) != OFF
        }
    )


def unknown(codes: Iterable[str]) -> dict[str, str]:
    """Codes that no rule has, each with the code that was perhaps meant, or ""."""
    known = [rule.code for rule in RULES]
    found = {}
    for code in codes:
        if code not in known:
            near = min(known, key=lambda other: DamerauLevenshtein.distance(code, other))
            found[code] = near if DamerauLevenshtein.distance(code, near) <= 3 else ""
    return found
