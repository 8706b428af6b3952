"""“Tell me when there is an answer”: takes an address, confirms it by mail, forgets it on request.

The mail that confirms quotes nothing: a stranger may have given another's address.
"""

import secrets
from typing import Final

from flask import Blueprint, abort, g, redirect, request
from flask.typing import ResponseReturnValue

from kb.letters import typed_letter
from kb.site import context
from kb.site.context import kb, site

subscriptions = Blueprint("subscriptions", __name__)

PATH: Final = "/tell-me"
_LONGEST_ADDRESS: Final = 254  # characters (RFC 5321)
_AN_HOUR: Final = 10  # subscriptions of one network


@subscriptions.post(PATH)
def subscribe() -> ResponseReturnValue:
    """Takes an address for a question and sends the mail that confirms it.

    The page is the same whether the address was known, so it tells nobody who waits for what.
    """
    _refuse_unless_possible()
    lang = context.set_language(request.form.get("ui"))
    address = context.storable(request.form.get("email", "")).strip()
    query = context.storable(request.form.get("q", ""))[: context.LONGEST_QUERY].strip()
    if not query:
        abort(400)
    if len(address) > _LONGEST_ADDRESS or not typed_letter.is_address(address):
        return _page("wrong", query=query, address=address), 422
    if not context.may_send_form("tell-me", _AN_HOUR, 3600):
        return _page("limit", query=query, address=address), 429
    if not request.form.get("website"):  # people do not see this field
        kb().subscribe(secrets.token_urlsafe(18), address, query, lang)
    return redirect(context.with_params(PATH, ui=lang), 303)


@subscriptions.get(PATH)
def sent() -> ResponseReturnValue:
    """Says that a mail is on its way."""
    context.set_language(request.args.get("ui"))
    return _page("sent")


@subscriptions.get(f"{PATH}/<token>")
def subscription(token: str) -> ResponseReturnValue:
    """The page of a subscription. Opening it changes nothing: mail servers open links, too."""
    found = kb().log.subscriptions.find(token)
    context.set_language(found.lang if found else None)
    if found is None:
        return _page("gone"), 404
    return _page("confirmed" if found.is_confirmed else "asked", query=found.query, token=token)


@subscriptions.post(f"{PATH}/<token>")
def change(token: str) -> ResponseReturnValue:
    """Confirms a subscription or forgets it."""
    if context.is_cross_site():
        abort(403)
    known = kb().log.subscriptions
    found = known.find(token)
    context.set_language(found.lang if found else None)
    if found is None:
        return _page("gone"), 404
    if request.form.get("do") == "confirm":
        known.confirm(token, kb().now())
        return redirect(f"{PATH}/{token}", 303)
    known.remove(token)
    return _page("forgotten")


def _refuse_unless_possible() -> None:
    if context.is_cross_site():
        abort(403)
    if not site().settings.tells_answers:
        abort(404)


def _page(state: str, *, query: str = "", address: str = "", token: str = "") -> str:
    return context.render(
        "tell-me.html", state=state, query=query, address=address, token=token, lang=g.lang
    )
