"""Counts what searches prove (`searchlog.proofs`), in a writing transaction of the log.

A search that is looked at again is not counted again: an asker counts once a day.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from kb.language import query_words
from kb.searchlog import proofs
from kb.searchlog.askers import Askers
from kb.searchlog.db.sql import select, select_one, upsert
from kb.searchlog.db.tables import PROOFS
from kb.searchlog.reports import AGENT

_LAST = 2  # successes of a visit that a further search takes back
_Key = tuple[str, str, str, str]  # language, question, name and kind, as in `tables.PROOFS`


class ProofCounts:
    """What the searches of one transaction prove, until `write`."""

    def __init__(self, connection: Connection, askers: Askers | None) -> None:
        self._connection = connection
        self._askers = askers
        self._counted: Counter[_Key] = Counter()

    def note(self, row: Mapping[str, Any], asker: str) -> None:
        """Counts what a search of `asker` proves as it stands, by its row of `runs`."""
        question = proofs.question_of(row)
        if row["robot"] or row["surface"] == AGENT or not question:
            return
        is_success = row["clicked"] or row["answered"]
        proof = proofs.proof_of(row, self._opened(row) if is_success else ())
        known = self._chosen_before(row["lang"], question) if proof.passed else set()
        ended_well = bool(proof.ended_at) and self._ended_well(row)
        for kind, slug in sorted(proofs.counted(proof, known, ended_well=ended_well)):
            self._count(asker, (row["lang"], question, slug, kind))
        if proof.ended_at:
            self._note_rewording(row, question, asker, ended_well)

    def take_back(self, row: Mapping[str, Any], asker: str) -> None:
        """Takes back what the visit's last successes before a search seemed to prove."""
        if row["robot"]:
            return
        query = """select * from runs where visit = :visit and started < :started
                   and (clicked or answered) order by started desc limit :most"""
        at = {"visit": row["visit"], "started": row["started"]}
        for before in select(self._connection, query, most=_LAST, **at):
            self.note(before, asker)

    def write(self) -> None:
        """Adds what was counted to what is on disk."""
        if self._askers is None:
            return
        place = {"day": self._askers.day.isoformat(), "source": self._askers.source}
        names = ("lang", "question", "name", "kind")
        rows = [
            dict(zip(names, key, strict=True)) | place | {"n": n}
            for key, n in sorted(self._counted.items())
            if n
        ]
        upsert(self._connection, PROOFS, *rows, adds=True)
        self._counted.clear()

    def _count(self, asker: str, key: _Key) -> None:
        if asker and self._askers is not None:
            self._counted[key] += self._askers.is_new(asker, f"proof {key!r}")

    def _opened(self, row: Mapping[str, Any]) -> list[proofs.Opened]:
        query = """select kind, slug, rank from events
                   where run = :run and kind in ('click', 'answered') and slug <> '' order by ms"""
        events = select(self._connection, query, run=row["id"])
        return [proofs.Opened(e["slug"], e["rank"], e["kind"] == "answered") for e in events]

    def _chosen_before(self, lang: str, question: str) -> set[str]:
        query = """select distinct name from proofs
                   where lang = :lang and question = :question and kind = :kind"""
        of = {"lang": lang, "question": question, "kind": proofs.CHOSEN}
        stored = {row["name"] for row in select(self._connection, query, **of)}
        asked = (lang, question)
        return stored | {key[2] for key in self._counted if key[:2] == asked and key[3] == "chosen"}

    def _ended_well(self, row: Mapping[str, Any]) -> bool:
        """Whether a visit did nothing more after a search: no search, letter or bad vote."""
        if row["ticketed"] or row["unhelpful"]:
            return False
        query = "select 1 as n from runs where visit = :visit and started > :started limit 1"
        at = {"visit": row["visit"], "started": row["started"]}
        return select_one(self._connection, query, **at) is None

    def _note_rewording(
        self, row: Mapping[str, Any], question: str, asker: str, ended_well: bool
    ) -> None:
        """Counts the missed question that a search asked in other words."""
        query = """select * from runs where visit = :visit and started < :started
                   order by started desc, id desc limit 1"""
        at = {"visit": row["visit"], "started": row["started"]}
        before = select_one(self._connection, query, **at)
        if before is None or not before["miss"] or before["robot"] or before["lang"] != row["lang"]:
            return
        missed = proofs.question_of(before)
        if not missed or query_words.key(missed) == query_words.key(question):
            return
        self._count(asker, (row["lang"], missed, question, proofs.REWORDED))
        if not ended_well:
            self._count(asker, (row["lang"], missed, question, proofs.IN_VAIN))
