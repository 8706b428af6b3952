"""How much better questions are found once articles learned others from the log. Times nothing.

`python benchmarks/learning.py [bc-anchors-ru] [banking77] [clinc150] [--known 1,2,4] [--weeks 3]`

Of each article 1, 2 or 4 questions are known, and the rest are asked. The known ones go through the
log: each week three askers type each of them, see what the search shows at that time, open the
right article where it is among the ten, and are content; then a build is made. What they open first
proves nothing, so only known questions whose article stood below another one teach. Beside it, the
same questions all written under `answers`. A quarter of the intents has no known question; of
bc-anchors-ru it is all articles with too few. Last, a network forges 1,000 visits.

An intent is an article with its name as the title and one of its questions as the text.
"""

import argparse
import csv
import json
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

from benchmarks.lib import corpora
from kb.base.config import Settings
from kb.jobs import evaluation
from kb.searchlog.reports import Event, Report, Step
from kb.service import KnowledgeBase

INTENTS = {"banking77": "banking77_train_en.csv", "clinc150": "clinc150_en.csv"}
BASES = ("bc-anchors-ru", *INTENTS)
ASKERS = 3
ASKED = 14  # questions of an intent, known ones among them
UNKNOWN = 0.25  # of the intents
DEPTH = 10
FORGED = 1000


class Question(NamedTuple):
    """A question, the article that answers it, and those it was taken from."""

    text: str
    article: str
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Base:
    """Articles with title and text by id, and the questions of each."""

    name: str
    lang: str
    docs: Mapping[str, tuple[str, str]]
    questions: Mapping[str, Sequence[Question]]

    def split(self, known: int) -> "Split":
        """The questions, `known` of them known for each article that has more."""
        able = [each for each, asked in self.questions.items() if len(asked) > known]
        random.Random(corpora.SEED).shuffle(able)
        if self.name in INTENTS:
            able = able[int(UNKNOWN * len(able)) :]
        taught = {each: self.questions[each][:known] for each in sorted(able)}
        rest = [question for each in taught for question in self.questions[each][known:]]
        others = [q for each, asked in self.questions.items() if each not in taught for q in asked]
        return Split([q for asked in taught.values() for q in asked], rest, others)

    def first(self, articles: int) -> "Base":
        """The base of so many of its articles, and their questions."""
        docs = dict(list(self.docs.items())[:articles])
        questions = {each: asked for each, asked in self.questions.items() if each in docs}
        return Base(self.name, self.lang, docs, questions)


class Split(NamedTuple):
    """Known questions, the rest of theirs, and those of articles without known ones."""

    known: Sequence[Question]
    rest: Sequence[Question]
    others: Sequence[Question]


def base(name: str) -> Base:
    """A base by its name, its questions in a random order that is always the same."""
    chance = random.Random(corpora.SEED)
    docs: dict[str, tuple[str, str]] = {}
    questions: dict[str, list[Question]] = defaultdict(list)
    if name in INTENTS:
        by_label: dict[str, set[str]] = defaultdict(set)
        with (corpora.SHARED / "tickets" / INTENTS[name]).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["label"] != "oos":
                    by_label[row["label"]].add(row["text"])
        for label, texts in sorted(by_label.items()):
            text, *asked = chance.sample(sorted(texts), ASKED + 1)
            docs[label] = (label.replace("_", " ").capitalize(), text)
            questions[label] = [Question(each, label) for each in asked]
        return Base(name, "en", docs, questions)
    judged = evaluation.read_judged(corpora.SHARED / "sets" / name)
    for id_, grades in sorted(judged.grades.items()):
        for article in grades:
            questions[article].append(Question(judged.queries[id_], article, judged.sources[id_]))
    for asked in questions.values():
        chance.shuffle(asked)
    return Base(name, name[-2:], judged.docs, questions)


class Site:
    """A service over a base, with a log of its own."""

    def __init__(self, service: KnowledgeBase, ids: Mapping[str, str]) -> None:
        self.service = service
        self._ids = ids
        self._visits = 0

    def found(self, query: str, limit: int = DEPTH) -> list[str]:
        """The ids of the articles found, the best first."""
        results = self.service.answer(query, limit=limit, facets=False)
        return [self._ids[hit.slug] for hit in results.hits]

    def visit(self, question: Question, asker: str) -> None:
        """One asks, and opens the right article where it is shown."""
        shown = [hit.slug for hit in self.service.answer(question.text, facets=False).hits]
        right = next((slug for slug in shown if self._ids[slug] == question.article), "")
        self._visits += 1
        rank = shown.index(right) + 1 if right else 0
        report = Report(
            run=f"r{self._visits}",
            visit=f"v{self._visits}",
            lang=self.service.settings.lang,
            steps=(Step(question.text, 0),),
            shown=tuple((slug, at) for at, slug in enumerate(shown, 1)),
            events=(Event("click", right, rank, 3_000) if right else Event("left", ms=5_000),),
        )
        self.service.report(report, asker=asker)
        if self._visits % 200 == 0:
            self.service.recorder.flush(600)

    def ndcg(self, asked: Sequence[Question]) -> float:
        """The mean of nDCG@10, source documents dropped."""
        total = 0.0
        for question in asked:
            found = self.found(question.text, DEPTH + min(len(question.sources), 40))
            kept = [each for each in found if each not in question.sources]
            total += evaluation.ndcg(kept, {question.article: 1.0})
        return total / max(1, len(asked))


@contextmanager
def site(source: Base, answers: Sequence[Question] = ()) -> Iterator[Site]:
    """The base, built; the questions of `answers` stand under that key of their articles."""
    with tempfile.TemporaryDirectory(prefix="kb-learning-") as work:
        folder = Path(work) / "articles"
        ids = evaluation.write_articles(source.docs, folder)
        for slug, id_ in ids.items():
            claimed = [question.text for question in answers if question.article == id_]
            if claimed:
                path = folder / f"{slug}.md"
                line = f"---\nanswers: {json.dumps(claimed, ensure_ascii=False)}\n"
                path.write_text(path.read_text("utf-8").replace("---\n", line, 1), "utf-8")
        settings = Settings(lang=source.lang, articles=folder, data=Path(work) / "var")
        service = KnowledgeBase.open(settings)
        try:
            service.rebuild()
            yield Site(service, ids)
        finally:
            service.close()


@dataclass(frozen=True, slots=True)
class Figures:
    """nDCG@10 of the rest and of questions without known ones, before and after."""

    before: tuple[float, float]
    learned: tuple[float, float]
    answers: tuple[float, float]
    lines: int
    known: int
    moved: int  # questions whose first ten are others after forged visits

    @property
    def gain(self) -> float:
        """What learning adds for the rest."""
        return self.learned[0] - self.before[0]

    @property
    def share(self) -> float:
        """The gain, as a share of what `answers` add."""
        return self.gain / max(1e-9, self.answers[0] - self.before[0])

    @property
    def loss(self) -> float:
        """What questions of articles without known ones lose."""
        return self.before[1] - self.learned[1]


def measure(source: Base, known: int, weeks: int, forged: int = FORGED) -> Figures:
    """Teaches a base through its log, week by week."""
    split = source.split(known)

    def both(asked: Site) -> tuple[float, float]:
        return asked.ndcg(split.rest), asked.ndcg(split.others)

    with site(source) as ours:
        before = both(ours)
        for week in range(weeks):
            for number, question in enumerate(split.known):
                for asker in range(ASKERS):  # of one asker a thousand things a day are counted
                    ours.visit(question, f"asker {week} {number} {asker}")
            ours.service.recorder.flush(600)
            ours.service.rebuild()
        learned = both(ours)
        lines = sum(map(len, ours.service.catalog().reader.learned.values()))
        moved = _forge(ours, split, forged)
    with site(source, split.known) as written:
        answers = both(written)
    return Figures(before, learned, answers, lines, len(split.known), moved)


def _forge(ours: Site, split: Split, visits: int) -> int:
    """One network opens for each question an article that is wrong; returns how many ranks move."""
    watched = [*split.rest[:50], *split.others[:50]]
    before = [ours.found(question.text) for question in watched]
    for number in range(visits):
        right = watched[number % len(watched)]
        wrong = next((each for each in before[number % len(watched)][1:]), right.article)
        ours.visit(right._replace(article=wrong), "forger")
    ours.service.recorder.flush(600)
    ours.service.rebuild()
    after = [ours.found(question.text) for question in watched]
    return sum(was != now for was, now in zip(before, after, strict=True))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("bases", nargs="*", help=", ".join(BASES))
    asked.add_argument("--known", default="1,2,4")
    asked.add_argument("--weeks", type=int, default=3)
    asked.add_argument("--forged", type=int, default=FORGED, help="visits of one network")
    options = asked.parse_args()
    corpora.require()
    print("nDCG@10 of the rest; loss: of questions of articles without known ones")
    for name in options.bases or BASES:
        source = base(name)
        for known in map(int, options.known.split(",")):
            found = measure(source, known, options.weeks, options.forged)
            print(
                f"{name:14} known {known}: {found.before[0]:.4f}"
                f" -> learned {found.learned[0]:.4f} ({found.gain:+.4f},"
                f" {found.share:.0%} of answers {found.answers[0]:.4f}),"
                f" lines {found.lines} of {found.known}, loss {found.loss:+.4f}"
                f" (answers {found.before[1] - found.answers[1]:+.4f}), forged moved {found.moved}",
                flush=True,
            )


if __name__ == "__main__":
    main()
