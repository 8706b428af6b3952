"""One network floods a real server, in short form; `tests/reliability/flood.py` does it in full."""

import flooding
import pytest


@pytest.mark.slow
def test_a_flood_from_one_network_changes_nothing_for_others(tmp_path):
    settings = flooding.site(tmp_path)
    with flooding.served(settings) as server:
        flooding.honest(server)
        before = flooding.seen(settings)
        lured = flooding.first_hit(server, "что значат числа")

        probes = flooding.Probes(server, 0.25)
        said = flooding.flood(server, 400, lured)
        probes.stop()

    assert said["page 200"] == 400  # everybody is answered
    assert said["bundle 429"] > said["bundle 204"]
    assert said["click 429"] > 0
    # Among the first places of the queue whatever the flood sent: 5 s on a quiet machine.
    assert max(probes.delays) < 60
    after = flooding.seen(settings)
    assert (after.completions, after.popular) == (before.completions, before.popular)
    assert after.order == before.order
    # Only LURE, which has five visits, and PROBE may stand among them.
    assert all(after.ranks[asked] - before.ranks[asked] <= 2 for asked in flooding.MISSED)
    assert after.searches - before.searches <= 120 * 2 + len(probes.delays) + 120
