"""Log lines for people and as JSON, one event a line. Decides nothing of what is logged.

What a line holds is escaped, so that nothing of it begins another line or commands a terminal.
"""

import json
import logging
import os
import time
from contextvars import ContextVar
from typing import Any

from kb.base import escaping

request_id: ContextVar[str] = ContextVar("kb.request_id", default="")
"""The id of the request that this thread answers, or ""."""

# Whether commands started by `kb serve` write their lines as JSON; no setting of anybody's.
_AS_JSON = "_KB_JSON_LINES"


def write_json_in_children() -> None:
    """Has the commands that this process starts print what they say as JSON lines."""
    os.environ[_AS_JSON] = "1"


def is_json() -> bool:
    """Whether this is such a command."""
    return _AS_JSON in os.environ


def event(message: str, *, level: str = "info", logger: str = "kb", **facts: Any) -> str:
    """A line of JSON for something that no logger tells."""
    line = {"time": _utc(time.time()), "level": level, "logger": logger, "pid": os.getpid()}
    return json.dumps(line | {"message": message} | facts, default=str)


class JsonLines(logging.Formatter):
    """One JSON document a line; control characters are escaped, so a line stays a line."""

    def format(self, record: logging.LogRecord) -> str:
        """A JSON object without a line end: time, level, logger, pid, message, facts."""
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line.update(getattr(record, "facts", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # ASCII escapes also what some terminals obey: U+009B, U+2028, U+202E.
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Lines for a terminal; nothing a request carries can move the cursor or begin a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message and request on one line; a traceback on those after it."""
        text = escaping.line(record.getMessage())
        current = getattr(record, "facts", {}).get("request_id") or request_id.get()
        if current:
            text += f" [{escaping.line(current)}]"
        if record.exc_info:
            text += "\n" + "\n".join(
                escaping.line(line) for line in self.formatException(record.exc_info).splitlines()
            )
        return f"{_utc(record.created)} {record.levelname.lower()} {text}"


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + "Z"
