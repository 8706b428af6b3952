"""The documentation knows every command, option, setting and rule, and its examples are real."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from catalogue import translated
from paths import ROOT

from kb.base.config import Settings, meaning, variable
from kb.checks.rules import RULES
from kb.cli import main

ARTICLES = ROOT / "articles"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGS = ("ru", "en")


def commands(group: click.Group = main, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))


def command_of(words: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return command


def options() -> set[tuple[str, ...]]:
    """Every option by all its spellings."""
    return {
        tuple(parameter.opts)
        for words in [(), *commands()]
        for parameter in command_of(words).params
        if isinstance(parameter, click.Option) and not parameter.hidden
    }


def text_of(lang: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((ARTICLES / lang).rglob("*.md")))


def missing(lang: str, names: list[str]) -> list[str]:
    text = text_of(lang)
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]


@pytest.mark.parametrize("lang", LANGS)
def test_every_command_is_described(lang):
    assert missing(lang, [f"kb {' '.join(words)}" for words in commands()]) == []


@pytest.mark.parametrize("lang", LANGS)
def test_every_option_is_described(lang):
    assert [names for names in sorted(options()) if missing(lang, [*names]) == [*names]] == []


@pytest.mark.parametrize("lang", LANGS)
def test_every_setting_is_described(lang):
    assert missing(lang, [variable(name) for name in Settings.model_fields]) == []


def test_every_setting_is_described_by_the_command_in_russian_too():
    assert [
        meaning(name) for name in Settings.model_fields if meaning(name) not in translated()
    ] == []


def test_every_rule_is_described():
    table = (ROOT / "docs" / "checks.md").read_text("utf-8")

    for rule in RULES:
        assert f"| `{rule.code}` | {rule.level} | {rule.meaning} |" in table
    assert set(re.findall(r"^\| `([\w-]+)`", table, re.M)) == {rule.code for rule in RULES}


# ---------------------------------------------------------------- examples

_INLINE = re.compile(r"`(kb [^`\n]+)`")
_BLOCK = re.compile(r"^(?: {4}|\$ |\t)?(?:[A-Z_]+=\S+ +)*(kb [a-z].*)$")
_FENCE = re.compile(r"^```(?:sh|bash|console|shell|text)?\n(.*?)^```", re.M | re.S)
# Words that stand for something of the reader's own: `kb new TITLE`, `kb index …`.
_PLACEHOLDER = re.compile(r"…|<[^>]+>|\.\.\.|[|>&;].*$")


def examples(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8")
    yield from _INLINE.findall(text)
    for block in _FENCE.findall(text):
        for line in block.splitlines():
            if found := _BLOCK.match(line):
                yield found[1]


def all_examples() -> list[tuple[str, str]]:
    found = {
        (str(path.relative_to(ROOT)), example)
        for path in [*ARTICLES.rglob("*.md"), *PAGES]
        if path.exists()
        for example in examples(path)
    }
    return sorted(found)


@pytest.mark.parametrize(("page", "example"), all_examples())
def test_every_example_parses(page, example):
    words = shlex.split(_PLACEHOLDER.sub("", example), comments=True)[1:]
    if not words or words[0].isupper():
        return  # `kb` itself, or `kb COMMAND --help`
    command: click.Command = main
    if words[0] in ("--help", "--version", "-v", "--verbose"):
        words.pop(0)
    while words and isinstance(command, click.Group) and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    assert command is not main or not words, f"{page}: no such command: {example}"
    # Arguments may be left out where the page speaks of the command; options must be right.
    parser = command.make_parser(click.Context(command, info_name=command.name))
    try:
        parser.parse_args(args=words)
    except click.MissingParameter:
        pass
    except click.UsageError as error:
        pytest.fail(f"{page}: {example}: {error.format_message()}")


def links(path: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    return re.findall(r"\]\(([^)#\s]+)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    local = [link for link in links(page) if not re.match(r"[a-z]+:", link)]
    if not any((ROOT / "docs" / "screenshots").glob("*.png")):
        local = [link for link in local if "screenshots/" not in link]  # taken at a release

    assert [link for link in local if not (page.parent / link).exists()] == []


def test_decisions_are_numbered_dated_and_short():
    text = (ROOT / "docs" / "decisions.md").read_text("utf-8")
    decisions = re.split(r"^## ", text, flags=re.M)[1:]

    numbers = [int(decision.partition(".")[0]) for decision in decisions]
    assert numbers == sorted(set(numbers))
    for decision in decisions:
        lines = decision.strip().splitlines()
        assert re.match(r"\d+\. .+ \(\d{4}-\d\d-\d\d\)$", lines[0]), lines[0]
        assert len(lines) <= 10, lines[0]
        assert all(word in decision for word in ("**Question.**", "**Choice.**", "**Cost.**"))
