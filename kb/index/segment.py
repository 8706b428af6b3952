"""A segment of a build: immutable arrays in two files, beside the Whoosh segment of its articles.

The first file holds what lists, pages, filters and dictionaries read, the second what ranking alone
reads of each article. A light build has no second files.
"""

import json
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property, reduce
from pathlib import Path
from threading import local
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.base import audiences
from kb.content.articles import Article
from kb.content.markup import Link, Section
from kb.index import ngrams, pointers, postings
from kb.index.array_tools import offsets
from kb.index.arrays import length, read_arrays, write_arrays
from kb.index.document import Analysed, AttachedSection
from kb.index.postings import FIELD_KINDS, Postings
from kb.index.schema import FIELD_NAMES, SURFACE, SURFACE_FIELDS
from kb.language import query_words
from kb.language.spelling import Frequencies, Speller
from kb.language.vocabulary import Vocabulary

DRAFT, UNLISTED = 1, 2  # bits of `flags`
_NEVER = np.iinfo(np.int32).max
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
        return json.loads(zlib.decompress(self.blob("pages", doc)))  # type: ignore[no-any-return]

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


class SegmentWriter:
    """Collects articles, counts their terms, and writes the segment."""

    def __init__(self) -> None:
        self.cards: list[dict[str, Any]] = []  # of the articles, as the Whoosh index stores them
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
                "regions.claim",
                "tokens.extra",
            )
        }
        self._blobs: dict[str, list[bytes]] = {
            name: [] for name in ("texts", "cards", "pages", "heads")
        }
        self._sections = array("q", [0])
        self._labels: dict[str, dict[str, int]] = {
            "langs": {}, "categories": {}, "audiences": {}, "tags": {},
        }  # fmt: skip
        self._meta: dict[str, array[Any]] = {
            "lang": array("i"), "category": array("i"), "audience": array("i"),
            "publish": array("i"), "expires": array("i"), "updated": array("i"),
            "flags": array("B"), "boost": array("f"),
        }  # fmt: skip
        self._tags: list[list[int]] = []

    def add(self, doc: Analysed) -> None:
        """Adds the next article."""
        article = doc.article
        number = self._ids.setdefault
        ids = np.fromiter(
            (number(word, len(self._ids)) for word in doc.words), np.int32, len(doc.words)
        )
        self._tokens.append(ids)
        for name, value in (
            ("tokens.start", doc.starts), ("tokens.end", doc.ends), ("regions.kind", doc.kinds),
            ("regions.section", doc.of_section), ("regions.token", doc.first_token),
            ("regions.byte", doc.first_byte), ("regions.claim", doc.claims),
            ("tokens.extra", doc.extras),
        ):  # fmt: skip
            self._parts[name].append(value)
        heads = [(s.anchor, s.title, s.level) for s in doc.sections]
        self._sections.append(self._sections[-1] + len(heads) + len(doc.attached))
        self._blobs["heads"] += [
            f"{fragment(anchor)} {title}".encode() for anchor, title, _ in heads
        ]
        self._blobs["heads"] += [f"{each.url} {each.title}".encode() for each in doc.attached]
        self._blobs["texts"].append(doc.text.encode())
        self._blobs["cards"].append(_json(_card(doc)))
        self._blobs["pages"].append(zlib.compress(_json({
            "article": article.to_json(), "html": doc.html, "sections": heads,
            "links": [(to.target, to.line, to.image, to.alt, to.url) for to in doc.links],
            "anchors": doc.anchors,
            **({"attached": [each[:2] for each in doc.attached]} if doc.attached else {}),
        }), 1))  # fmt: skip
        meta = self._meta
        meta["lang"].append(self._label("langs", article.lang))
        meta["category"].append(self._label("categories", article.category))
        audience = audiences.label(article.audience)
        meta["audience"].append(self._label("audiences", audience))
        publish = article.publish.toordinal() if article.publish else 0
        expires = article.expires.toordinal() if article.expires else int(_NEVER)
        flags = DRAFT * article.draft | UNLISTED * article.unlisted
        meta["publish"].append(publish)
        meta["expires"].append(expires)
        meta["updated"].append(article.updated.toordinal() if article.updated else 0)
        meta["flags"].append(flags)
        meta["boost"].append(article.boost)
        self._tags.append([self._label("tags", tag) for tag in article.tags])
        self.cards.append(
            _card(doc)
            | {"publish": publish, "expires": expires, "flags": flags, "tags": list(article.tags)}
            | {"audience": audience}
        )

    @property
    def size(self) -> int:
        """The number of articles added."""
        return len(self.cards)

    def _label(self, kind: str, value: str) -> int:
        labels = self._labels[kind]
        return labels.setdefault(value, len(labels))

    @cached_property
    def _streams(self) -> tuple[Vocabulary, Vocabulary, dict[str, Any]]:
        """The vocabulary, the dictionary forms, and the arrays of each article's words in order."""
        words = Vocabulary.of(self._ids)
        order = np.empty(len(words), np.int32)  # number of appearance → place in the vocabulary
        order[[self._ids[word] for word in words]] = np.arange(len(words))
        arrays: dict[str, Any] = {}
        arrays["words.blob"], arrays["words.offsets"] = words.arrays
        arrays["words.slots"] = words.hashed()
        lemmas = self._dictionary(words, arrays)
        arrays["tokens.ptr"] = offsets([len(ids) for ids in self._tokens])
        arrays["tokens.words"] = order[_joined(self._tokens, np.int32)]
        arrays["regions.ptr"] = offsets([len(kinds) for kinds in self._parts["regions.kind"]])
        for name, dtype in (
            ("tokens.start", np.uint32), ("tokens.end", np.uint32), ("tokens.extra", np.bool_),
            ("regions.kind", np.uint8), ("regions.section", np.int32), ("regions.token", np.uint32),
            ("regions.byte", np.uint32), ("regions.claim", np.float32),
        ):  # fmt: skip
            arrays[name] = _joined(self._parts[name], dtype)
        return words, lemmas, arrays

    @cached_property
    def counted(self) -> Mapping[str, Postings]:
        """The postings of the articles by field, as Whoosh gets them."""
        return postings.counted(*self._streams)

    def write(self, path: Path, round_lengths: Callable[[Lengths], Lengths]) -> None:
        """Writes the segment into the new file `path`, and what ranking reads beside it.

        `round_lengths` rounds lengths of fields as Whoosh does, whose scores must equal ours.
        """
        words, _, arrays = self._streams
        for name in FIELD_NAMES:
            _store(f"field.{name}", self._posted(name), arrays)
            arrays[f"total.{name}"] = total = self.counted[name].lengths()
            arrays[f"length.{name}"] = round_lengths(total)
        self._align(arrays)
        _store("surface.text", self.counted[SURFACE], arrays)
        self._surfaces(words, arrays)
        holders = np.diff(arrays["surface.text.ptr"]) + np.diff(arrays["surface.attached.ptr"])
        arrays["surface.text.df"] = holders.astype(np.uint32)
        arrays.update(ngrams.prepare(words, arrays))
        for name, value in Speller.prepare(words).items():
            arrays[f"spell.{name}"] = value
        self._records(arrays)
        for_ranking = {name: arrays.pop(name) for name in [*arrays] if pointers.is_of_ranking(name)}
        write_arrays(path, arrays)
        write_arrays(ranking_file(path), for_ranking)

    def _dictionary(self, words: Vocabulary, arrays: dict[str, Any]) -> Vocabulary:
        """Adds the arrays from words to dictionary forms and back. Returns the forms."""
        meanings = [query_words.meaning(word) for word in words]
        forms = [meaning.lemmas for meaning in meanings]
        lemmas = Vocabulary.of(lemma for several in forms for lemma in several)
        places = {lemma: i for i, lemma in enumerate(lemmas)}
        arrays["lemmas.blob"], arrays["lemmas.offsets"] = lemmas.arrays
        arrays["lemmas.slots"] = lemmas.hashed()
        ids = np.fromiter((places[f] for several in forms for f in several), np.int32)
        arrays["words.weight"] = np.array([meaning.weight for meaning in meanings], np.float32)
        counts = np.fromiter(map(len, forms), np.int64, len(forms))
        arrays["word_lemmas.ptr"], arrays["word_lemmas.ids"] = offsets(counts), ids
        owners = np.repeat(np.arange(len(forms), dtype=np.int32), counts)
        by_lemma = np.argsort(ids, kind="stable")
        arrays["lemma_words.ptr"] = offsets(np.bincount(ids, minlength=len(lemmas)))
        arrays["lemma_words.ids"] = owners[by_lemma]
        return lemmas

    def _posted(self, name: str) -> Postings:
        """The postings of a field; those of `text` have a place for each score of an article."""
        field = self.counted[name]
        return field.joined(self.counted["attached"]) if name == "text" else field

    def _align(self, arrays: dict[str, Any]) -> None:
        """Adds, for each posting of a field, the posting of `text` whose score it adds to."""
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
        """Adds the postings of words as written of the smaller fields."""
        kinds = ngrams.region_kinds(arrays)
        docs = np.repeat(np.arange(self.size, dtype=np.int64), np.diff(arrays["tokens.ptr"]))
        for name in SURFACE_FIELDS[:-1]:
            chosen = np.isin(kinds, FIELD_KINDS[name])
            found = Postings.of(words, arrays["tokens.words"][chosen], docs[chosen], self.size)
            _store(f"surface.{name}", found, arrays)

    def _records(self, arrays: dict[str, Any]) -> None:
        """Adds cards, pages, headings, texts, and what articles are filtered and sorted by."""
        for name, blobs in self._blobs.items():
            arrays[f"{name}.ptr"] = offsets([len(blob) for blob in blobs])
            arrays[f"{name}.blob"] = np.frombuffer(b"".join(blobs), np.uint8)
        arrays["sections.ptr"] = np.array(self._sections, np.int64)
        for name, values in self._meta.items():
            arrays[name] = np.array(values)
        arrays["tags.ptr"] = offsets([len(tags) for tags in self._tags])
        arrays["tags.ids"] = np.array([tag for tags in self._tags for tag in tags], np.int32)
        arrays["labels"] = np.frombuffer(
            _json({kind: list(labels) for kind, labels in self._labels.items()}), np.uint8
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
    arrays[f"{name}.docs"] = np.asarray(field.docs, np.int32)
    arrays[f"{name}.tf"] = np.minimum(field.counts, 65535).astype(np.uint16)


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)


def _json(value: Any) -> bytes:
    return orjson.dumps(value)
