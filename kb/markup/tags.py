"""Tags that other tools run (Hugo, Jekyll, Docusaurus, MkDocs) as Markdown. Renders nothing."""

import re
from collections import Counter
from collections.abc import Callable

from kb.markup.notes import PHRASES, kind_of

_TAG = re.compile(
    r"(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)"  # code: nothing is a tag in it
    r"|\{\{[<%](?P<shown>/\*.*?\*/)[%>]\}\}"  # Hugo shows it instead of running it
    r"|\{\{[<%]-?\s*(?P<end>/?)\s*(?P<short>[\w./-]*\w)(?P<given>(?:\s[^{}]*?)?)/?\s*-?[%>]\}\}"
    r"|\{%-?\s*(?P<liquid>\w+)(?P<after>[^{}]*?)-?%\}"
    r"|\{\{-?(?P<output>[^{}<%][^{}]*?)-?\}\}"
    r"|(?<!\{)(?P<remark>\{/\*.*?(?:\*/\}|$))"
    r"|<(?P<close>/?)(?P<component>[A-Z][\w.]*)(?P<properties>[^<>]*)>?"
    r"|(?P<icon>:(?:material|fontawesome|octicons|simple)-[\w-]+:)"
)
_GIVEN = re.compile(r"""(?:([\w-]+)\s*=\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"'=,|]+))""")
_MDX = re.compile(
    r"import\s+(?:[\w*{][^;]*?\sfrom\s+)?['\"][^'\"]+['\"]\s*;?\s*"
    r"|export\s+(?:const|default|function|let)\b.*"
)
_SNIPPET = re.compile(r"[ \t]*-{1,2}8<-{1,2}.*")
_TAB = re.compile(r'===[!+]?[ \t]+"(.*)"[ \t]*')
_VERBATIM = re.compile(r"\{%-?\s*(raw|endraw|comment|endcomment)\s*-?%\}")
_NOTICES = frozenset(("hint", "notice", "alert", "callout", "admonition", "panel", "box"))
_FOLDS = frozenset(("details", "expand", "collapse", "spoiler"))
_SITE = frozenset(("site.baseurl", "site.url", "baseurl"))


_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^`]*)")


class Fence:
    """Whether the lines that come by stand in a block of code."""

    def __init__(self) -> None:
        self._sign = ""

    def holds(self, line: str) -> bool:
        """True for the lines of a block, the first and the last included."""
        found = _FENCE.fullmatch(line)
        if self._sign:
            if found and found[1].startswith(self._sign) and not found[2].strip():
                self._sign = ""
            return True
        self._sign = found[1] if found else ""
        return bool(found)


class Speller:
    """One body with a tool's tags written as ours, and those that have no meaning here."""

    def __init__(self, dialect: str, path: str, lang: str) -> None:
        self.unknown: list[tuple[str, int]] = []
        self._dialect = dialect
        self._path = path
        self._lang = lang
        self._number = 0
        self._code = ""  # the tag that ends a block of code
        self._is_remark = self._may_remark = False
        self._closers: Counter[str] = Counter()
        self._open: list[str] = []  # names of open notes
        self._raw: list[str] = []

    def spelled(self, body: str) -> str:
        """The body, its lines perhaps moved."""
        if self._dialect == "jekyll":
            body = self._verbatim(body)
        self._may_remark = "*/}" in body
        self._closers = Counter(re.findall(r"\{\{[<%]-?\s*/\s*([\w./-]*\w)", body))
        lines = _untabbed(body.split("\n")) if self._dialect == "mkdocs" else body.split("\n")
        fence, done = Fence(), list[str]()
        for self._number, line in enumerate(lines, 1):
            is_open = self._code or self._is_remark  # neither holds fences
            done += [line] if not is_open and fence.holds(line) else self._line(line)
        whole = "\n".join(done)
        return re.sub("\0(\\d+)\0", lambda found: self._raw[int(found[1])], whole)

    def _verbatim(self, body: str) -> str:
        """Puts aside, line by line, what Liquid leaves alone, and leaves out its comments."""
        parts, within = [], ""
        first, *rest = _VERBATIM.split(body)
        for tag, text in zip(["", *rest[::2]], [first, *rest[1::2]], strict=True):
            if not within:
                within = tag if tag in ("raw", "comment") else ""
            elif tag == f"end{within}":
                within = ""
            lines = text.split("\n")
            if within == "raw":
                self._raw += lines
                lines = [f"\0{len(self._raw) - len(lines) + at}\0" for at in range(len(lines))]
            parts.append("\n".join(lines) if within != "comment" else "\n" * (len(lines) - 1))
        return "".join(parts)

    def _line(self, line: str) -> list[str]:
        if self._code:
            if not re.fullmatch(self._code, line.strip()):
                return [line]
            self._code = ""
            return ["````"]
        if self._is_remark:
            _, end, line = line.partition("*/}")
            self._is_remark = not end
        if self._dialect == "docusaurus" and _MDX.fullmatch(line):
            self._say(line.split()[0])
            return [""]
        if self._dialect == "mkdocs" and _SNIPPET.fullmatch(line):
            self._say("--8<--")
            return [""]
        if not any(sign in line for sign in ("{{", "{%", "{/", "<", ":")):
            return [line]
        indent = line[: len(line) - len(line.lstrip())]
        parts = _TAG.sub(self._tag, line).split("\n")
        if len(parts) == 1:
            return parts
        written = [indent + part.strip() for part in parts if part.strip()]
        return ["", *written, *([] if self._code else [""])]

    def _say(self, tag: str) -> None:
        self.unknown.append((tag, self._number))

    def _tag(self, found: re.Match[str]) -> str:
        if found["tick"]:
            return found[0]
        if found["shown"]:
            is_hugo = self._dialect == "hugo"
            return found[0].replace("/*", "").replace("*/", "") if is_hugo else found[0]
        if found["short"]:
            return self._shortcode(found)
        if found["liquid"]:
            return self._liquid(found) if self._dialect == "jekyll" else found[0]
        if found["output"]:
            return self._output(found) if self._dialect else found[0]
        if found["remark"]:
            return self._remark(found[0]) if self._dialect == "docusaurus" else found[0]
        if found["component"]:
            return self._component(found) if self._dialect == "docusaurus" else found[0]
        return "" if self._dialect == "mkdocs" else found[0]

    # Hugo: {{< hint info >}} … {{< /hint >}}

    def _shortcode(self, found: re.Match[str]) -> str:
        name, is_end = found["short"], bool(found["end"])
        if is_end and name in self._open:
            while self._open.pop() != name:
                pass
            return "\n:::\n"
        named, given = _arguments(found["given"])
        kind = "" if is_end else _notice(name, named, given)
        if kind and self._closers[name] > 0:
            self._closers[name] -= 1
            self._open.append(name)
            title = named.get("title") or named.get("label") or (given[0] if given else "")
            return f"\n:::{kind}{f'[{title}]' if title else ''}\n"
        if self._dialect != "hugo":
            return found[0]
        if name in ("ref", "relref"):
            target = named.get("path") or (given[0] if given else "")
            return self._from_root(target) if target.startswith("/") else target
        known = _SHORTCODES.get(name)
        if known and not is_end:
            return known(named, given)
        if name == "highlight" and not is_end:
            self._code = r"\{\{[<%]\s*/\s*highlight\s*[%>]\}\}"
            return f"\n````{given[0] if given else ''}\n"
        if name in ("youtube", "vimeo"):
            url = _VIDEOS[name].format(named.get("id") or (given[0] if given else ""))
            return f"[{PHRASES[self._lang]['video']}]({url})"
        if not is_end and name not in _SILENT:
            self._say(f"{{{{< {name} >}}}}")
        return ""

    def _from_root(self, target: str) -> str:
        """An address counted from the root of the tool's folder, which may lie below ours.

        The root is where the article's own path has the folder the address begins with.
        """
        target = target.lstrip("/")
        above, begins, _ = f"/{self._path}".partition(f"/{target.partition('/')[0]}/")
        return f"{above if begins else ''}/{target}"

    # Jekyll: {% include note.html content="…" %}, {{ "/a/" | relative_url }}

    def _liquid(self, found: re.Match[str]) -> str:
        name, rest = found["liquid"], found["after"]
        named, given = _arguments(rest)
        if name == "link" and given:
            return self._from_root(given[0])
        if name == "post_url" and given:
            return self._from_root(f"_posts/{given[0]}.md")
        if name == "highlight":
            self._code = r"\{%-?\s*endhighlight\s*-?%\}"
            return f"\n````{given[0] if given else ''}\n"
        kind = kind_of(given[0].rpartition("/")[2].removesuffix(".html")) if given else ""
        if name == "include" and kind and "content" in named:
            return f"\n:::{kind}\n{named['content']}\n:::\n"
        if not name.startswith(("end", "else", "elsif", "when")):
            self._say(f"{{% {name} %}}")
        return ""

    def _output(self, found: re.Match[str]) -> str:
        written = found["output"].strip()
        if self._dialect == "jekyll" and written in _SITE:
            return ""
        value, _, filters = written.partition("|")
        quoted = re.fullmatch(r"""\s*["']([^"']*)["']\s*""", value)
        if self._dialect == "jekyll" and quoted and "_url" in filters:
            return quoted[1]
        if self._dialect in ("jekyll", "mkdocs"):
            name = re.match(r"[\w-]+(?:\.[\w-]+)?", value.strip())
            self._say(f"{{{{ {name[0] if name else '…'} }}}}")
        return found[0]

    # Docusaurus: {/* … */}, <TabItem label="…">

    def _remark(self, written: str) -> str:
        self._is_remark = self._may_remark and not written.endswith("*/}")
        return ""

    def _component(self, found: re.Match[str]) -> str:
        name = found["component"]
        if name == "TabItem" and not found["close"]:
            named, _ = _arguments(found["properties"])
            label = named.get("label") or named.get("value", "")
            return f"\n**{label}**\n" if label else "\n"
        if name not in ("Tabs", "TabItem"):
            if not found["close"]:
                self._say(f"<{name}>")
            return found[0]
        return "\n" if found[0].endswith(">") else found[0]


def _arguments(written: str) -> tuple[dict[str, str], list[str]]:
    """What a tag is given, by name and by place."""
    named, given = dict[str, str](), list[str]()
    for name, double, single, bare in _GIVEN.findall(written):
        if name:
            named[name] = double or single or bare
        else:
            given.append(double or single or bare)
    return named, given


def _notice(name: str, named: dict[str, str], given: list[str]) -> str:
    """The kind of note a shortcode draws; "" if it draws none. Takes the kind from `given`."""
    if name in _FOLDS:
        return "details"
    if name not in _NOTICES:
        return kind_of(name)
    said = next((named[key] for key in ("type", "color", "style", "context") if key in named), "")
    if not said and given and kind_of(given[0]):
        said = given.pop(0)
    return kind_of(said) or "note"


def image(source: str, alt: str) -> str:
    """An image, if its address can be written in Markdown; else what it shows."""
    alt, source = re.sub(r"[\[\]\n]", " ", alt), source.strip()
    return f"![{alt}](<{source}>)" if source and not re.search("[<>]", source) else alt


def _figure(named: dict[str, str], given: list[str]) -> str:
    source = named.get("src") or (given[0] if given else "")
    return image(source, named.get("alt") or named.get("caption") or named.get("title", ""))


def _tab_title(named: dict[str, str], given: list[str]) -> str:
    title = named.get("name") or named.get("title") or named.get("header")
    title = title or (given[0] if given else "")
    return f"\n**{title}**\n" if title else ""


_SHORTCODES: dict[str, Callable[[dict[str, str], list[str]], str]] = {
    "figure": _figure, "img": _figure, "image": _figure,
    "tab": _tab_title,
}  # fmt: skip
_VIDEOS = {"youtube": "https://www.youtube.com/watch?v={}", "vimeo": "https://vimeo.com/{}"}
_SILENT = frozenset(("tabs", "tabpane", "toc", "columns", "column", "steps", "cards"))


def _untabbed(lines: list[str]) -> list[str]:
    """Tabs of MkDocs Material: the title in bold, then what it held, no longer indented."""
    fence, open_, done = Fence(), list[int](), list[str]()
    for line in lines:
        indent = len(line) - len(line.lstrip())
        while line.strip() and open_ and indent < open_[-1] + 4:
            open_.pop()
        line = line[min(indent, 4 * len(open_)) :]
        text = line.lstrip()
        found = None if fence.holds(line) else _TAB.fullmatch(text)
        if found:
            done += [line[: len(line) - len(text)] + f"**{found[1]}**"]
            open_.append(indent)
        else:
            done.append(line)
    return done
