"""The contents of a new build: kept and new articles, each with addresses of its own."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from kb.content import addresses
from kb.content.articles import Article
from kb.content.link_table import LinkedArticle
from kb.content.navigation import Navigations
from kb.content.problems import Problem
from kb.content.topics import Placement
from kb.index import learned as learned_lines
from kb.index.changes import Changes, Entry, stat_of
from kb.index.document import Analysed, Kind, with_learned
from kb.index.learned import LearnedLine, LearnedLines
from kb.index.links import references
from kb.index.notices import Prepared as PreparedNotice
from kb.index.rendering import Prepared

_SEEN = re.compile("<(?:img|pre|table|video|audio|svg)")  # what is seen, but no text


@dataclass(slots=True)
class Contents:
    """The files and articles of a new build, before they have their places in it.

    `entries` are the files that did not change and the rejected ones; the writer adds those of
    `docs`, the new and changed articles, when they have their places.
    """

    entries: dict[str, Entry]
    docs: dict[str, tuple[Entry, Analysed]]
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
    def kept(self) -> set[str]:
        """Paths of the articles that are taken over from the previous build."""
        return {path for path, entry in self.entries.items() if entry.is_served}

    @property
    def size(self) -> int:
        """The number of articles, drafts included."""
        return len(self.served)

    @property
    def served(self) -> dict[str, Entry]:
        """The entries of all articles, kept and new, by path."""
        kept = {path: entry for path, entry in self.entries.items() if entry.is_served}
        return kept | {path: entry for path, (entry, _) in self.docs.items()}

    @property
    def digest(self) -> str:
        """A digest of all that readers see: it changes when they would see a change."""
        served = {
            path: "+".join((entry.digest, *(file.key for file in entry.attached)))
            for path, entry in self.served.items()
        }
        banners = [each.to_json() for each, _, _ in self.banners if each]
        more = (self.pins, banners) if self.pins or banners else ()
        whole = repr(
            (sorted(served.items()), self.synonyms, self.navigations.digest, self.files, *more)
        )
        return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()

    @property
    def learned_digest(self) -> str:
        """A digest of what articles learned; not of `digest`, for no writer changed anything."""
        learned = sorted((entry.slug, entry.learned) for entry in self.served.values())
        return blake2b(repr(learned).encode(), digest_size=12).hexdigest()

    def reject(self, problem: Problem) -> None:
        """Takes the article of `problem.path` out again; its entry keeps the problem."""
        new = self.docs.pop(problem.path, None)
        entry = new[0] if new else self.entries[problem.path]
        problems = (*entry.problems, problem)
        self.entries[problem.path] = replace(entry, segment=-1, doc=-1, problems=problems)


def settle(changes: Changes, prepared: Iterable[Prepared], served: Mapping[str, str]) -> Contents:
    """The contents of a build in which every address belongs to one article.

    `prepared` are the files of `changes.fresh`, `served` those that are served at each folded slug,
    which they keep. An article that lost its address to another is
    rejected. The problems are those of all files.
    """
    contents = Contents(dict(changes.kept), {})
    for file in prepared:
        path = file.source.path
        entry = Entry(
            stat_of(file.source), file.facts, file.digest, file.problems,
            mark=changes.marks[path], audience=changes.audiences[path], media=file.media,
            includes=file.includes,
        )  # fmt: skip
        if file.doc is None:
            contents.entries[path] = entry
        else:
            contents.docs[path] = (_described(entry, file.doc), file.doc)
    taken = () if _all_differ(contents.served.values()) else _settle_addresses(contents, served)
    entries = (*contents.entries.values(), *(entry for entry, _ in contents.docs.values()))
    of_files = (problem for entry in entries for problem in entry.problems)
    contents.problems = (*changes.problems, *taken, *of_files)
    return contents


Restore = Callable[[Mapping[str, Entry]], Mapping[str, tuple[Entry, Analysed]]]
"""Reads articles back from the previous build."""


def settle_learned(contents: Contents, learned: LearnedLines, restore: Restore) -> None:
    """Gives each article of `contents` its learned lines.

    One whose file is unchanged is neither parsed nor rendered again.
    """
    lines: dict[str, tuple[LearnedLine, ...]] = {}
    changed: dict[str, Entry] = {}
    for path, entry in contents.served.items():
        lines[path] = learned_lines.of_slugs(learned, (entry.slug, *entry.aliases))
        if path not in contents.docs and entry.learned != learned_lines.state(lines[path]):
            changed[path] = entry
    for path, (entry, doc) in {**contents.docs, **(restore(changed) if changed else {})}.items():
        if lines[path] or path in changed:
            doc = with_learned(doc, {line.text: line.claim for line in lines[path]})
        state = learned_lines.state(lines[path])
        contents.docs[path] = (replace(entry, learned=state, segment=-1, doc=-1), doc)
        contents.entries.pop(path, None)
    contents.learned = {e.slug: lines[p] for p, e in contents.served.items() if lines[p]}
    contents.relearned = frozenset(changed)


def _settle_addresses(contents: Contents, served: Mapping[str, str]) -> tuple[Problem, ...]:
    """Rejects the articles that are left without an address. Returns the problems."""
    settled, taken = addresses.settle(_claims(contents.served), served)
    homeless = {p.path for p in taken if p.level == "error"} - {a.path for a in settled}
    for problem in taken:
        if problem.level == "error" and problem.path in homeless:
            contents.reject(problem)
    return taken


def _described(entry: Entry, doc: Analysed) -> Entry:
    """The entry of a file that is an article."""
    article = doc.article
    return replace(
        entry,
        slug=article.slug,
        aliases=article.aliases,
        translation_of=article.translation_of,
        placement=Placement.of(article, _is_empty(doc)),
        links=references(doc.links),
        lang=article.lang,
        uid=LinkedArticle.of(article).uid,
        remote_images=sum(link.image and link.url.startswith("http") for link in doc.links),
        lines=(article.lines.get("slug", 1), article.lines.get("aliases", 1)),
    )


def _is_empty(doc: Analysed) -> bool:
    """Whether an article has no text of its own, and nothing else to see."""
    return Kind.BODY not in doc.kinds and not _SEEN.search(doc.html)


def _all_differ(entries: Iterable[Entry]) -> bool:
    """Whether no two articles ask for one address: then nothing is to be settled."""
    claimed = [
        addresses.folded(address) for entry in entries for address in (entry.slug, *entry.aliases)
    ]
    return len(set(claimed)) == len(claimed)


def _claims(entries: Mapping[str, Entry]) -> Iterator[Article]:
    """Every article with the addresses it asks for."""
    for path, entry in entries.items():
        lines = dict(zip(("slug", "aliases"), entry.lines, strict=True))
        yield Article(path, entry.slug, "", "", "", aliases=entry.aliases, lines=lines)
