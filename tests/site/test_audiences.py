"""What is not for a reader is not there: every route, every word, as anybody, in every way.

Two bases are compared: one with restricted articles, and one that never had them. Whatever a
stranger asks, the answers are the same.
"""

import json
import re
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from kb import indexer
from kb.base.config import Settings
from kb.index.learned import LearnedLine
from kb.language import tokens
from kb.searchlog.db.models import Popular
from kb.searchlog.popular import PopularSet
from kb.service import KnowledgeBase
from kb.web import create_app

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
FILE = "План сейфа: агути и пекари.\n"  # what stands in the first of MEDIA
SLUGS = {"staff": "ru/vault/okapi", "partners": "en/partners/numbat", "signed-in": "en/club"}
ALIAS = "old/zorilla"
MEDIA = ("ru/vault/chinchilla.txt", "ru/vault/tapir.png", "en/partners/dugong.png")

PUBLIC = {
    "ru/lamp": """---
title: Как зажечь лампу
answers: [Лампа не горит]
tags: [свет]
---
Нажмите кнопку. Дальше: [сейф](vault/okapi.md), [кассовые книги](vault/ledger.md).

## Если не помогло

Проверьте шнур и розетку, потом позвоните нам.
""",
    "ru/cord": """---
title: Шнур питания
answers: [Какой шнур подходит]
related: [ru/vault/okapi, ru/lamp]
---
Шнур питания вставьте в розетку и в лампу. Старый шнур сдайте.
""",
    "ru/vault/menu": """---
title: Меню столовой
audience: public
tags: [еда]
---
Суп и хлеб. Столовая открыта днём, лампы горят.
""",
    "en/lamp": """---
title: How to light the lamp
answers: [The lamp is dark]
tags: [light]
translation_of: ru/lamp
---
Press the button. See [the club](club.md) and [the numbers](partners/numbat.md).

## If it stays dark

Check the cord and the socket, then call us. The old address was help/start.
""",
    "en/cord": """---
title: The power cord
answers: [Which cord fits]
---
Put the cord into the socket and into the lamp. Return the old cord.
""",
}
RESTRICTED = {
    "ru/vault/index": """---
title: Тайник мангуста
audience: Staff
---
Здесь всё о тайнике и мангустах.
""",
    "ru/vault/okapi": """---
title: Окапи открывает сейф
answers: [Где живёт вомбат]
tags: [выхухоль]
aliases: [old/zorilla]
author: Ехидна Нутриева
category: Барсучье
---
Окапи и квокка открывают сейф: [план](chinchilla.txt) ![схема](tapir.png), лампа горит.

## Росомаха у двери

Код сейфа знает сурикат. Старый шнур питания не трогайте.
""",
    "ru/vault/ledger": """---
title: Шнур питания
lang: ru
---
Кассовые книги стережёт горностай, а лампу — нет.
""",
    "en/partners/index": """---
title: Partners of the pangolin
audience: [partners, resellers]
---
Prices of the pangolin.
""",
    "en/partners/numbat": """---
title: Numbat of the lamp
answers: [What does the axolotl cost]
tags: [capybara]
updated: 2026-11-28
boost: 5
---
The quoll pays the axolotl for each lamp. ![plan](dugong.png)
""",
    "en/club": """---
title: The kakapo club
audience: signed-in
---
The kakapo meets the tuatara. Press the button of the lamp in the fossa.
""",
}
CLUB = {"en/club": RESTRICTED["en/club"]}
ASKED_BEFORE = ("Где живёт вомбат", "лампа и квокка", "Лампа не горит", "The lamp is dark")


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """`sites(articles)` is a site of these articles; its clock stands."""
    with ExitStack() as stack:

        def opened(articles, name, **more):
            folder = tmp_path_factory.mktemp(name)
            for path, text in articles.items():
                file = folder / "articles" / f"{path}.md"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
            is_full = "ru/vault/okapi" in articles
            for path in MEDIA if is_full else ():
                (folder / "articles" / path).write_text(FILE if path == MEDIA[0] else "x", "utf-8")
            settings = Settings(
                articles=folder / "articles", data=folder / "var", mcp=True, min_askers=1,
                trusted_proxies=("127.0.0.1",), groups_header="X-Groups",
                searches_per_minute=60_000, searches_per_day=60_000, **more,
            )  # fmt: skip
            lines = {SLUGS["staff"]: (LearnedLine("куда ушёл барибал", 5, 5),)}
            indexer.rebuild(settings, lines=lines)
            service = stack.enter_context(closing(KnowledgeBase.open(settings, now=lambda: NOON)))
            popular = PopularSet(
                tuple(Popular(q, 3) for q in ASKED_BEFORE if is_full or not restricted_words(q)),
                tuple(Popular(slug, 3) for slug in SLUGS.values()),
            )
            service._popular.of = lambda lang: popular
            app = create_app(service, cache_slots=0)
            app.testing = True
            return app

        yield opened


@pytest.fixture(scope="module")
def full(sites):
    return sites(PUBLIC | RESTRICTED, "full")


@pytest.fixture(scope="module")
def bare(sites):
    return sites(PUBLIC, "bare")


def words_of(articles):
    return {word for text in articles.values() for word in tokens.plain_words(text)}


HIDDEN = words_of({**RESTRICTED, "": FILE}) - words_of(PUBLIC)
SECRET = {word for word in HIDDEN if len(word) > 3} - {
    *("title", "audience", "answers", "tags", "aliases", "author", "category", "updated", "boost"),
    *("lang", "staff", "partners", "resellers", "signed"),
}  # fmt: skip
OF = {  # words that stand in the articles of one audience alone, and nowhere in the interface
    "staff": {
        *("окапи", "вомбат", "выхухоль", "ехидна", "нутриева", "квокка", "росомаха", "сурикат"),
        *("горностай", "мангуста", "мангустах", "барсучье", "барибал", "chinchilla", "tapir"),
        *("агути", "пекари"),
    },
    "partners": {"axolotl", "capybara", "quoll", "pangolin", "dugong"},
    "signed-in": {"kakapo", "tuatara", "fossa"},
}  # fmt: skip


def restricted_words(text):
    return set(tokens.plain_words(text)) & SECRET


def asked_by(app, groups=None, user="anna"):
    client = app.test_client()
    if groups is not None:
        client.environ_base.update({"HTTP_X_FORWARDED_USER": user, "HTTP_X_GROUPS": groups})
    return client


# --- all routes ---------------------------------------------------------------------------------

VALUES = {
    "slug": [*SLUGS.values(), ALIAS, "ru/vault", "ru/vault/index", "ru/VAULT/Okapi.html"],
    "path": MEDIA, "name": ["kb.css"], "lang": ["ru", "en"], "token": ["x"], "table": ["remarks"],
    "key": ["", "vault", "partners", "барсуч"],
}  # fmt: skip
TEXT = "где квока и вомба axolot"
PARAMS = {
    "q": TEXT, "page": "https://example.com/vault/okapi", "category": "partners", "tag": "выхух",
    "lang": "ru", "ui": "ru", "slug": SLUGS["staff"], "related": SLUGS["staff"], "voted": "yes",
}  # fmt: skip
SENT = {
    **PARAMS, "helpful": "true", "subject": TEXT, "text": TEXT, "email": "a@example.com",
    "look": "1", "form": "abcdef123", "helped": SLUGS["staff"], "reason": "other",
}  # fmt: skip
MOVING = re.compile(
    r'\d{8}-\d{6}-[0-9a-f]{6}|took_ms\\*":[\d.]+|value="[\w.~-]{12,}"'
    r'|(?:data-run|data-form|data-visit)="[\w-]+"|(?:run|visit)=[\w-]+'
)


def calls(app):
    """Every route with each method and each value of its arguments."""
    for rule in app.url_map.iter_rules():
        paths = [rule.rule]
        for argument in rule.arguments:
            values = VALUES.get(argument, ["1"])
            pattern = re.compile(rf"<(?:\w+:)?{argument}>")
            paths = [pattern.sub(lambda _, v=v: quote(v), path) for path in paths for v in values]
        for path in paths:
            for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
                yield method, path


TOOLS = [
    ("search", {"query": TEXT}), ("get_article", {"address": SLUGS["staff"]}),
    ("list_topics", {"lang": "ru"}), ("list_topics", {"lang": "ru", "topic": "vault"}),
]  # fmt: skip


def answers(client, app):
    """What a client is told by every route: method, path, status, place and text."""
    asked = []
    for method, path in calls(app):
        if path in ("/metrics", "/openapi.json") or path.startswith("/leads"):
            asked.append((method, path, {}))
        elif method == "GET":
            asked += [(method, path, {}), (method, path, {"query_string": PARAMS})]
            asked.append((method, path, {"headers": {"Accept": "text/markdown"}}))
        else:
            asked += [(method, path, {"data": SENT}), (method, path, {"json": SENT})]
    for name, arguments in TOOLS:
        call = {"method": "tools/call", "params": {"name": name, "arguments": arguments}}
        asked.append(("POST", "/mcp", {"json": {"jsonrpc": "2.0", "id": 1, **call}}))
    asked += [("GET", f"/{address}", {}) for address in (ALIAS, "vault/okapi", "ru/vault/okapi")]
    for method, path, more in asked:
        with closing(client.open(path, method=method, **more)) as answer:
            text = answer.get_data(as_text=True)
        yield f"{method} {path} {more}", answer, MOVING.sub("…", text)


def test_what_strangers_see_is_counted_and_measured_as_if_there_were_no_more(full, bare):
    one, other = (site.extensions["kb"].service.catalog().reader for site in (full, bare))

    assert one.corpus.count == other.corpus.count == len(PUBLIC)
    assert one.level == other.level != one.whole.level


def test_a_stranger_cannot_tell_that_there_is_anything_else(full, bare):
    """Status, place and text of every route are those of a base without it."""
    pairs = zip(answers(asked_by(full), full), answers(asked_by(bare), bare), strict=True)
    count = 0

    for (what, one, text), (_, other, plain) in pairs:
        count += 1
        if " /metrics" in what:
            continue
        assert (one.status_code, one.location, text) == (
            other.status_code, other.location, plain
        ), what  # fmt: skip
        assert one.status_code != 403 or "/leads" in what or "/api/" in what, what

    assert count > 200


@pytest.mark.parametrize(
    ("groups", "hidden"),
    [
        (None, ("staff", "partners", "signed-in")), ("", ("staff", "partners")),
        ("guests", ("staff", "partners")), ("STAFF", ("partners",)), ("partners,x", ("staff",)),
        ("resellers", ("staff",)),
    ],
)  # fmt: skip
def test_nobody_is_told_a_word_of_what_is_for_others(full, groups, hidden):
    secrets = {word for audience in hidden for word in OF[audience]}
    given = set(tokens.plain_words(json.dumps([SENT, VALUES], ensure_ascii=False)))

    for what, answer, text in answers(asked_by(full, groups), full):
        found = set(tokens.plain_words(text)) & secrets - given
        assert not found, f"{what}: {found}"
        if groups is not None and "/static" not in what and "/leads" not in what:
            assert answer.headers["Cache-Control"] == "no-store", what
            assert "ETag" not in answer.headers, what


def test_who_may_read_finds_all_of_it(full):
    staff = asked_by(full, "staff")
    for word in (
        "окапи",
        "вомбат",
        "выхухоль",
        "квокка",
        "росомаха",
        "горностай",
        "барибал",
        "агути",
    ):
        found = staff.get("/api/search", query_string={"q": word}).json
        assert found["total"], word
    assert staff.get(f"/articles/{SLUGS['staff']}").status_code == 200
    assert staff.get(f"/articles/{ALIAS}").status_code == 301
    with closing(staff.get(f"/media/{MEDIA[0]}")) as file:
        assert file.text == FILE
    assert "окапи" in staff.get("/llms-full.txt").text.lower()
    assert "vault/okapi" in staff.get("/sitemap.xml").text
    assert staff.get("/api/suggest?q=вомб&lang=ru").json[1] == ["Где живёт вомбат"]


# --- all words ----------------------------------------------------------------------------------


def typed(word):
    """A word as it is typed: each of its beginnings, and the whole with a slip."""
    yield from (word[:end] for end in range(2, len(word) + 1))
    yield word[:2] + word[3:]
    yield f"лампа {word}"
    yield f"-{word} лампа"
    yield f'"{word}"'


def test_no_word_of_a_restricted_article_is_completed_repaired_or_known(full, bare):
    """Hits, counts, confidence, scores, repairs and completions are those of a base without."""
    one, other = asked_by(full), asked_by(bare)
    queries = sorted({query for word in sorted(SECRET) for query in typed(word)})

    for query in queries:
        for path in ("/api/search", "/api/suggest"):
            asked = {"q": query, "lang": "ru"} if path == "/api/suggest" else {"q": query}
            answer, plain = (each.get(path, query_string=asked).json for each in (one, other))
            if path == "/api/search":
                for each in (answer, plain):
                    each.pop("took_ms"), each.pop("build")
            assert answer == plain, f"{path} {query}"

    assert len(queries) > 300
