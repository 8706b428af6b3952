"""What a queue says of the articles: the costliest first, and what to do about each."""

from datetime import UTC, datetime, timedelta

import pytest

from kb.language import query_words
from kb.tickets import estimate, grouping, report
from kb.tickets.answering import Answered
from kb.tickets.estimate import Row
from kb.tickets.grouping import Group
from kb.tickets.models import Ticket

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def answered(question, *slugs, sure=False):
    return Answered(question, query_words.key(question), slugs, 1.2 if sure else 0.6)


def made(tickets, answers, *, labels=None, linked=None, least=3, groups=None):
    queue = report.Queue(tickets, answers, labels or [None] * len(tickets))
    parts = estimate.parts([Row(str(n), a.margin) for n, a in enumerate(answers)], 1)
    groups = grouping.groups(answers) if groups is None else groups
    return report.made(
        queue, groups, parts, rows=len(tickets), build="b", linked=linked or {}, least=least
    )


def test_types_are_told_with_their_times_the_costliest_first():
    tickets = [
        Ticket("a", "card", None, 10), Ticket("b", "card", None, 30), Ticket("c", "card"),
        Ticket("d", "mail", None, 500), Ticket("e", "mail", None, 100), Ticket("f", "none"),
    ]  # fmt: skip
    answers = [answered("x y", "a", sure=n in (0, 3)) for n in range(6)]

    mail, none, card = made(tickets, answers).types

    assert (mail.type, mail.tickets, mail.sure, mail.replied) == ("mail", 2, 1, 2)
    assert (mail.mean, mail.median, mail.minutes) == (300, 300, 600)
    assert (card.mean, card.median, card.minutes) == (20, 20, 60)  # an unknown time is the mean
    assert (none.mean, none.median, none.minutes) == (None, None, 160)  # … of all


def test_questions_that_ask_the_same_are_one_and_others_are_not():
    answers = [
        answered("how do i reset my password"), answered("please reset the password"),
        answered("password reset how"), answered("where is the nearest office"),
        answered("where is your nearest office"), answered("refund my payment"),
    ]  # fmt: skip

    groups = grouping.groups(answers)

    assert sorted(sorted(group.rows) for group in groups) == [[0, 1, 2], [3, 4], [5]]


def test_a_question_without_words_is_in_no_group():
    assert grouping.groups([answered("‹›"), answered("")]) == []


def test_an_article_that_answers_other_wordings_is_named_with_lines_for_it():
    answers = [
        answered("how to reset the password", "en/password", "en/mail", sure=True),
        answered("reset password please", "en/password", "en/mail", sure=True),
        answered("resetting of my password fails", "en/mail", "en/password"),
        answered("reset password ‹email›", "en/mail", "en/password"),
    ]

    found = made([Ticket(a.question) for a in answers], answers, groups=[Group((0, 1, 2, 3))])

    (question,) = found.unmatched
    assert (question.slug, question.by) == ("en/password", "wording")
    assert (question.tickets, question.sure) == (4, 2)
    assert set(question.lines) == {"resetting of my password fails", "reset password"}
    assert found.missing == ()


def test_what_too_few_asked_is_proposed_to_nobody():
    answers = [answered("reset my password", "en/password") for _ in range(2)]
    tickets = [Ticket(a.question) for a in answers]

    (few,) = made(tickets, answers, linked={0: "en/password"}).unmatched
    (enough,) = made(tickets, answers, linked={0: "en/password"}, least=2).unmatched

    assert few.lines == ()
    assert enough.lines == ("reset my password",)


def test_the_article_that_replies_link_to_goes_before():
    answers = [answered(f"my card is lost {n}", "en/card", sure=n < 3) for n in range(6)]

    (question,) = made(
        [Ticket(a.question) for a in answers], answers, linked={4: "en/lost", 5: "en/lost"},
        groups=[Group(tuple(range(6)))],
    ).unmatched  # fmt: skip

    assert (question.slug, question.by) == ("en/lost", "reply")


def test_where_answers_disagree_no_article_is_named():
    answers = [answered(f"card {n}", f"en/{n}", sure=n < 4) for n in range(6)]

    found = made([Ticket("x")] * 6, answers, groups=[Group(tuple(range(6)))])

    assert found.unmatched == ()
    assert found.missing[0].tickets == 6


def test_what_a_person_said_goes_before_what_the_search_takes_itself_to_know():
    answers = [answered("lost card", "en/card", sure=True), answered("stolen card", "en/card")]
    groups = [Group((0,)), Group((1,))]

    found = made([Ticket("a"), Ticket("b")], answers, labels=["n", "y"], groups=groups)

    assert [each.question for each in found.missing] == ["lost card"]


def test_the_costliest_question_comes_first_and_the_lists_are_bounded():
    answers = [answered(f"question {n}") for n in range(300)]
    tickets = [Ticket(a.question, minutes=n) for n, a in enumerate(answers)]

    found = made(tickets, answers, groups=[Group((n,)) for n in range(300)])

    assert [each.question for each in found.missing[:2]] == ["question 299", "question 298"]
    assert (len(found.missing), found.questions) == (report.MOST_GROUPS, 300)


def test_weeks_are_counted_with_those_in_which_nothing_came():
    days = (0, 1, 15)
    tickets = [Ticket("x", opened=MONDAY + timedelta(days=n)) for n in days] + [Ticket("y")]
    answers = [answered("x", "a", sure=n == 0) for n in range(4)]

    weeks = made(tickets, answers).weeks

    assert [(str(w.monday), w.sure, w.unsure) for w in weeks] == [
        ("2026-03-02", 1, 1), ("2026-03-09", 0, 0), ("2026-03-16", 0, 1),
    ]  # fmt: skip


def test_shares_are_told_once_somebody_judged():
    answers = [answered(f"x {n}", "a") for n in range(4)]
    tickets = [Ticket(a.question) for a in answers]

    assert made(tickets, answers).share is None
    found = made(tickets, answers, labels=["y", "e", "", "n"])
    assert found.share.labels == found.exists.labels == 3
    assert found.unclear == 1


@pytest.mark.parametrize(
    ("link", "slug"),
    [
        ("https://help.example.com/articles/en/card", "en/card"),
        ("https://x.org/articles/ru/%D0%B0.md?q=1#h", "ru/а"),
        ("https://x.org/articles/en/old/", "en/new"),
        ("https://x.org/blog/en/card", None),
        ("https://x.org/articles/en/nothing", None),
    ],
)
def test_replies_that_link_to_articles_teach(link, slug):
    current = {"en/card": "en/card", "ru/а": "ru/а", "en/old": "en/new"}.get
    tickets = [Ticket("why", links=("https://else.org", link))]
    queue = report.Queue(tickets, [answered("why ‹email›")], [None])

    linked = dict(report.linked(tickets, current))

    assert linked == ({0: slug} if slug else {})
    assert list(report.solved(queue, linked)) == ([("why ‹email›", slug)] if slug else [])
