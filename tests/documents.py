"""Small PDF and DOCX files for tests, in any script."""

import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from xml.sax.saxutils import escape

_CMAP = b"""/CIDInit /ProcSet findresource begin begincmap /CMapName /Own def
1 begincodespacerange <0000> <FFFF> endcodespacerange
4 beginbfrange <0020> <007E> <0020> <00AB> <00BB> <00AB> <0400> <045F> <0400>
<2010> <2026> <2010> endbfrange endcmap end"""
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(pages: Sequence[str], count: int | None = None, extra: bytes = b"") -> bytes:
    """A PDF with these pages, of lines; `count` is the number of pages it claims to have.

    `extra` goes into its trailer.
    """
    kids = [f"{4 + 2 * number} 0 R" for number in range(len(pages))]
    font = 4 + 2 * len(pages)
    claimed = len(pages) if count is None else count
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {claimed} >>".encode(),
        font: f"<< /Type /Font /Subtype /Type0 /BaseFont /Own /Encoding /Identity-H"
        f" /ToUnicode {font + 1} 0 R /DescendantFonts [{font + 2} 0 R] >>".encode(),
        font + 1: stream(_CMAP),
        font + 2: b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Own /DW 500"
        b" /CIDSystemInfo << /Registry (A) /Ordering (B) /Supplement 0 >> >>",
    }
    for number, page in enumerate(pages):
        shown = " T* ".join(f"<{line.encode('utf-16-be').hex()}> Tj" for line in page.split("\n"))
        content = f"BT /F 10 Tf 12 TL 40 800 Td {shown} ET".encode()
        objects[4 + 2 * number] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * number} 0 R"
            f" /Resources << /Font << /F {font} 0 R >> >> >>"
        ).encode()
        objects[5 + 2 * number] = stream(content)
    return assembled(objects, extra)


def stream(content: bytes, packed: bool = True) -> bytes:
    """A stream object, packed or as it is."""
    data = zlib.compress(content, 9) if packed else content
    kind = b" /Filter /FlateDecode" if packed else b""
    return b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(data), kind, data)


def assembled(objects: dict[int, bytes], extra: bytes = b"") -> bytes:
    """A PDF of numbered objects, the first of them its catalog."""
    out = BytesIO()
    out.write(b"%PDF-1.7\n")
    places = {}
    for number, value in sorted(objects.items()):
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, value))
    start, size = out.tell(), max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    for number in range(1, size):
        known = number in places
        out.write(b"%010d %05d %s \n" % (places.get(number, 0), 0, b"n" if known else b"f"))
    out.write(
        b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF" % (size, extra, start)
    )
    return out.getvalue()


def docx(paragraphs: Sequence[str], xml: str = "", head: str = "") -> bytes:
    """A DOCX of paragraphs; `xml` goes into the body before them, `head` before the root."""
    body = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'
        for text in paragraphs
    )
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<w:document xmlns:w="{_WORD}">'
        f"<w:body>{xml}{body}</w:body></w:document>"
    )
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": document.encode()})


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP of files."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
