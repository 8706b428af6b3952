"""What a change does to the answers, on real repositories made here; and what may be seen of it."""

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import markdown
import postgres
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from needs import unavailable

from kb.base import catalogs
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.cli import main
from kb.content.folder import read_file
from kb.index import changes
from kb.index.rendering import prepare
from kb.jobs import prove_report
from kb.jobs.evaluation import Expectation
from kb.jobs.prove import Proof, Side, Verdict, _failed, _Found
from kb.jobs.prove_report import as_markdown, as_text, sentence
from kb.language import query_words
from kb.ranking import calibration
from kb.searchlog.askers import Askers
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search
from kb.searchlog.db.sharing import in_shared_words
from kb.searchlog.export import SharedQuestion, for_git, line

VPN = "Как сбросить пароль VPN"


class Project:
    """A git repository of articles in `ru/`, seen from its top folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write("articles/ru/mail", "Адрес сервера стоит в меню.", title="Почта на телефоне")
        self.write("articles/ru/bill", "Счёт приходит по почте.", title="Где взять счёт")
        self.commit()

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.root, env=environment,
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, body: str, **front: object) -> Path:
        head = yaml.safe_dump(front, allow_unicode=True)
        return self.put(f"{path}.md", f"---\n{head}---\n{body}\n")

    def put(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def asked(self, *questions: tuple[str, int, str]) -> None:
        """Customers' questions: words, askers, status."""
        rows = [{"question": q, "askers": n, "status": s, "lang": "ru"} for q, n, s in questions]
        self.put("misses.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.chdir(made.root)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["prove", *arguments])


def prove(*arguments: str) -> dict[str, object]:
    done = run(*arguments, "--format", "json")
    assert done.exit_code in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert done.exit_code == bool(told["broken"] or told["lost"])
    return told


def ranks(verdicts: list[dict]) -> list[tuple]:
    return [(v["question"], v["slug"], v["before"], v["after"]) for v in verdicts]


# ---------------------------------------------------------------- what a change does


def test_a_question_that_the_change_answers_is_counted_with_its_askers(project):
    project.asked(("сбросить пароль vpn", 31, "open"), ("вернуть деньги", 4, "open"))

    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN)
    told = prove("main")

    assert told["sentence"] == "answers 1 open question (31 askers)"
    assert ranks(told["answered"]) == [("сбросить пароль vpn", "ru/vpn", None, 1)]
    assert (told["base"]["articles"], told["head"]["articles"]) == (2, 3)


def test_a_question_that_loses_its_answer_needs_a_person(project):
    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN)
    project.asked(("сбросить пароль vpn", 31, "answered"))
    project.commit()

    (project.root / "articles/ru/vpn.md").unlink()
    told = prove("main")

    assert told["sentence"] == "leaves 1 question without an answer (31 askers)"
    assert ranks(told["lost"]) == [("сбросить пароль vpn", "ru/vpn", 1, None)]


def test_an_article_pushed_from_the_first_place_of_a_most_asked_question_has_moved(project):
    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN)
    project.asked(("сбросить пароль vpn", 31, "found"))
    project.commit()

    project.write(
        "articles/ru/reset", "Сбросить пароль VPN может и администратор: сбросить пароль VPN.",
        title="Сбросить пароль VPN", answers=["сбросить пароль vpn"],
    )  # fmt: skip
    told = prove("main")

    assert told["sentence"] == "moves 1 rank"
    assert ranks(told["moved"]) == [("сбросить пароль vpn", "ru/vpn", 1, 2)]
    assert told["moved"][0]["first"] == "ru/reset"


def test_an_article_at_a_new_address_with_the_old_one_as_alias_has_not_moved(project):
    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN, answers=["vpn"])
    project.asked(("сбросить пароль vpn", 31, "answered"))
    project.commit()

    (project.root / "articles/ru/vpn.md").unlink()
    project.write(
        "articles/ru/reset", "Нажмите «Забыли пароль».", title=VPN,
        answers=["vpn"], aliases=["ru/vpn"],
    )  # fmt: skip

    assert prove("main")["sentence"] == "changes no answer"


def test_a_claim_that_no_longer_finds_its_article_is_broken(project):
    claims = ["подключить VPN дома"]
    project.write("articles/ru/vpn", "Откройте настройки.", title="Сеть", answers=claims)
    project.commit()

    for name in ("a", "b", "c"):
        project.write(
            f"articles/ru/{name}", "Подключить VPN дома. " * 9,
            title="Подключить VPN дома", answers=claims,
        )  # fmt: skip
    told = prove("main")

    assert ranks(told["broken"]) == [("подключить VPN дома", "ru/vpn", 1, 4)]
    assert told["sentence"] == "breaks 1 expectation"


def test_a_claim_may_go_when_another_article_answers_it(project):
    project.write("articles/ru/vpn", "Сброс.", title="Сеть", answers=["сбросить пароль VPN"])
    project.write("articles/ru/reset", "Сброс пароля.", title="Сбросить пароль VPN")
    project.commit()

    project.write("articles/ru/vpn", "Сброс.", title="Сеть")
    assert prove("main")["broken"] == []

    (project.root / "articles/ru/reset.md").unlink()
    told = prove("main")
    assert ranks(told["broken"]) == [("сбросить пароль VPN", "ru/vpn", 1, None)]


EXPECTED = """
articles = "../../articles"
[[question]]
query = "где счёт"
lang = "ru"
expected = [{ slug = "ru/bill", reason = "слова заголовка" }]
"""


def test_a_broken_expectation_is_told_with_its_reason(project):
    project.put("tests/relevance/ru.toml", EXPECTED)
    project.put("tests/relevance/other.toml", EXPECTED.replace("../../articles", "../elsewhere"))
    project.commit()

    project.write("articles/ru/bill", "Письмо.", title="Бумага", draft=True)
    told = prove("main")

    assert ranks(told["broken"]) == [("где счёт", "ru/bill", 1, None)]
    assert told["broken"][0]["reason"] == "слова заголовка"
    assert told["broken"][0]["why"] == "the article is not served any more"
    assert (told["asked"], told["expectations"]) == (1, 1)  # the other file is of other articles


def test_a_broken_expectation_says_what_does_not_hold():
    expected = [{"slug": slug, "reason": "слова"} for slug in ("a", "b", "c")]
    question = Expectation(query="где счёт", expected=expected)

    def why(*ranking: str) -> str:
        return _failed(question, _Found(ranking, confident=True))

    assert why("x", "a", "b", "c") == "the article is expected first"
    assert why("a", "c", "b") == "c is expected after b"
    assert why("a", "b") == "c is expected after b"
    assert why("a", "b", "c") == ""
    assert _failed(Expectation(query="чушь", expected=()), _Found(("a",), True)) == (
        "nothing was to be found"
    )


def test_an_expectation_that_never_held_is_not_broken_by_the_change(project):
    project.put("tests/relevance/ru.toml", EXPECTED.replace("ru/bill", "ru/nowhere"))
    project.commit()

    project.write("articles/ru/new", "Что-то другое.", title="Новое")

    assert prove("main")["broken"] == []


def test_synonyms_are_part_of_a_state(project):
    project.asked(("рефандик", 9, "open"))
    project.write("articles/ru/refund", "Напишите нам.", title="Вернуть деньги")
    project.commit()

    project.put("articles/synonyms.yml", "- рефандик: [деньги]\n")
    told = prove("main")

    assert ranks(told["answered"]) == [("рефандик", "ru/refund", None, 1)]


def test_the_weight_of_an_article_is_part_of_a_state(project):
    for name in ("vpn", "reset"):
        project.write(f"articles/ru/{name}", "Нажмите «Забыли пароль».", title=VPN)
    project.asked(("сбросить пароль vpn", 31, "found"))
    project.commit()

    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN, boost=3)
    told = prove("main")

    assert ranks(told["moved"]) == [("сбросить пароль vpn", "ru/reset", 1, 2)]


def test_settings_are_part_of_a_state(project):
    project.write("help/ru/vpn", "Нажмите «Забыли пароль».", title=VPN)
    project.asked(("сбросить пароль vpn", 31, "open"))
    project.commit()

    project.put("kb.toml", 'articles = "help"\n')
    told = prove("main")

    assert ranks(told["answered"]) == [("сбросить пароль vpn", "ru/vpn", None, 1)]
    assert (told["base"]["articles"], told["head"]["articles"]) == (2, 1)


def test_what_settings_above_the_articles_exclude_is_in_no_state(project):
    project.write("articles/ru/drafts/vpn", "Нажмите «Забыли пароль».", title=VPN)
    project.asked(("сбросить пароль vpn", 31, "open"))
    project.commit()

    project.put("mkdocs.yml", "docs_dir: articles\nexclude_docs: drafts/\n")
    head = project.commit()
    told = prove(f"{head}~1", head)

    assert [verdict["slug"] for verdict in told["lost"]] == ["ru/drafts/vpn"]


# ---------------------------------------------------------------- which states


def test_two_commits_are_compared_whatever_lies_in_the_folder(project):
    project.git("checkout", "-q", "-b", "writer")
    project.asked(("сбросить пароль vpn", 31, "open"))
    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN)
    head = project.commit()
    project.git("checkout", "-q", "main")
    project.write("articles/ru/unsaved", "Не трогать.", title="Черновик")

    told = prove("main", "writer")

    assert told["head"]["commit"] == head
    assert [v["slug"] for v in told["answered"]] == ["ru/vpn"]
    assert project.git("status", "--porcelain", "--", "articles") == "?? articles/ru/unsaved.md"
    assert project.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert project.git("worktree", "list").count("\n") == 0


def test_two_folders_are_compared_without_git(tmp_path, monkeypatch):
    for side in ("before", "after"):
        folder = tmp_path / side / "ru"
        folder.mkdir(parents=True)
        (folder / "mail.md").write_text("# Почта\n\nНастройки.\n", "utf-8")
    (tmp_path / "after/ru/vpn.md").write_text(f"# {VPN}\n\nНажмите.\n", "utf-8")
    (tmp_path / "asked.jsonl").write_text('{"question": "пароль vpn", "visits": 3}\n')
    monkeypatch.chdir(tmp_path)

    told = prove("before", "after", "--misses", "asked.jsonl")

    assert told["sentence"] == "answers 1 open question (3 askers)"
    assert (told["base"]["name"], told["base"]["commit"]) == ("before", "")


@pytest.mark.parametrize("inside", [True, False], ids=["in it", "from elsewhere"])
def test_articles_may_be_the_top_of_their_repository(project, tmp_path, monkeypatch, inside):
    project.git("mv", "articles/ru", "ru")
    project.put("tests/relevance/ru.toml", EXPECTED.replace("../../articles", "../.."))
    project.asked(("сбросить пароль vpn", 31, "open"))
    project.commit()
    project.write("ru/vpn", "Нажмите «Забыли пароль».", title=VPN)
    monkeypatch.chdir(project.root if inside else tmp_path)

    told = prove("main", "--articles", str(project.root), "--data", str(tmp_path / "var"))

    assert told["sentence"] == "answers 1 open question (31 askers)"
    assert told["asked"] == 2  # one of customers, one expectation
    assert (told["base"]["articles"], told["head"]["articles"]) == (2, 3)


def test_a_shallow_clone_names_what_to_do(project, tmp_path, monkeypatch):
    project.commit()
    clone = tmp_path / "clone"
    project.git("clone", "-q", "--depth", "1", f"file://{project.root}", str(clone))
    monkeypatch.chdir(clone)

    assert run("HEAD").exit_code == 0
    assert run("HEAD~1").stderr == (
        "kb: 'HEAD~1' is neither a folder nor a commit here; "
        "the clone is shallow, `git fetch --unshallow` brings older commits\n"
    )


def test_a_clone_without_the_files_of_a_commit_says_so(project):
    image = project.put("articles/ru/image.png", "as good as any")
    project.commit()

    def lose(path: str) -> None:
        name = project.git("rev-parse", f"HEAD:{path}")
        (project.root / ".git/objects" / name[:2] / name[2:]).unlink()

    lose(str(image.relative_to(project.root)))
    assert run("HEAD").exit_code == 0  # nobody needs the picture

    lose("articles/ru/mail.md")
    done = run("HEAD")
    assert done.exit_code == 2
    assert "lacks 'articles/ru/mail.md' in this clone; run `git fetch --refetch`" in done.stderr


def test_the_first_change_has_nothing_to_be_compared_with(tmp_path, monkeypatch):
    project = Project(tmp_path / "project")
    project.git("rm", "-rq", "articles")
    project.commit()
    project.write("articles/ru/vpn", "Нажмите.", title=VPN)
    monkeypatch.chdir(project.root)

    told = prove("main")

    assert (told["base"]["articles"], told["head"]["articles"]) == (0, 1)


def test_a_name_that_is_a_folder_and_a_branch_is_asked_back(project):
    project.git("branch", "articles")

    done = run("articles")

    assert done.exit_code == 2
    assert done.stderr == (
        "kb: 'articles' is a folder and a commit; write ./articles or refs/heads/articles\n"
    )
    assert run("./articles").exit_code == run("refs/heads/articles").exit_code == 0


@pytest.mark.parametrize(
    "name",
    ["nowhere", "-x", "--upload-pack=touch owned", "main\nmain", "main main", "../main",
     "main..main", "\x1b[31m", "main:articles", "x" * 9000, "HEAD^{tree}", "--", "~nobody/x",
     "$(touch owned)"],
)  # fmt: skip
def test_a_name_that_means_nothing_is_one_line(project, name):
    done = run("--", name)

    assert done.exit_code == 2
    assert re.fullmatch(r"kb: .*; .*\n", done.stderr)
    assert done.stderr.isprintable() or done.stderr.rstrip("\n").isprintable()
    assert "Traceback" not in done.stderr
    assert not list(project.root.rglob("owned"))


def test_without_git_and_without_folders_it_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "articles").mkdir()
    monkeypatch.chdir(tmp_path)

    done = run("main")

    assert done.exit_code == 2
    assert done.stderr == (
        "kb: 'main' is no folder, and articles lies in no git repository; "
        "name two folders, or run it in a clone\n"
    )


def test_hooks_and_filters_of_the_repository_do_not_run(project):
    hook = project.root / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\ntouch owned\n")
    hook.chmod(0o755)
    project.git("config", "filter.evil.smudge", "sh -c 'touch owned; cat'")
    project.git("config", "filter.evil.clean", "cat")
    project.put(".gitattributes", "*.md filter=evil text eol=crlf\n")
    project.commit()

    prove("HEAD~1", "HEAD")

    assert not list(project.root.rglob("owned"))


def test_links_and_submodules_of_a_commit_lead_nowhere(project, tmp_path):
    (tmp_path / "secret.md").write_text("# Секрет\n\nтайна\n", "utf-8")
    (project.root / "articles/ru/secret.md").symlink_to(tmp_path / "secret.md")
    (project.root / "articles/ru/folder").symlink_to(tmp_path)
    project.git(
        "update-index", "--add", "--cacheinfo",
        f"160000,{project.git('rev-parse', 'HEAD')},articles/ru/other",
    )  # fmt: skip
    project.commit()

    told = prove("HEAD~1", "HEAD")

    assert told["head"]["articles"] == 2
    assert told["head"]["rejected"] > 0


def test_a_commits_settings_and_questions_are_no_links(project, tmp_path):
    (tmp_path / "secret").write_text("secret = 1\n")
    for name in ("kb.toml", "misses.jsonl", "tests/relevance/ru.toml", "articles/synonyms.yml"):
        link = project.root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tmp_path / "secret")
    project.commit()
    for name in ("kb.toml", "misses.jsonl"):
        (project.root / name).unlink()

    done = run("HEAD", "HEAD")

    assert done.exit_code == 0
    assert "secret" not in done.output


def test_a_tree_that_climbs_out_of_its_folder_is_left_out(project, tmp_path):
    blob = project.git("hash-object", "-w", "articles/ru/mail.md")
    made = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
        cwd=project.root, check=True, capture_output=True,
        input=b"100644 ../escaped.md\0" + bytes.fromhex(blob),
    ).stdout.decode().strip()  # fmt: skip
    commit = project.git("commit-tree", made, "-m", "climbs")

    told = prove(commit)

    assert told["base"]["articles"] == 0
    assert not list(tmp_path.rglob("escaped.md"))


def test_settings_of_a_commit_reach_no_folder_outside(project):
    project.put("kb.toml", 'articles = "../../../etc"\n')
    project.commit()
    (project.root / "kb.toml").unlink()

    done = run("HEAD")

    assert done.exit_code == 2
    assert "lie outside of the repository" in done.stderr


def test_broken_settings_of_a_commit_are_named(project):
    project.put("kb.toml", "lang = \n")
    project.commit()
    (project.root / "kb.toml").unlink()

    done = run("HEAD")

    assert done.exit_code == 2
    assert done.stderr.startswith("kb: 'HEAD': kb.toml: ")


# ---------------------------------------------------------------- nothing is done twice


def test_an_unchanged_article_is_parsed_once_at_most(project, monkeypatch):
    parsed = []

    def counted(job):
        parsed.append(job[0])
        return prepare(job)

    monkeypatch.setattr("kb.index.rendering.sandbox.each", lambda f, jobs, **_: (
        (number, counted(job)) for number, job in enumerate(jobs)
    ))  # fmt: skip
    project.write("articles/ru/vpn", "Нажмите.", title=VPN)

    prove("main")
    assert sorted(parsed) == ["ru/bill.md", "ru/mail.md", "ru/vpn.md"]

    parsed.clear()
    project.write("articles/ru/vpn", "Нажмите дважды.", title=VPN)
    prove("main")
    assert parsed == ["ru/vpn.md"]


def test_only_files_that_differ_between_commit_and_folder_are_read(project, monkeypatch):
    project.put("articles/ru/includes/both.md", "Один текст для двух статей.\n")
    project.write("articles/ru/mail", "[!INCLUDE [both](includes/both.md)]", title="Почта")
    project.commit()
    assert CliRunner().invoke(main, ["index"]).exit_code == 0
    project.write("articles/ru/bill", "Скачайте его дважды.", title="Счёт")
    project.write("articles/ru/vpn", "Нажмите дважды.", title=VPN)
    opened, read = [], read_file

    def noted(root, source, *more):
        opened.append((root.parent.name, source.path))
        return read(root, source, *more)

    monkeypatch.setattr(changes, "read_file", noted)

    prove("main")

    bill, new = "ru/bill.md", "ru/vpn.md"
    assert sorted(opened) == [("", bill), ("", new), ("base", bill)]


@pytest.mark.parametrize(("changed", "measured"), [(1, 1), (30, 2)])
def test_a_small_change_is_measured_by_one_yardstick(project, monkeypatch, changed, measured):
    for number in range(120):
        project.write(f"articles/ru/{number}", f"Слово{number} и ещё слова.", title=f"Т {number}")
    project.commit()
    levels = []
    level = calibration.chance_level
    monkeypatch.setattr(
        calibration, "chance_level", lambda build: levels.append(build) or level(build)
    )

    for number in range(changed):
        project.write(f"articles/ru/{number}", "Совсем другое.", title=f"Т {number}")
    prove("main")

    assert len(levels) == measured


def test_a_state_with_the_articles_of_the_build_before_is_not_measured_again(project, monkeypatch):
    project.asked(("где счёт", 4, "answered"))
    project.commit()
    assert CliRunner().invoke(main, ["index"]).exit_code == 0
    monkeypatch.setattr(calibration, "chance_level", lambda build: pytest.fail("measured again"))

    assert prove("main")["sentence"] == "changes no answer"


def test_what_is_served_is_gone_on_from_and_stays_as_it_is(project, monkeypatch):
    assert CliRunner().invoke(main, ["index"]).exit_code == 0
    served = (project.root / "var/builds/current").read_text()
    project.write("articles/ru/vpn", "Нажмите.", title=VPN)
    parsed = []
    monkeypatch.setattr("kb.index.rendering.sandbox.each", lambda f, jobs, **_: (
        (number, parsed.append(job[0]) or prepare(job)) for number, job in enumerate(jobs)
    ))  # fmt: skip

    prove("main")

    assert parsed == ["ru/vpn.md"]
    assert (project.root / "var/builds/current").read_text() == served


def test_a_commit_that_is_served_is_not_indexed_again(project):
    assert CliRunner().invoke(main, ["index"]).exit_code == 0
    (served,) = (project.root / "var/builds").glob("2*")

    prove("main")

    (proved,) = (project.root / "var/prove/builds").glob("2*")
    files = [file.relative_to(proved) for file in proved.rglob("*") if file.is_file()]
    assert [str(file) for file in files if not (proved / file).samefile(served / file)] == [
        "build.json"
    ]


# ---------------------------------------------------------------- customers' questions


@pytest.fixture
def log(project):
    (project.root / "var").mkdir()
    opened = SearchLog(f"sqlite:///{project.root / 'var/log.sqlite3'}", Askers())
    yield opened
    opened.close()


def asks(log, visit, query, **more):
    log.record(Search(
        id=f"{visit}:{query}", visit=visit, query=query, lang="ru", started=1.7e9, ended=1.7e9 + 1,
        asker=visit,
        **more,
    ))  # fmt: skip


def test_questions_come_from_the_log_where_no_file_stands(project, log):
    asks(log, "one", "сбросить пароль vpn")
    project.write("articles/ru/vpn", "Нажмите.", title=VPN)

    told = prove("main")

    assert told["sentence"] == "answers 1 open question (1 asker)"
    assert told["source"] == "log"


def test_a_comment_holds_only_what_three_askers_asked(project, log):
    asks(log, "one", "сбросить пароль vpn")
    project.write("articles/ru/vpn", "Нажмите.", title=VPN)

    assert "сбросить" not in run("main", "--format", "markdown").stdout

    asks(log, "two", "сбросить пароль vpn")
    asks(log, "three", "сбросить пароль vpn")
    assert "сбросить пароль vpn" in run("main", "--format", "markdown").stdout


def test_the_file_for_git_holds_questions_of_three_askers_sorted(project, log):
    for visit in "abc":
        asks(log, visit, "вернуть деньги")
        asks(log, visit, "где счёт", total=1, confident=True, shown=(("ru/bill", 1),))
    for visit in "ab":
        asks(log, visit, "сбросить пароль vpn")

    done = CliRunner().invoke(main, ["log", "export", "--for-git", "-o", "misses.jsonl"])

    assert done.exit_code == 0
    text = (project.root / "misses.jsonl").read_text("utf-8")
    assert [json.loads(row) for row in text.splitlines()] == [
        {"id": 1, "lang": "ru", "question": "вернуть деньги", "status": "open", "askers": 3}
    ]
    CliRunner().invoke(main, ["log", "export", "--for-git", "-o", "again.jsonl"])
    assert (project.root / "again.jsonl").read_text("utf-8") == text


def test_a_word_that_two_askers_used_does_not_leave_the_log(log):
    asks(log, "a", "вернуть деньги на карту Петрову")
    asks(log, "b", "вернуть деньги на карту Петрову")
    asks(log, "c", "вернуть деньги на карту")
    asks(log, "d", "на карту деньги вернуть")

    [question] = for_git(log, ("ru",), least=3)

    assert (question.question, question.askers) == ("вернуть деньги на карту", 4)


@pytest.mark.postgres
def test_a_log_in_postgresql_shares_the_same():
    if postgres.binaries() is None:
        unavailable("PostgreSQL's initdb and postgres are not installed")
    with postgres.server() as server:
        log = SearchLog(server.new_database(), Askers())
        try:
            for visit in "abc":
                asks(log, visit, "вернуть деньги на карту")
            asks(log, "d", "вернуть деньги на карту Петрову")

            assert [(q.question, q.askers) for q in for_git(log, ("ru",), least=3)] == [
                ("вернуть деньги на карту", 4)
            ]
        finally:
            log.close()


def test_what_customers_found_is_asked_too(log):
    from kb.searchlog.reports import Event

    for visit in "abc":
        asks(
            log, visit, "где счёт", total=1, confident=True, events=(Event("click", "ru/bill", 1),)
        )

    assert [(q.question, q.status, q.askers) for q in for_git(log, ("ru",), least=3)] == [
        ("где счёт", "found", 3)
    ]


PEOPLE = st.lists(st.tuples(st.sampled_from("abcde"), st.text("абв ", max_size=6)), max_size=12)


@given(PEOPLE)
def test_every_word_that_leaves_was_used_by_three(asked):
    used = defaultdict(set)
    for asker, query in asked:
        for word in query_words.key(query).split():
            used[word].add(asker)
    by_word = {word: len(askers) for word, askers in used.items()}

    shared = in_shared_words([query for _, query in asked], by_word, 3)

    assert all(len(used[word]) >= 3 for word in query_words.key(shared).split())
    assert shared or not any(
        words and all(by_word[word] >= 3 for word in words)
        for words in (query_words.key(query).split() for _, query in asked)
    )


def test_a_line_reads_back_as_the_same_question():
    question = SharedQuestion(id=7, lang="ru", question='a\u2028\n"б', status="open", askers=3)

    assert "\n" not in line(question)
    assert SharedQuestion.model_validate_json(line(question)) == question


@pytest.mark.parametrize(
    "text", ["{", '{"askers": 3}', '{"question": ""}', '{"question": "a", "askers": "много"}', "[]"]
)
def test_a_mistake_in_the_file_is_named_with_its_line(project, text):
    project.put("misses.jsonl", f'{{"question": "vpn"}}\n\n{text}\n')

    done = run("main")

    assert done.exit_code == 2
    assert re.fullmatch(r"kb: .*misses\.jsonl:3: .*; write it afresh with .*\n", done.stderr)


def test_a_mistake_in_the_file_is_told_before_anything_is_indexed(project):
    project.put("misses.jsonl", "{")

    assert run("main").exit_code == 2
    assert not (project.root / "var/prove/builds").exists()


def test_a_question_asked_and_claimed_moves_once(project):
    claim = ["сбросить пароль vpn"]
    project.write("articles/ru/vpn", "Нажмите «Забыли пароль».", title=VPN, answers=claim)
    project.asked(("сбросить пароль vpn", 31, "answered"))
    project.commit()

    project.write(
        "articles/ru/reset", "Сбросить пароль VPN может и администратор.",
        title="Сбросить пароль VPN", answers=claim,
    )  # fmt: skip
    told = prove("main")

    assert [(v["kind"], v["askers"]) for v in told["moved"]] == [("question", 31)]


@pytest.mark.usefixtures("in_russian")
def test_without_questions_it_says_what_was_not_looked_at(project):
    told = run("main").stdout

    assert told.startswith("Не проверено: вопросов нет.")
    assert "Не проверено, что спрашивают клиенты" in told
    assert "kb log export --for-git" in told
    assert "GET /api/misses?for=git" in told


# ---------------------------------------------------------------- what is shown


def verdict(question: str = "vpn", askers: int = 1, **more: object) -> Verdict:
    told: dict[str, object] = {
        "kind": "question", "lang": "ru", "group": 1, "slug": "ru/vpn", "title": VPN,
        "before": None, "after": 1, "first": "ru/vpn",
    }  # fmt: skip
    return Verdict(question=question, askers=askers, **(told | more))


def proof(**lists: tuple[Verdict, ...]) -> Proof:
    empty: dict[str, tuple[Verdict, ...]] = dict.fromkeys(
        ("answered", "broken", "lost", "moved"), ()
    )
    sides = Side("main", "a" * 40, 2, 0), Side("", "", 3, 0)
    return Proof(*sides, 9, 4, 3, 2, "log", **(empty | lists))


@pytest.mark.parametrize(
    ("answered", "broken", "lost", "moved", "english", "russian"),
    [
        (0, 0, 0, 0, "changes no answer", "не меняет ни одного ответа"),
        (1, 0, 0, 0, "answers 1 open question (1 asker)",
         "отвечает на 1 открытый вопрос (1 спросивший)"),
        (2, 1, 0, 0, "answers 2 open questions (2 askers), breaks 1 expectation",
         "отвечает на 2 открытых вопроса (2 спросивших), нарушает 1 ожидание"),
        (7, 5, 0, 4, "answers 7 open questions (7 askers), breaks 5 expectations, moves 4 ranks",
         "отвечает на 7 открытых вопросов (7 спросивших), нарушает 5 ожиданий, "
         "меняет 4 места в выдаче"),
        (21, 22, 11, 1, "answers 21 open questions (21 askers), "
         "leaves 11 questions without an answer (11 askers), breaks 22 expectations, moves 1 rank",
         "отвечает на 21 открытый вопрос (21 спросивший), "
         "оставляет без ответа 11 вопросов (11 спросивших), нарушает 22 ожидания, "
         "меняет 1 место в выдаче"),
    ],
)  # fmt: skip
def test_the_sentence_counts_as_people_do(answered, broken, lost, moved, english, russian):
    made = proof(
        answered=(verdict(),) * answered, broken=(verdict(askers=0),) * broken,
        lost=(verdict(),) * lost, moved=(verdict(),) * moved,
    )  # fmt: skip

    assert (sentence(made), sentence(made, RUSSIAN.say)) == (english, russian)


def test_text_tells_ranks_and_articles():
    moved = verdict("где счёт", 12, before=1, after=3, first="ru/bill")

    text = as_text(proof(moved=(moved,)))

    assert "где счёт (12 askers)" in text
    assert f"1 → 3; {VPN} [ru/vpn]; now first: ru/bill" in text
    assert (
        "main (aaaaaaaaaa) → working tree: questions asked – 9: by customers – 4, "
        "claimed by articles – 3, pinned – 0, expected in files – 2." in text
    )


RUSSIAN = catalogs.languages(None, ("ru",), "ru")
HOSTILE = [
    "| a | b |", "`code` ``", "<script>alert(1)</script>", "</code></td><img src=x onerror=y>",
    "[x](javascript:y)", "![i](https://evil.example)", "@everyone #1 !2", "https://evil.example",
    "a\n\n# h\n- b", "\\| \\", "&lt;b&gt; &#124;", "**b** _i_ ~~s~~ $m$", "/close", "‮dcba",
    "\x1b[31mred", "<!-- ", "|" * 300, "\r\n/assign @x", "​x\u2028y",
]  # fmt: skip


def cells(comment: str) -> list[list[str]]:
    """The text of each cell of the tables in a comment, as it is read."""
    html = markdown.markdown(comment.removeprefix(prove_report.MARK), extensions=["tables"])
    tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([^\s>/]+)", html)}
    known = {"h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code"}
    assert tags <= known
    assert not re.search(r"<(?!td|th)\w+ ", html), "an attribute"
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S) for row in rows]


def is_contained(question: str) -> None:
    comment = as_markdown(
        proof(
            answered=(verdict(question, slug=question, first="x"), verdict("следующий")),
            broken=(verdict("ещё", reason=question, why=Message("{slug}", slug=question)),),
        )
    )

    assert [len(row) for row in cells(comment)] == [5] * 5
    assert cells(comment)[-1][1] == "<code>следующий</code>"
    for char in "@#`[]*_~!\\/$":  # nothing that Git hosts read has come through as it was
        assert char not in re.sub(r"&#\d+;|</?code>", "", prove_report.quoted(question))


@pytest.mark.parametrize("question", HOSTILE)
def test_no_question_breaks_out_of_the_table(question):
    is_contained(question)


@given(st.text())
def test_any_text_stays_in_its_cell(question):
    is_contained(question)


def test_a_comment_fits_into_one_of_a_git_host():
    many = tuple(verdict("|" * 500, number, reason="|" * 500) for number in range(500))

    comment = as_markdown(proof(answered=many, broken=many, lost=many, moved=many), RUSSIAN.say)

    assert len(comment) < 65_536
    assert "… и ещё" in comment


@pytest.mark.usefixtures("in_russian")
def test_articles_that_are_rejected_now_are_counted(project):
    project.put("articles/ru/broken.md", "---\ntitle: [\n---\n")

    assert "Отклонено статей: было 0, стало 1; их назовёт `kb check`." in run("main").stdout


@pytest.mark.usefixtures("in_russian")
def test_the_report_is_in_the_language_of_the_settings(project, monkeypatch):
    project.asked(("где счёт", 4, "answered"))

    assert run("main").stdout.startswith("Не меняет ни одного ответа.")
    monkeypatch.setenv("KB_LANG", "en")
    assert run("main").stdout.startswith("Changes no answer.")


def test_two_at_work_in_one_folder_do_not_mix(project, monkeypatch):
    from kb.jobs import prove as proving

    monkeypatch.setattr(
        proving.indexer, "rebuild", _as_if_another_followed(proving.indexer.rebuild)
    )

    done = run("main")

    assert done.exit_code == 2
    assert "another `kb prove` is at work" in done.stderr


def test_the_files_of_a_commit_stay_for_the_next_proof(project):
    told = prove("main")
    [file] = (project.root / "var/prove").rglob("mail.md")
    before = file.stat()

    project.write("ru/mail", "Совсем другое.", title="Почта")

    again = prove("main")
    assert (again["base"], again["head"]["articles"]) == (told["base"], told["head"]["articles"])
    assert file.stat() == before
    assert project.git("status", "--porcelain", "--", "var") == ""


def test_a_second_proof_at_once_has_files_of_its_own(project):
    told = prove("main")
    place = project.root / "var/prove/.files"
    shutil.rmtree(place / "base")

    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        again = prove("main")

    assert again == told
    assert not (place / "base").exists()


def _as_if_another_followed(rebuild):
    def both(settings, **options):
        report = rebuild(settings, **options)
        rebuild(settings, full=True)
        (settings.articles / "ru").mkdir(parents=True, exist_ok=True)
        (settings.articles / "ru" / "other.md").write_text("# Другая\n", "utf-8")
        rebuild(settings)
        return report

    return both


def test_errors_are_of_the_kind_that_ends_in_one_line():
    from kb.git.checkout import NoSuchState
    from kb.searchlog.export import CannotRead

    assert issubclass(CannotRead, KBError)
    assert issubclass(NoSuchState, KBError)


# ---------------------------------------------------------------- pins


def pin(project: Project, *lines: str) -> None:
    project.put("articles/pins.yml", "".join(f"- {{{line}}}\n" for line in lines))


def test_a_pin_is_proved_while_it_is_in_force(project):
    pin(
        project, "question: почта, article: ru/bill",
        "question: адрес, article: ru/bill, until: 2020-01-01",
    )  # fmt: skip
    project.commit()
    project.write("articles/ru/bill", "Счёт.", title="Где взять счёт", draft="yes")

    told = prove("main")

    assert (told["pins"], [(v["kind"], v["question"]) for v in told["broken"]]) == (
        1, [("pin", "почта")],
    )  # fmt: skip


def test_a_new_pin_moves_and_one_that_goes_may_leave_another_answer(project):
    pin(project, "question: почта на телефоне, article: ru/bill")

    assert [(v["kind"], v["slug"], v["after"]) for v in prove("main")["moved"]] == [
        ("pin", "ru/bill", 1)
    ]

    project.commit()
    pin(project)

    assert prove("main")["broken"] == []
