"""What people typed stays text on every page and in every letter, wherever it is shown.

Customers ask, vote and write, leads and writers name things: everywhere the same markup, which no
page may hold as it was typed.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from werkzeug.security import generate_password_hash

from kb.base.config import Settings
from kb.base.messages import Message
from kb.base.roles import WRITER
from kb.content import status
from kb.content.problems import Problem
from kb.jobs import digest
from kb.searchlog.db.letter_models import (
    Attachment,
    LetterFilter,
    NewDelivery,
    NewLetter,
    TrailStep,
)
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import GroupTriage, Search, Triage
from kb.service import KnowledgeBase
from kb.site import preview, proxies
from kb.site.accounts import AccountsFile, Person
from kb.web import create_app

BAD = """'"><xbad>"""  # ends attributes and elements
MARKUP = re.compile("<x(bad|new)", re.IGNORECASE)
SHOWN = re.compile(r"(&lt;|\\u003c)x(bad|new)", re.IGNORECASE)  # in HTML, in JSON
UNKNOWN = """'"><xnew>"""  # no article has a word of it
PASSWORD = "correct horse battery staple"
NOW = datetime.now(UTC)
OURS = {"Sec-Fetch-Site": "same-origin"}
STRANGER = proxies.Person(BAD, frozenset({BAD}))

CAUSES = {
    "layout": Triage("layout", query=BAD, slug=BAD),
    "found": Triage("found", slug=BAD),
    "filters": Triage("filters", slug=BAD),
    "language": Triage("language", slug=BAD),
    "draft": Triage("draft", slug=BAD),
    "expired": Triage("expired", slug=BAD),
    "synonym": Triage("synonym", slug=BAD, words=(BAD, BAD)),
    "said": Triage("synonym", slug=BAD, words=(f"погодка {BAD}", f"погода {BAD}")),
    "odd": Triage(BAD),
}
GROUPS = (*CAUSES, "dismissed", "answered", "regressed", "first", "second", "other")


def day(days: int) -> str:
    return (NOW + timedelta(days=days)).date().isoformat()


class World:
    """A help centre where all that has a name is called `BAD`."""

    def __init__(self, folder: Path, templates: Path | None = None) -> None:
        self.settings = Settings(
            articles=folder / "articles",
            data=folder / "var",
            templates=templates,
            leads_password=PASSWORD,
            leads_email=("lead@example.com",),
            leads_groups=("support",),
            site_name=BAD,
            promise=BAD,
            footer=BAD,
            logo=f"{BAD}.png",
            links=[{"title": BAD, "url": f"https://example.com/{BAD}"}],
            base_url="https://help.example.com",
            edit_url=f"https://git.example.com/{BAD}/{{path}}",
        )
        write_articles(self.settings.articles)
        self.service = KnowledgeBase.open(self.settings)
        self.service.rebuild()
        log = SearchLog(self.settings.log_url)
        self.groups = fill(log)
        log.close()
        self._write_state()
        self.customer = create_app(self.service).test_client()
        self.lead = create_app(self.service).test_client()
        self.lead.post(
            "/leads/sign-in", data={"password": PASSWORD, "name": f"not {BAD}"}, headers=OURS
        )
        person = Person(BAD, WRITER, password=generate_password_hash(PASSWORD, "scrypt:1024:8:1"))
        AccountsFile(self.settings.leads_file).change(lambda people: people.added(person))
        self.person = create_app(self.service).test_client()
        self.person.set_cookie(
            "kb_leads", person.sessions().session_cookie(person.name), path="/leads"
        )
        self.writers = KnowledgeBase.open(self.settings, for_writers=True)
        app = create_app(self.writers)
        preview.install(app)
        self.writer = app.test_client()

    def _write_state(self) -> None:
        problem = Problem(BAD, 2, BAD, Message(BAD), Message(BAD), "error")
        here = Problem("ru/draft.md", 2, BAD, Message(BAD), Message(BAD), "hint")
        found = (problem, here)
        addresses = {BAD: "ru/gone"}
        indexed = status.Indexed(NOW, BAD, 1, False, BAD, BAD, found, found, addresses)
        status.write(self.settings.data, indexed)
        before = NOW - timedelta(days=1)
        self.synced = status.Synced(NOW, before, BAD, "", Message(BAD), BAD, BAD, BAD, found)
        status.write(self.settings.data, self.synced)

    def close(self) -> None:
        self.writers.close()
        self.service.close()

    def customers_see(self) -> dict[str, str]:
        """The pages of customers, by what was asked for."""
        found = {}
        for path in (
            *("/ru/", "/articles/ru/a", "/articles/ru/b", "/articles/ru/a?voted=more"),
            *("/feed.xml", "/sitemap.xml", "/opensearch.xml", "/manifest.webmanifest"),
            *("/widget?page=/погода", "/widget?page=/x", "/contact?sent=1"),
            *("/articles/погода", "/articles/nowhere/>'x", f"/articles/{BAD}"),
        ):
            found[path] = self.customer.get(path, query_string=None if "?" in path else {"q": BAD})
        for q, more in (
            (f"погода {BAD}", {}),
            (f"погода {BAD}", {"category": BAD, "tag": BAD}),
            (f"погода {BAD}", {"order": "newest", "run": "r", "visit": "v", "page": "2"}),
            (f"gjujlf {UNKNOWN}", {}),  # погода in the other layout
            (f"gjujlf {UNKNOWN}", {"category": "none"}),
            (UNKNOWN, {}),
            (f"ghjk {BAD}", {"lang": BAD, "category": BAD, "tag": BAD, "visit": "v"}),
        ):
            found[f"/ru/search {q} {more}"] = self.customer.get(
                "/ru/search", query_string={"q": q, **more}
            )
        found["category"] = self.customer.get(f"/categories/ru/{BAD}")
        found["topics of a topic"] = self.customer.get("/categories/ru/part")
        found["contact"] = self.customer.get("/contact", query_string={"q": f"погода {BAD}"})
        sent = {"subject": BAD, "text": BAD, "email": BAD, "q": BAD, "run": BAD, "visit": BAD}
        found["contact again"] = self.customer.post("/contact", data=sent)
        found["widget"] = self.customer.get("/widget", query_string={"q": BAD})
        return {name: answer.text for name, answer in found.items()}

    def leads_see(self) -> dict[str, str]:
        """The pages of the board."""
        narrowed = dict.fromkeys(("status", "kind", "cause", "owner", "category", "lang"), BAD)
        found = {
            "board": self.lead.get("/leads", query_string={"status": "all", BAD: BAD}),
            "nothing": self.lead.get("/leads", query_string={**narrowed, "q": BAD}),
            "some": self.lead.get("/leads", query_string={"owner": BAD, "q": "вопрос"}),
            "numbers": self.lead.get("/leads/numbers"),
            "state": self.lead.get("/leads/state"),
            "due": self.lead.get("/leads/state", query_string={"owner": BAD}),
            "help": self.lead.get("/leads/help/board"),
            "sign-in": self.customer.get("/leads/sign-in", query_string={"next": BAD}),
            "ended": self.customer.post("/leads/do", data={"owner": BAD, BAD: BAD}, headers=OURS),
        }
        named = {proxies.PERSON: STRANGER}
        found["refused"] = self.customer.get("/leads", environ_overrides=named)
        found["password"] = self.person.get("/leads/password")
        found["not yours"] = self.person.get("/leads/misses.csv")
        found["a writer's"] = self.person.get(f"/leads/{self.groups['odd']}")
        chosen = {"state": "all", "type": BAD, "plan": BAD, "owner": BAD, "q": BAD}
        found["letters"] = self.lead.get("/leads/letters", query_string={"state": "all"})
        found["no letters"] = self.lead.get("/leads/letters", query_string=chosen)
        letter = self.service.log.letters.find(LetterFilter(text="с файлом")).letters[0].id
        asked = {"article": ["ru/a", BAD], "sought": BAD, "said": BAD}
        found["letter"] = self.lead.get(f"/leads/letters/{letter}", query_string=asked)
        refused = self.lead.post(f"/leads/letters/{letter}/answer", data={"text": BAD, "do": BAD},
                                 headers=OURS)  # fmt: skip
        found["letter refused"] = refused
        for name, id in self.groups.items():
            found[name] = self.lead.get(f"/leads/{id}", query_string={"title": BAD, "said": BAD})
        for id, action in (("other", "assign"), ("odd", BAD)):
            data = {"id": self.groups[id], "do": action, "owner": f"new {BAD}"}
            data["back"] = f"/leads/{self.groups[id]}?q={BAD}"
            answer = self.lead.post("/leads/do", data=data, headers=OURS)
            found[action] = self.lead.get(answer.location or "/leads")
        return {name: answer.text for name, answer in found.items()}

    def writers_see(self) -> dict[str, str]:
        """What `kb serve --watch` adds."""
        found = {path: self.writer.get(path) for path in ("/ru/", "/articles/ru/draft")}
        found["category"] = self.writer.get(f"/categories/ru/{BAD}")
        found["rejected"] = self.writer.get("/articles/ru/gone")
        return {name: answer.text for name, answer in found.items()}

    def letters_say(self) -> dict[str, str]:
        """The letters, as HTML."""
        told = digest.gather(self.service, NOW + timedelta(minutes=1))
        return {"digest": digest.letter(told, self.settings, ("lead@example.com",)).html}


def write_articles(folder: Path) -> None:
    body = "Первая строка о погоде и пароле.\n\n" + "".join(
        f"## Часть {n} `{BAD}`\n\nТекст о погоде {BAD.replace('<', '&lt;')}.\n\n" for n in range(3)
    )
    named = {"category": BAD, "tags": [BAD], "author": BAD, "owner": BAD, "answer": BAD * 2}
    for path, more in {
        "ru/a": {"updated": day(0), "related": ["ru/b"], "translation_of": "en/a"},
        "ru/b": {"updated": day(-9), "review": day(-3)},
        "ru/c": {"tags": [BAD, "other"], "category": f"{BAD} другое"},
        "ru/draft": {"draft": True},
        "en/a": {"updated": day(0)},
        "de/a": {"lang": "de"},
        **{f"ru/topic-{n}": {"category": f"{BAD} {n}"} for n in range(14)},
        **{f"ru/part/{path}": {"category": None} for path in ("index", "of/index", "of/it")},
    }.items():
        head = {"title": f"Погода {BAD} {path}", **named, **more}
        file = folder / f"{path}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        written = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
        file.write_text(f"---\n{written}---\n{body}", "utf-8")


def fill(log: SearchLog) -> dict[str, int]:
    """Searches, letters, votes and what leads did with them; the groups by name."""
    began = time.time() - 86400
    groups = {}
    for at, name in enumerate(GROUPS):
        asked = f"{name}{at} вопрос{at * 7} {BAD}"
        log.record(
            *(
                Search(
                    f"{name}-{n}", f"v-{name}-{n}", asked + " и" * (n == 3), began, began + 1,
                    lang=BAD if at % 2 else "ru", category=BAD, owner=BAD, shown=((BAD, 1),),
                    filters={BAD: BAD}, total=2,
                )
                for n in range(20 if name == "answered" else 4)
            )
        )  # fmt: skip
        groups[name] = next(
            group.id for group in log.board.misses(status="all") if group.question.startswith(name)
        )
    log.actions.triage(
        *(GroupTriage(groups[name], told, BAD, BAD) for name, told in CAUSES.items())
    )
    log.actions.annotate([*groups.values()], BAD, who=BAD)
    log.actions.dismiss([groups["dismissed"]], BAD, who=BAD)
    for name in ("answered", "regressed"):
        log.actions.answer(groups[name], slug=BAD, build="b", committed=NOW)
    log.actions.regress(groups["regressed"], BAD)
    log.actions.merge([groups["second"]], groups["first"], who=BAD)
    for n in range(20):
        log.ticket(BAD, type=BAD, at=NOW - timedelta(hours=n), replied=NOW)
    step = TrailStep(BAD, BAD, NOW, 1, (BAD,), (BAD,))
    file = Attachment("f" * 32, BAD, BAD, 1)
    new = NewLetter(BAD, f"с файлом {BAD}", BAD, subject=BAD, type=BAD, plan=BAD, lang=BAD,
                    owner=BAD, trail=(step,), offered=(BAD,), attachments=(file,))  # fmt: skip
    stuck = NewDelivery(BAD, "email", "letter", payload=BAD)
    letter = log.letters.store(new, NOW, deliveries=[stuck])
    log.letters.answer(letter.id, BAD, BAD, NOW, articles=[BAD])
    log.letters.hand_on(letter.id, f"other {BAD}", BAD, NOW)
    [claimed] = log.outbox.claim(NOW, timedelta(0))
    log.outbox.settle([], {claimed.id: (BAD, None)}, NOW)
    log.feedback("ru/a", False, text=BAD, reason="wrong", at=NOW, run="no")
    log.feedback(BAD, False, text=BAD, reason=BAD, at=NOW, run="odd")
    log.feedback("ru/a", True, at=NOW, run="yes")
    return groups


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest.mark.parametrize(
    "seen", [World.customers_see, World.leads_see, World.writers_see, World.letters_say]
)
def test_what_was_typed_is_shown_as_text(world, seen):
    pages = seen(world)

    assert [name for name, page in pages.items() if MARKUP.search(page)] == []
    silent = [name for name, page in pages.items() if not SHOWN.search(page)]
    assert set(silent) <= {"/sitemap.xml", "second"}  # has no words; leads to another question
