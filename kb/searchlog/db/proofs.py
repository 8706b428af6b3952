"""Reads what enough askers proved of articles and of words (`searchlog.proofs`). Changes nothing.

Days add up; of two memories that counted the same day the higher count is taken, as for all counts
of askers. What was taken back adds up: it may have been counted in another memory than what it
takes back.
"""

from collections import Counter, defaultdict
from typing import Final

from kb.searchlog.db.database import Database
from kb.searchlog.proofs import CHOSEN, IN_VAIN, LEFT, REWORDED, SHOWN, Reworded, Solved


class ProofQueries:
    """Reads proofs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def solved(self, least: int) -> list[Solved]:
        """Which questions ended well at which article, for at least `least` askers?

        Of a question asked in two languages the one of more askers counts: both may be the same.
        """
        counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        for lang, question, name, kind, n in self._counts(CHOSEN, SHOWN, LEFT):
            counts[name, question, lang][kind] += n
        found: dict[tuple[str, str], Solved] = {}
        for (slug, question, _), of in sorted(counts.items()):
            chosen = of[CHOSEN] - of[LEFT]
            known = found.get((slug, question))
            if chosen >= max(least, known.chosen + 1 if known else 1):
                shown = max(of[SHOWN], chosen)
                found[slug, question] = Solved(question, slug, chosen, shown)
        return sorted(found.values(), key=lambda each: (each.slug, -each.chosen, each.question))

    def reworded(self, least: int) -> list[Reworded]:
        """Which missed questions did at least `least` askers put in other words and find?"""
        counts: dict[tuple[str, str, str], int] = defaultdict(int)
        for lang, missed, found, kind, n in self._counts(REWORDED, IN_VAIN):
            counts[lang, missed, found] += n if kind == REWORDED else -n
        pairs = [
            Reworded(missed, found, lang, n)
            for (lang, missed, found), n in counts.items()
            if n >= least
        ]
        return sorted(pairs, key=lambda pair: (-pair.askers, pair.missed, pair.found))

    def wordings(self, questions: list[str]) -> dict[str, str]:
        """How was each question written, where it was kept as it was asked?"""
        rows = self._database.select(_WORDINGS, questions=questions) if questions else []
        return {row["phrase"]: row["query"] for row in rows}

    def _counts(self, *kinds: str) -> list[tuple[str, str, str, str, int]]:
        rows = self._database.select(_COUNTS, kinds=kinds, taken_back=(LEFT, IN_VAIN))
        return [
            (row["lang"], row["question"], row["name"], row["kind"], int(row["n"])) for row in rows
        ]


_COUNTS: Final = """
    select lang, question, name, kind, sum(n) as n from (
      select lang, question, name, kind, day,
             case when kind in :taken_back then sum(n) else max(n) end as n
      from proofs where kind in :kinds group by lang, question, name, kind, day) as daily
    group by lang, question, name, kind"""
_WORDINGS: Final = """
    select phrase, min(query) as query from runs
    where phrase in :questions and not robot group by phrase"""
