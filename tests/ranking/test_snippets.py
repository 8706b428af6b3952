"""A snippet is text of the article, whole, with the words that were asked for marked."""

import random

import bases
import numpy as np
import pytest

from kb.language import query_words, tokens
from kb.ranking.matching import NO_GRAMS, Matches, SoughtTerm
from kb.ranking.snippets import LONGEST, Highlighter
from kb.search import Marked


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return bases.made_up(tmp_path_factory.mktemp("base"), seed=3)


def assert_sound(marked: Marked):
    """Marks are ranges in order inside the text, and the parts are the text."""
    assert "".join(part for part, _ in marked.parts()) == marked.text
    at = 0
    for start, end in marked.marks:
        assert at <= start < end <= len(marked.text)
        at = end
    assert all(part for part, _ in marked.parts())


def test_parts_join_back_to_the_text_for_any_query(base):
    rng = random.Random(1)
    seen = 0
    for query in bases.strange_queries(rng, bases.WORDS, 150):
        for hit in base.answer(query, limit=50).hits:
            seen += 1
            for marked in (hit.title, hit.snippet):
                assert_sound(marked)
                assert "\ufffd" not in marked.text  # no code point was cut in two
                assert "\n" not in marked.text
            assert len(hit.snippet.text) <= LONGEST + 2
    assert seen > 1000


def matches_of(corpus, groups, weights, docs):
    """The matches of words of a segment, given by their numbers, in some articles."""
    nothing = np.empty(0, np.int32)
    sought = [
        SoughtTerm("", 1.0, weight, (group.astype(np.int32),), (nothing,), 0.0)
        for group, weight in zip(groups, weights, strict=True)
    ]
    return Matches(corpus, sought, NO_GRAMS, np.array(docs, np.int32))


def test_marks_are_the_words_that_were_asked_for(base):
    corpus = base.catalog().reader.corpus
    (segment,) = corpus.segments
    content = {word for word in segment.words if word not in query_words.STOP}
    rng = random.Random(2)
    for _ in range(200):
        groups = [np.unique(rng.choices(range(len(segment.words)), k=rng.randint(1, 3)))
                  for _ in range(rng.randint(1, 3))]  # fmt: skip
        asked = {segment.words[int(at)] for group in groups for at in group} & content
        doc = rng.randrange(segment.size)
        marker = Highlighter(matches_of(corpus, groups, [1.0] * len(groups), [doc]))
        (excerpt,) = marker.excerpts([0])

        for told, marks in ((excerpt.title, excerpt.title_marks), (excerpt.text, excerpt.marks)):
            for start, end in marks:
                marked = told[start:end]
                found = {token.text for token in (*tokens.tokens(marked), *tokens.signs(marked))}
                is_cut = told[end:] in ("", "…") or told[:start] in ("", "…")
                assert found & asked or is_cut, (marked, asked)
        whole = excerpt.title
        title = {token.text for token in (*tokens.tokens(whole), *tokens.signs(whole))}
        assert bool(title & asked) == bool(excerpt.title_marks)


def test_the_order_of_articles_changes_no_excerpt(base):
    corpus = base.catalog().reader.corpus
    (segment,) = corpus.segments
    words = [segment.words.find(word) for word in ("пароль", "вход", "почта")]
    docs = list(range(segment.size))
    matches = matches_of(corpus, [np.array([at]) for at in words], [1.0, 2.0, 3.0], docs)
    marker = Highlighter(matches)
    random.Random(4).shuffle(docs)

    assert marker.excerpts(docs) == [marker.excerpts([doc])[0] for doc in docs]


def test_the_text_is_the_articles_own(base):
    reader = base.catalog().reader
    for query in bases.WORDS:
        for hit in base.answer(query, limit=50).hits:
            segment, doc = reader.corpus.locate(reader.find(hit.slug))
            whole = segment.restore(doc).text.replace("\n", " ")
            assert hit.snippet.text.removeprefix("…").removesuffix("…") in whole
            assert hit.title.text in whole


def body(kb, query):
    hit = kb.answer(query).hits[0]
    return hit.snippet.parts(), hit.section, hit.url


def test_the_section_that_holds_most_of_the_query_is_shown_with_its_anchor(kb, write):
    write(
        "ru/vpn",
        "Начало о пароле.\n\n## Другое\n\nЗдесь про пароль и почту.\n\n"
        "## Сертификат\n\nОбновите сертификат, и пароль подойдёт.",
        title="Статья",
    )
    kb.rebuild()

    parts, section, url = body(kb, "пароль сертификат")

    assert section == "Сертификат"
    assert url.startswith("/articles/ru/vpn#")
    assert [part for part, marked in parts if marked] == ["сертификат", "пароль"]


def test_a_title_that_holds_the_query_leads_to_the_article_itself(kb, write):
    write(
        "ru/a",
        "О почте в начале.\n\n## Пароль\n\nСброс пароля от почты, пароль, пароль.",
        title="Сброс пароля",
    )
    kb.rebuild()

    assert body(kb, "сброс пароля")[1:] == ("", "/articles/ru/a")
    assert body(kb, "сброс пароля почты")[1:] == ("", "/articles/ru/a")


@pytest.mark.parametrize("closing", ["См. также", "Если это не помогло", "Next steps", "See also"])
def test_a_closing_section_is_no_place_to_lead_to_unless_it_is_asked_for(kb, write, closing):
    write("ru/a", f"Начало.\n\n## {closing}\n\nСертификат меняют иначе.", title="Пароль")
    kb.rebuild()

    assert body(kb, "сертификат")[1:] == ("", "/articles/ru/a")
    assert body(kb, f"сертификат {closing} помогло также steps see")[1]


def test_a_heading_counts_with_its_section(kb, write):
    write("ru/a", "Пароль один.\n\n## Сертификат\n\nТекст без слов запроса.", title="Статья")
    kb.rebuild()

    parts, section, _ = body(kb, "сертификат")

    assert section == "Сертификат"
    assert "".join(part for part, _ in parts) == "Текст без слов запроса."


def test_where_only_the_title_matches_the_beginning_is_shown_unmarked(kb, write):
    write("ru/a", "Первый абзац.\n\n## Дальше\n\nВторой абзац.", title="Пароль")
    kb.rebuild()

    parts, section, url = body(kb, "пароль")

    assert parts == [("Первый абзац.", 0)]
    assert (section, url) == ("", "/articles/ru/a")
    assert kb.answer("пароль").hits[0].title.parts() == [("Пароль", 1)]


def test_an_article_without_a_body_has_an_empty_snippet(kb, write):
    write("ru/a", "", title="Пароль")
    kb.rebuild()

    assert kb.answer("пароль").hits[0].snippet == Marked("")


def test_a_match_far_down_is_shown_with_dots_before_and_after(kb, write):
    filler = "слово " * 300
    write("ru/a", f"{filler} сертификат {filler}", title="Статья")
    kb.rebuild()

    hit = kb.answer("сертификат").hits[0]

    assert hit.snippet.text.startswith("…")
    assert hit.snippet.text.endswith("…")
    assert ("сертификат", 1) in hit.snippet.parts()


def test_all_forms_of_a_word_are_marked_and_a_compound_once(kb, write):
    write("en/a", "Passwords: a password, two passwords, an e-mail-password.", title="x")
    kb.rebuild()

    parts = kb.answer("password").hits[0].snippet.parts()

    marked = [part for part, is_marked in parts if is_marked]
    assert marked == ["Passwords", "password", "passwords", "password"]


def test_a_snippet_is_text_and_never_html(kb, write):
    write(
        "ru/a",
        "Нажмите **Сохранить** & `<b>тег</b>` [ссылка](b.md) <script>x()</script>",
        title="Т",
    )
    kb.rebuild()

    told = kb.answer("сохранить").hits[0].snippet.text

    assert told.startswith("Нажмите Сохранить & <b>тег</b> ссылка")
    assert "script>" not in told
    assert "&amp;" not in told


def test_signs_of_several_code_points_stay_whole(kb, write):
    family = "👩‍👩‍👧"
    write("ru/a", f"{family * 20} пароль {family * 200}", title="Т")
    kb.rebuild()

    told = kb.answer("пароль").hits[0].snippet

    assert_sound(told)
    assert ("пароль", 1) in told.parts()
    told.text.encode()
