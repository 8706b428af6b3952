"""Writes a segment: articles one after another, counted some thousands at a time. Reads none.

What is of one article lies in columns on disk; what is counted of all, by term, is in memory.
"""

import pickle
import zlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.base import audiences
from kb.index import ngrams, pointers, postings, spool
from kb.index.array_tools import offsets
from kb.index.arrays import write_arrays
from kb.index.document import Analysed
from kb.index.postings import Postings, Run, Runs
from kb.index.schema import FIELD_NAMES, SURFACE, SURFACE_FIELDS
from kb.index.segment import (
    DRAFT,
    NEVER,
    UNLISTED,
    Lengths,
    article_url,
    fragment,
    ranking_file,
)
from kb.index.spool import Column, Place, Spool
from kb.language import query_words
from kb.language.query_words import Meaning
from kb.language.spelling import Speller
from kb.language.vocabulary import Vocabulary

_CHUNK = 2000  # articles whose terms are counted at once
_MOST_TOKENS = 1 << 21  # and how many tokens about
_MOST_KEYS = 1 << 22  # postings of the terms that are looked up at once
# What each article has many of: the name of the array, its type, and the field of `Analysed`.
_TOKENS = (
    ("tokens.start", np.uint32, "starts"),
    ("tokens.end", np.uint32, "ends"),
    ("tokens.extra", np.bool_, "extras"),
)
_REGIONS = (
    ("regions.kind", np.uint8, "kinds"),
    ("regions.section", np.int32, "of_section"),
    ("regions.token", np.uint32, "first_token"),
    ("regions.byte", np.uint32, "first_byte"),
    ("regions.claim", np.float32, "claims"),
)
_BLOBS = ("texts", "cards", "pages", "heads")


class SegmentWriter:
    """Collects articles, counts their terms, and writes the segment."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is where columns lie that are too long for memory."""
        self._folder = folder
        self._ids: dict[str, int] = {}  # word → number in order of appearance
        self._columns = {
            "tokens.words": Column(np.int32, folder),  # by these numbers
            **{name: Column(dtype, folder) for name, dtype, _ in (*_TOKENS, *_REGIONS)},
            **{f"{name}.blob": Column(np.uint8, folder) for name in _BLOBS},
        }
        counted = ("tokens", "regions", "sections", "tags", *_BLOBS)
        self._counts = {name: array("q") for name in counted}  # of each owner
        self._cards, self._places = Spool(folder), list[Place]()
        self._labels: dict[str, dict[str, int]] = {
            "langs": {}, "categories": {}, "audiences": {}, "tags": {},
        }  # fmt: skip
        self._meta: dict[str, array[Any]] = {
            "lang": array("i"), "category": array("i"), "audience": array("i"),
            "publish": array("i"), "expires": array("i"), "updated": array("i"),
            "flags": array("B"), "boost": array("f"),
        }  # fmt: skip
        self._tags = array("i")

    def add(self, doc: Analysed) -> None:
        """Adds the next article."""
        number = self._ids.setdefault
        ids = np.fromiter(
            (number(word, len(self._ids)) for word in doc.words), np.int32, len(doc.words)
        )
        self._columns["tokens.words"].append(ids)
        for name, _, field in (*_TOKENS, *_REGIONS):
            self._columns[name].append(getattr(doc, field))
        self._counts["tokens"].append(len(ids))
        self._counts["regions"].append(len(doc.kinds))
        heads = [(s.anchor, s.title, s.level) for s in doc.sections]
        self._counts["sections"].append(len(heads) + len(doc.attached))
        for anchor, title, _ in heads:
            self._append("heads", f"{fragment(anchor)} {title}".encode())
        for each in doc.attached:
            self._append("heads", f"{each.url} {each.title}".encode())
        card = _card(doc)
        self._append("texts", doc.text.encode())
        self._append("cards", orjson.dumps(card))
        self._append("pages", zlib.compress(orjson.dumps({
            "article": doc.article.to_json(), "html": doc.html, "sections": heads,
            "links": [(to.target, to.line, to.image, to.alt, to.url) for to in doc.links],
            "anchors": doc.anchors,
            **({"attached": [each[:2] for each in doc.attached]} if doc.attached else {}),
        }), 1))  # fmt: skip
        self._describe(doc, card)

    def _append(self, name: str, blob: bytes) -> None:
        """Adds the next record of a blob."""
        self._columns[f"{name}.blob"].append(blob)
        self._counts[name].append(len(blob))

    def _describe(self, doc: Analysed, card: Mapping[str, Any]) -> None:
        """Adds what articles are filtered and sorted by, and the card that Whoosh stores."""
        article, meta = doc.article, self._meta
        audience = audiences.label(article.audience)
        facts = {
            "publish": article.publish.toordinal() if article.publish else 0,
            "expires": article.expires.toordinal() if article.expires else NEVER,
            "flags": DRAFT * article.draft | UNLISTED * article.unlisted,
        }
        for name, value in facts.items():
            meta[name].append(value)
        meta["lang"].append(self._label("langs", article.lang))
        meta["category"].append(self._label("categories", article.category))
        meta["audience"].append(self._label("audiences", audience))
        meta["updated"].append(article.updated.toordinal() if article.updated else 0)
        meta["boost"].append(article.boost)
        self._tags.extend(self._label("tags", tag) for tag in article.tags)
        self._counts["tags"].append(len(article.tags))
        stored = {**card, **facts, "tags": list(article.tags), "audience": audience}
        self._places.append(self._cards.add(pickle.dumps(stored)))

    @property
    def size(self) -> int:
        """The number of articles added."""
        return len(self._places)

    @property
    def cards(self) -> Iterator[dict[str, Any]]:
        """The cards of the articles, as the Whoosh index stores them."""
        read = self._cards.read
        return (pickle.loads(read(place)) for place in self._places)  # noqa: S301 - our own

    def _label(self, kind: str, value: str) -> int:
        labels = self._labels[kind]
        return labels.setdefault(value, len(labels))

    # ------------------------------------------------------------ words

    @cached_property
    def _words(self) -> Vocabulary:
        return Vocabulary.of(self._ids)

    @cached_property
    def _meanings(self) -> list[Meaning]:
        """The dictionary forms and the weight of each word."""
        return [query_words.meaning(word) for word in self._words]

    @cached_property
    def _lemmas(self) -> Vocabulary:
        return Vocabulary.of(lemma for meaning in self._meanings for lemma in meaning.lemmas)

    @cached_property
    def _dictionary(self) -> dict[str, NDArray[Any]]:
        """The arrays of words and dictionary forms, and from each to the other."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, words in (("words", self._words), ("lemmas", self._lemmas)):
            arrays[f"{name}.blob"], arrays[f"{name}.offsets"] = words.arrays
            arrays[f"{name}.slots"] = words.hashed()
        forms = [meaning.lemmas for meaning in self._meanings]
        places = {lemma: i for i, lemma in enumerate(self._lemmas)}
        ids = np.fromiter((places[f] for several in forms for f in several), np.int32)
        weights = [meaning.weight for meaning in self._meanings]
        arrays["words.weight"] = np.array(weights, np.float32)
        counts = np.fromiter(map(len, forms), np.int64, len(forms))
        arrays["word_lemmas.ptr"], arrays["word_lemmas.ids"] = offsets(counts), ids
        owners = np.repeat(np.arange(len(forms), dtype=np.int32), counts)
        by_lemma = np.argsort(ids, kind="stable")
        arrays["lemma_words.ptr"] = offsets(np.bincount(ids, minlength=len(self._lemmas)))
        arrays["lemma_words.ids"] = owners[by_lemma]
        return arrays

    # ------------------------------------------------------------ counting

    def _chunks(self) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """Some articles at a time: the number of the first, and the arrays of their words.

        The arrays are those of a segment that holds no others.
        """
        tokens, regions = (offsets(self._counts[name]) for name in ("tokens", "regions"))
        low, high = 0, -1
        while high < self.size:  # without any article, there is one chunk of none
            full = int(np.searchsorted(tokens, tokens[low] + _MOST_TOKENS))
            high = min(low + _CHUNK, max(full, low + 1), self.size)
            arrays = {
                "tokens.ptr": tokens[low : high + 1] - tokens[low],
                "regions.ptr": regions[low : high + 1] - regions[low],
            }
            for name in ("tokens.words", "tokens.extra"):
                arrays[name] = self._columns[name].read(int(tokens[low]), int(tokens[high]))
            for name in ("regions.kind", "regions.token", "regions.claim"):
                arrays[name] = self._columns[name].read(int(regions[low]), int(regions[high]))
            yield low, arrays
            low = high

    @cached_property
    def _counted(self) -> tuple[dict[str, Postings], dict[str, Postings]]:
        """The postings by field, of dictionary forms and of words as written.

        Numbers the words of the articles by the vocabulary, and collects their content words.
        """
        words, lemmas = self._words, self._lemmas
        order = np.empty(len(words), np.int32)  # number of appearance → place in the vocabulary
        order[[self._ids[word] for word in words]] = np.arange(len(words))
        self._ids = {}
        stream = Column(np.int32, self._folder)
        runs = defaultdict[str, Runs](partial(Runs, self._folder))
        self._content = ngrams.Content(words, self._folder)
        for first, arrays in self._chunks():
            arrays["tokens.words"] = order[arrays["tokens.words"]]
            stream.append(arrays["tokens.words"])
            self._content.add(arrays)
            for name, found in postings.counted(arrays | self._dictionary):
                runs[name].add(Run.of(found, first))
        self._columns["tokens.words"] = stream
        fields = {
            name: Postings.merged(lemmas, runs.pop(f"field.{name}", ()), self.size, self._folder)
            for name in FIELD_NAMES
        }
        written = {
            name: Postings.merged(words, runs.pop(f"surface.{name}", ()), self.size, self._folder)
            for name in SURFACE_FIELDS
        }
        return fields, written

    @property
    def counted(self) -> Mapping[str, Postings]:
        """The postings of the articles by field, as Whoosh gets them."""
        fields, written = self._counted
        return {SURFACE: written["text"], **fields}

    # ------------------------------------------------------------ writing

    def write(self, path: Path, round_lengths: Callable[[Lengths], Lengths]) -> None:
        """Writes the segment into the new file `path`, and what ranking reads beside it.

        `round_lengths` rounds lengths of fields as Whoosh does, whose scores must equal ours.
        """
        fields, written = self._counted
        arrays: dict[str, Any] = dict(self._dictionary)
        text = fields["text"].joined(fields["attached"])  # a place for each score of an article
        for name, field in fields.items():
            _store(f"field.{name}", text if name == "text" else field, arrays)
            arrays[f"total.{name}"] = total = field.lengths()
            arrays[f"length.{name}"] = round_lengths(total)
        self._align(arrays)
        for name, found in written.items():
            _store(f"surface.{name}", found, arrays)
        holders = np.diff(arrays["surface.text.ptr"]) + np.diff(arrays["surface.attached.ptr"])
        arrays["surface.text.df"] = holders.astype(np.uint32)
        arrays |= self._content.arrays()
        for name, value in Speller.prepare(self._words).items():
            arrays[f"spell.{name}"] = value
        self._records(arrays)
        for_ranking = {name: arrays.pop(name) for name in [*arrays] if pointers.is_of_ranking(name)}
        write_arrays(path, arrays)
        write_arrays(ranking_file(path), for_ranking)

    def _align(self, arrays: dict[str, Any]) -> None:
        """Adds, for each posting of a field, the posting of `text` whose score it adds to.

        It is looked up for some terms at a time, since keys take twice as much as postings.
        """
        others = [name for name in FIELD_NAMES if name != "text"]
        ptrs = {name: arrays[f"field.{name}.ptr"] for name in FIELD_NAMES}
        for name in others:
            arrays[f"field.{name}.at"] = spool.empty(int(ptrs[name][-1]), np.int32, self._folder)
        for low, high in _parts(ptrs["text"]):
            whole, first = self._keys("text", arrays, low, high), int(ptrs["text"][low])
            for name in others:
                places = np.searchsorted(whole, self._keys(name, arrays, low, high))
                start, end = ptrs[name][[low, high]]
                arrays[f"field.{name}.at"][start:end] = places + first

    def _keys(self, name: str, arrays: Mapping[str, Any], low: int, high: int) -> NDArray[np.int64]:
        """A number for each posting of some terms that tells its term and article, ascending."""
        ptr = arrays[f"field.{name}.ptr"][low : high + 1]
        terms = np.arange(low, high, dtype=np.int64) * max(self.size, 1)
        keys = np.repeat(terms, np.diff(ptr))
        keys += arrays[f"field.{name}.docs"][ptr[0] : ptr[-1]]
        return keys

    def _records(self, arrays: dict[str, Any]) -> None:
        """Adds words, regions, cards, pages, headings, texts, and what articles are filtered by."""
        arrays |= self._columns
        for name, counts in self._counts.items():
            arrays[f"{name}.ptr"] = offsets(counts)
        for name, values in self._meta.items():
            arrays[name] = np.array(values)
        arrays["tags.ids"] = np.array(self._tags, np.int32)
        labels = {kind: list(labels) for kind, labels in self._labels.items()}
        arrays["labels"] = np.frombuffer(orjson.dumps(labels), np.uint8)


def _card(doc: Analysed) -> dict[str, Any]:
    article = doc.article
    return {
        "slug": article.slug, "url": article_url(article.slug), "title": article.title,
        "lang": article.lang,
        "category": article.category, "answer": doc.short_answer,
        "updated": article.updated.isoformat() if isinstance(article.updated, date) else None,
        **({"answers": article.answers} if article.answers else {}),
    }  # fmt: skip


def _store(name: str, field: Postings, arrays: dict[str, Any]) -> None:
    """Adds the posting lists of a field, sorted by term, then article."""
    arrays[f"{name}.ptr"] = field.ptr
    arrays[f"{name}.docs"] = field.docs
    arrays[f"{name}.tf"] = field.counts


def _parts(ptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of terms of about as many postings each, a term at least."""
    low, last = 0, len(ptr) - 1
    while low < last:
        high = int(np.searchsorted(ptr, ptr[low] + _MOST_KEYS, "right")) - 1
        high = min(max(high, low + 1), last)
        yield low, high
        low = high
