"""Conversion of pages to Markdown, in child processes under limits. Looks up no address."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kb.base import sandbox
from kb.html_to_markdown import markdown, tree
from kb.html_to_markdown.tree import Target

SECONDS = 20.0
MEGABYTES = 512
MAX_HTML = 8 * 2**20  # characters


@dataclass(frozen=True, slots=True)
class Html:
    """HTML to be converted; relative addresses count from `base`."""

    html: str
    base: str
    lang: str
    title: str


@dataclass(frozen=True, slots=True)
class Converted:
    """Markdown with numbers for its targets, and what came of the rest."""

    text: str
    targets: tuple[Target, ...] = ()
    anchors: tuple[tuple[str, str], ...] = ()  # ids of the HTML, and anchors here
    lost: tuple[tuple[str, int], ...] = ()


def convert(given: Html) -> Converted:
    """Converts one page. Raises ValueError where it is too large."""
    if len(given.html) > MAX_HTML:
        raise ValueError("the page is too large")
    made = tree.prepare(given.html, given.base, given.lang, given.title)
    text = markdown.to_markdown(made)
    return Converted(
        text, tuple(made.targets), tuple(made.anchors.items()), tuple(sorted(made.lost.items()))
    )


def convert_all(
    pages: Iterable[Html], progress: Callable[[int], object]
) -> Iterator[Converted | sandbox.Failure]:
    """Converts pages in order; a page that breaks a limit is a Failure.

    `progress` is called with the number of pages done.
    """
    results = sandbox.each(convert, pages, processes=2, seconds=SECONDS, megabytes=MEGABYTES)
    for number, result in results:
        progress(number + 1)
        yield result
