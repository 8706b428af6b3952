"""The arrays score as Whoosh does, and count as a slow reader of the articles would."""

import random
import sys
import threading
from collections import Counter

import bases
import numpy as np
import pytest
from whoosh.query import Or, Term

from kb.index import whoosh_index
from kb.index.builds import Builds
from kb.index.postings import FIELD_KINDS
from kb.index.schema import FIELDS, K1, SURFACE_FIELDS
from kb.indexer import rebuild
from kb.language import tokens
from kb.service import KnowledgeBase


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A base of made-up articles in one segment."""
    return bases.made_up(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def real(tmp_path_factory, shared_data):
    """A base of real Russian articles in one segment."""
    source = shared_data / "articles" / "dynamics365-bc-ru"
    return bases.sampled(source, tmp_path_factory.mktemp("real"), 80)


def corpus_of(kb):
    return kb.catalog().reader.corpus


def whoosh_of(kb):
    folder = Builds(kb.settings.builds).current().folder / "whoosh"
    return whoosh_index.open_dir(folder).searcher(weighting=whoosh_index.weighting())


def queries(corpus, count, seed):
    """Dictionary forms of the base, rare and frequent ones, now and then one it does not have."""
    rng = random.Random(seed)
    lemmas = corpus.segments[0].lemmas
    ptr = corpus.segments[0].arrays["field.text.ptr"]
    frequent = np.argsort(-np.diff(ptr))[:200].tolist()
    for _ in range(count):
        size = rng.choice([1, 1, 2, 3])
        places = [rng.choice(frequent) if rng.random() < 0.3 else rng.randrange(len(lemmas))
                  for _ in range(size)]  # fmt: skip
        yield list(
            dict.fromkeys([lemmas[at] for at in places] + ["нетакого"] * (rng.random() < 0.1))
        )


def ours(corpus, lemmas):
    """Every article's score, by the arrays."""
    total = np.zeros(corpus.size, np.float64)
    for lemma in lemmas:
        docs, scores = corpus.impact(corpus.lemma_ids(lemma))
        total[docs] += scores
    return total


def theirs(searcher, lemmas, size):
    """Every article's score, by Whoosh."""
    terms = [Term(field.name, lemma, boost=field.weight) for lemma in lemmas for field in FIELDS]
    total = np.zeros(size, np.float64)
    for hit in searcher.search(Or(terms), limit=None, optimize=False):
        total[hit.docnum] = hit.score
    return total


def assert_scores_equal_whooshs(kb, count):
    corpus = corpus_of(kb)
    with whoosh_of(kb) as searcher:
        for lemmas in queries(corpus, count, seed=7):
            mine, expected = ours(corpus, lemmas), theirs(searcher, lemmas, corpus.size)

            assert mine == pytest.approx(expected, abs=1e-4), lemmas
            for place, doc in enumerate(np.argsort(-expected, kind="stable")[:10].tolist()):
                own = np.sort(mine)[::-1][place]
                assert abs(own - expected[doc]) <= 1e-4, lemmas  # same top ten, ties aside


def test_scores_equal_whooshs_own_on_every_kind_of_word(small):
    assert_scores_equal_whooshs(small, 300)


@pytest.mark.shared
def test_scores_equal_whooshs_own_for_1000_queries_on_real_russian_articles(real):
    assert_scores_equal_whooshs(real, 1000)


# ---------------------------------------------------------------- a slow plain reader


def restored(corpus):
    """The articles of a base of one segment, as they were analysed."""
    segment = corpus.segments[0]
    return [segment.restore(doc) for doc in range(segment.size)]


def slow_prefix(corpus, articles, start):
    """BM25 of all words that begin with `start`, counted as one word, field by field."""
    total = np.zeros(corpus.size)
    for field in FIELDS:
        if field.name not in SURFACE_FIELDS:
            continue
        counts = [
            sum(word.startswith(start) for word in words_of(article, field.name))
            for article in articles
        ]
        frequency = sum(count > 0 for count in counts)
        for doc, count in enumerate(counts):
            if count:
                idf = np.log(len(articles) / (frequency + 1)) + 1
                norm = float(corpus.norms[field.name][doc])
                total[doc] += field.weight * idf * count * (K1 + 1) / (count + norm)
    return total


def words_of(article, field):
    """All words of a field, wholes and parts."""
    bounds = [*article.first_token.tolist(), len(article.words)]
    kinds = article.kinds.tolist()
    return [
        article.words[i]
        for j, kind in enumerate(kinds)
        if kind in FIELD_KINDS[field]
        for i in range(bounds[j], bounds[j + 1])
    ]


def test_the_beginning_of_a_word_scores_as_a_slow_reader_counts_it(small):
    corpus = corpus_of(small)
    articles = restored(corpus)
    starts = {tokens.fold(word)[:length] for word in bases.WORDS for length in (1, 2, 4)}

    for start in sorted(starts):
        docs, scores = corpus.prefix_impact(corpus.prefix_ranges(start))
        found = np.zeros(corpus.size)
        found[docs] = scores
        assert found == pytest.approx(slow_prefix(corpus, articles, start), abs=1e-4), start


def test_a_phrase_is_found_where_a_slow_reader_finds_it(small):
    corpus = corpus_of(small)
    streams = [words_and_signs(article.text) for article in restored(corpus)]
    rng = random.Random(3)
    asked = []
    for _ in range(300):
        stream = rng.choice(streams)
        at = rng.randrange(len(stream))
        asked.append(stream[at : at + rng.randint(1, 4)])
        asked.append(tokens.plain_words(bases.line(rng, 3)) or ["x"])

    for phrase in asked:
        found = np.flatnonzero(corpus.holding_phrase(phrase)).tolist()
        assert found == [doc for doc, stream in enumerate(streams) if holds(stream, phrase)], phrase


def words_and_signs(text):
    found = sorted([*tokens.tokens(text), *tokens.signs(text)], key=lambda token: token.start)
    return [token.text for token in found if not token.extra]


def holds(stream, phrase):
    size = len(phrase)
    return any(stream[at : at + size] == phrase for at in range(len(stream) - size + 1))


def test_frequencies_are_those_of_a_slow_reader(small):
    corpus = corpus_of(small)
    expected = Counter()
    for article in restored(corpus):
        for word in set(article.words):
            expected[word] += 1

    for word, frequency in expected.items():
        ranges = corpus.word_ranges(word, prefix=False)
        assert len(corpus.postings("text", ranges, surface=True)[0]) == frequency


# ---------------------------------------------------------------- live articles only


def test_statistics_count_live_articles_only(settings, write):
    for number in range(40):
        write(f"n{number:02}", "password reset " * (number % 5 + 1), title=f"Article {number}")
    rebuild(settings)
    write("n00", "something else", title="Other")
    (settings.articles / "n03.md").unlink()
    rebuild(settings)
    apart = settings.model_copy(update={"data": settings.data / "full"})
    rebuild(apart)

    deltas = corpus_of(KnowledgeBase.open(settings))
    whole = corpus_of(KnowledgeBase.open(apart))

    assert len(deltas.segments) > 1
    assert (deltas.count, whole.count) == (39, 39)
    assert deltas.size == 41
    for word in ("password", "reset", "article", "other", "els"):
        docs, scores = deltas.impact(deltas.lemma_ids(word))
        assert deltas.live[docs].all()
        assert np.sort(scores) == pytest.approx(
            np.sort(whole.impact(whole.lemma_ids(word))[1]), abs=1e-4
        )
        beginning = (
            deltas.prefix_impact(deltas.prefix_ranges(word[:3])),
            whole.prefix_impact(whole.prefix_ranges(word[:3])),
        )
        assert np.sort(beginning[0][1]) == pytest.approx(np.sort(beginning[1][1]), abs=1e-4)


def test_a_word_nobody_wrote_has_no_articles_and_is_no_error(small):
    corpus = corpus_of(small)

    for word in ("нетакого", "", "\ud800", "a" * 10_000):
        assert len(corpus.impact(corpus.lemma_ids(word))[0]) == 0
    assert len(corpus.prefix_impact(corpus.prefix_ranges("\ud800"))[0]) == 0


# ---------------------------------------------------------------- many threads


def differing_answers(kb, threads, searches):
    """How many answers of many threads differ from those of one thread."""
    rng = random.Random(9)
    asked = bases.strange_queries(rng, bases.WORDS, 200)
    settings = kb.settings
    alone = KnowledgeBase.open(settings, cached_answers=0)
    expected = [shown(alone.answer(query)) for query in asked]
    shared = KnowledgeBase.open(settings, cached_answers=20)
    wrong = []

    def work(seed):
        order = random.Random(seed)
        for _ in range(searches):
            number = order.randrange(len(asked))
            try:
                if shown(shared.answer(asked[number])) != expected[number]:
                    wrong.append(asked[number])
            except Exception as error:
                wrong.append(repr(error))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        workers = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(before)
    return wrong


def shown(results):
    return results.total, results.hits, results.correction, results.confident, results.facets


def test_threads_that_search_at_once_get_the_answers_of_one(small):
    assert differing_answers(small, threads=8, searches=60) == []
