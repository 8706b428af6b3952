"""Asks the index as the pages do: `kb search`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    Styled,
    echo,
    engine_option,
    folder_options,
    json_option,
    load_settings,
    opened,
    print_json,
    say,
    terminal_lang,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kb.content.pins import Pin
    from kb.index.learned import LearnedLines
    from kb.search import EngineName, Hit, Marked, Results

_SPACE = re.compile(r"\s+")

# What `kb search` says to people, in the language of the terminal.
_WORDS = {
    "ru": {
        "corrected": "Показано по запросу «{}»",
        "nothing": "Ничего не найдено. Попробуйте другие слова или посмотрите `kb misses`.",
        "weak": "Уверенного ответа нет; ближайшее:",
        "more": "Показано {} из {}; больше: --limit {}",
    },
    "en": {
        "corrected": "Showing results for “{}”",
        "nothing": "Nothing found. Try other words, or see `kb misses`.",
        "weak": "No sure answer; the nearest:",
        "more": "{} of {} shown; for more: --limit {}",
    },
}


@click.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--lang", help="Only articles in this language.")
@click.option("--category", help="Only articles of this category.")
@click.option("--tag", help="Only articles with this tag.")
@click.option("--limit", type=click.IntRange(1, 100), default=8, show_default=True)
@click.option("--exact", is_flag=True, help="Repair nothing: no spelling, no keyboard layout.")
@engine_option
@click.option("--explain", is_flag=True, help="Show what each hit's score is made of.")
@json_option
@folder_options
def search(
    query: tuple[str, ...],
    lang: str | None,
    category: str | None,
    tag: str | None,
    limit: int,
    exact: bool,
    engine: "EngineName",
    explain: bool,
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> None:
    """Ask the index, as the search box does. Nothing is recorded.

    \b
    kb search как сбросить пароль
    kb search --lang en --limit 3 vpn
    kb search 'vpn "reset link" -windows'   phrase, and a word to leave out
    kb search --explain invoice
    """
    text = " ".join(query)
    settings = load_settings(articles=articles, data=data)
    # The default is what the settings say: the arrays of the build, or a cluster.
    with opened(settings, engine=None if engine == "arrays" else engine) as service:
        results = service.answer(
            text, lang=lang, category=category, tag=tag, limit=limit, exact=exact
        )
        parts = service.explain(text, None) if explain else []
        lines = service.catalog().reader.learned if explain else {}
        asked = results.correction.query if results.correction else text
        pins = service.pins_of(asked) if explain else {}
    if as_json:
        from kb.search import to_json

        learned = {
            hit.slug: [{"question": line.text, "askers": line.chosen} for line in lines[hit.slug]]
            for hit in results.hits
            if hit.slug in lines
        }
        pinned = {
            hit.slug: {"line": pins[hit.slug].line, "reason": pins[hit.slug].reason}
            for hit in results.hits
            if hit.pinned and hit.slug in pins
        }
        explained = {"explain": parts, "learned": learned, "pins": pinned} if explain else {}
        print_json({**to_json(results), **explained})
        return
    words = _WORDS.get(terminal_lang(settings), _WORDS["en"])
    _print_results(results, words)
    if explain:
        _print_parts(parts, results, lines, pins)


def _print_results(results: "Results", words: dict[str, str]) -> None:
    if results.correction is not None:
        echo(words["corrected"].format(results.correction.query))
    if not results.hits:
        echo(words["nothing"])
        return
    if not results.confident:
        echo(words["weak"])
    for number, hit in enumerate(results.hits, 1):
        _print_hit(number, hit)
    if results.total > len(results.hits):
        more = words["more"].format(len(results.hits), results.total, min(results.total, 100))
        echo("")
        echo(more)


def _print_hit(number: int, hit: "Hit") -> None:
    section = f" › {hit.section}" if hit.section else ""
    echo("")
    echo(f"{number}. ", *_bold(hit.title), section)
    if hit.path:
        echo("   ", " › ".join(hit.path))
    echo(f"   {hit.url}")
    answer = [Styled(" ".join(hit.answer.split()))] if hit.answer else []
    if snippet := _bold(hit.snippet) or answer:
        echo("   ", *snippet)


def _bold(text: "Marked") -> list[Styled]:
    """Text on one line, its marked words in bold."""
    return [Styled(_SPACE.sub(" ", part), bold=bool(marked)) for part, marked in text.parts()]


def _print_parts(
    parts: list[dict[str, Any]],
    results: "Results",
    lines: "LearnedLines",
    pins: "Mapping[str, Pin]",
) -> None:
    for hit in results.hits:
        rows = [part for part in parts if part["slug"] == hit.slug]
        echo("")
        echo(f"{hit.slug}  {hit.score:.2f}")
        if hit.pinned and (pin := pins.get(hit.slug)):
            echo(f"  {say(_pinned(pin))}")
        for row in sorted(rows, key=lambda row: -abs(row["contribution"])):
            echo(f"  {row['contribution']:8.3f}  {row['part']}  {row['field']}  {row['term']}")
        for line in lines.get(hit.slug, ()):
            learned = Message(
                "learned from {n} asker: {question}",
                "learned from {n} askers: {question}",
                n=line.chosen,
                question=line.text,
            )
            echo(f"  {say(learned)}")


def _pinned(pin: "Pin") -> Message:
    """What puts an article first, for `--explain`."""
    where, ends = f"pins.yml:{pin.line}", pin.period.ends
    until = f"{ends:%Y-%m-%d %H:%M} UTC" if ends else ""
    if until and pin.reason:
        return Message(
            "pinned by {where} until {until}: {reason}",
            where=where, until=until, reason=pin.reason,
        )  # fmt: skip
    if until:
        return Message("pinned by {where} until {until}", where=where, until=until)
    if pin.reason:
        return Message("pinned by {where}: {reason}", where=where, reason=pin.reason)
    return Message("pinned by {where}", where=where)
