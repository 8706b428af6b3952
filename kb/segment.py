"""An immutable part of a build: a Whoosh segment's articles as arrays in a file. Ranks nothing."""

import json
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property, reduce
from pathlib import Path
from threading import local
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
import orjson
from numpy.typing import NDArray

from kb import letters, postings, store, text
from kb.analysis import Analysed
from kb.articles import Article
from kb.markup import Link, Section
from kb.postings import FIELD_KINDS, Postings
from kb.schema import FIELD_NAMES, SURFACE
from kb.spelling import Speller
from kb.vocabulary import Vocabulary

DRAFT, UNLISTED = 1, 2  # bits of `flags`
_NEVER = np.iinfo(np.int32).max

SURFACE_FIELDS = ("title", "answers", "headings", "text")


class Segment:
    """A segment opened for reading; every array is mapped, nothing is copied.

    Documents are numbered from 0 in the order of the Whoosh segment they were exported from.
    """

    def __init__(self, path: Path) -> None:
        self.arrays = store.read_arrays(path)
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
        """A number per word and one for none, this thread's own; given back zeroed."""
        table: NDArray[np.int32] | None = getattr(self._local, "rows", None)
        if table is None:
            table = self._local.rows = np.zeros(len(self.words) + 1, np.int32)
        return table

    def lemma_words(self, lemma: int) -> NDArray[np.int32]:
        """The words (numbers) that have this dictionary form."""
        ptr = self.arrays["lemma_words.ptr"]
        return self.arrays["lemma_words.ids"][ptr[lemma] : ptr[lemma + 1]]

    def word_lemmas(self, low: int, high: int) -> NDArray[np.int32]:
        """The dictionary forms (numbers) of the words `low` to `high`, with repeats."""
        ptr = self.arrays["word_lemmas.ptr"]
        return self.arrays["word_lemmas.ids"][ptr[low] : ptr[high]]

    def blob(self, name: str, number: int) -> bytes:
        """Record `number` of the blob `name`: cards, pages, heads or texts."""
        ptr = self.view[f"{name}.ptr"]
        return bytes(self.view[f"{name}.blob"][ptr[number] : ptr[number + 1]])

    def card(self, doc: int) -> dict[str, Any]:
        """What a list shows of an article."""
        ptr = self.view["cards.ptr"]
        card: dict[str, Any] = orjson.loads(self.view["cards.blob"][ptr[doc] : ptr[doc + 1]])
        return card

    def page(self, doc: int) -> dict[str, Any]:
        """The article with its HTML, sections and links."""
        return json.loads(zlib.decompress(self.blob("pages", doc)))  # type: ignore[no-any-return]

    def head(self, doc: int, section: int) -> tuple[str, str]:
        """Title of a section of an article, and its anchor as the end of an address."""
        first = self.view["sections.ptr"][doc]
        fragment, _, title = self.blob("heads", first + section).decode().partition(" ")
        return title, fragment

    def tags(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Every tag of every article, as numbers of tag and article."""
        counts = np.diff(self.arrays["tags.ptr"])
        return self.arrays["tags.ids"], np.repeat(np.arange(self.size, dtype=np.int32), counts)

    def docs_with_phrase(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The articles that hold these surface words side by side, in this order."""
        places = [self.words.find(word) for word in words]
        if min(places, default=-1) < 0:
            return np.empty(0, np.int32)
        ptr, docs = self.arrays["surface.text.ptr"], self.arrays["surface.text.docs"]
        candidates = reduce(np.intersect1d, (docs[ptr[place] : ptr[place + 1]] for place in places))
        return np.array([doc for doc in candidates.tolist() if self._holds(doc, places)], np.int32)

    def _holds(self, doc: int, places: Sequence[int]) -> bool:
        ptr = self.arrays["tokens.ptr"]
        stream = self.arrays["tokens.words"][ptr[doc] : ptr[doc + 1]]
        stream = stream[~self.arrays["tokens.compound"][ptr[doc] : ptr[doc + 1]]]
        starts = np.ones(max(len(stream) - len(places) + 1, 0), bool)
        for offset, place in enumerate(places):
            starts &= stream[offset : offset + len(starts)] == place
        return bool(starts.any())

    def speller(self) -> Speller:
        """Near words of this segment's vocabulary."""
        arrays = {
            name.removeprefix("spell."): value
            for name, value in self.arrays.items()
            if name.startswith("spell.")
        }
        return Speller(self.words, self.arrays["surface.text.df"], arrays)

    def restore(self, doc: int) -> Analysed:
        """The article as it was given to `SegmentWriter.add`."""
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
            compounds=get("tokens.compound")[a:b].copy(),
            kinds=get("regions.kind")[r:s].copy(),
            of_section=get("regions.section")[r:s].copy(),
            first_token=get("regions.token")[r:s].copy(),
            first_byte=get("regions.byte")[r:s].copy(),
        )


class Record(Protocol):
    """A segment as the index of record holds it."""

    size: int

    def terms(self, field: str) -> Iterable[tuple[str, list[int], list[float]]]:
        """Every term of a field with its articles and how often, in code-point order."""

    def rounded(self, lengths: NDArray[np.int32]) -> NDArray[np.int32]:
        """Lengths of a field as they are kept."""


class SegmentWriter:
    """Collects articles in order, counts their terms, and writes them once these are recorded."""

    def __init__(self) -> None:
        self.slugs: list[str] = []
        self._ids: dict[str, int] = {}  # word → number in order of appearance
        self._tokens: list[NDArray[np.int32]] = []
        self._parts: dict[str, list[NDArray[Any]]] = {
            name: []
            for name in (
                "tokens.start",
                "tokens.end",
                "regions.kind",
                "regions.section",
                "regions.token",
                "regions.byte",
                "tokens.compound",
            )
        }
        self._blobs: dict[str, list[bytes]] = {
            name: [] for name in ("texts", "cards", "pages", "heads")
        }
        self._sections = array("q", [0])
        self._labels: dict[str, dict[str, int]] = {"langs": {}, "categories": {}, "tags": {}}
        self._meta: dict[str, array[Any]] = {
            "lang": array("i"), "category": array("i"), "publish": array("i"),
            "expires": array("i"), "updated": array("i"), "flags": array("B"), "boost": array("f"),
        }  # fmt: skip
        self._tags: list[list[int]] = []

    def add(self, doc: Analysed) -> None:
        """Takes the next article."""
        article = doc.article
        number = self._ids.setdefault
        ids = np.fromiter(
            (number(word, len(self._ids)) for word in doc.words), np.int32, len(doc.words)
        )
        self._tokens.append(ids)
        for name, value in (
            ("tokens.start", doc.starts), ("tokens.end", doc.ends), ("regions.kind", doc.kinds),
            ("regions.section", doc.of_section), ("regions.token", doc.first_token),
            ("regions.byte", doc.first_byte), ("tokens.compound", doc.compounds),
        ):  # fmt: skip
            self._parts[name].append(value)
        heads = [(s.anchor, s.title, s.level) for s in doc.sections]
        self._sections.append(self._sections[-1] + len(heads))
        self._blobs["heads"] += [
            f"{fragment(anchor)} {title}".encode() for anchor, title, _ in heads
        ]
        self._blobs["texts"].append(doc.text.encode())
        self._blobs["cards"].append(_json(_card(doc)))
        self._blobs["pages"].append(zlib.compress(_json({
            "article": article.to_json(), "html": doc.html, "sections": heads,
            "links": [(to.target, to.line, to.image, to.alt, to.url) for to in doc.links],
            "anchors": doc.anchors,
        }), 1))  # fmt: skip
        meta = self._meta
        meta["lang"].append(self._label("langs", article.lang))
        meta["category"].append(self._label("categories", article.category))
        meta["publish"].append(article.publish.toordinal() if article.publish else 0)
        meta["expires"].append(article.expires.toordinal() if article.expires else _NEVER)
        meta["updated"].append(article.updated.toordinal() if article.updated else 0)
        meta["flags"].append(DRAFT * article.draft | UNLISTED * article.unlisted)
        meta["boost"].append(article.boost)
        self._tags.append([self._label("tags", tag) for tag in article.tags])
        self.slugs.append(article.slug)

    @property
    def size(self) -> int:
        """How many articles were added."""
        return len(self.slugs)

    def _label(self, kind: str, value: str) -> int:
        labels = self._labels[kind]
        return labels.setdefault(value, len(labels))

    @cached_property
    def _streams(self) -> tuple[Vocabulary, Vocabulary, dict[str, Any]]:
        """All words, their dictionary forms, and each article's words in order."""
        words = Vocabulary.of(self._ids)
        order = np.empty(len(words), np.int32)  # number of appearance → place in the vocabulary
        order[[self._ids[word] for word in words]] = np.arange(len(words))
        arrays: dict[str, Any] = {}
        arrays["words.blob"], arrays["words.offsets"] = words.arrays
        arrays["words.slots"] = words.hashed()
        lemmas = self._dictionary(words, arrays)
        arrays["tokens.ptr"] = _pointers([len(ids) for ids in self._tokens])
        arrays["tokens.words"] = order[_joined(self._tokens, np.int32)]
        arrays["regions.ptr"] = _pointers([len(kinds) for kinds in self._parts["regions.kind"]])
        for name, dtype in (
            ("tokens.start", np.uint32), ("tokens.end", np.uint32), ("tokens.compound", np.bool_),
            ("regions.kind", np.uint8), ("regions.section", np.int32), ("regions.token", np.uint32),
            ("regions.byte", np.uint32),
        ):  # fmt: skip
            arrays[name] = _joined(self._parts[name], dtype)
        return words, lemmas, arrays

    @cached_property
    def counted(self) -> Mapping[str, Postings]:
        """What the index of record is to hold of the articles, by field."""
        return postings.counted(*self._streams)

    def write(self, path: Path, record: Record) -> None:
        """Writes the segment with the terms as `record` holds them.

        Raises ValueError when it holds other articles or terms than were given.
        """
        if record.size != self.size:
            raise ValueError(f"the index holds {record.size} of {self.size} articles")
        words, _, arrays = self._streams
        for name in FIELD_NAMES:
            _store(f"field.{name}", _read_back(record, name, self.counted[name]), arrays)
            arrays[f"total.{name}"] = total = self.counted[name].lengths()
            arrays[f"length.{name}"] = record.rounded(total)
        self._align(arrays)
        _store("surface.text", _read_back(record, SURFACE, self.counted[SURFACE]), arrays)
        arrays["surface.text.df"] = np.diff(arrays["surface.text.ptr"]).astype(np.uint32)
        self._surfaces(words, arrays)
        arrays.update(letters.prepare(words, arrays))
        for name, value in Speller.prepare(words).items():
            arrays[f"spell.{name}"] = value
        self._records(arrays)
        store.write_arrays(path, arrays)

    def _dictionary(self, words: Vocabulary, arrays: dict[str, Any]) -> Vocabulary:
        """Words to dictionary forms and back."""
        forms = [text.lemmas(word) for word in words]
        lemmas = Vocabulary.of(lemma for several in forms for lemma in several)
        places = {lemma: i for i, lemma in enumerate(lemmas)}
        arrays["lemmas.blob"], arrays["lemmas.offsets"] = lemmas.arrays
        arrays["lemmas.slots"] = lemmas.hashed()
        ids = np.fromiter((places[f] for several in forms for f in several), np.int32)
        arrays["words.weight"] = np.fromiter(map(text.weight, words), np.float32, len(words))
        counts = np.fromiter(map(len, forms), np.int64, len(forms))
        arrays["word_lemmas.ptr"], arrays["word_lemmas.ids"] = _pointers(counts), ids
        owners = np.repeat(np.arange(len(forms), dtype=np.int32), counts)
        by_lemma = np.argsort(ids, kind="stable")
        arrays["lemma_words.ptr"] = _pointers(np.bincount(ids, minlength=len(lemmas)))
        arrays["lemma_words.ids"] = owners[by_lemma]
        return lemmas

    def _align(self, arrays: dict[str, Any]) -> None:
        """Which posting of the field `text`, which holds all words, each other posting adds to."""
        keys = {
            name: np.repeat(
                np.arange(len(arrays[f"field.{name}.ptr"]) - 1, dtype=np.int64),
                np.diff(arrays[f"field.{name}.ptr"]),
            )
            * max(self.size, 1)
            + arrays[f"field.{name}.docs"]
            for name in FIELD_NAMES
        }
        for name in FIELD_NAMES:
            if name != "text":
                places = np.searchsorted(keys["text"], keys[name])
                arrays[f"field.{name}.at"] = places.astype(np.int32)

    def _surfaces(self, words: Vocabulary, arrays: dict[str, Any]) -> None:
        """Surface words of the smaller fields, counted from the streams."""
        kinds = letters.region_kinds(arrays)
        docs = np.repeat(np.arange(self.size, dtype=np.int64), np.diff(arrays["tokens.ptr"]))
        for name in SURFACE_FIELDS[:-1]:
            chosen = np.isin(kinds, FIELD_KINDS[name])
            found = Postings.of(words, arrays["tokens.words"][chosen], docs[chosen], self.size)
            _store(f"surface.{name}", found, arrays)

    def _records(self, arrays: dict[str, Any]) -> None:
        """Cards, pages, heads, texts, and what articles are filtered and sorted by."""
        for name, blobs in self._blobs.items():
            arrays[f"{name}.ptr"] = _pointers([len(blob) for blob in blobs])
            arrays[f"{name}.blob"] = np.frombuffer(b"".join(blobs), np.uint8)
        arrays["sections.ptr"] = np.array(self._sections, np.int64)
        for name, values in self._meta.items():
            arrays[name] = np.array(values)
        arrays["tags.ptr"] = _pointers([len(tags) for tags in self._tags])
        arrays["tags.ids"] = np.array([tag for tags in self._tags for tag in tags], np.int32)
        arrays["labels"] = np.frombuffer(
            _json({kind: list(labels) for kind, labels in self._labels.items()}), np.uint8
        )


def article_url(slug: str) -> str:
    """The address of an article."""
    return "/articles/" + quote(slug, safe="/-._~")


def fragment(anchor: str) -> str:
    """An anchor as the end of an address; empty for none."""
    return "#" + quote(anchor, safe="-._~") if anchor else ""


def _card(doc: Analysed) -> dict[str, Any]:
    article = doc.article
    return {
        "slug": article.slug, "url": article_url(article.slug), "title": article.title,
        "lang": article.lang,
        "category": article.category, "answer": doc.short_answer,
        "updated": article.updated.isoformat() if isinstance(article.updated, date) else None,
        **({"answers": article.answers} if article.answers else {}),
    }  # fmt: skip


def _read_back(record: Record, field: str, given: Postings) -> Postings:
    """A field as the index of record holds it. Raises ValueError if that is not as it was given."""
    docs, counts, terms = array("i"), array("d"), []
    for term, found, weights in record.terms(field):
        terms.append(term)
        docs.extend(found)
        counts.extend(weights)
    there = np.flatnonzero(np.diff(given.ptr)).tolist()
    if (
        [given.terms[place] for place in there] != terms
        or not np.array_equal(docs, given.docs)
        or not np.array_equal(counts, given.counts)
    ):
        raise ValueError(f"the index does not hold in its field {field} what it was given")
    return replace(given, docs=np.array(docs), counts=np.array(counts))


def _store(name: str, field: Postings, arrays: dict[str, Any]) -> None:
    """Posting lists sorted by term, then document."""
    arrays[f"{name}.ptr"] = field.ptr
    arrays[f"{name}.docs"] = np.asarray(field.docs, np.int32)
    arrays[f"{name}.tf"] = np.minimum(field.counts, 65535).astype(np.uint16)


def _pointers(counts: Any) -> NDArray[np.int64]:
    pointers = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=pointers[1:])
    return pointers


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
