"""What may leave the log: questions in words that enough visits used. Changes nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kb import text
from kb.searchlog.questions import Questions
from kb.searchlog.rows import folded
from kb.searchlog.statements import select
from kb.searchlog.values import MissGroup


class Sharing(Questions):
    """Reads the log for others to see."""

    def shareable(self, least: int) -> Iterator[MissGroup]:
        """Which questions did `least` visits ask in vain, in words that as many used, by id?

        Each with one phrasing and no other text. A group whose single searches are deleted, or
        that was asked in ever different words, stays here.
        """
        last = 0
        while page := self.groups_to_replay(last):
            last = page[-1].id
            for group in page:
                if group.visits < least:
                    continue
                with self._reading() as connection:
                    rows = select(connection, _ASKED, group=group.id)
                question = in_shared_words([(row["visit"], row["query"]) for row in rows], least)
                if question:
                    yield replace(group, question=question, phrasings=(), note="", triage=None)

    def visits_by_word(self, id: int) -> dict[str, int]:
        """How many visits used each word of a question, in its dictionary form?

        Searches that are deleted count no more.
        """
        with self._reading() as connection:
            rows = select(connection, _ASKED, group=id)
        by_word = _by_word((row["visit"], row["query"]) for row in rows)
        return {word: len(visits) for word, visits in by_word.items()}


_ASKED = """select distinct visit, query from runs
            where group_id = :group and miss and not robot"""


def in_shared_words(asked: Iterable[tuple[str, str]], least: int) -> str:
    """Of (visit, query) the query most visits used whose every word `least` visits used, or "".

    Words in their dictionary forms; a greeting counts for none.
    """
    asked = list(asked)
    of_word = _by_word(asked)
    of_phrase: dict[str, set[str]] = {}
    spelled: dict[str, str] = {}
    for visit, query in asked:
        phrase = folded(query)
        spelled[phrase] = min(query, spelled.get(phrase, query))
        of_phrase.setdefault(phrase, set()).add(visit)
    for phrase in sorted(of_phrase, key=lambda phrase: (-len(of_phrase[phrase]), phrase)):
        if all(len(of_word.get(word, ())) >= least for word in text.key(phrase).split()):
            return spelled[phrase]
    return ""


def _by_word(asked: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """The visits that used each word, by its dictionary form."""
    found: dict[str, set[str]] = {}
    for visit, query in asked:
        for word in text.key(query).split():
            found.setdefault(word, set()).add(visit)
    return found
