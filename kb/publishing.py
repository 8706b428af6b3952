"""Publishes what the articles folder holds: a build, and the steps that go before and follow it.

Articles are given what the log teaches, a cluster holds a build before it is served, problems are
noted for the pages of leads and writers, open questions are asked again, hooks are told. How each
is done stands elsewhere.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from kb import indexer
from kb.base import data_folder
from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing, LogUnavailable
from kb.content import status
from kb.current_build import CurrentBuild
from kb.index.builds import Build, Builds
from kb.index.learned import LearnedLines
from kb.index.reader import IndexReader
from kb.index.rendering import Progress
from kb.indexer import BuildReport
from kb.searchlog import learning
from kb.searchlog.replay import ReplayResult

if TYPE_CHECKING:
    from kb.opensearch.client import Cluster
    from kb.searchlog.db.log import SearchLog

logger = logging.getLogger("kb.service")


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes builds, of which `current` is kept open, and has `cluster`, if any, hold them."""

    settings: Settings
    builds: Builds
    current: CurrentBuild
    cluster: "Cluster | None"
    open_log: "Callable[[], SearchLog | None]"  # None where there is none yet
    announce: Callable[[], object]
    replay: Callable[[Progress | None], ReplayResult]
    now: Callable[[], datetime]

    def rebuild(
        self,
        *,
        full: bool,
        strict: bool,
        careful: bool,
        hurried: bool,
        may_empty: bool,
        progress: Progress | None,
        resumed: Callable[[int], None] | None,
    ) -> BuildReport:
        """Brings the index up to date and takes all steps; see `indexer.rebuild`.

        A log that cannot be reached is logged and fails nothing.
        """
        with suppress(OSError):  # told when the build is written
            data_folder.prepare(self.settings.data)
        self._announce_safely()  # what was published before this, should nobody have told it
        before = self.builds.pointed()
        report = indexer.rebuild(
            self.settings,
            full=full,
            strict=strict,
            careful=careful,
            hurried=hurried,
            may_empty=may_empty,
            progress=progress,
            resumed=resumed,
            builds=self.builds,
            lines=None if hurried else self._learned_lines(),
            prepare=partial(self._feed, progress=progress),
        )
        if report.published or report.build:
            self._feed_current(progress)
        self.current.look_again()
        self._note(report, before)
        if not report.published or hurried:
            self._announce_safely()
            return report
        try:
            result = self.replay(progress)
        except LogUnavailable as error:
            logger.warning("open questions were not asked again: %s", error)
            return report
        finally:
            self._announce_safely()
        return replace(
            report, answered=result.answered, regressed=result.regressed, unasked=result.unasked
        )

    def _announce_safely(self) -> None:
        try:
            self.announce()
        except LogUnavailable as error:
            logger.warning("hooks will be told later: %s", error)

    def _learned_lines(self) -> LearnedLines | None:
        """What articles learn from the log now; None, so what they learned stays, without one."""
        try:
            log = self.open_log() if self.settings.learn else None
            if log is None:
                return {}
            least = self.settings.min_askers
            return learning.lines(log.proofs.solved(least), self._claims, least=least)
        except LogUnavailable as error:
            logger.warning("nothing new is learned from the log: %s", error)
            return None

    def _claims(self, slug: str) -> Sequence[str]:
        """The questions that the writer of an article put down under `answers`."""
        try:
            reader = self.current.catalog().reader.whole
        except (IndexMissing, IndexDamaged):
            return ()
        doc = reader.find(slug)
        answers: Sequence[str] = () if doc is None else reader.card(doc).get("answers", ())
        return answers

    def _feed(self, build: Build, progress: Progress | None) -> None:
        """Has the cluster hold a build."""
        if self.cluster is not None:
            from kb.opensearch import feeding

            layout = feeding.Layout.of(self.settings)
            feeding.feed(self.cluster, self.builds, build, layout, progress)

    def _feed_current(self, progress: Progress | None) -> None:
        """Has the cluster hold the current build, and other programs find it by its alias."""
        if self.cluster is not None:
            from kb.opensearch import feeding

            build = self.builds.current()
            self._feed(build, progress)
            feeding.point(self.cluster, self.builds, build, feeding.Layout.of(self.settings))

    def _note(self, report: BuildReport, before: str) -> None:
        """Writes the result of indexing to the data folder, for the pages of leads and writers.

        `before` is the name of the build that was published until then.
        """
        last = status.read(self.settings.data, status.Indexed)
        known = last.addresses if last else {}
        rejected = {problem.path for problem in report.rejected}
        reader = self._reader(before) if rejected else None
        addresses = {
            path: (reader and reader.address(path)) or known.get(path) or path.rsplit(".", 1)[0]
            for path in rejected
        }
        indexed = status.Indexed(
            at=self.now(),
            build=report.build,
            articles=report.articles,
            published=report.published,
            held=report.withheld,
            commit=report.commit,
            problems=(*report.rejected, *report.warnings),
            checked=last.checked if last else (),
            addresses=addresses,
        )
        status.write(self.settings.data, indexed)

    def _reader(self, build: str) -> IndexReader | None:
        try:
            return IndexReader(self.builds.open(build)) if build else None
        except IndexDamaged:
            return None
