"""Mutation testing outside CI: `python tests/mutations.py [--only WORD] [--list] [--jobs N]`.

Reads `tests/data/mutations/*.toml`, makes each change in a copy of the checkout, runs the tests
that should fail there, and prints the mutations that survive. An entry:

    [[mutation]]
    name = "what is wrong now"
    file = "kb/base/sandbox.py"               # from the checkout
    old = "MOST = 500"                  # occurs exactly once
    new = ["MOST = 0", "MOST = 5_000"]  # one text, or one for each mutation
    tests = ["tests/base/test_sandbox.py"]  # pytest arguments; above all entries: for all

Exit code 0: all were caught; 1: some survived; 2: the list does not fit the checkout.
"""

import argparse
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hatch_build import compiled  # noqa: E402 (from the checkout, wherever this is started)

LISTS = Path("tests", "data", "mutations")
SECONDS = 60.0  # the tests of a mutation may take so long, and as long as all unmutated
CRASHES = tuple(
    -number for number in (signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE)
)
LEFT_OUT = (".git", ".venv", "var", "dist", "build", "test-artefacts", ".*_cache", ".hypothesis")


class Stale(Exception):
    """A list of mutations does not fit the checkout; the text says how."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one file, and the tests that should fail then."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, root: Path) -> str:
        """The changed text of the file. Raises Stale."""
        path = root / self.file
        if not path.is_file():
            raise Stale(f"{self.name}: there is no {self.file}")
        text = path.read_text("utf-8")
        if (found := text.count(self.old)) != 1:
            raise Stale(f"{self.name}: `old` occurs {found} times in {self.file}, not once")
        if self.new == self.old:
            raise Stale(f"{self.name}: `new` is `old`")
        return text.replace(self.old, self.new)


def read(root: Path) -> list[Mutation]:
    """All mutations of a checkout, in the order of their lists. Raises Stale."""
    mutations: list[Mutation] = []
    for path in sorted((root / LISTS).glob("*.toml")):
        listed = tomllib.loads(path.read_text("utf-8"))
        for entry in listed["mutation"]:
            texts = [entry["new"]] if isinstance(entry["new"], str) else entry["new"]
            tests = tuple(entry.get("tests") or listed["tests"])
            for number, new in enumerate(texts, 1):
                name = f"{path.stem}: {entry['name']}" + f" ({number})" * (len(texts) > 1)
                mutations.append(Mutation(name, entry["file"], entry["old"], new, tests))
    names = [mutation.name for mutation in mutations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise Stale(f"two mutations have one name: {', '.join(sorted(twice))}")
    return mutations


class Copy:
    """A copy of the checkout in a folder of its own, where tests import and read nothing else."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder / "copy"
        shutil.copytree(root, self._folder, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)

    @contextmanager
    def mutated(self, mutation: Mutation) -> Iterator[None]:
        """The copy with a mutation in it; C is compiled anew. Raises Stale."""
        text = mutation.applied(self._folder)
        file = Path(mutation.file)
        library = file.with_name("libnative.so")
        try:
            (self._folder / file).write_text(text, "utf-8")
            if file.suffix == ".c":
                self._compile(file, library, mutation.name)
            yield
        finally:
            for name in (file, library, library.with_suffix(".crc")):
                if (self._root / name).exists():
                    shutil.copy2(self._root / name, self._folder / name)

    def _compile(self, source: Path, library: Path, name: str) -> None:
        """Makes the library of the copy from its source, as an installation does. Raises Stale."""
        if reason := compiled(self._folder / source, self._folder / library):
            raise Stale(f"{name}: {reason}")

    def run(
        self, tests: Sequence[str], seconds: float | None = None, *, is_shown: bool = False
    ) -> int | None:
        """The exit code of pytest in the copy; None if it did not end in time."""
        environment = os.environ | {
            "PYTHONPATH": str(self._folder),
            # The compiled files of the copy are those of the checkout; a mutation is never kept.
            "PYTHONDONTWRITEBYTECODE": "1",
            "KB_TEST_SHARED": os.environ.get(
                "KB_TEST_SHARED", str(self._root.parent / "shared" / "data")
            ),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=self._folder,
            env=environment,
            stdout=None if is_shown else subprocess.DEVNULL,
            stderr=None if is_shown else subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a run of tests with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def verdict(code: int | None, mutation: Mutation) -> str:
    """What the exit code of pytest says of a mutation. Raises Stale.

    Tests that never end, and those that a signal ends (a division by zero in C), notice it, too.
    """
    verdicts = {0: "SURVIVED", 1: "caught", None: "endless", **dict.fromkeys(CRASHES, "crashed")}
    if code not in verdicts:
        raise Stale(f"{mutation.name}: pytest ended with {code}: {' '.join(mutation.tests)}")
    return verdicts[code]


def unmutated(copy: Copy, mutations: Sequence[Mutation]) -> float:
    """Seconds that all tests take, which pytest shows. Where any fails they prove nothing: Stale.

    Tests that are named by files and names alone run together.
    """
    together: list[str] = []
    apart: list[tuple[str, ...]] = []
    for tests in dict.fromkeys(mutation.tests for mutation in mutations):
        if any(test.startswith("-") for test in tests):
            apart.append(tests)
        else:
            together += tests
    started = time.monotonic()
    for tests in filter(None, [tuple(dict.fromkeys(together)), *apart]):
        if (code := copy.run(tests, is_shown=True)) != 0:
            raise Stale(f"pytest ends with {code} without a mutation, see above")
    return time.monotonic() - started


def run(root: Path, mutations: Sequence[Mutation], jobs: int) -> list[Mutation]:
    """Tries all mutations, prints a line about each, and returns those that survived."""
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()

    def survives(mutation: Mutation) -> bool:
        copy = copies.get()
        started = time.monotonic()
        try:
            with copy.mutated(mutation):
                most = SECONDS + usual
                said = verdict(copy.run(mutation.tests, most), mutation)
        finally:
            copies.put(copy)
        print(f"{said:<9} {time.monotonic() - started:5.1f} s  {mutation.name}", flush=True)
        return said == "SURVIVED"

    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        for number in range(jobs):
            copies.put(Copy(root, Path(folder, str(number))))
        first = copies.get()
        usual = unmutated(first, mutations)
        copies.put(first)
        with ThreadPoolExecutor(jobs) as pool:
            survived = list(pool.map(survives, mutations))
    return [mutation for mutation, alive in zip(mutations, survived, strict=True) if alive]


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description="put mutations into a copy and test it")
    parser.add_argument("--only", default="", metavar="WORD", help="of list, name, file or tests")
    parser.add_argument("--list", action="store_true", help="print the names, run nothing")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="copies that run at once")
    asked = parser.parse_args(arguments)
    try:
        mutations = [
            mutation
            for mutation in read(root)
            if asked.only in f"{mutation.name} {mutation.file} {' '.join(mutation.tests)}"
        ]
        for mutation in mutations:
            mutation.applied(root)
        if asked.list:
            print(*(f"{mutation.file}: {mutation.name}" for mutation in mutations), sep="\n")
            return 0
        survived = run(root, mutations, asked.jobs)
    except Stale as error:
        print(f"stale: {error}", file=sys.stderr)
        return 2
    for mutation in survived:
        print(f"survived: {mutation.name} ({mutation.file}; {' '.join(mutation.tests)})")
    print(f"{len(mutations)} mutations, {len(survived)} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
