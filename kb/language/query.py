"""What was typed to words, phrases and exclusions. Any text is a query.

What an index knows decides how a compound is asked for; it is told by a function.
"""

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kb.language import morphology, query_words, tokens
from kb.language.query_words import Meaning
from kb.language.tokens import Token

MOST_CHARACTERS = 500
MOST_WORDS = 32

_QUOTED = re.compile(r'"([^"]*)"|«([^»]*)»|“([^”]*)”|„([^“”]*)[“”]')
_PLACEHOLDER = re.compile("‹[a-z]+›")
_SYNTAX = re.compile('["«“„‹\\-−–]')  # without one of these there are only words
_END = re.compile(r"[.!?…]+(?=\s)|\n+")  # of a sentence
_WITHOUT = re.compile(r"(?:(?<=\s)|^)[-−–]([^\W\d_]{3,}(?:[-‐‑][^\W\d_]+)*)(?!\w)")
_SHORT = 3  # letters or digits; parts that are all shorter say nothing without their whole

Knows = Callable[[str, bool], bool]


def anything(word: str, unfinished: bool) -> bool:
    """Stands for an index that knows every word."""
    return True


class Word(NamedTuple):
    """A word of the query: folded, and the dictionary forms it may be."""

    text: str
    lemmas: tuple[str, ...]
    unfinished: bool = False  # the last word: also the beginning of a longer one
    sentence: int = 0  # number of the sentence it stands in
    whole: tuple[str, ...] = ()  # dictionary forms of the compound it is a part of

    @property
    def is_stop(self) -> bool:
        """Whether the word says nothing of what is asked; an unfinished one may yet say much."""
        return self.text in query_words.STOP and not self.unfinished

    @property
    def may_be_stop(self) -> bool:
        """Whether the word may become one that says nothing of what is asked."""
        return self.unfinished and self.text in query_words.STOP_STARTS


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


def parse(
    raw: str,
    meaning: Callable[[str], Meaning] = query_words.meaning,
    knows: Knows = anything,
    exclude: bool = True,
) -> Query:
    """The words, "phrases" and -exclusions of any text. Nothing else is syntax.

    `meaning` is asked of each folded word: an index knows its own words sooner. `knows` says
    whether it holds a word, or one that begins so. Without `exclude`, `-word` is the word.
    """
    raw = tokens.clean(raw[: MOST_CHARACTERS * 2]).strip()[:MOST_CHARACTERS]
    phrases, without, asked = _taken_apart(raw, knows if exclude else None)
    words_asked = tokens.tokens(asked)
    if without and not phrases and not words_asked:  # only “-word”: taken as the word
        without, asked = [], raw
        words_asked = tokens.tokens(raw)
    found = list(_asked(words_asked, knows))
    signs = [(token, "") for token in tokens.signs(asked) if knows(token.text, False)]
    if signs:
        found = sorted([*found, *signs], key=lambda each: each[0].start)
    found = found[:MOST_WORDS]
    words = [token.text for token, _ in found]
    ends = [match.start() for match in _END.finditer(asked)]
    is_open = not (phrases and raw.endswith(('"', "»", "”", "“")))
    meanings = [meaning(word) for word in words]
    return Query(
        raw,
        tuple(
            Word(
                token.text,
                sense.lemmas,
                is_open and i == len(words) - 1,
                bisect(ends, token.start),
                meaning(whole).lemmas if whole else (),
            )
            for i, ((token, whole), sense) in enumerate(zip(found, meanings, strict=True))
        ),
        _weights(words, meanings),
        tuple(phrases),
        tuple(dict.fromkeys(without))[:MOST_WORDS],
        tokens.language(raw),
    )


def _asked(found: Sequence[Token], knows: Knows) -> Iterator[tuple[Token, str]]:
    """The words to be asked for, each with the whole it may also be found as.

    A compound that the index does not hold is asked for by its parts, if they say anything.
    """
    at = done = 0
    for token in found:  # plain words, as nearly always
        if token.extra or token.start < done:
            break
        done = token.end
    else:
        yield from ((token, "") for token in found)
        return
    while at < len(found):
        token = found[at]
        end = at + 1
        while end < len(found) and found[end].end <= token.end:
            end += 1
        parts, is_last = found[at + 1 : end], end == len(found)
        at += 1
        if token.extra:
            whole = token.text if knows(token.text, False) else ""
            for part, inner in _asked(parts, knows):
                yield part, inner or whole
            at = end
        elif not parts or knows(token.text, is_last):
            yield token, ""
            at = end
        else:
            leaves = _leaves(parts)
            if max(len(part.text) for part in leaves) < _SHORT:
                yield token, ""
            else:
                yield from ((part, "") for part in leaves)
            at = end


def _leaves(parts: Sequence[Token]) -> list[Token]:
    """The parts of a compound that are no compounds themselves and do not overlap."""
    leaves: list[Token] = []
    for part in parts:
        if leaves and part.start < leaves[-1].end:
            leaves.pop()
        leaves.append(part)
    return leaves


def _taken_apart(raw: str, knows: Knows | None) -> tuple[list[tuple[str, ...]], list[str], str]:
    """The phrases, the words no hit may hold, and the rest with the phrases' words in it."""
    if not _SYNTAX.search(raw):  # only words
        return [], [], raw
    phrases = []
    for match in _QUOTED.finditer(raw):
        inner = tokens.plain_words(next(part for part in match.groups() if part is not None))
        if inner:
            phrases.append(tuple(inner[:MOST_WORDS]))
    # What `redaction` put in the place of personal data asks for nothing.
    plain = _QUOTED.sub(lambda match: f" {match[0][1:-1]} ", _PLACEHOLDER.sub(" ", raw))
    without: list[str] = []
    kept = plain
    for match in _WITHOUT.finditer(plain):
        words = tokens.plain_words(match[1])
        if knows and words and all(_may_be_left_out(word, knows) for word in words):
            without += words
            kept = kept[: match.start()] + " " * len(match[0]) + kept[match.end() :]
    return phrases, without, kept


def without_minus(raw: str) -> str:
    """The query with the words asked for that a minus leaves out."""
    return _WITHOUT.sub(r"\1", raw)


def _may_be_left_out(word: str, knows: Knows) -> bool:
    """Whether `-word` may exclude: a word of the language, and no flag such as `-xzf`."""
    is_flag = word.isascii() and knows(f"-{word}", False)
    return morphology.in_dictionary(word) and not is_flag


def _weights(words: list[str], meanings: list[Meaning]) -> tuple[float, ...]:
    """What each word counts for; greetings and filler nothing, unless there is nothing else."""
    filler = query_words.filler(words)
    return tuple(0.0 if i in filler else sense.weight for i, sense in enumerate(meanings))
