"""What the shipped synonyms bring: judged questions with one word replaced by a synonym of it.

`python benchmarks/synonyms.py SET…` asks every question of the sets in which a word of a shipped
group stands three times: as it is, without synonyms and with them; and with that word replaced by
another of its group, without and with them. Prints nDCG@10 of each. Changes nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import fmean

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

import yaml

from kb import indexer
from kb.base.config import Settings
from kb.index.builds import Builds
from kb.index.reader import IndexReader
from kb.jobs import evaluation
from kb.language import morphology, synonyms, tokens
from kb.language import query as queries
from kb.language.synonyms import Synonyms
from kb.ranking.ranker import Ranker


def words() -> dict[str, str]:
    """One-word members of the shipped two-way groups, each with the next member of its group."""
    found: dict[str, str] = {}
    for group in yaml.safe_load(synonyms.SHIPPED.read_text("utf-8")):
        single = (
            [str(word) for word in group if " " not in str(word)] if type(group) is list else []
        )
        if len(single) > 1:
            for word, other in zip(single, single[1:] + single[:1], strict=True):
                for lemma in morphology.lemmas(tokens.fold(word)):
                    found.setdefault(lemma, other)
    return found


def replaced(question: str, others: dict[str, str]) -> str:
    """The question with its first word of a group replaced, or empty if it has none."""
    for token in tokens.tokens(question):
        for lemma in morphology.lemmas(token.text):
            if lemma in others and len(token.text) > 2:
                return question[: token.start] + others[lemma] + question[token.end :]
    return ""


def measure(folder: Path) -> Iterator[tuple[str, float]]:
    """nDCG@10 of a set's questions that hold a word of a group, in four ways."""
    judged = evaluation.read_judged(folder)
    others = words()
    with tempfile.TemporaryDirectory() as work:
        ids = evaluation.write_articles(judged.docs, Path(work) / "articles")
        settings = Settings(articles=Path(work) / "articles", data=Path(work) / "var")
        indexer.rebuild(settings)
        reader = IndexReader(Builds(settings.builds).current())
        allowed = reader.corpus.served(date.today())
        asked = {
            id_: (judged.queries[id_], other)
            for id_ in judged.grades
            if (other := replaced(judged.queries[id_], others))
        }
        yield "questions", float(len(asked))
        for name, known in (("without", Synonyms()), ("with", synonyms.shipped())):
            ranker = Ranker(reader.corpus, known, reader.level)

            def score(id_: str, question: str, ranker: Ranker = ranker) -> float:
                docs = ranker.rank(queries.parse(question), allowed).docs[:60]
                found = (ids[reader.card(int(doc))["slug"]] for doc in docs)
                kept = [each for each in found if each not in judged.sources[id_]]
                return evaluation.ndcg(kept, judged.grades[id_])

            yield f"as asked, {name}", fmean(score(id_, pair[0]) for id_, pair in asked.items())
            yield f"replaced, {name}", fmean(score(id_, pair[1]) for id_, pair in asked.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    for folder in parser.parse_args(arguments).sets:
        found = dict(measure(folder))
        told = "  ".join(f"{name} {value:.4g}" for name, value in found.items())
        print(f"{folder.name:22} {told}", flush=True)


if __name__ == "__main__":
    main()
