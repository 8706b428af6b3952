"""Small JSON objects of all machines of a site: in the log they share, else in the data folder.

While a shared log cannot be reached, an object is that of this machine alone, unless it must not
differ between machines.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kb.base.config import Settings
from kb.base.errors import LogUnavailable
from kb.base.locked_json import JsonObject, LockedJson

if TYPE_CHECKING:
    from kb.searchlog.db.log import SearchLog

logger = logging.getLogger(__name__)


class SharedJson:
    """An object in the log, with one of this machine that stands in for it, or none."""

    def __init__(self, name: str, log: "Callable[[], SearchLog]", local: JsonObject | None) -> None:
        self._name = name
        self._log = log
        self._local = local

    def read(self) -> dict[str, Any]:
        """The object; raises LogUnavailable where nothing stands in for it."""
        try:
            return self._log().objects.read(self._name)
        except LogUnavailable:
            if self._local is None:
                raise
            return self._local.read()

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """The object to be changed in place, as `LockedJson.changing`."""
        is_ours = False
        try:
            with self._log().objects.changing(self._name) as content:
                is_ours = True
                yield content
        except LogUnavailable:
            if is_ours or self._local is None:
                raise
            with self._local.changing() as content:
                yield content


def opener(settings: Settings, log: "Callable[[], SearchLog]") -> Callable[..., JsonObject]:
    """A function that gives the object of a name.

    `damaged` is as of LockedJson; with `is_one` no object of this machine stands in.
    """

    def named(
        name: str, *, damaged: Callable[[], dict[str, Any]] = dict, is_one: bool = False
    ) -> JsonObject:
        local = LockedJson(settings.data / f"{name}.json", damaged)
        if not settings.shares_log:
            return local
        return SharedJson(name, log, None if is_one else local)

    return named


@contextmanager
def opened(settings: Settings) -> Iterator[Callable[..., JsonObject]]:
    """As `opener`, for a command: with a log that is opened when needed and closed in the end."""
    logs: list[SearchLog] = []

    def log() -> "SearchLog":
        from kb.searchlog.db.log import SearchLog

        if not logs:
            logs.append(SearchLog(settings.log_url))
        return logs[0]

    try:
        yield opener(settings, log)
    finally:
        for each in logs:
            each.close()
