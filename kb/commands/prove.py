"""Proves what a change does to the answers: `kb prove`."""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    ProgressBar,
    echo_lines,
    folder_options,
    load_settings,
    print_json,
    said,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.jobs.prove import Proof


@click.command()
@click.argument("base", metavar="BASE")
@click.argument("head", metavar="[HEAD]", default="")
@click.option(
    "--format", "shape", type=click.Choice(["text", "json", "markdown"]), default="text",
    show_default=True, help="markdown: a comment for a merge request.",
)  # fmt: skip
@click.option(
    "--misses", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Customers' questions, as `kb log export --for-git` wrote them.",
)  # fmt: skip
@folder_options
def prove(
    base: str,
    head: str,
    shape: str,
    misses: Path | None,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Say which questions a change answers, and which answers it takes away.

    BASE and HEAD are states of articles, synonyms and settings: each a git branch, tag or commit,
    or a folder. Without HEAD it is the files as they lie here. All that customers asked, all
    `answers:` of articles and the expectations in tests/relevance are asked of both.
    Exit 1 if an expectation broke or a question lost its answer.

    \b
    kb prove main
    kb prove main my-branch --format markdown > comment.md
    kb prove ../before ../after      two folders
    """
    from kb.jobs import prove as proving
    from kb.jobs import prove_report

    def load(folder: Path) -> "Settings":
        from kb.base import config

        return config.load(folder, options={"articles": articles, "data": data}).settings

    settings = load_settings(articles=articles, data=data)
    proof = proving.prove(
        settings, base, head, load=load, now=datetime.now(UTC), misses=misses,
        for_git=shape == "markdown", progress=ProgressBar,
    )  # fmt: skip
    if shape == "json":
        print_json(_proof_json(proof))
    else:
        shown = prove_report.as_markdown if shape == "markdown" else prove_report.as_text
        echo_lines(shown(proof, partial(said, settings=settings)))
    return DONE if proof.is_sound else NEEDS_A_PERSON


def _proof_json(proof: "Proof") -> dict[str, Any]:
    from kb.jobs.prove_report import sentence

    return {"sentence": sentence(proof), **asdict(proof)}
