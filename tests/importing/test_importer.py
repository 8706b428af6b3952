"""An import writes each article once, follows its source, and takes nothing from a writer."""

import fcntl
import json
import os
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest
from paths import ROOT

from kb.content.articles import Article, Defaults
from kb.content.folder import scan
from kb.importing import importer, record
from kb.importing.given_files import GivenFiles
from kb.importing.html_site import HtmlSite
from kb.importing.importer import ImportReport
from kb.importing.source import Attachment, CannotImport, Destination, SourcePage, SourceSection
from kb.importing.zendesk import Zendesk

GIVEN = ROOT / "tests" / "data" / "importing"
PNG = (GIVEN / "zendesk" / "6001" / "form.png").read_bytes()
HOST = "https://help.lumora.example"


@dataclass(frozen=True)
class Centre:
    """A help centre of a test: pages, sections and the files below a folder."""

    pages: tuple[SourcePage, ...]
    sections: tuple[SourceSection, ...] = ()
    lang: str = "en"
    folder: Path = Path("/nowhere")
    places: dict[str, Destination] = field(default_factory=dict)

    def place(self, url: str) -> Destination | None:
        return self.places.get(url)

    def is_own(self, url: str) -> bool:
        return url.startswith(HOST)

    def public(self, url: str) -> str:
        return url

    def file(self, url: str) -> Path | None:
        given = self.folder / url.removeprefix(HOST).lstrip("/")
        return given if url.startswith(HOST) and given.is_file() else None


PAGE = SourcePage("1", "en", "Pair a lamp", "<p>Hold the button.</p>", url=f"{HOST}/1")
SECTION = SourceSection("s", {"en": "Devices"})


def run(centre: Centre, folder: Path, **known: bool) -> ImportReport:
    return importer.run(centre, folder, langs=("ru", "en"), **known)


def files(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def articles(folder: Path) -> dict[str, Article]:
    found = scan(folder, Defaults("en", ("ru", "en")))
    assert found.problems == ()
    return {article.path: article for article in found.articles}


# ---------------------------------------------------------------- what is written


def test_a_centre_of_zendesk_is_a_tree_of_articles(tmp_path):
    importer.run(Zendesk(GivenFiles(GIVEN / "zendesk")), tmp_path, langs=("ru", "en"))

    sign_in = "account/sign-in/how-do-i-reset-my-password"
    assert files(tmp_path) == [
        ".kb-import.json",
        "en/account/index.md",
        f"en/{sign_in}--6001.png",
        f"en/{sign_in}--rules-for-passwords.pdf",
        f"en/{sign_in}.md",
        "en/account/sign-in/index.md",
        "en/account/sign-in/notes-for-partners.md",
        "en/account/sign-in/plans-for-next-year.md",
        "en/account/sign-in/two-steps/index.md",
        "en/account/sign-in/two-steps/two-step-sign-in.md",
        "ru/account/index.md",
        f"ru/{sign_in}--6001.png",
        f"ru/{sign_in}--rules-for-passwords.pdf",
        f"ru/{sign_in}.md",
        "ru/account/sign-in/index.md",
    ]
    text = (tmp_path / f"en/{sign_in}.md").read_text("utf-8")
    assert text == (GIVEN / "expected-zendesk.md").read_text("utf-8")


def test_front_matter_says_what_the_centre_knew(tmp_path):
    page = replace(
        PAGE, answer="Hold it.", tags=("a: b", "#c"), author="Ilse Brandt", draft=True,
        unlisted=True, audience="Partners", updated=date(2024, 6, 7),
        addresses=("/old/1-lamp", "/../../etc", "/old/1"),
    )  # fmt: skip

    report = run(Centre((page,)), tmp_path)

    text = (tmp_path / "en" / "pair-a-lamp.md").read_text("utf-8")
    assert text == (
        '---\ntitle: "Pair a lamp"\nanswer: "Hold it."\ntags:\n  - "a: b"\n  - "#c"\n'
        'author: "Ilse Brandt"\nupdated: 2024-06-07\ndraft: yes\nunlisted: yes\n'
        'audience: "Partners"\naliases:\n  - "/old/1-lamp"\n  - "/old/1"\n---\nHold the button.\n'
    )
    assert (report.drafts, report.restricted) == (1, 1)


def test_sections_are_folders_with_a_title_in_each_language(tmp_path):
    section = SourceSection("s", {"en": "Devices", "ru": "Устройства"}, texts={"en": "<b>All</b>"})
    pages = (replace(PAGE, section="s"), replace(PAGE, section="s", lang="ru", title="Лампа"))

    run(Centre(pages, (section,)), tmp_path)

    found = articles(tmp_path)
    assert {path: article.title for path, article in found.items()} == {
        "en/devices/index.md": "Devices",
        "en/devices/pair-a-lamp.md": "Pair a lamp",
        "ru/devices/index.md": "Устройства",
        "ru/devices/pair-a-lamp.md": "Лампа",
    }
    assert found["en/devices/index.md"].body.strip() == "**All**"


def test_a_language_that_is_not_set_is_said_in_the_file(tmp_path):
    pages = (PAGE, replace(PAGE, lang="de", title="Lampe"), replace(PAGE, lang="en-gb"))

    report = run(Centre(pages), tmp_path)

    said = {path: "lang: " in (tmp_path / path).read_text() for path in files(tmp_path)[1:]}
    assert said == {"de/pair-a-lamp.md": True, "en-gb/pair-a-lamp.md": True,
                    "en/pair-a-lamp.md": False}  # fmt: skip
    assert dict(report.languages) == {"en": 1, "de": 1, "en-gb": 1}


def test_links_between_articles_lead_to_files(tmp_path):
    pages = (
        replace(
            PAGE,
            html='<p><a href="#h">h</a> <a href="#gone">g</a></p><h2 id="h">Two words</h2>'
            f'<p><a href="{HOST}/2#x">b</a> <a href="{HOST}/s">s</a> <a href="{HOST}/9">lost</a>'
            ' <a href="https://else.example/a b">e</a></p>',
        ),
        replace(PAGE, key="2", title="Reset", section="s", html='<h2 id="x">Hard reset</h2>'),
        replace(
            PAGE, key="2", title="Сброс", section="s", lang="ru", html=f'<a href="{HOST}/1">a</a>'
        ),
    )
    places = {f"{HOST}/2#x": Destination("2", "x"), f"{HOST}/s": Destination("s", "", True),
              f"{HOST}/1": Destination("1")}  # fmt: skip

    report = run(Centre(pages, (SECTION,), places=places), tmp_path)

    english = (tmp_path / "en" / "pair-a-lamp.md").read_text("utf-8")
    assert "[h](#two-words) [g](pair-a-lamp.md)" in english
    assert "[b](devices/reset.md#hard-reset) [s](devices/index.md)" in english
    assert f"[lost]({HOST}/9) [e](https://else.example/a%20b)" in english
    assert "[a](../../en/pair-a-lamp.md)" in (tmp_path / "ru/devices/reset.md").read_text("utf-8")
    assert [(loss.path, loss.addresses) for loss in report.losses] == [
        ("en/pair-a-lamp.md", (f"{HOST}/9",))
    ]


def test_images_lie_beside_the_article_once(tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    (given / "form.png").write_bytes(PNG)
    (given / "same.png").write_bytes(PNG)
    (given / "lie.png").write_bytes(b"<script>alert(1)</script>")
    html = "".join(
        f'<p><img src="{HOST}/{name}" alt="A [b]"></p>'
        for name in ("form.png", "same.png", "lie.png", "gone.png")
    )
    target = tmp_path / "to"

    report = run(Centre((replace(PAGE, html=html),), folder=given), target)

    text = (target / "en" / "pair-a-lamp.md").read_text("utf-8")
    assert text.count(r"![A \[b\]](pair-a-lamp--form.png)") == 2
    assert f"({HOST}/gone.png)" in text
    assert files(target)[1:] == ["en/pair-a-lamp--form.png", "en/pair-a-lamp.md"]
    (loss,) = report.losses
    assert (loss.count, loss.addresses) == (2, (f"{HOST}/lie.png", f"{HOST}/gone.png"))
    assert report.needs_a_person


def test_an_image_inside_the_html_becomes_a_file(tmp_path):
    from base64 import b64encode

    html = f'<img src="data:image/png;base64,{b64encode(PNG).decode()}" alt="A">'

    run(Centre((replace(PAGE, html=html),)), tmp_path)

    assert (tmp_path / "en" / "pair-a-lamp--image.png").read_bytes() == PNG


def test_an_image_of_another_site_stays_there(tmp_path):
    html = '<img src="http://169.254.169.254/latest.png" alt="A"><img src="file:///etc/x.png">'

    report = run(Centre((replace(PAGE, html=html),)), tmp_path)

    assert "![A](http://169.254.169.254/latest.png)" in (
        (tmp_path / "en" / "pair-a-lamp.md").read_text("utf-8")
    )
    assert files(tmp_path)[1:] == ["en/pair-a-lamp.md"]
    assert [loss.count for loss in report.losses] == [1]
    assert not report.needs_a_person


def test_files_listed_below_are_links(tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "1").write_bytes(b"%PDF-1.4")
    (tmp_path / "given" / "2").write_bytes(b"MZ")
    attachments = tuple(
        Attachment(name, f"{HOST}/{number}")
        for number, name in enumerate(("Rules [1].pdf", "run.exe", "gone.pdf"), 1)
    )
    centre = Centre((replace(PAGE, attachments=attachments),), folder=tmp_path / "given")

    report = run(centre, tmp_path / "to")

    text = (tmp_path / "to" / "en" / "pair-a-lamp.md").read_text("utf-8")
    assert r"- [Rules \[1\].pdf](pair-a-lamp--rules-1.pdf)" in text
    assert f"- [run.exe]({HOST}/2)" in text
    assert [loss.count for loss in report.losses] == [2]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "..", "/etc/passwd", "a\0b", "CON\n", "é" * 250]
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    page = replace(PAGE, title=name, section="s", lang="en", tags=(name,), addresses=(name,))
    section = SourceSection("s", {"en": name}, name=name)
    target = tmp_path / "deep" / "to"

    run(Centre((page,), (section,)), target)

    assert [f for f in files(tmp_path) if not f.startswith("deep/to/")] == []
    assert len(articles(target)) == 2


def test_equal_titles_get_names_of_their_own(tmp_path):
    pages = (PAGE, replace(PAGE, key="2"), replace(PAGE, key="3", title="README"))
    sections = (
        SourceSection("a", {"en": "Pair a lamp"}),
        SourceSection("b", {"en": "Pair a lamp"}),
    )
    inside = tuple(replace(PAGE, key=f"in {key}", section=key) for key in "ab")

    run(Centre((*pages, *inside), sections), tmp_path)

    assert [path for path in files(tmp_path)[1:] if "index" not in path] == [
        "en/pair-a-lamp-2/pair-a-lamp.md",
        "en/pair-a-lamp-3.md",
        "en/pair-a-lamp-4.md",
        "en/pair-a-lamp/pair-a-lamp.md",
        "en/readme-article.md",
    ]


def test_an_article_that_cannot_be_read_fails_alone(tmp_path):
    pages = (replace(PAGE, html="<b><div>" * 400 + "x"), replace(PAGE, key="2", title="Reset"))

    report = run(Centre(pages), tmp_path)

    ((path, why),) = report.failed
    assert (path, "nested too deeply" in why) == ("en/pair-a-lamp.md", True)
    assert files(tmp_path)[1:] == ["en/reset.md"]
    assert report.needs_a_person


@pytest.mark.parametrize(
    "url", ["http://[bad", "//[", "https://a]b/x.png", "\\\\x\\y", "%00", "?", " "]
)
def test_an_address_that_is_none_stops_nothing(tmp_path, url):
    page = replace(PAGE, html=f'<p>a <a href="{url}">b</a> <img src="{url}" alt="c"></p>', url="")
    section = replace(SECTION, texts={"en": page.html})

    report = run(Centre((replace(page, section="s"),), (section,)), tmp_path)

    assert report.failed == []
    assert len(articles(tmp_path)) == 2


# ---------------------------------------------------------------- again


def test_a_second_import_changes_nothing(tmp_path):
    centre = Zendesk(GivenFiles(GIVEN / "zendesk"))
    importer.run(centre, tmp_path, langs=("ru", "en"))
    before = {path: (tmp_path / path).stat().st_mtime_ns for path in files(tmp_path)[1:]}

    report = importer.run(centre, tmp_path, langs=("ru", "en"))

    assert dict(report.outcomes) == {"unchanged": 5}
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in files(tmp_path)[1:]} == before


def test_a_changed_source_is_followed_under_the_same_name(tmp_path):
    run(Centre((PAGE,)), tmp_path)

    report = run(Centre((replace(PAGE, title="Pair two lamps", html="<p>Both.</p>"),)), tmp_path)

    assert dict(report.outcomes) == {"changed": 1}
    assert files(tmp_path)[1:] == ["en/pair-a-lamp.md"]
    assert 'title: "Pair two lamps"' in (tmp_path / "en" / "pair-a-lamp.md").read_text()


def test_what_a_writer_changed_stays(tmp_path):
    run(Centre((PAGE,)), tmp_path)
    file = tmp_path / "en" / "pair-a-lamp.md"
    file.write_text("Mine.\n")

    same = run(Centre((PAGE,)), tmp_path)
    newer = run(Centre((replace(PAGE, html="<p>Theirs.</p>"),)), tmp_path)

    assert (dict(same.outcomes), same.kept) == ({"unchanged": 1}, [])
    assert (dict(newer.outcomes), newer.kept) == ({"kept": 1}, ["en/pair-a-lamp.md"])
    assert file.read_text() == "Mine.\n"
    assert (same.needs_a_person, newer.needs_a_person) == (False, True)

    theirs = run(Centre((replace(PAGE, html="<p>Theirs.</p>"),)), tmp_path, overwrite=True)

    assert dict(theirs.outcomes) == {"changed": 1}
    assert "Theirs." in file.read_text()


def test_a_file_that_was_there_before_stays(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "pair-a-lamp.md").write_text("Mine.\n")

    report = run(Centre((PAGE,)), tmp_path)

    assert report.kept == ["en/pair-a-lamp.md"]
    assert (tmp_path / "en" / "pair-a-lamp.md").read_text() == "Mine.\n"


def test_what_a_writer_deleted_does_not_come_back(tmp_path):
    run(Centre((PAGE,)), tmp_path)
    (tmp_path / "en" / "pair-a-lamp.md").unlink()

    same = run(Centre((PAGE,)), tmp_path)
    newer = run(Centre((replace(PAGE, html="<p>Newer.</p>"),)), tmp_path)

    assert files(tmp_path) == [".kb-import.json"]
    assert (same.kept, newer.kept) == ([], ["en/pair-a-lamp.md"])


def test_line_ends_that_git_writes_are_no_change(tmp_path):
    run(Centre((PAGE,)), tmp_path)
    file = tmp_path / "en" / "pair-a-lamp.md"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    report = run(Centre((replace(PAGE, html="<p>Newer.</p>"),)), tmp_path)

    assert dict(report.outcomes) == {"changed": 1}


def test_an_article_moves_with_its_section_and_its_address_stays(tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "form.png").write_bytes(PNG)
    page = replace(PAGE, html=f'<img src="{HOST}/form.png" alt="A">')
    target = tmp_path / "to"
    run(Centre((page,), folder=tmp_path / "given"), target)

    moved = Centre((replace(page, section="s"),), (SECTION,), folder=tmp_path / "given")
    report = run(moved, target)

    assert files(target)[1:] == [
        "en/devices/index.md", "en/devices/pair-a-lamp--form.png", "en/devices/pair-a-lamp.md",
    ]  # fmt: skip
    assert articles(target)["en/devices/pair-a-lamp.md"].aliases == ("en/pair-a-lamp",)
    assert report.moved == [("en/pair-a-lamp.md", "en/devices/pair-a-lamp.md")]

    again = run(moved, target)

    assert articles(target)["en/devices/pair-a-lamp.md"].aliases == ("en/pair-a-lamp",)
    assert (again.moved, dict(again.outcomes)) == ([], {"unchanged": 1})


def test_an_article_that_a_writer_changed_does_not_move(tmp_path):
    run(Centre((PAGE,)), tmp_path)
    (tmp_path / "en" / "pair-a-lamp.md").write_text("Mine.\n")

    run(Centre((replace(PAGE, section="s"),), (SECTION,)), tmp_path)

    assert files(tmp_path)[1:] == ["en/devices/index.md", "en/pair-a-lamp.md"]


def test_what_the_source_lost_is_told_and_stays(tmp_path):
    run(Centre((PAGE, replace(PAGE, key="2", title="Reset"))), tmp_path)

    report = run(Centre((PAGE,)), tmp_path)

    assert report.gone == ["en/reset.md"]
    assert (tmp_path / "en" / "reset.md").is_file()


def test_an_interrupted_import_goes_on(tmp_path, monkeypatch):
    centre = Centre(tuple(replace(PAGE, key=str(n), title=f"Lamp {n}") for n in range(5)))
    write, count = record.Record.write, iter(range(9))

    def stop(self: record.Record, path: str, content: bytes) -> str:
        if next(count) == 3:
            raise KeyboardInterrupt
        return write(self, path, content)

    monkeypatch.setattr(record.Record, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        run(centre, tmp_path)
    monkeypatch.undo()

    report = run(centre, tmp_path)

    assert dict(report.outcomes) == {"unchanged": 3, "added": 2}
    assert len(articles(tmp_path)) == 5


def test_an_import_that_was_killed_goes_on_from_its_files(tmp_path):
    run(Centre((PAGE,)), tmp_path)
    (tmp_path / record.FILE).unlink()  # killed before it was written
    (tmp_path / "en" / ".pair-a-lamp.md.part").write_text("half")

    report = run(Centre((PAGE,)), tmp_path)

    assert dict(report.outcomes) == {"unchanged": 1}
    assert len(articles(tmp_path)) == 1


def test_two_imports_do_not_write_to_one_folder(tmp_path):
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(CannotImport, match="another import"):
            run(Centre((PAGE,)), tmp_path)
    finally:
        os.close(held)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 9, "folders": {}, "articles": {}, "former": {}, "files": {}}',
        '{"version": 1, "folders": {}, "articles": {}, "former": {}, "files": {"a": 1}}',
    ],
)
def test_a_damaged_record_stops_the_import(tmp_path, content):
    (tmp_path / record.FILE).write_text(content)

    with pytest.raises(CannotImport, match="damaged"):
        run(Centre((PAGE,)), tmp_path)
    assert files(tmp_path) == [record.FILE]


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "a/../../outside"])
def test_a_record_cannot_lead_out_of_the_folder(tmp_path, path):
    target = tmp_path / "to"
    target.mkdir()
    content = {"version": 1, "folders": {}, "articles": {"1": path}, "former": {}, "files": {}}
    (target / record.FILE).write_text(json.dumps(content))

    with pytest.raises(CannotImport, match="damaged"):
        run(Centre((PAGE,)), target)


def test_progress_counts_to_the_end(tmp_path):
    told: list[tuple[int, int]] = []
    centre = Centre((replace(PAGE, section="s"),), (SECTION,))

    importer.run(centre, tmp_path, progress=lambda done, total: told.append((done, total)))

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_saved_site_is_a_tree_of_articles(tmp_path):
    site = HtmlSite(GivenFiles(GIVEN / "site"), "ru", ("ru", "en"))

    importer.run(site, tmp_path, langs=("ru", "en"))

    found = articles(tmp_path)
    assert sorted(found) == [
        "en/devices/index.md", "en/devices/pair-a-lamp.md", "en/devices/reset.md",
        "ru/devices/index.md", "ru/devices/pair-a-lamp.md",
    ]  # fmt: skip
    assert "[Reset](reset.md#hard-reset)" in found["en/devices/pair-a-lamp.md"].body
    assert "[сброс](../../en/devices/reset.md)" in found["ru/devices/pair-a-lamp.md"].body
    assert "![A lamp](pair-a-lamp--lamp.png)" in found["en/devices/pair-a-lamp.md"].body


def test_places_among_neighbours_are_written(tmp_path):
    page = replace(PAGE, section="s", order=3)

    run(Centre((page,), (replace(SECTION, order=1),)), tmp_path)

    assert "\norder: 3\n" in (tmp_path / "en/devices/pair-a-lamp.md").read_text()
    assert "\norder: 1\n" in (tmp_path / "en/devices/index.md").read_text()
