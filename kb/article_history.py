"""What changed in an article: its revisions from git, rendered and compared. Speaks no HTTP.

A revision counts only if readers saw it: not as a draft, unlisted or for some readers alone, by its
own front matter and by the pages of its folders at that time, nor if it was not published before
the next one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from html import unescape
from itertools import pairwise
from math import inf
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import NamedTuple

from kb.base import sandbox
from kb.base.audiences import is_restricted
from kb.base.cache import Cache
from kb.base.config import Settings
from kb.content import articles, folder, gates, tools
from kb.content.articles import Defaults
from kb.content.metadata import ENDINGS
from kb.content.problems import Problem
from kb.content.reading_order import index_rank
from kb.git import file_history
from kb.git.file_history import Revision, Revisions
from kb.git.run import GitFailed
from kb.language import text_diff
from kb.language.text_diff import Block, ChangedBlock
from kb.language.tokens import shorten

MOST_BLOCKS = 40  # of one change that are shown
_LONGEST, _MOST_PARTS = 2_000, 60  # characters of a part, and parts of a block
_MOST_CHARACTERS = 100_000  # of all changes
_MEGABYTES = 2  # of histories kept
_RENDER_SECONDS = 2.0  # of processor time for a revision, at most
_AGAIN, _MOST_FAILED = 60.0, 1_000  # seconds until a failure is tried again, and how many are kept
_PATIENCE = 5.0  # seconds to wait for another history that is being made


class HistoryUnavailable(Exception):
    """The history cannot be told now: git fails, or another one takes too long."""


class Source(NamedTuple):
    """The file of an article in a build."""

    path: str
    commit: str  # of the articles' repository
    dialect: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that readers see in the words of an article."""

    day: date
    author: str
    blocks: tuple[ChangedBlock, ...] = ()
    more: int = 0  # further blocks
    is_first: bool = False  # the article appeared


@dataclass(frozen=True, slots=True)
class ArticleHistory:
    """The changes of an article, the newest first."""

    edits: tuple[Edit, ...] = ()
    is_whole: bool = False  # nothing older is left out


class Histories:
    """Histories of articles, made when asked for, one at a time, and kept. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._failed: dict[Source, float] = {}  # when each could not be told
        self._kept: Cache[Source, ArticleHistory] = Cache(self._made, megabytes=_MEGABYTES)

    def of(self, source: Source) -> ArticleHistory:
        """The history of an article. Raises HistoryUnavailable."""
        if source in self._kept:
            return self._kept[source]
        if monotonic() - self._failed.get(source, -inf) < _AGAIN:
            raise HistoryUnavailable("it could not be told a moment ago")
        if not self._lock.acquire(timeout=_PATIENCE):
            raise HistoryUnavailable("another history is being made")
        try:
            return self._kept[source]
        except HistoryUnavailable:
            if len(self._failed) > _MOST_FAILED:
                self._failed.clear()
            self._failed[source] = monotonic()
            raise
        finally:
            self._lock.release()

    def _made(self, source: Source) -> ArticleHistory:
        root = self._settings.articles
        try:
            revisions = file_history.read(root, source.path, source.commit)
            seen = list(_read(root, revisions, self._defaults(source)))
        except (GitFailed, ValueError) as error:
            raise HistoryUnavailable(str(error)) from None
        return _history(self._rendered(seen), revisions)

    def _defaults(self, source: Source) -> Defaults:
        settings = self._settings
        return Defaults(
            settings.lang, settings.langs, settings.max_article_bytes,
            dialect=source.dialect, also=source.also,
        )  # fmt: skip

    def _rendered(self, seen: Sequence["_Job"]) -> list["_Version"]:
        """What readers saw of each revision, rendered in a child process; the newest first."""
        settings = self._settings
        results = sandbox.each(
            render, seen, processes=1, seconds=min(settings.render_seconds, _RENDER_SECONDS),
            megabytes=settings.render_megabytes,
        )  # fmt: skip
        return [result for _, result in results if isinstance(result, _Version)]


# --- revisions ----------------------------------------------------------------------------------


class _Job(NamedTuple):
    path: str
    data: bytes
    defaults: Defaults
    day: date
    until: date  # of the next revision


class _Version(NamedTuple):
    """A revision as readers saw it."""

    day: date
    author: str
    blocks: tuple[Block, ...]


def _read(root: Path, revisions: Revisions, defaults: Defaults) -> Iterator[_Job]:
    """The revisions that may have been articles, with their contents and folders' audiences."""
    shown = [each for each in revisions.all if _is_article(each.path)]
    texts = file_history.contents(root, [each.blob for each in shown], most=defaults.max_bytes)
    audiences = _audiences(root, shown)
    until = date.max
    for revision, data in zip(shown, texts, strict=True):
        if data is not None:
            audience = audiences[revision.commit].audience(revision.path)
            own = replace(defaults, author=revision.author, audience=audience)
            yield _Job(revision.path, data, own, revision.day, until)
        until = revision.day


def _is_article(path: str) -> bool:
    """Whether a file of this path would be read as an article."""
    name = path.rpartition("/")[2]
    is_part = name.startswith("_") and index_rank(path) is None
    is_other = tools.is_hidden(path) or folder.is_included(path) or is_part or "\n" in path
    return path.lower().endswith(ENDINGS) and not is_other


def _audiences(root: Path, revisions: Sequence[Revision]) -> dict[str, gates.FolderAudiences]:
    """The audiences that pages of folders set for what is below, at the commit of each revision."""
    places = [(each.commit, place) for each in revisions for place in _folders(each.path)]
    pages = [
        (commit, f"{place}/{name}" if place else name, id)
        for (commit, place), listing in zip(
            places, file_history.listings(root, places), strict=True
        )
        for name, id in listing.items()
        if name.lower().endswith(ENDINGS) and index_rank(name) is not None
    ]
    texts = file_history.contents(root, [id for _, _, id in pages])
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = {each.commit: [] for each in revisions}
    for (commit, path, _), text in zip(pages, texts, strict=True):
        # A page that this clone does not hold may have closed its folder.
        audience = gates.UNREADABLE if text is None else gates.audience_of_folder(path, text)
        found[commit].append((path, audience))
    return {commit: gates.FolderAudiences.of(pairs) for commit, pairs in found.items()}


def _folders(path: str) -> Iterator[str]:
    """The folders above a file, the nearest first; "" is the uppermost."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def render(job: _Job) -> "_Version | None":
    """The blocks of a revision, or None if readers did not see it; runs in a child process."""
    from kb.index import rendering

    article = articles.parse(job.path, job.data, job.defaults).article
    if article is None or article.draft or article.unlisted:
        return None
    if is_restricted(article.audience):
        return None
    was_late = article.publish is not None and article.publish > job.until
    was_over = article.expires is not None and article.expires <= job.day
    if was_late or was_over:
        return None
    rendered = rendering.render(article, remote_images=False)
    if isinstance(rendered, Problem):
        return None
    blocks = (Block(article.title), *blocks_of(rendered.html))
    return _Version(job.day, article.author, blocks)


def _history(versions: Sequence[_Version], revisions: Revisions) -> ArticleHistory:
    edits: list[Edit] = []
    room = _MOST_CHARACTERS
    for version, before in pairwise(versions):
        blocks = text_diff.changes(before.blocks, version.blocks)
        shown = tuple(map(_cut, blocks[:MOST_BLOCKS]))
        room -= sum(len(part.text) for block in shown for part in block.parts)
        if room < 0:
            return ArticleHistory(tuple(edits))
        if blocks:
            edits.append(Edit(version.day, version.author, shown, len(blocks) - len(shown)))
    if versions and revisions.is_whole:
        edits.append(Edit(versions[-1].day, versions[-1].author, is_first=True))
    return ArticleHistory(tuple(edits), revisions.is_whole)


def _cut(block: ChangedBlock) -> ChangedBlock:
    """The block without the end of what would fill a page."""
    parts = tuple(part._replace(text=shorten(part.text, _LONGEST)) for part in block.parts)
    return block._replace(parts=parts[:_MOST_PARTS])


# --- blocks -------------------------------------------------------------------------------------

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_ANCHOR = re.compile(r'<a class="anchor"[^>]*>.*?</a>', re.S)
_ALT = re.compile(r'\salt="([^"]*)"')
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s",
     "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr")
)  # fmt: skip


def blocks_of(html: str) -> list[Block]:
    """The paragraphs, headings, items, rows and lines of code of sanitised HTML."""
    found: list[Block] = []
    heading, text, in_code = "", "", False

    def end() -> str:
        nonlocal text
        lines, text = (text.split("\n") if in_code else [text]), ""
        cleaned = [" ".join(unescape(line).split()).removesuffix(" ·") for line in lines]
        found.extend(Block(line, heading) for line in cleaned if line)
        return cleaned[-1]

    at, html = 0, _ANCHOR.sub("", html)
    for tag in _TAG.finditer(html):
        text += html[at : tag.start()]
        at, name = tag.end(), tag[2].lower()
        if name == "img":
            text += f" {alt[1]} " if (alt := _ALT.search(tag[0])) else ""
        elif name in ("td", "th"):
            text += " · " if tag[1] else ""
        elif name not in _INLINE:
            is_heading = bool(tag[1]) and re.fullmatch("h[1-6]", name) is not None
            said = end()
            heading = said if is_heading else heading
            in_code = name == "pre" and not tag[1] if name == "pre" else in_code
    text += html[at:]
    end()
    return found
