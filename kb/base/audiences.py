"""Audiences: for whom an article is, and among whom its readers are. Opens no file.

An article names none, `public`, `signed-in` or groups. Names are compared without regard to case
and to spaces at their ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PUBLIC: Final = "public"  # everybody
SIGNED_IN: Final = "signed-in"  # everybody whom the site knows


@dataclass(frozen=True, slots=True)
class Readers:
    """Those to whom something is shown: the audiences they are among, or all (`see_all`)."""

    among: frozenset[str] = frozenset()
    see_all: bool = False


STRANGERS: Final = Readers()
INSIDERS: Final = Readers(see_all=True)  # writers and leads


def members(groups: Iterable[str]) -> Readers:
    """Somebody who is signed in and belongs to these groups."""
    return Readers(frozenset({SIGNED_IN, *map(folded, groups)}) - {""})


def folded(name: str) -> str:
    """The name of an audience as it is compared."""
    return " ".join(name.casefold().split())


def is_restricted(audience: Iterable[str]) -> bool:
    """Whether an audience leaves anybody out; none at all is everybody."""
    named = {folded(each) for each in audience}
    return bool(named) and PUBLIC not in named


def label(audience: Iterable[str]) -> str:
    """An audience as one text, equal for equal ones; "" where everybody may read."""
    return "\n".join(sorted({folded(each) for each in audience})) if is_restricted(audience) else ""


def is_among(readers: frozenset[str], label: str) -> bool:
    """Whether readers may see what has this label of `label`."""
    return not label or not readers.isdisjoint(label.split("\n"))
