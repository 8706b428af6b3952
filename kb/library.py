"""A published build opened for reading: corpus, addresses, cards and pages. Ranks nothing."""

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb import store
from kb.errors import IndexDamaged
from kb.instant import Corpus
from kb.segment import Segment
from kb.store import Build
from kb.vocabulary import Vocabulary

NAMES, SCORES, SYNONYMS = "names.kb", "scores.kb", "synonyms.yml"


class Library:
    """Everything a build can tell without ranking. Opening it maps files and copies little.

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
            dead = [np.array(dead, np.int32) for dead in build.manifest["dead"]]
            worked_out = build.folder / SCORES
            scores = list(store.read_arrays(worked_out).values()) if worked_out.exists() else None
            self.corpus = Corpus(segments, dead, scores)
            names = store.read_arrays(build.folder / NAMES)
            self._slugs = Vocabulary(names["slugs.blob"], names["slugs.offsets"])
            self._at: NDArray[np.int32] = names["slugs.doc"]
            self._aliases = Vocabulary(names["aliases.blob"], names["aliases.offsets"])
            self._alias_to: NDArray[np.int32] = names["aliases.to"]
            self.in_order: NDArray[np.int32] = names["order"]  # live articles by path
            self.as_read: NDArray[np.int32] = names["reading"]  # the same in reading order
            self.is_folder_page: NDArray[np.bool_] = names["folder_page"]  # such as `index.md`
            self._group: NDArray[np.int32] = names["group"]  # of translations, per article
            self.inlinks: NDArray[np.int32] = names["inlinks"]
            self.synonyms = (build.folder / SYNONYMS).read_text("utf-8")
        except (KeyError, ValueError, IndexError, OSError) as error:
            raise IndexDamaged(f"build {build.name}: {error!r}; run `kb index --full`") from None

    def find(self, slug: str) -> int | None:
        """The article with this slug."""
        at = self._slugs.find(slug)
        return int(self._at[at]) if at >= 0 else None

    def holds(self, word: str) -> bool:
        """Whether the word stands in an article, just as it is."""
        return any(segment.words.find(word) >= 0 for segment in self.corpus.segments)

    def moved(self, address: str) -> str | None:
        """The slug of the article that used to have this address, or whose file has this path."""
        at = self._aliases.find(address)
        return self._slugs[int(self._alias_to[at])] if at >= 0 else None

    def address(self, path: str) -> str | None:
        """The slug of the article whose file has this path."""
        address = path.rsplit(".", 1)[0]
        return address if self.find(address) is not None else self.moved(address)

    def card(self, doc: int) -> dict[str, Any]:
        """What a list shows of an article: slug, title, lang, category, answer, updated."""
        segment, number = self.corpus.locate(doc)
        return segment.card(number)

    def page(self, doc: int) -> dict[str, Any]:
        """The article as JSON values, with its HTML, sections and links."""
        segment, number = self.corpus.locate(doc)
        return segment.page(number)

    def translations(self, doc: int) -> list[int]:
        """The same article in other languages."""
        group = self._group[doc]
        if group < 0:
            return []
        return [int(other) for other in np.flatnonzero(self._group == group) if other != doc]

    @cached_property
    def tags(self) -> list[str]:
        """All tags of the build."""
        return sorted({tag for segment in self.corpus.segments for tag in segment.labels["tags"]})

    def readable(self, today: date) -> NDArray[np.bool_]:
        """Which articles have a page today."""
        return self.corpus.readable(today)
