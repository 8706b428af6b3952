"""Emoji by their short names between colons: `:tada:`."""

import re

from kb.content.markup.tags import TagRule, Translator

_NAMED = re.compile(r":(?P<name>[a-z0-9_+-]+):")


def _emoji(translator: Translator, found: re.Match[str]) -> str | None:
    """The character that a short name stands for; None if it is none."""
    before = translator.body[found.start() - 1 : found.start()]
    if before.isalnum() or before in (":", "/"):
        return None
    from pymdownx import gemoji_db  # who writes no emoji loads none

    name = gemoji_db.aliases.get(found[0], found[0])
    code = gemoji_db.emoji.get(name, {}).get("unicode")
    return "".join(chr(int(part, 16)) for part in code.split("-")) if code else None


RULES = (TagRule(r":(?=[a-z0-9_+-]+:)", _NAMED, _emoji),)
