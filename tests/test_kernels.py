"""The arithmetic in C is that of numpy: on made-up and real bases, builds of parts, and damage."""

import os
import random
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import bases
import needs
import numpy as np
import pytest

from hatch_build import compiled
from kb import letters, snippets
from kb import query as queries
from kb.analysis import Kind
from kb.errors import IndexDamaged
from kb.kernels import native
from kb.kernels.native import Native
from kb.kernels.plain import Plain
from kb.ranking import Ranker
from kb.synonyms import Synonyms

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def library():
    return native.library() or needs.unavailable("no C compiler was there at installation")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return bases.made_up(tmp_path_factory.mktemp("whole"), seed=21)


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    """A base whose build has a delta, replaced articles and removed ones."""
    folder = tmp_path_factory.mktemp("parted")
    bases.made_up(folder, count=120, seed=22)
    files = sorted((folder / "articles").rglob("*.md"))
    rng = random.Random(23)
    for path in files[:4]:
        path.write_text(bases.article(rng), "utf-8")
    files[5].unlink()
    base = bases.published(folder)
    corpus = base._opened().library.corpus
    assert len(corpus.segments) > 1
    assert not corpus.live.all()
    return base


def rankers(base, library):
    opened = base._opened()
    corpus, own = opened.library.corpus, opened.searcher._ranker
    return [
        Ranker(corpus, own._synonyms, own.level, kernel)
        for kernel in (Plain(corpus), Native(library, corpus))
    ]


def asked_of(base, count, seed):
    return bases.strange_queries(random.Random(seed), bases.WORDS, count)


def assert_alike(base, library, asked):
    """Both give the same scores, the same order but among equals, and the same excerpts."""
    plain, fast = rankers(base, library)
    corpus = base._opened().library.corpus
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
    words = list(base._opened().library.corpus.segments[0].words)
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
    corpus = parted._opened().library.corpus
    ranker = Ranker(corpus, Synonyms(), kernel=Native(library, corpus))
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
    corpus = whole._opened().library.corpus
    chance = np.random.default_rng(5)
    for _ in range(200):
        words = chance.choice(np.linspace(0, 9, 12, dtype=np.float32), corpus.size)
        allowed = chance.random(corpus.size) < 0.9
        favour = chance.choice(np.array([1.0, 1.15], np.float32), corpus.size)
        docs, total = Native(library, corpus).candidates(words.copy(), allowed, favour)
        scores = words * allowed * favour
        ranked = sorted(range(corpus.size), key=lambda doc: (-scores[doc], doc))
        near = np.count_nonzero(scores >= np.float32(0.6) * scores.max())
        positive = np.count_nonzero(scores)
        wanted = min(max(near, 30), 200, positive)
        assert docs.tolist() == sorted(ranked[:wanted])
        assert total == positive


def test_the_best_are_found_by_slow_sorting(whole, library):
    corpus = whole._opened().library.corpus
    chance = np.random.default_rng(9)
    for _ in range(100):
        scores = chance.choice(np.array([0, 0, 1, 2, 3], np.float32), corpus.size)
        ranked = sorted(range(corpus.size), key=lambda doc: (-scores[doc], doc))
        for most in (0, 1, 10, corpus.size + 5):
            expected = [doc for doc in ranked[:most] if scores[doc] > 0]
            for kernel in (Plain(corpus), Native(library, corpus)):
                assert kernel.best(scores, most).tolist() == expected


def test_beginnings_are_those_of_the_sorted_words(parted, library):
    corpus = parted._opened().library.corpus
    plain, fast = Plain(corpus), Native(library, corpus)
    starts = {word[:end] for segment in corpus.segments for word in segment.words
              for end in range(len(word) + 1)}  # fmt: skip
    for start in (*starts, "\ud800", "ъъ", "\U0010ffff"):
        assert fast.beginning(start) == plain.beginning(start), start


@pytest.mark.parametrize(
    "name",
    ["content.words", "content.ptr", "content.line", "content.token",
     "grams.words", "grams.ptr", "regions.ptr", "regions.token", "regions.byte", "tokens.ptr",
     "tokens.start", "tokens.end", "texts.ptr", "surface.text.ptr", "surface.text.docs",
     "field.text.ptr", "field.text.docs", "lemma_words.ptr", "lemma_words.ids", "words.offsets"],
)  # fmt: skip
def test_numbers_that_point_nowhere_end_in_an_error(whole, library, name):
    """The builds' checksums keep these out; memory is not read at random if one comes through."""
    corpus = whole._opened().library.corpus
    (segment,) = corpus.segments
    before = segment.arrays[name]
    chance = np.random.default_rng(6)
    refused = 0
    try:
        for value in (-1, 1 << 30, before.max() + 1):
            damaged = before.copy()
            damaged[chance.random(len(damaged)) < 0.5] = np.array(value).astype(before.dtype)
            segment.arrays[name] = damaged
            ranker = Ranker(corpus, Synonyms(), kernel=Native(library, corpus))
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


def test_both_count_alike():
    """Numbers that C needs when it is compiled are those of Python."""
    said = dict(re.findall(r"\b([A-Z_]+) = (\d+)", native.SOURCE.read_text("utf-8")))
    assert int(said["MOST_WORDS"]) == queries.MOST_WORDS
    assert int(said["MOST_MARKS"]) == snippets.MOST
    assert int(said["GRAM"]) == letters.SIZE
    assert (int(said["HEADING"]), int(said["BODY"])) == (Kind.HEADING, Kind.BODY)


def test_a_library_of_another_source_is_not_used(tmp_path, monkeypatch, library):
    monkeypatch.setattr(native, "SEAL", native.SEAL ^ 1)
    assert native.library.__wrapped__() is None
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "none.so")
    assert native.library.__wrapped__() is None


def test_an_installation_without_a_compiler_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert compiled(native.SOURCE, tmp_path / "x.so").startswith("no C compiler: ")
    monkeypatch.setenv("CC", f"{sys.executable} -c 'raise SystemExit(3)'")
    assert "failed: 3" in compiled(native.SOURCE, tmp_path / "x.so")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_memory_is_used_as_it_should_be(tmp_path, library):
    """The comparison above once more, with a library that watches every access."""
    watched = tmp_path / "watched.so"
    reason = compiled(
        native.SOURCE, watched, "-g", "-O1", "-fno-omit-frame-pointer",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    )  # fmt: skip
    if reason:
        needs.unavailable(f"no sanitizers: {reason.splitlines()[0]}", always_optional=True)
    compiler = os.environ.get("CC", sysconfig.get_config_var("CC") or "cc").split()[0]
    runtime = subprocess.check_output([compiler, "-print-file-name=libasan.so"], text=True).strip()
    if not Path(runtime).is_absolute():
        needs.unavailable("no sanitizers' runtime", always_optional=True)
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, str(watched), str(tmp_path / "base")],
        env={**os.environ, "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0",
             "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 100


_WATCHED = """
import random, sys
from pathlib import Path
from kb.kernels import native
native.LIBRARY = Path(sys.argv[1])
import bases, test_kernels
base = bases.made_up(Path(sys.argv[2]), seed=21)
print(test_kernels.assert_alike(base, native.library(), test_kernels.asked_of(base, 250, 8)))
"""
