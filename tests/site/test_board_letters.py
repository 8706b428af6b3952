"""Letters on the board: found, answered under a name and with a reason, handed on, closed."""

from datetime import timedelta

import pytest
from page_text import read

from kb.base.config import Settings
from kb.letters.attachments import GivenFile
from kb.searchlog.db.letter_models import LetterFilter, NewDelivery, NewLetter
from kb.searchlog.reports import Report, Step
from kb.service import KnowledgeBase
from kb.web import create_app

PASSWORD = "correct horse battery staple"
OURS = {"Sec-Fetch-Site": "same-origin"}
LETTER = NewLetter("key", "Не пускает <b>в сеть</b>", "anna@example.com", subject="Настройка VPN",
                   type="Вход", lang="ru")  # fmt: skip


@pytest.fixture
def service(settings, write):
    why = "## Почему не пускает\n\nСервер забывает ключ через час. Ждите."
    write("ru/vpn", f"Введите адрес.\n\n{why}",
          title="Настройка VPN", category="Сеть", answer="Введите адрес и пароль.")  # fmt: skip
    write("ru/mail", "Откройте почту.", title="Настройка почты", category="Почта")
    secret = Settings(leads_password=PASSWORD, smtp_url="smtp://127.0.0.1:1", site_name="Справка")
    changed = {name: getattr(secret, name) for name in ("leads_password", "smtp_url", "site_name")}
    service = KnowledgeBase.open(settings.model_copy(update=changed))
    service.rebuild()
    yield service
    service.close()


def signed_in(service, name="Вера Ясная"):
    app = create_app(service)
    app.testing = True
    client = app.test_client()
    told = {"password": PASSWORD, "name": name}
    assert client.post("/leads/sign-in", data=told, headers=OURS).status_code == 303
    return client


@pytest.fixture
def lead(service):
    return signed_in(service)


def answer(lead, id, **fields):
    return lead.post(f"/leads/letters/{id}/answer", data={"do": "send"} | fields, headers=OURS)


def ready(lead, id, *slugs):
    """The text that stands in the field of an answer."""
    page = lead.get(f"/leads/letters/{id}", query_string={"article": slugs, "ui": "en"}).text
    return page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]


def test_letters_are_listed_and_filtered(service, lead):
    service.send_letter(LETTER)
    other = NewLetter("other", "Другое", "boris@example.com", type="Оплата", plan="Про")
    closed = service.send_letter(other)
    service.log.letters.close(closed.id, "lead", service.now())

    page = read(lead.get("/leads/letters?ui=ru"))
    assert "Настройка VPN" in page.links
    assert "Другое" not in page.links
    assert "Другое" in read(lead.get("/leads/letters?state=all&type=Оплата")).links
    assert "Другое" in read(lead.get("/leads/letters?state=closed&q=BORIS")).links
    assert "С такими фильтрами" in lead.get("/leads/letters?plan=no").text


def test_a_letter_is_shown_with_its_trail_group_and_files_and_stays_text(service, lead):
    service.report(Report("the-run", "the-visit", lang="ru", steps=(Step("телепорт сломан", 0),)))
    service.recorder.flush()
    trail = service.trail("the-visit")
    new = NewLetter("k", LETTER.text, LETTER.email, run="the-run", visit="the-visit", trail=trail)
    letter = service.send_letter(new, [GivenFile("a<b>.png", b"png")])

    page = lead.get(f"/leads/letters/{letter.id}?ui=ru")

    assert "<b>" not in page.text.replace("<b>1", "").partition('class="wrote"')[2][:200]
    found = read(page)
    assert "телепорт сломан" in found.links
    assert "поиск: «телепорт сломан»" in found.text
    assert "a<b>.png" in found.links
    assert lead.get("/leads/letters/99").status_code == 404


def test_a_file_is_a_download_that_no_browser_runs(service, lead):
    letter = service.send_letter(LETTER, [GivenFile("счёт.html.zip", b"<script>")])
    other = service.send_letter(NewLetter("o", "x", "b@example.com"))
    [file] = service.log.letters.details(letter.id).attachments

    answer = lead.get(f"/leads/letters/{letter.id}/files/{file.id}")

    assert answer.data == b"<script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cache-Control"] == "no-store"
    answer.close()
    assert lead.get(f"/leads/letters/{other.id}/files/{file.id}").status_code == 404
    assert lead.get(f"/leads/letters/{letter.id}/files/..%2Flog.sqlite3").status_code == 404
    path = service.settings.data / "attachments" / file.id
    path.unlink()
    assert lead.get(f"/leads/letters/{letter.id}/files/{file.id}").status_code == 404


def test_a_ready_letter_quotes_why_in_the_customers_language_and_is_signed(service, lead):
    letter = service.send_letter(LETTER)

    text = ready(lead, letter.id, "ru/vpn")

    assert text.split("\n") == [
        "Здравствуйте!", "", "Настройка VPN: http://localhost/articles/ru/vpn",
        "Введите адрес и пароль.", "",
        "Почему так происходит: Сервер забывает ключ через час. Ждите.", "",
        "Если не поможет, ответьте на это письмо: оно придёт мне.", "", "Вера Ясная",
    ]  # fmt: skip


def test_no_article_for_some_alone_is_offered_for_a_letter(service, lead, write):
    write("ru/vpn-inside", "Пароль сети.", title="Настройка VPN для своих", audience="staff")
    service.rebuild()
    letter = service.send_letter(LETTER)

    page = lead.get(f"/leads/letters/{letter.id}").text

    assert 'value="ru/vpn"' in page
    assert 'value="ru/vpn-inside"' not in page


def test_an_answer_is_queued_for_the_customer_once(service, lead):
    letter = service.send_letter(LETTER)
    text = ready(lead, letter.id, "ru/vpn")

    for _ in range(2):  # pressed twice
        assert answer(lead, letter.id, text=text, article=["ru/vpn"]).status_code == 303

    found = service.log.letters.details(letter.id)
    [reply] = found.replies
    assert (reply.who, reply.text, reply.articles) == ("Вера Ясная", text, ("ru/vpn",))
    assert (found.letter.state, found.letter.owner) == ("answered", "Вера Ясная")
    assert [each.what for each in found.deliveries] == ["acknowledgement", "reply"]


def test_a_bare_template_is_not_sent(service, lead):
    letter = service.send_letter(LETTER)
    text = ready(lead, letter.id, "ru/mail")  # which gives no reason

    refused = answer(lead, letter.id, text=text, article=["ru/mail"])
    empty = answer(lead, letter.id, text=" ")
    greeting = answer(lead, letter.id, text=ready(lead, letter.id))

    assert [each.status_code for each in (refused, empty, greeting)] == [422, 422, 422]
    assert "Add why it happens" in refused.text
    assert service.log.letters.get(letter.id).state == "new"
    reasoned = text.replace("Настройка почты", "Так вышло из-за нас. Настройка почты")
    assert answer(lead, letter.id, text=reasoned, article=["ru/mail"]).status_code == 303


def test_nobody_answers_without_a_name(service):
    lead = signed_in(service, name="")
    letter = service.send_letter(LETTER)

    assert answer(lead, letter.id, text="Вот почему.").status_code == 422
    assert answer(lead, letter.id, text="Вот почему.", who="Глеб").status_code == 303
    [reply] = service.log.letters.details(letter.id).replies
    assert reply.who == "Глеб"


def test_an_answer_from_elsewhere_is_marked_by_hand(service, lead):
    letter = service.send_letter(LETTER)

    assert answer(lead, letter.id, do="by_hand").status_code == 303

    found = service.log.letters.details(letter.id)
    assert (found.letter.state, found.replies[0].by_hand) == ("answered", True)
    assert [each.what for each in found.deliveries] == ["acknowledgement"]


def test_a_letter_is_handed_on_taken_closed_and_opened(service, lead):
    letter = service.send_letter(LETTER)

    def change(do, **fields):
        sent = {"do": do} | fields
        answer = lead.post(f"/leads/letters/{letter.id}/change", data=sent, headers=OURS)
        return answer.headers.get("Location", "").partition("said=")[2] or answer.status_code

    assert change("hand", owner="Анна") == "done"
    assert change("take") == "done"
    assert change("take") == "same"
    assert (change("close"), change("close")) == ("done", "same")
    assert change("reopen") == "done"
    assert change("explode") == 400
    found = service.log.letters.details(letter.id)
    assert (found.letter.owner, found.letter.handed) == ("Вера Ясная", 1)
    assert [each.who for each in found.history] == ["Вера Ясная"] * 4
    assert "передано 1 раз" in lead.get(f"/leads/letters/{letter.id}?ui=ru").text


@pytest.mark.parametrize("path", ["/leads/letters", "/leads/letters/1", "/leads/letters/1/files/x"])
def test_strangers_and_other_sites_reach_no_letter(service, lead, path):
    service.send_letter(LETTER)
    stranger = lead.application.test_client()

    assert stranger.get(path).status_code == 401
    foreign = {"Sec-Fetch-Site": "cross-site"}
    for place in ("/leads/letters/1/answer", "/leads/letters/1/change", "/leads/outbox"):
        assert stranger.post(place, headers=OURS).status_code == 401
        assert lead.post(place, data={"do": "close"}, headers=foreign).status_code == 403
    assert service.log.letters.get(1).state == "new"


def test_a_group_leads_to_its_letters(service, lead):
    service.report(Report("the-run", "the-visit", lang="ru", steps=(Step("телепорт сломан", 0),)))
    service.recorder.flush()
    service.send_letter(NewLetter("k", "x", "a@example.com", run="the-run", visit="the-visit"))
    [group] = service.misses()

    page = read(lead.get(f"/leads/{group.id}?ui=ru"))

    address = next(link for link in page.links.values() if "/leads/letters?group=" in link)
    assert "x" in read(lead.get(address)).links


def test_what_is_stuck_is_seen_and_tried_again(service, lead):
    now = service.now()
    service.log.outbox.put(NewDelivery("k", "webhook", "mail"), at=now)
    for n in range(5):
        moment = now + timedelta(days=n)
        [claimed] = service.log.outbox.claim(moment, timedelta(0))
        later = moment + timedelta(hours=1)
        service.log.outbox.settle([], {claimed.id: ("503 <busy>", later)}, moment)

    page = lead.get("/leads/state?ui=ru")

    assert "503 &lt;busy&gt;" in page.text
    assert "5 попыток" in page.text
    assert "Застряла 1 доставка" in lead.get("/leads/letters?ui=ru").text
    assert lead.post("/leads/outbox", headers=OURS).status_code == 303
    assert service.log.outbox.claim(now + timedelta(days=5), timedelta(0)) != []
    assert service.log.letters.find(LetterFilter()).total == 0


def test_the_list_says_what_was_promised_and_puts_first_plans_first(service):
    promising = service.settings.model_copy(
        update={
            "promises": {"Пробный": "within 2 days", "*": "within 1 hour"},
            "first_plans": ("Пробный",),
        }
    )
    app = create_app(service, promising)
    app.testing = True
    lead = app.test_client()
    told = {"password": PASSWORD, "name": "Вера Ясная"}
    lead.post("/leads/sign-in", data=told, headers=OURS)
    ages = {"Пробный": timedelta(hours=5), "Про": timedelta(hours=2)}
    for plan, age in ages.items():
        new = NewLetter(plan, "Вопрос", f"{len(plan)}@example.com", subject=plan, plan=plan)
        service.log.letters.store(new, service.now() - age)

    page = read(lead.get("/leads/letters?ui=ru")).text

    trial, pro = page.index("ответить до"), page.index("опаздываем: обещали ответить")
    assert trial < pro
