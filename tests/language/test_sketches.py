"""Sketches of an article's words: a moved comma is no change, a rewritten third is one."""

from hypothesis import given
from hypothesis import strategies as st

from kb.language.sketches import MOST, change, digest, sketch

WORDS = [
    f"слово{chr(1072 + n % 32)}{chr(1072 + n // 32 % 32)}{chr(1072 + n // 1024)}"
    for n in range(6000)
]


def test_commas_order_capitals_and_figures_are_no_change():
    before = sketch("Откройте вход, нажмите «Забыли». Обновлено 12.03.2024")
    after = sketch("Нажмите «забыли»; откройте вход — обновлено 15.04.2026!")

    assert digest(before) == digest(after)
    assert change(before, after) == 0


def test_a_change_is_the_share_of_words_that_came_or_went():
    text = sketch(" ".join(WORDS[:100]))

    assert change(text, sketch(" ".join(WORDS[:90]))) == 0.1
    assert change(text, sketch(" ".join(WORDS[:90] + WORDS[200:210]))) == 0.1
    assert change(text, sketch(" ".join(WORDS[:100] + WORDS[:100]))) == 0.5  # a word said twice
    assert change(text, sketch(" ".join(WORDS[500:600]))) == 1


def test_of_a_long_text_a_sample_is_compared():
    before = sketch(" ".join(WORDS))
    after = sketch(" ".join(WORDS[:4500] + [f"новое{word}" for word in WORDS[:1500]]))

    assert len(before) == MOST * 8
    assert abs(change(before, after) - 0.25) < 0.05


@given(st.text(), st.text())
def test_any_two_texts_can_be_compared(one, other):
    assert 0 <= change(sketch(one), sketch(other)) <= 1
    assert change(sketch(one), sketch(one)) == 0
