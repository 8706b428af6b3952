"""Damaged arrays given to the kernel in C, under the address and undefined-behaviour sanitizers.

`findings` runs trials in a process whose library watches every access. A trial changes numbers in
one to three arrays of a corpus, as no checksum and no check at opening would let through, and asks
some queries; the kernel may answer anything or refuse, but must not read what is not its own.
"""

import ctypes
import os
import random
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hatch_build import compiled
from kb.ranking.kernels import c_kernel, structs

QUERIES = 3  # of a trial
_WRAPS = (-1, 1, 0, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, -(2**62), 2**63 - 1, -(2**63))


def watched(folder: Path, source: Path = c_kernel.SOURCE) -> tuple[Path, dict[str, str]] | str:
    """A library that watches every access and the environment it needs; or why there is none."""
    library = folder / "watched.so"
    reason = compiled(
        source, library, "-g", "-O1", "-fno-omit-frame-pointer",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    )  # fmt: skip
    if reason:
        return f"no sanitizers: {reason.splitlines()[0]}"
    compiler = os.environ.get("CC", sysconfig.get_config_var("CC") or "cc").split()[0]
    runtime = subprocess.check_output([compiler, "-print-file-name=libasan.so"], text=True).strip()
    if not Path(runtime).is_absolute():
        return "no sanitizers' runtime"
    return library, {
        **os.environ,
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


# What is worked out of arrays before C gets it.
_LENGTHS = ("content", "title", "line", "first_line", "words_of_line", "claims")


@dataclass(frozen=True, slots=True)
class Finding:
    """A trial that the sanitizers, or the system, ended."""

    trial: int
    said: str


def findings(
    library: Path, environment: dict[str, str], folder: Path, trials: int, first: int = 0
) -> Iterator[Finding]:
    """The trials that end their process, from number `first` on; each goes on after the last.

    Raises RuntimeError if a process ends otherwise than by a finding.
    """
    begin, end = first, first + trials
    while begin < end:
        done = subprocess.run(
            [sys.executable, __file__, str(library), str(folder), str(begin), str(end)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        numbers = [int(line) for line in done.stdout.split() if line.isdigit()]
        if done.returncode == 0 and numbers == list(range(begin, end)):
            return
        if not numbers:
            raise RuntimeError(done.stderr[-3000:])
        yield Finding(numbers[-1], f"{done.returncode} {_told(done.stderr)}")
        begin = numbers[-1] + 1


def _told(stderr: str) -> str:
    """What the sanitizer found, in its own words, and where."""
    lines = [line.strip() for line in stderr.splitlines()]
    found = [line for line in lines if "ERROR: " in line or "runtime error: " in line]
    where = [line for line in lines if "native.c" in line and line.startswith("#")]
    return "; ".join([*found[:1], *where[:1]]) or "".join(lines[-1:])


def damage(values: NDArray[Any], rng: random.Random) -> NDArray[Any]:
    """A copy with some numbers changed."""
    changed = values.copy()
    if not len(changed):
        return changed
    if changed.dtype.kind == "f":
        places, worth = _some(len(changed), rng), [0.0, -1.0, 3e38, -3e38, 1e-40]
        changed[places] = rng.choice(worth)
        return changed
    kind = rng.randrange(5)
    places = _some(len(changed), rng)
    raw = changed.view(f"u{changed.itemsize}")
    bits = 8 * changed.itemsize
    if kind == 0:  # the ends of what the numbers can be
        raw[places] = rng.choice(_WRAPS) % 2**bits
    elif kind == 1:  # one bit
        raw[places] ^= raw.dtype.type(1 << rng.randrange(bits))
    elif kind == 2:  # a little more or less, so that the sum of two wraps or just fits
        raw[places] += raw.dtype.type(rng.choice([-2, -1, 1, 2, len(values)]) % 2**bits)
    elif kind == 3:  # another number of the same array
        changed[places] = changed[rng.randrange(len(changed))]
    else:  # neighbours so far apart that their difference wraps
        raw[places] = rng.choice(_WRAPS) % 2**bits
        raw[places[places > 0] - 1] = rng.choice(_WRAPS) % 2**bits
    if changed.dtype == np.bool_:
        changed.view(np.uint8)[:] &= 1
    return changed


def _some(count: int, rng: random.Random) -> NDArray[np.int64]:
    many = rng.choice([1, 1, 2, max(1, count // 10), count])
    return np.array(rng.sample(range(count), min(many, count)), np.int64)


# ---------------------------------------------------------------- the watched process


def _trials(folder: Path, begin: int, end: int) -> None:
    """Says each number before its trial begins."""
    import bases

    from kb.language import query as queries

    rng = random.Random(1)
    base = bases.made_up(folder / f"base-{begin}", count=40, seed=21)
    corpus = base.catalog().reader.corpus
    asked = [queries.parse(raw) for raw in bases.strange_queries(rng, bases.WORDS, 300)]
    for number in range(begin, end):
        print(number, flush=True)
        rng = random.Random(number)
        with _damaged(corpus, rng):
            _ask(corpus, rng.sample(asked, QUERIES))


@contextmanager
def _damaged(corpus: Any, rng: random.Random) -> Iterator[None]:
    """The corpus with some numbers changed, in memory that belongs to each array alone."""
    (segment,) = corpus.segments
    kept, scores = segment.arrays, corpus.scores
    arrays = {name: np.array(values) for name, values in kept.items()}
    lengths, of = c_kernel.LengthNorms, c_kernel.LengthNorms(corpus)
    names = [*structs.ARRAYS, *_LENGTHS]
    pointing = ["first_line", *(name for name in names if name.endswith((".ptr", ".offsets")))]
    for name in {rng.choice(rng.choice([names, pointing])) for _ in range(rng.randint(1, 3))}:
        if name == "scores":
            corpus.scores = (damage(scores[0], rng),)
        elif name in _LENGTHS:
            setattr(of, name, damage(getattr(of, name), rng))
        else:
            arrays[name] = damage(arrays[name], rng)
    segment.arrays = arrays
    c_kernel.LengthNorms = lambda _: of
    try:
        yield
    finally:
        segment.arrays, corpus.scores, c_kernel.LengthNorms = kept, scores, lengths
        for table in (segment.rows() for segment in corpus.segments):
            table[:] = 0


def _ask(corpus: Any, asked: list[Any]) -> None:
    from kb.base.errors import IndexDamaged
    from kb.language.synonyms import Synonyms
    from kb.ranking.ranker import Ranker

    library = c_kernel.library()
    assert library is not None
    # What numpy refuses before C is asked, or of what C answered, is refused as well.
    refused = (IndexDamaged, MemoryError, IndexError, ValueError, OverflowError)
    try:
        ranker = Ranker(corpus, Synonyms(), 0.6, c_kernel.CKernel(library, corpus))
    except refused:
        return
    for query in asked:
        try:
            ranked = ranker.rank(query, corpus.live.copy(), query.lang)
            ranker.excerpts(ranked, ranked.docs[:10].tolist())
        except refused:
            continue


if __name__ == "__main__":
    c_kernel.LIBRARY = Path(sys.argv[1])
    c_kernel.SEAL = ctypes.CDLL(sys.argv[1]).kb_seal() & 0xFFFFFFFF  # of whichever source it is
    np.seterr(all="ignore")
    _trials(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
