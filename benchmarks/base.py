"""What a folder of articles costs: `python benchmarks/base.py FOLDER [FOLDER…]`.

Prints how many articles are indexed, which are rejected and why, the time of a full build and of
one without changes, and how long 300 questions made of words of its titles take.
"""

import random
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from kb.base.config import Settings
from kb.language import tokens
from kb.search import Searcher, SearchRequest
from kb.service import KnowledgeBase

QUESTIONS = 300


def questions(titles: list[str]) -> list[str]:
    """Two to four words of a title each, drawn once and always the same."""
    chance = random.Random(1)
    found = []
    while len(found) < QUESTIONS:
        words = tokens.plain_words(chance.choice(titles))
        if len(words) > 1:
            start = chance.randrange(len(words) - 1)
            found.append(" ".join(words[start : start + chance.randint(2, 4)]))
    return found


def measure(folder: Path, work: Path) -> None:
    """Prints the figures of one folder."""
    service = KnowledgeBase(Settings(articles=folder, data=work), cached_answers=0)
    report = service.rebuild()
    again = service.rebuild()
    print(f"{folder.name}: {report.articles} articles, {len(report.rejected)} rejected,", end=" ")
    print(f"{report.skipped} .mdx skipped; build {report.seconds:.1f} s,", end=" ")
    print(f"without changes {again.seconds:.2f} s (published: {again.published})")
    for problem in report.rejected:
        print(f"  {problem.path}:{problem.line}: {problem.code}: {problem.message}")
    searcher: Searcher = service.catalog().searcher
    searcher.answer(SearchRequest("слово word"), date.today())
    times = []
    for question in questions([card.title for card in service.all_cards()]):
        began = time.perf_counter()
        searcher.answer(SearchRequest(question, facets=False), date.today())
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    shown = "  ".join(
        f"p{p} {times[min(len(times) - 1, len(times) * p // 100)]:.2f}" for p in (50, 95, 99)
    )
    print(f"  {QUESTIONS} title-word questions with ten snippets, ms: {shown}")
    service.close()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as work:
            measure(Path(argument), Path(work))
