"""gzip compression of response bodies. Sets no header."""

import gzip
import re

from isal import igzip_lib

_LEVEL = 1  # of 0 to 3
_REFUSED = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)", re.IGNORECASE)


def compress(body: bytes) -> bytes:
    """The body as one gzip member, compressed fast: for a body that is sent once."""
    return igzip_lib.compress(body, _LEVEL, igzip_lib.COMP_GZIP)


def compress_best(body: bytes) -> bytes:
    """The body as one gzip member, compressed well: for a body that is cached."""
    return gzip.compress(body, 9, mtime=0)


def decompress(body: bytes) -> bytes:
    """The body of a gzip member."""
    return igzip_lib.decompress(body, igzip_lib.DECOMP_GZIP)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client that sends this `Accept-Encoding` accepts gzip (RFC 9110, 12.5.3)."""
    return "gzip" in accept_encoding.lower() and not _REFUSED.search(accept_encoding)
