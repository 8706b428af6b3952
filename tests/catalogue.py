"""What the Russian catalogue says, and every text of the code that has to stand in it."""

import ast
import re
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from kb.base.config import Settings, meaning
from kb.checks.rules import RULES

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"\{\w+\}")


@cache
def russian() -> Catalog:
    """The catalogue that comes with the product."""
    with (ROOT / "translations/ru/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="ru")


@cache
def translated() -> dict[str, Message]:
    """What has a translation, by its English; of counted sentences, that of one."""
    found = (m for m in russian() if m.id and m.string)
    return {m.id if isinstance(m.id, str) else m.id[0]: m for m in found}


@cache
def messages() -> set[tuple[str, ...]]:
    """Templates, with their plurals, of all messages in the code; what rules and settings say."""
    found: set[tuple[str, ...]] = {(rule.meaning,) for rule in RULES}
    found |= {(meaning(name),) for name in Settings.model_fields}
    for module in (ROOT / "kb").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Message":
                told = [part.value for part in node.args if isinstance(part, ast.Constant)]
                assert len(told) == len(node.args), f"{module.name}:{node.lineno} makes its text up"
                found.add(tuple(told))
    return {told for told in found if re.search(r"\w", PLACE.sub("", told[0]))}
