"""The life of a group, from open to answered, regressed or dismissed. Records no search."""

import json
from datetime import UTC, datetime

from kb.searchlog.database import Database
from kb.searchlog.desk import Desk
from kb.searchlog.rows import added
from kb.searchlog.statements import change, execute, group_row, select_one
from kb.searchlog.values import dump, stamp


class Groups(Database):
    """Changes what is said of groups, and writes down who did."""

    def assign(self, group: int, owner: str, *, who: str = "", at: datetime | None = None) -> None:
        """From now on `owner` answers for the group; an empty owner opens it again."""
        with self._writing() as connection:
            row = group_row(connection, group)
            status = row["status"]
            if status in ("open", "assigned"):
                status = "assigned" if owner else "open"
            change(connection, group, who, "assigned", owner, at, owner=owner, status=status)

    def dismiss(
        self,
        group: int,
        reason: str,
        *,
        until: datetime | None = None,
        who: str = "",
        at: datetime | None = None,
    ) -> None:
        """Nobody will answer the group, for a reason and at most until a date."""
        with self._writing() as connection:
            group_row(connection, group)
            values = {"dismissed_reason": reason, "dismissed_until": stamp(until) if until else 0}
            change(connection, group, who, "dismissed", reason, at, status="dismissed", **values)

    def reopen(self, group: int, *, who: str = "", at: datetime | None = None) -> None:
        """The group waits for an answer again, whatever it was before."""
        with self._writing() as connection:
            row = group_row(connection, group)
            status = "assigned" if row["owner"] else "open"
            change(
                connection,
                group,
                who,
                "reopened",
                "",
                at,
                status=status,
                dismissed_reason="",
                dismissed_until=0,
            )

    def annotate(self, group: int, note: str, *, who: str = "", at: datetime | None = None) -> None:
        """The group carries this note from now on."""
        with self._writing() as connection:
            group_row(connection, group)
            change(connection, group, who, "note", note, at, note=note)

    def triage(self, group: int, finding: str, *, at: datetime | None = None) -> None:
        """This is what would have answered the group (LEADS.md §8)."""
        with self._writing() as connection:
            if group_row(connection, group)["triage"] != finding:
                change(connection, group, "", "triage", finding, at, triage=finding)

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
            values = {
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

    def merge(self, group: int, into: int, *, who: str = "", at: datetime | None = None) -> None:
        """`group` asks the same as `into`: its misses, now and later, are counted there."""
        with self._writing() as connection:
            row, target = group_row(connection, group), group_row(connection, into)
            if group == into or target["merged_into"]:
                raise KeyError(f"group {group} cannot be merged into {into}")
            execute(
                connection,
                "update runs set group_id = :into where group_id = :g",
                into=into,
                g=group,
            )
            execute(
                connection,
                """update groups set merged_into = :into
                   where merged_into = :g or id = :g""",
                into=into,
                g=group,
            )
            past = {name: target[name] + row[name] for name in PAST}
            kinds = added(json.loads(target["past_kinds"]), json.loads(row["past_kinds"]))
            change(connection, into, who, "merged", str(group), at, past_kinds=dump(kinds), **past)
            change(
                connection,
                group,
                who,
                "merged into",
                str(into),
                at,
                past_kinds="{}",
                **dict.fromkeys(PAST, 0),
            )
            Desk(connection).finish({group, into})

    def split(self, group: int, phrasing: str, *, who: str = "", at: datetime | None = None) -> int:
        """A phrasing asks something else: it founds a group of its own, whose id is returned."""
        with self._writing() as connection:
            group_row(connection, group)
            row = select_one(
                connection,
                "select * from runs where group_id = :g and query = :q order by started limit 1",
                g=group,
                q=phrasing,
            )
            if row is None:
                raise KeyError(f"group {group} has no phrasing {phrasing!r}")
            desk = Desk(connection)
            new = desk.found(row)
            execute(
                connection,
                "update runs set group_id = :new where group_id = :g and words = :w",
                new=new,
                g=group,
                w=row["words"],
            )
            change(connection, group, who, "split", f"{phrasing} → {new}", at)
            change(connection, new, who, "split from", str(group), at)
            desk.finish({group, new})
            return new


PAST = ("past_visits", "past_searches", "past_tickets")
