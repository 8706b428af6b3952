"""The weekly letter: what it tells, in which words, and how it leaves."""

import json
import re
from datetime import UTC, datetime, timedelta

import catalogue
import postbox
import pytest
from click.testing import CliRunner

from kb.base.config import Settings
from kb.cli import main
from kb.jobs.digest import gather, letter, letters
from kb.searchlog.db.log import SearchLog
from kb.searchlog.reports import Event, Report, Step
from kb.service import KnowledgeBase

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
FRUIT = ("абрикос", "айва", "ананас", "арбуз", "банан", "вишня", "груша", "дыня", "инжир", "киви",
         "лимон", "манго")  # fmt: skip


class Clock:
    """Time stands still until it is moved."""

    def __init__(self, at):
        self.at = at

    def __call__(self):
        return self.at


class World:
    """A help centre over some weeks."""

    def __init__(self, settings):
        self.clock = Clock(MONDAY)
        self.kb = KnowledgeBase.open(settings, now=self.clock)
        self.log = SearchLog(settings.log_url)
        self.runs = 0

    def voted(self, slug, helpful, *, days_ago=1, **said):
        self.clock.at = MONDAY - timedelta(days=days_ago)
        self.kb.feedback(slug, helpful, **said)
        assert self.kb.recorder.flush()
        self.clock.at = MONDAY

    def asked(self, query, *, days_ago=1, visits=1, events=()):
        self.clock.at = MONDAY - timedelta(days=days_ago)
        for _ in range(visits):
            self.runs += 1
            run = f"run-{self.runs}"
            self.kb.report(
                Report(
                    run=run, visit=f"visit-{self.runs}", lang="ru", steps=(Step(query, 0),),
                    events=events or (Event("left", ms=3000),),
                )
            )  # fmt: skip
        assert self.kb.recorder.flush()
        self.clock.at = MONDAY
        return run

    def built(self, *, days_ago=1):
        self.clock.at = MONDAY - timedelta(days=days_ago)
        report = self.kb.rebuild()
        self.clock.at = MONDAY
        return report

    def letter(self, **more):
        settings = self.kb.settings.model_copy(update=more)
        return letter(gather(self.kb, MONDAY), settings, ("lead@example.com",))

    def group(self, question):
        (found,) = [g for g in self.kb.misses(status="all") if g.question == question]
        return found.id


@pytest.fixture
def world(settings, write):
    write("ru/mail", "Настройки почты и писем.", title="Настроить почту", author="Ольга Почтина")
    named = {"site_name": "Справка «Ромашки»", "base_url": "https://help.example.com"}
    found = World(settings.model_copy(update=named))
    found.built(days_ago=30)
    yield found
    found.log.close()
    found.kb.close()


def test_a_week_is_told_in_one_sentence_and_then_by_name(world, write):
    world.asked("подключить кофеварку", visits=3)
    world.asked("сбросить пароль vpn", days_ago=12)
    world.log.actions.assign(world.group("подключить кофеварку"), "Анна Зёрнова")
    write("ru/vpn", "Нажмите «Забыли».", title="Как сбросить пароль VPN", author="Пётр Ключев")
    world.built(days_ago=2)
    world.voted("ru/vpn", True, run="run-x")
    world.voted("ru/mail", False, reason="unclear", text="Добавьте снимок\nэкрана")

    told = world.letter()

    assert told.subject == (
        "Справка «Ромашки»: 1 новый вопрос без ответа за неделю до 22 ноября 2026"
    )
    for line in (
        "- подключить кофеварку — 3 посещения · Анна Зёрнова",
        "Поиск теперь отвечает, ждут подтверждения",
        "- сбросить пароль vpn — 1 посещение",
        "  → Как сбросить пароль VPN https://help.example.com/articles/ru/vpn",
        "- Анна Зёрнова — 1 вопрос, самый давний ждёт 1 день",
        "- Как сбросить пароль VPN · Пётр Ключев — 1 спасибо"
        " https://help.example.com/articles/ru/vpn",
        "- Пётр Ключев — 1 спасибо",
        "- Настроить почту: Добавьте снимок экрана https://help.example.com/articles/ru/mail",
        "Все вопросы: https://help.example.com/leads",
        f"  https://help.example.com/leads/{world.group('подключить кофеварку')}",
    ):
        assert line in told.text.splitlines()
    assert "Поисков" not in told.text  # nothing is divided by fewer than twenty


def test_only_what_is_proved_is_told_as_answered(world, write):
    world.asked("сбросить пароль vpn", days_ago=20)
    write("ru/vpn", "Нажмите «Забыли».", title="Как сбросить пароль VPN")
    world.built(days_ago=18)
    assert "появился ответ" not in world.letter().subject

    world.clock.at = MONDAY - timedelta(days=3)
    world.kb.replay()  # two weeks without a miss
    world.clock.at = MONDAY

    told = world.letter()
    assert "на 1 вопрос появился ответ" in told.subject
    assert "Отвечены, и это подтвердилось\n- сбросить пароль vpn" in told.text


def test_english_letters_count_as_english_does(world):
    world.asked("plug in the coffee machine", visits=21)
    world.asked("paint the office")

    told = world.letter(lang="en", site_name="")

    assert told.subject == ("2 new questions without an answer in the week to 22 November 2026")
    assert "- plug in the coffee machine — 21 visits" in told.text
    assert "- paint the office — 1 visit" in told.text
    assert "- Nobody yet — 2 questions, the oldest waits 1 day" in told.text
    assert "Searches: 22, unanswered: 22 (100 %)." in told.text


def test_a_lost_answer_is_told_until_it_is_found_again(world, write):
    world.asked("сбросить пароль vpn", days_ago=20)
    file = write("ru/vpn", "Нажмите «Забыли».", title="Как сбросить пароль VPN")
    world.built(days_ago=15)
    file.unlink()
    world.built(days_ago=3)

    told = world.letter()

    assert "1 ответ потерян" in told.subject
    assert "Потеряли ответ\n- сбросить пароль vpn" in told.text


def test_what_happened_before_the_week_is_not_told_again(world):
    world.asked("подключить кофеварку", days_ago=8)

    told = world.letter()

    assert "Спокойная неделя" in told.subject
    assert "Новые вопросы" not in told.text
    assert "- Пока никто — 1 вопрос, самый давний ждёт 8 дней" in told.text


def test_only_ten_are_named_and_the_others_counted(world):
    for fruit in FRUIT:
        world.asked(f"{fruit} купить оптом {fruit}ы")

    told = world.letter()

    assert told.subject.startswith("Справка «Ромашки»: 12 новых вопросов без ответа")
    assert told.text.count("купить оптом") == 10
    assert "\n  и ещё 2\n" in told.text


def test_more_than_is_read_is_told_as_at_least(world, monkeypatch):
    monkeypatch.setattr("kb.searchlog.db.weekly.MOST_LISTED", len(FRUIT) - 1)
    monkeypatch.setattr("kb.jobs.digest.MOST_LISTED", len(FRUIT) - 1)
    for fruit in FRUIT:
        world.asked(f"{fruit} купить оптом {fruit}ы")

    told = world.letter()

    assert "\n  и ещё не меньше 1\n" in told.text
    assert "и ещё не меньше 1<" in told.html


def test_customers_write_neither_html_nor_headers(world):
    world.asked("<script>alert(1)</script> кофеварка")
    world.voted("ru/mail", False, text="<img src=x onerror=alert(1)>\r\nBcc: all@example.com")

    told = world.letter()

    assert "<script" not in told.html
    assert "<img" not in told.html
    assert "&lt;img src=x" in told.html
    assert not re.search(r"^Bcc", told.text, re.M)


def test_both_parts_tell_the_same(world):
    world.asked("подключить кофеварку", visits=2)
    world.voted("ru/mail", True, run="run-x")

    told = world.letter()

    told_html = " ".join(re.sub(r"<[^>]+>", " ", told.html).split())
    for part in ("подключить кофеварку — 2 посещения", "Ольга Почтина", "1 спасибо"):
        assert part in told_html
        assert part in told.text


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def here(world, settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command sees the world of the test through the environment."""
    now = datetime.now(UTC)
    world.clock.at = now
    world.log.record()
    monkeypatch.setenv("KB_ARTICLES", str(settings.articles))
    monkeypatch.setenv("KB_DATA", str(settings.data))
    monkeypatch.setenv("KB_LANG", "ru")
    return settings


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["digest", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_letter_is_printed_unless_it_is_to_be_sent(here):
    code, out, err = run()

    assert (code, err) == (0, "")
    assert out.startswith("Спокойная неделя до ")


def test_the_letter_is_sent_to_whom_the_settings_name(here, monkeypatch):
    with postbox.opened() as inbox:
        monkeypatch.setenv("KB_SMTP_URL", f"smtp://{inbox.where}")
        monkeypatch.setenv("KB_LEADS_EMAIL", "lead@example.com, boss@example.com")
        code, out, _ = run("--send")

    assert code == 0
    assert out.startswith("Отправлено на lead@example.com, boss@example.com: Спокойная неделя")
    assert inbox.letter()["To"] == "lead@example.com, boss@example.com"
    assert inbox.letter().get_body(("plain",)).get_content().startswith("Спокойная неделя")
    assert "<h1>Спокойная неделя" in inbox.letter().get_body(("html",)).get_content()


def test_each_reader_is_written_to_in_their_own_language(world):
    readers = ("lead@example.com", "boss@example.com=en", "anna@example.com=ru", "x@example.com=de")
    settings = world.kb.settings.model_copy(update={"leads_email": readers, "site_name": ""})

    russian, english = letters(gather(world.kb, MONDAY), settings)

    assert russian.to == ("lead@example.com", "anna@example.com", "x@example.com")
    assert english.to == ("boss@example.com",)
    assert '<html lang="ru">' in russian.html
    assert '<html lang="en">' in english.html
    assert re.search("[а-яё]", russian.subject)
    assert not re.search("[а-яё]", english.subject + english.text)


def test_letters_of_two_languages_leave_together(here, monkeypatch):
    with postbox.opened() as inbox:
        monkeypatch.setenv("KB_SMTP_URL", f"smtp://{inbox.where}")
        monkeypatch.setenv("KB_LEADS_EMAIL", "lead@example.com, boss@example.com=en")
        code, out, _ = run("--send")

    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "Отправлено на lead@example.com", "Отправлено на boss@example.com",
    ]  # fmt: skip
    assert [envelope.rcpt_tos for envelope in inbox.envelopes] == [
        ["lead@example.com"], ["boss@example.com"],
    ]  # fmt: skip


def test_an_option_names_somebody_else(here, monkeypatch):
    with postbox.opened() as inbox:
        monkeypatch.setenv("KB_SMTP_URL", f"smtp://{inbox.where}")
        code, out, _ = run("--send", "--json", "--to", "new@example.com")

    assert code == 0
    assert json.loads(out)["sent"] == ["new@example.com"]
    assert inbox.letter()["To"] == "new@example.com"


def test_json_holds_the_whole_week(here):
    code, out, _ = run("--json")

    week = json.loads(out)
    assert code == 0
    assert {"new", "answered", "regressed", "owners", "articles", "authors", "suggestions"} <= set(
        week
    )
    assert week["sent"] == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "почтовый сервер не задан; задайте KB_SMTP_URL"),
        ({"KB_SMTP_URL": "smtp://127.0.0.1:9"}, "писать некому; задайте KB_LEADS_EMAIL"),
        (
            {"KB_SMTP_URL": "smtp://127.0.0.1:9", "KB_LEADS_EMAIL": "lead@example.com"},
            "127.0.0.1:9 не принял письмо: ",
        ),
        (
            {"KB_LEADS_EMAIL": "lead"},
            "настройка leads_email (KB_LEADS_EMAIL): «lead» — не адрес почты",
        ),
    ],
)
def test_what_hinders_is_one_line_and_exit_2(here, monkeypatch, environment, said):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    code, out, err = run("--send")

    assert (code, out) == (2, "")
    assert err.startswith(f"kb: {said}")
    assert err.count("\n") == 1


def test_every_text_of_the_letters_is_in_the_russian_catalogue():
    texts, said = set(catalogue.translated()), set()
    for template in (catalogue.ROOT / "templates" / "letters").iterdir():
        said |= set(re.findall(r'(?:\b_|ngettext)\("([^"]+)"', template.read_text("utf-8")))

    assert said
    assert said - texts == set()
