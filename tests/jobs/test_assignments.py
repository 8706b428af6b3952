"""Letters to owners: once a day, of what is new, in their language, each question once."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy

import postbox
import pytest
from logs import moment

from kb.base.config import Settings
from kb.base.errors import MailFailed
from kb.cli import main
from kb.jobs import assignments
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.site.accounts import AccountsFile, People, Person

HASH = f"scrypt:1024:8:1$x${'0' * 128}"
DAY = timedelta(days=1)
ANNA = Person("Анна Кедрова", email="anna@example.com", lang="ru", password=HASH)
BORIS = Person("boris", email="boris@example.com", lang="en", password=HASH)
PEOPLE = People((ANNA, BORIS))
SETTINGS = Settings(base_url="https://help.example.com", site_name="")


@pytest.fixture
def missed(log, ask):
    """`missed("тариф", owner="Анна")`: somebody asked in vain, and it is Anna's."""

    def missed(question, owner="", *, who="Вера", at=0.0):
        ask(f"v {question}", question, at=at)
        [id] = [g.id for g in log.board.misses(status="all") if g.question == question]
        if owner:
            log.actions.assign(id, owner, who=who, at=moment(at))
        return id

    return missed


def told(log, now, *, people=PEOPLE, settings=SETTINGS):
    """What each mailbox is told, by its questions."""
    owners, _ = assignments.owners(log.assignments.owners(), people, settings)
    sent = {}

    def send(notice):
        assert notice.owner.mailbox not in sent
        sent[notice.owner.mailbox] = [each.group.question for each in notice.news.listed]

    assert all(error is None for _, error in assignments.tell(owners, log.assignments, now, send))
    return sent


def test_each_owner_is_told_what_is_new_and_nothing_twice(log, missed):
    missed("сменить тариф", "Анна Кедрова")
    missed("удалить аккаунт", "boris")
    missed("никому не назначено")

    assert told(log, moment(0)) == {
        "anna@example.com": ["сменить тариф"],
        "boris@example.com": ["удалить аккаунт"],
    }
    assert told(log, moment(0) + DAY) == {}
    missed("вернуть деньги", "Анна Кедрова", at=90_000)
    assert told(log, moment(0) + 2 * DAY) == {"anna@example.com": ["вернуть деньги"]}


def test_a_day_has_one_letter_to_each_however_often_the_timer_runs(log, missed):
    missed("сменить тариф", "Анна Кедрова")
    assert told(log, moment(0)) == {"anna@example.com": ["сменить тариф"]}

    again = missed("вернуть деньги", "Анна Кедрова", at=60)
    log.actions.assign(again, "boris", who="Вера", at=moment(120))

    assert told(log, moment(300)) == {"boris@example.com": ["вернуть деньги"]}
    log.actions.assign(again, "Анна Кедрова", who="Вера", at=moment(360))
    assert told(log, moment(400)) == {}
    assert told(log, moment(0) + DAY) == {"anna@example.com": ["вернуть деньги"]}


def test_what_somebody_took_is_no_news_to_them(log, missed):
    id = missed("сменить тариф", "Анна Кедрова", who="Анна Кедрова")
    assert told(log, moment(0)) == {}

    log.actions.assign(id, "boris", who="Анна Кедрова", at=moment(10))

    assert told(log, moment(20)) == {"boris@example.com": ["сменить тариф"]}


def test_what_comes_back_is_news_again(log, missed):
    id = missed("сменить тариф", "Анна Кедрова")
    assert told(log, moment(0)) == {"anna@example.com": ["сменить тариф"]}
    log.actions.answer(id, slug="ru/plan", build="b1", at=moment(10))
    assert told(log, moment(0) + DAY) == {}

    log.actions.regress(id, "b2", at=moment(100_000))

    assert told(log, moment(0) + 2 * DAY) == {"anna@example.com": ["сменить тариф"]}
    assert told(log, moment(0) + 3 * DAY) == {}


def test_a_question_that_was_merged_away_is_told_of_no_more(log, missed):
    first, second = missed("сменить тариф", "Анна Кедрова"), missed("другой тариф", "boris")

    log.actions.merge(second, first, who="Вера")

    assert told(log, moment(0)) == {"anna@example.com": ["сменить тариф"]}


def test_two_timers_at_once_tell_it_once(log, missed):
    for n in range(8):
        missed(f"вопрос{n} слово{n} дело{n}", "Анна Кедрова")
    owner = assignments.owners(["Анна Кедрова"], PEOPLE, SETTINGS)[0][0]

    with ThreadPoolExecutor(4) as at_once:
        claims = [
            at_once.submit(log.assignments.claim, owner.names, moment(n / 1000)) for n in range(4)
        ]

    assert sorted(claim.result().total for claim in claims) == [0, 0, 0, 8]


def test_a_letter_that_did_not_leave_is_written_again_and_others_are_not_held_up(log, missed):
    missed("сменить тариф", "Анна Кедрова")
    missed("удалить аккаунт", "boris")
    owners, _ = assignments.owners(log.assignments.owners(), PEOPLE, SETTINGS)

    def send(notice):
        if notice.owner.mailbox == "anna@example.com":
            raise MailFailed("550 no such mailbox; check KB_SMTP_URL")

    outcomes = list(assignments.tell(owners, log.assignments, moment(0), send))

    assert [(n.owner.name, error is None) for n, error in outcomes] == [
        ("boris", True),
        ("Анна Кедрова", False),
    ]
    assert told(log, moment(60)) == {"anna@example.com": ["сменить тариф"]}


def test_to_look_at_letters_marks_nothing(log, missed):
    missed("сменить тариф", "Анна Кедрова")
    owners, _ = assignments.owners(log.assignments.owners(), PEOPLE, SETTINGS)

    for _ in range(2):
        [notice] = assignments.pending(owners, log.assignments, moment(0))
        assert notice.news.total == 1


@pytest.mark.parametrize(
    ("name", "mailbox", "lang"),
    [
        ("анна  кедрова", "anna@example.com", "ru"),
        ("boris", "boris@example.com", "en"),
        ("delivery@example.com", "delivery@example.com", "ru"),  # of owners.yml
        ("Вера <vera@example.com>", "vera@example.com", "en"),  # as KB_LEADS_EMAIL has it
        ("ANNA@example.com", "anna@example.com", "ru"),
        ("Борис Соснин", "", ""),
        ("не@почта, совсем", "", ""),
        ("a@b\r\nBcc: eve@example.com", "", ""),
        ("@", "", ""),
    ],
)
def test_a_name_leads_to_a_mailbox_and_a_language(name, mailbox, lang):
    settings = Settings(leads_email=("lead@example.com", "vera@example.com=en"))

    owners, without = assignments.owners([name], PEOPLE, settings)

    assert [(owner.mailbox, owner.lang) for owner in owners] == [(mailbox, lang)] * bool(mailbox)
    assert without == [name] * (not mailbox)


def test_one_mailbox_gets_one_letter_under_whatever_names(log, missed):
    missed("сменить тариф", "Анна Кедрова")
    missed("вернуть деньги", "Anna@Example.com")

    assert sorted(told(log, moment(0))["anna@example.com"]) == ["вернуть деньги", "сменить тариф"]


def test_forgetting_a_person_forgets_what_they_were_told(log, missed):
    id = missed("сменить тариф", "Анна Кедрова")
    told(log, moment(0))

    log.forget("анна кедрова")

    assert log.database.select("select * from told") == []
    missed("вернуть деньги", "boris")
    told(log, moment(0))
    log.forget_groups([id, id + 1])
    assert log.database.select("select * from told") == []


# --- the letter ---------------------------------------------------------------------------------


def written(log, person, settings=SETTINGS):
    owners, _ = assignments.owners([person.name], PEOPLE, settings)
    [notice] = assignments.pending(owners, log.assignments, moment(0))
    return assignments.letter(notice, settings)


def test_the_letter_links_every_question_in_the_language_of_its_owner(log, missed):
    id = missed("сменить тариф", "Анна Кедрова")
    other = missed("вернуть деньги", "boris")

    russian, english = written(log, ANNA), written(log, BORIS)

    assert russian.to == ("anna@example.com",)
    assert russian.subject == "Вам назначен 1 вопрос"
    assert "- сменить тариф — 1 посещение · назначено: Вера" in russian.text.splitlines()
    assert f"  https://help.example.com/leads/{id}" in russian.text.splitlines()
    assert f'<a href="https://help.example.com/leads/{id}">сменить тариф</a>' in russian.html
    assert '<html lang="ru">' in russian.html
    assert english.subject == "1 question is yours now"
    assert f'<a href="https://help.example.com/leads/{other}">' in english.html
    assert "https://help.example.com/leads?owner=boris" in english.text
    assert not re.search("[а-яё]", english.text.replace("вернуть деньги", "").replace("Вера", ""))


def test_a_long_list_is_counted_and_no_text_breaks_the_letter(log, missed):
    for n in range(assignments.TOP + 2):
        missed(f"вопрос{n} слово{n} дело{n}", "Анна Кедрова")
    missed("<b>bold</b> text", "boris", who="<i>Eve</i>\r\nX: y")

    long, hostile = written(log, ANNA), written(log, BORIS)

    assert long.subject == "Вам назначены 22 вопроса"
    assert long.text.count("/leads/") == assignments.TOP
    assert "и ещё 2" in long.text
    assert "<b>" not in hostile.html
    assert "<i>" not in hostile.html
    assert not re.search("^X:", hostile.text, re.M)
    assert "&lt;b&gt;bold" in hostile.html


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def here(settings, runner):
    """A log with a question of Anna's, one of Boris's and one of somebody without a mailbox."""
    settings.data.mkdir()
    AccountsFile(settings.leads_file).change(lambda _: PEOPLE)
    log = SearchLog(settings.log_url)
    for n, owner in enumerate(("Анна Кедрова", "boris", "Глеб")):
        question = f"вопрос{n} слово{n} дело{n}"
        log.record(Search(f"r{n}", f"v{n}", question, 1e9, 1e9 + 1, lang="ru", asker="a"))
        log.actions.assign(n + 1, owner, who="Вера")
    log.close()

    def run(*arguments, **environment):
        folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}
        environment = {"LANG": "en_US.UTF-8", **folders, **environment}
        return runner.invoke(main, ["digest", "--owners", *arguments], env=environment)

    return run


def test_the_command_shows_first_and_then_sends_once(here):
    with postbox.opened() as inbox:
        mail = {"KB_SMTP_URL": f"smtp://{inbox.where}"}
        shown, sent, again = here(**mail), here("--send", **mail), here("--send", **mail)

    assert (shown.exit_code, sent.exit_code, again.exit_code) == (0, 0, 0)
    assert "вопрос0" in shown.stdout
    assert "Sent to anna@example.com: Вам назначен 1 вопрос" in sent.stdout
    assert "Глеб has no mailbox" in sent.stdout
    assert "No owner has news." in again.stdout
    letters = [message_from_bytes(e.content, policy=policy.default) for e in inbox.envelopes]
    assert {each["To"]: each["Subject"] for each in letters} == {
        "anna@example.com": "Вам назначен 1 вопрос",
        "boris@example.com": "1 question is yours now",
    }
    assert all(each.get_body(("html",)) for each in letters)


def test_json_names_letters_and_who_has_no_mailbox(here):
    done = json.loads(here("--json").stdout)

    assert done["without"] == ["Глеб"]
    assert done["sent"] is False
    assert [(each["to"], each["lang"], each["total"]) for each in done["letters"]] == [
        ("boris@example.com", "en", 1),
        ("anna@example.com", "ru", 1),
    ]


def test_a_mailbox_that_is_refused_is_said_and_told_next_time(here):
    with postbox.opened() as inbox:
        mail = {"KB_SMTP_URL": f"smtp://{inbox.where}"}
        inbox.unknown.add("anna@example.com")
        refused = here("--send", **mail)
        inbox.unknown.clear()
        again = here("--send", **mail)

    assert (refused.exit_code, "no such mailbox" in refused.stderr) == (2, True)
    assert "Sent to boris@example.com" in refused.stdout
    assert (again.exit_code, "Sent to anna@example.com" in again.stdout) == (0, True)


def test_without_a_mail_server_nothing_is_marked(here):
    done = here("--send")

    assert (done.exit_code, "KB_SMTP_URL" in done.stderr) == (2, True)
    assert len(json.loads(here("--json").stdout)["letters"]) == 2
    assert here("--to", "x@example.com").exit_code == 2
