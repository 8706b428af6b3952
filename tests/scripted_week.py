"""A week at a help centre by script: needs in many wordings, some without an article.

Everything goes by real HTTP to a server whose clock is moved by hand. Visitors whose need has an
article see it and give up all the same: a complaint. Then the lead accepts what the board suggests
to merge, and builds are made without a changed article and with a moved comma.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripted_day import Day, Play

WAIT = 20  # seconds between visitors: none of them is the one before
LEFT = 4_000  # ms after which a visitor gives up


@dataclass(frozen=True)
class Need:
    """What people want, in their wordings, and the body of the article on it, or none."""

    name: str
    wordings: Sequence[str]
    body: str = ""


class Week(Day):
    """A help centre over a folder, with an article for each need that has one."""

    def __init__(self, needs: Sequence[Need], folder: Path, base: Path, seed: int = 1) -> None:
        super().__init__(Play(base, {}, [], [], [], lang="en"), folder, seed)
        self.needs = needs
        self.visits: Counter[str] = Counter()  # by wording
        for need in needs:
            if need.body:
                self._write(need, need.body)
        self.index()

    def _write(self, need: Need, body: str) -> Path:
        file = self.settings.articles / "en" / "week" / f"{need.name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        title = need.name.replace("_", " ").capitalize()
        file.write_text(f"---\ntitle: {title}\nlang: en\n---\n{body}\n", "utf-8")
        return file

    def asked(self) -> None:
        """Each wording is asked by one to four visitors on several days, and nobody is helped."""
        asked = [
            (need, wording)
            for need in self.needs
            for wording in need.wordings
            for _ in range(1 + self.rng.randrange(4))
        ]
        self.rng.shuffle(asked)
        for number, (_, wording) in enumerate(asked, 1):
            self.clock.seconds = number * max(WAIT, 6 * 86_400 // len(asked))
            self.visits[wording] += 1
            self._gives_up(wording, number)
        self.clock.seconds += WAIT
        assert self.kb.recorder.flush(300)

    def _gives_up(self, wording: str, number: int) -> None:
        """Looks at what the box shows and leaves; every third opens the first, votes it down."""
        address = f"10.{number // 250}.{number % 250}.7"
        found = self.kb.answer(wording, own_lang="en", limit=6, facets=False)
        shown = [[hit.slug, rank] for rank, hit in enumerate(found.hits, 1)]
        run = f"week-run-{number:06}"
        events = [{"kind": "left", "ms": LEFT}]
        is_opened = bool(shown) and found.confident and number % 3 == 0
        if is_opened:
            events = [{"kind": "click", "slug": shown[0][0], "rank": 1, "ms": 2_000}]
        body = {
            "run": run, "visit": f"week-visit-{number:06}", "surface": "box", "lang": "en",
            "filters": {}, "build": found.build, "steps": [{"q": wording, "ms": 0}],
            "shown": shown, "events": events,
        }  # fmt: skip
        status, said = self.ask("POST", "/api/searches", address=address, body=body)
        assert status == 204, said
        if is_opened:
            vote = {"slug": shown[0][0], "helpful": "false", "reason": "failed", "run": run}
            status, said = self.ask("POST", "/api/feedback", address=address, form=vote)
            assert status in (204, 302, 303), said

    # --- what the lead and the builds do ---

    def rows(self) -> dict[int, str]:
        """The need that each row of the board asks, by the most of its visits."""
        of = {_folded(wording): need.name for need in self.needs for wording in need.wordings}
        told = {}
        for group in self.kb.misses(status="all", limit=10_000):
            votes: Counter[str] = Counter()
            for query, visits in group.phrasings:
                votes[of.get(_folded(query), "")] += visits
            told[group.id] = votes.most_common(1)[0][0]
        return told

    def merge(self, rounds: int = 50) -> dict[str, object]:
        """A lead takes what is right of the likeliest suggestions and tells the rest apart."""
        before, right, wrong = len(self.rows()), 0, 0
        for _ in range(rounds):
            needs, done = self.rows(), set()
            pairs = self.kb.log.likeness.pairs()
            for pair in pairs[: max(5, len(pairs) // 4)]:
                if {pair.first, pair.second} & done:
                    continue
                done |= {pair.first, pair.second}
                if needs[pair.first] == needs[pair.second]:
                    right += 1
                    self.kb.log.actions.merge([pair.second], pair.first, who="lead")
                else:
                    wrong += 1
                    self.kb.log.actions.separate([pair.second], pair.first, who="lead")
            if not pairs:
                break
        return {
            "needs": len(self.needs), "rows before": before, "rows after": len(self.rows()),
            "suggestions": right + wrong, "wrong": wrong,
        }  # fmt: skip

    def exact(self) -> dict[str, int]:
        """Visits as they were scripted, and as the board counts them."""
        counted = sum(group.visits for group in self.kb.misses(status="all", limit=10_000))
        missed = sum(not row["robot"] and row["miss"] for row in self.kb.log.export())
        return {"asked": self.visits.total(), "missed": missed, "visits on the board": counted}

    def build(self, change: Mapping[str, str] | None = None) -> int:
        """Builds; which of the complained-about were closed? `change`: bodies by need."""
        for need in self.needs:
            if change and need.name in change:
                self._write(need, change[need.name])
        (self.settings.articles / "en" / "unrelated.md").write_text(
            f"# Opening hours {self.rng.random()}\n\nFrom nine to five.\n", "utf-8"
        )
        before = self._complained()
        self.index()
        return len(before & {g.id for g in self.kb.misses(status="waiting", limit=10_000)})

    def _complained(self) -> set[int]:
        return {
            group.id
            for group in self.kb.misses(limit=10_000)
            if {"ignored", "unhelpful", "refined", "ticketed"} & group.kinds.keys()
        }


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())


def play(needs: Sequence[Need], folder: Path, base: Path, seed: int = 1) -> dict[str, object]:
    """The whole week; its figures."""
    week = Week(needs, folder, base, seed)
    try:
        week.asked()
        told: dict[str, object] = {
            "visits": week.exact(),
            "complained about": len(week._complained()),
        }
        told["closed without a change"] = week.build()
        commas = {need.name: need.body.replace(". ", "., ") for need in needs if need.body}
        told["closed by commas"] = week.build(commas)
        told["merging"] = week.merge()
        told["visits after merging"] = week.exact()["visits on the board"]
        rewritten = {
            need.name: _rewritten(need, random.Random(seed)) for need in needs if need.body
        }
        told["closed by rewriting"] = week.build(rewritten)
        return told
    finally:
        week.close()


def _rewritten(need: Need, rng: random.Random) -> str:
    steps = " ".join(f"Step {n}: {rng.choice(need.wordings)}" for n in range(1, 30))
    return f"{need.body}\n\n## What to do\n\n{steps}"
