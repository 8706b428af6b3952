"""The notice that pages, the widget and the API show, in the language of the request."""

from dataclasses import dataclass
from typing import Any

from kb.base.errors import KBError
from kb.content.notices import Notice
from kb.site import article_html, context, current, url_prefix
from kb.site.context import kb
from kb.site.formatting import gettext


@dataclass(frozen=True, slots=True)
class Banner:
    """A notice that is in force, with the word for its level."""

    notice: Notice
    label: str

    @property
    def html(self) -> str:
        """Its sanitised HTML, with addresses below the URL prefix."""
        return url_prefix.added(self.notice.html, current.request().script_root)


def shown() -> Banner | None:
    """The banner for the language of this request, or None; never raises."""
    notes = current.notes()
    if notes.get("broken") or context.is_shut_out():  # broken: the error page of a broken service
        return None
    try:
        notice = kb().notice(notes.get("lang") or context.set_language(None))
    except KBError:
        return None
    return None if notice is None else Banner(notice, _label(notice.level))


def _label(level: str) -> str:
    labels = {
        "info": gettext("Please note"),
        "warning": gettext("Warning"),
        "critical": gettext("Incident"),
    }
    return str(labels[level])


def shape(banner: Banner) -> dict[str, Any]:
    """The banner as JSON values: schema `Notice` of `/openapi.json`."""
    notice = banner.notice
    begins, ends = notice.period.begins, notice.period.ends
    return {
        "level": notice.level,
        "label": banner.label,
        "lang": notice.lang,
        "title": notice.title,
        "html": banner.html,
        "text": article_html.text_of(notice.html.replace("</p>", "</p> ")),
        "from": begins and begins.isoformat(),
        "until": ends and ends.isoformat(),
    }
