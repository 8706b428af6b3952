"""Commands speak one language a run: that of the terminal, in help, messages and mistakes alike."""

import json
import re

import pytest
from catalogue import translated
from test_cli import commands

from kb.base.messages import Message
from kb.cli import main
from kb.commands.translated_help import texts
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.server.serving import announce_address

RUSSIAN = {"LANG": "ru_RU.UTF-8"}
# What is written so in any language: commands, options, settings, formats, names.
OURS = re.compile(
    r"`[^`]*`|--?[\w-]+|\bKB_\w+|\b[A-Z][A-Z_]+\b|/\S+|\S+\.\w+|\S+/|\[[^\]]*\]|'[^']*'|<[^>]*>"
    r"|\b\w+=\w+|^  kb .*?(?:\s{2,}|$)|\bkb\b|\* or|\"…\"",
    re.M,
)
FOREIGN = {
    "Markdown", "stderr", "Ctrl", "nginx", "SIGTERM", "SIGHUP", "Whoosh", "cron", "Code", "git",
    "Zendesk", "Intercom", "Schema", "Excel", "answers", "rollback", "writer", "lead", "markdown",
    "SQLite", "PostgreSQL", "recall", "success", "how-to", "zendesk", "intercom", "json", "toml",
    "stdout", "nDCG", "title", "vpn", "main", "arrays", "whoosh", "float", "table", "path",
}  # fmt: skip


TEXTS = {text for text in texts(main) if len(text) > 12}


def prose(text):
    """The words of Latin letters in what is said to people."""
    return set(re.findall(r"[A-Za-z]{4,}", OURS.sub(" ", text))) - FOREIGN


def test_everything_that_help_says_is_in_the_catalogue():
    assert [text for text in texts(main) if text not in translated()] == []


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_is_russian_in_a_russian_terminal_and_english_again_after_it(runner, words):
    russian = runner.invoke(main, [*words, "--help"], env=RUSSIAN)
    english = runner.invoke(main, [*words, "--help"])

    assert (russian.exit_code, english.exit_code) == (0, 0)
    assert russian.stdout.startswith("Использование: ")
    said = " ".join(russian.stdout.split())
    clicks = ("Options:", "Commands:", "Show this message", "default:", "[OPTIONS]")
    assert [text for text in (*TEXTS, *clicks) if text in said] == []
    assert english.stdout.startswith("Usage: ")
    assert not re.search("Параметры|Показать эту", english.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        "indx", "search", "search x --limit 0", "search x --lmit 3", "check --format xml",
        "rollback x", "index --articles", "misses --since foo", "log forget x --yes",
        "log forget --groups", "new", "config no_such", "leads change vera", "search vpn",
        "index --articles nowhere",
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_russian_alone(runner, settings, arguments):
    folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}

    done = runner.invoke(main, arguments.split(), env={**folders, **RUSSIAN})

    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert re.search("[а-яё]{4}", done.stderr)
    assert prose(re.sub(r"\(.*?\)|«.*?»|: foo|vera|nowhere|no_such", "", done.stderr)) == set()


WRONG_SETTINGS = """
workers = 99
prot = 1
api_token = "aaaaaaaaaaaaaaaaaaaaaaaa"
leads_password = ["x"]
accent = "blue"
lang = "english"
trusted_hosts = "x"
articles = 5
max_article_bytes = 12
render_seconds = 0
holidays = ["31.12", "soon"]
tools = "hugo"
delay_until = "later"
icons = { "" = "x" }
letters_webhook = "x"
links = [{ title = "a" }, "b"]
[checks]
stale = "loud"
[promises]
pro = "within 30 minutes 9–18"
"""


def test_all_that_is_wrong_with_settings_is_told_in_russian_in_one_line(
    runner, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kb.toml").write_text(WRONG_SETTINGS, "utf-8")
    mistakes = {"KB_PORT": "http", "KB_MCP": "perhaps", "KB_LEADS_GROUPS": "a=b"}

    done = runner.invoke(main, ["config"], env={**RUSSIAN, **mistakes})
    english = runner.invoke(main, ["config"], env={"LANG": "en_US.UTF-8", **mistakes})

    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    for told in (
        "настройка port (KB_PORT): «http» — не целое число; ",
        f"настройка workers ({tmp_path / 'kb.toml'}): 99 — слишком много: нужно не больше 64; ",
        "настройка checks.stale ",
        ": «loud» — не то: можно «error», «warning», «hint» или «off»; ",
        "в «within 30 minutes 9–18» нет часового пояса; напишите его после часов: «за 30 минут",
        "этот токен легко угадать; возьмите не меньше 20 знаков: `openssl rand -hex 20`; ",
        "; все настройки перечисляет `kb config --help`\n",
    ):
        assert told in done.stderr
    names = r"настройка [\w.]+ \([^)]*\)|«[^»]*»"
    assert prose(re.sub(names, "", done.stderr)) <= {"openssl", "rand", "billing", "rrggbb"}
    assert done.stderr.count("настройка ") == english.stderr.count("setting ") > 20
    assert not re.search("[а-яё]", english.stderr)


def test_what_cannot_be_used_of_the_settings_does_not_change_the_language(runner):
    done = runner.invoke(main, ["config"], env={"KB_PORT": "http", "KB_LANG": "en", **RUSSIAN})

    assert done.stderr.startswith("kb: setting port (KB_PORT): 'http' is no whole number")


def test_settings_are_listed_in_russian_and_for_programs_as_ever(kb_in):
    listed = kb_in("ru_RU", "config", "articles", "port")
    documents = [json.loads(kb_in(lang, "config", "--json").stdout) for lang in ("ru_RU", "en_US")]

    assert re.search(r"^port +8000 +по умолчанию$", listed.stdout, re.M)
    assert re.search(r"^articles +\S+ +KB_ARTICLES$", listed.stdout, re.M)
    assert documents[0] == documents[1]
    assert documents[0]["port"]["origin"] == "default"


@pytest.fixture
def kb_in(runner, settings):
    def run(lang, *arguments):
        folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}
        return runner.invoke(main, arguments, env={**folders, "LANG": f"{lang}.UTF-8"})

    return run


def test_what_commands_report_is_russian_and_what_programs_read_is_the_same(kb_in, settings, write):
    write("ru/vpn", "Текст о сети.", title="Настройка VPN")
    write("ru/broken.md", "x")
    (settings.articles / "ru/broken.md").write_text("---\ntitle: [\n---\n")
    told = {}
    for lang in ("ru_RU", "en_US"):
        log = SearchLog(settings.log_url) if settings.data.exists() else None
        if log:
            log.record(Search("r1", "v1", "сменить тариф", 1e9, 1e9 + 1, lang="ru", asker="a"))
            log.close()
        told[lang] = [
            kb_in(lang, "index", "--full"),
            kb_in(lang, "index"),
            kb_in(lang, "misses", "--since", "2000-01-01"),
            kb_in(lang, "misses", "replay"),
            kb_in(lang, "misses", "--tickets"),
            kb_in(lang, "log", "purge"),
            kb_in(lang, "log", "forget", "никто"),
            kb_in(lang, "log", "forget", "--groups", "--since", "1h"),
            kb_in(lang, "leads", "list"),
            kb_in(lang, "sync"),
        ]

    russian, english = told["ru_RU"], told["en_US"]
    assert [done.exit_code for done in russian] == [done.exit_code for done in english]
    for done in russian:
        said = re.sub(r"[0-9a-f]{8}T?\S*|bad-yaml.*|open|content", "", done.output)
        assert prose(said) == set(), done.output
    for done in english:
        assert not re.search("[а-яё]{4}", done.output.replace("сменить тариф", "")), done.output
    assert "Проиндексировано: 1 статья за " in russian[0].stdout
    assert "1 статья отклонена; исправьте и запустите снова." in russian[0].stdout
    assert "Без изменений: 1 статья" in russian[1].stdout
    for arguments in (("misses", "--format", "json"), ("misses", "replay", "--json")):
        documents = [json.loads(kb_in(lang, *arguments).stdout) for lang in ("ru_RU", "en_US")]
        assert documents[0] == documents[1]


def test_the_first_lines_of_serve_are_put_into_words_and_json_is_not(settings, capsys):
    def say(message):
        return f"«{message.template}»"

    announce_address(settings, "http://localhost:1/", "token", as_json=False, say=say)
    lines = capsys.readouterr().out.splitlines()
    announce_address(settings, "http://localhost:1/", "token", as_json=True, say=say)

    assert [line[:12] for line in lines] == ["«Serving {fo", "«Leads sign "]
    assert json.loads(capsys.readouterr().out)["message"] == "listening"
    assert Message(lines[0][1:-1]) in translated()


def test_a_web_machine_says_whose_builds_it_serves(settings, capsys):
    pulls = settings.model_copy(update={"pull_url": "https://key:word@index.example.com/"})
    announce_address(pulls, "http://localhost:1/", "", as_json=False, say=str)

    told = capsys.readouterr().out
    assert told.startswith("Serving at http://localhost:1/ builds of https://index.example.com ")
