"""Runs each instruction of deploy/Containerfile in a root made by debootstrap, then the image.

    sudo python tests/reliability/image.py [--suite trixie | --base ROOT] [--keep FOLDER]

For machines without a container engine. The base is what debootstrap makes instead of the image
that `FROM` names. The service then runs as in deploy/compose.yml: as the user of the image, its
root read-only, without capabilities. Prints the size of the image, the exit code of the health
check and an answer. Needs root and a Debian mirror; leaves nothing mounted.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "Containerfile"
PORT = 8917


@dataclass
class Stage:
    """A root in the making, and what its instructions have set so far."""

    root: Path
    folder: str = "/"
    user: str = "0:0"
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    health: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def below(self, path: str) -> Path:
        """A path of the image as this machine sees it."""
        return self.root / os.path.join(self.folder, path).lstrip("/")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Containerfile, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


def build(folder: Path, base: Path) -> Stage:
    """The last stage of the Containerfile, each of whose instructions was carried out."""
    stages: dict[str, Stage] = {}
    stage = Stage(base)
    for name, rest in instructions(FILE.read_text("utf-8")):
        print(f"{name} {rest}"[:110], flush=True)
        match name:
            case "FROM":
                alias = rest.partition(" AS ")[2] or "image"
                subprocess.run(["cp", "-a", base, folder / alias], check=True)
                stages[alias] = stage = Stage(folder / alias)
            case "RUN":
                within(stage, ["sh", "-c", rest])
            case "COPY":
                copy(stage, stages, shlex.split(rest))
            case "ENV":
                stage.env |= dict(part.split("=", 1) for part in shlex.split(rest))
            case "WORKDIR":
                stage.folder = os.path.join(stage.folder, rest)
                stage.below("").mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = rest
            case "HEALTHCHECK":
                stage.health = json.loads(rest.partition(" CMD ")[2])
            case "CMD":
                stage.command = json.loads(rest)
            case "ARG":
                argument, _, default = rest.partition("=")
                stage.env[argument] = os.environ.get(argument, default)
            case "VOLUME" | "EXPOSE" | "STOPSIGNAL":
                pass  # an engine's business
            case _:
                raise SystemExit(f"{FILE}: {name} is not known here")
    return stage


def copy(stage: Stage, stages: dict[str, Stage], words: list[str]) -> None:
    """COPY: from the checkout as `.dockerignore` leaves it, or from another stage."""
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *names, last = words
    target = stage.below(last)
    if last.endswith("/") or len(names) > 1:
        target.mkdir(parents=True, exist_ok=True)
    for name in names:
        one = source / name.lstrip("/")
        if not one.is_dir():
            shutil.copy(one, target / one.name if target.is_dir() else target)
        elif source == ROOT:
            left_out = shutil.ignore_patterns("__pycache__", "libnative.*")
            shutil.copytree(one, target, dirs_exist_ok=True, ignore=left_out)
        else:
            subprocess.run(["cp", "-a", one, target], check=True)


def within(stage: Stage, command: list[str]) -> None:
    """Runs a command in the root of a stage, or ends the program with what it said."""
    shutil.copy("/etc/resolv.conf", stage.below("/etc/resolv.conf"))
    env = stage.env | {"DEBIAN_FRONTEND": "noninteractive"}
    if certificates := os.environ.get("PIP_CERT"):  # this machine reaches PyPI through a mirror
        shutil.copy(certificates, stage.below("/root/mirror.crt"))
        env["PIP_CERT"] = "/root/mirror.crt"
    moved = ["sh", "-c", 'cd "$0" && exec "$@"', stage.folder, *command]
    done = subprocess.run(["chroot", stage.root, *moved], env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}exit {done.returncode}: {command}")


# As deploy/compose.yml runs it: all of the root is read-only but /data and /tmp.
RUN = """
set -e
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
for device in null zero random urandom; do
  touch "$ROOT/dev/$device"; mount --bind "/dev/$device" "$ROOT/dev/$device"
done
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mkdir -p "$ROOT/dev/shm"; mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
mount --bind "$ROOT/data" "$ROOT/data"
mount -o remount,bind,ro "$ROOT"
exec "$@"
"""


def inside(image: Stage, command: list[str], **more: str) -> list[str]:
    """The command as an engine would start it: its user, its environment, no capabilities."""
    uid, gid = image.user.split(":")
    env = [f"{name}={value}" for name, value in (image.env | more).items()]
    return [
        "chroot", str(image.root), "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
        "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "env", "-i", *env,
        "sh", "-c", 'cd "$0" && exec "$@"', image.folder, *command,
    ]  # fmt: skip


def check(image: Stage) -> int:
    """Serves one article, asks for it and for the health check; prints what came of it."""
    article = image.below("/articles/vpn.md")
    article.write_text("# Set up the VPN\n\nOpen the settings and press Connect.\n")
    here = {"KB_PORT": str(PORT), "KB_HOST": "127.0.0.1"}
    apart = ["unshare", "--mount", "--pid", "--fork", "sh", "-ec", RUN, "sh"]
    process = subprocess.Popen(
        [*apart, *inside(image, image.command, **here)], env=os.environ | {"ROOT": str(image.root)},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        answer = asked(process)
        healthy = subprocess.run(inside(image, image.health, **here)).returncode
    finally:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)  # unshare itself ignores it
        said = process.communicate(timeout=60)[0]
    size = subprocess.check_output(["du", "-sm", image.root], text=True).split()[0]
    print(f"size: {size} MB", f"health check: exit {healthy}", f"first hit: {answer}", sep="\n")
    print(f"SIGTERM: exit {process.returncode}")
    if (answer, healthy, process.returncode) == ("vpn", 0, 0):
        return 0
    print(said)
    return 1


def asked(process: subprocess.Popen[str]) -> str:
    """The first hit for a question, as soon as the service answers."""
    ends = time.monotonic() + 120
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/search?q=vpn") as answer:
                return str(json.load(answer)["results"][0]["slug"])
        except OSError:
            time.sleep(0.2)
    return "none"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="trixie", help="release of Debian")
    parser.add_argument("--base", type=Path, help="a root that debootstrap has made before")
    parser.add_argument("--keep", type=Path, help="folder for the root of the image, to be left")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kb-image-") as name:
        base = options.base or Path(name, "base")
        if not options.base:
            made = ["debootstrap", "--variant=minbase", options.suite, str(base)]
            subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        image = build(Path(name), base)
        print(f"built in {time.monotonic() - began:.0f} s")
        code = check(image)
        if options.keep:
            subprocess.run(["cp", "-a", image.root, options.keep], check=True)
        return code


if __name__ == "__main__":
    sys.exit(main())
