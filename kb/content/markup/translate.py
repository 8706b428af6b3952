"""Translation of other tools' Markdown to plain Markdown and HTML. Renders nothing."""

import re
from functools import cache

from kb.content.markup import (
    containers,
    diplodoc,
    docsify,
    hugo,
    liquid,
    mdx,
    mintlify,
    scripts,
    tables,
    vitepress,
    wikilinks,
)
from kb.content.markup.tags import CODE, INDENTED_CODE, MATH, Context, TagRule, Translator

_MDX = frozenset(("docusaurus", "mintlify"))  # reads every file as MDX
# What a body must hold for any tag to be in it; most hold none.
_SIGNS = re.compile(
    r"\{\{|\{%|\$\$|\\\[[ \t]*$|\]\(\*|@\[|##[^\s#]|\{[a-z]+\}\(|\{#T\}"
    r"|[ \t]=\d*%?x\d*%?[ \t]*\)"
    r"|:::|\[\[|\[!|#\||\[_?TOC|\$\{toc|\(#tab/|\{:|%%|==|^\^|-8<-"
    r"|<(?:iframe|video|audio|object|embed|svg)\b"
    r"|(?:`{3}|~~~) *(?:mermaid|plantuml|puml|graphviz|dot|d2)\b",
    re.I | re.M,
)
_OWN_SIGNS = {
    "diplodoc": re.compile(r"\[[ Xx]?\]|\{selected\}|\^"),
    "docsify": docsify.SIGNS,
    "vitepress": vitepress.SIGNS,
    "wikijs": re.compile("[~^]"),
}


def reads_mdx(context: Context) -> bool:
    """Whether the article is MDX: by its name, or as its folder is."""
    return context.path.endswith(".mdx") or bool(context.tools & _MDX)


@cache
def _rules(tools: frozenset[str], is_mdx: bool, has_table: bool) -> tuple[TagRule, ...]:
    found: tuple[TagRule, ...] = (*CODE, *hugo.RULES, *liquid.RULES, *containers.RULES)
    found += (*wikilinks.RULES, *MATH, *scripts.SIZES)
    if not is_mdx:  # which knows no such code
        found = (INDENTED_CODE, *found)
    if has_table:
        found += tables.RULES
    if "diplodoc" in tools:
        found = (*diplodoc.BLOCKS, *found, *diplodoc.TERMS, *diplodoc.SPOKEN, *scripts.SUP)
    if "wikijs" in tools:
        found += (*scripts.SUP, *scripts.SUB)
    if "obsidian" in tools:
        found += wikilinks.OBSIDIAN
    if "vitepress" in tools:
        found = (*vitepress.RULES, *found)
    if "docsify" in tools:
        found = (*docsify.RULES, *found)
    if is_mdx and "mintlify" in tools:
        found = (*mintlify.RULES, *found)
    return (*found, *mdx.RULES) if is_mdx else found


def translate(body: str, context: Context) -> tuple[str, list[tuple[str, int]]]:
    """The body with the tags of tools translated, and those that have no meaning here.

    Tags are understood in every folder; only MDX, and what Obsidian writes inside sentences, are
    read where they are spoken. Each tag told has its line of the body, from 1.
    """
    is_mdx = reads_mdx(context)
    signs = (_SIGNS, *(own for tool, own in _OWN_SIGNS.items() if tool in context.tools))
    if not is_mdx and not any(each.search(body) for each in signs):
        return body, []
    has_table = any("#|" in text for text in (body, *context.included.values()))
    translator = Translator(context, _rules(context.tools, is_mdx, has_table))
    done = translator.translate(body)
    return done, translator.unknown
