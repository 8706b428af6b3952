"""Review of the log by one build: its questions asked again, causes of misses, synonyms measured.

It takes long, so the process that indexes does it. Nobody is told here of what comes of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from kb.base.config import Settings
from kb.git import history
from kb.index.reader import IndexReader
from kb.language import synonyms
from kb.search import Searcher, SearchRequest
from kb.searchlog import closing, replay, triage, wordings
from kb.searchlog.asked_build import AskedBuild
from kb.searchlog.db.models import Question
from kb.searchlog.replay import ReplayedBuild, ReplayResult

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Review:
    """A log, and the build that it is reviewed by. Methods raise LogUnavailable."""

    log: "SearchLog"
    settings: Settings
    reader: IndexReader
    searcher: Searcher
    asked: AskedBuild
    at: datetime  # the moment written down

    def run(self, seconds: float, progress: Progress | None = None) -> ReplayResult:
        """Takes each step in turn, for `seconds` at most; returns what the first of them changed.

        `progress` is called with the number of questions done and their total.
        """
        self.log.actions.end_dismissals(self.at)
        name = self.reader.name
        commit = _commit_finder(self.reader.whole, self.settings.articles)
        build = ReplayedBuild(name, self.asked.standing, self.asked.sketch, commit)
        changed = replay.replay(self.log, build, at=self.at, seconds=seconds, progress=progress)
        langs = self.settings.langs
        examiner = triage.Examiner(self.reader, self.searcher, self.at.date(), langs)
        owner = self.asked.owners().of
        triage.triage(self.log, examiner, owner, name, seconds=seconds, progress=progress)
        self._propose_synonyms(seconds)
        return changed

    def _propose_synonyms(self, seconds: float) -> None:
        """Measures the pairs of words that readers exchanged, and keeps those that would help."""
        proofs, least = self.log.proofs, self.settings.min_askers
        proposals = wordings.pairs(proofs.reworded(least))
        asked: list[wordings.Asked] = []
        if proposals:
            ids, _ = self.log.groups.costliest_to_replay()
            for group in self.log.groups.get_all(ids[: wordings.MOST_ASKED]):
                asked.append(wordings.Asked(Question(group.question, group.lang)))
            for each in proofs.solved(least):
                asked.append(wordings.Asked(Question(each.question), each.slug))
        now = self._finding(self.searcher)
        found = wordings.measured(proposals, asked, now, self._synonymous, seconds=seconds)
        wordings.write(self.settings.data, found)

    def _synonymous(self, words: tuple[str, str]) -> wordings.Find:
        """How the build would answer with one more pair of synonyms."""
        text = synonyms.added(self.reader.synonyms, words)
        return self._finding(Searcher(self.reader, cached=0, synonyms_text=text))

    def _finding(self, searcher: Searcher) -> wordings.Find:
        def find(asked: Question) -> tuple[str, ...]:
            request = SearchRequest(
                asked.query, own_lang=asked.lang or None, limit=closing.TOP, facets=False,
                excerpts=False,
            )  # fmt: skip
            results = searcher.answer(request, self.at.date())
            return tuple(hit.slug for hit in results.hits) if results.confident else ()

        return find


def _commit_finder(reader: IndexReader, articles: Path) -> replay.Commit:
    """A function that returns the last commit of an article by slug, and when it was made."""
    changes = lru_cache(1)(lambda: history.read(articles).changes)

    def commit(slug: str) -> tuple[str, datetime | None]:
        doc = reader.find(slug)
        path = reader.page(doc)["article"]["path"] if doc is not None else ""
        change = changes().get(path)
        if change is None:
            return reader.commit, None
        return change.commit, history.moment(articles, change.commit)

    return commit
