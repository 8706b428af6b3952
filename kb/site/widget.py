"""The search widget for other sites: a script and the page in its frame. Sets no cookie."""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from kb.base.errors import KBError
from kb.search import Results
from kb.site import context
from kb.site.context import kb, site

widget = Blueprint("widget", __name__)


@widget.get("/widget.js")
def script() -> ResponseReturnValue:
    """A redirect to the current widget script; sites include this short address."""
    address = site().assets["widget.js"]
    response = redirect(address, 302)
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@widget.get("/widget")
def frame() -> ResponseReturnValue:
    """The page in the frame: a search box, and articles for the words of the host page's address.

    They are in the language of the interface, or in any if there are none.
    """
    lang = context.set_language(request.args.get("ui"))
    words = context.words_of_address(request.args.get("page", "")[:1000])
    found = None
    if words:
        try:
            found = _about(words, lang)
        except KBError:
            found = None
    return context.render("widget.html", query=context.query(), found=found)


def _about(words: str, lang: str) -> Results:
    own = kb().answer(words, lang=lang, limit=4, exact=True, facets=False)
    return own if own.hits else kb().answer(words, limit=4, exact=True, facets=False)


@widget.get("/widget/demo")
def demo() -> ResponseReturnValue:
    """A demonstration page that includes the widget."""
    context.set_language(request.args.get("ui"))
    return context.render("widget-demo.html")
