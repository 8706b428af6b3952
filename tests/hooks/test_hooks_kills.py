"""Whoever is killed, no event is lost: the short form of `tests/reliability/hooks.py`."""

import pytest
from reliability import hooks


@pytest.mark.slow
def test_no_event_is_lost_or_doubled_by_kills_and_a_receiver_that_fails(tmp_path):
    told = hooks.run(tmp_path, articles=15, kills=4, seed=3)

    assert told["kills"] == 4
    assert told["told"] == told["published"] == 12
    assert (told["lost"], told["told as two events"], told["told though it should not be"]) == (
        0,
        0,
        0,
    )
    assert told["refused"] > 0
    assert told["hung up"] > 0
