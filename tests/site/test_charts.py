"""Charts as geometry: what is drawn is what was counted."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.site import charts

AMOUNTS = st.integers(0, 10**9)


@given(st.lists(st.lists(AMOUNTS, min_size=3, max_size=3), min_size=1, max_size=120))
def test_the_height_of_a_column_is_its_sum_in_the_scale_of_the_axis(rows):
    drawn = charts.column_chart(rows)
    top = drawn.ticks[0].value

    assert all(box.y >= 0 and box.y + box.height <= charts.HEIGHT + 0.05 for box in drawn.boxes)
    assert all(box.x >= 0 and box.x + box.width <= charts.WIDTH for box in drawn.boxes)
    heights = sum(box.height for box in drawn.boxes) / charts.HEIGHT * top
    assert math.isclose(heights, sum(map(sum, rows)), rel_tol=0.01, abs_tol=top * len(rows) * 0.001)


def test_parts_stand_on_each_other_in_order():
    low, high = charts.column_chart([[30, 70]]).boxes

    assert (low.series, low.y, low.height) == (0, 70, 30)
    assert (high.series, high.y, high.height) == (1, 0, 70)


@given(st.integers(0, 10**6))
def test_an_axis_of_counts_has_a_whole_middle(count):
    assert all(tick.value == int(tick.value) for tick in charts.column_chart([[count]]).ticks)


def test_a_line_breaks_where_there_is_no_number():
    drawn = charts.line_chart([0.1, 0.2, None, 0.1])

    assert drawn.pieces == ("125.0,50.0 375.0,0.0", "875.0,50.0 875.0,50.0")


def test_nothing_to_draw_is_drawn_as_nothing():
    assert charts.column_chart([]).boxes == ()
    assert charts.column_chart([[0, 0]]).boxes == ()
    assert charts.line_chart([None, None]).pieces == ()


@given(st.floats(0.001, 1e12))
def test_an_axis_ends_at_a_round_number_not_far_above(most):
    top = charts.axis_maximum(most)

    assert most <= top * (1 + 1e-6)
    assert top <= max(most * 2 * (1 + 1e-6), 0.01)
    assert round(top / 10 ** math.floor(math.log10(top) + 1e-9), 6) in (1, 2, 4, 6)


@pytest.mark.parametrize(
    ("value", "most", "part"), [(5, 10, 50), (0, 10, 0), (3, 0, 0), (20, 10, 100)]
)
def test_a_bar_takes_its_share_of_the_room(value, most, part):
    assert charts.bar_percent(value, most) == part


@given(st.integers(0, 500), st.integers(2, 12))
def test_an_axis_names_few_places_from_the_first_to_the_last(count, most):
    places = charts.evenly_spaced(count, most)

    assert len(places) == min(count, most)
    assert places == sorted(set(places))
    assert not count or (places[0], places[-1]) == (0, count - 1)
    gaps = [after - before for before, after in itertools.pairwise(places)]
    assert not gaps or max(gaps) - min(gaps) <= 1
