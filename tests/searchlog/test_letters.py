"""Letters: stored once with all that belongs to them, found, answered, delivered from an outbox."""

from dataclasses import replace
from datetime import timedelta

import pytest
from logs import Ask, moment

from kb.base import catalogs
from kb.base.errors import LogUnavailable
from kb.base.messages import Message
from kb.searchlog.db.letter_models import (
    CUSTOMER,
    REPLY,
    Attachment,
    LetterFilter,
    NewDelivery,
    NewLetter,
    OutboxHealth,
)
from kb.searchlog.db.log import SearchLog
from kb.searchlog.reports import Event
from kb.support.promises import Exchange

ANNA, BORIS = "anna@example.com", "boris@example.com"
LETTER = NewLetter("key-1", "Не приходит письмо", ANNA, subject="Пароль", form="form-1")
LEASE = timedelta(minutes=2)


def another(n: int, **changed: object) -> NewLetter:
    return replace(LETTER, key=f"key-{n}", **changed)


# --- storing ------------------------------------------------------------------------------------


def test_a_letter_is_stored_once_with_its_files_and_deliveries(log: SearchLog) -> None:
    file = Attachment("f" * 32, "снимок.png", "image/png", 12)
    hook = NewDelivery("key-1-webhook", "webhook", "letter")

    first = log.letters.store(replace(LETTER, attachments=(file,)), moment(1), deliveries=[hook])
    again = log.letters.store(LETTER, moment(2), deliveries=[hook])

    assert again == first
    found = log.letters.details(first.id)
    assert found is not None
    assert (found.letter, found.attachments) == (first, (file,))
    assert [(each.key, each.letter) for each in found.deliveries] == [("key-1-webhook", first.id)]
    assert log.letters.of_form("form-1") == 1


def test_numbers_are_short_and_each_is_another(log: SearchLog) -> None:
    numbers = {log.letters.store(another(n), moment(n)).number for n in range(50)}

    assert len(numbers) == 50
    assert all(len(number) == 9 and number[4] == "-" for number in numbers)


def test_a_later_letter_of_an_address_goes_to_the_same_person(log: SearchLog) -> None:
    first = log.letters.store(another(1, owner="Анна"), moment(1))
    log.letters.hand_on(first.id, "Вера", "Анна", moment(2))

    second = log.letters.store(another(2, owner="Анна", email=ANNA.upper()), moment(3))
    third = log.letters.store(another(3, owner="Анна", email=BORIS), moment(4))

    assert (second.owner, third.owner) == ("Вера", "Анна")
    found = log.letters.details(second.id)
    assert found is not None
    assert [letter.id for letter in found.earlier] == [first.id]


def test_a_letter_that_fails_leaves_nothing_behind(log: SearchLog) -> None:
    broken = Attachment("f" * 32, None, "image/png", 1)  # type: ignore[arg-type]

    with pytest.raises((LogUnavailable, Exception)):
        log.letters.store(replace(LETTER, attachments=(broken,)), moment(1))

    assert log.letters.find(LetterFilter()).total == 0
    assert log.outbox.health() == OutboxHealth()


# --- the search that led to it ------------------------------------------------------------------


def test_a_trail_holds_the_searches_of_its_visit_alone(log: SearchLog, ask: Ask) -> None:
    ask("v", "сброс пароля", 1, id="r1", total=2, confident=True, shown=(("a", 1), ("b", 2)),
        events=(Event("click", "b", 2, 5),))  # fmt: skip
    ask("v", "нет письма", 30, id="r2")
    ask("stranger", "чужое", 31, id="r3")

    trail = log.letters.trail("v", moment(0))

    assert [(step.query, step.shown, step.opened) for step in trail] == [
        ("сброс пароля", ("a", "b"), ("b",)), ("нет письма", (), ()),
    ]  # fmt: skip
    assert log.letters.trail("v", moment(0), ["r2", "r3"]) == trail[1:]
    assert log.letters.trail("", moment(0)) == []
    stored = log.letters.store(replace(LETTER, trail=tuple(trail)), moment(40))
    assert stored.trail == tuple(trail)


def test_a_letter_is_tied_to_the_group_of_the_very_search_that_led_to_it(
    log: SearchLog, ask: Ask
) -> None:
    ask("v", "другой вопрос", 1, id="r1")
    ask("v", "нет письма", 90, id="r2")
    groups = {group.question: group.id for group in log.board.misses()}

    letter = log.letters.store(replace(LETTER, visit="v", run="r2"), moment(100))
    without = log.letters.store(another(2, visit="v"), moment(101))  # took out the tick

    def group(id: int) -> int:
        found = log.letters.get(id)
        assert found is not None
        return found.group

    assert group(letter.id) == groups["нет письма"]
    assert group(without.id) == 0
    assert log.letters.find(LetterFilter(group=groups["нет письма"])).total == 1
    assert log.letters.find(LetterFilter(group=groups["другой вопрос"])).total == 0

    log.actions.merge([groups["нет письма"]], groups["другой вопрос"], at=moment(200))
    assert group(letter.id) == groups["другой вопрос"]


def test_a_letter_keeps_its_group_when_the_search_is_deleted(log: SearchLog, ask: Ask) -> None:
    ask("v", "нет письма", 1, id="r1")
    [group] = log.board.misses()
    letter = log.letters.store(replace(LETTER, visit="v", run="r1"), moment(100))

    log.purge(moment(50))

    found = log.letters.get(letter.id)
    assert found is not None
    assert (found.group, list(log.export())) == (group.id, [])


# --- what leads do ------------------------------------------------------------------------------


def test_the_first_reply_counts_and_later_ones_are_kept(log: SearchLog) -> None:
    letter = log.letters.store(LETTER, moment(0))
    mail = NewDelivery("reply-1", CUSTOMER, REPLY)

    reply = log.letters.answer(letter.id, "Вот статья", "Анна", moment(60), deliveries=[mail])
    log.letters.answer(letter.id, "", "Вера", moment(120), by_hand=True)

    found = log.letters.details(letter.id)
    assert found is not None
    assert (found.letter.state, found.letter.replied) == ("answered", moment(60))
    assert found.letter.owner == "Анна"
    assert [(each.who, each.by_hand) for each in found.replies] == [("Анна", False), ("Вера", True)]
    assert [each.payload for each in found.deliveries] == [str(reply)]
    assert [each.what for each in found.history] == ["answered", "marked answered"]


def test_handing_on_is_counted_but_not_the_first_owner(log: SearchLog) -> None:
    letter = log.letters.store(LETTER, moment(0))

    changes = [log.letters.hand_on(letter.id, to, "lead", moment(1)) for to in "АББВ"]

    found = log.letters.get(letter.id)
    assert found is not None
    assert (changes, found.owner, found.handed) == ([True, True, False, True], "В", 2)


def test_a_letter_is_closed_and_opened_again(log: SearchLog) -> None:
    id = log.letters.store(LETTER, moment(0)).id

    assert log.letters.close(id, "Анна", moment(1))
    assert not log.letters.close(id, "Анна", moment(2))
    assert log.letters.find(LetterFilter(state="closed")).total == 1
    assert log.letters.reopen(id, "Анна", moment(3))
    assert log.letters.find(LetterFilter(state="new")).total == 1
    with pytest.raises(KeyError):
        log.letters.close(99, "Анна", moment(4))


def test_letters_are_found_by_filters_and_words(log: SearchLog) -> None:
    for n, (type, plan, owner) in enumerate(
        [("Оплата", "Про", "Анна"), ("Оплата", "", ""), ("Доставка", "Про", "Анна")]
    ):
        new = another(n, type=type, plan=plan, owner=owner, email=f"{n}@example.com")
        log.letters.store(new, moment(n))

    page = log.letters.find(LetterFilter(type="Оплата"))

    assert (page.total, [letter.plan for letter in page.letters]) == (2, ["", "Про"])
    assert page.facets["type"] == {"Оплата": 2, "Доставка": 1}
    assert page.facets["plan"] == {"": 1, "Про": 1}
    assert log.letters.find(LetterFilter(owner="")).total == 1
    assert log.letters.find(LetterFilter(text="ПАРОЛЬ")).total == 3
    assert log.letters.find(LetterFilter(text="1@EXAMPLE")).total == 1
    assert log.letters.find(LetterFilter(text="%")).total == 0
    number = page.letters[0].number
    assert log.letters.find(LetterFilter(text=number.lower())).total == 1
    assert [len(log.letters.find(LetterFilter(), page=n, limit=2).letters) for n in (1, 2)] == [
        2,
        1,
    ]


def test_waiting_letters_of_first_plans_come_first(log: SearchLog) -> None:
    for n, plan in enumerate(["Пробный", "Новый", "Про", "Пробный", ""]):
        log.letters.store(another(n, plan=plan, subject=str(n)), moment(n))
    answered = log.letters.find(LetterFilter()).letters[1]
    log.letters.answer(answered.id, "Вот статья", "Анна", moment(60))

    page = log.letters.find(LetterFilter(), first=["Пробный", "Новый"])
    second = log.letters.find(LetterFilter(), first=["Пробный", "Новый"], page=2, limit=2)

    assert [letter.subject for letter in page.letters] == ["1", "0", "4", "3", "2"]
    assert [letter.subject for letter in second.letters] == ["4", "3"]
    assert page.total == 5


def test_times_of_letters_are_told_without_their_words(log: SearchLog) -> None:
    first, second, third = (
        log.letters.store(another(n, plan="Про", type="Оплата"), moment(n)) for n in range(3)
    )
    log.letters.answer(first.id, "Вот статья", "Анна", moment(60))
    log.letters.close(second.id, "Анна", moment(70))

    told = log.inbox.exchanges(since=moment(0))

    assert told == [
        Exchange(moment(2), None, "Про", "Оплата"),
        Exchange(moment(0), moment(60), "Про", "Оплата"),
    ]
    assert log.inbox.exchanges(since=moment(3)) == []
    assert third.state == "new"


# --- forgetting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Не приходит", ANNA, "Анна Кедрова", "снимок.png", "искал это"])
def test_a_letter_is_forgotten_with_all_that_hangs_on_it(
    log: SearchLog, ask: Ask, text: str
) -> None:
    ask("v", "искал это", 1, id="r1")
    file = Attachment("f" * 32, "снимок.png", "image/png", 12)
    trail = tuple(log.letters.trail("v", moment(0)))
    new = replace(LETTER, attachments=(file,), trail=trail)
    letter = log.letters.store(new, moment(5), deliveries=[NewDelivery("k", "email", "letter")])
    log.letters.answer(letter.id, "Добрый день", "Анна Кедрова", moment(6))
    kept = log.letters.store(another(2, text="Другое", email=BORIS, subject=""), moment(7))

    assert log.forget(text) > 0

    assert log.letters.get(letter.id) is None
    assert log.letters.attachment_ids() == set()
    assert log.outbox.of_letter(letter.id) == []
    assert log.letters.get(kept.id) is not None


def test_old_letters_are_purged(log: SearchLog) -> None:
    old = log.letters.store(LETTER, moment(0), deliveries=[NewDelivery("k", "email", "letter")])
    new = log.letters.store(another(2), moment(100))
    log.forms.note("f", "v", moment(0), shown=["a"])

    log.purge(moment(50))

    assert (log.letters.get(old.id), log.forms.shown("f")) == (None, ())
    assert log.letters.get(new.id) == new
    assert log.outbox.health() == OutboxHealth()


# --- the outbox ---------------------------------------------------------------------------------


def queue(log: SearchLog, *keys: str) -> None:
    log.outbox.put(*(NewDelivery(key, "webhook", "mail") for key in keys), at=moment(0))


def test_a_delivery_is_claimed_by_one_until_its_lease_ends(log: SearchLog) -> None:
    queue(log, "a", "b", "a")

    first = log.outbox.claim(moment(1), LEASE, limit=1)
    second = log.outbox.claim(moment(1), LEASE)

    assert ([each.key for each in first], [each.key for each in second]) == (["a"], ["b"])
    assert log.outbox.claim(moment(2), LEASE) == []
    again = log.outbox.claim(moment(1) + LEASE, LEASE)  # whoever had them died
    assert [(each.key, each.attempts) for each in again] == [("a", 2), ("b", 2)]


def test_what_was_sent_is_never_claimed_again(log: SearchLog) -> None:
    queue(log, "a")
    [claimed] = log.outbox.claim(moment(1), LEASE)

    log.outbox.settle([claimed.id], {}, moment(2))
    log.outbox.settle([], {claimed.id: ("late", moment(3))}, moment(2))  # of a slower one

    assert log.outbox.claim(moment(10_000), LEASE) == []
    assert log.outbox.retry(moment(10_000)) == 0
    queue(log, "a")
    assert log.outbox.health() == OutboxHealth()


def test_why_a_delivery_failed_can_be_said_in_any_language(log: SearchLog) -> None:
    late = Message("no whole answer within {seconds} s", seconds="30")
    long = Message("{text}", text="x" * 5000)
    queue(log, "a", "b", "c")
    told = dict(zip("abc", (late, long, '["of an older version'), strict=True))
    claimed = log.outbox.claim(moment(1), LEASE)

    log.outbox.settle([], {each.id: (told[each.key], moment(2)) for each in claimed}, moment(1))

    kept = {each.key: each.trouble for each in log.outbox.claim(moment(3), LEASE)}
    say = catalogs.languages(None, ("ru",), "ru").say
    assert say(kept["a"]) == "за 30 с ответ не пришёл целиком"
    assert (say(kept["b"]), say(kept["c"])) == ("x" * 500, '["of an older version')
    assert kept["a"] == late


def test_what_failed_waits_and_is_seen_when_it_is_stuck(log: SearchLog) -> None:
    queue(log, "a", "b")
    for n in range(1, 6):
        claimed = log.outbox.claim(moment(n * 1000), LEASE)
        due = moment((n + 1) * 1000)
        log.outbox.settle([], {each.id: ("503 busy", due) for each in claimed}, moment(n * 1000))
        assert log.outbox.claim(moment((n + 1) * 1000 - 1), LEASE) == []
        assert log.outbox.health().stuck == (2 if n == 5 else 0)
    [first, second] = log.outbox.stuck()
    assert (first.trouble, first.attempts) == ("503 busy", 5)

    log.outbox.settle([], {second.id: ("410 gone", None)}, moment(6000))

    assert log.outbox.health() == OutboxHealth(waiting=1, stuck=2, oldest=moment(0))
    assert [each.id for each in log.outbox.claim(moment(9000), LEASE)] == [first.id]
    assert log.outbox.retry(moment(9000), [second.id]) == 1
    assert [each.id for each in log.outbox.claim(moment(9000), LEASE)] == [second.id]


def test_a_form_belongs_to_its_visit(log: SearchLog) -> None:
    log.forms.note("f", "v", moment(0), shown=["a"])
    log.forms.note("f", "stranger", moment(1), shown=["b"], helped="b")
    log.forms.note("f", "v", moment(1), shown=["c", "a"])

    assert log.forms.shown("f") == ("a", "c")
    log.forms.note("form", "form", moment(2))  # the page had no visit yet, its script has
    log.forms.note("form", "v2", moment(3), shown=["a"], helped="a")
    assert log.forms.shown("form") == ("a",)
