"""Versions of one documentation side by side: copies to leave out, twin pages. Opens no file.

Docusaurus keeps the newest text in `docs` and older copies in `versioned_docs/version-1.0`, and
likewise translations below `i18n`.
"""

import re
from collections.abc import Collection

from kb.content.metadata import without_ending
from kb.content.reading_order import natural

_OLD = "versioned_docs"  # after the name of the folder of the newest text and `_`, or alone
_VERSION = "version-"
_TRANSLATED = re.compile(r"docusaurus-plugin-content-docs(?:-[\w-]+)?")
_NUMBERED = re.compile(r"(?:^|[-_.])v?\d+(?:[._]\d+)*$", re.I)  # `v2`, `en-v3`, `2024`


def copies(folder: str, names: Collection[str], around: Collection[str] = ()) -> frozenset[str]:
    """The folders among the `names` in `folder` that hold older copies of the same articles.

    `around` are the names in the folder above, where a site in `website` may have its `docs`.
    """
    last = folder.rstrip("/").rpartition("/")[2]
    if last.endswith(_OLD) or _TRANSLATED.fullmatch(last):
        versions = [name for name in names if name.startswith(_VERSION)]
        kept = "" if "current" in names else max(versions, key=natural, default="")
        return frozenset(versions) - {kept}
    old = [name for name in names if name.endswith(_OLD)]
    there = {*names, *around} if old else ()
    return frozenset(name for name in old if _newest(name) in there)


def _newest(old: str) -> str:
    """The folder of the newest text beside a folder of versions."""
    return old.removesuffix(_OLD).rstrip("_") or "docs"


def are_mirrored(one: str, other: str) -> bool:
    """Whether two files stand at one place of two trees: versions, or languages we do not know."""
    first, second = (without_ending(path).split("/") for path in (one, other))
    differing = [at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b]
    return len(first) == len(second) and len(differing) == 1 and differing[0] < len(first) - 1


def are_of_versions(one: str, other: str) -> bool:
    """Whether two files lie in folders of different versions: `v2`, `en-v3`, `2024`."""
    first, second = (set(filter(_NUMBERED.search, path.split("/")[:-1])) for path in (one, other))
    return first != second
