"""The leads' board: who gets in, what they see, what they change, and that it can be undone."""

import csv
import html
import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from urllib.parse import quote

import pytest

from kb.base.config import Settings
from kb.cli import main
from kb.searchlog.askers import Askers
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import GroupTriage, Search, Triage
from kb.searchlog.reports import Event
from kb.service import KnowledgeBase
from kb.site import auth, throttle
from kb.site.board import manual
from kb.site.board.numbers import TABLES
from kb.web import create_app

PASSWORD = "correct horse battery staple"
OURS = {"Sec-Fetch-Site": "same-origin"}
# Whatever is not listed here refuses those who are not signed in: a new route must be thought of.
PUBLIC = {
    "/", "/search", "/ru/", "/en/", "/ru/search", "/en/search", "/contact", "/articles/<path:slug>",
    "/categories/<lang>/<path:key>", "/media/<path:path>", "/static/<path:name>", "/theme.css",
    "/api/search", "/api/searches", "/api/feedback", "/api/suggest", "/api/promise", "/api/notice",
    "/healthz", "/readyz", "/metrics", "/openapi.json", "/favicon.ico", "/sitemap.xml",
    "/robots.txt", "/feed.xml", "/opensearch.xml", "/manifest.webmanifest", "/widget", "/widget.js",
    "/widget/demo", "/leads/sign-in", "/leads/sign-out", "/api/contact",
    "/articles/<path:slug>.md", "/llms.txt", "/llms-full.txt", "/ru/llms.txt", "/en/llms.txt",
    "/ru/llms-full.txt", "/en/llms-full.txt", "/mcp", "/tell-me", "/tell-me/<token>",
    "/articles/<path:slug>/history",
    "/leaving", "/categories/<lang>/feed.xml", "/categories/<lang>/<path:key>/feed.xml",
    "/categories/",
    "/sign-in", "/sign-in/reader", "/sign-in/reader/out",
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


def expired():
    """The cookie of a session that is over."""
    over = time.time() - auth.SESSION_LASTS - 2
    return auth.PasswordAuth(PASSWORD, now=lambda: over).session_cookie("Анна")


def of_another_password():
    return auth.PasswordAuth("another password").session_cookie("Анна")


def valid():
    return auth.PasswordAuth(PASSWORD).session_cookie("Анна")


def of_device():
    return auth.PasswordAuth(PASSWORD).device_cookie()


def test_every_route_not_listed_as_public_refuses(stranger):
    """Without a credential, with nonsense, another's, an expired, a changed, an unsigned one."""
    asked = 0
    credentials = (
        "", "x", of_another_password(), expired(), valid()[:-3] + "abc", valid().split(".")[0],
        of_device(),
    )  # fmt: skip
    for credential, rule in itertools.product(
        credentials, stranger.application.url_map.iter_rules()
    ):
        if rule.rule in PUBLIC:
            continue
        cookie(stranger, credential)
        path = re.sub(r"<[^>]+>", "x", re.sub(r"<int[^>]*>", "1", rule.rule))
        for method in rule.methods - {"OPTIONS"}:
            headers = OURS | {"Authorization": f"Bearer {credential}"}
            answer = stranger.open(path, method=method, headers=headers)
            assert answer.status_code in (401, 403, 404, 429), f"{method} {rule.rule} {credential}"
            assert "Анна" not in answer.text
            asked += 1
    assert asked >= 2 * len(credentials)


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


def test_behind_a_public_https_address_the_cookie_never_travels_in_the_clear_either(service):
    """A proxy that is not listed: what reaches us is plain HTTP."""
    more = {"base_url": "https://help.example.com", "leads_password": PASSWORD_SETTING}
    app = create_app(service, service.settings.model_copy(update=more))

    answer = sign_in(app.test_client())

    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all("Secure" in each and "HttpOnly" in each for each in cookies)


@pytest.fixture
def links(service):
    return auth.SignInLinks(service.settings.data)


def by_link(client, token, **more):
    return client.post("/leads/sign-in", data={"token": token, **more}, headers=OURS)


def test_a_link_signs_in_once(stranger, links):
    token = links.make()
    page = stranger.get(f"/leads/sign-in?token={token}").text
    assert stranger.get(f"/leads/sign-in?token={token}").text == page  # looking spends nothing
    assert 'name="password"' not in page
    assert f'name="token" value="{token}"' in page

    answer = by_link(stranger, token, name="Анна")

    assert (answer.status_code, answer.location) == (303, "/leads")
    assert stranger.get("/leads").status_code == 200
    kept = stranger.get_cookie(COOKIE, path="/leads").value
    assert auth.PasswordAuth(PASSWORD).session(kept).name == "Анна"
    other = stranger.application.test_client()
    again = by_link(other, token)
    assert again.status_code == 401
    assert "kb sign-in" in again.text
    assert other.get("/leads").status_code == 401


def test_of_two_who_use_a_link_at_once_one_gets_in(tmp_path):
    links = auth.SignInLinks(tmp_path)
    token = links.make()

    with ThreadPoolExecutor(8) as pool:
        let = list(pool.map(lambda _: auth.SignInLinks(tmp_path).use(token), range(40)))

    assert sum(let) == 1
    assert all(token not in file.read_text() for file in tmp_path.iterdir())


def test_a_link_is_good_for_an_hour(tmp_path):
    clock = [1000.0]
    links = auth.SignInLinks(tmp_path, now=lambda: clock[0])
    first, second = links.make(), links.make()

    clock[0] += auth.LINK_LASTS - 1
    assert links.use(first)
    clock[0] += 2
    assert not links.use(second)
    assert not links.use("")


def test_without_a_password_a_link_is_the_way_in_for_every_worker(kb, write):
    write("ru/vpn")
    kb.rebuild()
    first, second = (create_app(kb).test_client() for _ in range(2))
    token = auth.SignInLinks(kb.settings.data).make()

    by_link(first, token)

    assert first.get("/leads").status_code == 200
    kept = first.get_cookie(COOKIE, path="/leads").value
    cookie(second, kept)
    assert second.get("/leads").status_code == 200
    cookie(second, of_another_password())
    assert second.get("/leads").status_code == 401


def test_kb_sign_in_prints_a_link_that_works(service, stranger, runner):
    folders = ["--data", str(service.settings.data)]

    done = runner.invoke(main, ["sign-in", *folders], env={"KB_BASE_URL": "https://help.example"})

    address, _, token = done.stdout.strip().partition("?token=")
    assert (done.exit_code, address) == (0, "https://help.example/leads/sign-in")
    assert by_link(stranger, token).status_code == 303
    missing = runner.invoke(main, ["sign-in", "--data", str(service.settings.data / "no")])
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "--data" in missing.stderr


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(service, lead):
    kept = lead.get_cookie(COOKIE, path="/leads").value
    assert lead.get("/leads").status_code == 200

    lead.post("/leads/sign-out")

    assert lead.get("/leads").status_code == 401
    cookie(lead, kept)
    assert lead.get("/leads").status_code == 401
    worker = create_app(service).test_client()
    cookie(worker, kept)
    assert worker.get("/leads").status_code == 401


def test_signing_out_ends_no_other_session(stranger):
    one, two = (stranger.application.test_client() for _ in range(2))
    sign_in(one)
    sign_in(two)

    one.post("/leads/sign-out", headers=OURS)

    assert one.get("/leads").status_code == 401
    assert two.get("/leads").status_code == 200


def test_an_ended_session_is_remembered_as_long_as_its_cookie_would_be_good(tmp_path):
    clock = [1000.0]
    file = tmp_path / "ended.json"
    ended = auth.EndedSessions(file, now=lambda: clock[0])
    first, second = (
        auth.Session("a", "", 1000.0),
        auth.Session("b", "", 1000.0 + auth.SESSION_LASTS),
    )

    ended.add(first)
    assert first in ended
    assert second not in ended
    clock[0] += auth.SESSION_LASTS + 1
    ended.add(second)

    assert json.loads(file.read_text())["ended"].keys() == {"b"}


@pytest.mark.parametrize("damage", ["{", "[1]", "\0", '{"ended": {"a'])
def test_where_nobody_knows_what_was_ended_every_session_begins_anew(lead, service, damage):
    file = service.settings.data / "leads-ended.json"
    lead.post("/leads/sign-out")
    sign_in(lead)
    file.write_text(damage)
    time.sleep(1.1)  # sessions begin at whole seconds

    assert lead.get("/leads").status_code == 401
    sign_in(lead)
    time.sleep(1.1)
    assert lead.get("/leads").status_code == 200


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


def try_from(client, address, given):
    return client.post(
        "/leads/sign-in",
        data={"password": given},
        headers=OURS,
        environ_base={"REMOTE_ADDR": address},
    ).status_code


def test_after_five_wrong_passwords_a_network_must_wait(stranger):
    for _ in range(throttle.TRIES):
        assert sign_in(stranger, "a guess").status_code == 401

    answer = sign_in(stranger)  # even the right one

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= throttle.PAUSE
    assert try_from(stranger, "198.51.100.7", PASSWORD) == 303


def test_many_addresses_of_a_network_have_no_more_tries_than_one(stranger):
    tries = [try_from(stranger, f"192.0.2.{n}", "a guess") for n in range(throttle.TRIES + 1)]

    assert tries == [401] * throttle.TRIES + [429]


def test_a_stranger_behind_the_same_proxy_locks_no_lead_out(stranger):
    """Without KB_TRUSTED_PROXIES all have the proxy's address; a browser that was in is known."""
    anna, eve = (stranger.application.test_client() for _ in range(2))
    sign_in(anna)
    anna.post("/leads/sign-out", headers=OURS)
    while try_from(eve, "127.0.0.1", "a guess") != 429:
        pass

    assert try_from(anna, "127.0.0.1", PASSWORD) == 303


def test_a_known_browser_has_no_more_tries_than_a_network(stranger):
    sign_in(stranger)

    statuses = [sign_in(stranger, "a guess").status_code for _ in range(throttle.TRIES + 2)]

    assert statuses == [401] * throttle.TRIES + [429] * 2


def test_nobody_makes_a_known_browser_of_their_own(stranger):
    for kept in (of_device()[:-1], auth.PasswordAuth("another").device_cookie(), valid()):
        client = stranger.application.test_client()
        for n in range(throttle.TRIES + 1):
            client.set_cookie("kb_leads_device", f"{kept}{'' if n else ' '}", path="/leads")
            status = sign_in(client, "a guess").status_code
    assert status == 429


def test_a_link_works_while_somebody_tries_passwords(stranger, links):
    while sign_in(stranger, "a guess").status_code != 429:
        pass

    assert by_link(stranger, links.make()).status_code == 303


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


@pytest.mark.parametrize("keep", [str, auth.hash_password], ids=["text", "hash"])
def test_only_the_password_is_right(keep):
    kept = keep(PASSWORD)
    checked = auth.PasswordAuth(kept)

    assert checked.is_right(PASSWORD)
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", "пароль", "\ud800", "x" * 100_000, kept[:20]):
        assert not checked.is_right(wrong)
    assert not auth.PasswordAuth(auth.hash_password(PASSWORD)).is_right(
        auth.hash_password(PASSWORD)
    )


def test_a_password_and_a_key_are_never_shown():
    shown = repr(auth.PasswordAuth(PASSWORD, b"key of cookies"))
    assert PASSWORD not in shown
    assert "key of cookies" not in shown


def test_a_session_ends_after_twelve_hours_or_with_the_password():
    begun = auth.PasswordAuth(PASSWORD, now=lambda: 1_000_000).session_cookie("Анна")

    def lead(password, after):
        session = auth.PasswordAuth(password, now=lambda: 1_000_000 + after).session(begun)
        return session and session.name

    assert lead(PASSWORD, 12 * 3600) == "Анна"
    assert lead(PASSWORD, 12 * 3600 + 1) is None
    assert lead("a new password", 1) is None
    assert lead(None, 1) is None


def test_where_tries_cannot_be_counted_nobody_gets_one(stranger, service):
    (service.settings.data / "leads-tries.json").mkdir()

    answer = sign_in(stranger)

    assert answer.status_code == 503
    assert "Set-Cookie" not in answer.headers


def test_kb_config_prints_a_hash_that_opens(runner):
    done = runner.invoke(main, ["config", "--hash"], input=f"{PASSWORD}\n")

    assert done.exit_code == 0
    assert auth.PasswordAuth(done.stdout.strip()).is_right(PASSWORD)
    assert runner.invoke(main, ["config", "--hash"], input="\n").exit_code == 2
    weak = runner.invoke(main, ["config", "--hash"], input="password2026\n")
    assert (weak.exit_code, weak.stdout) == (2, "")
    assert weak.stderr.count("\n") == 1


# --- the list -----------------------------------------------------------------------------------


@pytest.fixture
def ask(service):
    """`ask("vpn не подключается", visits=3)` asks in vain in so many visits, each an asker."""
    counter, askers = itertools.count(), Askers()

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
                asker=f"asker {n}",
                **more,
            )
            for n in itertools.islice(counter, visits)
        ]
        log = SearchLog(service.settings.log_url, askers)
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
    assert [service.log.groups.details(id).group.owner for id in ids] == ["Борис", "Борис"]
    assert service.log.groups.details(ids[0]).history[-1].who == "Анна"
    action = re.search(r'name="action" value="(\d+)"', page.text)[1]
    page = lead.post("/leads/undo", data={"action": action}, follow_redirects=True)
    assert "Отменено." in page.text
    assert [service.log.groups.details(id).group.owner for id in ids] == ["", ""]


def test_a_dismissal_has_a_reason_and_an_end(lead, ask, service):
    id = ask("сменить тариф")

    act(lead, "dismiss", id, reason="Не про нас", until="2027-01-31")

    group = service.log.groups.details(id).group
    assert (group.status, group.dismissed) == ("dismissed", "Не про нас")
    assert group.dismissed_until.date().isoformat() == "2027-01-31"
    assert questions(lead.get("/leads")) == []
    act(lead, "reopen", id)
    assert service.log.groups.details(id).group.status == "open"


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
    lead.set_cookie(COOKIE, expired(), path="/leads")
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
    assert service.log.groups.details(id).group.note == note


def test_nothing_is_taken_back_that_was_done_since(lead, ask, service):
    id = ask("сменить тариф")
    act(lead, "assign", id, owner="Анна")
    stale = service.log.actions.last_action("Анна").id
    act(lead, "assign", id, owner="Борис")

    page = lead.post("/leads/undo", data={"action": str(stale)}, follow_redirects=True)

    assert "Ничего не отменено" in page.text
    assert service.log.groups.details(id).group.owner == "Борис"


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
    assert '<a href="/articles/ru/vpn">Настройка VPN</a>' in page
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
    group = service.log.groups.details(id).group
    assert (group.status, group.answer.slug) == ("waiting", "ru/code")
    assert "Поиск теперь отвечает на него" in lead.get(f"/leads/{id}").text
    service.log.actions.prove(id)
    assert "Отвечает статья" in lead.get(f"/leads/{id}").text


def test_a_ready_article_holds_only_words_that_three_askers_used(lead, ask):
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

    assert page.count("Одними и теми же словами спросило слишком мало людей") == 1
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


def test_a_synonym_for_git_holds_no_word_of_fewer_than_three_askers(lead, ask):
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
    log.actions.triage(
        GroupTriage(id, Triage("synonym", "b", "vpn", "ru/vpn", ("кактусов", "vpn")))
    )
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


def test_a_row_has_one_action_and_a_menu_that_leads_to_the_others(lead, ask):
    id = ask("сменить тариф", visits=2)
    ask("вернуть деньги")
    page = lead.get("/leads").text

    rows = re.findall(r'<li>\s*<label class="tick">.*?</details>', page, re.S)

    assert [row.count('class="step"') for row in rows] == [1, 1]
    (menu,) = re.findall(r'<details class="menu" name="menu">.*', rows[0], re.S)
    anchors = re.findall(rf'href="/leads/{id}#([^"]+)"', menu)
    question = lead.get(f"/leads/{id}").text
    assert len(anchors) == 4
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in question] == []


def test_every_table_of_numbers_is_there_as_csv(lead, ask):
    ask("сменить тариф", visits=21, total=2)
    page = lead.get("/leads/numbers?period=7&ui=ru").text

    for table in TABLES:
        answer = lead.get(f"/leads/numbers/{table}.csv?period=7&ui=ru")
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/csv")
        assert answer.text.splitlines()[0].count(";") > 0, table  # a head of several columns
    assert "/leads/numbers/searches.csv?period=7" in page
    searches = lead.get("/leads/numbers/searches.csv?ui=ru").text
    assert searches.splitlines() == [
        "\ufeffЗапрос;Поиски;Поиски, период до этого;Открыли ответ;Открыли ответ, период до этого;"
        "Доля открывших ответ;Доля открывших ответ, период до этого;Неудачи;"
        "Неудачи, период до этого",
        "сменить тариф;21;0;0;0;0.0;;21;0",
    ]
    assert lead.get("/leads/numbers/secrets.csv").status_code == 404


def test_each_number_stands_beside_that_of_the_period_before(lead, ask):
    opened = {"total": 2, "confident": True, "events": (Event("click", "ru/vpn", 1, 900),)}
    ask("сменить тариф", visits=20, ago=33)
    ask("сменить тариф", visits=24, **opened)
    ask("сменить тариф", visits=5, ago=33, **opened)

    page = lead.get("/leads/numbers?ui=ru").text
    row = re.search(r">сменить тариф</a></th>(.*?)</tr>", page, re.S)[1]
    cells = re.findall(r'<td class="num">(.*?)<span class="was">(.*?)</span></td>', row)

    percent = "\N{NO-BREAK SPACE}%"
    assert cells == [
        ("24", "прежде: 25"),
        (f"24 (100{percent})", f"прежде: 5 (20{percent})"),
        ("0", "прежде: 20"),
    ]
    assert f"<strong>0{percent}</strong><p>0 из n = 24</p>" in page
    assert f'<span class="was">прежде: 80{percent}</span>' in page


def test_two_articles_opened_alike_for_a_question_stand_side_by_side(lead, ask, service, write):
    write("ru/tariff", "Откройте настройки.", title="Тариф")
    write("en/tariff", "Open the settings.", title="Plan")
    service.rebuild()
    for slug in ("ru/vpn", "ru/tariff", "en/tariff"):
        event = Event("click", slug, 1, 900)
        visits = 5 if slug == "ru/vpn" else 4
        ask("сменить тариф" if "ru" in slug else "plan", visits=visits, total=2, events=(event,))
        ask("plan", visits=3, total=2, events=(event,)) if slug == "ru/tariff" else None

    page = lead.get("/leads/numbers?ui=ru").text
    row = re.search(r'<h2 id="alike">.*?<tbody>(.*?)</tbody>', page, re.S)[1]

    assert row.count("<tr>") == 1  # not the pair of two languages
    assert '>Настройка VPN</a> <span class="n">5</span>' in row
    assert '>Тариф</a> <span class="n">4</span>' in row
    assert 'сменить тариф <span class="n">5 : 4</span>' in row
    table = lead.get("/leads/numbers/alike.csv?ui=ru").text
    assert table.splitlines()[1] == "сменить тариф;Настройка VPN;ru/vpn;5;Тариф;ru/tariff;4"


def test_what_is_no_longer_kept_is_a_dash_and_no_zero(lead, ask):
    ask("сменить тариф", visits=3)

    page = lead.get("/leads/numbers?period=90&ui=ru").text
    table = lead.get("/leads/numbers/searches.csv?period=90&ui=ru").text

    row = re.search(r">сменить тариф</a></th>(.*?)</tr>", page, re.S)[1]
    assert re.findall('class="was">(.*?)<', row) == ["прежде: –"] * 3
    assert "больше не хранятся" in page
    assert table.splitlines()[1] == "сменить тариф;3;;0;;;;3;"
    assert "больше не хранятся" not in lead.get("/leads/numbers?period=30&ui=ru").text


def test_the_parts_of_the_miss_rate_lead_to_their_questions(lead, ask):
    ask("сменить тариф", visits=21, total=2)
    page = lead.get("/leads/numbers").text

    link = re.search(r'<a href="(/leads\?kind=weak[^"]*)">Только неуверенные', page)[1]

    assert questions(lead.get(html.unescape(link))) == ["сменить тариф"]


def test_an_article_shows_what_its_questions_had_cost(lead, ask, service, write):
    id = ask("сменить тариф", visits=19, letters=1)
    ask("вернуть деньги", visits=2)
    nothing = lead.get("/leads/numbers").text
    write("ru/tariff", "Откройте настройки.", title="Тариф", answers=["сменить тариф"])
    service.rebuild()
    unproved = lead.get("/leads/numbers").text
    service.log.actions.prove(id)

    page = lead.get("/leads/numbers").text

    assert '<a href="/articles/ru/tariff">' not in unproved
    row = re.search(r'<a href="/articles/ru/tariff">Тариф</a></th>(.*?)</tr>', page, re.S)[1]
    assert "Ни один вопрос пока не отвечен." in nothing
    assert re.findall(r'<td class="num">(\d+)</td>', row) == ["1", "1", "19"]


def test_times_to_answer_are_drawn_from_twenty_answers_on(lead, service):
    log = SearchLog(service.settings.log_url)

    def answered(first, last):
        for n in range(first, last):
            at = time.time() - 9 * 86400
            words = f"вопрос {chr(ord('а') + n) * 7}"
            log.record(Search(id=f"r{n}", visit=f"v{n}", query=words, started=at, ended=at))
            id = next(group.id for group in log.board.misses() if group.question == words)
            log.actions.answer(id, slug="ru/vpn", build="b", at=datetime.fromtimestamp(
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


@pytest.mark.parametrize("limit", ["rows", "seconds"])
def test_a_table_that_is_cut_says_so_in_its_last_row(lead, ask, monkeypatch, limit):
    for n in range(4):
        ask(f"вопрос{n} слово{n} дело{n}", visits=4 - n)
    if limit == "rows":
        monkeypatch.setattr("kb.site.board.questions.MOST_ROWS", 2)
    else:
        moments = iter([0.0, 1.0, 2.0, 21.0])
        monkeypatch.setattr("kb.site.board.questions.monotonic", lambda: next(moments))

    rows = list(csv.reader(StringIO(lead.get("/leads/misses.csv").text), delimiter=";"))

    assert [row[1].split()[0] for row in rows[1:]] == ["вопрос0", "вопрос1", "Это"]
    assert rows[-1][1].startswith("Это не все вопросы")


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
    """What the page itself says, without files it offers, commands and names of builds.

    The name of a build ends in random hexadecimal digits, which may all be letters.
    """
    inside = page.text[page.text.index("<main") : page.text.index("</main>")]
    return re.sub(r"<(pre|code)\b.*?</\1>", "", inside, flags=re.S)


# --- the Monday screen ----------------------------------------------------------------------------


def test_the_week_is_told_in_five_lines(lead, ask):
    ask("сменить тариф", visits=3, letters=1)

    page = lead.get("/leads").text
    week = re.search(r'<dl class="week">(.*?)</dl>', page, re.S)[1]

    rows = re.findall(r"<dt>(?:<a[^>]*>)?(.*?)(?:</a>)?</dt><dd><b>(.*?)</b>", week)
    assert rows == [
        ("Поисков за 7 дней", "3"),
        ("Доля неудач", "–"),
        ("Отвечено вопросов", "0"),
        ("Потеряно ответов", "0"),
        ("Писем в поддержку", "1"),
    ]


def test_a_row_says_what_to_do_and_who(lead, ask, service, write):
    write("ru/tariff", "Текст.", title="Сменить тариф", draft=True)
    ask("сменить тариф", visits=2)
    service.rebuild()

    page = lead.get("/leads").text

    assert 'class="step" href="/leads/1#next-title"' in page
    assert "Опубликовать черновик" in page
    assert '<polyline points="0.0,20.0' in page


def test_questions_that_look_alike_are_merged_by_a_click_or_told_apart(lead, ask):
    first, second = ask("потерял карту вчера вечером", visits=3), ask("потерял карту что делать")
    third = ask("карту потерял сын")

    page = lead.get("/leads/alike").text
    assert f'name="into" value="{first}"' in page
    assert all(f'name="id" value="{id}" checked' in page for id in (second, third))
    assert "Похоже на то же самое" in lead.get(f"/leads/{second}").text

    back = {"back": "/leads/alike", "into": first}
    lead.post("/leads/do", data={**back, "id": third, "do": "separate"})
    lead.post("/leads/do", data={**back, "id": second, "do": "merge"})

    assert "Похожих вопросов нет" in lead.get("/leads/alike").text
    assert "Не то же, что №" in lead.get(f"/leads/{third}").text


def test_what_is_new_since_the_last_visit_is_marked(lead, ask, service):
    ask("сменить тариф", ago=0.01)
    assert "с вашего прошлого визита" not in lead.get("/leads").text

    now = int(time.time())
    lead.set_cookie("kb_leads_seen", f"0-{now - 7200}", path="/leads")
    page = lead.get("/leads").text
    assert "1 новый вопрос с вашего прошлого визита" in page
    assert '<span class="new">новый</span>' in page

    lead.set_cookie("kb_leads_seen", f"{now + 60}-{now}", path="/leads")
    assert '<span class="new">' not in lead.get("/leads").text


def test_write_this_article_opens_the_git_hosts_page(lead, ask, service):
    id = ask("потерял карту вчера", visits=3)
    assert f'href="/leads/{id}/article.md"' in lead.get(f"/leads/{id}").text

    edit_url = "https://github.com/acme/help/edit/main/articles/{path}"
    lead.application.extensions["kb"] = replace(
        lead.application.extensions["kb"],
        settings=service.settings.model_copy(update={"edit_url": edit_url}),
    )
    page = html.unescape(lead.get(f"/leads/{id}").text)

    assert "https://github.com/acme/help/new/main/articles/ru?filename=" in page
    assert "answers%3A" in page
