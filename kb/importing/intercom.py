"""Intercom Articles: answers of its API, kept as JSON files, as a help centre.

Read are the objects of the documented answers, in any number of files: lists of articles,
collections, sections, help centers and admins, with their translations, or one object alone.
https://developers.intercom.com/docs/references/rest-api/api.intercom.io/articles
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from kb.base.messages import Message
from kb.importing.given_files import GivenFiles
from kb.importing.source import (
    CannotImport,
    Destination,
    Object,
    SourcePage,
    SourceSection,
    day,
    ident,
    languages,
    outer_first,
    places,
    split,
    text,
)

_PLACE = re.compile(r"(?:^|/)(articles|collections|sections)/(\d+)(?:-[^/]*)?/?$")
_LOCALE = re.compile(r"/([A-Za-z]{2}(?:-[A-Za-z]{2})?)/(?:articles|collections)/")
MEDIA_HOSTS = re.compile(r"downloads(?:\.\w+)?\.intercomcdn\.(?:com|eu)")  # of images and files
_GROUPS = ("collection", "section")


class Intercom:
    """The help centre that files of Intercom's API hold."""

    def __init__(self, files: GivenFiles, lang: str = "") -> None:
        """Reads all JSON files. `lang` is the language written in first, where it is not said.

        Raises CannotImport where no file holds an article.
        """
        self._files = files
        self._articles: dict[str, Object] = {}
        self._groups: dict[str, Object] = {}
        self._admins: dict[str, str] = {}
        self._hosts: set[str] = set()
        for content in files.json_objects():
            for value in _each(content):
                self._take(value)
        if not self._articles:
            raise CannotImport(
                Message(
                    "no article of Intercom in the JSON files of {folder}; name the folder with the"
                    " answers of https://api.intercom.io/articles",
                    folder=str(files.root),
                )
            )
        self._first = self._default_locale(lang)
        self._languages = languages(self._locales(), self._first)
        self.lang = self._languages[self._first]
        self.sections = tuple(self._read_sections())
        pages = (
            page for key, article in self._articles.items() for page in self._pages(key, article)
        )
        self.pages = tuple(
            sorted(pages, key=lambda page: (page.key, page.lang != self.lang, page.lang))
        )

    def _take(self, value: Object) -> None:
        key = ident(value, "id")
        kind = _kind(value)
        if kind == "article" and key:
            self._articles[key] = value
            self._hosts |= {split(text(value, "url")).netloc.lower()} - {""}
        elif kind in _GROUPS and key:
            self._groups[key] = {**value, "type": kind}
        elif kind == "admin" and key:
            self._admins[key] = " ".join(text(value, "name").split())
        elif kind == "help_center":
            url = text(value, "custom_domain") or text(value, "url")
            self._hosts |= {split(url if "//" in url else f"//{url}").netloc.lower()} - {""}

    def _default_locale(self, lang: str) -> str:
        values = (*self._articles.values(), *self._groups.values())
        said = (text(value, "default_locale").lower() for value in values)
        found = (_LOCALE.search(text(value, "url")) for value in values)
        named = (each[1].lower() for each in found if each)
        return next(filter(None, (*said, *named, lang)), "en")

    def _locales(self) -> set[str]:
        values = (*self._articles.values(), *self._groups.values())
        return {where.lower() for value in values for where, _ in _translations(value)}

    # articles

    def _pages(self, key: str, article: Object) -> Iterator[SourcePage]:
        """The article in each language that has a title."""
        contents = {where.lower(): content for where, content in _translations(article)}
        contents.setdefault(self._first, article)
        for where, content in contents.items():
            title = text(content, "title")
            if not title:
                continue
            own = article if where == self._first else {}
            url = text(content, "url") or text(own, "url")
            answer = " ".join(text(content, "description").split())
            yield SourcePage(
                key=key,
                lang=self._languages[where],
                title=title,
                html=text(content, "body"),
                url=url or text(article, "url"),
                section=self._parent(article),
                answer=answer,
                tags=tuple(_tags(article)),
                author=self._author(content, article),
                updated=day(content.get("updated_at") or own.get("updated_at")),
                draft=(text(content, "state") or text(article, "state")) == "draft",
                addresses=tuple(filter(None, (unquote(split(url).path),))),
            )

    def _author(self, content: Object, article: Object) -> str:
        author = ident(content, "author_id") or ident(article, "author_id")
        return self._admins.get(author, "")

    def _parent(self, value: Object) -> str:
        parent = ident(value, "parent_id")
        if not parent and isinstance(value.get("parent_ids"), list) and value["parent_ids"]:
            parent = str(value["parent_ids"][0])
        return parent if parent in self._groups else ""

    # collections

    def _read_sections(self) -> Iterator[SourceSection]:
        parents = {key: self._parent(value) for key, value in self._groups.items()}
        for key, above in outer_first(parents, ("",)):
            yield self._section(key, above)

    def _section(self, key: str, parent: str) -> SourceSection:
        group = self._groups[key]
        names = {self.lang: text(group, "name")}
        texts = {self.lang: text(group, "description")}
        for where, content in _translations(group):
            lang = self._languages[where.lower()]
            names[lang] = text(content, "name") or names.get(lang, "")
            texts[lang] = text(content, "description") or texts.get(lang, "")
        path = unquote(split(text(group, "url")).path)
        addresses = {self.lang: (path,)} if path else {}
        order = places(self._groups.values(), "order").get(key)
        return SourceSection(key, names, parent, texts, addresses, order=order)

    # addresses

    def is_own(self, url: str) -> bool:
        """Whether an absolute address belongs to this help centre, or to Intercom's files."""
        host = split(url).netloc.lower()
        return host in self._hosts or bool(MEDIA_HOSTS.fullmatch(host))

    def place(self, url: str) -> Destination | None:
        """The article or collection at an address: its number counts."""
        parts = split(url)
        found = _PLACE.search(parts.path) if self.is_own(url) else None
        if not found:
            return None
        return Destination(found[2], unquote(parts.fragment), found[1] != "articles")

    def public(self, url: str) -> str:
        """The address on the web: the same."""
        return url

    def file(self, url: str) -> Path | None:
        """The given file of an image: at its path, or the only one of its name."""
        path = unquote(split(url).path)
        return self._files.find(path) or self._files.named(path.rpartition("/")[2])


def _each(content: Object) -> Iterator[Object]:
    """The objects of an answer: of a list, of a page of one, or the object itself."""
    for name in ("data", "admins", "articles", "collections"):
        value = content.get(name)
        if isinstance(value, dict):  # a page of search results
            value = value.get("articles")
        if isinstance(value, list):
            yield from (each for each in value if isinstance(each, dict))
            return
    yield content


def _kind(value: Object) -> str:
    """The kind of an object: what it says, else what its keys tell."""
    kind = text(value, "type")
    if kind:
        return kind
    if "body" in value and "title" in value:
        return "" if "section_id" in value else "article"  # with it, Zendesk's
    if "identifier" in value and "website_turned_on" in value:
        return "help_center"
    return "collection" if "name" in value and "order" in value else ""


def _translations(value: Object) -> Iterator[tuple[str, Object]]:
    translated = value.get("translated_content")
    for where, content in (translated or {}).items() if isinstance(translated, dict) else ():
        if isinstance(content, dict):
            yield where, content


def _tags(article: Object) -> Iterator[str]:
    tags = article.get("tags")
    listed = tags.get("tags") if isinstance(tags, dict) else tags
    for tag in listed if isinstance(listed, list) else ():
        if isinstance(tag, dict) and text(tag, "name"):
            yield text(tag, "name")
