"""The project itself: make, layers, and a wheel that works without a checkout."""

import ast
import importlib.metadata
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from needs import unavailable
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from paths import ROOT

TARGETS = {
    *("serve", "test", "test-newest", "test-oldest", "soak", "bench", "clean"),
    *("lock", "audit", "sbom", "check", "fix"),
}
LOCKS = ROOT / "requirements"


OURS = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "VENV", "VERSIONS", "RESOLVER", "PYTHON", "ARGS"}


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs make as if no make ran this test: `make test-oldest` hands its variables on."""
    outside = {name: value for name, value in os.environ.items() if name not in OURS}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, capture_output=True, text=True, env={**outside, **environment},
    )  # fmt: skip


def test_make_alone_lists_the_targets():
    done = make()

    assert done.returncode == 0
    assert set(re.findall(r"^  make ([\w-]+)  +\S", done.stdout, re.M)) >= TARGETS


def test_a_python_that_is_too_old_is_named(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (tools / name).write_text('#!/bin/sh\ntest "$1" = -V && echo Python 3.9.2\nexit 1\n')
        (tools / name).chmod(0o755)

    done = make("serve", f"VENV={tmp_path}/venv", PATH=f"{tools}:{os.environ['PATH']}")

    assert done.returncode == 2
    assert "needs Python 3.11 or newer, found Python 3.9.2; install python3.13" in done.stderr


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment whose Python notes what it is asked to run and does nothing."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    python.chmod(0o755)
    return tmp_path


def installations(environment: Path) -> list[str]:
    calls = (environment / "calls").read_text("utf-8").splitlines()
    return [call.partition("install --quiet ")[2] for call in calls if "pip install" in call]


def stamp() -> bytes:
    """What the stamp of an environment holds that is as it should be."""
    asked = re.search(r"^ASKED := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)[1].split()
    assert {"pyproject.toml", "requirements/serve.txt", "requirements/dev.txt"} <= set(asked)
    return b"".join((ROOT / name).read_bytes() for name in asked)


def test_nothing_is_installed_twice(environment):
    (environment / ".for-dev").write_bytes(stamp())

    make("fix", f"VENV={environment}")
    assert installations(environment) == []

    (environment / ".for-dev").write_text("older")
    make("fix", f"VENV={environment}")
    assert len(installations(environment)) == 2
    assert (environment / ".for-dev").read_bytes() == stamp()


@pytest.mark.parametrize(("target", "lock"), [("serve", "serve"), ("fix", "dev")])
def test_what_is_installed_is_locked_with_hashes(environment, target, lock):
    make(target, f"VENV={environment}")

    assert installations(environment) == [
        f"--require-hashes --only-binary :all: --requirement requirements/{lock}.txt",
        "--no-deps --no-build-isolation --editable .",
    ]


def test_the_bounds_are_used_where_the_lock_does_not_cover_this_python(environment):
    with (environment / "bin" / "python").open("a") as python:
        python.write('test "$2" != covers || echo PyPy 3.11.13\n')

    done = make("fix", f"VENV={environment}")

    (told,) = (line for line in done.stdout.splitlines() if "pyproject.toml" in line)
    assert "requirements/dev.txt does not cover PyPy 3.11.13" in told
    assert installations(environment) == ["--editable .[dev]"]


def test_what_is_known_of_the_libraries_is_asked_strictly_and_hashed():
    (audit,) = re.findall(r"^audit:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)

    assert "for lock in postgresql opensearch dev" in audit
    assert "--strict" in audit  # what cannot be asked about is a failure
    assert "--require-hashes" in audit


def test_ci_and_hooks_only_call_make():
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")

    assert "make check" in ci
    assert "KB_TEST_REQUIRE=1 make test" in ci
    assert "chromium-headless-shell ||" in ci  # missing, it stops nothing
    assert not re.search(r"\b(ruff|mypy|pytest)\b", ci)
    assert all("make" in entry for entry in re.findall(r"entry: (.*)", hooks))
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_imports_point_down():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def locked(name: str) -> dict[str, list[tuple[Requirement, int]]]:
    """What a lock pins by name: the requirements, for each its number of hashes."""
    text = re.sub(r"^#.*\n", "", (LOCKS / f"{name}.txt").read_text("utf-8"), flags=re.M)
    pins: dict[str, list[tuple[Requirement, int]]] = {}
    for entry in text.replace("\\\n", " ").splitlines():
        written, *hashes = entry.split(" --hash=sha256:")
        requirement = Requirement(written)
        pins.setdefault(canonicalize_name(requirement.name), []).append((requirement, len(hashes)))
    return pins


@pytest.mark.parametrize("name", ["serve", "postgresql", "dev", "uv", "audit"])
def test_a_lock_pins_one_version_with_hashes(name):
    for pins in locked(name).values():
        for requirement, hashes in pins:
            assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
            assert hashes, requirement


@pytest.mark.parametrize(
    ("name", "extra"), [("serve", ""), ("postgresql", "postgresql"), ("dev", "dev")]
)
def test_a_lock_satisfies_the_bounds_of_the_project(name, extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = project["project"]["dependencies"] + project["build-system"]["requires"]
    asked += project["project"]["optional-dependencies"][extra] if extra else []
    pins = locked(name)

    for bound in map(Requirement, asked):
        chosen = pins.get(canonicalize_name(bound.name), [])
        assert chosen, f"{bound} is not locked; run `make lock`"
        for requirement, _ in chosen:
            (pin,) = requirement.specifier
            assert bound.specifier.contains(pin.version), f"{requirement}, not {bound}: `make lock`"


def test_what_serves_is_what_is_tested():
    serve, image, dev = locked("serve"), locked("postgresql"), locked("dev")

    def pins(lock):  # a library of the tests may ask for one on every system
        return {
            name: {(str(each.specifier), hashes) for each, hashes in lock.get(name, ())}
            for name in image
        }

    assert {name: dev.get(name) for name in serve} == serve
    assert pins(dev) == pins(image)
    assert set(serve) < set(image)


def uncovered(monkeypatch: pytest.MonkeyPatch, **facts: object) -> str:
    """What the lock says of a system with these facts; the rest is a usual one."""
    usual = {
        "version": "3.12.1",
        "platform": "linux",
        "machine": "x86_64",
        "libc": ("glibc", "2.36"),
    }
    facts = {**usual, **facts}
    numbers = tuple(str(facts["version"]).split("."))
    monkeypatch.setattr("platform.python_version_tuple", lambda: numbers)
    monkeypatch.setattr("platform.machine", lambda: facts["machine"])
    monkeypatch.setattr("platform.mac_ver", lambda: (facts.get("macos"), ("", "", ""), ""))
    monkeypatch.setattr("platform.libc_ver", lambda: facts["libc"])
    monkeypatch.setattr("sys.platform", facts["platform"])
    code = runpy.run_path(str(LOCKS / "lock.py"))
    return code["uncovered"]()


@pytest.mark.parametrize(("facts", "told"), [
    ({}, ""),
    ({"version": "3.11.2", "machine": "aarch64"}, ""),
    ({"platform": "darwin", "machine": "arm64", "libc": ("", ""), "macos": "14.5"}, ""),
    ({"platform": "darwin", "machine": "arm64", "libc": ("", ""), "macos": "12.7"}, "macOS 12.7"),
    ({"version": "3.15.0"}, "CPython 3"),
    ({"machine": "riscv64"}, "on riscv64"),
    ({"platform": "darwin", "machine": "x86_64", "libc": ("", "")}, "on x86_64"),
    ({"libc": ("glibc", "2.17")}, "Linux with glibc 2.17"),
    ({"libc": ("", "")}, "Linux with another C library"),
])  # fmt: skip
def test_a_lock_names_the_systems_it_does_not_cover(monkeypatch, facts, told):
    reason = uncovered(monkeypatch, **facts)

    assert told in reason
    assert bool(reason) == bool(told)


def test_whoosh_is_pinned_and_every_dependency_is_used():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split("[=<>]", line)[0].lower() for line in project["dependencies"]}
    imported = {
        "jinja2": "jinja2", "markdown": "markdown", "pymdown-extensions": "pymdownx",
        "pymorphy3-dicts-ru": "pymorphy3", "pystemmer": "Stemmer", "pyyaml": "yaml",
        "flask-babel": "flask_babel", "prometheus-client": "prometheus_client",
        "python-frontmatter": "frontmatter", "dawg2": "pymorphy3",
        "markdown-it-py": "markdown_it", "mdit-py-plugins": "mdit_py_plugins",
        "beautifulsoup4": "bs4",
    }  # fmt: skip
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "kb").rglob("*.py"))

    assert "whoosh==2.7.4" in project["dependencies"]
    assert [name for name in names if not re.search(rf"\b{imported.get(name, name)}\b", code)] == []


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [
        line
        for extra in ("postgresql", "pull", "opensearch")
        for line in project["optional-dependencies"][extra]
    ]
    declared = {Requirement(line).name for line in project["dependencies"] + extras}
    names = {canonicalize_name(name) for name in declared} | {"pydantic-core"}  # pydantic pins it
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "kb").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    } - {*sys.stdlib_module_names, "kb"}  # fmt: skip
    packages = importlib.metadata.packages_distributions()

    missing = [
        name for name in sorted(imported)
        if not names & {canonicalize_name(package) for package in packages.get(name, ())}
    ]  # fmt: skip
    assert missing == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if "No module named hatchling" in done.stderr:
        unavailable("hatchling is not installed; `make test` installs it")
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.xdist_group("wheel")
def test_a_wheel_carries_pages_languages_and_the_manual(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())

    for folder in ("templates", "static", "translations", "articles"):
        here = {
            f"kb/_shipped/{path.relative_to(ROOT).as_posix()}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert here
        assert here - names == set()
    code = {
        f"kb/{path.relative_to(ROOT / 'kb').as_posix()}" for path in (ROOT / "kb").rglob("*.py")
    }
    data = {f"kb/data/{path.name}" for path in (ROOT / "kb" / "data").glob("*.*")}
    assert (code | data) - names == set()
    assert not [name for name in names if name.startswith(("tests/", "var/", "docs/"))]


@pytest.mark.xdist_group("wheel")
def test_a_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run([*hatch, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (packed,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(packed, tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())

    subprocess.run([*hatch, "-t", "wheel"], cwd=source, check=True, capture_output=True)

    (made,) = tmp_path.glob("*.whl")
    assert set(zipfile.ZipFile(made).namelist()) == set(zipfile.ZipFile(wheel).namelist())
    missing = {"SECURITY.md", "deploy/Containerfile", "requirements/serve.txt"} - {
        path.relative_to(source).as_posix() for path in source.rglob("*")
    }
    assert missing == set()


@pytest.mark.xdist_group("wheel")
def test_a_wheel_carries_the_kernel_and_needs_no_compiler(wheel, tmp_path):
    if shutil.which("cc") is None:
        unavailable("no C compiler to make the wheel with")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        f"import sys; sys.path[:] = [{str(tmp_path)!r}, *sys.path]\n"
        f"sys.path = [path for path in sys.path if path not in ('', {str(ROOT)!r})]\n"
        "from kb.ranking.kernels import c_kernel\n"
        "assert c_kernel.library() is not None\n"
        "print(c_kernel.LIBRARY)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert "-py3-none-" in wheel.name  # of one platform, for every Python
    assert not wheel.name.endswith("-any.whl")


def test_cibuildwheel_makes_one_wheel_a_platform_and_loads_its_kernel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["cibuildwheel"]

    pythons = {pattern.partition("-")[0] for pattern in settings["build"].split()}
    assert len(pythons) == 1  # the wheel serves the others, too
    program = shlex.split(settings["test-command"])
    assert program[:2] == ["python", "-c"]
    exec(program[2], {})  # noqa: S102


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_a_wheel_serves_the_manual_without_a_checkout(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False, system_site_packages=False)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    libraries = Path(pytest.__file__).parent.parent
    hide = f"import sys; sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]"
    (site / "libraries.pth").write_text(f"{libraries}\n{hide}\n")
    python = tmp_path / "venv" / "bin" / "python"
    where = "from kb.base import resources; print(resources.folder('articles'))"
    work = tmp_path / "work"
    work.mkdir()

    def run(*command: str) -> str:
        done = subprocess.run([python, *command], cwd=work, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout.strip()

    articles = run("-c", where)
    assert articles.startswith(str(site))
    with subprocess.Popen(
        [python, "-m", "kb", "serve", "--port", "0"],
        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address
            assert "this is the manual. `kb new TITLE` begins yours" in process.stderr.readline()
            with urllib.request.urlopen(address[0], timeout=60) as answer:
                assert 'lang="ru"' in answer.read().decode()
            with urllib.request.urlopen(f"{address[0]}api/search?q=nginx", timeout=60) as answer:
                assert b"production" in answer.read()
        finally:
            process.terminate()
            assert process.wait(60) == 0
