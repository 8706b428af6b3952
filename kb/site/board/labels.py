"""Labels of statuses, kinds, causes and reasons in the language of the page."""

from kb.searchlog.db.letter_models import ACKNOWLEDGEMENT, CUSTOMER, REPLY, Delivery
from kb.searchlog.miss_kinds import MISS_KINDS
from kb.site.formatting import gettext as _


def statuses() -> dict[str, str]:
    """Labels of the statuses of a group."""
    return {
        "open": _("Open"),
        "assigned": _("Assigned"),
        "waiting": _("Answered, not yet proved"),
        "answered": _("Answered"),
        "regressed": _("Answer lost"),
        "dismissed": _("Dismissed"),
    }


_BUILD, _MISSED = "not by build ", "missed again: "


def detail(what: str, told: str) -> str:
    """The detail of an entry of a history, in words of the page where the service wrote it."""
    if what == "triage":
        return causes().get(told, told)
    if what == "undone":
        return events().get(told, told)
    if told.startswith(_BUILD):
        return str(_("not found by build %(build)s", build=told.removeprefix(_BUILD)))
    if told.startswith(_MISSED):
        return str(_("missed again: %(query)s", query=told.removeprefix(_MISSED)))
    known = {"its day has come": _("its day has come"), "missed again": _("missed again")}
    return str(known.get(told, told))


def events() -> dict[str, str]:
    """Labels of what may happen to a group; most events are named by the status they lead to."""
    return statuses() | {
        "reopened": _("Opened again"),
        "note": _("Note"),
        "triage": _("Likely cause"),
        "answer moved": _("Answered by another article"),
        "merged": _("Merged with no."),
        "merged into": _("Merged into no."),
        "split": _("Split off"),
        "split from": _("Split off from no."),
        "not the same": _("Not the same as no."),
        "undone": _("Taken back"),
    }


def letter_states() -> dict[str, str]:
    """Labels of the states of a letter."""
    return {"new": _("New"), "answered": _("Replied to"), "closed": _("Closed")}


def letter_events() -> dict[str, str]:
    """Labels of what may happen to a letter."""
    return {
        "handed on": _("Handed on"),
        "answered": _("Replied to"),
        "marked answered": _("Marked as answered"),
        "closed": _("Closed"),
        "reopened": _("Opened again"),
    }


def deliveries(delivery: Delivery) -> str:
    """What a delivery delivers, and to whom."""
    if delivery.channel != CUSTOMER:
        name = CHANNELS.get(delivery.channel) or _("Mail to %(who)s", who=delivery.payload)
        return str(name)
    return str(
        {
            ACKNOWLEDGEMENT: _("Receipt to the customer"),
            REPLY: _("Answer to the customer"),
        }.get(delivery.what, _("Mail to the customer"))
    )


CHANNELS = {
    "webhook": "Webhook",
    "zendesk": "Zendesk",
    "zammad": "Zammad",
    "telegram": "Telegram",
    "slack": "Slack",
    "mattermost": "Mattermost",
}


def kinds() -> dict[str, str]:
    """Miss kinds and flags, by name."""
    return {kind.name: _(kind.label) for kind in MISS_KINDS}


def flags() -> list[str]:
    """Those of the miss kinds that stand beside another."""
    return [kind.name for kind in MISS_KINDS if kind.is_flag]


def answer_times() -> tuple[str, ...]:
    """Labels of the intervals of time to answer, in the order in which the log counts them."""
    return (
        _("Less than a day"),
        _("1–2 days"),
        _("3–7 days"),
        _("8–30 days"),
        _("More than 30 days"),
    )


def reasons() -> dict[str, str]:
    """Labels of the reasons why an article did not help."""
    return {
        "unclear": _("I did not understand it"),
        "wrong": _("It is wrong or out of date"),
        "missing": _("My question is not in it"),
        "failed": _("I did as it says, and it did not help"),
    }


def causes() -> dict[str, str]:
    """Labels of the causes that triage finds."""
    return {
        "layout": _("Other keyboard layout"),
        "translit": _("Other alphabet"),
        "spelling": _("Spelling"),
        "filters": _("Filters"),
        "language": _("Other language"),
        "draft": _("Draft"),
        "expired": _("Expired or not yet published"),
        "synonym": _("Synonym"),
        "unhelpful": _("Article exists but does not help"),
        "found": _("Found by now"),
        "content": _("No article"),
    }
