"""The page of what the search learned from readers, and its patches for git."""

from typing import Final

from flask import abort
from flask.typing import ResponseReturnValue

from kb.base.errors import IndexDamaged, IndexMissing
from kb.catalog import LearnedArticle
from kb.site.board.sign_in import download, leads, query_param
from kb.site.context import kb, render, site

MOST: Final = 200  # articles on the page


@leads.get("/learned")
def learned() -> ResponseReturnValue:
    """Articles with the questions they solved, and synonyms that readers show."""
    found = _learned()
    return render(
        "leads/learned.html",
        found=found[:MOST],
        more=len(found[MOST:]),
        lines=sum(len(article.lines) for article in found),
        proposals=kb().synonym_proposals(),
        least=site().settings.min_askers,
        is_on=site().settings.learn,
    )


def _learned() -> tuple[LearnedArticle, ...]:
    try:
        return kb().learned()
    except (IndexMissing, IndexDamaged):
        return ()


@leads.get("/learned.patch")
def learned_patch() -> ResponseReturnValue:
    """A patch that adds learned lines to `answers:`, of all articles or of one."""
    patch = kb().learned_patch(query_param("slug", 500))
    if not patch:
        abort(404)
    return download(patch, "learned.patch", "text/x-diff")


@leads.get("/learned/synonyms.patch")
def learned_synonyms() -> ResponseReturnValue:
    """A patch of `synonyms.yml` with one proposed pair."""
    patch = kb().proposed_synonym_patch(query_param("word", 80), query_param("means", 80))
    if not patch:
        abort(404)
    return download(patch, "synonyms.patch", "text/x-diff")
