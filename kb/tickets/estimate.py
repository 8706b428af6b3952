"""The share of a queue that articles answer, as an interval, from the labels of a few rows. Pure.

Rows are parted by how sure the search is of its answer. In each part they are labelled in a random
order, and the next row is taken where a further label narrows the interval most. So any number of
labels is a stratified sample, and labelling can be ended and taken up again at any row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from math import exp, sqrt
from typing import Final

import numpy as np

from kb.base.errors import KBError
from kb.base.messages import Message

PARTS: Final = 6
_LEAST_SPREAD: Final = 0.05  # guessed of a row of which the search is sure
_PRIOR: Final = 0.5  # of Jeffreys: yes and no, half a label each
_DRAWS: Final = 20_000
_TAILS: Final = (0.025, 0.975)


class NoRows(KBError):
    """There is nothing to estimate."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row to be labelled: rows with the same key have the same label."""

    key: str
    margin: float  # how sure the search is; 1 and more is an answer


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of which the search is about equally sure, in the order of labelling."""

    rows: tuple[int, ...]  # numbers


@dataclass(frozen=True, slots=True)
class Share:
    """A share of all rows, 0 to 1, with its 95 % interval."""

    mean: float
    low: float
    high: float
    labels: int  # of how many rows


def parts(rows: Sequence[Row], seed: int) -> tuple[Part, ...]:
    """The rows by how sure the search is of them, each part in a random order of its own.

    The order of two rows depends on the seed and their keys alone: it is the same when articles
    have changed, and rows are in other parts.
    """
    ordered = sorted(range(len(rows)), key=lambda at: rows[at].margin)
    spread = list(accumulate(_spread(rows[at].margin) for at in ordered))
    found: list[list[int]] = [[] for _ in range(PARTS)]
    for at, until in zip(ordered, spread, strict=True):
        found[min(PARTS - 1, int(until / spread[-1] * PARTS * (1 - 1e-9)))].append(at)
    return tuple(
        Part(tuple(sorted(part, key=lambda at: _chance(seed, rows[at].key, at))))
        for part in found
        if part
    )


def _spread(margin: float) -> float:
    """A guess of the standard deviation of the label of a row; parts have equal sums of it."""
    p = 1 / (1 + exp(min(50.0, (0.85 - margin) / 0.13)))
    return max(_LEAST_SPREAD, sqrt(p * (1 - p)))


def _chance(seed: int, key: str, at: int) -> tuple[bytes, int]:
    return blake2b(f"{seed} {key}".encode(), digest_size=8).digest(), at


def next_row(parts: Iterable[Part], label_of: Callable[[int], str | None], yes: str) -> int | None:
    """The row whose label would narrow the interval most; None: all are labelled.

    `label_of` gives the label of a row, "" where nobody can tell, None where nobody was asked.
    """
    best, most = None, -1.0
    for part in parts:
        row = next((row for row in part.rows if label_of(row) is None), None)
        if row is None:
            continue
        n, k = _counts(part, label_of, {yes})
        p = (k + _PRIOR) / (n + 2 * _PRIOR)
        gain = len(part.rows) ** 2 * p * (1 - p) / ((n + 1) * (n + 2))
        if gain > most:
            best, most = row, gain
    return best


def share(
    parts: Sequence[Part], label_of: Callable[[int], str | None], yes: Iterable[str]
) -> Share:
    """The share of rows whose label is one of `yes`, of all rows; raises NoRows for none."""
    if not parts:
        raise NoRows(Message("no rows to estimate a share of"))
    chance, wanted = np.random.default_rng(0), set(yes)
    total = sum(len(part.rows) for part in parts)
    low, high, mean, labels = np.zeros(_DRAWS), np.zeros(_DRAWS), 0.0, 0
    for part in parts:
        n, k = _counts(part, label_of, wanted)
        left = len(part.rows) - n
        drawn = chance.binomial(left, chance.beta(k + _PRIOR, n - k + _PRIOR, _DRAWS))
        # Where all labels of a part are alike, nothing pulls its share away from 0 or 1.
        low += k + (drawn if k else 0)
        high += k + (drawn if k < n else left)
        mean += len(part.rows) * (k / n if n else 0.5)
        labels += n
    ends = np.quantile(low, _TAILS[0]), np.quantile(high, _TAILS[1])
    return Share(mean / total, float(ends[0]) / total, float(ends[1]) / total, labels)


def _counts(part: Part, label_of: Callable[[int], str | None], yes: set[str]) -> tuple[int, int]:
    """How many rows were labelled up to the first that was not, and how many of them with yes.

    Only these are a random sample of the part.
    """
    n = k = 0
    for row in part.rows:
        label = label_of(row)
        if label is None:
            break
        n += bool(label)
        k += label in yes
    return n, k


def by_key(labels: Mapping[str, str], rows: Sequence[Row]) -> Callable[[int], str | None]:
    """The label of a row by its key."""
    return lambda at: labels.get(rows[at].key)
