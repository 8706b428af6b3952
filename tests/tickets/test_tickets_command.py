"""`kb tickets`: from a file of any help desk to what to write next, and no person's data in it."""

import csv
import io
import json
import re
import subprocess
from datetime import datetime, timedelta

import banking
import pytest

from kb.cli import main
from kb.tickets import answering

ASKED = [
    ("how do i reset my password ivan.petrov@example.com", "login"),
    ("please reset the password of my account", "login"),
    ("password reset link", "login"),
    ("resetting a password in the cabinet", "login"),
    ("where is your office in berlin", "=cmd()"),
    ("where is the office in berlin, call +7 916 123-45-67", "=cmd()"),
    ("<script>alert(1)</script> can zebras fly over mountains", "other"),
    ("=HYPERLINK(1) does the moon eat cheese", "other"),
    ("", "other"),
]
PERSONAL = ("ivan.petrov", "916 123")


@pytest.fixture
def queue(tmp_path, write, kb):
    write("en/password", "Press the button to reset your password, and take the link that comes.",
          title="Reset your password", category="Login")  # fmt: skip
    write("en/invoice", "Invoices stand under billing.", title="Find an invoice", category="Money")
    kb.rebuild()
    path = tmp_path / "tickets.csv"
    opened = datetime(2026, 3, 2, 10, 0)
    with path.open("w", encoding="cp1251", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["Тема", "Описание", "Категория", "Создано", "Первый ответ", "Ответ"])
        for n, (text, type) in enumerate(ASKED):
            came = opened + timedelta(days=n)
            link = "https://help.example.com/articles/en/password" if n < 3 else ""
            first = came + timedelta(minutes=30 * (n + 1))
            rows.writerow(
                ["", text, type, f"{came:%d.%m.%Y %H:%M}", f"{first:%d.%m.%Y %H:%M}", link]
            )
    return path


@pytest.fixture
def run(runner, settings):
    def run(*arguments, typed=None, lang="C.UTF-8"):
        folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}
        done = runner.invoke(
            main, ["tickets", *map(str, arguments)], env=folders | {"LANG": lang}, input=typed
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def test_a_queue_is_told_in_numbers_and_questions(run, queue):
    done = run(queue, lang="en_US.UTF-8")

    assert done.exit_code == 0
    assert "Read as cp1251: --text 'Описание', --subject 'Тема', --type 'Категория'" in done.stderr
    assert "9 tickets, 1 of them ask nothing." in done.stdout
    assert re.search(r"4 +\d+% +75 +75 +300  login", done.stdout)
    assert "→ en/password" in done.stdout
    assert "How right it is, labels tell: add --label." in done.stdout


def test_it_speaks_the_language_of_the_terminal(run, queue, tmp_path):
    done = run(queue, "--to", tmp_path / "out", lang="ru_RU.UTF-8")

    assert "Обращений: 9, из них без вопроса: 1." in done.stdout
    assert "Обращения и статьи" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_json_is_one_document(run, queue):
    told = json.loads(run(queue, "--json").stdout)

    assert (told["rows"], told["asked"], told["share"]) == (9, 8, None)
    assert {each["type"] for each in told["types"]} == {"login", "=cmd()", "other"}


def test_nothing_that_is_written_or_printed_holds_personal_data(run, queue, tmp_path):
    done = run(queue, "--to", tmp_path / "out", "--label", typed="y\nn\ne\n?\ny\nn\nn\nn\n")

    written = [path.read_text("utf-8") for path in (tmp_path / "out").iterdir()]
    labels = (tmp_path / "tickets.csv.labels.jsonl").read_text("utf-8")
    assert len(written) >= 4
    for text in (*written, labels, done.output):
        assert not any(personal in text for personal in PERSONAL)
    assert "‹email›" in labels


def test_no_cell_is_a_formula(run, queue, tmp_path):
    run(queue, "--to", tmp_path / "out")

    for name in ("questions.csv", "types.csv"):
        text = (tmp_path / "out" / name).read_text("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text), delimiter=";"))
        assert len(rows) > 2
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_the_page_needs_no_other_file_and_runs_nothing(run, queue, tmp_path):
    run(queue, "--to", tmp_path / "out")

    page = (tmp_path / "out" / "report.html").read_text("utf-8")

    assert "&lt;script&gt;alert(1)&lt;/script&gt; can zebras" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href|url)\s*[=(]", page)
    assert "<rect" in page


def test_lines_for_an_article_come_as_a_patch(run, queue, tmp_path, settings):
    run(queue, "--to", tmp_path / "out")
    patch = (tmp_path / "out" / "answers.patch").read_text("utf-8")
    subprocess.run(["git", "init", "-q"], cwd=settings.articles, check=True)

    subprocess.run(["git", "apply"], input=patch.encode(), cwd=settings.articles, check=True)

    article = (settings.articles / "en" / "password.md").read_text("utf-8")
    assert 'answers:\n  - "' in article
    assert "ivan" not in article


def test_a_patch_of_an_earlier_report_does_not_stay(run, queue, tmp_path):
    run(queue, "--to", tmp_path / "out")
    queue.write_text("text\nwhere is your office\n", "utf-8")

    run(queue, "--to", tmp_path / "out")

    assert not (tmp_path / "out" / "answers.patch").exists()


def test_judging_is_taken_up_where_it_was_left(run, queue, tmp_path):
    first = run(queue, "--label", typed="y\nчто?\nд\nq\n", lang="en_US.UTF-8")
    second = run(queue, "--label", "--most", "4", typed="n\nе\n", lang="en_US.UTF-8")

    assert "(2 judged)" in first.stdout
    assert "3/4" in second.stdout
    assert "1/4" not in second.stdout
    assert "(4 judged)" in second.stdout
    lines = (tmp_path / "tickets.csv.labels.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["y", "y", "n", "e"]


def test_the_same_seed_asks_the_same_tickets(run, queue, tmp_path):
    asked = []
    for name, seed in (("a", 1), ("b", 1), ("c", 5)):
        done = run(queue, "--label", "--labels", tmp_path / name, "--seed", seed, typed="y\ny\nq\n")
        asked.append(re.findall(r"^\d/200  (.*)", done.stdout, re.M))

    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_a_label_is_asked_again_when_other_articles_are_found(run, queue, write, kb):
    run(queue, "--label", typed="y\n" * 8)
    assert "/200" not in run(queue, "--label", typed="q\n").stdout
    write("en/office", "Our office in Berlin stands near the station.", title="Office in Berlin")
    kb.rebuild()

    done = run(queue, "--label", typed="q\n")

    assert re.search(r"^\d/200  ", done.stdout, re.M)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--text", "Opisanie"], "столбца «Opisanie» нет; есть "),
        (["--zendesk"], "сохраните ответы API"),
        (["--encoding", "utf-9"], "кодировки «utf-9» нет"),
        (["--text", "-", "--subject", "-"], "назовите его в --text"),
        (["--text", "Ответ", "--answer", "-", "--subject", "-", "--type", "3"], None),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(run, queue, arguments, told):
    done = run(queue, *arguments)

    if told is None:
        assert done.exit_code == 0
        return
    assert done.exit_code == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_without_a_build_the_command_to_make_one_is_named(run, tmp_path):
    (tmp_path / "t.csv").write_text("text\nwhy so\n", "utf-8")

    done = run(tmp_path / "t.csv")

    assert done.exit_code == 2
    assert "kb index" in done.stderr


@pytest.mark.slow
def test_several_processes_answer_as_one(kb, write, monkeypatch):
    write("en/password", "Press the button to reset your password.", title="Reset your password")
    kb.rebuild()
    questions = [f"reset password {n}" for n in range(30)] * 2
    alone = answering.answered(kb, questions)
    monkeypatch.setattr(answering, "_FEW", 1)
    told = []

    together = answering.answered(
        kb, questions, processes=2, progress=lambda done, n: told.append((done, n))
    )

    assert together == alone
    assert told[-1] == (30, 30)


@pytest.mark.shared
@pytest.mark.slow
def test_the_interval_holds_on_real_questions(kb, settings, shared_data):
    banking.write_articles(settings.articles)
    kb.rebuild()
    rows = banking.queue(shared_data / "tickets" / "clinc150_en.csv")[::15]
    answers = answering.answered(kb, [row["text"] for row in rows])
    truth = [
        f"en/{row['label']}" in answer.slugs for row, answer in zip(rows, answers, strict=True)
    ]

    share = sum(truth) / len(truth)
    found = list(banking.resampled(answers, truth, range(20)))

    assert 0.05 < share < 0.3
    assert sum(each.low <= share <= each.high for each in found) >= 17
    assert max(each.high - each.low for each in found) <= 0.12
