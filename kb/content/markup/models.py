"""Results of rendering: HTML, sections and links. Computes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class TooDeep(Exception):
    """The Markdown is nested more deeply than Python-Markdown, which recurses, can follow."""


APPENDED = "+"  # before the path of a text that is appended to every page
TITLE = "{#T}"  # before the address of an article whose title is meant


@dataclass(frozen=True, slots=True)
class Inclusions:
    """What a text takes from other files of its folder."""

    texts: Mapping[str, str] = field(default_factory=dict)  # by address as written
    variables: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()  # paths of files it depends on, whether they are there or not
    state: str = ""  # changes when one of the files does


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an article; text before the first heading has level 0 and no anchor."""

    anchor: str  # id in the HTML, "" for the first
    title: str
    level: int
    text: str  # plain text below the heading, without it; cleaned by `text.clean`


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image with the target as written, for checks."""

    target: str
    line: int  # 1-based line of the body, 1 where unknown
    image: bool = False
    alt: str = ""
    url: str = ""  # where it leads now; "" if it was taken out


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered article, for its page and for the index."""

    html: str  # sanitised; links between articles are /articles/<path without ending>#h-…
    sections: tuple[Section, ...]
    links: tuple[Link, ...] = ()
    summary: str = (
        ""  # first paragraph, at most 300 characters: the short answer if none is written
    )
    anchors: tuple[str, ...] = ()  # every id in the HTML, for links to it

    @property
    def text(self) -> str:
        """The plain text of all sections without headings, joined by blank lines."""
        return "\n\n".join(section.text for section in self.sections if section.text)
