"""Tags in `{% %}` and `{{ }}`: those of GitBook, Diplodoc and Jekyll."""

import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote

from kb.content.markup.admonitions import PHRASES, kind_of
from kb.content.markup.hugo import from_root
from kb.content.markup.models import TITLE
from kb.content.markup.tags import (
    TagRule,
    Translator,
    arguments,
    block,
    image,
    link,
    names,
    title,
)

_TAG = re.compile(
    r"\{%-?\s*(?P<name>[\w-]+)(?P<rest>(?:\"[^\"\n]*\"|'[^'\n]*'|\{\{[^{}\n]*\}\}"
    r"|(?!%\})(?:[^{}\"']|\"(?![^\"\n]*\")|'(?![^'\n]*'))|\{(?!%|\{[^{}\n]*\}\}))*?)-?%\}"
)
_TEMPLATE = re.compile(r"\{%=[^\n{}]*?%\}")  # of lodash and its kin
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}([\s\S]*?)(?:\{%-?\s*endraw\s*-?%\}|\Z)")
_COMMENT = re.compile(r"\{%-?\s*comment\s*-?%\}[\s\S]*?(?:\{%-?\s*endcomment\s*-?%\}|\Z)")
_HIGHLIGHT = re.compile(
    r"\{%-?\s*highlight\s*(?P<language>[\w+#.-]*)[^{}]*?-?%\}(?P<text>[\s\S]*?)"
    r"(?:\{%-?\s*endhighlight\s*-?%\}|\Z)"
)
_CAPTURE = re.compile(
    r"\{%-?\s*capture\s+(?P<name>[\w-]+)\s*-?%\}(?P<text>[\s\S]*?)\{%-?\s*endcapture\s*-?%\}"
)
_OUTPUT = re.compile(r"\{\{-?(?P<inner>(?:[^{}]|\{[^{}]*\})*)-?\}\}")
_SITE = frozenset(("site.baseurl", "site.url", "baseurl", "site.github.url"))
_NOT_VARIABLE = "not_var"  # of Diplodoc: shown as written
_AS_IS = re.compile(r"not_var(\{\{[^{}\n]*\}\})")

_Handler = Callable[[Translator, str], str]
_TAGS: dict[str, _Handler] = {}


def _tag(*names: str) -> Callable[[_Handler], _Handler]:
    def register(handler: _Handler) -> _Handler:
        _TAGS.update(dict.fromkeys(names, handler))
        return handler

    return register


def _liquid(translator: Translator, found: re.Match[str]) -> str:
    name, rest = found["name"], found["rest"].strip()
    is_spoken = "jekyll" in translator.context.tools
    if name in ("if", "for", "unless", "include") and not rest and not is_spoken:
        return f"`{found[0]}`"  # a word about tags, and no tag
    if name not in _READING:
        rest = _with_values(translator, rest)
    if name in _TAGS:
        return _TAGS[name](translator, rest)
    if name.startswith("end"):
        return translator.close(name[3:])
    if kind := _kind_of_note(translator, name, rest):
        return translator.note(name, kind)
    if name not in _SILENT:
        translator.say(f"{{% {name} %}}")
    return ""


_READING = names("if unless elsif elseif elif else for include include_relative assign")


def _with_values(translator: Translator, words: str) -> str:
    """What stands in a tag, such as a title, with the values of its variables."""
    if "{{" not in words:
        return words
    return _OUTPUT.sub(lambda found: _output(translator, found) or "", words)


def _kind_of_note(translator: Translator, name: str, rest: str) -> str:
    """The kind of the note that a block of a plugin is by its own words; "" for no note.

    `{% callout warning %}`, `{% tip %}`: many sites write such a plugin of their own.
    """
    if f"end{name}" not in translator.body:
        return ""
    given = arguments(rest)[1] if name in _NOTES else [name]
    return kind_of(given[0]) if given else "info" if name in _NOTES else ""


_NOTES = names("callout alert admonition notice box")


def _template(translator: Translator, _: re.Match[str]) -> str:
    translator.say("{%= %}")
    return ""


# Layout alone, or the text within says all.
_SILENT = names("""
    content-ref tabs list columns column stepper updates changelog block layout wrapper api-
    method-spec api-method-request api-method-response api-method-path-parameters api-method-
    query-parameters api-method-body-parameters api-method-headers api-method-description
""")  # fmt: skip


# --- GitBook ------------------------------------------------------------------------------------


@_tag("hint")
def _hint(translator: Translator, rest: str) -> str:
    named, _ = arguments(rest)
    return translator.note(
        "hint", kind_of(named.get("style", "")) or "info", named.get("title", "")
    )


@_tag("tab", "step", "update", "api-method-response-example")
def _titled(_: Translator, rest: str) -> str:
    named, given = arguments(rest)
    words = named.get("title") or named.get("summary") or named.get("date", "")
    return title(words or (given[0] if given else ""))


@_tag("code")
def _titled_code(_: Translator, rest: str) -> str:
    return title(arguments(rest)[0].get("title", ""))


@_tag("page-ref")
def _page_ref(_: Translator, rest: str) -> str:
    page = arguments(rest)[0].get("page", "")
    return block(link(page, page))


@_tag("embed", "file", "swagger", "openapi", "openapi-operation")
def _embed(translator: Translator, rest: str) -> str:
    """A link; what stands up to the end tag follows it."""
    named, _ = arguments(rest)
    place = named.get("url") or named.get("src", "")
    if not place:
        return ""
    words = named.get("caption") or named.get("path") or _last_part(place)
    if re.search(r"youtu\.?be|vimeo|loom\.com", place):
        words = named.get("caption") or PHRASES[translator.context.lang]["video"]
    return block(link(place, words))


def _last_part(place: str) -> str:
    is_page = re.fullmatch(r"https?://.*", place)
    return place if is_page else posixpath.basename(unquote(place)) or place


@_tag("api-method")
def _api_method(_: Translator, rest: str) -> str:
    named = arguments(rest)[0]
    words = [named.get("method", "").upper(), named.get("host", "") + named.get("path", "")]
    called = block("`" + " ".join(filter(None, words)) + "`") if any(words) else ""
    return title(named.get("summary", "")) + called


@_tag("api-method-parameter")
def _api_parameter(_: Translator, rest: str) -> str:
    named = arguments(rest)[0]
    return block(f"`{named['name']}` {named.get('type', '')}") if named.get("name") else ""


# --- Diplodoc -----------------------------------------------------------------------------------

_QUOTED = re.compile(r"[\"«“](.*)[\"»”]")


@_tag("note")
def _note(translator: Translator, rest: str) -> str:
    kind, _, words = rest.partition(" ")
    found = _QUOTED.search(words)
    kind = {"alert": "danger"}.get(kind.lower(), kind_of(kind) or "note")
    return translator.note("note", kind, found[1] if found else "")


_CUT = re.compile(r"\{%-?\s*cut(?P<rest>(?:[^%\n]|%(?!\}))*)%\}(?:\{(?P<given>[^{}\n]*)\})?")


def _cut(translator: Translator, found: re.Match[str]) -> str:
    """A fold, with the id that may stand behind its tag: `{% cut "Title" %}{#id}`."""
    title = _QUOTED.search(_with_values(translator, found["rest"]))
    fold = translator.note("cut", "details", title[1] if title else "")
    id_ = re.search(r"#([\w:.-]+)", found["given"] or "")
    return fold.replace("<details>", f'<details id="{id_[1]}">', 1) if id_ else fold


@_tag("anchor")
def _anchor(_: Translator, rest: str) -> str:
    return block(f'<div id="{rest}"></div>') if re.fullmatch(r"[\w-]+", rest) else ""


_CONDITION = re.compile(
    r"(?P<not>not\s+)?(?P<name>[\w.-]+)\s*(?:(?P<sign>==|!=)\s*[\"']?(?P<value>[^\"']*)[\"']?)?"
)


@_tag("if", "unless")
def _if(translator: Translator, condition: str) -> str:
    """Text under a condition is left out where the values are known and the condition fails."""
    branch = _branch(_holds(translator, condition))
    if branch == "unknown":
        translator.say("{% if %}")
    translator.branches.append(branch)
    return ""


@_tag("elsif", "elseif", "elif", "else")
def _else(translator: Translator, condition: str) -> str:
    if translator.branches:
        before = translator.branches.pop()
        if before == "hidden":
            before = _branch(_holds(translator, condition) if condition else True)
        elif before == "shown":
            before = "done"
        translator.branches.append(before)
    return ""


def _branch(holds: bool | None) -> str:
    return "unknown" if holds is None else "shown" if holds else "hidden"


@_tag("endif", "endunless")
def _endif(translator: Translator, _: str) -> str:
    if translator.branches:
        translator.branches.pop()
    return ""


_GROUP = re.compile(r"(?<![\w.])\(([^()\"']*)\)")
_WORDS = {True: "true", False: "false", None: "?"}


def _holds(translator: Translator, condition: str) -> bool | None:
    """Whether a condition holds; None where what is not known decides."""
    while group := _GROUP.search(condition):
        word = _WORDS[_holds(translator, group[1])]
        condition = f"{condition[: group.start()]} {word} {condition[group.end() :]}".strip()
    for sign, decides in ((r"\s+or\s+", True), (r"\s+and\s+", False)):
        parts = re.split(sign, condition)
        if len(parts) > 1:
            results = [_holds(translator, part) for part in parts]
            return decides if decides in results else None if None in results else not decides
    return _holds_alone(translator, condition)


def _holds_alone(translator: Translator, condition: str) -> bool | None:
    found = _CONDITION.fullmatch(condition.strip())
    value = translator.variables.get(found["name"]) if found else None
    if value is None and found:
        if found["name"] in _WORDS.values():
            value = found["name"]
        elif _is_undefined(translator, found["name"]):
            value = ""
    if not found or value is None:
        return None
    holds = value.lower() not in ("", "false", "0", "no")
    if found["sign"]:
        holds = (value == found["value"].strip()) is (found["sign"] == "==")
    return not holds if found["not"] else holds


_SETS = re.compile(r"\{%-?\s*(?:set|for|macro)\b")


def _is_undefined(translator: Translator, name: str) -> bool:
    """Whether Jinja knows no such variable: `extra` of MkDocs holds all that pages do not set."""
    is_of_settings = "mkdocs" in translator.context.tools and bool(translator.context.variables)
    return is_of_settings and "." not in name and not _SETS.search(translator.body)


# --- Jekyll, and files of both ------------------------------------------------------------------

_LINKED = re.compile(r"\s*(?:notitle\s+)?\[(?P<title>[^\]]*)\]\((?P<path>[^)\s]+)\)")


@_tag("include", "include_relative", "include-markdown")
def _include(translator: Translator, rest: str) -> str:
    if found := _LINKED.match(rest):
        return translator.include(
            found["path"], "{% include %}", found["title"], without_title="notitle" in found[0]
        )
    named, given = arguments(rest)
    name = given[0] if given else ""
    kind = kind_of(name.rpartition("/")[2].removesuffix(".html").removesuffix(".md"))
    if kind and "content" in named:
        return (
            translator.note("include", kind) + block(named["content"]) + translator.close("include")
        )
    if re.search(r"youtube|vimeo|video", name) and named.get("id"):
        return link(
            f"https://www.youtube.com/watch?v={named['id']}",
            PHRASES[translator.context.lang]["video"],
        )
    if re.search(r"image|figure|img", name) and (
        source := named.get("file") or named.get("src") or named.get("url")
    ):
        return image(source, named.get("alt") or named.get("caption", ""))
    between = named.get("start", ""), named.get("end", "")
    return translator.include(name, f"{{% include {name} %}}", between=between)


@_tag("link")
def _link(translator: Translator, rest: str) -> str:
    given = arguments(rest)[1]
    return from_root(translator.context.path, given[0]) if given else ""


@_tag("post_url")
def _post_url(translator: Translator, rest: str) -> str:
    given = arguments(rest)[1]
    return from_root(translator.context.path, f"_posts/{given[0]}.md") if given else ""


_ASSIGNED = re.compile(r"""([\w-]+)\s*=\s*["']([^"']*)["']""")


@_tag("assign")
def _assign(translator: Translator, rest: str) -> str:
    if found := _ASSIGNED.fullmatch(rest):
        translator.variables[found[1]] = found[2]
    return ""


def _capture(translator: Translator, found: re.Match[str]) -> str:
    translator.variables[found["name"]] = found["text"].strip("\n")
    return ""


def _highlight(_: Translator, found: re.Match[str]) -> str:
    return f"\n````{found['language']}\n{found['text'].strip(chr(10))}\n````\n"


def _output(translator: Translator, found: re.Match[str]) -> str | None:
    """A variable: its value, or nothing where a tool would put one that is not known here."""
    context = translator.context
    inner = found["inner"].strip()
    if inner.startswith(_NOT_VARIABLE) or not inner:
        return "`" + found[0].replace(_NOT_VARIABLE, "") + "`"
    if inner in _SITE:
        return ""
    value, _, filters = inner.partition("|")
    quoted = re.fullmatch(r"""\s*["']([^"']*)["']\s*""", value)
    if quoted and ("_url" in filters or not filters):
        return quoted[1]
    if (known := translator.variables.get(value.strip())) is not None:
        return known
    name = re.match(r"[\w$.-]*\w", inner)
    if not name:
        return None if "\n" in inner else f"`{found[0]}`"
    translator.say(f"{{{{ {name[0]} }}}}")
    if context.tools & _TEMPLATING:
        return ""
    return f"`{found[0]}`" if "`" not in found[0] and "\n" not in found[0] else ""


_TEMPLATING = frozenset(("jekyll", "hugo", "mkdocs", "diplodoc", "vitepress"))

# Diplodoc puts the title of a target into a link without words, too.
TITLED = r"\[(?=\{#T\}\]\([^)\s]|\]\((?:#[^)\s]|[^)\s#:]+\.(?i:md|ya?ml)[#)\s]))"
_TARGET_TITLE = re.compile(r"\[(?P<mark>\{#T\})?\]\((?P<path>[^)\s]+)")


def _puts_titles(translator: Translator) -> bool:
    """Whether a link without words has those of its target."""
    return "diplodoc" in translator.context.tools


def _target_title(translator: Translator, found: re.Match[str]) -> str | None:
    """The words of a link that are the title of its target; else the name of its file."""
    before = translator.body[max(0, found.start() - 1) : found.start()]
    if not found["mark"] and (before in ("!", "]", "@") or not _puts_titles(translator)):
        return None
    path = found["path"]
    title = translator.context.included.get(TITLE + path)
    file, _, section = unquote(path).partition("#")
    name = posixpath.basename(file)
    words = title or re.sub("[-_]+", " ", name.rpartition(".")[0] or name or section)
    return f"[{re.sub(r'([][])', chr(92) * 2 + '1', words)}]({path}"


RULES = (
    TagRule(TITLED, _TARGET_TITLE, _target_title),
    TagRule(r"\{%-?\s*(?=raw\s*-?%\})", _RAW, lambda _, found: found[1]),
    TagRule(r"\{%-?\s*(?=comment\s*-?%\})", _COMMENT, lambda *_: ""),
    TagRule(r"\{%-?\s*(?=highlight\b)", _HIGHLIGHT, _highlight),
    TagRule(r"\{%-?\s*(?=capture\b)", _CAPTURE, _capture),
    TagRule(r"\{%-?\s*(?=cut\b)", _CUT, _cut),
    TagRule(r"\{%", _TAG, _liquid),
    TagRule(r"\{%(?==)", _TEMPLATE, _template),
    TagRule(r"\{%", re.compile(r"\{%[^\w\n`]*?%\}"), lambda _, found: f"`{found[0]}`"),
    TagRule(r"not_var(?=\{\{)", _AS_IS, lambda _, found: found[1]),
    TagRule(r"\{\{(?![<%])", _OUTPUT, _output),
)
