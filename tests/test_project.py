"""The project itself: make, layers, and a wheel that works without a checkout."""

import os
import re
import subprocess
import sys
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from needs import unavailable

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {"serve", "test", "check", "fix", "bench", "clean"}


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def test_make_alone_lists_the_targets():
    done = make()

    assert done.returncode == 0
    assert set(re.findall(r"^  make (\w+)  +\S", done.stdout, re.M)) >= TARGETS


def test_a_python_that_is_too_old_is_named(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (tools / name).write_text('#!/bin/sh\ntest "$1" = -V && echo Python 3.9.2\nexit 1\n')
        (tools / name).chmod(0o755)

    done = make("serve", f"VENV={tmp_path}/venv", PATH=f"{tools}:{os.environ['PATH']}")

    assert done.returncode == 2
    assert "needs Python 3.11 or newer, found Python 3.9.2; install python3.13" in done.stderr


def test_nothing_is_installed_twice(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "bin" / "python").chmod(0o755)
    asked = re.search(r"^ASKED := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)[1].split()
    assert "pyproject.toml" in asked
    (tmp_path / ".for-dev").write_bytes(b"".join((ROOT / name).read_bytes() for name in asked))

    assert "Installing" not in make("fix", f"VENV={tmp_path}").stdout
    (tmp_path / ".for-dev").write_text("older")
    assert "Installing" in make("fix", f"VENV={tmp_path}").stdout


def test_ci_and_hooks_only_call_make():
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")

    assert "make check" in ci
    assert "KB_TEST_REQUIRE=1 make test" in ci
    assert not re.search(r"\b(ruff|mypy|pytest)\b", ci)
    assert all("make" in entry for entry in re.findall(r"entry: (.*)", hooks))
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_imports_point_down():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_whoosh_is_pinned_and_every_dependency_is_used():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split("[=<>]", line)[0].lower() for line in project["dependencies"]}
    imported = {
        "jinja2": "jinja2", "markdown": "markdown", "pymdown-extensions": "pymdownx",
        "pymorphy3-dicts-ru": "pymorphy3", "pystemmer": "Stemmer", "pyyaml": "yaml",
        "flask-babel": "flask_babel", "prometheus-client": "prometheus_client",
        "python-frontmatter": "frontmatter", "dawg2": "pymorphy3",
    }  # fmt: skip
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "kb").rglob("*.py"))

    assert "whoosh==2.7.4" in project["dependencies"]
    assert [name for name in names if not re.search(rf"\b{imported.get(name, name)}\b", code)] == []


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
    where = "from kb import shipped; print(shipped.folder('articles'))"
    work = tmp_path / "work"
    work.mkdir()

    def run(*command: str) -> str:
        done = subprocess.run([python, *command], cwd=work, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout.strip()

    articles = run("-c", where)
    assert articles.startswith(str(site))
    with subprocess.Popen(
        [python, "-m", "kb", "serve", "--port", "0", "--articles", articles],
        cwd=work, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address
            with urllib.request.urlopen(address[0], timeout=60) as answer:
                assert 'lang="ru"' in answer.read().decode()
        finally:
            process.terminate()
            assert process.wait(60) == 0
