"""Two web machines, one PostgreSQL, one nginx, one machine that indexes: each is lost in turn.

The long form, with PostgreSQL away for ten seconds and minutes of load, is `make soak
ARGS=machines`.
"""

import contextlib
import os
import re
import shutil
import signal
import time
from urllib.parse import urlencode

import machines
import postgres
import pytest
from machines import Lead, Load, number, open_form, report, send_letter
from needs import unavailable
from served import eventually

from kb.searchlog.db.letter_models import LetterFilter

FULL = os.environ.get("KB_TEST_FULL") == "1"
AWAY = 10.0 if FULL else 2.0  # seconds without PostgreSQL
MORE = 3000 if FULL else 40  # requests after each fault

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.xdist_group("server"),
    pytest.mark.timeout(1800 if FULL else 180),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if postgres.binaries() is None:
        unavailable("PostgreSQL's initdb and postgres are not installed (apt install postgresql)")
    if shutil.which("nginx") is None:
        unavailable("nginx is not installed (apt install nginx)")
    folder = tmp_path_factory.mktemp("machines")
    articles = folder / "articles"
    (articles / "ru").mkdir(parents=True)
    write(articles, "vpn", "Настройка VPN", "Нажмите «Подключить». ![](a.png)")
    (articles / "ru" / "a.png").write_bytes(b"picture")
    with machines.cluster(folder, articles) as found:
        yield found


def write(articles, name, title, text):
    (articles / "ru" / f"{name}.md").write_text(f"---\ntitle: {title}\n---\n{text}\n", "utf-8")


def wait_for_run(log, run):
    """Waits until a run stands in the log, as long as others do that were reported before it."""
    known = set()

    def more():
        found = {row["id"] for row in log.export()} - known
        known.update(found)
        return found

    while run not in known:
        eventually(more, 90)


def held(load, what):
    print(f"\n{what}: {load.answered} requests, {len(load.failed)} failed, "
          f"the slowest in {load.slowest:.2f} s")  # fmt: skip
    assert load.failed == []
    assert load.answered >= MORE


def test_a_web_machine_killed_under_load_costs_no_request(site):
    one = site.web[0]
    with Load(site.front) as load:
        load.wait()
        one.kill()
        try:
            load.wait(MORE)
        finally:  # the tests that follow need it
            one.start()
        load.wait()
    held(load, "web machine killed")


def test_postgresql_stopped_costs_no_search_and_no_letter(site):
    opened = open_form(site.front)
    with Load(site.front) as load:
        load.wait()
        time.sleep(3.2)  # nobody types a letter faster
        site.server.stop(signal.SIGINT)
        stopped = time.monotonic()
        try:
            sent = send_letter(site.front, opened, "Письмо без базы")
            assert (sent.status, report(site.front, "run-away-1")) == (303, 204)
            time.sleep(max(0.0, AWAY - (time.monotonic() - stopped)))
            load.wait(MORE)
        finally:
            site.server.start()
        load.wait()
    held(load, f"PostgreSQL away for {AWAY:.0f} s")

    with contextlib.closing(site.log()) as log:
        eventually(lambda: log.letters.find(LetterFilter()).total, 60)
        [letter] = log.letters.find(LetterFilter()).letters
        assert letter.number == number(sent)
        wait_for_run(log, "run-away-1")


def test_the_indexing_machine_gone_costs_nothing_and_its_next_build_arrives(site):
    before = site.builds()
    site.indexing.kill()
    with Load(site.front) as load:
        load.wait(MORE)
    held(load, "indexing machine gone")
    assert site.builds() == before

    write(site.indexing.settings.articles, "mail", "Почта", "Откройте настройки.")
    site.indexing.start()
    eventually(lambda: set(site.builds()) - set(before) and len(set(site.builds())) == 1, 120)
    picture = [machine.request("GET", "/media/ru/a.png") for machine in site.web]
    assert [(each.status, each.text) for each in picture] == [(200, "picture")] * 2


def test_kb_status_names_each_machine_and_its_build(site):
    eventually(lambda: site.status()[0] == 0, 90)
    _, told = site.status()

    assert [(each["name"], each["state"]) for each in told["machines"]] == [
        ("indexing", "ok"), ("one", "ok"), ("two", "ok"),
    ]  # fmt: skip
    assert {each["build"] for each in told["machines"]} == {told["newest"]} == {*site.builds()}
    assert [bool(each["pulled"]) for each in told["machines"]] == [False, True, True]


def test_what_is_done_on_the_board_of_one_machine_is_seen_on_the_other(site):
    one, two = (
        Lead(machine, name) for machine, name in zip(site.web, ("Анна", "Борис"), strict=True)
    )

    board = "/leads?" + urlencode({"q": "самоката"})

    def listed():
        """The number of the question in the list of the other machine, if it is there."""
        return re.findall(r'href="/leads/(\d+)"[^>]*>аренда самоката<', two.ask(board).text)

    assert report(site.web[0].port, "run-board-1", "аренда самоката") == 204
    with contextlib.closing(site.log()) as log:
        wait_for_run(log, "run-board-1")
    eventually(listed)
    [question] = listed()

    assert one.ask("/leads/do", do="assign", id=question, owner="Вера").status == 303
    assert '<span class="owner">Вера</span>' in two.ask(board).text
    assert two.ask("/leads/do", do="dismiss", id=question, reason="не сдаём").status == 303
    assert "не сдаём" in one.ask(f"/leads/{question}").text
    assert listed() == []


def test_who_signs_out_of_one_machine_is_out_of_the_other(site):
    one, two = (Lead(machine, "Борис") for machine in site.web)
    two.cookies = one.cookies
    assert (one.ask("/leads").status, two.ask("/leads").status) == (200, 200)

    assert one.ask("/leads/sign-out", x="").status == 303

    assert (one.ask("/leads").status, two.ask("/leads").status) == (401, 401)


def test_wrong_passwords_are_counted_on_all_machines_together(site):
    tries = []
    for n in range(8):
        machine = site.web[n % 2]
        body, origin = urlencode({"password": f"wrong {n}"}), f"http://127.0.0.1:{machine.port}"
        answer = machine.request(
            "POST", "/leads/sign-in", body, Origin=origin, X_Forwarded_For="203.0.113.7"
        )
        tries.append(answer.status)

    assert tries == [401] * 5 + [429] * 3


def test_nothing_was_logged_as_a_mistake_of_ours(site):
    logs = [path.read_text() for machine in (site.indexing, *site.web) for path in machine.logs]

    assert "Traceback" not in "".join(logs)
