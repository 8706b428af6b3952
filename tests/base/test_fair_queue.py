"""A queue that serves its senders in turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.base.fair_queue import FairQueue


def filled(*pairs: tuple[str, int]) -> FairQueue[int]:
    queue: FairQueue[int] = FairQueue()
    for sender, item in pairs:
        queue.put(sender, item)
    return queue


def emptied(queue: FairQueue[int]) -> list[tuple[str, int]]:
    return [queue.take() for _ in range(len(queue))]


def test_one_who_sends_much_delays_nobody_else() -> None:
    queue = filled(*(("flood", n) for n in range(1_000)))
    assert queue.take() == ("flood", 0)

    queue.put("reader", 1)

    assert [queue.take(), queue.take()] == [("flood", 1), ("reader", 1)]


def test_senders_are_served_in_turn() -> None:
    queue = filled(("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("c", 6))

    assert emptied(queue) == [("a", 1), ("b", 4), ("c", 5), ("a", 2), ("c", 6), ("a", 3)]


def test_an_empty_queue_has_nothing_to_take() -> None:
    with pytest.raises(IndexError):
        FairQueue[int]().take()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers()), max_size=60))
def test_nothing_is_lost_and_a_senders_items_keep_their_order(pairs: list[tuple[str, int]]) -> None:
    taken = emptied(filled(*pairs))

    for sender in "abcd":
        assert [n for who, n in taken if who == sender] == [n for who, n in pairs if who == sender]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers()), max_size=60))
def test_what_is_next_is_what_is_taken(pairs: list[tuple[str, int]]) -> None:
    queue = filled(*pairs)

    for _ in pairs:
        item = queue.peek()
        assert queue.take()[1] == item
