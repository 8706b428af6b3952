"""Changes the status of groups: assigned, dismissed, merged, split, answered, undone.

An action of a lead is stored with what it replaced, so that it can be undone; what a lead wrote is
deleted by `forget` alone.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from kb.language.redaction import redact
from kb.searchlog.db.database import Database
from kb.searchlog.db.models import (
    ANSWERING,
    Action,
    GroupProgress,
    GroupTriage,
    Triage,
    dump,
    stamp,
    when,
)
from kb.searchlog.db.records import SUMMED, folded, reopened
from kb.searchlog.db.sql import change, execute, group_row, select, select_one, update, upsert
from kb.searchlog.db.tables import APART, GROUPS
from kb.searchlog.db.transaction import LogTransaction

Ids = int | Collection[int]
Row = dict[str, Any]


class GroupActions:
    """Changes groups, one or several at once, and adds each change to their history.

    Verbs of leads return the number of the action, by which it can be undone, or 0 if there was
    nothing to do. They raise KeyError, changing nothing, where a group is not known.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        """`now` gives the time of an action that names none."""
        self._database = database
        self._now = now

    def assign(self, groups: Ids, owner: str, *, who: str = "", at: datetime | None = None) -> int:
        """Assigns the groups to `owner`; an empty one opens them again."""

        def values(row: Row) -> Row:
            status = row["status"]
            if status in ("open", "assigned"):
                status = "assigned" if owner else "open"
            is_same = (row["owner"], row["status"]) == (owner, status)
            return {} if is_same else {"owner": owner, "status": status}

        return self._change_each(groups, "assigned", owner, values, who, at)

    def dismiss(
        self,
        groups: Ids,
        reason: str,
        *,
        until: datetime | None = None,
        who: str = "",
        at: datetime | None = None,
    ) -> int:
        """Dismisses the groups for a reason, at most until a date."""
        dismissed = {
            "status": "dismissed",
            "dismissed_reason": reason,
            "dismissed_until": stamp(until) if until else 0,
        }
        return self._change_each(groups, "dismissed", reason, lambda row: dismissed, who, at)

    def reopen(self, groups: Ids, *, who: str = "", at: datetime | None = None) -> int:
        """Opens the groups again, whatever their status."""

        def values(row: Row) -> Row:
            new = reopened(row)
            return {} if row["status"] == new["status"] else new

        return self._change_each(groups, "reopened", "", values, who, at)

    def annotate(self, groups: Ids, note: str, *, who: str = "", at: datetime | None = None) -> int:
        """Sets the note of the groups; the former one stays in their history."""

        def values(row: Row) -> Row:
            return {} if row["note"] == note else {"note": note}

        return self._change_each(groups, "note", note, values, who, at)

    def _change_each(
        self,
        groups: Ids,
        what: str,
        detail: str,
        values: Callable[[Row], Row],
        who: str,
        at: datetime | None,
    ) -> int:
        """Changes groups in one action; `values` gives the new ones of a row, none to leave it."""
        action = 0
        with self._database.writing() as connection:
            for row in _rows(connection, groups):
                if new := values(row):
                    action = change(
                        connection, row["id"], who, what, detail, at or self._now(),
                        action=action, undo={}, **new,
                    )  # fmt: skip
        return action

    def merge(self, groups: Ids, into: int, *, who: str = "", at: datetime | None = None) -> int:
        """Merges groups into another: their misses, now and later, are counted there.

        Owner, note and history of each stay with it, and are there again when this is undone.
        """
        action = 0
        with self._database.writing() as connection:
            target = group_row(connection, into)
            if target["merged_into"]:
                raise KeyError(f"group {into} is merged into {target['merged_into']} itself")
            transaction = LogTransaction(connection)
            for row in _rows(connection, groups):
                inside = group_row(connection, row["id"])["merged_into"]  # by now
                if into in (row["id"], inside):
                    continue
                if inside:
                    raise KeyError(f"group {row['id']} is merged into {inside}")
                family = _merged(connection, row["id"])
                undo = {"did": "merge", "family": family}
                action = change(
                    connection,
                    row["id"],
                    who,
                    "merged into",
                    str(into),
                    at or self._now(),
                    action=action,
                    undo=undo,
                    merged_into=into,
                )
                change(
                    connection,
                    into,
                    who,
                    "merged",
                    str(row["id"]),
                    at or self._now(),
                    action=action,
                )
                _unite(connection, transaction, row["id"], family, into)
            transaction.finish()
        return action

    def separate(
        self, groups: Ids, other: int, *, who: str = "", at: datetime | None = None
    ) -> int:
        """Says that groups ask something else than `other`: the pairs are suggested no more."""
        action = 0
        with self._database.writing() as connection:
            group_row(connection, other)
            for row in _rows(connection, groups):
                low, high = sorted((row["id"], other))
                key = {"low": low, "high": high}
                query = "select 1 from apart where low = :low and high = :high"
                if low == high or select_one(connection, query, **key):
                    continue
                upsert(connection, APART, {**key, "at": stamp(at or self._now())})
                action = change(
                    connection, row["id"], who, "not the same", str(other), at or self._now(),
                    action=action, undo={"did": "separate", **key},
                )  # fmt: skip
        return action

    def split(
        self,
        group: int,
        phrasings: str | Collection[str],
        *,
        who: str = "",
        at: datetime | None = None,
    ) -> int:
        """Splits phrasings off into a new group. Returns its id.

        Raises KeyError where the group has no such phrasing, or nothing else.
        """
        asked = [phrasings] if isinstance(phrasings, str) else list(phrasings)
        with self._database.writing() as connection:
            root = group_row(connection, group)
            found = [_phrased(connection, group, phrasing) for phrasing in asked]
            if not found:
                raise KeyError(f"no phrasing of group {group} was named")
            words = {row["words"] for row in found}
            if root["words"] in words:
                raise KeyError(f"{root['question']!r} is what group {group} asks")
            transaction = LogTransaction(connection)
            transaction.touch_all(group)
            new = transaction.found(found[0], root["category"])
            _part_words(connection, group, new, sorted(words))
            names = ", ".join(row["query"] for row in found)
            action = change(
                connection,
                new,
                who,
                "split from",
                str(group),
                at or self._now(),
                undo={"did": "split"},
            )
            change(
                connection,
                group,
                who,
                "split",
                f"{names} → {new}",
                at or self._now(),
                action=action,
            )
            transaction.touch_all(new)
            transaction.finish()
            return new

    def last_action(self, who: str) -> Action | None:
        """What did this person do last that is not undone?"""
        with self._database.reading() as connection:
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
        """Undoes an action. Returns the ids of its groups; what changed since stays."""
        restored: list[int] = []
        with self._database.writing() as connection:
            transaction = LogTransaction(connection)
            for entry in select(
                connection,
                """select * from history where action = :a and data <> '' and not undone
                   order by id desc""",
                a=action,
            ):
                _undo(connection, transaction, entry)
                id, what = entry["group_id"], entry["what"]
                change(connection, id, who, "undone", what, at or self._now())
                execute(
                    connection, "update history set undone = :yes where id = :id",
                    yes=True, id=entry["id"],
                )  # fmt: skip
                restored.append(id)
            transaction.finish()
        return restored[::-1]

    # --- what the service itself finds out ---

    def triage(self, *findings: GroupTriage, at: datetime | None = None) -> None:
        """Stores the triage of groups, all or nothing.

        A group without category or owner takes them over.
        """
        with self._database.writing() as connection:
            for finding in findings:
                _note(connection, finding, at or self._now())

    def end_dismissals(self, at: datetime) -> int:
        """Reopens groups that were dismissed until a day before `at`. Returns how many."""
        with self._database.writing() as connection:
            rows = select(
                connection,
                """select id, owner from groups where status = 'dismissed'
                   and dismissed_until > 0 and dismissed_until < :at and merged_into = 0""",
                at=stamp(at),
            )
            for row in rows:
                change(
                    connection, row["id"], "", "reopened", "its day has come", at, **reopened(row)
                )
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
        share: int = 100,
        is_proved: bool = True,
        at: datetime | None = None,
    ) -> bool:
        """Stores the article that answers a group. Returns whether none did before.

        The group is answered if that `is_proved`, else it waits for its proof. `share` is how much
        of its visits the article answers, in per cent.
        """
        now, status = at or self._now(), "answered" if is_proved else "waiting"
        with self._database.writing() as connection:
            row = group_row(connection, group)
            values: Row = {
                "answer_slug": slug,
                "answer_build": build,
                "answer_commit": commit,
                "answer_rank": rank,
                "answer_committed": stamp(committed) if committed else 0,
                "answer_share": share,
            }
            if row["status"] in ANSWERING:
                if row["answer_slug"] != slug:
                    change(connection, group, "", "answer moved", slug, now, **values)
                return False
            values |= {"answer_at": stamp(now), "status": status}
            change(connection, group, "", status, slug, now, **values)
            return True

    def prove(self, group: int, *, at: datetime | None = None) -> bool:
        """Nobody has missed the answer that the group waits for; True if it waited."""
        with self._database.writing() as connection:
            row = group_row(connection, group)
            if row["status"] != "waiting":
                return False
            slug = row["answer_slug"]
            change(connection, group, "", "answered", slug, at or self._now(), status="answered")
            return True

    def note_progress(self, group: int, progress: GroupProgress) -> None:
        """Keep how much of the group the search answers; its history does not tell."""
        with self._database.writing() as connection:
            update(connection, GROUPS, group, {"progress": dump(asdict(progress))})

    def regress(self, group: int, reason: str, *, at: datetime | None = None) -> bool:
        """Regresses a group whose answer is not found any more. Returns whether it had one."""
        with self._database.writing() as connection:
            if group_row(connection, group)["status"] not in ANSWERING:
                return False
            change(
                connection, group, "", "regressed", reason, at or self._now(), status="regressed"
            )
            return True


def _rows(connection: Connection, groups: Ids) -> list[Row]:
    ids = [groups] if isinstance(groups, int) else list(dict.fromkeys(groups))
    return [group_row(connection, id) for id in ids]


def _note(connection: Connection, finding: GroupTriage, at: datetime) -> None:
    id, triage = finding.group, finding.triage
    row = group_row(connection, id)
    values: Row = {
        "triage": dump(_stored(triage)),
        "cause": triage.cause,
        "triage_build": triage.build,
    }
    if finding.category and not row["category"]:
        values["category"] = finding.category
    if row["cause"] != triage.cause:
        change(connection, id, "", "triage", triage.cause, at, **values)
    else:
        update(connection, GROUPS, id, values)
    if finding.owner and row["status"] == "open" and not _was_assigned(connection, id):
        change(
            connection, id, "", "assigned", finding.owner, at, owner=finding.owner,
            status="assigned",
        )  # fmt: skip


def _stored(finding: Triage) -> Row:
    return {
        "cause": finding.cause,
        "build": finding.build,
        "query": redact(finding.query),
        "slug": finding.slug,
        "words": finding.words,
    }


def _was_assigned(connection: Connection, group: int) -> bool:
    """Whether a lead assigned the group, be it to nobody."""
    query = "select 1 from history where group_id = :id and what = 'assigned' limit 1"
    return select_one(connection, query, id=group) is not None


def _merged(connection: Connection, group: int) -> list[int]:
    query = "select id from groups where merged_into = :id order by id"
    return [int(row["id"]) for row in select(connection, query, id=group)]


def _unite(
    connection: Connection, transaction: LogTransaction, id: int, family: list[int], into: int
) -> None:
    """Counts the searches of a group, and of those merged into it, in another."""
    transaction.touch_all(id)
    execute(connection, "update runs set group_id = :to where group_id = :id", to=into, id=id)
    execute(
        connection, "update groups set merged_into = :to where id in :family",
        to=into, family=[*family, id],
    )  # fmt: skip
    _carry_past(connection, transaction, id, into, 1)
    transaction.touch_all(into)


def _part(connection: Connection, transaction: LogTransaction, id: int, family: list[int]) -> None:
    """Reverses `_unite`, also for searches that came since."""
    into = group_row(connection, id)["merged_into"]
    if not into:
        return
    transaction.touch_all(into)
    execute(
        connection, "update runs set group_id = :id where group_id = :into and asks in :family",
        id=id, into=into, family=[*family, id],
    )  # fmt: skip
    query = "update groups set merged_into = :id where id in :family and merged_into = :into"
    execute(connection, query, id=id, into=into, family=[*family, 0])
    execute(connection, "update groups set merged_into = 0 where id = :id", id=id)
    _carry_past(connection, transaction, id, into, -1)
    transaction.touch_all(id)


def _carry_past(
    connection: Connection, transaction: LogTransaction, id: int, into: int, sign: int
) -> None:
    query = "select * from group_days where group_id = :id and past = 1"
    for row in select(connection, query, id=id):
        more = {name: sign * row[name] for name in SUMMED}
        transaction.add_past(into, row["day"], more, (row["first"], row["last"]))


def _part_words(connection: Connection, group: int, new: int, words: list[str]) -> None:
    """Moves the searches of a group in these words to the new group."""
    execute(
        connection,
        "update runs set group_id = :new, asks = :new where group_id = :g and words in :w",
        new=new,
        g=group,
        w=words,
    )
    # The same words must not lead back to a group that was merged into this one.
    family = [*_merged(connection, group), 0]
    execute(
        connection,
        """delete from group_words where group_id in :family and group_id in
           (select id from groups where words in :w)""",
        family=family,
        w=words,
    )


def _phrased(connection: Connection, group: int, phrasing: str) -> Row:
    row = select_one(
        connection,
        "select * from runs where group_id = :g and phrase = :p order by started, id limit 1",
        g=group,
        p=folded(phrasing),
    )
    if row is None:
        raise KeyError(f"group {group} has no phrasing {phrasing!r}")
    return row


def _undo(connection: Connection, transaction: LogTransaction, entry: Row) -> None:
    id, data = entry["group_id"], json.loads(entry["data"])
    if data.get("did") == "merge":
        _part(connection, transaction, id, data["family"])
        return
    if data.get("did") == "separate":
        query = "delete from apart where low = :low and high = :high"
        execute(connection, query, low=data["low"], high=data["high"])
        return
    if data.get("did") == "split":
        if not group_row(connection, id)["merged_into"]:
            _unite(connection, transaction, id, _merged(connection, id), int(entry["detail"]))
        return
    now = group_row(connection, id)
    back = {k: v for k, v in data["before"].items() if now[k] == data["after"][k]}
    if back:  # what somebody has changed since is left
        update(connection, GROUPS, id, back)
