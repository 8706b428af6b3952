"""Scores of candidates from letters, order and nearness of words. Finds no hits."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.instant import Corpus, Docs, Scores
from kb.letters import runs
from kb.matches import Matches
from kb.schema import K1, B

CANDIDATES = 200  # at most
FEWEST, HOPELESS = 30, 0.6  # re-scored: so many, and all with this share of the best score
BODY, TITLE, LINE, PAIRS, PLACE = 0.3, 0.6, 0.25, 0.6, 1.0  # weights of the parts
CLAIMED = 0.5  # of all its letters, to an article that claims to answer this very question
LINED = 40  # of the candidates, whose headings and answered questions are compared
PARTS = ("content", "title", "order", "place", "line")


class Rescored(NamedTuple):
    """What letters, order and nearness of words make of articles.

    `held` is, for each way to weigh the words of the query, what the best place of each article
    holds of it.
    """

    scores: Scores
    order: NDArray[Any]  # numbers among the articles, the best first
    parts: dict[str, Scores]  # of the scores, without what favours an article
    held: Scores


class Lengths:
    """BM25's part of the lengths of content, titles and lines; averages are of live articles."""

    def __init__(self, corpus: Corpus) -> None:
        live = corpus.live
        self.content = _norms(corpus, "content.length", live)
        self.title = _norms(corpus, "content.title", live)
        of = [np.diff(segment.arrays["lines.of"]) for segment in corpus.segments]
        per_article = np.concatenate(of) if of else np.empty(0, np.int64)
        self.first_line = np.zeros(len(per_article) + 1, np.int64)
        np.cumsum(per_article, out=self.first_line[1:])
        self.line = _norms(corpus, "lines.length", np.repeat(live, per_article))
        self.words_of_line = _all(corpus, "lines.length")
        self.is_claim = _all(corpus, "lines.claim")


def _all(corpus: Corpus, name: str) -> NDArray[Any]:
    parts = [segment.arrays[name] for segment in corpus.segments]
    return np.concatenate(parts) if parts else np.empty(0)


def _norms(corpus: Corpus, name: str, live: NDArray[np.bool_]) -> Scores:
    lengths = _all(corpus, name).astype(np.float64)
    count = int(np.count_nonzero(live))
    total = float(lengths[live].sum()) if count else 0.0
    average = total / count if total else 1.0
    return (K1 * ((1 - B) + B * lengths / average)).astype(np.float32)


def parts(matches: Matches, held: Scores, lengths: Lengths, scores: Scores) -> dict[str, Scores]:
    """What letters, order and nearness of words add to each candidate, by name.

    `held` is what the best place of each holds, `scores` are those of the words so far: headings
    are compared only where they may decide.
    """
    worth = matches.grams.worth * np.float32(K1 + 1)
    titled = (matches.near_place < matches.title_end[matches.near_unit]).nonzero()[0]
    found = {
        "content": _letters(matches, None, lengths.content) @ (BODY * worth),
        "title": _letters(matches, titled, lengths.title) @ (TITLE * worth),
        "order": _order(matches, lengths.content),
        "place": held * np.float32(PLACE),
    }
    found["line"] = _lines(matches, lengths, scores + sum(found.values()))
    return found


def _letters(matches: Matches, chosen: NDArray[np.intp] | None, norms: Scores) -> NDArray[Any]:
    """BM25's saturated count of each gram of the query in each candidate, by words near."""
    unit, row = matches.near_unit, matches.near_row
    if chosen is not None:
        unit, row = unit[chosen], row[chosen]
    found = np.zeros((len(matches.docs), matches.has.shape[1]), np.float32)
    if len(unit):
        first = runs(unit)
        units = unit[first]
        tf = _counts(matches, row, first)
        found[units] = tf / (tf + norms[matches.docs[units], None])
    return found


def _counts(matches: Matches, row: NDArray[Any], first: NDArray[np.intp]) -> NDArray[np.float32]:
    """How many of the words `row` have each gram, in runs that begin at `first`."""
    return np.add.reduceat(matches.has[row], first, axis=0, dtype=np.float32)


def _order(matches: Matches, norms: Scores) -> Scores:
    """BM25 of pairs: words one or two apart in the query that are so in the article as well."""
    units, columns = len(matches.docs), 2 * len(matches.sought)
    unit, word, place = matches.unit, matches.word, matches.place
    if not matches.is_form.all():
        form = matches.is_form.nonzero()[0]
        unit, word, place = unit[form], word[form], place[form]
    row = unit * columns + 2 * word - 1
    cells = []
    for step in (1, 2):
        apart = word[step:] - word[:-step]
        near = (place[step:] - place[:-step] <= 2) & (apart >= 1) & (apart <= 2)
        near &= unit[step:] == unit[:-step]
        at = near.nonzero()[0]
        cells.append(row[at] + apart[at])
    found = np.concatenate(cells)
    if not len(found):
        return np.zeros(units, np.float32)
    counts = np.bincount(found, minlength=units * columns).reshape(units, columns)
    # How rare a pair is is judged among the candidates: who holds it is nearly always one.
    idf = np.log(max(matches.corpus.count, 1) / (np.count_nonzero(counts, axis=0) + 1)) + 1
    worth: Scores = (counts / (counts + norms[matches.docs, None])) @ (idf * PAIRS * (K1 + 1))
    return worth.astype(np.float32)


def _lines(matches: Matches, lengths: Lengths, scores: Scores) -> Scores:
    """BM25 of letters of the best heading or answered question, of the best candidates so far."""
    best = np.zeros(len(matches.docs), np.float32)
    unit, place, row = matches.near_unit, matches.near_place, matches.near_row
    if len(best) > LINED:
        may_win = scores >= np.partition(scores, -LINED)[-LINED]
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
    number = lengths.first_line[matches.docs[unit]] + line - 1
    worth = matches.grams.worth * np.float32(LINE * (K1 + 1))
    held = tf / (tf + lengths.line[number][:, None]) @ worth
    is_whole = (tf > 0).all(axis=1) & (lengths.words_of_line[number] == len(matches.sought))
    claimed = is_whole & lengths.is_claim[number]
    np.maximum.at(best, unit, held + claimed * np.float32(CLAIMED / LINE * worth.sum()))
    return best


def in_order(corpus: Corpus, docs: Docs, scores: Scores) -> NDArray[np.intp]:
    """The best first; of those that score the same to three places, the newest."""
    return np.lexsort((docs, -corpus.updated[docs], -np.round(scores, 3)))


def best_first(scores: Scores, most: int) -> Docs:
    """The `most` highest scores' articles, highest first, lower numbers first among equals."""
    if most <= 0:
        return np.empty(0, np.int32)
    top = np.arange(len(scores))
    if most < len(scores):
        floor = np.partition(scores, -most)[-most]
        above = (scores > floor).nonzero()[0]
        level = (scores == floor).nonzero()[0][: most - len(above)]
        top = np.sort(np.concatenate((above, level)))
    return top[np.argsort(-scores[top], kind="stable")].astype(np.int32)
