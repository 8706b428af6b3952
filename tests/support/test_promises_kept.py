"""From a letter that was replied to, to what the next customer is told: all of it real."""

from datetime import UTC, datetime, timedelta

import pytest

from kb.base.config import Settings
from kb.searchlog.db.letter_models import NewLetter
from kb.service import KnowledgeBase
from kb.web import create_app

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday, 15:00 in Moscow
MEASURED = "measured, else within 4 hours on weekdays 9–18 Europe/Moscow"


@pytest.fixture
def site(settings, write):
    write("ru/vpn", "Текст о сети.", title="Настройка VPN")
    promising = Settings(
        **settings.model_dump(exclude={"promises"}),
        promises={"Про": MEASURED, "*": "within 2 days"},
    )
    service = KnowledgeBase(promising, now=lambda: NOW)
    service.rebuild()
    yield service
    service.close()


def told(service):
    """What programs are told once the log was read."""
    client = create_app(service).test_client()
    client.get("/api/promise")
    service._kept.wait()
    return client.get("/api/promise?lang=ru").json


def letters(service, n, plan, replied_after=None):
    for number in range(n):
        came = NOW - timedelta(days=1, hours=3)
        key, email = f"{plan}{number}{replied_after}", f"a{number}@example.com"
        letter = service.log.letters.store(NewLetter(key, "Вопрос", email, plan=plan), came)
        if replied_after:
            at = came + timedelta(minutes=replied_after)
            service.log.letters.answer(letter.id, "Ответ", "Анна", at)


def test_before_any_letter_the_configured_time_is_told(site):
    pro = told(site)["promises"][0]

    assert (pro["sentence"], pro["usual"]) == ("за 4 часа, по будням 9:00–18:00 (Москва)", None)


def test_five_replies_later_the_measured_time_is_told_for_their_plan(site):
    letters(site, 5, "Про", replied_after=20)
    letters(site, 4, "Пробный", replied_after=600)

    pro, others = told(site)["promises"]

    assert pro["usual"] == {"letters": 5, "median_minutes": 20, "p90_minutes": 20}
    assert pro["sentence"].startswith("обычно за 20 минут")
    assert pro["due"] == "2026-11-27T12:20:00+00:00"
    assert others["usual"] is None


def test_letters_that_wait_longer_than_promised_are_a_delay(site):
    letters(site, 5, "Про", replied_after=20)
    letters(site, 3, "Про")

    assert told(site)["delay"] == {
        "sentence": "Сейчас отвечаем дольше обещанного: ждут 3 письма.",
        "letters": 3,
    }


def test_a_log_that_cannot_be_read_leaves_the_configured_promise(site, settings):
    letters(site, 5, "Про", replied_after=20)
    site.log.close()
    for file in settings.data.glob("log.sqlite3*"):
        file.write_bytes(b"no database at all, " * 100)

    assert told(site)["promises"][0]["usual"] is None
