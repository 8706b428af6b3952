"""Parses a moment in the past as people write it: `12h`, `7d`, `4w`, `2026-11-22`."""

import re
from datetime import UTC, datetime, timedelta

from kb.base.messages import Message

_AGO = re.compile(r"(\d{1,5}(?:\.\d+)?)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def since(written: str, now: datetime) -> datetime:
    """The moment that `written` names: so long before `now`, or the beginning of a day (UTC).

    Raises ValueError with a message for people if it is neither.
    """
    ago = _AGO.fullmatch(written)
    try:
        if ago:
            return now - timedelta(hours=float(ago[1]) * _HOURS[ago[2]])
        return datetime.fromisoformat(written).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        wrong = Message("{written} is no time; write 12h, 7d or 2026-11-22", written=written)
        raise ValueError(wrong) from None
