"""Visitors of the site for tests: they report what they do as its pages do."""

from kb.searchlog.reports import Event, Report, Step


class Visitors:
    """People at the search box: each search is reported as the page reports it."""

    def __init__(self, kb):
        self.kb = kb
        self.count = 0

    def searches(self, query, *events, visit="", lang="ru", asker=""):
        """Each visit is an asker of its own, unless one is named."""
        self.count += 1
        visit = visit or f"visit-{self.count}"
        self.kb.report(
            Report(
                run=f"run-{self.count}", visit=visit, lang=lang,
                steps=(Step(query, 0),), events=events or (Event("left", ms=3000),),
            ),
            asker=asker or visit,
        )  # fmt: skip
        assert self.kb.recorder.flush()

    def opens(self, slug, after, **options):
        self.searches(after, Event("click", slug, 1, 1500), **options)
