"""Links to other sites, judged by what those sites replied. Sends no request itself."""

from collections.abc import Iterator

from kb.base.messages import NOTHING, Message
from kb.checks.rules.base import Base, Finding, line_of, rule

GONE, SILENT = "gone", "silent"  # kinds of replies


def external(base: Base) -> list[str]:
    """Every address of another site that an article links to, once."""
    links = (link for images in (False, True) for _, link in base.links(images=images))
    return list(dict.fromkeys(link.url for link in links if link.url[:4].lower() == "http"))


@rule("external-gone", "warning")
def _external_gone(base: Base) -> Iterator[Finding]:
    """Another site says that the page is not there (only with `--external`)."""
    return _told(base, GONE, Message("put the new address, or drop the link"))


@rule("external-silent", "hint")
def _external_silent(base: Base) -> Iterator[Finding]:
    """Another site did not answer, or would not say (only with `--external`)."""
    return _told(base, SILENT, Message("open it in a browser; it may only dislike robots"))


def _told(base: Base, wanted: str, cure: Message) -> Iterator[Finding]:
    for images in (False, True):
        for article, link in base.links(images=images):
            kind, why = base.replies.get(link.url, ("", NOTHING))
            if kind == wanted:
                message = Message("{target}: {why}", target=link.target, why=why)
                yield Finding(article, line_of(article, link.line), message, cure)
