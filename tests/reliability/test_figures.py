"""The list of figures names tests and scripts that exist, and the documentation shows all of it."""

import re
import shlex
import tomllib

import pytest
from paths import ROOT

HERE = ROOT / "tests" / "reliability"
FIGURES = tomllib.loads((HERE / "figures.toml").read_text("utf-8"))["figure"]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
    if re.match(r"\| .*`make soak ARGS=", line)
]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure["name"])
def test_what_holds_a_figure_exists(figure):
    for command in (*figure["short"], *figure["long"]):
        if command.startswith("tests/"):
            file, _, test = command.partition("::")
            assert not test or f"def {test}(" in (ROOT / file).read_text("utf-8"), command
        else:
            assert (HERE / shlex.split(command)[0]).is_file(), command
    assert figure["long"]


def test_only_the_load_that_is_held_has_no_short_form():
    assert [figure["name"] for figure in FIGURES if not figure["short"]] == ["load"]


def test_the_documentation_has_a_measured_value_for_each_figure_in_their_order():
    assert [(row, required) for row, required, *_ in ROWS] == [
        (figure["row"], figure["required"]) for figure in FIGURES
    ]
    for (_, _, measured, command), figure in zip(ROWS, FIGURES, strict=True):
        assert re.search(r"\d", measured), figure["name"]
        assert command == f"`make soak ARGS={figure['name']}`"
