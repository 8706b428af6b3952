"""Escaping of untrusted text for terminals, logs, mails and spreadsheets. HTML is Jinja's task.

What people type may hold escape sequences that command a terminal, line ends that begin a mail
header or a log record, marks that turn the direction of a line, and formulas. Each is written as
`\\u001b`, so that a reader sees it and no program obeys it. The escapes are those of JSON: within
the strings of a JSON document they change nothing of its meaning.
"""

import re
from unicodedata import category

# Controls (C0, C1, ESC, NUL), marks of direction and other invisible marks, lone surrogates,
# separators of lines and paragraphs.
_COMMANDS = frozenset(["Cc", "Cf", "Cs", "Zl", "Zp"])
# Soft hyphen, zero width non-joiner and joiner: parts of words and of emoji.
_PARTS_OF_WORDS = frozenset("\u00ad\u200c\u200d")
# What Excel, LibreOffice and Google take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
_NOT_BREAKS = re.compile(r"[^\n\t]+")


def line(text: str) -> str:
    """Text as one line of a terminal or of a log: line ends are escaped, too."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def lines(text: str) -> str:
    """Text of several lines, such as a letter or a JSON document: line ends and tabs stay.

    `\\r\\n` becomes `\\n`; a single `\\r`, which would overwrite a line, is escaped.
    """
    return _NOT_BREAKS.sub(lambda part: line(part[0]), text.replace("\r\n", "\n"))


def header(text: str) -> str:
    """Text as the value of a mail header, or an entry of a list: white space becomes one space."""
    return line(" ".join(text.split()))


def cell(text: str) -> str:
    """Text as a cell of a spreadsheet: what looks like a formula begins with an apostrophe."""
    shown = lines(text.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _shown(character: str) -> str:
    if category(character) not in _COMMANDS or character in _PARTS_OF_WORDS:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
