"""Tokens: a text cut into words, each folded to one normal form. Knows no dictionary.

Pure functions of the text: no index, no ranking, no repair of what was typed.
"""

import re
import unicodedata
from itertools import pairwise
from typing import NamedTuple

from kb.base.cache import TEXT, Cache
from kb.language import numerals

LONGEST = 64
"""Words are cut after this many characters."""


class Token(NamedTuple):
    """One word of a text: folded, and where it stands in the text as given.

    A compound gives its whole and then its parts. `extra` marks those of them that are found but
    are no words of a query: the whole where one asks for its parts (`вебсайт` of `веб-сайт`), the
    parts where one asks for the whole (`git` and `hub` of `GitHub`).
    """

    text: str
    start: int
    end: int
    extra: bool


# --- characters ---------------------------------------------------------------------------------

# Soft hyphen, zero-width characters and direction marks: nobody sees them, nobody types them.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
)
# Marks that continue a word but are no letters to Python: accents, vowel signs of Asian scripts.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u0610-\u061a\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u0900-\u0903\u093a-\u094f\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a4d"
    "\u0abc-\u0acd\u0b3c-\u0b57\u0bbe-\u0bcd\u0c3e-\u0c56\u0cbc-\u0cd6\u0d3e-\u0d4d\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
_PICTURES = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
# The joiners of a picture (`❤️`, `👩‍👧`) stay: without them it is another one.
_DROPPED = re.compile(f"(?<![{_PICTURES}\ufe0f])[{_INVISIBLE}]|(?![\u200d\ufe0f])[{_INVISIBLE}]")
# Controls other than newline and tab; halves of surrogate pairs, which no encoder accepts.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CLEAN_ASCII = re.compile(r"[\n\t\x20-\x7e]*")


def clean(text: str) -> str:
    """The text as it is stored: composed (NFC), nothing invisible in it, no control characters."""
    if text.isascii() and _CLEAN_ASCII.fullmatch(text):
        return text
    if _UNSEEN.search(text):
        text = _DROPPED.sub("", text)
    return unicodedata.normalize("NFC", _CONTROL.sub(" ", text))


# --- one word -----------------------------------------------------------------------------------

# After casefolding, so `В` and `Н` stand here by the shape of their capitals.
_TO_CYRILLIC = str.maketrans("aeopcyxkmtbhi", "аеорсухкмтвні")
_TO_LATIN = str.maketrans("аеорсухкмтвні", "aeopcyxkmtbhi")
_LATIN_TWINS = frozenset("aeopcyxkmtbhi")
_CYRILLIC_TWINS = frozenset("аеорсухкмтвні")
_STROKES = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe",
    "þ": "th", "’": "'", "ʼ": "'", "‘": "'", "‐": "-", "‑": "-", "ё": "е", "ѐ": "е", "ѝ": "и",
})  # fmt: skip
_CYRILLIC = re.compile("[\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f]")
_LATIN = re.compile("[a-z\u00df-\u024f\u1e00-\u1eff]")
_CYRILLIC_RUN, _LATIN_RUN = (re.compile(f"{one.pattern}+") for one in (_CYRILLIC, _LATIN))
_STRESS = re.compile("(?<=[\u0400-\u052f])[\u0300\u0301\u0340\u0341]")
_ACCENTS = re.compile("(?<![\u0400-\u052f\u0300-\u036f])[\u0300-\u036f]+")


def _compatible(char: str) -> str:
    """Full-width and ligature forms as plain letters; signs that would become punctuation stay."""
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain.isalnum() or plain in "-_.@'&+#/" else char


def _without_accents(word: str) -> str:
    """Stress marks of Cyrillic and diacritics of Latin and Greek gone; `й` and `ї` stay letters."""
    apart = unicodedata.normalize("NFD", word)
    if _CYRILLIC.search(apart):
        apart = _STRESS.sub("", unicodedata.normalize("NFC", _STRESS.sub("", apart)))
        apart = unicodedata.normalize("NFD", apart)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart))


# Neither Kazakh nor Ukrainian is always typed with its own letters.
_NEIGHBOURS = str.maketrans("әғқңөұүһіїєґў", "агкноуухииегу")
_SLIPS = {"1c": "1с", "с++": "c++", "с#": "c#"}  # the same key in the other layout
_CODE = re.compile(r"[аеорсухкмтвні]+\d[аеорсухкмтвні\d]*")  # `а4`, `м2м`: either script
_LETTERS = re.compile(r"[^\W\d_]+")


def _one_script(found: re.Match[str]) -> str:
    """`контекстa` with a Latin a is a Cyrillic word, `XМL` with a Cyrillic М a Latin one."""
    word = found[0]
    latin, cyrillic = set(_LATIN.findall(word)), set(_CYRILLIC.findall(word))
    if not latin or not cyrillic:
        return word
    if latin <= _LATIN_TWINS and (not cyrillic <= _CYRILLIC_TWINS or len(cyrillic) >= len(latin)):
        return word.translate(_TO_CYRILLIC)
    return word.translate(_TO_LATIN) if cyrillic <= _CYRILLIC_TWINS else word


_RUSSIAN = re.compile("[а-яё]+|[А-ЯЁ][а-яё]*|[А-ЯЁ]+")  # a word nothing has to be done to


def _worked_out(word: str) -> str:
    if _RUSSIAN.fullmatch(word):
        return word.lower().replace("ё", "е")
    if _CLEAN_ASCII.fullmatch(word) and (plain := word.lower()) not in _SLIPS:
        return plain
    for _ in range(4):  # one round does nearly always; a few signs decompose into others
        before = word
        word = clean(word)
        if not unicodedata.is_normalized("NFKC", word):
            word = "".join(map(_compatible, word))
        word = _without_accents(word.casefold()).translate(_STROKES)
        word = _LETTERS.sub(_one_script, word).translate(_NEIGHBOURS)
        word = word.translate(_TO_LATIN) if _CODE.fullmatch(word) else _SLIPS.get(word, word)
        if word == before:
            break
    return word


def _size_of_both(word: str, folded: str) -> int:
    return 4 * (len(word) + len(folded)) + 2 * TEXT


_folded = Cache(_worked_out, 3, _size_of_both)


def fold(word: str) -> str:
    """The normal form of a word's surface: lower case, ё as е, no accents, one script."""
    if word.isascii() and word.isalpha():
        return word.lower()
    return _folded[word]


def script(word: str) -> str:
    """`cyrillic`, `latin`, `mixed`, `digit` or `other`, for a folded word."""
    cyrillic = _CYRILLIC.search(word) is not None
    if _LATIN.search(word):
        return "mixed" if cyrillic else "latin"
    if cyrillic:
        return "cyrillic"
    return "digit" if any(char.isdigit() for char in word) else "other"


# --- a text -------------------------------------------------------------------------------------

_RUN = rf"[\w{_MARKS}{_INVISIBLE}]"
_WORD = re.compile(
    rf"https?://[^\s<>\"'«»()\[\]]+|[^\W_]{_RUN}*(?:[-‐‑.@'’ʼ&][^\W_]{_RUN}*)*(?:(?:\+\+|\#)(?!\w))?"
)
# Pictures, and two and more signs of code between spaces or backticks.
_ALONE = re.compile(
    rf"[{_PICTURES}](?:[\ufe0f\u200d{_PICTURES}]|(?<=\u200d)[^\W\d_])*"
    r"|(?<![^\s`(])[!#$%&*+\-./:<=>?@\\^|~]{1,7}[$%&*+<=>@\\^|~/](?![^\s`),.:;!?])"
)
_IDEOGRAPH = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SPLITS = (re.compile(r"[^\w.'’ʼ" + _MARKS + _INVISIBLE + "]+"), re.compile(r"[.]+"),
           re.compile("['’ʼ]+"), re.compile("_+"))  # fmt: skip
_VERSION = re.compile(r"[vв]?(\d+[^\W\d_]{0,2}(?:\.\d+[^\W\d_]{0,3})+)")
_HEX = re.compile("0[xх]([0-9a-f]{4,})", re.I)
_CONTRACTION = re.compile(r"([^\W\d_]+)['’ʼ](s|re|ve|ll|d|m)", re.I)
_NEGATION = re.compile(r"([^\W\d_]+n)['’ʼ](t)", re.I)
_HUMPS = re.compile(
    r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[А-ЯЁ])(?=[А-ЯЁ][а-яё])"
)
_DIGITS = re.compile(
    r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?<![^\W\d_][vV])(?=\d)|(?<=[^\W\d_]{2})(?=[vV]\d)"
)
_SCRIPTS = re.compile(r"(?<=[a-z])(?=[а-яё])|(?<=[а-яё])(?=[a-z])", re.I)
_MOST_JOINTS = 3  # a word with more of them is a hash or a key
_BETWEEN = re.compile(r"(?<!\d)[^\w+#]+|[^\w+#]+(?!\d)|_+")  # signs inside a compound

_INITIALS = re.compile(r"[^\W\d_](?:[.&][^\W\d_])+")  # `U.S.A`, `R&D`

_SIGNS = ("++", "#")

_Piece = tuple[str, int, int, bool]


def _cut(word: str) -> str:
    return fold(fold(word)[:LONGEST])


def _without_signs(chunk: str, whole: str) -> str:
    """What stands before the signs that end a name, as in `C++` and `F#`; "" if none do.

    The end of a word that was cut says nothing, and one folded from other characters may end in a
    sign where its chunk does not.
    """
    is_name = chunk.endswith(_SIGNS) and whole.endswith(_SIGNS) and whole == fold(chunk)
    return chunk.rstrip("+#") if is_name else ""


def _joints(chunk: str) -> list[int]:
    """Where a single word like `settingsPage`, `windows10` or `PDFфайл` falls into parts."""
    if chunk.isdigit() or (chunk.isalpha() and chunk.isascii() and chunk.islower()):
        return []
    digits = {m.end() for m in _DIGITS.finditer(chunk)}
    cuts = digits if len(digits) <= _MOST_JOINTS else set()
    humps = [0, *(m.end() for m in _HUMPS.finditer(chunk)), len(chunk)]
    if len(humps) > 2 and min(b - a for a, b in pairwise(humps)) >= 2:
        cuts.update(humps[1:-1])
    if script(fold(chunk)) == "mixed":
        cuts.update(m.end() for m in _SCRIPTS.finditer(chunk))
    return sorted(cuts)


def _compound(chunk: str, start: int, parts: list[_Piece]) -> list[_Piece]:
    """A whole before its parts. It is written without its signs: `веб-сайт` is `вебсайт`."""
    is_address = "@" in chunk or "/" in chunk
    whole = _cut(chunk if is_address else numerals.measure(_BETWEEN.sub("", chunk)))
    end = start + len(chunk)
    if not is_address and _is_code(chunk, [text for text, _, _, extra in parts if not extra]):
        return [(whole, start, end, False), *((text, a, b, True) for text, a, b, _ in parts)]
    return [(whole, start, end, True), *parts]


def _is_code(chunk: str, parts: list[str]) -> bool:
    """Whether a compound is asked for as a whole: `GitHub`, `U.S.A.`, `E-1045`, not `web-site`."""
    if all(map(str.isalpha, parts)):
        return chunk.isalpha() or bool(_INITIALS.fullmatch(chunk))
    return not (
        numerals.is_measure(chunk)
        or all(map(str.isdigit, parts))
        or any(part.isalpha() and len(part) > 2 for part in parts)
    )


def _version(chunk: str, start: int, number: str) -> list[_Piece]:
    """A version or an address of numbers, and what it is asked for by: `10.0` and `19041`."""
    at = start + len(chunk) - len(number)
    dots = [match.start() for match in re.finditer("[.]", number)]
    shorter = [(number[:dot], at, at + dot, True) for dot in dots[1:]]
    long = [
        (match[0], at + match.start(), at + match.end(), True)
        for match in re.finditer(r"(?<![^.])\d{4,}(?![^.])", number)
    ]
    named = [(_cut(chunk), start, start + len(chunk), True)] if at > start else []
    return [(number, start, start + len(chunk), False), *named, *shorter, *long]


def _parts(chunk: str, start: int, level: int = 0) -> list[_Piece]:
    """The words of one run of characters; wholes stand before their parts."""
    whole = _cut(chunk)
    end = start + len(chunk)
    if not any(char.isalnum() for char in whole):
        return []
    if name := _without_signs(chunk, whole):
        short = len(whole.rstrip("+#")) == 1
        inner = [] if short else _parts(name, start, level)
        return [(whole, start, end, not short), *inner]
    if (found := _VERSION.fullmatch(whole)) and len(whole) == len(chunk):
        return _version(chunk, start, found[1])
    if found := _HEX.fullmatch(chunk):
        return [(_cut("0x" + found[1]), start, end, False), (_cut(found[1]), start + 2, end, True)]
    splits: list[re.Match[str]] = []
    while level < len(_SPLITS):
        if level == 2:
            if found := _CONTRACTION.fullmatch(chunk):
                return [(_cut(found[1]), start, end, False)]
            if found := _NEGATION.fullmatch(chunk):
                return [(_cut(found[1] + found[2]), start, end, False)]
        if splits := [*_SPLITS[level].finditer(chunk)]:
            break
        level += 1
    else:
        cuts = [0, *_joints(chunk), len(chunk)]
        if len(cuts) == 2:
            return [(whole, start, end, False)]
        parts = [(_cut(chunk[a:b]), start + a, start + b, False) for a, b in pairwise(cuts)]
        return _compound(chunk, start, parts)
    pieces: list[_Piece] = []
    at, found_parts = 0, 0
    for cut in [*splits, None]:
        stop = cut.start() if cut else len(chunk)
        if stop > at:
            inner = _parts(chunk[at:stop], start + at, level + 1)
            pieces += inner
            found_parts += bool(inner)
        at = cut.end() if cut else stop
    return _compound(chunk, start, pieces) if found_parts > 1 else pieces


def _cut_up(chunk: str) -> tuple[_Piece, ...]:
    """The words of one match of `_WORD`, with offsets inside it."""
    if chunk.isascii() and chunk.isalpha() and (chunk[1:].islower() or chunk.isupper()):
        return ((chunk.lower()[:LONGEST], 0, len(chunk), False),)
    if _RUSSIAN.fullmatch(chunk):
        return ((chunk.lower().replace("ё", "е")[:LONGEST], 0, len(chunk), False),)
    if not _IDEOGRAPH.search(chunk):
        return tuple(_parts(chunk, 0))
    pieces: list[_Piece] = []  # no spaces between the words of these scripts: each sign a word
    at = 0
    for sign in [*_IDEOGRAPH.finditer(chunk), None]:
        if sign is None or sign.start() > at:
            pieces += _parts(chunk[at : sign.start() if sign else None], at)
        if sign:
            pieces.append((_cut(sign[0]), sign.start(), sign.end(), False))
            at = sign.end()
    return tuple(pieces)


def _size_of_pieces(chunk: str, pieces: tuple[_Piece, ...]) -> int:
    if len(pieces) == 1:
        return 4 * (len(chunk) + len(pieces[0][0])) + 2 * TEXT + 256
    letters = len(chunk) + sum([len(piece[0]) for piece in pieces])
    return 4 * letters + TEXT + (TEXT + 192) * len(pieces) + 64


_pieces = Cache(_cut_up, 8, _size_of_pieces)


def expect_many() -> None:
    """Makes room for the words of a whole folder: in a process that cuts its articles up."""
    _folded.widen(12)
    _pieces.widen(64)


def tokens(text: str) -> list[Token]:
    """The words of a text in order; a compound stands before its parts."""
    found: list[Token] = []
    add, make = found.append, Token._make
    for match in _WORD.finditer(text):
        pieces = _pieces[match[0]]
        start = match.start()
        for word, a, b, extra in pieces:
            add(make((word, start + a, start + b, extra)))
    wholes = [Token(_cut(each.text), *each[1:]) for each in numerals.written(text)]
    return _with_wholes(found, wholes) if wholes else found


def signs(text: str) -> list[Token]:
    """The pictures and the operators that stand alone in a text: `👍`, `||>`."""
    return [
        Token(_cut(match[0].replace("\ufe0f", "")), *match.span(), False)
        for match in _ALONE.finditer(text)
    ]


def _with_wholes(found: list[Token], wholes: list[Token]) -> list[Token]:
    """The words with the numbers written in several of them put before their parts."""
    merged: list[Token] = []
    at = done = 0
    for whole in wholes:
        while at < len(found) and found[at].start < whole.start:
            done = max(done, found[at].end)
            merged.append(found[at])
            at += 1
        end = at
        while end < len(found) and found[end].end <= whole.end:
            end += 1
        cuts_a_word = done > whole.start or (end < len(found) and found[end].start < whole.end)
        if cuts_a_word or end == at:
            continue
        merged.append(whole)
        merged += (each if whole.extra else each._replace(extra=True) for each in found[at:end])
        at = end
    return merged + found[at:]


def language(text: str) -> str:
    """`ru` or `en`: the script most letters of the text are in; `ru` if it has as many of both."""
    if text.isascii():
        return "en"
    folded = text.casefold()
    cyrillic, latin = (sum(map(len, runs.findall(folded))) for runs in (_CYRILLIC_RUN, _LATIN_RUN))
    return "ru" if cyrillic >= max(1, latin) else "en"


_RUSSIAN_WORD = re.compile("[а-яёіїєґўА-ЯЁІЇЄҐЎ]{2,}")
_ENGLISH_WORD = re.compile("[a-zA-Z]{2,}")


def words_of_languages(text: str) -> tuple[int, int]:
    """How many words of two letters and more are Russian and English, by their script."""
    russian = 0 if text.isascii() else len(_RUSSIAN_WORD.findall(text))
    return russian, len(_ENGLISH_WORD.findall(text))


def majority(russian: int, english: int) -> str:
    """`ru` or `en`, whichever has more words, `ru` if both have as many; "" if neither has any."""
    if not russian and not english:
        return ""
    return "ru" if russian >= english else "en"


def language_of_most_words(text: str) -> str:
    """`ru` or `en`: the script of most words of two letters and more; "" where there are none."""
    return majority(*words_of_languages(text))


def shorten(value: str, length: int) -> str:
    """The text cut at a word to at most `length` characters, `…` included."""
    if len(value) <= length:
        return value
    cut = value[: length - 1]
    return (cut[: cut.rfind(" ")] if cut.rfind(" ") > length // 2 else cut).rstrip(" ,.;:–—-") + "…"


def plain_words(text: str) -> list[str]:
    """The folded words of a text as a query asks for them."""
    return [token.text for token in tokens(text) if not token.extra]
