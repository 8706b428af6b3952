"""The structs that Python packs and the kernel in C reads, in one table.

`write` writes their part of `native.c`; a test compares both:

    python -c "from kb.ranking.kernels import structs; structs.write()"
"""

from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np

from kb.index.corpus import PREFIX_FIELDS

SOURCE = Path(__file__).with_name("native.c")
_BEGIN, _END = "/* structs.py: begin */\n", "/* structs.py: end */\n"

# Arrays in C: a struct of address and length for each type of numbers.
_ARRAYS: dict[str, tuple[Any, str]] = {
    "I64": (np.int64, "int64_t"), "U64": (np.uint64, "uint64_t"),
    "I32": (np.int32, "int32_t"), "U32": (np.uint32, "uint32_t"),
    "U16": (np.uint16, "uint16_t"), "U8": (np.uint8, "uint8_t"), "F32": (np.float32, "float"),
}  # fmt: skip
_CODES = {"int64_t": "q", "int32_t": "i", "double": "d", "float": "f"}

# The arrays of a segment: name, type in C, member in C.
SEGMENT_ARRAYS: tuple[tuple[str, str, str], ...] = (
    ("field.text.ptr", "I64", "text_ptr"),  # per dictionary form, its articles
    ("field.text.docs", "I32", "text_docs"),
    ("scores", "F32", "text_scores"),
    ("lemma_words.ptr", "I64", "lemma_ptr"),  # per dictionary form, its words
    ("lemma_words.ids", "I32", "lemma_words"),
    ("content.ptr", "I64", "content_ptr"),
    ("content.words", "I32", "content_words"),
    ("content.token", "I32", "content_token"),
    ("content.line", "I32", "content_line"),
    ("content.title", "I32", "content_title"),
    ("content.own", "I32", "content_own"),
    ("grams.keys", "U64", "gram_keys"),
    ("grams.ptr", "I64", "gram_ptr"),
    ("grams.words", "I32", "gram_words"),
    ("grams.df", "I32", "gram_df"),
    ("regions.ptr", "I64", "regions_ptr"),
    ("regions.kind", "U8", "regions_kind"),
    ("regions.section", "I32", "regions_section"),
    ("regions.token", "U32", "regions_token"),
    ("regions.byte", "U32", "regions_byte"),
    ("tokens.ptr", "I64", "tokens_ptr"),
    ("tokens.start", "U32", "tokens_start"),
    ("tokens.end", "U32", "tokens_end"),
    ("texts.ptr", "I64", "texts_ptr"),
    ("texts.blob", "U8", "texts_blob"),
)
_SURFACE = (("ptr", "I64"), ("docs", "I32"), ("tf", "U16"))
# The arrays of a segment that Python packs, in the order of the struct, with their numpy types.
ARRAYS: dict[str, Any] = {
    **{name: _ARRAYS[kind][0] for name, kind, _ in SEGMENT_ARRAYS},
    **{
        f"surface.{field.name}.{name}": _ARRAYS[kind][0]
        for field in PREFIX_FIELDS
        for name, kind in _SURFACE
    },
}

# Structs in the order of their declarations: type and member, in the order they are packed.
STRUCTS: dict[str, tuple[tuple[str, str], ...]] = {
    # Articles with their scores for a word, each times `factor`.
    "Postings": (
        ("const int32_t *", "docs"), ("const float *", "scores"),
        ("int64_t", "count"), ("double", "factor"),
    ),
    # A field of words as written.
    "Surface": tuple((kind, name) for name, kind in _SURFACE),
    "Segment": (
        ("int64_t", "base"), ("int64_t", "size"), ("int64_t", "words"),
        *((kind, member) for _, kind, member in SEGMENT_ARRAYS),
        ("Surface", f"surface[{len(PREFIX_FIELDS)}]"),
    ),
    "Corpus": (
        ("int64_t", "segments"), ("int64_t", "size"), ("int64_t", "live"),
        ("const Segment *", "segment"), ("U8", "alive"),
        ("F32", "content_norm"), ("F32", "title_norm"), ("F32", "line_norm"),
        ("I64", "first_line"), ("I32", "words_of_line"), ("F32", "claims"), ("I32", "updated"),
        ("F32", f"surface_norm[{len(PREFIX_FIELDS)}]"),
        ("float", f"surface_weight[{len(PREFIX_FIELDS)}]"), ("float", "k1"),
    ),
    # The number of a dictionary form in a segment.
    "Place": (("int64_t", "segment"), ("int64_t", "number")),
    # The ranges of a word's dictionary forms and those of its synonyms in `Query.places`.
    "Word": (
        ("int64_t", "from"), ("int64_t", "to"),
        ("int64_t", "synonyms_from"), ("int64_t", "synonyms_to"),
    ),
    # The content words of a query. `beginnings` are, per word and segment, the range of the words
    # that begin with it. Of the `spelt` distinct words `letters` are the code points, with a border
    # at both ends. `tables` are, per segment, a number for each word and one more, all 0.
    "Query": (
        ("int64_t", "words"), ("const Place *", "places"), ("const Word *", "word"),
        ("const int64_t *", "beginnings"), ("const float *", "synonym_weights"),
        ("int64_t", "spelt"), ("const uint32_t *", "letters"), ("const int32_t *", "letters_ptr"),
        ("const double *", "weights"), ("int32_t *const *", "tables"),
    ),
    "Weights": (
        ("float", "body"), ("float", "title"), ("float", "line"), ("float", "pairs"),
        ("float", "place"), ("float", "claimed"), ("float", "attached"), ("int32_t", "lined"),
        ("int32_t", "block"),
    ),
    # How candidates are chosen, and of how many of the first the best coverage is told.
    "Choice": (
        ("double", "share"), ("int64_t", "least"), ("int64_t", "most"), ("int64_t", "first"),
    ),
    # A term of a query: the articles given, or else those of its dictionary forms.
    "Summand": (
        ("const int32_t *", "docs"), ("const float *", "scores"), ("int64_t", "count"),
        ("int64_t", "place"), ("int64_t", "places"), ("double", "weight"),
    ),
    # The words of a snippet, and of them those before the first marked one.
    "Cut": (("int32_t", "window"), ("int32_t", "before"), ("double", "headed"),
            ("double", "again"), ("double", "added"), ("double", "attached")),
}  # fmt: skip


def packer(name: str) -> Struct:
    """The format in which Python packs the struct `name`."""
    return Struct("=" + _format(name))


def declarations() -> str:
    """The part of `native.c` that declares the structs and asserts their layout."""
    lines = [
        f"typedef struct {{ const {number} *at; int64_t count; }} {name};"
        for name, (_, number) in _ARRAYS.items()
    ]
    lines.append('_Static_assert(sizeof(void *) == 8, "addresses are packed as 64 bits");')
    for name, members in STRUCTS.items():
        lines += ["", "typedef struct {"]
        lines += [
            f"    {kind}{'' if kind[-1] == '*' else ' '}{member};" for kind, member in members
        ]
        lines.append(f"}} {name};")
        at = 0
        for kind, member in members:
            plain = member.partition("[")[0]
            lines.append(f'_Static_assert(offsetof({name}, {plain}) == {at}, "{name}.{plain}");')
            at += Struct("=" + _member_format(kind, member)).size
        lines.append(f'_Static_assert(sizeof({name}) == {at}, "{name}");')
    return "\n".join(lines) + "\n"


def generated(source: str) -> str:
    """The source in C with its declarations made anew."""
    before, _, rest = source.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + _BEGIN + declarations() + _END + after


def write() -> None:
    """Writes the declarations into `native.c`."""
    SOURCE.write_text(generated(SOURCE.read_text("utf-8")), "utf-8")


def _format(name: str) -> str:
    return "".join([_member_format(kind, member) for kind, member in STRUCTS[name]])


def _member_format(kind: str, member: str) -> str:
    count = int(member.partition("[")[2].rstrip("]") or 1)
    if kind in STRUCTS:
        return _format(kind) * count
    return ("qq" if kind in _ARRAYS else "q" if kind[-1] == "*" else _CODES[kind]) * count
