"""What support promises is told on every way to it, in the reader's language, and to programs."""

from datetime import UTC, date, datetime, timedelta

import pytest
from fakes import FakeBase
from test_pages import read

from kb.base.config import Settings
from kb.support import promises
from kb.support.promises import Exchange
from kb.web import create_app

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday, 15:00 in Moscow
HALF_AN_HOUR = "within 30 minutes on weekdays 9–18 Europe/Moscow"
A_DAY = "за 1 рабочий день по будням 9–18 Europe/Moscow"


def letters(*minutes, plan=""):
    """Letters of yesterday that were replied to after so many minutes."""
    came = NOW - timedelta(days=1, hours=4)
    return tuple(Exchange(came, came + timedelta(minutes=n), plan) for n in minutes)


class Base(FakeBase):
    def now(self):
        return NOW


@pytest.fixture
def opened():
    def open_site(*given, **settings):
        known = promises.configured(settings.get("promises", {}))
        app = create_app(Base(keeps=known.kept(given, NOW)), Settings(**settings))
        app.testing = True
        return app.test_client()

    return open_site


def test_one_promise_is_a_sentence_in_the_readers_language(opened):
    client = opened(promises={"*": HALF_AN_HOUR})

    ru, en = read(client.get("/contact?ui=ru")).text, read(client.get("/contact?ui=en")).text

    assert "Отвечаем за 30 минут, по будням 9:00–18:00 (Москва)." in ru
    assert "Если написать сейчас, ответим сегодня до 15:30." in ru
    assert "We reply within 30 minutes, on weekdays 9:00–18:00 (Moscow time)." in en
    assert "If you write now: a reply today by 15:30." in en


def test_free_and_paid_stand_side_by_side(opened):
    client = opened(promises={"Платный": HALF_AN_HOUR, "Бесплатный": A_DAY})

    page = read(client.get("/contact?ui=ru")).text

    assert (
        "Платный за 30 минут, то есть сегодня до 15:30 Бесплатный за 1 рабочий день, то есть"
        " до 30 ноября, 18:00 Отвечаем по будням 9:00–18:00 (Москва)."
    ) in page


@pytest.mark.parametrize(
    "address", ["/ru/search?q=ghjk", "/ru/", "/widget?ui=ru", "/contact?ui=ru"]
)
def test_every_way_to_support_tells_it(opened, address):
    client = opened(promises={"*": HALF_AN_HOUR})

    assert "Отвечаем за 30 минут, по будням" in read(client.get(address)).text


def test_the_popup_tells_all_plans_in_a_sentence(opened):
    client = opened(
        promises={"paid": HALF_AN_HOUR, "*": "за 2 часа круглосуточно"}, delay="Авария."
    )

    data = client.get("/ru/").text.partition('id="kb-data"')[2]

    told = "Когда отвечаем: paid: за 30 минут, по будням 9:00–18:00 (Москва);"
    assert (
        f'"promise": "{told} остальным: за 2 часа, круглосуточно. Авария."'
        in data.encode().decode("unicode_escape" if "\\u0" in data else "utf-8")
    )


def test_the_operators_sentence_goes_first_and_the_plans_follow(opened):
    client = opened(promise="Пишите!", promises={"paid": HALF_AN_HOUR, "free": A_DAY})

    page = read(client.get("/ru/search?q=ghjk")).text

    assert "Пишите! paid за 30 минут" in page


def test_a_measured_promise_says_of_how_many_letters(opened):
    client = opened(*letters(5, 10, 15, 20, 200), promises={"*": f"measured, else {HALF_AN_HOUR}"})

    assert (
        "Отвечаем обычно за 15 минут, девять писем из десяти — за 4 часа (5 писем за 28 дней),"
        " по будням"
    ) in read(client.get("/contact?ui=ru")).text


def test_below_five_letters_the_configured_promise_stands_in(opened):
    client = opened(*letters(5, 10, 15, 20), promises={"*": f"measured, else {HALF_AN_HOUR}"})

    assert "Отвечаем за 30 минут" in read(client.get("/contact?ui=ru")).text


def test_an_unexpected_delay_is_told(opened):
    waiting = [Exchange(NOW - timedelta(days=1))] * 4
    client = opened(*letters(5, 6), *waiting, promises={"*": HALF_AN_HOUR})

    page = read(client.get("/contact?ui=ru")).text

    assert "Сейчас отвечаем дольше обещанного: ждут 4 письма." in page


@pytest.mark.parametrize(("until", "is_told"), [(NOW.date(), True), (date(2026, 11, 26), False)])
def test_the_operators_notice_ends_with_its_last_day(opened, until, is_told):
    client = opened(delay="Авария у провайдера.", delay_until=until)

    assert ("Авария у провайдера." in client.get("/ru/search?q=ghjk").text) is is_told
    assert ("Авария у провайдера." in client.get("/widget?ui=ru").text) is is_told


def test_programs_are_told_all_or_the_promise_of_a_plan(opened):
    client = opened(
        *letters(5, 10, 15, 20, 200, plan="paid"),
        promises={"paid": HALF_AN_HOUR, "*/billing": "within 2 days", "*": A_DAY},
    )

    everything = client.get("/api/promise?lang=en").json
    paid = client.get("/api/promise?lang=en&plan=paid&type=billing").json["promises"]

    assert [(each["plan"], each["type"]) for each in everything["promises"]] == [
        ("paid", None), (None, "billing"), (None, None),
    ]  # fmt: skip
    assert everything["delay"] is None
    assert paid == [
        {
            "plan": "paid",
            "type": None,
            "sentence": "within 30 minutes, on weekdays 9:00–18:00 (Moscow time)",
            "minutes": 30,
            "days": None,
            "measured": False,
            "time_zone": "Europe/Moscow",
            "usual": {"letters": 5, "median_minutes": 15, "p90_minutes": 200},
            "due": "2026-11-27T12:30:00+00:00",
        }
    ]
    assert client.get("/api/promise?plan=free&type=").json["promises"][0]["days"] == 1


def test_programs_are_told_that_nothing_is_promised(opened):
    answer = opened(promise="Отвечаем быстро.").get("/api/promise?lang=ru&plan=x").json

    assert answer == {
        "lang": "ru", "sentence": "Отвечаем быстро.", "promises": [], "delay": None,
    }  # fmt: skip


def test_a_delay_is_told_to_programs(opened):
    waiting = [Exchange(NOW - timedelta(days=1))] * 3
    client = opened(*letters(5), *waiting, promises={"*": HALF_AN_HOUR})

    assert client.get("/api/promise?lang=en").json["delay"] == {
        "sentence": "Replies take longer than promised: 3 letters still wait.",
        "letters": 3,
    }


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", "%(num)s %s {x}"])
def test_names_of_plans_and_notices_are_text(opened, nasty):
    client = opened(promises={nasty: HALF_AN_HOUR, "free": A_DAY}, delay=nasty)

    for address in ("/contact?ui=ru", "/ru/search?q=ghjk", "/widget?ui=en"):
        page = client.get(address)
        assert "<script>alert" not in page.text
        assert nasty in read(page).text
