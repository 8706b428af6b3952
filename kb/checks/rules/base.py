"""What rules look at, what they find, and how a rule is made known. Opens no file."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple, Protocol

from kb.base.messages import Message
from kb.checks import prose
from kb.checks.prose import Prose
from kb.content import media, topics, versions
from kb.content.articles import Article
from kb.content.link_table import LinkedArticle, LinkTable
from kb.content.markup import Inclusions, Link
from kb.content.metadata import without_ending
from kb.content.navigation import Navigations
from kb.content.problems import Problem
from kb.content.reading_order import index_rank
from kb.content.topics import Placement, TopicTree

Rank = Callable[[str, str], Sequence[str]]  # question, language → slugs, best first

ERROR, WARNING, HINT, OFF = "error", "warning", "hint", "off"
LEVELS = (ERROR, WARNING, HINT)


class Finding(NamedTuple):
    """What a rule found in an article: the line in the file, what is wrong, and the cure."""

    article: Article
    line: int
    message: Message
    cure: Message


class Shape(Protocol):
    """What rules know of an article's text: where it leads, and what can be linked to."""

    @property
    def links(self) -> Sequence[Link]:
        """Links and images of the article, in the order of its text."""

    @property
    def anchors(self) -> Collection[str]:
        """Ids that a link may name after `#`."""


@dataclass(frozen=True)
class Base:
    """All articles that could be read, and what was made of them."""

    articles: Sequence[Article]
    rendered: Mapping[str, Shape]  # by slug
    today: date
    files: frozenset[str] = frozenset()  # regular files below the articles folder, "/" in paths
    pointers: frozenset[str] = frozenset()  # files whose content lies in Git LFS
    knows_readers: bool = False  # the site can tell one reader from another
    lang: str = "ru"  # the language articles are written in first, where their number does not tell
    langs: tuple[str, ...] = ("ru", "en")
    review_days: int = 365
    support_email: str = ""
    rank: Rank | None = None  # None: nothing to ask yet
    replies: Mapping[str, tuple[str, Message]] = field(
        default_factory=dict
    )  # of other sites, by address: kind and reason, see `web`
    elsewhere: Sequence[Problem] = field(default=())  # mistakes in synonyms.yml and owners.yml
    inclusions: Mapping[str, Inclusions] = field(default_factory=dict)  # by path
    within: Sequence[str] = ()  # files and folders that are asked about; none: all
    navigations: Navigations = field(default_factory=Navigations)

    @cached_property
    def tree(self) -> TopicTree:
        """The topics of all articles."""
        placements = {article.path: Placement.of(article) for article in self.articles}
        return topics.tree(placements, self.langs, self.navigations.all, self.navigations.labels)

    @cached_property
    def by_slug(self) -> dict[str, Article]:
        """Articles by slug."""
        return {article.slug: article for article in self.articles}

    @cached_property
    def by_path(self) -> dict[str, Article]:
        """Articles by path, with and without ending, and as the index page of their folder."""
        found: dict[str, Article] = {}
        for article in self.articles:
            stem = without_ending(article.path)
            folder, _, name = stem.rpartition("/")
            if name.lower() in ("readme", "index", "_index"):
                found.setdefault(folder, article)
            found.setdefault(stem, article)
        return found | {article.path: article for article in self.articles}

    @cached_property
    def places(self) -> dict[str, LinkedArticle]:
        """Articles as links see them, by slug."""
        return {article.slug: LinkedArticle.of(article) for article in self.articles}

    @cached_property
    def link_table(self) -> LinkTable:
        """What the links of the folder lead to."""
        sample = [
            (self.places[slug], link.target)
            for slug, shape in self.rendered.items()
            if slug in self.places
            for link in shape.links
        ]
        files = frozenset(filter(media.is_servable, self.files))
        places = tuple(self.places.values())
        return LinkTable(places, files, self.langs, sample, folders=self.tree.folders)

    def prose(self, article: Article) -> Prose:
        """The text of an article outside code."""
        found = self._prose.get(article.slug)
        if found is None:
            found = self._prose[article.slug] = prose.read(article)
        return found

    @cached_property
    def _prose(self) -> dict[str, Prose]:
        return {}

    @cached_property
    def by_name(self) -> dict[str, list[Article]]:
        """Articles by file name without ending."""
        found: dict[str, list[Article]] = defaultdict(list)
        for article in self.articles:
            found[posixpath.basename(without_ending(article.path))].append(article)
        return found

    @cached_property
    def by_alias(self) -> dict[str, list[Article]]:
        """Articles by former slug; several may claim the same."""
        found: dict[str, list[Article]] = defaultdict(list)
        for article in self.articles:
            for alias in article.aliases:
                found[alias].append(article)
        return found

    def links(self, *, images: bool) -> Iterator[tuple[Article, Link]]:
        """Every link, or every image, of every article that is asked about."""
        for article in self.articles:
            if article.slug in self.rendered and self.is_asked(article.path):
                for link in self.rendered[article.slug].links:
                    if link.image == images:
                        yield article, link

    def is_asked(self, path: str) -> bool:
        """Whether the file is one that problems are wanted of."""
        return not self.within or any(
            place in (".", "", path) or path.startswith(f"{place}/") for place in self.within
        )

    def served(self) -> Iterator[Article]:
        """Articles that a customer's search can meet today."""
        for article in self.articles:
            if self.is_public(article) and not article.unlisted:
                yield article

    def is_public(self, article: Article) -> bool:
        """Whether the article has a page today."""
        early = article.publish is not None and article.publish > self.today
        late = article.expires is not None and article.expires <= self.today
        return not (article.draft or early or late)


Find = Callable[[Base], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its stable name, its level, and what it says of itself.

    A rule without `find` is told where files are read.
    """

    code: str
    level: str
    meaning: str
    find: Find | None = None


RULES: list[Rule] = []


def rule(code: str, level: str) -> Callable[[Find], Rule]:
    """Registers a function that yields findings under a name; its docstring is the meaning."""

    def register(find: Find) -> Rule:
        RULES.append(Rule(code, level, " ".join((find.__doc__ or "").split()), find))
        return RULES[-1]

    return register


def line_of(article: Article, line: int) -> int:
    """The line of the file for a line of the body."""
    return article.body_line + line - 1


def is_mirrored(one: Article, other: Article) -> bool:
    """Whether two files stand at one place of two trees: versions, or languages we do not know."""
    return versions.are_mirrored(one.path, other.path)


def is_only_title(article: Article) -> bool:
    """Whether a file gives its folder a title and says nothing else: an index page without text."""
    is_page = "/" in article.path and index_rank(article.path) is not None
    return is_page and not article.body.strip()


_IGNORE = re.compile(r"<!--\s*kb(?:-ignore|:\s*ignore)[\s:]+([\w\s,-]+?)\s*-->")


def ignored(article: Article) -> set[str]:
    """The rules that the article asks to be spared: `<!-- kb-ignore: no-alt-text -->`."""
    if "kb" not in article.body:
        return set()
    return {
        code for listed in _IGNORE.findall(article.body) for code in re.split(r"[\s,]+", listed)
    }
