"""“Leaving us?”: takes the reason of a customer who leaves, without an address."""

from typing import Final

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from kb.searchlog.db.remarks import WHY_LEAVE as REASONS
from kb.site import context
from kb.site.context import kb

leaving = Blueprint("leaving", __name__)

PATH: Final = "/leaving"
_AN_HOUR: Final = 10  # from one network


@leaving.get(PATH)
def form() -> ResponseReturnValue:
    """The form, or thanks for what it sent."""
    context.set_language(request.args.get("ui"))
    return context.render("leaving.html", reasons=REASONS, done="sent" in request.args, wrong="")


@leaving.post(PATH)
def tell() -> ResponseReturnValue:
    """Stores a reason and, where there are some, the words to it."""
    if context.is_cross_site():
        abort(403)
    lang = context.set_language(request.form.get("ui"))
    reason, text = request.form.get("reason", ""), context.storable(request.form.get("text", ""))
    wrong = "" if reason in REASONS else "reason"
    if not wrong and not context.may_send_form("leaving", _AN_HOUR, 3600):
        wrong = "limit"
    if wrong:
        page = context.render(
            "leaving.html", reasons=REASONS, done=False, wrong=wrong, reason=reason, text=text
        )
        return page, 429 if wrong == "limit" else 422
    if not request.form.get("website"):  # people do not see this field
        kb().log.remarks.leave(reason, text.strip(), lang, kb().now())
    return redirect(context.with_params(PATH, sent="1", ui=lang), 303)
