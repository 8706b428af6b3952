"""The articles and queries of the benchmarks: real first, then recombined. Measures nothing."""

import json
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from pathlib import Path

from kb.index.reader import IndexReader
from kb.language import corrections, tokens

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("KB_SHARED", CHECKOUT.parent / "shared" / "data"))
CACHE = Path(os.environ.get("KB_BENCH", "/tmp/kb-bench"))  # noqa: S108 - remade whenever it is gone
SEED = 20260101

_FRONT = re.compile(r"\ufeff?---\n(.*?)\n---\n(.*)", re.DOTALL)
_TITLE = re.compile(r"^title: *(.+)$", re.MULTILINE)
_TAG = re.compile(r"<[^>]*>")
_SECTION = re.compile(r"^(?=#{2,4} )", re.MULTILINE)
_HEADING = re.compile(r"#{2,4} +(.+)")
_WORD = re.compile(r"\w+", re.UNICODE)
_LETTERS = {"ru": "абвгдежзиклмнопрстуфхцчшщыэюя", "en": "abcdefghijklmnopqrstuvwxyz"}
_FOLDERS = (
    ("dynamics365-bc-ru", "ru", "dynamics365-bc-ru"),
    ("helm", "ru", "helm/ru"),
    ("helm", "en", "helm/en"),
    ("helm-v3", "en", "helm/en-v3"),
    ("plausible-docs", "en", "plausible-docs/docs"),
    ("identity-site", "en", "identity-site/content/_en"),
)
_SETS = (("xquad-ru", "ru"), ("xquad-en", "en"), ("danetqa-ru", "ru"))


@dataclass(frozen=True, slots=True)
class Source:
    """An article before it is written to a file."""

    name: str  # of the base it comes from
    lang: str
    title: str
    body: str


@cache
def real() -> tuple[Source, ...]:
    """All real articles of the shared bases and sets, in a fixed random order."""
    require()
    found = [
        Source(name, lang, title, body)
        for name, lang, folder in _FOLDERS
        for path in sorted((SHARED / "articles" / folder).rglob("*.md*"))
        for title, body in [parsed(path)]
        if title and body.strip()
    ]
    for name, lang in _SETS:
        for row in rows(SHARED / "sets" / name / "docs.jsonl"):
            title = row["title"].strip() or " ".join(row["text"].split()[:6])
            found.append(Source(name, lang, title, row["text"]))
    random.Random(SEED).shuffle(found)
    return tuple(found)


def require() -> None:
    """Ends the program with what to do if the shared data is not there."""
    if not (SHARED / "sets").is_dir():
        raise SystemExit(f"no sets in {SHARED}; name the folder that holds them in KB_SHARED")


def parsed(path: Path) -> tuple[str, str]:
    """Title and body of an article file, both empty if it has no title."""
    match = _FRONT.match(path.read_text("utf-8", "replace"))
    title = _TITLE.search(match[1]) if match else None
    return (title[1].strip(" '\""), match[2]) if match and title else ("", "")


def recombined(sources: Sequence[Source]) -> Iterator[Source]:
    """Endless further articles: each has as many sections as a real one, of real ones at random."""
    chance = random.Random(SEED)
    pool: dict[str, list[str]] = {}
    shapes = []
    for source in sources:
        sections = [each for each in _SECTION.split(source.body) if each.strip()]
        pool.setdefault(source.lang, []).extend(sections)
        shapes.append((source, len(sections)))
    while True:
        source, sections = chance.choice(shapes)
        body = [chance.choice(pool[source.lang]) for _ in range(max(sections, 1))]
        heading = _HEADING.match(body[0])
        title = _TAG.sub("", heading[1]).strip() if heading else ""
        yield Source("recombined", source.lang, title or source.title, "\n".join(body))


def sources(size: int) -> Iterator[Source]:
    """The first `size` articles; a larger base holds every article of a smaller one."""
    return islice(chain(real(), recombined(real())), size)


def folder(size: int) -> Path:
    """A folder with `size` articles as files, written once."""
    place = CACHE / f"articles-{size}"
    if not place.is_dir():
        draft = place.with_suffix(f".{os.getpid()}")
        for number, source in enumerate(sources(size)):
            category = source.name if source.name != "recombined" else f"part-{number % 20:02}"
            path = draft / source.lang / category / f"{number:06}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            front = json.dumps(" ".join(source.title.split()), ensure_ascii=False)
            path.write_text(f"---\ntitle: {front}\n---\n{source.body}\n", "utf-8")
        draft.rename(place)
    return place


def plain(reader: IndexReader) -> list[tuple[str, str, str]]:
    """Slug, title and plain text of each article of a build: what every engine is given."""
    found = []
    for doc in reader.in_order.tolist():
        segment, number = reader.corpus.locate(doc)
        card, whole = segment.card(number), segment.blob("texts", number).decode()
        for line in (card["title"], card["category"]):
            whole = whole.removeprefix(f"{line}\n") if line else whole
        found.append((card["slug"], card["title"], whole))
    return found


def rows(path: Path) -> list[dict[str, object]]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


# ---------------------------------------------------------------- queries


def questions(seed: str) -> list[str]:
    """Distinct full-word queries, questions of the sets and titles of real articles in turn."""
    chance = random.Random(f"{seed} {SEED}")
    asked = {
        str(row["text"])
        for name in ("xquad-ru", "danetqa-ru", "bc-anchors-ru", "plausible-anchors-en", "xquad-en")
        for row in rows(SHARED / "sets" / name / "queries.jsonl")
    }
    kinds = [sorted(asked), sorted({source.title for source in real()} - asked)]
    for kind in kinds:
        chance.shuffle(kind)
    return [query for pair in zip(*kinds, strict=False) for query in pair]


class Drawn:
    """Queries of the workloads, drawn one list after another; no query is drawn twice."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def lists(self, name: str, count: int, lists: int) -> list[list[str]]:
        """So many lists of a workload: `words`, `typing`, `misspelt` or `layout`.

        Each of `count` queries; of `typing`, all keystrokes of a 25th as many. Who types ahead
        begins like others: such a beginning stands in the first list only.
        """
        each = max(count // 25, 8) if name == "typing" else count
        chance = random.Random(f"{name} {SEED}")
        change: dict[str, Callable[[list[str]], list[str]]] = {
            "typing": keystrokes,
            "misspelt": lambda part: [misspelt(query, chance) for query in part],
            "layout": lambda part: [flipped(query) for query in part],
        }
        pool = questions(name)
        parts = [pool[i * each : (i + 1) * each] for i in range(lists)]
        if len(parts[-1]) < each:
            raise SystemExit(f"{len(pool):,} questions are too few for {lists} lists of {each}")
        return [self._new(change.get(name, list)(part)) for part in parts]

    def _new(self, queries: Sequence[str]) -> list[str]:
        fresh = [query for query in dict.fromkeys(queries) if query not in self._seen]
        self._seen.update(fresh)
        return fresh


def keystrokes(typed: Sequence[str], most: int = 60) -> list[str]:
    """Everything the box holds while each query is typed, from two letters on."""
    return [
        query[:end]
        for query in typed
        for end in range(2, min(len(query), most) + 1)
        if not query[end - 1].isspace()
    ]


@cache
def slips(lang: str) -> dict[str, list[str]]:
    """Right word → how people misspelt it."""
    name = {"ru": "ru_words_dev.tsv", "en": "en_wikipedia.tsv"}[lang]
    found: dict[str, list[str]] = {}
    for line in (SHARED / "typos" / name).read_text("utf-8").splitlines()[1:]:
        wrong, right = (tokens.fold(part) for part in line.split("\t")[:2])
        if wrong.isalpha() and right.isalpha() and wrong != right:
            found.setdefault(right, []).append(wrong)
    return found


def misspelt(query: str, chance: random.Random) -> str:
    """The query with one of its words of four letters or more misspelt, if it has any.

    The word is chosen first: as people misspell it if the shared pairs know, else by an edit.
    """
    words = [each for each in _WORD.finditer(query) if len(each[0]) >= 4 and each[0].isalpha()]
    if not words:
        return query
    chosen = chance.choice(words)
    word = tokens.fold(chosen[0])
    known = slips("ru" if tokens.script(word) == "cyrillic" else "en").get(word)
    wrong = chance.choice(known) if known else edited(word, chance)
    return query[: chosen.start()] + wrong + query[chosen.end() :]


def edited(word: str, chance: random.Random) -> str:
    """Another word: a letter dropped, added or replaced, or two neighbours swapped."""
    letters = _LETTERS["ru" if tokens.script(word) == "cyrillic" else "en"]
    while True:
        at, kind, letter = chance.randrange(len(word)), chance.randrange(4), chance.choice(letters)
        if kind == 0:
            wrong = word[:at] + word[at + 1 :]
        elif kind == 1:
            wrong = word[:at] + letter + word[at:]
        elif kind == 2:
            wrong = word[:at] + letter + word[at + 1 :]
        else:
            wrong = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        if wrong != word:
            return wrong


def flipped(query: str) -> str:
    """The query as the other keyboard layout would have typed it."""
    return corrections.flip(query)
