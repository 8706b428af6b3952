"""The path of each article and section in the folder: readable, unique, and the same every time."""

import posixpath
from collections import defaultdict
from dataclasses import dataclass, field

from kb.content.reading_order import INDEX_NAMES
from kb.content.scaffold import file_name
from kb.importing.record import Record
from kb.importing.source import HelpCentre, SourcePage, SourceSection

_INDEX = "index"


@dataclass(slots=True)
class Places:
    """Paths by key; `moved` maps an article to the path it had at the last import."""

    folders: dict[str, str] = field(default_factory=dict)
    articles: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    languages: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def path(self, key: str, lang: str) -> str:
        """The path of an article in a language, or in the first one it is written in; else ""."""
        langs = self.languages.get(key)
        if not langs:
            return ""
        return f"{lang if lang in langs else langs[0]}/{self.articles[key]}.md"

    def folder_page(self, key: str, lang: str) -> str:
        """The path of a section's page."""
        return f"{lang}/{self.folders[key]}/{_INDEX}.md"


def assign(centre: HelpCentre, record: Record) -> Places:
    """Gives every section and article its path: the one of the last import, else one of its name.

    An article whose section is another by now moves, unless a person changed its file.
    """
    places = Places()
    taken = {path.casefold() for path in (*record.folders.values(), *record.articles.values())}
    for section in centre.sections:
        above = places.folders.get(section.parent, "")
        known = record.folders.get(section.key, "")
        if not known or posixpath.dirname(known) != above:
            known = _free(posixpath.join(above, _folder_name(section, centre.lang)), taken)
        places.folders[section.key] = known
    for page in centre.pages:
        places.languages[page.key].append(page.lang)
        if page.key not in places.articles:
            places.articles[page.key] = _article(page, places, record, taken)
    record.folders.update(places.folders)
    record.articles.update(places.articles)
    return places


def _article(page: SourcePage, places: Places, record: Record, taken: set[str]) -> str:
    folder = places.folders.get(page.section, "")
    known = record.articles.get(page.key, "")
    if known and posixpath.dirname(known) == folder:
        return known
    if known and _is_touched(known, record):
        return known
    stem = _free(posixpath.join(folder, _file_name(page)), taken)
    if known:
        places.moved[page.key] = known
        record.former[known] = page.key
    return stem


def _is_touched(stem: str, record: Record) -> bool:
    """Whether a person changed the file of an article in any language."""
    return any(
        record.is_touched(path) for path in record.files if path.partition("/")[2] == f"{stem}.md"
    )


def _folder_name(section: SourceSection, lang: str) -> str:
    names = (section.name, section.names.get(lang, ""), *section.names.values())
    return file_name(next(filter(None, names), ""), otherwise="section")


def _file_name(page: SourcePage) -> str:
    name = file_name(page.name or page.title)
    is_index = page.name.lower() == _INDEX
    return f"{name}-article" if name in INDEX_NAMES and not is_index else name


def _free(path: str, taken: set[str]) -> str:
    """The path, with a number if another has it."""
    free, number = path, 1
    while free.casefold() in taken:
        number += 1
        free = f"{path}-{number}"
    taken.add(free.casefold())
    return free
