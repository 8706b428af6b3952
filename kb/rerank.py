"""Scores of candidates from their own letters and the order of their words. Finds no hits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.instant import Corpus, Scores
from kb.matches import FORM, Matches
from kb.schema import K1, B

CANDIDATES = 200  # at most
BODY, TITLE, LINE, PAIRS = 0.3, 0.6, 0.25, 0.7  # weights of the parts
CLAIMED = 0.5  # of all its letters, to an article that claims to answer this very question
LINED = 40  # of the candidates, whose headings and answered questions are compared


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


def parts(matches: Matches, lengths: Lengths, scores: Scores) -> dict[str, Scores]:
    """What letters and the order of words add to each candidate, by name.

    `scores` are those of the words so far: headings are compared only where they may decide.
    """
    found = {
        "content": _content(matches, lengths.content, BODY),
        "title": _content(matches, lengths.title, TITLE, _in_titles(matches)),
        "order": _order(matches, lengths.content),
    }
    found["line"] = _lines(matches, lengths, scores + sum(found.values()))
    return found


def _worth(matches: Matches, weight: float) -> Scores:
    """What each word of the query counts in full."""
    worth = [weight * (K1 + 1) * each.weight * each.alike.letters for each in matches.sought]
    return np.array(worth, np.float32)


def _in_titles(matches: Matches) -> NDArray[np.intp]:
    """The matches that stand in titles."""
    starts, titles = [], []
    corpus = matches.corpus
    bounds = np.searchsorted(matches.docs, corpus.bases).tolist()
    for segment, base, low, high in zip(
        corpus.segments, corpus.bases, bounds, bounds[1:], strict=False
    ):
        local = matches.docs[low:high] - base
        starts.append(segment.arrays["content.ptr"][local])
        titles.append(segment.arrays["content.title"][local])
    if not starts:
        return np.empty(0, np.intp)
    ends = np.concatenate(starts) + 2 + np.concatenate(titles)  # a border of two stands before it
    return np.flatnonzero(matches.place < ends[matches.unit])


def _content(
    matches: Matches, norms: Scores, weight: float, chosen: NDArray[np.intp] | None = None
) -> Scores:
    """BM25 of letters: each word of the query counts as often as words like it stand there."""
    units, words = len(matches.docs), len(matches.sought)
    unit, word, likeness = matches.unit, matches.word, matches.likeness
    if chosen is not None:
        unit, word, likeness = unit[chosen], word[chosen], likeness[chosen]
    flat: NDArray[Any] = np.bincount(unit * words + word, weights=likeness, minlength=units * words)
    tf = flat.reshape(units, words)
    found: Scores = (tf / (tf + norms[matches.docs][:, None])).astype(np.float32) @ _worth(
        matches, weight
    )
    return found


def _order(matches: Matches, norms: Scores) -> Scores:
    """BM25 of pairs: words one or two apart in the query that are so in the article as well."""
    units, columns = len(matches.docs), 2 * len(matches.sought)
    chosen = np.flatnonzero(matches.kind == FORM)
    unit, word, place = matches.unit[chosen], matches.word[chosen], matches.place[chosen]
    flat = np.zeros(units * columns)
    for step in (1, 2):
        apart = word[step:] - word[:-step]
        near = (place[step:] - place[:-step] <= 2) & (apart >= 1) & (apart <= 2)
        near &= unit[step:] == unit[:-step]
        cells = unit[:-step][near] * columns + 2 * word[:-step][near] + apart[near] - 1
        flat += np.bincount(cells, minlength=len(flat))
    counts = flat.reshape(units, columns)
    # How rare a pair is is judged among the candidates: who holds it is nearly always one.
    idf = np.log(max(matches.corpus.count, 1) / (np.count_nonzero(counts, axis=0) + 1)) + 1
    found: Scores = (counts / (counts + norms[matches.docs][:, None])) @ (idf * PAIRS * (K1 + 1))
    return found.astype(np.float32)


def _lines(matches: Matches, lengths: Lengths, scores: Scores) -> Scores:
    """BM25 of letters of the best heading or answered question, of the best candidates so far."""
    best = np.zeros(len(matches.docs), np.float32)
    may_win = np.ones(len(best), bool)
    if len(best) > LINED:
        may_win = scores >= np.partition(scores, -LINED)[-LINED]
    chosen = np.flatnonzero(may_win[matches.unit])
    line = matches.gathered("line", chosen)
    inside = np.flatnonzero(line)
    if not len(inside):
        return best
    chosen, line = chosen[inside], line[inside]
    unit, words = matches.unit[chosen], len(matches.sought)
    new = np.ones(len(line), bool)
    new[1:] = (line[1:] != line[:-1]) | (unit[1:] != unit[:-1])
    group = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    cells = group * words + matches.word[chosen]
    flat: NDArray[Any] = np.bincount(
        cells, weights=matches.likeness[chosen], minlength=len(first) * words
    )
    tf = flat.reshape(len(first), words)
    number = lengths.first_line[matches.docs[unit[first]]] + line[first] - 1
    held = (tf / (tf + lengths.line[number][:, None])).astype(np.float32)
    worth = _worth(matches, LINE)
    whole = (tf >= 1).all(axis=1) & (lengths.words_of_line[number] == words)
    claimed = whole & lengths.is_claim[number]
    np.maximum.at(best, unit[first], held @ worth + claimed * (CLAIMED / LINE * worth.sum()))
    return best


def total(scores: Scores, found: dict[str, Scores]) -> Scores:
    """The sum of the words' scores and all parts."""
    return scores + found["content"] + found["title"] + found["order"] + found["line"]
