"""The request that is answered, its application and what is noted of it, without Flask's proxies.

Flask's `request`, `current_app` and `g` look up what they stand for at each use of an attribute,
which takes seven times as long as the attribute itself; a page uses a hundred.
"""

from typing import Any

import flask


def request() -> flask.Request:
    """The request."""
    asked: flask.Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return asked


def app() -> flask.Flask:
    """The application that answers it."""
    answering: flask.Flask = flask.current_app._get_current_object()  # type: ignore[attr-defined]
    return answering


def notes() -> Any:
    """What is noted of the request while it is answered, as `g` has it."""
    return flask.g._get_current_object()
