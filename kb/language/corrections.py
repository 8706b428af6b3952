"""What was typed to what may have been meant: layout, spelling, transliteration, words left out.

Pure functions of the query and of what the index knows. They offer, best first; whether an offer
is taken is for the search to judge by its results.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal

from kb.language import morphology, query_words, spelling, tokens, transliteration
from kb.language.lexicon import Lexicon
from kb.language.transliteration import MARKS, RIVAL, SMALL

Kind = Literal["layout", "spelling", "translit", "dropped"]

MOST_WORDS = 24  # later words of a query are left as they are
# The likeliest fix may cost this much: 99 % (ru) and 97 % (en) of real slips in reach do not cost
# more, and it spares a third of the English words that the index simply does not have.
DOUBTFUL = 6.0
# The only word of a query has no other to bear out what it may have meant.
ALONE, ALONE_SHORT = 3.8, 3.0
_FEW = 5  # letters of a short word
_DOUBLED = frozenset("бвгджзклмнпрстфхцчbcdfgklmnprstvz")  # letters that may stand twice
_PREPOSITIONS = frozenset("вкс")  # «у», «о» and «и» begin too many words
_ROUNDS = 3  # how many alternatives are offered where words were misspelt


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
            weight = max([weight, *map(self.lexicon.lemma_df, morphology.lemmas(word))])
            if not weight and (word in query_words.STOP or query_words.filler((word, "\0"))):
                weight = 1
            self._weights[word] = weight
        return weight

    def as_it_stands(self, word: str) -> bool:
        """Whether this very form is known, not only another form of it."""
        return word in query_words.STOP or self.lexicon.df(word) > 0

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
        return tokens.fold(self.shown.strip(MARKS))[: tokens.LONGEST]


_WORDS = re.compile(rf"[^\W\d_]+(?:[{MARKS}]+[^\W\d_]+)*[{MARKS}]*")
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
    parts = tokens.plain_words(word.shown)
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
        if found[1]
        and not _stands(piece[0], known, piece.end() == len(query))
        and not _means_itself(piece[0])
    ]
    if not any(_carries(flips[at][0], known) for at in chosen):
        return query, ()
    chosen = _along(pieces, flips, chosen, known)
    swaps = tuple((pieces[at][0], flips[at][0]) for at in chosen)
    return _replaced(query, [(*pieces[at].span(), flips[at][0]) for at in chosen]), swaps


def _stands(piece: str, known: _Known, last: bool) -> bool:
    """Whether the piece means something as it was typed."""
    words = tokens.plain_words(piece)
    return bool(words) and all(
        known(word, last and at == len(words) - 1) for at, word in enumerate(words)
    )


def _means_itself(piece: str) -> bool:
    """Whether the piece is words of its language, which nobody typed in the wrong layout."""
    words = tokens.plain_words(piece)
    return bool(words) and all(len(word) > 2 and morphology.in_dictionary(word) for word in words)


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
        words = tokens.plain_words(other)
        if not words or words == tokens.plain_words(core) or not _explains(core, other):
            continue
        weights = list(map(known.weight, words))
        if last and not tail and len(other) > 1 and not weights[-1]:
            weights[-1] = int(known.lexicon.begins(words[-1]))
        if min(weights) and all(map(known.as_it_stands, words)):
            return head + other + tail, min(weights)
        if min(weights) > best_weight:
            best, best_weight = head + other + tail, min(weights)
    return best, best_weight


def _explains(typed: str, other: str) -> bool:
    """Whether every letter typed is a letter of the other layout, none a mark that is dropped."""
    return all(new.isalnum() for old, new in zip(typed, other, strict=True) if old.isalpha())


def _carries(piece: str, known: _Known) -> bool:
    """Whether a flip is evidence of a wrong layout: more than stop words."""
    words = tokens.plain_words(piece)
    return any(len(word) > (2 if word in query_words.STOP else 1) for word in words)


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
            alone = len(piece) == 1 and _is_latin(piece) in latin and flipped[0] in query_words.STOP
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
    return (same or not tokens.plain_words(piece)) and _follows(piece, flipped, known)


def _is_latin(piece: str) -> bool:
    return _LATIN_LETTER.search(piece) is not None


def _follows(piece: str, flipped: tuple[str, int], known: _Known) -> bool:
    other, weight = flipped
    words, meant = tokens.plain_words(piece), tokens.plain_words(other)
    literal = max(map(known.weight, words), default=0)
    if any(char.isdigit() for char in piece):
        return False
    if weight and max(map(len, words), default=0) <= SMALL:
        return weight > literal or any(word in query_words.STOP for word in meant)
    return not literal and any(
        known.lexicon.nearest(word, 1) for word in tokens.plain_words(flip(piece))
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
    options = _without_chance_readings(options, query)
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


def _without_chance_readings(options: list[list[_Fix]], query: str) -> list[list[_Fix]]:
    """The fixes; English words are read as Russian only beside a word that is none of English."""

    def is_own(fix: _Fix) -> bool:
        return morphology.in_dictionary(tokens.fold(query[fix.start : fix.end]))

    readings = [fix for found in options for fix in found if fix.kind == "translit"]
    if any(not is_own(fix) for fix in readings):
        return options
    own = [fix for fix in readings if _is_latin(query[fix.start : fix.end])]
    kept = [[fix for fix in found if fix not in own] for found in options]
    return [found for found in kept if found]


def _along_in_translit(words: Sequence[_Word], mended: set[int]) -> Iterator[list[_Fix]]:
    """Small words that may be known by chance: `v` is «в» beside transliterated words."""
    for word in words:
        if len(word.folded) <= SMALL and _is_latin(word.folded) and word.start not in mended:
            new = transliteration.as_russian(word.folded)
            if new in query_words.STOP or new in _HOLLOW:
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
    own = morphology.in_dictionary(word.folded)
    alone = all(each is word or each.folded in query_words.STOP for each in words)
    # A word of the language means itself, if not «вконтакте» or «телеграмм».
    spelt = (
        chain(_without_space(word, known), _doubled(word, known))
        if own
        else _spelt(word, known, alone)
    )
    foreign = transliteration.meanings(word.shown, known.lexicon, word.last)[:_ROUNDS]
    offers: list[tuple[Kind, tuple[str, float]]] = [("spelling", offer) for offer in spelt]
    offers += [("translit", offer) for offer in foreign]
    fixes = [
        _Fix(kind, word.start, word.end, _like(word.shown, new), cost)
        for kind, (new, cost) in offers
    ]
    fixes += _joined(words, at, known)
    other = flip(word.shown)
    if not fixes and not flipped and not own and len(word.folded) > SMALL and other.isalpha():
        fixes = [
            _Fix("layout", word.start, word.end, _like(word.shown, near.word), near.cost + 1)
            for near in known.lexicon.nearest(tokens.fold(other), 2)
            if near.distance == 1
        ]
    fixes.sort(key=lambda fix: fix.cost)
    most = DOUBTFUL if not alone else ALONE if len(word.folded) > _FEW else ALONE_SHORT
    return [
        fix
        for fix in fixes
        # In the wrong layout all letters are in other places, which says enough of a word alone.
        if fix.cost <= min(DOUBTFUL if fix.kind == "layout" else most, fixes[0].cost + RIVAL)
    ]


def _spelt(word: _Word, known: _Known, alone: bool) -> Iterator[tuple[str, float]]:
    """Near words, and the word with a space put in.

    English makes words of two (`filesystem`, `superset`): without others beside it, such a one is
    two words only where an article writes these two side by side.
    """
    for near in known.lexicon.nearest(word.folded, _ROUNDS):
        yield near.word, near.cost
    for new, cost in _split(word, known):
        if not (alone and _is_latin(new)) or known.lexicon.side_by_side(new.split()):
            yield new, cost


def _split(word: _Word, known: _Known) -> Iterator[tuple[str, float]]:
    for first, second in spelling.splits(word.folded, known.lexicon.df):
        cost = spelling.SPACE - spelling.bonus(min(map(known.lexicon.df, (first, second))))
        yield f"{first} {second}", cost


def _without_space(word: _Word, known: _Known) -> Iterator[tuple[str, float]]:
    """A preposition and a noun that were written in one: «вконтакте»."""
    for new, cost in _split(word, known):
        first, second = new.split()
        is_verb = morphology.dictionary[second][1] in ("VERB", "INFN", "GRND")
        if first in _PREPOSITIONS and len(word.folded) > 6 and not is_verb:
            yield new, cost


def _doubled(word: _Word, known: _Known) -> Iterator[tuple[str, float]]:
    """The word with one letter instead of two, or two instead of one, if some form is known.

    Of two words of the language none is a slip of the other («вводу», «воду»), if they are not two
    spellings of one («траффик»).
    """
    letters = word.folded
    for at in range(1, len(letters)):
        if letters[at] == letters[at - 1]:
            new, cost = letters[:at] + letters[at + 1 :], spelling.EXTRA_DOUBLE
        elif letters[at] in _DOUBLED:
            new, cost = letters[:at] + letters[at] + letters[at:], spelling.MISSING_DOUBLE
        else:
            continue
        is_other = morphology.in_dictionary(new) and not _is_doubled(
            morphology.lemmas(letters)[0], morphology.lemmas(new)[0]
        )
        if not is_other and (weight := known.weight(new)):
            yield new, cost - spelling.bonus(weight)


def _is_doubled(one: str, other: str) -> bool:
    """Whether two words differ in a doubled letter alone."""
    short, long = sorted((one, other), key=len)
    return any(
        long[at] == long[at - 1] and long[:at] + long[at + 1 :] == short
        for at in range(1, len(long))
    )


def _joined(words: Sequence[_Word], at: int, known: _Known) -> Iterator[_Fix]:
    """The word together with the one before or after it."""
    for one, two in ((at - 1, at), (at, at + 1)):
        if one < 0 or two >= len(words) or words[two].start - words[one].end != 1:
            continue
        whole = words[one].folded + words[two].folded
        if known(whole, words[two].last):
            cost = spelling.SPACE - spelling.bonus(known.weight(whole))
            new = _like(words[one].shown, whole)
            yield _Fix("spelling", words[one].start, words[two].end, new, cost)


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
    hollow = folded in query_words.STOP or folded in _HOLLOW or query_words.filler((folded, "\0"))
    return len(folded) > 1 and not hollow and known(folded)


def _without(query: str, words: Sequence[_Word]) -> Repair:
    spans = sorted((word.start, word.end, "") for word in words)
    left = re.sub(r"\s+([,.;:!?])", r"\1", " ".join(_replaced(query, spans).split()))
    left = re.sub(r"^[\s,.;:!?]+|[\s,;:]+$", "", left)
    return Repair("dropped", left, tuple((word.shown, "") for word in words))
