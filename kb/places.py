"""How much of a query single places of articles hold: a title and sixty words or so. Ranks nothing.

An article may hold all words of a question and say nothing of it, each word in another chapter;
what answers stands together.
"""

import numpy as np

from kb.instant import Scores
from kb.letters import runs
from kb.matches import Matches

_APART = 1 << 16  # an article has fewer blocks
BLOCK = 20  # content words; two neighbouring blocks and the title make a place


class Places:
    """Places of the candidates, and how far each holds each word: 1, or what a synonym counts."""

    def __init__(self, matches: Matches) -> None:
        self._units, words = len(matches.docs), len(matches.sought)
        behind = matches.place - matches.title_end[matches.unit]
        block = behind // BLOCK
        block[behind < 0] = -2  # a title is no neighbour
        key = matches.unit * _APART + block
        first = runs(key)
        lengths = np.append(first[1:], len(key)) - first
        key, self._owner = key[first], matches.unit[first]
        cells = np.repeat(np.arange(len(first)) * words, lengths) + matches.word
        held = np.zeros(len(first) * words, np.float32)
        if not matches.is_form.all():  # first: the word itself counts more
            other = (~matches.is_form).nonzero()[0]
            likeness = np.array([each.other_weight for each in matches.sought], np.float32)
            held[cells[other]] = likeness[matches.word[other]]
            cells = cells[matches.is_form]
        held[cells] = 1.0
        places = held.reshape(len(first), words)
        joined = places.copy()
        near = (key[1:] - key[:-1] == 1).nonzero()[0]
        joined[near] = np.maximum(places[near], places[near + 1])
        title = (block[first] == -2).nonzero()[0]
        if len(title):
            of_unit = np.full(self._units, -1)
            of_unit[self._owner[title]] = title
            title = of_unit[self._owner]
            some = (title >= 0).nonzero()[0]
            joined[some] = np.maximum(joined[some], places[title[some]])
        self._held = joined
        self._first = runs(self._owner)

    def most(self, masses: Scores) -> Scores:
        """For each article the most that one place of it holds, in what the words are worth."""
        found = np.zeros(self._units, np.float32)
        if len(self._first):
            worth = self._held @ masses
            found[self._owner[self._first]] = np.maximum.reduceat(worth, self._first)
        return found
