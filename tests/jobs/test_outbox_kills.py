"""Whoever is killed, no letter is lost: the short form of `tests/reliability/outbox.py`."""

import pytest
from reliability import outbox


@pytest.mark.slow
def test_no_letter_is_lost_or_doubled_by_kills_and_a_receiver_that_fails(tmp_path):
    told = outbox.run(tmp_path, letters=60, kills=8, seed=3)

    assert told["kills"] == 8
    assert told["acknowledged"] == told["stored"] == told["arrived"] == 60
    assert (told["lost"], told["arrived twice"]) == (0, 0)
    assert told["refused"] > 0
    assert told["hung up"] > 0
