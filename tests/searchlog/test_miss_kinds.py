"""Miss kinds: their rules, their words, and that one definition is all that a kind needs."""

import json
import os
import re
import subprocess
import sys

import pytest
from paths import ROOT

from kb.base.config import Settings
from kb.base.messages import Message
from kb.searchlog import miss_kinds
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.searchlog.miss_kinds import MISS_KINDS, Facts, MissKind


@pytest.mark.parametrize(
    ("why", "facts", "kind", "counted"),
    [
        ("nothing with filters, something without", Facts(0, 4), "filtered", True),
        ("nothing with filters and nothing without", Facts(0, 0), "none", True),
        ("no hit", Facts(0), "none", True),
        ("not confident", Facts(2, confident=False), "weak", True),
        (
            "weak stays weak when clicked",
            Facts(2, confident=False, clicked=True),
            "weak",
            True,
        ),
        ("weak comes before rescued", Facts(2, correction="layout"), "weak", True),
        ("hits only after layout repair", Facts(3, None, True, "layout"), "rescued", False),
        (
            "hits only after spelling repair",
            Facts(3, None, True, "spelling"),
            "rescued",
            False,
        ),
        (
            "hits only after transliteration",
            Facts(3, None, True, "translit"),
            "rescued",
            False,
        ),
        ("words dropped are no repair", Facts(3, None, True, "dropped"), None, False),
        (
            "rescued and clicked is no miss",
            Facts(3, None, True, "layout", clicked=True),
            None,
            False,
        ),
        (
            "rescued and answered is no miss",
            Facts(3, None, True, "layout", answered=True),
            None,
            False,
        ),
        (
            "a different query within 60 s",
            Facts(3, None, True, refined=True),
            "refined",
            False,
        ),
        (
            "refined comes before ignored",
            Facts(3, None, True, "", True, 9, refined=True),
            "refined",
            False,
        ),
        (
            "results seen two seconds, nothing clicked",
            Facts(3, None, True, "", True, 2),
            "ignored",
            True,
        ),
        ("results seen for a moment only", Facts(3, None, True, "", True, 1.9), None, False),
        ("results never shown", Facts(3, None, True, "", False, 9), None, False),
        ("clicked", Facts(3, None, True, "", True, 9, clicked=True), None, False),
        (
            "answered without a click",
            Facts(3, None, True, "", True, 9, answered=True),
            None,
            False,
        ),
        (
            "answered, yet a contact form was sent",
            Facts(3, None, True, clicked=True, ticketed=True),
            None,
            True,
        ),
        (
            "clicked, but the article did not help",
            Facts(3, None, True, clicked=True, unhelpful=True),
            None,
            True,
        ),
        (
            "a flag stands beside the kind",
            Facts(3, None, True, refined=True, ticketed=True),
            "refined",
            True,
        ),
    ],
)
def test_the_first_kind_that_applies(
    why: str, facts: Facts, kind: str | None, counted: bool
) -> None:
    kinds = miss_kinds.kinds_of(facts)

    flags = [name for name in ("ticketed", "unhelpful") if getattr(facts, name)]
    assert [each.name for each in kinds] == ([kind] if kind else []) + flags, why
    assert any(each.in_rate for each in kinds) == counted, why


def test_no_name_and_no_bit_is_given_twice() -> None:
    for name, bit in (("none", 99), ("new", MISS_KINDS[0].bit)):
        with pytest.raises(ValueError, match="already"):
            miss_kinds.miss_kind(name, bit, Message("New"))(lambda facts: False)

    assert [kind.name for kind in MISS_KINDS if kind.name == "new"] == []


@pytest.fixture
def with_a_new_kind(settings: Settings) -> dict[str, str]:
    """What people and programs see of a log that is older than its newest kind."""
    log = SearchLog(settings.log_url)
    log.record(Search("old", "old", "asked before", 1_790_000_000, 1_790_000_000))
    log.close()
    shown = settings.model_dump_json(exclude={"database_url"})  # which would be stars
    done = subprocess.run(
        [sys.executable, "tests/new_miss_kind.py", shown], cwd=ROOT, capture_output=True,
        env=os.environ | {"KB_DATABASE_URL": settings.log_url}, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: dict[str, str] = json.loads(done.stdout)
    return answers


def test_a_new_kind_is_on_the_board_in_numbers_tables_api_and_commands(
    with_a_new_kind: dict[str, str],
) -> None:
    seen = with_a_new_kind

    assert '<option value="glanced"' in seen["board"]
    assert "Only glanced at" in seen["board"]
    assert "Only glanced at" in seen["numbers"]
    assert "kind=glanced" in seen["numbers"]
    assert "Only glanced at: 30" in seen["board csv"]
    [group] = json.loads(seen["api"])["groups"]
    assert (group["question"], group["kinds"]) == ("glanced at", {"glanced": 30})
    [kinds] = [
        each["schema"]["enum"]
        for each in json.loads(seen["openapi"])["paths"]["/api/misses"]["get"]["parameters"]
        if each["name"] == "kind"
    ]
    assert kinds == ["filtered", "none", "weak", "rescued", "refined", "ignored", "glanced",
                     "ticketed", "unhelpful"]  # fmt: skip
    assert "glanced at" in seen["cli"]
    assert "glanced 30" in seen["cli csv"]
    assert not any("asked before" in text for text in seen.values())


# --- the published definitions ------------------------------------------------------------------


def sections(lang: str) -> list[str]:
    """The sections of the article that defines the numbers."""
    text = (ROOT / "articles" / lang / "support/what-is-counted.md").read_text("utf-8")
    return re.split(r"^## ", text, flags=re.M)


def names(kinds: list[MissKind]) -> list[str]:
    return [kind.name for kind in kinds]


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_manual_defines_every_kind_in_its_order(lang: str) -> None:
    [kinds] = [text for text in sections(lang) if "| `none` |" in text]

    assert re.findall(r"^\| `(\w+)` \|", kinds, re.M) == names(
        [kind for kind in MISS_KINDS if not kind.is_flag]
    )
    assert re.findall(r"^- `(\w+)`", kinds, re.M) == names(
        [kind for kind in MISS_KINDS if kind.is_flag]
    )


@pytest.mark.parametrize(("lang", "title"), [("ru", "Доля неудач"), ("en", "Miss rate")])
def test_the_manual_says_which_kinds_count(lang: str, title: str) -> None:
    [rate] = [text for text in sections(lang) if text.startswith(title)]

    counted, _, others = rate.partition("20")[0].rpartition("`rescued`")
    assert re.findall(r"`(\w+)`", counted) == names([kind for kind in MISS_KINDS if kind.in_rate])
    assert re.findall(r"`(\w+)`", "`rescued`" + others) == names(
        [kind for kind in MISS_KINDS if not kind.in_rate]
    )
