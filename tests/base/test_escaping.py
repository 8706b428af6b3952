"""What people typed commands no terminal, begins no mail header or log record, computes nothing."""

import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb import cli
from kb.base import escaping
from kb.base.config import Settings
from kb.cli import main
from kb.jobs import mail
from kb.jobs.mail import Letter
from kb.searchlog.db.letter_models import NewDelivery
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.searchlog.reports import Event

# Sets the title of a terminal, clears its screen (7 and 8 bits), turns the line, begins another.
HOSTILE = "пароль\x1b]0;owned\x07\x1b[2J\x9b2J\u202egnp.exe\u2066\x7f\r\nForged: 1"
MISSED = HOSTILE.replace("пароль", "жмурки")
WRITTEN = "Сброс\x1b]2;gotcha\x07\x1b[3J\x9b3J\u202e"  # by a writer: other words than MISSED
OF_OURS = re.compile(r"\x1b\[(?:0|1|3[136])m")  # bold and the colours of our own words
_DIRECTIONS = frozenset(
    ["LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"]  # Unicode bidi classes
)


def commands_in(text: str, allowed: str = "\n\t") -> list[str]:
    """The characters of a text that a terminal obeys."""
    return [
        c
        for c in text
        if c not in allowed
        and (
            unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(c) in _DIRECTIONS
            or c in "\u061c\u200e\u200f"
        )
    ]


# ---------------------------------------------------------------- text


@given(st.text())
@example(HOSTILE)
@example("\ud800")
@example("\u2028\u2029")  # separators of lines and paragraphs
def test_any_text_is_one_harmless_line(text):
    assert commands_in(escaping.line(text), allowed="") == []
    assert commands_in(escaping.header(text), allowed="") == []
    assert commands_in(escaping.lines(text)) == []
    assert commands_in(escaping.cell(text)) == []


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "Mn"])))
@example("чай\u00adник 👩‍🔧 2\u00a0000 ¶")
def test_words_signs_and_spaces_stay_as_they_are(text):
    assert escaping.line(text) == escaping.lines(text) == text


def test_a_command_is_shown_instead_of_obeyed():
    assert escaping.line("a\x1b[2Jb\n\u202ec") == "a\\u001b[2Jb\\u000a\\u202ec"
    assert escaping.lines("a\r\n\tb\rc\n") == "a\n\tb\\u000dc\n"
    assert escaping.header("  a\r\n b\x1b ") == "a b\\u001b"


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner)))
@example([HOSTILE, "\U000e0041"])
def test_an_escaped_json_document_says_the_same(value):
    document = json.dumps(value, ensure_ascii=False, indent=2)

    assert json.loads(escaping.lines(document)) == value
    assert json.loads(escaping.line(json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.parametrize(
    ("typed", "cell"),
    [
        ("=1+1", "'=1+1"), ("+7", "'+7"), ("-7", "'-7"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\r=1", "'\n=1"), ("＝1", "'＝1"), ("a=1", "a=1"), ("x\x1b[0m", "x\\u001b[0m"),
        ("two\r\nlines", "two\nlines"),
    ],
)  # fmt: skip
def test_a_cell_is_never_computed(typed, cell):
    assert escaping.cell(typed) == cell


# ---------------------------------------------------------------- mails and logs


def test_a_letter_has_the_headers_we_gave_it_and_commands_nothing():
    settings = Settings(smtp_url="smtp://mail.example.com", site_name=HOSTILE)
    hostile = f"{HOSTILE}\r\nBcc: eve@example.com"

    made = mail.message(settings, Letter(("a@example.com",), hostile, hostile, f"<p>{hostile}</p>"))

    assert "Bcc" not in made
    assert "Forged" not in made
    assert [commands_in(str(value), allowed="") for value in made.values()] == [[]] * len(made)
    for kind in ("plain", "html"):
        assert commands_in(made.get_body((kind,)).get_content()) == []


def test_a_warning_of_a_command_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    cli._escape_warnings()
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        record = logging.LogRecord(
            "kb", logging.WARNING, __file__, 1, "said %s", (HOSTILE,), (ValueError, error, None)
        )

    logging.lastResort.handle(record)

    said = capsys.readouterr().err
    assert said.startswith("said пароль\\u001b]0;owned")
    assert commands_in(said) == []
    assert "\nForged" not in said.partition("\n")[0]


# ---------------------------------------------------------------- commands

COMMANDS = {
    ("search",): (
        ["search", HOSTILE], ["search", "пароль", "--explain"], ["search", "пароль", "--json"],
    ),
    ("misses",): (
        ["misses", "--since", "7d"], ["misses", "--format", "csv"], ["misses", "--format", "json"],
        ["misses", "--tickets"], ["misses", "--tickets", "--format", "csv"],
        ["misses", "--tickets", "--format", "json"],
    ),
    ("letters",): (["letters"], ["letters", "--json"], ["letters", "--owner", HOSTILE]),
    ("letters", "send"): (["letters", "send"], ["letters", "send", "--json"]),
    ("letters", "retry"): (["letters", "retry"],),
    ("misses", "learned"): (
        ["misses", "learned"], ["misses", "learned", "--json"], ["misses", "learned", "--patch"],
        ["misses", "learned", "--patch", "--synonyms"],
    ),
    ("misses", "replay"): (["misses", "replay"], ["misses", "replay", "--json"]),
    ("digest",): (["digest"], ["digest", "--json"]),
    ("log", "export"): (["log", "export"], ["log", "export", "--for-git"]),
    ("log", "forget"): (["log", "forget", HOSTILE + "!"],),
    ("log", "purge"): (["log", "purge"],),
    ("log", "migrate"): (["log", "migrate", HOSTILE],),
    ("check",): (
        ["check"], ["check", "--format", "json"], ["check", "--format", "github"],
        ["check", "--fix"],
    ),
    ("index",): (["index"], ["index", "--full", "--json"]),
    ("new",): (["new", HOSTILE], ["new", "--miss", "1"]),
    ("import",): (
        ["import", "html", "{site}", "--to", "{site}/to", "--all"],
        ["import", "html", "{site}", "--to", "{site}/to", "--json"],
        ["import", "html", HOSTILE, "--to", HOSTILE],
    ),
    ("prove",): (
        ["prove", "{articles}", "{articles}"],
        ["prove", "{articles}", "{other}"],
        ["prove", "{articles}", "{other}", "--format", "json"],
        ["prove", "{articles}", "{other}", "--format", "markdown"],
        ["prove", HOSTILE],
    ),
    ("eval",): (["eval", "{questions}", "--failures"], ["eval", HOSTILE]),
    ("config",): (["config"], ["config", HOSTILE], ["config", "--json"]),
    ("sync",): (["sync"], ["sync", "--json"]),
    ("rollback",): (["rollback"],),
    ("schema",): (["schema"],),
    ("doctor",): (["doctor"], ["doctor", "--json"]),
    ("backup",): (["backup", "{other}/b.gz"], ["backup", HOSTILE + "/b"], ["backup", "{other}"]),
    ("restore",): (["restore", "{questions}"], ["restore", HOSTILE]),
    ("sign-in",): (["sign-in"],),
    ("tickets",): (["tickets", HOSTILE], ["tickets", "{questions}"]),
    ("leads", "add"): (
        ["leads", "add", HOSTILE, "--generate"],
        ["leads", "add", "Анна", "--email", HOSTILE, "--generate"],
        ["leads", "add", "Анна", "--generate"],
    ),
    ("leads", "change"): (["leads", "change", HOSTILE, "--role", "lead"],),
    ("leads", "list"): (["leads", "list"], ["leads", "list", "--json"]),
    ("leads", "remove"): (["leads", "remove", HOSTILE],),
    ("tokens", "add"): (
        ["tokens", "add", HOSTILE, "--scope", "board:read"],
        ["tokens", "add", "x", "--scope", HOSTILE],
        ["tokens", "add", "x", "--scope", "board:read"],
    ),
    ("tokens", "list"): (["tokens", "list"], ["tokens", "list", "--json"]),
    ("tokens", "revoke"): (["tokens", "revoke", HOSTILE],),
    ("serve",): (["serve", "--host", HOSTILE],),
    ("pull",): (["pull", HOSTILE], ["pull", "{other}"], ["pull", f"http://127.0.0.1:1/{HOSTILE}"]),
    ("push",): (["push", "{other}/store"], ["push", "{other}/" + HOSTILE], ["push", f"http://{HOSTILE}"]),
    ("status",): (["status"], ["status", "--json"]),
}  # fmt: skip


def leaves(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*before, name))
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield (*before, name)


@pytest.fixture
def hostile_site(settings, write, tmp_path):
    """Articles, files, settings, searches, votes and letters, each with hostile words."""
    for number in range(2):
        write(f"ru/пароль {number}", f"Пароль. {WRITTEN}", title=WRITTEN,
              category=WRITTEN, tags=[WRITTEN], answers=["пароль"])  # fmt: skip
    write("ru/bad\x1b[2J\u202e.md", f"[{WRITTEN}](gone\x1b.md)", title=WRITTEN, draft=WRITTEN)
    write("ru/worse\x1b[2J.md", "").write_bytes(b"---\ntitle: [\x1b\n---\n")
    write("owners.yml").write_text(f"'*': {json.dumps(HOSTILE, ensure_ascii=True)}\n", "utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "x\x9b.md").write_text(f"# {WRITTEN}\n", "utf-8")
    site = tmp_path / "site"
    site.mkdir()
    page = f'<h1>{WRITTEN}</h1><p>{WRITTEN}<img src="{WRITTEN}"><a href="{WRITTEN}.html">x</a>'
    (site / "y\x9b.html").write_text(page, "utf-8")
    (site / "z\x1b.html").write_text("<nav>", "utf-8")
    (tmp_path / "questions.toml").write_text(
        '[[question]]\nquery = "x\\u001b[2J"\n'
        'expect = [{slug = "ru/\\u001bx", reason = "y\\u009b"}]\n',
        "utf-8",
    )
    settings.data.mkdir()
    log = SearchLog(settings.log_url)
    now = datetime.now(UTC) - timedelta(minutes=5)
    for number in range(4):
        log.record(
            Search(
                id=f"r{number}", visit=f"v{number}", query=MISSED, lang="ru",
                started=now.timestamp(), ended=now.timestamp() + 1, filters={"tag": HOSTILE},
                shown=((HOSTILE, 1),), corrected=MISSED, category=HOSTILE, owner=HOSTILE,
                events=(Event("answered", HOSTILE, 1),) if number == 3 else (),
                total=number // 3, confident=number == 3,
            )
        )  # fmt: skip
    log.feedback(HOSTILE, True, reason=HOSTILE, text=HOSTILE, at=now)
    log.ticket(HOSTILE, visit="v0", type=HOSTILE, reply_to=HOSTILE, offered=[HOSTILE], at=now)
    log.actions.annotate(1, HOSTILE, who=HOSTILE)
    log.outbox.put(NewDelivery(HOSTILE, HOSTILE, HOSTILE), at=now)
    [claimed] = log.outbox.claim(now, timedelta(0))
    log.outbox.settle([], {claimed.id: (HOSTILE, None)}, now)
    log.close()
    return {
        "articles": str(settings.articles),
        "other": str(other),
        "site": str(site),
        "questions": str(tmp_path / "questions.toml"),
    }


def test_no_command_lets_through_what_commands_a_terminal(runner, settings, hostile_site):
    assert set(COMMANDS) == set(leaves(main))
    told = {}
    environment = {
        "KB_ARTICLES": str(settings.articles),
        "KB_DATA": str(settings.data),
        "KB_SITE_NAME": HOSTILE.replace("\r\n", " "),
        "KB_BASE_URL": "https://help.example.com",
    }
    runner.invoke(main, ["index"], env=environment)
    for arguments in (one for several in COMMANDS.values() for one in several):
        given = [part.format_map(hostile_site) if part[:1] == "{" else part for part in arguments]

        done = runner.invoke(main, given, env=environment, color=True)

        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        said = OF_OURS.sub("", done.output)
        is_csv = "csv" in arguments
        found = commands_in(said.removeprefix("\ufeff"), "\n\t\r" if is_csv else "\n\t")
        assert found == [], (arguments, said)
        told[" ".join(arguments)] = said

    shown = r"\u001b]0;owned"
    for words in ("misses --since 7d", "misses --format csv", "misses --tickets", "digest",
                  "digest --json", "log export", "index --full --json", "check"):  # fmt: skip
        assert shown in told[words] or r"\u001b[2J" in told[words], words
    assert not any(line.startswith("Forged") for line in told["misses --since 7d"].splitlines())


def test_commands_print_by_the_functions_that_escape():
    """Others are `commands/shared.py`, which has them, and the server's two lines at its start."""
    root = Path(cli.__file__).parent
    bare = re.compile(
        r"\bclick\.(?:echo|secho|echo_via_pager)\(|(?<![\w.])print\(|sys\.std\w+\.write"
    )
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if bare.search(path.read_text("utf-8"))
    }

    assert found == {"commands/shared.py", "server/serving.py"}
