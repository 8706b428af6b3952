"""Triage of miss groups: the likely cause of each miss, by asking the build in other ways.

The cause is the first of these that leads to a confident answer: other layout, transliteration,
spelling, filters off, other language, a draft or an article not shown today, a synonym. Where none
does, it is a content gap. Each question is asked many times, so the process that indexes does it.

A synonym is proposed only where a visit asked again in other words and found an answer: any word
of a title would make any question fit that title.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from kb.index.reader import IndexReader
from kb.index.segment import DRAFT
from kb.language import corrections, tokens
from kb.search import CorpusLexicon, Results, Searcher, SearchRequest
from kb.searchlog import wordings
from kb.searchlog.db.models import GroupTriage, MissGroup, Triage

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog

_REPAIRS: Final = ("layout", "translit", "spelling")
_MOST_REPAIRS: Final = 12
_MOST_DOUBT: Final = 12.0  # of a correction; the search itself stops at 8
_MOST_REWORDED: Final = 5
_BATCH: Final = 20  # in one transaction: searches wait meanwhile


class Examiner:
    """Finds the cause of a miss by asking one build in other ways."""

    def __init__(
        self, reader: IndexReader, searcher: Searcher, today: date, langs: Sequence[str]
    ) -> None:
        self._reader = reader
        self._searcher = searcher
        self._today = today
        self._langs = langs
        self._words = CorpusLexicon(reader.corpus)

    def examine(
        self, group: MissGroup, reworded: Callable[[], Collection[str]]
    ) -> tuple[Triage, str]:
        """The cause of a group's misses, and the category of the nearest article.

        `reworded` returns what visits asked next and found; it is called last, and seldom.
        """
        plain = self._ask(group.question, group.lang)
        found = self._first(group, plain, reworded)
        category = plain.hits[0].category if plain.hits else self._category(found.slug)
        return found, category

    def _first(
        self, group: MissGroup, plain: Results, reworded: Callable[[], Collection[str]]
    ) -> Triage:
        question, lang = group.question, group.lang
        if group.progress is not None and group.progress.unhelpful:
            return Triage("unhelpful", self._reader.name, "", group.progress.unhelpful)
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
        return Triage("content", self._reader.name)

    def _ask(
        self, query: str, lang: str, *, only: str = "", exact: bool = False, hidden: bool = False
    ) -> Results:
        asked = SearchRequest(
            query, lang=only or None, own_lang=lang or None, limit=3, exact=exact, facets=False,
            hidden=hidden,
        )  # fmt: skip
        return self._searcher.answer(asked, self._today)

    def _said(
        self, cause: str, query: str, found: Results, words: tuple[str, str] | None = None
    ) -> Triage:
        return Triage(cause, self._reader.name, query, found.hits[0].slug, words)

    def _repaired(self, question: str) -> Iterator[tuple[str, str]]:
        """Corrections of a question as pairs of cause and query, the causes in their order."""
        found = []
        for repair in corrections.candidates(question, self._words):
            if repair.kind in _REPAIRS and repair.doubt <= _MOST_DOUBT:
                found.append((_REPAIRS.index(repair.kind), repair.kind, repair.query))
            if len(found) == _MOST_REPAIRS:
                break
        return ((kind, query) for _, kind, query in sorted(found))

    def _why_hidden(self, slug: str) -> str:
        """Why an article is not shown today: `draft` or `expired`; "" if it is shown."""
        doc = self._reader.find(slug)
        corpus = self._reader.corpus
        if doc is None or corpus.readable(self._today)[doc]:
            return ""
        return "draft" if corpus.flags[doc] & DRAFT else "expired"

    def _swapped(
        self, question: str, reworded: Sequence[str]
    ) -> Iterator[tuple[tuple[str, str], str]]:
        """Pairs of words that a rewording exchanged, each with the question so changed.

        Only rewordings that find an answer today count.
        """
        own = wordings.content(question)
        for asked in reworded:
            if not self._ask(asked, "").confident:
                continue
            theirs = wordings.content(asked)
            left = [word for lemma, word in own.items() if lemma not in theirs]
            new = [word for lemma, word in theirs.items() if lemma not in own]
            if len(left) > 3 or len(new) > 3:
                continue  # another question, not another word
            for word in left:
                for other in new:
                    yield (word, other), _replaced(question, word, other)

    def _category(self, slug: str) -> str:
        doc = self._reader.find(slug) if slug else None
        return str(self._reader.card(doc)["category"]) if doc is not None else ""


def _replaced(question: str, word: str, other: str) -> str:
    parts = tokens.clean(question).split()
    return " ".join(other if tokens.plain_words(part) == [word] else part for part in parts)


def triage(
    log: "SearchLog",
    examiner: Examiner,
    owner: Callable[[str], str],
    build: str,
    *,
    seconds: float,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Examines the groups that this build has not, the costliest first; returns how many.

    `owner` tells who answers for a category. Stops after `seconds`; what is left waits for the
    next build.
    """
    ends = monotonic() + seconds
    waiting, done = log.groups.to_triage(build), 0
    while done < len(waiting) and (not done or monotonic() <= ends):
        findings = []
        for group in log.groups.get_all(waiting[done : done + _BATCH]):
            found, category = examiner.examine(group, partial(log.groups.reworded, group.id))
            findings.append(
                GroupTriage(group.id, found, category, owner(category) if found.slug else "")
            )
        log.actions.triage(*findings)
        done = min(done + _BATCH, len(waiting))
        if progress:
            progress(done, len(waiting))
    return done
