"""Text of PDF, DOCX and plain text files, and what hostile ones are told."""

import documents
import pytest

from kb.base import sandbox
from kb.content import attachments
from kb.content.attachments import Limits, docx

LIMITS = Limits(megabytes=20, pages=200, characters=400_000)


def extract(name, data, limits=LIMITS):
    """As the index does it: in a child process under the limits of rendering."""
    jobs = [(name, data, limits)]
    ((_, result),) = sandbox.each(attachments.extract, jobs, seconds=10, megabytes=128)
    return result


def fifty_pages():
    lines = [f"Возврат денег за заказ {number}: десять рабочих дней." for number in range(45)]
    return ["\n".join([f"Глава {number}", *lines]) for number in range(1, 51)]


def test_a_pdf_of_fifty_pages_is_read_page_by_page_within_the_limits():
    found = extract("тариф.pdf", documents.pdf(fifty_pages()))

    assert len(found.pages) == 50
    assert found.is_numbered
    assert found.pages[11].startswith("Глава 12\nВозврат денег за заказ 0:")


def test_a_docx_of_fifty_pages_is_read_within_the_limits():
    paragraphs = [line for page in fifty_pages() for line in page.split("\n")]

    found = extract("правила.DOCX", documents.docx(paragraphs))

    assert "\n".join(found.pages).split() == "\n".join(paragraphs).split()
    assert max(map(len, found.pages)) <= 2_000
    assert not found.is_numbered


def test_words_that_lines_of_a_pdf_break_are_joined():
    found = extract("a.pdf", documents.pdf(["за просро-\nченную поставку, 10-\n12 дней"]))

    assert found.pages == ("за просроченную поставку, 10-\n12 дней",)


def test_a_docx_says_what_its_reader_sees():
    xml = (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Тариф</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r>"
        "<w:t>Цена</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:del><w:r><w:t>старая</w:t></w:r>"
        "</w:del><w:r><w:delText>прежняя</w:delText><w:t>слово</w:t><w:tab/>"
        "<w:t>и ещё</w:t></w:r></w:p>"
    )
    found = extract("a.docx", documents.docx([], xml=xml))

    assert found.pages[0].split() == ["Тариф", "Цена", "слово", "и", "ещё"]


def test_text_beyond_the_limit_is_cut_and_said_to_be():
    few = LIMITS._replace(characters=1_000)
    for name, data in (
        ("a.pdf", documents.pdf(fifty_pages())),
        ("a.docx", documents.docx(fifty_pages())),
        ("a.txt", "слово ".encode() * 1_000),
    ):
        found = extract(name, data, few)
        assert found.is_cut, name
        assert sum(map(len, found.pages)) <= 1_100, name


@pytest.mark.parametrize(
    ("data", "text"),
    [("\ufeffпривет\r\nмир".encode(), "привет\nмир"), ("мир".encode("utf-16"), "мир")],
)
def test_plain_text_is_read_in_utf8_and_in_utf16_with_its_mark(data, text):
    assert extract("a.txt", data).pages == (text,)


_ENTITIES = '<!DOCTYPE w:document [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
_LOCKED = (
    b"/Encrypt << /Filter /Standard /V 5 /R 6 /Length 256 /O (a) /U (b) /P -4 >> /ID [<00> <00>]"
)
_PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R /Resources << >> >>"


def _bomb_pdf():
    return documents.assembled({
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        4: _PAGE.replace(b"<< >>", b"<< /Font << /F 6 0 R >> >>"),
        5: documents.stream(b" " * 100_000_000),
        6: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    })  # fmt: skip


def _circle_pdf():
    return documents.assembled({
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1 >>",
    })  # fmt: skip


HOSTILE = {
    "no PDF under .pdf": ("a.pdf", lambda: b"<html>hello</html>", "it is no PDF"),
    "encrypted": ("a.pdf", lambda: documents.pdf(["a"], extra=_LOCKED), "the file is encrypted"),
    "cut short": ("a.pdf", lambda: documents.pdf(fifty_pages())[:20_000], "cannot be read as PDF"),
    "a million pages": ("a.pdf", lambda: documents.pdf(["a"], 10**6), "1,000,000 pages; 200"),
    "pages in a circle": ("a.pdf", _circle_pdf, "cannot be read as PDF"),
    "a bomb": ("a.pdf", _bomb_pdf, "unpacks to more than|more than 128 MB"),
    "encrypted Word": ("a.docx", lambda: b"\xd0\xcf\x11\xe0" + bytes(99), "it is encrypted, or"),
    "no ZIP": ("a.docx", lambda: b"hello", "cannot be read as DOCX"),
    "another ZIP": ("a.docx", lambda: documents.zipped({"a": b"b"}), "cannot be read as DOCX"),
    "broken XML": ("a.docx", lambda: documents.docx([], xml="<w:p>"), "cannot be read as DOCX"),
    "an XML bomb": ("a.docx", lambda: documents.docx(["x"], head=_ENTITIES), "a document type"),
    "a ZIP bomb": ("a.docx", lambda: documents.docx([], xml=" " * (docx.MOST_XML + 1)), "unpacks"),
    "bytes": ("a.txt", lambda: b"a\0b", "NUL"),
    "Windows-1251": ("a.txt", lambda: "привет".encode("cp1251"), "no text in UTF-8"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_with_a_reason_and_a_cure(kind):
    name, made, reason = HOSTILE[kind]

    found = extract(name, made())

    said = (
        f"more than 128 MB {found.message}"
        if isinstance(found, sandbox.Failure) and found.kind == "memory"
        else found.reason
    )
    assert any(part in said for part in reason.split("|"))
    assert isinstance(found, sandbox.Failure) or found.cure


def test_a_scan_holds_no_text_and_is_no_mistake():
    found = extract("a.pdf", documents.pdf(["", " "]))

    assert found.is_empty
    assert not found.reason


def test_an_extraction_comes_back_from_json():
    for found in (extract("a.pdf", documents.pdf(["а", "б"])), extract("a.pdf", b"")):
        assert attachments.Extraction.from_json(found.to_json()) == found
