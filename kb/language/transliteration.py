"""Words written in the other alphabet: `parol` for «пароль», «гугл» for `google`.

A best-first search over the readings of each piece of the word, along beginnings of words that
the index knows. The readings and their costs are data: `latin_as_russian.txt` and
`russian_as_english.txt` in `kb/data`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from heapq import heappop, heappush

from kb.base import resources
from kb.language import morphology, spelling, tokens
from kb.language.lexicon import Lexicon

MARKS = "'’ʹʼ`"  # signs that people write inside words
RIVAL = 3.0  # an alternative may cost this much more than the likeliest
SMALL = 3  # words this short are known by chance

_Reading = tuple[str, float]  # letters, and what it costs to read them


@dataclass(frozen=True, slots=True)
class _Table:
    """Readings of one alphabet as words of the other, and letters that typing leaves out."""

    pieces: dict[str, tuple[_Reading, ...]]
    unwritten: tuple[_Reading, ...]
    english: bool  # whether the words read are English: silent at the end, doubled, with few forms
    longest: int  # letters of a piece


def _pieces(name: str) -> dict[str, tuple[_Reading, ...]]:
    """`sh ш щ:1` on a line: what a piece may stand for, and what a reading costs (else 0)."""
    pieces = {}
    for line in resources.lines(name):
        piece, *readings = line.split()
        pairs = (reading.partition(":") for reading in readings)
        pieces[piece] = tuple((to.strip("∅"), float(cost or 0)) for to, _, cost in pairs)
    return pieces


def _table(name: str, unwritten: tuple[_Reading, ...], *, english: bool) -> _Table:
    pieces = _pieces(name)
    return _Table(pieces, unwritten, english, max(map(len, pieces)))


_RUSSIAN = _table("latin_as_russian.txt", (("ь", 0.5), ("ъ", 1.5)), english=False)
_ENGLISH = _table("russian_as_english.txt", (("e", 1.2),), english=True)  # Google, Drive
_ISO = str.maketrans({
    "š": "sh", "č": "ch", "ž": "zh", "ŝ": "shch", "è": "eh", "é": "eh", "û": "yu", "â": "ya",
    "ë": "yo", "ʺ": "'", "’": "'", "ʹ": "'", "ʼ": "'", "`": "'",
})  # fmt: skip
_LATIN_LETTER = re.compile("[A-Za-z]")
_VOWELS = frozenset("аеиоуыэюя")
_DOUBLING = 0.9
_AT_END = 0.6  # a silent letter costs this share at the end of a word
_TRANSLIT = 1.2  # what it costs to take a word for transliterated at all
_ODDEST = 0.55  # readings may cost this much a letter
_STEPS = 600
_LOAN = 0.5  # what it costs to read a word as what it was taken over from
_CHANCE = 0.4  # what a letter less than six costs
_FORMS = 6


def meanings(shown: str, lexicon: Lexicon, unfinished: bool = False) -> list[_Reading]:
    """Words of the index that the word `shown` may spell in the other alphabet, likeliest first.

    Each comes with its cost, which compares with `spelling.price`. An `unfinished` word may be
    the beginning of one.
    """
    written = tokens.clean(shown).lower()
    if _LATIN_LETTER.search(written):
        table, typed = _RUSSIAN, written.translate(_ISO)
    else:
        table, typed = _ENGLISH, tokens.fold(written.strip(MARKS))
    if names := [name for form in morphology.lemmas(typed) for name in _loans().get(form, ())]:
        return [(name, _LOAN) for name in names if lexicon.df(name)]
    if len(typed) < 2 or (table is _ENGLISH and morphology.in_dictionary(typed)):
        return []
    doubt = _CHANCE * max(6 - len(typed), 0)  # a short word is spelt by chance
    return [(word, cost + doubt) for word, cost in _readings(typed, table, lexicon, unfinished)]


@cache
def _loans() -> dict[str, list[str]]:
    """What dictionary forms of words that were taken over from English are written as there."""
    found: dict[str, list[str]] = {}
    for line in resources.lines("loans.txt"):
        word, name = line.split()
        for form in morphology.lemmas(tokens.fold(word)):
            found.setdefault(form, []).append(name)
    return found


def as_russian(latin: str) -> str:
    """The cheapest reading of Latin letters as Russian, whether the index knows it or not."""
    return _cheapest(latin, "", _RUSSIAN)


def _readings(typed: str, table: _Table, lexicon: Lexicon, unfinished: bool) -> list[_Reading]:
    """Words of the index that `typed` may be read as, with their costs, the least first."""
    most = enough = _ODDEST * len(typed) + 0.5
    agenda: list[tuple[float, int, str]] = [(0.0, 0, "")]
    done: set[tuple[int, str]] = set()
    words: dict[str, float] = {}
    beginnings: dict[str, float] = {}
    read_so_far: list[tuple[float, int, str]] = []
    for _ in range(_STEPS):
        if not agenda:
            break
        cost, at, made = heappop(agenda)
        if cost > enough:
            break
        if (at, made) in done:
            continue
        done.add((at, made))
        if at == len(typed):
            if made not in words and (df := lexicon.df(made)):
                words[made] = cost + _TRANSLIT - spelling.bonus(df)
                enough = min(enough, cost + RIVAL / 2)
            elif unfinished and made not in beginnings and lexicon.begins(made):
                beginnings[made] = cost + _TRANSLIT
        if len(made) > 2 and 0 < len(typed) - at < 5:
            read_so_far.append((cost + 0.5 * (len(typed) - at), at, made))
        for letters, more, then in _steps(typed, at, made, table):
            if cost + more <= most and (not letters or lexicon.may_begin(made + letters)):
                heappush(agenda, (cost + more, then, made + letters))
    found = words or beginnings
    if not found and not table.english:
        found = _forms(typed, read_so_far, table, lexicon)
    return sorted(found.items(), key=lambda reading: (reading[1], reading[0]))


def _steps(typed: str, at: int, made: str, table: _Table) -> Iterator[tuple[str, float, int]]:
    """Ways to read on from a place: the letters, their cost, the place after them."""
    for size in range(min(table.longest, len(typed) - at), 0, -1):
        for letters, cost in table.pieces.get(typed[at : at + size], ()):
            yield letters, cost, at + size
    if not made:
        return
    for letter, cost in table.unwritten:
        if made[-1] != letter:
            yield letter, cost * _AT_END if table.english and at == len(typed) else cost, at
    if table.english and made[-1:] != made[-2:-1]:
        yield made[-1], _DOUBLING, at


def _forms(
    typed: str, read_so_far: Iterable[tuple[float, int, str]], table: _Table, lexicon: Lexicon
) -> dict[str, float]:
    """Forms the index lacks, of words it has: what was read so far, with its ending spelt out."""
    forms: dict[str, float] = {}
    for cost, at, made in sorted(read_so_far)[:_FORMS]:
        word = made + _cheapest(typed[at:], made[-1], table)
        df = max(map(lexicon.lemma_df, morphology.lemmas(word)))
        if df and word not in forms:
            forms[word] = cost + _TRANSLIT - spelling.bonus(df)
    return forms


def _cheapest(typed: str, before: str, table: _Table) -> str:
    """The cheapest reading of the rest of a word, letter group by letter group."""
    at, made = 0, before
    while at < len(typed):
        for size in range(min(table.longest, len(typed) - at), 0, -1):
            if readings := table.pieces.get(typed[at : at + size]):
                after_vowel = made[-1:] in _VOWELS and typed[at : at + size] == "y"
                made += "й" if after_vowel else min(readings, key=lambda reading: reading[1])[0]
                at += size
                break
        else:
            made += typed[at]
            at += 1
    return made[len(before) :]
