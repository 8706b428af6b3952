"""Differences of two texts, in blocks and in words, as people read them. Knows no HTML."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Indel

SAME, ADDED, REMOVED, GAP = "", "added", "removed", "gap"
_ALIKE = 0.45  # share of words in common from which on a block is the other one changed
_MOST_PAIRS = 2_500  # pairs of blocks that are compared at one place
_MOST_WORDS = 4_000  # of two blocks that are compared by words
_MOST_CELLS = 25_000_000  # product of the blocks of two texts; more would take seconds and memory
_AROUND = 8  # unchanged words that are shown around a change
_WORD = re.compile(r"\S+\s*")


class Block(NamedTuple):
    """A paragraph, heading, item or row, and the heading that it stands under."""

    text: str
    heading: str = ""


class Part(NamedTuple):
    """A piece of text and what became of it: SAME, ADDED, REMOVED, or a GAP of unchanged text."""

    text: str
    kind: str = SAME


class ChangedBlock(NamedTuple):
    """A block that is not as it was."""

    heading: str
    parts: tuple[Part, ...]

    @property
    def kind(self) -> str:
        """ADDED or REMOVED if that is all of it, else SAME."""
        kinds = {part.kind for part in self.parts}
        return kinds.pop() if len(kinds) == 1 else SAME


def changes(old: Sequence[Block], new: Sequence[Block]) -> list[ChangedBlock]:
    """The blocks in which two texts differ, in reading order."""
    found: list[ChangedBlock] = []
    removed: list[Block] = []
    added: list[Block] = []
    for tag, start, end, to, until in _opcodes(old, new):
        if tag == "equal":
            found += _run(removed, added)
            removed, added = [], []
        removed += old[start:end] if tag == "delete" else ()
        added += new[to:until] if tag == "insert" else ()
    return [*found, *_run(removed, added)]


def _opcodes(
    old: Sequence[Block], new: Sequence[Block]
) -> Iterator[tuple[str, int, int, int, int]]:
    before, after = [block.text for block in old], [block.text for block in new]
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    end, until = len(before) - tail, len(after) - tail
    if (end - head) * (until - head) > _MOST_CELLS:  # all that lies between is another text
        yield "equal", 0, head, 0, head
        yield "delete", head, end, head, head
        yield "insert", end, end, head, until
        yield "equal", end, len(before), until, len(after)
        return
    for op in Indel.opcodes(before, after):
        yield op.tag, op.src_start, op.src_end, op.dest_start, op.dest_end


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many texts are the same at the beginning of both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _run(removed: Sequence[Block], added: Sequence[Block]) -> Iterator[ChangedBlock]:
    """The blocks of one place: those that are alike as one changed block, in the new order."""
    pairs: list[int | None] = []
    left = 0
    for block in added:
        is_few = len(removed) * len(added) <= _MOST_PAIRS
        at = _alike(removed, left, block) if is_few else None
        pairs.append(at)
        left = left if at is None else at + 1
    told = 0
    for block, at, following in zip(added, pairs, _next_pairs(pairs, len(removed)), strict=True):
        yield from map(_removed, removed[told:following])
        told = following
        if at is None:
            yield ChangedBlock(block.heading, (Part(block.text, ADDED),))
        else:
            yield ChangedBlock(block.heading, tuple(_parts(removed[at].text, block.text)))
            told = at + 1
    yield from map(_removed, removed[told:])


def _next_pairs(pairs: Sequence[int | None], last: int) -> list[int]:
    """For each place the pair there, or else the next one; `last` behind all of them."""
    found = []
    for pair in reversed(pairs):
        last = last if pair is None else pair
        found.append(last)
    return found[::-1]


def _removed(block: Block) -> ChangedBlock:
    return ChangedBlock(block.heading, (Part(block.text, REMOVED),))


def _alike(candidates: Sequence[Block], start: int, block: Block) -> int | None:
    """The first of the blocks from `start` on that is like another enough to be it, changed."""
    words = _words(block.text)
    for at in range(start, len(candidates)):
        other = _words(candidates[at].text)
        if len(words) + len(other) > _MOST_WORDS:
            continue
        if Indel.normalized_similarity(other, words) >= _ALIKE:
            return at
    return None


def _words(text: str) -> list[str]:
    return [word.strip() for word in _WORD.findall(text)]


def _parts(old: str, new: str) -> Iterator[Part]:
    """The words of a changed block, long stretches of unchanged ones cut."""
    before, after = _words(old), _words(new)
    codes = list(Indel.opcodes(before, after))
    removed: list[str] = []
    added: list[str] = []
    for number, op in enumerate(codes):
        if op.tag == "equal":
            yield from _changed(removed, added)
            removed, added = [], []
            words = after[op.dest_start : op.dest_end]
            yield from _shortened(words, number == 0, number == len(codes) - 1)
        elif op.tag == "delete":
            removed += before[op.src_start : op.src_end]
        else:
            added += after[op.dest_start : op.dest_end]
    yield from _changed(removed, added)


def _changed(removed: Sequence[str], added: Sequence[str]) -> Iterator[Part]:
    """What stood at one place, and what stands there now."""
    if removed:
        yield Part(" ".join(removed), REMOVED)
    if added:
        yield Part(" ".join(added), ADDED)


def _shortened(words: Sequence[str], is_first: bool, is_last: bool) -> Iterator[Part]:
    """Unchanged words, but for those that are far from any change."""
    head = 0 if is_first else _AROUND
    tail = 0 if is_last else _AROUND
    if len(words) <= head + tail + 2:
        yield Part(" ".join(words))
        return
    if head:
        yield Part(" ".join(words[:head]))
    yield Part("…", GAP)
    if tail:
        yield Part(" ".join(words[-tail:]))
