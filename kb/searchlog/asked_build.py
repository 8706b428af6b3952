"""The current build, as questions of the log ask it: what each finds there. Writes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kb.content.owners import Owners
from kb.language import morphology, tokens
from kb.search import Results, SearchRequest
from kb.searchlog import closing
from kb.searchlog.closing import Standing
from kb.searchlog.db.models import Question
from kb.searchlog.miss_kinds import REPAIRS
from kb.searchlog.recorder import SearchOutcome

_OFFERED: Final = 10  # hits of a recorded search whose words are remembered: one page


@dataclass(frozen=True, slots=True)
class AskedBuild:
    """What some readers may see of the build that is current whenever it is asked."""

    answer: Callable[[SearchRequest], Results]
    sketch: Callable[[str], bytes | None]  # of the words of the article with a slug
    holds: Callable[[str], bool]  # whether an article holds a word
    owners: Callable[[], Owners]

    def ask(
        self,
        query: str,
        lang: str,
        filters: Mapping[str, str],
        limit: int,
        but: frozenset[str] = frozenset(),
    ) -> Results:
        """The answer to a query of the log, with the filters it had, some articles left out."""
        request = SearchRequest(
            query,
            lang=filters.get("lang"),
            category=filters.get("category"),
            tag=filters.get("tag"),
            own_lang=lang or None,
            limit=limit,
            facets=False,
            but=but,
            excerpts=False,
        )
        return self.answer(request)

    def standing(self, asked: Question, but: frozenset[str]) -> Standing:
        """What stands first with confidence for a question, some articles left out."""
        results = self.ask(asked.query, asked.lang, dict(asked.filters), closing.TOP, but)
        if not results.confident:
            return Standing()
        correction = results.correction.kind if results.correction else ""
        return Standing(tuple(hit.slug for hit in results.hits), correction in REPAIRS)

    def outcome(self, query: str, lang: str, filters: Mapping[str, str]) -> SearchOutcome:
        """What is recorded of a search for a query, as `recorder.SearchIndex`."""
        results = self.ask(query, lang, filters, _OFFERED)
        unfiltered = None
        if filters and not results.total:
            unfiltered = self.ask(query, lang, {}, 1).total
        correction = results.correction
        category = results.hits[0].category if results.hits else ""
        owners = self.owners()
        return SearchOutcome(
            total=results.total,
            confident=results.confident,
            correction=correction.kind if correction else "",
            corrected=correction.query if correction else "",
            unfiltered=unfiltered,
            build=results.build,
            category=category,
            owner=owners.of(category) if results.confident else owners.default,
            is_owned=results.confident,
            is_unfinished=self._is_unfinished(query),
            offered={hit.slug: self.sketch(hit.slug) or b"" for hit in results.hits},
        )

    def _is_unfinished(self, query: str) -> bool:
        """Whether a query ends in what is no word, neither of an article nor of a dictionary."""
        words = tokens.plain_words(query)
        if not words or not query[-1:].isalnum():
            return False
        return not (morphology.in_dictionary(words[-1]) or self.holds(words[-1]))
