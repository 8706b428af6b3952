"""A machine of a site as a value: what it serves, and when it was heard of last."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that serves: its build and since when, and when it was heard of last."""

    name: str
    build: str
    since: datetime
    version: str
    heard: datetime
    source: str = ""  # of its builds; "" where it makes them
    pulled: datetime | None = None  # last time that its source answered
