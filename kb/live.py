"""What `kb serve --watch` adds for writers: pages renew themselves and say what is wrong.

Nothing of it is in the site that customers are served.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b

from flask import Blueprint, Flask, Response, g, render_template, request
from flask.typing import ResponseReturnValue

from kb import front
from kb.articles import Problem
from kb.front import kb
from kb.state import Indexed, Latest

live = Blueprint("live", __name__)

_LEVELS = ("error", "warning", "hint")


@dataclass(frozen=True)
class Desk:
    """What a writer has before him: the articles as they are, and what is wrong with them."""

    contents: str  # of the build
    indexed: Indexed | None

    def notes(self, path: str) -> list[Problem]:
        """What is wrong with a file, the worst first."""
        if self.indexed is None:
            return []
        found = {
            (problem.line, problem.code, problem.message): problem
            for problem in (*self.indexed.problems, *self.indexed.checked)
            if problem.path == path
        }
        return sorted(found.values(), key=lambda p: (_LEVELS.index(p.level), p.line, p.code))

    def stamp(self, path: str) -> str:
        """Differs whenever the page of this file does."""
        told = repr((self.contents, self.notes(path))).encode("utf-8", "surrogatepass")
        return blake2b(told, digest_size=8).hexdigest()

    def rejected_at(self, slug: str) -> str | None:
        """The path of the rejected file that has, or had, this address."""
        addresses = self.indexed.addresses if self.indexed else {}
        return next((path for path, address in addresses.items() if address == slug), None)

    @property
    def today(self) -> date:
        """The day the dates of articles are compared with."""
        return kb().today()

    @cached_property
    def unseen(self) -> frozenset[str]:
        """Articles that customers do not see today."""
        return kb().unseen()


def install(app: Flask) -> None:
    """Makes the site of this application one for writers."""
    app.register_blueprint(live)
    latest = Latest(front.site_of(app).settings.data, Indexed)

    @app.before_request
    def look() -> ResponseReturnValue | None:
        # Before the page is made: what is saved meanwhile is seen by the next look.
        g.desk = Desk(kb().contents(), latest.read())
        if request.endpoint == "pages.article":
            return _rejected(str((request.view_args or {})["slug"]))
        return None

    @app.context_processor
    def names() -> dict[str, object]:
        return {"desk": g.desk} if "desk" in g else {}


def _rejected(slug: str) -> ResponseReturnValue | None:
    """In place of an article that cannot be read: why not."""
    path = g.desk.rejected_at(slug)
    if path is None or kb().article(slug) is not None:
        return None
    front.speak(slug.split("/")[0])
    return render_template("rejected.html", path=path)


@live.get("/live")
def stamp() -> ResponseReturnValue:
    """Asked by the page several times a second: has anything it shows changed?"""
    return Response(
        g.desk.stamp(request.args.get("path", "")),
        mimetype="text/plain",
        headers={"Cache-Control": "no-store"},
    )
