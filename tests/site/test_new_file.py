"""“Write this article” opens the git host's page of a new file, with its text filled in."""

from urllib.parse import parse_qs, urlsplit

import pytest

from kb.site.board.new_file import new_file_url

TEXT = "---\ntitle: Потерял карту\nanswers:\n  - потерял карту & ключ\n---\n"


@pytest.mark.parametrize(
    ("edit_url", "page", "name", "value"),
    [
        ("https://github.com/acme/help/edit/main/articles/{path}",
         "https://github.com/acme/help/new/main/articles/ru", "filename", "value"),
        ("https://gitlab.com/acme/help/-/edit/main/{path}",
         "https://gitlab.com/acme/help/-/new/main/ru", "file_name", "content"),
        ("https://git.example.com/acme/help/_edit/main/articles/{path}",
         "https://git.example.com/acme/help/_new/main/articles/ru", "filename", "value"),
    ],
)  # fmt: skip
def test_the_page_of_each_host_is_known(edit_url, page, name, value):
    url = urlsplit(new_file_url(edit_url, "ru/karta.md", TEXT))

    assert f"{url.scheme}://{url.netloc}{url.path}" == page
    assert parse_qs(url.query) == {name: ["karta.md"], value: [TEXT]}


@pytest.mark.parametrize(
    "edit_url",
    ["", "https://wiki.example.com/{path}", "https://git.example.com/edit", "{path}?edit=1"],
)
def test_no_page_is_made_up(edit_url):
    assert new_file_url(edit_url, "ru/karta.md", TEXT) == ""


def test_a_text_too_long_for_an_address_is_left_out():
    url = new_file_url("https://github.com/a/b/edit/main/{path}", "ru/karta.md", TEXT * 500)

    assert parse_qs(urlsplit(url).query) == {"filename": ["karta.md"]}
