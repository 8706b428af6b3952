"""Each constant that ranks decides some question: at half or twice of it the answer is another.

No test here reads a constant. Small bases are built and asked as readers ask them; the changes
themselves are in `tests/data/mutations/ranking.toml`.
"""

import random
from typing import Any, NamedTuple

import bases
import pytest

from kb import indexer
from kb.index.learned import LearnedLine

# Articles about nothing that is asked, with everything an article may have.
OTHERS = (
    ("Доставка", "курьер с коробкой", "Утром", "Курьер привозит коробку и звонит за час."),
    ("График", "магазин и выходные", "Будни", "Магазин открыт с девяти, склад работает без обеда."),
    ("Скидки", "постоянный покупатель", "Размер", "Десятая покупка обходится дешевле первой."),
    ("Гарантия", "поломка и мастерская", "Запчасти", "Детали едут неделю, починка длится день."),
    ("Подарки", "сертификат друзьям", "Открытка", "Поздравление пишут от руки, лентой обвязывают."),
    ("Delivery", "courier with a box", "Morning", "The driver rings first and brings it upstairs."),
    ("Opening", "weekdays and weekends", "Shop", "Doors open early, the warehouse never closes."),
    ("Warranty", "broken part", "Workshop", "Repairs take one week, spare screws are free."),
)
FILLER = "Дальше идут общие слова про склад, магазин, коробку, открытку, друзей и выходные. "


def text(body: str, title: str = "Заметка", **front_matter: Any) -> dict[str, Any]:
    return {"body": body, "title": title, **front_matter}


def slugs(results):
    return [hit.slug for hit in results.hits]


# ---------------------------------------------------------------- the order of articles


class Weighed(NamedTuple):
    """A question, and an article that stands between two copies of another one.

    The copies differ in `boost` alone: one is just too heavy for the article, one just too light.
    """

    question: str
    article: dict[str, Any]
    other: dict[str, Any]
    boosts: tuple[float, float]  # of the heavy copy and of the light one
    because: str


def built(kb, write, case):
    """Publishes both among articles about something else."""
    heavy, light = case.boosts
    for number, (title, answer, heading, body) in enumerate(OTHERS):
        front = {"title": title, "answers": [answer], "tags": ["разное"]}
        write(f"other-{number}", f"## {heading}\n\n{body}", **front)
    for path, article in {
        "article": case.article,
        "heavy": case.other | {"boost": heavy},
        "light": case.other | {"boost": light},
    }.items():
        front = {k: v for k, v in article.items() if k not in ("body", "learned", "file")}
        write(path, article["body"], **front)
        if "file" in article:
            kb.settings.articles.joinpath("file.txt").write_text(article["file"], "utf-8")
    kb.settings.articles.joinpath("synonyms.yml").write_text("- [ключ, пропуск]\n", "utf-8")
    lines = {"article": tuple(LearnedLine(*line) for line in case.article.get("learned", ()))}
    indexer.rebuild(kb.settings, lines=lines)
    return kb.answer(case.question, own_lang="en", exact=True)


WEIGHED = {
    "own-language": Weighed(
        "vpn",
        text("VPN.", lang="en"),
        text("VPN.", lang="ru"),
        (1.6, 0.8),
        "the reader asked from English pages",
    ),
    # ------------------------------------------------------------ what stands for a word
    "prefix": Weighed(
        "порт",
        text("Портал открыт круглые сутки."),
        text("Порт открыт круглые сутки."),
        (0.77, 0.57),
        "«портал» only begins with the word that was typed",
    ),
    "own-synonyms": Weighed(
        "ключ",
        text("Пропуск лежит в ящике."),
        text("Ключ лежит в ящике."),
        (0.96, 0.48),
        "the base's own writers say that «пропуск» stands for «ключ»",
    ),
    "shipped-synonyms": Weighed(
        "аренда",
        text("Арендовать можно зал."),
        text("Аренда возможна: зал."),
        (0.83, 0.51),
        "«арендовать» is a synonym that suits most bases",
    ),
    # ------------------------------------------------------------ where a word stands
    "title": Weighed(
        "акт",
        text("Документ для бухгалтерии.", "Акт"),
        text("Акт для бухгалтерии.", "Документ"),
        (1.59, 1.36),
        "its title is the word",
    ),
    "answers": Weighed(
        "акт",
        text("Документ для бухгалтерии.", answers=["получить новый акт"]),
        text("Документ для бухгалтерии: акт."),
        (1.31, 1.1),
        "a question it answers holds the word",
    ),
    "learned": Weighed(
        "акт",
        text("Документ для бухгалтерии.", learned=[("получить новый акт", 3, 3)]),
        text("Документ для бухгалтерии: акт."),
        (0.923, 0.899),
        "it solved a question that holds the word",
    ),
    "attached": Weighed(
        "акт",
        text("Документ для [бухгалтерии](file.txt).", file="Новый акт."),
        text("Документ для бухгалтерии: акт."),
        (0.29, 0.245),
        "a file that it links to holds the word",
    ),
    "headings": Weighed(
        "акт",
        text("## Акт\n\nДокумент для бухгалтерии."),
        text("Документ для бухгалтерии: акт."),
        (1.33, 1.24),
        "a heading is the word",
    ),
    "tags": Weighed(
        "акт",
        text("Документ для бухгалтерии.", tags=["акт"]),
        text("Документ для бухгалтерии: акт."),
        (0.494, 0.451),
        "only its tag is the word",
    ),
    "lead": Weighed(
        "акт",
        text(f"Акт для бухгалтерии. {FILLER * 4}"),
        text(f"{FILLER * 4} Акт для бухгалтерии."),
        (1.28, 1.14),
        "it begins with the word",
    ),
    "lead-words": Weighed(
        "акт",
        text("слово " * 20 + "акт " + "слово " * 40),
        text("слово " * 45 + "акт " + "слово " * 15),
        (1.3, 1.1),
        "the word is among its first thirty, not among the first fifty",
    ),
    "text": Weighed(
        "акт",
        text(f"{FILLER * 4} Акт для бухгалтерии."),
        text(f"{FILLER * 4} Для бухгалтерии.", "Акт"),
        (0.53, 0.464),
        "the word stands in its text alone",
    ),
    "k1": Weighed(
        "акт",
        text(f"{FILLER * 4} Акт, акт, акт, акт и ещё раз акт."),
        text(f"{FILLER * 4} Сверка, подпись, опись, печать и ещё раз акт."),
        (1.89, 1.59),
        "it says the word five times, which is more, but not five times as much",
    ),
    "b": Weighed(
        "акт",
        text(f"{FILLER * 12} Акт."),
        text("Акт."),
        (0.38, 0.2),
        "it is long",
    ),
    # ------------------------------------------------------------ re-scoring
    "content-letters": Weighed(
        "шифрование диска",
        text("Диск. Расшифровка, дешифровка, зашифрованный."),
        text("Диск. Настройка, проверка, замена."),
        (2.6, 2.26),
        "its words share letters with «шифрование»",
    ),
    "title-letters": Weighed(
        "шифрование диска",
        text("Диск и настройки.", "Расшифровка"),
        text("Диск и настройки.", "Картотека"),
        (2.19, 1.79),
        "its title shares letters with «шифрование»",
    ),
    "line-letters": Weighed(
        "шифрование диска",
        text("## Расшифровка\n\nДиск и настройки."),
        text("## Картотека\n\nДиск и настройки."),
        (1.77, 1.57),
        "its heading shares letters with «шифрование»",
    ),
    "claimed": Weighed(
        "шифрование диска",
        text("Настройки.", answers=["шифрование диска"]),
        text("Настройки.", answers=["шифрование одного диска"]),
        (2.43, 1.77),
        "it claims to answer this very question",
    ),
    "order": Weighed(
        "чек за газ",
        text("Чек за газ приходит."),
        text("За газ чек приходит."),
        (1.177, 1.089),
        "its words stand in the order of the question",
    ),
    "place": Weighed(
        "чек за газ",
        text(f"За газ чек. {FILLER * 8}"),
        text(f"Чек. {FILLER * 8} Газ."),
        (1.52, 1.43),
        "its words stand together",
    ),
    # ------------------------------------------------------------ kinds of words
    "names": Weighed(
        "отчёт по Самаре",
        text("Самара."),
        text("Отчёт."),
        (2.26, 1.13),
        "it holds the name",
    ),
    "nouns": Weighed(
        "отчёт в excel",
        text("Отчёт."),
        text("Excel."),
        (1.45, 0.72),
        "it holds the noun",
    ),
    "no-russian": Weighed(
        "отчёт в excel",
        text("Excel."),
        text("Отчёт."),
        (1.91, 0.96),
        "it holds the English word",
    ),
    "qualities": Weighed(
        "квартальный отчёт",
        text("Квартальный."),
        text("Отчёт."),
        (2.05, 1.03),
        "it holds the adjective",
    ),
    "verbs": Weighed(
        "подшивать отчёт",
        text("Подшивать."),
        text("Отчёт."),
        (1.51, 0.76),
        "it holds the verb",
    ),
    "small-words": Weighed(
        "кроме отчёта",
        text("Кроме."),
        text("Отчёт."),
        (0.9, 0.45),
        "it holds the preposition",
    ),
    "question-words": Weighed(
        "сколько отчётов",
        text("Сколько."),
        text("Отчёт."),
        (1.04, 0.52),
        "it holds the question word",
    ),
    "weak-words": Weighed(
        "можно отчёт",
        text("Можно."),
        text("Отчёт."),
        (0.83, 0.42),
        "it holds a word that says little",
    ),
    "stop-words": Weighed(
        "для отчёта",
        text("Для.", boost=8),
        text("Отчёт."),
        (1.38, 0.69),
        "it holds the stop word",
    ),
}


@pytest.mark.parametrize("name", WEIGHED)
def test_an_article_weighs_what_it_holds_of_the_question(kb, write, name):
    case = WEIGHED[name]

    found = slugs(built(kb, write, case))[:3]

    assert found == ["heavy", "article", "light"], f"“{case.question}” lost it: {case.because}"


def test_greetings_find_nothing(kb, write):
    write("greeting", "Здравствуйте, подскажите и пожалуйста пишут через запятую.", title="Письма")
    write("article", "Акт для бухгалтерии.", title="Документ")
    kb.rebuild()

    results = kb.answer("здравствуйте подскажите пожалуйста акт", exact=True)

    assert slugs(results) == ["article"]


# ---------------------------------------------------------------- how many are looked at


@pytest.mark.parametrize(
    ("crowd", "words", "is_first"),
    [(20, 200, True), (40, 150, False), (40, 80, True)],
    ids=["hopeless-of-few", "hopeless-of-many", "hopeful-of-many"],
)
def test_what_words_alone_make_hopeless_is_re_scored_among_few_only(
    kb, write, crowd, words, is_first
):
    """The longer the text around its three words, the less words alone say for the article."""
    for number in range(crowd):
        write(f"{number:02}", "## Код\n\nКод, код, код.", title="Код")
    write("article", "слово " * words + "код, газ, акт.", title="Справка")
    kb.rebuild()

    found = slugs(kb.answer("код газ акт", limit=50, exact=True))

    assert found.index("article") == (0 if is_first else crowd), "“код газ акт”"


@pytest.mark.parametrize(("better", "is_first"), [(30, True), (60, False)])
def test_a_claim_is_looked_for_in_the_first_forty(kb, write, better, is_first):
    for number in range(better):
        write(f"{number:02}", "Сброс пароля, сброс пароля.", title="Сброс пароля")
    write("article", "Пароль, новый.", title="Пароли", answers=["сброс пароля"])
    kb.rebuild()

    found = slugs(kb.answer("сброс пароля", exact=True))

    assert (found[0] == "article") == is_first, "“сброс пароля”"


def test_two_hundred_articles_can_be_paged_to(kb, write):
    for number in range(420):
        write(f"{number:03}", "Пароль.", title="Вход")
    kb.rebuild()

    first = kb.answer("пароль", limit=50)
    found = [slug for page in range(first.pages) for slug in
             slugs(kb.answer("пароль", limit=50, page=page + 1))]  # fmt: skip

    assert first.total == 420
    assert len(set(found)) == len(found) == 200, "“пароль”"


# ---------------------------------------------------------------- confidence

KNOWN = ["battery", "siren", "sensor", "wire", "panel", "bracket", "screw", "relay", "socket"]
MORE = ["hose", "pump", "valve", "filter", "ladder", "tile", "rope", "hook", "lamp", "switch"]
REST = ["motor", "gear", "belt", "chain", "lever", "spring", "pulley", "axle", "fuse"]
UNKNOWN = ["toaster", "waffle", "blender", "skillet", "kettle", "oven", "grill", "ladle", "whisk"]
GREETING = " ".join(UNKNOWN) + ". "  # a sentence about something else


def half_known(known: int, unknown: int) -> str:
    """A question of so many words that one article holds and so many that none does."""
    return " ".join(UNKNOWN[:unknown] + KNOWN[:known])


@pytest.fixture(scope="module")
def three_articles(tmp_path_factory):
    """A base too small to say what chance holds of a question."""
    folder = tmp_path_factory.mktemp("three")
    (folder / "articles").mkdir()
    for title, words in {
        "Alarm": [*KNOWN, "fuse"],
        "Garden": MORE[:4],
        "Pool": MORE[4:6],
    }.items():
        body = f"---\ntitle: {title}\n---\nBox: {' '.join(words)}\n"
        (folder / "articles" / f"{title}.md").write_text(body, "utf-8")
    return bases.published(folder)


@pytest.mark.parametrize(
    ("question", "is_answered"),
    [
        pytest.param(half_known(6, 2), True, id="six-of-eight"),
        pytest.param(half_known(5, 3), False, id="five-of-eight"),
        pytest.param(half_known(9, 7), True, id="nine-of-sixteen"),
        pytest.param(half_known(8, 8), False, id="eight-of-sixteen"),
        pytest.param("how battery siren", True, id="all-but-how"),
        pytest.param(half_known(3, 1), False, id="three-of-four"),
        pytest.param(GREETING + half_known(6, 2), True, id="six-of-eight-in-a-sentence"),
        pytest.param(GREETING + half_known(5, 3), False, id="five-of-eight-in-a-sentence"),
        pytest.param(GREETING + half_known(6, 0), True, id="a-sentence-of-six"),
        pytest.param(GREETING + half_known(4, 0), False, id="a-sentence-of-four"),
        pytest.param("battery th", True, id="a-word-and-the-beginning-of-the"),
        pytest.param("box th", False, id="a-common-word-and-the-beginning-of-the"),
    ],
)
def test_a_question_is_answered_where_one_place_holds_enough_of_it(
    three_articles, question, is_answered
):
    assert three_articles.answer(question, exact=True).confident == is_answered, question


@pytest.mark.parametrize(("better", "is_answered"), [(7, True), (14, False)])
def test_the_answer_is_looked_for_in_the_first_ten(kb, write, better, is_answered):
    for number in range(better):
        write(f"{number:02}", "Пароль.", title="Пароль", boost=9)
    write("article", "Сброс пароля.", title="Сброс пароля")
    kb.rebuild()

    assert kb.answer("сброс пароля", exact=True).confident == is_answered, "“сброс пароля”"


@pytest.mark.parametrize(
    ("before", "between", "is_answered"),
    [(0, 34, True), (0, 64, False), (3000, 0, True), (5000, 0, False)],
    ids=["near", "apart", "late", "too-late"],
)
def test_a_place_is_some_forty_words_of_the_first_four_thousand(
    kb, write, before, between, is_answered
):
    write("article", "слово " * before + "сброс " + "слово " * between + "пароля.", title="Заметка")
    write("other", "Доставка.", title="Курьер")
    kb.rebuild()

    results = kb.answer("сброс пароля", exact=True)

    assert slugs(results) == ["article"]
    assert results.confident == is_answered, "“сброс пароля”"


@pytest.mark.parametrize(("known", "is_answered"), [(27, True), (26, False)])
def test_where_one_place_holds_all_words_of_the_base_more_is_asked(kb, write, known, is_answered):
    """Every random question is held whole there, of whatever length."""
    words = [*KNOWN, *MORE, *REST]
    write("alarm", ". ".join(words), title="Alarm")
    kb.rebuild()

    question = " ".join(UNKNOWN[:4] + words[:known])

    assert kb.answer(question, exact=True).confident == is_answered, question


@pytest.mark.parametrize(("unknown", "is_answered"), [(2, True), (4, False)])
def test_a_question_holds_together_better_than_most_of_chance(kb, write, unknown, is_answered):
    rng = random.Random(1)
    words = ["w" + "".join("abcdefghij"[int(one)] for one in f"{at:03}") for at in range(300)]
    articles = [rng.choices(words, k=40) for _ in range(30)]
    for number, article in enumerate(articles):
        write(f"{number:02}", " ".join(article), title=" ".join(rng.sample(words, 2)))
    kb.rebuild()

    question = " ".join(UNKNOWN[:unknown] + list(dict.fromkeys(articles[0]))[:5])

    assert kb.answer(question, exact=True).confident == is_answered, question
