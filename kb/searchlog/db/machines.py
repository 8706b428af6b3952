"""What machines that use one log keep in it: which build each serves, and small objects of all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from kb.searchlog.db.database import Database
from kb.searchlog.db.machine_models import Machine
from kb.searchlog.db.models import stamp, when
from kb.searchlog.db.sql import execute, select_one, upsert
from kb.searchlog.db.tables import MACHINES, SHARED_OBJECTS

FORGOTTEN: Final = timedelta(days=7)  # after which a silent machine is not listed any more


class Machines:
    """Machines by name. Methods raise LogUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, machine: Machine) -> None:
        """Keeps what a machine says of itself; those silent for a week are forgotten."""
        row = {
            "name": machine.name, "build": machine.build, "version": machine.version,
            "source": machine.source, "since": stamp(machine.since),
            "pulled": stamp(machine.pulled) if machine.pulled else 0,
            "heard": stamp(machine.heard),
        }  # fmt: skip
        with self._database.writing() as c:
            upsert(c, MACHINES, row)
            execute(
                c, "delete from machines where heard < :old", old=stamp(machine.heard - FORGOTTEN)
            )

    def all(self) -> list[Machine]:
        """All machines, by name."""
        rows = self._database.select("select * from machines order by name")
        return [_machine(row) for row in rows]


class SharedObjects:
    """Small JSON objects by name, which machines change one at a time. Raises LogUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, name: str) -> dict[str, Any]:
        """The object; empty where there is none."""
        query = "select content from shared_objects where name = :name"
        row = self._database.select_one(query, name=name)
        return _parsed(row["content"]) if row else {}

    @contextmanager
    def changing(self, name: str) -> Iterator[dict[str, Any]]:
        """The object to be changed in place; kept when the block ends."""
        with self._database.writing() as c:  # all writers take turns
            query = "select content from shared_objects where name = :name"
            row = select_one(c, query, name=name)
            content = _parsed(row["content"]) if row else {}
            yield content
            upsert(c, SHARED_OBJECTS, {"name": name, "content": json.dumps(content)})


def _parsed(text: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text)
    return content


def _machine(row: dict[str, Any]) -> Machine:
    return Machine(
        row["name"], row["build"], when(row["since"]), row["version"], when(row["heard"]),
        row["source"], when(row["pulled"]) if row["pulled"] else None,
    )  # fmt: skip
