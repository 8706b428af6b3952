"""The feed and the tokens in SQLite and PostgreSQL: news once, a digest instead of a token."""

from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from logs import moment

from kb.base.errors import LogUnavailable
from kb.searchlog.db.feed import FORGETS, VOTE_SETTLES
from kb.searchlog.db.feed_models import Publication, PublishedArticle
from kb.searchlog.db.letter_models import NewDelivery

NOW = moment(1000)


class Heard:
    """Keeps what it is told, and queues a delivery of each."""

    def __init__(self):
        self.all = []

    def __call__(self, found):
        self.all += found
        first = len(self.all) - len(found)
        return [NewDelivery(f"{first + n}", "hook x", "event") for n in range(len(found))]


@pytest.fixture
def heard():
    return Heard()


def shown(build, **digests):
    articles = {slug: PublishedArticle(digest, "ru", slug) for slug, digest in digests.items()}
    return Publication(build, date(2026, 11, 29), articles)


def test_questions_are_news_once_from_the_first_look_on(log, ask, heard):
    ask("v0", "кофеварка", 1)
    assert log.feed.questions(NOW, heard) == 0

    ask("v1", "чайник", 2)
    log.actions.answer(1, slug="pw", build="b", at=moment(3))
    log.actions.regress(1, "gone", at=moment(4))

    assert (log.feed.questions(NOW, heard), log.feed.questions(NOW, heard)) == (3, 0)
    assert [(each.event, each.question, each.slug) for each in heard.all] == [
        ("question.opened", "чайник", ""),
        ("question.proved", "кофеварка", "pw"),
        ("question.lost", "кофеварка", "pw"),
    ]
    assert log.outbox.health().waiting == 3


def test_a_feed_that_nobody_read_for_a_week_begins_anew(log, ask, heard):
    log.feed.questions(NOW, heard)
    ask("v1", "чайник", 2)

    late = NOW + FORGETS + timedelta(seconds=1)

    assert log.feed.questions(late, heard) == 0
    ask("v2", "кофеварка", 3)
    assert log.feed.questions(late, heard) == 1


def test_a_vote_is_news_once_it_is_settled(log, heard):
    log.feedback("pw", False, run="before", at=moment(0))
    log.feed.votes(NOW, heard)
    log.feedback("pw", False, run="r", reason="wrong", at=NOW)
    log.feedback("pw", True, run="s", at=NOW)
    later = NOW + VOTE_SETTLES + timedelta(seconds=1)

    assert [log.feed.votes(at, heard) for at in (NOW, later, later)] == [0, 1, 0]
    [vote] = heard.all
    assert (vote.slug, vote.reason) == ("pw", "wrong")
    assert log.feed.votes(later + FORGETS, heard) == 0  # what was told is forgotten with it
    assert log.feed.votes(later + FORGETS, heard) == 0


def test_articles_are_told_against_the_build_told_last(log, heard):
    builds = (
        shown("b2", kept="1", changed="1", gone="1"),
        shown("b3", kept="1", changed="2", new="1"),
        shown("b3", kept="1", changed="2", new="1"),
        shown("b1", kept="0"),  # of another machine, or rolled back to
        shown("b4", kept="1", changed="2", new="1"),
    )

    assert [log.feed.articles(build, NOW, heard) for build in builds] == [0, 3, 0, 0, 0]
    assert [(each.event, each.slug, each.title) for each in heard.all] == [
        ("article.changed", "changed", "changed"),
        ("article.published", "new", "new"),
        ("article.removed", "gone", "gone"),
    ]
    assert log.feed.told_of() == "2026-11-29 b4"


def test_a_rejected_file_is_news_until_it_is_mended(log, heard):
    said = [
        log.feed.rejections(files, NOW + timedelta(seconds=n), NOW, heard)
        for n, files in enumerate(
            ({"old": "x"}, {"old": "x", "a": "1"}, {"a": "1"}, {"a": "2"}, {}, {"a": "2"})
        )
    ]

    assert said == [0, 1, 0, 1, 0, 1]
    assert log.feed.rejections({"b": "1"}, NOW, NOW, heard) == 0  # an earlier indexing


def test_a_token_opens_while_its_use_cannot_be_noted_and_nobody_waits_twice(log, monkeypatch):
    token, tries = log.tokens.add("web", ("builds:read",), NOW, None), []

    @contextmanager
    def taken():
        tries.append(1)
        raise LogUnavailable("others write for too long")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(log.database, "writing", taken)
        found = [log.tokens.find(token, NOW + timedelta(seconds=at)) for at in (0, 1, 59)]

    assert [each.name for each in found] == ["web"] * 3
    assert len(tries) == 1
    log.tokens.find(token, NOW + timedelta(seconds=61))
    assert log.tokens.all()[0].used == NOW + timedelta(seconds=61)


def test_a_token_is_found_by_its_digest_and_used_to_the_minute(log):
    token = log.tokens.add("crm", ("board:read",), NOW, NOW + timedelta(days=1))

    with pytest.raises(KeyError):
        log.tokens.add("crm", ("board:write",), NOW, None)
    for at in (0, 30, 61):
        assert log.tokens.find(token, NOW + timedelta(seconds=at)).name == "crm"
    [listed] = log.tokens.all()
    assert listed.used == NOW + timedelta(seconds=61)
    assert listed.is_expired(NOW + timedelta(days=1))
    assert [listed.opens(scope) for scope in ("board:read", "board:write")] == [True, False]
    assert log.tokens.find(token[:-1], NOW) is None
    assert (log.tokens.revoke("crm"), log.tokens.revoke("crm")) == (True, False)
    assert log.tokens.find(token, NOW) is None
