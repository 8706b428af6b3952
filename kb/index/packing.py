"""An analysed article as bytes, and back: JSON, and its arrays after it. Opens no file."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.content.articles import Article
from kb.content.markup import Link, Section
from kb.index.document import Analysed, AttachedSection

_ARRAYS: Mapping[str, Any] = {
    "starts": np.uint32, "ends": np.uint32, "extras": np.bool_, "kinds": np.uint8,
    "of_section": np.int32, "first_token": np.uint32, "first_byte": np.uint32,
    "claims": np.float32,
}  # fmt: skip
_LENGTH = 8  # bytes that tell how long the JSON is


def pack(doc: Analysed) -> bytes:
    """The article as bytes. Raises TypeError if it holds what no JSON can."""
    arrays = [np.asarray(getattr(doc, name), dtype).tobytes() for name, dtype in _ARRAYS.items()]
    head = orjson.dumps((
        doc.article.to_json(), doc.html, [(s.anchor, s.title, s.level) for s in doc.sections],
        [(to.target, to.line, to.image, to.alt, to.url) for to in doc.links], doc.anchors,
        doc.short_answer, doc.text, doc.words, [list(each) for each in doc.attached],
        [len(array) for array in arrays],
    ))  # fmt: skip
    return b"".join((len(head).to_bytes(_LENGTH, "little"), head, *arrays))


def unpack(data: bytes) -> Analysed:
    """The article of `pack`. Raises ValueError or TypeError for other bytes."""
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "little")
    article, html, sections, links, anchors, short_answer, text, words, attached, sizes = (
        orjson.loads(data[_LENGTH:end])
    )
    return Analysed(
        Article.from_json(article), html,
        tuple(Section(anchor, title, level, "") for anchor, title, level in sections),
        tuple(Link(*each) for each in links), tuple(anchors), short_answer, text, words,
        attached=tuple(AttachedSection(*each) for each in attached),
        **_arrays(data, end, sizes),
    )  # fmt: skip


def _arrays(data: bytes, start: int, sizes: list[int]) -> dict[str, NDArray[Any]]:
    """The arrays by name, of so many bytes each, the first at `start`."""
    begins = accumulate(sizes, initial=start)
    return {
        name: np.frombuffer(data, dtype, size // np.dtype(dtype).itemsize, at).copy()
        for (name, dtype), size, at in zip(_ARRAYS.items(), sizes, begins, strict=False)
    }
