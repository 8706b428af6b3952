"""The leads' board: who gets in, what they see, what they change, and that it can be undone."""

import csv
import html
import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from urllib.parse import quote

import pytest

from kb import signin
from kb.cli import main
from kb.config import Settings
from kb.leads import manual
from kb.searchlog import Finding, Search, SearchLog, Triage
from kb.service import KnowledgeBase
from kb.web import create_app

PASSWORD = "correct horse battery staple"
OURS = {"Sec-Fetch-Site": "same-origin"}
# Whatever is not listed here refuses those who are not signed in: a new route must be thought of.
PUBLIC = {
    "/", "/search", "/ru/", "/en/", "/ru/search", "/en/search", "/contact", "/articles/<path:slug>",
    "/categories/<lang>/<path:name>", "/media/<path:path>", "/static/<path:name>", "/theme.css",
    "/api/search", "/api/searches", "/api/feedback", "/api/suggest", "/healthz", "/readyz",
    "/metrics", "/openapi.json", "/favicon.ico", "/sitemap.xml", "/robots.txt", "/feed.xml",
    "/opensearch.xml", "/manifest.webmanifest", "/widget", "/widget.js", "/widget/demo",
    "/leads/sign-in", "/leads/sign-out",
}  # fmt: skip


@pytest.fixture
def service(settings, write):
    write("ru/vpn", "Текст о сети.", title="Настройка VPN", category="Сеть")
    service = KnowledgeBase.open(settings.model_copy(update={"leads_password": PASSWORD_SETTING}))
    service.rebuild()
    yield service
    service.close()


PASSWORD_SETTING = Settings(leads_password=PASSWORD).leads_password


@pytest.fixture
def stranger(service):
    app = create_app(service)
    app.testing = True
    return app.test_client()


@pytest.fixture
def lead(stranger):
    """A browser that is signed in, as Anna."""
    sign_in(stranger, name="Анна")
    stranger.environ_base.update({"HTTP_SEC_FETCH_SITE": "same-origin"})
    return stranger


def sign_in(client, password=PASSWORD, **more):
    headers = more.pop("headers", OURS)
    return client.post("/leads/sign-in", data={"password": password, **more}, headers=headers)


# --- getting in ---------------------------------------------------------------------------------


def cookie(client, value):
    client.set_cookie(COOKIE, value, path="/leads")
    client.set_cookie(COOKIE, value, path="/api")


COOKIE = "kb_leads"
OLD = signin.Door(PASSWORD, now=lambda: time.time() - signin.LASTS - 2).cookie("Анна")
OTHERS = signin.Door("another password").cookie("Анна")
VALID = signin.Door(PASSWORD).cookie("Анна")


CREDENTIALS = ("", "x", OTHERS, OLD, VALID[:-3] + "abc", VALID.split(".")[0])


def test_every_route_not_listed_as_public_refuses(stranger):
    """Without a credential, with nonsense, another's, an expired, a changed, an unsigned one."""
    asked = 0
    for credential, rule in itertools.product(
        CREDENTIALS, stranger.application.url_map.iter_rules()
    ):
        if rule.rule in PUBLIC:
            continue
        cookie(stranger, credential)
        path = re.sub(r"<[^>]+>", "x", re.sub(r"<int[^>]*>", "1", rule.rule))
        for method in rule.methods - {"OPTIONS"}:
            headers = OURS | {"Authorization": f"Bearer {credential}"}
            answer = stranger.open(path, method=method, headers=headers)
            assert answer.status_code in (401, 403, 404), f"{method} {rule.rule} {credential}"
            assert "Анна" not in answer.text
            asked += 1
    assert asked >= 2 * len(CREDENTIALS)


def test_the_public_list_names_only_routes_that_are_there(stranger):
    assert {rule.rule for rule in stranger.application.url_map.iter_rules()} >= PUBLIC


def test_a_right_password_opens_the_board_for_twelve_hours(stranger):
    answer = sign_in(stranger, next="/leads?status=open")

    assert answer.status_code == 303
    assert answer.location == "/leads?status=open"
    said = answer.headers["Set-Cookie"]
    assert all(
        part in said for part in ("HttpOnly", "SameSite=Lax", "Path=/leads", "Max-Age=43200")
    )
    assert "Secure" not in said  # plain HTTP: the browser would drop the cookie
    assert stranger.get("/leads").status_code == 200


def test_over_https_the_cookie_never_travels_in_the_clear(stranger):
    answer = stranger.post(
        "/leads/sign-in",
        data={"password": PASSWORD},
        headers=OURS,
        base_url="https://help.example.com",
    )

    assert "Secure" in answer.headers["Set-Cookie"]


def test_the_link_of_kb_serve_signs_in(stranger):
    answer = stranger.get("/leads/sign-in?token=" + PASSWORD.replace(" ", "+"))

    assert (answer.status_code, answer.location) == (303, "/leads")
    assert stranger.get("/leads").status_code == 200


def test_signing_out_ends_it(lead):
    assert lead.get("/leads").status_code == 200

    lead.post("/leads/sign-out")

    assert lead.get("/leads").status_code == 401


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/leads/../x\n", "/leadsx", "/",
     "javascript:alert(1)", "/leads@evil.example", "/leads/%0d%0aX:1", "/leads//evil.example/.."],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(stranger, target):
    assert sign_in(stranger, next=target).location == "/leads"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_only_our_own_pages_may_send_forms(stranger, headers, status):
    assert sign_in(stranger, headers=headers).status_code == status


def test_five_tries_in_a_quarter_of_an_hour_and_not_one_more(stranger):
    for _ in range(signin.TRIES):
        assert sign_in(stranger, "guess").status_code == 401

    answer = sign_in(stranger)  # even the right one

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    right = {"password": PASSWORD}
    assert stranger.post(
        "/leads/sign-in", data=right, headers=OURS, environ_base=elsewhere
    ).status_code == 303  # fmt: skip


def test_nothing_of_the_board_is_kept_in_a_cache(lead):
    for path in ("/leads", "/leads/sign-in", "/leads/no-such"):
        if (answer := lead.get(path)).status_code != 404:
            assert answer.headers["Cache-Control"] == "no-store"
    assert stripped(lead.post("/leads/sign-out")) == "no-store"
    assert stripped(lead.get("/leads")) == "no-store"


def stripped(answer):
    return answer.headers["Cache-Control"]


def test_without_a_password_nobody_gets_in_and_the_page_says_what_to_do(kb, write):
    write("ru/vpn")
    kb.rebuild()
    client = create_app(kb).test_client()

    page = client.get("/leads")

    assert page.status_code == 401
    assert "KB_LEADS_PASSWORD" in page.text
    assert sign_in(client, "").status_code == 200
    assert sign_in(client, "x").status_code == 401
    assert client.get("/leads").status_code == 401


def test_the_page_speaks_the_chosen_language_from_then_on(stranger):
    russian = {"Accept-Language": "ru"}

    assert '<html lang="ru">' in stranger.get("/leads/sign-in", headers=russian).text
    assert '<html lang="en">' in stranger.get("/leads/sign-in?ui=en", headers=russian).text
    assert '<html lang="en">' in stranger.get("/leads/sign-in", headers=russian).text


# --- password, cookie, tries --------------------------------------------------------------------


@pytest.mark.parametrize("kept", [PASSWORD, signin.hashed(PASSWORD)], ids=["text", "hash"])
def test_a_door_opens_to_its_password_alone(kept):
    door = signin.Door(kept)

    assert door.opens(PASSWORD)
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", "пароль", "\ud800", "x" * 100_000, kept[:20]):
        assert not door.opens(wrong)
    assert not signin.Door(signin.hashed(PASSWORD)).opens(signin.hashed(PASSWORD))


def test_a_door_never_shows_its_password():
    assert PASSWORD not in repr(signin.Door(PASSWORD))


def test_a_session_ends_after_twelve_hours_or_with_the_password():
    begun = signin.Door(PASSWORD, now=lambda: 1_000_000).cookie("Анна")

    def lead(password, after):
        return signin.Door(password, now=lambda: 1_000_000 + after).lead(begun)

    assert lead(PASSWORD, 12 * 3600) == "Анна"
    assert lead(PASSWORD, 12 * 3600 + 1) is None
    assert lead("a new password", 1) is None
    assert lead(None, 1) is None


def test_workers_count_tries_together(tmp_path):
    file = tmp_path / "var" / "tries.json"

    with ThreadPoolExecutor(8) as pool:
        let = list(pool.map(lambda _: signin.Tries(file).take("192.0.2.1"), range(40)))

    assert sum(let) == signin.TRIES
    assert "192.0.2.1" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_tries_return_with_time_or_success(tmp_path):
    clock = [1000.0]
    tries = signin.Tries(tmp_path / "tries.json", now=lambda: clock[0])

    assert [tries.take("a") for _ in range(6)] == [True] * 5 + [False]
    clock[0] += signin.WINDOW + 1
    assert [tries.take("a") for _ in range(5)] == [True] * 5
    tries.forgive("a")
    assert tries.take("a")


def test_a_household_has_one_count(tmp_path):
    tries = signin.Tries(tmp_path / "tries.json")

    for n in range(signin.TRIES):
        assert tries.take(f"2001:db8:1:1::{n}")

    assert not tries.take("2001:db8:1:1:ffff::")
    assert tries.take("2001:db8:1:2::1")


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"a": 3}', '{"a": ["x"]}', "\0"])
def test_a_damaged_file_of_tries_locks_nobody_out(tmp_path, damage):
    file = tmp_path / "tries.json"
    file.write_text(damage)

    assert signin.Tries(file).take("192.0.2.1")
    assert json.loads(file.read_text())


def test_where_tries_cannot_be_counted_nobody_gets_one(stranger, service):
    (service.settings.data / "leads-tries.json").mkdir()

    answer = sign_in(stranger)

    assert answer.status_code == 503
    assert "Set-Cookie" not in answer.headers


def test_kb_config_prints_a_hash_that_opens(runner):
    done = runner.invoke(main, ["config", "--hash"], input=f"{PASSWORD}\n")

    assert done.exit_code == 0
    assert signin.Door(done.stdout.strip()).opens(PASSWORD)
    assert runner.invoke(main, ["config", "--hash"], input="\n").exit_code == 2


# --- the list -----------------------------------------------------------------------------------


@pytest.fixture
def ask(service):
    """`ask("vpn не подключается", visits=3)` asks in vain in so many visits."""
    counter = itertools.count()

    def ask(query, *, visits=1, ago=1.0, lang="ru", letters=0, **more):
        started = time.time() - ago * 86400
        searches = [
            Search(
                id=f"r{n}",
                visit=f"v{n}",
                query=query,
                started=started,
                ended=started + 1,
                lang=lang,
                **more,
            )
            for n in itertools.islice(counter, visits)
        ]
        log = SearchLog(service.settings.log_url)
        log.record(*searches)
        for search in searches[:letters]:
            log.ticket("Помогите", visit=search.visit, at=datetime.fromtimestamp(started + 60, UTC))
        log.close()
        groups = service.misses(status="all")
        return next(group.id for group in groups if query in dict(group.phrasings))

    return ask


def questions(page):
    """The questions a board lists, from the top."""
    return [
        html.unescape(found)
        for found in re.findall(r'<h2><a href="/leads/\d+" lang="\w*">(.*?)</a></h2>', page.text)
    ]


def test_the_costliest_question_stands_on_top(lead, ask):
    ask("сменить тариф", visits=4)
    ask("вернуть деньги", visits=2, letters=1)  # 2 visits × 3 for a letter
    ask("экспорт таблиц", visits=1)

    page = lead.get("/leads")

    assert questions(page) == ["вернуть деньги", "сменить тариф", "экспорт таблиц"]
    assert "2 посещения" in page.text
    assert "1 письмо" in page.text


CHOICES = {
    "status=assigned": ["сменить тариф"],
    "status=dismissed": [],
    "kind=weak": ["сменить тариф"],
    "owner=Анна": ["сменить тариф"],
    "owner=-": ["экспорт таблиц", "export tables"],
    "category=Оплата": ["сменить тариф"],
    "category=-": ["экспорт таблиц", "export tables"],
    "lang=en": ["export tables"],
    "period=30": ["сменить тариф", "export tables"],
    "q=ТАБЛИЦ": ["экспорт таблиц"],
    "q=нет такого": [],
    "order=latest": ["export tables", "сменить тариф", "экспорт таблиц"],
    "order=no-such&page=-3&period=x": ["сменить тариф", "экспорт таблиц", "export tables"],
}


def test_the_list_is_narrowed_and_ordered(lead, ask):
    ask("сменить тариф", visits=9, ago=3, total=2, category="Оплата", owner="Анна")
    ask("экспорт таблиц", visits=6, ago=60)
    ask("export tables", visits=3, ago=2, lang="en")

    pages = {chosen: lead.get(f"/leads?{chosen}") for chosen in CHOICES}

    assert {chosen: questions(page) for chosen, page in pages.items()} == CHOICES
    for chosen, page in pages.items():
        assert ("С такими фильтрами ничего нет" in page.text) == (not CHOICES[chosen])


def test_each_choice_says_how_many_there_would_be(lead, ask):
    ask("сменить тариф", total=2, category="Оплата", owner="Анна")
    ask("экспорт таблиц", category="Отчёты")

    page = lead.get("/leads?category=Оплата").text

    assert '<option value="Оплата" selected>Оплата (1)</option>' in page
    assert '<option value="Отчёты">Отчёты (1)</option>' in page
    assert '<option value="Анна">Анна (1)</option>' in page
    assert '<option value="weak">Только неуверенные совпадения (1)</option>' in page


def test_long_lists_have_pages_that_keep_the_choice(lead, ask):
    for n in range(53):
        ask(f"вопрос{n} слово{n} дело{n}", owner="Анна")

    first, second = lead.get("/leads?owner=Анна"), lead.get("/leads?owner=Анна&page=2")

    assert (len(questions(first)), len(questions(second))) == (50, 3)
    further = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert questions(lead.get(html.unescape(further[1]))) == questions(second)


def test_an_empty_board_says_why_it_may_be_empty(lead):
    assert "Ни один вопрос не ждёт ответа" in lead.get("/leads").text


# --- changing -----------------------------------------------------------------------------------


def act(lead, what, *ids, **more):
    data = {"do": what, "id": list(ids), "back": "/leads?status=all", **more}
    return lead.post("/leads/do", data=data, follow_redirects=True)


def test_ticked_questions_are_assigned_and_that_is_taken_back(lead, ask, service):
    ids = [ask("сменить тариф"), ask("экспорт таблиц")]

    page = act(lead, "assign", *ids, owner="Борис")

    assert "2 вопроса: ответственный — Борис." in page.text
    assert [service.group(id).group.owner for id in ids] == ["Борис", "Борис"]
    assert service.group(ids[0]).history[-1].who == "Анна"
    action = re.search(r'name="action" value="(\d+)"', page.text)[1]
    page = lead.post("/leads/undo", data={"action": action}, follow_redirects=True)
    assert "Отменено." in page.text
    assert [service.group(id).group.owner for id in ids] == ["", ""]


def test_a_dismissal_has_a_reason_and_an_end(lead, ask, service):
    id = ask("сменить тариф")

    act(lead, "dismiss", id, reason="Не про нас", until="2027-01-31")

    group = service.group(id).group
    assert (group.status, group.dismissed) == ("dismissed", "Не про нас")
    assert group.dismissed_until.date().isoformat() == "2027-01-31"
    assert questions(lead.get("/leads")) == []
    act(lead, "reopen", id)
    assert service.group(id).group.status == "open"


def test_ticked_questions_are_merged_into_the_first_and_parted_again(lead, ask, service):
    first, second = ask("сменить тариф", visits=3), ask("поменять план", visits=2)

    page = act(lead, "merge", first, second)

    assert questions(page) == ["сменить тариф"]
    assert lead.get(f"/leads/{second}").location == f"/leads/{first}"
    assert "поменять план" in lead.get(f"/leads/{first}").text
    act(lead, "split", first, phrasing=["поменять план"])
    assert sorted(questions(lead.get("/leads"))) == ["поменять план", "сменить тариф"]


def test_a_note_stays_and_its_former_text_stands_in_the_history(lead, ask, service):
    id = ask("сменить тариф")

    act(lead, "note", id, note="Ждём тариф\r\nот отдела <b>продаж</b>")
    act(lead, "note", id, note="Готово")

    page = lead.get(f"/leads/{id}").text
    assert "Ждём тариф" in page
    assert "&lt;b&gt;продаж&lt;/b&gt;" in page


IMPOSSIBLE = [
    ({"do": "assign"}, 200, "Сначала отметьте"),
    ({"do": "assign", "id": "nonsense"}, 200, "Сначала отметьте"),
    ({"do": "assign", "id": "99999"}, 200, "Ничего не изменено"),
    ({"do": "merge", "id": "1", "into": "77777"}, 200, "Ничего не изменено"),
    ({"do": "split", "id": "1"}, 200, "Ничего не изменено"),
    ({"do": "merge", "id": "1"}, 200, "ничего не изменилось"),
    ({"do": "reopen", "id": "1"}, 200, "ничего не изменилось"),
    ({"do": "no-such", "id": "1"}, 400, ""),
    ({}, 400, ""),
]


def test_what_cannot_be_done_changes_nothing_and_says_so(lead, ask, service):
    ask("сменить тариф")

    for data, status, said in IMPOSSIBLE:
        page = lead.post("/leads/do", data=data, follow_redirects=True)

        assert page.status_code == status, data
        assert said in page.text, data
        assert len(service.misses()) == 1


def test_what_was_written_when_the_session_ended_is_not_lost(lead, ask, service):
    id = ask("сменить тариф")
    lead.set_cookie(COOKIE, OLD, path="/leads")
    note = 'Длинная <заметка> & "кавычки"\nв две строки'

    ended = lead.post("/leads/do", data={"do": "note", "id": id, "note": note})

    assert ended.status_code == 401
    assert "Сеанс закончился" in ended.text
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', ended.text)
    fields = {name: html.unescape(value) for name, value in found}
    assert fields == {"do": "note", "id": str(id), "note": note, "next": "/leads/do"}
    wrong = lead.post("/leads/sign-in", data={"password": "x", **fields})
    assert note in html.unescape(wrong.text)
    again = lead.post("/leads/sign-in", data={"password": PASSWORD, **fields})
    assert (again.status_code, again.location) == (307, "/leads/do")
    lead.post(again.location, data={"password": PASSWORD, **fields})
    assert service.group(id).group.note == note


def test_nothing_is_taken_back_that_was_done_since(lead, ask, service):
    id = ask("сменить тариф")
    act(lead, "assign", id, owner="Анна")
    stale = service.last_action("Анна").id
    act(lead, "assign", id, owner="Борис")

    page = lead.post("/leads/undo", data={"action": str(stale)}, follow_redirects=True)

    assert "Ничего не отменено" in page.text
    assert service.group(id).group.owner == "Борис"


def test_no_form_leads_to_another_site(lead, ask):
    answer = lead.post("/leads/do", data={"do": "reopen", "back": "https://evil.example"})

    assert answer.location.startswith("/leads?")


# --- one question -------------------------------------------------------------------------------


def test_a_question_shows_who_asked_how_and_what_they_saw(lead, ask):
    id = ask(
        "vpn не подключается",
        visits=3,
        total=1,
        confident=True,
        seen=4.0,
        shown=(("ru/vpn", 1),),
    )

    page = lead.get(f"/leads/{id}").text

    assert "3 посещения" in page
    assert '<a href="/articles/ru/vpn">ru/vpn</a>' in page
    assert "Ничего не открыли: 3" in page
    assert '<rect class="s1"' in page


@pytest.mark.parametrize(
    "path", ["/leads/4711", "/leads/4711/article.md", "/leads/0", "/leads/x", "/leads/" + "9" * 30]
)
def test_a_question_that_is_not_there_is_not_found(lead, path):
    assert lead.get(f"/leads/{path}").status_code == 404


def test_a_ready_article_passes_the_check_and_closes_the_question(lead, ask, service, settings):
    id = ask('не приходит "код": на #почту', visits=3)

    answer = lead.get(f"/leads/{id}/article.md?title=Код+не+приходит&type=problem")

    assert answer.mimetype == "text/markdown"
    assert "kod-ne-prikhodit.md" in answer.headers["Content-Disposition"]
    (settings.articles / "ru" / "code.md").write_bytes(answer.data)
    assert [found for found in service.check(["ru/code.md"]) if found.level == "error"] == []
    service.rebuild()
    group = service.group(id).group
    assert (group.status, group.answer.slug) == ("answered", "ru/code")
    assert "Отвечает статья" in lead.get(f"/leads/{id}").text


def test_a_ready_article_holds_only_words_that_three_visits_used(lead, ask):
    rare = ask("сменить тариф подписки договора Кактусова", visits=2)
    id = ask("сменить тариф подписки договора", visits=3)

    page = lead.get(f"/leads/{id}").text
    text = lead.get(f"/leads/{id}/article.md").text

    assert id == rare
    assert "сменить тариф подписки договора Кактусова" in page  # leads may read it
    assert 'title: "Сменить тариф подписки договора"' in text
    assert "Кактусов" not in text + html.unescape(page[page.index('id="write"') :])


def test_where_no_words_may_leave_the_lead_finds_the_title(lead, ask):
    id = ask("сменить тариф Ивана Кактусова", visits=2)

    page = lead.get(f"/leads/{id}").text
    refused = lead.get(f"/leads/{id}/article.md")
    told = lead.get(refused.location).text
    text = lead.get(f"/leads/{id}/article.md?title=Смена+тарифа").text

    assert page.count("Ни одну формулировку не повторили три посещения") == 1
    assert 'href="#write"' in page
    assert f"/leads/{id}/article.md" not in page.replace("action=", "")[: page.index("write-title")]
    assert "Сначала дайте статье заголовок." in told
    assert 'title: "Смена тарифа"' in text
    assert "Кактусов" not in text


def test_a_synonym_comes_as_a_patch(lead, ask):
    id = ask("впн", visits=3)

    answer = lead.get(f"/leads/{id}/synonyms.patch?word=впн&means=vpn")

    assert answer.mimetype == "text/x-diff"
    assert "+- [впн, vpn]\n" in answer.text
    missing = lead.get(f"/leads/{id}/synonyms.patch?word=впн")
    assert missing.status_code == 303
    assert "Сначала напишите оба слова." in lead.get(missing.location).text


def test_a_synonym_for_git_holds_no_word_of_fewer_than_three_visits(lead, ask):
    id = ask("кактусов впн", visits=2)
    ask("впн", visits=1)

    for word, means in (("кактусов", "vpn"), ("vpn", "Кактусову"), ("впн кактусов", "vpn")):
        refused = lead.get(f"/leads/{id}/synonyms.patch?word={word}&means={means}")

        assert refused.status_code == 303
        assert "в файл для git ему нельзя" in lead.get(refused.location).text


@pytest.mark.parametrize(("visits", "is_offered"), [(2, False), (3, True)])
def test_the_page_offers_the_synonym_only_where_it_may_leave(
    lead, ask, service, visits, is_offered
):
    id = ask("кактусов впн", visits=visits)
    log = SearchLog(service.settings.log_url)
    log.triage(Finding(id, Triage("synonym", "b", "vpn", "ru/vpn", ("кактусов", "vpn"))))
    log.close()

    form = lead.get(f"/leads/{id}").text.partition('id="synonym"')[2]

    assert ('value="кактусов"' in form) is is_offered
    assert ("+- [кактусов, vpn]" in form) is is_offered
    assert ("Возьмите другое слово" in form) is not is_offered


NUMBERS = "/leads/numbers"
PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7654 * 2 }}",
    "</textarea><script>alert(1)</script>",
    "javascript:alert(1)",
]


def test_what_customers_and_leads_write_stays_text(lead, ask, service):
    for at, payload in enumerate(PAYLOADS):
        seen = ((payload, 1),)
        id = ask(f"вопрос{at} {payload}", visits=4, category=payload, owner=payload, shown=seen)
        log = SearchLog(service.settings.log_url)
        log.ticket("Помогите", type=payload)
        log.close()
        act(lead, "note", id, note=payload)
        act(lead, "dismiss", id, reason=payload)
        act(lead, "assign", id, owner=payload)

        for path in ("/leads?status=all", f"/leads/{id}", f"/leads?q={quote(payload)}", NUMBERS):
            page = lead.get(path).text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "15308" not in page
            assert not re.search(r'href="\s*javascript:', page)


# --- numbers, manual, state, table --------------------------------------------------------------


def test_numbers_are_shown_from_twenty_on_and_never_below(lead, ask):
    ask("сменить тариф", visits=19)
    few = lead.get("/leads/numbers").text

    ask("вернуть деньги", visits=1)
    enough = lead.get("/leads/numbers").text

    assert "Меньше 20 (n = 19): слишком мало" in few
    assert "<strong>100\N{NO-BREAK SPACE}%</strong>" not in few
    assert '<svg viewBox="0 0 1000 100"' not in few
    assert "<strong>100\N{NO-BREAK SPACE}%</strong><p>20 из n = 20</p>" in enough
    assert '<svg viewBox="0 0 1000 100"' in enough


def test_numbers_belong_to_the_chosen_period_and_language(lead, ask):
    ask("сменить тариф", visits=20, ago=3)
    ask("export tables", visits=25, ago=3, lang="en")
    ask("вернуть деньги", visits=30, ago=60)

    assert "из n = 45" in lead.get("/leads/numbers").text
    assert "из n = 25" in lead.get("/leads/numbers?lang=en").text
    assert "из n = 75" in lead.get("/leads/numbers?period=90").text
    assert "из n = 45" in lead.get("/leads/numbers?period=no&lang=no").text


def test_the_parts_of_the_miss_rate_lead_to_their_questions(lead, ask):
    ask("сменить тариф", visits=21, total=2)
    page = lead.get("/leads/numbers").text

    link = re.search(r'<a href="(/leads\?kind=weak[^"]*)">Только неуверенные', page)[1]

    assert questions(lead.get(html.unescape(link))) == ["сменить тариф"]


def test_an_article_shows_what_its_questions_had_cost(lead, ask, service, write):
    ask("сменить тариф", visits=19, letters=1)
    ask("вернуть деньги", visits=2)
    nothing = lead.get("/leads/numbers").text
    write("ru/tariff", "Откройте настройки.", title="Тариф", answers=["сменить тариф"])
    service.rebuild()

    page = lead.get("/leads/numbers").text

    row = re.search(r'<a href="/articles/ru/tariff">ru/tariff</a></th>(.*?)</tr>', page, re.S)[1]
    assert "Ни один вопрос пока не отвечен." in nothing
    assert re.findall(r'<td class="num">(\d+)</td>', row) == ["1", "1", "19"]


def test_times_to_answer_are_drawn_from_twenty_answers_on(lead, service):
    log = SearchLog(service.settings.log_url)

    def answered(first, last):
        for n in range(first, last):
            at = time.time() - 9 * 86400
            words = f"вопрос {chr(ord('а') + n) * 7}"
            log.record(Search(id=f"r{n}", visit=f"v{n}", query=words, started=at, ended=at))
            id = next(group.id for group in log.misses() if group.question == words)
            log.answer(id, slug="ru/vpn", build="b", at=datetime.fromtimestamp(
                at + (2 if n < 5 else 4) * 86400, UTC))  # fmt: skip
        page = lead.get("/leads/numbers").text
        return page[page.index('id="times"') : page.index('id="types"')]

    few, enough = answered(0, 19), answered(19, 20)
    log.close()

    assert "<svg" not in few
    assert "n = 19" in few
    rows = re.findall(r'<th scope="row">(.*?)</th><td class="num">(.*?)</td>', enough)
    assert rows == [
        ("Меньше суток", "0 (0\N{NO-BREAK SPACE}%)"),
        ("1–2 дня", "5 (25\N{NO-BREAK SPACE}%)"),
        ("3–7 дней", "15 (75\N{NO-BREAK SPACE}%)"),
        ("8–30 дней", "0 (0\N{NO-BREAK SPACE}%)"),
        ("Больше 30 дней", "0 (0\N{NO-BREAK SPACE}%)"),
    ]
    assert enough.count("<svg") == 5


def test_letters_by_type_say_how_long_people_wait(lead, service):
    log = SearchLog(service.settings.log_url)
    began = datetime.now(UTC) - timedelta(days=5)
    for n in range(20):
        log.ticket("Помогите", type="Доступ", at=began, replied=began + timedelta(hours=3 + n % 3))
    log.ticket("Помогите", type="Оплата", at=began, replied=began + timedelta(hours=90))
    log.close()

    page = lead.get("/leads/numbers").text
    rows = re.findall(r'<th scope="row">(Доступ|Оплата)</th>(.*?)</tr>', page, re.S)

    assert [name for name, _ in rows] == ["Доступ", "Оплата"]
    assert "4 часа" in rows[0][1]
    assert "90" not in rows[1][1]  # one reply says nothing


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_number_leads_to_its_definition(lead, lang):
    page = lead.get(f"/leads/numbers?ui={lang}").text
    links = set(re.findall(r'href="(/leads/help/[\w-]+)#([\w-]+)"', page))

    assert len(links) >= 8
    for path, anchor in links:
        assert f'id="{anchor}"' in lead.get(path).text, anchor


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_manual_of_the_board_leads_nowhere_else(lead, lang):
    for name in manual.PAGES:
        page = lead.get(f"/leads/help/{name}?ui={lang}").text

        inside = page[page.index('<div class="prose">') :]
        for link in re.findall(r'href="(/[^"#]*)', inside[: inside.index("</article>")]):
            assert lead.get(link).status_code == 200, f"{name}: {link}"
    assert lead.get("/leads/help/no-such").status_code == 404
    assert lead.get("/leads/help/..%2Fwriting").status_code == 404


def test_the_state_names_what_was_held_back(lead, service, write):
    write("ru/vpn.md", "---\ntitle: [\n")
    service.rebuild(careful=True)

    page = lead.get("/leads/state").text

    assert "Ничего не опубликовано." in page
    assert "<b>ru/vpn.md</b>" in page
    assert "SQLite" in page
    assert ":1 шапка начинается с `---` и нигде не кончается<br>" in page
    assert "поставьте строку `---` после последнего поля" in page
    assert (
        "the front matter begins with `---` but never ends" in lead.get("/leads/state?ui=en").text
    )


def test_what_readers_wrote_is_listed_as_text_the_newest_first(lead, service):
    log, now = SearchLog(service.settings.log_url), datetime.now(UTC)

    def wrote(text, slug="ru/vpn", days=0.0, **more):
        log.feedback(slug, False, text=text, at=now - timedelta(days=days), **more)

    for n in range(20):
        wrote(f"старое {n}", days=10 + n / 100)
    wrote("<script>alert(1)</script>\nвторая строка", days=1, reason="unclear")
    wrote("где снимок экрана?", slug="ru/gone", days=2)
    wrote("слишком давно", days=60)
    wrote("", days=1)
    log.close()

    first, second = lead.get("/leads/state"), lead.get("/leads/state?page=2")

    texts = [re.findall(r'<p class="wrote">(.*?)</p>', page.text, re.S) for page in (first, second)]
    assert texts[0][:3] == [
        "&lt;script&gt;alert(1)&lt;/script&gt;\nвторая строка", "где снимок экрана?", "старое 0",
    ]  # fmt: skip
    assert texts[1] == ["старое 18", "старое 19"]
    assert len(texts[0]) == 20
    assert '<a href="/articles/ru/vpn">Настройка VPN</a>' in first.text
    assert "ru/gone <span" in first.text
    assert "Страница 1 из 2" in first.text
    further = html.unescape(re.search(r'rel="next" href="([^"]+)"', first.text)[1])
    assert lead.get(further).text == second.text
    assert lead.get("/leads/state?page=-7&owner=x").status_code == 200
    assert "старое 19" in lead.get("/leads/state?page=99").text


def test_without_a_word_of_readers_the_state_says_so(lead):
    assert "под статьями никто ничего не написал" in lead.get("/leads/state").text


def test_a_log_that_cannot_be_read_is_said_not_crashed(lead, service):
    service.close()
    (service.settings.data / "log.sqlite3").write_bytes(b"no database" * 1000)

    board = lead.get("/leads")
    assert board.status_code == 503
    assert "Журнал не читается" in board.text
    assert "недоступен: file is not a database; проверьте KB_DATABASE_URL" in board.text
    assert "check KB_DATABASE_URL" in lead.get("/leads?ui=en").text
    assert "недоступен" in lead.get("/leads/state?ui=ru").text


def test_the_table_opens_in_a_russian_excel_and_computes_nothing(lead, ask):
    ask("=HYPERLINK(1) формула", visits=2)
    ask('кавычки "и"; точка', category="+7 телефон", owner="@Анна")

    answer = lead.get("/leads/misses.csv")
    rows = list(csv.reader(StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))

    assert answer.mimetype == "text/csv"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert rows[0][:4] == ["№", "Вопрос", "Посещения", "Поиски"]
    assert [row[1] for row in rows[1:]] == ["'=HYPERLINK(1) формула", 'кавычки "и"; точка']
    assert {"'+7 телефон", "'@Анна", "Ничего не нашлось: 1", "Есть ответственный"} <= set(rows[2])
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)


def test_the_table_holds_what_the_list_would(lead, ask):
    for n in range(4):
        ask(f"вопрос{n} слово{n} дело{n}", owner="Анна")
    ask("другое")

    english = lead.get("/leads/misses.csv?owner=Анна&ui=en").text.splitlines()

    assert english[0].startswith("\N{ZERO WIDTH NO-BREAK SPACE}No.,Question,Visits")
    assert len(english) == 5


OURS_IN_LATIN = {
    "UTC", "Excel", "CSV", "Enter", "SQLite", "English", "misses", "replay", "git", "sync", "apply",
    "synonyms", "patch", "answers", "how", "title", "type", "updated", "index",
}  # fmt: skip


def test_every_page_of_the_board_speaks_both_languages(lead, ask):
    id = ask("rare words", visits=30, lang="en")
    asked = {"rare", "words", "Rare"}

    for path in ("/leads", f"/leads/{id}", "/leads/numbers", "/leads/state"):
        russian = re.sub(r"<[^>]+>", " ", main_of(lead.get(f"{path}?ui=ru")))
        english = re.sub(r"<[^>]+>", " ", main_of(lead.get(f"{path}?ui=en")))

        assert set(re.findall(r"\b[A-Za-z]{3,}", russian)) - asked <= OURS_IN_LATIN, path
        assert set(re.findall(r"[А-яЁё]+", english)) <= {"Русский", "Анна"}, path


def main_of(page):
    """What the page itself says, without the file it offers."""
    inside = page.text[page.text.index("<main") : page.text.index("</main>")]
    return re.sub(r"<pre.*?</pre>", "", inside, flags=re.S)
