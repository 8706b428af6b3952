"""Redirects to the address that was meant: without a slash at the end or `.html`, in its own case.

Besides, the addresses that articles had on the site of another tool, which began at its root;
`Catalog.article` knows those below `/articles/`.
"""

from flask import current_app, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from kb.base.errors import KBError
from kb.index.segment import article_url
from kb.site import context
from kb.site.context import kb


def to_canonical() -> ResponseReturnValue | None:
    """A permanent redirect if the request, which no view takes, meant the address of one."""
    if request.url_rule is not None or request.method not in ("GET", "HEAD"):
        return None
    routes = current_app.create_url_adapter(request)
    meant = (routes and _meant(routes, request.path)) or _former(request.path)
    if not meant:
        return None
    return redirect(context.with_query(context.quoted(meant)), 301)


def _meant(routes: MapAdapter, path: str) -> str | None:
    """The address of a view that differs from `path` in its end or case alone."""
    plain = "/" + path.strip("/\\").removesuffix(".html")
    for candidate in (plain, plain.lower(), plain.lower() + "/"):
        if candidate != path and _is_known(routes, candidate):
            return candidate
    return None


def _former(path: str) -> str | None:
    """The article that had this address: `/guide/start/`, `/docs/guide/start.html`."""
    place = path.strip("/")
    for candidate in dict.fromkeys((place, place.removeprefix("docs/"))):
        try:
            slug = kb().former(candidate)
        except KBError:
            return None
        if slug:
            return article_url(slug)
    return None


def _is_known(routes: MapAdapter, path: str) -> bool:
    try:
        routes.match(path, method="GET")
    except HTTPException:  # not found, or a redirect to a slash at the end
        return False
    return True
