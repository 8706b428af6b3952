"""What was typed to what may have been meant: layout, spelling, transliteration, words left out.

Pure functions of the query and of what the index knows. They offer, best first; whether an offer
is taken is for the search to judge by its results.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice
from math import log
from typing import Literal, Protocol

import numpy as np

from kb import spelling, text
from kb.spelling import Near, Speller
from kb.vocabulary import Vocabulary

Kind = Literal["layout", "spelling", "translit", "dropped"]

MOST_WORDS = 24  # later words of a query are left as they are
# The likeliest fix may cost this much: 99 % (ru) and 97 % (en) of real slips in reach do not cost
# more, and it spares a third of the English words that the index simply does not have.
DOUBTFUL = 6.0
_RIVAL = 3.0  # an alternative may cost this much more than the likeliest
_ROUNDS = 3  # how many alternatives are offered where words were misspelt


class Lexicon(Protocol):
    """What the index knows. Words are folded; every answer may be the sum over several segments."""

    def df(self, word: str) -> int:
        """In how many documents this very form stands; 0 if in none."""

    def lemma_df(self, lemma: str) -> int:
        """In how many documents some form of this dictionary form stands."""

    def may_begin(self, start: str) -> bool:
        """Whether some word may begin so: a no is sure, a yes nearly so."""

    def begins(self, start: str) -> bool:
        """Whether some word begins so."""

    def nearest(self, word: str, limit: int) -> Sequence[Near]:
        """The words `word` may be a slip of, likeliest first."""

    def together(self, words: Sequence[str]) -> int:
        """How many documents hold every one of the words, each in some form."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A query to ask instead: `query` as the page shows it, `changes` as (typed, meant).

    `doubt` is what its changes cost together (`spelling.price`), and 2 for each unknown word left:
    below 2 it is nearly sure; beyond 8 so much is changed that only very good results justify it.
    A flipped layout costs nothing: it is known words or nothing.
    """

    kind: Kind
    query: str
    changes: tuple[tuple[str, str], ...]
    doubt: float = 0.0


def candidates(query: str, lexicon: Lexicon) -> Iterator[Repair]:
    """Queries that may have been meant, likeliest first.

    A word the index knows is never changed, only left out where it keeps the others from meeting
    (and a small one flipped with its neighbours: `d` is «в» in `d rf,bytn`). Each offer is worked
    out only when asked for, so the caller stops at the first that convinces it.
    """
    query = unicodedata.normalize("NFC", query)
    offered = {query}
    for repair in _all(query, _Known(lexicon)):
        if repair.query not in offered:
            offered.add(repair.query)
            yield repair


def _all(query: str, known: "_Known") -> Iterator[Repair]:
    unknown = _unknown(query, known)
    flipped, swaps = _flip(query, known)
    if swaps:
        yield from _mend(flipped, swaps, known)
    if unknown and not (swaps and not _unknown(flipped, known)):
        yield from _mend(query, (), known)
    yield from _drop(query, unknown, known)


# --- what the index knows -----------------------------------------------------------------------


class _Known:
    """A lexicon with the answers of this query remembered."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._weights: dict[str, int] = {}

    def weight(self, word: str) -> int:
        """Documents with the word in this or another form; stop words and greetings count."""
        weight = self._weights.get(word)
        if weight is None:
            weight = self.lexicon.df(word)
            weight = max([weight, *map(self.lexicon.lemma_df, text.lemmas(word))])
            if not weight and (word in text.STOP or text.filler((word, "\0"))):
                weight = 1
            self._weights[word] = weight
        return weight

    def as_it_stands(self, word: str) -> bool:
        """Whether this very form is known, not only another form of it."""
        return word in text.STOP or self.lexicon.df(word) > 0

    def __call__(self, word: str, unfinished: bool = False) -> bool:
        return self.weight(word) > 0 or (unfinished and self.lexicon.begins(word))


@dataclass(frozen=True, slots=True)
class _Word:
    """A run of letters in the query, with the signs people write inside words."""

    shown: str
    start: int
    end: int
    last: bool  # unfinished: somebody may still be typing it

    @property
    def folded(self) -> str:
        return text.fold(self.shown.strip(_MARKS))[: text.LONGEST]


_MARKS = "'’ʹʼ`"
_WORDS = re.compile(rf"[^\W\d_]+(?:[{_MARKS}]+[^\W\d_]+)*[{_MARKS}]*")
# Addresses, numbers, versions: never repaired.
_WHOLE = re.compile(r"\S*[@\\\d]\S*|\S+\.\S+|\S*://\S*")


def _words(query: str) -> list[_Word]:
    """The words that may be repaired."""
    kept = [match.span() for match in _WHOLE.finditer(query)]
    return [
        _Word(match[0], match.start(), match.end(), match.end() == len(query))
        for match in islice(_WORDS.finditer(query), MOST_WORDS)
        if not any(start < match.end() and match.start() < end for start, end in kept)
    ]


def _is_known(word: _Word, known: _Known) -> bool:
    if known(word.folded, word.last):
        return True
    parts = text.plain_words(word.shown)
    return len(parts) != 1 and all(map(known, parts))


def _unknown(query: str, known: _Known) -> list[_Word]:
    return [word for word in _words(query) if not _is_known(word, known)]


def _like(shown: str, word: str) -> str:
    """`word` in capitals where `shown` is."""
    if len(shown) > 1 and shown.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if shown[:1].isupper() else word


# --- keyboard layout ----------------------------------------------------------------------------

_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?@#$^&|"
_RUSSIAN_KEYS = 'ёйцукенгшщзхъфывапролджэячсмитьбю.ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"№;:?/'
_TO_RUSSIAN = str.maketrans(_LATIN_KEYS, _RUSSIAN_KEYS)
_TO_LATIN = str.maketrans(_RUSSIAN_KEYS, _LATIN_KEYS)
# Keys that type the same in both layouts part a query; all others may be letters.
_PIECES = re.compile(r"[^\s\-–—()!%*+=_\\]+")
_LATIN_LETTER = re.compile("[A-Za-z]")
_EDGES = re.compile(r"^([^\w]*)(.*?)([^\w]*)$", re.DOTALL)
_SMALL = 3  # words this short are known by chance


def flip(typed: str) -> str:
    """The text as the other layout would have typed it."""
    if re.search("[А-Яа-яЁё]", typed) and not _is_latin(typed):
        return typed.translate(_TO_LATIN)
    return typed.translate(_TO_RUSSIAN)


def _flip(query: str, known: _Known) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The query with the pieces typed in the wrong layout flipped, and which those are."""
    pieces = list(islice(_PIECES.finditer(query), MOST_WORDS))
    flips = [_flipped(piece[0], known, piece.end() == len(query)) for piece in pieces]
    chosen = [
        at
        for at, (piece, found) in enumerate(zip(pieces, flips, strict=True))
        if found[1] and not _stands(piece[0], known, piece.end() == len(query))
    ]
    if not any(_carries(flips[at][0], known) for at in chosen):
        return query, ()
    chosen = _along(pieces, flips, chosen, known)
    swaps = tuple((pieces[at][0], flips[at][0]) for at in chosen)
    return _replaced(query, [(*pieces[at].span(), flips[at][0]) for at in chosen]), swaps


def _stands(piece: str, known: _Known, last: bool) -> bool:
    """Whether the piece means something as it was typed."""
    words = text.plain_words(piece)
    return bool(words) and all(
        known(word, last and at == len(words) - 1) for at, word in enumerate(words)
    )


def _flipped(piece: str, known: _Known, last: bool) -> tuple[str, int]:
    """The piece flipped, with or without the punctuation at its ends, and how well it is known."""
    before, inner, after = _EDGES.match(piece).groups()  # type: ignore[union-attr]
    ways = [("", piece, ""), ("", before + inner, after)]
    if last and after == "?":  # the sign itself, sooner than a comma at the end of a question
        ways.reverse()
    ways += [(before, inner + after, ""), (before, inner, after)]
    best, best_weight = flip(piece), 0
    for head, core, tail in ways:
        other = flip(core)
        words = text.plain_words(other)
        if not words or words == text.plain_words(core):
            continue
        weights = list(map(known.weight, words))
        if last and not tail and len(other) > 1 and not weights[-1]:
            weights[-1] = int(known.lexicon.begins(words[-1]))
        if min(weights) and all(map(known.as_it_stands, words)):
            return head + other + tail, min(weights)
        if min(weights) > best_weight:
            best, best_weight = head + other + tail, min(weights)
    return best, best_weight


def _carries(piece: str, known: _Known) -> bool:
    """Whether a flip is evidence of a wrong layout: more than stop words."""
    words = text.plain_words(piece)
    return any(len(word) > (2 if word in text.STOP else 1) for word in words)


def _along(
    pieces: Sequence[re.Match[str]],
    flips: Sequence[tuple[str, int]],
    chosen: list[int],
    known: _Known,
) -> list[int]:
    """The chosen pieces, and the small ones beside them.

    A layout stays on for a while: beside a flipped word a small word is flipped with it (`d` is
    «в» though the index may hold a `d`), and so is a misspelt one.
    """
    along = set(chosen)
    latin = {_is_latin(pieces[at][0]) for at in chosen}
    for step in (1, -1):
        for at in range(len(pieces))[::step]:
            piece, flipped = pieces[at][0], flips[at]
            alone = len(piece) == 1 and _is_latin(piece) in latin and flipped[0] in text.STOP
            if at not in along and (
                alone or _beside(piece, flipped, at - step, pieces, along, known)
            ):
                along.add(at)
    return sorted(along)


def _beside(
    piece: str,
    flipped: tuple[str, int],
    neighbour: int,
    pieces: Sequence[re.Match[str]],
    along: set[int],
    known: _Known,
) -> bool:
    if neighbour not in along:
        return False
    same = _is_latin(piece) == _is_latin(pieces[neighbour][0])
    return (same or not text.plain_words(piece)) and _follows(piece, flipped, known)


def _is_latin(piece: str) -> bool:
    return _LATIN_LETTER.search(piece) is not None


def _follows(piece: str, flipped: tuple[str, int], known: _Known) -> bool:
    other, weight = flipped
    words, meant = text.plain_words(piece), text.plain_words(other)
    literal = max(map(known.weight, words), default=0)
    if any(char.isdigit() for char in piece):
        return False
    if weight and max(map(len, words), default=0) <= _SMALL:
        return weight > literal or any(word in text.STOP for word in meant)
    return not literal and any(
        known.lexicon.nearest(word, 1) for word in text.plain_words(flip(piece))
    )


def _replaced(query: str, changes: Iterable[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in changes:
        parts += query[at:start], new
        at = end
    return "".join(parts) + query[at:]


# --- spelling and transliteration ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fix:
    """One thing a word, or two words in a row, may have meant; costs compare (`spelling`)."""

    kind: Kind
    start: int
    end: int
    new: str
    cost: float


def _mend(query: str, swaps: tuple[tuple[str, str], ...], known: _Known) -> Iterator[Repair]:
    """The query with its unknown words mended; `swaps` are what the layout has mended already."""
    words = _words(query)
    places = [at for at, word in enumerate(words) if not _is_known(word, known)]
    options = [found for at in places if (found := _fixes(words, at, known, bool(swaps)))]
    unknown = len(places)
    if any(fix.kind == "translit" for found in options for fix in found[:1]):
        along = list(_along_in_translit(words, {found[0].start for found in options}))
        options += along
        unknown += len(along)
        options.sort(key=lambda found: found[0].start)
    rounds = 1 if not options else min(_ROUNDS, max(map(len, options)))
    for turn in range(rounds):
        fixes = _apart(found[min(turn, len(found) - 1)] for found in options)
        changes = tuple((query[fix.start : fix.end], fix.new) for fix in fixes)
        mended = _replaced(query, [(fix.start, fix.end, fix.new) for fix in fixes])
        if swaps or fixes:
            doubt = sum(max(fix.cost, 0.0) for fix in fixes) + 2.0 * (unknown - len(options))
            yield Repair(_kind(swaps, fixes), mended, swaps + changes, doubt)


def _along_in_translit(words: Sequence[_Word], mended: set[int]) -> Iterator[list[_Fix]]:
    """Small words that may be known by chance: `v` is «в» beside transliterated words."""
    for word in words:
        if len(word.folded) <= _SMALL and _is_latin(word.folded) and word.start not in mended:
            new = _plainly(word.folded, "", _CYRILLIC_READINGS)
            if new in text.STOP or new in _HOLLOW:
                yield [_Fix("translit", word.start, word.end, _like(word.shown, new), 0.0)]


def _kind(swaps: Sequence[object], fixes: Sequence[_Fix]) -> Kind:
    if swaps:
        return "layout"
    kinds = [fix.kind for fix in fixes]
    return max(("layout", "spelling", "translit"), key=kinds.count)


def _apart(fixes: Iterable[_Fix]) -> list[_Fix]:
    """The fixes in order, without those that touch a word already mended."""
    chosen: list[_Fix] = []
    for fix in fixes:
        if not chosen or fix.start >= chosen[-1].end:
            chosen.append(fix)
    return chosen


def _fixes(words: Sequence[_Word], at: int, known: _Known, flipped: bool) -> list[_Fix]:
    """What an unknown word may have meant, likeliest first; nothing too far-fetched."""
    word = words[at]
    spelt, own = _spelt(word, known), spelling.in_dictionary(word.folded)
    if own:  # it means itself, if not «вконтакте»
        spelt = (fix for fix in _split(word, known) if fix[1][1] == " " and len(word.folded) > 6)
    fixes = [
        _Fix(kind, word.start, word.end, _like(word.shown, new), cost)
        for kind, new, cost in (*spelt, *_transliterated(word, known))
    ]
    fixes += _joined(words, at, known)
    if not fixes and not flipped and not own and len(word.folded) > _SMALL:
        fixes = [
            _Fix("layout", word.start, word.end, _like(word.shown, near.word), near.cost + 1)
            for near in known.lexicon.nearest(text.fold(flip(word.shown)), 2)
            if near.distance == 1
        ]
    fixes.sort(key=lambda fix: fix.cost)
    return [fix for fix in fixes if fix.cost <= min(DOUBTFUL, fixes[0].cost + _RIVAL)]


def _spelt(word: _Word, known: _Known) -> Iterator[tuple[Kind, str, float]]:
    for near in known.lexicon.nearest(word.folded, _ROUNDS):
        yield "spelling", near.word, near.cost
    yield from _split(word, known)


def _split(word: _Word, known: _Known) -> Iterator[tuple[Kind, str, float]]:
    for first, second in spelling.splits(word.folded, known.lexicon.df):
        cost = spelling.SPACE - _worth(min(map(known.lexicon.df, (first, second))))
        yield "spelling", f"{first} {second}", cost


def _joined(words: Sequence[_Word], at: int, known: _Known) -> Iterator[_Fix]:
    """The word together with the one before or after it."""
    for one, two in ((at - 1, at), (at, at + 1)):
        if one < 0 or two >= len(words) or words[two].start - words[one].end != 1:
            continue
        whole = words[one].folded + words[two].folded
        if known(whole, words[two].last):
            cost = spelling.SPACE - _worth(known.weight(whole))
            new = _like(words[one].shown, whole)
            yield _Fix("spelling", words[one].start, words[two].end, new, cost)


def _worth(frequency: int) -> float:
    return spelling.FREQUENCY * log(frequency + 1)


Table = dict[str, tuple[tuple[str, float], ...]]
Silent = tuple[tuple[str, float], ...]


def _table(lines: str) -> Table:
    """`sh ш щ:1` on a line: what a piece may stand for, and what a reading costs (else 0)."""
    table: Table = {}
    for line in lines.strip().splitlines():
        piece, *readings = line.split()
        pairs = (reading.partition(":") for reading in readings)
        table[piece] = tuple((to.strip("∅"), float(cost or 0)) for to, _, cost in pairs)
    return table


# Latin letters for Russian words: GOST, ISO 9, BGN, passports, and as people type.
_CYRILLIC_READINGS = _table("""
a а я:3
b б
c ц:.5 к:1.5 с:2
ch ч х:2
ck к:1
cz ц
d д
e е э:.7
eh э:.3
f ф
g г ж:2
h х г:2
i и й:1 ы:2
ia я:.7
ie е:.7
io е:1.5
iu ю:.7
ii ий:.5
j й:.5 ж:1
ja я
je е э:1.5
jo е
ju ю
k к
kh х
l л
m м
n н
o о
oo у:1.5
ee и:1.5
p п
ph ф:1
q к:2
r р
s с ш:2.5
sh ш щ:1.5
shch щ
shh щ
sch щ сч:1
t т
tc ц:.5
th т:1.5
ts ц:.2
tz ц:1
u у ю:1.5
v в
w в:.5 ш:2.5 щ:2.5
x х:.5 кс
y ы й и:1 у:3 ь:1.5 ий:1 ый:1
ya я ья:.5
ye е
yo е ьо:1
yu ю ью:.5
z з ж:2.5
zh ж
' ь ъ:.3 ∅:.5
'' ъ
""")
_UNWRITTEN: Silent = (("ь", 0.5), ("ъ", 1.5))  # signs that are left out when typing Latin
_ISO = str.maketrans({
    "š": "sh", "č": "ch", "ž": "zh", "ŝ": "shch", "è": "eh", "é": "eh", "û": "yu", "â": "ya",
    "ë": "yo", "ʺ": "'", "’": "'", "ʹ": "'", "ʼ": "'", "`": "'",
})  # fmt: skip

# Cyrillic letters for English words and names, as they sound.
_LATIN_READINGS = _table("""
а a u:1 e:2 o:1.5
ай i:.5 y:.5 igh:1.5 ai:1.5
ау ow:.7 ou:.7 au
б b
в v w:.4
г g h:2
д d
дж j g:.5 dg:1
е e a:1.5 ye:1
ей a:.7 ay:.5 ai:.5 ey:.3
ер er or:.7 ur:1 ir:1 re:2
ж j:.5 g:1 zh s:1.5
з z s:.7
и i e:1 ee:.5 ea:.7 y:.7
й y i:.5
к k c:.4 ck:.5 ch:1.5 q:1.5
кв qu:.5
кс x xc:.7 cs:.5 ks
л l
м m
н n
о o a:1.5 au:1.5 ou:1.5 ow:1.5
оу o:.7 ow:.7
п p
р r
с s c:.5
т t th:1.5
ти ti ty:.5 tea:2
у u oo:.5 w:1.5 ou:1 o:1.2 ew:1.5
уа wa:.5
ф f ph:.5
х h kh:1
ц c:.7 ts z:1.5
ч ch tch:.7
чер ture:1
ш sh ch:1.5
шен tion:.7 ssion:1
шн tion:.7
щ sch:1 sh:1
ъ ∅
ы y:.5 i:.7
ь ∅
э e a:.7
эй a:.7 ay:.5 ai:.5 ey:.5
эр er:.3 or:1 air:1.5
ю u:.5 yu you:.7 ew:1 ue:1
юз use:.7
я ya ia:.7
""")
_SILENT: Silent = (("e", 1.2),)  # silent at the end of many words: Google, Drive
_DOUBLING = 0.9
_TRANSLIT = 1.2  # what it costs to take a word for transliterated at all
_ODDEST = 0.55  # readings may cost this much a letter
_STEPS = 600
_OWN = 3.0  # what it costs to read a word of the language as one of the other
_CHANCE = 0.4  # what a letter less than six costs
_FORMS = 6


def _transliterated(word: _Word, known: _Known) -> Iterator[tuple[Kind, str, float]]:
    written = text.clean(word.shown).lower()
    if _LATIN_LETTER.search(written):
        table, silent = _CYRILLIC_READINGS, _UNWRITTEN
        typed = written.translate(_ISO)
    else:
        table, silent = _LATIN_READINGS, _SILENT
        typed = text.fold(written.strip(_MARKS))
    if len(typed) < 2:
        return
    found = read(typed, table, silent, known.lexicon, word.last)
    # A short word is spelt by chance, and a Russian word may well mean itself.
    short = _CHANCE * max(6 - len(typed), 0)
    own = spelling.in_dictionary(typed)
    for new, cost in found[:_ROUNDS]:
        if not own or len(typed) > _SMALL:
            yield "translit", new, cost + short + _OWN * own


def read(
    typed: str,
    table: Table,
    silent: Silent,
    lexicon: Lexicon,
    unfinished: bool = False,
) -> list[tuple[str, float]]:
    """The words of the index that `typed` may spell in another alphabet, likeliest first.

    All readings are walked at once, the cheapest first, and only along beginnings of real words.
    """
    most = enough = _ODDEST * len(typed) + 0.5
    longest = max(map(len, table))
    agenda: list[tuple[float, int, str]] = [(0.0, 0, "")]
    done: set[tuple[int, str]] = set()
    words: dict[str, float] = {}
    starts: dict[str, float] = {}
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
                words[made] = cost + _TRANSLIT - _worth(df)
                enough = min(enough, cost + _RIVAL / 2)
            elif unfinished and made not in starts and lexicon.begins(made):
                starts[made] = cost + _TRANSLIT
        if len(made) > 2 and 0 < len(typed) - at < 5:
            read_so_far.append((cost + 0.5 * (len(typed) - at), at, made))
        moves = [
            (to, more, at + size)
            for size in range(min(longest, len(typed) - at), 0, -1)
            for to, more in table.get(typed[at : at + size], ())
        ]
        if made:
            ends = at == len(typed) and silent is _SILENT
            moves += [
                (sign, more * 0.6 if ends else more, at)
                for sign, more in silent
                if made[-1] != sign
            ]
            if silent is _SILENT and made[-1:] != made[-2:-1]:
                moves.append((made[-1], _DOUBLING, at))
        for to, more, then in moves:
            if cost + more <= most and (not to or lexicon.may_begin(made + to)):
                heappush(agenda, (cost + more, then, made + to))
    found = words or starts
    if not found and silent is _UNWRITTEN:  # English words have few forms
        found = _forms(typed, read_so_far, table, lexicon)
    return sorted(found.items(), key=lambda each: (each[1], each[0]))


def _forms(
    typed: str, read_so_far: Iterable[tuple[float, int, str]], table: Table, lexicon: Lexicon
) -> dict[str, float]:
    """Forms the index lacks, of words it has: what was read so far, with its ending spelt out."""
    found: dict[str, float] = {}
    for cost, at, made in sorted(read_so_far)[:_FORMS]:
        word = made + _plainly(typed[at:], made[-1], table)
        df = max(map(lexicon.lemma_df, text.lemmas(word)))
        if df and word not in found:
            found[word] = cost + _TRANSLIT - _worth(df)
    return found


def _plainly(typed: str, before: str, table: Table) -> str:
    """The cheapest reading of the rest of a word, letter group by letter group."""
    at, made = 0, before
    while at < len(typed):
        for size in range(min(4, len(typed) - at), 0, -1):
            if readings := table.get(typed[at : at + size]):
                after_vowel = made[-1:] in _VOWELS and typed[at : at + size] == "y"
                made += "й" if after_vowel else min(readings, key=_cost)[0]
                at += size
                break
        else:
            made += typed[at]
            at += 1
    return made[len(before) :]


_VOWELS = frozenset("аеиоуыэюя")


def _cost(reading: tuple[str, float]) -> float:
    return reading[1]


# --- words left out -----------------------------------------------------------------------------


def _drop(query: str, unknown: Sequence[_Word], known: _Known) -> Iterator[Repair]:
    """The query without the words the index does not know, then without one that fits no other."""
    rest = [word for word in _words(query) if word not in unknown]
    if unknown and any(_asks(word, known) for word in rest):
        yield _without(query, unknown)
    asking = [word for word in rest if _asks(word, known)]
    if len(asking) < 2 or known.lexicon.together([word.folded for word in asking]):
        return
    meet = []
    for word in asking:
        others = [other.folded for other in asking if other is not word]
        if together := known.lexicon.together(others):
            meet.append((together, word))
    for _, word in sorted(meet, key=lambda each: -each[0])[:2]:
        yield _without(query, [*unknown, word])


_QUESTIONS = """
    как где куда когда почему зачем что кто сколько какой какая какие не нет без нельзя можно
    how where when why what who which not no without can cannot
"""
_HOLLOW = frozenset(_QUESTIONS.split())


def _asks(word: _Word, known: _Known) -> bool:
    folded = word.folded
    hollow = folded in text.STOP or folded in _HOLLOW or text.filler((folded, "\0"))
    return len(folded) > 1 and not hollow and known(folded)


def _without(query: str, words: Sequence[_Word]) -> Repair:
    spans = sorted((word.start, word.end, "") for word in words)
    left = re.sub(r"\s+([,.;:!?])", r"\1", " ".join(_replaced(query, spans).split()))
    left = re.sub(r"^[\s,.;:!?]+|[\s,;:]+$", "", left)
    return Repair("dropped", left, tuple((word.shown, "") for word in words))


# --- a small lexicon ----------------------------------------------------------------------------


class Words:
    """A `Lexicon` in memory, made from texts: for tests, tools, and bases of a few articles."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._forms: dict[str, set[int]] = {}
        self._lemmas: dict[str, set[int]] = {}
        counts: dict[str, int] = {}
        for document, content in enumerate(texts):
            for token in text.tokens(content):
                counts[token.text] = counts.get(token.text, 0) + 1
                self._forms.setdefault(token.text, set()).add(document)
        for form, documents in self._forms.items():
            for lemma in text.lemmas(form):
                self._lemmas.setdefault(lemma, set()).update(documents)
        self.vocabulary = vocabulary = Vocabulary.of(counts)
        frequencies = np.array([counts[word] for word in vocabulary], np.uint32)
        self.speller = Speller(vocabulary, frequencies, Speller.prepare(vocabulary))

    def df(self, word: str) -> int:
        """As in `Lexicon`."""
        return len(self._forms.get(word, ()))

    def lemma_df(self, lemma: str) -> int:
        """As in `Lexicon`."""
        return len(self._lemmas.get(lemma, ()))

    def may_begin(self, start: str) -> bool:
        """As in `Lexicon`."""
        return self.speller.may_begin(start)

    def begins(self, start: str) -> bool:
        """As in `Lexicon`."""
        return self.speller.begins(start)

    def nearest(self, word: str, limit: int) -> Sequence[Near]:
        """As in `Lexicon`."""
        return self.speller.nearest(word, limit)

    def together(self, words: Sequence[str]) -> int:
        """As in `Lexicon`."""
        holding = [
            set().union(*(self._lemmas.get(lemma, set()) for lemma in text.lemmas(word)))
            for word in words
        ]
        return len(set.intersection(*holding)) if holding else 0
