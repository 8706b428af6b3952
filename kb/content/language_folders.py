"""Folders of languages: which part of a path names a language. Opens no file."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache

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
        if (code := language_of(part)) in langs:
            rest = "/".join((*parts[:at], *parts[at + 1 :]))
            return code, _DOCUSAURUS.sub(r"\1docs/", rest)
    return "", path


def sharing(
    addresses: Iterable[tuple[str, Collection[str]]], langs: Collection[str]
) -> list[list[str]]:
    """Groups of files, one of each language's folder, that have a former address in common.

    `addresses` are the paths of files with their former addresses. A tool may give one `permalink`
    to all translations of a page, whose files are named in the language of each.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for path, given in addresses:
        lang = split(path, langs)[0] if given else ""
        for address in given if lang else ():
            found.setdefault(address, {}).setdefault(lang, []).append(path)
    return [
        [path for (path,) in of_lang.values()]
        for of_lang in found.values()
        if len(of_lang) > 1 and all(len(paths) == 1 for paths in of_lang.values())
    ]


_TRANSLATIONS = re.compile(r"((?:.*/)?i18n/([^/]+))/docusaurus-plugin-content-[^/]+/")


def unserved(paths: Iterable[str], langs: Collection[str]) -> dict[str, int]:
    """Docusaurus' folders of translations into other languages than `langs`, with their files.

    The number is that of the `paths` of articles in the folder.
    """
    found: Counter[str] = Counter()
    for path in [path for path in paths if "i18n/" in path]:
        if (folder := _TRANSLATIONS.match(path)) and language_of(folder[2]) not in langs:
            found[folder[1]] += 1
    return found


@lru_cache(1024)  # many files lie in few folders
def language_of(name: str) -> str:
    """The language that the name of a folder stands for, such as `zh` for `zh-CN`; "" for none."""
    found = _CODE.fullmatch(name) if len(name) <= _LONGEST else None
    return found[1].lower() if found else ""
