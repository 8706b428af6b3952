"""Folders of languages: which part of a path names a language. Opens no file."""

import re
from collections.abc import Collection

_CODE = re.compile(r"_?([a-z]{2,3})(?:[-_][a-z]{2,4})?", re.I)  # ru, _ru (Jekyll), ru-RU
_LONGEST = 9  # characters of such a name
_DOCUSAURUS = re.compile(r"(^|/)i18n/docusaurus-plugin-content-docs/current/")


def split(path: str, langs: Collection[str]) -> tuple[str, str]:
    """The language whose folder a file lies in, and its path without that folder.

    The first folder named by one of `langs` counts: `site/ru/a.md` is `ru` and `site/a.md`. A path
    without such a folder has the language "". Translations of one article differ in that folder
    alone; those of Docusaurus, which lie below `i18n`, are put beside their originals in `docs`.
    """
    parts = path.split("/")
    for at, part in enumerate(parts[:-1]):
        found = _CODE.fullmatch(part) if len(part) <= _LONGEST else None
        if found and found[1].lower() in langs:
            rest = "/".join((*parts[:at], *parts[at + 1 :]))
            return found[1].lower(), _DOCUSAURUS.sub(r"\1docs/", rest)
    return "", path
