"""The contact form: what it offers, what it refuses, and what it never loses."""

import io

import pytest
from fakes import FakeBase
from letter_forms import LETTER, hidden, open_form, typed_at_once
from page_text import read
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from kb.base.config import Settings
from kb.base.errors import LogUnavailable
from kb.letters.attachments import LARGEST
from kb.web import create_app, largest_body

PROMISE = "Отвечаем за два часа."
PERSON = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 Firefox/140.0"}


@pytest.fixture
def base():
    return FakeBase()


@pytest.fixture
def make_client(base, tmp_path):
    def make(*, waits=True, **settings):
        app = create_app(base, Settings(data=tmp_path, promise=PROMISE, **settings))
        app.testing = True
        if waits:
            typed_at_once(app)
        return app.test_client()

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def send(client, address="/contact?ui=ru", file=(), **fields):
    # The client itself would write a large body into a file that it never closes.
    fields["file"] = [FileStorage(io.BytesIO(given), name) for given, name in file]
    boundary, body = encode_multipart(open_form(client, address) | LETTER | fields)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/contact", data=body, content_type=kind)


def test_a_question_reaches_support_with_what_was_searched(client, base):
    answer = send(client, "/contact?ui=ru&q=забыл пароль&run=some-run", subject="Пароль")

    assert answer.status_code == 303
    [letter] = base.questions
    assert (letter.subject, letter.text) == ("Пароль", "Не приходит письмо\n\n(забыл пароль)")
    assert (letter.email, letter.run, letter.visit) == ("anna@example.com", "some-run", "some-run")
    done = client.get(answer.headers["Location"])
    assert "Мы получили ваш вопрос" in done.text
    assert PROMISE in done.text
    assert "ABCD-2345" in done.text


def test_without_the_tick_no_search_goes_along(client, base):
    fields = open_form(client, "/contact?ui=ru&q=пароль&run=some-run&visit=some-visit")
    assert fields.pop("trail") == "1"

    assert client.post("/contact", data=fields | LETTER).status_code == 303

    [letter] = base.questions
    assert (letter.run, letter.trail, letter.visit) == ("", (), "some-visit")


def test_a_question_without_text_or_address_is_given_back(client, base):
    answer = client.post("/contact", data={"email": "nobody", "q": "вопрос", "ui": "ru"})

    assert answer.status_code == 422
    page = read(answer)
    assert page.links["Напишите, что вы хотите спросить."] == "#text"
    assert page.fields["email"] == "nobody"
    assert page.fields["q"] == "вопрос"
    assert base.questions == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stamp": ""}, "Страницу не удалось узнать"),
        ({"stamp": "18c-ff"}, "Страницу не удалось узнать"),
        ({"form": "another-form"}, "Страницу не удалось узнать"),
        ({"website": "https://spam.example"}, "Заполнено скрытое поле"),
    ],
)
def test_what_a_program_sends_is_refused_and_what_a_person_wrote_is_kept(
    client, base, change, said
):
    answer = send(client, **change)

    assert (answer.status_code, base.questions) == (422, [])
    assert said in answer.text
    again = client.post("/contact", data=hidden(answer.text) | LETTER)  # the button once more
    assert again.status_code == 303
    assert [letter.text for letter in base.questions] == [LETTER["text"]]


def test_a_letter_that_came_too_soon_is_sent_by_a_second_press(make_client, base):
    client = make_client(waits=False)
    stamps = client.application.extensions["kb"].stamps
    moment = [1_000_000.0]
    stamps._clock = lambda: moment[0]

    answer = send(client)
    assert (answer.status_code, base.questions) == (422, [])
    assert "быстрее, чем люди печатают" in answer.text

    moment[0] += 4
    assert client.post("/contact", data=hidden(answer.text) | LETTER).status_code == 303


def test_a_form_that_was_open_for_days_is_sent_by_a_second_press(client, base):
    fields = open_form(client)
    stamps = client.application.extensions["kb"].stamps
    now = stamps._clock()
    stamps._clock = lambda: now + 3 * 86400

    answer = client.post("/contact", data=fields | LETTER)

    assert answer.status_code == 422
    assert hidden(answer.text)["form"] != fields["form"]
    assert client.post("/contact", data=hidden(answer.text) | LETTER).status_code == 303


def test_one_rendering_of_a_form_sends_three_letters_at_most(client, base):
    fields = open_form(client)

    answers = [
        client.post("/contact", data=fields | LETTER | {"text": str(n)}).status_code
        for n in range(5)
    ]

    assert answers == [303, 303, 303, 422, 422]


def test_questions_are_limited(client):
    answers = [send(client).status_code for _ in range(11)]

    assert answers == [303] * 10 + [429]


def test_a_log_that_cannot_store_loses_nothing_that_was_typed(client, base, monkeypatch):
    def fails(*_, **__):
        raise LogUnavailable("no room")

    monkeypatch.setattr(base, "send_letter", fails)

    answer = send(client, subject="Оплата")

    assert answer.status_code == 503
    page = read(answer)
    assert page.fields["subject"] == "Оплата"
    assert LETTER["text"] in answer.text
    assert "Не получилось сохранить ваш вопрос" in answer.text


def test_types_and_plans_are_those_of_the_settings(make_client, base):
    client = make_client(letter_types=("Оплата", "Доставка"), letter_plans=("Бесплатный", "Про"))
    page = client.get("/contact?ui=ru").text
    assert page.count("<select") == 2

    assert send(client, type="Оплата", plan="Про").status_code == 303
    assert send(client, type="<b>").status_code == 422

    [letter] = base.questions
    assert (letter.type, letter.plan) == ("Оплата", "Про")


def test_files_go_along(client, base):
    files = [(b"png", "снимок.PNG"), (b"log", "../../etc/kb.log")]

    answer = send(client, file=files)

    assert answer.status_code == 303
    assert [(file.name, file.content) for file in base.files] == [
        ("снимок.PNG", b"png"), ("../../etc/kb.log", b"log"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([(b"MZ", "virus.exe")], "Файлы этого типа не принимаются: virus.exe"),
        ([(b"x", "none")], "Файлы этого типа не принимаются: none"),
        ([(b"", "empty.txt")], "Файл пуст: empty.txt"),
        ([(b"x" * (LARGEST + 1), "large.zip")], "Файл больше 5 МБ: large.zip"),
        ([(b"x", f"{n}.txt") for n in range(6)], "Файлов больше 5"),
    ],
)
def test_a_file_that_is_not_taken_is_named(client, base, files, said):
    answer = send(client, file=files)

    assert (answer.status_code, base.questions) == (422, [])
    assert said in answer.text
    assert LETTER["text"] in answer.text
    assert "Только файлы нужно выбрать заново" in answer.text


def test_a_letter_of_five_large_files_is_read(client, base):
    files = [(b"x" * LARGEST, f"{n}.zip") for n in range(5)]

    assert send(client, file=files).status_code == 303
    assert largest_body("/contact") > 5 * LARGEST
    assert largest_body("/api/feedback") < LARGEST


def test_without_scripts_a_button_shows_what_may_answer(client, base):
    fields = open_form(client)
    asked = fields | LETTER | {"subject": "Как сбросить пароль", "look": "1"}

    answer = client.post("/contact", data=asked)

    page = read(answer)
    assert (answer.status_code, base.questions) == (200, [])
    assert "Возможно, здесь уже есть ответ" in page.text
    assert "Сброс пароля" in page.links
    assert page.fields["subject"] == "Как сбросить пароль"
    assert LETTER["text"] in answer.text
    assert base.forms[-1][0] == fields["form"]
    assert "ru/account/reset-password" in base.forms[-1][2]


def test_an_opened_form_and_what_it_was_shown_are_noted(client, base):
    fields = open_form(client, "/contact?ui=ru&q=пароль&run=some-run&visit=some-visit",
                       headers=PERSON)  # fmt: skip
    [(form, visit, shown, _)] = base.forms
    assert (form, visit) == (fields["form"], "some-visit")
    assert "ru/account/reset-password" in shown

    helped = {"form": form, "visit": visit, "helped": shown[0], "ui": "ru"}
    answer = client.post("/api/contact", data=helped, headers=PERSON)

    assert base.forms[-1] == (form, visit, (shown[0],), shown[0])
    assert base.votes[-1][:2] == (shown[0], True)
    assert "Рады, что помогло" in client.get(answer.headers["Location"]).text


def test_a_script_tells_what_it_showed(client, base):
    told = {"form": "form-1", "visit": "visit-1", "shown": ["ru/account/reset-password", "no"]}

    assert client.post("/api/contact", json=told, headers=PERSON).status_code == 204
    assert base.forms == [("form-1", "visit-1", ("ru/account/reset-password",), "")]


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"form": 7}', b'{"form": "f\\u0000"}', b"{"])
def test_a_script_that_tells_nonsense_is_told_so(client, body):
    answer = client.post("/api/contact", data=body, content_type="application/json", headers=PERSON)

    assert answer.status_code == 400


def test_robots_open_no_form(client, base):
    open_form(client, headers={"User-Agent": "Googlebot/2.1", "Sec-Fetch-Site": "none"})

    assert base.forms == []
