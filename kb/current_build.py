"""The published build, kept open: its catalog, its searcher, and until when their answers hold.

Where the arrays of the build cannot be read, its Whoosh index answers by words alone, and pages
come from the build before. Damage is found when a build is opened, when one of its files is
written to, or when reading it fails.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kb.base.audiences import INSIDERS, STRANGERS, Readers
from kb.base.errors import IndexDamaged, IndexMissing
from kb.base.messages import Message
from kb.catalog import Catalog
from kb.index.builds import Build, Builds, made_at
from kb.index.reader import IndexReader
from kb.search import AnyBuildSearcher, Searching

if TYPE_CHECKING:
    from kb.words_only import WordsOnlySearcher

CHECK_AGAIN = 60.0  # seconds between two checks of the files of an open build

logger = logging.getLogger("kb.service")


@dataclass(frozen=True, slots=True)
class Status:
    """The build whose pages are served, or None, how many articles it shows and when it was made.

    `is_empty`: it shows none to anybody. `is_damaged`: the published build cannot be read, so that
    search answers by words alone, or another build answers, or none does.
    """

    build: str | None
    articles: int
    is_damaged: bool = False
    made: datetime | None = None
    is_empty: bool = False


class Edition(NamedTuple):
    """What answers depend on besides the request: the build, the day, and which pins have begun."""

    build: str
    day: date
    pins: int = 0  # see `content.pins`


class CurrentBuild:
    """Opens the published build, and the next one when it is published.

    Methods raise IndexMissing if no build was ever published and IndexDamaged if none can be read.
    A new build that cannot be opened leaves the former one open. Threads may share it.
    """

    def __init__(
        self,
        builds: Builds,
        *,
        look_every: float,
        cached: float,
        for_writers: bool,
        searching: Searching,
    ) -> None:
        """Looks for a new build once `look_every` seconds have passed.

        The other arguments are those of each `Catalog`.
        """
        self._builds = builds
        self._look_every = look_every
        self._cached = cached
        self._for_writers = for_writers
        self._searching = searching
        self._lock = Lock()
        self._looked = self._checked = -inf
        self.opened = 0
        """How many times a build was opened."""
        self._stamp: tuple[int, int] | None = None
        self._catalog: Catalog | None = None
        self._build: Build | None = None  # of the catalog
        self._words_only: WordsOnlySearcher | None = None  # where the arrays are damaged
        self._is_damaged = False  # the published build, so that another one is open
        self._damage: IndexDamaged | None = None  # of all builds
        self.on_damage: Callable[[], None] = lambda: None
        """Called when the published build turns out to be damaged."""

    def catalog(self, readers: Readers = STRANGERS) -> Catalog:
        """The catalog of the published build, or of the build before if it cannot be read."""
        catalog = self._of_strangers()
        return catalog if readers is STRANGERS or self._for_writers else catalog.seen_by(readers)

    def _of_strangers(self) -> Catalog:
        """The catalog that is kept open: what strangers see, and in a preview everything."""
        catalog, now = self._catalog, monotonic()
        if catalog is not None and now - self._looked < self._look_every:
            return catalog
        with self._lock:
            looked = monotonic()  # a build published while we open one is found by the next look
            stamp = self._builds.stamp()
            is_open = self._catalog is not None or self._words_only is not None
            if not is_open or stamp != self._stamp:
                self._open_published(stamp)
            elif self._build is not None and self._builds.is_changed(self._build):
                self._reopen()
            self._looked = looked
            if self._catalog is None and self._damage is not None:
                raise self._damage.with_traceback(None)
            assert self._catalog is not None  # noqa: S101 - raised above otherwise
            return self._catalog

    def searcher(self, readers: Readers = STRANGERS) -> AnyBuildSearcher:
        """The searcher of the published build, by words alone if its arrays cannot be read."""
        readers = INSIDERS if self._for_writers else readers
        try:
            catalog = self.catalog(readers)
        except IndexDamaged:
            if self._words_only is None:
                raise
            return self._words_only.seen_by(readers)
        return self._words_only.seen_by(readers) if self._words_only else catalog.searcher

    def status(self, readers: Readers, today: date) -> Status:
        """The build that is served and how many articles it shows these readers; never raises."""
        try:
            reader = self.catalog(readers).reader
        except IndexMissing:
            return Status(None, 0)
        except IndexDamaged:
            return Status(None, 0, is_damaged=True)
        articles = int(np.count_nonzero(reader.corpus.served(today)))
        is_empty = not articles and not reader.whole.corpus.served(today).any()
        return Status(reader.name, articles, self.is_damaged, made_at(reader.name), is_empty)

    def edition(self, readers: Readers, now: datetime) -> Edition:
        """The edition of what these readers are answered at a moment."""
        searcher = self.searcher(readers)
        return Edition(searcher.edition, now.date(), searcher.pins.epoch(now))

    def lasting(self, seconds: int, readers: Readers, now: datetime) -> int:
        """For how many of `seconds` no pin and no notice begins or ends."""
        changes = [self.searcher().pins.next_change(now)]
        with suppress(IndexMissing, IndexDamaged):
            for notice in self.catalog(readers).reader.notices:
                changes += [bound for bound in notice.period.bounds if bound > now]
        left = [int((change - now).total_seconds()) for change in changes if change]
        return min(seconds, *left) if left else seconds

    @property
    def is_damaged(self) -> bool:
        """Whether something else than the published build is open, since that cannot be read."""
        return self._damage is not None or self._is_damaged

    def look_again(self) -> None:
        """Has the next call look for a new build at once."""
        self._looked = -inf

    def is_replaced(self, opened: int) -> bool:
        """Whether another build is open than when `opened` was read, as damaged ones are replaced.

        Call it when reading the build failed: compares its files with their checksums, unless that
        was done within CHECK_AGAIN seconds, and opens what can be read if they are damaged. Raises
        IndexDamaged if nothing can.
        """
        with self._lock:
            if self.opened == opened and monotonic() - self._checked >= CHECK_AGAIN:
                self._checked = monotonic()
                self._builds.verify_again()
                if not self._is_sound():
                    self._reopen()
            return self.opened != opened

    def after_fork(self) -> None:
        """Makes a lock of this process: another thread may have held it at the fork.

        A file that was cut short ends the worker that reads its end; the next one opens another.
        """
        self._lock = Lock()
        if not self._is_sound():
            self._catalog = self._words_only = self._build = None

    def _is_sound(self) -> bool:
        """Whether the files of what is open are as they were written."""
        words_only, catalog = self._words_only, self._catalog
        return (words_only is None or self._builds.sound(words_only.name, words_only.part)) and (
            catalog is None or self._builds.sound(catalog.reader.name)
        )

    def _reopen(self) -> None:
        self._catalog = self._words_only = self._build = None
        self._open_published(self._builds.stamp())

    def _open_published(self, stamp: tuple[int, int] | None) -> None:
        before = self._catalog
        try:
            self._catalog, self._damage = self._open(), None
        except IndexMissing:
            if before is None:
                raise
            return
        except IndexDamaged as error:
            self._damage = error
            self.on_damage()
            self._words_only = self._open_words_only()
            if self._words_only is None:
                if before is None:
                    raise
                return
        else:
            self._is_damaged = not self._builds.sound(self._builds.pointed())
            self._words_only = self._open_words_only() if self._is_damaged else None
        if self.is_damaged:
            self.on_damage()
        self.opened += 1
        self._stamp = stamp
        if before is not None and before is not self._catalog:
            before.reader.corpus.forget()

    def _open(self) -> Catalog:
        build = self._builds.current()
        try:
            readers = INSIDERS if self._for_writers else STRANGERS
            reader = IndexReader(build).seen_by(readers)
            catalog = Catalog(reader, self._cached, self._for_writers, self._searching)
        except KeyError as missing:  # an array that another version of the service did not write
            raise IndexDamaged(
                Message(
                    "build {name} was made by another version ({missing}); run `kb index`",
                    name=build.name,
                    missing=str(missing),
                )
            ) from None
        self._build = build
        return catalog

    def _open_words_only(self) -> "WordsOnlySearcher | None":
        """The Whoosh index of the published build, or None if it cannot be read either."""
        name = self._builds.pointed()
        if not name:
            return None
        from kb.words_only import WordsOnlySearcher

        try:
            words_only = WordsOnlySearcher(self._builds.open(name, WordsOnlySearcher.part))
        except IndexDamaged:
            logger.error("build %s cannot be read; run `kb index --full`", name)
            return None
        logger.error(
            "the arrays of build %s cannot be read; search answers by words alone from its"
            " Whoosh index, run `kb index --full`",
            name,
        )
        return words_only
