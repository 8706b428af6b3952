"""Intake of letters to support: each stored with its files and deliveries. Sends nothing.

Where machines share a log that cannot be reached, a letter waits on the disk of its machine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing, LogUnavailable
from kb.base.messages import Message
from kb.content.owners import folded_category
from kb.letters import channels
from kb.letters.attachments import AttachmentFolder, GivenFile
from kb.letters.spool import LetterSpool
from kb.searchlog.asked_build import AskedBuild
from kb.searchlog.db.letter_models import Letter, NewLetter

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog


@dataclass(frozen=True, slots=True)
class LetterIntake:
    """Takes letters into the log that `open_log` opens, for whom `asked` finds an owner."""

    settings: Settings
    open_log: "Callable[[], SearchLog]"
    asked: AskedBuild
    now: Callable[[], datetime]

    def take(self, letter: NewLetter, files: Sequence[GivenFile], asker: str) -> Letter:
        """Stores a letter with its files and queues its deliveries; returns it.

        `asker` is a hash of the sender's network and the day. A letter with the key of a stored one
        is that one. Raises LogUnavailable if the letter cannot be kept.
        """
        shares_log = self.settings.shares_log
        try:
            if (known := self.open_log().letters.by_key(letter.key)) is not None:
                return known
        except LogUnavailable:
            if not shares_log:
                raise
        folder = AttachmentFolder(self.settings.data)
        try:
            saved = tuple(map(folder.save, files))
        except OSError as error:
            raise LogUnavailable(
                Message("attachments cannot be kept: {reason}; check KB_DATA", reason=str(error))
            ) from None
        new = replace(letter, owner=self._owner(letter), attachments=saved)
        try:
            return self._store(new, self.now(), asker)
        except LogUnavailable:
            if not shares_log:
                raise
            return self._spooled(new)

    def store_waiting(self) -> int:
        """Stores the letters that wait on this machine; returns how many.

        Raises LogUnavailable while the log cannot be reached.
        """
        spool, stored = LetterSpool(self.settings.data), 0
        for new, at in spool.waiting():
            self._store(new, at)
            spool.remove(new)
            stored += 1
        return stored

    def _spooled(self, new: NewLetter) -> Letter:
        """Keeps a letter on this machine until the log can be reached."""
        try:
            return LetterSpool(self.settings.data).put(new, self.now())
        except OSError as error:
            raise LogUnavailable(
                Message("the letter cannot be kept: {reason}; check KB_DATA", reason=str(error))
            ) from None

    def _store(self, new: NewLetter, at: datetime, asker: str = "") -> Letter:
        folder, contents = AttachmentFolder(self.settings.data), {}
        if self.settings.shares_log:
            contents = {file.id: folder.path(file).read_bytes() for file in new.attachments}
        return self.open_log().letters.store(
            new,
            at,
            deliveries=channels.of_letter(self.settings, new.key),
            contents=contents,
            asker=asker,
        )

    def _owner(self, letter: NewLetter) -> str:
        """Who `owners.yml` names for the type of a letter, else for the topic it asks about."""
        named = self.asked.owners()
        if letter.type and (owner := named.by_category.get(folded_category(letter.type))):
            return owner
        query = letter.trail[-1].query if letter.trail else letter.subject
        try:
            results = self.asked.ask(query or letter.text[:200], letter.lang, {}, 1)
        except (IndexMissing, IndexDamaged):
            return named.default
        is_near = results.confident and results.hits
        return named.of(results.hits[0].category) if is_near else named.default
