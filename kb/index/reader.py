"""The index reader: opens a published build for its corpus, addresses, cards and pages."""

from collections.abc import Iterator
from copy import copy
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.base import audiences
from kb.base.audiences import Readers
from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.content.addresses import folded
from kb.content.gates import FolderAudiences
from kb.content.notices import Notice
from kb.content.reading_order import INDEX_NAMES
from kb.index import learned, notice_file
from kb.index.arrays import read_arrays
from kb.index.builds import Build
from kb.index.corpus import Corpus, Scores
from kb.index.counts import COUNTS, LightCorpus, read_counts
from kb.index.learned import LearnedLines
from kb.index.segment import Segment
from kb.index.topics import Topics
from kb.language.vocabulary import Vocabulary

NAMES, SCORES, SYNONYMS, PINS = "names.kb", "scores.kb", "synonyms.yml", "pins.yml"


_FOLDER_PAGES = frozenset(name.lstrip("_") for name in INDEX_NAMES)  # of a folder's page


def link_key(doc: int, url: str) -> str:
    """The name of a link of an article in the file of addresses."""
    return f"{doc} {url}"


class IndexReader:
    """Reads a build. Opening it maps files and copies little.

    Articles are numbered as in the corpus. What a build holds for some readers alone is seen by
    nobody else: `seen_by` gives the build as it would be without.
    """

    def __init__(self, build: Build) -> None:
        """Raises IndexDamaged when the build's files do not fit together."""
        self.name = self.edition = build.name
        self.whole = self
        """The reader of all articles that this one is a part of."""
        self.audience: frozenset[str] | None = None
        """The audiences that what it shows is for, besides everybody; None: whatever they are."""
        self.commit = str(build.manifest.get("commit", ""))
        self.contents = str(build.manifest.get("contents", build.name))  # equal: the same articles
        self.folder: Path = build.folder
        self.manifest = build.manifest
        self.is_light = bool(build.manifest.get("light"))
        """Whether it lacks what ranking alone reads (`light`)."""
        self._outer_level = float(build.manifest.get("level", 0.6))  # for strangers
        self.level = float(build.manifest.get("inner_level", self._outer_level))
        """The base's level of chance, of `calibration`."""
        try:
            segments = [
                Segment(build.folder / name, self.is_light) for name in build.manifest["segments"]
            ]
            deleted = [np.array(deleted, np.int32) for deleted in build.manifest["dead"]]
            worked_out = build.folder / SCORES
            scores = list(read_arrays(worked_out).values()) if worked_out.exists() else None
            _check_scores(scores, segments)
            self._deleted = deleted
            self.corpus: Corpus = (
                LightCorpus(segments, deleted, read_counts(build.folder))
                if self.is_light
                else Corpus(segments, deleted)
            )
            names = read_arrays(build.folder / NAMES)
            self._slugs = Vocabulary(names["slugs.blob"], names["slugs.offsets"])
            self._at: NDArray[np.int32] = names["slugs.doc"]
            self._aliases = Vocabulary(names["aliases.blob"], names["aliases.offsets"])
            self._alias_to: NDArray[np.int32] = names["aliases.to"]
            self.in_order: NDArray[np.int32] = names["order"]  # live articles by path
            self.as_read: NDArray[np.int32] = names["reading"]  # the same in reading order
            self.topics = Topics(names)
            self.is_stub: NDArray[np.bool_] = names["stubs"]  # a topic's page without text
            self.corpus.hide(self.is_stub)
            self._group: NDArray[np.int32] = names["group"]  # of translations, per article
            self._linked: NDArray[np.int32] = names["inlinks"]  # from and to
            self._folders = FolderAudiences(orjson.loads(names["folders"].tobytes()))
            self._links = Vocabulary(names["links.blob"], names["links.offsets"])
            self._link_to: NDArray[np.int32] = names["links.to"]
            self._targets = Vocabulary(names["targets.blob"], names["targets.offsets"])
            self._media = Vocabulary(names["media.blob"], names["media.offsets"])
            self._media_docs: NDArray[np.int32] = names["media.docs"]
            self._media_bounds: NDArray[np.int32] = names["media.bounds"]
            self.synonyms = (build.folder / SYNONYMS).read_text("utf-8")
            pins = build.folder / PINS  # builds of former versions have none
            self.pins = pins.read_text("utf-8") if pins.exists() else ""
        except (KeyError, ValueError, IndexError, OSError) as error:
            raise IndexDamaged(
                Message(
                    "build {name}: {reason}; run `kb index --full`",
                    name=build.name,
                    reason=repr(error),
                )
            ) from None
        self._scores = scores  # as strangers see the build
        self._audiences = self._named_audiences()
        if self._audiences:
            self.edition = f"{self.name} *"
        elif scores is not None:
            self.corpus.scores = tuple(scores)

    @property
    def has_counts(self) -> bool:
        """Whether a light corpus can be made of it."""
        return COUNTS in self.manifest.get("files", ())

    # ------------------------------------------------------------ for whom

    def _named_audiences(self) -> frozenset[str]:
        """The audiences that articles and folders are for, besides everybody."""
        corpus = self.corpus
        # Not `np.unique`, which imports masked arrays at its first call: 15 ms of a start.
        numbers = np.flatnonzero(np.bincount(corpus.audience[corpus.live])).tolist()
        labels = [corpus.audiences[number] for number in numbers]
        labels += map(audiences.label, self._folders.by_folder.values())
        return frozenset(name for each in labels for name in each.split("\n") if name)

    def audience_of(self, readers: Readers) -> frozenset[str] | None:
        """The `audience` of the reader that `seen_by` gives."""
        if readers.see_all or not self.whole._audiences:
            return None
        return readers.among & self.whole._audiences

    def seen_by(self, readers: Readers) -> "IndexReader":
        """The build as these readers see it: without the articles that are not for them.

        No word, title, address, count or statistic of those is left in it. Files are shared.
        """
        audience = self.audience_of(readers)
        if audience is None:
            return self.whole
        corpus = self.whole.corpus
        is_hidden = [not audiences.is_among(audience, label) for label in corpus.audiences]
        hidden = np.array(is_hidden, bool)[corpus.audience]
        narrowed = copy(self.whole)
        for name in ("learned", "tags", "inlinks", "_by_folded", "_by_end"):  # of all articles
            narrowed.__dict__.pop(name, None)
        narrowed._narrow(audience, hidden)
        return narrowed

    def _narrow(self, audience: frozenset[str], hidden: NDArray[np.bool_]) -> None:
        self.audience = audience
        self.edition = f"{self.name} {sorted(audience)}" if audience else self.name
        self.level = self.level if audience else self._outer_level
        self.corpus = self.whole.corpus.without(hidden, None if audience else self._scores)
        self.corpus.hide(self.is_stub)
        live = self.corpus.live
        self.in_order = self.in_order[live[self.in_order]]
        self.as_read = self.as_read[live[self.as_read]]
        cards = {doc: self.card(doc) for doc in self.topics.namesakes}
        titles = {doc: (card["lang"], card["title"].casefold()) for doc, card in cards.items()}
        self.topics = self.topics.narrowed(live, titles)

    def light_corpus(self) -> LightCorpus:
        """What these readers see without the postings of it. Raises IndexDamaged without counts."""
        if isinstance(self.corpus, LightCorpus):
            return self.corpus
        whole = self.whole.corpus
        corpus = LightCorpus(whole.segments, self._deleted, read_counts(self.folder))
        if self.audience is not None:
            corpus = corpus.without(whole.live & ~self.corpus.live)
        corpus.hide(self.is_stub)
        return corpus

    # ------------------------------------------------------------ addresses

    def find(self, slug: str) -> int | None:
        """The number of the article with this slug, else None."""
        at = self._slugs.find(slug)
        if at < 0:
            return None
        doc = int(self._at[at])
        return doc if self.corpus.live[doc] else None

    @cached_property
    def notices(self) -> tuple[Notice, ...]:
        """The notices of the build, in force or not."""
        return notice_file.read(self.folder)

    @cached_property
    def learned(self) -> LearnedLines:
        """The learned lines of each article, by slug."""
        return learned.read(self.folder)

    def holds(self, word: str) -> bool:
        """Whether an article holds the word as written."""
        return self.corpus.knows(word)

    def moved(self, address: str) -> str | None:
        """The slug of the article with this former address or file path, else None."""
        at = self._aliases.find(address)
        slug = self._slugs[int(self._alias_to[at])] if at >= 0 else None
        return slug if slug is not None and self.find(slug) is not None else None

    def meant(self, address: str) -> str | None:
        """The slug of the article with this address but for case, a slash at the end or `.html`."""
        return self._by_folded.get(folded(address.rstrip("/").removesuffix(".html")))

    @cached_property
    def _by_folded(self) -> dict[str, str]:
        """The slug of each address, as addresses are compared."""
        former = zip(self._aliases, self._alias_to.tolist(), strict=True)
        live = self.corpus.live[self._at]
        return {
            **{folded(alias): self._slugs[to] for alias, to in former if live[to]},
            **{folded(slug): slug for slug in self._own_slugs()},
        }

    def _own_slugs(self) -> Iterator[str]:
        """The slugs of the articles, in the order of the alphabet."""
        live = self.corpus.live[self._at].tolist()
        return (slug for slug, is_live in zip(self._slugs, live, strict=True) if is_live)

    def below_root(self, address: str) -> str | None:
        """The slug of the article that had this address on a site whose root lay deeper.

        `content/_en/help/start` was `/help/start/`; of several articles the first is taken.
        """
        wanted = folded(address.strip("/").removesuffix(".html")).replace("/docs/", "/")
        return self._by_end.get(wanted) if "/" in wanted else None

    @cached_property
    def _by_end(self) -> dict[str, str]:
        """The slug of each article by the ends of its address that have two parts and more."""
        ends: dict[str, str] = {}
        for slug in self._own_slugs():
            parts = [part.lstrip("_") for part in folded(slug).split("/")]
            if len(parts) > 1 and parts[-1] in _FOLDER_PAGES:
                parts.pop()
            for at in range(len(parts) - 1):
                ends.setdefault("/".join(parts[at:]).replace("/docs/", "/"), slug)
        return ends

    def address(self, path: str) -> str | None:
        """The slug of the article whose file has this path, else None."""
        address = path.rsplit(".", 1)[0]
        return address if self.find(address) is not None else self.moved(address)

    def link(self, doc: int, url: str) -> str:
        """The address a link in the HTML of an article leads to; "" if it leads nowhere.

        `url` is as the HTML holds it, without what follows `#`.
        """
        at = self._links.find(link_key(doc, url))
        return self._targets[int(self._link_to[at])] if at >= 0 else url

    def is_file_served(self, path: str, today: date, real: str = "") -> bool:
        """Whether readers may have a file beside the articles today.

        Not if articles refer to it and none of them has a page; nor if none refers to it and its
        folder is not for these readers. `real` is where the file lies: if `path` leads there by a
        symbolic link and no article refers to it so, readers must be served it there, too.
        """
        at = self._media.find(path)
        if at < 0:
            if real not in ("", path) and not self.is_file_served(real, today):
                return False
            label = audiences.label(self._folders.audience(path))
            return self.audience is None or audiences.is_among(self.audience, label)
        docs = self._media_docs[self._media_bounds[at] : self._media_bounds[at + 1]]
        return bool(self.readable(today)[docs].any())

    def card(self, doc: int) -> dict[str, Any]:
        """What a list shows of an article: slug, title, lang, category, answer, updated."""
        segment, number = self.corpus.locate(doc)
        return segment.card(number)

    def page(self, doc: int) -> dict[str, Any]:
        """The article as JSON values, with its HTML, sections and links."""
        segment, number = self.corpus.locate(doc)
        return segment.page(number)

    def translations(self, doc: int) -> list[int]:
        """The numbers of the translations of an article."""
        group = self._group[doc]
        if group < 0:
            return []
        return [int(other) for other in np.flatnonzero(self._group == group) if other != doc]

    @cached_property
    def inlinks(self) -> NDArray[np.int64]:
        """How many other articles link to each."""
        sources, targets = self._linked.T
        return np.bincount(targets[self.corpus.live[sources]], minlength=self.corpus.size)

    @cached_property
    def tags(self) -> list[str]:
        """All tags of the build."""
        return sorted({tag for segment in self.corpus.segments for tag in segment.labels["tags"]})

    def readable(self, today: date) -> NDArray[np.bool_]:
        """A mask of the articles that have a page on `today`."""
        return self.corpus.readable(today)


def _check_scores(scores: list[Scores] | None, segments: list[Segment]) -> None:
    """Raises ValueError unless there is a finite score for each posting, if there are any."""
    if scores is None:
        return
    postings = [len(segment.arrays["field.text.docs"]) for segment in segments]
    if [len(each) for each in scores] != postings:
        raise ValueError(f"{SCORES} has not one score for each posting")
    if not all(np.isfinite(each).all() for each in scores):
        raise ValueError(f"{SCORES} holds what is no number")
