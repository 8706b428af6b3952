"""A day of five thousand visits by script; prints what was recorded, ranked, closed and reopened.

    PYTHONPATH=.:tests python tests/reliability/day.py --visits 5000 --junk 10000 --json

The base is what is shared beside the checkout: judged questions on real Russian articles, and
questions of two other fields that it cannot answer. A hundred and twenty articles are held back;
the thirty whose questions are missed most are written in the evening. Articles that quote a
planted question as the text of a link are left out, or they would answer it. Takes some minutes;
exit 1 if anything is not as it was scripted.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from csv import DictReader
from pathlib import Path

from scripted_day import Day, Play, unlike

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=5_000)
    parser.add_argument("--junk", type=int, default=10_000, help="queries of five robots")
    parser.add_argument("--articles", type=int, default=30, help="held back and then written")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        play = judged(options.shared, folder, 4 * options.articles, options.seed)
        day = Day(play, folder / "site", options.seed)
        try:
            roles = day.script(
                options.visits, options.junk, most=40, floor=20, articles=options.articles
            )
            day.run()
            told = {
                "base": sum(1 for _ in play.articles.rglob("*.md")),
                "questions": {name: len(found) for name, found in vars(roles).items()},
                "day": day.figures(),
                "written": day.write(),
                "removed": day.remove(),
                "minutes": round((time.monotonic() - began) / 60, 1),
            }
        finally:
            day.close()
    if options.json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(told)
    return 0 if is_as_scripted(told) else 1


def judged(shared: Path, folder: Path, articles: int, seed: int) -> Play:
    """The base without `articles` articles, whose questions nobody in it quotes."""
    judgements = shared / "sets" / "bc-anchors-ru"
    docs = {doc["id"]: doc for doc in lines(judgements / "docs.jsonl")}
    queries = {query["id"]: query for query in lines(judgements / "queries.jsonl")}
    answers: dict[str, list[str]] = defaultdict(list)
    for line in (judgements / "qrels.tsv").read_text("utf-8").splitlines():
        query, doc, _ = line.split("\t")
        answers[doc].append(query)
    held: dict[str, list[str]] = {}
    left_out: set[str] = set()
    candidates = sorted(answers)
    random.Random(seed).shuffle(candidates)
    for doc in candidates:
        asked = [
            id
            for id in answers[doc]
            if len(queries[id]["text"].split()) >= 3 and len(queries[id]["source_docs"]) == 1
        ][:3]
        quoting = {source for id in asked for source in queries[id]["source_docs"]}
        if not asked or doc in left_out or quoting & held.keys():
            continue
        held[doc] = asked
        left_out |= quoting
        if len(held) == articles:
            break
    base = folder / "base"
    for name, doc in docs.items():
        if name not in held and name not in left_out:
            file = base / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(as_file(doc), "utf-8")
    planted = [
        (queries[id]["text"], doc.removesuffix(".md"))
        for doc, asked in held.items()
        for id in asked
    ]
    apart = set(unlike(question for question, _ in planted))
    planted_ids = {id for asked in held.values() for id in asked}
    return Play(
        articles=base,
        added={doc.removesuffix(".md"): as_file(docs[doc]) for doc in held},
        asked=[query["text"] for id, query in queries.items() if id not in planted_ids],
        strange=strange(shared / "tickets", seed),
        planted=[pair for pair in planted if pair[0] in apart],
    )


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def as_file(doc: dict) -> str:
    return f"---\ntitle: {json.dumps(doc['title'], ensure_ascii=False)}\n---\n{doc['text']}\n"


def strange(tickets: Path, seed: int) -> list[tuple[str, str]]:
    """Questions about cards and about everything else, with their intents."""
    found = []
    for name, most in (("banking77_train_en.csv", 1_200), ("clinc150_en.csv", 600)):
        with (tickets / name).open(encoding="utf-8", newline="") as file:
            rows = [
                (row["text"], row["label"]) for row in DictReader(file) if row["label"] != "oos"
            ]
        found += random.Random(seed).sample(rows, most)
    return found


def is_as_scripted(told: dict) -> bool:
    day, written, removed = told["day"], told["written"], told["removed"]
    return (
        day["keystrokes stored as searches"] == day["searches lost"] == 0
        and day["strangers merged"] == day["reports dropped"] == 0
        and day["named wrongly"] == []
        and all(scripted == counted for scripted, counted in day["kinds"].values())
        and day["robots"]["on the board"] == 0
        and day["board"]["farthest from its rank"] <= 2
        and written["closed by the right article"] == written["answered by them"]
        and written["closed wrongly"] == removed["others regressed"] == []
        and removed["regressed"] + removed["answered by another article"]
        == removed["questions it closed"]
    )


def show(told: dict) -> None:
    for part, figures in told.items():
        if not isinstance(figures, dict):
            print(f"{part}: {figures}")
            continue
        print(part)
        for name, value in figures.items():
            if name == "kinds":
                value = ", ".join(f"{kind} {n} ({asked})" for kind, (asked, n) in value.items())
                name = "kinds, counted (scripted)"
            elif isinstance(value, dict):
                value = ", ".join(f"{key} {n}" for key, n in value.items())
            print(f"  {name}: {value}")


if __name__ == "__main__":
    sys.exit(main())
