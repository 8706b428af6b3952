"""What was typed to words, phrases and exclusions. Any text is a query; no index is known here."""

import re
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from kb import text
from kb.text import Meaning

MOST_CHARACTERS = 500
MOST_WORDS = 32

_QUOTED = re.compile(r'"([^"]*)"|«([^»]*)»|“([^”]*)”|„([^“”]*)[“”]')
_PLACEHOLDER = re.compile("‹[a-z]+›")
_SYNTAX = re.compile('["«“„‹\\-−–]')  # without one of these there are only words
_END = re.compile(r"[.!?…]+(?=\s)|\n+")  # of a sentence
_WITHOUT = re.compile(r"(?:(?<=\s)|^)[-−–](?=\w)(\S+)")


class Word(NamedTuple):
    """A word of the query: folded, and the dictionary forms it may be."""

    text: str
    lemmas: tuple[str, ...]
    unfinished: bool = False  # the last word: also the beginning of a longer one
    sentence: int = 0  # number of the sentence it stands in

    @property
    def is_stop(self) -> bool:
        """Whether the word says nothing of what is asked; an unfinished one may yet say much."""
        return self.text in text.STOP and not self.unfinished

    @property
    def may_be_stop(self) -> bool:
        """Whether the word may become one that says nothing of what is asked."""
        return self.unfinished and self.text in text.STOP_STARTS


@dataclass(frozen=True, slots=True)
class Query:
    """A query ready to be asked."""

    raw: str  # as typed, cut to 500 characters
    words: tuple[Word, ...] = ()
    weights: tuple[float, ...] = ()  # 0–1.3, of the words; not all are 0
    phrases: tuple[tuple[str, ...], ...] = ()  # folded words that must stand side by side
    without: tuple[str, ...] = ()  # folded words no hit may hold
    lang: str = "ru"

    def weighted(self) -> list[tuple[Word, float]]:
        """The words in order, each with what it weighs."""
        return list(zip(self.words, self.weights, strict=True))


def parse(raw: str, meaning: Callable[[str], Meaning] = text.meaning) -> Query:
    """The words, "phrases" and -exclusions of any text. Nothing else is syntax.

    `meaning` is asked of each folded word: an index knows its own words sooner.
    """
    raw = text.clean(raw[: MOST_CHARACTERS * 2]).strip()[:MOST_CHARACTERS]
    phrases, without, asked = _taken_apart(raw) if _SYNTAX.search(raw) else ([], [], raw)
    found = [token for token in text.tokens(asked) if not token.compound][:MOST_WORDS]
    words, places = [token.text for token in found], [token.start for token in found]
    if not words and not phrases:  # only “-word”: taken as the word
        words, without = without[:MOST_WORDS], []
        places = [0] * len(words)
    ends = [match.start() for match in _END.finditer(asked)]
    is_open = not (phrases and raw.endswith(('"', "»", "”", "“")))
    meanings = [meaning(word) for word in words]
    return Query(
        raw,
        tuple(
            Word(word, sense.lemmas, is_open and i == len(words) - 1, bisect(ends, places[i]))
            for i, (word, sense) in enumerate(zip(words, meanings, strict=True))
        ),
        _weights(words, meanings),
        tuple(phrases),
        tuple(dict.fromkeys(without))[:MOST_WORDS],
        text.language(raw),
    )


def _taken_apart(raw: str) -> tuple[list[tuple[str, ...]], list[str], str]:
    """The phrases, the words no hit may hold, and the rest with the phrases' words in it."""
    phrases = []
    for match in _QUOTED.finditer(raw):
        inner = text.plain_words(next(part for part in match.groups() if part is not None))
        if inner:
            phrases.append(tuple(inner[:MOST_WORDS]))
    # What `redaction` put in the place of personal data asks for nothing.
    plain = _QUOTED.sub(lambda match: f" {match[0][1:-1]} ", _PLACEHOLDER.sub(" ", raw))
    without = [word for match in _WITHOUT.finditer(plain) for word in text.plain_words(match[1])]
    return phrases, without, _WITHOUT.sub(lambda match: " " * len(match[0]), plain)


def _weights(words: list[str], meanings: list[Meaning]) -> tuple[float, ...]:
    """What each word counts for; greetings and filler nothing, unless there is nothing else."""
    filler = text.filler(words)
    weights = tuple(0.0 if i in filler else sense.weight for i, sense in enumerate(meanings))
    return weights if any(weights) else (1.0,) * len(words)
