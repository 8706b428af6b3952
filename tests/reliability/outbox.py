"""Kills those who store and deliver letters, and lets the receiver fail; prints what was lost.

    PYTHONPATH=.:tests python tests/reliability/outbox.py --letters 10000 --kills 50

Writers store letters and note each that was acknowledged; deliverers send them to a receiver that
refuses, hangs up after it has taken a letter, or takes it, half the time each way. All are killed
by SIGKILL at random moments and started again. The receiver drops what it has by its idempotency
key. In the end each acknowledged letter must have arrived, and none twice.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import help_desks

from kb.base.config import Settings
from kb.base.errors import LogUnavailable
from kb.jobs import delivery
from kb.letters import channels
from kb.searchlog.db.letter_models import LetterFilter, NewLetter
from kb.searchlog.db.log import SearchLog

WAITS = (0.05, 0.1, 0.2)  # seconds: a week in a few of them


def store(settings: Settings, notes: Path, name: int, letters: int) -> None:
    """Stores letters; the first is the one after the last that was noted."""
    log = SearchLog(settings.log_url)
    file = os.open(notes / f"{name}.acknowledged", os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    known = os.read(file, 1 << 26).decode().count("\n")
    for n in range(known, letters):
        key = f"letter-{name}-{n}"
        new = NewLetter(key, f"Письмо {key}", f"{key}@example.com", form=key)
        while True:
            try:
                log.letters.store(
                    new, datetime.now(UTC), deliveries=channels.of_letter(settings, key)
                )
                break
            except LogUnavailable:  # locked for too long: whoever writes sends again
                time.sleep(0.05)
        os.write(file, f"{key}\n".encode())


def deliver(settings: Settings) -> None:
    """Delivers until killed."""
    delivery.LEASE = timedelta(seconds=2)
    log = SearchLog(settings.log_url)
    now = lambda: datetime.now(UTC)  # noqa: E731
    deliverer = delivery.Deliverer(settings, log, now, waits=WAITS)
    while True:
        try:
            if deliverer.deliver_due(most=100) == delivery.Delivered():
                time.sleep(0.02)
        except LogUnavailable:
            time.sleep(0.05)


def child(work, *arguments) -> int:
    """Runs a function in a process of its own."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work(*arguments)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def run(folder: Path, letters: int, kills: int, *, writers: int = 2, seed: int = 1) -> Counter[str]:
    """What came of it: letters acknowledged, lost, arrived twice."""
    rng = random.Random(seed)
    told: Counter[str] = Counter()
    with help_desks.opened(_failing(told)) as kept:
        settings = Settings(data=folder, letters_webhook=kept.url)
        SearchLog(settings.log_url).close()
        each = letters // writers
        working = {child(store, settings, folder, n, each): n for n in range(writers)}
        sender = child(deliver, settings)
        pace = max(0.05, letters / 150 / max(kills, 1))  # seconds between two kills
        while working or kills > 0:
            time.sleep(pace * rng.random() * 2)
            for pid in list(working):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    name = working.pop(pid)
                    if status:
                        working[child(store, settings, folder, name, each)] = name
            if kills <= 0:
                continue
            kills -= 1
            told["kills"] += 1
            victim = rng.choice([sender, *working])
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            if victim == sender:
                sender = child(deliver, settings)
            else:
                name = working.pop(victim)
                working[child(store, settings, folder, name, each)] = name
        _wait_until_all_is_sent(settings)
        os.kill(sender, signal.SIGKILL)
        os.waitpid(sender, 0)
    return told + _compared(settings, folder, kept)


def _failing(told: Counter[str]):
    """A receiver that keeps each letter once by its key, and fails half the time."""
    seen: set[str] = set()
    rng = random.Random(7)

    def answer(kept, method, path, headers, body):
        told["requests"] += 1
        fate = rng.random()
        if fate < 0.25:
            told["refused"] += 1
            return 503, {"error": "busy"}
        key = headers["Idempotency-Key"]
        if key in seen:
            told["repeated, dropped by key"] += 1
        else:
            seen.add(key)
            kept.tickets.append({"key": key})
        if fate < 0.5:  # taken, but the sender is not told
            told["hung up"] += 1
            raise ConnectionAbortedError
        return 200, {}

    return answer


def _wait_until_all_is_sent(settings: Settings, patience: float = 600.0) -> None:
    log = SearchLog(settings.log_url)
    ends = time.monotonic() + patience
    while log.outbox.health().waiting and time.monotonic() < ends:
        time.sleep(0.2)
    log.close()


def _compared(settings: Settings, folder: Path, kept: help_desks.Received) -> Counter[str]:
    acknowledged = {
        line for file in folder.glob("*.acknowledged") for line in file.read_text().splitlines()
    }
    log = SearchLog(settings.log_url)
    stored = log.letters.find(LetterFilter()).total
    log.close()
    arrived = Counter(ticket["key"].removesuffix("-webhook") for ticket in kept.tickets)
    return Counter(
        {
            "acknowledged": len(acknowledged),
            "stored": stored,
            "arrived": len(arrived),
            "lost": len(acknowledged - arrived.keys()),
            "arrived twice": sum(n > 1 for n in arrived.values()),
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        told = run(Path(folder), options.letters, options.kills, seed=options.seed)
    for name in (*told, "lost", "arrived twice"):
        print(f"{name:>28}  {told[name]:,}")
    print(f"{'seconds':>28}  {time.monotonic() - began:.0f}")
    return 1 if told["lost"] or told["arrived twice"] else 0


if __name__ == "__main__":
    sys.exit(main())
