"""When Python looks for what can be freed."""

import gc
import weakref

import pytest

from kb.base import gc_tuning, sandbox

USUAL = (700, 10, 10)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    before = gc.get_threshold()
    monkeypatch.setattr(gc_tuning, "_USUAL", USUAL)
    yield
    gc.set_threshold(*before)
    gc.freeze()  # as all tests find it


def test_what_is_made_at_the_start_is_not_gone_over_again_and_again():
    gc.set_threshold(*USUAL)

    gc_tuning.collect_seldom()

    assert gc.get_threshold()[0] > 100 * USUAL[0]


def test_what_is_not_in_use_any_more_is_freed_between_two_works():
    gc_tuning.collect_seldom()
    left = Build()
    left.itself = left
    gone = weakref.ref(left)

    del left
    gc_tuning.collect()

    assert gone() is None


class Build:
    """What refers to itself, as an opened build does."""


def test_what_is_there_stays_and_what_comes_is_looked_at_as_usual():
    gc_tuning.collect_seldom()

    gc_tuning.freeze()

    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == USUAL


def test_what_answers_looks_less_often():
    gc_tuning.freeze_to_answer()

    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] > 10 * USUAL[0]


def test_children_that_render_look_as_usual():
    gc_tuning.collect_seldom()

    found = [result for _, result in sandbox.each(thresholds, [0])]

    assert found == [USUAL]


def thresholds(_: int) -> tuple[int, ...]:
    return gc.get_threshold()
