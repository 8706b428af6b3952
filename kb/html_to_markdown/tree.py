"""HTML of strangers to a tree that Markdown can say; counts what it cannot."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

import nh3
from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag

from kb.content.markup.admonitions import PHRASES, TITLES, kind_of
from kb.content.markup.link_targets import anchor
from kb.html_to_markdown import losses


def _names(written: str) -> set[str]:
    return set(written.split())


_BLOCKS = _names("""
    address article aside blockquote dd details div dl dt fieldset figcaption figure footer h1 h2
    h3 h4 h5 h6 header hr li main nav ol p pre section table ul
""")
_TAGS = _BLOCKS | _names("""
    a abbr audio b br caption cite code del dfn em i iframe img input ins kbd label mark q s samp
    small source span strong sub summary sup tbody td tfoot th thead time tr u var video
""")
_DROPPED = _names("""
    script style template noscript object embed svg math canvas textarea select title applet
    frameset noembed noframes xmp plaintext datalist
""")
_ATTRIBUTES = {
    "*": _names("id class style lang role aria-label itemprop"),
    "a": _names("href name title"),
    "img": _names("src data-src alt title width height"),
    "iframe": _names("src title"),
    "input": _names("type checked"),
    "video": _names("src title"),
    "audio": _names("src title"),
    "source": _names("src"),
    "td": _names("colspan rowspan"),
    "th": _names("colspan rowspan"),
    "ol": _names("start"),
    "abbr": {"title"},
    "time": {"datetime"},
}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_DROPPED,
    attributes=_ATTRIBUTES,
    url_schemes=_names("http https mailto tel data"),
    link_rel=None,
    strip_comments=True,
)
# Counted in the source: the cleaner drops them without a word.
_COUNTED = (
    (losses.SCRIPT, re.compile(r"<script\b", re.I)),
    (losses.FORM, re.compile(r"<(?:form|select|textarea)\b", re.I)),
    (losses.DRAWING, re.compile(r"<(?:svg|canvas)\b", re.I)),
    (losses.FORMULA, re.compile(r"<math\b", re.I)),
    (losses.OBJECT, re.compile(r"<(?:object|embed|applet)\b", re.I)),
    (losses.UNSAFE_LINK, re.compile(r"""href\s*=\s*["']?\s*(?:javascript|vbscript|data):""", re.I)),
)
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\ue000-\uf8ff]")


def parse(html: str) -> BeautifulSoup:
    """The tree of any HTML, as a browser would read it, without scripts and unknown tags.

    Raises ValueError where tags are nested too deeply.
    """
    clean = _CLEANER.clean(_INVISIBLE.sub("", html))
    depth = 0
    for closing, name in _TAG.findall(clean):
        depth += 0 if name in _EMPTY else -1 if closing else 1
        if depth > _MAX_DEPTH:
            raise ValueError("the HTML is nested too deeply")
    return BeautifulSoup(clean, "html.parser")


_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_EMPTY = _names("br hr img input source wbr")
_MAX_DEPTH = 150  # of tags: what follows recurses


def attribute(tag: Tag, name: str) -> str:
    """The value of an attribute; "" where there is none."""
    value = tag.get(name)
    return " ".join(value) if isinstance(value, list) else value or ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a link or an image of the text leads to, as it was written."""

    kind: str  # "link" or "image"
    url: str  # absolute where the base of the page is known
    alt: str = ""
    title: str = ""


@dataclass(slots=True)
class Tree:
    """HTML made ready for Markdown: links and images are numbers of `targets`."""

    soup: BeautifulSoup
    targets: list[Target] = field(default_factory=list)
    anchors: dict[str, str] = field(default_factory=dict)  # ids of the HTML to anchors here
    lost: Counter[str] = field(default_factory=Counter)


def prepare(html: str, base: str, lang: str, title: str) -> Tree:
    """Reads HTML whose relative addresses count from `base`.

    `lang` is the language of the words that are added; a first heading equal to `title` is left
    out.
    """
    tree = Tree(parse(html))
    for kind, pattern in _COUNTED:
        if number := len(pattern.findall(html)):
            tree.lost[kind] += number
    soup = tree.soup
    remove_furniture(soup)
    _embeds(tree, base, lang)
    _tabs(soup)
    _code_tables(soup)
    _callouts(soup)
    _definitions(soup)
    _styles(tree)
    _headings(soup, title)
    _tables(tree)
    _inline(soup)
    _tasks(soup)
    tree.anchors = _anchors(soup)
    _targets(tree, base)
    _drop_empty(soup)
    return tree


def remaining(tags: Iterable[Tag]) -> Iterator[Tag]:
    """The tags that are still part of their tree when their turn comes."""
    return (tag for tag in tags if not tag.decomposed)


def _classes(tag: Tag) -> set[str]:
    return set(attribute(tag, "class").lower().split())


_FURNITURE = (
    "a.headerlink, a.anchor, a.hash-link, a.header-anchor, a.anchorjs-link, td.linenos, td.gutter,"
    " .line-numbers-rows, .lineno, .visually-hidden, .sr-only"
)


def remove_furniture(soup: BeautifulSoup) -> None:
    """Removes marks of headings, numbers of lines, and what only screen readers hear."""
    for tag in remaining(soup.select(_FURNITURE)):
        tag.decompose()


# --- videos and frames --------------------------------------------------------------------------

_YOUTUBE = re.compile(r"https?://(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w-]+).*")


def _embeds(tree: Tree, base: str, lang: str) -> None:
    for tag in remaining(tree.soup.find_all(["iframe", "video", "audio"])):
        inner = tag.find("source")
        source = attribute(tag, "src") or (attribute(inner, "src") if inner else "")
        label = attribute(tag, "title").strip() or PHRASES.get(lang, PHRASES["en"])["video"]
        tree.lost[losses.EMBED] += 1
        if not source:
            tag.decompose()
            continue
        url = _YOUTUBE.sub(r"https://www.youtube.com/watch?v=\1", _joined(base, source))
        link = tree.soup.new_tag("a", attrs={"href": url}, string=label)
        paragraph = tree.soup.new_tag("p")
        paragraph.append(link)
        tag.replace_with(paragraph)


# --- tabs and code ------------------------------------------------------------------------------


def _tabs(soup: BeautifulSoup) -> None:
    """Tabs become parts below each other, each with its label in bold above it."""
    for group in remaining(soup.select(".tabbed-set, .tabs-container, .tabs")):
        labels = group.select(".tabbed-labels > label, [role=tab]")
        panels = group.select(".tabbed-block, [role=tabpanel]")
        if len(labels) != len(panels):
            continue
        for label, panel in zip(labels, panels, strict=True):
            title = soup.new_tag("p")
            title.append(soup.new_tag("strong", string=words(label)))
            panel.insert_before(title)
            label.decompose()


def _code_tables(soup: BeautifulSoup) -> None:
    """A table that sets code beside the numbers of its lines is the code."""
    for table in remaining(soup.find_all("table")):
        codes = table.find_all("pre")
        if len(codes) == 1 and words(codes[0]) == words(table):
            table.replace_with(codes[0].extract())


# --- notes --------------------------------------------------------------------------------------

_NOTES = _names("callout admonition alert notice note-box info-box infobox message-box box-note")
_ALERTS = {
    "note": "NOTE", "info": "NOTE", "tip": "TIP", "hint": "TIP", "success": "TIP",
    "important": "IMPORTANT", "warning": "WARNING", "attention": "WARNING", "caution": "CAUTION",
    "danger": "CAUTION", "error": "CAUTION",
}  # fmt: skip
_NOTE_TITLES = ".admonition-title, .admonition-heading, .callout__title, .callout-title"
_OWN_TITLES = {title.casefold() for titles in TITLES.values() for title in titles.values()}


def _callouts(soup: BeautifulSoup) -> None:
    """Notes, by their class, become `<kb-callout>`; so does a table of one cell."""
    for tag in remaining(soup.find_all(["div", "aside", "p", "section", "blockquote"])):
        kind = _note_kind(tag)
        if kind and not tag.find_parent("kb-callout"):
            _make_callout(tag, kind)
    for table in soup.find_all("table"):
        cells = table.find_all(["td", "th"])
        if len(cells) == 1 and not table.find_parent(["table", "kb-callout"]):
            cell = cells[0]
            cell.name = "div"
            table.replace_with(cell.extract())
            _make_callout(cell, "NOTE")


def _note_kind(tag: Tag) -> str:
    classes = _classes(tag)
    words = {word for each in classes for word in re.split("[-_]+", each)}
    is_note = bool(classes & _NOTES or {"callout", "admonition", "alert"} & words)
    own = next((each for each in sorted(classes) if each in _ALERTS), "")
    if not is_note and not own:
        return ""
    kinds = (kind_of(word) for word in sorted(words))
    named = next((kind for kind in kinds if kind in _ALERTS), own or "note")
    return _ALERTS.get(named, "NOTE")


def _make_callout(tag: Tag, kind: str) -> None:
    for title in remaining(tag.select(_NOTE_TITLES)):
        if title.get_text().strip(" :.!").casefold() in _OWN_TITLES:
            title.decompose()
        else:
            title.name = "strong"
            title.wrap(BeautifulSoup("", "html.parser").new_tag("p"))
    tag.name = "kb-callout"
    tag.attrs = {"kind": kind}


# --- lists of terms -----------------------------------------------------------------------------


def _definitions(soup: BeautifulSoup) -> None:
    """A term becomes a bold paragraph: the two kinds of Markdown write such lists differently."""
    for term in soup.find_all("dt"):
        term.name = "p"
        strong = soup.new_tag("strong")
        for child in list(term.contents):
            strong.append(child.extract())
        term.append(strong)
    for tag in soup.find_all(["dd", "dl"]):
        tag.name = "div"


# --- looks --------------------------------------------------------------------------------------

_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.I)
_ITALIC = re.compile(r"font-style\s*:\s*italic", re.I)
_COLOUR = re.compile(r"(?<![\w-])(?:color|background(?:-color)?)\s*:", re.I)


def _styles(tree: Tree) -> None:
    """Bold and italic by style become tags, colours are counted."""
    for tag in tree.soup.find_all(style=True):
        style = attribute(tag, "style")
        if _COLOUR.search(style) and tag.get_text(strip=True):
            tree.lost[losses.COLOUR] += 1
        if tag.name == "span":
            if _BOLD.search(style):
                tag.name = "strong"
            elif _ITALIC.search(style):
                tag.name = "em"
        del tag["style"]


# --- headings -----------------------------------------------------------------------------------

_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]


def words(tag: Tag) -> str:
    """The text of a tag, each run of white space one space."""
    return " ".join(tag.get_text(" ").split())


def _headings(soup: BeautifulSoup, title: str) -> None:
    """Headings begin at the second level and skip none; that of the title goes."""
    found = [tag for tag in soup.find_all(_HEADINGS) if isinstance(tag, Tag)]
    if found and words(found[0]).casefold() == " ".join(title.split()).casefold():
        found.pop(0).decompose()
    for tag in found:
        if not words(tag):
            tag.name = "p"
        for bold in tag.find_all(["strong", "b"]):
            bold.unwrap()
    found = [tag for tag in found if tag.name in _HEADINGS]
    levels = sorted({tag.name for tag in found})
    for tag in found:
        tag.name = f"h{min(6, levels.index(tag.name) + 2)}"


# --- tables -------------------------------------------------------------------------------------


def _tables(tree: Tree) -> None:
    for table in remaining(tree.soup.find_all("table")):
        for inner in table.find_all("table"):
            tree.lost[losses.NESTED] += 1
            _as_text(inner)
        _split_cells(tree, table)
        _name_columns(table)
        for cell in table.find_all(["td", "th"]):
            _flatten(tree, cell)


def _as_text(table: Tag) -> None:
    for tag in table.find_all(["thead", "tbody", "tfoot", "caption"]):
        tag.unwrap()
    for row in table.find_all("tr"):
        row.name = "p"
        for cell in row.find_all(["td", "th"]):
            cell.append(" ")
            cell.unwrap()
    table.unwrap()


_MOST_SPAN = 50


def _span(cell: Tag, name: str) -> int:
    written = attribute(cell, name)
    return max(1, min(_MOST_SPAN, int(written))) if written.isdecimal() else 1


def _split_cells(tree: Tree, table: Tag) -> None:
    """Gives each merged cell a place of its own in every row and column it covers."""
    covered: dict[int, int] = {}  # column: rows below that a cell above covers
    for row in table.find_all("tr"):
        column = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while covered.get(column):
                covered[column] -= 1
                cell.insert_before(tree.soup.new_tag("td"))
                column += 1
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            if wide > 1 or high > 1:
                tree.lost[losses.MERGED] += 1
            for _ in range(wide - 1):
                cell.insert_after(tree.soup.new_tag(cell.name))
            for at in range(column, column + wide):
                covered[at] = high - 1
            column += wide
            for name in ("colspan", "rowspan"):
                if name in cell.attrs:
                    del cell[name]
        while covered.get(column):
            covered[column] -= 1
            row.append(tree.soup.new_tag("td"))
            column += 1


def _name_columns(table: Tag) -> None:
    """A first row that is all bold names the columns; a heading cell of a later row is bold."""
    rows = table.find_all("tr")
    first = rows[0].find_all(["td", "th"], recursive=False) if rows else []
    if first and all(cell.name == "td" for cell in first):
        bold = [_is_bold(cell) for cell in first if words(cell)]
        if bold and all(bold):
            for cell in first:
                cell.name = "th"
    for number, row in enumerate(rows):
        cells = row.find_all(["td", "th"], recursive=False)
        is_head = number == 0 and any(cell.name == "th" for cell in cells)
        for cell in cells:
            if is_head:
                cell.name = "th"
                for bold_tag in cell.find_all(["strong", "b"]):
                    bold_tag.unwrap()
            elif cell.name == "th":
                cell.name = "td"
                if words(cell) and not cell.find(list(_BLOCKS)):
                    cell.wrap(BeautifulSoup("", "html.parser").new_tag("td"))
                    cell.name = "strong"
                    cell.attrs = {}


def _is_bold(cell: Tag) -> bool:
    inner = cell.find(["strong", "b"])
    return isinstance(inner, Tag) and words(inner) == words(cell)


def _flatten(tree: Tree, cell: Tag) -> None:
    """Makes the blocks of a cell lines of it: a row of Markdown is one line."""
    for code in cell.find_all("pre"):
        tree.lost[losses.CODE_IN_CELL] += 1
        lines = code.get_text().strip("\n").split("\n")
        code.clear()
        for line in lines:
            text = tree.soup.new_tag("code", string=line)
            code.append(text if line.strip() else "")
            code.append(tree.soup.new_tag("kb-break"))
        code.name = "p"
    for item in cell.find_all("li"):
        parent = item.parent
        number = len(item.find_previous_siblings("li")) + 1
        mark = f"{number}) " if parent is not None and parent.name == "ol" else "• "
        item.insert(0, NavigableString(mark))
    for block in cell.find_all(list(_BLOCKS)):
        block.insert_before(tree.soup.new_tag("kb-break"))
        block.insert_after(tree.soup.new_tag("kb-break"))
        block.unwrap()
    for line_end in cell.find_all("br"):
        line_end.name = "kb-break"


# --- text ---------------------------------------------------------------------------------------


def _inline(soup: BeautifulSoup) -> None:
    """Emphasis holds no blocks and no emphasis of its kind; a link holds only text and images."""
    for names in (["strong", "b"], ["em", "i"], ["del", "s"]):
        for tag in soup.find_all(names):
            if tag.find_parent(names) or tag.find(list(_BLOCKS)):
                tag.unwrap()
    for link in soup.find_all("a"):
        for block in link.find_all(list(_BLOCKS)):
            block.insert_before(" ")
            block.insert_after(" ")
            block.unwrap()
        for line_end in link.find_all("br"):
            line_end.replace_with(" ")
    for code in soup.find_all("pre"):
        for line_end in code.find_all("br"):
            line_end.replace_with("\n")


def _tasks(soup: BeautifulSoup) -> None:
    """A box to tick at the beginning of an item stays, as `<kb-task>`; other fields go."""
    for box in soup.find_all("input"):
        is_box = attribute(box, "type").lower() == "checkbox"
        if is_box and box.parent and box.parent.name in ("li", "p", "label"):
            box.name = "kb-task"
            if isinstance(box.next_sibling, NavigableString):
                box.next_sibling.replace_with(str(box.next_sibling).lstrip())
        else:
            box.decompose()


def _drop_empty(soup: BeautifulSoup) -> None:
    """Paragraphs of nothing but spaces hold others apart on a screen; Markdown needs none."""
    for tag in remaining(soup.find_all(["p", "div", "li", "kb-callout"])):
        if not tag.get_text().strip() and not tag.find(["img", "pre", "hr", "table"]):
            tag.decompose()


# --- links, images, anchors ---------------------------------------------------------------------


def _anchors(soup: BeautifulSoup) -> dict[str, str]:
    """The anchor of the heading at or above each id: that is where a link to it leads here."""
    found: dict[str, str] = {}
    taken: Counter[str] = Counter()
    waiting: list[str] = []  # ids between which and the next heading nothing stands
    current = ""
    for tag in soup.find_all(True):
        ids = [attribute(tag, "id"), attribute(tag, "name") if tag.name == "a" else ""]
        if tag.name in _HEADINGS:
            wanted = anchor(words(tag)).removeprefix("h-")
            current = f"{wanted}-{taken[wanted]}" if taken[wanted] else wanted
            taken[wanted] += 1
            found.update(dict.fromkeys(waiting, current))
            waiting.clear()
        elif _leads_to_heading(tag):
            waiting += filter(None, ids)
        else:
            waiting.clear()
        for written in filter(None, ids):
            found.setdefault(written, current)
    return found


def _leads_to_heading(tag: Tag) -> bool:
    """Whether nothing, or a heading, is the first thing in the tag that can be seen."""
    for inner in (tag, *tag.descendants):
        if isinstance(inner, NavigableString) and inner.strip():
            return inner.find_parent(_HEADINGS) is not None
        if isinstance(inner, Tag) and inner.name == "img":
            return False
    return True


_LINKS = ("http", "https", "mailto", "tel")
_WRITTEN = "!#$%&'*+,/:;=?@[]~"
MARK = "\ue000{}\ue001"  # stands for a target in the text
MARKED = re.compile("\ue000(\\d+)\ue001")


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return ""


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return "?"


def _targets(tree: Tree, base: str) -> None:
    for image in tree.soup.find_all("img"):
        source = attribute(image, "data-src") or attribute(image, "src")
        alt = attribute(image, "alt").strip()
        if "emoji" in _classes(image) and alt:
            image.replace_with(alt)
        elif not source or _scheme(source) == "?" or _is_pixel(image):
            image.decompose()
        else:
            url = source if source.startswith("data:") else _joined(base, source)
            title = attribute(image, "title").strip()
            image.attrs = {"mark": _marked(tree, Target("image", url, alt, title))}
    for link in remaining(tree.soup.find_all("a")):
        written = attribute(link, "href").strip()
        url = written if written.startswith("#") else _joined(base, written)
        if not written or not (url.startswith("#") or _scheme(url) in _LINKS):
            link.unwrap()
        elif not link.get_text().strip() and not link.find("img"):
            link.decompose()
        else:
            title = attribute(link, "title").strip()
            link.attrs = {"mark": _marked(tree, Target("link", url, title=title))}


def _is_pixel(image: Tag) -> bool:
    """Whether an image is there to count readers, not to be seen."""
    return bool({attribute(image, "width"), attribute(image, "height")} & {"0", "1"})


def _marked(tree: Tree, target: Target) -> str:
    tree.targets.append(target)
    return MARK.format(len(tree.targets) - 1)


def address(url: str) -> str:
    """A URL as the target of a Markdown link: no space or bracket ends it early."""
    return quote(url, safe=_WRITTEN)
