"""What letters, order and nearness add to a candidate equals what a slow plain reader counts.

By numpy and by C alike.
"""

import math
import random
from collections import Counter

import bases
import needs
import numpy as np
import pytest

from kb.index.document import Kind
from kb.index.ngrams import SIZE
from kb.index.schema import K1, B
from kb.language import morphology, query_words
from kb.language import query as queries
from kb.ranking import confidence, rerank
from kb.ranking.kernels.c_kernel import CKernel, library
from kb.ranking.kernels.numpy_kernel import NumpyKernel
from kb.ranking.lookup import content_terms
from kb.ranking.matching import NO_GRAMS, Matches
from kb.ranking.passages import BLOCK


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return bases.made_up(tmp_path_factory.mktemp("base"), seed=11)


@pytest.fixture(params=["numpy", "C"])
def kernel(request, base):
    corpus = base.catalog().reader.corpus
    if request.param == "numpy":
        return NumpyKernel(corpus)
    return CKernel(
        library() or needs.unavailable("no C compiler was there at installation"), corpus
    )


class Read:
    """The content words of an article, part by part, as one reads them."""

    def __init__(self, article):
        bounds = [*article.first_token.tolist(), len(article.words)]
        parts = {0: [], 1: [], 2: []}  # title, answered questions, all else
        # Headings and answered questions: words, how many are asked for, whether it is a claim.
        self.lines = []
        for i, kind in enumerate(article.kinds.tolist()):
            if kind == Kind.TAGS:
                continue
            content = [
                at
                for at in range(bounds[i], bounds[i + 1])
                if article.words[at] not in query_words.STOP
            ]
            words = [article.words[at] for at in content]
            parts[0 if kind == Kind.TITLE else 1 if kind == Kind.ANSWERS else 2] += words
            if kind in (Kind.HEADING, Kind.ANSWERS):
                asked = sum(not article.extras[at] for at in content)
                self.lines.append((words, asked, kind == Kind.ANSWERS))
        self.title = parts[0]
        self.parts = list(parts.values())
        self.words = [word for part in self.parts for word in part]


def grams(word):
    """The character 4-grams of a word with its borders."""
    bordered = f"_{word}_"
    return {bordered[at : at + SIZE] for at in range(len(bordered) - SIZE + 1)}


def norms(lengths):
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    return [K1 * (1 - B + B * length / average) for length in lengths]


class Reader:
    """All articles of a base, and the parts of their scores counted one by one."""

    def __init__(self, corpus):
        (segment,) = corpus.segments
        self.articles = [Read(segment.restore(doc)) for doc in range(segment.size)]
        self.vocabulary = set(segment.words)
        self.frequency = Counter()
        for article in self.articles:
            self.frequency.update(set().union(*map(grams, article.words)) if article.words else ())

    def worth(self, sought):
        """What each gram of the query counts."""
        weights = {word: weight for word, weight, _ in sought}
        found = Counter()
        for word, weight in weights.items():
            for gram in grams(word):
                if self.frequency[gram]:
                    found[gram] += weight
        count = len(self.articles)
        return {g: w * (math.log(count / (self.frequency[g] + 1)) + 1) for g, w in found.items()}

    def letters(self, words, norm, worth):
        tf = Counter(gram for word in words for gram in grams(word) if gram in worth)
        return sum(worth[g] * (K1 + 1) * n / (n + norm) for g, n in tf.items())

    def content(self, doc, sought):
        norm = norms([len(article.words) for article in self.articles])[doc]
        return rerank.BODY * self.letters(self.articles[doc].words, norm, self.worth(sought))

    def title(self, doc, sought):
        norm = norms([len(article.title) for article in self.articles])[doc]
        return rerank.TITLE * self.letters(self.articles[doc].title, norm, self.worth(sought))

    def line(self, doc, sought):
        every = [(i, line) for i, article in enumerate(self.articles) for line in article.lines]
        norm = norms([length for _, (_, length, _) in every])
        worth = self.worth(sought)
        best = 0.0
        for at, (i, (words, length, is_claim)) in enumerate(every):
            if i != doc or not words:
                continue
            found = rerank.LINE * self.letters(words, norm[at], worth)
            asked = set().union(*(grams(word) for word, _, _ in sought))
            held = set().union(*map(grams, words))
            if is_claim and length == len(sought) and asked <= held:
                found += rerank.CLAIM * (K1 + 1) * sum(worth.values())
            best = max(best, found)
        return best

    @staticmethod
    def forms(word, sought):
        """Which words of the query a word of an article is a form of; the last may go on."""
        found = [
            i for i, (_, _, lemmas) in enumerate(sought) if lemmas & set(morphology.lemmas(word))
        ]
        last = len(sought) - 1
        if last not in found and word.startswith(sought[last][0]):
            found.append(last)
        return found

    def place(self, doc, sought, query_weights):
        article = self.articles[doc]
        blocks = {}
        at = -len(article.title)
        for number, part in enumerate(article.parts):
            if number and part and any(article.parts[:number]):
                at += 2  # two places without a word stand between parts
            for word in part:
                block = "title" if number == 0 else at // BLOCK
                blocks.setdefault(block, set()).update(self.forms(word, sought))
                at += 1
        return max(
            (
                sum(query_weights[i] for i in held | blocks.get("title", set())
                    | (blocks.get(block + 1, set()) if block != "title" else set()))
                for block, held in blocks.items()
            ),
            default=0.0,
        )  # fmt: skip


def asked_of(corpus, ranker, raw):
    """A query as the ranker sees it: what is sought, and the same for the slow reader."""
    asked = ranker.lookup.query_terms(queries.parse(raw))
    sought = content_terms(asked)
    plain = [(each.text, each.weight, set(morphology.lemmas(each.text))) for each in sought]
    return asked, sought, plain


def questions(count):
    """Words of the base, two to six at a time, none of them twice."""
    rng = random.Random(5)
    for _ in range(count):
        yield " ".join(rng.sample(bases.WORDS, rng.randint(2, 6)))


def rescored(kernel, sought, docs, scores=None):
    scores = np.zeros(len(docs), np.float32) if scores is None else scores
    weights = confidence.query_weights(sought).rows
    return kernel.rescored(kernel.prepared(sought), docs, scores, None, weights)


@pytest.mark.parametrize("part", ["content", "title", "line"])
def test_letters_count_as_a_slow_reader_counts_them(base, kernel, part):
    opened = base.catalog()
    corpus, ranker = opened.reader.corpus, opened.searcher._ranker
    reader = Reader(corpus)
    docs = np.arange(min(corpus.size, rerank.LINE_CANDIDATES), dtype=np.int32)
    some = 0
    for raw in questions(40):
        asked, sought, plain = asked_of(corpus, ranker, raw)
        found = rescored(kernel, sought, docs, ranker.engine.word_scores(asked)[docs]).parts[part]
        expected = [getattr(reader, part)(doc, plain) for doc in docs.tolist()]
        some += sum(value > 0 for value in expected)

        assert found == pytest.approx(expected, rel=1e-4, abs=1e-4), raw
    assert some > 100


def test_a_place_holds_what_a_slow_reader_finds_there(base, kernel):
    opened = base.catalog()
    corpus, ranker = opened.reader.corpus, opened.searcher._ranker
    reader = Reader(corpus)
    docs = np.arange(corpus.size, dtype=np.int32)
    some = 0
    for raw in questions(40):
        _, sought, plain = asked_of(corpus, ranker, raw)
        if any(each.term.synonyms for each in sought):
            continue  # synonyms count in part: another reader's business
        query_weights = [each.query_weight for each in sought]
        lemmas = [each for _, _, each in plain]
        if any(a & b for i, a in enumerate(lemmas) for b in lemmas[:i]) or any(
            word.startswith(plain[-1][0]) for word, _, _ in plain[:-1]
        ):
            continue  # which of two words a form is of is a rule of its own
        expected = [reader.place(doc, plain, query_weights) for doc in docs.tolist()]
        some += sum(value > 0 for value in expected)

        coverage = rescored(kernel, sought, docs).coverage[0]
        assert coverage == pytest.approx(expected, rel=1e-4, abs=1e-4), raw
    assert some > 100


def test_pairs_count_as_a_slow_reader_counts_them(base, kernel):
    opened = base.catalog()
    corpus, ranker = opened.reader.corpus, opened.searcher._ranker
    (segment,) = corpus.segments
    docs = np.arange(corpus.size, dtype=np.int32)
    for raw in questions(40):
        _, sought, _ = asked_of(corpus, ranker, raw)
        matches = Matches(corpus, NumpyKernel(corpus).prepared(sought), NO_GRAMS, docs)
        found = rescored(kernel, sought, docs).parts["order"]
        pairs = [Counter() for _ in docs]
        for doc in docs.tolist():
            low, high = segment.arrays["content.ptr"][doc : doc + 2].tolist()
            stream = segment.arrays["content.words"][low:high].tolist()
            at = [(place, matches.word[i]) for place, i in held(matches, doc, low)]
            for i, (place, word) in enumerate(at):
                for other_place, other in at[i + 1 : i + 3]:
                    if other_place - place <= 2 and 1 <= other - word <= 2:
                        pairs[doc][word, other] += 1
            assert len(stream) >= len(at)
        df = Counter(pair for each in pairs for pair in each)
        length = corpus.segments[0].arrays["content.length"].tolist()
        norm = norms(length)
        expected = [
            sum(
                rerank.PAIRS * (K1 + 1) * (math.log(corpus.count / (df[pair] + 1)) + 1)
                * n / (n + norm[doc])
                for pair, n in pairs[doc].items()
            )
            for doc in docs.tolist()
        ]  # fmt: skip

        assert found == pytest.approx(expected, rel=1e-3, abs=1e-3), raw


def held(matches, doc, low):
    """The forms of query words in an article: place in its content, number among the matches."""
    here = np.flatnonzero((matches.unit == doc) & matches.is_form).tolist()
    return [(int(matches.place[i]) - low, i) for i in here]
