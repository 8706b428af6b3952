"""Builds for machines that pull them: the listing of the published one, and its files by digest.

Builds hold drafts and articles for some readers alone, so a token of the scope `builds:read` opens
both addresses and nothing else does. Files are sent by the server, not read into memory.
"""

import re
from typing import Final

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.wsgi import wrap_file

from kb.searchlog.db.token_models import BUILDS
from kb.site import tokens
from kb.site.context import kb, site

builds = Blueprint("builds", __name__)

PATH: Final = "/builds/current"
_REST = re.compile(r"bytes=(\d{1,18})-")


@builds.get(PATH)
def current() -> ResponseReturnValue:
    """The listing of the published build and of what is served beside it, signed if asked to."""
    tokens.require(BUILDS)
    secret = site().settings.builds_secret
    listing = kb().listing().written(secret.get_secret_value() if secret else "")
    answer = Response(listing, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@builds.get("/builds/files/<digest>")
def file(digest: str) -> ResponseReturnValue:
    """A file of the listing, or its rest from the byte that `Range: bytes=N-` names."""
    tokens.require(BUILDS)
    place = kb().listed_file(digest)
    if place is None:
        abort(404)
    try:
        opened, size = place.open("rb"), place.stat().st_size
    except OSError:  # dropped since it was listed
        abort(404)
    rest = _REST.fullmatch(request.headers.get("Range", ""))
    start = int(rest[1]) if rest else 0
    if rest and start >= size:
        opened.close()
        return Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    opened.seek(start)
    answer = Response(
        wrap_file(request.environ, opened), 206 if rest else 200, direct_passthrough=True,
        mimetype="application/octet-stream",
    )  # fmt: skip
    answer.headers.update({"Content-Length": str(size - start), "Cache-Control": "no-store"})
    if rest:
        answer.headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
    return answer
