"""Translations of `.po` files as most tools write them; leaves any other file to Babel.

Every process that speaks Russian reads one, and Babel takes ten times as long (decision 164).
"""

import re
import struct
from collections.abc import Iterable
from gettext import GNUTranslations
from io import BytesIO

_STRING = r'"[^"\\\n]*(?:\\[abfnrtv\\"][^"\\\n]*)*"'
_TEXT = rf"{_STRING}(?:\n{_STRING})*"
_FORM = rf"\nmsgstr\[(\d)\] ({_TEXT})"
_FORMS = re.compile(_FORM)
_ENTRY = re.compile(
    r"(?:#(?![~-]|,.*fuzzy).*\n|\n)*"
    rf"msgid ({_TEXT})\n(?:msgstr ({_TEXT})|msgid_plural ({_TEXT})((?:{_FORM})+))\n+"
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_UTF_8 = re.compile(r"^content-type:.*; *charset=utf-8$", re.IGNORECASE | re.MULTILINE)
_PLURALS = re.compile(r"^plural-forms: *nplurals=([1-9]); *plural=", re.IGNORECASE | re.MULTILINE)
_MAGIC = 0x950412DE

Messages = dict[str, tuple[str, tuple[str, ...]]]
"""By the English text: that of the plural, or "", and the translation, or one for each form."""


class Translations(GNUTranslations):
    """Translations that are looked up by the names that Flask-Babel calls, too."""

    ugettext = GNUTranslations.gettext
    ungettext = GNUTranslations.ngettext
    upgettext = GNUTranslations.pgettext
    unpgettext = GNUTranslations.npgettext


def parse(file: bytes) -> Messages | None:
    """The messages of a `.po` file by their English, the header by "".

    None if the file is not plain: it has contexts, fuzzy or obsolete messages, another character
    set than UTF-8, no rule of plurals, a count twice or without one of its forms, or mistakes. Of
    other messages that stand there twice the first counts.
    """
    try:
        text = file.decode().rstrip() + "\n"
    except UnicodeDecodeError:
        return None
    if "\0" in text:  # which parts texts in a `.mo` file
        return None
    found: Messages = {}
    at = 0
    while at < len(text):
        entry = _ENTRY.match(text, at)
        if entry is None:
            return None
        at, name = entry.end(), _value(entry[1])
        if name in found and (entry[3] or found[name][0]):
            return None
        if entry[2]:
            found.setdefault(name, ("", (_value(entry[2]),)))
            continue
        forms = _FORMS.findall(entry[4])
        said = tuple(_value(form) for _, form in forms)
        if [int(number) for number, _ in forms] != list(range(len(forms))) or not all(said):
            return None
        found[name] = _value(entry[3]), said
    _, (header, *_) = found.get("", ("", ("",)))
    plurals = _PLURALS.search(header)
    if not _UTF_8.search(header) or not plurals:
        return None
    number = int(plurals[1])
    return found if all(len(said) == number for more, said in found.values() if more) else None


def joined(files: Iterable[Messages]) -> Translations:
    """The translations of files; what the first of them has goes before what later ones have.

    Of no file they are none.
    """
    known: Messages = {}
    for file in files:
        known = {**file, **known}
    if known:
        known = {"": known[""], **known}  # it says how to read the others
    return Translations(BytesIO(_compiled(known)))


def _value(quoted: str) -> str:
    """The text of strings in quotes, of which each stands in a line of its own."""
    text = quoted[1:-1].replace('"\n"', "")
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    return _ESCAPED.get(escape[1], escape[1])


def _compiled(messages: Messages) -> bytes:
    """Messages as a `.mo` file: a header, lengths and offsets of all texts, and the texts.

    https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html
    """
    said = {name: message for name, message in messages.items() if any(message[1])}
    names = [f"{name}\0{more}" if more else name for name, (more, _) in said.items()]
    texts = [part.encode() for part in (*names, *("\0".join(forms) for _, forms in said.values()))]
    tables, at = [], 28 + 8 * len(texts)
    for text in texts:
        tables += [len(text), at]
        at += len(text) + 1
    head = (_MAGIC, 0, len(said), 28, 28 + 8 * len(said), 0, 0)
    return struct.pack(f"<{len(head) + len(tables)}I", *head, *tables) + b"\0".join((*texts, b""))
