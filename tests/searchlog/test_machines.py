"""Machines that share a log: what each says of itself, and what they keep in common."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from logs import moment

from kb.base.config import Settings
from kb.base.errors import LogUnavailable
from kb.base.locked_json import LockedJson
from kb.commands.status import _newest, _shape
from kb.letters.spool import LetterSpool
from kb.searchlog.db.letter_models import Attachment, NewLetter, TrailStep
from kb.searchlog.db.machine_models import Machine
from kb.searchlog.shared_json import SharedJson, opener
from kb.site import accounts
from kb.site.accounts import People, Person
from kb.site.auth import EndedSessions, Session, SignInLinks, hash_password
from kb.site.rate_limits import allows_in
from kb.site.throttle import LoginThrottle

BUILDS = ("20261129-064204-3f9c1e", "20261129-074204-3f9c1e")


def machine(name, build=BUILDS[1], **more):
    return Machine(name, build, moment(0), "0.1.0", moment(10), **more)


def test_a_machine_is_listed_as_it_noted_itself_last_until_it_is_silent_for_a_week(log):
    log.machines.note(machine("two", BUILDS[0], source="https://index", pulled=moment(5)))
    log.machines.note(newer := machine("two", source="https://index", pulled=moment(9)))
    log.machines.note(machine("one"))
    assert log.machines.all() == [machine("one"), newer]

    later = replace(machine("one"), heard=moment(10) + timedelta(days=8))
    log.machines.note(later)

    assert log.machines.all() == [later]


def test_status_measures_machines_by_the_one_that_makes_builds():
    makes, old = machine("a", BUILDS[0]), machine("b", BUILDS[1], source="https://index")
    assert _newest([makes, old], "") == BUILDS[0]
    assert _newest([old], BUILDS[0]) == BUILDS[1]
    assert _newest([], "") == ""
    states = [
        _shape(each, BUILDS[1], moment(10) + timedelta(seconds=after))["state"]
        for each, after in ((makes, 5), (old, 5), (old, 61))
    ]
    assert states == ["behind", "ok", "silent"]


def test_a_shared_object_is_changed_by_one_at_a_time(log):
    def add():
        for _ in range(20):
            with log.objects.changing("counts") as content:
                content["n"] = content.get("n", 0) + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert log.objects.read("counts") == {"n": 80}
    assert log.objects.read("others") == {}


class Away:
    """A log that cannot be reached until it is put back."""

    def __init__(self, log):
        self._log = log
        self.is_away = False

    def __call__(self):
        if self.is_away:
            raise LogUnavailable("away")
        return self._log


def test_two_machines_count_wrong_passwords_together_and_apart_while_the_log_is_away(log, tmp_path):
    here, there = Away(log), Away(log)
    throttles = [
        LoginThrottle(SharedJson("tries", away, LockedJson(tmp_path / f"{n}.json")), lambda: 100.0)
        for n, away in enumerate((here, there))
    ]
    waits = [throttles[n % 2].take("203.0.113.0/24") for n in range(6)]
    assert (waits[:5], waits[5] > 0) == ([0.0] * 5, True)

    here.is_away = True

    assert [throttles[0].take("203.0.113.0/24") for _ in range(5)] == [0.0] * 5
    assert throttles[0].take("203.0.113.0/24") > 0
    here.is_away = False
    assert throttles[0].take("203.0.113.0/24") > 0


def test_an_object_that_must_not_differ_is_told_to_be_away(log):
    away = Away(log)
    shared = SharedJson("leads", away, None)
    away.is_away = True
    with pytest.raises(LogUnavailable):
        shared.read()
    with pytest.raises(LogUnavailable), shared.changing():
        pass


def test_what_fails_inside_a_change_is_not_done_twice(log, tmp_path):
    shared = SharedJson("tries", lambda: log, LockedJson(tmp_path / "local.json"))

    def fails():
        with shared.changing() as content:
            content["n"] = 1
            raise LogUnavailable("of another thing")

    with pytest.raises(LogUnavailable):
        fails()
    assert (shared.read(), (tmp_path / "local.json").exists()) == ({}, False)


def test_forms_are_counted_on_all_machines(log):
    counts = SharedJson("rate-contact", lambda: log, None)
    assert [allows_in(counts, "a", 2, 60, at) for at in (0, 1, 2, 61.5)] == [
        True,
        True,
        False,
        True,
    ]
    assert allows_in(counts, "b", 2, 60, 2)


def test_links_and_ended_sessions_hold_on_all_machines(log, tmp_path):
    def shared(name):
        return SharedJson(name, lambda: log, None)

    here = SignInLinks(tmp_path / "a", lambda: 0.0, named=shared)
    there = SignInLinks(tmp_path / "b", lambda: 0.0, named=shared)
    token = here.make()
    assert (there.use(token), here.use(token), here.key() == there.key()) == (True, False, True)
    session = Session("id", "Анна", 0.0)
    EndedSessions(shared("ended"), lambda: 0.0).add(session)
    assert session in EndedSessions(shared("ended"), lambda: 0.0)


def test_accounts_of_a_file_move_into_the_log_with_their_first_change(log, tmp_path):
    settings = Settings(data=tmp_path, database_url="postgresql+psycopg://kb@127.0.0.1:1/kb")
    anna = Person("Анна", password=hash_password("long enough to be kept"))
    accounts.AccountsFile(settings.leads_file).change(lambda people: people.added(anna))
    there = accounts.of(settings, lambda name, **_: SharedJson(name, lambda: log, None))
    assert there.read() == People((anna,))

    there.change(lambda people: people.changed("Анна", email="anna@example.com"))

    assert there.read().find("Анна").email == "anna@example.com"
    assert accounts.AccountsFile(settings.leads_file).read() == People((anna,))
    named = settings.model_copy(update={"leads": tmp_path / "mine.toml"})
    assert type(accounts.of(named, None)) is accounts.AccountsFile


def test_a_log_in_the_data_folder_shares_nothing(tmp_path):
    assert type(opener(Settings(data=tmp_path), None)("leads-tries")) is LockedJson


# ---------------------------------------------------------------- letters

LETTER = NewLetter(
    key="0123abcd", text="Не приходит письмо", email="anna@example.com", subject="Почта",
    trail=(TrailStep("run-1", "почта", moment(0), 2, ("ru/mail",)),),
    attachments=(Attachment("ab" * 16, "a.png", "image/png", 7),),
)  # fmt: skip


def test_a_letter_waits_under_the_number_that_its_writer_was_told(log, tmp_path):
    spool = LetterSpool(tmp_path)
    told = spool.put(LETTER, moment(5))
    again = LetterSpool(tmp_path).put(LETTER, moment(9))
    assert (again.number, again.at) == (told.number, moment(5))

    [(waiting, at)] = spool.waiting()
    stored = log.letters.store(waiting, at, contents={"ab" * 16: b"picture"})
    spool.remove(waiting)

    assert (stored.number, stored.at, stored.trail) == (told.number, moment(5), LETTER.trail)
    assert log.letters.content(LETTER.attachments[0]) == b"picture"
    assert list(spool.waiting()) == []
    assert oct((tmp_path / "letters-waiting").stat().st_mode)[-3:] == "700"


def test_what_is_no_letter_in_the_folder_of_waiting_ones_stops_none(tmp_path):
    spool = LetterSpool(tmp_path)
    spool.put(LETTER, moment(5))
    (tmp_path / "letters-waiting" / "aaaa.json").write_text("{")

    assert [new.key for new, _ in spool.waiting()] == [LETTER.key]


def test_contents_go_with_their_letters(log):
    letter = log.letters.store(LETTER, moment(0), contents={"ab" * 16: b"picture"})
    log.letters.drop_contents()
    assert log.letters.content(LETTER.attachments[0]) == b"picture"

    log.purge(moment(10))
    log.letters.drop_contents()

    assert log.letters.content(LETTER.attachments[0]) is None
    assert letter.files == 1
