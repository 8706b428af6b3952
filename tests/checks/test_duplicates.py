"""Articles that say the same are told as a group; pages of one pattern about two things are not."""

import random

import pytest
from test_rules import base, places, run

from kb.checks import duplicates
from kb.checks.rules.duplicates import CODE

_WORDS = """
    оплата заказ доставка возврат склад курьер адрес письмо пароль вход кабинет скидка чек карта
    договор номер город время день неделя товар коробка ремонт мастер деталь гарантия телефон
"""
WORDS = _WORDS.split()


def paragraphs(seed: int, count: int = 12) -> list[str]:
    """Paragraphs that no other seed has."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=14)).capitalize() + "." for _ in range(count)]


def article(title: str, lines: list[str]) -> str:
    return f"---\ntitle: {title}\n---\n" + "\n\n".join(lines) + "\n"


def pattern(product: str) -> str:
    """A page of a pattern: everything but the name of a product is as on the others."""
    steps = [line.replace("склад", product) for line in paragraphs(7)]
    return article(f"Настройка {product}", [f"Подключите {product}.", *steps])


def test_a_copy_and_one_that_has_drifted_are_one_group():
    own = paragraphs(1)
    drifted = [*own[:5], "Новый абзац, которого в других нет и не было.", *own[6:]]
    files = {
        "ru/a.md": article("Возврат", own),
        "ru/deep/b.md": article("Возврат", drifted),
        "ru/c.md": article("Как вернуть товар", ["Вступление о чём-то своём.", *own]),
        "ru/d.md": article("Доставка", paragraphs(2)),
    }

    (found,) = run(files, CODE)

    assert places([found]) == ["ru/a.md:4"]
    assert found.level == "hint"
    assert str(found.message) == "says the same as ru/deep/b.md, ru/c.md"
    assert found.cure


def test_the_group_is_told_at_what_is_asked_about():
    files = {f"ru/{name}.md": article("Возврат", paragraphs(1)) for name in ("a", "b", "c")}

    assert places(run(files, CODE, within=("ru/b.md",))) == ["ru/b.md:4"]
    files["ru/b.md"] += f"\n<!-- kb-ignore: {CODE} -->\n"
    (found,) = run(files, CODE)
    assert str(found.message) == "says the same as ru/c.md"


def test_an_article_inside_another_one_says_the_same():
    own = paragraphs(3)
    files = {
        "ru/long.md": article("Пароль и вход", [*paragraphs(4, 20), *own]),
        "ru/short.md": article("Пароль", own),
    }

    assert places(run(files, CODE)) == ["ru/long.md:44"]


def test_pages_of_one_pattern_about_two_things_do_not():
    files = {"ru/a.md": pattern("auth"), "ru/b.md": pattern("cognito")}

    assert run(files, CODE) == []


def test_what_many_share_is_boilerplate():
    shared = paragraphs(5)
    files = {
        f"ru/{number}.md": article(f"Статья {number}", [*shared, *paragraphs(100 + number, 5)])
        for number in range(8)
    }

    assert run(files, CODE) == []


def test_versions_languages_and_drafts_are_no_duplicates():
    own = article("Возврат", paragraphs(1))
    files = {
        "ru/a.md": own,
        "en/a.md": own,
        "ru/v1/x.md": article("Оплата", paragraphs(6)),
        "ru/v2/x.md": article("Оплата", paragraphs(6)),
        "ru/v3/other.md": article("Оплата", paragraphs(6)),
        "ru/draft.md": own.replace("---\n", "---\ndraft: yes\n", 1),
    }

    assert run(files, CODE) == []
    assert base(files).articles


@pytest.mark.parametrize("tag", ["](", "<a ", "{{ ", "{% "])
def test_tags_without_ends_are_passed_over(tag):
    assert duplicates._MARKUP.sub(" ", tag * (2**18 // len(tag))).startswith(tag)


def test_short_texts_say_nothing():
    files = {f"ru/{name}.md": "# Пусто\n\nСкоро здесь будет статья.\n" for name in "ab"}

    assert run(files, CODE) == []
