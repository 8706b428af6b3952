"""The throttle of wrong passwords: it slows everybody down and locks nobody out."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from kb.site import throttle
from kb.site.throttle import LoginThrottle


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tries(tmp_path, clock):
    return LoginThrottle(tmp_path / "var" / "tries.json", clock)


def test_five_tries_then_one_a_minute(tries, clock):
    assert [tries.take("a") for _ in range(6)] == [0] * throttle.TRIES + [throttle.PAUSE]

    clock.now += throttle.PAUSE - 1
    assert tries.take("a") == 1  # asking meanwhile makes no wait longer
    clock.now += 1
    assert tries.take("a") == 0
    assert tries.take("a") == throttle.PAUSE


def test_tries_return_with_time(tries, clock):
    while not tries.take("a"):
        pass

    clock.now += throttle.WINDOW

    assert [tries.take("a") for _ in range(6)] == [0] * throttle.TRIES + [throttle.PAUSE]


def test_success_begins_anew(tries):
    while not tries.take("a"):
        pass

    tries.succeeded("a")

    assert tries.take("a") == 0


def test_hours_of_guessing_are_one_try_a_minute(tries, clock):
    looked_at = 0
    for _ in range(4 * 360):
        looked_at += not tries.take("a")
        clock.now += 10

    assert looked_at <= throttle.TRIES * 16 + 4 * 60


def test_many_networks_slow_one_another_down_but_each_has_a_try(tries, clock):
    for n in range(throttle.FLOOD):
        assert tries.take(f"network {n}") == 0

    assert tries.take("a lead's") == 0
    assert tries.take("a lead's") == throttle.FLOOD_PAUSE
    assert tries.take("a device", is_device=True) == 0
    assert tries.take("a device", is_device=True) == 0
    clock.now += throttle.FLOOD_PAUSE
    assert tries.take("a lead's") == 0


def test_success_is_known_for_thirty_days(tries, clock):
    assert not tries.knows("a")
    tries.succeeded("a")

    clock.now += 29 * 86400
    assert tries.knows("a")
    assert not tries.knows("b")
    clock.now += 2 * 86400
    assert not tries.knows("a")


def test_workers_count_together_and_no_address_is_written(tmp_path):
    file = tmp_path / "var" / "tries.json"

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: LoginThrottle(file).take("192.0.2.0/24"), range(40)))

    assert waits.count(0) == throttle.TRIES
    assert "192.0.2" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_the_file_stays_small(tries, tmp_path, monkeypatch):
    monkeypatch.setattr(throttle, "_MOST_CLIENTS", 150)
    for n in range(300):
        tries.take(f"network {n}")

    kept = json.loads((tmp_path / "var" / "tries.json").read_text())["tries"]

    assert len(kept) == 150
    assert tries.take("network 299") > 0


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[1]", "\0", '{"tries": 3}', '{"tries": {"a": 3}}', '{"tries": {"a": ["x"]}}',
     '{"known": 3, "tries": []}', '{"known": {"a": "x"}}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_locks_nobody_out(tmp_path, damage):
    file = tmp_path / "tries.json"
    file.write_text(damage)

    assert not LoginThrottle(file).knows("a")
    assert LoginThrottle(file).take("a") == 0
    LoginThrottle(file).succeeded("a")
    assert LoginThrottle(file).knows("a")


def test_a_clock_that_goes_back_locks_nobody_out(tries, clock):
    while not tries.take("a"):
        pass

    clock.now -= 86400

    assert tries.take("a") <= throttle.PAUSE
