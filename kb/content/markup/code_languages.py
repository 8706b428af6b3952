"""Languages of code blocks, as writers name them. Colours nothing, so that it loads no Pygments."""

import re

# Languages of diagrams, which a browser without scripts can only show as code.
DIAGRAMS = frozenset(("mermaid", "plantuml", "puml", "graphviz", "dot", "d2"))

_CHANGED = re.compile(r" ±([-+]\d+(?:,[-+]\d+)*)$")
_LANGUAGE = re.compile(r"[{.\s]*(?:language-)?([\w+#-][\w+#.-]*)?")


def language_of(info: str) -> str:
    """The language in what stands after a fence; titles, numbers and attributes are passed over."""
    found = _LANGUAGE.match(info)
    return (found[1] or "") if found and "=" not in info.split(" ")[0] else ""


def with_changes(language: str, removed: list[int], added: list[int]) -> str:
    """What to write after a fence whose lines, from 1, are shown as removed or added."""
    lines = [f"-{line}" for line in removed] + [f"+{line}" for line in added]
    return f"{language or 'text'} ±{','.join(lines)}" if lines else language


def changes_of(info: str) -> dict[int, str]:
    """The element of HTML for each line that is marked as removed or added."""
    found = _CHANGED.search(info)
    lines = found[1].split(",") if found else ()
    return {int(line[1:]): "del" if line[0] == "-" else "ins" for line in lines}
