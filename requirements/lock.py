"""Locks the versions and hashes of what `make` installs, with uv. Installs nothing.

    lock.py covers              say why the locks do not cover this Python or system, or nothing
    lock.py refresh [--upgrade] write all locks beside this file; pins that still fit stay
    lock.py resolve newest|oldest PYTHON FILE
                                write what the bounds of pyproject.toml allow on this system

Only `covers` is asked on every machine; it needs nothing but Python.
"""

import platform
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent / "pyproject.toml"

# `refresh` proves that each lock has a wheel of everything for each of these.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {  # as Python and as uv call them
    ("linux", "x86_64"): "x86_64-manylinux_2_28",
    ("linux", "aarch64"): "aarch64-manylinux_2_28",
    ("darwin", "arm64"): "aarch64-apple-darwin",
}
GLIBC, MACOS = (2, 28), (13,)  # the oldest that uv has in mind with these names

UV = (sys.executable, "-m", "uv", "pip")
COMPILE = (*UV, "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate")
HEADER = "# Written by `make lock` from pyproject.toml; pip takes nothing that differs.\n"


def uncovered() -> str:
    """The name of this Python or system if the locks do not cover it, or nothing."""
    version = ".".join(platform.python_version_tuple()[:2])
    is_free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED")
    is_usual = sys.implementation.name == "cpython" and not is_free_threaded
    if not is_usual or version not in PYTHONS:
        return f"{platform.python_implementation()} {sys.version.partition(' (')[0]}"
    if (sys.platform, platform.machine()) not in SYSTEMS:
        return f"{platform.system()} on {platform.machine()}"
    if sys.platform == "darwin":
        release = platform.mac_ver()[0]
        return "" if _numbers(release) >= MACOS else f"macOS {release}"
    library, release = platform.libc_ver()
    if library != "glibc" or _numbers(release) < GLIBC:
        return f"Linux with {library or 'another C library'} {release}".rstrip()
    return ""


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())


def refresh(*options: str) -> None:
    """Writes the locks; what is needed to serve is pinned as it is for tests."""
    dev, serve, postgresql = HERE / "dev.txt", HERE / "serve.txt", HERE / "postgresql.txt"
    opensearch = HERE / "opensearch.txt"
    uv, audit = HERE / "uv.txt", HERE / "audit.txt"
    universal = ("--universal", "--python-version", PYTHONS[0], *options)
    _compile(dev, str(PROJECT), "-", "--extra", "dev", *universal)
    tested = ("--constraint", str(dev), *universal)
    _compile(serve, str(PROJECT), "-", *tested)
    _compile(postgresql, str(PROJECT), "-", "--extra", "postgresql", *tested)
    with_cluster = ("--extra", "postgresql", "--extra", "opensearch")
    _compile(opensearch, str(PROJECT), "-", *with_cluster, *tested)
    _compile(uv, "-", *universal, requirements=["uv"])
    _compile(audit, "-", *universal, requirements=["pip-audit", "cyclonedx-bom"])
    for lock in (dev, serve, postgresql, opensearch, uv, audit):
        for system in SYSTEMS.values():
            for version in PYTHONS:
                _prove(lock, system, version)


def resolve(which: str, python: str, file: str) -> None:
    """Writes the newest or oldest versions that pyproject.toml allows and this system has."""
    resolution = {"newest": "highest", "oldest": "lowest-direct"}[which]
    options = ("--resolution", resolution, "--upgrade", "--only-binary", ":all:")
    _compile(Path(file), str(PROJECT), "-", "--extra", "dev", "--python", python, *options)


def _compile(lock: Path, *arguments: str, requirements: list[str] | None = None) -> None:
    """Runs uv; `-` among the arguments stands for the requirements, which build the package."""
    if requirements is None:
        requirements = tomllib.loads(PROJECT.read_text("utf-8"))["build-system"]["requires"]
    command = [*COMPILE, *arguments, "--output-file", str(lock)]
    subprocess.run(
        command, input="\n".join(requirements), text=True, check=True, stdout=subprocess.DEVNULL
    )
    lock.write_text(HEADER + lock.read_text("utf-8"), "utf-8")


def _prove(lock: Path, system: str, version: str) -> None:
    """Fails where the lock has no wheel of something for this system and version."""
    target = ("--python-platform", system, "--python-version", version)
    wheels = ("--only-binary", ":all:", "--require-hashes", "--requirement", str(lock))
    with tempfile.TemporaryDirectory() as nowhere:
        command = [*UV, "install", "--quiet", "--dry-run", "--target", nowhere, *target, *wheels]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["covers"]:
            print(uncovered())
        case ["refresh", *options]:
            refresh(*options)
        case ["resolve", which, python, file]:
            resolve(which, python, file)
        case _:
            sys.exit(__doc__)
