"""What narrows a result page down: topics, labels and languages with addresses and numbers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kb.facets import FacetValue
from kb.search import Results
from kb.site import context, formatting

_BELOW = 4  # topics that are listed under one


class Row(NamedTuple):
    """A value of a filter, the address that sets or ends it, and the values below it."""

    address: str
    label: str
    hits: int = 0
    below: tuple["Row", ...] = ()


class Narrowing:
    """The filters of a result page: those in force, and what else hits may be narrowed down to."""

    def __init__(
        self, results: Results, filters: Mapping[str, str], page: str, langs: Sequence[str],
        **kept: object,
    ) -> None:  # fmt: skip
        """`filters` are values by name, or ""; a filter that is set takes the place of its own.

        `page` is the address of result pages; `kept` are parameters that stay in all of them.
        `langs` are languages that are called by their own names.
        """
        self._filters, self._page, self._kept, self._langs = filters, page, kept, langs
        self.active = tuple(
            Row(self._without(name), _title(name, results) or self._label(name, value))
            for name, value in filters.items()
            if value
        )
        self.category, self.tag, self.lang = (
            self._rows(name, results.facets.get(name, ())) for name in ("category", "tag", "lang")
        )

    def _rows(self, name: str, values: Sequence[FacetValue]) -> tuple[Row, ...]:
        """The rows of a facet; none where it leaves nothing to choose."""
        is_chosen = name == "lang" and self._filters[name]
        if is_chosen or len(values) <= (name != "category"):
            return ()
        head = self._without(name)
        head = f"{head}{'&' if '?' in head else '?'}{name}="
        return tuple([self._row(name, head, value) for value in values])

    def _row(self, name: str, head: str, value: FacetValue) -> Row:
        label = value.title or self._label(name, value.value)
        shown = value.below[:_BELOW]
        below = tuple([self._row(name, head, each) for each in shown]) if shown else ()
        return Row(head + context.quoted_value(value.value), label, value.hits, below)

    def _without(self, name: str) -> str:
        """The address of the page without a filter."""
        others = {other: value for other, value in self._filters.items() if other != name}
        return context.url(self._page, **self._kept, **others)

    def _label(self, name: str, value: str) -> str:
        if name == "lang" and value in self._langs:
            return formatting.own_name(value)
        return formatting.heading(value)


def _title(name: str, results: Results) -> str:
    return results.topic if name == "category" else ""
