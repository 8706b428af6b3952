"""A segment gives back what it was given, article by article."""

import dataclasses
import tracemalloc
from datetime import date
from urllib.parse import unquote

import bases
import numpy as np
import pytest

from kb.content.articles import Defaults
from kb.index import ngrams, postings, rendering, segment_writer, spool, whoosh_index
from kb.index.arrays import read_arrays
from kb.index.packing import unpack
from kb.index.segment import DRAFT, UNLISTED, ranking_file
from kb.index.segment_writer import SegmentWriter
from kb.language import tokens


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A published base of made-up articles in one segment."""
    return bases.made_up(tmp_path_factory.mktemp("base"), seed=2)


@pytest.fixture(scope="module")
def segment(base):
    return base.catalog().reader.corpus.segments[0]


def analysed(settings, path):
    """The article of a file, as a build analyses it."""
    relative = str(path.relative_to(settings.articles))
    defaults = Defaults(lang=settings.lang, langs=settings.langs)
    packed, problems = rendering.prepare((relative, path.read_bytes(), defaults, False))
    assert packed is not None, problems
    return unpack(packed.data)


def test_an_article_is_restored_as_it_was_analysed(base, segment):
    files = sorted(base.settings.articles.rglob("*.md"), key=str)
    assert segment.size == len(files)

    for number, path in enumerate(files):
        doc, found = analysed(base.settings, path), segment.restore(number)
        for field in dataclasses.fields(doc):
            expected, value = getattr(doc, field.name), getattr(found, field.name)
            if isinstance(expected, np.ndarray):
                assert np.array_equal(value, expected), field.name
                assert value.dtype == expected.dtype, field.name
            else:
                assert value == expected, field.name


def test_every_token_stands_where_it_says(segment):
    for number in range(segment.size):
        doc = segment.restore(number)
        data = doc.text.encode()
        for word, start, end in zip(doc.words, doc.starts, doc.ends, strict=True):
            shown = data[start:end].decode(errors="replace")
            read = [*tokens.tokens(shown), *tokens.signs(shown)]
            assert (word, 0, len(shown)) in [token[:3] for token in read]


def test_every_region_begins_with_its_own_first_token(segment):
    for number in range(segment.size):
        doc = segment.restore(number)
        data = doc.text.encode()
        assert doc.first_byte[0] == doc.first_token[0] == 0
        for token, byte in zip(doc.first_token[1:], doc.first_byte[1:], strict=True):
            assert data[byte - 1 : byte] == b"\n"
            assert (doc.ends[:token] < byte).all()
            assert (doc.starts[token:] >= byte).all()


def test_cards_pages_and_heads_tell_of_their_article(base, segment):
    for number in range(segment.size):
        doc = segment.restore(number)
        card, page = segment.card(number), segment.page(number)
        assert (card["slug"], card["title"]) == (doc.article.slug, doc.article.title)
        assert page["html"] == doc.html
        for at, section in enumerate(doc.sections):
            title, fragment = segment.head(number, at)
            assert (title, unquote(fragment).removeprefix("#")) == (section.title, section.anchor)


def test_dates_flags_boost_and_labels_are_kept(kb, write):
    write("ru/a", draft=True, title="a", tags=["x", "y"], category="c", boost=2)
    write("ru/b", unlisted=True, title="b", publish="2030-01-02", expires="2031-01-02")
    write("en/c", title="c", updated="2024-02-03", tags=["y"])
    kb.rebuild()

    segment = kb.catalog().reader.corpus.segments[0]  # in order of paths: c, a, b
    get = segment.arrays

    assert get["flags"].tolist() == [0, DRAFT, UNLISTED]
    assert get["boost"].tolist() == [1, 2, 1]
    assert get["publish"].tolist() == [0, 0, date(2030, 1, 2).toordinal()]
    assert get["expires"][2] == date(2031, 1, 2).toordinal()
    assert get["updated"][0] == date(2024, 2, 3).toordinal()
    assert [segment.labels["langs"][code] for code in get["lang"]] == ["en", "ru", "ru"]
    ids, owners = segment.tags()
    told = [(segment.labels["tags"][tag], int(doc)) for tag, doc in zip(ids, owners, strict=True)]
    assert sorted(told) == [("x", 1), ("y", 0), ("y", 1)]


def test_the_tables_a_thread_borrows_are_zero_again(base, segment):
    for query in ("пароль вход", "ip", "не без", '"вход"'):
        base.answer(query)

    assert not segment.rows().any()


def test_an_article_of_nothing_but_a_name_is_an_article(kb, write):
    write("empty", "")
    write("marks", "!!! ??? ***")

    kb.rebuild()

    assert [card.slug for card in kb.all_cards()] == ["empty", "marks"]
    assert kb.answer("empty").hits[0].slug == "empty"  # its name is its title


def written(docs, folder, chunk, monkeypatch):
    """The arrays of a segment of these articles; of them and their postings so many at a time."""
    for module in (segment_writer, ngrams):
        monkeypatch.setattr(module, "_CHUNK", chunk)
    monkeypatch.setattr(segment_writer, "_MOST_KEYS", chunk)
    monkeypatch.setattr(postings, "_AT_ONCE", chunk)
    monkeypatch.setattr(spool, "MOST_IN_MEMORY", 1 << 16)
    monkeypatch.setattr(spool, "MOST_UNMAPPED", chunk)
    folder.mkdir()
    writer = SegmentWriter(folder)
    for doc in docs:
        writer.add(doc)
    writer.write(folder / "0.kb", whoosh_index.rounded_lengths)
    return {**read_arrays(folder / "0.kb"), **read_arrays(ranking_file(folder / "0.kb"))}


def test_articles_counted_a_few_at_a_time_are_those_counted_at_once(segment, tmp_path, monkeypatch):
    docs = [segment.restore(number) for number in range(segment.size)]
    at_once = written(docs, tmp_path / "one", 1000, monkeypatch)
    by_twos = written(docs, tmp_path / "two", 2, monkeypatch)

    assert by_twos.keys() == at_once.keys()
    for name, array in at_once.items():
        assert by_twos[name].dtype == array.dtype, name
        assert np.array_equal(by_twos[name], array), name


def test_memory_does_not_grow_with_the_length_of_the_texts(segment, tmp_path, monkeypatch):
    articles = [segment.restore(number) for number in range(segment.size)]
    doc = max(articles, key=lambda article: len(article.text))
    times = 20_000 // len(doc.words)
    long = dataclasses.replace(
        doc, text=doc.text * times, words=doc.words * times, extras=np.tile(doc.extras, times),
        **{name: np.tile(getattr(doc, name), times) for name in ("starts", "ends")},
    )  # fmt: skip

    def peak(number):
        tracemalloc.start()
        written([long] * number, tmp_path / str(number), 10, monkeypatch)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few, many = peak(20), peak(100)  # the tokens of the many take 26 MB
    assert many < 1.5 * few
