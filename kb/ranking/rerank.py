"""Re-scores candidates by n-grams, order and proximity of words. Finds no hits."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.index import array_tools
from kb.index.array_tools import run_starts
from kb.index.corpus import Corpus, Docs, Scores, length_norms
from kb.index.schema import K1
from kb.ranking.matching import Matches

CANDIDATES = 200  # at most
MIN_RESCORED, MIN_SHARE = 30, 0.6  # re-scored: at least 30, and all above 0.6 of the best score
BODY, TITLE, LINE, PAIRS, PLACE = 0.3, 0.6, 0.25, 0.6, 1.0  # weights of the parts
CLAIM = 0.5  # of the gain of all n-grams, times how surely an article answers this very query
LINE_CANDIDATES = 40  # best candidates, whose headings and answered questions are compared
PARTS = ("content", "title", "order", "place", "line")


class Rescored(NamedTuple):
    """Articles after re-scoring.

    `coverage` is questions × articles: for each row of weights of the query's words the coverage
    of the best passage of each article.
    """

    scores: Scores
    order: NDArray[Any]  # numbers among the articles, the best first
    parts: dict[str, Scores]  # of the scores, without boosts
    coverage: Scores


class Found(NamedTuple):
    """The candidates of a query, best first."""

    docs: Docs
    scores: Scores
    total: int  # articles that score at all
    coverage: list[float]  # for each row of weights, the most that a passage of the first covers


class LengthNorms:
    """BM25's length norms of content, titles and lines; averages are of live articles."""

    def __init__(self, corpus: Corpus) -> None:
        self.content = _norms(corpus, "content.length")
        self.title = _norms(corpus, "content.title")
        self.line = _norms(corpus, "lines.length")
        self.first_line = array_tools.offsets(corpus.lines)
        self.words_of_line = corpus.column("lines.length")
        self.claims = corpus.column("lines.claim")


def _norms(corpus: Corpus, name: str) -> Scores:
    return length_norms(corpus.column(name), *corpus.averages[name])


def parts(
    matches: Matches, coverage: Scores, norms: LengthNorms, words: Scores
) -> dict[str, Scores]:
    """The scores of n-grams, order and proximity of each candidate, by the names of `PARTS`.

    `coverage` is that of the best passage of each, `words` are the word scores: headings are
    compared only where they may decide.
    """
    gain = matches.grams.gain * np.float32(K1 + 1)
    titled = (matches.near_place < matches.title_end[matches.near_unit]).nonzero()[0]
    own = (matches.near_place < matches.own_end[matches.near_unit]).nonzero()[0]
    scores = {
        "content": _saturated(matches, own, norms.content) @ (BODY * gain),
        "title": _saturated(matches, titled, norms.title) @ (TITLE * gain),
        "order": _order(matches, norms.content),
        "place": coverage * np.float32(PLACE),
    }
    scores["line"] = _lines(matches, norms, words + sum(scores.values()))
    return scores


def _saturated(matches: Matches, chosen: NDArray[np.intp], norms: Scores) -> NDArray[Any]:
    """BM25's saturated term frequency of each n-gram of the query: candidates × n-grams.

    Only the words `chosen` count.
    """
    unit, row = matches.near_unit[chosen], matches.near_row[chosen]
    saturated = np.zeros((len(matches.docs), matches.has.shape[1]), np.float32)
    if len(unit):
        first = run_starts(unit)
        units = unit[first]
        tf = _counts(matches, row, first)
        saturated[units] = tf / (tf + norms[matches.docs[units], None])
    return saturated


def _counts(matches: Matches, row: NDArray[Any], first: NDArray[np.intp]) -> NDArray[np.float32]:
    """How many of the words `row` have each n-gram, in runs that begin at `first`."""
    return np.add.reduceat(matches.has[row], first, axis=0, dtype=np.float32)


def _order(matches: Matches, norms: Scores) -> Scores:
    """BM25 of pairs of words that are one or two apart in the query and in the article."""
    units, columns = len(matches.docs), 2 * len(matches.sought)
    unit, word, place = matches.unit, matches.word, matches.place
    counted = matches.is_form & (place < matches.own_end[unit])
    if not counted.all():
        form = counted.nonzero()[0]
        unit, word, place = unit[form], word[form], place[form]
    row = unit * columns + 2 * word - 1
    cells = []
    for step in (1, 2):
        apart = word[step:] - word[:-step]
        near = (place[step:] - place[:-step] <= 2) & (apart >= 1) & (apart <= 2)
        near &= unit[step:] == unit[:-step]
        at = near.nonzero()[0]
        cells.append(row[at] + apart[at])
    pairs = np.concatenate(cells)
    if not len(pairs):
        return np.zeros(units, np.float32)
    counts = np.bincount(pairs, minlength=units * columns).reshape(units, columns)
    # The frequency of a pair is that among the candidates: an article that holds it is one.
    idf = np.log(max(matches.corpus.count, 1) / (np.count_nonzero(counts, axis=0) + 1)) + 1
    scores: Scores = (counts / (counts + norms[matches.docs, None])) @ (idf * PAIRS * (K1 + 1))
    return scores.astype(np.float32)


def _lines(matches: Matches, norms: LengthNorms, scores: Scores) -> Scores:
    """BM25 of n-grams of the best heading or answered question, of the best candidates so far."""
    best = np.zeros(len(matches.docs), np.float32)
    unit, place, row = matches.near_unit, matches.near_place, matches.near_row
    if len(best) > LINE_CANDIDATES:
        may_win = scores >= np.partition(scores, -LINE_CANDIDATES)[-LINE_CANDIDATES]
        chosen = may_win[unit].nonzero()[0]
        unit, place, row = unit[chosen], place[chosen], row[chosen]
    line = matches.gathered("line", unit, place)
    inside = line.nonzero()[0]
    if not len(inside):
        return best
    unit, row, line = unit[inside], row[inside], line[inside]
    new = np.ones(len(line), bool)
    new[1:] = (line[1:] != line[:-1]) | (unit[1:] != unit[:-1])
    first = new.nonzero()[0]
    unit, line = unit[first], line[first]
    tf = _counts(matches, row, first)
    number = norms.first_line[matches.docs[unit]] + line - 1
    gain = matches.grams.gain * np.float32(LINE * (K1 + 1))
    lines = tf / (tf + norms.line[number][:, None]) @ gain
    is_whole = (tf > 0).all(axis=1) & (norms.words_of_line[number] == len(matches.sought))
    claim = is_whole * norms.claims[number]
    np.maximum.at(best, unit, lines + claim * np.float32(CLAIM / LINE * gain.sum()))
    return best


def in_order(corpus: Corpus, docs: Docs, scores: Scores) -> NDArray[np.intp]:
    """Numbers of articles, best first; of equal scores to three places, the newest first."""
    return np.lexsort((docs, -corpus.updated[docs], -np.round(scores, 3)))


def best_hits(scores: Scores, most: int) -> Docs:
    """The `most` best of the articles that score above 0, best first."""
    return best_first(scores, min(most, int(np.count_nonzero(scores > 0))))


def best_first(scores: Scores, most: int) -> Docs:
    """The `most` highest scores' articles, highest first, lower numbers first among equals."""
    if most <= 0:
        return np.empty(0, np.int32)
    top = np.arange(len(scores))
    if most < len(scores):
        floor = np.partition(scores, -most)[-most]
        above = (scores > floor).nonzero()[0]
        equal = (scores == floor).nonzero()[0][: most - len(above)]
        top = np.sort(np.concatenate((above, equal)))
    return top[np.argsort(-scores[top], kind="stable")].astype(np.int32)
