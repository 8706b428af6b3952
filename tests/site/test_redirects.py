"""Addresses that lead on to the one that was meant, and how addresses stand in a page."""

import bases
import pytest

from kb.web import create_app

ARTICLES = {
    "en/account/Reset-Password": "title: Reset your password\naliases: [en/old/Password]",
    "en/c#-guide": "title: Sharp guide",
    "ru/c#-guide": "title: Руководство",
    "en/why?": "title: Why?",
    "en/secret": "title: Secret\ndraft: true",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    files = {f"{slug}.md": f"---\n{head}\n---\nSome text.\n" for slug, head in ARTICLES.items()}
    base = bases.of(files, tmp_path_factory.mktemp("site"))
    yield create_app(base).test_client()
    base.close()


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/articles/en/account/Reset-Password/", "/articles/en/account/Reset-Password"),
        ("/articles/en/account/Reset-Password.html", "/articles/en/account/Reset-Password"),
        ("/articles/EN/account/reset-password", "/articles/en/account/Reset-Password"),
        ("/articles/en/OLD/password/", "/articles/en/account/Reset-Password"),
        ("/articles/en/c%23-guide/", "/articles/en/c%23-guide"),
        ("/articles/en/why%3F/", "/articles/en/why%3F"),
        ("/en/old/password/", "/articles/en/account/Reset-Password"),
        ("/en/account/reset-password.html?a=b", "/articles/en/account/Reset-Password?a=b"),
        ("/docs/en/c%23-guide/", "/articles/en/c%23-guide"),
        ("/account/Reset-password/", "/articles/en/account/Reset-Password"),
        ("/en/docs/account/reset-password.html", "/articles/en/account/Reset-Password"),
        ("/search/?q=a+b", "/search?q=a+b"),
        ("/en/search/", "/en/search"),
        ("/contact.html", "/contact"),
        ("/RU/", "/ru/"),
        ("/Search", "/search"),
        ("/ru.html", "/ru/"),
    ],
)
def test_an_address_but_for_its_end_or_case_leads_on_for_good(client, asked, meant):
    answer = client.get(asked)

    assert (answer.status_code, answer.headers["Location"]) == (301, meant)


def test_a_redirect_is_followed_to_a_page(client):
    answer = client.get("/Articles/EN/Account/RESET-PASSWORD.html/", follow_redirects=True)

    assert answer.status_code == 200
    assert "<h1>Reset your password</h1>" in answer.text


@pytest.mark.parametrize(
    "address",
    ["/nowhere/", "/articles/en/nowhere.html", "//elsewhere.example/x/", "/%5Celsewhere.example/"],
)
def test_an_unknown_address_stays_unknown(client, address):
    assert client.get(address).status_code == 404


def test_a_redirect_stays_on_this_site(client):
    answer = client.get("/", environ_overrides={"PATH_INFO": "//search/"})

    assert answer.headers["Location"] == "/search"


def test_what_is_sent_is_not_led_on(client):
    assert client.post("/contact/", data={"text": "Hello"}).status_code == 404


def test_an_unpublished_article_is_not_given_away_by_another_case(client):
    assert client.get("/articles/en/SECRET/").status_code == 404


@pytest.mark.parametrize(("slug", "quoted"), [("c#-guide", "c%23-guide"), ("why?", "why%3F")])
def test_hash_and_question_mark_are_escaped_in_addresses_of_a_page(client, slug, quoted):
    page = client.get(f"/articles/en/{quoted}").text

    address = f"http://localhost/articles/en/{quoted}"
    assert f'<link rel="canonical" href="{address}">' in page
    assert f'"url": "{address}"' in page
    assert f"/articles/en/{slug}" not in page
    assert f"<loc>{address}</loc>" in client.get("/sitemap.xml").text


def test_translations_with_a_hash_are_named_by_their_address(client):
    page = client.get("/articles/en/c%23-guide").text

    assert 'hreflang="ru" href="http://localhost/articles/ru/c%23-guide"' in page
