"""Parts of a file: lines between comments `#region name` and `#endregion`, and ranges of lines."""

import re

_MARK = re.compile(
    r"^[ \t]*(?:(?://|--|::|/\*|<!--|\(\*|@?rem\b|\"//)[ \t]*#?"
    r"|#[ \t]*(?:#[ \t]*|pragma[ \t]+)?)[ \t]*"
    r"(?P<end>end[ ]?)?region\b[ \t]*(?P<name>[\w.\"-]*)",
    re.I,
)
_RANGE = re.compile(r"\{(?P<first>\d*),(?P<last>\d*)\}$")


def region(text: str, name: str) -> str | None:
    """The lines of all regions of a name, without the comments around them; None for none.

    A region inside another one keeps its lines; an end without a name closes the innermost.
    """
    found: list[str] = []
    held: list[str] = []  # names of open regions
    is_there = False
    for line in text.split("\n"):
        mark = _MARK.match(line) if "region" in line.lower() else None
        named = mark["name"].strip('"') if mark else ""
        if mark and not mark["end"]:
            held.append(named)
            is_there = is_there or named == name
        elif mark:
            while held and held.pop() != named and named in held:
                pass
        elif name in held:
            found.append(line)
    return _dedented(found) if is_there else None


def split_range(address: str) -> tuple[str, str]:
    """An address without the range of lines at its end, and that range: `{3,10}`, or ""."""
    found = _RANGE.search(address)
    return (address[: found.start()], found[0]) if found else (address, "")


def lines(text: str, written: str, before: int = 0) -> str:
    """The lines that a range such as `{3,10}` means; `before` so many are missing from the text."""
    found = _RANGE.fullmatch(written)
    if not found:
        return text
    first = int(found["first"] or 1) - 1 - before
    last = int(found["last"]) - before if found["last"] else None
    return "\n".join(text.split("\n")[max(first, 0) : None if last is None else max(last, 0)])


def _dedented(written: list[str]) -> str:
    indents = [len(line) - len(line.lstrip()) for line in written if line.strip()]
    least = min(indents, default=0)
    return "\n".join(line[least:] if line.strip() else "" for line in written)
