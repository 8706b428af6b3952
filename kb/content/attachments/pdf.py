"""PDF files: the text of each page, by pypdf."""

import logging
import re
import warnings
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import LimitReachedError

from kb.base.messages import Message
from kb.content.attachments.models import (
    Extraction,
    Limits,
    Unreadable,
    damaged,
    unpacks_too_far,
)

MOST_UNPACKED = 75_000_000  # bytes of one stream: pypdf's own limit
_SIGN, _HEAD = b"%PDF-", 1024  # readers look for the sign in the first kilobyte
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\n(?=[^\W\d_])")

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is wrong is told as a problem


def extract(data: bytes, limits: Limits) -> Extraction:
    """The pages of a PDF as text, words that lines break joined. Raises Unreadable."""
    if _SIGN not in data[:_HEAD]:
        raise Unreadable(
            Message("it is no PDF, whatever its name says"),
            Message("give it its right ending, or put the PDF there"),
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _pages(_opened(data), limits)
        except (Unreadable, MemoryError):
            raise
        except LimitReachedError:
            raise unpacks_too_far(MOST_UNPACKED) from None
        except Exception:  # anything may be wrong in a PDF, and pypdf raises anything
            raise damaged("PDF") from None


def _opened(data: bytes) -> PdfReader:
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not _opens_without_password(reader):
        raise Unreadable(Message("the file is encrypted"), Message("save it without a password"))
    return reader


def _opens_without_password(reader: PdfReader) -> bool:
    """Whether the password only guards printing and the like, and everybody may read."""
    try:
        return bool(reader.decrypt(""))
    except Exception:  # a cipher that needs a library we do without
        return False


def _pages(reader: PdfReader, limits: Limits) -> Extraction:
    claimed = reader.root_object["/Pages"]["/Count"]  # type: ignore[index]
    count = max(int(claimed), 0)
    if count <= limits.pages:
        count = len(reader.pages)
    if count > limits.pages:
        raise Unreadable(
            Message("it has {count} pages; {most} are read", count=count, most=limits.pages),
            Message("split it, or raise KB_ATTACHMENT_PAGES"),
        )
    pages: list[str] = []
    left = limits.characters
    for page in reader.pages:
        if left <= 0:
            return Extraction(tuple(pages), is_numbered=True, is_cut=True)
        text = _BROKEN_WORD.sub("", page.extract_text())
        pages.append(text[:left])
        left -= len(text)
    return Extraction(tuple(pages), is_numbered=True, is_cut=left < 0)
