"""Coverage of a query by single passages of articles. Ranks nothing.

An article may hold all words of a query in separate chapters; an answer holds them together. A
passage is two neighbouring blocks of content words and the title.
"""

import numpy as np

from kb.index.array_tools import run_starts
from kb.index.corpus import Scores
from kb.ranking.matching import Matches

_APART = 1 << 16  # an article has fewer blocks
BLOCK = 20  # content words
ATTACHED = 0.8  # of what a passage of a file covers: the article's own text comes first
_FILES = 1 << 15  # number of the first block of the files that an article links to
_TITLE = -2  # number of the block of a title, which is no neighbour of block 0


class Passages:
    """The passages of candidates, and the coverage of each word: 1, or a synonym's weight."""

    def __init__(self, matches: Matches) -> None:
        self._units, words = len(matches.docs), len(matches.sought)
        offset = matches.place - matches.title_end[matches.unit]
        block = offset // BLOCK
        block[offset < 0] = _TITLE
        in_file = matches.place - matches.own_end[matches.unit]
        attached = (in_file >= 0).nonzero()[0]
        block[attached] = _FILES + in_file[attached] // BLOCK
        key = matches.unit * _APART + block
        first = run_starts(key)
        lengths = np.append(first[1:], len(key)) - first
        key, self._owner = key[first], matches.unit[first]
        cells = np.repeat(np.arange(len(first)) * words, lengths) + matches.word
        coverage = np.zeros(len(first) * words, np.float32)
        if not matches.is_form.all():  # before the words themselves, which count more
            other = (~matches.is_form).nonzero()[0]
            weights = np.array([each.synonym_weight for each in matches.sought], np.float32)
            coverage[cells[other]] = weights[matches.word[other]]
            cells = cells[matches.is_form]
        coverage[cells] = 1.0
        blocks = coverage.reshape(len(first), words)
        blocks[block[first] >= _FILES] *= np.float32(ATTACHED)
        joined = blocks.copy()
        near = (key[1:] - key[:-1] == 1).nonzero()[0]
        joined[near] = np.maximum(blocks[near], blocks[near + 1])
        title = (block[first] == _TITLE).nonzero()[0]
        if len(title):
            of_unit = np.full(self._units, -1)
            of_unit[self._owner[title]] = title
            title = of_unit[self._owner]
            some = (title >= 0).nonzero()[0]
            joined[some] = np.maximum(joined[some], blocks[title[some]])
        self._coverage = joined
        self._first = run_starts(self._owner)

    def best(self, query_weights: Scores) -> Scores:
        """For each article the coverage of its best passage, in parts of `query_weights`."""
        best = np.zeros(self._units, np.float32)
        if len(self._first):
            coverage = self._coverage @ query_weights
            best[self._owner[self._first]] = np.maximum.reduceat(coverage, self._first)
        return best
