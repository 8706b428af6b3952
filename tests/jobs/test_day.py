"""A scripted day in small, on our own articles; `tests/reliability/day.py` plays it in full."""

import pytest
import scripted_day
from scripted_day import Day, v_measure


@pytest.mark.slow
def test_a_day_is_recorded_as_it_was_scripted_and_closed_by_the_right_articles(tmp_path):
    day = Day(scripted_day.shipped(tmp_path), tmp_path / "site")
    try:
        day.script(visits=160, junk=175, most=6, floor=4)
        day.run()
        told = day.figures()

        assert told["searches"]["stored"] == told["searches"]["scripted"]
        assert told["keystrokes stored as searches"] == 0
        assert told["searches lost"] == 0
        assert told["strangers merged"] == 0
        assert told["named wrongly"] == []
        assert all(scripted == counted for scripted, counted in told["kinds"].values())
        assert told["robots"]["on the board"] == 0
        assert 0 < told["robots"]["asked"] <= 175  # what one of them asks again is one search
        assert told["board"]["planted"] == 6
        assert told["board"]["farthest from its rank"] <= 2
        assert told["groups"]["homogeneity"] > 0.9

        closed = day.write()
        assert closed["closed by the right article"] == closed["answered by them"] == 6
        assert closed["closed wrongly"] == []

        lost = day.remove()
        assert lost["regressed"] >= 1
        still = lost["answered by another article"]
        assert lost["regressed"] + still == lost["questions it closed"]
        assert lost["others regressed"] == []
    finally:
        day.close()


def test_groups_that_agree_with_intents_measure_one():
    assert v_measure([("a", 1), ("a", 1), ("b", 2)]) == (1.0, 1.0, 1.0)


def test_everything_in_one_group_says_nothing_of_intents():
    homogeneity, completeness, _ = v_measure([("a", 1), ("b", 1), ("b", 1), ("c", 1)])

    assert abs(homogeneity) < 1e-9
    assert completeness == 1.0
