"""What was typed and what was meant: every offer is argued by what the index knows."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.language import corrections, tokens
from kb.language.corrections import Repair
from kb.language.lexicon import MemoryLexicon

BASE = MemoryLexicon([
    "Как сбросить пароль и войти в личный кабинет",
    "Не приходит письмо со ссылкой: что делать? Привет",
    "Хочу отменить подписку, вернуть деньги за объём хранилища. Было, стало",
    "Настройка почты для пользователей и их сотрудников; щётка, ёлка",
    "Login error: sign in with Google Drive, reset your password, setup wifi, VPN",
    "Войти через VK: вконтакте, в скайпе",
])  # fmt: skip


def offers(query: str, lexicon: MemoryLexicon = BASE) -> list[tuple[str, str]]:
    return [(repair.kind, repair.query) for repair in corrections.candidates(query, lexicon)]


def first(query: str, lexicon: MemoryLexicon = BASE) -> tuple[str, str]:
    return next(iter(offers(query, lexicon)), ("", query))


# --- known words are left alone


@pytest.mark.parametrize("query", [
    "сбросить пароль", "паролями", "reset your passwords", "VPN", "", "  ", "?!", "в и на",
    "здравствуйте, подскажите пожалуйста, как сбросить пароль", "пар", "2024 v2.5 ivan@mail.ru",
])  # fmt: skip
def test_nothing_is_offered_where_all_is_known(query):
    assert offers(query) == []


@given(st.lists(st.sampled_from(sorted(BASE.vocabulary)), min_size=1, max_size=6))
def test_a_known_word_is_never_changed(words):
    query = " ".join(words)

    for repair in corrections.candidates(query, BASE):
        assert repair.kind == "dropped"  # leaving words out changes none
        assert set(repair.query.split()) <= set(words)


# --- keyboard layout


@pytest.mark.parametrize(("typed", "meant"), [
    ("ghbdtn", "привет"),
    ("GHBDTN", "ПРИВЕТ"),
    ("rfr c,hjcbnm gfhjkm", "как сбросить пароль"),  # `,` is a letter
    ("Rfr c,hjcbnm gfhjkm?", "Как сбросить пароль?"),  # the sign at the end is the sign
    ("[jxe jnvtybnm gjlgbcre", "хочу отменить подписку"),  # `[` begins a word
    (",skj", "было"),
    ("j,]`v", "объём"),  # signs on four keys
    ("{JXE", "ХОЧУ"),  # Shift makes other signs
    ("d rf,bytn", "в кабинет"),
    ("kbxysq rf,bytn b gjxns lkz b[", "личный кабинет и почты для их"),
    ("пщщпду вкшму", "google drive"),  # and the other way
    ("куыуе зфыыцщкв", "reset password"),
    ("vpn yt ghb[jlbn", "vpn не приходит"),  # some words only
    ("сбросить gfhjkm", "сбросить пароль"),
    ("gfhjkm-gjxnf", "пароль-почта"),
])  # fmt: skip
def test_the_wrong_layout_is_flipped(typed, meant):
    assert first(typed) == ("layout", meant)


def test_an_unfinished_word_is_flipped_by_its_beginning():
    assert first("ghbd") == ("layout", "прив")
    assert first("ghbd ") == ("", "ghbd ")  # a space ends the word


def test_a_word_unknown_in_both_layouts_stays():
    assert first("ghbdtn xyzzyqwt") == ("layout", "привет xyzzyqwt")


def test_a_slip_in_the_wrong_layout_is_mended_too():
    assert first("c,hjcbnm gfhjlm") == ("layout", "сбросить пароль")
    assert first("gfhjlm") == ("layout", "пароль")


@given(st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюя АБВ,.", max_size=30))
def test_flipping_twice_gives_the_text_back(typed):
    flipped = corrections.flip(typed)

    if re.search("[a-zA-Z]", flipped):
        assert corrections.flip(flipped) == typed


# --- spelling


@pytest.mark.parametrize(("typed", "meant"), [
    ("как збросить пороль", "как сбросить пароль"),
    ("Пороль", "Пароль"),
    ("ПОРОЛЬ", "ПАРОЛЬ"),
    ("не прихоит письмо!", "не приходит письмо!"),
    ("paswords reset", "password reset"),
    ("вличный кабинет", "в личный кабинет"),  # a space too few
    ("войти в контакте", "войти вконтакте"),  # a space too many
    ("пароооооль", "пароль"),
    ("ьвойти", "войти"),
])  # fmt: skip
def test_a_misspelt_word_is_mended(typed, meant):
    assert first(typed) == ("spelling", meant)


def test_a_joined_word_is_parted_and_parted_words_are_joined():
    assert first("signin", MemoryLexicon(["sign in"])) == ("spelling", "sign in")
    assert first("set up", MemoryLexicon(["setup"])) == ("spelling", "setup")
    assert first("вконтакте", MemoryLexicon(["группа в контакте"])) == ("spelling", "в контакте")
    assert first("в контакте", MemoryLexicon(["вход вконтакте"])) == ("spelling", "вконтакте")


def test_a_compound_of_english_is_two_words_only_where_an_article_writes_them_so():
    apart = MemoryLexicon(["multi line", "a host", "reset it"])

    assert offers("multihost", apart) == []
    assert first("multihost", MemoryLexicon(["a multi host"])) == ("spelling", "multi host")
    assert first("reset multihost", apart) == ("spelling", "reset multi host")


def test_a_word_of_russian_is_parted_after_a_preposition_only():
    assert offers("установления", MemoryLexicon(["становления", "у"])) == []


def test_an_unfinished_word_is_no_slip():
    assert offers("сброс") == []
    assert offers("как сбро") == []


def test_another_reading_comes_second():
    lexicon = MemoryLexicon(["карта карта", "парта"])

    assert [query for _, query in offers("ларта ларта", lexicon)] == ["карта карта", "парта парта"]
    assert [query for _, query in offers("карла", lexicon)] == []  # a word of its own


def test_addresses_and_numbers_are_not_mended():
    assert first("пороль ivan@mial.ru 1С-предпр1") == ("spelling", "пароль ivan@mial.ru 1С-предпр1")


def test_a_word_of_the_language_is_not_mended_though_the_index_lacks_it():
    lexicon = MemoryLexicon(["воду, потоков, концепция"])

    assert offers("вводу", lexicon) == []
    assert offers("потомков", lexicon) == []
    assert offers("конвенция", lexicon) == []
    assert first("канцепция", lexicon) == ("spelling", "концепция")


def test_a_far_fetched_reading_is_not_offered():
    assert offers("ракетам", MemoryLexicon(["пакеты"])) == []


def test_an_only_word_is_mended_where_the_slip_is_likely():
    lexicon = MemoryLexicon(["комиссия за перевод", "карта"])

    assert first("комисия", lexicon) == ("spelling", "комиссия")
    assert offers("кромисия", lexicon) == []
    assert offers("ларта", lexicon) == []


@pytest.mark.parametrize("word", ["ютуб", "утюг", "рейс", "скайп", "тимс", "сбер"])
def test_a_word_of_the_language_is_read_in_no_other_way(word):
    lexicon = MemoryLexicon(["not in version c.th", "raise skip times", "en u lang"])

    assert offers(word, lexicon) == []


@pytest.mark.parametrize("query", ["smart", "wife", "stuck", "most"])
def test_common_english_words_mean_themselves(query):
    lexicon = MemoryLexicon(["start the wifi with the stick", "мост"])

    assert offers(query, lexicon) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("скайпе", "skype"), ("ноушен", "notion"), ("вордпресс", "wordpress"), ("эксель", "excel")],
)
def test_names_that_were_taken_over_are_read_as_what_they_are(typed, meant):
    lexicon = MemoryLexicon(["skype skip", "notion", "wordpress", "excel"])

    assert offers(typed, lexicon)[0] == ("translit", meant)


@pytest.mark.parametrize("typed", ["телеграмм", "телеграмме", "траффик"])
def test_a_letter_doubled_is_a_slip_also_where_a_word_comes_of_it(typed):
    lexicon = MemoryLexicon(["поддержка в телеграм", "трафик"])

    assert offers(typed, lexicon)[0][0] == "spelling"


def test_doubt_grows_with_the_unlikeliness_of_the_slip():
    lexicon = MemoryLexicon(["комиссия за перевод"])

    double = next(corrections.candidates("комисия", lexicon))
    two = next(corrections.candidates("кромисия перевод", lexicon))

    left = next(corrections.candidates("комисия фываолдж", lexicon))

    assert 0 < double.doubt < two.doubt <= corrections.DOUBTFUL
    assert left.doubt == double.doubt + 2  # an unknown word stays


# --- transliteration


@pytest.mark.parametrize(("typed", "meant"), [
    ("parol", "пароль"),
    ("parol'", "пароль"),
    ("Parol", "Пароль"),
    ("kak sbrosit parol", "как сбросить пароль"),
    ("kak sbrosit' parol'", "как сбросить пароль"),
    ("voyti v lichnyy kabinet", "войти в личный кабинет"),  # BGN
    ("voiti v lichnyi kabinet", "войти в личный кабинет"),  # passport
    ("vojti v lichny'j kabinet", "войти в личный кабинет"),  # GOST
    ("polzovateley", "пользователей"),
    ("pol'zovatelej", "пользователей"),
    ("hochu podpisku", "хочу подписку"),
    ("khochu podpisku", "хочу подписку"),
    ("xochu podpisku", "хочу подписку"),
    ("shchyotka", "щетка"),
    ("schetka", "щетка"),
    ("šetka", "щетка"),  # ISO 9 without its second mark
    ("ob'em", "объем"),
    ("paroli", "пароли"),  # the index has only other forms of it
    ("parolyami", "паролями"),
    ("логин эрор", "login error"),
    ("гугл драйв", "google drive"),
    ("вайфай", "wifi"),
])  # fmt: skip
def test_a_transliterated_word_is_read(typed, meant):
    assert first(typed) == ("translit", meant)


def test_the_beginning_of_a_transliterated_word_is_read():
    assert first("paro") == ("translit", "паро")
    assert first("paro ")[0] != "translit"


def test_the_exact_reading_comes_before_a_slip_of_the_same_script():
    lexicon = MemoryLexicon(["пароль " * 3, "patrol petrol"])

    assert first("parol ", lexicon) == ("translit", "пароль ")


# --- words left out


def test_words_the_index_lacks_are_left_out():
    assert first("сбросить пароль фываолдж") == ("dropped", "сбросить пароль")
    assert first("Фываолдж, сбросить пароль?") == ("dropped", "сбросить пароль?")


def test_a_word_that_keeps_the_others_from_meeting_is_left_out():
    assert first("сбросить пароль ёлка") == ("dropped", "сбросить пароль")


def test_nothing_is_left_out_down_to_words_that_ask_nothing():
    assert offers("как фываолдж") == []
    assert offers("фываолдж") == []


# --- any text


@given(st.text(max_size=60))
def test_any_text_is_a_query(query):
    for repair in corrections.candidates(query, BASE):
        assert isinstance(repair, Repair)
        assert repair.query.strip()
        assert repair.query != query


@given(st.text("abcdeghijklmnoprstuvyz'абвгдепрль ,.[]", max_size=60))
def test_offers_are_distinct_and_few(query):
    queries = [repair.query for repair in corrections.candidates(query, BASE)]

    assert len(queries) == len(set(queries)) <= 9


def test_five_hundred_letters_are_soon_read():
    start = time.process_time()
    for query in ("parolyami " * 50, "gfhjkm " * 70, "л" * 500, "sch" * 160, "а б в г " * 60):
        list(corrections.candidates(query, BASE))

    assert time.process_time() - start < 5


# --- real titles


@pytest.fixture(scope="module")
def titles_and_words():
    return {}


@pytest.fixture
def real(shared_data, titles_and_words):
    if not titles_and_words:
        texts = [
            path.read_text("utf-8", "replace")
            for path in sorted((shared_data / "articles/dynamics365-bc-ru").rglob("*.md"))
        ]
        found = [re.search(r"^title: *(.+)$", content, re.MULTILINE) for content in texts]
        titles = sorted({match[1].strip(" '\"") for match in found if match})
        titles_and_words["all"] = titles, MemoryLexicon(texts)
    return titles_and_words["all"]


@pytest.mark.shared
def test_titles_typed_in_the_wrong_layout_are_read(real):
    titles, lexicon = real

    def words(typed):
        repair = next(corrections.candidates(typed, lexicon), None)
        return tokens.plain_words(repair.query if repair else typed)

    flipped = [" ".join(map(corrections.flip, title.split())) for title in titles]
    right = [
        words(typed) == tokens.plain_words(title)
        for title, typed in zip(titles, flipped, strict=True)
    ]

    assert sum(right) >= 0.98 * len(titles)


@pytest.mark.shared
def test_known_titles_are_not_repaired(real):
    titles, lexicon = real

    repaired = [
        repair.query
        for title in titles
        for repair in corrections.candidates(title, lexicon)
        if repair.kind != "dropped"
    ]

    assert repaired == []
