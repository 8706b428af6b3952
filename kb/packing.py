"""Answers made small for clients that take gzip: quickly rather than smallest. Sets no header."""

from isal import igzip_lib

_LEVEL = 1  # of 0 to 3


def packed(body: bytes) -> bytes:
    """The body as one gzip member, the same bytes whenever it is packed."""
    return igzip_lib.compress(body, _LEVEL, igzip_lib.COMP_GZIP)


def unpacked(body: bytes) -> bytes:
    """What was packed."""
    return igzip_lib.decompress(body, igzip_lib.DECOMP_GZIP)


def is_taken(accepted: str) -> bool:
    """Whether a client that sends this `Accept-Encoding` takes it."""
    return "gzip" in accepted
