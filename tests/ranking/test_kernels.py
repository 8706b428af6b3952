"""The arithmetic in C is that of numpy: on made-up and real bases, builds of parts, and damage."""

import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import bases
import damage
import needs
import numpy as np
import pytest

from hatch_build import compiled
from kb.base.errors import IndexDamaged
from kb.index import ngrams
from kb.index.document import Kind
from kb.language import query as queries
from kb.language.synonyms import Synonyms
from kb.ranking import snippets
from kb.ranking.kernels import c_kernel, structs
from kb.ranking.kernels.c_kernel import CKernel
from kb.ranking.kernels.numpy_kernel import NumpyKernel
from kb.ranking.ranker import Ranker

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def library():
    return c_kernel.library() or needs.unavailable("no C compiler was there at installation")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return bases.made_up(tmp_path_factory.mktemp("whole"), seed=21, files=True)


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    """A base whose build has a delta, replaced articles and removed ones."""
    folder = tmp_path_factory.mktemp("parted")
    bases.made_up(folder, count=120, seed=22, files=True)
    files = sorted((folder / "articles").rglob("*.md"))
    rng = random.Random(23)
    for path in files[:4]:
        path.write_text(bases.article(rng), "utf-8")
    files[5].unlink()
    base = bases.published(folder)
    corpus = base.catalog().reader.corpus
    assert len(corpus.segments) > 1
    assert not corpus.live.all()
    return base


def rankers(base, library):
    opened = base.catalog()
    corpus, own = opened.reader.corpus, opened.searcher._ranker
    return [
        Ranker(corpus, own.lookup.synonyms, own.chance_level, kernel)
        for kernel in (NumpyKernel(corpus), CKernel(library, corpus))
    ]


def asked_of(base, count, seed):
    return bases.strange_queries(random.Random(seed), bases.WORDS, count)


def assert_alike(base, library, asked):
    """Both give the same scores, the same order but among equals, and the same excerpts."""
    plain, fast = rankers(base, library)
    corpus = base.catalog().reader.corpus
    allowed = corpus.served(TODAY)
    some = 0
    for raw in asked:
        query = queries.parse(raw, corpus.meaning)
        one, two = (ranker.rank(query, allowed, query.lang) for ranker in (plain, fast))
        assert two.total == one.total, raw
        assert two.words == pytest.approx(one.words, abs=1e-4, rel=1e-5), raw
        assert len(two.docs) == len(one.docs), raw
        for first, second in ((one, two), (two, one)):  # of equals, either may be a candidate
            missing = np.setdiff1d(first.docs, second.docs)
            if len(missing):
                favoured = first.words[missing]
                assert favoured == pytest.approx(favoured[0], rel=1e-5), raw
        if set(one.docs.tolist()) != set(two.docs.tolist()):
            continue
        assert two.scores == pytest.approx(one.scores, abs=2e-3, rel=1e-4), raw
        assert two.confident == one.confident, raw
        docs = one.docs[:10].tolist()
        assert fast.excerpts(two, docs) == plain.excerpts(one, docs), raw
        some += bool(docs)
    return some


def test_made_up_articles_rank_alike(whole, library):
    assert assert_alike(whole, library, asked_of(whole, 300, 1)) > 150


def test_builds_of_several_parts_rank_alike(parted, library):
    assert assert_alike(parted, library, asked_of(parted, 300, 2)) > 150


@pytest.mark.shared
def test_real_articles_rank_alike(shared_data, tmp_path, library):
    base = bases.sampled(shared_data / "articles" / "dynamics365-bc-ru", tmp_path, 150)
    words = list(base.catalog().reader.corpus.segments[0].words)
    asked = bases.strange_queries(random.Random(3), words, 300)
    assert assert_alike(base, library, asked) > 150


def test_long_questions_of_several_sentences_rank_alike(whole, library):
    rng = random.Random(4)
    asked = [
        ". ".join(" ".join(rng.choices(bases.WORDS, k=7)) for _ in range(5)) for _ in range(40)
    ]
    assert assert_alike(whole, library, asked) == 40


def test_a_base_without_articles_answers_nothing(tmp_path, library):
    (tmp_path / "articles").mkdir()
    base = bases.published(tmp_path)
    assert assert_alike(base, library, ["пароль", "", "a b c"]) == 0


def test_threads_do_not_disturb_one_another(parted, library):
    """C runs without the interpreter's lock, so each thread needs tables of its own."""
    corpus = parted.catalog().reader.corpus
    ranker = Ranker(corpus, Synonyms(), 0.6, CKernel(library, corpus))
    asked = [queries.parse(raw) for raw in asked_of(parted, 150, 10)]

    def answers(order):
        found = {}
        for at in order:
            ranked = ranker.rank(asked[at], corpus.live, "ru")
            docs = ranked.docs[:10].tolist()
            found[at] = docs, ranked.scores.tolist(), ranker.excerpts(ranked, docs)
        return found

    alone = answers(range(len(asked)))
    orders = [random.Random(seed).sample(range(len(asked)), len(asked)) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(answers, orders):
            assert found == alone


def test_candidates_are_the_best_by_slow_sorting(whole, library):
    corpus = whole.catalog().reader.corpus
    chance = np.random.default_rng(5)
    for _ in range(200):
        words = chance.choice(np.linspace(0, 9, 12, dtype=np.float32), corpus.size)
        allowed = chance.random(corpus.size) < 0.9
        favour = chance.choice(np.array([1.0, 1.15], np.float32), corpus.size)
        docs, total = CKernel(library, corpus).candidates(words.copy(), allowed, favour)
        scores = words * allowed * favour
        ranked = sorted(range(corpus.size), key=lambda doc: (-scores[doc], doc))
        near = np.count_nonzero(scores >= np.float32(0.6) * scores.max())
        positive = np.count_nonzero(scores)
        wanted = min(max(near, 30), 200, positive)
        assert docs.tolist() == sorted(ranked[:wanted])
        assert total == positive


@pytest.mark.parametrize("name", ["numpy", "C"])
def test_the_best_are_found_by_slow_sorting(whole, library, name):
    corpus = whole.catalog().reader.corpus
    kernel = NumpyKernel(corpus) if name == "numpy" else CKernel(library, corpus)
    chance = np.random.default_rng(9)
    for _ in range(100):
        scores = chance.choice(np.array([0, 0, 1, 2, 3], np.float32), corpus.size)
        ranked = sorted(range(corpus.size), key=lambda doc: (-scores[doc], doc))
        for most in (0, 1, 10, corpus.size + 5):
            expected = [doc for doc in ranked[:most] if scores[doc] > 0]
            assert kernel.best_hits(scores, most).tolist() == expected


@pytest.mark.parametrize(
    "name",
    ["content.words", "content.ptr", "content.line", "content.token",
     "grams.words", "grams.ptr", "regions.ptr", "regions.token", "regions.byte", "tokens.ptr",
     "tokens.start", "tokens.end", "texts.ptr", "surface.text.ptr", "surface.text.docs",
     "field.text.ptr", "field.text.docs", "lemma_words.ptr", "lemma_words.ids"],
)  # fmt: skip
def test_numbers_that_point_nowhere_end_in_an_error(whole, library, name):
    """The builds' checksums keep these out; memory is not read at random if one comes through."""
    corpus = whole.catalog().reader.corpus
    (segment,) = corpus.segments
    before = segment.arrays[name]
    chance = np.random.default_rng(6)
    refused = 0
    try:
        for value in (-1, 1 << 30, before.max() + 1):
            damaged = before.copy()
            damaged[chance.random(len(damaged)) < 0.5] = np.array(value).astype(before.dtype)
            segment.arrays[name] = damaged
            ranker = Ranker(corpus, Synonyms(), 0.6, CKernel(library, corpus))
            for raw in asked_of(whole, 30, 7):
                query = queries.parse(raw)
                try:
                    ranked = ranker.rank(query, corpus.live, query.lang)
                    ranker.excerpts(ranked, ranked.docs[:10].tolist())
                except IndexDamaged:
                    refused += 1
                assert not any(table.any() for table in (s.rows() for s in corpus.segments))
    finally:
        segment.arrays[name] = before
    assert refused


def test_the_structs_in_c_are_those_of_the_table():
    """The compiler asserts the offset of each member that Python packs."""
    source = structs.SOURCE.read_text("utf-8")
    assert source == structs.generated(source), "run `structs.write()`"
    assert structs.packer("Query").size == 80
    assert "_Static_assert(offsetof(Query, tables) == 72" in source


def test_a_member_more_in_the_table_is_one_more_in_c(monkeypatch):
    source = structs.SOURCE.read_text("utf-8")
    more = {**structs.STRUCTS, "Place": (*structs.STRUCTS["Place"], ("double", "weight"))}
    monkeypatch.setattr(structs, "STRUCTS", more)

    made = structs.generated(source)

    assert "    double weight;\n} Place;" in made
    assert "_Static_assert(sizeof(Place) == 24" in made
    assert structs.packer("Place").size == 24


def test_an_array_of_other_numbers_is_refused(whole, library):
    corpus = whole.catalog().reader.corpus
    (segment,) = corpus.segments
    before = dict(segment.arrays)
    try:
        for name in structs.ARRAYS.keys() - {"scores", "grams.df"}:
            segment.arrays[name] = before[name].astype(np.float64)
            with pytest.raises(IndexDamaged, match="other numbers"):
                CKernel(library, corpus)
            segment.arrays[name] = before[name]
    finally:
        segment.arrays.update(before)


def test_both_count_alike():
    """Numbers that C needs when it is compiled are those of Python."""
    said = dict(re.findall(r"\b([A-Z_]+) = (\d+)", c_kernel.SOURCE.read_text("utf-8")))
    assert int(said["MOST_WORDS"]) == queries.MOST_WORDS
    assert int(said["MOST_MARKS"]) == snippets.MOST
    assert int(said["GRAM"]) == ngrams.SIZE
    assert (int(said["HEADING"]), int(said["BODY"])) == (Kind.HEADING, Kind.BODY)


def test_a_library_of_another_source_is_not_used(tmp_path, monkeypatch, library):
    monkeypatch.setattr(c_kernel, "SEAL", c_kernel.SEAL ^ 1)
    assert c_kernel.library.__wrapped__() is None
    monkeypatch.setattr(c_kernel, "LIBRARY", tmp_path / "none.so")
    assert c_kernel.library.__wrapped__() is None


def test_an_installation_without_a_compiler_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert compiled(c_kernel.SOURCE, tmp_path / "x.so").startswith("no C compiler: ")
    monkeypatch.setenv("CC", f"{sys.executable} -c 'raise SystemExit(3)'")
    assert "failed: 3" in compiled(c_kernel.SOURCE, tmp_path / "x.so")
    assert not list(tmp_path.iterdir())


def test_a_library_that_is_not_whole_is_not_loaded(tmp_path, monkeypatch, library, caplog):
    """Its pages behind the end of the file would end the process with SIGBUS."""
    part = tmp_path / "libnative.so"
    whole = c_kernel.LIBRARY.read_bytes()
    checksum = c_kernel.LIBRARY.with_suffix(".crc").read_bytes()
    monkeypatch.setattr(c_kernel, "LIBRARY", part)
    for content in (whole[: len(whole) // 2], whole[:-1], b"", whole[:-1] + b"\0", whole + b"\0"):
        part.write_bytes(content)
        part.with_suffix(".crc").write_bytes(checksum)
        if content != whole:
            assert c_kernel.library.__wrapped__() is None
    part.write_bytes(whole)
    assert c_kernel.library.__wrapped__() is not None
    part.with_suffix(".crc").unlink()
    assert c_kernel.library.__wrapped__() is None  # compiled by who knows whom

    said = {record.getMessage() for record in caplog.records}
    assert len(said) == 1
    assert str(part) in said.pop()


def test_search_goes_on_with_a_truncated_library_and_one_line_says_so(tmp_path, kb, write, library):
    """A process of its own, as an operator would see it."""
    write("ru/vpn", "Текст.", title="Настройка VPN")
    kb.rebuild()
    part = tmp_path / "libnative.so"
    part.write_bytes(c_kernel.LIBRARY.read_bytes()[:5000])
    part.with_suffix(".crc").write_bytes(c_kernel.LIBRARY.with_suffix(".crc").read_bytes())
    folders = ["--articles", str(kb.settings.articles), "--data", str(kb.settings.data)]

    done = subprocess.run(
        [sys.executable, "-c", _TRUNCATED, str(part), "search", "vpn", *folders],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "Настройка VPN" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "search is slower in numpy" in done.stderr


_TRUNCATED = """
import sys
from pathlib import Path
from kb.ranking.kernels import c_kernel
c_kernel.LIBRARY = Path(sys.argv.pop(1))
from kb.cli import main
main()
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A library that watches every access, and the environment it needs."""
    made = damage.watched(tmp_path_factory.mktemp("watched"))
    if isinstance(made, str):
        needs.unavailable(made, always_optional=True)
    return made


@pytest.mark.slow
def test_memory_is_used_as_it_should_be(tmp_path, library, watched):
    """The comparison above once more, with a library that watches every access."""
    file, environment = watched
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, str(file), str(tmp_path / "base")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 100


@pytest.mark.slow
def test_damaged_arrays_make_it_read_nothing_else(tmp_path, library, watched):
    """`tests/reliability/kernel.py` runs thousands of these trials."""
    assert list(damage.findings(*watched, tmp_path, trials=500)) == []


@pytest.mark.slow
def test_the_trials_find_what_is_wrong(tmp_path, library):
    """The comparison that wrapped, put back: it was found in 9 of 1,303 trials."""
    source = c_kernel.SOURCE.read_text("utf-8")
    sound = "return 0 <= from && from <= to && to <= count;"
    assert source.count(sound) == 1
    (tmp_path / "native.c").write_text(
        source.replace(sound, "return 0 <= from && from + (to - from) <= count;"), "utf-8"
    )
    made = damage.watched(tmp_path, tmp_path / "native.c")
    if isinstance(made, str):
        needs.unavailable(made, always_optional=True)

    assert next(damage.findings(*made, tmp_path, trials=500), None) is not None


_WATCHED = """
import random, sys
from pathlib import Path
from kb.ranking.kernels import c_kernel
c_kernel.LIBRARY = Path(sys.argv[1])
import bases, test_kernels
base = bases.made_up(Path(sys.argv[2]), seed=21)
print(test_kernels.assert_alike(base, c_kernel.library(), test_kernels.asked_of(base, 250, 8)))
"""
