"""The index of a build in OpenSearch: its fields, and an article as a document of it.

OpenSearch gets ready terms parted by spaces and analyses nothing.
"""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.index import ngrams
from kb.index.postings import FIELD_KINDS
from kb.index.reader import IndexReader
from kb.index.schema import FIELDS, K1, LEAD, SURFACE_FIELDS
from kb.index.segment import DRAFT, UNLISTED, Segment
from kb.opensearch import blobs

ANY, SURFACE, WORDS, TEXT = "any", "surface", "words", "text"
LONGEST_PREFIX = 6  # letters of a beginning that is a term of its own
EVERYBODY = "*"  # the audience of what everybody may read

_TERMS = "kb_terms"


def written(field: str) -> str:
    """The field of words as written that begin with a typed one."""
    return f"p_{field}"


def lemmas(field: str) -> str:
    """The field of dictionary forms."""
    return f"f_{field}"


def settings() -> dict[str, Any]:
    """The settings of an index: each field has BM25 with its own `b`."""
    return {
        "refresh_interval": "-1",
        "analysis": {"analyzer": {_TERMS: {"type": "custom", "tokenizer": "whitespace"}}},
        "similarity": {
            f"kb_{field.name}": {"type": "BM25", "k1": K1, "b": field.b} for field in FIELDS
        },
    }


def mappings() -> dict[str, Any]:
    """The fields; only blobs are stored."""
    keyword, number = {"type": "keyword"}, {"type": "integer"}
    terms = {"type": "text", "analyzer": _TERMS}
    of_lemmas = {
        lemmas(field.name): {**terms, "similarity": f"kb_{field.name}", "index_options": "freqs"}
        for field in FIELDS
    }
    of_words = {
        written(name): {
            **terms, "index_options": "docs", "norms": False,
            "index_prefixes": {"min_chars": 1, "max_chars": LONGEST_PREFIX},
        }
        for name in SURFACE_FIELDS
    }  # fmt: skip
    return {
        "dynamic": "strict",
        "_source": {"enabled": False},
        "properties": {
            **of_lemmas,
            **of_words,
            ANY: {**terms, "index_options": "docs", "norms": False},
            SURFACE: {**terms, "norms": False},
            "number": number, "lang": keyword, "category": keyword, "topics": keyword,
            "tags": keyword, "audience": keyword, "served": {"type": "boolean"},
            "publish": number, "expires": number, "updated": number, "boost": {"type": "float"},
            WORDS: {"type": "binary", "store": True}, TEXT: {"type": "binary", "store": True},
        },
    }  # fmt: skip


class Documents:
    """The articles of a whole build as documents."""

    def __init__(self, reader: IndexReader) -> None:
        self._reader, self._corpus = reader.whole, reader.whole.corpus
        self._forms: list[dict[int, str]] = [{} for _ in self._corpus.segments]

    def numbers(self) -> NDArray[np.intp]:
        """The numbers of the articles, ascending."""
        return np.flatnonzero(self._corpus.live)

    def facts(self, doc: int) -> dict[str, Any]:
        """What an article is filtered by. Of an unchanged article it may change."""
        corpus = self._corpus
        segment, number = corpus.locate(doc)
        names = [name for name in corpus.audiences[corpus.audience[doc]].split("\n") if name]
        tags = segment.arrays["tags.ids"][slice(*segment.arrays["tags.ptr"][number : number + 2])]
        is_hidden = bool(corpus.flags[doc] & (DRAFT | UNLISTED)) or bool(self._reader.is_stub[doc])
        topics = self._reader.topics
        return {
            "number": doc, "lang": corpus.langs[corpus.lang[doc]],
            "category": corpus.categories[corpus.category[doc]],
            "topics": [topics.names[each] for each in topics.chain(int(topics.of[doc]))],
            "tags": [segment.labels["tags"][tag] for tag in tags.tolist()],
            "audience": names or [EVERYBODY], "served": not is_hidden,
            "publish": int(segment.arrays["publish"][number]),
            "expires": int(segment.arrays["expires"][number]),
            "updated": int(corpus.updated[doc]), "boost": float(corpus.boost[doc]),
        }  # fmt: skip

    def document(self, doc: int) -> dict[str, Any]:
        """An article whole."""
        segment, number = self._corpus.locate(doc)
        at = self._corpus.segments.index(segment)
        words, text = blobs.pack(segment, number)
        return {
            **self.facts(doc),
            **dict(self._terms(segment, self._forms[at], number)),
            WORDS: b64encode(words).decode(), TEXT: b64encode(text).decode(),
        }  # fmt: skip

    def _terms(
        self, segment: Segment, forms: dict[int, str], doc: int
    ) -> Iterator[tuple[str, str]]:
        """The terms of an article by field."""
        get = segment.arrays.__getitem__
        tokens = slice(*get("tokens.ptr")[doc : doc + 2])
        regions = slice(*get("regions.ptr")[doc : doc + 2])
        one = {
            "tokens.ptr": get("tokens.ptr")[doc : doc + 2] - get("tokens.ptr")[doc],
            "regions.ptr": get("regions.ptr")[doc : doc + 2] - get("regions.ptr")[doc],
            "regions.token": get("regions.token")[regions],
            "regions.kind": get("regions.kind")[regions],
        }
        kinds, stream = ngrams.region_kinds(one), get("tokens.words")[tokens]
        for field in FIELDS:
            held = stream[np.isin(kinds, FIELD_KINDS[field.name])]
            if field.name == "lead":
                held = held[:LEAD]
            if len(held):
                yield lemmas(field.name), " ".join(_form(segment, forms, n) for n in held.tolist())
        for name in SURFACE_FIELDS:
            some = np.unique(stream[np.isin(kinds, FIELD_KINDS[name])]).tolist()
            if some:
                yield written(name), " ".join(segment.words[n] for n in some)
        every = np.unique(stream).tolist()
        held_forms = {form for n in every for form in _form(segment, forms, n).split()}
        yield ANY, " ".join(sorted(held_forms))
        plain = stream[~get("tokens.extra")[tokens]].tolist()
        yield SURFACE, " ".join(segment.words[n] for n in plain)


def _form(segment: Segment, forms: dict[int, str], word: int) -> str:
    """The dictionary forms of a word, by spaces; those looked up are kept in `forms`."""
    found = forms.get(word)
    if found is None:
        ptr = segment.view["word_lemmas.ptr"]
        numbers = segment.view["word_lemmas.ids"][ptr[word] : ptr[word + 1]]
        found = forms[word] = " ".join(map(segment.lemmas.__getitem__, numbers))
    return found
