"""MDX of Docusaurus and Starlight: components, expressions, imports and exports."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from kb.content.markup.admonitions import PHRASES, kind_of
from kb.content.markup.tags import TagRule, Translator, block, image, inline, link, names, title

_BRACES = (
    r"\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\})*+\})*+\}"  # five deep
)
_TEXT = rf"(?:\"[^\"]*\"|'[^']*'|{_BRACES}|[^\s\"'<>={{}}]+)"
_PROPERTY = rf"(?:\s*{_BRACES}|\s+[A-Za-z_][\w:.@-]*(?:\s*=\s*{_TEXT})?)"
TAG = re.compile(
    rf"<(?P<close>/?)(?P<name>[A-Za-z][\w.:-]*)?(?P<given>{_PROPERTY}*+)\s*(?P<alone>/?)>"
)
_GIVEN = re.compile(
    rf"([A-Za-z_][\w:.@-]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|({_BRACES})|([^\s\"'<>={{}}]+)))?|{_BRACES}"
)
_EXPRESSION = re.compile(_BRACES)
_IMPORT = re.compile(
    r"import\s+(?:[\w*{](?:[^;'\"\n]|\n(?!\n))*?\sfrom\s+)?['\"][^'\"\n]+['\"]\s*;?[ \t]*(?=\n|\Z)"
)
_IMPORTED = re.compile(r"^import\s+(\w+)\s+from\s+['\"]([^'\"\n]+)['\"]", re.M)
_EXPORT = re.compile(
    r"export\s+(?:const|default|function|let|async|class)\b[^\n]*(?:\n(?![ \t]*\n)[^\n]*)*+"
)
_STRING = re.compile(r"""\{\s*(?:"([^"]*)"|'([^']*)'|`([^`$]*)`)\s*\}""")
_ADDRESS = re.compile(r"""(?:useBaseUrl|require)\(\s*['"]([^'"]+)['"]\s*\)""")
_NAME = re.compile(r"\{\s*(\w+)(?:\.src|\.default)?\s*\}")
_JSON = re.compile(r"""\{\s*(?:"[^"\n]*"|'[^'\n]*')\s*:""")  # no JavaScript: words about it
_OWN_ID = re.compile(r"\{#[^{}\s]+\}")

_Given = Mapping[str, str]


def properties(translator: Translator, written: str) -> dict[str, str]:
    """The properties of a tag that are text; a value between braces is read where it is plain."""
    given = {}
    for name, double, single, braces, bare in _GIVEN.findall(written):
        if name:
            given[name] = double or single or bare or (_value(translator, braces) if braces else "")
    return given


def _value(translator: Translator, braces: str) -> str:
    if found := _STRING.fullmatch(braces):
        return next(filter(None, found.groups()), "")
    if found := _ADDRESS.search(braces):
        return found[1].removeprefix("@site/static")
    if found := _NAME.fullmatch(braces):
        return _imports(translator.body).get(found[1], "")
    return ""


@lru_cache(maxsize=1)
def _imports(body: str) -> dict[str, str]:
    """The files that a body imports, by name."""
    return dict(_IMPORTED.findall(body))


# --- components ---------------------------------------------------------------------------------

_Component = Callable[[Translator, _Given], str]
_COMPONENTS: dict[str, _Component] = {}


def _component(*names: str) -> Callable[[_Component], _Component]:
    def register(made: _Component) -> _Component:
        _COMPONENTS.update(dict.fromkeys(names, made))
        return made

    return register


def _first(given: _Given, *names: str) -> str:
    return next((given[name] for name in names if given.get(name)), "")


@_component("TabItem", "Tab", "Step", "TimelineStep", "CodeBlock", "AccordionItem")
def _titled(_: Translator, given: _Given) -> str:
    return title(_first(given, "label", "title", "value", "name", "header"))


@_component("Card", "LinkCard", "NavCard", "LinkButton", "Button", "CtaButton", "ElementTile")
def _card(_: Translator, given: _Given) -> str:
    words = _first(given, "title", "label", "text", "name")
    place = _first(given, "href", "to", "url", "link")
    about = inline(_first(given, "description"))
    head = block(link(place, words)) if place and words else title(words)
    return head + (block(about) if about else "")


@_component("Badge", "Pill", "Tag")
def _badge(_: Translator, given: _Given) -> str:
    return inline(_first(given, "text", "label", "children"))


@_component("Image", "Img", "img", "ThemedImage", "Picture", "Screenshot", "Zoom", "IdealImage")
def _image(_: Translator, given: _Given) -> str:
    alt = _first(given, "alt", "caption", "title")
    return image(_first(given, "src", "img", "light", "url"), alt) or inline(alt)


@_component(
    "Video", "YouTube", "YoutubeEmbed", "YouTubeEmbed", "LiteYouTubeEmbed", "ReactPlayer",
    "LoomVideo", "Vimeo", "iframe", "video",
)  # fmt: skip
def _video(translator: Translator, given: _Given) -> str:
    place = _first(given, "url", "src", "href", "link")
    if not place and (number := _first(given, "id", "videoId", "youtubeId", "videoID")):
        place = f"https://www.youtube.com/watch?v={number}"
    return link(place, given.get("title") or PHRASES[translator.context.lang]["video"])


@_component("Code")
def _code(translator: Translator, given: _Given) -> str:
    written = given.get("code", "")
    if not written:
        translator.say("<Code>")
        return ""
    return f"\n\n````{given.get('lang', '')}\n{written}\n````\n\n"


# Components that only lay out what they hold.
_SILENT = names("""
    Tabs Steps CardGrid CardGroup Cards NavCardGrid FileTree Fragment Columns Column Row Col
    Grid Box Frame AccordionGroup CodeGroup CodeBlocks TimelineWrapper Icon Hr Head Translate
    Center Container Preview Flex Stack Link Highlight Kbd Details Accordion Expandable
    Collapse Collapsible TestimonialGrid SidebarPreview TOCInline DocCardList
""")
_FOLDS = frozenset(("Details", "Accordion", "Expandable", "Collapse", "Collapsible", "Spoiler"))
_NOTES = frozenset(("Admonition", "Aside", "Callout", "Alert", "Banner"))
_LINKS = frozenset(("Link", "Anchor", "a"))


def tag(translator: Translator, found: re.Match[str]) -> str | None:
    """What comes instead of a tag of a component or of HTML; None where it stays."""
    name = found["name"] or ""
    if name and name[0].islower() and "." not in name:
        return _html_tag(translator, found)
    if not name:  # <> … </>
        return ""
    if not found["close"] and not found["alone"] and name not in translator.closers:
        return _placeholder(translator, found)
    kind = kind_of(name) if name not in _FOLDS else "details"
    if kind or name in _NOTES:
        return _note(translator, found, kind)
    if name in _LINKS:
        return _anchor(translator, found)
    if found["close"]:
        if translator.is_open(name):
            return translator.close(name)
        return block("") if translator.is_alone() else ""
    given = properties(translator, found["given"])
    if name in _COMPONENTS:
        return _COMPONENTS[name](translator, given)
    source = _imports(translator.body).get(name, "")
    if re.search(r"\.mdx?$", source):
        return translator.include(source, f"<{name}>")
    if name not in _SILENT:
        translator.say(f"<{name}>")
        return _words(given)
    return block("") if translator.is_alone() else ""


def _words(given: _Given) -> str:
    """What an unknown component was given to say."""
    about = inline(_first(given, "text", "description", "content", "summary"))
    words = title(_first(given, "title", "heading", "label"))
    return words + (block(f"<p>{about}</p>") if about else "") or block("")


def _placeholder(translator: Translator, found: re.Match[str]) -> str | None:
    """`<YOUR_KEY>` in a sentence: nothing closes it, so it is a word between angle brackets."""
    if found["given"].strip() or found["name"] in _COMPONENTS or found["name"] in _SILENT:
        return ""
    return f"&lt;{found['name']}&gt;"


def _note(translator: Translator, found: re.Match[str], kind: str) -> str:
    if found["close"]:
        return translator.close(found["name"])
    if found["alone"]:
        return ""
    given = properties(translator, found["given"])
    kind = kind or kind_of(_first(given, "type", "variant", "kind", "intent")) or "note"
    return translator.note(found["name"], kind, _first(given, "title", "summary", "label"))


def _anchor(translator: Translator, found: re.Match[str]) -> str:
    if found["close"]:
        return "</a>"
    given = properties(translator, found["given"])
    place = _first(given, "to", "href")
    opening = f'<a href="{place.replace(chr(34), "")}">' if place else "<a>"
    return opening + ("</a>" if found["alone"] else "")


# --- tags of HTML, whose attributes may be JavaScript -------------------------------------------

_KEPT = {
    "id": "id", "href": "href", "to": "href", "src": "src", "alt": "alt", "title": "title",
    "width": "width", "height": "height", "colSpan": "colspan", "rowSpan": "rowspan",
    "colspan": "colspan", "rowspan": "rowspan", "align": "align", "open": "open", "name": "name",
    "start": "start",
}  # fmt: skip
_BLOCKS = names("""
    div section article aside details figure table thead tbody tr td th center header footer
    main nav blockquote ul ol li
""")


def _html_tag(translator: Translator, found: re.Match[str]) -> str | None:
    name = found["name"]
    if name in ("iframe", "video") and not found["close"]:
        return block(_video(translator, properties(translator, found["given"])))
    if name in ("iframe", "video", "source"):
        return ""
    written = f"<{found['close']}{name}"
    given = properties(translator, found["given"])
    for theirs, ours in _KEPT.items():
        if theirs in given:
            value = given[theirs].replace('"', "&quot;")
            written += f' {ours}="{value}"'
    written += f" {found['alone']}>" if found["alone"] else ">"
    if name in _BLOCKS and translator.is_alone():
        return block(written)
    if name == "p":  # in MDX its text is Markdown, also on one line
        return block("") if translator.is_alone() else ""
    return written


# --- JavaScript ---------------------------------------------------------------------------------


def _statement(translator: Translator, _: re.Match[str]) -> str | None:
    """An import or export is no text; what it brings is told where it is used."""
    at = translator.found.start()
    return "" if at == 0 or translator.body[at - 1] == "\n" else None


def _expression(translator: Translator, found: re.Match[str]) -> str | None:
    written = found[0]
    if written.startswith("{/*"):
        return ""
    if _OWN_ID.fullmatch(written) or _JSON.match(written):
        return None
    if text := _STRING.fullmatch(written):
        return next(filter(None, text.groups()), "")
    translator.say("{…}")
    return ""


_REMARK = re.compile(r"\{/\*(?:[\s\S]*?\*/\s*\}|[^\n]*)")
_ESCAPED = re.compile(r"\\[{<}]")

RULES = (
    TagRule(
        r"\\(?=[{<}])",
        _ESCAPED,
        lambda _, found: {"{": "&#123;", "}": "&#125;"}.get(found[0][1], "&lt;"),
    ),
    TagRule(r"import(?=\s)", _IMPORT, _statement),
    TagRule(r"export(?=\s)", _EXPORT, _statement),
    TagRule(r"\{(?=/\*)", _REMARK, lambda *_: ""),
    TagRule(r"<(?=/?[A-Za-z]|/?>)", TAG, tag),
    TagRule(r"\{(?![%{])", _EXPRESSION, _expression),
)
