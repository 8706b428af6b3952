"""From `pip install` of the wheel in an empty environment to the first answer. Judges no answer.

`python benchmarks/install.py [--python python3.13] [--wheel FILE] [--locked]`

The environment is new and pip keeps nothing from before, so that packages come from the network;
then `kb serve` runs in an empty folder, where it indexes and serves the manual. `--locked` installs
the versions of requirements/serve.txt by their hashes first.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # benchmarks/http.py must not stand in for the library's `http`

import urllib.request


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python", default=sys.executable, help="what the environment is made with"
    )
    parser.add_argument("--wheel", type=Path, help="else one is built of this checkout")
    parser.add_argument("--locked", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = options.wheel or built(folder)
        run([options.python, "-m", "venv", folder / "venv"])
        began = time.perf_counter()
        pip = [folder / "venv/bin/pip", "install", "--quiet", "--no-cache-dir"]
        if options.locked:
            lock = ROOT / "requirements" / "serve.txt"
            run([*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", lock])
        run([*pip, wheel])
        installed = time.perf_counter()
        (folder / "empty").mkdir()
        slug = first_answer(folder / "venv/bin/kb", folder / "empty")
        answered = time.perf_counter()
    print(f"pip install: {installed - began:.1f} s")
    print(f"kb serve to first answer ({slug}): {answered - installed:.1f} s")
    print(f"together: {answered - began:.1f} s")
    return 0


def run(command: Sequence[object]) -> None:
    """Runs a command outside the checkout; raises CalledProcessError."""
    subprocess.run([str(part) for part in command], cwd="/", check=True)


def built(folder: Path) -> Path:
    """The wheel of this checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def first_answer(kb: Path, folder: Path) -> str:
    """Starts the service in a folder, asks it as soon as it says where it is, and stops it."""
    command = [kb, "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address
            with urllib.request.urlopen(f"{address[0]}api/search?q=nginx", timeout=60) as answer:
                return str(json.load(answer)["results"][0]["slug"])
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
