"""A day at a help centre by script: who asks what, what comes of it, and whether the log says so.

Server, index and log are real and asked by HTTP; only the server's clock is moved by hand, so that
nobody waits. What the index thinks of a question is asked of it before; what must be recorded
follows from the script alone, by the definitions that are published (articles/en/support).
"""

import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from urllib.parse import urlencode

from letter_forms import LETTER, hidden, typed_at_once
from werkzeug.serving import WSGIRequestHandler, make_server

from kb.base.config import Settings
from kb.language import query_words
from kb.searchlog.db.log import SearchLog
from kb.service import KnowledgeBase
from kb.site.rate_limits import CrawlDetector, RateLimiter
from kb.web import create_app

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PARALLEL = 20  # visitors at a time
BACKLOG = 1_000  # searches the recorder may still have to write while the day goes on
WAVE = 300  # seconds between the starts of two waves of visitors
REPAIRED = ("layout", "spelling", "translit")
_EN = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_RU = "йцукенгшщзхъфывапролджэячсмитьбюё"
LAYOUT = str.maketrans(_RU, _EN)


@dataclass
class Play:
    """What a day is made of; questions are sorted into roles by asking the index."""

    articles: Path  # the base of the day
    added: dict[str, str]  # slug → file's text: articles that are written afterwards
    asked: list[str]  # questions the base is made for
    strange: list[tuple[str, str]]  # questions it is not made for, with what they are about
    planted: list[tuple[str, str]]  # questions, with the added article that answers each
    lang: str = "ru"


@dataclass
class Act:
    """One search by the script, and what must be said of it."""

    visitor: int
    query: str
    kind: str | None
    flags: frozenset[str] = frozenset()
    about: str = ""  # the intent, where it is known
    visit: str = ""  # as the page named it


@dataclass
class Roles:
    """The questions by what the index says to them."""

    sure: list[str] = field(default_factory=list)
    rescued: list[str] = field(default_factory=list)
    weak: list[tuple[str, str]] = field(default_factory=list)
    none: list[str] = field(default_factory=list)
    planted: list[tuple[str, str, str]] = field(default_factory=list)  # question, article, kind


class Clock:
    """The server's clock."""

    def __init__(self, at: datetime) -> None:
        self.start = at
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def stamp(self) -> float:
        return self().timestamp()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        pass


class Day:
    """A site, its visitors and robots, and the figures of the evening."""

    def __init__(self, play: Play, folder: Path, seed: int = 1) -> None:
        self.play = play
        self.rng = random.Random(seed)
        self.folder = folder
        shutil.copytree(play.articles, folder / "articles")
        self.settings = Settings(
            articles=folder / "articles", data=folder / "var", trusted_proxies=("127.0.0.1",)
        )
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.clock = Clock(midnight - timedelta(days=1))
        self.kb = KnowledgeBase.open(self.settings, now=self.clock)
        self.index()
        app = create_app(self.kb)
        app.extensions["kb"] = replace(
            app.extensions["kb"],
            limits=RateLimiter(self.clock.stamp),
            crawls=CrawlDetector(30, 60.0, self.clock.stamp),
        )
        typed_at_once(app)  # only the clock of the day is moved
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.acts: list[Act] = []
        self.timeline: dict[int, list[Callable[[], None]]] = defaultdict(list)
        self.requests = 0
        self.keystrokes = 0
        self._local = threading.local()
        self._visitors = 0

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.kb.close()

    # --- the site ---

    def index(self) -> dict[str, object]:
        """What `kb index` says, run as an operator runs it."""
        done = subprocess.run(
            [sys.executable, "-m", "kb", "index", "--json", "--articles",
             str(self.settings.articles), "--data", str(self.settings.data)],
            capture_output=True, text=True,
            cwd=Path(__file__).resolve().parent.parent,
            env={name: value for name, value in os.environ.items() if not name.startswith("KB_")},
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        self.kb._looked = -1.0
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def ask(
        self, method: str, path: str, *, address: str = "10.0.0.1", agent: str = PERSON,
        body: object = None, form: dict[str, object] | None = None,
    ) -> tuple[int, str]:  # fmt: skip
        """One request over this thread's connection."""
        if not hasattr(self._local, "connection"):
            self._local.connection = HTTPConnection(*self.server.server_address[:2], timeout=60)
        headers = {"X-Forwarded-For": address, "User-Agent": agent, "Accept-Language": "ru"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body), "application/json"
        elif form is not None:
            data = urlencode(form, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._local.connection.request(method, path, data, headers)
        answer = self._local.connection.getresponse()
        page = answer.read().decode()
        self.requests += 1
        return answer.status, page

    def cast(self) -> Roles:
        """Asks the index what it thinks of each question, as the recorder will."""
        roles = Roles()
        for question in unlike(self.play.asked):
            if self._verdict(question) == "sure":
                roles.sure.append(question)
                if self._verdict(mistyped := question.translate(LAYOUT)) == "rescued":
                    roles.rescued.append(mistyped)
        for question, about in self.play.strange:
            verdict = self._verdict(question)
            if verdict == "weak":
                roles.weak.append((question, about))
            elif verdict == "none":
                roles.none.append(question)
        while len(roles.none) < 20:
            words = ("".join(self.rng.choices("бвгджзклмнпрстфхцчшщ", k=7)) for _ in range(2))
            if self._verdict(question := " ".join(words)) == "none":
                roles.none.append(question)
        for question, slug in self.play.planted:
            if (verdict := self._verdict(question)) in ("weak", "none"):
                roles.planted.append((question, slug, verdict))
        return roles

    def _verdict(self, question: str) -> str:
        found = self.kb.answer(question, own_lang=self.play.lang, limit=1, facets=False)
        if not found.total:
            return "none"
        if not found.confident:
            return "weak"
        if found.correction is None:
            return "sure"
        return "rescued" if found.correction.kind in REPAIRED else "other"

    # --- the script ---

    def script(self, visits: int, junk: int, *, most: int, floor: int, articles: int = 30) -> Roles:
        """Writes the day: the planted questions, the others, and five robots.

        At most `most` questions are planted; the last of them weighs more than `floor` visits,
        which should be more than anything gathers by chance. Only `articles` articles will be
        written, those first whose questions are missed most.
        """
        roles = self.cast()
        missed = Counter(slug for _, slug, _ in roles.planted)
        written = sorted(self.play.added, key=lambda slug: (-missed[slug], slug))[:articles]
        self.play.added = {slug: self.play.added[slug] for slug in written}
        roles.planted = [each for each in roles.planted if each[1] in self.play.added]
        self._plant(roles, most)
        plans = list(self._planted(roles, floor))
        turns = _Turns(roles, self.rng)
        while len(plans) < visits:
            plans.append(turns.next())
        self.rng.shuffle(plans)
        for number, plan in enumerate(plans):
            plan(self.visitor(WAVE * (number // PARALLEL)))
        for number, robot in enumerate((crawler, headless, silent, stubborn, hasty)):
            for turn in range(junk // 5):
                self.timeline[100 + turn].append(self._junk(robot, number, turn))
        return roles

    def _plant(self, roles: Roles, most: int) -> None:
        """Plants questions no article will answer beside the others; nobody else asks them."""
        self.rng.shuffle(roles.weak)
        for question, _ in unlike_pairs(roles.weak, [q for q, _, _ in roles.planted]):
            if len(roles.planted) >= most:
                break
            roles.planted.append((question, "", "weak"))
        del roles.planted[most:]
        self.rng.shuffle(roles.planted)
        taken = [question for question, _, _ in roles.planted]
        roles.weak = [
            pair for pair in roles.weak if all(not are_like(pair[0], other) for other in taken)
        ]

    def _planted(self, roles: Roles, floor: int) -> Iterable["Plan"]:
        """The first planted question weighs most; every fourth weighs by a letter."""
        self.ranks: dict[str, int] = {}
        for rank, (question, slug, kind) in enumerate(roles.planted):
            weight = floor + len(roles.planted) - rank
            lettered = rank % 4 == 3 and weight % 3 == 0
            self.ranks[question] = rank
            for number in range(weight // 3 if lettered else weight):
                yield asks_in_vain(question, kind, slug, letter=lettered and number == 0)

    def visitor(self, start: int) -> "Visitor":
        self._visitors += 1
        return Visitor(self, self._visitors, start)

    def _junk(self, robot: "Robot", number: int, turn: int) -> Callable[[], None]:
        return lambda: robot(self, f"198.18.{number}.1", turn)

    # --- the day itself ---

    def run(self) -> None:
        """Lets it all happen: what falls on one second happens at once."""
        with ThreadPoolExecutor(PARALLEL) as hands:
            for second in sorted(self.timeline):
                self.clock.seconds = second
                for done in [hands.submit(action) for action in self.timeline[second]]:
                    done.result()
                while self.kb.recorder.waiting > BACKLOG:  # a day passes in minutes
                    time.sleep(0.01)
        self.clock.seconds = max(self.clock.seconds, 86_000)
        assert self.kb.recorder.flush(300)

    # --- the evening ---

    def figures(self) -> dict[str, object]:
        """What was recorded, beside what was scripted."""
        log = SearchLog(self.settings.log_url)
        rows = list(log.export())
        people = [row for row in rows if not row["robot"]]
        days = Counter[str]()
        for day in log.statistics.days().values():
            days.update(day)
        log.close()
        owners: dict[str, set[int]] = defaultdict(set)
        scripted: dict[tuple[str, str], Act] = {}
        for act in self.acts:
            owners[act.visit].add(act.visitor)
            scripted[act.visit, act.query] = act
        stored = Counter((row["visit"], row["query"]) for row in people)
        expected = Counter(act.kind or "no miss" for act in self.acts)
        expected.update(flag for act in self.acts for flag in act.flags)
        counted = Counter({name: days[name] for name in (*KINDS, "ticketed", "unhelpful")})
        counted["no miss"] = sum(row["kind"] is None for row in people)
        wrong = [
            (row["query"], act.kind, row["kind"])
            for row in people
            if (act := scripted.get((row["visit"], row["query"]))) and act.kind != row["kind"]
        ]
        return {
            "visits": self._visitors,
            "requests": self.requests,
            "keystrokes": self.keystrokes,
            "searches": {"scripted": len(self.acts), "stored": len(people)},
            "keystrokes stored as searches": sum((stored - Counter(scripted.keys())).values()),
            "searches lost": len(scripted.keys() - stored.keys()),
            "reports dropped": self.kb.recorder.dropped,
            "strangers merged": sum(len(visitors) - 1 for visitors in owners.values()),
            "kinds": {name: [expected[name], counted[name]] for name in sorted(expected | counted)},
            "named wrongly": wrong,
            "groups": self._grouping(people, scripted),
            "robots": {"asked": days["robots"], "on the board": self._leaked()},
            "board": self._board(),
        }

    def _grouping(self, rows: list[dict], scripted: dict[tuple[str, str], Act]) -> dict:
        """How the groups agree with what the questions are about."""
        pairs = [
            (act.about, row["group"])
            for row in rows
            if (act := scripted.get((row["visit"], row["query"])))
            and act.about
            and row["group"] is not None
        ]
        homogeneity, completeness, v = v_measure(pairs)
        return {
            "misses": len(pairs),
            "intents": len({about for about, _ in pairs}),
            "groups": len({group for _, group in pairs}),
            "homogeneity": round(homogeneity, 3),
            "completeness": round(completeness, 3),
            "v": round(v, 3),
        }

    def _leaked(self) -> int:
        return sum(
            "junk" in group.question for group in self.kb.misses(status="all", limit=100_000)
        )

    def _board(self) -> dict[str, object]:
        """Where the planted questions stand, by their planted ranks."""
        order = {
            _words(group.question): place
            for place, group in enumerate(self.kb.misses(limit=100_000))
        }
        places = {question: order.get(_words(question), 10**6) for question in self.ranks}
        off = [abs(places[question] - rank) for question, rank in self.ranks.items()]
        return {
            "groups": len(order),
            "planted": len(self.ranks),
            "farthest from its rank": max(off, default=0),
            "at its rank": sum(distance == 0 for distance in off),
        }

    def write(self) -> dict[str, object]:
        """The articles are added; which questions does `kb index` close, and are they right?"""
        for slug, body in self.play.added.items():
            file = self.settings.articles / f"{slug}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body, "utf-8")
        self.index()
        right = dict(self.play.planted)
        groups = {group.question: group for group in self.kb.misses(status="all", limit=100_000)}
        planted = [question for question in self.ranks if question in groups.keys() & right.keys()]
        closed = {
            question: groups[question].answer.slug
            for question in planted
            if groups[question].status == "waiting"
        }
        due = [question for question in planted if right[question] in self._first(question)]
        strange = {question for question, _ in self.play.strange} - right.keys()
        self.closed = {q: slug for q, slug in closed.items() if slug == right[q]}
        return {
            "articles added": len(self.play.added),
            "planted questions": len(planted),
            "answered by them": len(due),
            "closed by the right article": len(self.closed),
            "not closed": sorted(set(due) - closed.keys()),
            "closed wrongly": sorted(
                [[q, slug, right[q]] for q, slug in closed.items() if slug != right[q]]
                + [
                    [group.question, group.answer.slug, ""]
                    for group in groups.values()
                    if group.question in strange
                    and group.status == "waiting"
                    and group.answer.slug in self.play.added
                ]
            ),
        }

    def _first(self, question: str) -> list[str]:
        """The first three articles the index is sure of."""
        path = "/api/search?" + urlencode({"q": question, "own": self.play.lang, "limit": 3})
        found = json.loads(self.ask("GET", path)[1])
        return [hit["slug"] for hit in found["results"]] if found["confident"] else []

    def remove(self) -> dict[str, object]:
        """The article that closed most questions goes; do just its questions open again?"""
        (slug, _), *_ = Counter(self.closed.values()).most_common(1)
        (self.settings.articles / f"{slug}.md").unlink()
        self.index()
        its = {question for question, by in self.closed.items() if by == slug}
        again = {question for question in its if self._first(question)}
        opened = self.kb.misses(status="regressed", limit=100_000)
        regressed = {group.question for group in opened}
        by_others = {group.question for group in opened if group.answer.slug != slug}
        return {
            "article removed": slug,
            "questions it closed": len(its),
            "regressed": len(regressed & its),
            "answered by another article": len(again),
            "others regressed": sorted(by_others - its),
        }


KINDS = ("filtered", "none", "weak", "rescued", "refined", "ignored")


def _words(question: str) -> frozenset[str]:
    return frozenset(query_words.key(question).split())


def jaccard(a: Collection[str], b: Collection[str]) -> float:
    """What two sets share, as a part of all they hold."""
    either = {*a, *b}
    return len(set(a) & set(b)) / len(either) if either else 0.0


def are_like(a: str, b: str) -> bool:
    """Whether two questions share so many words that they might stand in one group."""
    return jaccard(_words(a), _words(b)) >= 0.5


def unlike(questions: Iterable[str]) -> list[str]:
    """Those of more than one word that are unlike all before them."""
    return [question for question, _ in unlike_pairs((question, "") for question in questions)]


def unlike_pairs(
    pairs: Iterable[tuple[str, str]], known: Iterable[str] = ()
) -> list[tuple[str, str]]:
    seen, kept = [_words(question) for question in known], []
    for question, about in pairs:
        words = _words(question)
        if len(words) > 1 and all(jaccard(words, other) < 0.5 for other in seen):
            seen.append(words)
            kept.append((question, about))
    return kept


def v_measure(pairs: list[tuple[str, int]]) -> tuple[float, float, float]:
    """Homogeneity, completeness and their harmonic mean (Rosenberg and Hirschberg, 2007)."""

    def entropy(counts: Iterable[int]) -> float:
        counts = list(counts)
        n = sum(counts)
        return -sum(c / n * math.log(c / n) for c in counts)

    if not pairs:
        return 0.0, 0.0, 0.0
    classes = Counter(about for about, _ in pairs)
    groups = Counter(group for _, group in pairs)
    both = entropy(Counter(pairs).values())
    of_classes, of_groups = entropy(classes.values()), entropy(groups.values())
    homogeneity = 1 - (both - of_groups) / of_classes if of_classes else 1.0
    completeness = 1 - (both - of_classes) / of_groups if of_groups else 1.0
    return homogeneity, completeness, 2 * homogeneity * completeness / (homogeneity + completeness)


# --- people -------------------------------------------------------------------------------------


class Visitor:
    """Somebody at one browser; what is done is put on the day's timeline."""

    def __init__(self, day: Day, number: int, start: int) -> None:
        self.day = day
        self.number = number
        self.at = start
        self.rng = random.Random(number)
        self.visit = f"visit-{number:05}-{self.rng.randrange(10**9)}"
        self.address = f"10.{number >> 8}.{number & 255}.7"  # each in a network of its own
        self.runs = 0
        self.page = ""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.at += max(1, math.ceil(seconds))
        self.day.timeline[self.at].append(action)

    def scripted(
        self, query: str, kind: str | None, *flags: str, about: str = "", visit: str | None = None
    ) -> Act:
        act = Act(
            self.number, query, kind, frozenset(flags), about,
            self.visit if visit is None else visit,
        )  # fmt: skip
        self.day.acts.append(act)
        return act

    def get(self, path: str, **query: object) -> str:
        address = f"{path}?{urlencode(query)}" if query else path
        status, self.page = self.day.ask("GET", address, address=self.address)
        assert status == 200, (status, address)
        return self.page

    def post(self, path: str, expected: int, **sent: object) -> None:
        status, said = self.day.ask("POST", path, address=self.address, **sent)
        assert status == expected, (status, path, said[:200])

    def typing(self, query: str, begin: int = 0) -> list[dict[str, object]]:
        """A run of steps with slips of the finger, corrections and second thoughts."""
        steps, ms, shown = [], begin, ""

        def now(value: str) -> None:
            nonlocal ms
            ms += self.rng.randint(70, 420)
            if len(value) >= 2:
                steps.append({"q": value, "ms": ms})

        if self.rng.random() < 0.1:  # pasted
            now(query)
            return steps
        for letter in query:
            if self.rng.random() < 0.04:
                now(shown + self.rng.choice(_RU))
                now(shown)
            if len(shown) > 6 and self.rng.random() < 0.03:
                for cut in (1, 2, 3):
                    now(shown[:-cut])
            shown += letter
            now(shown)
        return steps[-190:]

    def run(self) -> str:
        self.runs += 1
        return f"run-{self.number:05}-{self.runs}-{self.rng.randrange(10**9)}"

    def body(
        self, steps: list[dict[str, object]], *, surface: str = "box",
        filters: dict[str, str] | None = None,
    ) -> dict:  # fmt: skip
        self.day.keystrokes += len(steps)
        return {
            "run": self.run(), "visit": self.visit, "surface": surface, "lang": self.day.play.lang,
            "filters": filters or {}, "build": "", "steps": steps, "shown": [], "events": [],
        }  # fmt: skip

    def report(self, body: dict, ending: str, after: int) -> None:
        """What the page does while typing, and its report at the end; now and then twice."""
        asked = {"q": body["steps"][-1]["q"], "own": body["lang"], "limit": 6, **body["filters"]}
        found = json.loads(self.get("/api/search", **asked))
        body["build"] = found["build"]
        body["shown"] = [[hit["slug"], rank] for rank, hit in enumerate(found["results"], 1)]
        ms = body["steps"][-1]["ms"] + after
        if ending in ("click", "answered"):
            slug = found["results"][0]["slug"]
            body["events"] = [{"kind": ending, "slug": slug, "rank": 1, "ms": ms}]
        elif ending:
            body["events"] = [{"kind": ending, "ms": ms}]
        early = body | {"steps": body["steps"][: len(body["steps"]) // 2 + 1], "events": []}
        dice = self.rng.random()
        if dice < 0.1:  # the tab was hidden in between
            self.post("/api/searches", 204, body=early)
        self.post("/api/searches", 204, body=body)
        if dice > 0.9:  # the network brings it twice
            self.post("/api/searches", 204, body=body)
        elif dice > 0.8:  # and an old one late
            self.post("/api/searches", 204, body=early)

    def searches(self, query: str, ending: str, after: int, **more: object) -> dict:
        """Types into the box and does something `after` milliseconds."""
        body = self.body(self.typing(query), **more)
        seconds = (body["steps"][-1]["ms"] + after) / 1000
        self.later(seconds, lambda: self.report(body, ending, after))
        return body

    def writes(self, came_from: Callable[[], dict[str, str]]) -> None:
        """Opens the contact form from a search, fills it in and sends it."""

        def sends() -> None:
            self.get("/contact", ui="ru", **came_from())
            self.post("/contact", 303, form=hidden(self.page) | LETTER)

        self.later(self.rng.randint(30, 900), sends)


Plan = Callable[[Visitor], None]


def asks_in_vain(query: str, kind: str, about: str = "", *, letter: bool = False) -> Plan:
    """The index has nothing, or nothing sure; perhaps a letter follows."""

    def plan(who: Visitor) -> None:
        flags = ("ticketed",) if letter else ()
        surface = who.rng.choice(("box", "box", "page", "silent"))
        if surface == "silent":
            act = who.scripted(query, kind, *flags, about=about, visit="")
            without_scripts(who, act)
            if letter:
                who.writes(lambda: {"run": act.visit})
            return
        who.scripted(query, kind, *flags, about=about)
        body = who.searches(query, "contact" if letter else "left", 4000)
        if letter:
            who.writes(lambda: {"run": body["run"]})

    return plan


def without_scripts(who: Visitor, act: Act, then: Callable[[], None] | None = None) -> None:
    """Opens the page of results; `then` happens on it much later."""

    def opens() -> None:
        who.get("/ru/search", q=act.query)
        act.visit = re.search(r'data-run="([^"]+)"', who.page)[1]

    who.later(1, opens)
    if then is not None:
        who.later(who.rng.choice((4, 25, 240)), then)


def follows(who: Visitor) -> None:
    """Opens the first article of a page of results."""
    who.get(unescape(re.search(r'<h2><a href="([^"]+)"', who.page)[1]))


def opens_form(who: Visitor, query: str) -> None:
    """Opens the contact form with a question in it; articles that answer stand above."""
    page = who.get("/contact", q=query, ui="ru")
    assert "data-helped" in page, query


class _Turns:
    """Visitors of the better days and of the worse, in turn, each with a question of its role."""

    def __init__(self, roles: Roles, rng: random.Random) -> None:
        for questions in (roles.sure, roles.rescued, roles.weak, roles.none):
            rng.shuffle(questions)
        cut = len(roles.sure) // 6 + 1
        self._letters = cycle(roles.sure[:cut])
        self._sure = cycle(roles.sure[cut:])
        self._rescued = cycle(roles.rescued)
        self._weak = cycle(roles.weak)
        self._none = cycle(roles.none)
        self._plans = cycle((
            self.clicks, self.strange, self.ignores, self.thanks, self.strange, self.refines,
            self.clicks_late, self.strange, self.bounces, self.is_rescued, self.filters,
            self.strange, self.presses_enter, self.finds_none, self.is_not_helped, self.clicks,
            self.strange, self.was_rescued, self.complains, self.from_widget, self.asks_a_person,
            self.returns, self.ignores_without_scripts,
        ))  # fmt: skip

    def next(self) -> Plan:
        return next(self._plans)()

    def _box(self, query: str, kind: str | None, ending: str, after: int, **more: object) -> Plan:
        def plan(who: Visitor) -> None:
            who.scripted(query, kind)
            who.searches(query, ending, after, **more)

        return plan

    def clicks(self) -> Plan:
        return self._box(next(self._sure), None, "click", 3000)

    def thanks(self) -> Plan:
        return self._box(next(self._sure), None, "answered", 6000)

    def bounces(self) -> Plan:
        return self._box(next(self._sure), None, "left", 900)

    def ignores(self) -> Plan:
        return self._box(next(self._sure), "ignored", "left", 5000)

    def from_widget(self) -> Plan:
        return self._box(next(self._sure), "ignored", "", 11_000, surface="widget")

    def is_rescued(self) -> Plan:
        return self._box(next(self._rescued), "rescued", "left", 4000)

    def was_rescued(self) -> Plan:
        return self._box(next(self._rescued), None, "click", 4000)

    def filters(self) -> Plan:
        return self._box(next(self._sure), "filtered", "left", 4000, filters={"category": "—"})

    def finds_none(self) -> Plan:
        return self._box(next(self._none), "none", "left", 3000)

    def strange(self) -> Plan:
        query, about = next(self._weak)
        return asks_in_vain(query, "weak", about)

    def complains(self) -> Plan:
        query = next(self._letters)

        def plan(who: Visitor) -> None:
            who.scripted(query, None, "ticketed")
            body = who.searches(query, "click", 3000)
            who.writes(lambda: {"run": body["run"], "visit": who.visit})

        return plan

    def is_not_helped(self) -> Plan:
        query = next(self._sure)

        def plan(who: Visitor) -> None:
            who.scripted(query, None, "unhelpful")
            body = who.searches(query, "click", 2500)

            def votes() -> None:
                slug = body["events"][0]["slug"]
                who.get(f"/articles/{slug}", q=query, run=body["run"])
                who.post(
                    "/api/feedback", 204, body={"slug": slug, "helpful": False, "run": body["run"]}
                )

            who.later(40, votes)

        return plan

    def refines(self) -> Plan:
        first, second = next(self._sure), next(self._sure)
        while second[:2].casefold() == first[:2].casefold():
            second = next(self._sure)  # or it would be the first one, deleted and typed on

        def plan(who: Visitor) -> None:
            who.scripted(first, "refined")
            who.scripted(second, None)
            steps = who.typing(first)[-90:]
            steps += who.typing(second, int(steps[-1]["ms"]) + 5000)[-90:]
            body = who.body(steps)
            who.later(steps[-1]["ms"] / 1000 + 2, lambda: who.report(body, "click", 2000))

        return plan

    def clicks_late(self) -> Plan:
        query = next(self._sure)

        def plan(who: Visitor) -> None:
            act = who.scripted(query, None, visit="")
            without_scripts(who, act, lambda: follows(who))

        return plan

    def ignores_without_scripts(self) -> Plan:
        query = next(self._sure)
        return lambda who: without_scripts(who, who.scripted(query, "ignored", visit=""))

    def presses_enter(self) -> Plan:
        query = next(self._sure)

        def plan(who: Visitor) -> None:
            who.scripted(query, None)
            body = who.body(who.typing(query))

            def enter() -> None:
                who.report(body, "", 0)
                who.get("/ru/search", q=query, run=body["run"], visit=who.visit)

            who.later(body["steps"][-1]["ms"] / 1000, enter)
            who.later(who.rng.choice((3, 60)), lambda: follows(who))

        return plan

    def asks_a_person(self) -> Plan:
        """Opens the contact form, which looks for answers by itself: that is no search."""
        query = next(self._letters)
        return lambda who: who.later(1, lambda: opens_form(who, query))

    def returns(self) -> Plan:
        """Asks, finds, and asks something else much later in the same tab."""
        first, second = next(self._sure), next(self._sure)

        def plan(who: Visitor) -> None:
            who.scripted(first, None)
            who.scripted(second, "ignored")
            who.searches(first, "click", 3000)
            who.at += 120
            who.searches(second, "left", 5000)

        return plan


# --- robots -------------------------------------------------------------------------------------

Robot = Callable[[Day, str, int], None]


def _words_of(turn: int) -> str:
    letters = random.Random(turn).choices("abcdefghijklmnopqrstuvwxyz", k=14)
    return f"{''.join(letters[:7])} {''.join(letters[7:])} junk"


def crawler(day: Day, address: str, turn: int) -> None:
    """Says that it is one."""
    agent = "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example.com)"
    day.ask("GET", "/ru/search?" + urlencode({"q": _words_of(turn)}), address=address, agent=agent)


def headless(day: Day, address: str, turn: int) -> None:
    """Runs the page's scripts, each time as a new visitor."""
    agent = PERSON.replace("Gecko/20100101 Firefox", "HeadlessChrome")
    _beacon(day, address, f"headless-{turn}", _words_of(turn), turn, agent)


def silent(day: Day, address: str, turn: int) -> None:
    """Looks like a person without scripts."""
    day.ask("GET", "/ru/search?" + urlencode({"q": _words_of(turn)}), address=address)


def stubborn(day: Day, address: str, turn: int) -> None:
    """The same, with one question all day long."""
    day.ask("GET", "/ru/search?" + urlencode({"q": "junk for ever"}), address=address)


def hasty(day: Day, address: str, turn: int) -> None:
    """Looks like a person with scripts in one tab."""
    _beacon(day, address, "hasty-visit", _words_of(turn), turn, PERSON)


def _beacon(day: Day, address: str, visit: str, query: str, turn: int, agent: str) -> None:
    body = {
        "run": f"{visit}-{turn}", "visit": visit, "lang": "ru", "steps": [{"q": query, "ms": 0}],
        "events": [{"kind": "left", "ms": 300}],
    }  # fmt: skip
    status, _ = day.ask("POST", "/api/searches", address=address, agent=agent, body=body)
    assert status == 204


# --- plays --------------------------------------------------------------------------------------


def shipped(folder: Path) -> Play:
    """Our own articles in Russian: five are held back, their questions planted."""
    import tomllib

    import frontmatter

    root = Path(__file__).resolve().parent.parent
    base = folder / "base"
    held = ("support/relevance", "server/backup", "writing/synonyms", "search/your-browser",
            "server/performance")  # fmt: skip
    shutil.copytree(root / "articles" / "ru", base / "ru")
    added, planted = {}, []
    for name in held:
        file = base / "ru" / f"{name}.md"
        added[f"ru/{name}"] = file.read_text("utf-8")
        file.unlink()
        head = frontmatter.loads(added[f"ru/{name}"])
        planted += [(question, f"ru/{name}") for question in unlike(head["answers"])]
    expectations = tomllib.loads((root / "tests/relevance/ru.toml").read_text("utf-8"))
    asked = [each["query"] for each in expectations["question"]]
    for file in sorted((base / "ru").rglob("*.md")):
        head = frontmatter.loads(file.read_text("utf-8"))
        asked += head.get("answers", [])
    random.Random(1).shuffle(asked)
    return Play(base, added, asked[:120], STRANGE, planted)


STRANGE = [
    (question, about)
    for about, questions in {
        "кофе": ("не работает кофемашина на кухне", "кофемашина на кухне сломалась",
                 "на кухне не работает кофемашина"),
        "парковка": ("где припарковать велосипед у офиса", "велосипед у офиса куда припарковать",
                     "парковка велосипедов возле здания"),
        "отпуск": ("как заранее оформить отпуск летом", "отпуск летом оформить заранее",
                   "заявление на отгул в пятницу"),
        "пропуск": ("потерял пропуск в здание", "пропуск в здание потерял где",
                    "забыли бейдж дома"),
        "зарплата": ("когда придёт зарплата за октябрь", "зарплата за октябрь когда придёт",
                     "задержали аванс бухгалтерия молчит"),
        "такси": ("вызвать такси до аэропорта утром", "такси до аэропорта вызвать",
                  "довезите до вокзала к поезду"),
        "кот": ("чем кормить котёнка британца", "котёнок британец чем его кормить",
                "щенок грызёт тапочки хозяина"),
        "борщ": ("рецепт борща со свёклой", "борщ со свёклой рецепт", "сварить уху из карпа"),
    }.items()
    for question in questions
]  # fmt: skip
