"""Blobs and the small corpus made of them give what the whole corpus gives."""

import random
import zlib
from collections import Counter
from contextlib import suppress
from datetime import date
from functools import cache

import bases
import numpy as np
import pytest

from kb.base.audiences import STRANGERS, members
from kb.index.arrays import read_arrays
from kb.index.corpus import PREFIX_FIELDS
from kb.index.counts import COUNTS, Counts, LightCorpus, write_counts
from kb.language import query as queries
from kb.opensearch import blobs
from kb.opensearch.small_corpus import SmallCorpus
from kb.opensearch.small_ranker import small_kernel, small_ranker
from kb.ranking.rerank import best_hits

BEST = 25


@pytest.fixture(scope="module", params=["ordinary", "long"])
def searcher(request, tmp_path_factory):
    """A made-up base of two segments with articles that are superseded; or with long ones, too."""
    folder = tmp_path_factory.mktemp("base")
    if request.param == "long":
        bases.long_articles(folder / "articles")
    base = bases.made_up(folder, count=60, seed=9, files=True)
    changed = sorted(base.settings.articles.rglob("0*.md"))[::30]
    for number, path in enumerate(changed):
        path.write_text(bases.article(random.Random(500 + number)), "utf-8")
    base.rebuild()
    found = base.catalog().searcher
    assert len(found.reader.corpus.segments) == 2
    return found


def light_of(corpus, folder):
    write_counts(folder, corpus)
    deleted = [
        np.flatnonzero(~corpus.live[low:high]).astype(np.int32)
        for low, high in zip(corpus.bases, corpus.bases[1:], strict=False)
    ]
    return LightCorpus(corpus.segments, deleted, Counts(read_arrays(folder / COUNTS)))


@pytest.fixture(scope="module")
def light(searcher, tmp_path_factory):
    return light_of(searcher.reader.corpus, tmp_path_factory.mktemp("counts"))


def test_a_blob_holds_the_article(searcher):
    for segment in searcher.reader.corpus.segments:
        for doc in range(segment.size):
            ranked, shown = blobs.pack(segment, doc)

            words = blobs.unpack_words(segment, ranked)
            text = blobs.unpack_text(segment, words, shown)

            whole, get = segment.restore(doc), segment.words.__getitem__
            if len(words.tail.words):
                continue
            assert [get(word) for word in words.words.tolist()] == whole.words
            for found, expected in (
                (words.extra, whole.extras), (words.kind, whole.kinds),
                (words.token, whole.first_token), (text.start, whole.starts),
                (text.end, whole.ends), (text.section, whole.of_section),
                (text.byte, whole.first_byte),
            ):  # fmt: skip
                assert np.array_equal(found, expected)
            assert text.text.decode() == whole.text


def test_of_a_long_article_other_words_are_counted(searcher):
    cut = long = 0
    for segment in searcher.reader.corpus.segments:
        long += np.count_nonzero(np.diff(segment.arrays["tokens.ptr"]) > 15_000)
        for doc in range(segment.size):
            ranked, shown = blobs.pack(segment, doc)

            words = blobs.unpack_words(segment, ranked)
            text = blobs.unpack_text(segment, words, shown)

            whole, get = segment.restore(doc), segment.words.__getitem__
            held = np.bincount(words.words, minlength=len(segment.words))
            np.add.at(held, words.tail.words, words.tail.times)
            counted = Counter({get(word): int(n) for word, n in enumerate(held) if n})
            assert counted == Counter(whole.words)
            assert len(words.kind) == len(whole.kinds)
            if not len(words.tail.words):
                continue
            cut += 1
            assert whole.text.encode().startswith(text.text[:-1])
            assert text.byte.max() <= len(text.text)
            stored = segment.blob("texts", doc)
            for word, start, end in zip(words.words, text.start, text.end, strict=True):
                assert stored[start:end] == text.text[start:end] != b"", word
    assert cut == long


def test_what_is_no_blob_is_named(searcher):
    segment, other = searcher.reader.corpus.segments
    rng = random.Random(2)
    blob, shown = blobs.pack(segment, 0)
    words = blobs.unpack_words(segment, blob)
    for _ in range(300):
        broken = bytearray(blob)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        for cut in (bytes(broken), blob[: rng.randrange(len(blob))]):
            with suppress(ValueError):
                found = blobs.unpack_words(segment, cut)  # a bit that says nothing
                assert all(map(np.array_equal, found[:-1], words[:-1]))
    for of, wrong, told in (
        (other, blob, "another segment"), (segment, shown, "another format"),
        (segment, zlib.compress(b"something else"), "no blob"), (segment, b"", "no blob"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=told):
            blobs.unpack_words(of, wrong)
    with pytest.raises(ValueError, match="another article"):
        blobs.unpack_text(segment, words._replace(words=words.words[:-1]), shown)


# ---------------------------------------------------------------- statistics


def test_the_statistics_of_a_light_corpus_are_those_of_the_whole(searcher, light):
    same_statistics(light, searcher.reader.corpus)


def same_statistics(light, corpus):
    assert light.count == corpus.count
    assert {name: norms.tolist() for name, norms in light.norms.items()} == {
        name: norms.tolist() for name, norms in corpus.norms.items()
    }
    for number, segment in enumerate(corpus.segments):
        assert np.array_equal(light.gram_frequencies(number), corpus.gram_frequencies(number))
        known = corpus.frequencies(number)
        for place in range(len(segment.words)):
            assert light.frequencies(number)[place] == known[place]
        for lemma in segment.lemmas:
            assert light.frequency(light.lemma_ids(lemma)) == corpus.frequency(
                corpus.lemma_ids(lemma)
            ), lemma
    for word in bases.WORDS:
        for end in range(1, len(word)):
            start = word[:end].casefold()
            assert light.begins(start) == corpus.begins(start)
            ranges, ids = corpus.prefix_ranges(start), corpus.lemma_ids(start)
            assert light.has_longer_words(ranges, ids) == corpus.has_longer_words(ranges, ids)


def test_readers_have_the_statistics_of_what_they_may_see(kb, write, tmp_path):
    for number in range(6):
        write(f"ru/open{number}", f"Пароль {number} и вход.", title=f"Пароль {number}")
        write(f"ru/in{number}", f"Шифр {number} и пароль.", title="Шифр", audience=["staff"])
        write(f"ru/vip{number}", "Скидка и пароль.", title="Скидка", audience=["vip", "staff"])
    kb.rebuild()
    write("ru/in0", "Шифр другой.", title="Шифр", audience=["staff"])
    kb.rebuild()
    whole = kb.catalog().reader.whole
    light = light_of(whole.corpus, tmp_path)
    for readers in (STRANGERS, members(["staff"]), members(["vip"]), members(["nobody"])):
        seen = whole.seen_by(readers).corpus

        same_statistics(light.without(whole.corpus.live & ~seen.live), seen)


# ---------------------------------------------------------------- scores


def prefixes_of(corpus, query):
    """In how many articles the longer words stand that a query asks for."""
    found = {}
    for word in query.words:
        ranges = corpus.prefix_ranges(word.text) if word.unfinished else ()
        some = [(number, low, high) for number, (low, high) in enumerate(ranges) if high > low]
        if some:
            counts = {f.name: len(corpus.postings(f.name, some, True)[0]) for f in PREFIX_FIELDS}
            found[word.text] = {**counts, "": len(corpus.prefix_impact(ranges)[0])}
    return found


def test_the_best_articles_score_as_in_the_whole_corpus(searcher, light):
    rng, corpus, ranker = random.Random(4), searcher.reader.corpus, searcher._ranker
    synonyms, asked = ranker.lookup.synonyms, 0

    @cache  # the same articles are among the best of many queries
    def blob(doc):
        return blobs.pack(*corpus.locate(doc))

    @cache
    def words_of(doc):
        return blobs.unpack_words(corpus.locate(doc)[0], blob(doc)[0])

    for _ in range(60):
        query = queries.parse(bases.line(rng, 5), corpus.meaning, corpus.knows)
        words = ranker.word_scores(query)
        docs = np.sort(best_hits(words, BEST))
        chosen = np.zeros(corpus.size, bool)
        chosen[docs] = True
        held = [words_of(doc) for doc in docs.tolist()]

        small = SmallCorpus(light, docs, held, (), prefixes_of(corpus, query))
        close = small_ranker(small, synonyms, searcher.reader.level)
        found = close.rank(query, np.ones(len(docs), bool), "ru")

        expected = ranker.rank(query, chosen, "ru")
        assert close.word_scores(query) == pytest.approx(words[docs], abs=1e-3)
        assert docs[found.docs].tolist() == expected.docs.tolist(), query.raw
        assert found.scores == pytest.approx(expected.scores, abs=1e-3)
        assert found.margin == pytest.approx(expected.margin, rel=0.02)
        shown = np.sort(docs[found.docs[:5]])
        texts = [
            blobs.unpack_text(corpus.locate(doc)[0], words_of(doc), blob(doc)[1])
            for doc in shown.tolist()
        ]
        few = SmallCorpus(light, shown, [words_of(doc) for doc in shown.tolist()], texts)
        cut = small_kernel(few).excerpts(found.prepared, range(len(shown)))
        assert cut == ranker.excerpts(expected, shown.tolist())
        asked += len(docs) > 5
    assert asked > 30


def test_served_articles_of_a_light_corpus_are_those_of_the_whole(searcher, light):
    today = date(2026, 11, 29)

    assert np.array_equal(light.served(today), searcher.reader.corpus.served(today))
