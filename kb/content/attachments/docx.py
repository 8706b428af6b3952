"""Word files (.docx): the text of the document, read as a stream. Knows no layout, so no pages.

A DOCX is a ZIP of XML. Of all its parts one is opened; nothing in it is looked up elsewhere: a
document type, and with it every entity, is refused (decision 152).
"""

import re
import zipfile
import zlib
from io import BytesIO
from xml.parsers import expat

from kb.base.messages import Message
from kb.content.attachments.models import (
    Extraction,
    Limits,
    Unreadable,
    damaged,
    in_parts,
    unpacks_too_far,
)

MOST_XML = 64 * 2**20  # bytes of the unpacked document
_CHUNK = 1 << 16
_OLE = b"\xd0\xcf\x11\xe0"  # begins encrypted files and those of Word before 2007
_DOCUMENT = re.compile(r"word/document\d*\.xml")
_BREAKS = {"p": "\n", "br": "\n", "cr": "\n", "tab": "\t", "tc": "\n", "noBreakHyphen": "-"}
_SKIPPED = frozenset(("Fallback", "del", "moveFrom", "instrText"))  # shown otherwise, or not at all
_WORD = ("wordprocessingml", "markup-compatibility")  # in the names that tags belong to


def extract(data: bytes, limits: Limits) -> Extraction:
    """The text of a DOCX in parts. Raises Unreadable."""
    if data.startswith(_OLE):
        raise Unreadable(
            Message("it is encrypted, or a Word file of before 2007"),
            Message("save it as .docx without a password"),
        )
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            text = _text(archive, _document(archive), limits)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError):
        raise damaged("DOCX") from None
    except (expat.ExpatError, ValueError, LookupError):
        raise damaged("DOCX") from None
    return in_parts(text, limits)


def _document(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = next((one for one in archive.infolist() if _DOCUMENT.fullmatch(one.filename)), None)
    if found is None:
        raise damaged("DOCX")
    if found.flag_bits & 1:
        raise Unreadable(Message("the file is encrypted"), Message("save it without a password"))
    if found.file_size > MOST_XML:
        raise unpacks_too_far(MOST_XML)
    return found


def _text(archive: zipfile.ZipFile, part: zipfile.ZipInfo, limits: Limits) -> str:
    """The text of a part, until the limit of characters is passed."""
    reader = _Reader()
    done = 0
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            done += len(chunk)
            if done > MOST_XML:
                raise unpacks_too_far(MOST_XML)
            reader.feed(chunk)
            if reader.size > limits.characters:
                return reader.text
    reader.end()
    return reader.text


class _Reader:
    """Collects the text of a document as its XML is fed."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[str] = []
        self._skipping = 0  # depth inside an element that is left out
        self._is_text = False
        parser = self._parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.buffer_text = True

    @property
    def text(self) -> str:
        """What was read so far."""
        return "".join(self._pieces)

    def feed(self, chunk: bytes) -> None:
        """Reads on. Raises expat.ExpatError and Unreadable."""
        self._parser.Parse(chunk, False)

    def end(self) -> None:
        """Tells that all was fed. Raises expat.ExpatError."""
        self._parser.Parse(b"", True)

    def _refuse(self, *_: object) -> None:
        raise Unreadable(
            Message("its XML declares a document type, which no Word file does"),
            Message("save it anew in Word or LibreOffice"),
        )

    def _start(self, tag: str, _: object) -> None:
        name = _local(tag)
        if self._skipping or name in _SKIPPED:
            self._skipping += 1
        self._is_text = name == "t"

    def _end(self, tag: str) -> None:
        self._is_text = False
        if self._skipping:
            self._skipping -= 1
        elif piece := _BREAKS.get(_local(tag)):
            self._add(piece)

    def _characters(self, text: str) -> None:
        if self._is_text and not self._skipping:
            self._add(text)

    def _add(self, piece: str) -> None:
        self._pieces.append(piece)
        self.size += len(piece)


def _local(tag: str) -> str:
    """The name of a tag of Word, "" for one of drawings and formulas."""
    space, _, name = tag.rpartition(" ")
    return name if any(word in space for word in _WORD) else ""
