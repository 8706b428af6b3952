"""What is raised to be told to people is a Message, so that it can be said in their language."""

import ast
from collections.abc import Iterator

import pytest
from paths import ROOT

TOLD = {"KBError", "NotDelivered", "_Given", "GitFailed", "UsageError", "BadParameter"}
OF_SETTINGS = ("kb/base/config.py", "kb/base/promise_text.py", "kb/base/wrong_values.py")


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def error_classes(trees: dict[str, ast.Module]) -> set[str]:
    """The names of `TOLD`, and of all classes below them."""
    bases: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(map(name_of, node.bases))
    found = set(TOLD)
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def is_plain(value: ast.expr) -> bool:
    """Whether an argument is text: written out, put together, or made of another error."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str) and " " in value.value
    if isinstance(value, ast.BinOp):
        return is_plain(value.left) or is_plain(value.right)
    is_made = isinstance(value, ast.Call) and name_of(value.func) in (
        "str",
        "repr",
        "format",
        "join",
    )
    return is_made or isinstance(value, ast.JoinedStr)


def plain_texts(trees: dict[str, ast.Module]) -> Iterator[str]:
    """`file:line: class` of each error that is made of plain text."""
    known = error_classes(trees)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = name_of(node.func)
                is_told = name in known or (name == "ValueError" and path in OF_SETTINGS)
                if is_told and any(map(is_plain, node.args)):
                    yield f"{path}:{node.lineno}: {name}"


def test_no_error_that_people_read_is_plain_text():
    files = sorted((ROOT / "kb").rglob("*.py"))
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in files}

    assert list(plain_texts(trees)) == []
    assert {"ConfigError", "PullFailed", "CannotRead", "NotDelivered"} <= error_classes(trees)


@pytest.mark.parametrize(
    ("path", "raised"),
    [
        ("kb/jobs/mail.py", 'MailFailed(f"{where} is full")'),
        ("kb/jobs/mail.py", 'Slow("it takes " + long)'),
        ("kb/jobs/mail.py", "errors.KBError(str(error))"),
        ("kb/jobs/mail.py", 'click.UsageError("none {}".format(1))'),
        ("kb/base/config.py", 'ValueError(f"{value!r} is no colour")'),
    ],
)
def test_plain_text_is_noticed_with_its_place(path, raised):
    code = f"class MailFailed(KBError): ...\nclass Slow(MailFailed): ...\nraise {raised}"

    assert [found[: len(path) + 2] for found in plain_texts({path: ast.parse(code)})] == [
        f"{path}:3"
    ]


def test_a_message_a_code_and_an_error_for_programs_are_no_plain_text():
    code = (
        'KBError("no-remote", Message("no {x}", x=str(error)))\nBadRequest("say it")\n'
        'ValueError("nested too deeply")'
    )

    assert list(plain_texts({"kb/content/a.py": ast.parse(code)})) == []
