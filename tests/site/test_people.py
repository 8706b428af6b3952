"""People of the board: accounts of their own, what each role may do, and whose undo it is."""

import hashlib
import os
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.security import generate_password_hash

from kb.base.config import Settings
from kb.base.errors import ConfigError
from kb.base.roles import LEAD, ROLES, WRITER
from kb.cli import main
from kb.searchlog.db.models import Filter, Search
from kb.service import KnowledgeBase
from kb.site import auth, throttle
from kb.site.accounts import AccountsFile, People, Person, checked
from kb.site.board.questions import ACTIONS
from kb.web import create_app

OURS = {"Sec-Fetch-Site": "same-origin"}
SHARED = "correct horse battery staple"
ANNAS, BORISS, NEW = "apple boat cloud drum", "echo fern gate hill", "iron jade kite lamp"


def hashed(password: str) -> str:
    """A hash that takes a test a millisecond."""
    return generate_password_hash(password, "scrypt:1024:8:1")


ANNA = Person("Анна Кедрова", LEAD, "anna@example.com", "ru", hashed(ANNAS))
BORIS = Person("Boris", WRITER, "", "", hashed(BORISS))


@pytest.fixture
def board(settings, write):
    """`board(leads_groups=("staff=writer",))` is a board with Anna and Boris, and its clients."""
    write("ru/vpn", "Текст о сети.", title="Настройка VPN", category="Сеть")
    opened = []

    def board(*people, shared=True, **more):
        if shared:
            more["leads_password"] = Settings(leads_password=SHARED).leads_password
        service = KnowledgeBase.open(settings.model_copy(update=more))
        service.rebuild()
        opened.append(service)
        file = AccountsFile(service.settings.leads_file)
        file.change(lambda _: People(people or (ANNA, BORIS)))
        app = create_app(service)
        app.testing = True
        return SimpleNamespace(
            app=app,
            file=file,
            log=service.log,
            client=lambda: ours(app.test_client()),
        )

    yield board
    for service in opened:
        service.close()


def ours(client):
    client.environ_base.update({"HTTP_SEC_FETCH_SITE": "same-origin"})
    return client


def sign_in(client, name, password, **more):
    return client.post("/leads/sign-in", data={"name": name, "password": password, **more})


def signed_in(board, name, password):
    client = board.client()
    assert sign_in(client, name, password).status_code == 303
    return client


def missed(log, query):
    """A question that somebody asked in vain; its number."""
    now = time.time() - 3600
    log.record(Search("r1", "v1", query, started=now, ended=now + 1, lang="ru", asker="a"))
    return log.board.page(Filter()).groups[0].id


# --- who gets in --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Анна Кедрова", "  анна  кедрова ", "ANNA@example.com"])
def test_a_person_signs_in_by_name_or_address_with_their_own_password(board, name):
    page = signed_in(board(), name, ANNAS).get("/leads?ui=ru")

    assert page.status_code == 200
    assert "Вы работаете как Анна Кедрова." in page.text


@pytest.mark.parametrize(
    ("name", "password", "status"),
    [
        ("Анна Кедрова", BORISS, 401),
        ("Анна Кедрова", SHARED, 401),  # the name of an account needs its own password
        ("anna@example.com", SHARED, 401),
        ("", ANNAS, 401),
        ("Вера", ANNAS, 401),
        ("Вера", SHARED, 303),  # the shared password goes on working
        ("", SHARED, 303),
        pytest.param("Анна Кедрова", hashed(ANNAS), 401, id="the hash of her password"),
        ("Анна Кедрова", "x" * 10_000, 401),
    ],
)
def test_only_a_name_and_its_own_password_belong_together(board, name, password, status):
    assert sign_in(board().client(), name, password).status_code == status


def test_a_link_gives_nobody_the_name_of_another_and_is_not_used_up_by_asking(board):
    world = board()
    token = auth.SignInLinks(world.file._file.parent).make()
    client = world.client()

    taken = client.post("/leads/sign-in", data={"token": token, "name": "Анна Кедрова"})

    assert taken.status_code == 401
    assert token in taken.text
    data = {"token": token, "name": "Вера"}
    assert client.post("/leads/sign-in", data=data).status_code == 303


def test_who_knows_the_shared_password_makes_no_session_of_another(board):
    """The key of its cookies comes from the password, so its holders can sign any name."""
    client = board().client()
    forged = auth.PasswordAuth(SHARED).session_cookie("Анна Кедрова")

    client.set_cookie("kb_leads", forged, path="/leads")

    assert client.get("/leads").status_code == 401
    long = auth.PasswordAuth(SHARED).session_cookie("Анна Кедрова" + " " * 10**6)
    client.set_cookie("kb_leads", long, path="/leads")
    assert client.get("/leads").status_code == 401
    client.set_cookie("kb_leads", auth.PasswordAuth(SHARED).session_cookie("Вера"), path="/leads")
    assert client.get("/leads").status_code == 200


def test_a_cookie_of_one_account_opens_no_other(board):
    client = board().client()

    client.set_cookie("kb_leads", BORIS.sessions().session_cookie(ANNA.name), path="/leads")

    assert client.get("/leads").status_code == 401


def test_accounts_alone_are_enough(board):
    world = board(shared=False)

    page = world.client().get("/leads").text

    assert "KB_LEADS_PASSWORD" not in page
    assert 'name="name"' in page
    assert signed_in(world, "Boris", BORISS).get("/leads").status_code == 200
    assert sign_in(world.client(), "", "x").status_code == 401


def test_who_was_removed_or_got_another_role_is_so_at_once(board):
    world = board()
    anna, boris = signed_in(world, ANNA.name, ANNAS), signed_in(world, "Boris", BORISS)
    assert anna.get("/leads/misses.csv").status_code == 200

    world.file.change(lambda people: people.changed(ANNA.name, role=WRITER).removed("boris"))

    assert anna.get("/leads/misses.csv").status_code == 403
    assert boris.get("/leads").status_code == 401


def test_wrong_passwords_of_accounts_slow_a_network_down_as_those_of_all(board):
    client = board().client()
    for n in range(throttle.TRIES):
        assert sign_in(client, (ANNA.name, "Boris")[n % 2], "a guess").status_code == 401

    answer = sign_in(client, ANNA.name, ANNAS)  # even the right one

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= throttle.PAUSE


def test_a_name_that_is_nobodys_takes_as_long_as_a_wrong_password(monkeypatch):
    monkeypatch.setattr("hashlib.scrypt", hashlib.scrypt.__wrapped__)  # each time anew
    people = People((Person("Anna", password=auth.hash_password(ANNAS)),))

    def seconds(name):
        began = time.process_time()
        assert people.signed_in(name, "a guess") is None
        return time.process_time() - began

    known, unknown = (min(seconds(name) for _ in range(3)) for name in ("Anna", "Eve"))
    assert known / 3 < unknown < known * 3


# --- the own password ---------------------------------------------------------------------------


def change(client, password, new, again=None):
    data = {"password": password, "new": new, "again": new if again is None else again}
    return client.post("/leads/password", data=data, follow_redirects=True)


def test_a_new_password_ends_the_other_sessions_of_that_person_alone(board):
    world = board()
    here, elsewhere = (signed_in(world, ANNA.name, ANNAS) for _ in range(2))
    boris, shared = signed_in(world, "Boris", BORISS), signed_in(world, "Вера", SHARED)

    page = change(here, ANNAS, NEW)

    assert (page.status_code, "Пароль изменён" in page.text) == (200, True)
    assert elsewhere.get("/leads").status_code == 401
    assert [client.get("/leads").status_code for client in (here, boris, shared)] == [200] * 3
    assert sign_in(world.client(), ANNA.name, ANNAS).status_code == 401
    assert sign_in(world.client(), ANNA.name, NEW).status_code == 303


@pytest.mark.parametrize(
    ("password", "new", "again", "status", "said"),
    [
        (BORISS, NEW, NEW, 401, "не ваш нынешний"),
        (ANNAS, "qwerty123456", "qwerty123456", 400, "легко угадать"),
        (ANNAS, NEW, NEW + "x", 400, "по-разному"),
        (ANNAS, "", "", 400, "легко угадать"),
    ],
)
def test_a_change_that_is_not_meant_changes_nothing(board, password, new, again, status, said):
    world = board()
    client = signed_in(world, ANNA.name, ANNAS)

    page = change(client, password, new, again)

    assert (page.status_code, said in page.text) == (status, True)
    assert not [text for text in {password, new} - {""} if text in page.text]
    assert sign_in(world.client(), ANNA.name, ANNAS).status_code == 303


def test_the_password_of_now_is_guessed_on_this_page_no_faster_than_at_the_door(board):
    client = signed_in(board(), "Boris", BORISS)

    statuses = [change(client, "a guess", NEW).status_code for _ in range(throttle.TRIES + 1)]

    assert statuses == [401] * throttle.TRIES + [429]


def test_who_has_no_account_has_no_password_to_change(board):
    world = board()

    assert signed_in(world, "Вера", SHARED).get("/leads/password").status_code == 404
    assert "/leads/password" not in signed_in(world, "Вера", SHARED).get("/leads").text


def test_no_password_stands_in_the_page_that_asks_to_sign_in_again(board):
    client = board().client()

    page = client.post("/leads/password", data={"password": ANNAS, "new": NEW, "again": NEW})

    assert page.status_code == 401
    assert not [text for text in (ANNAS, NEW) if text in page.text]


# --- roles --------------------------------------------------------------------------------------

# Whatever is not named here is for leads alone: a new route must be thought of.
WRITERS = {
    "leads.board", "leads.alike", "leads.group", "leads.article", "leads.synonyms", "leads.numbers",
    "leads.state", "leads.manual", "leads.undo", "leads.own_password", "leads.sign_in",
    "leads.sign_out", "leads.learned", "leads.learned_patch", "leads.learned_synonyms",
    "leads.readers",
}  # fmt: skip
WRITERS_DO = {"note", "take"}


def asked(client, rule, id):
    """What every method of a route answers."""
    path = re.sub(r"<int[^>]*>", str(id), rule.rule)
    path = path.replace("<name>", "board").replace("<table>", "searches")
    return {client.open(path, method=method).status_code for method in rule.methods - {"OPTIONS"}}


def test_every_route_and_every_action_is_held_against_the_role(board):
    world = board()
    id = missed(world.log, "сменить тариф")
    rules = [r for r in world.app.url_map.iter_rules() if r.endpoint.startswith("leads.")]

    refused = {}
    for role, name, password in ((LEAD, ANNA.name, ANNAS), (WRITER, "Boris", BORISS)):
        refused[role] = set()
        for rule in rules:
            if 403 in asked(signed_in(world, name, password), rule, id):
                refused[role].add(rule.endpoint)
        client = signed_in(world, name, password)
        for action in ACTIONS:
            # Without a question nothing is done, but the role is asked first.
            if client.post("/leads/do", data={"do": action}).status_code == 403:
                refused[role].add(action)

    assert refused[LEAD] == set()
    endpoints = {rule.endpoint for rule in rules}
    assert endpoints >= WRITERS
    assert refused[WRITER] == (endpoints - WRITERS) | (set(ACTIONS) - WRITERS_DO)


def test_the_pages_of_a_writer_offer_nothing_that_is_refused(board):
    world = board()
    id = missed(world.log, "сменить тариф")
    client = signed_in(world, "Boris", BORISS)

    for path in ("/leads", f"/leads/{id}", "/leads/alike", "/leads/numbers", "/leads/state"):
        page = client.get(path).text
        actions = set(re.findall(r'name="do" value="(\w+)"', page))
        assert actions <= WRITERS_DO, path
        links = set(re.findall(r'(?:href|action)="(/leads[^"#]*)', page))
        assert [link for link in links if client.get(link).status_code == 403] == [], path
    assert {"take", "note"} <= set(re.findall(r'value="(\w+)"', client.get(f"/leads/{id}").text))


def test_a_role_without_a_line_in_the_table_may_do_nothing():
    from kb.site.board import roles

    assert not roles.may("", "leads.board")
    assert not roles.may("guest", "leads.do", "note")
    assert not roles.may_undo("guest", "note")
    assert roles.may("", "leads.sign_in")


# --- whose action it is -------------------------------------------------------------------------


def act(client, do, id, **more):
    return client.post("/leads/do", data={"do": do, "id": id, **more}, follow_redirects=True)


def owner_of(world, id):
    return world.log.groups.details(id).group.owner


def test_actions_stand_under_the_person_and_undo_takes_back_their_own_last_one(board):
    world = board()
    id = missed(world.log, "сменить тариф")
    anna, boris = signed_in(world, ANNA.name, ANNAS), signed_in(world, "Boris", BORISS)

    act(boris, "take", id)
    act(anna, "note", id, note="Смотрю")
    act(anna, "assign", id, owner="Вера")
    last = world.log.actions.last_action(ANNA.name)
    stolen = boris.post("/leads/undo", data={"action": last.id}, follow_redirects=True)

    assert "Ничего не отменено" in stolen.text
    assert owner_of(world, id) == "Вера"
    history = world.log.groups.details(id).history
    told = [(entry.who, entry.what, entry.detail) for entry in history]
    assert told[-3:] == [
        ("Boris", "assigned", "Boris"),
        (ANNA.name, "note", "Смотрю"),
        (ANNA.name, "assigned", "Вера"),
    ]
    anna.post("/leads/undo", data={"action": last.id})
    assert owner_of(world, id) == "Boris"
    own = world.log.actions.last_action("Boris")
    boris.post("/leads/undo", data={"action": own.id})
    assert owner_of(world, id) == ""


def test_what_somebody_did_as_a_lead_they_do_not_take_back_as_a_writer(board):
    world = board()
    id = missed(world.log, "сменить тариф")
    anna = signed_in(world, ANNA.name, ANNAS)
    act(anna, "dismiss", id, reason="Не наше")
    last = world.log.actions.last_action(ANNA.name)

    world.file.change(lambda people: people.changed(ANNA.name, role=WRITER))

    assert anna.post("/leads/undo", data={"action": last.id}).status_code == 403
    assert "data-undo" not in anna.get("/leads").text
    assert world.log.groups.details(id).group.status == "dismissed"


def test_who_gave_no_name_takes_nothing(board):
    world = board()
    id = missed(world.log, "сменить тариф")
    client = signed_in(world, "", SHARED)

    assert act(client, "take", id).status_code == 400
    assert 'value="take"' not in client.get(f"/leads/{id}").text


# --- the proxy ----------------------------------------------------------------------------------

PROXIED = {"trusted_proxies": ("127.0.0.1",)}


def headers(email, groups):
    return {"X-Forwarded-Email": email, "X-Forwarded-Groups": groups}


@pytest.mark.parametrize(
    ("allowed", "groups", "page", "table"),
    [
        (("leads",), "leads", 200, 200),
        (("leads", "staff=writer"), "staff", 200, 403),
        (("leads", "staff=writer"), "staff,leads", 200, 200),  # the role that may do more
        (("*=writer", "leads=lead"), "", 200, 403),
        (("*=writer", "leads=lead"), "leads", 200, 200),
        (("staff=writer",), "guests", 403, 403),
    ],
)
def test_a_group_of_the_proxy_gives_a_role(board, allowed, groups, page, table):
    client = board(**PROXIED, leads_groups=allowed).client()
    named = headers("vera@example.com", groups)

    assert client.get("/leads", headers=named).status_code == page
    assert client.get("/leads/misses.csv", headers=named).status_code == table


def test_whom_the_proxy_names_by_the_address_of_an_account_acts_under_its_name(board):
    client = board(**PROXIED, leads_groups=("leads",)).client()

    page = client.get("/leads?ui=ru", headers=headers("Anna@example.com", "leads"))

    assert "Вы работаете как Анна Кедрова." in page.text


def test_nobody_goes_by_an_address_that_a_proxy_names(board):
    client = board(**PROXIED, leads_groups=("leads",)).client()

    assert sign_in(client, "vera@example.com", SHARED).status_code == 401
    assert sign_in(client, "Вера", SHARED).status_code == 303


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_somebody_in_none_of_the_groups_is_told_so_in_words(board, lang):
    client = board(**PROXIED, leads_groups=("leads",)).client()
    sent = headers("<eve>@example.com", "guests,<b>many</b>")

    answer = client.get(f"/leads?ui={lang}", headers=sent)

    assert answer.status_code == 403
    assert "KB_LEADS_GROUPS" in answer.text
    assert "&lt;eve&gt;@example.com" in answer.text
    assert "&lt;b&gt;many&lt;/b&gt;, guests" in answer.text
    assert "KB_LEADS_PASSWORD" not in answer.text
    assert 'name="password"' in answer.text  # who has a password goes on by it
    assert sign_in(client, "Вера", SHARED).status_code == 303


def test_a_group_of_no_known_role_is_a_mistake_of_the_setting():
    with pytest.raises(ValueError, match="staff=writer"):
        Settings(leads_groups=("staff=boss",))


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def kb_leads(runner, settings):
    def run(*arguments, input=None):
        folders = {"KB_DATA": str(settings.data), "LANG": "en_US.UTF-8"}
        return runner.invoke(main, ["leads", *arguments], input=input, env=folders)

    return run


def test_the_command_adds_changes_lists_and_removes(kb_leads, settings):
    file = AccountsFile(settings.leads_file)
    assert "Nobody has an account yet" in kb_leads("list").stdout

    added = kb_leads("add", "Анна", "--email", "a@example.com", "--lang", "ru", input=f"{ANNAS}\n")
    made = kb_leads("add", "Boris", "--role", "writer", "--generate")

    assert (added.exit_code, made.exit_code) == (0, 0)
    assert ANNAS not in added.stdout + settings.leads_file.read_text()
    assert file.read().signed_in("анна", ANNAS) == file.read().everybody[0]
    [password] = re.findall("once: (.+)", made.stdout)
    assert file.read().signed_in("boris", password).role == WRITER
    assert kb_leads("list").stdout.splitlines() == [
        "Анна   lead    a@example.com",
        "Boris  writer  –",
    ]
    assert kb_leads("change", "boris", "--role", "lead", "--password", input=NEW).exit_code == 0
    assert file.read().signed_in("boris", password) is None
    assert file.read().signed_in("boris", NEW).role == LEAD
    assert kb_leads("remove", "анна").exit_code == 0
    assert [person.name for person in file.read().everybody] == ["Boris"]


@pytest.mark.parametrize(
    ("arguments", "input", "says"),
    [
        (("add", "Анна"), "password2026\n", "four words"),
        (("add", "Анна"), "", "pipe one in"),
        (("add", "lead"), ANNAS, "no name"),
        (("add", "Анна", "--email", "x"), ANNAS, "anna@example.com"),
        (("add", "Анна", "--lang", "xx"), ANNAS, "KB_LANGS"),
        (("change", "Вера", "--role", "lead"), None, "kb leads list"),
        (("change", "Вера"), None, "nothing to change"),
        (("remove", "Вера"), None, "kb leads list"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_next_step(kb_leads, settings, arguments, input, says):
    done = kb_leads(*arguments, input=input)

    assert (done.exit_code, says in done.stderr) == (2, True)
    assert not settings.leads_file.exists()


def test_the_data_folder_that_the_command_makes_stays_out_of_git(kb_leads, settings):
    kb_leads("add", "Анна", input=ANNAS)

    assert (settings.data / ".gitignore").exists()


# --- the file -----------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    return AccountsFile(tmp_path / "kept" / "leads.toml")


_names = st.text(min_size=1, max_size=80).filter(
    lambda text: text.isprintable() and " ".join(text.split()) and text.strip() not in ("lead", "-")
)


@given(st.lists(_names, max_size=4, unique_by=lambda name: " ".join(name.casefold().split())))
def test_what_is_written_is_read_again(tmp_path_factory, names):
    file = AccountsFile(tmp_path_factory.mktemp("kept") / "leads.toml")
    everybody = People()
    for name in names:
        try:
            everybody = everybody.added(Person(name, WRITER, password=ANNA.password))
        except ConfigError:  # alike once their letters are compared, or reserved
            continue

    file.change(lambda _: everybody)

    assert file.read() == everybody


def test_the_file_is_its_owners_alone_and_no_draft_stays(file):
    file._file.parent.mkdir()
    file._file.write_text("")
    file._file.chmod(0o644)

    file.change(lambda people: people.added(ANNA))

    assert stat.S_IMODE(file._file.stat().st_mode) == 0o600
    assert os.listdir(file._file.parent) == ["leads.toml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_what_the_superuser_writes_belongs_to_the_owner_of_the_folder(file):
    file._file.parent.mkdir()
    os.chown(file._file.parent, 65534, 65534)

    file.change(lambda people: people.added(ANNA))

    assert file._file.stat().st_uid == 65534


def test_a_change_that_fails_leaves_the_file_as_it_was(file):
    file.change(lambda people: people.added(ANNA))
    before = file._file.read_bytes()

    with pytest.raises(ConfigError, match="Boris"):
        file.change(lambda people: people.removed("Boris"))

    assert file._file.read_bytes() == before
    assert os.listdir(file._file.parent) == ["leads.toml"]


def test_changes_at_once_lose_none(file):
    with ThreadPoolExecutor(4) as at_once:
        for n in range(12):
            person = Person(f"p{n}", password=ANNA.password)
            at_once.submit(file.change, lambda people, p=person: people.added(p))

    assert len(file.read().everybody) == 12


@pytest.mark.parametrize(
    "content",
    [
        "no table", "[anna]\nrole = 3", '[anna]\nrole = "boss"', "anna = 3", "[anna]",
        '[anna]\npassword = "text"', '[anna]\npasword = "x"', "\udcff", "[lead]", '[" "]',
    ],
)  # fmt: skip
def test_a_damaged_file_lets_nobody_in_and_says_where(board, content, caplog):
    world = board()
    anna, shared = signed_in(world, ANNA.name, ANNAS), signed_in(world, "Вера", SHARED)
    world.file._file.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(ConfigError, match=r"leads\.toml: "):
        world.file.read()
    for client in (anna, shared, world.client()):
        answer = client.get("/leads?ui=ru")
        assert answer.status_code == 503
        assert "kb leads list" in answer.text
        assert str(world.file._file) not in answer.text
    assert str(world.file._file) in caplog.text


@pytest.mark.parametrize("name", ["", " ", "a" * 81, "a\nb\x00", "lead", "LEAD", "-", "\u202eanna"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ConfigError, match="no name"):
        checked(Person(name, password=ANNA.password))


def test_each_role_is_known_to_the_file_and_the_settings():
    for role in ROLES:
        assert checked(Person("Anna", role, password=ANNA.password)).role == role
        assert Settings(leads_groups=(f"staff={role}",)).role_of({"staff"}) == role
