"""Plain text files: bytes to text."""

from kb.base.messages import Message
from kb.content.attachments.models import Extraction, Limits, Unreadable, in_parts

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def extract(data: bytes, limits: Limits) -> Extraction:
    """The text of a file in UTF-8, or in UTF-16 with its mark. Raises Unreadable."""
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(
            Message("it is no text in UTF-8"),
            Message("save it as UTF-8: `iconv -f {name} -t UTF-8 FILE`", name="WINDOWS-1251"),
        ) from None
    if "\0" in text:
        raise Unreadable(
            Message("it holds NUL characters: it is no text"),
            Message("give it its right ending"),
        )
    return in_parts(text.replace("\r\n", "\n").replace("\r", "\n"), limits)
