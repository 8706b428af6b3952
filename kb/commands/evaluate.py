"""Measures relevance: `kb eval`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    ProgressBar,
    echo,
    engine_option,
    folder_options,
    json_option,
    load_settings,
    print_json,
    said,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.search import EngineName


@click.command("eval")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--failures", is_flag=True, help="List the questions whose first hit is wrong.")
@engine_option
@json_option
@folder_options
def evaluate(
    files: tuple[Path, ...],
    failures: bool,
    engine: "EngineName",
    as_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Measure relevance: nDCG@10, MRR@10, success@1 and recall@10.

    A FILE is a .toml of expectations about the articles, or a folder with docs.jsonl,
    queries.jsonl and qrels.tsv. Exit 1 if an expectation of a .toml is broken.

    \b
    kb eval tests/relevance/*.toml
    kb eval --json ../shared/data/sets/xquad-ru
    """
    from kb.jobs import evaluation

    settings = load_settings(articles=articles, data=data)
    with ProgressBar(said(Message("Indexing"), settings)) as progress:
        scores = list(evaluation.evaluate(files, settings, progress, engine))
    if as_json:
        print_json({"sets": [score.to_json() for score in scores]})
    else:
        _print_scores(scores, failures, settings)
    return NEEDS_A_PERSON if any(score.broken for score in scores) else DONE


def _print_scores(scores: Iterable[Any], failures: bool, settings: "Settings") -> None:
    name, queries = (said(each, settings) for each in (Message("set"), Message("queries")))
    echo(f"{name:<27} {queries:>8}  ndcg@10   mrr@10  success@1  recall@10")
    for score in scores:
        row = score.to_json()
        echo(
            f"{row['name']:<28} {row['queries']:>7}  {row['ndcg@10']:>7.4f}  {row['mrr@10']:>7.4f}"
            f"  {row['success@1']:>9.4f}  {row['recall@10']:>9.4f}"
        )
    for score in scores:
        for line in (*score.broken, *(score.failures if failures else ())):
            echo(said(line, settings))
