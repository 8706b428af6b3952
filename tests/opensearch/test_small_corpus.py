"""Blobs and the small corpus made of them give what the whole corpus gives."""

import random
import zlib
from datetime import date

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


@pytest.fixture(scope="module")
def searcher(tmp_path_factory):
    """A made-up base of two segments with articles that are superseded."""
    base = bases.made_up(tmp_path_factory.mktemp("base"), count=60, seed=9, files=True)
    changed = sorted(base.settings.articles.rglob("*.md"))[::30]
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

            words = blobs.unpack_words(ranked)
            text = blobs.unpack_text(segment, words, shown)

            whole, get = segment.restore(doc), segment.words.__getitem__
            assert [get(word) for word in words.words.tolist()] == whole.words
            for found, expected in (
                (words.extra, whole.extras), (words.kind, whole.kinds),
                (words.token, whole.first_token), (text.start, whole.starts),
                (text.end, whole.ends), (text.section, whole.of_section),
                (text.byte, whole.first_byte),
            ):  # fmt: skip
                assert np.array_equal(found, expected)
            assert text.text.decode() == whole.text


def test_what_is_no_blob_is_named(searcher):
    segment = searcher.reader.corpus.segments[0]
    rng = random.Random(2)
    blob, shown = blobs.pack(segment, 0)
    words = blobs.unpack_words(blob)
    for _ in range(300):
        broken = bytearray(blob)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        for cut in (bytes(broken), blob[: rng.randrange(len(blob))]):
            try:
                found = blobs.unpack_words(cut)
            except ValueError:
                continue
            assert len(found.words) < 1 << 20  # another article, perhaps
    with pytest.raises(ValueError, match="another article"):
        blobs.unpack_text(segment, words._replace(words=words.words[:-1]), shown)
    with pytest.raises(ValueError, match="no blob"):
        blobs.unpack_words(zlib.compress(b"something else"))


def test_an_article_beyond_bounds_is_cut(searcher, monkeypatch):
    segment = searcher.reader.corpus.segments[0]
    doc = int(np.argmax(np.diff(segment.arrays["tokens.ptr"])))
    monkeypatch.setattr(blobs, "MOST_TOKENS", 20)

    ranked, shown = blobs.pack(segment, doc)

    words = blobs.unpack_words(ranked)
    text = blobs.unpack_text(segment, words, shown)
    assert len(words.words) == 20
    assert segment.blob("texts", doc).startswith(text.text[:-1])
    assert text.end.max() <= len(text.text)


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
    for _ in range(60):
        query = queries.parse(bases.line(rng, 5), corpus.meaning, corpus.knows)
        words = ranker.word_scores(query)
        docs = np.sort(best_hits(words, BEST))
        chosen = np.zeros(corpus.size, bool)
        chosen[docs] = True
        packed = [blobs.pack(*corpus.locate(int(doc))) for doc in docs]
        held = [blobs.unpack_words(each) for each, _ in packed]

        small = SmallCorpus(light, docs, held, (), prefixes_of(corpus, query))
        close = small_ranker(small, synonyms, searcher.reader.level)
        found = close.rank(query, np.ones(len(docs), bool), "ru")

        expected = ranker.rank(query, chosen, "ru")
        assert close.word_scores(query) == pytest.approx(words[docs], abs=1e-3)
        assert docs[found.docs].tolist() == expected.docs.tolist(), query.raw
        assert found.scores == pytest.approx(expected.scores, abs=1e-3)
        assert found.margin == pytest.approx(expected.margin, rel=0.02)
        shown = np.sort(docs[found.docs[:5]])
        at = [docs.tolist().index(doc) for doc in shown]
        texts = [
            blobs.unpack_text(corpus.locate(int(docs[i]))[0], held[i], packed[i][1]) for i in at
        ]
        few = SmallCorpus(light, shown, [held[i] for i in at], texts)
        cut = small_kernel(few).excerpts(found.prepared, range(len(shown)))
        assert cut == ranker.excerpts(expected, shown.tolist())
        asked += len(docs) > 5
    assert asked > 30


def test_served_articles_of_a_light_corpus_are_those_of_the_whole(searcher, light):
    today = date(2026, 11, 29)

    assert np.array_equal(light.served(today), searcher.reader.corpus.served(today))
