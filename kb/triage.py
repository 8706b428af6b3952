"""What would have answered a question that nobody could answer (LEADS.md §8). Writes no log.

Tried in this order, the first that answers with confidence: other layout, transliteration,
spelling, filters off, other language, a draft or an article not shown today, a synonym. What
nothing rescues is a content gap. For the process that indexes: a question is asked many times.

A synonym is proposed only where customers themselves showed it: the same visit asked again in
other words and found. Any word of a title would make any question fit that title.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from kb import query as queries
from kb import repairs, text
from kb.library import Library
from kb.search import Asked, Results, Searcher, Words
from kb.searchlog import Finding, MissGroup, Triage
from kb.segment import DRAFT

if TYPE_CHECKING:
    from kb.searchlog import SearchLog

SECONDS: Final = 60.0  # after a build; what is left waits for the next one
_REPAIRS: Final = ("layout", "translit", "spelling")
_MOST_REPAIRS: Final = 12
_MOST_DOUBT: Final = 12.0  # of `repairs`; the search itself stops at 8
_MOST_REWORDED: Final = 5
_BATCH: Final = 20  # in one transaction: searches wait meanwhile


class Examiner:
    """Asks a build in all the ways that might have answered."""

    def __init__(
        self, library: Library, searcher: Searcher, today: date, langs: Sequence[str]
    ) -> None:
        self._library = library
        self._searcher = searcher
        self._today = today
        self._langs = langs
        self._words = Words(library.corpus)

    def examine(
        self, group: MissGroup, reworded: Callable[[], Collection[str]]
    ) -> tuple[Triage, str]:
        """What would have answered the group, and the category of the nearest article.

        `reworded` tells what visits asked after it and found; it is called last, and seldom.
        """
        plain = self._ask(group.question, group.lang)
        found = self._first(group, plain, reworded)
        category = plain.hits[0].category if plain.hits else self._category(found.slug)
        return found, category

    def _first(
        self, group: MissGroup, plain: Results, reworded: Callable[[], Collection[str]]
    ) -> Triage:
        question, lang = group.question, group.lang
        if plain.confident:
            kind = plain.correction.kind if plain.correction else ""
            cause = (
                kind if kind in _REPAIRS else "filters" if "filtered" in group.kinds else "found"
            )
            return self._said(cause, plain.correction.query if plain.correction else "", plain)
        for cause, repaired in self._repaired(question):
            if (again := self._ask(repaired, lang, exact=True)).confident:
                return self._said(cause, repaired, again)
        for other in self._langs:
            if other == lang:
                continue
            if (again := self._ask(question, other, only=other)).confident:
                return self._said("language", "", again)
        hidden = self._ask(question, lang, hidden=True)
        if hidden.confident and (cause := self._why_hidden(hidden.hits[0].slug)):
            return self._said(cause, "", hidden)
        for pair, asked in self._swapped(question, list(reworded())[:_MOST_REWORDED]):
            if (again := self._ask(asked, lang, exact=True)).confident:
                return self._said("synonym", asked, again, pair)
        return Triage("content", self._library.name)

    def _ask(
        self, query: str, lang: str, *, only: str = "", exact: bool = False, hidden: bool = False
    ) -> Results:
        asked = Asked(
            query, lang=only or None, own_lang=lang or None, limit=3, exact=exact, facets=False,
            hidden=hidden,
        )  # fmt: skip
        return self._searcher.answer(asked, self._today)

    def _said(
        self, cause: str, query: str, found: Results, words: tuple[str, str] | None = None
    ) -> Triage:
        return Triage(cause, self._library.name, query, found.hits[0].slug, words)

    def _repaired(self, question: str) -> Iterator[tuple[str, str]]:
        """What may have been meant, the causes in their order."""
        found = []
        for repair in repairs.candidates(question, self._words):
            if repair.kind in _REPAIRS and repair.doubt <= _MOST_DOUBT:
                found.append((_REPAIRS.index(repair.kind), repair.kind, repair.query))
            if len(found) == _MOST_REPAIRS:
                break
        return ((kind, query) for _, kind, query in sorted(found))

    def _why_hidden(self, slug: str) -> str:
        """`draft` or `expired` of an article that is not shown today; "" if it is."""
        doc = self._library.find(slug)
        corpus = self._library.corpus
        if doc is None or corpus.readable(self._today)[doc]:
            return ""
        return "draft" if corpus.flags[doc] & DRAFT else "expired"

    def _swapped(
        self, question: str, reworded: Sequence[str]
    ) -> Iterator[tuple[tuple[str, str], str]]:
        """The question with one of its words as other visits wrote it: the pair, and the question.

        From each rewording that answers today.
        """
        own = _content(question)
        for asked in reworded:
            if not self._ask(asked, "").confident:
                continue
            theirs = _content(asked)
            left = [word for lemma, word in own.items() if lemma not in theirs]
            new = [word for lemma, word in theirs.items() if lemma not in own]
            if len(left) > 3 or len(new) > 3:
                continue  # another question, not another word
            for word in left:
                for other in new:
                    yield (word, other), _replaced(question, word, other)

    def _category(self, slug: str) -> str:
        doc = self._library.find(slug) if slug else None
        return str(self._library.card(doc)["category"]) if doc is not None else ""


def _content(query: str) -> dict[str, str]:
    """The words that carry meaning, by their first dictionary form."""
    words = (word.text for word in queries.parse(query).words)
    return {text.lemmas(word)[0]: word for word in words if word not in text.STOP}


def _replaced(question: str, word: str, other: str) -> str:
    parts = text.clean(question).split()
    return " ".join(other if text.plain_words(part) == [word] else part for part in parts)


def triage(
    log: "SearchLog",
    examiner: Examiner,
    owner: Callable[[str], str],
    build: str,
    *,
    seconds: float | None = SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Examines the groups that this build has not, the costliest first; returns how many.

    `owner` tells who answers for a category. Stops after `seconds`; None: when all are done.
    """
    ends = monotonic() + seconds if seconds is not None else None
    waiting, done = log.groups_to_triage(build), 0
    while done < len(waiting) and (ends is None or not done or monotonic() <= ends):
        findings = []
        for group in log.groups(waiting[done : done + _BATCH]):
            found, category = examiner.examine(group, partial(log.reworded, group.id))
            findings.append(Finding(group.id, found, category, owner(category)))
        log.triage(*findings)
        done = min(done + _BATCH, len(waiting))
        if progress:
            progress(done, len(waiting))
    return done
