"""Takes reports from the web and writes them to the log later: no search ever waits for the log.

One bounded queue and one daemon thread per process, started with the first report, so also after a
fork. A report carries its run from the beginning, so each worker of a server keeps the newest it
has seen of a run in memory and writes it, folded and judged, when the run is closed or has been
quiet for 10 s; what several workers learned of one run is joined by its id in the log: the most
keystrokes, the union of events. What came of a search after it was written, or in another worker,
is added to it there. A log that is locked, full or gone is tried again; what no longer
fits into memory is dropped and counted.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from kb import runs
from kb.errors import LogUnavailable
from kb.runs import Report
from kb.searchlog import Amendment, Search

if TYPE_CHECKING:
    from kb.searchlog import SearchLog

_BATCH = 20  # searches in one transaction: other processes wait for their turn
_ASIDE = 2  # times a click may wait, 10 s each, for another worker to write its search
_RETRY = (0.1, 0.5, 2.0, 5.0)  # seconds between tries; the last one goes on

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the index says to a query."""

    total: int
    confident: bool
    correction: str = ""  # layout, spelling, translit, dropped or ""
    corrected: str = ""
    unfiltered: int | None = None  # hits without the filters, where there were filters
    build: str = ""
    category: str = ""  # of the nearest article
    owner: str = ""  # of that category


Judge = Callable[[str, str, Mapping[str, str]], Verdict]
"""Answers a query (as typed), its language and its filters; called in the recorder's thread."""

Count = Callable[[str, int], object]


@dataclass(slots=True)
class _Held:
    """A run that is still open, as of its newest report."""

    report: Report
    base: float  # when its milliseconds began
    due: float
    robot: bool
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class _Late:
    """What came of a search that this worker does not hold."""

    more: Amendment
    due: float
    tries: int = 0


class Recorder:
    """Writes what is reported to the log that `open_log` opens, in its own time.

    No method but `close` and `flush` waits, and none raises.
    """

    def __init__(
        self,
        open_log: "Callable[[], SearchLog]",
        judge: Judge,
        *,
        clock: Callable[[], float] = time.time,
        hold: float = runs.GAP,
        size: int = 10_000,
    ) -> None:
        """`clock` tells seconds since 1970; `size` bounds what waits in memory."""
        self._open_log = open_log
        self._judge = judge
        self._clock = clock
        self._hold = hold
        self._size = size
        self.count: Count = lambda outcome, n: None
        """Told of every search `written`, report `dropped` or `forged`, and try that `failed`."""
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Condition()
        self._news: deque[Callable[[], None]] = deque()
        self._held: dict[str, _Held] = {}
        self._ready: deque[Search] = deque()
        self._calls: deque[Callable[[SearchLog], object]] = deque()
        self._late: list[_Late] = []
        self._log: SearchLog | None = None
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closing = False
        self._hurry = False
        self._failures = 0
        self.dropped = 0
        """Reports, votes and letters that found no room in memory or could not be written."""
        self.written = 0
        """Searches the log has acknowledged."""
        self.trouble = ""
        """Why the log could not be written the last time it was tried; "" while all is well."""

    @property
    def waiting(self) -> int:
        """How much is in memory only: open runs, and what the log has not acknowledged."""
        told = len(self._news) + len(self._held) + len(self._late)
        return told + len(self._ready) + len(self._calls)

    # --- called by the web ----------------------------------------------------------------------

    def report(
        self, report: Report, *, robot: bool = False, verdict: Verdict | None = None
    ) -> None:
        """A page reports a run; `verdict` where the caller has just answered its last query."""
        now = self._clock()
        self._offer(lambda: self._hold_run(report, now, robot, verdict))

    def feedback(
        self, slug: str, helpful: bool, *, reason: str = "", text: str = "", run: str = ""
    ) -> None:
        """A reader says whether an article helped."""
        at = datetime.fromtimestamp(self._clock(), UTC)
        self._call(
            lambda log: log.feedback(slug, helpful, reason=reason, text=text, run=run, at=at)
        )

    def ticket(self, text: str, **more: Any) -> None:
        """A letter was sent from the contact form; see `SearchLog.ticket`."""
        more.setdefault("at", datetime.fromtimestamp(self._clock(), UTC))
        more.setdefault("id", os.urandom(16).hex())
        self._call(lambda log: log.ticket(text, **more))

    def _call(self, call: "Callable[[SearchLog], object]") -> None:
        self._offer(lambda: self._calls.append(call))

    def _offer(self, news: Callable[[], None]) -> None:
        if self._pid != os.getpid():
            self._start_over()  # the parent's thread and what it has to write stay with the parent
        with self._lock:
            if self._closing or self.waiting >= self._size:
                self._tally("dropped")
                return
            self._news.append(news)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="kb-recorder", daemon=True)
                self._thread.start()
            self._lock.notify_all()

    def _tally(self, outcome: str, n: int = 1) -> None:
        if outcome == "dropped":
            self.dropped += n
        elif outcome == "written":
            self.written += n
        if n:
            self.count(outcome, n)

    # --- called on shutdown and by tests --------------------------------------------------------

    def flush(self, timeout: float = 10.0) -> bool:
        """Write everything now, open runs included; False if the log did not take it in time."""
        return self._wait(timeout, closing=False)

    def close(self, timeout: float = 10.0) -> bool:
        """Take nothing more and write what is there; False if something was lost (and counted)."""
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
                if not self._news:
                    self._lock.wait(self._pause())
                self._busy = True
                news, self._news = self._news, deque()
            for take in news:
                take()
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
        if self._ready or self._calls:
            retry = _RETRY[min(self._failures, len(_RETRY)) - 1] if self._failures else 0.0
            return min(retry, 0.2) if self._closing else retry
        dues = [held.due for held in self._held.values()] + [late.due for late in self._late]
        if not dues or self._hurry:
            return 0.0 if self._hurry and dues else None
        # A clock that tests move by hand is looked at twice a second.
        soonest = min(dues) - self._clock()
        return min(max(soonest, 0.01), 0.5)

    def _hold_run(self, report: Report, now: float, robot: bool, verdict: Verdict | None) -> None:
        moments = [step.ms for step in report.steps] + [event.ms for event in report.events]
        last = max(moments, default=0)
        base = now - last / 1000
        due = now if report.is_closed else now + self._hold
        key = f"{report.visit} {report.run}"
        held = self._held.get(key)
        if held is not None:
            report = _newer(held.report, report)
            robot, verdict = robot or held.robot, verdict or held.verdict
            due = min(due, held.due) if held.report.is_closed else due
            base = min(base, held.base)  # the report that travelled fastest knows best
        self._held[key] = _Held(report, base, due, robot, verdict)

    def _close_runs(self) -> None:
        now = self._clock()
        hurry = self._hurry or self._closing
        for key in [k for k, held in self._held.items() if hurry or held.due <= now]:
            held = self._held.pop(key)
            try:
                self._ready += self._searches(held, now)
            except Exception:
                self._tally("dropped")
                logger.exception("a report could not be folded")
        late, self._late = self._late, []
        for each in late:
            if hurry or each.due <= now:
                self._calls.append(partial(self._amend, each, hurry))
            else:
                self._late.append(each)

    def _amend(self, late: _Late, is_last: bool, log: "SearchLog") -> None:
        """Add to a search; one that nobody has written yet is waited for, but not for ever."""
        if not log.amend(late.more) and late.tries < _ASIDE and not is_last:
            self._late.append(replace(late, due=self._clock() + self._hold, tries=late.tries + 1))

    def _searches(self, held: _Held, now: float) -> list[Search]:
        """The searches of a report, each with what the index says to it."""
        report = held.report
        if not report.steps:
            more = Amendment(report.run, report.visit, now, report.events, held.robot)
            self._late.append(_Late(more, due=now))
            return []
        folded = runs.fold_report(report)
        searches = []
        for i, run in enumerate(folded):
            if not run.counts:
                continue
            last = i == len(folded) - 1
            until = now - held.base if last else folded[i + 1].started
            events = tuple(
                event
                for event in report.events
                if (i == 0 or event.ms / 1000 >= run.started)
                and (last or event.ms / 1000 < folded[i + 1].started)
            )
            if events:
                until = min(until, max(event.ms for event in events) / 1000)
            verdict = held.verdict if last and held.verdict else self._ask(run.query, report)
            searches.append(
                Search(
                    id=report.run if i == 0 else f"{report.run}~{i + 1}",
                    report=report.run,
                    visit=report.visit,
                    query=run.query,
                    first=run.first,
                    started=held.base + run.started,
                    ended=held.base + run.ended,
                    lang=report.lang,
                    surface=report.surface,
                    filters=report.filters,
                    build=verdict.build or report.build,
                    total=verdict.total,
                    unfiltered=verdict.unfiltered,
                    confident=verdict.confident,
                    correction=verdict.correction,
                    corrected=verdict.corrected,
                    keystrokes=run.keystrokes,
                    seen=max(0.0, until - run.ended),
                    shown=report.shown if last else (),
                    events=events,
                    robot=held.robot,
                    category=verdict.category,
                    owner=verdict.owner,
                )
            )
        return searches

    def _ask(self, query: str, report: Report) -> Verdict:
        try:
            return self._judge(query, report.lang, report.filters)
        except Exception as error:
            # Nobody got an answer either: it counts as one that found nothing.
            logger.warning("a search could not be judged: %s", error)
            return Verdict(total=0, confident=False, build=report.build)

    def _write(self) -> None:
        if not self._ready and not self._calls:
            return
        if self._log is None:
            self._log = self._open_log()
        while self._ready:
            batch = [self._ready[i] for i in range(min(_BATCH, len(self._ready)))]
            self._put(self._log, batch)
            for _ in batch:
                self._ready.popleft()
            self._well()
        while self._calls:
            try:
                self._calls[0](self._log)
            except LogUnavailable:
                raise
            except Exception:
                self._tally("dropped")
                logger.exception("a vote or letter could not be recorded")
            self._calls.popleft()
            self._well()

    def _well(self) -> None:
        self._failures = 0
        self.trouble = ""

    def _put(self, log: "SearchLog", batch: list[Search]) -> None:
        forged = log.forged
        try:
            log.record(*batch)
            self._tally("forged", log.forged - forged)
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


def _newer(held: Report, report: Report) -> Report:
    """Two reports of one run in one: the longer typing, the newer list, all events."""
    longer = report if len(report.steps) >= len(held.steps) else held
    events = dict.fromkeys((*held.events, *report.events))
    return replace(
        longer,
        shown=report.shown or held.shown,
        events=tuple(sorted(events, key=lambda event: event.ms))[: runs.MAX_EVENTS],
    )
