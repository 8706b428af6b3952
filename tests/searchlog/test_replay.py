"""What nobody found is asked again of every build; what others found is offered."""

import json
import subprocess
from datetime import timedelta

import pytest
from click.testing import CliRunner
from visitors import Visitors

from kb.base.errors import LogUnavailable
from kb.cli import main
from kb.git import history
from kb.searchlog import replay
from kb.searchlog.db.letter_models import NewLetter
from kb.searchlog.db.log import SearchLog
from kb.service import KnowledgeBase


@pytest.fixture
def visit(kb):
    return Visitors(kb)


def group(kb):
    [found] = kb.misses(status="all")
    return found


def test_a_miss_is_answered_once_an_article_covers_it(kb, write, visit):
    write("ru/mail", "Настройки почты.", title="Почта")
    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    assert group(kb).status == "open"

    write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    report = kb.rebuild()

    assert (report.answered, report.regressed) == (("сбросить пароль VPN",), ())
    answer = group(kb).answer
    assert (answer.slug, answer.rank, answer.build) == ("ru/vpn", 1, report.build)
    assert kb.misses() == []


def test_an_answer_that_falls_out_is_regressed(kb, write, visit):
    write("ru/mail", "Настройки почты.", title="Почта")
    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    article = write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    kb.rebuild()

    article.unlink()
    report = kb.rebuild()

    assert (report.answered, report.regressed) == ((), ("сбросить пароль VPN",))
    assert group(kb).status == "regressed"
    assert kb.rebuild().regressed == ()  # told once


def test_an_answer_that_moves_to_another_article_stays_one(kb, write, visit):
    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    article = write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    assert kb.rebuild().answered == ("сбросить пароль VPN",)

    article.rename(article.with_name("network.md"))
    report = kb.rebuild()

    assert (report.answered, report.regressed) == ((), ())
    assert (group(kb).status, group(kb).answer.slug) == ("waiting", "ru/network")


def test_a_dismissed_question_is_left_alone(kb, settings, write, visit):
    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    log = SearchLog(settings.log_url)
    log.actions.dismiss(group(kb).id, "not ours")

    write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")

    assert kb.rebuild().answered == ()
    assert group(kb).status == "dismissed"
    log.close()


def test_the_commit_of_the_answering_article_is_written_down(kb, settings, write, visit):
    def git(*arguments):
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, cwd=settings.articles, check=True, capture_output=True)

    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "VPN")
    commit = git("rev-parse", "HEAD").stdout.decode().strip()
    write("ru/other", "Другое.", title="Другое")
    git("add", ".")
    git("commit", "-q", "-m", "Other")

    kb.rebuild()

    answer = group(kb).answer
    assert answer.commit == commit
    assert answer.committed == history.moment(settings.articles, commit)
    assert abs(answer.committed - answer.at) < timedelta(minutes=5)


def test_a_moment_is_asked_of_commits_only(settings):
    assert history.moment(settings.articles, "--help") is None
    assert history.moment(settings.articles, "0" * 40) is None


def test_without_searches_no_log_is_made(kb, settings, write):
    write("ru/vpn", title="VPN")

    kb.rebuild()

    assert not (settings.data / "log.sqlite3").exists()


def test_an_unreachable_log_fails_no_build(settings, write, caplog):
    nowhere = "postgresql+psycopg://kb@127.0.0.1:9/none"
    kb = KnowledgeBase.open(
        settings.model_validate({**settings.model_dump(), "database_url": nowhere})
    )
    write("ru/vpn", title="VPN")

    report = kb.rebuild()

    assert report.published
    assert "open questions were not asked again" in caplog.text
    with pytest.raises(LogUnavailable):
        kb.replay()
    kb.close()


def test_a_build_without_changes_asks_nothing_again(kb, write, monkeypatch):
    write("ru/vpn", title="VPN")
    kb.rebuild()
    monkeypatch.setattr(KnowledgeBase, "replay", None)

    assert not kb.rebuild().published


# ---------------------------------------------------------------- commands


@pytest.fixture
def run(settings):
    def invoke(*arguments):
        folders = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}
        return CliRunner().invoke(main, arguments, env=folders)

    return invoke


def test_index_says_what_is_answered_and_what_is_lost(kb, write, visit, run):
    write("ru/mail", "Настройки почты.", title="Почта")
    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    article = write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")

    found = run("index")
    assert (found.exit_code, "Now answered: сбросить пароль VPN" in found.stdout) == (0, True)

    article.unlink()
    lost = run("index", "--json")
    assert (lost.exit_code, json.loads(lost.stdout)["regressed"]) == (1, ["сбросить пароль VPN"])


def test_misses_replay_asks_again_on_demand(kb, settings, write, visit, run):
    write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    kb.rebuild()
    visit.searches("настроить принтер")
    log = SearchLog(settings.log_url)
    assert run("misses", "replay").stdout.startswith("Nothing changed")
    log.actions.answer(group(kb).id, slug="ru/gone", build="earlier")
    log.close()

    lost = run("misses", "replay", "--json")

    assert lost.exit_code == 1
    assert json.loads(lost.stdout) == {
        "answered": [],
        "regressed": ["настроить принтер"],
        "unasked": 0,
        "proved": [],
    }


def test_the_costliest_are_asked_first_and_what_there_was_no_time_for_is_counted(
    kb, settings, write, visit, monkeypatch
):
    write("ru/mail", "Настройки почты.", title="Почта")
    kb.rebuild()
    visit.searches("сбросить пароль VPN")
    for _ in range(2):
        visit.searches("телепорт на Луну")
    write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    write("ru/moon", "Возьмите ракету.", title="Телепорт на Луну")
    moments = iter([0.0, 1.0, 61.0])
    monkeypatch.setattr(replay, "monotonic", lambda: next(moments))

    report = kb.rebuild()

    assert report.answered == ("телепорт на Луну",)
    assert report.unasked == 1


def test_commands_say_what_there_was_no_time_for(kb, write, visit, run, monkeypatch):
    write("ru/vpn", "Нажмите «Забыли пароль».", title="Как сбросить пароль VPN")
    kb.rebuild()
    visit.searches("настроить принтер")

    found = run("misses", "replay", "--seconds", "3600")
    assert "not asked again" not in found.stderr

    moments = iter(range(0, 10_000, 1_000))
    monkeypatch.setattr(replay, "monotonic", lambda: next(moments))
    late = run("misses", "replay")

    assert "1 question asked least was not asked again" in late.stderr
    monkeypatch.setattr(replay, "monotonic", iter(range(0, 100_000, 1_000)).__next__)
    assert json.loads(run("misses", "replay", "--json").stdout)["unasked"] == 1


def test_letters_are_listed(kb, write, run):
    kb.rebuild()
    assert run("misses", "--tickets").stdout.startswith("No letters")
    kb.send_letter(
        NewLetter("k", "=Нет входа\n\nНе приходит\nписьмо", "me@example.com", subject="Вход")
    )

    table = run("misses", "--tickets").stdout
    [ticket] = json.loads(run("misses", "--tickets", "--format", "json").stdout)["tickets"]
    head, row = run("misses", "--tickets", "--format", "csv").stdout.split("\n", 1)

    assert "me@example.com" in table
    assert "=Нет входа Не приходит письмо" in table
    assert (ticket["text"], ticket["reply_to"]) == (
        "=Нет входа\n\nНе приходит\nписьмо",
        "me@example.com",
    )
    assert head.strip() == "\ufeffid;at;lang;type;text;reply_to;offered"
    assert "'=Нет входа" in row


def test_rollback_serves_the_build_before(kb, write, run):
    write("ru/vpn", title="VPN")
    first = kb.rebuild().build
    write("ru/mail", title="Почта")
    kb.rebuild()

    done = run("rollback")

    assert done.exit_code == 0, done.output
    assert f"build {first} again: 1 article" in done.stdout
    assert kb.rollback is not None
    assert json.loads(run("search", "--json", "Почта").stdout)["total"] == 0
    again = run("rollback")
    assert again.exit_code == 2
    assert "nothing to go back to" in again.stderr
    assert "1 added" in run("index").stdout


# ---------------------------------------------------------------- what others found


def test_what_three_askers_asked_and_found_is_suggested(kb, write, visit):
    write("ru/vpn", "Нажмите «Забыли пароль».", title="Сброс пароля VPN")
    kb.rebuild()
    for number in range(3):
        visit.opens("ru/vpn", "пароль от сети", visit=f"v{number}")
    visit.opens("ru/vpn", "пароль Петрова", visit="one")

    assert kb.suggest("парол", "ru") == ("Сброс пароля VPN",)  # the log is not waited for
    kb._popular.wait()

    assert kb.suggest("парол", "ru") == ("Сброс пароля VPN", "пароль от сети")
    assert kb.suggest("парол", "xx") == ("Сброс пароля VPN",)


def test_popular_is_what_askers_open(kb, write, visit):
    write("ru/a", "[b](b.md)", title="А")
    write("ru/b", "Текст.", title="Б")
    write("ru/c", "Текст.", title="В")
    write("ru/draft", "Текст.", title="Черновик", draft=True)
    kb.rebuild()
    for number in range(3):
        visit.opens("ru/c", "текст", visit=f"v{number}")
        visit.opens("ru/draft", "черновик", visit=f"d{number}")
        visit.opens("ru/a", "текст", visit=f"a{number}", asker="one address")
    assert [card.slug for card in kb.home("ru").popular] == ["ru/b", "ru/a", "ru/c"]

    kb._popular.wait()

    assert [card.slug for card in kb.home("ru").popular] == ["ru/c", "ru/b", "ru/a"]


def test_pages_come_though_the_log_is_broken(kb, settings, write):
    write("ru/a", "Текст.", title="А")
    kb.rebuild()
    (settings.data / "log.sqlite3").write_bytes(b"no database at all, but some kilobytes" * 100)

    for _ in range(2):
        assert [card.slug for card in kb.home("ru").popular] == ["ru/a"]
        assert kb.suggest("А", "ru") == ("А",)
        kb._popular.wait()


def test_habits_are_looked_up_again_after_a_while():
    from kb.searchlog.popular import AGE, PopularCache

    asked = []
    now = [0.0]
    habits = PopularCache(lambda: asked.append(now[0]), least=3, clock=lambda: now[0])

    for now[0] in (0.0, 1.0, AGE - 1, AGE, AGE + 1):
        habits.of("ru")
        habits.wait()

    assert asked == [0.0, AGE]
