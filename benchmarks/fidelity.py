"""How faithfully folders of Markdown are shown: `python benchmarks/fidelity.py FOLDER [FOLDER…]`.

Indexes each folder, asks for the page of every article and prints how many pages show markup of a
tool outside code, how many links lead nowhere (readers see plain words) though a file of the
target's name is in the folder, and how many articles lost words. `--show N` names N of each.
`--commonmark SPEC` compares the pages of the examples of CommonMark outside raw HTML with what the
specification says, at the levels of headings that our pages give them.
"""

import argparse
import html
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import quote

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from benchmarks.lib import corpora
from kb.base.config import Settings
from kb.checks import runner
from kb.checks.rules.links import resolve
from kb.content.articles import Defaults
from kb.content.folder import scan
from kb.content.link_table import place_of
from kb.content.reading_order import INDEX_NAMES
from kb.jobs import evaluation
from kb.web import create_app

SPEC = corpora.SHARED / "commonmark" / "spec.txt"
PROSE = '<div class="prose">'
LOST = 3  # words in a row that a page lacks, for its article to count as lost

MARKUP = re.compile(
    r"\{%|%\}|\{\{[^{}]*\}\}|\{\{[<%]|[>%]\}\}|:::|\[\[[^\]\n]*\]\]|(?:^|\s)#\|(?:\s|$)|\|#(?:\s|$)|\[![A-Za-z]+[^\]\n]*\]"
    r"|^\s*(?:!!!|\?\?\?\+?) \w|^\s*={3}[!+]? \"|--8<--|\{:[ .#\w][^}\n]*\}|\{#[\w-]+\}"
    r"|\{ ?[.#][\w-]+[^}\n]*\}|^\s*\[TOC\]\s*$|^\s*\*\[[^\]]+\]:|%%[^%\n]+%%"
    r"|^\s*(?:import|export) [^\n]* from ['\"]|^\s*export const "
    r"|<[A-Z][A-Za-z]*(?: [a-z]+=[^>]*| ?/)>|</[A-Z][A-Za-z]*>",
    re.M,
)


class Text(HTMLParser):
    """The text of a page, and the text outside code; blocks end lines."""

    BLOCKS = re.compile("p|div|li|t[dhr]|h[1-6]|pre|br|blockquote|details")

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[str] = []
        self.plain: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in ("code", "pre")
        given = dict(attrs)
        self.whole += [f" {given.get(name) or ''} " for name in ("alt", "title", "href", "src")]
        self._end_line(tag)

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")
        self._end_line(tag)

    def _end_line(self, tag: str) -> None:
        if self.BLOCKS.fullmatch(tag):
            self.whole.append("\n")
            self.plain.append("\n")

    def handle_data(self, data: str) -> None:
        self.whole.append(data)
        if not self._code:
            self.plain.append(data)


def read(page: str) -> Text:
    """The text of a piece of HTML."""
    found = Text()
    found.feed(page)
    return found


# --- words of the source ------------------------------------------------------------------------

_FENCE = re.compile(r"^[ \t>]*(?:[-*+] |\d+[.)] )*(`{3,}|~{3,}).*?\n(?:.*\n)*?[ \t>]*\1.*$", re.M)
_NO_WORDS = re.compile(
    r"\{% *if \w+ *[!=]= [\s\S]*?\{% *endif *%\}"  # holds or not, as the variables are
    r"|<(script|style)\b[\s\S]*?</\1>|\{\{[<%]\s*comment[\s\S]*?/\s*comment\s*[%>]\}\}"
    r"|\[!INCLUDE\s*\[[^\]]*\]\([^)]*\)\s*\]|<!--[\s\S]*?-->|\{/\*[\s\S]*?\*/\}|\{%[\s\S]*?%\}|\{\{[\s\S]*?\}\}|%%[\s\S]*?%%"
    r"|^(?:import|export)\b[^\n]*(?:\n(?!\s*\n).*)*|<[^<>]*>|\]\([^)\n]*\)|^\s*\[[^\]]+\]:.*$"
    r"|https?://\S+|&\w+;|\{[^{}\n]*\}|\[\[[^\]|\n]*\||\[!(?=[A-Za-z])[^\[\]\n]*\](?!\()|^:::.*$|:::[^\n]*:::"
    r"|^\s*(?:!!!|\?\?\?\+?|===).*$|--8<--.*|:[\w-]+:|\*\[[^\]]*\]:.*|\\[nt]",
    re.M,
)
_WORD = re.compile(r"[^\W\d_]{3,}")


def lost_words(body: str, page: Text, title: str) -> list[str]:
    """The first words in a row of the source that the page does not have; code is left out."""
    shown = html.unescape("".join([title, *page.whole])).replace("*", "")
    there = {word.casefold() for word in _WORD.findall(shown)}
    row: list[str] = []
    for word in _WORD.findall(_NO_WORDS.sub(" ", _FENCE.sub(" ", body)).replace("*", "")):
        row = [] if word.casefold() in there else [*row, word]
        if len(row) >= LOST:
            return row
    return []


# --- folders ------------------------------------------------------------------------------------


@dataclass
class Figures:
    """What was found in a folder; each finding is a page and what is wrong with it."""

    pages: int = 0
    markup: list[tuple[str, str]] = field(default_factory=list)
    links: int = 0
    dead: list[tuple[str, str]] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)


def crawl(folder: Path) -> Figures:
    """Asks for every page of a folder."""
    found = Figures()
    with evaluation.built(folder, Settings()) as service:
        client = create_app(service).test_client()
        found.links, found.dead = dead_links(service.settings)
        for article in scan(folder, Defaults()).articles:
            reply = client.get(f"/articles/{quote(article.slug)}")
            if reply.status_code != 200:
                continue
            found.pages += 1
            page = read(body_of(reply.get_data(as_text=True)))
            if shown := MARKUP.search("".join(page.plain)):
                found.markup.append((article.path, shown[0].strip()))
            if row := lost_words(article.body, page, article.title):
                found.lost.append((article.path, " ".join(row)))
    return found


def body_of(page: str) -> str:
    """The article on a page, without what the site puts around it."""
    begin = page.index(PROSE) + len(PROSE)
    depth = 1
    for tag in re.finditer(r"<(/?)div\b", page[begin:]):
        depth += -1 if tag[1] else 1
        if not depth:
            return page[begin : begin + tag.start()]
    return page[begin:]


def dead_links(settings: Settings) -> tuple[int, list[tuple[str, str]]]:
    """How many links stay in the folder, and those that lead nowhere though their name is there."""
    base, _ = runner.look(settings, date.today())
    names = {
        _name(path)
        for file in base.files
        for path in (file, *map(str, PurePosixPath(file).parents))
    }
    total, dead = 0, []
    for article, link in base.links(images=False):
        target = resolve(base, article, link)
        total += target is not None
        if target is not None and not target.exists and _name(place_of(link.target)) in names:
            dead.append((article.path, link.target))
    return total, dead


def _name(path: str) -> str:
    """The name of a file, for a page without ending; of the page of a folder that of the folder."""
    folder, _, name = path.lower().strip("/").rpartition("/")
    stem = re.sub(r"\.(?:mdx?|markdown|html?)$", "", name)
    return _name(folder) if folder and stem in INDEX_NAMES else stem


def tell(folder: Path, found: Figures, show: int) -> None:
    """Prints the figures of a folder, and some findings of each kind."""
    share = 100 * len(found.lost) / max(1, found.pages)
    print(
        f"{folder.name}: {found.pages} pages, raw markup on {len(found.markup)},"
        f" {len(found.dead)} of {found.links} links dead though a file of that name is there,"
        f" text lost in {len(found.lost)} ({share:.1f} %)",
        flush=True,
    )
    for name, findings in (("markup", found.markup), ("dead", found.dead), ("lost", found.lost)):
        for path, what in findings[:: max(1, len(findings) // show) if show else 1][:show]:
            print(f"  {name} {path}: {what}")


# --- CommonMark ---------------------------------------------------------------------------------

_EXAMPLE = re.compile(r"^`{32} example\n([\s\S]*?)^\.\n([\s\S]*?)^`{32}$|^#{1,6} *(.*)$", re.M)
_RAW = ("HTML blocks", "Raw HTML")


def examples(spec: str) -> Iterator[tuple[str, str]]:
    """Markdown and HTML of the examples outside raw HTML."""
    section = ""
    for found in _EXAMPLE.finditer(spec):
        section = found[3] if found[3] is not None else section
        if found[1] is not None and section not in _RAW:
            yield found[1].replace("→", "\t"), found[2].replace("→", "\t")


class Structure(HTMLParser):
    """Tags and texts of HTML in order, without what our pages add to them.

    Headings have the levels of our pages, if `leveled`: from 2 on, none skipped.
    """

    def __init__(self, *, leveled: bool) -> None:
        super().__init__()
        self.found: list[str] = []
        self._leveled = leveled
        self._above: list[int] = []  # levels of the heading and of those it stands under
        self._code = self._anchor = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = given.get("class") or ""
        if tag == "a" and classes == "anchor":
            self._anchor = 1
        if tag in ("div", "span", "tbody", "section") or self._anchor:
            return
        if tag == "img":  # the examples have no files: pages show the words instead
            self.found.append(given.get("alt") or "")
            return
        self._code += tag == "pre"
        if re.fullmatch("h[1-6]", tag):
            level = int(tag[1])
            self._above = [*(above for above in self._above if above < level), level]
        self.found.append(f"<{self._named(tag)}>")

    def _named(self, tag: str) -> str:
        is_changed = self._leveled and re.fullmatch("h[1-6]", tag)
        return f"h{min(6, len(self._above) + 1)}" if is_changed else tag

    def handle_endtag(self, tag: str) -> None:
        if self._anchor:
            self._anchor -= tag == "a"
        elif tag not in ("div", "span", "tbody", "section", "br", "hr", "img"):
            self._code -= tag == "pre"
            self.found.append(f"</{self._named(tag)}>")

    def handle_data(self, data: str) -> None:
        if not self._anchor:
            self.found.append(data if self._code else re.sub(r"\s+", " ", data))


def structure(source: str, *, leveled: bool = False) -> list[str]:
    """Tags and texts; bare addresses, which GitHub makes links, are text in both."""
    found = Structure(leveled=leveled)
    found.feed(source)
    plain = re.sub(r"</?a>", "", "".join(found.found))
    return re.split(r"(</?[a-z0-9]+>)", re.sub(r"\s*(</?[a-z0-9]+>)\s*", r"\1", plain).strip())


def commonmark(spec: Path, show: int) -> None:
    """Prints how many examples our pages show as the specification does."""
    given = list(examples(spec.read_text("utf-8")))
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for number, (source, _) in enumerate(given):
            text = f"---\ntitle: Example {number}\n---\n{source}"
            (folder / f"x{number}.md").write_bytes(text.encode())
        with evaluation.built(folder, Settings()) as service:
            client = create_app(service).test_client()
            for number, (source, expected) in enumerate(given):
                page = body_of(client.get(f"/articles/x{number}").get_data(as_text=True))
                if structure(page) != structure(expected, leveled=True):
                    wrong.append((source, expected, page))
    right = len(given) - len(wrong)
    print(f"CommonMark: {right} of {len(given)} examples ({100 * right / len(given):.1f} %)")
    for source, expected, page in wrong[:show]:
        print(f"--- {source!r}\n  expected {expected!r}\n  page {page.strip()!r}")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--commonmark", nargs="?", type=Path, const=SPEC)
    parser.add_argument("--show", type=int, default=0)
    given = parser.parse_args(arguments if arguments is None else list(arguments))
    for folder in given.folders:
        tell(folder, crawl(folder), given.show)
    if given.commonmark:
        commonmark(given.commonmark, given.show)


if __name__ == "__main__":
    main()
