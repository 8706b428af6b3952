"""What was typed to words, phrases and exclusions. Any text is a query; knows nothing of an index."""

import re
from dataclasses import dataclass, replace

from kb import text

MOST_CHARACTERS = 500
MOST_WORDS = 32

_QUOTED = re.compile(r'"([^"]*)"|«([^»]*)»|“([^”]*)”|„([^“”]*)[“”]')
_WITHOUT = re.compile(r"(?:(?<=\s)|^)[-−–](?=\w)(\S+)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the query: folded, and the dictionary forms it may be."""

    text: str
    lemmas: tuple[str, ...]
    weighs: bool = True  # False for greetings, filler and stop words beside others
    compound: bool = False  # a whole whose parts follow as words of their own
    unfinished: bool = False  # the last word: also the beginning of a longer one


@dataclass(frozen=True, slots=True)
class Query:
    """A query ready to be asked."""

    raw: str  # as typed, cut to 500 characters
    words: tuple[Word, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()  # folded words that must stand side by side
    without: tuple[str, ...] = ()  # folded words no hit may hold
    lang: str = "ru"

    @property
    def weighty(self) -> tuple[Word, ...]:
        """The words that count; never empty where `words` is not."""
        return tuple(word for word in self.words if word.weighs)


def parse(raw: str) -> Query:
    """The words, "phrases" and -exclusions of any text. Nothing else is syntax."""
    raw = text.clean(raw[: MOST_CHARACTERS * 2]).strip()[:MOST_CHARACTERS]
    phrases = []
    for match in _QUOTED.finditer(raw):
        inner = tuple(_plain(next(part for part in match.groups() if part is not None)))
        if inner:
            phrases.append(inner[:MOST_WORDS])
    plain = _QUOTED.sub(lambda m: " " + m[0][1:-1] + " ", raw)
    without: list[str] = []
    for match in _WITHOUT.finditer(plain):
        without += _plain(match[1])
    asked = _WITHOUT.sub(" ", plain)
    words = _words(asked, is_open=not (phrases and raw.endswith(('"', "»", "”", "“"))))
    if not words and without and not phrases:  # only “-word”: taken as the word
        words, without = _words(" ".join(without), is_open=True), []
    return Query(
        raw,
        words,
        tuple(phrases),
        tuple(dict.fromkeys(without))[:MOST_WORDS],
        text.language(asked or raw),
    )


def _plain(part: str) -> list[str]:
    return [token.text for token in text.tokens(part) if not token.compound]


def _words(asked: str, is_open: bool) -> tuple[Word, ...]:
    found = text.tokens(asked)[:MOST_WORDS]
    if not found:
        return ()
    weighs = _weighing(tuple(token.text for token in found))
    words = [
        Word(token.text, text.lemmas(token.text), weighs[i], token.compound)
        for i, token in enumerate(found)
    ]
    if is_open:
        words[-1] = replace(
            words[-1], unfinished=True, weighs=True if not any(weighs) else weighs[-1]
        )
    return tuple(words)


def _weighing(words: tuple[str, ...]) -> list[bool]:
    """Which words count: neither greetings, filler nor stop words, unless there is nothing else."""
    filler = text.filler(words)
    weighs = [i not in filler and word not in text.STOP for i, word in enumerate(words)]
    if not any(weighs):
        weighs = [i not in filler for i, _ in enumerate(words)]
    return weighs if any(weighs) else [True] * len(words)
