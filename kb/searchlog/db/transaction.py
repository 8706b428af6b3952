"""A writing transaction of the log: changes searches, groups and sums. Opens no database."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.language import query_words, sketches
from kb.language.redaction import redact
from kb.searchlog import reports, sessions
from kb.searchlog.askers import Askers
from kb.searchlog.db.models import COUNTS, FORGOTTEN, Amendment, Search, dump, to_ms, when
from kb.searchlog.db.proof_counts import ProofCounts
from kb.searchlog.db.records import (
    NO_GROUP,
    ROBOT,
    RUN_TEXTS,
    SUMMED,
    AskersKey,
    amended,
    as_run,
    counted_for,
    counters,
    facts_of,
    folded,
    kinds_of,
    mask_of,
    merged,
    names_of,
    priority_of,
    reopened,
    with_events,
)
from kb.searchlog.db.sql import (
    PAGE,
    change,
    execute,
    group_row,
    insert,
    next_id,
    pages,
    remove_letters,
    select,
    select_one,
    update,
    upsert,
)
from kb.searchlog.db.tables import (
    ASKERS,
    ATTACHMENTS,
    DAYS,
    DEPARTURES,
    EVENTS,
    FEEDBACK,
    GROUP_DAYS,
    GROUP_WORDS,
    GROUPS,
    HISTORY,
    LETTER_EVENTS,
    LETTERS,
    OUTBOX,
    PROOFS,
    REPLIES,
    REPORTS,
    RUNS,
    SENT,
    SKETCHES,
    SUBSCRIPTIONS,
    TOLD,
)
from kb.searchlog.miss_kinds import MISS_KINDS, REPAIRS
from kb.searchlog.miss_kinds import kinds_of as miss_kinds_of

MOST_VISITS = 5  # of one network a day that a group counts
MOST_FOUNDED = 200  # groups a day that the visits of one network put on the board


class LogTransaction:
    """Writes searches, groups them, and notes which sums `finish` must bring up to date."""

    def __init__(
        self, connection: Connection, askers: Askers | None = None, asker: str = ""
    ) -> None:
        """`asker` is a hash of who reports, counted in `askers`; without both nobody is counted."""
        self._connection = connection
        self._askers = askers
        self._asker = asker
        self._counted: Counter[AskersKey] = Counter()
        self._proofs = ProofCounts(connection, askers)
        self._touched: dict[int, tuple[set[str], set[str]]] = {}  # groups: days, phrases
        self._days: dict[tuple[str, str, str], int] = {}
        self._nearest = ("", "", True)  # category and owner of what is being recorded
        self._share = MOST_VISITS  # of the network that reports
        self._found: tuple[str, ...] = ()  # the first articles of what is being recorded
        self.missed = 0  # searches that came to count as misses

    def record(self, search: Search, row: dict[str, Any]) -> int:
        """Inserts a search, or joins it with a stored one; `row` is what `row_of` made of it.

        Returns 1, and changes nothing, if it names the run of another visit, else 0.
        """
        c = self._connection
        self._asker = search.asker
        self._found = tuple(search.offered)[:3]
        self._share = 1 if search.is_bare else MOST_VISITS
        self._nearest = (
            search.category[: reports.MAX_TEXT],
            search.owner[: reports.MAX_TEXT],
            search.is_owned,
        )
        reported = select(
            c,
            "select id, run, visit from reports where id = :id or report = :report",
            id=search.id,
            report=search.report,
        )
        known = next((report for report in reported if report["id"] == search.id), None)
        if reported and (known or reported[0])["visit"] != search.visit:
            return 1
        if known is not None:
            before = select_one(c, "select * from runs where id = :id", id=known["run"])
            if before is None:
                return 0  # purged
            after = amended(before, row)
            visit = self._around(after)
        else:
            visit = self._around(row)
            before, after = self._joined(search, row, visit)
            if before is not None:
                visit = self._around(after)
            report = {
                "id": search.id,
                "report": search.report or search.id,
                "run": after["id"],
                "visit": search.visit,
                "at": row["ended"],
            }
            insert(c, REPORTS, report)
        self._write_events(search.events, after, row["ended"])
        self._write_sketches(search)
        stored = {other["id"]: other for other in visit}
        if before is not None:
            stored[before["id"]] = before
        now = sorted(
            (stored | {after["id"]: after}).values(), key=lambda run: (run["started"], run["id"])
        )
        sent = self._letters(search.visit, "" if known else search.report or search.id)
        self._settle(search.visit, stored, now, sent, robot=after["robot"], only=after["id"])
        if before is None:
            self._proofs.take_back(after, self._asker)
        return 0

    def amend(self, more: Amendment) -> int | None:
        """Adds events to a stored search; of a report that became several, to the last one.

        Returns None if no such search is stored, 1 if it is another visit's, else 0.
        """
        c = self._connection
        self._asker = more.asker
        known = select_one(
            c,
            "select run, visit from reports where report = :id order by at desc, id desc limit 1",
            id=more.report,
        )
        if known is None:
            return None
        if more.visit not in (known["visit"], more.report):
            return 1
        before = select_one(c, "select * from runs where id = :id", id=known["run"])
        if before is None:
            return 0  # purged
        after = with_events(before, more.events, robot=more.robot)
        self._write_events(more.events, after, to_ms(more.at))
        self._put(before, after)
        self.settle(before["visit"], before["started"], before["ended"], robot=more.robot)
        return 0

    def _letters(self, visit: str, run: str = "") -> list[int]:
        """The times of a visit's letters, with those that named its run before it was known."""
        c = self._connection
        sent = select(
            c, "select visit, at from sent where visit in (:visit, :run)", visit=visit, run=run
        )
        for letter in sent:
            if letter["visit"] != visit:
                execute(
                    c, "delete from sent where visit = :run and at = :at", run=run, at=letter["at"]
                )
                upsert(c, SENT, {"visit": visit, "at": letter["at"]})
        return [letter["at"] for letter in sent]

    def _around(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The searches of the visit of a run, from a minute before it to a minute after it."""
        minute = to_ms(sessions.REFINED)
        return self._visit(row["visit"], row["started"] - minute, row["ended"] + minute)

    def _visit(self, visit: str, low: int, high: int) -> list[dict[str, Any]]:
        return select(
            self._connection,
            """select * from runs where visit = :visit and ended >= :low and started <= :high
               order by started, id""",
            visit=visit,
            low=low,
            high=high,
        )

    def visit_of(self, run: str, otherwise: str) -> str:
        """The visit that a run belongs to; `otherwise` where it is not stored."""
        query = "select visit from reports where report = :run limit 1"
        found = select_one(self._connection, query, run=run) if run else None
        return found["visit"] if found else otherwise

    def _joined(
        self, search: Search, row: dict[str, Any], visit: list[dict[str, Any]]
    ) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The stored run that a new one continues, and both joined; or None and the new one."""
        gap = to_ms(sessions.GAP)
        near = [
            other
            for other in visit
            if other["ended"] >= row["started"] - gap and other["started"] <= row["ended"] + gap
        ]
        if not near:
            return None, row
        new = sessions.Run(
            first=redact(search.first or search.query),
            last=row["query"],
            query=row["query"],
            started=row["started"] / 1000,
            ended=row["ended"] / 1000,
            closed=row["clicked"] or row["answered"],
        )
        # Only neighbours go on with each other: what was asked in between ends a search.
        earlier = [other for other in near if other["started"] <= row["started"]][-1:]
        later = [other for other in near if other["started"] > row["started"]][:1]
        before: dict[str, Any] | None = None
        for other in earlier + later:
            stored = as_run(other)
            if len(sessions.fold((stored, new))) > 1:
                continue
            if before is None:
                before = other
                row = merged(other, row)
                new = sessions.fold((stored, new))[0]
            else:  # this one stood between two: all three are one search
                row = merged(row, other)
                self._absorb(other, row["id"])
        return before, row

    def _absorb(self, other: dict[str, Any], into: str) -> None:
        for table in ("reports", "events"):
            query = f"update {table} set run = :into where run = :id"  # noqa: S608
            execute(self._connection, query, into=into, id=other["id"])
        execute(self._connection, "delete from runs where id = :id", id=other["id"])
        self._count(other, -1)
        self._touch(other)

    def _write_events(
        self, events: Iterable[reports.Event], run: Mapping[str, Any], at: int
    ) -> None:
        rows = {
            (event.kind, event.slug, event.ms): {
                "run": run["id"],
                "kind": event.kind,
                "slug": event.slug,
                "ms": event.ms,
                "rank": event.rank,
                "at": at,
            }
            for event in events
        }
        upsert(self._connection, EVENTS, *rows.values())
        for event in () if run["robot"] else events:
            if event.kind in ("click", "answered") and event.slug:
                self._count_asker(("opened", 0, run["lang"], event.slug))

    def _write_sketches(self, search: Search) -> None:
        """Keep the words of the articles that the search found, once for each version of one."""
        kept = {sketches.digest(sketch): sketch for sketch in search.offered.values()}
        if not kept:
            return
        known = select(
            self._connection,
            "select digest from sketches where digest in :digests and at >= :day",
            digests=sorted(kept),
            day=to_ms(search.ended) - to_ms(24 * 3600),
        )
        for row in known:  # the moment of the last use need not be exact
            del kept[row["digest"]]
        at = to_ms(search.ended)
        rows = ({"digest": name, "sketch": sketch, "at": at} for name, sketch in kept.items())
        upsert(self._connection, SKETCHES, *rows)

    def _put(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Writes a run, and counts what changed by day and group."""
        if before == after:
            return
        c = self._connection
        if before is None:
            insert(c, RUNS, after)
        else:
            changed = {k: v for k, v in after.items() if before[k] != v}
            update(c, RUNS, before["id"], changed)
            self._count(before, -1)
            self._touch(before)
        self._count(after, 1)
        self._touch(after)
        self._count_askers(before, after)
        if after["counted"] and not (after["robot"] or (before and before["counted"])):
            self.missed += 1

    def _count_askers(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Counts the asker once more for what a search has become: a miss, or a success."""
        for key in counted_for(after) - (counted_for(before) if before else set()):
            self._count_asker(key)

    def _count_asker(self, key: AskersKey) -> None:
        if self._asker and self._askers is not None:
            self._counted[key] += self._askers.is_new(self._asker, repr(key))

    def settle(self, visit: str, low: int, high: int, *, robot: bool = False) -> None:
        """Sets the miss kinds of the stored searches of a visit between `low` and `high` (ms)."""
        rows = self._visit(visit, low, high)
        stored = {row["id"]: row for row in rows}
        self._settle(visit, stored, rows, self._letters(visit), robot=robot)

    def _settle(
        self,
        visit: str,
        stored: dict[str, dict[str, Any]],
        rows: list[dict[str, Any]],
        sent: list[int],
        *,
        robot: bool,
        only: str = "",
    ) -> None:
        """Sets the miss kinds of the searches `rows` of a visit, in order, and writes them.

        `stored` are those of them that the log has, as it has them; `sent` are the times of its
        letters. Of a robot only the search `only` is written.
        """
        if not robot and sessions.is_hasty([row["started"] / 1000 for row in rows]):
            self._mark_robot(visit)
            stored = {id: row | ROBOT for id, row in stored.items()}
            rows = [row | ROBOT for row in rows]
            robot = True
        if robot and only:  # nobody looks at what a robot did next, and it does a lot
            rows = [row for row in rows if row["id"] == only]
        unhelpful = self._unhelpful([row["id"] for row in rows])
        for row in rows:
            after = self._settled(row, rows, sent, row["id"] in unhelpful)
            self._put(stored.get(row["id"]), after)
            self._proofs.note(after, self._asker)

    def _mark_robot(self, visit: str) -> None:
        for row in select(
            self._connection, "select * from runs where visit = :v and not robot", v=visit
        ):
            self._put(row, row | ROBOT)

    def _unhelpful(self, ids: list[str]) -> set[str]:
        """Those of the runs from which an article was opened and voted not helpful."""
        rows = select(
            self._connection,
            """select distinct r.run from feedback f join reports r on r.report = f.run
               where r.run in :ids and not f.helpful
                 and (not exists (select 1 from reports o
                                  where o.report = r.report and o.run <> r.run)
                      or exists (select 1 from events e
                                 where e.run = r.run and e.kind = 'click' and e.slug = f.slug))""",
            ids=ids,
        )
        return {row["run"] for row in rows}

    def _settled(
        self,
        row: dict[str, Any],
        visit: list[dict[str, Any]],
        sent: list[int],
        is_unhelpful: bool,
    ) -> dict[str, Any]:
        after = dict(row)
        after["refined"] = row["refined"] or any(
            0 <= other["started"] - row["ended"] <= to_ms(sessions.REFINED)
            and other["key"] != row["key"]
            for other in visit
            if other["id"] != row["id"]
        )
        after["ticketed"] = row["ticketed"] or any(
            row["started"] <= at <= row["ended"] + to_ms(sessions.TICKETED) for at in sent
        )
        after["unhelpful"] = is_unhelpful
        kinds = miss_kinds_of(facts_of(after))
        after["kind"] = next((kind.name for kind in kinds if not kind.is_flag), None)
        after["miss"] = bool(kinds)
        after["counted"] = any(kind.in_rate for kind in kinds)
        if not after["miss"] or row["robot"]:
            after |= NO_GROUP
        elif row["group_id"] is None:
            after |= self._group_for(after)
        return after

    def settle_reports(self, report: str) -> None:
        """Sets the miss kinds of the runs that a report became part of."""
        query = """select distinct r.visit, r.started, r.ended from runs r
                   join reports p on p.run = r.id where p.report = :report"""
        for row in select(self._connection, query, report=report) if report else ():
            self.settle(row["visit"], row["started"], row["ended"])

    # --- groups ---

    def _group_for(self, row: dict[str, Any]) -> dict[str, int | None]:
        """The group of a run, as columns: one of similar words, or a new one; none if no words."""
        words = row["words"].split()
        if not words:
            return NO_GROUP
        # The most words a set may have, or lack, and still be alike: no others are looked at.
        found = select(
            self._connection,
            """select g.*, alike.size, alike.shared from groups g join (
                 select group_id, size, count(*) as shared from group_words
                 where word in :words and size * :whole >= :n * :part
                   and size * :part <= :n * :whole
                 group by group_id, size
                 having count(*) * :whole >= :part * (:n + size - count(*))
               ) as alike on alike.group_id = g.id""",
            words=words,
            n=len(words),
            part=sessions.SIMILAR.numerator,
            whole=sessions.SIMILAR.denominator,
        )
        if not found:
            id = self.found(row, *self._nearest)
            may_found = self._allows("found", MOST_FOUNDED)
            return {"group_id": id, "asks": id, "crowded": self._is_crowded(id, row, may_found)}
        n = len(words)
        best = min(found, key=lambda g: (-g["shared"] / (n + g["size"] - g["shared"]), g["id"]))
        group = best
        while group["merged_into"]:
            group = group_row(self._connection, group["merged_into"])
        self._revive(group, row)
        id = int(group["id"])
        return {"group_id": id, "asks": int(best["id"]), "crowded": self._is_crowded(id, row)}

    def _is_crowded(self, group: int, row: dict[str, Any], may_found: bool = True) -> bool:
        """Whether a network has used up its share of a group's visits on this day.

        Its share is one visit where no script tells visits apart: a reload looks like a new one.
        Another search of a visit that counts is no further visit.
        """
        query = """select 1 from runs where group_id = :group and day = :day and visit = :visit
                   and not crowded limit 1"""
        key = {"group": group, "day": row["day"], "visit": row["visit"]}
        if select_one(self._connection, query, **key):
            return False
        return not (may_found and self._allows(f"visit {group}", self._share))

    def _allows(self, thing: str, most: int) -> bool:
        if not self._asker or self._askers is None:
            return True
        return self._askers.allows(self._asker, thing, most)

    def _revive(self, group: dict[str, Any], row: dict[str, Any]) -> None:
        """Regresses an answered group that is missed again; reopens one whose dismissal ended."""
        ended = row["ended"]
        c, id, at = self._connection, group["id"], when(ended)
        if group["status"] == "answered" and ended > group["answer_at"]:
            why = f"missed again: {row['query']}"
            change(c, id, "", "regressed", why, at, status="regressed")
        if group["status"] == "dismissed" and 0 < group["dismissed_until"] < ended:
            change(c, id, "", "reopened", "missed again", at, **reopened(group))

    def found(
        self, row: dict[str, Any], category: str = "", owner: str = "", is_owned: bool = True
    ) -> int:
        """Makes a group of the question of a run, assigned to `owner`. Returns its id."""
        c = self._connection
        id = next_id(c, "groups")
        words = row["words"].split()
        values: dict[str, Any] = {column.name: "" for column in GROUPS.c}
        values |= {c.name: 0 for c in GROUPS.c if isinstance(c.type, sa.BigInteger)}
        values |= {
            "id": id,
            "question": row["query"],
            "lang": row["lang"],
            "words": row["words"],
            "status": "open",
            "category": category,
            "owner": "" if is_owned else owner,
            "nearest": "\n".join(self._found),
            "first": row["ended"],
            "last": row["ended"],
            "kinds": "{}",
        }
        insert(c, GROUPS, values)
        if owner and is_owned:
            at = when(row["ended"])
            change(c, id, "", "assigned", owner, at, owner=owner, status="assigned")
        size = len(words)
        insert(c, GROUP_WORDS, *({"word": w, "group_id": id, "size": size} for w in words))
        return id

    def _touch(self, row: dict[str, Any]) -> None:
        if row["group_id"] is not None:
            days, phrases = self._touched.setdefault(row["group_id"], (set(), set()))
            days.add(row["day"])
            phrases.add(row["phrase"])

    def touch_all(self, id: int) -> None:
        """Notes that all days and phrasings of a group must be added up again."""
        days, phrases = self._touched.setdefault(id, (set(), set()))
        for table in ("runs", "group_days"):
            query = f"select distinct day from {table} where group_id = :id"  # noqa: S608
            days.update(row["day"] for row in select(self._connection, query, id=id))
        for table in ("runs", "phrasings"):
            query = f"select distinct phrase from {table} where group_id = :id"  # noqa: S608
            phrases.update(row["phrase"] for row in select(self._connection, query, id=id))

    # --- adding up ---

    def _count(self, row: dict[str, Any], sign: int) -> None:
        for name in counters(row):
            key = (row["day"], row["lang"], name)
            self._days[key] = self._days.get(key, 0) + sign

    def finish(self) -> None:
        """Brings the sums of all days and groups that changed up to date."""
        if self._askers is not None:
            place = {"day": self._askers.day.isoformat(), "source": self._askers.source}
            keys = ("kind", "group_id", "lang", "name")
            askers = [
                dict(zip(keys, key, strict=True)) | place | {"n": n}
                for key, n in sorted(self._counted.items())
                if n
            ]
            upsert(self._connection, ASKERS, *askers, adds=True)
            self._counted.clear()
            self._proofs.write()
        counted = [
            {"day": day, "lang": lang, "name": name, "n": n}
            for (day, lang, name), n in sorted(self._days.items())
            if n
        ]
        upsert(self._connection, DAYS, *counted, adds=True)
        self._days.clear()
        for id, (days, phrases) in sorted(self._touched.items()):
            for day in sorted(days):
                self._add_up_day(id, day)
            for phrase in sorted(phrases):
                self._add_up_phrasing(id, phrase)
            self._add_up(id)
        self._touched.clear()

    def _add_up_day(self, id: int, day: str) -> None:
        c = self._connection
        if not execute(c, _ADD_UP_DAY, id=id, day=day):
            query = "delete from group_days where group_id = :id and day = :day and past = 0"
            execute(c, query, id=id, day=day)

    def _add_up_phrasing(self, id: int, phrase: str) -> None:
        c = self._connection
        if execute(c, _ADD_UP_PHRASING, id=id, phrase=phrase):
            return
        if phrase == folded(group_row(c, id)["question"]):  # by it the group is looked for
            query = "update phrasings set visits = 0 where group_id = :id and phrase = :phrase"
        else:
            query = "delete from phrasings where group_id = :id and phrase = :phrase"
        execute(c, query, id=id, phrase=phrase)

    def _add_up(self, id: int) -> None:
        c = self._connection
        sums = select_one(c, _GROUP_SUMS, id=id, repairs=REPAIRS)
        assert sums is not None  # noqa: S101 (an aggregate always has a row)
        kinds = kinds_of(sums)
        visits, tickets = int(sums["visits"] or 0), int(sums["tickets"] or 0)
        values = {
            "visits": visits,
            "searches": int(sums["searches"] or 0),
            "tickets": tickets,
            "kinds": dump(dict(sorted(kinds.items()))),
            "mask": mask_of(kinds),
            "priority": priority_of(visits, tickets),
        }
        if sums["label"]:
            values["label"] = sums["label"]
        if sums["first"] is not None:
            values |= {"first": sums["first"], "last": sums["last"]}
        update(c, GROUPS, id, values)

    # --- keeping less ---

    def purge(self, cut: int, most: int) -> int:
        """Deletes up to `most` runs that ended before `cut` (ms). Returns how many.

        Their groups keep the counts.
        """
        c = self._connection
        rows = select(
            c,
            "select * from runs where ended < :cut order by ended, id limit :most",
            cut=cut,
            most=most,
        )
        if not rows:
            return 0
        ids = [row["id"] for row in rows]
        self._delete(ids)
        gone: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for row in rows:
            if row["group_id"] is not None:
                gone.setdefault((row["group_id"], row["day"]), []).append(row)
        for row in rows:
            self._touch(row)
        for (id, day), members in gone.items():
            self._remember(id, day, members)
        return len(rows)

    def _delete(self, ids: list[str]) -> None:
        for table, column in (("events", "run"), ("reports", "run"), ("runs", "id")):
            query = f"delete from {table} where {column} in :ids"  # noqa: S608
            execute(self._connection, query, ids=ids)

    def _remember(self, id: int, day: str, members: list[dict[str, Any]]) -> None:
        """Keeps the counts of deleted searches of a group on a day."""
        c = self._connection
        visits = {row["visit"] for row in members if not row["crowded"]}
        still = {
            row["visit"]
            for row in select(
                c,
                """select distinct visit from runs
                   where group_id = :id and day = :day and visit in :visits and not crowded""",
                id=id,
                day=day,
                visits=sorted(visits),
            )
        }
        more = dict.fromkeys(COUNTS, 0)
        for row in members:
            for name in names_of(row):
                more[f"n_{name}"] += 1
        more |= {
            "visits": len(visits - still),
            "searches": len(members),
            "tickets": len({row["visit"] for row in members if row["ticketed"]} & visits - still),
        }
        self.add_past(id, day, more, [row["ended"] for row in members])

    def add_past(self, id: int, day: str, more: Mapping[str, int], ended: Iterable[int]) -> None:
        """Adds counts of deleted searches to those of a group on a day."""
        c = self._connection
        past = select_one(
            c,
            "select * from group_days where group_id = :id and day = :day and past = 1",
            id=id,
            day=day,
        )
        times = [*ended, *((past["first"], past["last"]) if past else ())]
        row = {name: max(0, n + (past[name] if past else 0)) for name, n in more.items()}
        key = {"group_id": id, "day": day, "past": 1, "first": min(times), "last": max(times)}
        upsert(c, GROUP_DAYS, row | key)

    def forget(self, sought: str, as_given: str) -> int:
        """Removes all rows that hold the folded text `sought`. Returns how many.

        A group keeps its id and counts, and loses its words.
        """
        c = self._connection
        places = 0
        words = set(query_words.key(as_given).split())
        for row in pages(c, RUNS):
            if any(sought in folded(str(row[name])) for name in RUN_TEXTS):
                self._delete([row["id"]])
                self._count(row, -1)
                self._touch(row)
                places += 1
        for table, names in (
            (FEEDBACK, ("reason", "text", "slug")),
            (HISTORY, ("detail", "who", "data")),
            (EVENTS, ("slug",)),
            (SUBSCRIPTIONS, ("address", "query")),
            (DEPARTURES, ("text",)),
        ):
            for row in pages(c, table):
                if any(sought in folded(row[name]) for name in names):
                    match = [column == row[column.name] for column in table.primary_key]
                    c.execute(table.delete().where(*match))
                    places += 1
        for row in pages(c, TOLD):
            if sought in folded(row["owner"]):
                c.execute(TOLD.delete().where(TOLD.c.owner == row["owner"]))
        places += self._forget_letters(sought)
        for row in pages(c, ASKERS):
            if sought in folded(row["name"]) or (row["kind"] == "word" and row["name"] in words):
                match = [column == row[column.name] for column in ASKERS.primary_key]
                c.execute(ASKERS.delete().where(*match))
        for row in pages(c, PROOFS):
            if sought in folded(row["question"]) or sought in folded(row["name"]):
                match = [column == row[column.name] for column in PROOFS.primary_key]
                c.execute(PROOFS.delete().where(*match))
        self._lower_feed()
        for row in pages(c, GROUPS):
            in_words = bool(words) and words <= set(row["words"].split())
            if in_words or any(sought in folded(row[name]) for name in ("question", *_HELD)):
                self._forget_group(row, sought, words)
                places += 1
        return places

    def _lower_feed(self) -> None:
        """Keeps the position of the feed below the next number, if the last entry is gone."""
        execute(
            self._connection,
            """update feed_positions set at = (select coalesce(max(id), 0) from history)
               where name = 'history' and at > (select coalesce(max(id), 0) from history)""",
        )

    def _forget_letters(self, sought: str) -> int:
        """Removes letters that hold a text, or a reply, a file or a trail that does."""
        c = self._connection
        found: set[int] = set()
        for table, of, names in (
            (LETTERS, "id", ("subject", "text", "reply_to", "type", "plan", "owner", "trail")),
            (REPLIES, "letter", ("text", "who")),
            (ATTACHMENTS, "letter", ("name",)),
            (LETTER_EVENTS, "letter", ("who", "detail")),
        ):
            for row in pages(c, table):
                if any(sought in folded(row[name]) for name in names):
                    found.add(row[of])
        remove_letters(c, list(found))
        for row in pages(c, OUTBOX):
            if sought in folded(row["payload"]):
                execute(c, "delete from outbox where id = :id", id=row["id"])
        return len(found)

    def forget_groups(self, ids: list[int]) -> int:
        """Removes groups and their searches as if nobody had asked. Returns how many searches.

        An empty group keeps the highest id, so that no other group gets it.
        """
        c = self._connection
        rows = select(c, "select * from runs where group_id in :ids", ids=ids)
        for row in rows:
            self._count(row, -1)
        for at in range(0, len(rows), PAGE):
            self._delete([row["id"] for row in rows[at : at + PAGE]])
        phrases = "select phrase from phrasings where group_id in :ids"
        execute(c, f"delete from askers where kind = 'phrase' and name in ({phrases})", ids=ids)  # noqa: S608
        for name in ("question", "name"):
            execute(c, f"delete from proofs where {name} in ({phrases})", ids=ids)  # noqa: S608
        for table in ("group_days", "phrasings", "group_words", "history", "askers"):
            execute(c, f"delete from {table} where group_id in :ids", ids=ids)  # noqa: S608
        self._lower_feed()
        execute(c, "delete from apart where low in :ids or high in :ids", ids=ids)
        execute(c, "delete from told where group_id in :ids", ids=ids)
        last = next_id(c, "groups") - 1
        execute(c, "delete from groups where id in :ids and id <> :last", ids=ids, last=last)
        if last in ids:
            nothing = {
                "question": FORGOTTEN,
                "label": "",
                "words": "",
                "visits": 0,
                "searches": 0,
                "tickets": 0,
            }
            update(c, GROUPS, last, nothing | {"priority": 0, "mask": 0, "kinds": "{}"})
        return len(rows)

    def _forget_group(self, group: dict[str, Any], sought: str, words: set[str]) -> None:
        c, id = self._connection, group["id"]
        values = {name: "" if sought in folded(group[name]) else group[name] for name in _HELD}
        if sought in folded(group["question"]) or words <= set(group["words"].split()):
            other = select_one(
                c,
                "select query, words from runs where group_id = :id order by started limit 1",
                id=id,
            )
            values["question"] = other["query"] if other else FORGOTTEN
            values["words"] = other["words"] if other else ""
            execute(c, "delete from group_words where group_id = :id", id=id)
            left = values["words"].split()
            rows = ({"word": word, "group_id": id, "size": len(left)} for word in left)
            insert(c, GROUP_WORDS, *rows)
        update(c, GROUPS, id, values)
        self.touch_all(id)


_KIND_SUMS = ", ".join(f"sum(case when {kind.condition} then 1 else 0 end)" for kind in MISS_KINDS)
_ADD_UP_DAY = f"""
    insert into group_days (group_id, day, past, first, last, searches, visits, tickets,
                            {", ".join(COUNTS)})
    select group_id, day, 0, min(ended), max(ended), count(*),
           count(distinct case when not crowded then visit end),
           count(distinct case when ticketed and not crowded then visit end), {_KIND_SUMS}
    from runs where group_id = :id and day = :day group by group_id, day
    on conflict (group_id, day, past) do update
    set {", ".join(f"{name} = excluded.{name}" for name in ("first", "last", *SUMMED))}"""  # noqa: S608 (our own words only)
# The columns of a group, beside its question, that may hold what is to be forgotten.
_HELD = ("note", "triage", "dismissed_reason", "owner", "category", "label")
_ADD_UP_PHRASING = """
    insert into phrasings (group_id, phrase, query, visits)
    select group_id, phrase, min(query), count(distinct case when not crowded then visit end)
    from runs where group_id = :id and phrase = :phrase group by group_id, phrase
    on conflict (group_id, phrase) do update
    set query = excluded.query, visits = excluded.visits"""
# The most asked wording of a group, repaired where it was found only so.
_LABEL = """
    select coalesce((select min(r.corrected) from runs r where r.group_id = p.group_id
                     and r.phrase = p.phrase and r.correction in :repairs), p.query)
    from phrasings p where p.group_id = :id and p.visits > 0
    order by p.visits desc, p.phrase limit 1"""
_GROUP_SUMS = f"""
    select min(first) as first, max(last) as last, ({_LABEL}) as label,
           {", ".join(f"sum({name}) as {name}" for name in SUMMED)}
    from group_days where group_id = :id"""  # noqa: S608
