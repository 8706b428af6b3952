"""How good the ranking is: expectations and judged questions to figures. Ranks nothing itself.

Both kinds of questions are asked of a build made for the purpose, the way the product makes it, so
neither the published build nor the log is touched.
"""

import json
import math
import tempfile
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from kb.base import wrong_values
from kb.base.config import Settings
from kb.base.errors import KBError, reason
from kb.base.messages import Message

if TYPE_CHECKING:
    from kb.search import EngineName
    from kb.service import KnowledgeBase

DEPTH = 10
_MOST = 100  # hits asked for, with source documents still among them

Progress = Callable[[int, int], None]


class CannotEvaluate(KBError):
    """A file of expectations or judgements cannot be used."""


# ---------------------------------------------------------------- figures of one ranking


def ndcg(ranking: Sequence[str], grades: Mapping[str, float], depth: int = DEPTH) -> float:
    """Discounted gain, grade / log2(rank + 1), of the first hits, as a share of the best."""
    best = sorted(grades.values(), reverse=True)[:depth]
    ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, 1))
    gain = sum(
        grades.get(slug, 0.0) / math.log2(rank + 1) for rank, slug in enumerate(ranking[:depth], 1)
    )
    return gain / ideal if ideal else 0.0


def reciprocal_rank(ranking: Sequence[str], relevant: Collection[str], depth: int = DEPTH) -> float:
    """One over the rank of the first relevant hit; 0 if none is among the first hits."""
    return next((1 / rank for rank, slug in enumerate(ranking[:depth], 1) if slug in relevant), 0.0)


def success(ranking: Sequence[str], relevant: Collection[str]) -> float:
    """1 if the first hit is relevant, else 0."""
    return 1.0 if ranking and ranking[0] in relevant else 0.0


def recall(ranking: Sequence[str], relevant: Collection[str], depth: int = DEPTH) -> float:
    """Share of the relevant that stands among the first hits."""
    return len(set(ranking[:depth]) & set(relevant)) / len(relevant) if relevant else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one set of questions: means over all its questions."""

    name: str
    queries: int
    ndcg: float
    mrr: float
    success: float
    recall: float
    broken: tuple[str, ...] = ()  # expectations of people that no longer hold
    failures: tuple[str, ...] = ()  # questions whose first hit is not relevant

    def to_json(self) -> dict[str, Any]:
        """The shape scripts rely on."""
        return {
            "name": self.name,
            "queries": self.queries,
            "ndcg@10": round(self.ndcg, 4),
            "mrr@10": round(self.mrr, 4),
            "success@1": round(self.success, 4),
            "recall@10": round(self.recall, 4),
            "broken": list(self.broken),
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, what was found, and how much of it is right (grades above 0 are relevant)."""

    query: str
    ranking: tuple[str, ...]
    grades: Mapping[str, float]


def score(name: str, asked: Sequence[Asked], broken: Sequence[str] = ()) -> Score:
    """The means; a question without any relevant article is not counted."""
    judged = [one for one in asked if one.grades]

    def mean(figures: Iterator[float]) -> float:
        return sum(figures) / len(judged) if judged else 0.0

    return Score(
        name,
        len(judged),
        mean(ndcg(one.ranking, one.grades) for one in judged),
        mean(reciprocal_rank(one.ranking, one.grades) for one in judged),
        mean(success(one.ranking, one.grades) for one in judged),
        mean(recall(one.ranking, one.grades) for one in judged),
        tuple(broken),
        tuple(
            Message(
                "“{query}”: wanted {wanted}; first is {first}",
                query=one.query,
                wanted=", ".join(one.grades),
                first=_first(one.ranking),
            )
            for one in judged
            if not success(one.ranking, one.grades)
        ),
    )


def _first(ranking: Sequence[str]) -> str:
    return ranking[0] if ranking else Message("nothing")


# ---------------------------------------------------------------- expectations of people


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class ExpectedArticle(_Model):
    """An expected article, and why it belongs there."""

    slug: str
    reason: str


class Expectation(_Model):
    """A question and the articles that answer it, best first; none: no confident hit may come."""

    query: str
    lang: str | None = None
    expected: tuple[ExpectedArticle, ...]


class Expectations(_Model):
    """A file of questions about `articles` (relative to it; without it, those of the settings)."""

    articles: Path | None = None
    question: tuple[Expectation, ...]


def read_expectations(path: Path) -> Expectations:
    """Raises CannotEvaluate with the place of the mistake."""
    try:
        return Expectations.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise CannotEvaluate(
            Message(
                "there is no {path}; name a .toml of expectations, or a folder with docs.jsonl,"
                " queries.jsonl and qrels.tsv",
                path=str(path),
            )
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotEvaluate(
            Message("{path}: {reason}; correct the file", path=str(path), reason=reason(error))
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CannotEvaluate(
            Message(
                "{path}: {place}: {reason}; a [[question]] has query, lang, and {expected}",
                path=str(path),
                place=".".join(str(part) for part in first["loc"]),
                reason=wrong_values.told(first),
                expected='expected = [{slug = "…", reason = "…"}]',
            )
        ) from None


def complaints(question: Expectation, ranking: Sequence[str], confident: bool) -> Iterator[Message]:
    """What does not hold: the first expected is first, all are among ten, in the given order."""
    expected = [place.slug for place in question.expected]
    if not expected:
        if confident:
            yield Message(
                "“{query}”: nothing was expected; first is {first}",
                query=question.query,
                first=_first(ranking),
            )
        return
    places = {slug: rank for rank, slug in enumerate(ranking[:DEPTH], 1)}
    reasons = {place.slug: place.reason for place in question.expected}
    if _first(ranking) != expected[0]:
        yield Message(
            "“{query}”: {slug} is not first ({reason}); first is {first}",
            query=question.query,
            slug=expected[0],
            reason=reasons[expected[0]],
            first=_first(ranking),
        )
    for before, after in pairwise(expected):
        if after not in places:
            yield Message(
                "“{query}”: {slug} is not among ten ({reason})",
                query=question.query,
                slug=after,
                reason=reasons[after],
            )
        elif before in places and places[before] > places[after]:
            yield Message(
                "“{query}”: {slug} stands before {other} ({reason})",
                query=question.query,
                slug=after,
                other=before,
                reason=reasons[before],
            )


# ---------------------------------------------------------------- judged sets


@dataclass(frozen=True, slots=True)
class Judged:
    """A set of documents, questions, and which documents answer them."""

    docs: Mapping[str, tuple[str, str]]  # id → title, text
    queries: Mapping[str, str]
    sources: Mapping[str, frozenset[str]]  # query → documents it was taken from
    grades: Mapping[str, Mapping[str, float]]


def read_judged(folder: Path) -> Judged:
    """Raises CannotEvaluate with file and line."""
    docs = {row["id"]: (row.get("title", ""), row["text"]) for row in _rows(folder / "docs.jsonl")}
    queries, sources = {}, {}
    for row in _rows(folder / "queries.jsonl"):
        queries[row["id"]] = row["text"]
        sources[row["id"]] = frozenset(row.get("source_docs", ()))
    grades: dict[str, dict[str, float]] = {}
    path = folder / "qrels.tsv"
    for number, line in enumerate(_lines(path), 1):
        try:
            query, doc, grade = line.split("\t")
            value = float(grade)
        except ValueError:
            if number == 1:
                continue  # a heading
            raise CannotEvaluate(
                Message(
                    "{place}: no line of query, document and grade; separate them by tabs",
                    place=f"{path}:{number}",
                )
            ) from None
        if value > 0:
            grades.setdefault(query, {})[doc] = value
    return Judged(docs, queries, sources, grades)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    yield line.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotEvaluate(
            Message(
                "{path}: {reason}; a set is a folder of docs.jsonl, queries.jsonl and qrels.tsv",
                path=str(path),
                reason=reason(error),
            )
        ) from None


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
            if not (isinstance(row["id"], str) and isinstance(row["text"], str)):
                raise TypeError
            yield row
        except (ValueError, KeyError, TypeError):
            raise CannotEvaluate(
                Message(
                    "{place} is no document or question; each line is {example}",
                    place=f"{path}:{number}",
                    example='{"id": "…", "text": "…"}',
                )
            ) from None


def write_articles(docs: Mapping[str, tuple[str, str]], folder: Path) -> dict[str, str]:
    """Documents as article files; returns the id of each slug."""
    folder.mkdir(parents=True)
    ids = {}
    for number, (id_, (title, text)) in enumerate(docs.items()):
        slug = f"d{number:06}"
        front = json.dumps(" ".join(title.split()), ensure_ascii=False)
        (folder / f"{slug}.md").write_text(f"---\ntitle: {front}\n---\n{text}\n", "utf-8")
        ids[slug] = id_
    return ids


# ---------------------------------------------------------------- asking


def evaluate(
    files: Sequence[Path],
    settings: Settings,
    progress: Progress | None = None,
    engine: "EngineName" = "arrays",
) -> Iterator[Score]:
    """The score of each file or folder, in order. Raises CannotEvaluate.

    `engine` scores the words of the queries.
    """
    with ExitStack() as stack:
        opened: dict[Path, KnowledgeBase] = {}
        for file in files:
            if file.is_dir():
                yield _judge(file, settings, progress, engine)
                continue
            expectations = read_expectations(file)
            folder = settings.articles
            if expectations.articles is not None:
                folder = file.parent / expectations.articles
            folder = folder.resolve()
            if folder not in opened:
                opened[folder] = stack.enter_context(built(folder, settings, progress, engine))
            yield _expect(file.stem, expectations, opened[folder])


@contextmanager
def built(
    articles: Path,
    settings: Settings,
    progress: Progress | None = None,
    engine: "EngineName" = "arrays",
) -> "Iterator[KnowledgeBase]":
    """A service over a fresh build of `articles`, gone afterwards."""
    from kb.service import KnowledgeBase

    with tempfile.TemporaryDirectory(prefix="kb-eval-") as data:
        ours = settings.model_copy(
            update={"articles": articles, "data": Path(data) / "var", "database_url": None}
        )
        service = KnowledgeBase.open(ours, engine=engine)
        try:
            service.rebuild(progress=progress)
            yield service
        finally:
            service.close()


def _expect(name: str, expectations: Expectations, service: "KnowledgeBase") -> Score:
    asked: list[Asked] = []
    broken: list[str] = []
    for question in expectations.question:
        results = service.answer(question.query, lang=question.lang, limit=DEPTH)
        ranking = tuple(hit.slug for hit in results.hits)
        broken += complaints(question, ranking, results.confident)
        count = len(question.expected)
        grades = {place.slug: float(count - i) for i, place in enumerate(question.expected)}
        asked.append(Asked(question.query, ranking, grades))
    return score(name, asked, broken)


def _judge(
    folder: Path, settings: Settings, progress: Progress | None, engine: "EngineName"
) -> Score:
    judged = read_judged(folder)
    asked = []
    with tempfile.TemporaryDirectory(prefix="kb-eval-") as work:
        ids = write_articles(judged.docs, Path(work) / "articles")
        with built(Path(work) / "articles", settings, progress, engine) as service:
            for query, grades in judged.grades.items():
                if query not in judged.queries:
                    raise CannotEvaluate(
                        Message(
                            "{folder}: qrels.tsv names {query}; add it to queries",
                            folder=str(folder),
                            query=query,
                        )
                    )
                sources = judged.sources[query]
                limit = min(DEPTH + len(sources), _MOST)
                hits = service.answer(judged.queries[query], limit=limit).hits
                found = (ids[hit.slug] for hit in hits)
                ranking = tuple(id_ for id_ in found if id_ not in sources)[:DEPTH]
                asked.append(Asked(judged.queries[query], ranking, grades))
    return score(folder.resolve().name, asked)
