"""Caches stay within their bytes, whatever is asked, and all those of a worker within 64 MB."""

import random
import subprocess
import sys
import threading
import time
import tracemalloc
from datetime import date
from functools import lru_cache
from pathlib import Path
from sys import getsizeof

import bases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import indexer, search
from kb.base.cache import Cache, last_call, size_of
from kb.language import morphology, query_words, tokens
from kb.language.query import Word
from kb.language.synonyms import Expansion
from kb.ranking.matching import QueryNgrams
from kb.search import SearchRequest
from kb.site import context

MEGABYTE = 2**20
ROOT = Path(__file__).resolve().parents[2]


def doubled(word):
    return word * 2


def really_kept(cache):
    """Bytes of all that a cache holds, worked out one by one."""
    halves = (dict(cache), cache._older)
    return sum(size_of(key) + size_of(value) for half in halves for key, value in half.items())


# --- one cache ----------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=200)), st.integers(0, 4000))
def test_any_keys_get_their_values_and_no_more_is_kept_than_allowed(keys, most):
    cache = Cache(doubled, most / MEGABYTE)

    for key in keys:
        assert cache[key] == key * 2
        assert really_kept(cache) <= cache.size <= most


def test_what_is_kept_is_not_worked_out_again():
    asked = []
    cache = Cache(lambda word: asked.append(word) or word, 1)

    assert [cache["a"], cache["b"], cache["a"]] == ["a", "b", "a"]
    assert asked == ["a", "b"]


def test_what_is_asked_for_again_and_again_stays():
    asked = []
    cache = Cache(lambda word: asked.append(word) or word, 0.1)

    for number in range(5_000):
        _ = cache[f"new {number}"]
        _ = cache["old"]

    assert asked.count("old") == 1
    assert len(asked) == 5_001
    assert 100 < cache.count < 1_000
    assert "new 0" not in cache


def test_an_entry_that_would_drive_out_the_others_is_not_kept():
    cache = Cache(doubled, 0.1)
    _ = cache["small"]

    assert cache["x" * 100_000] == "x" * 200_000
    assert list(cache) == ["small"]


def test_a_cache_without_room_keeps_nothing_and_measures_nothing():
    def measured(key, value):
        raise AssertionError

    cache = Cache(doubled, 0, measured)

    assert [cache["a"], cache["a"]] == ["aa", "aa"]
    assert (cache.count, cache.size) == (0, 0)


def test_an_emptied_cache_goes_on():
    cache = Cache(doubled, 0.01)
    for number in range(200):
        _ = cache[str(number)]

    cache.forget()

    assert (cache.count, cache.size) == (0, 0)
    assert cache["a"] == "aa"
    assert cache.count == 1


def test_a_function_that_fails_leaves_nothing_behind():
    cache = Cache(lambda word: {"a": 1}[word], 1)

    with pytest.raises(KeyError):
        _ = cache["b"]

    assert (cache["a"], list(cache)) == (1, ["a"])


def test_many_threads_get_what_one_gets():
    cache = Cache(doubled, 0.05)
    wrong = []

    def ask(seed):
        rng = random.Random(seed)
        for _ in range(20_000):
            key = str(rng.randrange(5_000))
            if cache[key] != key * 2:
                wrong.append(key)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert really_kept(cache) <= cache.most


def test_a_hit_costs_about_what_it_costs_in_a_cache_of_python():
    words = [f"word{number}" for number in range(1_000)]
    ours, pythons = Cache(doubled, 1), lru_cache(10_000)(doubled)

    def seconds(find):
        taken = []
        for _ in range(20):
            begun = time.thread_time()
            for word in words:
                find(word)
            taken.append(time.thread_time() - begun)
        return min(taken)

    seconds(ours.__getitem__), seconds(pythons)

    assert seconds(ours.__getitem__) < 3 * seconds(pythons)


VALUES = {
    "texts": lambda i: ("слово" * 3 + str(i), "word" + str(i), "\U0001f40d" * 4 + str(i)),
    "pieces": lambda i: ((f"word {i}", i, i + 300, True), (f"слово {i}", i + 1000, i, False)),
    "meanings": lambda i: query_words.Meaning((f"слово{i}", f"слова{i}"), 0.5 + i),
    "postings": lambda i: (np.full(300, i, np.int32), np.full(300, i, np.float32)),
    "sets": lambda i: frozenset((f"a{i}", f"b{i}", f"c{i}")),
    "tables": lambda i: {f"a{i}": [f"b{i}"]},
    "answers": lambda i: search.Results(f"query {i}", facets={f"tag{i}": (f"x{i}",)}),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_takes_no_more_memory_than_is_counted(kind):
    make = VALUES[kind]
    make(1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [make(number) for number in range(300, 2_300)]
        taken = tracemalloc.get_traced_memory()[0] - before - getsizeof(kept)
    finally:
        tracemalloc.stop()

    assert taken <= sum(map(size_of, kept)) <= 3 * taken


def test_entries_take_no_more_memory_than_is_counted():
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        cache = Cache(doubled, 4)
        for number in range(40_000):
            _ = cache[f"слово {number}"]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert cache.size / 2 < taken <= cache.size <= cache.most


# --- those of a worker --------------------------------------------------------------------------


def test_all_caches_of_a_worker_take_at_most_64_mb(kb):
    """In another process, as a worker is one; here each service of a test has some of its own."""
    settings = kb.settings
    told = subprocess.run(
        [sys.executable, "-c", _WORKER, str(settings.articles), str(settings.data)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert 40 * MEGABYTE < int(told) <= (64 - OTHERS) * MEGABYTE


OTHERS = 4  # megabytes for caches of few entries whose keys are days, numbers, languages, routes
_WORKER = """
import sys
from kb.base import cache
from kb.base.config import Settings
from kb.ranking.matching import QueryNgrams
from kb.service import KnowledgeBase
from kb.web import create_app

kb = KnowledgeBase.open(Settings(articles=sys.argv[1], data=sys.argv[2]))
app = create_app(kb)
letters = QueryNgrams(kb.catalog().reader.corpus)  # where C does not look for them
print(sum(one.most for one in cache.all_of_them()))
"""


def test_what_people_ask_is_kept_only_where_bytes_are_counted():
    """`lru_cache` counts entries: its keys must not be what a visitor types or sends."""
    used = [
        f"{file.relative_to(ROOT / 'kb')}: {line.strip()}"
        for file in sorted((ROOT / "kb").rglob("*.py"))
        for line in file.read_text("utf-8").splitlines()
        if "lru_cache(" in line
    ]

    assert [line for line in used if not line.startswith(NOT_TYPED)] == []


NOT_TYPED = (
    "content/markup/hugo.py", "content/markup/mdx.py",  # the one article that a child reads
    "content/folder.py", "content/language_folders.py",  # names of folders of articles
    "base/catalogs.py", "site/formatting.py",  # days, counts, shares, our own sentences
    "searchlog/db/sql.py",  # tables and their columns
    "searchlog/review.py",  # the articles folder
    "site/context.py",  # names of browsers, cut at 500 letters: 1 MB at most
    "topic_pages.py", "catalog.py",  # days, languages, categories that there are
    "site/auth.py", "site/board/manual.py",  # the password that was set, pages of the manual
    "site/metrics.py",  # routes, known methods, statuses
    "web.py",  # languages, URL prefixes of trusted proxies
)  # fmt: skip


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    """The service over a base of two segments."""
    folder = tmp_path_factory.mktemp("worker")
    bases.made_up(folder, 80)
    (folder / "articles" / "ru" / "new.md").write_text("# Новая статья\n\nТекст о почте.\n")
    return bases.published(folder)


ASTRAL = "\U0001d400\U0001d41a"  # letters that take four bytes each


def words(rng):
    """Words that make the most of a cache: long, in several alphabets, of many parts."""
    while True:
        yield "".join(rng.choices("абвгдеёжзийклмнопрст-", k=64))
        yield "".join(rng.choices("abcdefghijk'-", k=64))
        yield "".join(rng.choices(ASTRAL + "aя1.-_@'#", k=64))
        yield "https://" + "".join(rng.choices(ASTRAL + "aя日/.-_'#", k=rng.randrange(500)))
        yield rng.choice(bases.WORDS)[: rng.randint(1, 9)]


def cases(kb):
    """Each cache that reckons sizes in its own way, with what makes a key of a word."""
    searcher, corpus = kb.catalog().searcher, kb.catalog().reader.corpus
    ranker = searcher._ranker
    synonym = Expansion(3, 4, ((("слово",), ("другое", "иное")),) * 40, 0.5)
    return {
        "chunks": (tokens._pieces, str),
        "folded": (tokens._folded, str),
        "dictionary": (morphology.dictionary, tokens.fold),
        "meanings": (corpus.meaning.__self__, tokens.fold),
        "places": (corpus.lemma_ids.__self__, tokens.fold),
        "forms": (ranker.lookup._of_lemmas, morphology.lemmas),
        "beginnings": (
            ranker.lookup._terms,
            lambda word: (Word(word[:3], morphology.lemmas(word), True), None),
        ),
        "synonyms": (
            ranker.lookup._terms,
            lambda word: (Word(word, morphology.lemmas(word)), synonym),
        ),
        "letters": (QueryNgrams(corpus)._of_word, str),
        "answers": (
            searcher._answers,
            lambda word: (
                SearchRequest(f"{rng.choice(bases.WORDS)} {word}", limit=50),
                date(2026, 1, 1),
            ),
        ),
        "related": (kb.catalog().related, lambda word: (hash(word) % 80, date(2026, 1, 1))),
        "addresses": (context._quoted, str),
    }  # fmt: skip


rng = random.Random(5)
CASES = (
    "chunks", "folded", "dictionary", "meanings", "places", "forms", "beginnings", "synonyms",
    "letters", "answers", "related", "addresses",
)  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_cache_filled_with_the_largest_entries_stays_within_its_bytes(kb, name):
    cache, key_of = cases(kb)[name]
    megabytes = 2 if name == "answers" else 0.25
    small = Cache(cache._function, megabytes, cache._size_of)
    made = words(random.Random(1))

    for _ in range(600):
        key = key_of(next(made))
        value = small[key]
        assert small._size_of(key, value) >= size_of(key) + size_of(value)

    assert 0.02 * MEGABYTE < really_kept(small) < small.size <= megabytes * MEGABYTE


def test_every_cache_that_reckons_in_its_own_way_is_looked_at(kb):
    looked_at = {cache._size_of for cache, _ in cases(kb).values()}

    assert {cache._size_of for cache in kb.catalog().reader.corpus._caches} <= looked_at
    assert set(cases(kb)) == set(CASES)


def test_the_caches_of_a_build_are_emptied_when_another_is_served(kb):
    kb.answer("пароль")
    before = kb.catalog().reader.corpus
    (kb.settings.articles / "ru" / "newer.md").write_text("# Ещё одна\n\nТекст о почте.\n")
    indexer.rebuild(kb.settings)
    kept = sum(cache.size for cache in before._caches)

    kb._current.look_again()
    kb.answer("почта")

    assert kept > 0
    assert kb.catalog().reader.corpus is not before
    assert sum(cache.size for cache in before._caches) == 0


def test_the_last_call_is_remembered_by_the_value_of_its_arguments():
    asked = []

    @last_call
    def doubled(numbers, more=0):
        asked.append((numbers, more))
        return [2 * number for number in numbers]

    assert doubled([1, 2]) is doubled([1, 2])
    assert doubled([1]) == [2]
    assert doubled([1], more=1) == [2]
    assert doubled([1, 2]) == [2, 4]
    assert asked == [([1, 2], 0), ([1], 0), ([1], 1), ([1, 2], 0)]


def test_a_widened_cache_keeps_more_and_is_never_narrowed():
    cache = Cache(str, megabytes=0.01)
    cache.widen(1)
    for number in range(1000):
        cache[number]

    cache.widen(0.01)

    assert len(cache) == 1000
    assert cache.most == MEGABYTE
