"""Receivers outside hear what happened: each event once, whoever dies or does not answer."""

import random
from datetime import UTC, datetime, timedelta

import help_desks
import pytest
from visitors import Visitors

from kb.base.config import Hook
from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.jobs.delivery import Deliverer
from kb.letters import channels
from kb.searchlog.db.letter_models import NewLetter
from kb.server import serving
from kb.service import KnowledgeBase

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Site:
    """A base with hooks to one receiver, a clock and a deliverer."""

    def __init__(self, settings, kept, *hooks):
        made = tuple(Hook(**{"url": f"{kept.url}/{n}"} | hook) for n, hook in enumerate(hooks))
        base = {"hooks": made, "base_url": "https://help.example.com", "lang": "ru"}
        self.settings = settings.model_copy(update=base)
        self.kept, self.at = kept, NOON
        self.kb = KnowledgeBase(self.settings, now=lambda: self.at)
        self.visit = Visitors(self.kb)

    def passes(self, **time):
        self.at += timedelta(**time)

    def deliver(self):
        self.kb.announce()
        deliverer = Deliverer(
            self.settings, self.kb.log, lambda: self.at, waits=(1.0,), telegram=self.kept.url
        )
        return deliverer.deliver_due(most=500)

    def heard(self):
        """The types of what was told since this was last asked, and the names it is about."""
        self.deliver()
        told = [(each["type"], _name(each["data"])) for each in self.kept.bodies]
        self.kept.requests.clear()
        return sorted(told)


def _name(data):
    return data.get("slug") or data.get("question") or data.get("path") or data.get("number")


@pytest.fixture
def open_site(settings):
    sites = []
    with help_desks.opened() as kept:

        def make(*hooks, receiver=kept):
            sites.append(Site(settings, receiver, *(hooks or ({},))))
            return sites[-1]

        yield make
        for site in sites:
            site.kb.close()


# --- articles -----------------------------------------------------------------------------------


def test_a_build_tells_what_differs_from_the_one_before_and_the_first_tells_nothing(
    open_site, write
):
    site = open_site()
    write("ru/vpn", title="Настройка VPN")
    gone = write("ru/mail", title="Почта")
    site.kb.rebuild()
    assert site.heard() == []

    write("ru/vpn", "Другой текст.", title="Настройка VPN")
    write("ru/new", title="Новая")
    write("ru/secret", title="Черновик", draft=True)
    write("ru/later", title="Потом", publish="2026-12-01")
    write("ru/inside", title="Для своих", audience="staff")
    gone.unlink()
    build = site.kb.rebuild().build

    site.deliver()
    told = {each["data"]["slug"]: each for each in site.kept.bodies}
    assert site.heard() == [
        ("article.changed", "ru/vpn"),
        ("article.published", "ru/new"),
        ("article.removed", "ru/mail"),
    ]
    assert told["ru/new"] == {
        "version": 1,
        "id": told["ru/new"]["id"],
        "type": "article.published",
        "at": NOON.isoformat(),
        "site": "https://help.example.com",
        "link": "https://help.example.com/articles/ru/new",
        "text": "Опубликована статья: Новая",
        "data": {"build": build, "slug": "ru/new", "title": "Новая", "lang": "ru"},
    }
    assert told["ru/mail"]["link"] == ""
    site.passes(days=2)
    assert site.heard() == [("article.published", "ru/later")]  # its day has come
    assert site.kb.rollback()
    assert site.heard() == []


def test_what_a_killed_process_left_out_is_told_once_by_the_next(open_site, write, monkeypatch):
    site = open_site()
    write("ru/vpn", title="VPN")
    site.kb.rebuild()
    with monkeypatch.context() as killed:
        killed.setattr(KnowledgeBase, "announce", lambda self: 0)
        write("ru/mail", title="Почта")
        site.kb.rebuild()
        write("ru/phone", title="Телефон")
        site.kb.rebuild()
        write("ru/chat", title="Чат")
        site.kb.rebuild()

    others = open_site()  # another process, with an eye on the same log
    assert others.kb.announce() == 3
    assert site.kb.announce() == 0
    told = [("article.published", f"ru/{name}") for name in ("chat", "mail", "phone")]
    assert site.heard() == told
    assert others.heard() == []


def test_hooks_that_are_set_later_hear_from_then_on(open_site, settings, write):
    write("ru/vpn", title="VPN")
    quiet = KnowledgeBase(settings)
    quiet.rebuild()
    Visitors(quiet).searches("кофеварка")
    quiet.close()
    site = open_site()
    write("ru/mail", title="Почта")
    site.kb.rebuild()

    assert site.heard() == [("article.published", "ru/mail")]
    site.passes(days=30)  # nobody looked for a month: old news is none
    site.visit.searches("чайник")
    assert site.heard() == []


def test_a_rejected_file_is_told_when_it_breaks_and_when_it_breaks_again(open_site, write):
    site = open_site({"events": ["article.rejected"]})
    write("ru/vpn", title="VPN")
    site.kb.rebuild()
    broken = write("ru/bad")
    for turn in range(2):
        site.passes(minutes=1)
        broken.write_text("---\ntitle: [\n---\n", "utf-8")
        site.kb.rebuild()
        site.deliver()
        [told] = site.kept.bodies
        assert told["data"]["path"] == "ru/bad.md"
        assert told["text"].startswith("Отклонена статья: ru/bad.md, строка ")
        assert told["data"]["message"] in told["text"]
        site.kept.requests.clear()
        site.passes(minutes=1)
        site.kb.rebuild()
        assert site.heard() == [], turn
        broken.unlink()
        site.passes(minutes=1)
        site.kb.rebuild()


# --- questions, votes, letters ------------------------------------------------------------------


def test_a_question_is_told_when_it_is_opened_answered_proved_and_lost(open_site, write):
    site = open_site()
    write("ru/vpn", "Текст о сети.", title="Настройка VPN")
    site.kb.rebuild()
    site.visit.searches("подключить кофеварку")
    assert site.heard() == [("question.opened", "подключить кофеварку")]

    answer = write("ru/coffee", "Нажмите кнопку.", title="Подключить кофеварку")
    site.passes(hours=1)
    site.kb.rebuild()
    told = site.heard()
    assert ("question.answered", "ru/coffee") in told
    site.passes(days=5)
    site.kb.announce()
    site.passes(days=5)
    site.kb.announce()
    site.passes(days=5)
    site.kb.replay()
    assert site.heard() == [("question.proved", "ru/coffee")]

    answer.unlink()
    site.passes(hours=1)
    site.kb.rebuild()
    assert ("question.lost", "ru/coffee") in site.heard()


def test_a_vote_is_told_with_its_reason_and_without_who_it_was(open_site, write):
    site = open_site({"events": ["vote.no"]}, {"shape": "slack", "events": ["vote.*"]})
    write("ru/vpn", title="Настройка VPN")
    write("ru/inside", title="Для своих", audience="staff")
    site.kb.rebuild()
    site.kb.log.feedback("ru/inside", False, run="run-d", at=site.at)
    for run, helpful in (("run-a", False), ("run-b", True), ("run-c", False)):
        site.kb.log.feedback("ru/vpn", helpful, run=run, at=site.at)
    site.kb.log.feedback("ru/vpn", True, run="run-c", at=site.at)  # thought better of it
    assert site.heard() == []  # a reader may still say why
    words = "<!channel> пишите anna@example.com `код`"
    site.kb.log.feedback("ru/vpn", False, run="run-a", reason="missing", text=words, at=site.at)
    site.passes(minutes=3)

    assert site.deliver().sent == 2
    by_shape = sorted(site.kept.bodies, key=len)
    chat, told = by_shape[0]["text"], by_shape[1]
    assert told["data"]["reason"] == "missing"
    assert "anna@" not in f"{site.kept.requests}"
    assert "run-a" not in f"{site.kept.requests}"
    assert chat.splitlines() == [
        "Статья не помогла: `Настройка VPN`",
        "Здесь нет ответа на мой вопрос",
        f"`{told['data']['text']}`".replace("`код`", "'код'").replace("<!", "&lt;!").replace(
            "l>", "l&gt;"
        ),
        "https://help.example.com/articles/ru/vpn",
    ]  # fmt: skip
    site.passes(minutes=3)
    assert site.deliver().sent == 0


def test_no_vote_is_told_before_it_is_known_whose_article_it_is_on(open_site, write, monkeypatch):
    """Neither while no build can be read, nor under the former address of what is for some."""
    site = open_site({"events": ["vote.no"]})
    for name, audience in (("mine", "staff"), ("yours", "public")):
        write(f"ru/{name}", title="Статья", audience=audience, aliases=[f"ru/old-{name}"])
    site.kb.rebuild()
    assert site.heard() == []  # the feed begins
    for slug in ("ru/mine", "ru/old-mine", "ru/yours", "ru/old-yours"):
        site.kb.log.feedback(slug, False, run=f"run-{slug}", at=site.at)
    site.passes(minutes=3)

    def unreadable(*_):
        raise IndexDamaged(Message("build cannot be read"))

    with monkeypatch.context() as patched:
        patched.setattr(site.kb._current, "catalog", unreadable)
        assert site.heard() == []

    assert site.heard() == [("vote.no", "ru/old-yours"), ("vote.no", "ru/yours")]


def test_a_letter_is_told_without_its_text_and_its_address(open_site):
    site = open_site({"events": ["letter.received"]}, {"name": "no", "events": ["question.*"]})
    new = NewLetter("key", "Мой текст", "anna@example.com", subject="Не входит, anna@example.com")
    site.kb.log.letters.store(new, site.at, deliveries=channels.of_letter(site.settings, "key"))

    assert site.deliver().sent == 1
    [told] = site.kept.bodies
    assert told["type"] == "letter.received"
    assert told["data"]["number"] in told["text"]
    assert told["link"] == "https://help.example.com/leads/letters/1"
    assert "anna@" not in f"{site.kept.bodies}"
    assert "Мой текст" not in f"{site.kept.bodies}"


# --- receivers ----------------------------------------------------------------------------------


def test_json_is_signed_and_chats_get_words(open_site, write):
    site = open_site(
        {"secret": "whisper"},
        {"shape": "mattermost"},
        {"shape": "telegram", "url": None, "chat": "-1001", "token": "12:abc"},
    )
    site.kb.rebuild()
    site.kb.rebuild()
    write("ru/vpn", title="Настройка @all")
    site.kb.rebuild()

    assert site.deliver().sent == 3
    by_path = {path: (headers, body) for _, path, headers, body in site.kept.requests}
    headers, body = by_path["/0"]
    assert help_desks.is_signed("whisper", headers, body)
    assert headers["webhook-id"] == headers["Idempotency-Key"]
    text = "Опубликована статья: {}\nhttps://help.example.com/articles/ru/vpn"
    bodies = site.kept.bodies
    assert {"text": text.format("`Настройка @all`")} in bodies
    [telegram] = [each for each in bodies if "chat_id" in each]
    assert (telegram["chat_id"], telegram["text"]) == ("-1001", text.format("Настройка @all"))


def test_many_events_at_once_are_one_message_in_a_chat_and_one_each_as_json(open_site, write):
    site = open_site({}, {"shape": "slack"})
    site.kb.rebuild()
    for n in range(21):
        write(f"ru/n{n:02}", title=f"Статья {n}")
    site.kb.rebuild()

    assert site.deliver().sent == 22
    [chat] = [each["text"] for each in site.kept.bodies if set(each) == {"text"}]
    assert chat.startswith("Опубликована 21 статья, первые:\n`Статья 0`\n")


def test_a_receiver_that_fails_half_the_time_loses_nothing(open_site, write):
    """0 lost, and none twice for a receiver that drops what has a known id."""
    rng, taken = random.Random(5), {}

    def unreliable(_, method, path, headers, body):
        fate = rng.random()
        if fate < 0.25:
            return 503, {}
        taken[path, headers["webhook-id"]] = body
        if fate < 0.5:  # taken, and the sender is not told
            raise ConnectionAbortedError
        return 200, {}

    with help_desks.opened(unreliable) as kept:
        site = open_site({}, {"name": "other"}, receiver=kept)
        site.kb.rebuild()
        for n in range(12):
            write(f"ru/n{n}", title=f"Статья {n}")
        site.kb.rebuild()
        for n in range(12):
            site.visit.searches(f"вопрос {'абвгдежзиклм'[n] * 6}")
        for _ in range(40):
            site.passes(seconds=2)
            site.deliver()
        waiting = site.kb.outbox_health().waiting

    assert waiting == 0
    assert len(kept.requests) > 2 * 24  # some were tried again
    assert len(taken) == 2 * 24


def test_what_waits_for_a_hook_that_is_gone_is_given_up(open_site, write):
    site = open_site({"name": "old"})
    site.kb.rebuild()
    write("ru/vpn", title="VPN")
    site.kb.rebuild()
    site.kb.announce()
    site.settings = site.settings.model_copy(update={"hooks": ()})

    assert site.deliver().failed == 1
    [stuck] = site.kb.log.outbox.stuck()
    assert stuck.trouble == "KB_HOOKS has no hook old any more"


def test_forgetting_the_last_entry_of_the_history_hides_no_later_one(open_site):
    site = open_site()
    site.kb.rebuild()
    site.visit.searches("подключить кофеварку")
    site.kb.log.actions.assign(1, "Анна")
    site.kb.announce()
    assert site.kb.log.forget("Анна")
    site.kb.log.actions.answer(1, slug="ru/vpn", build="b")

    assert ("question.proved", "ru/vpn") in site.heard()


def test_the_server_delivers_where_hooks_alone_are_set(settings):
    def beside(hooks):
        given = settings.model_copy(update={"hooks": hooks})
        return serving._commands(given, watch=False, is_ready=True, read_only=False)

    sends = [command for command in beside((Hook(url="http://127.0.0.1:9"),)) if "send" in command]

    assert len(sends) == 1
    assert not any("send" in command for command in beside(()))
