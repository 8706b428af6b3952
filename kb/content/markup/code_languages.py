"""Languages of code blocks, as writers name them. Colours nothing, so that it loads no Pygments."""

import re

# Languages of diagrams, which a browser without scripts can only show as code.
DIAGRAMS = frozenset(("mermaid", "plantuml", "puml", "graphviz", "dot", "d2"))

_LANGUAGE = re.compile(r"[{.\s]*(?:language-)?([\w+#-][\w+#.-]*)?")


def language_of(info: str) -> str:
    """The language in what stands after a fence; titles, numbers and attributes are passed over."""
    found = _LANGUAGE.match(info)
    return (found[1] or "") if found and "=" not in info.split(" ")[0] else ""
