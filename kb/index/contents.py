"""The contents of a new build: kept and new articles, each with addresses of its own."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

from kb.content import addresses
from kb.content.articles import Article
from kb.content.navigation import Navigations
from kb.content.problems import Problem
from kb.index import learned as learned_lines
from kb.index.changes import Changes
from kb.index.document import Analysed, with_learned
from kb.index.entries import Details, Entry
from kb.index.entry_table import Articles, EntryTable
from kb.index.learned import LearnedLine, LearnedLines
from kb.index.notices import Prepared as PreparedNotice
from kb.index.packing import pack, unpack
from kb.index.rendering import Prepared
from kb.index.spool import Place, Spool


class StoredArticle(NamedTuple):
    """An article that stands in a new build: its entry, and what reads it from where it lies."""

    entry: Entry
    read: Callable[[], Analysed]


@dataclass(slots=True)
class Contents:
    """The files and articles of a new build.

    `entries` are the files that did not change and the rejected ones, until the writer gives those
    of `docs`, the new and changed articles, their places.
    """

    entries: EntryTable
    docs: dict[str, StoredArticle]
    spool: Spool  # where they lie until they are written
    renewed: set[str] = field(default_factory=set)
    """Paths of files whose entry is not the very one of the build before."""
    gone: AbstractSet[str] = frozenset()
    """Paths of articles of the build before that are in this one no more."""
    problems: tuple[Problem, ...] = ()
    synonyms: str = ""  # the text of `synonyms.yml`
    pins: str = ""  # and of `pins.yml`
    banners: tuple[PreparedNotice, ...] = ()  # notices with their links
    skipped: int = 0  # files that others include
    commit: str = ""  # of the articles' repository
    navigations: Navigations = field(default_factory=Navigations)
    files: tuple[str, ...] = ()  # the paths of the files beside the articles
    learned: LearnedLines = field(default_factory=dict)  # of its articles, by slug
    relearned: frozenset[str] = frozenset()  # paths of `docs` that differ in their lines alone

    @property
    def placed(self) -> Articles:
        """Those of `entries` that are articles: taken over from the build before, or written."""
        return self.entries.served

    @property
    def size(self) -> int:
        """The number of articles, drafts included."""
        return len(self.served)

    @property
    def served(self) -> Articles:
        """The entries of all articles, taken over and new, by path."""
        new = {p: doc.entry for p, doc in self.docs.items() if not self.entries.is_served(p)}
        return Articles(self.entries, new)

    @property
    def digest(self) -> str:
        """A digest of all that readers see: it changes when they would see a change."""
        served = self.served
        articles = sorted(zip(served.column("path"), served.column("digest"), strict=True))
        attached = [(served[path].digest, [file.key for file in files])
                    for path, files in sorted(served.rare("attached"))]  # fmt: skip
        banners = [each.to_json() for each, _, _ in self.banners if each]
        facts = (attached, self.synonyms, self.navigations.digest, self.files, self.pins, banners)
        texts = (*chain(*zip(*articles, strict=True)), repr(facts))
        whole = "\0".join(texts).encode("utf-8", "surrogatepass")
        return blake2b(whole, digest_size=12).hexdigest()

    @property
    def learned_digest(self) -> str:
        """A digest of what articles learned; not of `digest`, for no writer changed anything."""
        served = self.served
        learned = sorted((served[path].slug, digest) for path, digest in served.rare("learned"))
        return blake2b(repr(learned).encode(), digest_size=12).hexdigest()

    def keep(self, path: str, entry: Entry, doc: Analysed) -> None:
        """Sets a new or changed article aside, packed."""
        self.add(path, entry, partial(_read, self.spool, self.spool.add(pack(doc))))

    def add(self, path: str, entry: Entry, read: Callable[[], Analysed]) -> None:
        """Adds a new or changed article that is set aside already."""
        self.docs[path] = StoredArticle(entry, read)
        self.renewed.add(path)
        self.entries.pop(path, None)

    def renew(self, path: str, entry: Entry) -> None:
        """Gives a file another entry: of one that is taken over, rejected, or has its place now."""
        self.renewed.add(path)
        self.entries[path] = entry

    def reject(self, problem: Problem) -> None:
        """Takes the article of `problem.path` out again; its entry keeps the problem."""
        new = self.docs.pop(problem.path, None)
        entry = new.entry if new else self.entries[problem.path]
        problems = (*entry.problems, problem)
        self.renew(problem.path, replace(entry, segment=-1, doc=-1, problems=problems))


def _read(spool: Spool, place: Place) -> Analysed:
    return unpack(spool.read(place))


def settle(
    changes: Changes, prepared: Iterable[Prepared], served: Callable[[], Mapping[str, str]]
) -> Contents:
    """The contents of a build in which every address belongs to one article.

    `prepared` are the files of `changes.fresh`, `served` tells those that are served at each folded
    slug, which they keep. An article that lost its address to another is rejected. The problems are
    those of all files.
    """
    contents = Contents(changes.kept, {}, changes.spool, set(changes.touched))
    for file in prepared:
        path = file.source.path
        entry = Entry(
            file.source.stat, file.facts, file.digest, problems=file.problems,
            mark=changes.marks[path], audience=changes.audiences.get(path, ()),
            includes=file.includes, kept=Details(media=file.media),
        )  # fmt: skip
        if file.doc is None:
            contents.renew(path, entry)
        else:
            contents.add(path, replace(entry, **file.doc.facts), file.doc.read)
    taken = () if _all_differ(contents.served) else _settle_addresses(contents, served())
    of_files = chain.from_iterable(problems for _, problems in contents.entries.rare("problems"))
    of_new = chain.from_iterable(each.entry.problems for each in contents.docs.values())
    contents.problems = (*changes.problems, *taken, *of_files, *of_new)
    return contents


Restore = Callable[[Mapping[str, Entry]], Mapping[str, StoredArticle]]
"""Opens articles of the previous build."""


def settle_learned(contents: Contents, learned: LearnedLines, restore: Restore) -> None:
    """Gives each article of `contents` its learned lines.

    One whose file is unchanged is neither parsed nor rendered again.
    """
    lines: dict[str, tuple[LearnedLine, ...]] = {}
    slugs: dict[str, str] = {}
    changed: dict[str, Entry] = {}
    served = contents.served
    for path in served if learned else [path for path, _ in served.rare("learned")]:
        entry = served[path]
        slugs[path] = entry.slug
        lines[path] = learned_lines.of_slugs(learned, (entry.slug, *entry.aliases))
        if path not in contents.docs and entry.learned != learned_lines.state(lines[path]):
            changed[path] = entry
    taught = {path: article for path, article in contents.docs.items() if lines.get(path)}
    for path, article in {**taught, **(restore(changed) if changed else {})}.items():
        doc = with_learned(article.read(), {line.text: line.claim for line in lines[path]})
        entry = replace(article.entry, segment=-1, doc=-1)
        entry.learned = learned_lines.state(lines[path])
        contents.keep(path, entry, doc)
    contents.learned = {slugs[path]: found for path, found in lines.items() if found}
    contents.relearned = frozenset(changed)


def _settle_addresses(contents: Contents, served: Mapping[str, str]) -> tuple[Problem, ...]:
    """Rejects the articles that are left without an address. Returns the problems."""
    settled, taken = addresses.settle(_claims(contents.served), served)
    homeless = {p.path for p in taken if p.level == "error"} - {a.path for a in settled}
    for problem in taken:
        if problem.level == "error" and problem.path in homeless:
            contents.reject(problem)
    return taken


def _all_differ(articles: Articles) -> bool:
    """Whether no two articles ask for one address: then nothing is to be settled."""
    claimed = articles.column("slug")
    claimed += chain.from_iterable(aliases for _, aliases in articles.rare("aliases"))
    folded = addresses.folded("\n".join(claimed)).split("\n")
    return len(set(folded)) == len(folded)


def _claims(entries: Mapping[str, Entry]) -> Iterator[Article]:
    """Every article with the addresses it asks for."""
    for path, entry in entries.items():
        lines = dict(zip(("slug", "aliases"), entry.details.lines, strict=True))
        yield Article(path, entry.slug, "", "", "", aliases=entry.aliases, lines=lines)
