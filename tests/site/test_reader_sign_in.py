"""Readers are known by the cookie of a signed link or by a proxy; a private site is for them."""

import re
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

import pytest

from kb.base import config
from kb.base.audiences import INSIDERS, STRANGERS, members
from kb.base.errors import ConfigError
from kb.search import SearchRequest
from kb.searchlog.reports import Report, Step
from kb.service import KnowledgeBase
from kb.site.readers import COOKIE, LINK_LASTS, Reader, SignedLinks
from kb.web import create_app

SECRET = "0123456789abcdef0123456789abcdef01234567"
TODAY = date(2026, 11, 29)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(settings, write):
    """`site(private=True)` is a client of a site with an article for the staff and a public one."""
    write("en/dodo", "Feed the dodo.", title="Dodo")
    write("en/vault", "The okapi opens the vault for the dodo.", title="Vault", audience="staff")
    opened = []

    def site(*, slots=64, **more):
        loaded = config.load(
            settings.articles.parent, {}, settings.model_dump(include={"articles", "data"}) | more
        )
        service = KnowledgeBase.open(loaded.settings)
        service.rebuild()
        opened.append(service)
        app = create_app(service, cache_slots=slots)
        app.testing = True
        return app.test_client()

    yield site
    for service in opened:
        service.close()


def link(user="anna@example.com", groups="staff,support", *, ahead=60, signed_by=SECRET, **more):
    until = str(int(time.time()) + ahead)
    signature = SignedLinks(signed_by).signature(user, groups, until)
    given = {"user": user, "groups": groups, "until": until, "signature": signature}
    return f"/sign-in/reader?{urlencode(given | more)}"


def reads(client):
    """Whether this client reads what is for the staff."""
    found = client.get("/api/search?q=okapi").json["total"]
    assert (client.get("/articles/en/vault").status_code == 200) == bool(found)
    return bool(found)


# --- by a link ----------------------------------------------------------------------------------


def test_a_signed_link_signs_in_and_goes_on(site):
    client = site(reader_secret=SECRET, base_url="https://help.example.com/kb")

    answer = client.get(link(next="/articles/en/vault?q=x"))

    assert (answer.status_code, answer.location) == (303, "/kb/articles/en/vault?q=x")
    said = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/kb/", "Max-Age=43200"):
        assert part in said
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_is_signed_in_reads_until_they_sign_out(site):
    client = site(reader_secret=SECRET)
    assert not reads(client)

    client.get(link())

    assert reads(client)
    page = client.get("/articles/en/vault")
    assert "anna@example.com" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/sign-in/reader/out", headers=elsewhere).status_code == 403
    assert reads(client)
    assert client.post("/sign-in/reader/out").location == "/"
    assert not reads(client)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_link_of_the_manual_signs_in(site, lang, capsys):
    manual = (ROOT / "articles" / lang / "server" / "readers.md").read_text("utf-8")
    example = re.search(r"```python\n(.*?)```", manual, re.S)[1]
    example = re.sub("THE-SECRET|СЕКРЕТ", SECRET, example)

    exec(example, {})  # noqa: S102

    client = site(reader_secret=SECRET)
    address = capsys.readouterr().out.strip().removeprefix("https://help.example.com")
    assert client.get(address).status_code == 303
    assert reads(client)


WRONG = (
    {"signed_by": SECRET[::-1]}, {"ahead": -1}, {"ahead": LINK_LASTS + 5}, {"groups": "a\nb"},
    {"user": " "}, {"signature": ""}, {"signature": "é"}, {"groups": "g" * 3000},
)  # fmt: skip


def test_a_link_that_is_changed_or_not_fresh_signs_nobody_in(site):
    client = site(reader_secret=SECRET)
    links = [link(**each) for each in WRONG]
    for name, value in (("user", "boris"), ("groups", "staff"), ("until", "1999999999")):
        links.append(link(groups="guests").replace(f"{name}=", f"{name}={value}&old="))

    for address in links:
        answer = client.get(address)
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (401, None), address

    assert not reads(client)


def test_a_link_goes_on_to_this_site_alone(site):
    client = site(reader_secret=SECRET)
    for next in ("//evil.example", "/\\evil.example", "https://evil.example", "x", ""):
        assert client.get(link(next=next)).location == "/"


def test_without_a_secret_there_are_no_links_and_no_cookies(site):
    client = site()
    client.set_cookie(COOKIE, SignedLinks(SECRET).cookie(Reader("anna", ("staff",))))

    assert client.get(link()).status_code == 404
    assert not reads(client)


def test_a_cookie_ends_and_cannot_be_changed():
    early = SignedLinks(SECRET, 1, now=lambda: 1_000_000.0)
    until = "1000060"
    reader = early.reader("anna", "staff", until, early.signature("anna", "staff", until))
    cookie = early.cookie(reader)

    assert early.by_cookie(cookie) == reader
    assert SignedLinks(SECRET, 1, now=lambda: 1_003_602.0).by_cookie(cookie) is None
    assert SignedLinks(SECRET[::-1], 1, now=early.now).by_cookie(cookie) is None
    assert early.by_cookie(cookie[:-2]) is None
    assert early.by_cookie("x" * 9000) is None


# --- by a proxy ---------------------------------------------------------------------------------

ANNA = {"X-Forwarded-User": "anna", "X-Groups": "support, staff"}


def test_a_trusted_proxy_names_a_reader_if_the_header_of_groups_is_set(site):
    proxied = site(trusted_proxies=("127.0.0.1",), groups_header="X-Groups")
    proxied.environ_base.update({f"HTTP_{k.upper().replace('-', '_')}": v for k, v in ANNA.items()})
    assert reads(proxied)
    assert "Sign out" not in proxied.get("/en/").text

    for other in ({"trusted_proxies": ("127.0.0.1",)}, {"groups_header": "X-Groups"}):
        client = site(**other)
        client.environ_base.update(proxied.environ_base)
        assert not reads(client)


# --- answers that are kept ----------------------------------------------------------------------


def test_no_kept_answer_is_given_to_anybody_else(site):
    client = site(reader_secret=SECRET)
    member = client.application.test_client()
    member.get(link())

    for _ in range(2):
        theirs, ours = (each.get("/api/search?q=dodo") for each in (member, client))
        assert (theirs.json["total"], ours.json["total"]) == (2, 1)
        assert (theirs.headers["Cache-Control"], theirs.headers.get("ETag")) == ("no-store", None)
        assert ours.headers["Cache-Control"] == "private, max-age=30"
    known = {"If-None-Match": ours.headers["ETag"]}
    assert client.get("/api/search?q=dodo", headers=known).status_code == 304
    assert member.get("/api/search?q=dodo", headers=known).json["total"] == 2
    for path, word in (("/llms.txt", "Vault"), ("/sitemap.xml", "vault"), ("/feed.xml", "")):
        assert word in member.get(path).text
        assert "vault" not in client.get(path).text.lower()


def test_who_sees_no_more_than_a_stranger_shares_their_kept_answers(site):
    client = site(reader_secret=SECRET)
    client.get("/api/search?q=dodo")
    client.get(link(groups="guests"))

    assert client.get("/api/search?q=dodo").headers["Cache-Control"] == "private, max-age=30"


# --- a private site -----------------------------------------------------------------------------

STAY_OPEN = {
    "/healthz", "/readyz", "/metrics", "/theme.css", "/favicon.ico", "/robots.txt", "/sign-in",
    "/sign-in/reader", "/sign-in/reader/out", "/static/<path:name>", "/api/misses", "/hooks/git",
}  # fmt: skip
_BY_TOKEN = ("/api/board/", "/api/token", "/builds/")  # opened by a token alone


def test_a_private_site_shows_strangers_nothing_but_the_way_in(site):
    client = site(private=True, reader_secret=SECRET)
    for rule in client.application.url_map.iter_rules():
        path = rule.rule.replace("<path:slug>", "en/dodo").replace("<path:name>", "kb.css")
        if rule.rule.startswith("/leads"):
            continue
        for method in rule.methods - {"OPTIONS"}:
            with closing(client.open(path, method=method)) as answer:
                assert "dodo" not in answer.get_data(as_text=True).lower().replace(path, ""), path
                if rule.rule not in STAY_OPEN:
                    if rule.rule.startswith(_BY_TOKEN):
                        assert answer.status_code in (401, 429), f"{method} {path}"
                        continue
                    assert answer.status_code == 401, f"{method} {path}"
                    assert answer.headers["Cache-Control"] == "no-store", path
    assert client.get("/old/address").status_code == 401
    assert client.get("/healthz").status_code == 200
    with closing(client.get("/static/kb.css")) as answer:
        assert answer.status_code == 200
    assert client.get("/robots.txt").text.splitlines()[1] == "Disallow: /"
    assert 'href="/contact' not in client.get("/en/").text  # it would lead here again

    client.get(link(groups=""))

    assert 'href="/contact?ui=en"' in client.get("/en/").text

    assert client.get("/api/search?q=dodo").json["total"] == 1
    assert client.get("/api/search?q=dodo").headers["Cache-Control"] == "no-store"
    assert client.get("/articles/en/dodo").status_code == 200
    assert client.get("/articles/en/vault").status_code == 404


def test_what_stays_open_on_a_private_site_names_no_article(site):
    """Neither pages that were not found, which search for the words of their address, nor the
    popular articles that every page holds, the board's page to sign in among them."""
    by_proxy = {"groups_header": "X-Groups", "trusted_proxies": ("10.0.0.1",)}
    for client in (site(private=True, reader_secret=SECRET), site(private=True, **by_proxy)):
        for path in ("/static/light/dodo", "/leads", "/leads/sign-in", "/sign-in/reader"):
            text = client.get(path).text.lower()
            assert "dodo" not in text.replace("light/dodo", "").replace("light dodo", ""), path


def test_strangers_of_a_private_site_are_led_to_the_login_page(site):
    login = "https://example.com/login?to={next}"
    client = site(private=True, reader_secret=SECRET, sign_in_url=login)

    answer = client.get("/articles/en/dodo?q=свет")

    assert answer.status_code == 302
    assert answer.location.startswith("https://example.com/login?to=%2Farticles%2Fen%2Fdodo%3Fq%3D")
    assert client.get("/api/search?q=dodo").json["error"]["code"] == "unauthorized"
    from_page = {"Referer": "http://localhost/en/"}
    assert (
        client.get("/sign-in", headers=from_page).location
        == "https://example.com/login?to=%2Fen%2F"
    )


def test_a_private_site_that_nobody_could_enter_does_not_start(site):
    with pytest.raises(ConfigError, match="nobody could sign in"):
        site(private=True)


# --- besides pages ------------------------------------------------------------------------------


@pytest.fixture
def vault(kb, write):
    write("en/lamp", "Light the lamp.", title="Lamp")
    write("en/vault", "The okapi opens the vault.", title="Vault", audience="staff")
    kb.rebuild()
    return kb


def test_no_word_stays_behind_when_an_article_is_closed_or_goes(vault, write):
    file = write("en/zoo", "The quokka and the lamp.", title="Zoo")
    vault.rebuild()
    assert vault.answer("quoka").correction.query == "quokka"

    write("en/zoo", "The quokka and the lamp.", title="Zoo", audience="staff")
    vault.rebuild()
    assert vault.answer("quoka").correction is None
    assert vault.seen_by(members(["staff"])).answer("quoka").total == 1

    file.unlink()
    vault.rebuild()
    assert vault.seen_by(INSIDERS).answer("quoka").correction is None


def test_a_link_in_a_public_folder_opens_no_file_of_a_closed_one(vault, write):
    """Unless an article that everybody may read shows it under that name."""
    folder = vault.settings.articles
    write("en/safe/index", "For us.", title="Safe", audience="staff")
    write("en/guide", "[Ours](shown.txt)", title="Guide")
    for name in ("plan", "map"):
        (folder / f"en/safe/{name}.txt").write_text("okapi")
    (folder / "en/latest").symlink_to("safe")
    (folder / "en/shown.txt").symlink_to("safe/map.txt")
    vault.rebuild()

    paths = ("en/safe/plan.txt", "en/latest/plan.txt", "en/latest/map.txt", "en/shown.txt")
    found = {
        who: [path for path in paths if vault.seen_by(readers).media(path)]
        for who, readers in (("strangers", STRANGERS), ("staff", members(["staff"])))
    }

    assert found == {"strangers": ["en/shown.txt"], "staff": list(paths)}


def test_search_by_words_alone_leaves_out_what_is_not_for_a_reader(vault):
    from kb.index.builds import Builds
    from kb.words_only import WordsOnlySearcher

    searcher = WordsOnlySearcher(Builds(vault.settings.builds).current())

    def found(readers):
        return searcher.seen_by(readers).answer(SearchRequest("okapi"), TODAY).total

    assert [found(each) for each in (STRANGERS, members(["x"]), members(["staff"]), INSIDERS)] == [
        0, 0, 1, 1,
    ]  # fmt: skip


def test_a_search_is_no_miss_if_its_reader_found_the_answer(vault):
    for run, readers in (("abcdef1", STRANGERS), ("abcdef2", members(["staff"]))):
        steps = (Step("okapi", 0), Step("okapi vault", 900))
        vault.seen_by(readers).report(Report(run=run, visit=run, lang="en", steps=steps))
    assert vault.recorder.flush()

    assert [each.visits for each in vault.misses()] == [1]


def test_writers_and_leads_see_all(vault):
    with closing(KnowledgeBase(vault.settings, for_writers=True)) as preview:
        assert preview.article("en/vault")
    assert vault.seen_by(INSIDERS).article("en/vault")
    assert [each.text.slug for each in vault.due()] == []
