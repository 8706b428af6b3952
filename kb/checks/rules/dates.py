"""Dates: what is due for review, and what nobody will ever see."""

from collections.abc import Iterator

from kb.base.messages import Message
from kb.checks import staleness
from kb.checks.rules.base import Base, Finding, rule


@rule("review-due", "warning")
def _review_due(base: Base) -> Iterator[Finding]:
    """The date under `review_by` has passed."""
    for article in base.articles:
        if article.review_by is not None and article.review_by < base.today:
            yield Finding(
                article,
                article.lines.get("review_by", 1),
                Message("was to be reviewed by {date}", date=str(article.review_by)),
                Message("read it, correct it, and set the next date"),
            )


@rule("stale", "hint")
def _stale(base: Base) -> Iterator[Finding]:
    """An article without `review_by` was not changed for KB_REVIEW_DAYS, and its turn has come."""
    articles = {article.slug: article for article in base.served()}
    for found in staleness.stale(articles.values(), {}, base.today, base.review_days):
        if found.reason == staleness.AGE:
            article = articles[found.slug]
            yield Finding(
                article,
                article.lines.get("updated", 1),
                Message("not changed since {date}", date=str(article.updated)),
                Message("read it, correct it, and set `updated` or `review_by`"),
            )


@rule("dates-crossed", "warning")
def _dates_crossed(base: Base) -> Iterator[Finding]:
    """An article expires before it is published, so nobody ever sees it."""
    for article in base.articles:
        if article.publish and article.expires and article.expires <= article.publish:
            yield Finding(
                article,
                article.lines.get("expires", 1),
                Message(
                    "expires on {expires}, before it is published on {publish}",
                    expires=str(article.expires),
                    publish=str(article.publish),
                ),
                Message("correct one of the dates"),
            )
