"""Answers search requests from a cluster: its best articles by words, ranked and cut by us.

The index asked is that of the build that is open, so no answer mixes two builds.
"""

import logging
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.base.cache import Cache
from kb.base.errors import SearchUnavailable
from kb.base.messages import Message
from kb.facets import FacetValue, counted, topic_facet
from kb.index.corpus import Corpus, Docs, Scores
from kb.index.counts import LightCorpus
from kb.index.reader import IndexReader
from kb.language.lexicon import Lexicon
from kb.language.query import Query
from kb.opensearch import blobs, query_body
from kb.opensearch.blobs import Words
from kb.opensearch.client import Cluster, Refused, lines
from kb.opensearch.feeding import build_name
from kb.opensearch.mapping import TEXT, WORDS
from kb.opensearch.query_body import NOTHING, Clause, QueryBody
from kb.opensearch.small_corpus import PrefixCounts, SmallCorpus
from kb.opensearch.small_ranker import small_kernel, small_ranker
from kb.ranking import explain as explaining
from kb.ranking.ranker import Ranked, Ranker
from kb.ranking.rerank import CANDIDATES
from kb.ranking.snippets import BEGINNING, Excerpt
from kb.search import (
    CorpusLexicon,
    Results,
    Scope,
    Searcher,
    Searching,
    SearchRequest,
)

BEST, FOR_KEYSTROKES = 50, 20  # articles that are ranked by us
_SHOWN_AT_ONCE = 10  # hits of a keystroke, at most
_MOST_VALUES = 5000  # of a facet
_WHOLE = {"allow_partial_search_results": False}  # of all shards, or an error
# How rare a word is counts in all shards together; OpenSearch leaves the round out for one shard.
_SCORED = {**_WHOLE, "search_type": "dfs_query_then_fetch"}
_SAID_AGAIN = 60.0  # seconds between two lines of the log about a cluster that is gone

logger = logging.getLogger(__name__)


class _Found(NamedTuple):
    """What the cluster found for a query, and its best articles in memory."""

    docs: Docs  # of the build, ascending
    words: Mapping[int, Words]
    ranker: Ranker  # of these articles
    prepared: Any
    scoring: Clause
    filters: Sequence[Clause]
    facets: Mapping[str, Mapping[str, int]]


class ClusterSearcher(Searcher):
    """Answers from the index of a build in a cluster. Threads may share it."""

    _corpus: LightCorpus
    _needs_whole = False

    def __init__(
        self, reader: IndexReader, cached: float, cluster: Cluster, fallback: Searcher | None
    ) -> None:
        """`fallback` answers where the cluster does not; without one SearchUnavailable is raised.

        Raises IndexDamaged where the build has no counts (`kb.index.counts`).
        """
        super().__init__(reader, cached)
        self._cluster, self._fallback = cluster, fallback
        self._index = build_name(reader.name, reader.manifest)
        self._beginnings: Cache[str, PrefixCounts] = self._corpus.cache(
            self._count_beginning, 1, lambda prefix, counts: 1000
        )
        self._said = -_SAID_AGAIN
        self._damaged: set[int] = set()  # articles of which it was said

    def _corpus_of(self, reader: IndexReader) -> Corpus:
        return reader.light_corpus()

    def _lexicon_of(self, corpus: Corpus) -> Lexicon:
        assert isinstance(corpus, LightCorpus)  # noqa: S101 - made above
        return _ClusterLexicon(corpus, self._count)

    def answer(self, request: SearchRequest, today: date, *, keep: bool = True) -> Results:
        """See `Searcher.answer`. Raises SearchUnavailable where nothing answers."""
        try:
            return super().answer(request, today, keep=keep)
        except SearchUnavailable as error:
            self._tell(error)
            if self._fallback is None:
                raise
            return self._fallback.answer(request, today, keep=keep)

    def explain(
        self, query: str, slug: str | None, limit: int, today: date
    ) -> list[dict[str, Any]]:
        """See `Searcher.explain`; of the articles that the cluster finds best."""
        request = SearchRequest(query, limit=limit, exact=True)
        scope = Scope(request, today, self._allowed(request, today))
        parsed = self._parsed(scope)
        ranked = self._rank(parsed, scope, parsed.lang)
        found: _Found = ranked.prepared
        one = [] if slug is None else [self.reader.find(slug)]
        wanted = [doc for doc in one or ranked.docs[:limit].tolist() if doc in found.words]
        docs = np.searchsorted(found.docs, np.array(wanted, np.int32)).tolist()
        every = np.ones(len(found.docs), bool)
        return [
            {
                "slug": self.reader.card(int(found.docs[each.doc]))["slug"], "part": each.part,
                "term": each.term, "field": each.field, "contribution": round(each.value, 4),
            }
            for each in explaining.explain(found.ranker, parsed, every, parsed.lang, docs)
        ]  # fmt: skip

    def _tell(self, error: SearchUnavailable) -> None:
        if monotonic() - self._said >= _SAID_AGAIN:
            self._said = monotonic()
            logger.warning("%s", error)

    # ------------------------------------------------------------ asking

    def _ask(self, path: str, body: Any, **params: str | int) -> Any:
        return self._cluster.ask("POST", f"/{self._index}/{path}", body, **params)

    def _search(self, *bodies: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The answers to several searches in one request."""
        asked = [each for body in bodies for each in (_SCORED if body["size"] else _WHOLE, body)]
        found: list[dict[str, Any]] = self._ask("_msearch", lines(asked))["responses"]
        return found

    def _count(self, clause: Clause) -> int:
        """How many articles that these readers may see match a clause."""
        filters = [clause, *query_body.visible(self.reader)]
        found = self._ask("_count", {"query": {"bool": {"filter": filters}}})
        return int(found["count"])

    def _count_beginning(self, prefix: str) -> PrefixCounts:
        seen = query_body.visible(self.reader)
        body = {"size": 0, "query": NOTHING, "aggs": query_body.beginnings([prefix], seen)}
        (found,) = self._search(body)
        counts = found["aggregations"]["beginnings"]["seen"]
        return {
            name.partition(".")[2]: int(each["doc_count"])
            for name, each in counts.items()
            if name.startswith("0.")
        }

    # ------------------------------------------------------------ ranking

    @cached_property
    def _has_boosts(self) -> bool:
        return bool(np.any(self._corpus.boost != 1.0))

    def _rank(self, query: Query, scope: Scope, own: str) -> Ranked:
        """See `Searcher._rank`: of the best articles by words that the cluster finds."""
        request, body = scope.request, QueryBody(self._corpus, self._synonyms, query)
        filters = query_body.allowed(self.reader, request, scope.today)
        filters += query_body.narrowing(self._corpus, query)
        matching = body.matching()
        if matching is NOTHING or NOTHING in filters:
            return self._ranked(query, own, _Hits((), {}), 0, (NOTHING, filters, {}))
        scoring = query_body.favoured(
            body.scoring(), own, self._has_boosts, len(self._corpus.langs) > 1
        )
        is_keystroke = not request.facets and request.limit <= _SHOWN_AT_ONCE
        best = {
            "size": FOR_KEYSTROKES if is_keystroke else BEST, "track_total_hits": False,
            "stored_fields": [WORDS],
            "query": {"bool": {"must": scoring, "filter": filters}},
        }  # fmt: skip
        counting: dict[str, Any] = {
            "size": 0, "track_total_hits": True,
            "query": {"bool": {"filter": [matching, *filters]}},
        }  # fmt: skip
        if request.facets:
            counting["aggs"] = {
                name: {"terms": {"field": name, "size": _MOST_VALUES}}
                for name in ("lang", "topics", "tags")
            }
        first, counts = self._search(best, counting)
        hits = self._best_of(first["hits"]["hits"], scope.allowed)
        facets = {
            name: {bucket["key"]: int(bucket["doc_count"]) for bucket in each["buckets"]}
            for name, each in counts.get("aggregations", {}).items()
        }
        prefixes = {prefix: self._beginnings[prefix] for prefix in body.prefixes}
        return self._ranked(
            query, own, hits, int(counts["hits"]["total"]["value"]), (scoring, filters, facets),
            prefixes,
        )  # fmt: skip

    def _ranked(
        self, query: Query, own: str, hits: "_Hits", total: int,
        asked: tuple[Clause, Sequence[Clause], Mapping[str, Mapping[str, int]]],
        prefixes: Mapping[str, PrefixCounts] | None = None,
    ) -> Ranked:  # fmt: skip
        """The hits, ranked as in the whole corpus."""
        docs = np.array(hits.docs, np.int32)
        words = [hits.words[doc] for doc in hits.docs]
        small = SmallCorpus(self._corpus, docs, words, (), prefixes)
        ranker = small_ranker(small, self._synonyms, self.reader.level)
        ranked = ranker.rank(query, np.ones(len(docs), bool), own)
        scores = np.zeros(self._corpus.size, np.float32)
        scores[docs] = ranked.words
        return ranked._replace(
            docs=docs[ranked.docs], words=scores, total=max(total, ranked.total),
            prepared=_Found(docs, hits.words, ranker, ranked.prepared, *asked),
        )  # fmt: skip

    def _not_rescored(self, ranked: Ranked) -> tuple[Docs, Scores]:
        """See `Ranker.not_rescored`: the next articles in the cluster's order."""
        found: _Found = ranked.prepared
        left_out = {"terms": {"number": ranked.docs.tolist()}}
        body = {
            "size": CANDIDATES - len(ranked.docs), "track_total_hits": False,
            "stored_fields": [],
            "query": {"bool": {
                "must": found.scoring, "filter": list(found.filters), "must_not": [left_out],
            }},
        }  # fmt: skip
        (more,) = self._search(body)
        hits = more["hits"]["hits"]
        docs = np.array([int(hit["_id"]) for hit in hits], np.int32)
        scores = np.array([hit["_score"] for hit in hits], np.float32)
        return docs, np.minimum(scores, ranked.scores.min(initial=np.inf))

    def _excerpts(self, ranked: Ranked, docs: Sequence[int]) -> list[Excerpt]:
        """See `Ranker.excerpts`; the texts of the articles are fetched first."""
        found: _Found = ranked.prepared
        known = dict(found.words)
        fields = {doc: [TEXT] if doc in known else [WORDS, TEXT] for doc in sorted(set(docs))}
        asked = [{"_id": str(doc), "stored_fields": some} for doc, some in fields.items()]
        texts = {}
        for each in self._ask("_mget", {"docs": asked})["docs"]:
            doc = int(each["_id"])
            if not each.get("found"):
                raise Refused(
                    Message(
                        "OpenSearch refused: {reason}; run `kb index`",
                        reason=Message("an article is gone"),
                    ),
                    404,
                )
            with self._damage_of(doc):
                stored = each["fields"]
                if doc not in known:
                    known[doc] = self._words_of(doc, stored)
                segment, _ = self._corpus.locate(doc)
                blob = b64decode(stored[TEXT][0])
                texts[doc] = blobs.unpack_text(segment, known[doc], blob)
        ascending = sorted(texts)
        small = SmallCorpus(
            self._corpus, np.array(ascending, np.int32), [known[doc] for doc in ascending],
            [texts[doc] for doc in ascending],
        )  # fmt: skip
        shown = [doc for doc in docs if doc in texts]
        places = [ascending.index(doc) for doc in shown]
        excerpts = small_kernel(small).excerpts(found.prepared, places) if shown else ()
        by_doc = dict(zip(shown, excerpts, strict=True))
        return [by_doc.get(doc) or self._title_alone(doc) for doc in docs]

    def _title_alone(self, doc: int) -> Excerpt:
        return Excerpt(str(self.reader.card(doc)["title"]), (), BEGINNING, "", ())

    def _best_of(self, hits: Sequence[Mapping[str, Any]], allowed: NDArray[np.bool_]) -> "_Hits":
        """Those of an answer that are allowed, should the cluster know others."""
        words: dict[int, Words] = {}
        for hit in hits:
            doc = int(hit["_id"])
            if doc < len(allowed) and allowed[doc]:
                with self._damage_of(doc):
                    words[doc] = self._words_of(doc, hit["fields"])
        return _Hits(sorted(words), words)

    def _words_of(self, doc: int, stored: Mapping[str, Any]) -> Words:
        segment, _ = self._corpus.locate(doc)
        return blobs.unpack_words(segment, b64decode(stored[WORDS][0]))

    @contextmanager
    def _damage_of(self, doc: int) -> Iterator[None]:
        """Has an article left out whose blobs cannot be read, and says so once."""
        try:
            yield
        except (ValueError, LookupError, TypeError) as error:
            if doc not in self._damaged:
                self._damaged.add(doc)
                logger.warning(
                    "%s: OpenSearch holds it damaged (%s), so it stands last, or without its text;"
                    " remove the index of alias %s there and run `kb index`",
                    self.reader.card(doc)["slug"], error, self._index,
                )  # fmt: skip

    def _facets(
        self, ranked: Ranked, request: SearchRequest, lang: str
    ) -> dict[str, tuple[FacetValue, ...]]:
        """See `Searcher._facets`, as the cluster counted them."""
        found, topics = ranked.prepared.facets, self.reader.topics
        of_topic = found.get("topics", {})
        return {
            "lang": _values(found.get("lang", {})),
            "category": topic_facet(
                topics, [of_topic.get(name, 0) for name in topics.names], ranked.total,
                request.category or "", request.own_lang or lang,
            ),
            "tag": _values(found.get("tags", {})),
        }  # fmt: skip


def searching(cluster: Cluster) -> Searching:
    """What makes searchers that ask a cluster; a whole build answers where that does not."""

    def made(reader: IndexReader, cached: float) -> Searcher:
        if not reader.has_counts:  # of before the cluster was named
            return Searcher(reader, cached)
        fallback = None if reader.is_light else Searcher(reader, cached)
        return ClusterSearcher(reader, cached, cluster, fallback)

    return made


class _Hits(NamedTuple):
    """The numbers of the articles that a cluster found, ascending, and their words."""

    docs: Sequence[int]
    words: Mapping[int, Words]


def _values(counts: Mapping[str, int]) -> tuple[FacetValue, ...]:
    return counted(list(counts), list(counts.values()))


class _ClusterLexicon(CorpusLexicon):
    """A lexicon of the light build; what needs postings is asked of the cluster."""

    _corpus: LightCorpus

    def __init__(self, corpus: LightCorpus, count: Any) -> None:
        super().__init__(corpus)
        self._count = count

    def df(self, word: str) -> int:
        """See `Lexicon.df`."""
        ranges = self._corpus.word_ranges(word, prefix=False)
        return sum(int(self._corpus.frequencies(number)[low]) for number, low, _ in ranges)

    def together(self, words: Sequence[str]) -> int:
        """See `Lexicon.together`."""
        return int(self._count(query_body.together(self._corpus, words)))

    def side_by_side(self, words: Sequence[str]) -> bool:
        """See `Lexicon.side_by_side`."""
        clause = query_body.phrase(self._corpus, words)
        return clause is not NOTHING and bool(self._count(clause))
