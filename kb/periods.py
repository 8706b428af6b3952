"""A moment in the past, as people write it: `12h`, `7d`, `4w`, `2026-11-22`. Knows no clock."""

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d{1,5}(?:\.\d+)?)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def since(written: str, now: datetime) -> datetime:
    """So long before `now`, or the beginning of a day (UTC). Raises ValueError where it is none."""
    ago = _AGO.fullmatch(written)
    try:
        if ago:
            return now - timedelta(hours=float(ago[1]) * _HOURS[ago[2]])
        return datetime.fromisoformat(written).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{written} is no time; write 12h, 7d or 2026-11-22") from None
