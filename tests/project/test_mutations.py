"""The list of mutations fits the checkout, and the command tells what survives."""

from pathlib import Path

import mutations
import pytest
from mutations import main

ADD = "def add(a, b):\n    return a + b\n"
TEST = "from kb.sums import add\n\n\ndef test_two_and_two():\n    assert add(2, 2) == 4\n"
ENTRY = """
[[mutation]]
name = "sums"
file = "kb/sums.py"
old = "a + b"
new = {new}
tests = ["tests/test_sums.py"]
"""


def test_every_mutation_of_the_lists_can_be_made():
    stale = []
    for mutation in mutations.read(mutations.ROOT):
        try:
            mutation.applied(mutations.ROOT)
        except mutations.Stale as error:
            stale.append(str(error))
        for test in mutation.tests:
            file, _, name = test.partition("::")
            if file.startswith("tests/"):
                text = (mutations.ROOT / file).read_text("utf-8")
                if f"def {name.partition('[')[0]}" not in text:
                    stale.append(f"{mutation.name}: there is no {test}")

    assert stale == []


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one function and one test, which needs no plugin of pytest."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for path, content in {
        "kb/__init__.py": "",
        "kb/sums.py": ADD,
        "tests/test_sums.py": TEST,
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    (tmp_path / mutations.LISTS).mkdir(parents=True)
    return tmp_path


def listed(checkout: Path, new: str) -> None:
    (checkout / mutations.LISTS / "sums.toml").write_text(ENTRY.format(new=new))


def test_a_mutation_that_no_test_notices_is_named(checkout, capsys):
    listed(checkout, '["a - b", "a * b"]')

    code = main([], checkout)

    said = capsys.readouterr().out
    assert "survived: sums: sums (2) (kb/sums.py; tests/test_sums.py)" in said
    assert "2 mutations, 1 survived" in said
    assert code == 1
    assert (checkout / "kb" / "sums.py").read_text() == ADD


def test_mutations_that_tests_notice_are_counted(checkout, capsys):
    listed(checkout, '["a - b", "a / b / 2"]')

    assert main(["--jobs", "2"], checkout) == 0
    assert "2 mutations, 0 survived" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("kb/sums.py", ADD * 2, "sums: sums: `old` occurs 2 times in kb/sums.py, not once"),
        ("kb/sums.py", "", "sums: sums: `old` occurs 0 times in kb/sums.py, not once"),
        ("tests/test_sums.py", TEST.replace("4", "5"), "pytest ends with 1 without a mutation"),
        ("tests/test_sums.py", "", "pytest ends with 5 without a mutation"),
    ],
)
def test_a_list_that_does_not_fit_is_named(checkout, capsys, file, content, said):
    listed(checkout, '"a - b"')
    (checkout / file).write_text(content)

    assert main([], checkout) == 2
    assert said in capsys.readouterr().err


def test_a_mutation_that_cannot_be_imported_proves_nothing(checkout, capsys):
    listed(checkout, '"("')

    assert main([], checkout) == 2
    assert "sums: sums: pytest ended with 2" in capsys.readouterr().err


def test_tests_that_do_not_end_are_ended(checkout, tmp_path_factory):
    listed(checkout, '"next(n for n in iter(int, 1) if n)"')
    (mutation,) = mutations.read(checkout)
    copy = mutations.Copy(checkout, tmp_path_factory.mktemp("copies"))

    with copy.mutated(mutation):
        code = copy.run(mutation.tests, seconds=3)

    assert code is None
    assert mutations.verdict(code, mutation) == "endless"


def test_a_crash_of_the_tests_is_a_catch(checkout, capsys):
    listed(checkout, "\"__import__('os').abort()\"")

    assert main([], checkout) == 0
    assert "crashed" in capsys.readouterr().out


def test_mutations_are_listed_by_a_word(checkout, capsys):
    listed(checkout, '"a - b"')

    assert main(["--list", "--only", "sums"], checkout) == 0
    assert capsys.readouterr().out == "kb/sums.py: sums: sums\n"
    assert main(["--list", "--only", "nothing"], checkout) == 0
    assert capsys.readouterr().out.strip() == ""
