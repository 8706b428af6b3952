"""Components of Mintlify, and titles of its blocks of code."""

import html
import re
from collections.abc import Callable, Mapping

from kb.content.markup import mdx
from kb.content.markup.admonitions import PHRASES
from kb.content.markup.tags import (
    FENCE,
    TagRule,
    Translator,
    block,
    fence,
    inline,
    link,
    names,
    title,
)

_Given = Mapping[str, str]
_Component = Callable[[Translator, _Given], str]
_COMPONENTS: dict[str, _Component] = {}


def _component(*called: str) -> Callable[[_Component], _Component]:
    def register(made: _Component) -> _Component:
        _COMPONENTS.update(dict.fromkeys(called, made))
        return made

    return register


def _place(written: str) -> str:
    """A place that links may lead to, as the slug of its words."""
    return f'<a id="{html.escape(written, quote=True)}"></a>'


def _named_place(words: str, prefix: str = "") -> str:
    return _place(prefix + re.sub(r"[\s._]+", "-", words.strip()).lower()) if words else ""


# --- fields -------------------------------------------------------------------------------------

_PARAMETERS = ("path", "query", "body", "header")


@_component("ParamField", "ResponseField")
def _field(translator: Translator, given: _Given) -> str:
    """The name of a field with what is known of it; what it means follows."""
    phrases = PHRASES[translator.context.lang]
    name = next((given[key] for key in (*_PARAMETERS, "name") if given.get(key)), "")
    known = [inline(given["type"])] if given.get("type") else []
    known += [phrases[key] for key in ("required", "deprecated") if key in given]
    if given.get("default"):
        value = html.escape(given["default"], quote=False)
        known.append(f"{phrases['default']} <code>{value}</code>")
    shown = html.escape(given.get("pre", "") + name + given.get("post", ""), quote=False)
    more = f" {', '.join(known)}" if known else ""
    place = _named_place(name, "param-")
    return block(f"<p>{place}<strong><code>{shown}</code></strong>{more}</p>")


# --- what has a title ---------------------------------------------------------------------------


@_component("Step", "Tab", "Update", "View", "Heading")
def _titled(_: Translator, given: _Given) -> str:
    words = given.get("title") or given.get("label", "")
    place = given.get("id") or given.get("label") or words
    about = inline(given.get("description", ""))
    shown = inline(words) + (f" · {about}" if about and words else about)
    if not shown:
        return block("")
    return block(f"<p>{_named_place(place)}<strong>{shown}</strong></p>")


@_component("Accordion", "Expandable")
def _fold(translator: Translator, given: _Given) -> str:
    """A fold; the place that links lead to stands before it."""
    words = given.get("title", "")
    place = given.get("id") or words
    return block(_named_place(place)) + translator.note(_FOLDED, "details", words)


@_component("Tile")
def _tile(_: Translator, given: _Given) -> str:
    words, place = given.get("title", ""), given.get("href", "")
    about = inline(given.get("description", ""))
    head = block(link(place, words)) if place and words else title(words)
    return head + (block(f"<p>{about}</p>") if about else "")


@_component("Tree.Folder", "Tree.File")
def _node(_: Translator, given: _Given) -> str:
    return block(f"<p><code>{html.escape(given.get('name', ''), quote=False)}</code></p>")


@_component("Color.Row", "Panel", "Prompt")
def _group(_: Translator, given: _Given) -> str:
    return title(given.get("title") or given.get("description", "")) or block("")


@_component("Color.Item")
def _colour(_: Translator, given: _Given) -> str:
    named = filter(None, (given.get("name"), given.get("value")))
    return block(f"<p>{' · '.join(map(inline, named))}</p>")


@_component("GitHub.Repo")
def _repository(_: Translator, given: _Given) -> str:
    name = given.get("repo") or given.get("name", "")
    return block(link(f"https://github.com/{name}", name)) if name else ""


@_component("Frame")
def _frame(translator: Translator, given: _Given) -> str:
    """A picture or a table, and what is said of it below."""
    words = inline(given.get("caption", ""))
    return translator.open(_FRAMED, "", f"<p><em>{words}</em></p>" if words else "")


@_component("Tooltip")
def _tooltip(_: Translator, given: _Given) -> str:
    said = ": ".join(filter(None, (given.get("headline"), given.get("tip"))))
    return f'<abbr title="{html.escape(said, quote=True)}">'


@_component("Snippet")
def _snippet(translator: Translator, given: _Given) -> str:
    return translator.include(given.get("file", ""), "<Snippet>")


@_component("Visibility")
def _visibility(translator: Translator, given: _Given) -> str:
    """What is for programs alone is no text for readers."""
    translator.branches.append("hidden" if given.get("for") == "agents" else "shown")
    return block("") if translator.is_alone() else ""


_FOLDED, _FRAMED = "<fold>", "<frame>"
_OPENED = {"Accordion": _FOLDED, "Expandable": _FOLDED, "Frame": _FRAMED}
_SILENT = names("Color Tree RequestExample ResponseExample")


_FALSE = re.compile(r"\s\w+=\{\s*false\s*\}")


def _tag(translator: Translator, found: re.Match[str]) -> str | None:
    name = found["name"] or ""
    if found["close"]:
        return _closed(translator, name)
    if name in _SILENT:
        return block("") if translator.is_alone() else ""
    given = mdx.properties(translator, _FALSE.sub("", found["given"]))
    instead = _COMPONENTS[name](translator, given)
    if found["alone"] and name in _OPENED:
        return instead + translator.close(_OPENED[name])
    return instead + ("</abbr>" if found["alone"] and name == "Tooltip" else "")


def _closed(translator: Translator, name: str) -> str:
    if name == "Tooltip":
        return "</abbr>"
    if name == "Visibility" and translator.branches:
        translator.branches.pop()
    if name in _OPENED:
        return translator.close(_OPENED[name])
    return block("") if translator.is_alone() else ""


# --- blocks of code -----------------------------------------------------------------------------

_INFO = re.compile(r"[ \t]*(?P<language>[^\s{]+)(?P<words>[^\n]*)")
_META = re.compile(r"[\w-]+=(?:\"[^\"]*\"|'[^']*'|\{[^}]*\}|\S+)|\{[^}]*\}")
_OPTIONS = names("wrap lines expandable focus twoslash diff")


def _fence(translator: Translator, found: re.Match[str]) -> str | None:
    """A block of code with its title, which stands behind the language."""
    written = fence(translator, found)
    info = _INFO.fullmatch(found["info"].rstrip())
    if written is None or info is None:
        return written
    words = [each for each in _META.sub("", info["words"]).split() if each not in _OPTIONS]
    return title(" ".join(words)) + written


_CALLED = "|".join(sorted((*map(re.escape, _COMPONENTS), *_SILENT), key=len, reverse=True))
RULES = (
    TagRule(r"````*", FENCE, _fence),
    TagRule(rf"<(?=/?(?:{_CALLED})[\s/>])", mdx.TAG, _tag),
)
