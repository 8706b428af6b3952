"""A customer waits for an answer: from the empty result to the mail that tells it. Real service."""

import re
from datetime import UTC, datetime, timedelta

import postbox
import pytest

from kb.base.config import Settings
from kb.jobs import announcements
from kb.jobs.delivery import Deliverer
from kb.searchlog.db.letter_models import NewLetter
from kb.searchlog.db.sql import execute, select
from kb.searchlog.reports import Report, Step
from kb.service import KnowledgeBase
from kb.web import create_app

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
QUERY = "телепорт сломан"
OURS = {"Sec-Fetch-Site": "same-origin"}


class Site:
    """A service with a clock, a browser and a mail server."""

    def __init__(self, folder, inbox):
        self.inbox = inbox
        self.at = NOON
        self.settings = Settings(
            articles=folder / "articles", data=folder / "var", base_url="https://help.example.com",
            smtp_url=f"smtp://{inbox.where}", support_email="support@example.com",
            site_name="Справка",
        )  # fmt: skip
        self.kb = KnowledgeBase.open(self.settings, now=lambda: self.at)
        self.browser = create_app(self.kb).test_client()

    def subscribe(self, address="anna@example.com", query=QUERY, **more):
        sent = {"email": address, "q": query, "ui": "ru", **more}
        return self.browser.post("/tell-me", data=sent, headers=OURS)

    def deliver(self, wait=timedelta(0)):
        self.at += wait
        queued = announcements.queue_due(self.kb, self.settings)
        Deliverer(self.settings, self.kb.log, lambda: self.at).deliver_due()
        return queued

    def link(self):
        """The path of the page that the last mail leads to."""
        text = postbox.letters(self.inbox)[-1].get_content()
        return re.search(r"https://help\.example\.com(/tell-me/\S+)", text)[1]

    def confirm(self):
        return self.browser.post(self.link(), data={"do": "confirm"}, headers=OURS)

    def asked_in_vain(self, query=QUERY):
        self.kb.report(Report("run", "visit", lang="ru", steps=(Step(query, 0),)))
        assert self.kb.recorder.flush()

    def prove(self, slug):
        """As the replay does when an article has proved itself."""
        with self.kb.log.database.writing() as c:
            execute(c, "update groups set status = 'answered', answer_slug = :slug", slug=slug)

    def rows(self, table):
        with self.kb.log.database.reading() as c:
            return select(c, f"select * from {table}")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "articles/ru").mkdir(parents=True)
    (tmp_path / "articles/ru/teleport.md").write_text(
        "---\ntitle: Починить кабину\nauthor: Анна Словарёва\n"
        "answer: Выключите и включите.\n---\n\nВыключите кабину.\n\n"
        "## Почему так\n\nКабина не любит сырости.\n"
    )
    with postbox.opened() as inbox:
        site = Site(tmp_path, inbox)
        site.kb.rebuild()
        yield site
        site.kb.recorder.close()
        site.kb.close()


def test_an_empty_result_offers_to_tell_and_the_mail_that_confirms_quotes_nothing(site):
    page = site.browser.get("/ru/search?q=телепорт+сломан").text
    answer = site.subscribe()
    site.deliver()

    assert 'action="/tell-me"' in page
    assert (answer.status_code, answer.location) == (303, "/tell-me?ui=ru")
    mail = site.inbox.letter()
    assert (mail["To"], mail["Reply-To"]) == ("anna@example.com", "support@example.com")
    assert "Написать вам, когда появится ответ?" in mail["Subject"]
    assert "телепорт" not in mail.as_string() + mail.get_content()
    assert [row["payload"] for row in site.rows("outbox")] == [""]


def test_an_address_is_told_once_by_the_author_with_the_reason_and_then_forgotten(site):
    site.asked_in_vain()
    site.subscribe()
    site.deliver()
    page = site.browser.get(site.link())
    confirmed = site.confirm()
    site.deliver()
    mails = len(site.inbox.envelopes)
    [group] = site.kb.misses()
    assert site.kb.log.subscriptions.waiting([group.question]) == 1

    site.prove("ru/teleport")
    assert site.deliver() == 1
    assert site.deliver() == 0

    assert QUERY in page.text
    assert confirmed.status_code == 303
    assert mails == 1  # nothing before it is proved
    mail = postbox.letters(site.inbox)[1]
    assert len(site.inbox.envelopes) == 2
    assert "Анна Словарёва" in mail["From"]
    assert f"Есть ответ: {QUERY}" in mail["Subject"]
    text = mail.get_body(("plain",)).get_content()
    for part in ("https://help.example.com/articles/ru/teleport", "Выключите и включите.",
                 "Кабина не любит сырости.", "/articles/ru/teleport#feedback"):  # fmt: skip
        assert part in text
    assert "Кабина не любит сырости." in mail.get_body(("html",)).get_content()
    assert site.rows("subscriptions") == []
    assert "anna" not in str(site.rows("outbox"))


def test_nothing_happens_without_a_yes_and_opening_the_link_is_none(site):
    site.asked_in_vain()
    site.subscribe()
    site.deliver()
    site.browser.get(site.link())
    site.prove("ru/teleport")

    assert site.deliver() == 0
    assert site.deliver(timedelta(days=2, minutes=1)) == 0
    assert site.rows("subscriptions") == []
    assert site.browser.get(site.link()).status_code == 404


def test_an_address_is_forgotten_on_request_and_after_180_days(site):
    for end in ("request", "time"):
        site.subscribe()
        site.deliver()
        site.confirm()
        if end == "request":
            gone = site.browser.post(site.link(), data={"do": "forget"}, headers=OURS)
            assert "забыт" in gone.text
        else:
            site.deliver(timedelta(days=179))
            assert len(site.rows("subscriptions")) == 1
            site.deliver(timedelta(days=2))
        assert site.rows("subscriptions") == []


def test_a_stranger_cannot_flood_a_mailbox_or_learn_who_waits(site):
    answers = [site.subscribe(query=f"вопрос {n}") for n in range(6)]
    site.deliver()

    assert {answer.status_code for answer in answers} == {303}
    assert len(site.inbox.envelopes) == 3
    assert [site.subscribe(f"a{n}@example.com").status_code for n in range(6)][-1] == 429
    assert site.subscribe("no address").status_code == 422
    assert site.subscribe(query=" ").status_code == 400
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert site.browser.post("/tell-me", data={}, headers=cross).status_code == 403
    assert site.browser.post(site.link(), data={}, headers=cross).status_code == 403


def test_a_robot_that_fills_in_everything_gets_the_page_and_no_mail(site):
    assert site.subscribe(website="https://spam.example").status_code == 303
    site.deliver()

    assert site.inbox.envelopes == []


def test_what_is_asked_to_be_forgotten_is_forgotten_here_too(site):
    site.subscribe()

    site.kb.log.forget("anna@example.com")

    assert site.rows("subscriptions") == []


def test_without_mail_or_an_address_of_its_own_a_site_offers_nothing(client, kb, write):
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()

    assert "/tell-me" not in client.get("/ru/search?q=телепорт").text
    assert client.post("/tell-me", data={"email": "a@example.com", "q": "x"}).status_code == 404


def answered(site, key, email="anna@example.com"):
    letter = site.kb.log.letters.store(NewLetter(key, "Не включается", email, lang="ru"), site.at)
    site.kb.log.letters.answer(letter.id, "Включите.", "Вера Ясная", site.at)
    return letter


def test_whoever_got_a_reply_is_asked_once_whether_all_works(site):
    letter = answered(site, "one")

    assert site.deliver(timedelta(days=2)) == 0
    assert site.deliver(timedelta(days=1, minutes=1)) == 1
    assert site.deliver(timedelta(days=3)) == 0

    mail = site.inbox.letter()
    assert mail["Subject"].startswith("Re: ")
    assert letter.number in mail["Subject"]
    assert "Вера Ясная" in mail["From"]
    assert mail["In-Reply-To"].startswith("<one-receipt@")
    assert "Теперь всё работает?" in mail.get_content()


def test_nobody_is_asked_who_wrote_again_or_whose_letter_is_closed(site):
    answered(site, "one")
    closed = answered(site, "two", "boris@example.com")
    site.at += timedelta(days=1)
    site.kb.log.letters.close(closed.id, "Вера Ясная", site.at)
    site.kb.log.letters.store(NewLetter("three", "Опять", "Anna@example.com"), site.at)

    assert site.deliver(timedelta(days=3)) == 0


def test_the_question_afterwards_can_be_left_off(site):
    answered(site, "one")
    site.at += timedelta(days=4)
    silent = site.settings.model_copy(update={"follow_up_days": 0})

    assert announcements.queue_due(site.kb, silent) == 0
