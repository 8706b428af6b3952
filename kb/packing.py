"""Bodies made small for clients that take gzip. Sets no header."""

import gzip
import re

from isal import igzip_lib

_LEVEL = 1  # of 0 to 3
_REFUSED = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)", re.IGNORECASE)


def packed(body: bytes) -> bytes:
    """The body as one gzip member, in no time: for what is sent once."""
    return igzip_lib.compress(body, _LEVEL, igzip_lib.COMP_GZIP)


def smallest(body: bytes) -> bytes:
    """The body as one gzip member, as small as can be: for what is kept."""
    return gzip.compress(body, 9, mtime=0)


def unpacked(body: bytes) -> bytes:
    """What was packed."""
    return igzip_lib.decompress(body, igzip_lib.DECOMP_GZIP)


def is_taken(accepted: str) -> bool:
    """Whether a client that sends this `Accept-Encoding` takes it (RFC 9110, 12.5.3)."""
    return "gzip" in accepted.lower() and not _REFUSED.search(accepted)
