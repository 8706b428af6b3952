"""What programs read: articles as Markdown and the lists of them, over a real index."""

import re

import bases
import pytest

from kb.html_to_markdown.article import LARGEST, as_markdown
from kb.web import create_app

FILES = {
    "ru/account/password.md": "---\ntitle: 'Сброс пароля: как'\nauthor: Анна Словарёва\n"
    "updated: 2026-03-02\nanswer: Нажмите «Забыли пароль».\naliases: [old/reset]\n---\n\n"
    "Откройте [настройки](mail.md#adres) и [сайт](<https://example.com/a b>).\n\n"
    "## Почему так\n\n> [!NOTE]\n> Ссылка живёт час.\n\n```python\nprint('<b>')\n```\n\n"
    "| a | b |\n|---|---|\n| 1 | `x` |\n\n![Схема](scheme.png)\n",
    "ru/account/mail.md": "---\ntitle: Почта\n---\n\n## Адрес\n\nИзмените адрес.\n",
    "ru/account/scheme.png": "no picture",
    "ru/draft.md": "---\ntitle: Черновик\ndraft: true\n---\n\nСекрет черновика.\n",
    "ru/hidden.md": "---\ntitle: Скрытая\nunlisted: true\n---\n\nТолько по адресу.\n",
    "en/start.md": "---\ntitle: Start [here]\n---\n\nBegin with the box.\n",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    kb = bases.of(FILES, tmp_path_factory.mktemp("programs"), base_url="https://help.example.com")
    return create_app(kb).test_client()


def test_an_article_is_read_as_markdown_with_its_head_and_whole_addresses(client):
    answer = client.get("/articles/ru/account/password.md")

    assert answer.content_type == "text/markdown; charset=utf-8"
    assert answer.text.startswith(
        '---\ntitle: "Сброс пароля: как"\nlang: "ru"\nupdated: "2026-03-02"\n'
        'author: "Анна Словарёва"\nurl: "https://help.example.com/articles/ru/account/password"\n'
        "---\n\n# Сброс пароля: как\n\n> Нажмите «Забыли пароль».\n\n"
    )
    assert re.search(
        r"\[настройки\]\(https://help\.example\.com/articles/ru/account/mail#[^)\s]+\)", answer.text
    )
    assert "(https://example.com/a%20b)" in answer.text
    assert "![Схема](https://help.example.com/media/ru/account/scheme.png)" in answer.text
    assert "```\nprint('<b>')\n```" in answer.text
    assert "> [!NOTE]\n> Ссылка живёт час." in answer.text


def test_a_client_that_prefers_markdown_gets_it_at_the_address_of_the_page(client):
    program = client.get("/articles/en/start", headers={"Accept": "text/markdown, text/html;q=0.5"})
    browser = client.get("/articles/en/start", headers={"Accept": "text/html,*/*;q=0.8"})

    assert program.mimetype == "text/markdown"
    assert "Accept" in program.vary
    assert browser.mimetype == "text/html"
    assert "Accept" in browser.vary
    address = "https://help.example.com/articles/en/start.md"
    assert f'type="text/markdown" href="{address}"' in browser.text


def test_a_former_address_leads_to_the_markdown_of_the_article(client):
    moved = client.get("/articles/old/reset.md")

    assert (moved.status_code, moved.location) == (301, "/articles/ru/account/password.md")
    assert client.get("/articles/no/such.md").status_code == 404


def test_lists_hold_what_search_may_show_and_nothing_else(client):
    listed, full = client.get("/llms.txt").text, client.get("/llms-full.txt").text

    for text in (listed, full):
        assert "Сброс пароля: как" in text
        assert "Start" in text
        assert [word for word in ("Черновик", "Секрет", "Скрытая") if word in text] == []
    assert "- [Start (here)](https://help.example.com/articles/en/start.md): Begin" in listed
    assert "Begin with the box." in full
    assert client.get("/articles/ru/draft.md").status_code == 404
    assert client.get("/articles/ru/hidden.md").headers["X-Robots-Tag"] == "noindex"


def test_a_list_of_one_language_holds_that_language(client):
    assert "Start" not in client.get("/ru/llms.txt").text
    assert client.get("/ru/llms.txt").text.count("\n# ") == 0
    assert "Сброс" not in client.get("/en/llms-full.txt").text


def test_addresses_stay_below_the_prefix_that_the_site_is_served_at(tmp_path):
    kb = bases.of(FILES, tmp_path, base_url="https://example.com/help")
    client = create_app(kb).test_client()

    text = client.get("/help/articles/ru/account/password.md").text

    assert "(https://example.com/help/articles/ru/account/mail#h-" in text
    assert "(https://example.com/help/media/ru/account/scheme.png)" in text
    assert "(https://example.com/help/articles/en/start.md)" in client.get("/help/llms.txt").text
    moved = client.get("/help/articles/old/reset.md")
    assert moved.location == "/help/articles/ru/account/password.md"
    assert 'href="/help/articles/en/start.md"' in client.get("/help/articles/en/start").text


def test_the_whole_base_is_not_copied_without_end(tmp_path, monkeypatch):
    files = {f"en/{n:02}.md": f"---\ntitle: T{n}\n---\n\n{'word ' * 50}\n" for n in range(20)}
    client = create_app(bases.of(files, tmp_path)).test_client()
    monkeypatch.setattr("kb.site.markdown_pages.LONGEST", 1000)

    text = client.get("/llms-full.txt").text

    assert len(text) < 2000
    assert re.search(r"\n1\d more articles: http://localhost/llms\.txt\n", text)
    statuses = [client.get("/llms-full.txt").status_code for _ in range(70)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


@pytest.mark.parametrize("html", ["<ul><li>" * 400 + "deep", "<p>long</p>" * (LARGEST // 10)])
def test_what_cannot_be_converted_is_plain_text(html):
    assert as_markdown(html, "https://help.example.com/", "/articles/t", "en", "T")[-4:] in (
        "deep",
        "long",
    )
