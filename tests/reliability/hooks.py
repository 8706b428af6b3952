"""Kills those who publish articles and tell of them; prints what a failing receiver did not hear.

    PYTHONPATH=.:tests python tests/reliability/hooks.py --articles 300 --kills 50

A builder writes articles, some at a time, and publishes each time; a deliverer looks for what is
new and tells it to a receiver that refuses, hangs up after it has taken an event, or takes it, half
the time each way. Both are killed by SIGKILL at random moments and started again. In the end each
article but those of the first build must have been told as published, by one event.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import help_desks
from reliability.outbox import WAITS, child

from kb.base.config import Hook, Settings
from kb.base.errors import BuildBusy, BuildFailed, LogUnavailable
from kb.jobs import delivery
from kb.service import KnowledgeBase

FIRST = 3  # articles of the build that tells nothing
SOME = 3  # articles at a time, at most


def publish(settings: Settings, articles: int) -> None:
    """Writes the articles that are missing, and publishes after some."""
    kb = KnowledgeBase(settings)
    for n in range(articles):
        file = settings.articles / f"n{n:04}.md"
        if not file.exists():
            draft = file.with_suffix(".new")
            draft.write_text(f"# Article {n}\n\nText {n}.", "utf-8")
            draft.rename(file)
        if n % SOME == 0 or n == articles - 1:
            _rebuild(kb)


def _rebuild(kb: KnowledgeBase) -> None:
    while True:
        try:
            kb.rebuild(hurried=True)
            return
        except (BuildBusy, BuildFailed):
            time.sleep(0.05)


def tell(settings: Settings) -> None:
    """Looks and delivers until killed."""
    delivery.LEASE = timedelta(seconds=2)
    kb = KnowledgeBase(settings)
    while True:
        try:
            kb.announce()
            deliverer = delivery.Deliverer(settings, kb.log, kb.now, waits=WAITS)
            if deliverer.deliver_due(most=100) == delivery.Delivered():
                time.sleep(0.02)
        except LogUnavailable:
            time.sleep(0.05)


def run(folder: Path, articles: int, kills: int, *, seed: int = 1) -> Counter[str]:
    """What came of it: events lost and doubled."""
    rng = random.Random(seed)
    told: Counter[str] = Counter()
    with help_desks.opened(_failing(told)) as kept:
        settings = Settings(
            articles=folder / "articles", data=folder / "var", hooks=(Hook(url=kept.url),)
        )
        settings.articles.mkdir()
        kb = KnowledgeBase(settings)
        for n in range(FIRST):
            (settings.articles / f"n{n:04}.md").write_text(f"# Article {n}\n\nText {n}.", "utf-8")
        kb.rebuild()
        kb.close()
        working = {
            child(work, *arguments): (work, arguments)
            for work, arguments in ((publish, (settings, articles)), (tell, (settings,)))
        }
        while kills > 0:
            time.sleep(0.6 * rng.random())
            kills -= 1
            told["kills"] += 1
            victim = rng.choice(list(working))
            _end(victim)
            work, arguments = working.pop(victim)
            working[child(work, *arguments)] = (work, arguments)
        publisher = next(pid for pid, (work, _) in working.items() if work is publish)
        os.waitpid(publisher, 0)
        _wait_until_all_is_told(settings, articles)
        _end(next(pid for pid in working if pid != publisher))
    events = Counter(ticket["slug"] for ticket in kept.tickets)
    wanted = {f"n{n:04}" for n in range(FIRST, articles)}
    return told + Counter(
        {
            "published": len(wanted),
            "told": len(events),
            "lost": len(wanted - events.keys()),
            "told as two events": sum(n > 1 for n in events.values()),
            "told though it should not be": len(events.keys() - wanted),
        }
    )


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _failing(told: Counter[str]):
    """A receiver that keeps each event once by its id, and fails half the time."""
    seen: set[str] = set()
    rng = random.Random(7)

    def answer(kept, method, path, headers, body):
        told["requests"] += 1
        fate = rng.random()
        if fate < 0.25:
            told["refused"] += 1
            return 503, {"error": "busy"}
        if headers["webhook-id"] in seen:
            told["repeated, dropped by id"] += 1
        else:
            seen.add(headers["webhook-id"])
            kept.tickets.append({"slug": json.loads(body)["data"]["slug"]})
        if fate < 0.5:  # taken, but the sender is not told
            told["hung up"] += 1
            raise ConnectionAbortedError
        return 200, {}

    return answer


def _wait_until_all_is_told(settings: Settings, articles: int, patience: float = 600.0) -> None:
    kb = KnowledgeBase(settings)
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        kb.announce()
        if not kb.log.outbox.health().waiting and kb.status().articles == articles:
            break
        time.sleep(0.2)
    kb.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        told = run(Path(folder), options.articles, options.kills, seed=options.seed)
    for name in (*told, "lost", "told as two events"):
        print(f"{name:>30}  {told[name]:,}")
    print(f"{'seconds':>30}  {time.monotonic() - began:.0f}")
    return 1 if told["lost"] or told["told as two events"] else 0


if __name__ == "__main__":
    sys.exit(main())
