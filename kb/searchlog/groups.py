"""The life of a group, from open to answered, regressed or dismissed. Records no search.

What a lead does is written down with what was there before, so that it can be undone; what a lead
wrote is never deleted but by `forget`.
"""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from kb.redaction import redact
from kb.searchlog.database import Database
from kb.searchlog.desk import Desk
from kb.searchlog.rows import SUMMED, folded
from kb.searchlog.statements import change, execute, group_row, select, select_one
from kb.searchlog.values import Action, Finding, Triage, dump, stamp, when

Ids = int | Collection[int]


class Groups(Database):
    """Changes what is said of groups, one or several at once, and writes down who did.

    Verbs of leads return the number of the action, by which it can be undone, or 0 if there was
    nothing to do. They raise KeyError, changing nothing, where a group is not known.
    """

    def assign(self, groups: Ids, owner: str, *, who: str = "", at: datetime | None = None) -> int:
        """From now on `owner` answers for the groups; an empty owner opens them again."""
        action = 0
        with self._writing() as connection:
            for row in _rows(connection, groups):
                status = row["status"]
                if status in ("open", "assigned"):
                    status = "assigned" if owner else "open"
                if (row["owner"], row["status"]) == (owner, status):
                    continue
                values = {"owner": owner, "status": status}
                action = change(
                    connection, row["id"], who, "assigned", owner, at, action=action, undo={},
                    **values,
                )  # fmt: skip
        return action

    def dismiss(
        self,
        groups: Ids,
        reason: str,
        *,
        until: datetime | None = None,
        who: str = "",
        at: datetime | None = None,
    ) -> int:
        """Nobody will answer the groups, for a reason and at most until a date."""
        action = 0
        with self._writing() as connection:
            for row in _rows(connection, groups):
                values: dict[str, Any] = {
                    "status": "dismissed",
                    "dismissed_reason": reason,
                    "dismissed_until": stamp(until) if until else 0,
                }
                action = change(
                    connection, row["id"], who, "dismissed", reason, at, action=action, undo={},
                    **values,
                )  # fmt: skip
        return action

    def reopen(self, groups: Ids, *, who: str = "", at: datetime | None = None) -> int:
        """The groups wait for an answer again, whatever they were before."""
        action = 0
        with self._writing() as connection:
            for row in _rows(connection, groups):
                values: dict[str, Any] = {
                    "status": "assigned" if row["owner"] else "open",
                    "dismissed_reason": "",
                    "dismissed_until": 0,
                }
                if row["status"] == values["status"]:
                    continue
                action = change(
                    connection, row["id"], who, "reopened", "", at, action=action, undo={},
                    **values,
                )  # fmt: skip
        return action

    def annotate(self, groups: Ids, note: str, *, who: str = "", at: datetime | None = None) -> int:
        """The groups carry this note from now on; the former one stays in their history."""
        action = 0
        with self._writing() as connection:
            for row in _rows(connection, groups):
                if row["note"] != note:
                    action = change(
                        connection, row["id"], who, "note", note, at, action=action, undo={},
                        note=note,
                    )  # fmt: skip
        return action

    def merge(self, groups: Ids, into: int, *, who: str = "", at: datetime | None = None) -> int:
        """The groups ask the same as `into`: their misses, now and later, are counted there.

        Owner, note and history of each stay with it, and are there again when this is undone.
        """
        action = 0
        with self._writing() as connection:
            target = group_row(connection, into)
            if target["merged_into"]:
                raise KeyError(f"group {into} is merged into {target['merged_into']} itself")
            desk = Desk(connection)
            for row in _rows(connection, groups):
                inside = group_row(connection, row["id"])["merged_into"]  # by now
                if into in (row["id"], inside):
                    continue
                if inside:
                    raise KeyError(f"group {row['id']} is merged into {inside}")
                family = _merged(connection, row["id"])
                undo = {"did": "merge", "family": family}
                action = change(
                    connection, row["id"], who, "merged into", str(into), at, action=action,
                    undo=undo, merged_into=into,
                )  # fmt: skip
                change(connection, into, who, "merged", str(row["id"]), at, action=action)
                _unite(connection, desk, row["id"], family, into)
            desk.finish()
        return action

    def split(
        self,
        group: int,
        phrasings: str | Collection[str],
        *,
        who: str = "",
        at: datetime | None = None,
    ) -> int:
        """The phrasings ask something else: they found a group of their own, whose id is returned.

        Raises KeyError where the group has no such phrasing, or nothing else.
        """
        asked = [phrasings] if isinstance(phrasings, str) else list(phrasings)
        with self._writing() as connection:
            root = group_row(connection, group)
            found = [_phrased(connection, group, phrasing) for phrasing in asked]
            if not found:
                raise KeyError(f"no phrasing of group {group} was named")
            words = {row["words"] for row in found}
            if root["words"] in words:
                raise KeyError(f"{root['question']!r} is what group {group} asks")
            desk = Desk(connection)
            desk.touch_all(group)
            new = desk.found(found[0], root["category"])
            execute(
                connection,
                "update runs set group_id = :new, asks = :new where group_id = :g and words in :w",
                new=new,
                g=group,
                w=sorted(words),
            )
            # The same words must not lead back to a group that was merged into this one.
            family = [*_merged(connection, group), 0]
            execute(
                connection,
                """delete from group_words where group_id in :family and group_id in
                   (select id from groups where words in :w)""",
                family=family,
                w=sorted(words),
            )
            names = ", ".join(row["query"] for row in found)
            action = change(
                connection, new, who, "split from", str(group), at, undo={"did": "split"}
            )
            change(connection, group, who, "split", f"{names} → {new}", at, action=action)
            desk.touch_all(new)
            desk.finish()
            return new

    def last_action(self, who: str) -> Action | None:
        """What did this person do last that is not undone?"""
        with self._reading() as connection:
            last = select_one(
                connection,
                """select max(action) as action from history
                   where who = :who and not undone and data <> ''""",
                who=who,
            )
            if last is None or last["action"] is None:
                return None
            rows = select(
                connection,
                "select * from history where action = :a and data <> '' order by id",
                a=last["action"],
            )
        groups = tuple(row["group_id"] for row in rows)
        return Action(
            last["action"], when(rows[0]["at"]), rows[0]["what"], rows[0]["detail"], groups
        )

    def undo(self, action: int, *, who: str = "", at: datetime | None = None) -> list[int]:
        """Puts back what an action changed, and says which groups; what changed since stays."""
        restored: list[int] = []
        with self._writing() as connection:
            desk = Desk(connection)
            for entry in select(
                connection,
                """select * from history where action = :a and data <> '' and not undone
                   order by id desc""",
                a=action,
            ):
                _undo(connection, desk, entry)
                id, what = entry["group_id"], entry["what"]
                change(connection, id, who, "undone", what, at)
                execute(
                    connection, "update history set undone = :yes where id = :id",
                    yes=True, id=entry["id"],
                )  # fmt: skip
                restored.append(id)
            desk.finish()
        return restored[::-1]

    # --- what the service itself finds out ---

    def triage(self, *findings: Finding, at: datetime | None = None) -> None:
        """This is what would have answered some groups (LEADS.md §8); all of it or nothing.

        Category and owner are taken by a group that has none yet.
        """
        with self._writing() as connection:
            for finding in findings:
                _note(connection, finding, at)

    def end_dismissals(self, at: datetime) -> int:
        """Groups that were dismissed until a day before `at` wait for an answer again; how many."""
        with self._writing() as connection:
            rows = select(
                connection,
                """select id, owner from groups where status = 'dismissed'
                   and dismissed_until > 0 and dismissed_until < :at and merged_into = 0""",
                at=stamp(at),
            )
            for row in rows:
                status = "assigned" if row["owner"] else "open"
                change(
                    connection, row["id"], "", "reopened", "its day has come", at, status=status,
                    dismissed_reason="", dismissed_until=0,
                )  # fmt: skip
            return len(rows)

    def answer(
        self,
        group: int,
        *,
        slug: str,
        build: str,
        commit: str = "",
        rank: int = 1,
        committed: datetime | None = None,
        at: datetime | None = None,
    ) -> bool:
        """Replay found an article that answers the group; True if the group was not answered."""
        now = at or datetime.now(UTC)
        with self._writing() as connection:
            row = group_row(connection, group)
            values: dict[str, Any] = {
                "answer_slug": slug,
                "answer_build": build,
                "answer_commit": commit,
                "answer_rank": rank,
                "answer_committed": stamp(committed) if committed else 0,
            }
            if row["status"] == "answered":
                if row["answer_slug"] != slug:
                    change(connection, group, "", "answer moved", slug, now, **values)
                return False
            values |= {"answer_at": stamp(now)}
            change(connection, group, "", "answered", slug, now, status="answered", **values)
            return True

    def regress(self, group: int, reason: str, *, at: datetime | None = None) -> bool:
        """The answer of the group fell out; True if it had one."""
        with self._writing() as connection:
            if group_row(connection, group)["status"] != "answered":
                return False
            change(connection, group, "", "regressed", reason, at, status="regressed")
            return True


def _rows(connection: Connection, groups: Ids) -> list[dict[str, Any]]:
    ids = [groups] if isinstance(groups, int) else list(dict.fromkeys(groups))
    return [group_row(connection, id) for id in ids]


def _note(connection: Connection, finding: Finding, at: datetime | None) -> None:
    id, triage = finding.group, finding.triage
    row = group_row(connection, id)
    values: dict[str, Any] = {
        "triage": dump(_stored(triage)),
        "cause": triage.cause,
        "triage_build": triage.build,
    }
    if finding.category and not row["category"]:
        values["category"] = finding.category
    if row["cause"] != triage.cause:
        change(connection, id, "", "triage", triage.cause, at, **values)
    else:
        sets = ", ".join(f"{name} = :{name}" for name in values)
        query = f"update groups set {sets} where id = :id"  # noqa: S608 (names of our own columns)
        execute(connection, query, id=id, **values)
    if finding.owner and row["status"] == "open" and not _was_assigned(connection, id):
        change(
            connection, id, "", "assigned", finding.owner, at, owner=finding.owner,
            status="assigned",
        )  # fmt: skip


def _stored(finding: Triage) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "build": finding.build,
        "query": redact(finding.query),
        "slug": finding.slug,
        "words": finding.words,
    }


def _was_assigned(connection: Connection, group: int) -> bool:
    """Somebody has decided who answers for the group, if only that nobody does."""
    query = "select 1 from history where group_id = :id and what = 'assigned' limit 1"
    return select_one(connection, query, id=group) is not None


def _merged(connection: Connection, group: int) -> list[int]:
    query = "select id from groups where merged_into = :id order by id"
    return [int(row["id"]) for row in select(connection, query, id=group)]


def _unite(connection: Connection, desk: Desk, id: int, family: list[int], into: int) -> None:
    """The searches of a group, and of what was merged into it, are counted in another."""
    desk.touch_all(id)
    execute(connection, "update runs set group_id = :to where group_id = :id", to=into, id=id)
    execute(
        connection, "update groups set merged_into = :to where id in :family",
        to=into, family=[*family, id],
    )  # fmt: skip
    _carry_past(connection, desk, id, into, 1)
    desk.touch_all(into)


def _part(connection: Connection, desk: Desk, id: int, family: list[int]) -> None:
    """The reverse of `_unite`, also for searches that came since."""
    into = group_row(connection, id)["merged_into"]
    if not into:
        return
    desk.touch_all(into)
    execute(
        connection, "update runs set group_id = :id where group_id = :into and asks in :family",
        id=id, into=into, family=[*family, id],
    )  # fmt: skip
    query = "update groups set merged_into = :id where id in :family and merged_into = :into"
    execute(connection, query, id=id, into=into, family=[*family, 0])
    execute(connection, "update groups set merged_into = 0 where id = :id", id=id)
    _carry_past(connection, desk, id, into, -1)
    desk.touch_all(id)


def _carry_past(connection: Connection, desk: Desk, id: int, into: int, sign: int) -> None:
    query = "select * from group_days where group_id = :id and past = 1"
    for row in select(connection, query, id=id):
        more = {name: sign * row[name] for name in SUMMED}
        desk.add_past(into, row["day"], more, (row["first"], row["last"]))


def _phrased(connection: Connection, group: int, phrasing: str) -> dict[str, Any]:
    row = select_one(
        connection,
        "select * from runs where group_id = :g and phrase = :p order by started, id limit 1",
        g=group,
        p=folded(phrasing),
    )
    if row is None:
        raise KeyError(f"group {group} has no phrasing {phrasing!r}")
    return row


def _undo(connection: Connection, desk: Desk, entry: dict[str, Any]) -> None:
    id, data = entry["group_id"], json.loads(entry["data"])
    if data.get("did") == "merge":
        _part(connection, desk, id, data["family"])
        return
    if data.get("did") == "split":
        if not group_row(connection, id)["merged_into"]:
            _unite(connection, desk, id, _merged(connection, id), int(entry["detail"]))
        return
    now = group_row(connection, id)
    back = {k: v for k, v in data["before"].items() if now[k] == data["after"][k]}
    if back:  # what somebody has changed since is left
        sets = ", ".join(f"{name} = :{name}" for name in back)
        query = f"update groups set {sets} where id = :id"  # noqa: S608 (our own names)
        execute(connection, query, id=id, **back)
