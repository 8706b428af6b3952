"""What changed in an article, told from git: only words that readers saw, through renames."""

import os
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_text import read

from kb import article_history
from kb.article_history import blocks_of
from kb.git import file_history
from kb.language import text_diff
from kb.language.text_diff import ADDED, GAP, REMOVED, SAME, Block, Part, changes
from kb.service import KnowledgeBase
from kb.web import create_app


class Repository:
    """The articles folder, below the top of a git repository."""

    def __init__(self, settings, write):
        self.folder, self.write = settings.articles, write
        self.git("init", "-q", "-b", "main", where=self.folder.parent)

    def git(self, *arguments, where=None, author="Анна", day="2026-01-01"):
        who = ("-c", f"user.name={author}", "-c", "user.email=anna@example.com")
        moment = f"{day}T12:00:00+00:00"
        environment = {
            **os.environ, "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment,
        }  # fmt: skip
        subprocess.run(
            ["git", *who, *arguments], cwd=where or self.folder, env=environment, check=True
        )

    def commit(self, **how):
        self.git("add", "-A", ".")
        self.git("commit", "-q", "-m", "секретное сообщение", **how)


TEXT = "Деньги вернутся за десять дней. " + "Так бывает почти всегда у всех клиентов. " * 5


@pytest.fixture
def repository(settings, write):
    """An article that was a draft, was published, edited, closed for a while, and moved."""
    made = Repository(settings, write)

    def refund(body, *, path="ru/pay/refund", title="Возврат", **front):
        write(path, body, title=title, **front)

    refund("Тайная цена: 42.", draft="yes")
    write("ru/pay/hidden", "Текст.", title="Скрытая", unlisted="yes")
    made.commit()
    refund(f"{TEXT}\n\n## Куда\n\nНа карту.\n\nОшибка <b>тут</b>.")
    made.commit(day="2026-02-01")
    five = TEXT.replace("десять", "пять")
    refund(f"{five}\n\n## Куда\n\nНа карту.\n\n- Или на счёт.")
    made.commit(day="2026-03-01", author="Борис & сын")
    reflowed = five.replace(". ", ".\n")
    refund(f"{reflowed}\n\n## Куда\n\nНа карту.\n\n* Или на счёт.")
    made.commit(day="2026-03-02")
    write("ru/pay/index", "Касса.", title="Касса", audience="staff")
    refund(f"{five}\n\n## Куда\n\nВнутренний тариф.\n\n- Или на счёт.")
    made.commit(day="2026-04-01")
    made.git("mv", "ru/pay/refund.md", "ru/pay/return.md")
    write("ru/pay/index", "Касса.", title="Касса")
    refund(
        f"{five}\n\n## Куда\n\nТолько на карту.\n\n- Или на счёт.",
        path="ru/pay/return", title="Возврат денег", aliases=["ru/pay/refund"],
    )  # fmt: skip
    made.commit(day="2026-05-01")
    return made


def client_of(settings):
    service = KnowledgeBase(settings)
    service.rebuild()
    app = create_app(service)
    app.testing = True
    return app.test_client(), service


def test_readers_see_what_changed_and_nothing_they_could_not_see_then(settings, repository):
    client, service = client_of(settings)

    foot = read(client.get("/articles/ru/pay/return"))
    answer = client.get("/articles/ru/pay/return/history")
    page = read(answer)

    assert foot.links["Что менялось"] == "/articles/ru/pay/return/history"
    assert answer.status_code == 200
    assert '<meta name="robots" content="noindex">' in answer.text
    assert re.findall(r'<time datetime="([\d-]+)">', answer.text) == [
        "2026-05-01", "2026-03-01", "2026-02-01",
    ]  # fmt: skip
    for words in ("Тайная", "Внутренний", "секретное", "anna@example"):
        assert words not in answer.text
    assert "<del>десять</del> <ins>пять</ins>" in answer.text
    assert "<ins>Только на карту.</ins>" in answer.text
    assert "Борис &amp; сын" in answer.text
    assert "Добавлено Или на счёт." in page.text
    assert "Убрано Ошибка тут." in page.text
    assert "Статья появилась." in page.text
    assert "Более ранние" not in page.text

    moved = client.get("/articles/ru/pay/refund/history")

    assert (moved.status_code, moved.location) == (301, "/articles/ru/pay/return/history")
    assert client.get("/articles/ru/pay/hidden/history").status_code == 404
    assert "Что менялось" not in client.get("/articles/ru/pay/hidden").text
    assert service._histories._kept.count == 1
    service.close()


def test_a_folder_whose_page_is_not_in_the_clone_stays_closed(settings, write):
    repository = Repository(settings, write)
    write("ru/pay/index", "Касса.", title="Касса", audience="staff")
    write("ru/pay/return", "Внутренний тариф.", title="Возврат")
    repository.commit()
    page = file_history.read(settings.articles, "ru/pay/index.md", "HEAD").all[0].blob
    write("ru/pay/index", "Касса.", title="Касса")
    write("ru/pay/return", "Цена для всех.", title="Возврат")
    repository.commit(day="2026-02-01")
    (settings.articles.parent / ".git/objects" / page[:2] / page[2:]).unlink()
    client, service = client_of(settings)

    answer = client.get("/articles/ru/pay/return/history")

    assert answer.status_code == 200
    assert "Внутренний тариф" not in answer.text
    service.close()


def test_a_revision_larger_than_an_article_may_be_is_not_read(settings, write):
    repository = Repository(settings, write)
    write("a", "x" * 2000)
    repository.commit()
    write("a", "Короче.")
    repository.commit(day="2026-02-01")

    revisions = file_history.read(settings.articles, "a.md", "HEAD").all
    found = file_history.contents(settings.articles, [each.blob for each in revisions], most=1000)

    assert [data and "Короче".encode() in data for data in found] == [True, None]


def test_it_can_be_switched_off(settings, write):
    repository = Repository(settings, write)
    write("ru/vpn", "Текст.", title="VPN")
    repository.commit()
    client, service = client_of(settings.model_copy(update={"history": False}))

    assert client.get("/articles/ru/vpn/history").status_code == 404
    assert "Что менялось" not in client.get("/articles/ru/vpn").text
    service.close()


def test_without_git_there_is_no_link_and_no_page(kb, client, write):
    write("ru/vpn", "Текст.", title="VPN")
    kb.rebuild()

    assert "Что менялось" not in client.get("/articles/ru/vpn").text
    assert client.get("/articles/ru/vpn/history").status_code == 404


def test_an_article_called_history_is_itself_and_a_broken_git_is_told(settings, write, monkeypatch):
    repository = Repository(settings, write)
    write("ru/vpn", "Текст.", title="VPN")
    write("ru/vpn/history", "Сеть росла.", title="Летопись")
    repository.commit()
    client, service = client_of(settings)
    asked = []

    def fail(*_):
        asked.append(1)
        raise article_history.GitFailed("x")

    monkeypatch.setattr(article_history.file_history, "read", fail)

    assert "Сеть росла." in client.get("/articles/ru/vpn/history").text
    for _ in range(2):
        answer = client.get("/articles/ru/vpn/history/history")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert asked == [1]  # and is not tried again at once
    service.close()


# --- words --------------------------------------------------------------------------------------


def test_html_is_taken_apart_as_it_is_read():
    html = (
        '<h2 id="a"><a class="anchor" href="#a">#</a>Цены &amp; сроки</h2><p>Один <em>два</em>\n'
        'три <img src="/media/x.png" alt="Схема"></p><ul><li>пункт</li></ul>'
        "<table><tr><th>а</th><th>б</th></tr></table><pre><code>x\n  y</code></pre>"
    )

    assert [tuple(block) for block in blocks_of(html)] == [
        ("Цены & сроки", ""),
        ("Один два три Схема", "Цены & сроки"),
        ("пункт", "Цены & сроки"),
        ("а · б", "Цены & сроки"),
        ("x", "Цены & сроки"),
        ("y", "Цены & сроки"),
    ]


def test_texts_with_too_much_to_compare_are_one_instead_of_the_other(monkeypatch):
    old, new = (
        [Block(text) for text in ("Head.", f"{name} one.", "Same.", f"{name} two.", "Tail.")]
        for name in ("Old", "New")
    )
    monkeypatch.setattr(text_diff, "_MOST_CELLS", 8)
    monkeypatch.setattr(text_diff, "_MOST_PAIRS", 0)

    found = changes(old, new)

    assert [(block.kind, block.parts[0].text) for block in found] == [
        *((REMOVED, text) for text in ("Old one.", "Same.", "Old two.")),
        *((ADDED, text) for text in ("New one.", "Same.", "New two.")),
    ]


def test_long_stretches_without_a_change_are_cut():
    words = [f"w{n}" for n in range(60)]
    old = [Block("Same."), Block(" ".join(words)), Block("Gone entirely, all of it.")]
    new = [Block("Same."), Block(" ".join(["new", *words[:30], *words[31:]])), Block("Came.")]

    found = changes(old, new)

    assert [block.kind for block in found] == [SAME, REMOVED, ADDED]
    assert found[0].parts[0] == Part("new", ADDED)
    assert [part.kind for part in found[0].parts] == [ADDED, SAME, GAP, SAME, REMOVED, SAME, GAP]


_TEXTS = st.lists(
    st.text("аб \n", min_size=1, max_size=8).map(lambda t: " ".join(t.split()) or "а")
)


@given(_TEXTS, _TEXTS)
def test_what_was_added_and_kept_is_the_new_text(old, new):
    found = changes([Block(text) for text in old], [Block(text) for text in new])

    assert (not found) == (old == new)
    added = [
        " ".join(part.text for part in block.parts if part.kind in (SAME, ADDED)) for block in found
    ]
    assert set(filter(None, added)) <= set(new)
