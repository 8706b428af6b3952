"""What would have answered a question: each cause is found where it is planted, and no other."""

from datetime import timedelta

import pytest
from pydantic import SecretStr
from visitors import Visitors

from kb.content import owners
from kb.searchlog import triage
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Filter
from kb.searchlog.reports import Event, Report, Step
from kb.service import KnowledgeBase


@pytest.fixture
def visit(kb):
    return Visitors(kb)


@pytest.fixture
def base(kb, write):
    """Enough articles that a word means something, and one to be found in many ways."""
    write("ru/return", "Нажмите «Вернуть» в разделе платежей.", title="Как вернуть деньги",
          category="Оплата")  # fmt: skip
    write("ru/mail", "Почта меняется в настройках.", title="Как сменить почту", category="Вход")
    write("ru/plan", "Тариф меняется первого числа.", title="Как сменить тариф")
    write("ru/invoice", "Счёт лежит в платежах.", title="Счёт для бухгалтерии", category="Оплата")
    write("en/refund", "Open the printer queue and cancel the job.", title="Cancel a print job")
    kb.rebuild()
    return kb


def group(kb):
    [found] = kb.misses(status="all")
    return found


def cause(kb):
    found = group(kb).triage
    return (found.cause, found.slug)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rfr dthyenm ltymub", "layout"),  # как вернуть деньги
        ("kak vernut dengi", "translit"),
        ("как вирнуть денги", "spelling"),
    ],
)
def test_a_question_that_only_a_repair_answers_is_found_out(base, visit, query, expected):
    visit.searches(query)

    base.replay()

    assert cause(base) == (expected, "ru/return")


def test_a_draft_that_would_answer_is_named(base, write, visit):
    write("ru/vpn", "Текст.", title="Как настроить VPN на телефоне", draft=True)
    visit.searches("настроить vpn на телефоне")

    base.rebuild()

    assert cause(base) == ("draft", "ru/vpn")
    assert group(base).status == "open"


def test_an_article_that_is_over_is_named(base, write, visit):
    write("ru/vpn", "Текст.", title="Как настроить VPN на телефоне", expires="2020-01-01")
    visit.searches("настроить vpn на телефоне")

    base.rebuild()

    assert cause(base) == ("expired", "ru/vpn")


def test_a_filter_that_hid_the_answer_is_named(base, visit):
    base.report(
        Report(run="r", visit="v", lang="ru", filters={"category": "Вход"},
               steps=(Step("счёт для бухгалтерии", 0),), events=(Event("left", ms=3000),))
    )  # fmt: skip
    assert base.recorder.flush()
    assert group(base).kinds == {"filtered": 1}

    base.replay()

    assert cause(base) == ("filters", "ru/invoice")


def test_a_synonym_is_what_a_visit_found_with_another_word(base, visit):
    visit.searches("абонемент сменить", visit="v1")
    visit.searches("тариф сменить", Event("click", "ru/plan", 1, 900), visit="v1")

    base.replay()

    [found] = [each for each in base.misses(status="all") if "абонемент" in each.question]
    assert (found.triage.cause, found.triage.words) == ("synonym", ("абонемент", "тариф"))
    assert found.triage.slug == "ru/plan"


def test_what_nothing_rescues_is_a_content_gap(base, visit):
    visit.searches("подключить кофеварку к космодрому")

    base.replay()

    found = group(base).triage
    assert (found.cause, found.slug, found.words) == ("content", "", None)
    assert found.build == base.status().build


def test_every_build_examines_what_is_still_open(base, write, visit):
    visit.searches("подключить кофеварку к космодрому")
    base.replay()
    first = group(base).triage

    write("ru/coffee", "Текст.", title="Подключить кофеварку к космодрому", draft=True)
    base.rebuild()

    assert first.cause == "content"
    assert cause(base) == ("draft", "ru/coffee")


def test_triage_stops_when_its_time_is_over_and_goes_on_later(base, settings, visit):
    letters = "абвгдежзиклмнопрстуфхцчшщэюя"
    for letter in letters:
        visit.searches(f"{letter * 7} {letter * 9}")
    log = SearchLog(settings.log_url)
    build = base.status().build

    class Slow(triage.Examiner):
        def __init__(self):
            """Needs no index."""

        def examine(self, group, reworded):
            return triage.Triage("content", build), ""

    seen = []
    done = triage.triage(
        log, Slow(), lambda category: "", build, seconds=-1, progress=lambda *at: seen.append(at)
    )
    assert (done, seen) == (20, [(20, len(letters))])
    assert triage.triage(log, Slow(), lambda category: "", build, seconds=60) == len(letters) - 20
    assert log.groups.to_triage(build) == []
    log.close()


def test_a_question_dismissed_until_a_day_comes_back_after_it(base, visit):
    visit.searches("подключить кофеварку к космодрому")
    base.log.actions.dismiss(
        group(base).id, "позже", until=base.now() - timedelta(days=1), who="lead"
    )
    assert group(base).status == "dismissed"

    base.replay()

    assert (group(base).status, group(base).dismissed) == ("open", "")


# --- owners -------------------------------------------------------------------------------------

OWNERS = "Оплата: Анна Кедрова\nвход: Борис Соснин\ndefault: Вера Липова\n"


def test_a_new_question_belongs_to_the_owner_of_the_nearest_category(base, settings, visit):
    (settings.articles / "owners.yml").write_text(OWNERS, "utf-8")

    visit.searches("kak vernut dengi")  # the article is found with confidence, after a repair
    visit.searches("вернуть холодильник деньги завтра")  # it is near, but nobody is sure
    visit.searches("космодром телескоп кофеварка")
    base.replay()

    found = {each.question: (each.category, each.owner, each.status) for each in base.misses()}
    assert found == {
        "kak vernut dengi": ("Оплата", "Анна Кедрова", "assigned"),
        "вернуть холодильник деньги завтра": ("Оплата", "Вера Липова", "open"),
        "космодром телескоп кофеварка": ("", "Вера Липова", "open"),
    }


def test_owners_are_read_again_when_the_file_changes(settings):
    file = owners.OwnersFile(settings.articles)
    assert file.read().of("Оплата") == ""

    (settings.articles / "owners.yml").write_text(OWNERS, "utf-8")
    assert [file.read().of(name) for name in ("ОПЛАТА", "Вход", "Другое")] == [
        "Анна Кедрова",
        "Борис Соснин",
        "Вера Липова",
    ]

    (settings.articles / "owners.yml").unlink()
    assert file.read() == owners.Owners()


@pytest.mark.parametrize(
    ("content", "line", "code", "left"),
    [
        ("Оплата: Анна\nНет такой: Борис\n", 2, "owner-of-nothing", "Анна"),
        ("Оплата: [Анна, Борис]\n", 1, "owner-not-text", ""),
        ("- Анна\n- Борис\n", 1, "front-matter-not-keys", ""),
        ("Оплата: Анна\nОплата: Вера\n", 2, "duplicate-key", "Вера"),
        ("Оплата: *anna\n", 1, "yaml-alias", ""),
        ("# только пояснение\n\nОплата: Анна\nВход: {\n", 5, "bad-yaml", ""),
    ],
)
def test_a_mistake_in_owners_is_named_with_its_line(content, line, code, left):
    found = owners.problems(content, ["Оплата", "Вход"])

    assert [(problem.line, problem.code) for problem in found] == [(line, code)]
    assert found[0].cure
    assert "front matter" not in found[0].message
    assert owners.parse(content)[0].of("оплата") == left


def test_any_text_is_a_file_of_owners():
    for content in ("", "\ufeffОплата: Анна", "---\nОплата: Анна\n", "\0", "a: b: c", "? [x]\n: y"):
        owners.problems(content, ["Оплата"])
    assert owners.parse("---\nОплата: Анна\n")[0].of("Оплата") == "Анна"
    assert owners.parse("\ufeffОплата: Анна\r\n")[0].of("Оплата") == "Анна"


def test_check_reports_mistakes_of_owners(kb, settings, write):
    write("ru/a", title="Как вернуть деньги", category="Оплата")
    (settings.articles / "owners.yml").write_text("Доставка: Анна\n", "utf-8")

    found = [problem for problem in kb.check() if problem.path == "owners.yml"]

    assert [(problem.line, problem.code, problem.level) for problem in found] == [
        (1, "owner-of-nothing", "warning")
    ]


# --- both databases -----------------------------------------------------------------------------


def test_a_question_lives_the_same_life_in_either_database(settings, write, url):
    (settings.articles / "owners.yml").write_text(OWNERS, "utf-8")
    write("ru/plan", "Тариф меняется первого числа.", title="Как сменить тариф", category="Вход")
    write("ru/invoice", "Счёт лежит в платежах.", title="Счёт для бухгалтерии")
    kb = KnowledgeBase.open(settings.model_copy(update={"database_url": SecretStr(url)}))
    kb.rebuild()
    visit = Visitors(kb)
    visit.searches("абонемент сменить", visit="v1")
    visit.searches("тариф сменить", Event("click", "ru/plan", 1, 900), visit="v1")
    visit.searches("подключить кофеварку", visit="v2")

    def life():
        found = kb.log.board.page(Filter(status="all"))
        return {
            each.question: (each.status, each.owner, each.triage.cause if each.triage else "")
            for each in found.groups
        }

    kb.replay()
    assert life() == {
        "абонемент сменить": ("assigned", "Борис Соснин", "synonym"),
        "подключить кофеварку": ("open", "Вера Липова", "content"),
    }

    article = write("ru/coffee", "Нажмите кнопку.", title="Подключить кофеварку", draft=True)
    kb.rebuild()
    assert life()["подключить кофеварку"] == ("assigned", "Вера Липова", "draft")

    write("ru/coffee", "Нажмите кнопку.", title="Подключить кофеварку")
    assert kb.rebuild().answered == ("подключить кофеварку",)

    article.unlink()
    assert kb.rebuild().regressed == ("подключить кофеварку",)
    assert life()["подключить кофеварку"] == ("regressed", "Вера Липова", "content")
    kb.close()
