"""The leads' board: who gets in, what they see, what they change, and that it can be undone."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kb import signin
from kb.cli import main
from kb.config import Settings
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


@pytest.mark.parametrize(
    "credential",
    ["", "x", OTHERS, OLD, VALID[:-3] + "abc", "А" + VALID, VALID.split(".")[0]],
    ids=["none", "nonsense", "wrong key", "expired", "changed", "prefixed", "unsigned"],
)
def test_every_route_not_listed_as_public_refuses(stranger, credential):
    if credential:
        cookie(stranger, credential)
    asked = 0
    for rule in stranger.application.url_map.iter_rules():
        if rule.rule in PUBLIC:
            continue
        path = re.sub(r"<int:\w+>", "1", rule.rule)
        path = re.sub(r"<[^>]+>", "x", path)
        for method in rule.methods - {"OPTIONS"}:
            bearer = {"Authorization": f"Bearer {credential}"} if credential.isascii() else {}
            answer = stranger.open(path, method=method, headers=OURS | bearer)
            assert answer.status_code in (401, 403, 404), f"{method} {rule.rule}"
            assert "Анна" not in answer.text
            asked += 1
    assert asked >= 2


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
