"""Live preview of `kb serve --watch`: pages reload after a save and show problems of their file.

The site for customers has nothing of it.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b

from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue

from kb.content.problems import Problem
from kb.content.status import Indexed, Latest
from kb.site import context
from kb.site.context import kb

live = Blueprint("live", __name__)

_LEVELS = ("error", "warning", "hint")


@dataclass(frozen=True)
class Preview:
    """The state of the articles folder as pages show it to writers."""

    contents: str  # hash of the contents of the build
    indexed: Indexed | None

    def notes(self, path: str) -> list[Problem]:
        """The problems of a file, the most severe first."""
        if self.indexed is None:
            return []
        problems = {
            (problem.line, problem.code, problem.message): problem
            for problem in (*self.indexed.problems, *self.indexed.checked)
            if problem.path == path
        }
        return sorted(problems.values(), key=lambda p: (_LEVELS.index(p.level), p.line, p.code))

    def stamp(self, path: str) -> str:
        """A hash of all that the page of a file shows; another hash means: reload."""
        shown = repr((self.contents, self.notes(path))).encode("utf-8", "surrogatepass")
        return blake2b(shown, digest_size=8).hexdigest()

    def rejected_at(self, slug: str) -> str | None:
        """The path of the rejected file that has, or had, this slug; or None."""
        addresses = self.indexed.addresses if self.indexed else {}
        return next((path for path, address in addresses.items() if address == slug), None)

    @property
    def today(self) -> date:
        """The day the dates of articles are compared with."""
        return kb().today()

    @cached_property
    def unpublished(self) -> frozenset[str]:
        """Slugs of drafts and of articles that are not yet, or no longer, published."""
        return kb().unpublished()


def install(app: Flask) -> None:
    """Adds the preview to an application."""
    app.register_blueprint(live)
    latest = Latest(context.site_of(app).settings.data, Indexed)

    @app.before_request
    def look() -> ResponseReturnValue | None:
        # Before the page is made: what is saved meanwhile is seen by the next look.
        g.preview = Preview(kb().contents(), latest.read())
        if request.endpoint == "pages.article":
            return _rejected(str((request.view_args or {})["slug"]))
        return None


def _rejected(slug: str) -> ResponseReturnValue | None:
    """The page of problems in place of an article whose file was rejected, or None."""
    path = g.preview.rejected_at(slug)
    if path is None or kb().article(slug) is not None:
        return None
    context.set_language(slug.split("/")[0])
    return context.render("rejected.html", path=path)


@live.get("/live")
def stamp() -> ResponseReturnValue:
    """The present stamp of a page; its script asks several times a second."""
    return Response(
        g.preview.stamp(request.args.get("path", "")),
        mimetype="text/plain",
        headers={"Cache-Control": "no-store"},
    )
