"""`kb import`: what it prints, what it exits with, and that its articles are found."""

import json

import pytest
from click.testing import Result
from paths import ROOT
from test_download import server, zendesk  # noqa: F401 (a fixture)

from kb.cli import main

GIVEN = ROOT / "tests" / "data" / "importing"


@pytest.fixture
def kb_command(runner, tmp_path):
    """Runs `kb` over the articles and data of this test."""

    def run(*arguments: str, **environment: str) -> Result:
        folders = {"KB_ARTICLES": str(tmp_path / "to"), "KB_DATA": str(tmp_path / "var")}
        done = runner.invoke(main, arguments, env={**folders, "KB_LANG": "en", **environment})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


@pytest.mark.parametrize(
    ("kind", "given", "question", "slug"),
    [
        ("zendesk", "zendesk", "reset password", "en/account/sign-in/how-do-i-reset-my-password"),
        ("intercom", "intercom", "where is my invoice", "en/billing/invoices/where-is-my-invoice"),
        ("html", "site", "pair a lamp", "en/devices/pair-a-lamp"),
    ],
)
def test_what_is_imported_is_clean_and_found(kb_command, tmp_path, kind, given, question, slug):
    done = kb_command("import", kind, str(GIVEN / given), "--to", str(tmp_path / "to"))
    index = json.loads(kb_command("index", "--json").stdout)
    checked = json.loads(kb_command("check", "--format", "json").stdout)
    hits = json.loads(kb_command("search", question, "--lang", "en", "--json").stdout)

    assert done.exit_code == (1 if kind != "zendesk" else 0), done.output  # images not given
    assert index["rejected"] == []
    wrong = {problem["code"] for problem in checked["problems"] if problem["level"] != "hint"}
    assert wrong <= {"no-alt-text"}  # Intercom's answers have no text for images
    assert hits["results"][0]["slug"] == slug


def test_drafts_and_what_only_some_may_read_are_not_served(kb_command, tmp_path):
    kb_command("import", "zendesk", str(GIVEN / "zendesk"), "--to", str(tmp_path / "to"))
    kb_command("index")

    for words in ("plans for next year", "notes for partners"):
        hits = json.loads(kb_command("search", words, "--exact", "--json").stdout)
        assert not [hit for hit in hits["results"] if hit["slug"].endswith(words.replace(" ", "-"))]


def test_a_former_address_leads_to_the_article(kb_command, tmp_path):
    from kb.base.config import Settings
    from kb.service import KnowledgeBase
    from kb.web import create_app

    kb_command("import", "zendesk", str(GIVEN / "zendesk"), "--to", str(tmp_path / "to"))
    settings = Settings(articles=tmp_path / "to", data=tmp_path / "var")
    service = KnowledgeBase.open(settings)
    try:
        service.rebuild()
        client = create_app(service).test_client()

        former = ("/hc/en-us/articles/9001-How-do-I-reset-my-password", "/hc/en-us/articles/9001")
        replies = [
            client.get(f"{root}{address}") for root in ("", "/articles") for address in former
        ]

        article = "/articles/en/account/sign-in/how-do-i-reset-my-password"
        assert {(reply.status_code, reply.location) for reply in replies} == {(301, article)}
    finally:
        service.close()


def test_the_report_says_what_was_lost(kb_command, tmp_path):
    arguments = ("import", "zendesk", str(GIVEN / "zendesk"), "--to", str(tmp_path / "to"))

    short = kb_command(*arguments)
    whole = kb_command(*arguments, "--all", KB_LANG="ru")
    told = json.loads(kb_command(*arguments, "--json").stdout)

    assert "Imported 5 articles" in short.stdout
    assert "Languages: en 4, ru 1; drafts: 1; restricted: 1." in short.stdout
    assert (
        "Lost: images that stay on another site (1, in 1 article; first en/account" in short.stdout
    )
    assert "без изменений 5" in whole.stdout
    assert "password.md: картинки, которые остались на другом сайте (1: https" in whole.stdout
    assert told["unchanged"] == 5
    addresses = {loss["message"]: loss["addresses"] for loss in told["lost"]}
    assert addresses["scripts are left out"] == []
    assert addresses["images that stay on another site"] == [
        "https://pictures.elsewhere.example/cat.png"
    ]


def test_the_whole_report_is_in_the_language_of_the_terminal(kb_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = str(GIVEN / "zendesk")

    done = kb_command("import", "zendesk", source, "--to", "to", KB_LANG="ru", KB_LANGS="ru")

    first, *others = done.stdout.splitlines()
    assert first == "Перенесено 5 статей в to: добавлено 5."
    assert "Этих языков у вас ещё нет: en; задайте KB_LANGS=ru,en." in others
    losses = [line for line in others if line.startswith("Потери: ")]
    assert any("на другом сайте (1 в 1 статье; первая – en/account" in line for line in losses)
    assert [line for line in others if line[0].isascii()] == []


def test_languages_that_are_not_set_are_told(kb_command, tmp_path):
    done = kb_command(
        "import", "zendesk", str(GIVEN / "zendesk"), "--to", str(tmp_path / "to"), KB_LANGS="en"
    )

    assert "Not among your languages yet: ru; set KB_LANGS=en,ru." in done.stdout


def test_what_a_writer_changed_is_told(kb_command, tmp_path):
    export = tmp_path / "export"
    export.mkdir()
    article = {"id": 1, "section_id": 2, "title": "A", "body": "<p>b</p>", "locale": "en"}
    (export / "a.json").write_text(json.dumps([article]))
    arguments = ("import", "zendesk", str(export), "--to", str(tmp_path / "to"))
    kb_command(*arguments)
    (tmp_path / "to" / "en" / "a.md").write_text("Mine.")
    (export / "a.json").write_text(json.dumps([{**article, "body": "<p>c</p>"}]))

    done = kb_command(*arguments)

    assert done.exit_code == 1
    assert "yours stays, --overwrite takes theirs: en/a.md" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["zendesk", "gone", "--to", "x"], "no file or folder gone"),
        (["html", "gone", "--to", "x", "--url", "https://h.example"], "wget --mirror"),
        (["zendesk", "x", "--to", "y", "--url", "http://h.example"], "https"),
        (["confluence", "x", "--to", "y"], "zendesk"),
        (["zendesk", "x"], "--to"),
    ],
)
def test_a_wrong_call_is_one_line(kb_command, monkeypatch, tmp_path, arguments, says):
    monkeypatch.chdir(tmp_path)

    done = kb_command("import", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("kb: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_a_centre_is_downloaded_and_imported(kb_command, server, tmp_path):  # noqa: F811
    zendesk(server)
    export = tmp_path / "export"

    done = kb_command(
        "import", "zendesk", str(export), "--url", server.url, "--to", str(tmp_path / "to"),
        KB_IMPORT_TOKEN="vera@lumora.example/token:secret",
    )  # fmt: skip

    assert done.exit_code == 0
    assert "Imported 3 articles" in done.stdout
    assert (tmp_path / "to" / "en" / "a-1--5.png").is_file()
    assert "secret" not in done.output
    written = b"".join(f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())
    assert b"secret" not in written


def test_a_token_is_shown_to_nobody(kb_command):
    done = kb_command("config", "import_token", KB_IMPORT_TOKEN="vera@x.example/token:secret")

    assert "••••••" in done.stdout
    assert "secret" not in done.stdout
