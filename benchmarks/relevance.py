"""How well ours and its peers rank shared questions, and how sure ours is. Times nothing.

`python benchmarks/relevance.py [sets] [misspelt] [titles] [foreign] [--sample N] [--out]`

Without parts, all of them. `--out` writes `docs/charts/relevance.json` and the charts.
"""

import argparse
import csv
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import md5
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # `benchmarks/http.py` must not stand in for the library's `http`

from benchmarks import peers
from benchmarks.lib import charts, corpora
from kb.base.config import Settings
from kb.jobs import evaluation
from kb.jobs.evaluation import Judged
from kb.language import tokens
from kb.search import Results, Searcher, SearchRequest

SETS = ("xquad-ru", "xquad-en", "danetqa-ru", "bc-anchors-ru", "plausible-anchors-en")
BASES = {
    "dynamics365-bc-ru": ("ru", "articles/dynamics365-bc-ru/business-central"),
    "plausible-docs": ("en", "articles/plausible-docs/docs"),
}
PARTS = ("sets", "misspelt", "titles", "foreign")
FACTORS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4)  # of the threshold; 1 is what is served
DEPTH = 10
MOST_SOURCES = 100

Ranking = Callable[[str, int], list[str]]  # query, how many → ids


# ---------------------------------------------------------------- ours


@dataclass(frozen=True, slots=True)
class Ours:
    """A build of some articles, made and published the way the product makes it."""

    name: str
    searcher: Searcher
    ids: Mapping[str, str]  # slug → id
    titles: Mapping[str, str]  # slug → title
    docs: Sequence[peers.Doc]  # what peers are given: id, title, plain text

    def ask(self, query: str, limit: int = DEPTH, exact: bool = False) -> Results:
        return self.searcher.answer(
            SearchRequest(query, limit=limit, exact=exact, facets=False), date.today()
        )

    def ids_of(self, query: str, limit: int) -> list[str]:
        """At most as many as one page holds."""
        return [self.ids[hit.slug] for hit in self.ask(query, min(limit, 50)).hits]


@contextmanager
def built(name: str, docs: Mapping[str, tuple[str, str]], lang: str) -> Iterator[Ours]:
    """Writes the documents as articles of one language and builds them."""
    with tempfile.TemporaryDirectory(prefix="kb-relevance-") as work:
        folder = Path(work) / "articles"
        ids = evaluation.write_articles(docs, folder)
        with evaluation.built(folder, Settings(lang=lang)) as service:
            searcher = service.catalog().searcher
            plain = corpora.plain(searcher.reader)
            titles = {slug: docs[ids[slug]][0] for slug, _, _ in plain}
            found = [(ids[slug], titles[slug], body) for slug, _, body in plain]
            yield Ours(name, searcher, ids, titles, found)


@contextmanager
def built_base(name: str) -> Iterator[Ours]:
    """As `built`, of a shared base of articles; its ids are paths."""
    lang, folder = BASES[name]
    root = corpora.SHARED / folder
    found = {}
    for path in sorted(root.rglob("*.md*")):
        title, body = corpora.parsed(path)
        if title and body.strip():
            found[str(path.relative_to(root))] = (title, body)
    with built(name, found, lang) as ours:
        yield ours


def others(lang: str, folder: Path) -> list[peers.Engine]:
    """The peers, each in the language of the base."""
    found: list[peers.Engine] = [
        peers.FTS5(folder / "fts5"),
        peers.FTS5(folder / "porter", "porter unicode61"),
        peers.Whoosh(folder / "stemming"),
        peers.Whoosh(folder / "language", lang),
    ]
    if not [*peers.missing(["tantivy"])]:
        stemmer = {"ru": "russian", "en": "english"}[lang]
        found.append(peers.Tantivy(folder / "tantivy", [stemmer]))
    return found


def engines_of(ours: Ours, lang: str, folder: Path) -> dict[str, Ranking]:
    """Ours and the peers over the same documents."""
    found: dict[str, Ranking] = {}
    for engine in others(lang, folder):
        engine.build(ours.docs)
        found[engine.name.replace(f"Whoosh {lang}", "Whoosh language")] = engine.search
    return {**found, "ours": ours.ids_of}


# ---------------------------------------------------------------- judged sets


def half(query: str) -> str:
    """Weights were chosen on the first half of the questions; the other only reports."""
    return "report" if md5(query.encode(), usedforsecurity=False).digest()[0] & 1 else "dev"


def rankings(
    rank: Ranking, judged: Judged, chosen: Sequence[str], change: Callable[[str], str] = str
) -> dict[str, evaluation.Asked]:
    """What each chosen question finds, source documents dropped."""
    found = {}
    for query in chosen:
        sources = judged.sources[query]
        asked = change(judged.queries[query])
        ids = rank(asked, DEPTH + min(len(sources), MOST_SOURCES))
        kept = tuple(id_ for id_ in ids if id_ not in sources)[:DEPTH]
        found[query] = evaluation.Asked(asked, kept, judged.grades[query])
    return found


def scores(name: str, found: Mapping[str, evaluation.Asked]) -> dict[str, dict[str, float]]:
    """Figures of all questions and of each half."""
    parts = {
        "all": list(found.values()),
        "dev": [one for query, one in found.items() if half(query) == "dev"],
        "report": [one for query, one in found.items() if half(query) == "report"],
    }
    told = {}
    for part, asked in parts.items():
        figures = evaluation.score(name, asked).to_json()
        told[part] = {key: figures[key] for key in FIGURES} | {"queries": figures["queries"]}
    return told


FIGURES = ("ndcg@10", "mrr@10", "success@1", "recall@10")


def chosen_of(judged: Judged, sample: int) -> list[str]:
    """The judged questions, or a fixed random sample of them."""
    every = [query for query in judged.grades if query in judged.queries]
    if not sample or sample >= len(every):
        return every
    return sorted(random.Random(corpora.SEED).sample(every, sample))


def judge(name: str, sample: int, with_typos: bool) -> dict[str, object]:
    """One set through every engine; prints its tables."""
    judged = evaluation.read_judged(corpora.SHARED / "sets" / name)
    lang = name.rsplit("-", 1)[1]
    chosen = chosen_of(judged, sample)
    told: dict[str, object] = {}
    with (
        tempfile.TemporaryDirectory(prefix="kb-peers-") as work,
        built(name, judged.docs, lang) as ours,
    ):
        engines = engines_of(ours, lang, Path(work))
        print(
            f"\n{name}: {len(chosen)} of {len(judged.grades)} questions, {len(ours.docs)} articles"
        )
        print(f"{'':18}" + "".join(f"{figure:>11}" for figure in FIGURES) + "   nDCG dev  report")
        plain = {}
        for engine, rank in engines.items():
            plain[engine] = rankings(rank, judged, chosen)
            told[engine] = figures = scores(name, plain[engine])
            print(
                f"{engine:18}"
                + "".join(f"{figures['all'][key]:11.4f}" for key in FIGURES)
                + f"{figures['dev']['ndcg@10']:11.4f}{figures['report']['ndcg@10']:8.4f}"
            )
        stay = [q for q in chosen if set(plain["ours"][q].ranking[:3]) & judged.grades[q].keys()]
        sure = [confident(ours, judged.queries[query]) for query in stay]
        told["answered in the top 3"] = len(stay)
        told["of them confident"] = round(sum(sure) / max(len(sure), 1), 4)
        told["curve"] = curve(ours, [judged.queries[query] for query in stay], confident_share=True)
        print(
            f"answer in the top 3: {len(stay)}, of them confident {told['of them confident']:.3f}"
        )
        if with_typos:
            told["misspelt"] = losses(engines, plain, judged, chosen)
    return told


def losses(
    engines: Mapping[str, Ranking],
    plain: Mapping[str, Mapping[str, evaluation.Asked]],
    judged: Judged,
    chosen: Sequence[str],
) -> dict[str, dict[str, float]]:
    """What one misspelt word per question costs everyone; the same slips for all."""
    chance = random.Random(corpora.SEED)
    wrong = {judged.queries[q]: corpora.misspelt(judged.queries[q], chance) for q in chosen}
    changed = sum(query != typo for query, typo in wrong.items())
    print(f"one word misspelt in {changed} of {len(wrong)} questions")
    told = {}
    for engine, rank in engines.items():
        before = evaluation.score("", list(plain[engine].values())).ndcg
        after = evaluation.score(
            "", list(rankings(rank, judged, chosen, wrong.__getitem__).values())
        ).ndcg
        told[engine] = {
            "ndcg@10": round(after, 4),
            "loss %": round(100 * (before - after) / before, 2) if before else 0.0,
        }
        print(
            f"{engine:18} nDCG@10 {before:.4f} → {after:.4f}, loss {told[engine]['loss %']:.2f} %"
        )
    return told


# ---------------------------------------------------------------- confidence


def confident(ours: Ours, query: str) -> bool:
    """Whether the question is answered with confidence, repairs included, as a reader is told."""
    return ours.ask(query, 1).confident


def curve(ours: Ours, asked: Sequence[str], *, confident_share: bool) -> dict[str, float]:
    """The share that is confident (or is not) at each factor of the threshold, repairs included."""
    told = {}
    for factor in at_each_factor(ours.searcher):
        share = sum(confident(ours, query) for query in asked) / max(len(asked), 1)
        told[f"{factor:g}"] = round(share if confident_share else 1 - share, 4)
    return told


def at_each_factor(searcher: Searcher) -> Iterator[float]:
    """The factors, each while the searcher's threshold is multiplied by it."""
    ranker = searcher._ranker
    level = ranker.chance_level
    try:
        for factor in FACTORS:
            ranker.chance_level = level * factor
            searcher._answers.clear()
            yield factor
    finally:
        ranker.chance_level = level
        searcher._answers.clear()


def tickets(name: str) -> list[str]:
    """Questions people asked other companies."""
    with (corpora.SHARED / "tickets" / name).open(encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)]


def of_set(name: str) -> list[str]:
    """The questions of a set."""
    path = corpora.SHARED / "sets" / name / "queries.jsonl"
    return [str(row["text"]) for row in corpora.rows(path)]


FOREIGN = {
    "xquad-ru on dynamics365-bc-ru": ("dynamics365-bc-ru", lambda: of_set("xquad-ru")),
    "danetqa-ru on dynamics365-bc-ru": ("dynamics365-bc-ru", lambda: of_set("danetqa-ru")),
    "banking77 on plausible-docs": ("plausible-docs", lambda: tickets("banking77_train_en.csv")),
    "clinc150 on plausible-docs": ("plausible-docs", lambda: tickets("clinc150_en.csv")),
}


def foreign(bases: Mapping[str, Ours], sample: int) -> dict[str, object]:
    """Questions on another topic: the share that is answered “nothing”, over the whole curve."""
    told: dict[str, object] = {}
    print("\nquestions on another topic, share not confident, by the factor of the threshold")
    print(f"{'':34}{'asked':>6}" + "".join(f"{factor:>7g}" for factor in FACTORS))
    for name, (where, questions) in FOREIGN.items():
        every = questions()
        asked = random.Random(corpora.SEED).sample(every, min(sample or 1000, len(every)))
        figures = curve(bases[where], asked, confident_share=False)
        told[name] = {"asked": len(asked), "of": len(every), "not confident": figures}
        print(f"{name:34}{len(asked):6}" + "".join(f"{value:7.3f}" for value in figures.values()))
    return told


# ---------------------------------------------------------------- titles


SPELT = """
    a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y - e iu ia
"""
PASSPORT = {
    letter: "" if spelt == "-" else spelt
    for letter, spelt in zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", SPELT.split(), strict=True)
}


def in_latin(title: str) -> str:
    """The title spelt as passports spell Russian; everything else as it is."""
    spelt = (PASSPORT.get(c.lower(), c) for c in title)
    return "".join(
        new.capitalize() if c.isupper() else new for c, new in zip(title, spelt, strict=True)
    )


def titles(ours: Ours, sample: int) -> dict[str, object]:
    """Titles typed letter by letter, in the wrong layout and in Latin letters."""
    every = sorted(ours.titles.items())
    chosen = random.Random(corpora.SEED).sample(every, min(sample or len(every), len(every)))
    typed = unsure = found = same = flippable = latin = spelt = 0
    failing: list[str] = []
    for _, title in chosen:
        for end in range(3, len(title) + 1):
            if not title[end - 1].isalnum():
                continue  # a space or a bracket asks what was asked before it
            typed += 1
            if not confident(ours, title[:end]):
                unsure += 1
                failing.append(title[:end])
        plain = ours.ask(title)
        found += any(ours.titles[hit.slug] == title for hit in plain.hits[:5])
        wrong = ours.ask(corpora.flipped(title))
        flippable += 1
        same += bool(
            plain.hits
            and wrong.hits
            and ours.titles[wrong.hits[0].slug] == ours.titles[plain.hits[0].slug]
        )
        if tokens.language(title) == "ru":
            spelt += 1
            hits = ours.ask(in_latin(title)).hits[:5]
            latin += any(ours.titles[hit.slug] == title for hit in hits)
    told = {
        "titles": len(chosen),
        "of": len(every),
        "prefixes": typed,
        "prefixes without a confident result %": round(100 * unsure / max(typed, 1), 3),
        "such prefixes": failing[:50],
        "article in the top 5 %": round(100 * found / len(chosen), 2),
        "same first article in the wrong layout %": round(100 * same / flippable, 2),
        "transliterated": spelt,
        "transliterated, article in the top 5 %": round(100 * latin / max(spelt, 1), 2),
    }
    print(f"\ntitles of {ours.name}: {len(chosen)} of {len(every)}")
    for key, value in told.items():
        if "%" in key:
            print(f"  {key}: {value}")
    print(f"  prefixes typed: {typed}; without a confident result: {failing[:20]}")
    return told


# ---------------------------------------------------------------- all


def write_out(told: Mapping[str, Mapping[str, object]]) -> None:
    """The JSON and the charts of the documentation."""
    docs = ROOT / "docs"
    (docs / "charts").mkdir(parents=True, exist_ok=True)
    known = docs / "charts" / "relevance.json"
    whole = json.loads(known.read_text("utf-8")) if known.exists() else {}
    for part, figures in told.items():
        whole[part] = {**whole.get(part, {}), **figures}
    known.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if sets := whole.get("sets"):
        groups = {
            name: {engine: row["all"]["ndcg@10"] for engine, row in figures.items() if "all" in row}
            for name, figures in (
                (name, {k: v for k, v in rows.items() if isinstance(v, dict) and "all" in v})
                for name, rows in sets.items()
            )
        }
        drawing = charts.bars(
            "How well the shared questions are answered", "nDCG@10, higher is better; "
            "source documents of link texts dropped", groups, form="{:.3f}", lowest=0.4,
        )  # fmt: skip
        (docs / "charts" / "relevance.svg").write_text(drawing, "utf-8")
        slips = {
            name: {engine: row["loss %"] for engine, row in rows["misspelt"].items()}
            for name, rows in sets.items()
            if "misspelt" in rows
        }
        if slips:
            drawing = charts.bars(
                "What one misspelt word costs", "% of nDCG@10 lost, lower is better", slips,
                form="{:.1f} %",
            )  # fmt: skip
            (docs / "charts" / "misspelt.svg").write_text(drawing, "utf-8")
    if topics := whole.get("foreign"):
        series = {
            f"{name}: not confident": list(row["not confident"].values())
            for name, row in topics.items()
        }
        for name in ("bc-anchors-ru", "plausible-anchors-en", "danetqa-ru"):
            if name in whole.get("sets", {}):
                series[f"{name}, answered: confident"] = list(whole["sets"][name]["curve"].values())
        drawing = charts.lines(
            "Confidence over its threshold",
            "share of questions by the factor of the threshold; 1 is what is served",
            FACTORS, series, 1.0,
        )  # fmt: skip
        (docs / "charts" / "confidence.svg").write_text(drawing, "utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", default=PARTS, help=", ".join(PARTS))
    options.add_argument("--set", action="append", default=[], help="only these sets")
    options.add_argument("--sample", type=int, default=0, help="questions or titles of each")
    options.add_argument("--out", action="store_true", help="write JSON and charts into docs")
    given = options.parse_args()
    corpora.require()
    began = time.perf_counter()
    chosen = [name for name in given.set or SETS if "sets" in given.parts or "xquad" in name]

    def keep(**told: Mapping[str, object]) -> None:
        """What is measured is kept, whatever becomes of the rest."""
        if given.out:
            write_out(told)

    if {"sets", "misspelt"} & set(given.parts):
        keep(
            sets={
                name: judge(name, given.sample, "misspelt" in given.parts and "xquad" in name)
                for name in chosen
            }
        )
    if "foreign" in given.parts:
        with built_base("dynamics365-bc-ru") as bc, built_base("plausible-docs") as plausible:
            keep(foreign=foreign({each.name: each for each in (bc, plausible)}, given.sample))
    if "titles" in given.parts:
        with built_base("dynamics365-bc-ru") as bc:
            keep(titles=titles(bc, given.sample))
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
