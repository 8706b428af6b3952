"""Some seconds of `soak.py`: readers of a real server while it is rebuilt."""

import bases
import pytest
import soak

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]


def test_rebuilds_under_readers_cost_no_request_and_no_file(tmp_path):
    made = bases.made_up(tmp_path, 20)
    made.close()

    told = soak.soak(made.settings, tmp_path, seconds=8, every=3, readers=2, pause=0.05)

    assert told.wrong == []
    assert told.asked > 20
    # Two seconds are asked on a machine of one's own, and `soak.py` holds them.
    assert told.unseen <= 10
    half = len(told.files) // 2
    # A build that is opened while the one before is still answering holds its files twice.
    assert max(told.files[half:]) <= max(told.files[:half]) + 20
