"""What one writing transaction does to searches, groups and sums. Opens no database."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb import runs, text
from kb.redaction import redact
from kb.searchlog.rows import (
    NO_GROUP,
    ROBOT,
    RUN_TEXTS,
    SUMMED,
    amended,
    as_run,
    counters,
    facts_of,
    folded,
    kinds_of,
    mask_of,
    merged,
    names_of,
    with_events,
)
from kb.searchlog.statements import (
    change,
    execute,
    group_row,
    insert,
    next_id,
    pages,
    select,
    select_one,
    update,
    upsert,
)
from kb.searchlog.tables import (
    DAYS,
    EVENTS,
    FEEDBACK,
    GROUP_DAYS,
    GROUP_WORDS,
    GROUPS,
    HISTORY,
    REPORTS,
    RUNS,
    SENT,
    TICKETS,
)
from kb.searchlog.values import COUNTS, FORGOTTEN, KINDS, Amendment, Search, dump, to_ms, when


class Desk:
    """What a writing transaction does to searches, and which groups and days it must add up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._touched: dict[int, tuple[set[str], set[str]]] = {}  # groups: days, phrases
        self._days: dict[tuple[str, str, str], int] = {}
        self._nearest = ("", "")  # category and owner of what is being recorded

    def record(self, search: Search, row: dict[str, Any]) -> int:
        """Insert, join or amend what `row_of` made of a search; 1 if it names another visit's run.

        What is stored of the visit is read, thought over and written once.
        """
        c = self._connection
        self._nearest = (search.category[: runs.MAX_TEXT], search.owner[: runs.MAX_TEXT])
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
        self._write_events(search.events, after["id"], row["ended"])
        stored = {other["id"]: other for other in visit}
        if before is not None:
            stored[before["id"]] = before
        now = sorted(
            (stored | {after["id"]: after}).values(), key=lambda run: (run["started"], run["id"])
        )
        sent = self._letters(search.visit, "" if known else search.report or search.id)
        self._settle(search.visit, stored, now, sent, robot=after["robot"], only=after["id"])
        return 0

    def amend(self, more: Amendment) -> int | None:
        """Add what came of a search that is known; None if it is not, 1 if it is another visit's.

        Where a report became several searches, it came of the last one.
        """
        c = self._connection
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
        self._write_events(more.events, before["id"], to_ms(more.at))
        self._put(before, with_events(before, more.events, robot=more.robot))
        self.settle(before["visit"], before["started"], before["ended"], robot=more.robot)
        return 0

    def _letters(self, visit: str, run: str = "") -> list[int]:
        """When the visit sent letters; those that named its run before it was known are its own."""
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
        """What the visit of a run searched for in the minute before it, and until one after it."""
        minute = to_ms(runs.REFINED)
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
        """The visit a run belongs to, as far as it is known."""
        query = "select visit from reports where report = :run limit 1"
        found = select_one(self._connection, query, run=run) if run else None
        return found["visit"] if found else otherwise

    def _joined(
        self, search: Search, row: dict[str, Any], visit: list[dict[str, Any]]
    ) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The stored run that this one goes on with, and both in one; or None and this one."""
        gap = to_ms(runs.GAP)
        near = [
            other
            for other in visit
            if other["ended"] >= row["started"] - gap and other["started"] <= row["ended"] + gap
        ]
        if not near:
            return None, row
        new = runs.Run(
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
            if len(runs.fold((stored, new))) > 1:
                continue
            if before is None:
                before = other
                row = merged(other, row)
                new = runs.fold((stored, new))[0]
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

    def _write_events(self, events: Iterable[runs.Event], run: str, at: int) -> None:
        rows = {
            (event.kind, event.slug, event.ms): {
                "run": run,
                "kind": event.kind,
                "slug": event.slug,
                "ms": event.ms,
                "rank": event.rank,
                "at": at,
            }
            for event in events
        }
        upsert(self._connection, EVENTS, *rows.values())

    def _put(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Write a run; days and groups follow what changed."""
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

    def settle(self, visit: str, low: int, high: int, *, robot: bool = False) -> None:
        """Kinds and flags of a visit's searches in a stretch of time, from what is stored."""
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
        """Write these searches, in order, with kinds and flags; of a robot's `only` that one.

        `stored` are those of them that the log has, as it has them.
        """
        if not robot and runs.is_hasty([row["started"] / 1000 for row in rows]):
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

    def _mark_robot(self, visit: str) -> None:
        for row in select(
            self._connection, "select * from runs where visit = :v and not robot", v=visit
        ):
            self._put(row, row | ROBOT)

    def _unhelpful(self, ids: list[str]) -> set[str]:
        """The runs from which an article was opened and voted not helpful."""
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
            0 <= other["started"] - row["ended"] <= to_ms(runs.REFINED)
            and other["key"] != row["key"]
            for other in visit
            if other["id"] != row["id"]
        )
        after["ticketed"] = row["ticketed"] or any(
            row["started"] <= at <= row["ended"] + to_ms(runs.TICKETED) for at in sent
        )
        after["unhelpful"] = is_unhelpful
        facts = facts_of(after)
        after["kind"] = runs.kind(facts)
        after["miss"] = runs.is_miss(facts)
        after["counted"] = runs.is_counted(facts)
        if not after["miss"] or row["robot"]:
            after |= NO_GROUP
        elif row["group_id"] is None:
            after |= self._group_for(after)
        return after

    def settle_reports(self, report: str) -> None:
        """Kinds and flags of the runs a report became part of."""
        query = """select distinct r.visit, r.started, r.ended from runs r
                   join reports p on p.run = r.id where p.report = :report"""
        for row in select(self._connection, query, report=report) if report else ():
            self.settle(row["visit"], row["started"], row["ended"])

    # --- groups ---

    def _group_for(self, row: dict[str, Any]) -> dict[str, int | None]:
        """The group that asks the same, or a new one; none if nothing is asked."""
        words = row["words"].split()
        if not words:
            return NO_GROUP
        # The most words a set may have, or lack, and still be alike: no others are looked at.
        found = select(
            self._connection,
            """select g.*, alike.size, alike.shared from groups g join (
                 select group_id, size, count(*) as shared from group_words
                 where word in :words and size * 10 >= :n * 7 and size * 7 <= :n * 10
                 group by group_id, size
                 having count(*) * 10 >= 7 * (:n + size - count(*))
               ) as alike on alike.group_id = g.id""",
            words=words,
            n=len(words),
        )
        if not found:
            id = self.found(row, *self._nearest)
            return {"group_id": id, "asks": id}
        n = len(words)
        best = min(found, key=lambda g: (-g["shared"] / (n + g["size"] - g["shared"]), g["id"]))
        group = best
        while group["merged_into"]:
            group = group_row(self._connection, group["merged_into"])
        self._revive(group, row)
        return {"group_id": int(group["id"]), "asks": int(best["id"])}

    def _revive(self, group: dict[str, Any], row: dict[str, Any]) -> None:
        """A later miss on an answered group regresses it; a dismissal ends with its date."""
        ended = row["ended"]
        if group["status"] == "answered" and ended > group["answer_at"]:
            why = f"missed again: {row['query']}"
            change(
                self._connection,
                group["id"],
                "",
                "regressed",
                why,
                when(ended),
                status="regressed",
            )
        if group["status"] == "dismissed" and 0 < group["dismissed_until"] < ended:
            status = "assigned" if group["owner"] else "open"
            change(
                self._connection,
                group["id"],
                "",
                "reopened",
                "missed again",
                when(ended),
                status=status,
                dismissed_reason="",
                dismissed_until=0,
            )

    def found(self, row: dict[str, Any], category: str = "", owner: str = "") -> int:
        """A new group of what this run asks, assigned to the owner of the nearest article."""
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
            "first": row["ended"],
            "last": row["ended"],
            "kinds": "{}",
        }
        insert(c, GROUPS, values)
        if owner:
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
        """All days and phrasings of a group are added up again."""
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
        """Bring the sums of all that was touched up to date."""
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
        sums = select_one(c, _GROUP_SUMS, id=id)
        assert sums is not None  # noqa: S101 (an aggregate always has a row)
        kinds = kinds_of(sums)
        visits, tickets = int(sums["visits"] or 0), int(sums["tickets"] or 0)
        values = {
            "visits": visits,
            "searches": int(sums["searches"] or 0),
            "tickets": tickets,
            "kinds": dump(dict(sorted(kinds.items()))),
            "mask": mask_of(kinds),
            "priority": visits * (3 if tickets else 1),
        }
        if sums["first"] is not None:
            values |= {"first": sums["first"], "last": sums["last"]}
        update(c, GROUPS, id, values)

    # --- keeping less ---

    def purge(self, cut: int, most: int) -> int:
        """Delete up to `most` runs that ended before `cut`; their groups remember the numbers."""
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
        """The numbers of a group's deleted searches of a day stay."""
        c = self._connection
        visits = {row["visit"] for row in members}
        still = {
            row["visit"]
            for row in select(
                c,
                """select distinct visit from runs
                   where group_id = :id and day = :day and visit in :visits""",
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
            "tickets": len({row["visit"] for row in members if row["ticketed"]} - still),
        }
        self.add_past(id, day, more, [row["ended"] for row in members])

    def add_past(self, id: int, day: str, more: Mapping[str, int], ended: Iterable[int]) -> None:
        """Numbers that no kept search stands for any more, added to a group's day."""
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
        """Remove rows that hold `sought`; a group keeps its id and counts, not its words."""
        c = self._connection
        places = 0
        words = set(text.key(as_given).split())
        for row in pages(c, RUNS):
            if any(sought in folded(str(row[name])) for name in RUN_TEXTS):
                self._delete([row["id"]])
                self._count(row, -1)
                self._touch(row)
                places += 1
        for table, names in (
            (FEEDBACK, ("reason", "text", "slug")),
            (TICKETS, ("text", "reply_to")),
            (HISTORY, ("detail", "who", "data")),
            (EVENTS, ("slug",)),
        ):
            for row in pages(c, table):
                if any(sought in folded(row[name]) for name in names):
                    match = [column == row[column.name] for column in table.primary_key]
                    c.execute(table.delete().where(*match))
                    places += 1
        for row in pages(c, GROUPS):
            held = ("question", "note", "triage", "dismissed_reason", "owner", "category")
            in_words = bool(words) and words <= set(row["words"].split())
            if in_words or any(sought in folded(row[name]) for name in held):
                self._forget_group(row, sought, words)
                places += 1
        return places

    def _forget_group(self, group: dict[str, Any], sought: str, words: set[str]) -> None:
        c, id = self._connection, group["id"]
        values = {
            name: "" if sought in folded(group[name]) else group[name]
            for name in ("note", "triage", "dismissed_reason", "owner", "category")
        }
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


_KIND_SUMS = ", ".join(
    f"sum(case when {f'kind = {name!r}' if name in runs.KINDS else name} then 1 else 0 end)"
    for name in KINDS
)
_ADD_UP_DAY = f"""
    insert into group_days (group_id, day, past, first, last, searches, visits, tickets,
                            {", ".join(COUNTS)})
    select group_id, day, 0, min(ended), max(ended), count(*), count(distinct visit),
           count(distinct case when ticketed then visit end), {_KIND_SUMS}
    from runs where group_id = :id and day = :day group by group_id, day
    on conflict (group_id, day, past) do update
    set {", ".join(f"{name} = excluded.{name}" for name in ("first", "last", *SUMMED))}"""  # noqa: S608 (our own words only)
_ADD_UP_PHRASING = """
    insert into phrasings (group_id, phrase, query, visits)
    select group_id, phrase, min(query), count(distinct visit)
    from runs where group_id = :id and phrase = :phrase group by group_id, phrase
    on conflict (group_id, phrase) do update
    set query = excluded.query, visits = excluded.visits"""
_GROUP_SUMS = f"""
    select min(first) as first, max(last) as last,
           {", ".join(f"sum({name}) as {name}" for name in SUMMED)}
    from group_days where group_id = :id"""  # noqa: S608
