"""Any text is answered, soon, and the answer adds up. How well it ranks is measured elsewhere."""

import random
import time
import unicodedata
from itertools import pairwise

import bases
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb.language import morphology, tokens
from kb.search import (
    ALWAYS_RELEVANT,
    MOST_LIMIT,
    MOST_PAGES,
    Marked,
    Results,
    relevant_hits,
    to_json,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return bases.made_up(tmp_path_factory.mktemp("base"), seed=4)


def slugs(results):
    return [hit.slug for hit in results.hits]


def found(results):
    """What a reader sees, apart from what was typed."""
    return results.total, results.hits, results.confident, results.facets


# ---------------------------------------------------------------- any text


def slowest(kb, queries):
    """The longest an answer took, in seconds of this thread; waiting for others does not count."""
    longest, which = 0.0, ""
    for query in queries:
        began = time.thread_time()
        results = kb.answer(query)
        took = time.thread_time() - began
        assert len(results.query) <= 500
        longest, which = max((longest, which), (took, query))
    return longest, which


def test_2000_queries_are_answered_each_within_a_second(base):
    queries = bases.strange_queries(random.Random(5), bases.WORDS, 2000)

    longest, which = slowest(base, queries)

    assert longest < 1.0, which


@given(st.text(max_size=60) | st.text(st.characters(), max_size=30))
@example("https://" + "a" * 55 + "#part")  # the word of the address is cut at its sign
@example("https://docs.example.com/\uff03")
def test_any_text_has_an_answer(base, query):
    results = base.answer(query)

    assert results.total >= len(results.hits)
    assert results.lang in ("ru", "en")
    to_json(results)


@pytest.mark.parametrize(
    "query",
    ["a" * 100_000, "щ" * 100_000, '"' * 9_000, "-" * 9_000, "NOT NOT ba", "пароль*", "парол~9",
     "p*s*w*d", "a" * 500, "1" * 64, "\0" * 400, "[" * 500, "title:", "a AND", "(", "пароль^999"],
    ids=lambda query: ascii(query[:9]),
)  # fmt: skip
def test_what_breaks_query_parsers_is_only_text(base, query):
    assert slowest(base, [query])[0] < 1.0


def test_a_long_query_is_cut_and_said_so(base):
    results = base.answer("пароль " * 1_000)

    assert results.query == ("пароль " * 72)[:500]
    assert results.total > 0


@pytest.mark.parametrize("query", ["", " ", "?", "…", "-", '""', "\n"])
def test_a_query_without_words_has_no_hits(base, query):
    results = base.answer(query)

    assert (results.hits, results.total, results.pages, results.correction) == ((), 0, 0, None)


# ---------------------------------------------------------------- the same question


QUESTIONS = st.lists(st.sampled_from(bases.WORDS), min_size=1, max_size=4).map(" ".join)


@given(QUESTIONS, st.sampled_from(["?", "!", "…", "...", "?!", " ?"]))
def test_a_mark_at_the_end_changes_no_hit(base, query, mark):
    assert found(base.answer(query + mark)) == found(base.answer(query))


@given(QUESTIONS)
def test_composed_and_decomposed_letters_find_the_same(base, query):
    apart = unicodedata.normalize("NFD", query)

    assert found(base.answer(apart)) == found(base.answer(unicodedata.normalize("NFC", query)))


@pytest.mark.parametrize(("one", "other"), [("ёлка", "елка"), ("ПАРОЛЬ", "пароль"), ("vpn", "VPN")])
def test_yo_and_case_make_no_difference(base, one, other):
    assert found(base.answer(one)) == found(base.answer(other))
    assert base.answer(one).total > 0


# ---------------------------------------------------------------- phrases and exclusions


@given(st.lists(st.sampled_from(bases.WORDS), min_size=1, max_size=3).map(" ".join))
def test_a_phrase_is_in_every_hit(base, phrase):
    words = tokens.plain_words(phrase)
    for hit in base.answer(f'"{phrase}"', limit=50, exact=True).hits:
        segment, doc = base.catalog().reader.corpus.locate(base.catalog().reader.find(hit.slug))
        stream = tokens.plain_words(segment.restore(doc).text)
        assert any(stream[at : at + len(words)] == words for at in range(len(stream)))


def test_a_word_left_out_is_in_no_hit(base):
    with_it = base.answer("пароль", limit=50, exact=True)
    without = base.answer("пароль -почта", limit=50, exact=True)
    both = base.answer("пароль почта", limit=50, exact=True)

    assert 0 < without.total < with_it.total
    for hit in without.hits:
        segment, doc = base.catalog().reader.corpus.locate(base.catalog().reader.find(hit.slug))
        lemmas = {lemma for word in segment.restore(doc).words for lemma in morphology.lemmas(word)}
        assert not lemmas & set(morphology.lemmas("почта"))
    assert both.total >= with_it.total


# ---------------------------------------------------------------- filters, facets, pages


@pytest.mark.parametrize("query", ["пароль", "вход оплата", "vpn", "reset"])
def test_facets_add_up_and_each_is_what_its_filter_finds(base, query):
    results = base.answer(query)

    assert sum(value.hits for value in results.facets["lang"]) == results.total
    assert results.facets["tag"]
    for name, values in results.facets.items():
        for value in values:
            filtered = base.answer(query, exact=True, **{name: value.value})
            assert filtered.total == value.hits, (name, value)


def test_a_filter_nobody_has_finds_nothing(base):
    for name in ("lang", "category", "tag"):
        assert base.answer("пароль", exact=True, **{name: "нет такого"}).total == 0


def test_pages_hold_every_hit_once_in_one_order(base):
    whole = base.answer("пароль", limit=50)
    assert whole.total > 20

    paged = [slug for page in range(1, 99) if page <= base.answer("пароль", limit=7).pages
             for slug in slugs(base.answer("пароль", limit=7, page=page))]  # fmt: skip

    assert paged == slugs(whole)
    assert len(paged) == len(set(paged)) == whole.total


@pytest.mark.parametrize("page", [-5, 0, 99, 10**12])
def test_a_page_that_is_not_there_is_the_nearest_that_is(base, page):
    results = base.answer("пароль", limit=7, page=page)

    assert 1 <= results.page <= results.pages <= MOST_PAGES
    assert results.hits


@pytest.mark.parametrize(("limit", "expected"), [(-1, 1), (0, 1), (3, 3), (10**9, MOST_LIMIT)])
def test_a_limit_is_kept_within_reason(base, limit, expected):
    results = base.answer("пароль", limit=limit)

    assert len(results.hits) == min(expected, results.total)


def test_scores_fall_from_hit_to_hit(base):
    for query in bases.WORDS:
        scores = [hit.score for hit in base.answer(query, limit=50).hits]
        assert all(a >= b - 1e-3 for a, b in pairwise(scores)), query


def test_own_language_comes_first_and_filters_hold(client, kb, write):
    write("ru/vpn", "Настройка VPN для гостей.", title="VPN")
    write("en/vpn", "VPN setup for guests.", title="VPN")
    kb.rebuild()

    def languages(**asked):
        found = client.get("/api/search", query_string={"q": "VPN", **asked}).json["results"]
        return [hit["lang"] for hit in found]

    assert languages(own="en") == ["en", "ru"]
    assert languages(own="ru") == ["ru", "en"]
    assert languages(own="ru", lang="en") == ["en"]


# ---------------------------------------------------------------- repairs


@pytest.mark.parametrize(
    ("query", "own", "expected"),
    [
        ("хоткейс", "ru", ["ru/keys", "en/keys"]),  # as hotkeys
        ("рщелунты", "ru", ["ru/keys", "en/keys"]),  # in the wrong layout
        ("hotkes", "ru", ["ru/keys", "en/keys"]),
        ("hotkes", "en", ["en/keys"]),
        ("hotkes", None, ["en/keys"]),
        ("hotkeys", "ru", ["en/keys"]),  # repaired in nothing
    ],
)
def test_a_repair_into_another_language_leads_to_the_translation(kb, write, query, own, expected):
    write("ru/keys", "Сочетания клавиш, чтобы работать быстрее.", title="Горячие клавиши")
    write("en/keys", "Hotkeys to work faster: a list of hotkeys.", title="Hotkeys")
    write("ru/pay", "Счета и их оплата.", title="Оплата счёта")
    kb.rebuild()

    results = kb.answer(query, own_lang=own)

    assert slugs(results) == expected
    assert (results.total, results.confident) == (len(expected), True)
    assert sum(each.hits for each in results.facets["lang"]) == len(expected)
    assert slugs(kb.answer(query, own_lang=own, lang="en")) == ["en/keys"]


def test_a_word_in_the_wrong_layout_is_shown_as_it_was_meant(kb, write):
    write("ru/a", "Привет, мир.", title="Привет")
    kb.rebuild()

    results = kb.answer("ghbdtn")

    assert slugs(results) == ["ru/a"]
    assert (results.correction.kind, results.correction.query) == ("layout", "привет")
    assert results.query == "ghbdtn"


def test_an_exact_search_repairs_nothing(kb, write):
    write("ru/a", "Привет, мир.", title="Привет")
    kb.rebuild()

    results = kb.answer("ghbdtn", exact=True)

    assert (results.total, results.correction) == (0, None)


def test_a_word_the_base_knows_is_never_corrected(base):
    for word in ("пароль", "webhooks", "settings", "vpn", "почта"):
        assert base.answer(word).correction is None


# ---------------------------------------------------------------- shapes


def test_parts_are_the_text_cut_at_its_marks():
    assert Marked("").parts() == []
    assert Marked("ab").parts() == [("ab", 0)]
    assert Marked("abcd", ((0, 1), (2, 4))).parts() == [("a", 1), ("b", 0), ("cd", 1)]


def test_an_answer_as_json_has_the_shape_others_rely_on(base):
    told = to_json(base.answer("пароль"))

    assert set(told) == {
        "query", "total", "relevant", "took_ms", "build", "lang", "correction", "confident",
        "results", "tried", "without", "with_all",
    }  # fmt: skip
    assert set(told["results"][0]) >= {
        "slug", "url", "title", "title_parts", "section", "snippet", "answer", "category", "path",
        "lang", "score", "pinned",
    }  # fmt: skip
    assert to_json(Results("x"))["correction"] is None


def test_a_question_asked_twice_has_one_answer_and_its_own_time(base):
    first, again = base.answer("пароль вход"), base.answer("пароль вход")

    assert found(first) == found(again)
    assert again.took_ms >= 0


def test_every_hit_can_be_paged_to_and_scores_only_fall(base):
    first = base.answer("пароль", limit=10)
    found = [base.answer("пароль", limit=10, page=page) for page in range(1, first.pages + 1)]
    hits = [hit for results in found for hit in results.hits]

    assert len(hits) == len({hit.slug for hit in hits}) == min(first.total, 200)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_the_tail_is_what_scores_less_than_half_of_the_best():
    scores = np.array([8, 7, 6, 5, 4.5, 4.2, 4.1, 4.0, 3.9, 1], np.float32)

    assert relevant_hits(scores) == 8
    assert relevant_hits(scores[:0]) == 0


def test_the_first_six_hits_are_never_a_tail():
    assert relevant_hits(np.array([9, *[1] * 20], np.float32)) == ALWAYS_RELEVANT
    assert relevant_hits(np.array([9, 1, 1], np.float32)) == 3


@pytest.mark.parametrize("newest", [False, True])
def test_relevant_hits_are_the_best_of_all_hits(base, newest):
    every = base.answer("пароль", limit=50)
    best = {hit.slug for hit in every.hits[: every.relevant]}

    results = base.answer("пароль", limit=50, relevant=True, newest=newest)

    assert 0 < results.relevant < results.total == every.total
    assert results.pages == -(-results.relevant // 50)
    assert {hit.slug for hit in results.hits} == best


def test_a_beginning_does_not_take_the_words_before_it(kb, write):
    write("ru/a", "Как изменить настройку склада и начать работу.", title="Настройка новых складов")
    write("ru/b", "Оплата счёта картой.", title="Оплата")
    kb.rebuild()

    for start in ("настройка н", "настройка нов", "настройка новых с", "настройка новых складов"):
        results = kb.answer(start)
        assert results.confident, start
        assert results.hits[0].slug == "ru/a"


def test_the_newest_article_may_be_asked_for_first(kb, write):
    write("ru/a", "Пароль, пароль и ещё раз пароль.", title="Пароль", updated="2024-01-01")
    write("ru/b", "Здесь о входе, и один раз пароль.", title="Вход", updated="2025-01-01")
    kb.rebuild()

    assert [hit.slug for hit in kb.answer("пароль").hits] == ["ru/a", "ru/b"]
    assert [hit.slug for hit in kb.answer("пароль", newest=True).hits] == ["ru/b", "ru/a"]


def test_the_order_of_results_is_a_link_that_keeps_the_question(client, kb, write):
    write("ru/a", "Пароль, пароль.", title="Пароль", updated="2024-01-01")
    write("ru/b", "Здесь один раз пароль.", title="Вход", updated="2025-01-01")
    kb.rebuild()

    page = client.get("/ru/search?q=пароль").text
    newest = client.get("/ru/search?q=пароль&order=newest").text
    nonsense = client.get("/ru/search?q=пароль&order=%3Cb%3E").text

    assert "order=newest" in page
    assert "Сначала новые" in page
    assert page.index("/articles/ru/a") < page.index("/articles/ru/b")
    assert newest.index("/articles/ru/b") < newest.index("/articles/ru/a")
    assert nonsense.index("/articles/ru/a") < nonsense.index("/articles/ru/b")


def test_a_boost_lifts_an_article_from_behind_all_candidates(kb, write):
    for number in range(60):
        write(f"ru/{number:02}", "Пароль, пароль и пароль.", title=f"Статья {number}")
    write("ru/boosted", f"{'Другое слово. ' * 40} Пароль.", title="Вход", boost=10)
    kb.rebuild()

    assert kb.answer("пароль").hits[0].slug == "ru/boosted"
