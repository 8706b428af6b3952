"""The label file: what a person said of rows, one JSON object a line. Asks nobody.

A label belongs to a question and to the articles that were shown for it: where other articles are
found now, it is asked for again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from kb.base.messages import Message
from kb.tickets.models import CannotRead

ANSWERED: Final = "y"  # one of the articles shown answers
EXISTS: Final = "e"  # another article would
MISSING: Final = "n"  # none does
UNSURE: Final = ""
LABELS: Final = (ANSWERED, EXISTS, MISSING, UNSURE)


@dataclass(frozen=True, slots=True)
class Label:
    """What was said of a question."""

    key: str
    label: str
    question: str = ""  # redacted, for who reads the file
    slugs: tuple[str, ...] = ()  # that were shown


def key_of(question: str, slugs: tuple[str, ...]) -> str:
    """The identity of a redacted question with the articles shown for it."""
    told = "\0".join((question, *slugs))
    return blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


def read(path: Path) -> dict[str, str]:
    """Labels by key, the last of each; none where there is no file. Raises CannotRead."""
    found: dict[str, str] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return found
    except UnicodeDecodeError:
        raise CannotRead(
            Message("{path}: no label file; name another with --labels", path=str(path))
        ) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                continue  # it was being written when the power went
            raise CannotRead(
                Message("{place}: no JSON; correct the line or remove it", place=place)
            ) from None
        if not isinstance(value, Mapping) or value.get("label") not in LABELS:
            raise CannotRead(
                Message("{place}: no label of ours; correct the line or remove it", place=place)
            )
        found[str(value.get("key"))] = value["label"]
    return found


def add(path: Path, label: Label) -> None:
    """Writes a label behind those that stand there, in place of a line that has no end."""
    line = json.dumps(
        {
            "key": label.key,
            "label": label.label,
            "question": label.question,
            "articles": label.slugs,
        },
        ensure_ascii=False,
    )
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rpartition(b"\n")[0:2]
        file.truncate(len(b"".join(whole)))  # a line that was being written when the power went
        file.write(f"{line}\n".encode())
