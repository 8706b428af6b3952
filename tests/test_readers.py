"""What readers write reaches people: wishes are ticked off, thanks arrive, leavers are counted."""

from datetime import UTC, datetime, timedelta

import postbox
import pytest

from kb.base.config import Settings
from kb.content import owners
from kb.jobs import announcements, digest
from kb.jobs.delivery import Deliverer
from kb.service import KnowledgeBase
from kb.site.accounts import AccountsFile, Person
from kb.site.auth import hash_password
from kb.web import create_app

OURS = {"Sec-Fetch-Site": "same-origin"}
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"


class Site:
    """A service with a clock, a mail server, a reader and a lead."""

    def __init__(self, folder, inbox):
        (folder / "articles/ru").mkdir(parents=True)
        (folder / "articles/ru/card.md").write_text(
            "---\ntitle: Оплата картой\nauthor: Анна Словарёва\n---\n\nНажмите «Оплатить».\n"
        )
        (folder / "articles/owners.yml").write_text(
            "default: Борис\ntips:\n  Анна Словарёва: https://example.com/tip/anna\n"
        )
        self.at = NOON
        self.inbox = inbox
        self.settings = Settings(
            articles=folder / "articles", data=folder / "var", leads_password=PASSWORD,
            base_url="https://help.example.com", smtp_url=f"smtp://{inbox.where}",
            support_email="support@example.com",
        )  # fmt: skip
        self.kb = KnowledgeBase.open(self.settings, now=lambda: self.at)
        self.kb.rebuild()
        app = create_app(self.kb)
        self.reader, self.lead = app.test_client(), app.test_client()
        signed = {"password": PASSWORD, "name": "Вера"}
        self.lead.post("/leads/sign-in", data=signed, headers=OURS)

    def votes(self, helpful, **more):
        sent = {
            "slug": "ru/card",
            "helpful": "true" if helpful else "false",
            "run": "run-1",
            **more,
        }
        answer = self.reader.post("/api/feedback", data=sent, headers=OURS)
        assert self.kb.recorder.flush()
        return answer

    def deliver(self):
        queued = announcements.queue_due(self.kb, self.settings)
        Deliverer(self.settings, self.kb.log, lambda: self.at).deliver_due()
        return queued


@pytest.fixture
def site(tmp_path):
    with postbox.opened() as inbox:
        site = Site(tmp_path, inbox)
        yield site
        site.kb.recorder.close()
        site.kb.close()


def test_a_word_of_thanks_reaches_the_author_by_name_once(site):
    anna = Person(
        "Анна Словарёва", email="anna@example.com", lang="ru", password=hash_password(PASSWORD)
    )
    AccountsFile(site.settings.leads_file).change(lambda people: people.added(anna))
    voted = site.votes(True)
    page = site.reader.get(voted.location).text
    thanked = site.votes(True, text="Спасибо!\nОчень\tпомогло")
    after = site.reader.get(thanked.location).text

    assert site.deliver() == 1
    assert site.deliver() == 0

    assert "Анна Словарёва" in page
    assert 'href="https://example.com/tip/anna"' in page
    assert "Передадим автору: Анна Словарёва." in after
    mail = site.inbox.letter()
    assert mail["To"] == "anna@example.com"
    assert "Оплата картой" in mail["Subject"]
    assert "> Спасибо!" in mail.get_content()
    board = site.lead.get("/leads/readers").text
    assert "Очень" in board
    assert "Анна Словарёва" in board


def test_wishes_are_grouped_by_article_ticked_off_and_opened_again(site):
    site.votes(False, reason="missing", text="А как оплатить из-за границы?")
    site.votes(False, run="run-2", text="Нет картинки")

    page = site.lead.get("/leads/readers").text
    ids = [remark.id for remark in site.kb.log.remarks.by_article(NOON)[0].remarks]
    done = site.lead.post("/leads/readers", data={"do": "tick", "id": ids[:1]}, headers=OURS)

    assert len(ids) == 2
    assert '>Оплата картой</a> <span class="n">2</span>' in page
    assert "из-за границы" in page
    assert done.status_code == 303
    open_now, ticked = site.lead.get("/leads/readers").text, site.lead.get("/leads/readers?done=1")
    assert ("Нет картинки" in open_now) != ("из-за границы" in open_now)
    assert "отметил(а) Вера" in ticked.text
    site.lead.post("/leads/readers", data={"do": "open", "id": ids}, headers=OURS)
    assert len(site.kb.log.remarks.by_article(NOON)[0].remarks) == 2


def test_the_weekly_letter_tells_open_wishes_in_its_weeks(site):
    site.votes(False, text="Нет картинки")
    later = site.at + timedelta(days=1)
    week = later.isocalendar().week

    def told(every):
        site.kb.settings = site.settings.model_copy(update={"suggestions_weeks": every})
        return [each.text for each in digest.gather(site.kb, later).suggestions]

    assert told(1) == ["Нет картинки"]
    assert told(week) == ["Нет картинки"]
    assert told(next(n for n in range(2, 60) if week % n)) == []
    [of] = site.kb.log.remarks.by_article(NOON)
    site.kb.log.remarks.tick([each.id for each in of.remarks], "Вера")
    assert told(1) == []


def test_whoever_leaves_says_why_and_the_board_counts_by_reason(site):
    sent = {"reason": "price", "text": "Дорого для двоих, anna@example.com", "ui": "ru"}
    form = site.reader.get("/leaving?ui=ru").text
    answer = site.reader.post("/leaving", data=sent, headers=OURS)
    site.reader.post("/leaving", data={**sent, "website": "https://spam.example"}, headers=OURS)
    wrong = site.reader.post("/leaving", data={"reason": "x", "text": "мои слова"}, headers=OURS)

    assert "Уходите от нас?" in form
    assert answer.status_code == 303
    assert "Спасибо, что сказали" in site.reader.get(answer.location).text
    assert wrong.status_code == 422
    assert "мои слова" in wrong.text
    site.at += timedelta(minutes=1)
    board = site.lead.get("/leads/readers").text
    assert "Слишком дорого" in board
    assert "Дорого для двоих, ‹email›" in board
    assert "anna@example.com" not in board
    csv = site.lead.get("/leads/readers/leaving.csv").text
    assert csv.count("price") == 1
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert site.reader.post("/leaving", data=sent, headers=cross).status_code == 403


@pytest.mark.parametrize(
    "written", ["tips: x\n", "tips: [a]\n", "tips:\n  Anna: javascript:alert(1)\n"]
)
def test_an_address_for_tips_that_is_none_is_told(written):
    found, problems = owners.parse(f"default: Boris\n{written}")

    assert found.tips == {}
    assert [each.code for each in problems] == ["tip-not-address"]
    assert found.default == "Boris"
