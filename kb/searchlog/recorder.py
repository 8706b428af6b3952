"""The recorder: a queue and a thread that write reported searches to the log. No answer waits.

The queue is bounded and fair: networks are served in turn, one search of each before the second of
any, so that a flood from one delays nobody else. The thread is a daemon, one in each process,
started by the first report, so after a fork.

A report holds its run from the first keystroke. Each worker of a server keeps the newest report of
a run in memory and writes its searches when the run is closed or was quiet for 10 s. The log joins
by the id of the run what several workers wrote: the most keystrokes, the union of events. What
happens to a search after it was written, or in another worker, amends it there. While the log is
locked, full or unreachable, the recorder tries again; what no longer fits into memory is dropped
and counted.
"""

import logging
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from kb.base.errors import LogUnavailable
from kb.base.fair_queue import FairQueue
from kb.searchlog import reports, sessions
from kb.searchlog.db.models import Amendment, Search
from kb.searchlog.reports import Report

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog

_BATCH = 20  # searches in one transaction, for which other processes wait
_SHARE = 10  # one network may fill a tenth of the queue
_MOST_DELAYS = 2  # of an amendment, 10 s each, while another worker writes its search
_SET_BACK = 60.0  # seconds by which a clock that is kept right is never corrected
_RETRY = (0.1, 0.5, 2.0, 5.0)  # seconds between tries; the last one goes on

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """How the index answers a query: what decides whether a search is a miss."""

    total: int
    confident: bool
    correction: str = ""  # layout, spelling, translit, dropped or ""
    corrected: str = ""
    unfiltered: int | None = None  # hits without the filters, where there were filters
    build: str = ""
    category: str = ""  # of the nearest article
    owner: str = ""  # of that category, or the one of whatever nobody owns
    is_owned: bool = True  # whether the owner is assigned
    is_unfinished: bool = False  # its last word is none
    offered: Mapping[str, bytes] = field(default_factory=dict)
    """The first articles found, with sketches of their words (`language.sketches`)."""


SearchIndex = Callable[[str, str, Mapping[str, str]], SearchOutcome]
"""Searches for a query as typed, in a language, with filters; called in the recorder's thread."""

Count = Callable[[str, int], object]


@dataclass(slots=True)
class _OpenRun:
    """A run that may go on, by its newest report. Times are seconds since 1970."""

    report: Report
    started: float  # when its milliseconds begin
    due: float  # when it is closed
    robot: bool
    outcome: SearchOutcome | None
    asker: str
    search_index: SearchIndex


@dataclass(frozen=True, slots=True)
class _QueuedSearch:
    """A search in the queue; without an outcome the index is still to be searched."""

    search: Search
    outcome: SearchOutcome | None
    search_index: SearchIndex


_Write = Callable[["SearchLog"], bool]
"""Writes something else than a search; False if it was put off, and is to be counted still."""


@dataclass(frozen=True, slots=True)
class _PendingAmendment:
    """An amendment to a search that the log may not have yet."""

    amendment: Amendment
    due: float
    delays: int = 0


class Recorder:
    """Queues reports and votes, and writes them to the log in a thread of its own.

    No method but `close` and `flush` waits, and none raises.
    """

    def __init__(
        self,
        open_log: "Callable[[], SearchLog]",
        search_index: SearchIndex,
        *,
        clock: Callable[[], float] = time.time,
        quiet: float = sessions.GAP,
        size: int = 10_000,
    ) -> None:
        """`open_log` opens the log, in the thread; `search_index` searches for what is reported.

        `clock` gives seconds since 1970. A run is closed once it was quiet for `quiet` seconds.
        `size` bounds the reports and votes in memory; one asker's may be a tenth of it,
        where an asker is named.
        """
        self._open_log = open_log
        self._search_index = search_index
        self._clock = clock
        self._quiet = quiet
        self._size = size
        self.count: Count = lambda event, n: None
        """Called with what happened, and to how many.

        Searches are `written` and `missed`, reports `dropped` and `forged`, and tries `failed`.
        """
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Condition()
        self._inbox: deque[Callable[[], None]] = deque()  # what other threads handed over
        self._open_runs: dict[str, _OpenRun] = {}
        self._amendments: list[_PendingAmendment] = []
        self._writes: list[tuple[str, _Write]] = []  # queued after the runs that are closed now
        self._queue: FairQueue[_QueuedSearch | _Write] = FairQueue()
        self._batch: list[tuple[str, Search]] = []  # in the transaction that is tried
        self._waiting: Counter[str] = Counter()  # by asker
        self._log: SearchLog | None = None
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closing = False
        self._hurry = False
        self._failures = 0
        self.dropped = 0
        """Number of reports and votes that found no room or could not be written."""
        self.written = 0
        """Number of searches that were written."""
        self.trouble = ""
        """The error of the last try to write the log; "" if it succeeded."""

    @property
    def waiting(self) -> int:
        """The number of open runs, searches and votes that are in memory only."""
        return self._waiting.total()

    # --- called by requests ---------------------------------------------------------------------

    def report(
        self,
        report: Report,
        *,
        robot: bool = False,
        outcome: SearchOutcome | None = None,
        asker: str = "",
        search_index: SearchIndex | None = None,
    ) -> None:
        """Queues the report of a run.

        `robot` marks its searches as those of a program. `outcome` is that of its last query, if
        the caller has just answered it. `asker` is a hash of the visitor's network, by which the
        queue is fair. `search_index` searches what this visitor may see, where that is not what
        strangers see.
        """
        now = self._clock()
        index = search_index or self._search_index
        opened = _OpenRun(report, now, now, robot, outcome, asker, index)
        self._enqueue(asker, lambda: self._update_run(opened))

    def feedback(
        self,
        slug: str,
        helpful: bool,
        *,
        reason: str = "",
        text: str = "",
        run: str = "",
        asker: str = "",
    ) -> None:
        """Queues a vote of a reader on an article; see `SearchLog.feedback`."""
        at = datetime.fromtimestamp(self._clock(), UTC)
        self._enqueue_write(
            asker,
            lambda log: log.feedback(
                slug, helpful, reason=reason, text=text, run=run, at=at, asker=asker
            ),
        )

    def form(self, form: str, visit: str, *, asker: str = "", **more: Any) -> None:
        """Queues what a contact form was shown; see `ContactForms.note`."""
        at = datetime.fromtimestamp(self._clock(), UTC)
        self._enqueue_write(asker, lambda log: log.forms.note(form, visit, at, **more))

    def _enqueue_write(self, asker: str, write: "Callable[[SearchLog], object]") -> None:
        def write_once(log: "SearchLog") -> bool:
            write(log)
            return True

        self._enqueue(asker, lambda: self._writes.append((asker, write_once)))

    def _enqueue(self, asker: str, accept: Callable[[], None]) -> None:
        """Hands `accept` to the thread, which calls it; drops it where there is no room."""
        if self._pid != os.getpid():
            self._start_over()  # the parent's thread and what it has to write stay with the parent
        with self._lock:
            if self._closing or not self._has_room(asker):
                self._tally("dropped")
                return
            self._waiting[asker] += 1
            self._inbox.append(accept)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="kb-recorder", daemon=True)
                self._thread.start()
            self._lock.notify_all()

    def _has_room(self, asker: str) -> bool:
        share = max(1, self._size // _SHARE) if asker else self._size
        return self.waiting < self._size and self._waiting[asker] < share

    def _count_waiting(self, asker: str, more: int) -> None:
        """Counts `more` items of an asker in memory, or fewer."""
        with self._lock:
            self._waiting[asker] += more
            if not self._waiting[asker]:
                del self._waiting[asker]

    def _tally(self, event: str, n: int = 1) -> None:
        if event == "dropped":
            self.dropped += n
        elif event == "written":
            self.written += n
        if n:
            self.count(event, n)

    # --- called on shutdown and by tests --------------------------------------------------------

    def flush(self, timeout: float = 10.0) -> bool:
        """Writes everything, open runs included.

        Waits `timeout` seconds at most; False if something is not written by then.
        """
        return self._wait(timeout, closing=False)

    def close(self, timeout: float = 10.0) -> bool:
        """Accepts nothing more and writes what is in memory, as `flush`.

        What is not written in time counts as dropped.
        """
        done = self._wait(timeout, closing=True)
        with self._lock:
            self._tally("dropped", self.waiting)
        return done

    def _wait(self, timeout: float, *, closing: bool) -> bool:
        if self._pid != os.getpid():
            self._start_over()
        with self._lock:
            self._closing = self._closing or closing
            if self._thread is None:
                return True
            self._hurry = True
            self._lock.notify_all()
            done = self._lock.wait_for(lambda: not self.waiting and not self._busy, timeout)
            self._hurry = False
            return done

    # --- the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._lock:
                self._busy = False
                self._lock.notify_all()
                if self._closing and not self.waiting:
                    break
                if not self._inbox:
                    self._lock.wait(self._pause())
                self._busy = True
                inbox, self._inbox = self._inbox, deque()
            for accept in inbox:
                accept()
            try:
                self._close_runs()
                self._write()
            except LogUnavailable as error:
                self._failures += 1
                self._tally("failed")
                if self.trouble != str(error):
                    logger.warning("searches wait in memory: %s", error)
                self.trouble = str(error)
            except Exception:  # a mistake of ours must not end the thread
                self._failures += 1
                self._tally("failed")
                logger.exception("a search could not be recorded")
        if self._log is not None:
            self._log.close()

    def _pause(self) -> float | None:
        """Seconds until there is something to do; None: until something is handed over."""
        if self._queue or self._batch:
            retry = _RETRY[min(self._failures, len(_RETRY)) - 1] if self._failures else 0.0
            return min(retry, 0.2) if self._closing else retry
        dues = [run.due for run in self._open_runs.values()]
        dues += [pending.due for pending in self._amendments]
        if not dues or self._hurry:
            return 0.0 if self._hurry and dues else None
        # A clock that tests move by hand is looked at twice a second.
        soonest = min(dues) - self._clock()
        return min(max(soonest, 0.01), 0.5)

    def _update_run(self, new: _OpenRun) -> None:
        """Opens the run of a report that came when it says, or joins it with those before it."""
        report, now, asker = new.report, new.started, new.asker
        robot, outcome = new.robot, new.outcome
        moments = [step.ms for step in report.steps] + [event.ms for event in report.events]
        started = now - max(moments, default=0) / 1000
        due = now if report.is_closed else now + self._quiet
        key = f"{report.visit} {report.run}"
        run = self._open_runs.get(key)
        if run is not None:
            self._count_waiting(asker, -1)
            asker = run.asker
            report = _newer(run.report, report)
            robot, outcome = robot or run.robot, outcome or run.outcome
            due = min(due, run.due) if run.report.is_closed else due
            started = min(started, run.started)  # by the report that was under way the least
        self._open_runs[key] = _OpenRun(
            report, started, due, robot, outcome, asker, new.search_index
        )

    def _close_runs(self) -> None:
        """Queues the searches of the runs that are over, and what else is due."""
        now = self._clock()
        hurry = self._hurry or self._closing
        for key in [
            key for key, run in self._open_runs.items() if hurry or self._due(run.due, now)
        ]:
            self._close_run(self._open_runs.pop(key), now)
        waiting, self._amendments = self._amendments, []
        for pending in waiting:
            if hurry or self._due(pending.due, now):
                self._queue.put(pending.amendment.asker, partial(self._amend, pending, hurry))
            else:
                self._amendments.append(pending)
        for asker, write in self._writes:
            self._queue.put(asker, write)
        self._writes.clear()

    def _due(self, due: float, now: float) -> bool:
        """Whether a moment has come, or never was to be so far off: the clock was set back."""
        return due <= now or due > now + self._quiet + _SET_BACK

    def _close_run(self, run: _OpenRun, now: float) -> None:
        """Queues the searches of a run; a report without typing amends one instead."""
        try:
            searches = list(self._searches(run, now))
        except Exception:
            self._count_waiting(run.asker, -1)
            self._tally("dropped")
            logger.exception("a report could not be folded")
            return
        if run.report.steps:
            self._count_waiting(run.asker, len(searches) - 1)
            for search in searches:
                self._queue.put(run.asker, search)
        else:
            self._amendments.append(_PendingAmendment(_amendment(run, now), due=now))

    def _amend(self, pending: _PendingAmendment, is_last: bool, log: "SearchLog") -> bool:
        """Amends a search; puts it off, a few times, while the log does not have the search."""
        if log.amend(pending.amendment) or pending.delays == _MOST_DELAYS or is_last:
            return True
        self._amendments.append(
            replace(pending, due=self._clock() + self._quiet, delays=pending.delays + 1)
        )
        return False

    def _searches(self, open_run: _OpenRun, now: float) -> Iterator[_QueuedSearch]:
        """The searches of a report: one for each of its runs that is long enough to be one."""
        report, started = open_run.report, open_run.started
        runs = sessions.fold_report(report)
        for i, run in enumerate(runs):
            if not run.counts:
                continue
            is_last = i == len(runs) - 1
            until = now - started if is_last else runs[i + 1].started
            events = tuple(
                event
                for event in report.events
                if (i == 0 or event.ms / 1000 >= run.started)
                and (is_last or event.ms / 1000 < runs[i + 1].started)
            )
            if events:
                until = min(until, max(event.ms for event in events) / 1000)
            search = Search(
                id=report.run if i == 0 else f"{report.run}~{i + 1}",
                report=report.run,
                visit=report.visit,
                query=run.query,
                first=run.first,
                started=started + run.started,
                ended=started + run.ended,
                lang=report.lang,
                surface=report.surface,
                filters=report.filters,
                build=report.build,
                keystrokes=run.keystrokes,
                seen=max(0.0, until - run.ended),
                shown=report.shown if is_last else (),
                events=events,
                robot=open_run.robot,
                asker=open_run.asker,
                is_bare=report.is_bare,
            )
            outcome = open_run.outcome if is_last else None
            yield _QueuedSearch(search, outcome, open_run.search_index)

    def _with_outcome(self, queued: _QueuedSearch) -> Search:
        """A search with its outcome; the index is searched where that is not known."""
        search = queued.search
        outcome = queued.outcome or self._outcome(queued)
        return replace(
            search,
            build=outcome.build or search.build,
            total=outcome.total,
            unfiltered=outcome.unfiltered,
            confident=outcome.confident,
            correction=outcome.correction,
            corrected=outcome.corrected,
            category=outcome.category,
            owner=outcome.owner,
            is_owned=outcome.is_owned,
            is_unfinished=outcome.is_unfinished,
            offered=outcome.offered,
        )

    def _outcome(self, queued: _QueuedSearch) -> SearchOutcome:
        search = queued.search
        try:
            return queued.search_index(search.query, search.lang, search.filters)
        except Exception as error:
            # Nobody got an answer either: it counts as one that found nothing.
            logger.warning("a search could not be answered again: %s", error)
            return SearchOutcome(total=0, confident=False, build=search.build)

    def _write(self) -> None:
        """Writes the searches of one transaction, or one other thing. Raises LogUnavailable."""
        if not self._queue and not self._batch:
            return
        if self._log is None:
            self._log = self._open_log()
        while self._queue and len(self._batch) < _BATCH:
            if not isinstance(self._queue.peek(), _QueuedSearch):
                break
            asker, queued = self._queue.take()
            assert isinstance(queued, _QueuedSearch)  # noqa: S101
            self._batch.append((asker, self._with_outcome(queued)))
        forged, missed = self._log.forged, self._log.missed
        try:
            self._write_first(self._log)
        finally:
            self._tally("forged", self._log.forged - forged)
            self._tally("missed", self._log.missed - missed)
        self._failures = 0
        self.trouble = ""

    def _write_first(self, log: "SearchLog") -> None:
        """Writes the batch, or what is at the head of the queue if it is empty."""
        if not self._batch:
            self._write_next(log)
            return
        self._write_batch(log, [search for _, search in self._batch])
        for asker, _ in self._batch:
            self._count_waiting(asker, -1)
        self._batch.clear()

    def _write_next(self, log: "SearchLog") -> None:
        """Writes the vote or amendment at the head of the queue."""
        write = self._queue.peek()
        assert not isinstance(write, _QueuedSearch)  # noqa: S101
        is_done = True
        try:
            is_done = write(log)
        except LogUnavailable:
            raise
        except Exception:
            self._tally("dropped")
            logger.exception("a vote could not be recorded")
        asker, _ = self._queue.take()
        if is_done:
            self._count_waiting(asker, -1)

    def _write_batch(self, log: "SearchLog", batch: list[Search]) -> None:
        """Writes searches in one transaction, or one by one where a single one is refused."""
        try:
            log.record(*batch)
            self._tally("written", len(batch))
            return
        except LogUnavailable:
            if len(batch) == 1 or not log.health().ok:
                raise
        except Exception:
            logger.exception("a batch could not be recorded; trying its searches one by one")
        for search in batch:  # one that the log cannot take must not keep the others out
            try:
                log.record(search)
                self._tally("written")
            except LogUnavailable:
                raise
            except Exception:
                self._tally("dropped")
                logger.exception("a search could not be recorded")


def _newer(old: Report, new: Report) -> Report:
    """Two reports of one run in one: the longer typing, the newer list, all events."""
    longer = new if len(new.steps) >= len(old.steps) else old
    events = dict.fromkeys((*old.events, *new.events))
    return replace(
        longer,
        shown=new.shown or old.shown,
        events=tuple(sorted(events, key=lambda event: event.ms))[: reports.MAX_EVENTS],
    )


def _amendment(run: _OpenRun, now: float) -> Amendment:
    """The amendment of a report that holds no typing."""
    report = run.report
    return Amendment(report.run, report.visit, now, report.events, run.robot, run.asker)
