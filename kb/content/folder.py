"""The articles folder: lists, reads and parses its files. Writes nothing."""

import errno
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple

from kb.base import regular_files
from kb.base.errors import ArticlesMissing
from kb.base.messages import Message
from kb.content import (
    dialects,
    exclusions,
    gates,
    language_folders,
    navigation,
    notices,
    packages,
    tools,
    versions,
)
from kb.content.addresses import settle
from kb.content.articles import MAX_BYTES, RENAME, Article, Defaults, Parsed, parse, too_large
from kb.content.includes import Includes
from kb.content.markup import Inclusions
from kb.content.metadata import ENDINGS, without_ending
from kb.content.navigation import Navigations
from kb.content.problems import Problem
from kb.content.reading_order import index_rank
from kb.git.history import Change


class Source(NamedTuple):
    """Metadata of a listed file. Equal values mean that it need not be read again."""

    path: str
    stat: tuple[int, ...]
    """Size in bytes, time of change in ns, inode, time of change of that in ns."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.stat[0]


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of the articles folder, listed without reading any article."""

    sources: tuple[Source, ...]  # by path
    problems: tuple[Problem, ...] = ()
    skipped: int = 0  # files that others include
    navigations: tuple[str, ...] = ()  # paths of files that may hold the navigation of a tool
    files: tuple[str, ...] = ()  # paths of all other files, by path
    tool_files: tuple[str, ...] = ()  # paths of files that only one tool has
    notices: tuple[Source, ...] = ()  # banners for all pages, see `notices`
    addresses: Mapping[str, str] = field(default_factory=dict)
    """The address that a tool gives to an article by its settings, by path."""


def list_files(root: Path, langs: Collection[str] = ()) -> Listing:
    """Lists all article files below `root`, by path, and those that hold a tool's navigation.

    Where `langs` are given, translations of Docusaurus into others are left out with a hint.

    Reads folders, and of files only each `SUMMARY.md`, since a list of links there is the
    navigation of GitBook, and `notice.md` at the root. Older copies of the articles (`versions`),
    what is for those who work on a repository, what the settings of a tool exclude (`exclusions`)
    and folders of installed packages, which are not entered, are left out with a hint. Hidden files
    and folders are skipped. A link to a file inside the folder is an article of its own, a link to
    a folder is not followed, and a link out of the folder is a problem. Raises ArticlesMissing
    where `root` is no folder.
    """
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        raise ArticlesMissing(
            Message(
                "no folder {folder}; create it, or name yours with --articles", folder=str(root)
            )
        )
    listed = _Walk(top)
    problems, tool_files = listed.problems, listed.tool_files
    problems += _of_packages(sorted(listed.packages))
    articles = listed.sources
    if tool_files:
        articles = [each for each in articles if not _is_part(each.path, tool_files)]
    skipped = listed.skipped + len(listed.sources) - len(articles)
    sites = navigation.sites(root, listed.navigations)
    tool_files += _folders_of(sites, tool_files)
    articles = _without_excluded(root, listed, sites, articles)
    addresses = {
        each.path: address
        for site in sites
        for each in articles
        if each.path.startswith(f"{site.folder}/".lstrip("/"))
        and (address := site.address(each.path))
    }
    if langs:
        unserved = language_folders.unserved((each.path for each in articles), langs)
        problems += [_not_served(folder, n, langs) for folder, n in unserved.items()]
        left_out = tuple(f"{folder}/" for folder in unserved)
        articles = [each for each in articles if not each.path.startswith(left_out)]
    return Listing(
        tuple(sorted(articles, key=_path)), tuple(sorted(problems)), skipped,
        tuple(sorted(listed.navigations)), tuple(sorted(listed.files)), tuple(sorted(tool_files)),
        tuple(sorted(listed.notices)), addresses,
    )  # fmt: skip


_path = itemgetter(0)  # no two files have the same


class _Walk:
    """A walk through the folder `top`, which sorts what lies in it; each file is looked at once."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._waiting = [""]  # folders that are still to be listed
        self._names: dict[str, list[str]] = {}  # by folder
        self.sources: list[Source] = []
        self.notices: list[Source] = []
        self.navigations: list[str] = []
        self.tool_files: list[str] = []
        self.files: list[str] = []  # all others
        self.skipped = 0  # files that others include
        self.packages: list[str] = []  # folders of installed packages
        self.problems: list[Problem] = []
        while self._waiting:
            self._list(self._waiting.pop())

    def _list(self, folder: str) -> None:
        """Sorts what lies directly in a folder."""
        with ExitStack() as open_folder:
            try:
                entries = open_folder.enter_context(_entries(self._top, folder))
            except OSError as error:
                self.problems.append(_unreadable(folder.rstrip("/"), error))
                return
            names = self._names[folder] = [entry.name for entry in entries]
            if packages.are_in(folder, names):
                self.packages.append(folder.rstrip("/"))
                return
            copies = versions.copies(folder, names, self._names.get(_above(folder), ()))
            if not copies and not _is_for_inclusion(folder):
                entries = self._without_ordinary(folder, entries)
            for entry in entries:
                name, path = entry.name, folder + entry.name
                if name in copies:
                    self.problems.append(_left_out(path, _COPY, _GIVE_ITS_FOLDER))
                else:
                    self._sort(path, entry)

    def _without_ordinary(
        self, folder: str, entries: list[os.DirEntry[str]]
    ) -> list[os.DirEntry[str]]:
        """Adds what is an ordinary article in a folder of articles, as nearly all is.

        Hidden files, and those for tools, for inclusion and for contributors begin otherwise.
        Returns the other entries. One loop that calls little: listing many articles is this.
        """
        others: list[os.DirEntry[str]] = []
        add, make, is_regular = self.sources.append, tuple.__new__, stat.S_ISREG
        for entry in entries:
            name = entry.name
            if name.endswith(ENDINGS) and name[0] not in "._" and not name[:2].isupper():
                path = folder + name
                try:
                    path.encode()
                    found = entry.stat(follow_symlinks=False)
                    if is_regular(found.st_mode) and (folder or not notices.is_name(name)):
                        add(make(Source, (path, _stat(found))))
                        continue
                except (OSError, UnicodeEncodeError):
                    pass  # `_source` tells what is wrong with it
            others.append(entry)
        return others

    def _sort(self, path: str, entry: os.DirEntry[str]) -> None:
        """Puts down what may be anything."""
        name, at = entry.name, os.path.join(self._top, path)
        is_navigation = navigation.is_navigation(name, at)
        if name in tools.FILES and (name not in tools.COMMON_NAMES or is_navigation):
            self.tool_files.append(path)
        if tools.is_hidden(name):
            folder = path[: -len(name)]
            hidden = navigation.hidden_navigations(os.path.join(self._top, folder), name)
            self.navigations += (folder + each for each in hidden)
        elif name in packages.NAMES and _is_folder(entry):
            self.packages.append(path)
        elif entry.is_symlink() and _is_folder(entry):
            self.problems.append(_linked_folder(self._top, path))
        elif entry.is_dir(follow_symlinks=False):
            self._waiting.append(f"{path}/")
        elif is_navigation:
            self.navigations.append(path)
        elif not name.lower().endswith(ENDINGS):
            self.files.append(shown(path))
        elif is_included(path):
            self.skipped += 1
        elif is_for_contributors(path) and not _has_front_matter(at):
            self.problems.append(_left_out(path, _FOR_CONTRIBUTORS, _GIVE_A_TITLE))
        else:
            self._add(path, entry)

    def _add(self, path: str, entry: os.DirEntry[str]) -> None:
        """Adds an article, or a notice; or says what is wrong with the file."""
        source = _source(self._top, path, entry)
        if not isinstance(source, Source):
            self.problems.append(source)
        elif "/" not in path and _is_notice(self._top, path):
            self.notices.append(source)
        else:
            self.sources.append(source)


_stat = attrgetter("st_size", "st_mtime_ns", "st_ino", "st_ctime_ns")  # as in `Source`


def _is_notice(top: str, path: str) -> bool:
    """Whether a file at the root of the folder is a notice and no article."""
    if not notices.is_name(path):
        return False
    try:
        return notices.is_notice(path, regular_files.read(os.path.join(top, path), notices.HEAD))
    except OSError:
        return False  # so that reading tells what is wrong


def _folders_of(sites: Sequence[navigation.Site], known: Collection[str]) -> list[str]:
    """The folders of settings of VitePress that lie above the articles."""
    folders = (f"{site.folder}/{tools.SITE_FOLDER}".lstrip("/") for site in sites)
    return [folder for folder in folders if folder not in known]


def _without_excluded(
    root: Path, listed: _Walk, sites: Sequence[navigation.Site], articles: list[Source]
) -> list[Source]:
    """The articles without those that the settings of tools leave out, which are told.

    What was wrong with a file that is left out is told no more.
    """
    excluded = exclusions.read(root, {*listed.tool_files, *listed.navigations}, sites)
    if not excluded:
        return articles
    paths = [each.path for each in articles]
    left_out = excluded.among(paths)
    listed.problems[:] = [
        each
        for each in listed.problems
        if each.code == "left-out" or not left_out.has_place_of(each.path)
    ]
    for told in left_out.told(paths):
        code = "unread-setting" if told.is_unread else "left-out"
        listed.problems.append(Problem(shown(told.path), 1, code, told.message, told.cure, "hint"))
    return [each for each in articles if each.path not in left_out]


_INCLUDED = frozenset((
    ".gitbook", "_common", "_include", "_includes", "_partials", "_snippets", "includes",
))  # fmt: skip
_AROUND = frozenset(("_coverpage.md", "_navbar.md"))  # of Docsify, around each page


def is_included(path: str) -> bool:
    """Whether the file holds text for others to include, and is no article: by place or name.

    Jekyll, Diplodoc and DocFX have folders for such files; in Docusaurus they begin with `_`.
    """
    folder, _, name = path.rpartition("/")
    is_partial = name.startswith("_") and name.endswith(".mdx")
    return is_partial or name in _AROUND or _is_for_inclusion(folder)


@lru_cache(1024)  # many files lie in few folders
def _is_for_inclusion(folder: str) -> bool:
    return not _INCLUDED.isdisjoint(folder.split("/"))


def _is_part(path: str, tool_files: Sequence[str]) -> bool:
    """Whether a file is a part for others in a project of a tool.

    In Docusaurus it begins with `_`, in Mintlify it lies in the folder `snippets`.
    """
    for file in tool_files if "snippets/" in path else ():
        beside = f"{file.rpartition('/')[0]}/snippets/".lstrip("/")
        if tools.of_file(file) == tools.MINTLIFY and path.startswith(beside):
            return True
    name = path.rpartition("/")[2]
    if not name.startswith("_") or index_rank(path) is not None:
        return False
    sites = (
        file.rpartition("/")[0] for file in tool_files if tools.of_file(file) == tools.DOCUSAURUS
    )
    return any(path.startswith(_above(f"{site}/") if site else "") for site in sites)


def _above(folder: str) -> str:
    """The folder above one, both with a slash at the end; "?" for the outermost."""
    return re.sub(r"[^/]*/$", "", folder) if folder else "?"


_FOR_PROGRAMS = frozenset(("AGENTS", "CLAUDE", "GEMINI"))  # in any folder
_FOR_PEOPLE = frozenset((
    "CODE_OF_CONDUCT", "CONTRIBUTING", "GOVERNANCE", "ISSUE_TEMPLATE", "LICENSE", "MAINTAINERS",
    "PULL_REQUEST_TEMPLATE", "SECURITY",
))  # fmt: skip


def is_for_contributors(path: str) -> bool:
    """Whether a file tells those who work on a repository how to: by its name, in capitals."""
    folder, _, name = path.rpartition("/")
    if not name[:2].isupper():  # as most are not, which is told fast
        return False
    stem = without_ending(name)
    return stem in _FOR_PROGRAMS or (not folder and stem in _FOR_PEOPLE)


def _has_front_matter(path: str) -> bool:
    try:
        return regular_files.read(path, 3) in (b"---", b"+++")
    except OSError:
        return True  # so that reading tells what is wrong


@contextmanager
def _entries(top: str, folder: str) -> Iterator[list[os.DirEntry[str]]]:
    """What lies in a folder, which stays open: files are found faster from it than from the root.

    Raises OSError if it cannot be read.
    """
    opened = os.open(os.path.join(top, folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(opened) as entries:
            listed = list(entries)
        yield listed
    finally:
        os.close(opened)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _inside(top: str, real: str) -> bool:
    return real.startswith(top.rstrip("/") + "/")


def _is_shown(top: str, real: str) -> bool:
    """Whether a file lies inside the folder and is not hidden there, as `.git/config` is."""
    return _inside(top, real) and not tools.is_kept_hidden(real[len(top.rstrip("/")) + 1 :])


def shown(path: str) -> str:
    """A printable form of a path: bytes outside UTF-8 and control characters are escaped."""
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in readable
    )


def _linked_folder(top: str, path: str) -> Problem:
    if _inside(top, os.path.realpath(os.path.join(top, path))):
        message = Message("a link to another folder is not followed")
        cure = Message("list the articles where they are")
        return Problem(shown(path), 1, "link-to-folder", message, cure, "warning")
    return _outside(path)


_COPY = Message("copies of the same articles for an older version are left out")
_GIVE_ITS_FOLDER = Message("to show that version, give its folder as the articles")
_FOR_CONTRIBUTORS = Message("a file for those who work on the repository is no article")
_NOT_PACKAGED = Message("to publish it, give the folder as the articles, or rename it")
_GIVE_A_TITLE = Message("to publish it, give it front matter: `title: …` between lines `---`")


def _left_out(path: str, message: Message, cure: Message) -> Problem:
    return Problem(shown(path), 1, "left-out", message, cure, "hint")


def _of_packages(folders: Sequence[str]) -> list[Problem]:
    """One line for all folders of installed packages."""
    if not folders:
        return []
    message = Message(
        "installed packages hold no articles",
        "installed packages hold no articles, here and in other folders, {n} in all",
        n=len(folders),
    )
    return [_left_out(folders[0], message, _NOT_PACKAGED)]


def _not_served(folder: str, number: int, langs: Collection[str]) -> Problem:
    code = language_folders.language_of(folder.rpartition("/")[2])
    message = Message(
        "{n} article in a language that the site does not serve is left out",
        "{n} articles in a language that the site does not serve are left out",
        n=number,
    )
    cure = Message("to serve it, set KB_LANGS={langs}", langs=",".join((*langs, code)))
    return Problem(shown(folder), 1, "not-served", message, cure, "hint")


_PUT_HERE = Message("put the file itself here")


def _outside(path: str) -> Problem:
    message = Message("the link leads out of the articles folder, or to what is hidden there")
    return Problem(shown(path), 1, "link-outside", message, _PUT_HERE)


def _unreadable(path: str, error: OSError) -> Problem:
    reason = error.strerror or str(error)
    if error.errno == errno.ENAMETOOLONG:
        cure = Message("shorten the names of the folders above it")
    else:
        cure = Message("let the service's user read it (chmod a+r, a+x for folders)")
    message = Message("cannot be read: {reason}", reason=reason)
    return Problem(shown(path) or ".", 1, "unreadable", message, cure)


def _source(top: str, path: str, entry: os.DirEntry[str]) -> Source | Problem:
    is_link = entry.is_symlink()
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        message = Message("the file's name is not UTF-8")
        return Problem(shown(path), 1, "bad-name", message, RENAME)
    try:
        if is_link and not _is_shown(top, os.path.realpath(os.path.join(top, path))):
            return _outside(path)
        found = entry.stat()
    except FileNotFoundError:
        message = (
            Message("the link leads nowhere") if is_link else Message("the file has just gone")
        )
        cure = Message("put the file itself here, or remove the link")
        return Problem(shown(path), 1, "link-broken", message, cure)
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = Message("the link leads to itself")
            return Problem(shown(path), 1, "link-broken", message, _PUT_HERE)
        return _unreadable(path, error)
    if not stat.S_ISREG(found.st_mode):
        return _not_a_file(path, found.st_mode)
    return Source(path, _stat(found))


_KINDS = {
    stat.S_IFIFO: Message("is a pipe, not a text file"),
    stat.S_IFSOCK: Message("is a socket, not a text file"),
    stat.S_IFCHR: Message("is a device, not a text file"),
    stat.S_IFBLK: Message("is a device, not a text file"),
}


def _not_a_file(path: str, mode: int) -> Problem:
    message = _KINDS.get(stat.S_IFMT(mode), Message("is no file, not a text file"))
    return Problem(shown(path), 1, "not-a-file", message, Message("remove it"))


def _real(folder: str, known: dict[str, str]) -> str:
    if folder not in known:
        known[folder] = os.path.realpath(folder)
    return known[folder]


def read_file(
    root: Path,
    source: Source,
    max_bytes: int = MAX_BYTES,
    folders: dict[str, str] | None = None,
) -> bytes | Problem:
    """Reads a listed file: its bytes, at most `max_bytes` + 1 of them, or a problem.

    The file is checked again after it is opened: it may have become a link or a pipe since the
    listing. Never blocks on a pipe. `folders` keeps the real paths of folders for the next file of
    one and the same reading.
    """
    if source.size > max_bytes:
        wrong = too_large(source.size, max_bytes)
        return Problem(source.path, wrong.line, wrong.code, wrong.message, wrong.cure)
    known = {} if folders is None else folders
    top = _real(str(root), known)
    folder, _, name = source.path.rpartition("/")
    real = os.path.join(_real(os.path.join(top, folder) if folder else top, known), name)
    if os.path.islink(real):
        real = os.path.realpath(real)
    if not _is_shown(top, real):
        return _outside(source.path)
    try:
        return regular_files.read(real, max_bytes + 1)  # `parse` names one that has just grown
    except regular_files.NotRegular as other:
        return _not_a_file(source.path, other.mode)
    except OSError as error:
        return _unreadable(source.path, error)


@dataclass(frozen=True, slots=True)
class Scan:
    """The parsed articles folder: articles with addresses of their own, and all problems."""

    articles: tuple[Article, ...]  # by path
    problems: tuple[Problem, ...]
    skipped: int = 0
    sources: tuple[Source, ...] = ()
    navigations: Navigations = field(default_factory=Navigations)
    claimed: tuple[Article, ...] = ()  # the articles with the aliases they ask for, taken or not
    inclusions: Mapping[str, Inclusions] = field(default_factory=dict)  # by path
    notices: tuple[Source, ...] = ()  # files of banners


def scan(
    root: Path,
    defaults: Defaults | None = None,
    changes: Mapping[str, Change] | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Scan:
    """Lists, reads and parses the whole folder and settles its addresses.

    `changes` maps paths to last commits, as `history.read` gives them, `chosen` folders to tools as
    they are set. Raises ArticlesMissing.
    """
    defaults = defaults or Defaults()
    found = list_files(root, defaults.langs)
    navigations = navigation.read(root, found.navigations)
    problems = [*found.problems, *navigations.problems]
    articles = []
    inclusions: dict[str, Inclusions] = {}
    for parsed, included in _parse_all(root, found, defaults, changes or {}, chosen):
        problems += parsed.problems
        if parsed.article:
            articles.append(parsed.article)
            inclusions[parsed.article.path] = included
    settled, taken = settle(articles)
    paths = {article.path for article in settled}
    return Scan(
        settled,
        tuple(sorted((*problems, *taken))),
        found.skipped,
        found.sources,
        navigations,
        tuple(article for article in articles if article.path in paths),
        inclusions,
        found.notices,
    )


def _parse_all(
    root: Path,
    listing: Listing,
    defaults: Defaults,
    changes: Mapping[str, Change],
    chosen: Mapping[str, str] | None,
) -> Iterator[tuple[Parsed, Inclusions]]:
    real: dict[str, str] = {}
    files = {
        source.path: read_file(root, source, defaults.max_bytes, real) for source in listing.sources
    }
    marks = [
        (path, dialects.detect(path, data))
        for path, data in files.items()
        if isinstance(data, bytes)
    ]
    by_folder = dialects.FolderDialects.of(marks, listing.tool_files, chosen)
    audiences = gates.FolderAudiences.of(
        (path, gates.audience_of_folder(path, data))
        for path, data in files.items()
        if isinstance(data, bytes)
    )
    included = Includes(root, files, listing.tool_files, audiences)
    for path, data in files.items():
        if isinstance(data, Problem):
            yield Parsed(None, (data,)), Inclusions()
        else:
            own = replace(
                defaults.of(changes.get(path)),
                dialect=by_folder.dialect(path),
                also=by_folder.also(path),
                inclusions=included.of(path, data),
                audience=audiences.audience(path),
                address=listing.addresses.get(path, ""),
            )
            yield parse(path, data, own), own.inclusions
