"""A visit is a person at the box: no reload, no robot, no run of one address."""

import pytest

from kb.searchlog.db.letter_models import NewLetter
from kb.searchlog.reports import Event, Report, Step

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NAVIGATION = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ROBOTS = (
    "facebookexternalhit/1.1", "vkShare", "Mediapartners-Google", "Google-InspectionTool/1.0",
    "GoogleOther", "ia_archiver", "Barkrowler/0.9", "Mozilla/5.0 zgrab/0.x", "PostmanRuntime/7.4",
    "Apache-HttpClient/4.5", "HTTPie/3.2", "Ruby", "k6/0.49 (https://k6.io/)", "kube-probe/1.27",
    "ELB-HealthChecker/2.0", "Datadog/Synthetics", "Better Uptime Bot", "check_http/v2", "",
)  # fmt: skip
PEOPLE = (
    PERSON,
    "Mozilla/5.0 (Linux; Android 13; CUBOT X50) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 YaBrowser/24 Safari",
)


@pytest.fixture
def base(kb, write):
    write("ru/mail", "Почта меняется в настройках.", title="Сменить почту")
    kb.rebuild()
    return kb


@pytest.fixture
def board(base):
    def read():
        assert base.recorder.flush()
        return [(group.question, group.visits, group.searches) for group in base.misses()]

    return read


def asks(client, query, agent=PERSON, **more):
    answer = client.get(
        "/ru/search", query_string={"q": query, **more}, headers={"User-Agent": agent, **NAVIGATION}
    )
    assert answer.status_code == 200


def test_four_reloads_of_a_page_of_results_are_no_visits(base, client, board):
    asks(client, "телепорт сломался", run="run-of-script", visit="visit-of-script")
    for _ in range(4):  # the script has tidied the address
        asks(client, "телепорт сломался")

    assert board() == [("телепорт сломался", 1, 2)]


def test_one_address_without_scripts_is_one_visit_of_a_question(base, client, board):
    for n in range(25):
        asks(client, ("телепорт сломался", "сломался телепорт", "Сломался! Телепорт!")[n % 3])

    [(_, visits, searches)] = board()
    assert (visits, searches) == (1, 3)


def test_another_network_is_another_visit(base, app, board):
    for n in (1, 2):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.{n}.7"
        asks(client, "телепорт сломался")

    assert board() == [("телепорт сломался", 2, 2)]


def test_robots_are_not_on_the_board_and_people_are(base, client, board):
    for agent in ROBOTS:
        asks(client, "телепорт сломался", agent)
    assert board() == []

    for n, agent in enumerate(PEOPLE):
        asks(client, ("луна", "марс", "венера")[n], agent)
    assert len(board()) == len(PEOPLE)


@pytest.mark.parametrize(
    ("query", "left", "missed"),
    [
        ("телепорт сломалс", 900, False),  # left while typing
        ("телепорт сломалс", 1100, True),
        ("телепорт сломан", 900, True),  # a whole word
        ("сменить телепоч", None, True),  # nobody said they left
    ],
)
def test_a_run_left_within_a_second_on_an_unfinished_word_is_no_miss(
    base, board, query, left, missed
):
    events = (Event("left", ms=left),) if left else ()
    base.report(Report("run", "visit", lang="ru", steps=(Step(query, 0),), events=events))

    assert [question for question, *_ in board()] == ([query] if missed else [])


def test_what_was_opened_in_haste_is_no_miss_either_and_a_letter_is_one(base, board):
    base.report(
        Report("run", "visit", lang="ru", steps=(Step("телепорт сломалс", 0),),
               events=(Event("left", ms=500),))
    )  # fmt: skip
    assert board() == []

    base.send_letter(NewLetter("k", "Сломался", "me@example.com", visit="visit"))

    [(question, _, _)] = board()
    assert question == "телепорт сломалс"
