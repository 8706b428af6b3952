"""Zendesk Help Center: answers of its API, kept as JSON files, as a help centre.

Read are the objects of the documented answers, in any number of files: `articles`, `sections`,
`categories`, `translations`, `article_attachments`, `users`, `user_segments` and `locales`, as
pages of a list, as one object, or sideloaded beside others.
https://developer.zendesk.com/api-reference/help_center/help-center-api/introduction/
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from kb.base.messages import Message
from kb.importing.given_files import GivenFiles
from kb.importing.source import (
    Attachment,
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

_LISTS = {
    "articles": "article",
    "sections": "section",
    "categories": "category",
    "translations": "translation",
    "article_attachments": "attachment",
    "attachments": "attachment",
    "users": "user",
    "user_segments": "segment",
}
_SINGLE = {name: name for name in ("article", "section", "category", "translation", "user")}
_SINGLE |= {"article_attachment": "attachment", "user_segment": "segment"}
_API = re.compile(r"/help_center/(?:[\w-]+/)?(articles|sections|categories)/\d+(?:\.json)?$")
_PLACE = re.compile(r"/hc/(?:[A-Za-z-]+/)?(articles|sections|categories)/(\d+)(?:-[^/]*)?/?$")
MEDIA_HOSTS = re.compile(r"[\w-]+\.zdusercontent\.com")  # where addresses of files lead on to
_ATTACHED = re.compile(r"/article_attachments/(?:token/)?([\w-]+)(?:/([^/]+))?/?$")


@dataclass(slots=True)
class _Objects:
    """The objects of all files: by kind, then by id and locale."""

    found: dict[str, dict[tuple[str, str], Object]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    default_locale: str = ""

    def take(self, content: Object) -> None:
        """Takes what a file holds."""
        for name, kind in _LISTS.items():
            for value in _objects(content.get(name)):
                self._add(kind, value)
        for name, kind in _SINGLE.items():
            for value in _objects([content.get(name)]):
                self._add(kind, value)
        if kind := _kind_of(content):
            self._add(kind, content)
        if isinstance(content.get("default_locale"), str):
            self.default_locale = str(content["default_locale"]).lower()

    def _add(self, kind: str, value: Object) -> None:
        if kind == "translation":
            kind = f"translation of {text(value, 'source_type').lower()}"
            key = ident(value, "source_id"), locale(value)
        else:
            key = ident(value, "id"), locale(value)
        if key[0]:
            self.found[kind][key] = value

    def of(self, kind: str) -> Iterator[tuple[str, str, Object]]:
        """Id, locale and object of each object of a kind."""
        for (key, where), value in sorted(self.found[kind].items(), key=lambda each: each[0]):
            yield key, where, value


def _objects(value: object) -> Iterator[Object]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _kind_of(content: Object) -> str:
    """The kind of an object that stands alone, by its address or its keys; "" if unknown."""
    if found := _API.search(split(text(content, "url")).path):
        return _LISTS[found[1]]
    if "section_id" in content and "body" in content:
        return "article"
    return "section" if "category_id" in content and "name" in content else ""


def locale(value: Object) -> str:
    """The locale of an object, in lower case."""
    return text(value, "locale").lower()


class Zendesk:
    """The help centre that files of Zendesk's API hold."""

    def __init__(self, files: GivenFiles, lang: str = "") -> None:
        """Reads all JSON files. `lang` is the language written in first, where it is known.

        Raises CannotImport where no file holds an article.
        """
        self._files = files
        self._objects = _Objects()
        for content in files.json_objects():
            self._objects.take(content)
        articles = self._objects.found["article"]
        if not articles:
            raise CannotImport(
                Message(
                    "no article of Zendesk in the JSON files of {folder}; name the folder with the"
                    " answers of /api/v2/help_center/articles.json",
                    folder=str(files.root),
                )
            )
        first = self._objects.default_locale or _first_locale(articles.values(), lang)
        self._languages = languages(self._locales(), first)
        self.lang = self._languages[first]
        urls = (text(value, name) for value in articles.values() for name in ("html_url", "url"))
        self._hosts = {split(url).netloc.lower() for url in urls} - {""}
        self.sections = tuple(self._read_sections())
        self.pages = tuple(sorted(self._read_pages(), key=self._order))

    def _order(self, page: SourcePage) -> tuple[str, bool, str]:
        return page.key, page.lang != self.lang, page.lang

    def _locales(self) -> set[str]:
        return {where for kind in self._objects.found.values() for _, where in kind if where}

    # articles

    def _read_pages(self) -> Iterator[SourcePage]:
        translations = self._objects.found["translation of article"]
        known: dict[str, Object] = {}
        done: set[tuple[str, str]] = set()
        for key, where, article in self._objects.of("article"):
            known.setdefault(key, article)
            done.add((key, where))
            yield self._page(key, where, article, translations.get((key, where), {}))
        for (key, where), translation in sorted(translations.items()):
            if key in known and (key, where) not in done:
                yield self._page(key, where, known[key], translation, is_source=False)

    def _page(
        self, key: str, where: str, article: Object, translation: Object, is_source: bool = True
    ) -> SourcePage:
        """One language of an article; what the translation says comes first."""
        own = article if is_source else {}
        url = text(translation, "html_url") or text(own, "html_url")
        outdated = translation.get("outdated", own.get("outdated")) is True
        updated = (
            text(own, "edited_at") or text(translation, "updated_at") or text(own, "updated_at")
        )
        return SourcePage(
            key=key,
            lang=self._languages.get(where, self.lang),
            title=text(translation, "title") or text(own, "title") or text(own, "name"),
            html=text(translation, "body") or text(own, "body"),
            url=url or text(article, "html_url"),
            section=_section_key(article),
            tags=_labels(article),
            author=self._user(article, translation),
            updated=day(updated),
            draft=translation.get("draft", own.get("draft")) is True,
            audience=self._audience(article),
            order=self._positions["article"].get(key),
            addresses=_addresses(url, key, where),
            attachments=tuple(self._attachments(key, where)),
            remarks=(_OUTDATED,) if outdated else (),
        )

    def _user(self, article: Object, translation: Object) -> str:
        author = ident(article, "author_id") or ident(translation, "created_by_id")
        return " ".join(text(self._users.get(author, {}), "name").split())

    @cached_property
    def _users(self) -> dict[str, Object]:
        return {key: value for key, _, value in self._objects.of("user")}

    def _audience(self, article: Object) -> str:
        """Who may read the article; groups that are not given stay closed to everybody."""
        several = article.get("user_segment_ids")
        asked = several if isinstance(several, list) else [article.get("user_segment_id")]
        names = [self._segment(str(each)) for each in asked if each]
        return names[0] if names else ""

    def _segment(self, key: str) -> str:
        known = self._segments.get(key, {})
        is_open = text(known, "user_type") == "signed_in_users"
        is_open = is_open and not any(known.get(name) for name in _LIMITS)
        return "signed-in" if is_open else text(known, "name") or f"segment-{key}"

    @cached_property
    def _segments(self) -> dict[str, Object]:
        return {key: value for key, _, value in self._objects.of("segment")}

    def _attachments(self, key: str, where: str) -> Iterator[Attachment]:
        for own, attachment in self._attached.get(key, ()):
            if not own or own == where:
                yield attachment

    @cached_property
    def _attached(self) -> dict[str, list[tuple[str, Attachment]]]:
        """Locale and file of what is listed below each article; images of the text are not."""
        found: dict[str, list[tuple[str, Attachment]]] = defaultdict(list)
        for _, where, value in self._objects.of("attachment"):
            name = text(value, "display_file_name") or text(value, "file_name")
            if name and not value.get("inline"):
                attachment = Attachment(name, text(value, "content_url"))
                found[ident(value, "article_id")].append((where, attachment))
        return found

    # sections

    def _read_sections(self) -> Iterator[SourceSection]:
        """Categories, then sections, each after the section it lies in."""
        categories = dict.fromkeys(f"category:{key}" for key, _, _ in self._objects.of("category"))
        for key in categories:
            yield self._section(key, "")
        parents: dict[str, str] = {}
        for key, _, value in self._objects.of("section"):
            above = ident(value, "parent_section_id")
            category = ident(value, "category_id")
            parents[f"section:{key}"] = f"section:{above}" if above else f"category:{category}"
        for key, above in outer_first(parents, categories):
            yield self._section(key, above)

    def _section(self, key: str, parent: str) -> SourceSection:
        names: dict[str, str] = {}
        texts: dict[str, str] = {}
        addresses: dict[str, tuple[str, ...]] = {}
        for where, value in self._section_texts[key]:
            lang = self._languages.get(where, self.lang)
            names[lang] = text(value, "title") or text(value, "name") or names.get(lang, "")
            texts[lang] = text(value, "body") or text(value, "description") or texts.get(lang, "")
            if found := _paths(text(value, "html_url")):
                addresses[lang] = found
        kind, _, number = key.partition(":")
        order = self._positions[kind].get(number)
        return SourceSection(key, names, parent, texts, addresses, order=order)

    @cached_property
    def _positions(self) -> dict[str, dict[str, int]]:
        """The places of articles, sections and categories among their neighbours, by id."""
        found = self._objects.found
        return {
            kind: places(found[kind].values(), "position")
            for kind in ("article", "section", "category")
        }

    @cached_property
    def _section_texts(self) -> dict[str, list[tuple[str, Object]]]:
        """Locale and object of all that is said of each section, its translations last."""
        found: dict[str, list[tuple[str, Object]]] = defaultdict(list)
        for kind in ("category", "section"):
            for source in (kind, f"translation of {kind}"):
                for key, where, value in self._objects.of(source):
                    found[f"{kind}:{key}"].append((where, value))
        return found

    # addresses

    def is_own(self, url: str) -> bool:
        """Whether an absolute address belongs to this help centre."""
        return split(url).netloc.lower() in self._hosts

    def place(self, url: str) -> Destination | None:
        """The article or section at an address: its number counts, not the words after it."""
        parts = split(url)
        found = _PLACE.search(parts.path) if self.is_own(url) else None
        if not found:
            return None
        kind = _LISTS[found[1]]
        key = found[2] if kind == "article" else f"{kind}:{found[2]}"
        return Destination(key, unquote(parts.fragment), kind != "article")

    def public(self, url: str) -> str:
        """The address on the web: the same."""
        return url

    def file(self, url: str) -> Path | None:
        """The given file of an attachment: at its path, or the only one of its name or number."""
        path = unquote(split(url).path)
        if given := self._files.find(path):
            return given
        found = _ATTACHED.search(path)
        if found is None:
            return None
        name = found[2] or self._file_names.get(found[1], "")
        return self._files.find(f"{found[1]}/{name}") or self._files.named(name)

    @cached_property
    def _file_names(self) -> dict[str, str]:
        """The names of attachments by number; of several locales the first counts."""
        names: dict[str, str] = {}
        for key, _, value in self._objects.of("attachment"):
            names.setdefault(key, text(value, "file_name"))
        return names


_LIMITS = ("group_ids", "organization_ids", "tags", "or_tags", "added_user_ids")
_OUTDATED = Message("the help centre marks this translation as outdated")


def _first_locale(articles: Iterable[Object], lang: str) -> str:
    """The locale written in first: the source of most articles, `lang` where that is even."""
    counted = Counter(text(a, "source_locale").lower() or locale(a) for a in articles)
    return max(counted, key=lambda each: (counted[each], each.startswith(lang or " "), each))


def _labels(article: Object) -> tuple[str, ...]:
    labels = article.get("label_names")
    return tuple(str(label) for label in labels) if isinstance(labels, list) else ()


def _section_key(article: Object) -> str:
    section = ident(article, "section_id")
    return f"section:{section}" if section else ""


def _paths(url: str) -> tuple[str, ...]:
    path = unquote(split(url).path)
    return (path,) if path else ()


def _addresses(url: str, key: str, where: str) -> tuple[str, ...]:
    """Where the article was published: by number and words, and by number alone."""
    short = f"/hc/{where}/articles/{key}" if where else f"/hc/articles/{key}"
    return tuple(dict.fromkeys((*_paths(url), short)))
