"""The site below a path of its host: whatever a page names begins with the prefix."""

import re

import pytest
from crawling import Answer, crawl
from werkzeug.test import EnvironBuilder

from kb.base import resources
from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.site import url_prefix
from kb.web import create_app

BASE = "http://help.example.com"
PASSWORD = "correct-horse-battery"
STARTS = (
    *("/help/", "/help/ru/", "/help/robots.txt", "/help/sitemap.xml", "/help/feed.xml"),
    *("/help/opensearch.xml", "/help/manifest.webmanifest", "/help/widget?q=vpn&ui=en"),
    *("/help/widget/demo", "/help/widget.js", "/help/favicon.ico", "/help/search?q=vpn&lang=en"),
    *("/help/search?q=ghbdtn", "/help/no/such/page", "/help/articles/en/old-vpn"),
    *("/help/ARTICLES/en/vpn", "/help/articles/en/vpn?voted=more", "/help/leads", "/help"),
    *("/help/leads/numbers", "/help/leads/state", "/help/leads/alike", "/help/leads/help/board"),
    *("/help/articles/en/vpn/", "/help/contact?sent=1"),
)


@pytest.fixture
def opened(settings, write):
    """`opened(base_url=…)` is an application over three articles that name each other."""
    (settings.articles / "en").mkdir(parents=True)
    (settings.articles / "en" / "map.png").write_bytes(b"\x89PNG")
    body = "![The map](map.png)\n\nSee [mail](mail.md), [contact](/contact) and [this](/)."
    write("en/vpn", body, title="Set up VPN", aliases=["en/old-vpn"], tags=["network"])
    write("en/mail", "Set up mail.", title="Set up mail", author="Anna")
    write("ru/vpn", "Настройте VPN.", title="Настройка VPN", translation_of="en/vpn")
    services = []

    def opened(**more):
        values = {**settings.model_dump(), "leads_password": PASSWORD, **more}
        service = KnowledgeBase.open(Settings(**values))
        service.rebuild()
        services.append(service)
        return create_app(service)

    yield opened
    for service in services:
        service.close()


def getting(app, *, stripped="", **headers):
    """`get(path)` of a crawler, signed in at the board, behind a proxy that may strip a prefix."""
    client = app.test_client(use_cookies=False)
    form = {"password": PASSWORD, "name": "Anna"}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    at = (stripped and "/leads/sign-in") or "/help/leads/sign-in"
    signed = client.post(
        at, data=form, base_url=BASE, headers={**headers, "Sec-Fetch-Site": "same-origin"}
    )
    cookies = {each.split("=")[0]: each for each in signed.headers.getlist("Set-Cookie")}
    assert signed.location == "/help/leads"
    assert {re.search("Path=([^;]*)", each)[1] for each in cookies.values()} == {"/help/leads"}
    sent = "; ".join(each.split(";")[0] for each in cookies.values())

    def get(path):
        inner = path.removeprefix(stripped) or "/"
        answer = client.get(inner, base_url=BASE, headers={**headers, "Cookie": sent})
        text = answer.get_data().decode(errors="replace")
        answer.close()
        return Answer(answer.status_code, answer.mimetype, text, answer.location or "")

    return get


BEHIND = [
    pytest.param({"base_url": f"{BASE}/help"}, {}, id="base-url"),
    pytest.param({"base_url": f"{BASE}/help/"}, {"stripped": "/help"}, id="base-url-stripped"),
    pytest.param({"trusted_proxies": ["127.0.0.1"]}, {"X_Forwarded_Prefix": "/help"}, id="header"),
    pytest.param(
        {"trusted_proxies": ["127.0.0.1"]},
        {"stripped": "/help", "X_Forwarded_Prefix": "/help/"},
        id="header-stripped",
    ),
]


@pytest.mark.parametrize(("settings_", "proxy"), BEHIND)
def test_every_address_of_every_page_stays_below_the_prefix(opened, settings_, proxy):
    get = getting(opened(**settings_), **proxy)

    found = crawl(get, BASE, STARTS)

    assert [path for path in found.followed if not re.match(r"/help($|[/?])", path)] == []
    wrong = {path for path, status in found.followed.items() if status >= 400}
    assert wrong == {"/help/no/such/page"}
    assert {path for path in found.sent_to if not path.startswith("/help/")} == set()
    assert found.sent_to >= {"/help/api/feedback", "/help/contact", "/help/leads/sign-out"}
    assert any(path.startswith("/help/static/search.js") for path in found.followed)
    assert "/help/media/en/map.png" in found.followed
    assert len(found.followed) > 60


def test_no_template_names_a_path_by_itself():
    folder = resources.folder("templates")
    named = re.compile(r"""(?:href|action|src)="/|(?:href|action|src)="\{\{ (?:\w+\.url|"/)""")

    found = {
        f"{file.name}: {line.strip()}"
        for file in folder.rglob("*.html")
        if file.parent.name != "letters"  # they hold whole URLs
        for line in file.read_text("utf-8").splitlines()
        if named.search(line.replace("{{ link.url }}", ""))  # a link that the operator gives
    }

    assert found == set()


def test_what_programs_are_told_stays_below_the_prefix(opened):
    client = opened(base_url=f"{BASE}/help").test_client()

    results = client.get("/help/api/search?q=vpn").json["results"]
    voted = client.post("/help/api/feedback", data={"slug": "en/vpn", "helpful": "true"})

    assert {each["url"] for each in results} >= {"/help/articles/en/vpn"}
    assert voted.location.startswith("/help/articles/en/vpn?voted=yes")
    assert client.get("/help/openapi.json").json["servers"] == [{"url": "/help/"}]
    manifest = client.get("/help/manifest.webmanifest").json
    assert {manifest["start_url"], manifest["scope"]} == {"/help/"}
    assert "Disallow: /help/search\n" in client.get("/help/robots.txt").text
    assert "Sitemap: http://help.example.com/help/sitemap.xml" in client.get("/robots.txt").text
    page = client.get("/help/articles/en/mail").text
    assert '<link rel="canonical" href="http://help.example.com/help/articles/en/mail">' in page


def test_text_that_looks_like_a_link_is_left_as_it_is():
    written = '<p>href="/a" <a title="a > b" href="/c">x</a> <a href="//evil.example">y</a></p>'

    assert url_prefix.added(written, "/help") == written.replace('href="/c"', 'href="/help/c"')
    assert url_prefix.added(written, "") == written


def test_one_server_below_two_prefixes_mixes_nothing(opened):
    client = opened(trusted_proxies=["127.0.0.1"]).test_client()

    def asked(prefix):
        answer = client.get("/api/search?q=vpn&lang=en", headers={"X-Forwarded-Prefix": prefix})
        return answer.json["results"][0]["url"], answer.headers["ETag"]

    one, other, none = asked("/one"), asked("/two"), asked("")
    pages = [
        client.get("/articles/en/vpn", headers={"X-Forwarded-Prefix": prefix}).text
        for prefix in ("/one", "/two")
    ]

    assert [one[0], other[0], none[0]] == [
        f"{prefix}/articles/en/vpn" for prefix in ("/one", "/two", "")
    ]
    assert asked("/one") == one
    assert len({one[1], other[1], none[1]}) == 3
    for page, (own, foreign) in zip(pages, (("/one/", "/two/"), ("/two/", "/one/")), strict=True):
        assert f'href="{own}' in page
        assert foreign not in page


def test_a_stranger_sets_no_prefix(opened):
    client = opened().test_client()

    page = client.get("/articles/en/vpn", headers={"X-Forwarded-Prefix": "/evil"}).text

    assert "evil" not in page


@pytest.mark.parametrize("sent", ["//evil.example", "/a b", "/a/../b", "/%2e", 'x"', "/a,/", "/."])
def test_a_prefix_is_a_plain_path_or_none(opened, sent):
    client = opened(trusted_proxies=["127.0.0.1"]).test_client()

    page = client.get("/articles/en/vpn", headers={"X-Forwarded-Prefix": sent})

    assert page.status_code == 200
    assert 'href="/contact' in page.text


@pytest.mark.parametrize(
    ("path", "inner"),
    [("/help", "/"), ("/help/", "/"), ("/help/a", "/a"), ("/helper", "/helper"), ("/a", "/a")],
)
def test_the_prefix_is_taken_off_whole(path, inner):
    seen = []
    middleware = url_prefix.UrlPrefix(lambda environ, _: seen.append(environ) or (), "/help")

    middleware(EnvironBuilder(path=path).get_environ(), None)

    assert (seen[0]["PATH_INFO"], seen[0]["SCRIPT_NAME"]) == (inner, "/help")


def test_a_prefix_that_no_address_can_hold_is_refused():
    with pytest.raises(ValueError, match="not of Latin letters"):
        Settings(base_url="https://example.com/справка")
