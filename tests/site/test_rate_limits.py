"""How often one address may send something, counted by all workers together."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from kb.site import rate_limits
from kb.site.rate_limits import CrawlDetector, RateLimiter


def in_workers(n: int, work: Callable[[], int]) -> list[int]:
    """What each of `n` forked processes says, at most 255."""
    children = []
    for _ in range(n):
        child = os.fork()
        if child == 0:
            code = 255
            try:
                code = work()
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@pytest.fixture
def moment() -> list[float]:
    return [1000.0]


def test_all_workers_count_together() -> None:
    limits = RateLimiter()

    allowed = in_workers(
        4, lambda: sum(limits.allows("contact", "me", 10, 3600) for _ in range(10))
    )

    assert sum(allowed) == 10
    assert not limits.allows("contact", "me", 10, 3600)
    assert limits.allows("contact", "you", 10, 3600)


def test_one_worker_counts_while_others_wait(moment: list[float]) -> None:
    limits = RateLimiter(lambda: moment[0])
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        with limits._counts.locked("contact me", moment[0]) as value:
            os.write(begun, b"!")
            time.sleep(0.2)
            rate_limits._COUNTS.pack_into(value, 0, int(moment[0]), 1, *[0] * rate_limits._PARTS)
            os._exit(0)
    os.read(ready, 1)

    assert not limits.allows("contact", "me", 1, 60)

    os.waitpid(child, 0)
    os.close(ready)
    os.close(begun)


def test_a_worker_that_dies_holds_up_nobody() -> None:
    limits = RateLimiter()

    def dies() -> int:
        with limits._counts.locked("contact me", 0.0):
            os._exit(7)

    assert in_workers(1, dies) == [7]
    assert limits.allows("contact", "me", 1, 3600)


@pytest.mark.parametrize("most", [1, 3, 10])
def test_never_more_than_allowed_in_any_stretch(moment: list[float], most: int) -> None:
    limits = RateLimiter(lambda: moment[0])
    done = []
    for _ in range(2000):
        moment[0] += 0.7
        if limits.allows("vote", "me", most, 60):
            done.append(moment[0])

    assert len(done) > most
    assert all(later - first >= 60 for first, later in zip(done, done[most:], strict=False))
    assert max(b - a for a, b in zip(done, done[most:], strict=False)) <= 60 * 61 / 60 + 0.7


def test_a_household_of_many_addresses_is_one_visitor(kb: Any, write: Any, client: Any) -> None:
    write("ru/index", "Текст.", title="Начало")
    kb.rebuild()

    def votes(address: str) -> int:
        vote = {"slug": "ru/index", "helpful": True}
        sent = client.post("/api/feedback", json=vote, environ_base={"REMOTE_ADDR": address})
        return int(sent.status_code)

    assert [votes(f"2001:db8:1:1::{n:x}") for n in range(61)] == [204] * 60 + [429]
    assert votes("2001:db8:1:2::1") == 204


def test_an_attacker_with_many_addresses_takes_no_more_memory(moment: list[float]) -> None:
    limits = RateLimiter(lambda: moment[0])
    for number in range(20_000):
        moment[0] += 0.001
        assert limits.allows("contact", f"address {number}", 1, 3600)

    assert not limits.allows("contact", "address 19999", 1, 3600)


def test_a_crawler_is_found_whichever_worker_it_asks(moment: list[float]) -> None:
    crawls = CrawlDetector(30, 60.0, lambda: moment[0])
    found = in_workers(4, lambda: sum(len(crawls.add("it", f"r{n}")) for n in range(10)))

    assert sum(found) == 40
    assert crawls.add("it", "r40") == ["r40"]

    moment[0] += 60
    assert crawls.add("it", "r41") == []


def test_searches_that_are_long_ago_are_nobodys_crawl() -> None:
    crawls = CrawlDetector(3, 60.0, lambda: 5.0)  # a machine that was started five seconds ago

    assert [crawls.add("you", f"r{n}") for n in range(3)] == [[], [], []]
