"""What readers ask a server, question by question or letter by letter. Asks nothing itself."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from benchmarks.lib import corpora

READERS = 20  # who type at the same time
ZIPF = 1.1  # the nth most frequent question is typed in proportion to n to the −1.1


def distinct(asked: Sequence[str], number: int) -> Iterator[str]:
    """All questions in an order of this number, and again."""
    mixed = random.Random(f"{number} {corpora.SEED}").sample(asked, len(asked))
    while True:
        yield from mixed


def typed(asked: Sequence[str], number: int, readers: int = READERS) -> Iterator[str]:
    """What the boxes of so many readers hold at each letter, some questions typed often."""
    chance = random.Random(f"{number} {corpora.SEED}")
    weights = list(accumulate((rank + 1) ** -ZIPF for rank in range(len(asked))))
    runs: list[Iterator[str]] = [iter(()) for _ in range(readers)]
    while True:
        reader = chance.randrange(readers)
        held = next(runs[reader], None)
        if held is None:
            runs[reader] = iter(corpora.keystrokes(chance.choices(asked, cum_weights=weights)))
        else:
            yield held
