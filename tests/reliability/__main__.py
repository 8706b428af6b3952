"""`make soak`: runs what holds the figures of docs/security.md in full, and prints them.

    python tests/reliability [NAME …] [--list]

Names are those of `figures.toml`; without one all of them run, one after another, in some hours. A
script's options may follow in place of the listed ones: `python tests/reliability kills -- --kills
20`. Exit 1 if a figure was not held.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what is done, what is required, and what does it."""

    name: str
    row: str
    required: str
    short: list[str]
    long: list[str]


def read() -> list[Figure]:
    """The figures in the order of the table."""
    listed = tomllib.loads((HERE / "figures.toml").read_text("utf-8"))
    return [Figure(**entry) for entry in listed["figure"]]


def arguments(command: str, options: list[str] | None = None) -> list[str]:
    """What Python is called with for a command of the list."""
    if "::" in command or command.startswith("tests/"):
        patience = ("--timeout=7200", "-o", "faulthandler_timeout=0")  # it would end us after 400 s
        return ["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *patience, command]
    script, *listed = shlex.split(command.replace("{shared}", str(SHARED)))
    return [str(HERE / script), *(listed if options is None else options)]


def run(command: str, options: list[str] | None) -> tuple[int, list[str]]:
    """Runs a command; its exit code and what it measured, or else the last line it said."""
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "index")))
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-u", *arguments(command, options)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": paths, "KB_TEST_FULL": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            said.append(line.rstrip())
            if not line.startswith("measured: "):
                print(f"    {line.rstrip()}", flush=True)
    told = [line.removeprefix("measured: ") for line in said if line.startswith("measured: ")]
    return process.returncode, told or [line for line in said if line][-1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true", help="print the names and run nothing")
    given, _, options = " ".join(sys.argv[1:]).partition(" -- ")
    chosen = parser.parse_args(shlex.split(given))
    figures = {figure.name: figure for figure in read()}
    if unknown := set(chosen.names) - set(figures):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; --list names them")
    missed = 0
    for name in chosen.names or figures:
        figure = figures[name]
        print(f"{name}: {figure.row}\n  required: {figure.required}", flush=True)
        for command in [] if chosen.list else figure.long:
            if "{shared}" in command and not SHARED.is_dir():
                print(f"  left out, no shared data: {command}")
                continue
            began = time.monotonic()
            code, told = run(command, shlex.split(options) if options else None)
            missed += code != 0
            for line in told:
                print(f"  measured: {line}")
            state = "held" if code == 0 else f"NOT HELD (exit {code})"
            shown = f"{command} (with {options})" if options else command
            print(f"  {state} in {time.monotonic() - began:.0f} s: {shown}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
