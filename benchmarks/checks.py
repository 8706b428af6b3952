"""What `kb check` costs and finds: `python benchmarks/checks.py FOLDER [FOLDER…]`.

Prints the time of reading all files and parsing their front matter, the time of a whole check of
them, first without a build and then again, and their ratio, each the best of three; then how many
problems every rule finds. Times are those of the processor, children included: the ratio then says
the same on a busy machine. With `--sample N`, N problems of each rule to judge by hand, always
the same ones. With `--ask`, every link, image and anchor is also asked of a real server of the
folder: how many it does not have, how many of those were told, and how many it has were told.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from functools import cache, partial
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from kb.base.config import Settings
from kb.checks import rules, runner
from kb.content import front_matter
from kb.content.folder import list_files, read_file
from kb.content.front_matter import InvalidFile
from kb.content.metadata import convert
from kb.content.problems import Problem
from kb.service import KnowledgeBase
from kb.web import create_app

TIMES = 3
ARTICLES = Path(sys.path[0]) / "articles"


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the work and of the processes it starts."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def front_matter_alone(folder: Path) -> None:
    """Reads every file, and nothing of it but its front matter."""
    for source in list_files(folder).sources:
        data = read_file(folder, source)
        with suppress(InvalidFile):
            if isinstance(data, bytes):
                convert(front_matter.read(data.decode("utf-8", "replace").split("\n")))


def measure(folder: Path) -> list[Problem]:
    """Prints the figures of one folder; all that is wrong in it."""
    found: list[Problem] = []

    def check(data: str) -> None:
        found[:] = runner.inspect(Settings(articles=folder, data=Path(data)), date.today())

    with tempfile.TemporaryDirectory() as again:
        check(again)  # everything is imported and cached by the machine
        alone = min(seconds(lambda: front_matter_alone(folder)) for _ in range(TIMES))
        later = min(seconds(lambda: check(again)) for _ in range(TIMES))
    firsts = []
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory() as fresh:
            firsts.append(seconds(partial(check, fresh)))
    number = len(list_files(folder).sources)
    print(f"{folder.name}: {number} files, front matter alone {alone:.2f} s,", end=" ")
    print(f"first check {min(firsts):.2f} s ({min(firsts) / alone:.1f} ×),", end=" ")
    print(f"next check {later:.2f} s ({later / alone:.1f} ×)")
    print(f"  rules that take longest: {', '.join(slowest(folder))}")
    numbers = Counter((problem.level, problem.code) for problem in found)
    for (level, code), times in sorted(numbers.items()):
        print(f"  {times:5} {code} ({level})")
    return found


def slowest(folder: Path) -> list[str]:
    """The three rules that take longest, with their seconds, all articles read before."""
    with tempfile.TemporaryDirectory() as data:
        base, _ = runner.look(Settings(articles=folder, data=Path(data)), date.today())
    for article in base.articles:
        base.prose(article)
    taken = {
        rule.code: seconds(lambda find=rule.find: list(find(base)))
        for rule in rules.RULES
        if rule.find
    }
    codes = sorted(taken, key=lambda code: -taken[code])
    return [f"{code} {taken[code]:.2f} s" for code in codes[:3]]


def ask(folder: Path) -> None:
    """Compares what rules say of links with what a server of the folder answers."""
    with tempfile.TemporaryDirectory() as work:
        settings = Settings(articles=folder, data=Path(work))
        service = KnowledgeBase(settings)
        service.rebuild()
        client = create_app(service).test_client()
        base, _ = runner.look(settings, date.today())

        @cache
        def page(address: str) -> str | None:
            reply = client.get(address, follow_redirects=True)
            return reply.get_data(as_text=True) if reply.status_code == 200 else None

        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for kind, images in (("links", False), ("images", True)):
            for article, link in base.links(images=images):
                target = rules.links.resolve(base, article, link)
                if target is None:
                    continue
                place, _, anchor = link.url.partition("#")
                shown = page(place or f"/articles/{quote(article.slug)}") if link.url else None
                counts[kind][f"{shown is not None} {target.exists}"] += 1
                if shown is not None and target.article is not None and target.anchor:
                    known = target.anchor in base.rendered[target.article.slug].anchors
                    there = f'id="{escape(unquote(anchor))}"' in shown
                    counts["anchors"][f"{there} {known}"] += 1
        service.close()
    for kind, numbers in counts.items():
        gone = numbers["False False"] + numbers["False True"]
        print(f"  {kind}: {numbers.total()} asked, {gone} not there;", end=" ")
        print(f"of those {numbers['False False']} told; {numbers['True False']} told wrongly")


def show(found: dict[Path, list[Problem]], sample: int) -> None:
    """Prints some problems of every rule with the lines they are about, drawn from all folders."""
    by_rule: dict[str, list[tuple[Path, Problem]]] = defaultdict(list)
    for folder, problems in found.items():
        for problem in problems:
            by_rule[problem.code].append((folder, problem))
    for code, all_of_it in sorted(by_rule.items()):
        print(f"\n{code}: {min(sample, len(all_of_it))} of {len(all_of_it)}")
        drawn = random.Random(1).sample(all_of_it, min(sample, len(all_of_it)))
        for folder, one in sorted(drawn):
            lines = (folder / one.path).read_bytes().splitlines()
            line = (
                lines[one.line - 1].decode("utf-8", "replace").strip()
                if len(lines) >= one.line
                else ""
            )
            print(f"  {folder.name}/{one.path}:{one.line}: {one.message}; {one.cure}\n      {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--ask", action="store_true")
    given = parser.parse_args()
    found = {folder: measure(folder) for folder in given.folders or [ARTICLES]}
    for folder in found if given.ask else ():
        print(f"{folder.name}, asked of a server:")
        ask(folder)
    if given.sample:
        show(found, given.sample)


if __name__ == "__main__":
    main()
