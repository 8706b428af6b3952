"""Whether given cases are as expected: `python benchmarks/cases.py [--kind b] [FOLDER…]`.

A case is a folder with `case.json`, which says what to do and what to expect, and perhaps
`articles/`. Prints the cases that fail, each with what was wrong, and a line for each kind. A case
whose step no function here does is counted as done by hand.
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from benchmarks.lib import corpora
from kb.base.config import Settings
from kb.checks import runner
from kb.jobs import evaluation
from kb.service import KnowledgeBase
from kb.web import create_app

CASES = corpora.SHARED / "cases"

Case = Mapping[str, Any]
Step = Callable[[Case, Path], str | None]  # what is wrong, "" if nothing is, None if by hand
STEPS: dict[str, Step] = {}  # by the first word of `how`


def step(name: str) -> Callable[[Step], Step]:
    """Registers the function that does the cases whose `how` begins with `name`."""

    def register(done: Step) -> Step:
        STEPS[name] = done
        return done

    return register


def served(articles: Path) -> AbstractContextManager[KnowledgeBase]:
    """The service of a folder, indexed into a folder of its own."""
    return evaluation.built(articles, Settings())


def shown(articles: Path, address: str) -> tuple[int, str]:
    """Status and text of what a reader gets at an address."""
    with served(articles) as service:
        reply = create_app(service).test_client().get(address, follow_redirects=True)
        return reply.status_code, reply.get_data(as_text=True)


@step("search")
def search(case: Case, folder: Path) -> str:
    """The first hit is the expected one and confident, or nothing is confident."""
    wrong = []
    with served(folder / "articles") as service:
        for asked in case.get("queries", ()):
            results = service.answer(asked["q"])
            found = results.hits[0].slug if results.hits and results.confident else "nothing"
            if found != asked["expected"]:
                wrong.append(f"«{asked['q']}» → {found}, not {asked['expected']}")
    return "; ".join(wrong)


@step("render")
def render(case: Case, folder: Path) -> str:
    """The page shows none of `bad` and all of `good`."""
    _, page = shown(folder / "articles", f"/articles/{case['page']}")
    wrong = [f"shows {text!r}" for text in case.get("bad", ()) if text in page]
    wrong += [f"lacks {text!r}" for text in case.get("good", ()) if text not in page]
    return "; ".join(wrong)


@step("gate")
def gate(case: Case, folder: Path) -> str:
    """The page is not served."""
    status, _ = shown(folder / "articles", f"/articles/{case['page']}")
    return "" if status == 404 else f"status {status}"


@step("serve")
def serve(case: Case, folder: Path) -> str | None:
    """Each address gets the status that is expected; by hand if more is asked than an address."""
    addresses = re.fullmatch(r"serve: GET (/\S+)(?: and (/\S+))?", case["how"])
    expected = re.match(r"\d{3}", case["expected"])
    if not addresses or not expected:
        return None
    with served(folder / "articles") as service:
        client = create_app(service).test_client()
        found = {path: client.get(path).status for path in addresses.groups() if path}
    wrong = [f"{path}: {status}" for path, status in found.items() if status[:3] != expected[0]]
    return "; ".join(wrong)


@step("check")
def check(case: Case, folder: Path) -> str:
    """`kb check` names something that is more than a hint."""
    with tempfile.TemporaryDirectory() as work:
        settings = Settings(articles=folder / "articles", data=Path(work))
        told = runner.inspect(settings, date.today())
    return "" if any(one.level != "hint" for one in told) else "nothing is told"


def done(case: Case, folder: Path) -> str | None:
    """What is wrong with a case; None where it is to be done by hand."""
    name = case["how"].partition(":")[0].split()[0]
    if name not in STEPS or not (folder / "articles").is_dir():
        return None
    return STEPS[name](case, folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="cases; none: all that are given")
    parser.add_argument("--kind", default="", help="beginning of the kinds to do, such as b or f")
    given = parser.parse_args()
    folders = given.folders or sorted(path.parent for path in CASES.glob("*/case.json"))
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for folder in folders:
        case: Case = json.loads((folder / "case.json").read_text("utf-8"))
        if not case["kind"].startswith(given.kind):
            continue
        wrong = done(case, folder)
        word = "by hand" if wrong is None else "failed" if wrong else "as expected"
        counts[case["kind"].split("/")[0]][word] += 1
        if wrong:
            print(f"{folder.name} ({case['kind']}): {wrong}", flush=True)
    for kind, words in sorted(counts.items()):
        print(f"{kind}: " + ", ".join(f"{number} {word}" for word, number in sorted(words.items())))
    return any(words["failed"] for words in counts.values())


if __name__ == "__main__":
    sys.exit(main())
