"""The HTTP contract: statuses, shapes, headers, and that nothing sent can break a page."""

import gzip
import json
import os
import re
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

import needs
import pytest
from fakes import FakeBase
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.base.config import FooterLink, Settings
from kb.base.errors import SearchUnavailable
from kb.site import article_html, openapi, proxies, rate_limits, theme
from kb.web import create_app

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PAGES = (
    *("/", "/ru/", "/en/", "/search", "/search?q=пароль", "/en/search?q=password", "/search?q=ъыь"),
    *("/articles/ru/account/reset-password", "/categories/ru/Оплата", "/contact", "/widget/demo"),
    *("/articles/no/such", "/widget"),
)
REPORT = {
    "run": "run-1234",
    "visit": "visit-1234",
    "surface": "box",
    "steps": [{"q": "пароль", "ms": 0}],
    "shown": [["ru/account/reset-password", 1]],
    "events": [{"kind": "click", "slug": "ru/account/reset-password", "rank": 1, "ms": 900}],
}
# `make soak` asks for more.
EXAMPLES = 300 if os.environ.get("KB_TEST_FULL") == "1" else 25


@pytest.fixture
def base() -> FakeBase:
    return FakeBase()


@pytest.fixture
def app(base: FakeBase) -> Flask:
    app = create_app(base, Settings())
    app.testing = True
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def site(base: FakeBase, **settings: object) -> FlaskClient:
    app = create_app(base, Settings(**settings))
    app.testing = True
    return app.test_client()


ANY = site(FakeBase())  # for properties: one site, many queries


# --- searching ----------------------------------------------------------------------------------


def test_a_search_has_the_shape_of_the_contract(client):
    answer = client.get("/api/search?q=пароль").json

    assert {"query", "total", "took_ms", "build", "lang", "correction", "confident"} <= set(answer)
    assert answer["correction"] is None
    first = answer["results"][0]
    assert first["slug"] == "ru/account/reset-password"
    assert ["пароля", 1] in first["title_parts"]
    assert "".join(text for text, _ in first["snippet"]).startswith("Если пароль забыт")
    assert set(first) == {
        *("slug", "url", "title", "title_parts", "section", "snippet"),
        *("answer", "category", "path", "lang", "score", "pinned"),
    }


def test_a_repair_is_named(client):
    answer = client.get("/api/search?q=gfhjkm").json

    assert answer["correction"] == {"kind": "layout", "query": "пароль"}


def test_exact_repairs_nothing(client):
    answer = client.get("/api/search?q=gfhjkm&exact=1").json

    assert answer["total"] == 0
    assert answer["correction"] is None


@pytest.mark.parametrize("limit", ["0", "51", "-1", "x", "1e3", "٣", "9" * 5000])
def test_a_limit_that_is_none_is_named(client, limit):
    answer = client.get("/api/search", query_string={"q": "x", "limit": limit})

    assert answer.status_code == 400
    assert answer.json["error"] == {
        "code": "bad-request",
        "message": "limit is a number from 1 to 50",
    }


def test_an_answer_may_be_kept_and_asked_for_again(client, base):
    first = client.get("/api/search?q=пароль")
    asked = len(base.asked)

    again = client.get("/api/search?q=пароль", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "private, max-age=30"
    assert first.headers["ETag"].isascii()
    assert again.status_code == 304
    assert again.data == b""
    assert len(base.asked) == asked  # the search itself is saved, too


def test_a_new_build_another_query_or_filter_is_another_answer(client, base):
    def tag(url):
        return client.get(url).headers["ETag"]

    tags = [tag("/api/search?q=пароль"), tag("/api/search?q=пароля")]
    tags += [tag("/api/search?q=пароль&lang=ru"), tag("/api/search?q=пароль&own=ru")]
    base.build = "build-2"
    tags.append(tag("/api/search?q=пароль"))

    assert len(set(tags)) == 5


def test_searching_writes_nothing(client, base):
    client.get("/api/search?q=пароль")

    assert base.reports == []


@given(st.text(max_size=700))
@settings(max_examples=150)
def test_any_text_is_a_query(query):
    client = ANY

    answer = client.get("/api/search", query_string={"q": query})
    page = client.get("/search", query_string={"q": query})

    assert (answer.status_code, page.status_code) == (200, 200)
    assert answer.json["query"] == query[:500]


def test_what_is_longer_than_a_query_is_not_looked_at(client):
    long = {"q": "я" * 501}

    assert client.get("/api/suggest", query_string=long).json[0] == "я" * 500
    assert f'value="{"я" * 500}"' in client.get("/widget", query_string=long).text


def test_completions_have_the_shape_browsers_ask_for(client):
    answer = client.get("/api/suggest?q=Сбр&lang=ru")

    assert json.loads(answer.data) == ["Сбр", ["Сброс пароля"]]
    assert answer.mimetype == "application/x-suggestions+json"


# --- being told ---------------------------------------------------------------------------------


def test_a_run_is_reported(client, base):
    answer = client.post("/api/searches", json=REPORT)

    assert answer.status_code == 204
    ((report, _),) = base.reports
    assert report.run == "run-1234"
    assert report.steps[0].q == "пароль"
    assert report.events[0].kind == "click"


def test_robots_are_marked_not_refused(client, base):
    client.post("/api/searches", json=REPORT, headers={"User-Agent": "Googlebot/2.1"})
    client.post("/api/searches", json=REPORT, headers={"User-Agent": "Mozilla/5.0 Firefox/140"})

    assert [robot for _, robot in base.reports] == [True, False]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"run": 1}', b"\xff\xfe", b"[" * 50_000, b'{"run": "a b"}'],
)
def test_a_report_that_cannot_be_read_says_so(client, base, body):
    answer = client.post("/api/searches", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json["error"]["message"]
    assert base.reports == []


def test_too_much_is_too_much(client):
    answer = client.post("/api/searches", data=b" " * 70_000, content_type="application/json")

    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "too-large"


def test_another_sites_page_can_send_nothing(client, base):
    foreign = {"Sec-Fetch-Site": "cross-site"}

    answers = [
        client.post("/api/searches", json=REPORT, headers=foreign),
        client.post("/api/feedback", json={"slug": "a", "helpful": True}, headers=foreign),
        client.post("/contact", data={"text": "x", "email": "a@b.cd"}, headers=foreign),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert base.reports + base.votes + base.questions == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost", 204), ("https://evil.example", 403), ("null", 403), ("http://[", 403)],
)
def test_a_browser_that_names_only_the_origin_is_believed(client, base, origin, status):
    answer = client.post("/api/searches", json=REPORT, headers={"Origin": origin})

    assert answer.status_code == status
    assert len(base.reports) == (status == 204)


NAVIGATED = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Referer": "http://localhost/search?q=вход"},
        NAVIGATED | {"Sec-Fetch-Dest": "document"},
        NAVIGATED | {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"},  # typed
        NAVIGATED | {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-site"},  # our shop
    ],
)
def test_a_page_of_results_that_somebody_opens_is_recorded(client, base, headers):
    client.get("/search?q=пароль", headers=headers)

    assert len(base.reports) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        NAVIGATED | {"Sec-Fetch-Dest": "iframe"},
        {"Referer": "https://evil.example/"},
        {"Referer": "http://["},
        {"Sec-Purpose": "prefetch"},
    ],
)
def test_what_other_pages_load_is_answered_and_not_recorded(client, base, headers):
    pages = [
        client.get("/search?q=пароль&visit=visit-1234", headers=headers),
        client.get("/contact?q=пароль", headers=headers),
        client.get("/articles/ru/billing/refund?run=run-1234&rank=1", headers=headers),
    ]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert base.reports == []


def test_a_search_beyond_the_limit_of_its_network_is_answered_and_not_recorded(base):
    client = site(base, searches_per_minute=3)

    pages = [
        client.get(
            f"/search?q=пароль&visit=visit-{n:04}", environ_base={"REMOTE_ADDR": f"192.0.2.{n}"}
        )
        for n in range(5)
    ]
    other = {"REMOTE_ADDR": "198.51.100.1"}
    client.get("/search?q=пароль", environ_base=other)

    assert all(page.status_code == 200 and "Сброс пароля" in page.text for page in pages)
    assert len(base.reports) == 3 + 1
    assert 'kb_log_total{outcome="limited"} 2.0' in client.get("/metrics").text


def test_limits_count_searches_however_many_one_report_holds(base):
    client = site(base, searches_per_minute=10)
    steps = [
        {"q": f"вопрос {n} {'абвгдежзик'[n]}{'лмнопрстуф'[n] * 5}", "ms": n * 20_000}
        for n in range(6)
    ]

    answers = [
        client.post("/api/searches", json=REPORT | {"run": run, "steps": steps})
        for run in ("run-1111", "run-2222")
    ]

    assert [answer.status_code for answer in answers] == [204, 429]
    assert answers[1].json["error"]["code"] == "too-many-requests"
    assert [report.run for report, _ in base.reports] == ["run-1111"]


def test_posts_are_limited_though_nothing_in_them_can_be_read(client):
    sent = [client.post("/api/searches", data=b"no report").status_code for _ in range(601)]

    assert sent == [400] * 600 + [429]


def test_an_asker_is_a_network_and_known_to_one_server_alone(base):
    first, second = site(base), site(base)

    for client, address in (
        (first, "192.0.2.1"),
        (first, "192.0.2.99"),
        (first, "198.51.100.1"),
        (second, "192.0.2.1"),
    ):
        client.get("/search?q=пароль", environ_base={"REMOTE_ADDR": address})

    one, neighbour, stranger, elsewhere = base.askers
    assert one == neighbour
    assert len({one, stranger, elsewhere}) == 3
    assert not any("192.0.2" in asker for asker in base.askers)


def test_a_day_has_a_limit_of_its_own(base):
    client = site(base, searches_per_minute=100, searches_per_day=2)

    sent = [client.post("/api/searches", json=REPORT).status_code for _ in range(3)]

    assert sent == [204, 204, 429]


def test_clicks_are_limited_apart_from_searches(base):
    client = site(base, searches_per_minute=2)
    click = "/articles/ru/billing/refund?run=run-1234&rank=1"

    for _ in range(4):
        assert client.get(click).status_code == 200
        assert client.get("/search?q=пароль").status_code == 200

    assert len([report for report, _ in base.reports if report.steps]) == 2
    assert len([report for report, _ in base.reports if not report.steps]) == 2


def test_votes_of_a_whole_network_are_limited(base):
    client = site(base, searches_per_minute=2)
    vote = {"slug": "ru/billing/refund", "helpful": True}

    sent = [
        client.post("/api/feedback", json=vote, environ_base={"REMOTE_ADDR": f"192.0.2.{n}"})
        for n in range(3)
    ]

    assert [answer.status_code for answer in sent] == [204, 204, 429]


def test_a_vote_is_taken_as_json(client, base):
    answer = client.post(
        "/api/feedback",
        json={"slug": "ru/billing/refund", "helpful": False, "reason": "wrong", "text": "устарело"},
    )

    assert answer.status_code == 204
    assert base.votes == [("ru/billing/refund", False, "wrong", "устарело", "")]


@pytest.mark.parametrize(
    "vote",
    [
        *({}, [], "x", {"slug": "a"}, {"slug": "", "helpful": True}),
        *({"slug": "a", "helpful": "maybe"}, {"slug": "a", "helpful": True, "text": 5}),
    ],
)
def test_a_vote_that_is_none_says_what_belongs_there(client, base, vote):
    answer = client.post("/api/feedback", json=vote)

    assert answer.status_code == 400
    assert base.votes == []


def test_a_vote_on_no_article_is_refused(client, base):
    for slug in ("no/such", "ru/billing", "=cmd()", "../etc/passwd"):
        answer = client.post("/api/feedback", json={"slug": slug, "helpful": True, "run": "r"})
        form = client.post("/api/feedback", data={"slug": slug, "helpful": "true", "rank": "1"})

        assert (answer.status_code, form.status_code) == (404, 404)
    assert base.votes == []
    assert base.reports == []


def test_a_vote_on_an_article_that_moved_goes_with_it(client, base):
    answer = client.post("/api/feedback", json={"slug": "old/password", "helpful": True})

    assert answer.status_code == 204
    assert [vote[0] for vote in base.votes] == ["ru/account/reset-password"]


def test_votes_are_limited(client):
    answers = [
        client.post(
            "/api/feedback", json={"slug": "ru/billing/refund", "helpful": True}
        ).status_code
        for _ in range(61)
    ]

    assert answers == [204] * 60 + [429]


def test_a_visitor_may_again_after_a_while():
    moment = [0.0]
    limits = rate_limits.RateLimiter(now=lambda: moment[0])
    allowed = [limits.allows("vote", "me", 2, 60) for _ in range(3)]
    other = limits.allows("vote", "you", 2, 60)

    moment[0] = 61

    assert (allowed, other) == ([True, True, False], True)
    assert limits.allows("vote", "me", 2, 60)


# --- monitors and machines ----------------------------------------------------------------------


def test_health_needs_no_build_and_readiness_does(client, base):
    assert client.get("/readyz").json == {"status": "ok", "build": "build-1", "articles": 32}
    base.build = None

    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("address", ["/api/search?q=x", "/api/suggest?q=x"])
def test_without_a_build_programs_are_told_the_command(client, base, address):
    base.build = None

    answer = client.get(address)

    assert answer.status_code == 503
    assert answer.json["error"] == {"code": "no-build", "message": "no build yet; run `kb index`"}


def test_without_a_build_people_are_told_the_command(client, base):
    base.build = None

    page = client.get("/search?q=x")

    assert page.status_code == 503
    assert "kb index" in page.text
    assert "/srv/secret" not in page.text


def search_is_away(*_: object, **__: object) -> NoReturn:
    raise SearchUnavailable("OpenSearch does not answer (no answer); try again in a minute")


def test_where_search_does_not_answer_programs_are_told_when_to_ask_again(
    client, base, monkeypatch
):
    monkeypatch.setattr(base, "answer", search_is_away)

    answer = client.get("/api/search?q=x")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert answer.json["error"] == {
        "code": "unavailable", "message": "search does not answer now; try again in a minute",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "told"),
    [("en", "Search does not answer right now"), ("ru", "Поиск сейчас не отвечает")],
)
def test_where_search_does_not_answer_people_are_told_that_pages_do(
    client, base, monkeypatch, lang, told
):
    monkeypatch.setattr(base, "answer", search_is_away)

    page = client.get(f"/{lang}/search?q=x")

    assert (page.status_code, page.headers["Retry-After"]) == (503, "30")
    assert f"<h1>{told}</h1>" in page.text
    assert "OpenSearch" not in page.text
    assert client.get(f"/{lang}/").status_code == 200


def test_figures_hold_routes_and_outcomes_but_no_queries(client):
    client.get("/api/search?q=секретный-вопрос")
    client.get("/articles/ru/billing/refund?q=секретный-вопрос")

    text = client.get("/metrics").text

    assert 'kb_requests_total{method="GET",route="/api/search",status="200"} 1.0' in text
    assert 'kb_searches_total{outcome="none"} 1.0' in text
    assert "kb_articles 32.0" in text
    assert "секрет" not in text
    assert "refund" not in text


def test_invented_methods_are_counted_as_one(client):
    for number in range(5):
        client.open("/search", method=f"INVENTED{number}")

    text = client.get("/metrics").text

    assert 'kb_requests_total{method="other",route="other",status="405"} 5.0' in text
    assert "INVENTED" not in text


def test_a_mistake_of_ours_is_no_traceback(base, monkeypatch):
    app = create_app(base, Settings())
    monkeypatch.setattr(base, "home", lambda lang: 1 / 0)
    monkeypatch.setattr(base, "suggest", lambda prefix, lang: 1 / 0)
    client = app.test_client()

    page, answer = client.get("/ru/"), client.get("/api/suggest?q=x")

    assert (page.status_code, answer.status_code) == (500, 500)
    assert "У нас что-то сломалось" in page.text
    assert "division" not in page.text
    assert answer.json["error"]["message"] == "a mistake of ours; it has been logged"


def test_the_description_names_the_routes_that_answer(client, app):
    document = client.get("/openapi.json").json
    rules = {openapi.path_of(rule.rule): rule.methods for rule in app.url_map.iter_rules()}

    for path, item in document["paths"].items():
        assert {method.upper() for method in item} <= rules[path]
    programs = {rule for rule in rules if rule.startswith(("/api/", "/hooks/"))}
    assert programs <= set(document["paths"])


@pytest.mark.parametrize(
    ("paths", "known"),
    [
        (".", {}),
        # The token looks invented to schemathesis, and is the right one.
        ("^/hooks/git$", {"X-Gitlab-Token": "invented", "X-Gitlab-Event": "Push Hook"}),
    ],
    ids=["as a stranger", "as GitLab"],
)
def test_nothing_that_fits_the_description_or_not_breaks_a_route(tmp_path, paths, known):
    schemathesis = needs.library("schemathesis", "schemathesis")
    from schemathesis.specs.openapi.checks import ignored_auth

    app = create_app(
        FakeBase(), Settings(webhook_secret="invented", sync_branch="main", data=tmp_path)
    )
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app).include(path_regex=paths)

    for operation in schema.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        def holds(case):
            # What is compressed it would take for broken text: in WSGI nothing unpacks it.
            answer = case.call(headers={"Accept-Encoding": "identity", **known})
            assert answer.status_code < 500
            case.validate_response(answer, excluded_checks=[ignored_auth] if known else [])

        holds()


def test_the_sitemap_names_every_article_once_with_its_languages(client):
    text = client.get("/sitemap.xml").text

    assert text.count("<loc>http://localhost/articles/") == 32
    assert "<lastmod>2026-03-12</lastmod>" in text
    assert 'hreflang="en" href="http://localhost/articles/en/account/reset-password"' in text


def test_the_sitemap_follows_the_build_and_the_address(client, base):
    first = client.get("/sitemap.xml").text
    base.texts = tuple(text for text in base.texts if text.slug != "ru/account/change-email")
    base.build = "build-2"

    assert client.get("/sitemap.xml").text.count("<loc>") == first.count("<loc>") - 1
    elsewhere = client.get("/sitemap.xml", base_url="https://help.example.com").text
    assert "<loc>https://help.example.com/ru/</loc>" in elsewhere


def test_robots_may_read_articles_only(client):
    text = client.get("/robots.txt").text

    assert "Disallow: /search\n" in text
    assert "Disallow: /ru/search\n" in text
    assert "Sitemap: http://localhost/sitemap.xml" in text


def test_the_public_address_stands_in_links(base):
    client = site(base, base_url="https://help.example.com/")

    assert "https://help.example.com/articles/" in client.get("/sitemap.xml").text
    page = client.get("/articles/ru/billing/refund").text
    address = "https://help.example.com/articles/ru/billing/refund"
    assert f'<link rel="canonical" href="{address}">' in page


def test_changes_are_an_atom_feed_newest_first(client):
    from xml.etree import ElementTree

    feed = ElementTree.fromstring(client.get("/feed.xml").data)  # noqa: S314 - our own text
    names = {"a": "http://www.w3.org/2005/Atom"}

    titles = [entry.findtext("a:title", None, names) for entry in feed.findall("a:entry", names)]
    assert titles[0] in ("Первые шаги", "First steps")
    assert feed.findtext("a:updated", None, names) == "2026-03-20T00:00:00Z"


def test_a_browser_can_search_from_its_address_bar(client):
    text = client.get("/opensearch.xml").text

    assert 'template="http://localhost/search?q={searchTerms}"' in text
    assert 'rel="search"' in client.get("/").text


def test_a_phone_can_keep_the_help_centre(client):
    manifest = client.get("/manifest.webmanifest", headers={"Accept-Language": "ru"}).json

    assert manifest["name"] == "Справка"
    assert all(client.get(icon["src"]).status_code == 200 for icon in manifest["icons"])


# --- headers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [*PAGES, "/api/search?q=x", "/healthz", "/static/kb.css"])
def test_every_answer_is_locked_down(client, address):
    answer = client.get(address)

    expected = POLICY
    if address == "/widget":
        expected = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    assert answer.headers["Content-Security-Policy"] == expected
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("address", PAGES)
def test_pages_obey_their_own_policy(client, address):
    text = client.get(address).text

    assert " style=" not in text
    assert "<style" not in text
    assert not re.search(r"\son\w+=", text)
    for script in re.findall(r"<script([^>]*)>", text):
        assert 'src="/' in script or "json" in script
    assert not re.search(r'<(?:script|img|iframe|link rel="stylesheet")[^>]*"(?:https?:)?//', text)


def test_only_listed_sites_may_frame_the_widget(base):
    client = site(base, widget_parents=("https://shop.example.com",))

    policy = client.get("/widget").headers["Content-Security-Policy"]

    assert policy.endswith("frame-ancestors https://shop.example.com")
    assert client.get("/").headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_remote_images_are_shown_where_allowed(base):
    policy = site(base, remote_images=True).get("/").headers["Content-Security-Policy"]

    assert "img-src 'self' https:;" in policy


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/static//kb.css", "/static/kb.css"),
        ("//static/kb.css", None),
        ("//evil.example//ru/", None),
        ("/ru", "/ru/"),
        ("//ru?q=%2F%2F", "/ru/?q=%2F%2F"),
        ("/%5Cevil.example//ru", None),
        ("/articles//evil.example/%5C%5Ca", "/articles/evil.example/%5C%5Ca"),
        ("/media//a.png", "/media/a.png"),
        ("/leads//sign-in", "/leads/sign-in"),
        ("/widget.js", "/static/widget.js"),
        ("/favicon.ico", "/static/icon.png"),
    ],
)
def test_a_redirect_stays_on_this_site_whatever_the_host_header_says(client, asked, location):
    """The path stands in the environment as a server hands it on, with both of its slashes."""
    path, _, query = asked.partition("?")
    answer = client.get(
        "/",
        environ_overrides={
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "HTTP_HOST": "evil.example",
        },
    )

    said = answer.headers.get("Location")
    assert (said and said.partition("?v=")[0]) == location
    assert answer.status_code in ((302, 308) if location else (200, 404))


def test_a_vote_without_a_script_leads_back_to_this_site(client):
    vote = {"slug": "ru/account/reset-password", "helpful": "true"}

    answer = client.post("/api/feedback", data=vote, headers={"Host": "evil.example"})

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/articles/ru/account/reset-password?voted=yes")


def test_only_trusted_hosts_are_answered(base):
    client = site(base, trusted_hosts=("help.example.com",))

    assert client.get("/healthz", headers={"Host": "help.example.com"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(("peer", "scheme"), [("10.0.0.7", "https"), ("192.0.2.1", "http")])
def test_only_listed_proxies_are_believed(base, peer, scheme):
    client = site(base, trusted_proxies=("10.0.0.0/8",))
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}

    text = client.get("/robots.txt", headers=said, environ_base={"REMOTE_ADDR": peer}).text

    assert f"Sitemap: {scheme}://" in text


def test_a_proxy_that_is_not_listed_is_told_of_once(base, caplog):
    client = site(base, trusted_proxies=("10.0.0.0/8",))
    for peer in ("10.1.2.3", "192.0.2.7", "192.0.2.7"):
        client.get("/", headers={"X-Forwarded-For": "x"}, environ_base={"REMOTE_ADDR": peer})

    assert [record.message for record in caplog.records] == [proxies.NOT_LISTED]


def test_pages_are_packed_for_browsers_that_ask(client):
    packed = client.get("/ru/", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Чем помочь?" in gzip.decompress(packed.data).decode()
    assert "Accept-Encoding" in packed.headers["Vary"]


# --- files --------------------------------------------------------------------------------------


@pytest.fixture
def folder(base, tmp_path):
    base.folder = tmp_path
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "c.docx").write_bytes(b"PK")
    return tmp_path


def test_an_image_is_shown_in_a_sandbox(client, folder):
    answer = client.get("/media/a.svg", buffered=True)

    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Disposition" not in answer.headers or "attachment" not in str(answer.headers)


def test_a_document_is_offered_for_download(client, folder):
    assert (
        client.get("/media/c.docx", buffered=True)
        .headers["Content-Disposition"]
        .startswith("attachment")
    )


def test_a_pdf_opens_in_the_browser_at_the_page_that_was_found(client, folder):
    answer = client.get("/media/b.pdf", buffered=True)

    assert answer.mimetype == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "attachment" not in answer.headers.get("Content-Disposition", "")


@pytest.mark.parametrize("path", ["nothing.png", "../pyproject.toml", "%00.png"])
def test_what_is_no_medium_is_not_found(client, folder, path):
    assert client.get(f"/media/{path}").status_code == 404


@pytest.mark.parametrize("name", ["../kb/web.py", "..%2fpyproject.toml", "nothing.js", "%00"])
def test_what_is_no_static_file_is_not_found(client, name):
    assert client.get(f"/static/{name}").status_code == 404


def test_static_files_are_kept_under_the_hash_of_their_content(client):
    address = re.search(r'href="(/static/kb\.css\?v=\w+)"', client.get("/").text)[1]

    assert "immutable" in client.get(address).headers["Cache-Control"]
    assert "immutable" not in client.get("/static/kb.css?v=old").headers["Cache-Control"]


def test_script_and_style_are_light(client):
    def weight(*names: str) -> int:
        asked = (
            client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"}) for name in names
        )
        return sum(len(answer.data) for answer in asked)

    assert weight("search.js", "theme.js") <= 7 * 1024
    assert weight("visited.js") <= 640
    assert weight("kb.css") <= 7 * 1024
    assert weight("widget.js") <= 2 * 1024


def test_a_static_file_that_changes_is_served_anew(base, tmp_path):
    style = tmp_path / "own.css"
    style.write_text("p { color: red }")
    client = create_app(base, Settings(static=tmp_path)).test_client()
    before = client.get("/static/own.css")

    style.write_text("p { color: blue }")
    os.utime(style, ns=(0, 1))
    packed = client.get("/static/own.css", headers={"Accept-Encoding": "gzip"})

    assert before.text == "p { color: red }"
    assert gzip.decompress(packed.data) == b"p { color: blue }"
    assert packed.headers["Vary"] == "Accept-Encoding"


def test_the_script_builds_no_markup_from_text():
    root = Path(__file__).parent.parent / "static"
    for script in root.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", script.read_text()
        )


# --- a site's own look --------------------------------------------------------------------------


@pytest.mark.parametrize("accent", ["#ffff00", "#000000", "#ffffff", "#1a56db", "#ff69b4"])
def test_any_colour_becomes_readable(accent):
    for paper in ("#ffffff", "#14171c"):
        assert theme.contrast(theme.readable(accent, paper), paper) >= 4.5


@pytest.mark.parametrize("accent", ["#ffff00", "#000000", "#ffffff", "#1a56db", "#ff69b4"])
def test_an_accent_is_readable_on_its_own_tint(accent):
    colours = re.findall(r"--([a-z-]+):light-dark\((#\w+),(#\w+)\)", theme.stylesheet(accent))
    by_name = {name: shades for name, *shades in colours}

    assert set(by_name) == {"accent", "on-accent", "tint"}
    for colour, tint in zip(by_name["accent"], by_name["tint"], strict=True):
        assert theme.contrast(colour, tint) >= 4.5


def test_a_site_looks_as_its_settings_say(base, tmp_path):
    (tmp_path / "error.html").write_text("own {{ status }}")
    (tmp_path / "kb.css").write_text("body{}")
    client = site(
        base,
        site_name="Помощь «Ромашки»",
        accent="#aa3377",
        logo="logo.svg",
        footer="ООО «Ромашка»",
        links=(FooterLink(title="Сайт", url="https://example.com"),),
        templates=tmp_path,
        static=tmp_path,
    )

    page = client.get("/ru/").text

    for expected in (
        *("Помощь «Ромашки»", "ООО «Ромашка»", "/media/logo.svg", '<a href="https://example.com">'),
        'href="/theme.css"',
    ):
        assert expected in page
    assert "#aa3377" in client.get("/theme.css").text
    assert client.get("/static/kb.css").text == "body{}"
    assert client.get("/articles/none").text == "own 404"


def test_a_third_language_is_one_catalogue_away(base, tmp_path):
    catalogue = tmp_path / "translations/de/LC_MESSAGES/messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(
        'msgid ""\nmsgstr "Language: de\\nContent-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "How can we help?"\nmsgstr "Wie können wir helfen?"\n'
    )
    client = site(base, langs=("ru", "en", "de"), templates=tmp_path)

    page = client.get("/de/").text

    assert '<html lang="de">' in page
    assert "Wie können wir helfen?" in page
    assert '<span class="vh"> Deutsch</span>' in client.get("/en/").text


def test_a_language_without_a_catalogue_is_not_offered(base):
    client = site(base, langs=("ru", "en", "fr"))

    assert client.get("/fr/").status_code == 404
    assert "Français" not in client.get("/en/").text


# --- prose --------------------------------------------------------------------------------------


@given(st.text(alphabet="<>/ab\"'=& пароль!", max_size=60))
def test_dressing_never_loses_a_word(text):
    from html import escape

    html = f"<p>{escape(text)}</p>"

    assert article_html.text_of(article_html.prepared(html, "пароль")) == article_html.text_of(html)


def test_words_are_marked_in_any_form_and_never_in_tags_or_code():
    html = '<p title="пароль">Смените <b>пароли</b> &amp; ключи</p><pre>пароль</pre>'

    marked = article_html.prepared(html, "пароль")

    assert "<b><mark>пароли</mark></b>" in marked
    assert marked.count("<mark>") == 1
    assert "&amp; ключи" in marked


def test_marking_words_makes_no_markup_of_text():
    html = "<p>1 &lt;i&gt; пароль &lt;b&gt;</p>"

    assert (
        article_html.prepared(html, "пароль") == "<p>1 &lt;i&gt; <mark>пароль</mark> &lt;b&gt;</p>"
    )


def test_the_why_of_an_article_stands_apart():
    html = "<p>a</p><h2>Почему так?</h2><p>b</p><h3>c</h3><h2>Дальше</h2><p>d</p>"

    assert article_html.prepared(html) == (
        '<p>a</p><section class="why"><h2>Почему так?</h2><p>b</p><h3>c</h3></section>'
        "<h2>Дальше</h2><p>d</p>"
    )


def test_a_title_is_said_once():
    assert article_html.prepared("<h1>Сброс</h1>\n<p>a</p>").strip() == "<p>a</p>"
