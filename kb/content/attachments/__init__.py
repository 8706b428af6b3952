"""Text of the files that articles link to: PDF, DOCX and plain text. Opens no file itself.

Strangers may have made such a file, so `extract` is called in a child process under limits.
"""

from collections.abc import Callable

from kb.content.attachments.models import Extraction, Limits, Unreadable

__all__ = ["ENDINGS", "Extraction", "Limits", "Unreadable", "extract", "is_searched"]

ENDINGS = (".pdf", ".docx", ".txt")


def is_searched(path: str) -> bool:
    """Whether a file is of a kind whose text is taken, by its ending."""
    return path.lower().endswith(ENDINGS)


def extract(job: tuple[str, bytes, Limits]) -> Extraction:
    """The text of a file, or why there is none; a job is its name, its bytes and the limits.

    Raises MemoryError and RecursionError, for a child process to end by.
    """
    name, data, limits = job
    try:
        return _reader(name)(data, limits)
    except Unreadable as wrong:
        return Extraction.refused(wrong)


def _reader(name: str) -> Callable[[bytes, Limits], Extraction]:
    """The reader for an ending; each is imported when it is first needed."""
    if name.lower().endswith(".pdf"):
        from kb.content.attachments import pdf

        return pdf.extract
    if name.lower().endswith(".docx"):
        from kb.content.attachments import docx

        return docx.extract
    from kb.content.attachments import plain_text

    return plain_text.extract
