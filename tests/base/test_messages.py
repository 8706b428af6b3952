"""A message is English text that every language can be asked of, wherever it has been meanwhile."""

import pickle

import pytest
from catalogue import PLACE, messages, translated
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kb.base import catalogs
from kb.base.messages import Message
from kb.content.problems import Problem

RUSSIAN = catalogs.languages(None, ("ru", "en"), "ru")
INNER = Message("is no date: {written}", written="{x} вчера")
NESTED = Message("`{key}` {wrong}; it counts as absent", key="updated", wrong=INNER)
COUNTED = Message("{n} error", "{n} errors", n=1022)


def test_a_message_is_its_english_text():
    assert NESTED == "`updated` is no date: {x} вчера; it counts as absent"
    assert COUNTED == "1,022 errors"
    assert Message("{n} error", "{n} errors", n=1) == "1 error"
    assert Message("- [word, {word}]") == "- [word, {word}]"  # nothing to fill in


@pytest.mark.parametrize(
    ("number", "russian"),
    [(1, "1 ошибка"), (2, "2 ошибки"), (5, "5 ошибок"), (21, "21 ошибка"),
     (1022, "1\u00a0022 ошибки")],
)  # fmt: skip
def test_counts_are_said_as_russians_count(number, russian):
    assert RUSSIAN.say(Message("{n} error", "{n} errors", n=number)) == russian


def test_what_stands_in_a_message_is_said_in_the_same_language():
    assert RUSSIAN.say(NESTED) == "`updated` — не дата: {x} вчера; поле считается пустым"
    assert RUSSIAN.say(NESTED, "en") == NESTED
    assert RUSSIAN.say("plain text") == "plain text"
    assert RUSSIAN.say(Message("")) == ""


@pytest.mark.parametrize("message", [INNER, NESTED, COUNTED, Message("")])
@pytest.mark.parametrize(
    "travel",
    [
        lambda message: pickle.loads(pickle.dumps(message)),  # noqa: S301
        lambda message: Message.from_json(message.to_json()),
        lambda message: TypeAdapter(Message).validate_json(
            TypeAdapter(Message).dump_json(message)
        ),
        lambda message: Problem.from_json(Problem("a.md", 1, "x", message).to_json()).message,
    ],
    ids=["pickle", "json", "pydantic", "problem"],
)  # fmt: skip
def test_a_message_keeps_its_languages_on_its_way(message, travel):
    arrived = travel(message)

    assert arrived == message
    assert RUSSIAN.say(arrived) == RUSSIAN.say(message)


def test_text_that_an_older_version_kept_is_shown_as_it_was():
    assert RUSSIAN.say(Message.from_json("a {brace} and a %")) == "a {brace} and a %"


@pytest.mark.parametrize("told", [None, 3, [], ["a"], ["a", "", "b"], ["{a}", "", {}, 1], {}])
def test_what_is_no_message_is_refused(told):
    with pytest.raises((TypeError, ValueError)):
        Message.from_json(told)


@given(st.text())
def test_any_value_stays_text(value):
    message = Message("the link leads nowhere: {target}", target=value)

    assert message == f"the link leads nowhere: {value}"
    assert RUSSIAN.say(message) == f"ссылка никуда не ведёт: {value}"


def test_a_site_that_translates_badly_reads_english(tmp_path):
    catalogue = tmp_path / "translations/ru/LC_MESSAGES/messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "there is no image {target}"\nmsgstr "нет {картинки}"\n'
    )
    own = catalogs.languages(tmp_path, ("ru",), "ru")

    assert (
        own.say(Message("there is no image {target}", target="a.png")) == "there is no image a.png"
    )
    assert own.say(Message("the article has no text")) == "в статье нет текста"


def test_an_edited_catalogue_is_read_anew(tmp_path):
    catalogue = tmp_path / "translations/ru/LC_MESSAGES/messages.po"
    catalogue.parent.mkdir(parents=True)
    said = []
    for text in ("пусто", "без слов"):
        catalogue.write_text(
            'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
            f'msgid "the article has no text"\nmsgstr "{text}"\n'
        )
        words = catalogs.languages(tmp_path, ("ru",), "ru")
        said.append(words.say(Message("the article has no text")))

    assert said == ["пусто", "без слов"]


def test_every_message_is_in_the_russian_catalogue_with_its_values():
    known = translated()

    assert {told[0] for told in messages()} - set(known) == set()
    for template, *plural in messages():
        said = known[template].string
        forms = (said,) if isinstance(said, str) else said
        assert len(forms) == (3 if plural else 1), template
        for form in forms:
            wanted = plural[0] if plural else template  # «21 статью» is said with the first form
            assert sorted(PLACE.findall(form)) == sorted(PLACE.findall(wanted)), template
