"""Who should read which article again: dates, owners and votes of a real build, and the board."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from kb.base.messages import Message
from kb.checks import reviews
from kb.checks.reviews import Counts, Text
from kb.content import status
from kb.content.status import Synced
from kb.service import KnowledgeBase
from kb.web import create_app

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def base(settings):
    made = KnowledgeBase.open(settings, now=lambda: NOW)
    yield made
    made.close()


def test_an_article_whose_day_has_passed_is_its_owners(base, settings, write):
    write("ru/оплата/a", title="Просрочена", review_by="2026-11-01", owner="Анна Кедрова")
    write("ru/оплата/b", title="Тоже", review_by="2026-10-01")
    write("ru/оплата/c", title="Нет", review_by="2027-01-01")
    write("ru/оплата/d", title="Черновик", review_by="2026-10-01", draft="yes")
    (settings.articles / "owners.yml").write_text("оплата: Борис Соснин\n", "utf-8")
    base.rebuild()

    assert [(each.text.title, each.text.owner, each.reason, each.since) for each in base.due()] == [
        ("Тоже", "Борис Соснин", "date", date(2026, 10, 1)),
        ("Просрочена", "Анна Кедрова", "date", date(2026, 11, 1)),
    ]


def text(updated=None):
    return Text("ru/a", "A", "/articles/ru/a", "ru", "", "", updated, None)


@pytest.mark.parametrize(
    ("counts", "updated", "is_due"),
    [
        (Counts(10, 40, 38, 40), None, True),
        (Counts(10, 40, 38, 40), TODAY - timedelta(days=200), True),
        (Counts(10, 40, 38, 40), TODAY - timedelta(days=50), False),  # votes on an older text
        (Counts(38, 40, 38, 40), None, False),
        (Counts(2, 10, 38, 40), None, False),  # too few to say
    ],
)
def test_votes_are_compared_with_those_on_the_same_text(counts, updated, is_due):
    found = reviews.due([text(updated)], {"ru/a": counts}, TODAY, 365, lambda _: "")

    assert [each.reason for each in found] == (["votes"] if is_due else [])


def test_votes_are_counted_lately_and_before(base, write):
    write("ru/a", title="A")
    base.rebuild()
    log = base.log
    for days, helpful, times in ((5, False, 25), (5, True, 5), (50, True, 30), (200, False, 2)):
        for _ in range(times):
            log.feedback("ru/a", helpful, at=NOW - timedelta(days=days))

    middle = NOW - reviews.LATELY
    assert log.inbox.votes_by_article(middle - reviews.BEFORE, middle) == {"ru/a": (5, 30, 30, 30)}
    assert [each.reason for each in base.due()] == ["votes"]


def test_the_board_lists_what_is_due_by_owner(settings, write):
    write("ru/оплата/a", title="Про <b>оплату</b>", review_by="2026-11-01", owner="Анна & Ко")
    write("ru/b", title="Ничья статья", review_by="2026-10-01")
    known = settings.model_copy(update={"leads_password": SecretStr("invented")})
    base = KnowledgeBase.open(known, now=lambda: NOW)
    base.rebuild()
    why = Message("why & what <next>")
    result = Synced(at=NOW, since=NOW, outcome="held", code="would-lose", message=why)
    status.write(settings.data, result)
    lead = create_app(base).test_client()
    ours = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "ru"}
    lead.post("/leads/sign-in", data={"password": "invented"}, headers=ours)

    everything = lead.get("/leads/state", headers=ours).text
    hers = lead.get("/leads/state?owner=Анна %26 Ко", headers=ours).text
    base.close()

    assert "Про &lt;b&gt;оплату&lt;/b&gt;" in everything
    assert "прошёл срок проверки" in everything
    assert "Новая правка сломала статьи; клиенты видят прежние." in everything
    assert "why &amp; what &lt;next&gt;" in everything
    assert ">Ничья статья</a>" in everything
    assert ">Ничья статья</a>" not in hers
    assert "оплату" in hers
