"""A query and a corpus to articles in order, and how sure that order is. Repairs and shows nothing.

Two steps: words, beginnings of words and synonyms find the hits and the best of them; letters and
the order of words re-score only those (`rerank`). The formula and its table: `docs/ranking.md`.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb import confidence, kernels
from kb.confidence import Stops
from kb.instant import Corpus, Docs, Postings, Recent, Scores
from kb.kernels import Kernel
from kb.query import Query, Word
from kb.rerank import CANDIDATES
from kb.snippets import Excerpt
from kb.synonyms import Expansion, Phrase, Synonyms
from kb.terms import Content, Term

OWN_LANGUAGE = 1.15  # multiplies the scores of articles in the reader's own language
PREFIX = 0.8  # what a word that only begins as asked counts beside the word itself
UNSURE = 0.2  # what holding the beginning of a stop word is worth, beside another word's

_CACHED = 1_000_000  # postings of all remembered words together
_CACHED_FORMS = 1 << 14  # words that need none


class Ranked(NamedTuple):
    """The re-scored articles in order of their scores."""

    docs: Docs
    scores: Scores
    words: Scores  # of all articles, what the words alone give; above 0: a hit
    total: int  # hits
    confident: bool
    own_lang: str
    prepared: Any  # the content words, as the kernel takes them


class Alternative(NamedTuple):
    """Several words of the query, from–to, for which articles may hold other words instead."""

    start: int
    end: int
    docs: Docs
    scores: Scores


class _Asked(NamedTuple):
    """The weighty words of a query, looked up."""

    words: tuple[Word, ...]
    weights: tuple[float, ...]
    terms: tuple[Term, ...]
    alternatives: tuple[Alternative, ...]


class Ranker:
    """Ranks queries over one corpus."""

    def __init__(
        self,
        corpus: Corpus,
        synonyms: Synonyms,
        level: float = 0.6,
        kernel: Kernel | None = None,
    ) -> None:
        """`level` is how much of random words one place of this base holds (`calibrate`).

        Without a `kernel` it takes the fastest.
        """
        self.corpus = corpus
        self.level = level
        self.kernel = kernels.opened(corpus) if kernel is None else kernel
        self._synonyms = synonyms
        self._boost: Scores | None = corpus.boost if np.any(corpus.boost != 1.0) else None
        self._favours: dict[str, Scores] = {}
        if len(corpus.langs) > 1:
            for number, lang in enumerate(corpus.langs):
                own = np.where(corpus.lang == number, np.float32(OWN_LANGUAGE), np.float32(1))
                self._favours[lang] = own * corpus.boost
        self._terms: Recent[Term] = Recent(_size_of, _CACHED)
        self._in_any_form = lru_cache(_CACHED_FORMS)(self._forms)

    def rank(self, query: Query, allowed: NDArray[np.bool_], own_lang: str = "") -> Ranked:
        """The articles of `allowed` that hold a word of the query, the best of them in order."""
        asked = self.look_up(query)
        words = self.add_up(asked)
        favour = self._favours.get(own_lang, self._boost)
        docs, total = self.kernel.candidates(words, allowed, favour)
        contents = self._contents(asked)
        prepared = self.kernel.prepared(contents)
        questions = confidence.questions(contents)
        scores, order, _, held = self.kernel.rescored(
            prepared, docs, words[docs], favour, questions.masses
        )
        confident = confidence.is_enough(
            held, questions, order, self.level, _stops(asked, self.corpus.count)
        )
        return Ranked(docs[order], scores[order], words, total, confident, own_lang, prepared)

    def excerpts(self, ranked: Ranked, docs: Sequence[int]) -> list[Excerpt]:
        """Title, best section and its best passage of some articles, in their order."""
        return self.kernel.excerpts(ranked.prepared, docs)

    def behind(self, ranked: Ranked) -> tuple[Docs, Scores]:
        """The articles of the best 200 that were not re-scored, in order, and their scores."""
        favour = self._favours.get(ranked.own_lang, self._boost)
        scores = ranked.words.copy() if favour is None else ranked.words * favour
        scores[ranked.docs] = 0
        most = CANDIDATES - len(ranked.docs)
        docs = self.kernel.best(scores, most)
        return docs, np.minimum(scores[docs], ranked.scores.min(initial=np.inf))

    def share(self, query: Query) -> float:
        """How much of a question the best place of this base holds."""
        asked = self.look_up(query)
        words = self.add_up(asked)
        docs = np.sort(self.kernel.best(words, confidence.LOOKED_INTO))
        # Without their letters: places hold whole words.
        contents = [each._replace(text="") for each in self._contents(asked)]
        prepared = self.kernel.prepared(contents)
        masses = np.array([[each.mass for each in contents]], np.float32)
        found = self.kernel.rescored(prepared, docs, words[docs], None, masses)
        return confidence.share(
            found.held[0], masses[0], np.arange(len(docs)), _stops(asked, self.corpus.count)
        )

    def _contents(self, asked: _Asked) -> list[Content]:
        """The content words of the query in order; a repeated word is worth something once."""
        found: list[Content] = []
        seen: set[tuple[str, ...]] = set()
        for word, weight, term in reversed(
            list(zip(asked.words, asked.weights, asked.terms, strict=True))
        ):
            if word.is_stop:
                continue
            mass = 0.0 if word.lemmas in seen else weight * max(0.0, term.idf)
            if word.may_be_stop:
                mass *= UNSURE
            seen.add(word.lemmas)
            found.append(Content(word.text, term, weight, mass, word.sentence))
        return found[::-1]

    # ------------------------------------------------------------ words

    def look_up(self, query: Query) -> _Asked:
        """The words of the query that weigh, with their synonyms."""
        weighty = [(word, weight) for word, weight in query.weighted() if weight > 0]
        words = tuple([word for word, _ in weighty])
        found = self._synonyms.expand([word.lemmas for word in words])
        single = {each.start: each for each in found if each.end - each.start == 1}
        terms = tuple([self.term(word, single.get(place)) for place, word in enumerate(words)])
        alternatives = tuple(
            [
                self._alternative(
                    each.start, each.end, phrase, each.weight * weighty[each.start][1]
                )
                for each in found
                if each.end - each.start > 1
                for phrase in each.phrases
            ]
        )
        return _Asked(words, tuple([weight for _, weight in weighty]), terms, alternatives)

    def term(self, word: Word, synonyms: Expansion | None) -> Term:
        """A word in any form, one that begins so, or a synonym: the best score of each article."""
        if not (synonyms or word.unfinished or (word.is_stop and len(word.lemmas) > 1)):
            return self._in_any_form(word.lemmas)
        key = (f"*{word.text}" if word.unfinished else word.text, "+" if synonyms else "")
        found = self._terms.get(key)
        if found is None:
            found = self._term(word, synonyms)
            self._terms.put(key, found)
        return found

    def _forms(self, lemmas: tuple[str, ...]) -> Term:
        """A word that is its dictionary forms and nothing else."""
        by_lemma = [self.corpus.places(lemma) for lemma in lemmas]
        frequency = max(map(self.corpus.frequency, by_lemma))
        return Term(tuple(chain(*by_lemma)), self.corpus.idf(frequency), frequency)

    def _term(self, word: Word, synonyms: Expansion | None) -> Term:
        corpus = self.corpus
        known = self._in_any_form(word.lemmas)
        beginning = self.kernel.beginning(word.text) if word.unfinished else ()
        is_begun = corpus.goes_on(beginning, known.lemmas)
        if not (is_begun or synonyms or word.is_stop):
            return known
        lists = [(corpus.impact(corpus.places(lemma)), 1.0) for lemma in word.lemmas]
        frequency = known.articles
        if is_begun:
            lists.append((self.kernel.prefix(beginning), PREFIX))
            frequency = max(frequency, len(lists[-1][0][0]))
        phrases, likeness = (synonyms.phrases, synonyms.weight) if synonyms else ((), 0.0)
        lists += [(self.phrase(phrase), likeness) for phrase in phrases]
        whole = self._best_of(lists)
        count = len(whole[0])
        others = [lemma for phrase in phrases if len(phrase) == 1 for lemma in phrase[0]]
        return Term(
            known.lemmas,
            corpus.idf(frequency or min(count, corpus.count)),
            count,
            beginning if is_begun else (),
            tuple(chain.from_iterable(map(corpus.places, others))),
            likeness,
            whole,
        )

    def postings(self, term: Term) -> Postings:
        """The articles that hold a word, each with its score for the word's best form."""
        if term.whole is not None:
            return term.whole
        return self._best_of([(self.corpus.impact((place,)), 1.0) for place in term.lemmas])

    def _alternative(self, start: int, end: int, phrase: Phrase, weight: float) -> Alternative:
        docs, scores = self.phrase(phrase)
        return Alternative(start, end, docs, scores * np.float32(weight))

    def phrase(self, phrase: Phrase) -> Postings:
        """Articles that hold every word of a synonym, in any form, with the sum of their scores."""
        places = self.corpus.places
        lists = [
            self._best_of([(self.corpus.impact(places(lemma)), 1.0) for lemma in lemmas])
            for lemmas in phrase
        ]
        if len(lists) == 1:
            return lists[0]
        total = np.zeros(self.corpus.size, np.float32)
        times = np.zeros(self.corpus.size, np.int8)
        for docs, scores in lists:
            total[docs] += scores
            times[docs] += 1
        docs = (times == len(lists)).nonzero()[0].astype(np.int32)
        return docs, total[docs]

    def _best_of(self, lists: Sequence[tuple[Postings, float]]) -> Postings:
        """The union of posting lists, each article with its highest score."""
        some = [each for each in lists if len(each[0][0])]
        if len(some) == 1 and some[0][1] == 1:
            return some[0][0]
        return self.kernel.best_of(some)

    def add_up(self, asked: _Asked) -> Scores:
        """The sum over the words; where others stand for several of them, the better of the two."""
        total = self.kernel.add_up(asked.terms, asked.weights)
        for start, end in {(each.start, each.end) for each in asked.alternatives}:
            own = self.kernel.add_up(asked.terms[start:end], asked.weights[start:end])
            better = own.copy()
            for each in asked.alternatives:
                if (each.start, each.end) == (start, end):
                    better[each.docs] = np.maximum(better[each.docs], each.scores)
            total += better - own
        return total

    # ------------------------------------------------------------ why

    def explain(
        self, query: Query, allowed: NDArray[np.bool_], own_lang: str, docs: Sequence[int]
    ) -> list[tuple[int, str, str, str, float]]:
        """What some articles' scores are made of: article, part, term, field, contribution."""
        asked = self.look_up(query)
        ranked = self.rank(query, allowed, own_lang)
        words = self.add_up(asked)
        candidates = np.sort(ranked.docs)
        masses = confidence.questions(self._contents(asked)).masses
        found = self.kernel.rescored(ranked.prepared, candidates, words[candidates], None, masses)
        rows: list[tuple[int, str, str, str, float]] = []
        for doc in docs:
            place = int(np.searchsorted(candidates, doc))
            if place >= len(candidates) or candidates[place] != doc:
                continue
            rows += self._explained(doc, asked, words)
            rows += [
                (
                    doc,
                    name if name in ("order", "place") else "letters",
                    query.raw,
                    name,
                    float(part[place]),
                )
                for name, part in found.parts.items()
                if part[place] > 0
            ]
            final = float(ranked.scores[(ranked.docs == doc).nonzero()[0][0]])
            rest = final - float(found.scores[place])
            if abs(rest) > 5e-4:
                rows.append((doc, "favour", "boost, language", "", rest))
        return rows

    def _explained(
        self, doc: int, asked: _Asked, words: Scores
    ) -> Iterator[tuple[int, str, str, str, float]]:
        """The word step of one article: each word's best form, field by field."""
        told = 0.0
        for word, weight, term in zip(asked.words, asked.weights, asked.terms, strict=True):
            docs, scores = self.postings(term)
            at = int(np.searchsorted(docs, doc))
            if at >= len(docs) or docs[at] != doc:
                continue
            score = float(scores[at])
            told += weight * score
            part, name, fields = self._origin(word, doc, score)
            for field, value in fields:
                yield doc, part, name, field, weight * value
        if (rest := float(words[doc]) - told) > 5e-4:
            yield doc, "synonym", " ".join(word.text for word in asked.words), "text", rest

    def _origin(
        self, word: Word, doc: int, score: float
    ) -> tuple[str, str, list[tuple[str, float]]]:
        """Which form of a word gave an article its score, and how that is made up of fields."""
        for lemma in word.lemmas:
            fields = self.corpus.field_scores(lemma, doc)
            if fields and abs(sum(value for _, value in fields) - score) < 1e-3:
                return "word", lemma, fields
        if word.unfinished:
            fields = self.corpus.field_scores(word.text, doc, prefix=True)
            if fields and abs(sum(value for _, value in fields) * PREFIX - score) < 1e-3:
                return "beginning", word.text + "…", [(n, v * PREFIX) for n, v in fields]
        return "synonym", word.text, [("text", score)]


def _stops(asked: _Asked, count: int) -> Stops:
    """The distinct stop words of a query: how many, their worth, and what a place holds of it."""
    worth = {
        word.lemmas: (weight * max(0.0, term.idf), term.articles / max(count, 1))
        for word, weight, term in zip(asked.words, asked.weights, asked.terms, strict=True)
        if word.is_stop
    }
    masses = [mass for mass, _ in worth.values()]
    return Stops(len(worth), sum(masses), sum(mass * share for mass, share in worth.values()))


def _size_of(term: Term) -> int:
    return 64 + (len(term.whole[0]) if term.whole else 0)
