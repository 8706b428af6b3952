"""Numbers as people write them, in several words: grouped digits, phones, units, signs, flags.

Each is given in one normal form, so that all ways to write it meet. Pure functions of the text.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_SPACE = "[ \u00a0\u2007\u2009\u202f]"
# Units in the form they are looked for in; the Latin ones stand for the Russian. Letters that say
# more than a unit are left out: `1С`, `5G`.
_UNITS = {
    unit: names.split()[0]
    for names in (
        "кб kb", "мб mb", "гб gb", "тб tb", "кбит kbit", "мбит mbit mbps", "гбит gbit gbps",
        "кг kg", "мг mg", "л l", "мл ml", "км km", "м m", "см cm", "мм mm", "дюйм",
        "в v", "квт kw", "вт w", "мач mah", "гц hz", "мгц mhz", "ггц ghz", "ч h", "мин min",
        "сек sec", "мс ms", "дн", "шт", "руб rub", "р", "тыс", "млн", "px", "rpm",
    )
    for unit in names.split()
}  # fmt: skip
_ENDINGS = "й|я|е|го|му|м|х|ой|ый|ая|ое|ти|th|st|nd|rd"  # of ordinals
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_MEASURE = re.compile(rf"(\d+(?:\.\d+)?)({_UNIT})", re.I)
_ORDINAL = re.compile(rf"\d+-(?:{_ENDINGS})", re.I)
# The first character is taken before its kind is looked at: `re` finds one of a few faster.
_WRITTEN = re.compile(
    rf"""
    [0-9+(\-\u2010-\u2013\u2212] (?:
    (?<![\w.,/].) (?:
      (?P<hex> (?<=0)[xх]{_SPACE}[0-9a-f]{{4,16}} ) (?!\w)
    | (?P<phone> (?:(?<=[+(])|(?=[\d\s]*[-(])|(?<=[78])(?=(?:{_SPACE}?\d){{10}}(?!{_SPACE}?\d)))
        (?:(?<=\+)\d{{1,3}}|(?<=\d)\d{{0,3}}|(?<=\()\d{{2,5}}\))
        (?:{_SPACE}?\(\d{{2,5}}\))? (?:(?:{_SPACE}|-|(?<=\)))\d{{2,5}}){{1,5}} ) (?![\w-])
    | (?P<grouped> (?<=\d)\d{{0,2}}
        (?:(?:{_SPACE}\d{{3}})+(?:[.,]\d{{1,2}})?|(?:,\d{{3}})+(?:\.\d{{1,2}})?) ) (?!\w|[.,]\d)
    | (?P<decimal> (?<=\d)\d*,\d{{1,2}} ) (?!\w|[.,]\d)
    | (?P<measured> (?<=\d)\d*(?:[.,]\d+)?{_SPACE}(?:{_UNIT}) ) (?!\w)
    )
    | (?<![\w)\]}}\u2010-\u2013\u2212-].) (?:
      (?P<signed> (?<=[-\u2010-\u2013\u2212])\d+(?:[.,]\d+)* ) (?!\w)
    | (?P<flag> (?<=-)-?[a-z][\w-]* )
    ))
    """,
    re.X | re.I | re.S,
)
_BEGINS = re.compile(r"[0-9+(\-\u2010-\u2013\u2212]")  # each of them; most queries hold none
_PHONE_DIGITS = range(7, 16)


class Written(NamedTuple):
    """A number in its normal form, and where it stands; `extra` as of `tokens.Token`."""

    text: str
    start: int
    end: int
    extra: bool


def written(text: str) -> Iterator[Written]:
    """The numbers and flags of a text that are more than one word, in order."""
    if not _BEGINS.search(text):
        return
    for match in _WRITTEN.finditer(text):
        kind, found = str(match.lastgroup), match[0]
        normal = _NORMAL[kind](found)
        if normal:
            yield Written(normal, *match.span(), kind == "measured")


def measure(word: str) -> str:
    """A number and its unit in one word, the unit in its normal form; other words as they are."""
    found = _MEASURE.fullmatch(word)
    return found[1] + _UNITS[found[2].lower()] if found else word


def is_measure(word: str) -> bool:
    """Whether a word is a number with its unit, or with the ending of an ordinal: `2-й`."""
    return bool(_MEASURE.fullmatch(word) or _ORDINAL.fullmatch(word))


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _phone(number: str) -> str:
    """The digits of a phone number, a Russian one with its 8; "" for a row of other numbers."""
    digits = _digits(number)
    if len(digits) == 11 and digits[0] == "7":
        return "8" + digits[1:]
    return digits if len(digits) in _PHONE_DIGITS else ""


def _plain(number: str) -> str:
    """The digits of a grouped or decimal number, a dot before its fraction."""
    whole, fraction = re.fullmatch(r"(.*?)(?:[.,](\d{1,2}))?", number).groups()  # type: ignore[union-attr]
    return _digits(whole) + ("." + fraction if fraction else "")


def _measured(number: str) -> str:
    amount, unit = re.fullmatch(r"([\d.,]+)\s(.+)", number).groups()  # type: ignore[union-attr]
    return measure(amount.replace(",", ".") + unit)


_NORMAL: dict[str, Callable[[str], str]] = {
    "hex": lambda found: "0x" + found[2:].strip().lower(),
    "phone": _phone,
    "grouped": _plain,
    "decimal": _plain,
    "measured": _measured,
    "signed": lambda found: "-" + found[1:].replace(",", "."),
    "flag": lambda found: "-" + found.strip("-").lower(),
}
