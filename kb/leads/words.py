"""What leads call statuses, kinds and causes, in the language of the page. Decides nothing."""

from kb.i18n import gettext as _


def statuses() -> dict[str, str]:
    """How a question stands."""
    return {
        "open": _("Open"),
        "assigned": _("Assigned"),
        "answered": _("Answered"),
        "regressed": _("Answer lost"),
        "dismissed": _("Dismissed"),
    }


def kinds() -> dict[str, str]:
    """Why a search did not answer, and the flags beside it."""
    return {
        "filtered": _("Hidden by filters"),
        "none": _("Nothing found"),
        "weak": _("Weak hits only"),
        "rescued": _("Found after a repair"),
        "refined": _("Asked again differently"),
        "ignored": _("Nothing opened"),
        "ticketed": _("Then wrote to support"),
        "unhelpful": _("Article did not help"),
    }


def stretches() -> tuple[str, ...]:
    """How long an answer took, in the stretches that the log counts."""
    return (
        _("Less than a day"),
        _("1–2 days"),
        _("3–7 days"),
        _("8–30 days"),
        _("More than 30 days"),
    )


def reasons() -> dict[str, str]:
    """What readers tick where an article did not help."""
    return {
        "unclear": _("I did not understand it"),
        "wrong": _("It is wrong or out of date"),
        "missing": _("My question is not in it"),
        "failed": _("I did as it says, and it did not help"),
    }


def causes() -> dict[str, str]:
    """What would have answered a question."""
    return {
        "layout": _("Other keyboard layout"),
        "translit": _("Other alphabet"),
        "spelling": _("Spelling"),
        "filters": _("Filters"),
        "language": _("Other language"),
        "draft": _("Draft"),
        "expired": _("Expired or not yet published"),
        "synonym": _("Synonym"),
        "found": _("Found by now"),
        "content": _("No article"),
    }
