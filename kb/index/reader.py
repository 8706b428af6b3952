"""The index reader: opens a published build for its corpus, addresses, cards and pages."""

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.content.addresses import folded
from kb.content.notices import Notice
from kb.content.reading_order import INDEX_NAMES
from kb.index import learned, notice_file
from kb.index.arrays import read_arrays
from kb.index.builds import Build
from kb.index.corpus import Corpus, Scores
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

    Articles are numbered as in the corpus.
    """

    def __init__(self, build: Build) -> None:
        """Raises IndexDamaged when the build's files do not fit together."""
        self.name = build.name
        self.commit = str(build.manifest.get("commit", ""))
        self.contents = str(build.manifest.get("contents", build.name))  # equal: the same articles
        self.folder: Path = build.folder
        self.level = float(build.manifest.get("level", 0.6))  # of `calibration`
        try:
            segments = [Segment(build.folder / name) for name in build.manifest["segments"]]
            deleted = [np.array(deleted, np.int32) for deleted in build.manifest["dead"]]
            worked_out = build.folder / SCORES
            scores = list(read_arrays(worked_out).values()) if worked_out.exists() else None
            _check_scores(scores, segments)
            self.corpus = Corpus(segments, deleted, scores)
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
            self.inlinks: NDArray[np.int32] = names["inlinks"]
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

    def find(self, slug: str) -> int | None:
        """The number of the article with this slug, else None."""
        at = self._slugs.find(slug)
        return int(self._at[at]) if at >= 0 else None

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
        return any(segment.words.find(word) >= 0 for segment in self.corpus.segments)

    def moved(self, address: str) -> str | None:
        """The slug of the article with this former address or file path, else None."""
        at = self._aliases.find(address)
        return self._slugs[int(self._alias_to[at])] if at >= 0 else None

    def meant(self, address: str) -> str | None:
        """The slug of the article with this address but for case, a slash at the end or `.html`."""
        return self._by_folded.get(folded(address.rstrip("/").removesuffix(".html")))

    @cached_property
    def _by_folded(self) -> dict[str, str]:
        """The slug of each address, as addresses are compared."""
        former = zip(self._aliases, self._alias_to.tolist(), strict=True)
        return {
            **{folded(alias): self._slugs[to] for alias, to in former},
            **{folded(slug): slug for slug in self._slugs},
        }

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
        for slug in self._slugs:
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

    def is_file_served(self, path: str, today: date) -> bool:
        """Whether readers may have a file beside the articles today.

        Not if articles refer to it and none of them has a page.
        """
        at = self._media.find(path)
        if at < 0:
            return True
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
