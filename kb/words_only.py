"""Search by words alone, from the Whoosh index of a build whose arrays cannot be read.

It re-scores nothing, corrects nothing and cuts no snippets; a hit shows the article's answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import date
from time import perf_counter
from typing import Any

from kb.base import audiences
from kb.base.audiences import STRANGERS, Readers
from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.content.pins import Pins
from kb.content.reading_order import title_of_name
from kb.facets import FacetValue
from kb.index import whoosh_index
from kb.index.builds import Build
from kb.index.reader import SYNONYMS
from kb.index.segment import DRAFT, UNLISTED
from kb.language import query as queries
from kb.language import synonyms, tokens
from kb.ranking.whoosh_engine import WordHit, word_hits
from kb.search import Hit, Marked, Results, SearchRequest, completions, page_of


class WordsOnlySearcher:
    """Answers search requests from the Whoosh index of a build. Threads may share it."""

    part = whoosh_index.FOLDER  # of a build, which it reads

    def __init__(self, build: Build) -> None:
        """Raises IndexDamaged when the index cannot be opened, or stores no cards."""
        self.name = build.name
        self.edition = f"{build.name} words"  # of the answers, for caches
        try:
            self._index = whoosh_index.open_dir(build.folder / whoosh_index.FOLDER)
            if whoosh_index.CARD not in self._index.schema:
                raise ValueError("its Whoosh index stores no cards")
        except Exception as error:  # it was pickled by whichever version made the build
            raise IndexDamaged(
                Message(
                    "build {name}: {reason}; run `kb index --full`",
                    name=build.name,
                    reason=repr(error),
                )
            ) from None
        try:
            own, _ = synonyms.parse((build.folder / SYNONYMS).read_text("utf-8", "replace"))
        except OSError:
            own = synonyms.Synonyms()
        self._synonyms = own.over(synonyms.shipped())
        self.pins = Pins()  # none: addresses of articles stand in the arrays
        self._readers = STRANGERS

    def seen_by(self, readers: Readers) -> "WordsOnlySearcher":
        """The searcher of the articles that these readers may see."""
        if readers == self._readers:
            return self
        searcher = copy(self)
        searcher._readers = readers
        searcher.edition = f"{self.name} words {sorted(readers.among)} {readers.see_all}"
        return searcher

    def answer(self, request: SearchRequest, today: date, *, keep: bool = True) -> Results:
        """The answer to a request; any text is a query. Any hit makes it a confident one.

        None is kept.
        """
        began = perf_counter()
        query = queries.parse(request.query)
        is_allowed = _filter(request, today, self._readers)
        hits = [
            hit
            for hit in word_hits(self._index, query, self._synonyms)
            if is_allowed(hit.stored[whoosh_index.CARD])
        ]
        if request.newest:
            hits.sort(key=lambda hit: hit.stored[whoosh_index.CARD]["updated"] or "", reverse=True)
        page, pages, shown = page_of(request, len(hits))
        return Results(
            query=query.raw,
            hits=tuple(map(_hit, hits[shown])),
            total=len(hits),
            relevant=len(hits),
            confident=bool(hits),
            build=self.name,
            lang=query.lang,
            page=page,
            pages=pages,
            took_ms=(perf_counter() - began) * 1000,
            facets=_facets(hits) if request.facets else {},
        )

    def suggest(
        self, start: str, lang: str, today: date, also: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Completions: titles, and the lines `also`, with a word that begins with each word."""
        wanted = tokens.plain_words(tokens.clean(start[: queries.MOST_CHARACTERS]))
        if not wanted:
            return ()
        request = SearchRequest(start, limit=20, own_lang=lang, facets=False)
        titles = [hit.title.text for hit in self.answer(request, today).hits]
        return completions(wanted, (*titles, *also))


def _filter(
    request: SearchRequest, today: date, readers: Readers
) -> Callable[[Mapping[str, Any]], bool]:
    """Whether search may show readers the article of a card today, by the filters of a request."""
    day = today.toordinal()

    def is_allowed(card: Mapping[str, Any]) -> bool:
        served = not card["flags"] & (DRAFT | UNLISTED) and card["publish"] <= day < card["expires"]
        return (
            (readers.see_all or audiences.is_among(readers.among, card.get("audience", "")))
            and (served or request.hidden)
            and (not request.lang or card["lang"] == request.lang)
            and (not request.category or card["category"] in _names(request.category))
            and (not request.tag or request.tag in card["tags"])
        )

    return is_allowed


def _names(topic: str) -> tuple[str, str]:
    """What the category of an article directly under a topic may be: its key, or its last name."""
    return topic, topic.rpartition("/")[2]


def _hit(found: WordHit) -> Hit:
    card = found.stored[whoosh_index.CARD]
    return Hit(
        slug=card["slug"],
        url=card["url"],
        title=Marked(card["title"]),
        section="",
        snippet=Marked(""),
        answer=card["answer"],
        category=card["category"],
        lang=card["lang"],
        score=found.score,
        updated=date.fromisoformat(card["updated"]) if card["updated"] else None,
        path=(title_of_name(card["category"]),) if card["category"] else (),
    )


def _facets(hits: Sequence[WordHit]) -> dict[str, tuple[FacetValue, ...]]:
    cards = [hit.stored[whoosh_index.CARD] for hit in hits]
    counts = {
        "lang": Counter(card["lang"] for card in cards),
        "category": Counter(card["category"] for card in cards if card["category"]),
        "tag": Counter(tag for card in cards for tag in card["tags"]),
    }
    return {
        name: tuple(
            FacetValue(value, count)
            for value, count in sorted(of.items(), key=lambda each: (-each[1], each[0]))
        )
        for name, of in counts.items()
    }
