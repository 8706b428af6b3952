"""Questions added to the `answers:` of an article's file. Writes no file.

What cannot be added without changing anything else of the file is left to its writer.
"""

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kb.base import escaping
from kb.content import articles, front_matter
from kb.content.front_matter import InvalidFile

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ITEM = re.compile(r"(\s*)-\s")
_INDENT = "  "


def added(path: str, data: bytes, questions: Sequence[str]) -> bytes | None:
    """The file with further questions that its article answers; None where a person has to."""
    before = articles.parse(path, data).article
    new = [each for each in dict.fromkeys(questions) if before and each not in before.answers]
    if before is None or not new:
        return None
    lines = _LINE.findall(data.decode("utf-8"))
    place = _place(lines)
    if place is None:
        return None
    at, head = place
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    indent = found[1] if (found := _ITEM.match(lines[at - 1])) and not head else _INDENT
    items = [f"{indent}- {json.dumps(escaping.line(each), ensure_ascii=False)}" for each in new]
    lines[at:at] = [f"{line}{end}" for line in [*head, *items]]
    written = "".join(lines).encode("utf-8")
    after = articles.parse(path, written).article
    wanted = replace(before, answers=(*before.answers, *new), lines={}, body_line=0)
    return written if after and replace(after, lines={}, body_line=0) == wanted else None


def _place(lines: Sequence[str]) -> tuple[int, list[str]] | None:
    """Where items go, and the lines before them; None for front matter that is no plain YAML."""
    try:
        front = front_matter.read([line.rstrip("\r\n") for line in lines])
    except InvalidFile:
        return None
    if not front.lines or lines[front.body_line - 2].rstrip() != "---":
        return None
    if "answers" not in front.lines:
        return front.body_line - 2, ["answers:"]
    at = front.lines["answers"]
    if lines[at - 1].strip() != "answers:":
        return None
    while _ITEM.match(lines[at]):
        at += 1
    return at, []


def patch(path: str, before: bytes, after: bytes) -> str:
    """What was changed, for `git apply` at the root of the articles."""
    old, new = (_LINE.findall(data.decode("utf-8")) for data in (before, after))
    diff = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff
    )


def patch_of_file(root: Path, path: str, questions: Sequence[str]) -> str:
    """What adds questions to the file at `path` below `root`; "" where a person has to."""
    try:
        before = (root / path).read_bytes()
    except OSError:
        return ""
    after = added(path, before, questions)
    return patch(path, before, after) if after else ""
