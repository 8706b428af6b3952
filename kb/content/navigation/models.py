"""The navigation of a tool as values: sections, their pages and their order."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from kb.content import language_folders


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a navigation: an article, a section with or without a page, or a folder.

    A section has children. An entry without a title has that of its page; one with neither title
    nor page stands for its children.
    """

    title: str = ""
    path: str = ""  # of its page below the articles folder, without its ending
    folder: str = ""  # whose articles and folders stand here as they lie
    children: tuple["Item", ...] = ()
    lang: str = ""  # whose folder its page lies in
    translations: Mapping[str, str] = field(default_factory=dict)  # of the title, by language

    def without_language(self, langs: Collection[str]) -> "Item":
        """The entry with its paths as translations of one article share them."""
        lang, path = language_folders.split(self.path, langs)
        return replace(
            self,
            lang=lang,
            path=path,
            folder=language_folders.split(f"{self.folder}/", langs)[1].rstrip("/"),
            children=tuple(child.without_language(langs) for child in self.children),
        )


@dataclass(frozen=True, slots=True)
class Navigation:
    """The navigation of one tool, for the articles below one folder."""

    tool: str  # a name of `dialects`
    base: str  # the folder of the project, "" for that of all articles
    root: str  # the folder of its articles: `base` or one below it
    title: str = ""  # of the whole project
    items: tuple[Item, ...] = ()
    file: str = ""  # that holds it, from the articles folder

    def without_language(self, langs: Collection[str]) -> "Navigation":
        """The navigation with its paths as translations of one article share them."""
        base, root = (
            language_folders.split(f"{folder}/", langs)[1].rstrip("/")
            for folder in (self.base, self.root)
        )
        items = tuple(item.without_language(langs) for item in self.items)
        return replace(self, base=base, root=root, items=items)


@dataclass(frozen=True, slots=True)
class FolderLabel:
    """What a file of a tool says of the folder it lies in."""

    title: str = ""
    order: float | None = None
    translations: Mapping[str, str] = field(default_factory=dict)  # of the title, by language
