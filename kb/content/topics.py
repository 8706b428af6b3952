"""The tree of topics: which articles stand under which product and section. Opens no file.

A topic is a node of the tree of one language. An article's place comes from its own `category`,
else from the navigation of the tool that its folder was written for, else from its folders.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from operator import itemgetter
from typing import Any, NamedTuple

from kb.base.cache import last_call
from kb.content import language_folders
from kb.content.articles import Article
from kb.content.metadata import without_ending
from kb.content.navigation import FolderLabel, Item, Navigation
from kb.content.reading_order import Rank, index_rank, natural, title_of_name

_WRAPPERS = ("articles", "content", "doc", "docs", "documentation", "pages", "src")
_ARTICLE, _TOPIC = range(2)  # without an order, articles come before topics


class Placement(NamedTuple):
    """What a file says of the place of its article in the tree."""

    lang: str
    title: str
    label: str = ""  # its short title in a navigation
    order: float | None = None  # its place among its neighbours
    category: tuple[str, ...] = ()  # the topics it names, the uppermost first
    parents: tuple[str, ...] = ()  # titles of the pages above it, the uppermost first
    id: str = ""  # by which a navigation may name it
    is_draft: bool = False
    is_empty: bool = False  # it has no text of its own

    @property
    def short_title(self) -> str:
        """Its title in a navigation."""
        return self.label or self.title

    @classmethod
    def of(cls, article: Article, is_empty: bool = False) -> "Placement":
        """What a parsed article says; `is_empty` that it has no text of its own."""
        unique_id = article.extra.get("id")
        return cls(
            article.lang, article.title, article.label, article.order, article.place,
            article.parents, unique_id if isinstance(unique_id, str) else "", article.draft,
            is_empty,
        )  # fmt: skip

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> "Placement":
        """The placement of its values in order. Raises TypeError if they are others."""
        lang, title, label, order, category, parents, *rest = values
        return cls(lang, title, label, order, tuple(category), tuple(parents), *rest)


@dataclass(frozen=True, slots=True)
class Topic:
    """A node of the tree: a product, a section, a subsection."""

    lang: str
    key: str  # its address among the topics of its language: names joined with "/"
    title: str
    above: int  # the number of the topic it stands under, -1 at the top
    page: str = ""  # path of the article that introduces it


@dataclass(frozen=True, slots=True)
class TopicTree:
    """The topics of all languages and the place of every article.

    A topic stands after the one above it and directly before those below it, so that a topic and
    all below it are a range of numbers.
    """

    topics: tuple[Topic, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)  # of an article's path; -1 is the top
    reading: tuple[str, ...] = ()  # paths of all articles in reading order
    namesakes: Mapping[str, str] = field(default_factory=dict)
    """By path, a name for each article with the title, language and topic of another one."""
    folders: tuple[tuple[str, str, str], ...] = ()
    """The path of each folder that has a topic, with language and key of that topic, "" the top."""

    def to_json(self, paths: Sequence[str]) -> list[Any]:
        """The tree as JSON values; `paths` are those of all articles."""
        at = {path: number for number, path in enumerate(paths)}
        return [
            [list(astuple(topic)) for topic in self.topics],
            [self.places.get(path) for path in paths],
            [at[path] for path in self.reading],
            dict(self.namesakes),
            self.folders,
        ]

    @classmethod
    def from_json(cls, values: Sequence[Any], paths: Sequence[str]) -> "TopicTree":
        """The tree of `to_json` for the same paths."""
        topics, places, reading, namesakes, folders = values
        return cls(
            tuple(Topic(*each) for each in topics),
            {path: place for path, place in zip(paths, places, strict=True) if place is not None},
            tuple(map(paths.__getitem__, reading)),
            namesakes,
            tuple((folder, lang, key) for folder, lang, key in folders),
        )

    def above(self, article: str) -> int:
        """The topic that an article stands under; the page of a topic stands under the next one."""
        number = self.places.get(article, -1)
        is_page = number >= 0 and self.topics[number].page == article
        return self.topics[number].above if is_page else number

    def path(self, article: str) -> tuple[str, ...]:
        """The titles of the topics above an article, the uppermost first, for a reader to see.

        The page of a topic stands under the topic above. Of two articles with one title under one
        topic, each has a name of its own at the end.
        """
        number = self.above(article)
        titles: list[str] = []
        while number >= 0:
            titles.append(self.topics[number].title)
            number = self.topics[number].above
        own = self.namesakes.get(article)
        return (*reversed(titles), *((own,) if own else ()))


@last_call  # most saves change a text, and no place
def tree(
    placements: Mapping[str, Placement],
    langs: Collection[str],
    navigations: Sequence[Navigation] = (),
    labels: Mapping[str, FolderLabel] | None = None,
) -> TopicTree:
    """The tree of all articles, given by path.

    `langs` are the languages that may have folders, `navigations` those of the tools, `labels` what
    files beside the articles say of folders.
    """
    by_lang: dict[str, dict[str, Placement]] = defaultdict(dict)
    for path, placement in sorted(placements.items()):
        by_lang[placement.lang][path] = placement
    topics: list[Topic] = []
    places: dict[str, int] = {}
    reading: list[str] = []
    folders: list[tuple[str, str, str]] = []
    for lang, own in sorted(by_lang.items()):
        made = _Tree(lang, own, langs, navigations, labels or {})
        numbers = _number(made, lang, topics, places, reading)
        for folder, node in made.folders():
            if (number := numbers.get(node)) is not None:
                folders.append((folder, lang, topics[number].key if number >= 0 else ""))
    found = TopicTree(tuple(topics), places, tuple(reading), {}, tuple(folders))
    return replace(found, namesakes=_namesakes(found, placements))


def _namesakes(found: TopicTree, placements: Mapping[str, Placement]) -> dict[str, str]:
    """A name for each article that title and path do not tell from another one."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path, one in placements.items():
        groups[one.lang, one.title.casefold(), *found.path(path)].append(path)
    return {
        path: name
        for paths in groups.values()
        if len(paths) > 1
        for path, name in zip(paths, _names(paths), strict=True)
    }


def _names(paths: Sequence[str]) -> list[str]:
    """A name for each file: that of the file or its folder, else the whole path."""
    names = [_own_name(path) for path in paths]
    return names if len(set(names)) == len(names) else [without_ending(path) for path in paths]


def _own_name(path: str) -> str:
    parts = without_ending(path).split("/")
    return parts[-2] if index_rank(path) is not None and len(parts) > 1 else parts[-1]


# --- the tree of one language -------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Node:
    """A topic while the tree is made."""

    name: str = ""
    title: str = ""
    above: "_Node | None" = None
    rank: Rank = (2, 0.0, _TOPIC, ())
    page: str = ""
    nodes: list["_Node"] = field(default_factory=list)
    articles: list[tuple[Rank, str]] = field(default_factory=list)

    def add(self, name: str, title: str, rank: Rank) -> "_Node":
        """A new topic under this one."""
        node = _Node(name, title, self, rank)
        self.nodes.append(node)
        return node

    def chain(self) -> Iterator["_Node"]:
        """This topic, then those above it, without the root."""
        node: _Node | None = self
        while node is not None and node.above is not None:
            yield node
            node = node.above

    def is_called(self, name: str) -> bool:
        """Whether the topic has this name or title, case aside."""
        return name.casefold() in (self.name.casefold(), self.title.casefold())

    def below(self) -> Iterator["_Node"]:
        """All topics under this one."""
        for node in self.nodes:
            yield node
            yield from node.below()


class _Tree:
    """Places the articles of one language; `root` holds the result, `above` what it lies in.

    Folders are named without the language's own: files of two languages that are translations of
    each other have one place.
    """

    def __init__(
        self,
        lang: str,
        placements: Mapping[str, Placement],
        langs: Collection[str],
        navigations: Sequence[Navigation],
        labels: Mapping[str, FolderLabel],
    ) -> None:
        self.root, self.above = _Node(), ""
        self._lang, self._langs = lang, langs
        self._placements = placements
        self._neutral = {path: language_folders.split(path, langs)[1] for path in placements}
        self._labels = _in_language(labels, lang, langs)
        self._folders = self._list_folders()
        self._pages = self._find_pages()
        self._nodes: dict[str, _Node] = {"": self.root}
        self._placed: dict[str, _Node] = {}
        self._named_nodes: dict[tuple[Sequence[str], str], _Node] = {}
        self._by_title = self._list_titles()
        self._by_name = self._list_names()
        for navigation in _of_language(navigations, lang, langs):
            self._follow(navigation)
        for path in sorted(placements, key=lambda path: bool(placements[path].category)):
            self._place(path)  # what names a topic comes last, when the others have made theirs
        self._introduce_named()
        self._drop_empty(self.root)
        self._unwrap()
        self._sort(self.root)

    def _list_folders(self) -> dict[str, list[str]]:
        folders: dict[str, list[str]] = defaultdict(list)
        for path, neutral in self._neutral.items():
            folders[neutral.rpartition("/")[0]].append(path)
        for folder in list(folders):
            for above in _folders_above(folder):
                folders.setdefault(above, [])
        return folders

    def _find_pages(self) -> dict[str, str]:
        """The page of each folder that has one; what is alone in its folder is an article."""
        with_folders = {folder.rpartition("/")[0] for folder in self._folders if folder}
        pages = {}
        for folder, paths in self._folders.items():
            ranked = [
                (rank, path)
                for path in paths
                if (rank := _page_rank(self._neutral[path])) is not None
                and not self._placements[path].is_draft
            ]
            if ranked and (len(paths) > 1 or folder in with_folders):
                pages[folder] = min(ranked)[1]
        return pages

    def _is_bundle(self, path: str, folder: str) -> bool:
        """Whether a file is all that its folder holds, so that the folder is the article."""
        return (
            bool(folder)
            and len(self._folders[folder]) == 1
            and folder not in self._pages
            and index_rank(path) is not None
        )

    def _list_titles(self) -> dict[str, list[str]]:
        """The pages that others name as the page above them, by title."""
        wanted = {one.parents[-1] for one in self._placements.values() if one.parents}
        pages: dict[str, list[str]] = defaultdict(list)
        for path, one in self._placements.items():
            for name in {one.title, one.label} & wanted:
                pages[name].append(path)
        return pages

    def _list_names(self) -> dict[str, str]:
        """The articles by the names that a navigation may give them, the surest first."""
        names: dict[str, str] = {}
        plain = {path: without_ending(neutral) for path, neutral in self._neutral.items()}
        for path, name in plain.items():
            names[name] = path
        for path, name in plain.items():
            unnumbered = "/".join(map(_unnumbered, name.split("/")))
            names.setdefault(unnumbered, path)
            if own := self._placements[path].id:
                names.setdefault(f"{unnumbered.rpartition('/')[0]}/{own}".lstrip("/"), path)
        return names

    def folders(self) -> Iterator[tuple[str, _Node]]:
        """The folders of the files, each with the topic that stands for it."""
        paths = {folder for path in self._placements for folder in _folders_above(path)}
        for folder in sorted(paths):
            neutral = language_folders.split(f"{folder}/", self._langs)[1].rstrip("/")
            if folder and neutral in self._nodes:
                yield folder, self._nodes[neutral]

    # ------------------------------------------------------------ places

    def _place(self, path: str) -> _Node:
        """The topic of an article; it is put there if it was not yet."""
        if path in self._placed:
            return self._placed[path]
        placement, neutral = self._placements[path], self._neutral[path]
        folder = neutral.rpartition("/")[0]
        if placement.category:
            key = placement.category, folder
            node = self._named_nodes.get(key) or self._named(*key)
            self._named_nodes[key] = node
        elif page := self._page_above(path):
            self._placed[path] = self.root  # ends a circle of pages above each other
            node = self._under_page(page)
        elif self._is_bundle(neutral, folder):
            node = self._node(folder.rpartition("/")[0])
        else:
            node = self._node(folder)
            if self._pages.get(folder) == path and not node.page:
                node.page = path
        return self._put(path, node)

    def _put(self, path: str, node: _Node, rank: Rank | None = None) -> _Node:
        self._placed[path] = node
        if node.page != path:
            node.articles.append((rank or self._rank(path), path))
        return node

    def _rank(self, path: str) -> Rank:
        order = self._placements[path].order
        return (1 if order is not None else 2, order or 0.0, _ARTICLE, natural(self._neutral[path]))

    def _node(self, folder: str) -> _Node:
        """The topic of a folder; made, with those above it, if there is none yet."""
        if folder not in self._nodes:
            above, _, name = folder.rpartition("/")
            title, order = self._title(folder), self._order(folder)
            rank = (1 if order is not None else 2, order or 0.0, _TOPIC, natural(folder))
            self._nodes[folder] = self._node(above).add(name, title, rank)
        return self._nodes[folder]

    def _title(self, folder: str) -> str:
        """The title of a folder: of its label, else of its page, else its name."""
        label = self._labels.get(folder)
        if label and label.title:
            return label.translations.get(self._lang) or label.title
        page = self._pages.get(folder)
        if page:
            return self._placements[page].short_title
        return title_of_name(folder.rpartition("/")[2])

    def _order(self, folder: str) -> float | None:
        label = self._labels.get(folder)
        if label and label.order is not None:
            return label.order
        page = self._pages.get(folder)
        return self._placements[page].order if page else None

    def _named(self, names: Sequence[str], folder: str) -> _Node:
        """The topic that the front matter of a file in `folder` names.

        Of topics with the first name the nearest counts: the file's own folder, then those above
        it, then one at the top, then the only one anywhere. There may be none yet.
        """
        first = names[0]
        own = self._node(folder).chain()
        anywhere = [node for node in self.root.below() if node.is_called(first)]
        candidates = (*own, *self.root.nodes, *(anywhere if len(anywhere) == 1 else ()))
        node = next((each for each in candidates if each.is_called(first)), None)
        node = node or self.root.add(first, first, _by_name(first))
        for name in names[1:]:
            known = next((each for each in node.nodes if each.is_called(name)), None)
            node = known or node.add(name, name, _by_name(name))
        return node

    def _page_above(self, path: str) -> str:
        """The page that an article names as the page above it, "" for none.

        Of pages with one title that counts which itself stands under the next one named.
        """
        *further, title = self._placements[path].parents or ("",)
        pages = [page for page in self._by_title.get(title, ()) if page != path]
        exact = [
            page for page in pages if further[-1:] == list(self._placements[page].parents[-1:])
        ]
        return next(iter((*(exact if further else ()), *pages)), "")

    def _under_page(self, page: str) -> _Node:
        """The topic that the article `page` introduces, for the articles that name it."""
        node = self._place(page)
        if node.page != page:
            rank = next((rank for rank, path in node.articles if path == page), self._rank(page))
            node.articles = [each for each in node.articles if each[1] != page]
            node = node.add(
                _own_name(self._neutral[page]), self._placements[page].short_title, rank
            )
            node.page = page
            self._placed[page] = node
        return node

    def _introduce_named(self) -> None:
        """Makes the page of a folder that of the topic which it and its neighbours name."""
        for folder, path in self._pages.items():
            node = self._placed[path]
            neighbours = (each for each in self._folders[folder] if each != path)
            if (
                self._placements[path].category
                and not node.page
                and any(self._placed[each] is node for each in neighbours)
            ):
                node.page = path
                node.articles = [each for each in node.articles if each[1] != path]

    # ------------------------------------------------------------ navigation

    def _follow(self, navigation: Navigation) -> None:
        """Places what a tool's navigation lists, and the folder of its articles."""
        base = self._node(navigation.base)
        if navigation.title and navigation.base and navigation.base not in self._pages:
            base.title = navigation.title
        self._nodes[navigation.root] = base
        self._follow_items(navigation.items, base)
        listed: dict[str, Counter[_Node]] = defaultdict(Counter)
        for path, node in self._placed.items():
            if not self._placements[path].category:
                listed[self._neutral[path].rpartition("/")[0]][node] += 1
        for folder, nodes in listed.items():  # what is not listed joins its neighbours
            self._nodes.setdefault(folder, nodes.most_common(1)[0][0])

    def _follow_items(self, items: Iterable[Item], node: _Node) -> None:
        for at, item in enumerate(items):
            rank = (0, float(at), _ARTICLE, ())
            path = self._by_name.get(item.path, "")
            if path in self._placed or (path and self._placements[path].category):
                path = ""
            if item.folder:
                self._nodes.setdefault(item.folder, node)
            if not item.children:
                if path:
                    self._put(path, node, rank)
                continue
            section = node
            if item.title or path:
                section = node.add(*self._named_section(item, path), rank)
                if path:
                    section.page = path
                    self._put(path, section)
                    if index_rank(path) is not None:
                        folder = self._neutral[path].rpartition("/")[0]
                        self._nodes.setdefault(folder, section)
            self._follow_items(item.children, section)

    def _named_section(self, item: Item, path: str) -> tuple[str, str]:
        """The name and the title of a section of a navigation.

        A navigation for another language says less than the section's own page; the name is one
        for all languages.
        """
        title = item.translations.get(self._lang) or item.title
        if path and (not title or language_folders.split(path, self._langs)[0] != item.lang):
            title = item.translations.get(self._lang) or self._placements[path].short_title
        if path and index_rank(path) is not None and "/" in self._neutral[path]:
            return self._neutral[path].split("/")[-2], title
        name = (item.title or title).casefold()
        return re.sub(r"[\W_]+", "-", name).strip("-") or "section", title

    # ------------------------------------------------------------ the finished tree

    def _drop_empty(self, node: _Node) -> None:
        """Drops topics without articles; the page of a topic that has no other is an article."""
        for child in list(node.nodes):
            self._drop_empty(child)
            if not child.nodes and not child.articles:
                node.nodes.remove(child)
                if child.page:
                    node.articles.append((child.rank, child.page))

    def _unwrap(self) -> None:
        """Leaves out folders that only wrap the others, such as `docs` around all there is."""
        while len(self.root.nodes) == 1 and not self.root.articles and not self.root.page:
            only = self.root.nodes[0]
            if only.name.lower() not in _WRAPPERS or not only.nodes:
                return
            self.above += f"{only.name}/"
            only.above = None
            self.root = only

    def _sort(self, node: _Node) -> None:
        node.articles.sort()
        node.nodes.sort(key=lambda each: each.rank)
        for child in node.nodes:
            self._sort(child)


def _unnumbered(name: str) -> str:
    """A name without the number by which Docusaurus orders files."""
    return re.sub(r"^[0-9]+[-_.\s]+(?=\S)", "", name)


def _folders_above(folder: str) -> Iterator[str]:
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _page_rank(neutral: str) -> int | None:
    """The rank of a file among the pages of its folder: index pages, then `x/x.md`."""
    rank = index_rank(neutral)
    if rank is not None:
        return rank
    parts = without_ending(neutral).split("/")
    return 9 if len(parts) > 1 and parts[-1].casefold() == parts[-2].casefold() else None


def _by_name(name: str) -> Rank:
    return (2, 0.0, _TOPIC, natural(name))


def _in_language(
    labels: Mapping[str, FolderLabel], lang: str, langs: Collection[str]
) -> dict[str, FolderLabel]:
    """The labels of folders for readers of a language; those of other languages stand in."""
    found: dict[str, FolderLabel] = {}
    for folder, label in labels.items():
        of, neutral = language_folders.split(f"{folder}/", langs)
        if of in (lang, "") or neutral.rstrip("/") not in found:
            found[neutral.rstrip("/")] = label
    return found


def _of_language(
    navigations: Sequence[Navigation], lang: str, langs: Collection[str]
) -> Iterator[Navigation]:
    """The navigations for readers of a language: their own, or that of another one."""
    chosen: dict[str, tuple[bool, Navigation]] = {}
    for each in navigations:
        of, root = language_folders.split(f"{each.root}/", langs)
        is_own, root = of == lang, root.strip("/")
        if root not in chosen or is_own > chosen[root][0]:
            chosen[root] = is_own, each.without_language(langs)
    yield from (each for _, each in chosen.values())


# --- numbers ------------------------------------------------------------------------------------


def _number(
    made: _Tree,
    lang: str,
    topics: list[Topic],
    places: dict[str, int],
    reading: list[str],
) -> dict[_Node, int]:
    """Adds the topics of a language, and its articles in reading order; returns their numbers."""
    keys: set[str] = set()
    numbers: dict[_Node, int] = {}

    def visit(node: _Node, number: int, prefix: str) -> None:
        numbers[node] = number
        if node.page:
            places[node.page] = number
            reading.append(node.page)
        children: list[tuple[Rank, str | _Node]] = [*node.articles]
        children += [(child.rank, child) for child in node.nodes]
        for _, child in sorted(children, key=itemgetter(0)):
            if isinstance(child, str):
                places[child] = number
                reading.append(child)
                continue
            key = _unused(f"{prefix}{child.name}", keys)
            topics.append(Topic(lang, key, child.title, number, child.page))
            visit(child, len(topics) - 1, f"{key}/")

    visit(made.root, -1, made.above)
    return numbers


def _unused(key: str, keys: set[str]) -> str:
    """The key, with a number at its end if it has been given already."""
    number, free = 1, key
    while free.casefold() in keys:
        number += 1
        free = f"{key}-{number}"
    keys.add(free.casefold())
    return free
