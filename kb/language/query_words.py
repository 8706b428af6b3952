"""Weights of query words: stop words, filler, question words, parts of speech. Ranks nothing."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from kb.base import resources
from kb.language import morphology
from kb.language.morphology import lemmas
from kb.language.tokens import plain_words, tokens

STOP = frozenset(resources.words("stop_words.txt"))
STOP_STARTS = frozenset(word[:end] for word in STOP for end in range(1, len(word) + 1))


def _phrases() -> dict[str, list[tuple[str, ...]]]:
    """Filler phrases by their first word, the longest first."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for line in resources.lines("filler.txt"):
        words = tuple(token.text for token in tokens(line) if not token.extra)
        by_first.setdefault(words[0], []).append(words)
    for phrases in by_first.values():
        phrases.sort(key=len, reverse=True)
    return by_first


_phrases_by_first = cache(_phrases)


def filler(words: Sequence[str]) -> frozenset[int]:
    """Which of the folded words of a query greet, thank or ask to be told; never all of them.

    When greeting, filler and stop words are all there is, nothing counts as filler: they are
    what is asked for.
    """
    found: set[int] = set()
    phrases = _phrases_by_first()
    at = 0
    while at < len(words):
        for phrase in phrases.get(words[at], ()):
            if tuple(words[at : at + len(phrase)]) == phrase:
                found.update(range(at, at + len(phrase)))
                at += len(phrase)
                break
        else:
            at += 1
    if not found or all(at in found or word in STOP for at, word in enumerate(words)):
        return frozenset()
    return frozenset(found)


def _first_lemmas(words: Iterable[str]) -> str:
    return " ".join(lemmas(word)[0] for word in words)


_CONTENT = ("NOUN", "NUMR", "None")


_VERBS = ("VERB", "INFN", "GRND", "PRTS")


_QUALITIES = ("ADJF", "ADJS", "PRTF", "ADVB", "COMP")


@cache
def _weak() -> frozenset[str]:
    return frozenset(lemma for word in resources.words("weak_words.txt") for lemma in lemmas(word))


_questions = frozenset(resources.words("question_words.txt"))


def weight(word: str) -> float:
    """How much a folded word of a query counts, from 0.2 to 1.3; its rarity is not looked at.

    Tuned on half of the shared questions (`docs/ranking.md`).

    Names, of places, people and products, say most; what is done says less than what it is done to.
    """
    if word in STOP:
        return 0.2
    if word in _questions:
        return 0.5
    forms, kind = morphology.dictionary[word]
    if forms[0] in _weak():
        return 0.5
    if not kind:
        return 1.0
    if kind == "NAME":
        return 1.3
    if kind in _CONTENT:
        return 1.0
    return 0.7 if kind in _VERBS else 0.85 if kind in _QUALITIES else 0.5


class Meaning(NamedTuple):
    """What a folded word is looked for as, and how much it counts in a query."""

    lemmas: tuple[str, ...]
    weight: float


def meaning(word: str) -> Meaning:
    """The word without regard to where it stands."""
    return Meaning(lemmas(word), weight(word))


def key(query: str) -> str:
    """What two askings of one question have in common: dictionary forms in order, no filler."""
    words = plain_words(query)
    greeting = filler(words)
    return _first_lemmas(word for at, word in enumerate(words) if at not in greeting)
