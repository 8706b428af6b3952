"""Near words of a vocabulary: which they are, in which order, and what finding them costs."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import process
from rapidfuzz.distance import OSA

from kb.language import spelling, tokens
from kb.language.spelling import Speller
from kb.language.vocabulary import Vocabulary


def speller(words: dict[str, int]) -> Speller:
    vocabulary = Vocabulary.of(words)
    frequencies = np.array([words[word] for word in vocabulary], np.uint32)
    return Speller(vocabulary, frequencies, Speller.prepare(vocabulary))


def nearest(word: str, words: dict[str, int]) -> list[str]:
    return [near.word for near in speller(words).nearest(word)]


def test_one_edit_is_forgiven_from_four_letters_and_two_from_seven():
    words = {"код": 5, "пароль": 5, "настройка": 5}

    assert nearest("кад", words) == []  # three letters say too little
    assert nearest("пороль", words) == ["пароль"]  # one edit of six letters
    assert nearest("поррль", words) == []  # two edits of six letters
    assert nearest("насторйки", words) == ["настройка"]  # a swap and an edit of nine letters
    assert nearest("ностарйки", words) == []


def test_a_swap_of_neighbours_is_one_edit():
    assert nearest("вхдо", {"вход": 1}) == ["вход"]


def test_letters_are_counted_not_bytes():
    assert [near.distance for near in speller({"почта": 1}).nearest("почть")] == [1]


def test_a_usual_slip_comes_before_a_rare_one():
    assert nearest("карова", {"корова": 1, "карета": 1, "кароча": 3})[0] == "корова"  # а for о
    assert nearest("оплатитса", {"оплатится": 1, "оплатить": 1})[0] == "оплатится"
    assert nearest("комисия", {"комиссия": 2, "комизия": 2})[0] == "комиссия"  # double letter
    assert nearest("accomodate", {"accommodate": 1, "accomodated": 1})[0] == "accommodate"


def test_between_like_slips_the_frequent_word_comes_first():
    assert nearest("сумна", {"сумма": 90, "сумка": 1})[0] == "сумма"


def test_a_key_held_down_is_one_slip():
    assert nearest("пароооооль", {"пароль": 1}) == ["пароль"]


def test_a_word_of_superseded_articles_only_is_not_offered():
    assert nearest("пороль", {"пароль": 0, "король": 1}) == ["король"]


def test_near_gives_places_and_distances():
    assert speller({"вход": 1, "пароль": 1}).near("пороль", limit=3) == [(1, 1)]


def test_segments_answer_as_one_vocabulary():
    whole = speller({"пароль": 7, "король": 3, "пороли": 1})
    parts = [speller({"пароль": 3, "пороли": 1}), speller({"пароль": 4, "король": 3})]

    together = spelling.merged(parts, "пороль")

    assert [(near.word, near.frequency) for near in together] == [
        (near.word, near.frequency) for near in whole.nearest("пороль")
    ]
    assert [near.cost for near in together] == pytest.approx(
        [near.cost for near in whole.nearest("пороль")]
    )


def test_a_missing_space_is_found():
    df = {"в": 9, "контакте": 2, "sign": 3, "in": 9, "set": 2, "up": 5, "ль": 1, "паро": 1}

    assert spelling.splits("вконтакте", lambda word: df.get(word, 0)) == [("в", "контакте")]
    assert spelling.splits("signin", lambda word: df.get(word, 0)) == [("sign", "in")]
    assert spelling.splits("setup", lambda word: df.get(word, 0)) == [("set", "up")]
    assert spelling.splits("пароль", lambda word: df.get(word, 0)) == []  # «ль» is no word


def test_beginnings_are_known():
    some = speller({"пароль": 1, "привет": 1})

    assert some.begins("пар")
    assert some.begins("пароль")
    assert not some.begins("пат")
    assert not some.begins("пароли")


def test_the_arrays_may_be_read_only():
    vocabulary = Vocabulary.of(["пароль"])
    arrays = Speller.prepare(vocabulary)
    for array in arrays.values():
        array.flags.writeable = False

    some = Speller(vocabulary, np.ones(1, np.uint32), arrays)

    assert some.near("пороль") == [(0, 1)]
    assert some.begins("пар")


def test_an_empty_vocabulary_knows_nothing():
    assert speller({}).nearest("пароль") == []
    assert not speller({}).begins("п")


word = st.text("абвгдеоясть", min_size=1, max_size=12)


@given(st.sets(word, max_size=40), word)
def test_nothing_near_is_overlooked(words, typed):
    squeezed = spelling.squeezed(typed)
    reach = spelling.reach(squeezed)

    found = {near.word for near in speller(dict.fromkeys(words, 1)).nearest(typed, limit=100)}

    assert found == {
        other
        for other in words
        if reach and len(other) > 1 and OSA.distance(squeezed, other) <= reach
    }


@given(st.lists(st.text(max_size=40), max_size=20), st.text(max_size=80))
def test_any_text_may_be_asked_of_any_words(words, typed):
    words = [word.encode("utf-8", "ignore").decode() for word in words]
    some = speller(dict.fromkeys(words, 1))

    some.nearest(typed)
    some.begins(typed)

    assert all(some.begins(word) for word in words if word)


@given(word, word)
def test_a_slip_costs_something_and_no_slip_nothing(typed, meant):
    assert (spelling.price(typed, meant) == 0) == (typed == meant)


@pytest.fixture(scope="module")  # so that one process counts them for all
def real_words(shared_data: Path) -> dict[str, int]:
    """The words of the shared articles, with how often each stands there."""
    counts: dict[str, int] = {}
    for path in sorted((shared_data / "articles").rglob("*.md")):
        for found in tokens.plain_words(path.read_text("utf-8", "replace")):
            counts[found] = counts.get(found, 0) + 1
    return counts


@pytest.mark.shared
def test_real_typos_find_their_word_first(real_words, shared_data):
    some = speller(real_words)
    for name, least in (("ru_words_dev.tsv", 0.92), ("en_wikipedia.tsv", 0.93)):
        first = reached = 0
        for line in (shared_data / "typos" / name).read_text("utf-8").splitlines()[1:]:
            wrong, right = map(tokens.fold, line.split("\t")[:2])
            if right not in real_words or wrong in real_words or not (wrong + right).isalpha():
                continue
            if OSA.distance(wrong, right) <= spelling.reach(wrong):
                reached += 1
                first += [near.word for near in some.nearest(wrong, 1)] == [right]
        assert first / reached >= least, name


@pytest.mark.shared
def test_finding_is_much_quicker_than_looking_at_every_word(real_words):
    some = speller(real_words)
    asked = [word[1:] + word[0] for word in list(real_words)[::400] if len(word) > 5]
    plain = list(real_words)

    def seconds(find):
        start = time.process_time()
        for typed in asked:
            find(typed)
        return time.process_time() - start

    indexed = seconds(lambda typed: some.near(typed))
    scanned = seconds(
        lambda typed: process.extract(typed, plain, scorer=OSA.distance, score_cutoff=2)
    )

    assert indexed < scanned / 5  # measured: less than a fiftieth


@pytest.mark.shared
def test_the_arrays_are_small(real_words):
    vocabulary = Vocabulary.of(real_words)

    arrays = Speller.prepare(vocabulary)

    assert sum(array.nbytes for array in arrays.values()) < 30 * len(vocabulary)
