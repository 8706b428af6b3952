"""Editors complete every key of the front matter, and what they write is front matter."""

import json
import re

from kb.cli import main
from kb.content import articles, editor_schema, scaffold
from kb.content.metadata import KEYS

CHOICE = re.compile(r"\$\{\d+\|([^,|]*)[^|]*\|\}")
STOP = re.compile(r"\$\{?\d+\}?")


def filled(body: list[str], text: str = "x") -> str:
    """A snippet as VS Code leaves it when the first choice is taken and places get `text`."""
    whole = "\n".join(body)
    whole = re.sub(r"\$\{\d+:\$CURRENT_YEAR-\$CURRENT_MONTH-\$CURRENT_DATE\}", "2026-11-22", whole)
    return STOP.sub(text, CHOICE.sub(r"\1", whole))


def test_every_key_has_a_snippet_of_its_own_name():
    found = editor_schema.snippets(scaffold.schema())

    assert [one["prefix"] for one in found.values()] == ["kb", *scaffold.schema()["properties"]]
    assert {one["prefix"] for one in found.values()} == {"kb", *KEYS}
    assert all(one["scope"] == "markdown" and one["description"] for one in found.values())


def test_what_a_snippet_writes_is_a_key_that_is_understood():
    for snippet in editor_schema.snippets(scaffold.schema()).values():
        value = "2" if snippet["prefix"] in ("boost", "order") else "en"
        front = filled(snippet["body"], value)
        text = front if snippet["prefix"] == "kb" else f"---\n{front}\n---\nText\n"

        parsed = articles.parse("a.md", text.encode())

        assert parsed.article is not None, text
        assert [p for p in parsed.problems if p.code != "no-title"] == [], text
        assert parsed.article.lines, text


def test_values_that_are_few_are_offered():
    found = editor_schema.snippets(scaffold.schema())

    assert found["Front matter: type"]["body"] == ["type: ${1|how-to,problem,reference,policy|}"]
    assert found["Front matter: draft"]["body"] == ["draft: ${1|yes,no|}"]
    assert found["Front matter: answers"]["body"] == ["answers:", "  - $1"]
    assert found["Front matter: review_by"]["body"] == [
        "review_by: ${1:$CURRENT_YEAR-$CURRENT_MONTH-$CURRENT_DATE}"
    ]


def test_the_command_prints_a_file_for_vs_code(runner):
    printed = runner.invoke(main, ["schema", "--vscode"]).stdout

    assert json.loads(printed) == editor_schema.snippets(scaffold.schema())
