"""One pass over sanitised HTML: writes the page, collects sections, links and the summary.

It escapes every value it adds, since sanitising is over by then.
"""

import html
import re
from dataclasses import dataclass
from urllib.parse import quote

from kb.content.markup import heading_ids
from kb.content.markup.admonitions import KINDS, PHRASES, TITLES, kind_of
from kb.content.markup.heading_ids import Heading
from kb.content.markup.link_targets import SAFE, anchor, resolve
from kb.content.markup.models import Link, Section
from kb.language import tokens as words

MAX_SUMMARY = 300

_USE_BASE_URL = re.compile(r"""\{useBaseUrl\(['"]([^'"]+)['"]\)\}""")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:\s[^<>\"]*(?:\"[^\"]*\"[^<>\"]*)*)?)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" *\n[\s]*")
_BOX = re.compile(r"(\s*)\[([ xX])\]\s+")
_CALLOUT = re.compile(r"\s*\[!([A-Za-z]+)\][+-]?[ \t]*\n?")
_URL = re.compile(r"\bhttps?://(?:&amp;|[^\s<>&\"'`«»“”])+", re.I)
_OWN_ID = re.compile(r"\s*\{#([^\s{}<>&\"]+)\}\s*$")

_BLOCKS = frozenset((
    "resolve", "blockquote", "br", "caption", "dd", "details", "div", "dl", "dt", "figcaption",
    "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "summary",
    "table", "tbody", "tfoot", "thead", "tr", "ul",
))  # fmt: skip
_BACK = "</a> "  # closes the way back from a footnote, whose arrow is no text of the writer's
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BOXES = frozenset(("blockquote", "div", "li", "table", "details", "dl", "figure"))


def plain_words(source: str) -> str:
    """The plain text of HTML text: unescaped, cleaned, each run of whitespace one space."""
    return " ".join(words.clean(html.unescape(source)).split())


def _quoted(value: str) -> str:
    return html.escape(value, quote=True)


class HtmlPass:
    """State machine over the tags of sanitised HTML; one object for one article.

    `run` consumes the HTML; `html`, `sections`, `links`, `summary` and `ids` are the results.
    """

    def __init__(
        self, path: str, lang: str, *, remote_images: bool, shift: bool, dialect: str,
        title: str = "",
    ) -> None:  # fmt: skip
        self.path = path
        self.lang = lang
        self.dialect = dialect
        self.title = title  # a heading that stood above the text and is shown by the page
        self.remote_images = remote_images
        self.shift = shift
        self.out: list[str] = [""]  # the first is for ids of the title
        self.links: list[Link] = []
        self.summary = ""
        self.ids: dict[str, int] = {}  # and how many more wanted to be called so
        self._heads: list[tuple[str, str, int]] = [("", "", 0)]
        self._texts: list[list[str]] = [[]]
        self._heading: _Open | None = None
        self._headings: list[tuple[int, Heading]] = []  # and the places of their tags
        self._anchors: list[str] = []  # what closes each open <a>
        self._quotes: list[str] = []  # what closes each open <blockquote>
        self._boxes: list[str] = []  # open blocks that hold others
        self._kind = "note"  # of the last admonition
        self._code = 0
        self._quiet = 0  # inside text that is not the writer's
        self._paragraph = -1  # where the text of a paragraph that may be the summary begins
        self._said = -1  # place of the last words of this section
        self._unsigned = 0  # texts of this section before it, code, are not to end by a sign
        self._is_new_cell = False
        self._finished = (0, -1)  # the item of a list that was ended last: section and text
        self._waiting = ""  # "li", "blockquote" or a kind of admonition: the next text decides
        self._waiting_at = 0

    # what came of it

    def html(self) -> str:
        """The HTML written so far."""
        return "".join(self.out).strip()

    def sections(self) -> tuple[Section, ...]:
        """The sections so far; text before the first heading has level 0."""
        return tuple(
            Section(anchor_, title, level, _paragraphs("".join(texts)))
            for (anchor_, title, level), texts in zip(self._heads, self._texts, strict=True)
            if level or "".join(texts).strip()
        )

    # the pass

    def run(self, source: str) -> None:
        """Consumes the sanitised HTML of the article."""
        parts = _TAG.split(source)
        self._text(parts[0])
        for at in range(1, len(parts), 4):
            closing, name, attributes, following = parts[at : at + 4]
            if name == "span" and "id=" not in attributes:
                self.out.append(f"<{closing}span{attributes}>")
            elif closing:
                self._end(name)
            else:
                self._start(name, attributes)
            if following:
                self._text(following)
        self._add_other_ids()

    def _add_other_ids(self) -> None:
        """Adds what the folder's tool calls the headings, where nothing here is called so."""
        title = self._anchor(self.title) if self.title else ""
        if self.dialect not in heading_ids.OTHER and title not in self.ids:
            return  # it calls them as we do
        if title:
            self._headings.insert(0, (0, Heading(self.title, self.title, 1)))
        headings = [heading for _, heading in self._headings]
        for number, wanted in heading_ids.ids(headings, self.dialect):
            id_ = self._anchor(wanted)
            if id_ != title and id_ not in self.ids:
                self.ids[id_] = 0
                self.out[self._headings[number][0]] += f'<a id="{_quoted(id_)}"></a>'

    def _text(self, source: str) -> None:
        if self._waiting and source.strip():
            source = self._decide(source)
        if self._heading is not None:
            self._heading.texts.append(source)
            if not self._heading.is_badge:
                self._heading.named.append(source)
            if not self._code:
                self._heading.outside_code.append(source)
        elif not self._quiet and not (
            self._boxes and self._boxes[-1] == "table" and source.isspace()
        ):
            if self._is_new_cell and source.strip():
                self._separate()
            if source.strip():
                self._said = len(self._texts[-1])
            self._texts[-1].append(source)
        if "://" in source and not self._code and not self._anchors:
            source = _URL.sub(self._bare_url, source)
        self.out.append(source)

    def _bare_url(self, found: re.Match[str]) -> str:
        url = found[0].rstrip(".,;:!?*_]}…")
        if url.endswith(")") and url.count("(") < url.count(")"):
            url = url.rstrip(")").rstrip(".,;:!?")
        target = html.unescape(url)
        self.links.append(Link(target, 1, url=target))
        return (
            f'<a href="{_quoted(target)}" rel="noopener noreferrer">{url}</a>{found[0][len(url) :]}'
        )

    def _start(self, name: str, attributes: str) -> None:
        if name in ("td", "th"):
            self._is_new_cell = True
        if name in _BLOCKS:
            self._texts[-1].append("\n")
            if self._waiting and name not in ("p", "br"):
                self._waiting = ""
        values = _values(attributes) if attributes else {}
        if name == "a":
            self._link(values)
            return
        if name == "img":
            self._image(values)
            return
        if name in _HEADINGS:
            self._open_heading(name, values)
            return
        if name == "small" and self._heading is not None:
            self._heading.is_badge = self.dialect == "vitepress"
        if name in _BOXES:
            self._boxes.append(name)
        if name in ("code", "pre"):
            self._code += 1
        written = values.pop("id", "")
        if written:
            attributes = "".join(f' {key}="{value}"' for key, value in values.items())
            attributes = (
                f' id="{_quoted(self._own_id(self._anchor(html.unescape(written))))}"' + attributes
            )
        if name == "div" and values.get("class", "").startswith("admonition"):
            self._admonition(values["class"])
            return
        if name == "div" and values.get("class", "").endswith("diagram"):
            self.out.append(f"<p><em>{PHRASES[self.lang]['diagram']}</em></p>")
        if name == "p":
            self._open_paragraph(values.get("class", ""))
        elif name == "li":
            self._wait("li")
        elif name == "blockquote":
            self._wait("blockquote")
            self._quotes.append("</blockquote>")
        elif name == "sup" and written.startswith("fnref"):
            self._quiet += 1
        self.out.append(f"<{name}{attributes}>")

    def _end(self, name: str) -> None:
        if name == "a":
            closing = self._anchors.pop() if self._anchors else ""
            if closing == _BACK:
                self._quiet -= 1
            self.out.append(closing)
            return
        if name in _HEADINGS:
            self._close_heading(name)
            return
        if name == "small" and self._heading is not None:
            self._heading.is_badge = False
        if name in _BLOCKS:
            self._texts[-1].append("\n")
        if name == "pre":
            self._unsigned = len(self._texts[-1])
        elif name == "li":
            self._finish(";")
        elif name in ("ul", "ol"):
            self._finish(".", instead_of=";")
        if name in _BOXES and self._boxes:
            self._boxes.pop()
        if name in ("code", "pre"):
            self._code -= 1
        if name == "p":
            if self._close_paragraph():
                return
        elif name == "blockquote":
            self.out.append(self._quotes.pop() if self._quotes else "</blockquote>")
            return
        elif name == "sup" and self._quiet:
            self._quiet -= 1
        self.out.append(f"</{name}>")

    # plain text that reads well

    def _separate(self) -> None:
        """Separates the cells of a table row by a middle dot in the plain text."""
        self._is_new_cell = False
        texts, at = self._texts[-1], self._said
        if at >= 0 and not any("\n" in each for each in texts[at:]):
            texts.append(" · ")

    def _finish(self, sign: str, instead_of: str = "") -> None:
        """Ends a list item in the plain text by `sign`, unless it ends by punctuation."""
        texts, at = self._texts[-1], self._said
        if at < self._unsigned:
            return
        said = texts[at].rstrip()
        if instead_of and self._finished == (len(self._texts), at):
            texts[at] = said.removesuffix(instead_of) + sign
        elif not instead_of and (said[-1].isalnum() or said[-1] in "»”)"):
            texts[at] = said + sign
            self._finished = (len(self._texts), at)

    def _anchor(self, written: str) -> str:
        return anchor(written, self.dialect)

    def _own_id(self, wanted: str) -> str:
        found = wanted
        while found in self.ids:
            self.ids[wanted] += 1
            found = f"{wanted}-{self.ids[wanted]}"
        self.ids[found] = 0
        return found

    # headings

    def _open_heading(self, name: str, values: dict[str, str]) -> None:
        if self._heading is not None:
            return
        self._heading = _Open(name, len(self.out), html.unescape(values.get("id", "")))
        self.out.append("")

    def _close_heading(self, name: str) -> None:
        heading = self._heading
        if heading is None or heading.name != name:
            return
        self._heading = None
        level = min(6, int(name[1]) + self.shift)
        further: list[str] = []
        while own := _OWN_ID.search(self.out[-1]):
            for texts in (self.out, heading.texts, heading.named, heading.outside_code):
                texts[-1:] = [_OWN_ID.sub("", text) for text in texts[-1:]]
            further += filter(None, (heading.id,))
            heading.id = own[1]
        title = plain_words("".join(heading.texts))
        named = plain_words("".join(heading.named)) or title
        id_ = self._anchor(heading.id or named)
        outside_code = plain_words("".join(heading.outside_code))
        self._headings.append((heading.at, Heading(named, outside_code, int(name[1]), heading.id)))
        taken = id_ in heading.anchors
        if not taken:
            id_ = self._own_id(id_)
        for at, inner in heading.places:
            if inner == id_:
                self.out[at] = "<a>"  # the heading itself is that place now
        self.out[heading.at] = f'<h{level} id="{_quoted(id_)}">'
        if title:
            label = _quoted(PHRASES[self.lang]["anchor"].format(title))
            self.out[heading.at] += (
                f'<a class="anchor" href="#{quote(id_, safe=SAFE)}" aria-label="{label}">#</a>'
            )
            self._heads.append((id_, title, level))
            self._texts.append([])
            self._unsigned, self._said = 0, -1
        for each in further:
            mark = self._own_id(self._anchor(each))
            self.out[heading.at] += f'<a id="{_quoted(mark)}"></a>'
        self.out.append(f"</h{level}>")

    # links and images

    def _link(self, values: dict[str, str]) -> None:
        classes = values.get("class", "")
        opening = ""
        place = html.unescape(values.get("id") or values.get("name", ""))
        if place:
            id_ = self._own_id(self._anchor(place))
            opening = f' id="{_quoted(id_)}"'
            if self._heading is not None:
                self._heading.anchors.add(id_)
                self._heading.places.append((len(self.out), id_))
        if "href" in values and (values["href"] or not place):  # `[](){#id}` is a place alone
            opening += self._href(html.unescape(values["href"]), classes)
        if "title" in values and not classes:
            opening += f' title="{values["title"]}"'
        closing = "</a>" if opening else ""
        if classes == "footnote-backref":
            closing = _BACK
            self._quiet += 1
        self._anchors.append(closing)
        if opening:
            self.out.append(f"<a{opening}>")

    def _href(self, target: str, classes: str) -> str:
        is_html = self.dialect in ("jekyll", "vitepress")
        url = resolve(target, self.path, html=is_html, dialect=self.dialect)
        if classes == "footnote-backref":
            label = _quoted(PHRASES[self.lang]["back"])
            return f' class="footnote-backref" href="{_quoted(url)}" aria-label="{label}"'
        if classes == "footnote-ref":
            return f' class="footnote-ref" href="{_quoted(url)}"'
        self.links.append(Link(target, 1, url=url))
        if not url:
            return ""
        is_outside = url[:4].lower() == "http"
        return f' href="{_quoted(url)}"' + (' rel="noopener noreferrer"' if is_outside else "")

    def _image(self, values: dict[str, str]) -> None:
        source = html.unescape(values.get("src", ""))
        alt = html.unescape(values.get("alt", ""))
        if found := _USE_BASE_URL.fullmatch(source):
            source = "/" + found[1].lstrip("/")
        if not source:
            self.out.append(_quoted(alt))
            return
        url = resolve(source, self.path, image=True)
        self.links.append(Link(source, 1, True, alt, url))
        is_outside = url[:4].lower() == "http"
        if not url or (is_outside and not self.remote_images):
            self._instead_of_image(url, alt)
            return
        extra = "".join(
            f' {key}="{values[key]}"'
            for key in ("title", "width", "height")
            if key in values and (key == "title" or re.fullmatch(r"\d{1,5}%?", values[key]))
        )
        policy = ' referrerpolicy="no-referrer"' if is_outside else ""
        self.out.append(
            f'<img src="{_quoted(url)}" alt="{_quoted(alt)}"{extra} loading="lazy"{policy}>'
        )

    def _instead_of_image(self, url: str, alt: str) -> None:
        label = _quoted(alt or PHRASES[self.lang]["image"])
        if url and not any(self._anchors):
            self.out.append(f'<a href="{_quoted(url)}" rel="noopener noreferrer">{label}</a>')
        else:
            self.out.append(label)

    # notes, tasks, paragraphs

    def _wait(self, for_: str) -> None:
        self._waiting, self._waiting_at = for_, len(self.out)

    def _decide(self, source: str) -> str:
        """Handles the first text after a tag whose meaning depends on that text."""
        waiting, self._waiting = self._waiting, ""
        if waiting == "li":
            return self._task(source)
        if waiting == "blockquote":
            return self._callout(source, "")
        if waiting == "paragraph":  # Markdown joins neighbouring quotations into one
            return self._callout(source, self._quotes[-1] if self._quotes else "</blockquote>")
        titles = TITLES[self.lang]
        if waiting in titles and source.strip().casefold() == waiting:
            self.out.append(titles[waiting])
            return ""
        return source

    def _task(self, source: str) -> str:
        found = _BOX.match(source)
        if not found:
            return source
        is_done = found[2] != " "
        label = PHRASES[self.lang]["done" if is_done else "todo"]
        self.out[self._waiting_at] = self.out[self._waiting_at].replace(
            "<li", '<li class="task"', 1
        )
        self.out.append(
            f'{found[1]}<input type="checkbox" disabled{" checked" if is_done else ""}'
            f' aria-label="{_quoted(label)}"> '
        )
        return source[found.end() :]

    def _callout(self, source: str, before: str) -> str:
        found = _CALLOUT.match(source)
        kind = kind_of(found[1]) if found else ""
        if not found or not kind:
            return source
        self._quotes[-1] = "</div>"
        self.out[self._waiting_at] = (
            f'{before}<div class="admonition {kind}" role="note">'
            f'<p class="admonition-title">{TITLES[self.lang][kind]}</p>' + ("<p>" if before else "")
        )
        return source[found.end() :]

    def _admonition(self, classes: str) -> None:
        kind = next((c for c in classes.split() if c in KINDS), "note")
        self.out.append(f'<div class="admonition {kind}" role="note">')
        self._kind = kind

    def _open_paragraph(self, classes: str) -> None:
        if classes == "admonition-title":
            self._wait(self._kind)
        elif self._boxes and self._boxes[-1] == "blockquote" and not self._waiting:
            self._wait("paragraph")
        elif not self.summary and not self._boxes and self._heading is None:
            self._paragraph = len(self._texts[-1])

    def _close_paragraph(self) -> bool:
        """Closes a paragraph; true if it is empty and nothing of it is written."""
        if self._paragraph >= 0:
            found = plain_words("".join(self._texts[-1][self._paragraph :]))
            self._paragraph = -1
            if found:
                self.summary = words.shorten(found, MAX_SUMMARY)
        for at in range(len(self.out) - 1, -1, -1):
            if self.out[at].strip():
                if self.out[at] == "<p>":
                    del self.out[at:]
                    return True
                break
        return False


@dataclass(slots=True)
class _Open:
    """A heading that is open: its tag is written when its text is known."""

    name: str
    at: int
    id: str
    texts: list[str]
    named: list[str]  # those that make its id: a badge beside its words is none
    outside_code: list[str]
    anchors: set[str]
    places: list[tuple[int, str]]
    is_badge: bool

    def __init__(self, name: str, at: int, id_: str) -> None:
        self.name, self.at, self.id, self.is_badge = name, at, id_, False
        self.texts, self.named, self.outside_code = [], [], []
        self.anchors, self.places = set(), []


def _values(attributes: str) -> dict[str, str]:
    """The attributes of a tag by name; values are still escaped."""
    return dict(_ATTRIBUTE.findall(attributes))


def _paragraphs(source: str) -> str:
    """The plain text of HTML text, one line for each block."""
    plain = words.clean(html.unescape(source))
    return _BREAKS.sub("\n", _SPACES.sub(" ", plain)).strip()
