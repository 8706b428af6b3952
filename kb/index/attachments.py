"""Files that articles link to become sections of them: found, extracted under limits, remembered.

The text of a file is kept in the data folder by its content, so that a file is extracted once
however often its articles change. Where a file cannot be searched, the article that links to it
says so; the article itself is served all the same.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

import orjson

from kb.base import regular_files, sandbox
from kb.base.config import Settings
from kb.base.messages import Message
from kb.content import attachments, media
from kb.content.articles import LFS_POINTER
from kb.content.attachments import Extraction, Limits, Unreadable
from kb.content.link_table import place_of
from kb.content.markup import Link
from kb.content.markup.admonitions import PHRASES
from kb.content.markup.link_targets import SAFE
from kb.content.problems import Problem
from kb.index import links
from kb.index.contents import Contents, Restore
from kb.index.document import Analysed, AttachedSection, with_attached
from kb.index.entries import Entry, LinkedFile, differing
from kb.index.entry_table import Articles
from kb.index.links import SettledLinks, may_be_searched

FOLDER = "extracted"  # of the data folder
REJECTED, EMPTY, CUT = "attachment-rejected", "attachment-without-text", "attachment-cut"
CODES = (REJECTED, EMPTY, CUT)
MOST_FILES = 20  # of one article
_VERSION = "2"  # raised where the same bytes give another text

Extractions = Mapping[str, Extraction]  # by path of the file


def settle_attached(
    contents: Contents, restore: Restore, settings: Settings, known: SettledLinks | None, *,
    former: Mapping[str, Entry], texts: Path, is_copy: bool, afresh: bool,
) -> None:  # fmt: skip
    """Gives each article of `contents` the text of the files that it links to.

    An article whose files are as they were is left alone; one that is otherwise unchanged is
    neither parsed nor rendered again. `restore` reads those back; `known` and `former` are what the
    previous build remembers of its links, and its articles; `texts` is the folder of texts known by
    content, which `afresh` leaves unread. With `is_copy` the files are gone soon, so that what the
    previous build remembers of them stays.
    """
    served = contents.served
    others = differing(contents.renewed, served, former)
    known_files = dict(served.rare("attached"))
    attached = {file.path: file for files in known_files.values() for file in files}
    store = TextStore(settings, texts, afresh=afresh)
    look = partial(store.look, known=attached, is_copy=is_copy)
    wanted = (
        _linked(served, contents.files, settings, known, former, others)
        if settings.attachments
        else {}
    )
    found = {name: look(name) for name in sorted({n for names in wanted.values() for n in names})}
    changed: dict[str, tuple[LinkedFile, ...]] = {}
    for path in {**known_files, **wanted}:
        entry, names = served[path], wanted.get(path, ())
        files = tuple(file for name in names if (file := found[name]))
        if [(f.path, f.key) for f in files] != [(f.path, f.key) for f in entry.attached]:
            changed[path] = files
        elif files != entry.attached and path in contents.entries:
            contents.renew(path, replace(entry, attached=files))
    if changed:
        extracted = store.extracted({f.path: f for files in changed.values() for f in files})
        _give(contents, restore, changed, extracted)


def _linked(
    served: Articles,
    files: Sequence[str],
    settings: Settings,
    known: SettledLinks | None,
    former: Mapping[str, Entry],
    others: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """The paths of the files that articles link to, of those that are searched, by article."""
    linking = {path: served[path] for path, _ in served.rare("names_files")}
    is_settled = known is not None and links.are_settled(served, files, known, former, others)
    named: dict[str, tuple[str, ...]] = {}
    unsettled: list[str] = []
    for path, entry in linking.items():
        told = entry.details
        if is_settled and len(told.leads) == len(told.links):
            led = zip(told.links, told.leads, strict=True)
            meant = (links.file_at(to) for (_, target), to in led if may_be_searched(target))
            named[path] = _searched(meant)
        else:
            unsettled.append(path)
    if unsettled:
        habits = None if known is None else known.habits
        table = links.link_table(served, files, settings.langs, habits)
        for path in unsettled:
            source = links.place(path, served[path])
            targets = (target for _, target in served[path].details.links)
            ends = (table.find(source, to) for to in filter(may_be_searched, targets))
            named[path] = _searched(end.file for end in ends if end)
    return named


def _searched(files: Iterable[str]) -> tuple[str, ...]:
    """Those that are searched, each once."""
    return tuple(dict.fromkeys(filter(attachments.is_searched, files)))[:MOST_FILES]


def _give(
    contents: Contents,
    restore: Restore,
    changed: Mapping[str, Sequence[LinkedFile]],
    extracted: Extractions,
) -> None:
    """Puts the texts into the articles `changed`, with what is wrong with their files."""
    unparsed = {path: contents.entries[path] for path in changed if path in contents.entries}
    docs = {path: contents.docs[path] for path in changed if path in contents.docs}
    told = [p for p in contents.problems if p.path not in changed or p.code not in CODES]
    for path, article in {**docs, **(restore(unparsed) if unparsed else {})}.items():
        entry, doc, files = article.entry, article.read(), changed[path]
        sections = [
            each for file in files for each in _sections(doc, file.path, extracted[file.path])
        ]
        wrong = [
            problem for file in files for problem in _problems(doc, file.path, extracted[file.path])
        ]
        others = (problem for problem in entry.problems if problem.code not in CODES)
        told += wrong
        remembered = replace(
            entry, attached=tuple(files), problems=(*others, *wrong), segment=-1, doc=-1
        )
        contents.keep(path, remembered, with_attached(doc, sections))
    contents.problems = tuple(told)
    contents.relearned -= changed.keys()


def _sections(doc: Analysed, path: str, text: Extraction) -> Iterator[AttachedSection]:
    """The pages of a file as sections: each with its address, and a title in the article's words"""
    url, name = "/media/" + quote(path, safe=SAFE), path.rpartition("/")[2]
    titled = PHRASES.get(doc.article.lang, PHRASES["en"])["page"]
    for number, page in enumerate(text.pages, 1):
        if not page.strip():
            continue
        if text.is_numbered:
            yield AttachedSection(f"{url}#page={number}", titled.format(name, number), page)
        else:
            yield AttachedSection(url, name, page)


def _problems(doc: Analysed, path: str, text: Extraction) -> list[Problem]:
    """What is wrong with a file, at the line of the article that links to it."""
    article = doc.article
    name = path.rpartition("/")[2]
    link = next((each for each in doc.links if _names(each, name)), None)
    line = article.body_line + link.line - 1 if link else 1
    return wrong_with(text, article.path, line, path)


def _names(link: Link, name: str) -> bool:
    return not link.image and place_of(link.target).rpartition("/")[2] == name


def wrong_with(text: Extraction, article: str, line: int, path: str) -> list[Problem]:
    """The problems of a file that the article at `article` links to in a line of it."""
    if text.reason:
        message = Message("{path} is not searched: {reason}", path=path, reason=text.reason)
        return [Problem(article, line, REJECTED, message, text.cure, "warning")]
    if text.is_empty:
        message = Message("{path} holds no text: perhaps pages were scanned", path=path)
        cure = Message("let a program recognise the text (OCR), and save the file with it")
        return [Problem(article, line, EMPTY, message, cure, "hint")]
    if text.is_cut:
        message = Message("{path} holds more text than is searched; its end is left out", path=path)
        cure = Message("split the file, or raise KB_ATTACHMENT_CHARACTERS")
        return [Problem(article, line, CUT, message, cure, "hint")]
    return []


# ---------------------------------------------------------------- texts by content


@dataclass(frozen=True, slots=True)
class TextStore:
    """The texts of files by their content, in a folder; extracts what it does not know."""

    settings: Settings
    folder: Path
    afresh: bool = False

    def look(
        self, path: str, known: Mapping[str, LinkedFile], is_copy: bool = False
    ) -> LinkedFile | None:
        """A file as it is now; None if it is gone. One that was not touched is not read again."""
        full = media.find(self.settings.articles, path)
        try:
            found = os.stat(full) if full else None
        except OSError:
            found = None
        if full is None or found is None:
            return None
        stat = (found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)
        before = known.get(path)
        if before and before.stat == stat and before.key.startswith(self._limits_key):
            return before
        data = self._read(full)
        key = self._key(path, data) if data is not None else f"{self._limits_key}-unreadable"
        if before and before.key == key and is_copy:
            return before
        return LinkedFile(path, stat, key)

    def extracted(self, files: Mapping[str, LinkedFile]) -> Extractions:
        """The text of each file, by its path; extracted in child processes where it is new."""
        texts: dict[str, Extraction] = {}
        by_key: dict[str, list[str]] = {}
        for path, file in files.items():
            by_key.setdefault(file.key, []).append(path)
        new: list[str] = []  # a path of each content that is not known
        for key, paths in by_key.items():
            known = None if self.afresh else self._known(key)
            if known is None:
                new.append(paths[0])
            else:
                texts.update(dict.fromkeys(paths, known))
        for path, text in self._extract(new):
            texts.update(dict.fromkeys(by_key[files[path].key], text))
            self._keep(files[path].key, text)
        return texts

    def forget_others(self, keys: Iterable[str]) -> None:
        """Removes the texts of contents that no article of the newest build links to."""
        wanted = {f"{key}.json" for key in keys}
        with suppress(OSError):
            for name in os.listdir(self.folder):
                if name not in wanted:
                    (self.folder / name).unlink(missing_ok=True)

    @property
    def _limits(self) -> Limits:
        chosen = self.settings
        return Limits(
            chosen.attachment_megabytes, chosen.attachment_pages, chosen.attachment_characters
        )

    @property
    def _limits_key(self) -> str:
        """What begins the keys of texts that were extracted under the limits of now."""
        chosen = self.settings
        facts = (_VERSION, self._limits, chosen.render_seconds, chosen.render_megabytes)
        return blake2b(repr(facts).encode(), digest_size=4).hexdigest()

    def _key(self, path: str, data: bytes) -> str:
        ending = path.lower().rpartition(".")[2]
        return f"{self._limits_key}-{ending}-{blake2b(data, digest_size=16).hexdigest()}"

    def _read(self, full: Path) -> bytes | None:
        """The content of a file, one byte more than the limit at most; None if it is gone."""
        try:
            return regular_files.read(full, self._limits.megabytes * 2**20 + 1)
        except OSError:
            return None

    def _extract(self, paths: Sequence[str]) -> Iterator[tuple[str, Extraction]]:
        """The texts of files; those that are too much are told before a process sees them."""
        jobs: list[str] = []
        for path in paths:
            full = media.find(self.settings.articles, path)
            if refusal := self._refusal(full):
                yield path, Extraction.refused(refusal)
            else:
                jobs.append(path)
        results = sandbox.each(
            attachments.extract, map(self._job, jobs), seconds=self.settings.render_seconds,
            megabytes=self.settings.render_megabytes,
        )  # fmt: skip
        for number, result in results:
            if isinstance(result, sandbox.Failure):
                result = Extraction.refused(self._failure(result))
            yield jobs[number], result

    def _job(self, path: str) -> tuple[str, bytes, Limits]:
        full = media.find(self.settings.articles, path)
        data = self._read(full) if full else None
        return path, data or b"", self._limits

    def _refusal(self, full: Path | None) -> Unreadable | None:
        """Why a file is not even begun with."""
        try:
            size = full.stat().st_size if full else -1
            head = regular_files.read(full, len(LFS_POINTER)) if full else b""
        except OSError as error:
            return Unreadable(
                Message("cannot be read: {reason}", reason=error.strerror or str(error)),
                Message("let the service's user read it (chmod a+r, a+x for folders)"),
            )
        if size > self._limits.megabytes * 2**20:
            return Unreadable(
                Message("it has {size} bytes; {most} MB are read", size=size,
                        most=self._limits.megabytes),
                Message("make it smaller, or raise KB_ATTACHMENT_MEGABYTES"),
            )  # fmt: skip
        if head == LFS_POINTER:
            return Unreadable(
                Message("it is a pointer of Git LFS, not the file itself"),
                Message("fetch it: `git lfs pull`, also where the site is published from"),
            )
        return None

    def _failure(self, failure: sandbox.Failure) -> Unreadable:
        """What a limit of the process says of a file."""
        chosen = self.settings
        cure = Message("split it, or save it anew without what it needs no more")
        if failure.kind == "time":
            seconds = f"{chosen.render_seconds:g}"
            reason = Message("it takes more than {seconds} s of processor time", seconds=seconds)
            return Unreadable(reason, cure)
        if failure.kind == "memory":
            size = chosen.render_megabytes
            return Unreadable(Message("it needs more than {size} MB of memory", size=size), cure)
        return Unreadable(Message("it cannot be read: {reason}", reason=failure.message), cure)

    def _known(self, key: str) -> Extraction | None:
        try:
            return Extraction.from_json(orjson.loads((self.folder / f"{key}.json").read_bytes()))
        except (OSError, ValueError, TypeError, LookupError):
            return None

    def _keep(self, key: str, text: Extraction) -> None:
        """Writes a text whole or not at all; a folder that cannot be written costs time only."""
        with suppress(OSError, TypeError):
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = self.folder / f".{key}.{os.getpid()}"
            draft.write_bytes(orjson.dumps(text.to_json()))
            draft.replace(self.folder / f"{key}.json")
