"""What rendering an article gives: its page, its sections, its links. Computes nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an article under one heading; the first has no heading and no anchor (level 0)."""

    anchor: str  # id in the HTML, "" for the first
    title: str
    level: int
    text: str  # plain text below the heading, without it; cleaned by `text.clean`


@dataclass(frozen=True, slots=True)
class Link:
    """A link or image as the writer wrote it, for checks."""

    target: str
    line: int  # 1-based line of the body, 1 where unknown
    image: bool = False
    alt: str = ""
    url: str = ""  # where it leads now; "" if it was taken out


@dataclass(frozen=True, slots=True)
class Rendered:
    """An article ready to be shown and to be indexed."""

    html: str  # sanitised; links between articles are /articles/<path without ending>#h-…
    sections: tuple[Section, ...]
    links: tuple[Link, ...] = ()
    summary: str = (
        ""  # first paragraph, at most 300 characters: the short answer if none is written
    )
    anchors: tuple[str, ...] = ()  # every id in the HTML, for links to it

    @property
    def text(self) -> str:
        """All plain text without headings, sections joined by blank lines."""
        return "\n\n".join(section.text for section in self.sections if section.text)
