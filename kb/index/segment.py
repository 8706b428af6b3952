"""A segment of a build: immutable arrays in two files, beside the Whoosh segment of its articles.

The first file holds what lists, pages, filters and dictionaries read, the second what ranking alone
reads of each article. A light build has no second files.
"""

import json
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
from isal import isal_zlib
from numpy.typing import NDArray

from kb.content.articles import Article
from kb.content.markup import Link, Section
from kb.index import pointers
from kb.index.arrays import length, read_arrays
from kb.index.document import Analysed, AttachedSection
from kb.language.spelling import Frequencies, Speller
from kb.language.vocabulary import Vocabulary

DRAFT, UNLISTED = 1, 2  # bits of `flags`
NEVER = int(np.iinfo(np.int32).max)  # the day on which an article expires that does not
Lengths = NDArray[np.int32]  # of a field, in terms, per article


def count_articles(path: Path) -> int:
    """How many articles the segment in a file holds, those that are superseded included."""
    return length(path, "flags")


def ranking_file(path: Path) -> Path:
    """The second file of a segment: `0.ranking.kb` of `0.kb`."""
    return path.with_suffix(f".ranking{path.suffix}")


class Segment:
    """A segment opened for reading; its arrays are memory-mapped.

    Documents are numbered from 0 in the order of the Whoosh segment they were exported from.
    """

    def __init__(self, path: Path, is_light: bool = False) -> None:
        """Opens both files, or with `is_light` the first alone.

        Raises IndexDamaged, KeyError or ValueError if the files hold no segment.
        """
        self.arrays = read_arrays(path)
        if not is_light:
            self.arrays |= read_arrays(ranking_file(path))
        pointers.check(self.arrays, is_light)
        self.view = {name: array.data for name, array in self.arrays.items()}  # faster one by one
        get = self.arrays.__getitem__
        self.words, self.lemmas = (
            Vocabulary(get(f"{name}.blob"), get(f"{name}.offsets"), get(f"{name}.slots"))
            for name in ("words", "lemmas")
        )
        self.labels: dict[str, list[str]] = json.loads(get("labels").tobytes())
        self.size = len(get("flags"))
        self._local = local()

    def rows(self) -> NDArray[np.int32]:
        """A scratch table of this thread: a number for each word and one more, 0 between uses."""
        table: NDArray[np.int32] | None = getattr(self._local, "rows", None)
        if table is None:
            table = self._local.rows = np.zeros(len(self.words) + 1, np.int32)
        return table

    def lemma_words(self, lemma: int) -> NDArray[np.int32]:
        """The numbers of the words that have a dictionary form."""
        ptr = self.arrays["lemma_words.ptr"]
        return self.arrays["lemma_words.ids"][ptr[lemma] : ptr[lemma + 1]]

    def blob(self, name: str, number: int) -> bytes:
        """Record `number` of the blob `name`: cards, pages, heads or texts."""
        ptr = self.view[f"{name}.ptr"]
        return bytes(self.view[f"{name}.blob"][ptr[number] : ptr[number + 1]])

    def card(self, doc: int) -> dict[str, Any]:
        """The card of an article: what a list of results shows."""
        ptr = self.view["cards.ptr"]
        card: dict[str, Any] = orjson.loads(self.view["cards.blob"][ptr[doc] : ptr[doc + 1]])
        return card

    def page(self, doc: int) -> dict[str, Any]:
        """The page of an article: its values, HTML, sections and links."""
        return orjson.loads(isal_zlib.decompress(self.blob("pages", doc)))  # type: ignore[no-any-return]

    def head(self, doc: int, section: int) -> tuple[str, str]:
        """The title of a section, and its anchor as the end of an address.

        Of a page of a file that the article links to it is the whole address, from `/`.
        """
        first = self.view["sections.ptr"][doc]
        fragment, _, title = self.blob("heads", first + section).decode().partition(" ")
        return title, fragment

    def tags(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The numbers of all tags of all articles, and the article of each."""
        counts = np.diff(self.arrays["tags.ptr"])
        return self.arrays["tags.ids"], np.repeat(np.arange(self.size, dtype=np.int32), counts)

    def docs_with_phrase(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The articles that hold these words as written, side by side, in this order."""
        places = [self.words.find(word) for word in words]
        if min(places, default=-1) < 0:
            return np.empty(0, np.int32)
        candidates = reduce(np.intersect1d, map(self._docs_with, places))
        return np.array([doc for doc in candidates.tolist() if self._holds(doc, places)], np.int32)

    def _docs_with(self, word: int) -> NDArray[np.int32]:
        """The articles that hold a word as written, or link to a file that does."""
        found = []
        for field in ("text", "attached"):
            ptr = self.arrays[f"surface.{field}.ptr"]
            found.append(self.arrays[f"surface.{field}.docs"][ptr[word] : ptr[word + 1]])
        return np.union1d(*found) if len(found[1]) else found[0]

    def _holds(self, doc: int, places: Sequence[int]) -> bool:
        ptr = self.arrays["tokens.ptr"]
        stream = self.arrays["tokens.words"][ptr[doc] : ptr[doc + 1]]
        stream = stream[~self.arrays["tokens.extra"][ptr[doc] : ptr[doc + 1]]]
        starts = np.ones(max(len(stream) - len(places) + 1, 0), bool)
        for offset, place in enumerate(places):
            starts &= stream[offset : offset + len(starts)] == place
        return bool(starts.any())

    def speller(self, frequencies: Frequencies | None = None) -> Speller:
        """A speller over the vocabulary of this segment.

        `frequencies` tell in how many articles each word stands; without them, in all that it was
        made of, superseded ones too.
        """
        arrays = {
            name.removeprefix("spell."): value
            for name, value in self.arrays.items()
            if name.startswith("spell.")
        }
        if frequencies is None:
            frequencies = self.arrays["surface.text.df"]
        return Speller(self.words, frequencies, arrays)

    def restore(self, doc: int) -> Analysed:
        """The article as it was given to the writer of the segment."""
        page = self.page(doc)
        get = self.arrays.__getitem__
        a, b = (int(x) for x in get("tokens.ptr")[doc : doc + 2])
        r, s = (int(x) for x in get("regions.ptr")[doc : doc + 2])
        return Analysed(
            article=Article.from_json(page["article"]),
            html=page["html"],
            sections=tuple(
                Section(anchor, title, level, "") for anchor, title, level in page["sections"]
            ),
            links=tuple(Link(*link) for link in page["links"]),
            anchors=tuple(page["anchors"]),
            short_answer=self.card(doc)["answer"],
            text=self.blob("texts", doc).decode(),
            words=[self.words[i] for i in get("tokens.words")[a:b].tolist()],
            starts=get("tokens.start")[a:b].copy(),
            ends=get("tokens.end")[a:b].copy(),
            extras=get("tokens.extra")[a:b].copy(),
            kinds=get("regions.kind")[r:s].copy(),
            of_section=get("regions.section")[r:s].copy(),
            first_token=get("regions.token")[r:s].copy(),
            first_byte=get("regions.byte")[r:s].copy(),
            claims=get("regions.claim")[r:s].copy(),
            attached=tuple(
                AttachedSection(url, title, "") for url, title in page.get("attached", ())
            ),
        )


def article_url(slug: str) -> str:
    """The address of an article."""
    return "/articles/" + quote(slug, safe="/-._~")


def topic_url(lang: str, key: str) -> str:
    """The address of a topic's page, or with the key "" of all topics of a language."""
    return f"/categories/{lang}/{quote(key)}"


def fragment(anchor: str) -> str:
    """An anchor as the end of an address; empty for none."""
    return "#" + quote(anchor, safe="-._~") if anchor else ""
