"""Answers of each documented shape, and saved pages, as one kind of help centre."""

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import ROOT

from kb.importing import given_files
from kb.importing.given_files import GivenFiles
from kb.importing.html_site import HtmlSite
from kb.importing.intercom import Intercom
from kb.importing.source import CannotImport, Destination, HelpCentre, SourcePage, languages
from kb.importing.zendesk import Zendesk

GIVEN = ROOT / "tests" / "data" / "importing"


@pytest.fixture
def zendesk() -> Zendesk:
    return Zendesk(GivenFiles(GIVEN / "zendesk"))


def by_key(centre: HelpCentre) -> dict[tuple[str, str], SourcePage]:
    return {(page.key, page.lang): page for page in centre.pages}


def write(folder: Path, **files: Any) -> GivenFiles:
    """A folder of JSON files."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return GivenFiles(folder)


# ---------------------------------------------------------------- Zendesk


def test_pages_lists_and_single_objects_of_zendesk_are_one_centre(zendesk):
    pages = by_key(zendesk)

    assert zendesk.lang == "en"
    assert sorted(pages) == [
        ("9001", "en"), ("9001", "ru"), ("9002", "en"), ("9003", "en"), ("9004", "en"),
    ]  # fmt: skip
    assert [(s.key, s.parent, dict(s.names)) for s in zendesk.sections] == [
        ("category:7001", "", {"en": "Account", "ru": "Кабинет"}),
        ("section:8001", "category:7001", {"en": "Sign in", "ru": "Вход"}),
        ("section:8002", "section:8001", {"en": "Two steps", "ru": "Два шага"}),
    ]


def test_an_article_of_zendesk_has_all_its_keys(zendesk):
    page = by_key(zendesk)["9001", "en"]

    assert page.title == "How do I reset my password?"
    assert (page.section, page.author, page.updated) == (
        "section:8001", "Vera Quillon", date(2024, 4, 3),
    )  # fmt: skip
    assert page.tags == ("password", "sign-in")
    assert page.addresses == (
        "/hc/en-us/articles/9001-How-do-I-reset-my-password",
        "/hc/en-us/articles/9001",
    )
    assert [attachment.name for attachment in page.attachments] == ["Rules for passwords.pdf"]


def test_places_of_zendesk_and_intercom_are_kept_where_somebody_chose_them(tmp_path):
    def made(positions):
        articles = [
            {"id": n, "locale": "en", "title": "A", "body": "x", "section_id": 7, "position": at}
            for n, at in enumerate(positions, 1)
        ]
        section = {"id": 7, "locale": "en", "name": "S", "category_id": 5, "position": 3}
        other = {**section, "id": 8, "position": 1}
        files = write(tmp_path, articles={"articles": articles}, s={"sections": [section, other]})
        return Zendesk(files)

    chosen = made([2, 0])

    assert [page.order for page in chosen.pages] == [2, 0]
    assert {section.key: section.order for section in chosen.sections} == {
        "section:7": 3, "section:8": 1,
    }  # fmt: skip
    assert [page.order for page in made([0, 0]).pages] == [None, None]


def test_a_translation_of_zendesk_is_the_article_in_its_words(zendesk):
    page = by_key(zendesk)["9001", "ru"]

    assert page.title == "Как сбросить пароль?"
    assert page.updated == date(2024, 3, 5)
    assert (page.section, page.author, page.tags) == (
        "section:8001", "Vera Quillon", ("password", "sign-in"),
    )  # fmt: skip
    assert ["outdated" in remark for remark in page.remarks] == [True]


def test_drafts_and_readers_of_zendesk_are_kept(zendesk):
    pages = by_key(zendesk)

    assert [key for (key, _), page in pages.items() if page.draft] == ["9003"]
    assert {key: page.audience for (key, _), page in pages.items() if page.audience} == {
        "9004": "Partners"
    }


@pytest.mark.parametrize(
    ("segment", "audience"),
    [
        (None, "segment-5"),
        ({"user_type": "signed_in_users", "name": "All"}, "signed-in"),
        ({"user_type": "signed_in_users", "name": "Some", "tags": ["vip"]}, "Some"),
        ({"user_type": "staff", "name": "Agents"}, "Agents"),
    ],
)
def test_a_segment_that_is_not_given_is_open_to_nobody(tmp_path, segment, audience):
    article = {"id": 1, "section_id": 2, "title": "A", "body": "<p>b</p>", "user_segment_id": 5}
    segments = [{"id": 5, **segment}] if segment else []

    centre = Zendesk(write(tmp_path, articles=[article], segments={"user_segments": segments}))

    assert centre.pages[0].audience == audience


def test_what_is_sideloaded_is_read(tmp_path):
    answer = {
        "articles": [{"id": 1, "section_id": 2, "title": "A", "body": "b", "locale": "en-us",
                      "author_id": 3, "translation_ids": [4], "label_names": ["x"]}],
        "sections": [{"id": 2, "category_id": 5, "name": "S", "locale": "en-us"}],
        "categories": [{"id": 5, "name": "C", "locale": "en-us"}],
        "users": [{"id": 3, "name": "Vera  Quillon"}],
        "translations": [{"id": 4, "source_id": 1, "source_type": "Article", "locale": "ru",
                          "title": "А", "body": "б", "draft": True}],
        "next_page": None,
    }  # fmt: skip
    labels = {"labels": [{"id": 9, "name": "x", "url": "https://h.example/api/v2/labels/9.json"}]}

    centre = Zendesk(write(tmp_path, answer=answer, labels=labels))

    assert [(p.title, p.lang, p.author, p.draft, p.section) for p in centre.pages] == [
        ("A", "en", "Vera Quillon", False, "section:2"),
        ("А", "ru", "Vera Quillon", True, "section:2"),
    ]
    assert [(s.key, s.parent) for s in centre.sections] == [
        ("category:5", ""), ("section:2", "category:5"),
    ]  # fmt: skip


def test_articles_alone_are_enough(tmp_path):
    article = {"id": 1, "section_id": 2, "name": "A", "body": "<p>b</p>", "locale": "ru",
               "source_locale": "ru", "draft": None, "label_names": None}  # fmt: skip

    centre = Zendesk(write(tmp_path, list=[article]))

    assert [(page.title, page.lang, page.section) for page in centre.pages] == [
        ("A", "ru", "section:2")
    ]
    assert centre.sections == ()


def test_a_circle_of_sections_is_cut(tmp_path):
    sections = [
        {"id": 1, "category_id": 9, "name": "A", "parent_section_id": 2},
        {"id": 2, "category_id": 9, "name": "B", "parent_section_id": 1},
    ]
    article = {"id": 1, "section_id": 2, "title": "A", "body": "<p>b</p>"}

    centre = Zendesk(write(tmp_path, sections={"sections": sections}, articles=[article]))

    found = [(section.key, section.parent) for section in centre.sections]
    assert found == [("section:1", ""), ("section:2", "section:1")]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "https://help.lumora.example/hc/en-us/articles/9001-Any-words#h_1",
            Destination("9001", "h_1"),
        ),
        ("https://help.lumora.example/hc/articles/9001", Destination("9001")),
        ("https://help.lumora.example/hc/ru/sections/8001", Destination("section:8001", "", True)),
        (
            "https://help.lumora.example/hc/ru/categories/7001-A",
            Destination("category:7001", "", True),
        ),
        ("https://other.example/hc/en-us/articles/9001", None),
        ("https://help.lumora.example/hc/en-us/requests/new", None),
    ],
)
def test_an_address_of_zendesk_is_its_number(zendesk, url, place):
    assert zendesk.place(url) == place


def test_files_of_zendesk_are_found_by_path_number_or_name(tmp_path):
    base = "https://help.lumora.example/hc/article_attachments"
    article = {"id": 1, "section_id": 2, "title": "A", "body": "b", "html_url": f"{base}/../a"}
    for path in ("hc/article_attachments/1", "2/two.png", "deep/three.png", "x/4.png", "y/4.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x")

    centre = Zendesk(write(tmp_path, a=[article]))

    named = [f"{base}/1", f"{base}/2/two.png", f"{base}/3/three.png", f"{base}/4/4.png"]
    found = [centre.file(url) for url in named]
    assert [file and file.relative_to(tmp_path).as_posix() for file in found] == [
        "hc/article_attachments/1", "2/two.png", "deep/three.png", None,
    ]  # fmt: skip


# ---------------------------------------------------------------- Intercom


@pytest.fixture
def intercom() -> Intercom:
    return Intercom(GivenFiles(GIVEN / "intercom"))


def test_lists_of_intercom_are_one_centre(intercom):
    pages = by_key(intercom)

    assert sorted(pages) == [("301", "en"), ("301", "ru"), ("302", "en"), ("303", "en")]
    assert [(s.key, s.parent, dict(s.names)) for s in intercom.sections] == [
        ("145", "", {"en": "Billing", "ru": "Оплата"}),
        ("146", "145", {"en": "Invoices"}),
        ("18", "145", {"en": "Refunds"}),
    ]
    assert pages["302", "en"].section == "18"
    assert pages["303", "en"].section == ""


def test_an_article_of_intercom_has_all_its_keys(intercom):
    english, russian = by_key(intercom)["301", "en"], by_key(intercom)["301", "ru"]

    assert (english.author, english.tags, english.updated) == (
        "Odd Harkness", ("billing",), date(2024, 3, 1),
    )  # fmt: skip
    assert english.answer == "Invoices come by mail and in the cabinet."
    assert english.addresses == ("/en/articles/301-where-is-my-invoice",)
    assert (russian.title, russian.draft, english.draft) == ("Где мой счёт", True, False)


def test_an_answer_with_one_article_is_enough(tmp_path):
    article = {"type": "article", "id": "7", "title": "A", "body": "<p>b</p>", "state": "published",
               "url": "https://h.example/de/articles/7-a", "translated_content": None}  # fmt: skip

    centre = Intercom(write(tmp_path, one=article))

    assert [(page.key, page.lang, page.draft) for page in centre.pages] == [("7", "de", False)]


def test_answers_of_zendesk_are_not_taken_for_those_of_intercom():
    with pytest.raises(CannotImport, match="no article of Intercom"):
        Intercom(GivenFiles(GIVEN / "zendesk"))


# ---------------------------------------------------------------- HTML


@pytest.fixture
def site() -> HtmlSite:
    return HtmlSite(GivenFiles(GIVEN / "site"), "ru", ("ru", "en"))


def test_pages_of_a_saved_site_are_one_centre(site):
    pages = by_key(site)

    assert site.lang == "en"
    assert sorted(pages) == [
        ("devices/pair-a-lamp", "en"), ("devices/pair-a-lamp", "ru"), ("devices/reset", "en"),
    ]  # fmt: skip
    assert [(s.key, dict(s.names)) for s in site.sections] == [
        ("Devices", {"en": "Devices", "ru": "Устройства"})
    ]
    assert site.empty == ("help.orvane.example/en/empty.html",)


def test_a_page_is_its_article_without_what_stands_around(site):
    page = by_key(site)["devices/pair-a-lamp", "en"]

    assert (page.title, page.author, page.tags, page.updated) == (
        "Pair a lamp", "Ilse Brandt", ("lamp",), date(2024, 6, 7),
    )  # fmt: skip
    assert not [word for word in ("Other things", "Skip", "©", "Home") if word in page.html]
    assert by_key(site)["devices/reset", "en"].author == "Tor Vinge"


def test_a_page_that_sends_on_is_a_former_address(site):
    page = by_key(site)["devices/reset", "en"]

    assert page.addresses == ("/en/devices/reset.html", "/en/old-reset")
    assert site.place("http://saved.invalid/help.orvane.example/en/old-reset.html") == Destination(
        "devices/reset"
    )


def test_plain_files_are_articles_of_their_folders(tmp_path):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "first.html").write_text(
        "<h1>First</h1><p>Text <a href=index.html>up</a>"
    )
    (tmp_path / "guide" / "index.html").write_text("<title>Guide</title><p>All guides.")

    centre = HtmlSite(GivenFiles(tmp_path), "en", ("en",))

    assert [(p.key, p.title, p.section, p.name) for p in centre.pages] == [
        ("guide", "Guide", "guide", "index"),
        ("guide/first", "First", "guide", "first"),
    ]


def test_a_folder_with_a_page_alone_is_that_page(tmp_path):
    pages = ("index", "start/index", "guide/index", "guide/first", "404")
    for path in pages:
        file = tmp_path / f"{path}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<h1>{path}</h1><p>Text.")

    centre = HtmlSite(GivenFiles(tmp_path), "en", ("en",))

    assert [(p.title, p.section, p.name) for p in centre.pages] == [
        ("guide/index", "guide", "index"),
        ("guide/first", "guide", "first"),
        ("index", "", "index"),
        ("start/index", "", "start"),
    ]
    assert centre.empty == ("404.html",)


def test_pages_that_claim_one_place_are_both_kept(tmp_path):
    for path in ("a.html", "a.htm", "a/index.html"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"<h1>{path}</h1><p>Text.")

    pages = HtmlSite(GivenFiles(tmp_path), "en", ("en",)).pages

    assert len({(page.key, page.lang) for page in pages}) == 3


HOME, ROOM, PART = '<a href="/">Home</a>', '<a href="/r">Room</a>', '<a href="/r/p">Part</a>'


@pytest.mark.parametrize(
    ("trail", "section"),
    [
        (f"<ol class=breadcrumbs><li>{HOME}<li>{ROOM}<li>{PART}</ol>", "Room\nPart"),
        (f"<ol class=breadcrumb><li>{HOME}<li>{ROOM}<li>Lamp</ol>", "Room"),
        (f'<ol class=breadcrumb><li>{HOME}<li>{ROOM}<li><a href="">Lamp</a></ol>', "Room"),
        ("<nav aria-label=Breadcrumbs><ul><li><a href=/><svg></svg></a><li><span>Room</span>"
         "<li><span>Lamp</span></ul></nav>", "Room"),
        (f'<div class="breadcrumbs">{HOME} › {ROOM} › Lamp</div>', "Room"),
        (f"<ol class=breadcrumbs><li>{HOME}</ol>", ""),
        ('<script type="application/ld+json">{"@type": "BreadcrumbList", "itemListElement": ['
         '{"position": 2, "name": "Room"}, {"position": 1, "name": "Home"},'
         ' {"position": 3, "item": {"name": "Lamp"}}]}</script>', "Room"),
        ('<script type="application/ld+json">{"@graph": 7}</script>', ""),
    ],
)  # fmt: skip
def test_breadcrumbs_are_folders(tmp_path, trail, section):
    (tmp_path / "a.html").write_text(f"{trail}<h1>Lamp</h1><p>Text.")

    (page,) = HtmlSite(GivenFiles(tmp_path), "en", ("en",)).pages

    assert page.section == section


def test_old_encodings_are_read(tmp_path):
    page = '<meta charset="windows-1251"><h1>Сброс пароля</h1><p>Нажмите.'
    (tmp_path / "a.html").write_bytes(page.encode("cp1251"))

    (found,) = HtmlSite(GivenFiles(tmp_path), "ru", ("ru",)).pages

    assert (found.title, "Нажмите." in found.html) == ("Сброс пароля", True)


# ---------------------------------------------------------------- any answer

_ODD = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.none())
_ODD |= st.sampled_from(["http://[bad", "9" * 400, "1e999", "../..", "ru", "\ud800"]) | st.just({})


def damaged(content: Any, odd: Any, draw: Any) -> Any:
    """The content with some of its values replaced."""
    if draw(st.integers(0, 19)) == 0:
        return draw(odd)
    if isinstance(content, dict):
        return {key: damaged(value, odd, draw) for key, value in content.items()}
    return [damaged(v, odd, draw) for v in content] if isinstance(content, list) else content


@pytest.mark.parametrize(("kind", "given"), [(Zendesk, "zendesk"), (Intercom, "intercom")])
@settings(max_examples=60)
@given(data=st.data())
def test_any_answer_is_a_centre_or_one_sentence(kind, given, data):
    class Damaged(GivenFiles):
        def json_objects(self):
            whole = (damaged(content, _ODD, data.draw) for content in super().json_objects())
            yield from (content for content in whole if isinstance(content, dict))

    try:
        centre = kind(Damaged(GIVEN / given))
    except CannotImport:
        return
    for page in centre.pages:
        for url in (page.url, *(each.url for each in page.attachments)):
            centre.place(url)
            centre.file(url)
        assert isinstance(page.title, str)
        assert all(isinstance(tag, str) for tag in page.tags)


# ---------------------------------------------------------------- files and languages


@pytest.mark.parametrize("kind", [Zendesk, Intercom, HtmlSite])
def test_a_folder_without_articles_says_what_to_name(tmp_path, kind):
    (tmp_path / "a.json").write_text('{"tickets": []}')

    with pytest.raises(CannotImport, match="name the folder"):
        kind(GivenFiles(tmp_path))


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"{", "no JSON"), (b"[" * 100_000, "nested too deeply"), (b"\xff\xfe{", "no JSON")],
)
def test_a_file_that_is_no_json_is_named(tmp_path, content, says):
    (tmp_path / "bad.json").write_bytes(content)

    with pytest.raises(CannotImport, match=f"bad.json.*{says}"):
        Zendesk(GivenFiles(tmp_path))


def test_links_and_pipes_are_not_read(tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text('[{"id": 1, "section_id": 1, "title": "Secret", "body": "b"}]')
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "link.json").symlink_to(secret)
    (tmp_path / "export" / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "export" / "pipe.json")

    files = GivenFiles(tmp_path / "export")

    assert files.paths == ()


def test_a_file_that_is_too_large_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(given_files, "MAX_JSON", 10)
    (tmp_path / "large.json").write_text("[" + "1," * 20 + "1]")

    with pytest.raises(CannotImport, match=r"large\.json"):
        list(GivenFiles(tmp_path).json_objects())


def test_locales_share_a_language_only_once():
    assert languages(["en-us", "en-gb", "ru", "pt-BR"], "en-us") == {
        "en-us": "en", "en-gb": "en-gb", "ru": "ru", "pt-BR": "pt",
    }  # fmt: skip
    assert languages(["../x", ""], "ru") == {"../x": "ru", "": "ru", "ru": "ru"}
