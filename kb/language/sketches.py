"""Sketches: small fingerprints of a text's words, by which two versions of it are compared.

A sketch is a bottom-k sample (Broder, 1997) of the hashes of a text's words: complete for texts of
up to MOST words, a fair sample of longer ones. Order, punctuation and figures are left out, so a
moved comma or another date is no change.
"""

from array import array
from collections import Counter
from hashlib import blake2b
from typing import Final

from kb.language import tokens

MOST: Final = 2_000  # words of a sketch
_WIDTH: Final = 8  # bytes of a word's hash


def sketch(text: str) -> bytes:
    """The sketch of a text: the hashes of its words, a repeated word once for each time."""
    seen: Counter[str] = Counter()
    hashes = []
    for word in tokens.plain_words(text):
        if not any(map(str.isdigit, word)):
            seen[word] += 1
            hashes.append(_hash(f"{word} {seen[word]}"))
    kept = array("Q", sorted(hashes)[:MOST])
    return kept.tobytes()


def digest(sketched: bytes) -> str:
    """A short name of a sketch; equal sketches have equal names."""
    return blake2b(sketched, digest_size=8).hexdigest()


def change(before: bytes, after: bytes) -> float:
    """The share of words that came or went between two sketches, from 0 to 1.

    The greater of what was removed and what was added counts, against the longer text.
    """
    old, new = _hashes(before), _hashes(after)
    full = [max(each) for each in (old, new) if len(each) == MOST]
    if full:  # samples are compared as far as both reach
        old, new = ({each for each in side if each <= min(full)} for side in (old, new))
    longer = max(len(old), len(new))
    return max(len(old - new), len(new - old)) / longer if longer else 0.0


def _hashes(sketched: bytes) -> set[int]:
    hashes = array("Q")
    hashes.frombytes(sketched[: len(sketched) // _WIDTH * _WIDTH])
    return set(hashes)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=_WIDTH).digest(), "little")
