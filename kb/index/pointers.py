"""Checks that the pointer arrays of a segment point into its other arrays. Reads nothing else.

A pointer array holds where the entries of each owner begin in other arrays, and their end: `ptr[i]`
to `ptr[i + 1]` are those of owner i. Checksums keep damage out of a build; this keeps a build whose
arrays do not belong together from being read at random.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.index.schema import FIELD_NAMES, SURFACE_FIELDS

Arrays = Mapping[str, NDArray[Any]]

_WORDS, _LEMMAS, _ARTICLES, _GRAMS, _SECTIONS = "words", "lemmas", "articles", "grams", "sections"
# Each pointer array with its owners and the arrays it points into.
_POINTERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("words.offsets", _WORDS, ("words.blob",)),
    ("lemmas.offsets", _LEMMAS, ("lemmas.blob",)),
    ("word_lemmas.ptr", _WORDS, ("word_lemmas.ids",)),
    ("lemma_words.ptr", _LEMMAS, ("lemma_words.ids",)),
    *((f"field.{name}.ptr", _LEMMAS, (f"field.{name}.docs", f"field.{name}.tf"))
      for name in FIELD_NAMES),
    *((f"surface.{name}.ptr", _WORDS, (f"surface.{name}.docs", f"surface.{name}.tf"))
      for name in SURFACE_FIELDS),
    ("grams.ptr", _GRAMS, ("grams.words",)),
    ("content.ptr", _ARTICLES, ("content.words", "content.token", "content.line")),
    ("lines.of", _ARTICLES, ("lines.claim", "lines.length")),
    ("regions.ptr", _ARTICLES,
     ("regions.kind", "regions.section", "regions.token", "regions.byte", "regions.claim")),
    ("tokens.ptr", _ARTICLES,
     ("tokens.start", "tokens.end", "tokens.words", "tokens.extra")),
    *((f"{name}.ptr", _ARTICLES, (f"{name}.blob",)) for name in ("texts", "cards", "pages")),
    ("heads.ptr", _SECTIONS, ("heads.blob",)),
    ("tags.ptr", _ARTICLES, ("tags.ids",)),
)  # fmt: skip
# Arrays with one value for each owner.
_VALUES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (_WORDS, ("words.weight", "surface.text.df")),
    (_GRAMS, ("grams.df",)),
    (_ARTICLES, ("flags", "lang", "category", "publish", "expires", "updated", "boost",
                 "content.title", "content.length", "content.own",
                 *(f"{kind}.{name}" for kind in ("total", "length") for name in FIELD_NAMES))),
)  # fmt: skip
# Arrays that ranking alone reads, by the beginnings of their names: those of a segment's second
# file. Lists, pages, filters and dictionaries do without them.
_OF_RANKING = ("field.", "surface.", "tokens.", "regions.", "texts.", "content.")
_OF_ALL = ("surface.text.df", "content.title", "content.length")


def is_of_ranking(name: str) -> bool:
    """Whether ranking alone reads an array of a segment."""
    return name.startswith(_OF_RANKING) and name not in _OF_ALL


def check(arrays: Arrays, is_light: bool = False) -> None:
    """Raises ValueError where a pointer array of a segment leads out of what it points into.

    Each must begin at 0, never fall, have one more entry than it has owners, and end where every
    array it points into ends. A light segment lacks the arrays that ranking alone reads.
    """
    owners = {
        _WORDS: len(arrays["words.offsets"]) - 1,
        _LEMMAS: len(arrays["lemmas.offsets"]) - 1,
        _ARTICLES: len(arrays["flags"]),
        _GRAMS: len(arrays["grams.keys"]),
        _SECTIONS: len(arrays["heads.ptr"]) - 1,
    }
    _check_one("sections.ptr", arrays["sections.ptr"], owners[_ARTICLES], [owners[_SECTIONS]])
    for name, of, targets in _POINTERS:
        if not (is_light and is_of_ranking(name)):
            _check_one(name, arrays[name], owners[of], [len(arrays[target]) for target in targets])
    for of, names in _VALUES:
        for name in names:
            if not (is_light and is_of_ranking(name)) and len(arrays[name]) != owners[of]:
                raise ValueError(f"{name} has not one value for each of its {of}")


def _check_one(name: str, pointers: NDArray[Any], owners: int, ends: Iterable[int]) -> None:
    is_whole = pointers.ndim == 1 and len(pointers) == owners + 1 > 0 and pointers[0] == 0
    if not is_whole or np.any(pointers[1:] < pointers[:-1]):
        raise ValueError(f"{name} does not point to one place after another")
    if any(pointers[-1] != end for end in ends):
        raise ValueError(f"{name} does not end where its arrays end")
