"""What is wrong with notices: mistakes of their files, times, links. Shows none."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time

from kb.base.config import Settings
from kb.base.messages import Message
from kb.checks.rules import Base
from kb.content import notices
from kb.content.folder import Source
from kb.content.front_matter import short
from kb.content.link_table import LinkedArticle
from kb.content.markup import Link
from kb.content.problems import Problem
from kb.index import notices as rendered
from kb.index.links import references


def problems(settings: Settings, base: Base, sources: Sequence[Source]) -> Iterator[Problem]:
    """The problems of the notices in the files `sources` on the day of `base`."""
    current = []
    for notice, links, found in rendered.prepare(settings, sources):
        yield from found
        if notice is not None:
            current.append(notice)
            yield from _dead_links(notice.path, notice.lang, links, base)
    yield from notices.hints(current, settings.langs, datetime.combine(base.today, time(), UTC))


def _dead_links(path: str, lang: str, links: Sequence[Link], base: Base) -> Iterator[Problem]:
    """Links to what is not there, or to an article without a page today."""
    place = LinkedArticle(path, "", lang)
    lines = {link.target: link.line for link in reversed(links)}  # where each stands first
    for _, target in references(links):
        found = base.link_table.find(place, target)
        article = base.by_slug.get(found.slug) if found and found.slug else None
        if found is None or (article is not None and not base.is_public(article)):
            message = Message("the link to {target} leads nowhere today", target=short(target))
            yield Problem(path, lines[target], "notice-link", message, _CURE, "warning")


_CURE = Message("correct the address, or publish what it leads to")
