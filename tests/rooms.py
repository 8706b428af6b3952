"""How many tests stand in which room: `python tests/rooms.py`. Runs none of them."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def room_of(file: str) -> str:
    """The room of a test file: its folder below tests/, or the module that it tests."""
    folder, _, name = file.rpartition("/")
    return folder or name.removeprefix("test_").removesuffix(".py")


def count() -> Counter[str]:
    """Collects all tests; a case of a parametrised test counts as one."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-q", str(TESTS)]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=True)
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        file, _, number = line.removeprefix("tests/").partition(": ")
        if number.isdigit():
            found[room_of(file)] += int(number)
    return found


if __name__ == "__main__":
    numbers = count()
    for name, number in numbers.most_common():
        print(f"{name:<12}{number:>6}")
    print(f"{'all':<12}{numbers.total():>6}")
