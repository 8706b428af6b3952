"""The lexicon: which words an index knows, how often, and what comes near them.

`corrections` and `transliteration` ask it; `kb.search` gives one over the segments of a build.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from kb.language import morphology, tokens
from kb.language.spelling import Near, Speller
from kb.language.vocabulary import Vocabulary


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

    def side_by_side(self, words: Sequence[str]) -> bool:
        """Whether some document holds the words one after another, in these very forms."""


class MemoryLexicon:
    """A `Lexicon` in memory, made from texts: for tests, tools, and bases of a few articles."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._forms: dict[str, set[int]] = {}
        self._lemmas: dict[str, set[int]] = {}
        counts: dict[str, int] = {}
        self._contents: list[str] = []
        for document, content in enumerate(texts):
            self._contents.append(f" {' '.join(tokens.plain_words(content))} ")
            for token in tokens.tokens(content):
                counts[token.text] = counts.get(token.text, 0) + 1
                self._forms.setdefault(token.text, set()).add(document)
        for form, documents in self._forms.items():
            for lemma in morphology.lemmas(form):
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
            set().union(*(self._lemmas.get(lemma, set()) for lemma in morphology.lemmas(word)))
            for word in words
        ]
        return len(set.intersection(*holding)) if holding else 0

    def side_by_side(self, words: Sequence[str]) -> bool:
        """As in `Lexicon`."""
        return any(f" {' '.join(words)} " in content for content in self._contents)
