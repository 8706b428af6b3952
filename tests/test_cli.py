"""Every command: what it prints, what it exits with, and that nobody ever meets a traceback."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import paths
import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from kb.base.errors import BuildFailed
from kb.cli import main
from kb.commands import check as checking
from kb.commands import search as searching
from kb.commands.shared import ProgressBar
from kb.content.problems import Problem
from kb.searchlog.db.choices import KINDS, STATUSES
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import GroupAnswer, MissGroup, Search, Triage

Words = tuple[str, ...]


def commands(group: click.Group = main, before: Words = ()) -> dict[Words, click.Command]:
    """Every command and group, by the words one types."""
    found: dict[Words, click.Command] = {before: group}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, (*before, name))
        else:
            found[*before, name] = command
    return found


@pytest.fixture
def kb_command(runner, settings):
    """Runs `kb` over the articles and data of this test."""

    def run(*arguments: str) -> Result:
        done = runner.invoke(
            main,
            arguments,
            env={"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)},
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def complains(done: Result, *says: str) -> bool:
    """Exit 2, nothing on stdout, one line on stderr that says all this."""
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("kb: ")
    assert done.stderr.count("\n") == 1
    assert [part for part in says if part not in done.stderr] == []
    return True


# ---------------------------------------------------------------- the command as a whole


def test_help_loads_little_and_nothing_heavy():
    code = (
        "import sys; import click; known = len(sys.modules); from kb.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'whoosh', 'numpy', 'flask', 'pymorphy3', 'sqlalchemy', 'pydantic', 'granian',"
        " 'markdown', 'yaml', 'kb.searchlog.db.models', 'kb.searchlog.db.letter_models'}\n"
        "print(sorted(heavy & set(sys.modules)), len(sys.modules) - known, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    loaded, more = done.stderr.rsplit(maxsplit=1)
    assert loaded == "[]"
    assert int(more) < 260  # modules beside click: each is read and run at every start


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_helps_with_an_example(runner, words):
    done = runner.invoke(main, [*words, "--help"])

    assert done.exit_code == 0
    if words not in {("log",)}:
        assert f"  kb {' '.join(words)}" in done.stdout


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_option_says_what_it_does(words):
    options = [p for p in commands()[words].params if isinstance(p, click.Option) and not p.hidden]

    silent = {"lang", "limit", "kind", "shape"}
    assert [o.name for o in options if not o.help and o.name not in silent] == []


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "kb", "--version"], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("kb, version ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sarch"], ["search"]),
        (["search"], ["QUERY", "--help"]),
        (["search", "x", "--limit", "0"], ["--limit"]),
        (["search", "x", "--lmit", "3"], ["--limit"]),
        (["serve", "--port", "http"], ["--port"]),
        (["check", "--format", "xml"], ["github"]),
        (["new"], ["title", "kb new"]),
        (["new", "x", "--type", "novel"], ["how-to"]),
        (["misses", "--since", "yesterday"], ["12h, 7d or 2026-11-22"]),
        (["config", "prot"], ["no setting prot"]),
        (["eval", "gone"], ["gone"]),
        (["log", "forget", " "], ["TEXT is empty"]),
        (["log", "forget", "x", "--yes"], ["belong to --groups"]),
        (["log", "forget", "--groups"], ["--since 2h"]),
        (["log", "forget", "--groups", "--since", "now"], ["--since", "12h"]),
        (["log", "shred"], ["kb log --help"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_call_is_one_line_with_the_next_step(kb_command, arguments, says):
    assert complains(kb_command(*arguments), *says)


@pytest.mark.parametrize("command", ["index", "check", "serve"])
def test_a_missing_folder_is_one_line(kb_command, command, tmp_path):
    assert complains(kb_command(command, "--articles", str(tmp_path / "gone")), "gone")


@pytest.mark.parametrize("there", [["notes.txt"], ["kb.toml"]])
def test_the_manual_is_served_in_an_empty_folder_alone(runner, tmp_path, monkeypatch, there):
    monkeypatch.chdir(tmp_path)
    for name in there:
        (tmp_path / name).touch()

    # Not our address: who would serve the manual fails, and does not hang.
    done = runner.invoke(main, ["serve", "--host", "203.0.113.1"])

    assert complains(done, "no articles folder at articles")


def test_a_service_whose_data_is_elsewhere_serves_no_manual(runner, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")

    data = {"KB_DATA": str(tmp_path / "var")}
    done = runner.invoke(main, ["serve", "--host", "203.0.113.1"], env=data)

    assert complains(done, "no articles folder at articles")


def test_a_wrong_setting_is_one_line(runner):
    assert complains(runner.invoke(main, ["config"], env={"KB_PORT": "x"}), "KB_PORT")


@pytest.mark.parametrize("command", ["index", "check", "search vpn", "misses", "config --json"])
def test_an_unknown_variable_is_told_by_every_command(runner, settings, write, command):
    write("vpn", title="VPN")
    folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}

    slips = {"KB_PROT": "1", "KB_XYZZY": "1", "KB_TOOLS": "nodir=hugo"}
    done = runner.invoke(main, command.split(), env={**folders, **slips})

    assert "kb: KB_PROT is no setting and does nothing; did you mean KB_PORT?\n" in done.stderr
    assert "kb: KB_XYZZY is no setting and does nothing; see `kb config --help`\n" in done.stderr
    assert "kb: KB_TOOLS names nodir, which is no folder of " in done.stderr
    assert "KB_PROT" not in done.stdout


def test_a_child_of_a_command_does_not_tell_it_again(runner, settings, write):
    write("vpn", title="VPN")
    folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}

    done = runner.invoke(main, ["index", "--while-parent", "1"], env={**folders, "KB_PROT": "1"})

    assert "KB_PROT" not in done.stderr


def test_where_it_failed_is_told_on_request(settings):
    command = [sys.executable, "-m", "kb", "-v", "search", "vpn", "--data", str(settings.data)]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("kb: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_one_line(kb_command, tmp_path, write):
    write("vpn", title="VPN")
    tmp_path.chmod(0o500)
    try:
        assert complains(kb_command("index"))
    finally:
        tmp_path.chmod(0o700)


def test_a_data_folder_that_is_a_file_is_one_line(kb_command, settings, write):
    write("vpn", title="VPN")
    settings.data.write_text("x")

    assert complains(kb_command("index"))


def test_a_reader_who_stops_reading_is_no_error(settings, write):
    command = f"{sys.executable} -m kb config --json | head -c 1"

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


# ---------------------------------------------------------------- index


def test_index_publishes_and_says_what_changed(kb_command, write):
    write("vpn", title="VPN")
    write("mail", title="Mail")

    first, second = kb_command("index"), kb_command("index")

    assert first.exit_code == second.exit_code == 0
    assert first.stdout.startswith("Indexed 2 articles in ")
    assert "2 added" in first.stdout
    assert second.stdout.startswith("Nothing changed: 2 articles")


def test_index_names_what_is_left_out_when_articles_come_or_go(kb_command, write, settings):
    for name in "abcdefg":
        write(f"{name}/page", title=f"Page {name}")
    first = kb_command("index")

    (settings.articles / "_config.yml").write_text("exclude: [a, b, c, d, e, f]\n")
    second = kb_command("index")
    write("g/page", title="Another title")
    third = kb_command("index")

    told = (
        "Left out: a/page.md, b/page.md, c/page.md, d/page.md, e/page.md and 1 more;"
        " `kb check` says why."
    )
    assert told in second.stdout
    assert "Left out" not in first.stdout + third.stdout


def test_index_names_the_folder_of_articles_where_files_in_it_are_left_out(
    kb_command, write, settings
):
    for name in "abc":
        write(name, title=f"Page {name}")
    (settings.articles / "_config.yml").write_text("exclude: [a.md, b.md]\n")

    told = kb_command("index").stdout

    assert f"Left out: {settings.articles.name}/; `kb check` says why." in told


def test_index_names_files_that_cannot_be_searched(kb_command, write, settings):
    write("ru/prices", "[Прайс](price.pdf)", title="Цены")
    (settings.articles / "ru" / "price.pdf").write_bytes(b"%PDF-1.7 torn")

    done = kb_command("index")

    assert done.exit_code == 0
    assert "ru/prices.md:4: attachment-rejected ru/price.pdf is not searched" in done.stderr
    assert "it cannot be read as PDF; open it" in done.stderr


def test_index_as_json_is_one_document(kb_command, write):
    write("vpn", title="VPN")

    report = json.loads(kb_command("index", "--json").stdout)

    assert {k: report[k] for k in ("articles", "added", "changed", "removed", "unchanged")} == {
        "articles": 1, "added": 1, "changed": 0, "removed": 0, "unchanged": 0,
    }  # fmt: skip
    assert report["rejected"] == report["answered"] == report["regressed"] == []
    assert isinstance(report["build"], str)
    assert isinstance(report["seconds"], float)


def test_a_rejected_article_is_named_and_the_rest_is_published(kb_command, write, settings):
    write("vpn", title="VPN")
    (settings.articles / "bad.md").write_text("---\ntitle: Error: x\n---\n", "utf-8")

    done = kb_command("index")
    as_json = json.loads(kb_command("index", "--json").stdout)

    assert done.exit_code == 1
    assert "bad.md:2: bad-yaml " in done.stderr
    assert "Indexed 1 article in" in done.stdout
    (rejected,) = as_json["rejected"]
    assert (rejected["path"], rejected["line"], rejected["code"]) == ("bad.md", 2, "bad-yaml")
    assert rejected["message"]


def test_strict_publishes_nothing_if_anything_is_rejected(kb_command, write, settings):
    write("vpn", title="VPN")
    (settings.articles / "bad.md").write_text("---\ntitle: Error: x\n---\n", "utf-8")

    done = kb_command("index", "--strict")

    assert done.exit_code == 1
    assert "Nothing published" in done.stdout
    assert complains(kb_command("search", "vpn"), "kb index")


def test_a_failed_build_is_one_line(kb_command, write, monkeypatch):
    from kb.service import KnowledgeBase

    def fail(*_: object, **__: object) -> None:
        raise BuildFailed("no space left on device; free some, then run `kb index`")

    write("vpn", title="VPN")
    monkeypatch.setattr(KnowledgeBase, "rebuild", fail)

    assert complains(kb_command("index"), "no space left")


def emptied(kb_command, write) -> None:
    """One article is served, and its file is gone."""
    file = write("vpn", "Open the client.", title="VPN")
    assert kb_command("index").exit_code == 0
    file.unlink()


def test_an_empty_folder_takes_nothing_off_the_site_unasked(kb_command, write):
    emptied(kb_command, write)

    done = kb_command("index")

    assert done.exit_code == 1
    assert "Nothing published: the folder holds no article any more" in done.stdout
    assert "--empty" in done.stdout
    assert json.loads(kb_command("search", "vpn", "--json").stdout)["total"] == 1
    assert json.loads(kb_command("index", "--json").stdout)["held"] == "empty"


@pytest.mark.parametrize(("reply", "left"), [("y", 0), ("n", 1)])
def test_an_empty_folder_is_asked_about_at_a_terminal(
    runner, kb_command, write, settings, monkeypatch, reply, left
):
    emptied(kb_command, write)
    monkeypatch.setattr("kb.commands.index.is_terminal", lambda: True)

    done = runner.invoke(
        main, ["index"], input=f"{reply}\n",
        env={"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)},
    )  # fmt: skip

    assert "holds no article. Take 1 article off the site?" in done.stderr
    assert done.exit_code == left
    assert json.loads(kb_command("search", "vpn", "--json").stdout)["total"] == left


def test_an_empty_folder_is_published_when_it_is_meant(kb_command, write):
    emptied(kb_command, write)

    assert kb_command("index", "--empty").exit_code == 0
    assert json.loads(kb_command("search", "vpn", "--json").stdout)["total"] == 0


def test_a_first_index_may_be_empty(kb_command):
    done = kb_command("index")

    assert done.exit_code == 0
    assert "Indexed 0 articles" in done.stdout


# ---------------------------------------------------------------- search


@pytest.fixture
def indexed(kb_command, write):
    write(
        "ru/account/reset",
        "Нажмите ссылку.\n\n## Почта\n\nПисьмо с паролем придёт.\n",
        title="Сброс пароля",
    )
    write("ru/account/mail", "Почта меняется в настройках.", title="Смена почты")
    assert kb_command("index").exit_code == 0
    return kb_command


def test_search_prints_title_address_and_snippet(indexed):
    done = indexed("search", "сброс", "пароля")

    assert done.exit_code == 0
    assert "1. Сброс пароля" in done.stdout
    assert "\n   Account\n   /articles/ru/account/reset" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.usefixtures("in_russian")
def test_search_finds_nothing_and_that_is_no_error(indexed):
    done = indexed("search", "--exact", "xyzzy")

    assert done.exit_code == 0
    assert "Ничего не найдено" in done.stdout


@pytest.mark.usefixtures("in_russian")
def test_search_says_what_it_searched_instead(indexed):
    done = indexed("search", "gfhjkm")

    assert "Показано по запросу «пароль»" in done.stdout


def test_search_speaks_the_language_of_the_settings(indexed, monkeypatch):
    monkeypatch.setenv("KB_LANG", "en")

    assert "Nothing found" in indexed("search", "--exact", "xyzzy").stdout


def test_search_as_json_is_what_the_site_answers(indexed, kb):
    from kb.search import to_json

    found = json.loads(indexed("search", "--json", "пароль").stdout)
    expected = to_json(kb.answer("пароль", limit=8))

    found.pop("took_ms"), expected.pop("took_ms")
    assert found == json.loads(json.dumps(expected))


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ({"LANG": "en_US.UTF-8"}, "Nothing found."),
        ({"LANG": "ru_RU.UTF-8"}, "Ничего не найдено."),
        ({"LANG": "de_DE.UTF-8"}, "Nothing found."),  # no catalogue speaks it
        ({"LANG": "C.UTF-8"}, "Ничего не найдено."),  # names no language
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "en_GB"}, "Nothing found."),
        ({"LANG": "en_US.UTF-8", "KB_LANG": "ru"}, "Ничего не найдено."),
    ],
)
def test_search_speaks_the_language_of_the_terminal(indexed, monkeypatch, locale, said):
    for name, value in locale.items():
        monkeypatch.setenv(name, value)

    assert indexed("search", "щщщщщщ").stdout.startswith(said)


def test_search_keeps_to_a_limit_and_a_language(indexed):
    def found(*options: str) -> list[dict[str, object]]:
        return json.loads(indexed("search", "--json", *options, "почта").stdout)["results"]

    assert len(found()) == 2
    assert len(found("--limit", "1")) == 1
    assert found("--lang", "en") == []


def test_search_explains_itself(indexed):
    assert "ru/account/reset  " in indexed("search", "--explain", "сброс").stdout
    assert json.loads(indexed("search", "--explain", "--json", "сброс").stdout)["explain"]


def test_search_without_a_build_says_what_to_run(kb_command):
    assert complains(kb_command("search", "vpn"), "kb index")


@given(query=st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text))
def test_any_text_can_be_printed(query):
    from kb.search import Hit, Marked, Results

    hit = Hit("a", "/articles/a", Marked(query, ((0, 1),)), "", Marked(query), "", "", "ru", 1.0)

    searching._print_results(Results(query, (hit,), 1, True), searching._WORDS["ru"])


# ---------------------------------------------------------------- check


@pytest.fixture
def wrong(write):
    write("ru/a", "[x](gone.md)\n\n![](there.png)\n", title="A")
    write("ru/net/b", "Text.", title="B", review_by="2020-01-01")


@pytest.mark.usefixtures("in_russian")
def test_check_prints_path_line_code_and_cure(kb_command, wrong, monkeypatch, settings):
    monkeypatch.chdir(settings.articles.parent)

    done = kb_command("check")

    assert done.exit_code == 1
    assert (
        "articles/ru/a.md:4: broken-link ссылка никуда не ведёт: gone.md; "
        "исправьте путь или уберите ссылку\n"
    ) in done.stdout
    assert "[warning]" in done.stdout
    assert done.stderr == "2 ошибки, 2 предупреждения, 0 подсказок\n"


def test_check_speaks_the_language_of_the_settings_and_json_is_english(
    kb_command, wrong, monkeypatch
):
    spoken = json.loads(kb_command("check", "--format", "json").stdout)
    monkeypatch.setenv("KB_LANG", "en")

    assert ": broken-link the link leads nowhere: gone.md; correct" in kb_command("check").stdout
    assert spoken["problems"][0]["message"] == "the link leads nowhere: gone.md"
    assert spoken["problems"][0]["cure"] == "correct the path, or drop the link"


@pytest.mark.usefixtures("in_russian")
def test_check_of_good_articles_is_done(kb_command, write):
    write("ru/a", "Text.", title="A")

    done = kb_command("check")

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "0 ошибок, 0 предупреждений, 0 подсказок\n"


def test_warnings_need_nobody(kb_command, write):
    write("ru/net/b", "Text.", title="B", review_by="2020-01-01")

    assert kb_command("check").exit_code == 0


def test_check_as_json(kb_command, wrong):
    found = json.loads(kb_command("check", "--format", "json").stdout)

    assert found["errors"] == 2
    assert {"path", "line", "code", "level", "message", "cure"} == set(found["problems"][0])
    assert found["problems"][0]["path"] == "ru/a.md"


def test_check_keeps_to_paths_and_levels(kb_command, wrong, settings, monkeypatch):
    monkeypatch.chdir(settings.articles / "ru")

    def codes(*arguments: str) -> set[str]:
        found = json.loads(kb_command("check", "--format", "json", *arguments).stdout)
        return {p["code"] for p in found["problems"]}

    assert codes("net") == codes("ru/net") == codes("net/b.md") == {"review-due"}
    assert codes("--level", "error") == {"broken-link", "missing-image"}
    assert codes(str(settings.articles)) == codes()


def test_check_of_a_path_elsewhere_is_refused(kb_command, wrong):
    assert complains(kb_command("check", "/etc/hosts"), "/etc/hosts is not in")


def test_annotations_are_escaped(settings):
    problem = Problem("a:b,c%.md", 3, "no-why", "50 % \n lost", "do, this: now", "hint")

    line = checking._annotation(
        problem, settings.model_copy(update={"articles": Path()}), Path.cwd()
    )

    assert line.startswith("::notice file=a%3Ab")
    assert line.endswith("a%3Ab%2Cc%25.md,line=3,title=no-why::50 %25 %0A lost; do, this: now")


def test_annotations_name_files_from_the_root_of_the_repository(tmp_path, kb_command):
    help_ = tmp_path / "sites" / "help"
    (help_ / "articles" / "en").mkdir(parents=True)
    (help_ / "articles" / "en" / "vpn.md").write_text("---\ntitle: VPN\n---\n[x](gone.md)\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    told = subprocess.run(
        [sys.executable, "-m", "kb", "check", "--format", "github"],
        cwd=help_, env=os.environ | {"PYTHONPATH": str(paths.ROOT)}, capture_output=True, text=True,
    ).stdout  # fmt: skip

    assert "::error file=sites/help/articles/en/vpn.md,line=4,title=broken-link" in told


@pytest.mark.usefixtures("in_russian")
def test_check_lists_its_rules(runner):
    as_text = runner.invoke(main, ["check", "--rules"]).stdout
    as_json = runner.invoke(main, ["check", "--rules", "--format", "json"]).stdout

    assert "broken-link              error    Ссылка ведёт к статье или файлу, которых" in as_text
    rules = {rule["code"]: rule for rule in json.loads(as_json)["rules"]}
    assert rules["broken-link"] == {
        "code": "broken-link", "level": "error",
        "meaning": "A link leads to an article or file that is not there.",
    }  # fmt: skip


# ---------------------------------------------------------------- misses

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GROUP = MissGroup(
    id=7, question="=cmd()", lang="ru", phrasings=(("=cmd()", 2), ("впн", 1)), visits=3, searches=4,
    tickets=1, kinds={"none": 3, "ticketed": 1}, status="regressed", owner="", note="", first=NOW,
    last=NOW, category="Сеть", triage=Triage("draft", "b1", slug="ru/draft"),
    answer=GroupAnswer("ru/vpn", "b1", "c1", 2, None, NOW),
)  # fmt: skip


@pytest.fixture
def missed(monkeypatch):
    from kb.service import KnowledgeBase

    asked: list[tuple[object, ...]] = []

    def misses(_: KnowledgeBase, *arguments: object, **more: object) -> list[MissGroup]:
        since, status, _most = arguments
        asked.append((since, status, *more.values()))
        return [GROUP]

    monkeypatch.setattr(KnowledgeBase, "misses", misses)
    return asked


def test_misses_as_json(kb_command, missed):
    (group,) = json.loads(kb_command("misses", "--format", "json").stdout)["groups"]

    assert group == {
        "id": 7, "question": "=cmd()",
        "phrasings": [{"query": "=cmd()", "visits": 2}, {"query": "впн", "visits": 1}],
        "visits": 3, "kinds": {"none": 3, "ticketed": 1}, "status": "regressed", "owner": "",
        "first": "2026-11-22T12:00:00+00:00", "last": "2026-11-22T12:00:00+00:00",
        "category": "Сеть",
        "triage": {"cause": "draft", "build": "b1", "query": "", "slug": "ru/draft", "words": None},
        "answer": {"slug": "ru/vpn", "build": "b1", "commit": "c1", "rank": 2, "committed": None,
                   "at": "2026-11-22T12:00:00+00:00", "share": 100},
        "label": "", "progress": None,
    }  # fmt: skip


def test_misses_as_csv_open_in_excel_and_compute_nothing(kb_command, missed):
    written = kb_command("misses", "--format", "csv").stdout

    assert written.startswith("\ufeffid;question;")  # as a Russian Excel reads it
    head, row = csv.reader(io.StringIO(written.removeprefix("\ufeff")), delimiter=";")
    found = dict(zip(head, row, strict=True))
    assert found["question"] == "'=cmd()"
    assert (found["kinds"], found["cause"]) == ("none 3, ticketed 1", "draft")
    assert (found["answer"], found["phrasings"]) == ("ru/vpn", "'=cmd() | впн")


def test_misses_as_a_table(kb_command, missed):
    assert "     3  2026-11-22  regressed  draft     =cmd()" in kb_command("misses").stdout


def test_what_narrows_misses_is_handed_on(kb_command, missed):
    kb_command("misses", "--since", "7d", "--status", "open", "--kind", "weak", "--owner", "Анна")
    kb_command("misses", "--since", "2026-11-01", "--owner", "-")

    (since, *one), (day, *other) = missed
    assert abs(since - (datetime.now(UTC) - timedelta(days=7))) < timedelta(minutes=1)
    assert one == ["open", "weak", "Анна"]
    assert (day, other) == (datetime(2026, 11, 1, tzinfo=UTC), [None, None, ""])


def test_misses_know_the_statuses_and_kinds_of_the_log():
    options = {option.name: option.type for option in main.commands["misses"].params}

    assert options["status"].choices == (*STATUSES, "all")
    assert options["kind"].choices == KINDS


def test_no_misses_are_said_in_words(kb_command):
    done = kb_command("misses")

    assert done.exit_code == 0
    assert done.stdout.startswith("No misses")


# ---------------------------------------------------------------- config, schema, log


def test_config_tells_value_and_origin_and_hides_secrets(runner):
    done = runner.invoke(
        main, ["config"], env={"KB_PORT": "9", "KB_API_TOKEN": "s3cret-s3cret-s3cret"}
    )

    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["port", "9", "KB_PORT"] in rows
    assert ["workers", "2", "default"] in rows
    assert ["api_token", "••••••", "KB_API_TOKEN"] in rows
    assert "s3cret" not in done.output


def test_config_of_some_names(runner):
    found = json.loads(runner.invoke(main, ["config", "KB_PORT", "lang", "--json"]).stdout)

    assert set(found) == {"lang", "port"}
    assert set(found["port"]) == {"value", "origin", "meaning"}
    assert (found["port"]["value"], found["port"]["origin"]) == ("8000", "default")


def test_config_notices_a_mistyped_variable(runner):
    done = runner.invoke(main, ["config"], env={"KB_PROT": "9"})

    assert done.exit_code == 0
    assert "KB_PROT is no setting" in done.stderr


def test_schema_is_a_json_schema(runner):
    assert json.loads(runner.invoke(main, ["schema"]).stdout)["properties"]["answers"]


def test_the_log_can_be_exported_purged_and_forgotten(kb_command, tmp_path):
    exported = kb_command("log", "export")

    assert (exported.exit_code, exported.stdout) == (0, "")
    assert kb_command("log", "export", "-o", str(tmp_path / "log.jsonl")).exit_code == 0
    assert (tmp_path / "log.jsonl").read_text("utf-8") == ""
    assert "0 records older than 90 days deleted." in kb_command("log", "purge").stdout
    assert "0 places" in kb_command("log", "forget", "ivan").stdout


@pytest.fixture
def flooded(settings):
    """A log of forty questions of an hour ago."""
    settings.data.mkdir(exist_ok=True)
    log = SearchLog(settings.log_url)
    at = datetime.now(UTC).timestamp() - 3600
    letters = [f"{a}{b}" for a in "абвгд" for b in "клмнопрс"]
    log.record(*(Search(f"r{n}", f"v{n}", w * 3, at + n, at + n) for n, w in enumerate(letters)))
    yield log
    log.close()


def test_an_export_that_is_cut_says_so(kb_command, flooded):
    whole, cut = kb_command("log", "export"), kb_command("log", "export", "--rows", "30")

    assert (whole.exit_code, len(whole.stdout.splitlines()), whole.stderr) == (0, 40, "")
    assert (cut.exit_code, len(cut.stdout.splitlines())) == (1, 30)
    assert cut.stderr == "kb: cut after 30 rows; --rows and --seconds allow more\n"


def test_a_list_that_is_cut_says_so(kb_command, flooded, write, monkeypatch):
    write("ru/vpn", title="VPN")
    kb_command("index")
    monkeypatch.setattr("kb.commands.misses.MOST", 30)

    found = kb_command("misses")

    assert len(found.stdout.splitlines()) == 31
    assert "30 costliest" in found.stderr


def test_what_a_flood_left_is_removed_after_asking(kb_command, flooded, runner, settings):
    command = ["log", "forget", "--groups", "--since", "2h", "--fewer-than", "3"]
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]

    refused = runner.invoke(main, [*command, *folders], input="n\n")
    assert refused.exit_code == 1
    assert "40 questions with 40 searches, such as these" in refused.stdout
    assert "Nothing removed" in refused.stdout
    assert len(flooded.board.misses()) == 40

    assert "no such questions" in kb_command(*command, "--yes", "чаёк").stdout
    assert "Removed: 5 questions with 5 searches." in kb_command(*command, "--yes", "К").stdout
    done = kb_command(*command, "--yes")
    assert (done.exit_code, "Removed: 35 questions" in done.stdout) == (0, True)
    assert flooded.board.misses() == list(flooded.export()) == []


def test_the_log_moves_to_another_database(kb_command, tmp_path):
    done = kb_command("log", "migrate", f"sqlite:///{tmp_path}/other.sqlite3")

    assert done.exit_code == 0, done.stderr
    assert "KB_DATABASE_URL" in done.stdout
    assert complains(kb_command("log", "migrate", "mongodb://x"))


# ---------------------------------------------------------------- progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_count_has_a_bar_of_its_own(monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)

    with ProgressBar("Indexing", "Asking questions") as progress:
        for done, total in ((1, 2), (2, 2), (1, 3), (3, 3)):
            progress(done, total)

    text = shown.getvalue()
    assert text.index("Indexing") < text.index("Asking questions")
    assert "2/2" in text
    assert "3/3" in text


@pytest.mark.parametrize(
    ("lang", "left"),
    [
        ("en", ["about 2 hours left", "about 3 minutes left", "less than a minute left"]),
        ("ru", ["осталось около 2 часов", "осталось около 3 минут", "осталось меньше минуты"]),
    ],
)
def test_a_bar_tells_the_time_left_as_people_say_it(monkeypatch, lang, left):
    monkeypatch.setenv("LANGUAGE", lang)
    monkeypatch.setenv("LC_ALL", f"{lang}_{lang.upper()}.UTF-8")
    now = iter([0, 60, 120, 240, 300]).__next__
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)

    with ProgressBar("Indexing", clock=now) as progress:
        for done in (1, 40, 95, 100):
            progress(done, 100)

    text = shown.getvalue()
    assert all(each in text for each in left)


def test_a_log_gets_a_line_of_progress_now_and_then(monkeypatch, capsys):
    now = iter([0, 1, 29, 31, 59, 62, 63]).__next__
    with ProgressBar("Indexing", lines=True, clock=now) as progress:
        for done in (0, 10, 20, 30, 40, 100):
            progress(done, 100)
    with ProgressBar("Indexing", clock=iter([0, 100]).__next__) as progress:
        progress(1, 2)

    assert capsys.readouterr().err.splitlines() == [
        "Indexing: 20 / 100, about 2 minutes left",
        "Indexing: 40 / 100, about 2 minutes left",
    ]
