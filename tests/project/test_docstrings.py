"""Every public module, class and function has a docstring; paths that are named exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from paths import ROOT

MODULES = sorted(
    file.relative_to(ROOT).as_posix()
    for file in (ROOT / "kb").rglob("*.py")
    if "versions" not in file.parts
)
# A path of the project in prose: `kb/search.py`, `docs/ranking.md`, at its root `CONTRIBUTING.md`.
# Tests make folders called docs.
PATH = re.compile(
    r"(?<![\w/.*])(?:(?:kb|docs|tests|benchmarks)/[\w./-]+\.\w+|(?!SUMMARY)[A-Z]{3,}\.md\b)"
)
READ = ("kb", "benchmarks", "docs", "tests/data", "CONTRIBUTING.md", "README.md")


def undocumented(tree: ast.Module) -> Iterator[str]:
    """The names of what is public and has no docstring."""
    if not ast.get_docstring(tree):
        yield "the module"
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, owner = waiting.pop()
        for node in ast.iter_child_nodes(owner):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                if not ast.get_docstring(node) and not is_overload(node):
                    yield prefix + node.name
                if isinstance(node, ast.ClassDef):
                    waiting.append((f"{prefix}{node.name}.", node))


def is_overload(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return any(ast.unparse(each).endswith("overload") for each in node.decorator_list)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_public_is_documented(module):
    tree = ast.parse((ROOT / module).read_text("utf-8"))

    assert list(undocumented(tree)) == []


def test_a_path_that_the_project_names_exists():
    files = [
        file
        for each in READ
        for file in ([ROOT / each] if (ROOT / each).is_file() else (ROOT / each).rglob("*"))
        if file.suffix in (".py", ".c", ".md", ".toml")
    ]
    missing = sorted(
        f"{file.relative_to(ROOT)}: {path}"
        for file in files
        for path in PATH.findall(file.read_text("utf-8"))
        if not (ROOT / path).exists()
    )

    assert missing == []


def test_the_picture_of_the_rooms_names_every_module():
    picture = set(re.findall(r"\w+", (ROOT / "docs" / "design.md").read_text("utf-8")))
    deep = {"markup", "navigation", "kernels", "rules", "db", "migrations", "board", "commands"}
    modules = [Path(module) for module in MODULES if not deep & set(Path(module).parts)]

    assert [m.as_posix() for m in modules if m.stem not in picture | {"__init__"}] == []
