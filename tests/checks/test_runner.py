"""`kb check` looks at the folder as it is now, makes only what rules need, and heeds settings."""

import json
import tempfile
import threading
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from kb.base import sandbox
from kb.base.config import Settings
from kb.base.errors import ConfigError
from kb.checks import external_links
from kb.checks import runner as inspection
from kb.cli import main
from kb.content import markup
from kb.index import rendering
from kb.index.builds import Builds

ANSWERS = {"title": "Reset a password", "answers": ["how to reset"]}


@pytest.fixture
def check(runner, settings, tmp_path, monkeypatch):
    """Runs `kb check` in a folder that holds `articles` and, if given, a `kb.toml`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, toml: str = ""):
        (tmp_path / "kb.toml").write_text(toml)
        return runner.invoke(main, ["check", *arguments])

    return run


def codes(kb, *within: str) -> list[str]:
    return [problem.code for problem in kb.check(within)]


def inspect(settings: Settings):
    return inspection.inspect(settings, date(2026, 11, 22))


# ---------------------------------------------------------------- what is made


def test_without_answers_no_index_is_made(kb, write, settings):
    write("a", "[x](gone.md)")

    assert codes(kb) == ["broken-link", "no-title"]
    assert not settings.data.exists()


def test_answers_are_asked_in_an_index_that_customers_do_not_see(kb, write, settings):
    write("a", "Text.", title="Printers", answers=["zebra"])
    write("b", "Zebra.", title="Zebra")
    write("c", "Zebra.", title="Zebra two")
    write("d", "Zebra.", title="Zebra three")

    assert codes(kb) == []
    assert not settings.builds.exists()
    assert (settings.data / "check").exists()


def test_the_index_goes_on_from_the_one_that_is_served(kb, write, settings, monkeypatch):
    write("a", "Text.", **ANSWERS)
    kb.rebuild()
    write("b", "Text.", title="B")
    prepared = []
    each = sandbox.each

    def counting(function, values, **how):
        taken = list(values)
        prepared.extend(taken)
        return each(function, taken, **how)

    monkeypatch.setattr(rendering.sandbox, "each", counting)

    assert codes(kb) == []
    assert [path for path, *_ in prepared] == ["b.md"]


def test_a_build_for_checks_that_cannot_be_read_is_made_anew(kb, write, monkeypatch):
    write("a", "Text.", **ANSWERS)
    with monkeypatch.context() as damaged:  # whole by its checksums
        unreadable = SimpleNamespace(compress=lambda *_: b"no page")
        damaged.setattr("kb.index.segment_writer.zlib", unreadable)
        assert codes(kb) == []

    for text in ("New text.", "Newer text."):
        write("b", text, title="B")
        assert codes(kb) == []


def test_a_check_beside_another_is_done_too_and_leaves_nothing(
    kb, write, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    write("a", "Text.", **ANSWERS)

    with Builds(settings.data / "check" / "builds").draft():
        assert codes(kb) == []

    assert list(tmp_path.glob("kb-check-*")) == []


def test_questions_of_files_not_asked_about_are_not_asked(kb, write, settings):
    write("net/a", "Text.", **ANSWERS)
    write("b", "[x](gone.md)")

    assert codes(kb, "b.md") == ["broken-link", "no-title"]
    assert not (settings.data / "check").exists()


def test_only_doubtful_articles_are_rendered(kb, write, monkeypatch):
    write("a", "[x](b.md#here) [y](#mine) [z](d.md#quoted)\n\n## Mine", title="A")
    write("b", "## Here\n\nText.", title="B")
    write("c", "<div>[x](b.md#there)</div>\n\n[z](b.md#nowhere)", title="C")
    write("d", "> ## Quoted\n\nText.", title="D")
    rendered = []
    render = markup.render

    def counting(body, *, path, **how):
        rendered.append(path)
        return render(body, path=path, **how)

    monkeypatch.setattr(markup, "render", counting)
    monkeypatch.setattr(
        inspection.sandbox, "each", lambda f, jobs, **_: ((i, f(j)) for i, j in enumerate(jobs))
    )

    assert codes(kb) == ["broken-anchor"]
    assert rendered == ["c.md", "d.md"]


def test_an_article_that_cannot_be_rendered_is_told(write, settings):
    write("a", "[" * 20_000, title="A")
    settings = settings.model_copy(update={"render_seconds": 0.2})

    (problem,) = inspect(settings)

    assert (problem.path, problem.code, problem.level) == ("a.md", "too-slow", "error")


def test_an_article_nested_too_deeply_is_told_so(write, settings):
    write("a", "<div>x</div>\n\n" + "- " * 5_000 + "x", title="A")

    (problem,) = inspect(settings)

    assert (problem.path, problem.code, problem.level) == ("a.md", "too-deep", "error")


def test_former_addresses_in_a_circle_are_told_once_each(kb, write):
    write("a", "Text.", title="A", aliases="b")
    write("b", "Text.", title="B", aliases="a")

    assert codes(kb) == ["alias-circle", "alias-circle"]


# ---------------------------------------------------------------- settings


def test_levels_come_from_the_settings(check, write):
    write("a", "[x](gone.md)\n\n![](gone.png)", author="Anna")

    done = check("--format", "json", toml='[checks]\nbroken-link = "hint"\nmissing-image = "off"\n')

    found = json.loads(done.stdout)["problems"]
    assert [(p["code"], p["level"]) for p in found] == [
        ("no-title", "hint"), ("broken-link", "hint"), ("no-alt-text", "warning"),
    ]  # fmt: skip
    assert done.exit_code == 0
    assert check(toml='[checks]\nno-alt-text = "error"\n').exit_code == 1


def test_what_is_told_while_reading_has_levels_too(check, write):
    write("a", "Text.", title="A", updated="soon")

    assert check().stdout.count("bad-date") == 1
    assert check(toml='[checks]\nbad-date = "off"\n').stdout == ""
    assert check(toml='[checks]\nbad-date = "error"\n').exit_code == 1


def test_a_rejected_article_is_an_error_whatever_the_settings_say(check, settings):
    (settings.articles / "a.md").write_bytes(b"\xff")

    assert check().exit_code == 1


def test_levels_may_come_from_the_environment(check, write, monkeypatch):
    write("a", "[x](gone.md)", title="A")
    monkeypatch.setenv("KB_CHECKS", "broken-link = hint, stale=off")

    assert check().exit_code == 0


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('[checks]\nno-autor = "off"\n', "no rule is called no-autor; did you mean no-author?"),
        ('[checks]\nbroken-link = "loud"\n', "is none of 'error', 'warning', 'hint' or 'off'"),
    ],
)
def test_a_rule_or_level_that_is_none_is_refused(check, write, toml, says):
    done = check(toml=toml)

    assert done.exit_code == 2
    assert says in done.stderr


def test_a_service_refuses_unknown_rules(settings):
    with pytest.raises(ConfigError, match="no rule is called weather; `kb check --rules`"):
        inspect(settings.model_copy(update={"checks": {"weather": "off"}}))


# ---------------------------------------------------------------- other sites


@pytest.mark.usefixtures("in_russian")
def test_other_sites_are_asked_on_request_only(check, write, monkeypatch):
    here = partial(external_links.visit, may_ask=lambda address: address == "127.0.0.1")
    monkeypatch.setattr(external_links, "visit", here)

    class Site(BaseHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def do_GET(self) -> None:
            self.asked.append(self.path)
            self.send_response(404 if self.path == "/gone" else 403 if self.path == "/no" else 200)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site = f"http://127.0.0.1:{server.server_port}"
    write("a", f"[x]({site}/gone)\n\n<{site}/no> [z]({site}/fine)", title="A")
    try:
        assert check().stdout == ""
        assert Site.asked == []

        lines = check("--external").stdout.splitlines()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert [line.partition(" http")[0] for line in lines] == [
        "articles/a.md:4: external-gone", "articles/a.md:6: external-silent"
    ]  # fmt: skip
    assert f"{site}/gone: сайт отвечает 404 Not Found; поставьте новый адрес" in lines[0]
    assert f"{site}/no: сайт отвечает 403 Forbidden; откройте её в браузере" in lines[1]


# ---------------------------------------------------------------- repairs


@pytest.mark.usefixtures("in_russian")
def test_fix_repairs_says_what_and_checks_what_is_left(check, write):
    path = write("a", "[x](gone.md) ", tags=["b"], title="A", updated="31.08.2026")

    done = check("--fix")

    assert path.read_text() == (
        "---\ntitle: A\nupdated: 2026-08-31\ntags:\n- b\n---\n[x](gone.md)\n"
    )
    assert done.stdout.splitlines()[:3] == [
        "articles/a.md:5: исправлено: updated: 31.08.2026 → 2026-08-31",
        "articles/a.md:7: исправлено: убраны пробелы в конце 1 строки",
        "articles/a.md:2: исправлено: поля поставлены по порядку: title, updated, tags",
    ]
    assert "broken-link" in done.stdout
    assert done.exit_code == 1


@pytest.mark.usefixtures("in_russian")
def test_fix_as_json_and_as_remarks(check, write):
    path: Path = write("a", "Text ", title="A")
    found = json.loads(check("--fix", "--format", "json").stdout)

    assert [fix["code"] for fix in found["fixed"]] == ["trailing-space"]
    assert "fixed" not in json.loads(check("--format", "json").stdout)
    path.write_text("# A \n\nText\n")
    assert check("--fix", "--format", "github").stdout.startswith(
        "::notice file=articles/a.md,line=1,title=trailing-space::исправлено: убраны пробелы"
    )


def test_fix_keeps_to_the_files_named(check, write):
    kept, repaired = write("a", "Text ", title="A"), write("b", "Text ", title="B")

    check("--fix", "articles/b.md")

    assert kept.read_text().endswith("Text \n")
    assert repaired.read_text().endswith("Text\n")
