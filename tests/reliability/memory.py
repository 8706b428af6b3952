"""Sends random questions to one worker; prints its memory and what its caches hold meanwhile.

    PYTHONPATH=.:tests python tests/reliability/memory.py
    PYTHONPATH=.:tests python tests/reliability/memory.py --folder FOLDER
    PYTHONPATH=.:tests python tests/reliability/memory.py --http

The words are new nearly every time, as nobody's are: what grows with words must show. Memory is to
stay level after the first lines. With `--http` they go to `kb serve`, all of whose workers count.
Exit 1 if caches hold more than 64 MB, or memory grew by more than 5 % in the last third.
"""

import argparse
import random
import string
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import bases

from kb.base import cache, gc_tuning
from kb.service import KnowledgeBase
from kb.web import create_app

RUSSIAN, LATIN = "абвгдежзийклмнопрстуфхцчшщъыьэюяё", string.ascii_letters
PAGES = ("/search?q={}", "/search?q={}&category={}&tag={}", "/api/suggest?q={}", "/articles/{}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=300_000)
    parser.add_argument("--every", type=int, default=10_000, help="requests between two lines")
    parser.add_argument("--folder", type=Path, help="Markdown articles; else made up")
    parser.add_argument("--articles", type=int, default=1_000)
    parser.add_argument("--http", action="store_true", help="ask `kb serve` instead")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        base = (
            bases.sampled(options.folder, Path(folder), options.articles)
            if options.folder
            else bases.made_up(Path(folder), options.articles)
        )
        known = list(base.catalog().reader.corpus.segments[0].words)
        addresses = requests(rng, known)
        if options.http:
            sizes, errors = over_http(Path(folder), addresses, options)
            kept = "caches not seen from outside"
            is_bounded = True
        else:
            sizes, errors = in_process(base, addresses, options)
            caches = sum(one.size for one in cache.all_of_them()) / 2**20
            kept, is_bounded = f"caches {caches:.1f} MB", caches <= 64
    late = sizes[-max(1, len(sizes) // 3) :]
    growth = late[-1] / late[0] - 1
    print(
        f"measured: requests {options.requests}, errors {errors}, {kept}, "
        f"memory {sizes[-1]:.0f} MB, grown by {growth:.1%} in the last third"
    )
    return 0 if is_bounded and growth <= 0.05 and not errors else 1


def in_process(
    base: KnowledgeBase, addresses: Iterator[str], options: argparse.Namespace
) -> tuple[list[float], int]:
    application = create_app(base)
    gc_tuning.freeze_to_answer()
    told = run(
        lambda address: ask(application.wsgi_app, address), lambda: ["self"], addresses, options
    )
    for one in sorted(cache.all_of_them(), key=lambda one: -one.size):
        print(f"{one.name}: {one.size / 2**20:.1f} of {one.most / 2**20:.1f} MB, {one.count}")
    return told


def over_http(
    folder: Path, addresses: Iterator[str], options: argparse.Namespace
) -> tuple[list[float], int]:
    from benchmarks.lib import servers

    with servers.kb(folder / "var", folder / "articles", workers=1) as (process, (host, port)):
        time.sleep(2)  # what was indexed at the start is done
        connection = HTTPConnection(host, port)

        def asked(address: str) -> int:
            connection.request("GET", address)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        return run(asked, lambda: family(process.pid), addresses, options)


def run(
    ask: Callable[[str], int],
    processes: Callable[[], list[str]],
    addresses: Iterator[str],
    options: argparse.Namespace,
) -> tuple[list[float], int]:
    """Asks and prints a line now and then; the megabytes of each line, and how many errors."""
    sizes: list[float] = []
    print("requests\tRSS MB\tPSS MB\tcaches MB\tms each\terrors")
    begun, errors = time.perf_counter(), 0
    for number in range(options.requests + 1):
        if number % options.every == 0:
            told = [memory_of(process) for process in processes()]
            sizes.append(sum(rss for rss, _ in told))
            taken = time.perf_counter() - begun
            kept = sum(one.size for one in cache.all_of_them()) / 2**20
            print(
                number,
                f"{sum(rss for rss, _ in told):.1f}",
                f"{sum(pss for _, pss in told):.1f}",
                "-" if options.http else f"{kept:.1f}",
                f"{taken * 1000 / options.every:.2f}",
                errors,
                sep="\t",
                flush=True,
            )
            begun = time.perf_counter()
        errors += ask(next(addresses)) >= 500
    return sizes, errors


def requests(rng: random.Random, known: list[str]) -> Iterator[str]:
    """Addresses of searches, some of them as one types, and of pages."""
    while True:
        words = [word(rng, known) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
        said = quote(" ".join(words)[:500], errors="replace")
        kind = rng.random()
        if kind < 0.8:
            yield f"/api/search?q={said}"
        else:
            page = rng.choice(PAGES)
            yield page.format(*(quote(each, errors="replace") for each in (*words, "x", "y")))


def word(rng: random.Random, known: list[str]) -> str:
    """A word that no one typed before, or one of the base, whole, begun or misspelt."""
    kind = rng.random()
    if kind < 0.35:
        return "".join(rng.choices(RUSSIAN, k=rng.randint(2, 14)))
    if kind < 0.5:
        return "".join(rng.choices(LATIN, k=rng.randint(2, 14)))
    if kind < 0.55:
        return "".join(
            rng.choices(RUSSIAN + LATIN + string.digits + "-_.@'#+", k=rng.randint(2, 70))
        )
    if kind < 0.6:
        return "https://" + "".join(rng.choices(LATIN + "/.#?=", k=rng.randint(2, 120)))
    found = rng.choice(known)
    if kind < 0.7:
        return found[: rng.randint(1, len(found))]
    at = rng.randrange(len(found))
    return found[:at] + rng.choice(RUSSIAN) + found[at + 1 :] if kind < 0.85 else found


def ask(application, address: str) -> int:
    """The status of the answer to a GET, as a server would ask for it."""
    path, _, query = address.partition("?")
    told = []
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }  # fmt: skip
    answer = application(environ, lambda status, headers, exc_info=None: told.append(status))
    for _ in answer:
        pass
    if hasattr(answer, "close"):
        answer.close()
    return int(told[0].split()[0])


def memory_of(process: str) -> tuple[float, float]:
    """Resident megabytes of a process, and its share of them where others have them too."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except ProcessLookupError:  # it has ended meanwhile
        return 0.0, 0.0
    values = {name: int(rest.split()[0]) for name, _, rest in (x.partition(":") for x in lines[1:])}
    return values["Rss"] / 1024, values["Pss"] / 1024


def family(process: int) -> list[str]:
    """The numbers of a process and of all that it started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [str(process), *(each for child in children for each in family(int(child)))]


if __name__ == "__main__":
    sys.exit(main())
