"""A vocabulary finds what a plain sorted list would find."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.language.vocabulary import Vocabulary

# No halves of surrogate pairs: `text.clean` has removed them before a word is stored.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
CLOSE = st.text("abаб\U0010ffff", max_size=4)  # many words with common beginnings


@given(st.lists(WORDS))
def test_a_vocabulary_is_the_sorted_set_of_its_words(words):
    found = Vocabulary.of(words)

    assert list(found) == sorted(set(words))
    assert found[:] == sorted(set(words))


@given(st.lists(CLOSE), CLOSE)
def test_a_word_is_found_where_it_stands_or_not_at_all(words, asked):
    vocabulary = Vocabulary.of(words)
    expected = sorted(set(words)).index(asked) if asked in words else -1

    assert vocabulary.find(asked) == expected


@given(st.lists(CLOSE), CLOSE)
def test_a_prefix_is_the_range_of_all_words_that_begin_so(words, start):
    vocabulary = Vocabulary.of(words)

    low, high = vocabulary.prefix(start)

    assert vocabulary[low:high] == [word for word in sorted(set(words)) if word.startswith(start)]
    assert low == bisect_left(sorted(set(words)), start)


@given(st.lists(WORDS))
def test_the_stored_arrays_are_the_same_vocabulary(words):
    vocabulary = Vocabulary.of(words)

    assert list(Vocabulary(*vocabulary.arrays)) == list(vocabulary)


def test_any_text_may_be_looked_up():
    vocabulary = Vocabulary.of(["пароль"])

    assert vocabulary.find("\ud800") == -1
    assert vocabulary.prefix("") == (0, 1)
    assert Vocabulary.of([]).find("x") == -1
    assert Vocabulary.of([]).prefix("x") == (0, 0)


def test_places_count_from_both_ends_and_no_further():
    vocabulary = Vocabulary.of(["a", "b"])

    assert vocabulary[-1] == "b"
    with pytest.raises(IndexError):
        vocabulary[2]
