"""The tools of the Model Context Protocol: search, an article, topics. Speaks no protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kb.base.errors import KBError
from kb.search import Results, to_json
from kb.searchlog import reports
from kb.site import context, markdown_pages
from kb.site.context import kb, site

_MOST_HITS, _MOST_LISTED = 20, 200


class Unanswered(Exception):
    """A tool cannot do what it was asked; an agent reads why."""


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument of a tool: a text, or a number from 1 to `most`."""

    description: str
    most: int
    is_number: bool = False
    needed: bool = False

    def schema(self) -> Mapping[str, Any]:
        """The argument as JSON Schema."""
        if self.is_number:
            limits: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": self.most}
        else:
            limits = {"type": "string", "maxLength": self.most}
        return {**limits, "description": self.description}

    def accepts(self, value: object) -> bool:
        """Whether a value of JSON is one for this argument."""
        if self.is_number:
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            return is_whole and 1 <= value <= self.most  # type: ignore[operator]
        return isinstance(value, str) and len(value) <= self.most


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it tells of itself, and the function that is called with its arguments."""

    name: str
    title: str
    description: str
    arguments: Mapping[str, _Argument]
    call: Callable[[Mapping[str, Any]], "str | Mapping[str, Any]"]

    def answer(self, given: Mapping[str, Any]) -> "str | Mapping[str, Any]":
        """What the tool says to these arguments. Raises Unanswered."""
        for name, argument in self.arguments.items():
            if name not in given and argument.needed:
                raise Unanswered(f"{name} is needed: {argument.description}")
            if name in given and not argument.accepts(given[name]):
                raise Unanswered(f"{name}: {argument.description}; at most {argument.most}")
        if unknown := sorted(set(given) - set(self.arguments)):
            raise Unanswered(f"no such argument: {', '.join(unknown)[:100]}")
        try:
            return self.call(given)
        except KBError:
            raise Unanswered("the base cannot answer now; try again in a minute") from None

    def described(self) -> Mapping[str, Any]:
        """The tool as `tools/list` names it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": {
                "type": "object",
                "properties": {name: each.schema() for name, each in self.arguments.items()},
                "required": [name for name, each in self.arguments.items() if each.needed],
                "additionalProperties": False,
            },
            "annotations": {"readOnlyHint": True, "openWorldHint": False},
        }


def _search(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Results as those of `/api/search`, with whole addresses; recorded as a search of an agent."""
    lang = given.get("lang")
    results = kb().answer(given["query"], limit=given.get("limit", 5), own_lang=lang, facets=False)
    site().metrics.search(results.total > 0, results.confident)
    _record(results, lang or results.lang)
    found = to_json(results)
    for hit in found["results"]:
        hit["url"] = context.absolute(hit["url"])
    return found


def _record(results: Results, lang: str) -> None:
    """Records the search as an agent's: a run of its own, under the limits of its network."""
    run = context.new_id()
    report = reports.Report(
        run=run, visit=run, surface=reports.AGENT, lang=lang, build=results.build,
        steps=(reports.Step(results.query, 0),),
        shown=tuple((hit.slug, rank) for rank, hit in enumerate(results.hits, 1)),
        is_bare=True,
    )  # fmt: skip
    if context.may_report("search"):
        kb().report(report, asker=context.asker())


def _article(given: Mapping[str, Any]) -> str:
    page = markdown_pages.named(given["address"])
    if page is None:
        raise Unanswered("no such article; search gives `slug` and `url` of those there are")
    return markdown_pages.whole(page)


def _topics(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The topics of a language, or what stands directly under one of them."""
    lang = given.get("lang") or site().languages.default
    page = kb().topic(given.get("topic", ""), lang)
    if page is None or isinstance(page, tuple):
        raise Unanswered("no such topic; list_topics without `topic` gives the uppermost ones")
    return {
        "lang": lang,
        "topics": [
            {"topic": each.key, "title": each.title, "articles": each.articles}
            for each in page.topics
        ],
        "articles": [
            {"slug": card.slug, "title": card.title, "url": context.absolute(card.url)}
            for card in page.articles[:_MOST_LISTED]
        ],
    }


_LANG = _Argument("language to prefer, such as ru or en", 3)
TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search",
            "Search the help centre",
            "Articles that answer a question, the best first. `confident` says whether the first "
            "one answers it; `answer` is its short answer.",
            {
                "query": _Argument(
                    "the question in the user's words", context.LONGEST_QUERY, needed=True
                ),
                "lang": _LANG,
                "limit": _Argument("how many articles", _MOST_HITS, is_number=True),
            },
            _search,
        ),
        Tool(
            "get_article",
            "Read an article",
            "The whole text of one article as Markdown.",
            {"address": _Argument("`slug` or `url` of a result", 1000, needed=True)},
            _article,
        ),
        Tool(
            "list_topics",
            "List topics",
            "The uppermost topics of a language, or the topics and articles under one of them.",
            {"lang": _LANG, "topic": _Argument("`topic` of a listed one", 500)},
            _topics,
        ),
    )
}
