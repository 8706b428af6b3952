"""`synonyms.yml`: what it may say, what is wrong with it, and what a query becomes."""

import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.language import morphology, synonyms, tokens
from kb.language.synonyms import Expansion, Group, Mistake, Synonyms


def asked(query: str) -> list[tuple[str, ...]]:
    return [morphology.lemmas(word) for word in tokens.plain_words(query)]


def expansions(content: str, query: str) -> list[tuple[int, int, list[str]]]:
    found, mistakes = synonyms.parse(content)
    assert mistakes == []
    return [shown(expansion) for expansion in found.expand(asked(query))]


def shown(expansion: Expansion) -> tuple[int, int, list[str]]:
    phrases = [" ".join(word[0] for word in phrase) for phrase in expansion.phrases]
    return expansion.start, expansion.end, phrases


def codes(content: str) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.code) for mistake in synonyms.parse(content)[1]]


# --- what a query becomes


def test_each_word_of_a_group_finds_the_others():
    group = "- [оплата, оплатить, платёж]"

    assert expansions(group, "оплата") == [(0, 1, ["оплатить", "платеж"])]
    assert expansions(group, "платёж") == [(0, 1, ["оплата", "оплатить"])]


def test_every_form_of_a_word_is_the_word():
    group = "- [возврат, вернуть]"

    assert expansions(group, "как верните") == [(1, 2, ["возврат"])]
    assert expansions("- [refund, money back]", "refunds") == [(0, 1, ["money back"])]


def test_one_way_is_one_way():
    rule = "- логин: [вход, войти]"

    assert expansions(rule, "логин") == [(0, 1, ["вход", "войти"])]
    assert expansions(rule, "вход") == []


def test_one_word_may_stand_for_one_other():
    assert expansions("- админ: администратор", "админ") == [(0, 1, ["администратор"])]


def test_several_words_are_found_in_their_order_only():
    group = "- [учётная запись, аккаунт]"

    assert expansions(group, "удалить учётной записи") == [(1, 3, ["аккаунт"])]
    assert expansions(group, "запись учётная") == []
    assert expansions(group, "аккаунт") == [(0, 1, ["учетный запись"])]


def test_the_longest_phrase_counts_and_keeps_its_words():
    groups = "- [деньги, средства]\n- [вернуть, возврат]\n- [вернуть деньги, манибэк]\n"

    assert expansions(groups, "вернуть деньги") == [(0, 2, ["манибэк"])]
    assert expansions(groups, "вернуть деньги деньги")[1] == (2, 3, ["средство"])


def test_synonyms_of_synonyms_are_not_synonyms():
    groups = "- [вход, войти]\n- [войти, залогиниться]"

    assert expansions(groups, "вход") == [(0, 1, ["войти"])]
    assert expansions(groups, "войти") == [(0, 1, ["вход", "залогиниться"])]


def test_scalars_are_read_as_they_are_written():
    assert expansions("- [yes, 1.10]", "yes") == [(0, 1, ["1.10"])]
    assert expansions("- [no, nope]", "nope") == [(0, 1, ["no"])]


def test_comments_and_an_empty_file_are_fine():
    assert codes("# nothing yet\n") == []
    assert codes("") == []
    assert codes("---\n- [a1, b1]  # two\n") == []


# --- over the shipped groups


def test_a_base_adds_its_own_words_and_they_weigh_more():
    shipped, _ = synonyms.parse("- [оплата, платёж]", weight=synonyms.SHIPPED_WEIGHT)
    own, _ = synonyms.parse("- [тариф, план]")

    both = own.over(shipped)

    assert [e.weight for e in both.expand(asked("оплата тариф"))] == [
        synonyms.SHIPPED_WEIGHT,
        synonyms.OWN_WEIGHT,
    ]


def test_a_shipped_group_can_be_switched_off_by_any_of_its_words():
    shipped, _ = synonyms.parse("- [оплата, платёж]\n- [вход, войти]")
    own, mistakes = synonyms.parse("- off: [платежи]\n", shipped=shipped)

    both = own.over(shipped)

    assert mistakes == []
    assert both.expand(asked("оплата")) == []
    assert both.expand(asked("вход")) != []


def test_switching_off_what_is_not_there_is_a_mistake():
    _, mistakes = synonyms.parse("- [a1, b1]\n- off: [кофе]", shipped=Synonyms())

    assert [(m.line, m.code) for m in mistakes] == [(2, "nothing-off")]


# --- what is wrong with a file


@pytest.mark.parametrize(("content", "wrong"), [
    ("вход: [войти]", [(1, "not-a-list")]),
    ("вход", [(1, "not-a-list")]),
    ("- [вход, войти", [(1, "broken-yaml")]),
    ("- [вход, войти]\n- - [", [(2, "broken-yaml")]),
    ("- &a [вход, войти]\n- *a", [(2, "broken-yaml")]),  # an alias
    ("- [a1, b1]\n---\n- [c1, d1]", [(2, "broken-yaml")]),  # two documents
    ("\x00", [(1, "broken-yaml")]),
    ("[" * 5000, [(1, "broken-yaml")]),
    ("- [вход]", [(1, "one-word")]),
    ("- вход", [(1, "one-word")]),
    ("- вход: []", [(1, "one-word")]),
    ("- []", [(1, "one-word")]),
    ("-", [(1, "empty")]),
    ("- [вход, '']", [(1, "empty")]),
    ("- [вход, '!?', войти]", [(1, "empty")]),
    ("- [вход, в]", [(1, "stop-word")]),
    ("- [вход, [войти]]", [(1, "not-text")]),
    ("- {[a1]: [b1]}", [(1, "not-text")]),
    ("- [вход, войти, входы]", [(1, "repeated")]),  # a form of the first
    ("- [вход, войти, вход]", [(1, "repeated")]),
    ("- вход: [вход, войти]", [(1, "repeated")]),
    ("- [вход, войти]\n- [войти, входы]", [(2, "duplicate")]),
    ("- [вход, войти, логин]\n- войти: [вход]", [(2, "duplicate")]),
    ("- вход: [войти]\n- войти: [вход]", [(2, "circle")]),
    ("- [вход, один два три четыре пять шесть семь]", [(1, "too-long")]),
    ("- [" + ", ".join(f"w{i}" for i in range(50)) + "]", [(1, "too-many")]),
    ("#" * (synonyms.LARGEST + 1), [(1, "too-large")]),
])  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(content, wrong):
    assert codes(content) == wrong


def test_the_good_lines_are_used_beside_the_wrong_ones():
    found, mistakes = synonyms.parse("- [вход, войти]\n- [один]\n- [возврат, вернуть]\n")

    assert [group.line for group in found.groups] == [1, 3]
    assert len(mistakes) == 1


def test_a_mistake_tells_what_where_and_the_next_step():
    _, mistakes = synonyms.parse("- [вход, войти]\n- [счёт]\n", "base/synonyms.yml")

    assert mistakes == [
        Mistake("base/synonyms.yml", 2, "one-word", "“счёт” has no synonym",
                "add a second word or delete the line"),
    ]  # fmt: skip


yaml_like = st.text("-[]{}:,&*!|>'\"#%@ \n\tабвaboff", max_size=60)


@given(st.one_of(st.text(), yaml_like))
def test_any_text_is_a_file(content):
    found, mistakes = synonyms.parse(content)

    assert isinstance(found, Synonyms)
    assert all(mistake.line >= 1 and mistake.message and mistake.cure for mistake in mistakes)
    assert all("\n" not in mistake.message for mistake in mistakes)


words = st.lists(
    st.sampled_from(["вход", "войти", "логин", "вернуть", "деньги", "возврат"]), max_size=8
)


@given(st.lists(st.lists(words.filter(bool), min_size=2, max_size=4), max_size=6), words)
def test_expansions_stay_inside_the_query_and_apart(groups, query):
    found = Synonyms(tuple(
        Group(tuple(dict.fromkeys(synonyms.phrase(phrase) for phrase in group)))
        for group in groups
    ))  # fmt: skip

    at = 0
    for expansion in found.expand([morphology.lemmas(word) for word in query]):
        assert at <= expansion.start < expansion.end <= len(query)
        at = expansion.end


# --- the shipped vocabulary


def test_the_shipped_vocabulary_has_no_mistake():
    _, mistakes = synonyms.parse(synonyms.SHIPPED.read_text("utf-8"))

    assert mistakes == []


def test_the_shipped_vocabulary_speaks_both_languages():
    groups = synonyms.shipped().groups
    scripts = [tokens.script(group.phrases[0][0][0]) for group in groups]

    assert scripts.count("cyrillic") >= 180
    assert scripts.count("latin") >= 100


@pytest.mark.parametrize(("query", "means"), [
    ("оплатил", "платеж"), ("оплаты", "оплатить"), ("оплачивать", "оплата"),
    ("вернуть деньги", "возврат средство"), ("возврат", "вернуть"), ("войти", "вход"),
    ("залогиниться", "вход"), ("логин", "вход"), ("учетная запись", "аккаунт"),
    ("аннулировать", "отмена"), ("стереть", "удалить"), ("инвойс", "счет"),
    ("промокод", "скидка"), ("сломалось", "ошибка"), ("не работает", "ошибка"),
    ("настроить", "настройка"), ("зарегистрироваться", "регистрация"),
    ("подключить", "подключение"), ("удалить", "удаление"), ("изменить", "изменение"),
    ("установить", "установка"), ("e-mail", "электронный почта"),
    ("sign in", "log in"), ("login", "sign in"), ("sign up", "creat account"),
    ("unsubscribe", "cancel subscript"), ("refund", "money back"), ("invoice", "bill"),
    ("payments", "charg"), ("pay", "payment"), ("delete", "remov"),
    ("картинки", "изображение"), ("хоткеи", "горячий клавиша"), ("симку", "sim карта"),
    ("фотка", "изображение"), ("комп", "компьютер"), ("picture", "imag"), ("image", "pictur"),
    ("hotkeys", "keyboard shortcut"), ("phone", "mobil"), ("web site", "websit"),
])  # fmt: skip
def test_the_shipped_vocabulary_knows_what_customers_say(query, means):
    phrases = [
        phrase for expansion in synonyms.shipped().expand(asked(query))
        for phrase in shown(expansion)[2]
    ]  # fmt: skip

    assert means in phrases


@pytest.mark.parametrize(("query", "never"), [
    ("что входит в тариф", "авторизация"),  # «входит» here is no entering
    ("счёт за обед", "инвойс"),  # an account, a score, a bill: asked one-way only
    ("почтовый индекс", "email"),
    ("лист ожидания", "печать"),
    ("log file", "login"),
    ("set of items", "configur"),
    ("sign document", "login"),
    ("back to list", "backup"),
])  # fmt: skip
def test_a_word_of_several_senses_brings_no_strangers(query, never):
    phrases = [
        phrase for expansion in synonyms.shipped().expand(asked(query))
        for phrase in shown(expansion)[2]
    ]  # fmt: skip

    assert never not in phrases


def test_matching_costs_next_to_nothing():
    query = asked("как вернуть деньги за подписку если не могу войти в личный кабинет")
    found = synonyms.shipped()

    start = time.process_time()
    for _ in range(2000):
        found.expand(query)
    expanding = time.process_time() - start
    start = time.process_time()
    for _ in range(2000):
        tokens.tokens("как вернуть деньги за подписку если не могу войти в личный кабинет")
    tokenising = time.process_time() - start

    assert expanding < 3 * tokenising  # measured: about as long


# --- one more group


@pytest.mark.parametrize(
    "content",
    ["", "- [vpn, tunnel]", "# ours\n- [vpn, tunnel]\n", "  - [vpn, tunnel]\n  - fax: [letter]\n"],
)
@given(word=st.text(min_size=1, max_size=12), other=st.text(min_size=1, max_size=12))
def test_a_group_is_added_to_any_file_whatever_the_words(content, word, other):
    before, mistakes = synonyms.parse(content)
    changed = synonyms.added(content, [word, other])

    after, then = synonyms.parse(changed)

    assert mistakes == []
    assert changed.startswith(content)
    assert after.groups[: len(before.groups)] == before.groups
    if not then:  # what is no word, or two times the same, is named and adds nothing
        assert len(after.groups) == len(before.groups) + 1


def test_a_group_is_added_as_a_writer_would_write_it():
    assert synonyms.added("- [vpn, tunnel]", ["вход", "sign in", "C++"]) == (
        '- [vpn, tunnel]\n- [вход, sign in, "C++"]\n'
    )


@pytest.mark.parametrize(
    "content",
    ["", "- [vpn, tunnel]", "- [vpn, tunnel]\n", "# one\r\n- [vpn, tunnel]\r\n", "# \u2028\n" * 9],
)
def test_git_applies_the_patch(tmp_path, content):
    file = tmp_path / "synonyms.yml"
    if content:
        file.write_text(content, "utf-8", newline="")
    patch = synonyms.patch(content, ["вход", "sign in"])

    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)

    assert file.read_bytes().decode() == synonyms.added(content, ["вход", "sign in"])
