"""A large log of invented searches, written in one go. Measures nothing."""

import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import sqlalchemy as sa

from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import COUNTS, Search, dump
from kb.searchlog.db.records import SUMMED, kinds_of, mask_of, row_of
from kb.searchlog.db.tables import GROUP_WORDS, GROUPS, RUNS
from kb.searchlog.db.transaction import LogTransaction
from kb.searchlog.miss_kinds import MISS_KINDS

DAYS = 90
CATEGORIES = ("Оплата", "Учётная запись", "Доставка", "Интеграции", "Отчёты", "Account", "Billing")
OWNERS = ("", "Анна", "Борис", "Вера", "Григорий")
_SYLLABLES = ("ба", "ве", "ги", "до", "жу", "зя", "ки", "ло", "му", "ны", "пе", "ра", "со", "ту")


def fill(
    url: str, searches: int = 200_000, groups: int = 20_000, until: datetime | None = None
) -> None:
    """Some half of the searches are misses, few questions are asked often, most once or twice."""
    chance = random.Random(7)
    until = until or datetime.now(UTC)
    log = SearchLog(url)
    words = [_word(chance) for _ in range(6_000)]
    questions = [" ".join(chance.sample(words, chance.randint(2, 5))) for _ in range(groups)]
    weights = list(accumulate(1 / (n + 10) for n in range(groups)))
    with log.database.writing() as connection:
        batch: list[dict[str, Any]] = []
        seen: dict[int, tuple[str, int]] = {}
        for n in range(searches):
            is_miss = n % 2 == 0
            asked = (
                n // 2 if n // 2 < groups else chance.choices(range(groups), cum_weights=weights)[0]
            )
            at = (until - timedelta(seconds=chance.uniform(0, DAYS * 86_400))).timestamp()
            row = _row(n, asked, questions[asked], at, is_miss, chance)
            if is_miss:
                seen.setdefault(asked + 1, (row["words"], row["ended"]))
            batch.append(row)
            if len(batch) == 5_000:
                connection.execute(RUNS.insert(), batch)
                batch = []
        if batch:
            connection.execute(RUNS.insert(), batch)
        _write_groups(connection, questions, seen, chance)
    with log.database.writing() as connection:
        desk = LogTransaction(connection)
        _add_up(connection)
        for row in connection.execute(sa.select(RUNS)).mappings():
            desk._count(dict(row), 1)
        desk.finish()
    log.close()


def _add_up(connection: sa.Connection) -> None:
    """What recording adds up search by search, for all groups in a few statements."""
    kinds = ", ".join(f"sum(case when {kind.condition} then 1 else 0 end)" for kind in MISS_KINDS)
    connection.exec_driver_sql(
        f"""insert into group_days (group_id, day, past, first, last, visits, searches, tickets,
                                    {", ".join(COUNTS)})
            select group_id, day, 0, min(ended), max(ended), count(distinct visit), count(*),
                   count(distinct case when ticketed then visit end), {kinds}
            from runs where group_id is not null group by group_id, day"""
    )
    connection.exec_driver_sql(
        """insert into phrasings (group_id, phrase, query, visits)
           select group_id, phrase, min(query), count(distinct visit)
           from runs where group_id is not null group by group_id, phrase"""
    )
    sums = ", ".join(f"sum({name}) as {name}" for name in SUMMED)
    rows = connection.exec_driver_sql(
        f"""select group_id as id, min(first) as first, max(last) as last, {sums}
            from group_days group by group_id"""
    ).mappings()
    changes = []
    for row in rows:
        visits, tickets, found = int(row["visits"]), int(row["tickets"]), kinds_of(row)
        changes.append(
            {
                "at": row["id"], "first": row["first"], "last": row["last"], "visits": visits,
                "searches": int(row["searches"]), "tickets": tickets, "kinds": dump(found),
                "mask": mask_of(found), "priority": visits * (3 if tickets else 1),
            }
        )  # fmt: skip
    connection.execute(GROUPS.update().where(GROUPS.c.id == sa.bindparam("at")), changes)


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))


def _row(
    n: int, asked: int, question: str, at: float, is_miss: bool, chance: random.Random
) -> dict[str, Any]:
    lang = "ru" if asked % 3 else "en"
    shown = tuple((f"{lang}/статья-{chance.randrange(900)}", place) for place in range(1, 6))
    kind = chance.choice(("none", "none", "weak", "ignored"))
    search = Search(
        f"run-{n}",
        f"visit-{n // 2}",
        question,
        at,
        at + 4,
        lang=lang,
        total=0 if kind == "none" else 5,
        confident=kind != "weak",
        shown=() if kind == "none" else shown,
        seen=5.0,
        keystrokes=9,
    )
    row = row_of(search) | {"rank": 0 if is_miss else chance.randint(1, 12)}
    if not is_miss:
        return row | {"clicked": True}
    ticketed = chance.random() < 0.05
    miss = {"kind": kind, "miss": True, "counted": True, "ticketed": ticketed}
    return row | miss | {"group_id": asked + 1, "asks": asked + 1}


def _write_groups(
    connection: sa.Connection,
    questions: list[str],
    seen: dict[int, tuple[str, int]],
    chance: random.Random,
) -> None:
    blank: dict[str, Any] = {column.name: "" for column in GROUPS.c}
    blank |= {c.name: 0 for c in GROUPS.c if isinstance(c.type, sa.BigInteger)}
    rows, words = [], []
    for id, (held, ended) in sorted(seen.items()):
        owner = chance.choice(OWNERS)
        is_answered = chance.random() < 0.3
        rows.append(
            blank
            | {
                "id": id, "question": questions[id - 1], "words": held, "kinds": "{}",
                "lang": "ru" if (id - 1) % 3 else "en", "owner": owner, "first": ended,
                "last": ended, "category": chance.choice(CATEGORIES),
                "status": "answered" if is_answered else "assigned" if owner else "open",
                "cause": chance.choice(("content", "synonym", "spelling", "draft")),
            }
            | (
                {
                    "answer_slug": f"ru/статья-{chance.randrange(900)}",
                    "answer_build": "b1",
                    "answer_at": ended + 900_000_000,
                    "answer_committed": ended + chance.randrange(1, 800_000_000),
                }
                if is_answered
                else {}
            )
        )  # fmt: skip
        each = set(held.split())
        words += [{"word": word, "group_id": id, "size": len(each)} for word in each]
    for at in range(0, len(rows), 1_000):
        connection.execute(GROUPS.insert(), rows[at : at + 1_000])
    for at in range(0, len(words), 5_000):
        connection.execute(GROUP_WORDS.insert(), words[at : at + 5_000])
