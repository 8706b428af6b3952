"""The search inside other sites: one script, and the page its frame shows. Sets no cookie."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from kb import front
from kb.errors import KBError
from kb.front import kb, site

widget = Blueprint("widget", __name__)


@widget.get("/widget.js")
def script() -> ResponseReturnValue:
    """The one script a site includes; always under this short address, so it is asked for again."""
    address = site().assets["widget.js"]
    response = redirect(address, 302)
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@widget.get("/widget")
def frame() -> ResponseReturnValue:
    """What the panel shows: search, and what the words of the host page's address find."""
    lang = front.speak(request.args.get("ui"))
    words = front.words_of(request.args.get("page", "")[:1000])
    found = None
    if words:
        try:
            found = kb().answer(words, limit=4, own_lang=lang)
        except KBError:
            found = None
    return render_template("widget.html", query=front.query(), found=found)


@widget.get("/widget/demo")
def demo() -> ResponseReturnValue:
    """A page that includes the widget as any site would."""
    front.speak(request.args.get("ui"))
    return render_template("widget-demo.html")
