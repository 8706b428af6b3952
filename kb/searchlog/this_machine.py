"""This machine, as it is noted in the log that machines share: what it serves, since when."""

from datetime import datetime

from kb import __version__
from kb.base.config import Settings
from kb.content import status
from kb.searchlog.db.machine_models import Machine


class ThisMachine:
    """Remembers since when the machine serves its build."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._latest = status.Latest(settings.data, status.Pulled)
        self._served: tuple[str, datetime] | None = None  # the build noted last, since when

    def pulled(self) -> status.Pulled | None:
        """The last pull of builds; None where they are made here, or never came."""
        return self._latest.read() if self._settings.is_replica else None

    def note(self, build: str, now: datetime) -> Machine:
        """What is to be noted while the machine serves `build`."""
        if self._served is None or self._served[0] != build:
            self._served = (build, now)
        pulled = self.pulled()
        return Machine(
            self._settings.machine_name,
            build,
            self._served[1],
            __version__,
            now,
            pulled.source if pulled else "",
            pulled.at if pulled else None,
        )
