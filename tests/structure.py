"""Figures of the code's structure: `python tests/structure.py [FOLDER]`. Runs none of it."""

import ast
import io
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONG = 50  # lines of a function, without its docstring

Modules = dict[str, tuple[Path, ast.Module]]


def modules(root: Path) -> Modules:
    """The modules of the package `kb` under `root`, by dotted name."""
    found = {}
    for file in sorted((root / "kb").rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = file, ast.parse(file.read_text("utf-8"))
    return found


def code_lines(file: Path, tree: ast.Module) -> int:
    """Lines that hold code: without docstrings, comments and blank lines."""
    lines: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
               tokenize.ENDMARKER, tokenize.ENCODING}  # fmt: skip
    for token in tokenize.generate_tokens(io.StringIO(file.read_text("utf-8")).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            lines.difference_update(range(node.body[0].lineno, _end(node.body[0]) + 1))
    return len(lines)


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each function's name and its lines, its docstring not counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = _end(node) - node.lineno + 1
            if ast.get_docstring(node):
                length -= _end(node.body[0]) - node.body[0].lineno + 1
            yield node.name, length


def imports(all_modules: Modules) -> dict[str, set[str]]:
    """What each module imports of the package, in functions too, for typing alone not."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, (_, tree) in all_modules.items():
        typing_only = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if node in typing_only or not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                whole = f"{base}{alias.name}"
                target = whole if whole in all_modules else base.rstrip(".")
                if target in all_modules and target != name:
                    found[name].add(target)
    return found


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import themselves through others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(graph.get(start, ()))
        while waiting:
            if (each := waiting.pop()) not in seen:
                seen.add(each)
                waiting.extend(graph.get(each, ()))
        return seen

    return [name for name in graph if name in reached(name)]


def twice(all_modules: Modules) -> dict[str, list[str]]:
    """Class names that more than one module defines at its top level."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, (_, tree) in all_modules.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(name)
    return {name: places for name, places in found.items() if len(places) > 1}


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def main() -> None:
    """Prints the figures, and what is behind those that should be nothing."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    every = modules(root)
    long = [
        f"{name}:{function} {length}"
        for name, (_, tree) in every.items()
        for function, length in functions(tree)
        if length > LONG
    ]
    in_circles, doubled = circles(imports(every)), twice(every)
    print(f"modules in the root of kb/      {sum(1 for _ in (root / 'kb').glob('*.py')):>6}")
    print(
        f"rooms                           {sum(1 for f in (root / 'kb').glob('*/__init__.py')):>6}"
    )
    print(f"modules                         {len(every):>6}")
    print(f"modules in circles of imports   {len(in_circles):>6}", *in_circles)
    print(f"functions over {LONG} lines         {len(long):>6}", *long, sep="\n  ")
    print(f"class names defined twice       {len(doubled):>6}")
    for name, places in doubled.items():
        print(f"  {name}: {', '.join(places)}")
    print(f"code lines                      {sum(code_lines(*each) for each in every.values()):>6}")


if __name__ == "__main__":
    main()
