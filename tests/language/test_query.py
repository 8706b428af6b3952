"""Any text is a query: what is typed finds more or less, it never fails."""

import unicodedata

import bases
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb.language import query, tokens
from kb.language.query import MOST_CHARACTERS, MOST_WORDS, parse

# Surrogates included: a browser may send half a character.
ANY = st.text(max_size=80) | st.text(st.characters(), max_size=80)
TYPED = st.lists(st.sampled_from([*bases.WORDS, '"', "«", "»", "-", "–", "?", " ", "„", "“"])).map(
    lambda parts: " ".join(parts)
)
LONG = ["a" * 100_000, "щ" * 100_000, '"' * 5_000, "«" * 5_000, "-" * 5_000, "-a " * 5_000,
        "„" * 5_000, "а-" * 50_000, "\0" * 1_000, "\ud800" * 1_000, "\u0301" * 1_000, "?" * 5_000,
        "a\u0301" * 5_000, "1." * 5_000, "👩‍👩‍👧" * 500, " " * 100_000, '"a' * 3_000]  # fmt: skip


def words(raw):
    return [word.text for word in parse(raw).words]


@given(ANY | TYPED)
@example("\ud800")
@example('"')
@example("- - -")
def test_any_text_is_a_query(raw):
    found = parse(raw)

    assert len(found.raw) <= MOST_CHARACTERS
    assert all(word.text and word.lemmas for word in found.words)
    assert all(all(phrase) for phrase in found.phrases)
    found.raw.encode()  # nothing in it that a page or a log could not write


@pytest.mark.parametrize("raw", LONG, ids=lambda raw: ascii(raw[:3]))
def test_a_query_is_cut_to_a_size_that_costs_nothing(raw):
    found = parse(raw)

    assert len(found.raw) <= 500
    assert len(found.words) <= MOST_WORDS == 32
    assert len(found.without) <= MOST_WORDS
    assert all(len(phrase) <= MOST_WORDS for phrase in found.phrases)
    for word in (*found.words, *found.without, *found.phrases):
        assert len(word.text if isinstance(word, query.Word) else max(word, key=len)) <= 64


@given(TYPED)
def test_a_query_is_parsed_the_same_again(raw):
    assert parse(parse(raw).raw) == parse(raw)


@given(TYPED)
def test_upper_case_asks_for_the_same_words(raw):
    assert words(raw.upper()) == words(raw)


@given(ANY | TYPED)
def test_composed_and_decomposed_letters_are_one_query(raw):
    raw = tokens.clean(raw[:60])

    composed, apart = (unicodedata.normalize(form, raw) for form in ("NFC", "NFD"))

    assert parse(apart).words == parse(composed).words
    assert parse(apart).phrases == parse(composed).phrases


@given(st.sampled_from(["ёлка", "Ёж", "учёт", "ЕЩЁ"]))
def test_yo_is_ye(word):
    for other in (word.replace("ё", "е").replace("Ё", "Е"), unicodedata.normalize("NFD", word)):
        assert parse(other).words == parse(word).words


@given(TYPED, st.sampled_from(["?", "!", "…", "...", "??", "?!", " ?", ".", ",", ":", ";"]))
def test_a_mark_at_the_end_changes_no_word(raw, mark):
    raw = raw.strip()
    asked, marked = parse(raw), parse(raw + mark)

    if not raw.endswith(('"', "»", "“")):
        assert marked.words == asked.words
    assert [word.text for word in marked.words] == [word.text for word in asked.words]
    assert (marked.phrases, marked.without) == (asked.phrases, asked.without)


@pytest.mark.parametrize(
    "raw",
    ['"сброс пароля"', "«сброс пароля»", "“сброс пароля”", "„сброс пароля“", "„сброс пароля”"],
)
def test_a_phrase_may_stand_in_any_quotes(raw):
    assert parse(raw).phrases == (("сброс", "пароля"),)
    assert words(f"где {raw}") == ["где", "сброс", "пароля"]
    assert parse(f"{raw} где").phrases == (("сброс", "пароля"),)


@pytest.mark.parametrize(
    "raw", ['"сброс пароля', "«сброс пароля", 'сброс" пароля', "сброс пароля»"]
)
def test_a_quote_left_open_is_no_phrase(raw):
    assert parse(raw).phrases == ()
    assert words(raw) == ["сброс", "пароля"]


def test_empty_quotes_ask_for_nothing():
    assert parse('""').words == ()
    assert parse('"" «» “”').phrases == ()
    assert parse('"?!"').phrases == ()


def knowing(*known):
    return lambda word, unfinished: any(
        each == word or (unfinished and each.startswith(word)) for each in known
    )


def asked(raw, *known):
    return [word.text for word in parse(raw, knows=knowing(*known)).words]


def test_a_compound_the_index_does_not_hold_is_asked_for_by_its_parts():
    assert asked("МойСклад", "мойсклад") == asked("мойсклад", "мойсклад") == ["мойсклад"]
    assert asked("МойСкл", "мойсклад") == ["мойскл"]  # while it is typed
    assert asked("МойСклад") == ["мой", "склад"]
    assert asked("KB5034441") == ["kb", "5034441"]


def test_parts_too_short_to_say_anything_do_not_stand_for_a_code():
    assert asked("А4") == ["a4"]
    assert asked("ошибка -1") == ["ошибка", "-1"]


def test_a_part_of_a_compound_may_be_found_as_the_whole():
    found = parse("новый веб-сайт", knows=knowing("вебсайт")).words

    assert [(word.text, word.whole) for word in found] == [
        ("новый", ()),
        ("веб", ("вебсайт",)),
        ("сайт", ("вебсайт",)),
    ]
    assert not any(word.whole for word in parse("веб-сайт", knows=knowing()).words)


def test_signs_are_words_where_the_index_holds_them():
    assert asked("ошибка <=> 👎", "👎") == ["ошибка", "👎"]


@pytest.mark.parametrize(
    "raw", ["ошибка -1", "tar -xzf", "при −20", "код -1073741819", "tar -z", "kit --help"]
)
def test_numbers_and_flags_with_their_sign_are_words(raw):
    found = parse(raw, knows=knowing("xzf", "-xzf"))

    assert found.without == ()
    assert len(found.words) == 2


def test_a_word_is_left_out_only_if_the_language_has_it_and_it_is_no_flag():
    assert parse("tar -backup", knows=knowing("backup")).without == ("backup",)
    assert parse("tar -backup", knows=knowing("backup", "-backup")).without == ()
    assert parse("tar -xqvz", knows=knowing("xqvz")).without == ()
    assert parse("вход -вася123 -абракадабрище").without == ()
    assert parse("вход -он", knows=knowing("он")).without == ()
    assert parse("вход -почта", exclude=False).without == ()


@pytest.mark.parametrize("dash", ["-", "–", "−"])
def test_a_dash_before_a_word_leaves_it_out(dash):
    found = parse(f"пароль {dash}почта")

    assert words(f"пароль {dash}почта") == ["пароль"]
    assert found.without == ("почта",)


@pytest.mark.parametrize(
    "raw", ["ip-адрес", "пароль - почта", "e-mail", "пароль -", "a - - b", "--"]
)
def test_a_dash_elsewhere_leaves_nothing_out(raw):
    assert parse(raw).without == ()


def test_only_words_to_leave_out_are_words_to_look_for():
    found = parse("-почта")

    assert [word.text for word in found.words] == ["почта"]
    assert found.without == ()


def test_only_the_last_word_is_unfinished_and_none_after_a_phrase():
    assert [word.unfinished for word in parse("как сбросить пар").words] == [False, False, True]
    assert not any(word.unfinished for word in parse('как "сбросить пароль"').words)


@pytest.mark.parametrize(
    "raw", ["", " ", "\n\t", "?", "…", "-", '"', "()", "\0", "\ud800", "\u200b"]
)
def test_text_without_words_is_an_empty_query(raw):
    assert parse(raw).words == ()
    assert parse(raw).phrases == ()


@pytest.mark.parametrize(
    "raw", ["здравствуйте", "подскажите пожалуйста", "и", "the", "не", "hello"]
)
def test_a_query_of_filler_alone_keeps_its_words(raw):
    assert parse(raw).words


def test_what_was_redacted_asks_for_nothing():
    query = parse("погода завтра ‹email›")

    assert [word.text for word in query.words] == ["погода", "завтра"]
