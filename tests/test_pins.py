"""Pinned articles: first for their questions while their time lasts, told where they are not."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from kb.cli import main
from kb.content import pins
from kb.content.articles import Article
from kb.content.periods import NotAMoment, Period, moment
from kb.service import KnowledgeBase
from kb.web import create_app

NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
ASKED = "/api/search?q=как вернуть деньги&own=ru"


@pytest.mark.parametrize(
    ("written", "begins", "ends"),
    [
        ("2026-12-05", "2026-12-05T00:00", "2026-12-06T00:00"),
        ("2026-12-05 14:00 Europe/Moscow", "2026-12-05T11:00", "2026-12-05T11:00"),
        ("2026-12-05 9:30 МСК", "2026-12-05T06:30", "2026-12-05T06:30"),
        ("2026-12-05T14:00:00+03:00", "2026-12-05T11:00", "2026-12-05T11:00"),
        ("2026-12-05 14:00 UTC-5", "2026-12-05T19:00", "2026-12-05T19:00"),
        ("2026-12-05 14:00", "2026-12-05T14:00", "2026-12-05T14:00"),
    ],
)
def test_a_day_begins_and_ends_and_a_time_is_a_moment(written, begins, ends):
    found = moment(written), moment(written, is_end=True)

    assert [each.isoformat()[:16] for each in found] == [begins, ends]


@pytest.mark.parametrize("written", ["soon", "2026-13-01", "2026-12-05 25:00", "2026-12-05 9:00 X"])
def test_what_is_no_moment_is_told(written):
    with pytest.raises(NotAMoment):
        moment(written)


def test_the_first_and_the_last_moments_are_compared_as_others():
    first, last = (datetime.fromisoformat(f"{day}T00:00Z") for day in ("0001-01-01", "9999-12-31"))

    assert not Period(ends=first).overlaps(Period(begins=last))
    assert Period(ends=last).overlaps(Period(begins=first))


def test_periods_that_only_touch_do_not_overlap():
    first, second = Period(None, NOW), Period(NOW, None)

    assert not first.overlaps(second)
    assert not second.overlaps(first)
    assert Period(ends=NOW + timedelta(seconds=1)).overlaps(second)


# --- the file -----------------------------------------------------------------------------------


MISTAKES = """\
- question: Как вернуть деньги?
  article: ru/refund
  until: 2026-12-31
- question: как ВЕРНУТЬ деньгу
  article: ru/other
  from: 2026-12-31
- question: нет такой
  article: ru/nowhere
- question: старое
  article: ru/refund
  until: 2025-01-01
- question: когда
  article: ru/refund
  until: soon
- article: ru/refund
- просто текст
- question: лишнее
  article: ru/refund
  colour: red
"""


def test_each_mistake_is_told_with_its_line_and_the_rest_counts():
    articles = [
        Article(f"ru/{name}.md", f"ru/{name}", name, "ru", "") for name in ("refund", "other")
    ]

    found = pins.problems(MISTAKES, NOW, pins.Find(articles), {"ru/refund", "ru/other"})

    assert sorted((p.line, p.code, p.level) for p in found) == [
        (4, "pin-overlap", "error"),
        (7, "pin-of-nothing", "error"),
        (9, "pin-over", "hint"),
        (14, "bad-pin", "error"),
        (15, "bad-pin", "error"),
        (16, "bad-pin", "error"),
        (19, "pin-key", "warning"),
    ]
    assert all(p.message and p.cure and p.path == "pins.yml" for p in found)
    assert len(pins.parse(MISTAKES)[0].all) == 5


def test_one_question_may_be_pinned_in_each_language_and_by_turns():
    text = (
        "- {question: vpn, article: ru/vpn, until: 2026-12-04}\n"
        "- {question: VPN, article: ru/vpn-2, from: 2026-12-05}\n"
        "- {question: vpn, article: en/vpn}\n"
    )
    articles = [Article(f"{a}.md", a, a, a[:2], "") for a in ("ru/vpn", "ru/vpn-2", "en/vpn")]

    found = pins.problems(text, NOW, pins.Find(articles), {each.slug for each in articles})

    assert [(p.line, p.code) for p in found] == [(1, "pin-over")]


def test_check_names_a_pin_for_an_article_that_search_does_not_show(kb, settings, write):
    write("ru/refund", "Текст.", title="Как вернуть деньги", draft="yes")
    (settings.articles / "pins.yml").write_text("- {question: деньги, article: ru/refund}\n")

    assert [(p.path, p.code) for p in kb.check() if p.path == "pins.yml"] == [
        ("pins.yml", "pin-not-served")
    ]


# --- in force -----------------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pinned(settings, write, clock):
    """A base in which “Скидки” is pinned to a question that another article answers better."""
    write("ru/refund", "Вернуть деньги можно за 14 дней.", title="Как вернуть деньги")
    write("ru/sale", "Скидки до конца года.", title="Скидки")
    write("en/sale", "Discounts until the year ends.", title="Discounts")
    (settings.articles / "pins.yml").write_text(
        "- question: [как вернуть деньги, money back]\n"
        "  article: ru/sale\n"
        "  from: 2026-12-05\n"
        "  until: 2026-12-05 15:00 UTC\n"
        "  reason: распродажа\n",
        "utf-8",
    )
    service = KnowledgeBase(settings, now=clock)
    service.rebuild()
    yield service
    service.close()


def first(service, query, **options):
    hits = service.answer(query, **options).hits
    return (hits[0].slug, hits[0].pinned) if hits else None


def test_a_pinned_article_stands_first_for_its_question_in_any_form(pinned):
    assert first(pinned, "Как вернуть деньги?") == ("ru/sale", True)
    assert first(pinned, "как вернула деньги") == ("ru/sale", True)
    assert first(pinned, "как вирнуть деньги") == ("ru/sale", True)  # as it is corrected
    assert first(pinned, "деньги как вернуть") == ("ru/refund", False)  # another order
    assert first(pinned, '"как вернуть деньги"') != ("ru/sale", True)
    assert first(pinned, "как вернуть деньги", own_lang="en") == ("en/sale", True)
    assert first(pinned, "как вернуть деньги", category="nowhere") is None

    whole = pinned.answer("как вернуть деньги")

    assert [hit.pinned for hit in whole.hits] == [True, False]
    assert (whole.total, whole.confident, whole.hits[1].slug) == (2, True, "ru/refund")
    assert first(pinned, "money back", own_lang="ru") == (
        "ru/sale",
        True,
    )  # holds none of its words


def test_answers_and_their_tags_change_when_a_pin_begins_and_ends(pinned, clock):
    client = create_app(pinned).test_client()
    clock.now = NOW - timedelta(days=1)
    before = client.get(ASKED)
    clock.now = NOW
    during = client.get(ASKED, headers={"If-None-Match": before.headers["ETag"]})
    clock.now = NOW + timedelta(hours=3, seconds=-5)
    late = client.get(ASKED, headers={"If-None-Match": during.headers["ETag"]})
    clock.now = NOW + timedelta(hours=3)
    after = client.get(ASKED, headers={"If-None-Match": during.headers["ETag"]})

    assert [hit["pinned"] for hit in before.json["results"]] == [False]
    assert [(hit["slug"], hit["pinned"]) for hit in during.json["results"]] == [
        ("ru/sale", True), ("ru/refund", False),
    ]  # fmt: skip
    assert (late.status_code, late.headers["Cache-Control"]) == (304, "private, max-age=5")
    assert after.json["results"] == before.json["results"]


def test_a_change_of_pins_alone_is_a_new_build(pinned, settings):
    (settings.articles / "pins.yml").unlink()

    assert pinned.rebuild().published
    assert first(pinned, "как вернуть деньги") == ("ru/refund", False)


def test_explain_tells_which_line_pinned_and_why(settings, write, runner, monkeypatch):
    write("ru/sale", "Скидки.", title="Скидки")
    (settings.articles / "pins.yml").write_text(
        "- {question: деньги, article: ru/sale, until: 2999-01-01, reason: распродажа}\n", "utf-8"
    )
    folders = ("--articles", str(settings.articles), "--data", str(settings.data))
    runner.invoke(main, ["index", *folders])

    shown = runner.invoke(main, ["search", "деньги", "--explain", *folders]).output
    told = json.loads(
        runner.invoke(main, ["search", "деньги", "--explain", "--json", *folders]).output
    )

    assert "pinned by pins.yml:1 until 2999-01-02 00:00 UTC: распродажа" in shown
    assert told["pins"] == {"ru/sale": {"line": 1, "reason": "распродажа"}}
