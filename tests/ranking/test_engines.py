"""Whoosh is the reference of the arrays, and answers by itself where they cannot be read."""

import json
import os
import random
import zlib
from dataclasses import replace
from datetime import date

import bases
import numpy as np
import pytest

from kb.base.errors import IndexDamaged
from kb.cli import main
from kb.index.builds import MANIFEST, Builds
from kb.language import query as queries
from kb.language.synonyms import parse
from kb.ranking.engine import ArrayEngine
from kb.ranking.lookup import TermLookup
from kb.ranking.whoosh_engine import WhooshEngine
from kb.service import KnowledgeBase
from kb.web import create_app

SYNONYMS = """
- [пароль, ключ, код доступа]
- [настройка vpn, туннель]
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base of made-up articles in one segment."""
    return bases.made_up(tmp_path_factory.mktemp("base"), seed=31)


def engines(base):
    """The lookup of terms, and both engines, over the build of a base."""
    catalog = base.catalog()
    reader, kernel = catalog.reader, catalog.searcher._ranker.kernel
    synonyms, problems = parse(SYNONYMS)
    assert not problems
    lookup = TermLookup(reader.corpus, synonyms, kernel)
    whoosh = WhooshEngine(reader.folder, reader.find, reader.corpus.size)
    return lookup, ArrayEngine(kernel), whoosh


def finished(raw):
    """A query whose last word is typed to its end."""
    query = queries.parse(raw)
    words = tuple(word._replace(unfinished=False) for word in query.words)
    return replace(query, words=words)


def random_queries(count):
    """Queries of one to five words of the base."""
    rng = random.Random(32)
    for _ in range(count):
        yield " ".join(rng.choices(bases.WORDS, k=rng.randint(1, 5)))


def test_both_engines_give_every_article_the_same_word_score(base):
    lookup, arrays, whoosh = engines(base)
    scored = 0
    for raw in [*random_queries(150), "код доступа", "настройка vpn", "туннель"]:
        terms = lookup.query_terms(finished(raw))
        expected = whoosh.word_scores(terms)

        assert arrays.word_scores(terms) == pytest.approx(expected, abs=1e-3, rel=1e-4), raw
        scored += bool(expected.any())
    assert scored > 100


def test_an_unfinished_word_finds_the_same_articles_by_both_engines(base):
    lookup, arrays, whoosh = engines(base)
    for word in sorted(set(bases.WORDS))[:60]:
        terms = lookup.query_terms(queries.parse(word[:3]))
        by_whoosh = whoosh.word_scores(terms) > 0

        assert np.array_equal(arrays.word_scores(terms) > 0, by_whoosh), word


def test_the_service_asks_the_engine_it_is_told(kb, write):
    write("ru/vpn", "Как настроить туннель.", title="Настройка VPN")
    write("ru/mail", "Ответ на письмо о настройке.", title="Почта")
    kb.rebuild()

    by_whoosh = KnowledgeBase.open(kb.settings, engine="whoosh").answer("настройка vpn")

    by_arrays = kb.answer("настройка vpn")
    assert [hit.slug for hit in by_whoosh.hits] == [hit.slug for hit in by_arrays.hits]
    assert [hit.snippet for hit in by_whoosh.hits] == [hit.snippet for hit in by_arrays.hits]


# ---------------------------------------------------------------- damaged arrays


def damage_arrays(settings):
    """Changes one byte of the arrays of the published build."""
    folder = Builds(settings.builds).current().folder
    path = folder / "0.kb"
    data = bytearray(path.read_bytes())
    path.unlink()  # another build may share it
    data[-1] ^= 1
    path.write_bytes(data)


def lose_arrays(settings):
    (Builds(settings.builds).current().folder / "names.kb").unlink()


def of_another_version(settings):
    """Writes the manifest of the published build as a future version might."""
    path = Builds(settings.builds).current().folder / MANIFEST
    body = json.loads(path.read_bytes().rpartition(b"\n")[0])
    body["format"] += 1
    written = json.dumps(body).encode()
    path.write_bytes(written + b"\n%08x" % zlib.crc32(written))


@pytest.fixture
def served(kb, write):
    """A build with a draft, an article of tomorrow and one of each language."""
    write("ru/vpn", "Как настроить туннель к офису.", title="Настройка VPN", tags=["сеть"])
    write("ru/mail", "Почта и VPN.", title="Почта")
    write("en/vpn", "How to set the VPN up.", title="VPN setup")
    write("ru/draft", "Черновик о VPN.", title="Черновик VPN", draft=True)
    write("ru/later", "VPN завтра.", title="VPN завтра", publish=date(2999, 1, 1))
    kb.rebuild()
    return kb


@pytest.mark.parametrize("harm", [damage_arrays, lose_arrays, of_another_version])
def test_words_alone_answer_where_the_arrays_cannot_be_read(served, harm, caplog):
    harm(served.settings)

    service = KnowledgeBase.open(served.settings)
    results = service.answer("настройка vpn")

    first = results.hits[0]
    assert (first.slug, first.title.text, first.url) == (
        "ru/vpn",
        "Настройка VPN",
        "/articles/ru/vpn",
    )
    assert first.answer
    assert results.confident
    assert results.total == 3  # neither the draft nor the article of tomorrow
    said = [line for line in caplog.messages if "by words alone" in line]
    assert len(said) == 1
    assert results.build in said[0]
    with pytest.raises(IndexDamaged):  # the pages are in the arrays
        service.home("ru")


def test_words_alone_filter_page_and_complete(served):
    damage_arrays(served.settings)
    service = KnowledgeBase.open(served.settings)

    assert [hit.slug for hit in service.answer("vpn", lang="en").hits] == ["en/vpn"]
    assert [hit.slug for hit in service.answer("vpn", tag="сеть").hits] == ["ru/vpn"]
    second = service.answer("vpn", limit=1, page=2)
    assert (second.page, second.pages, len(second.hits)) == (2, 3, 1)
    assert {each.value: each.hits for each in second.facets["lang"]} == {"ru": 2, "en": 1}
    assert service.suggest("настр", "ru") == ("Настройка VPN",)
    assert service.answer("").hits == ()
    assert service.answer('\ud800 "').hits == ()


def test_with_the_whoosh_index_damaged_too_the_build_before_answers(served, write):
    write("ru/new", "Новая статья о VPN.", title="Новое о VPN")
    before = served.status().build
    served.rebuild(full=True)
    damage_arrays(served.settings)
    pointed = Builds(served.settings.builds).pointed()
    assert KnowledgeBase.open(served.settings).answer("новое vpn").hits[0].slug == "ru/new"

    for path in (served.settings.builds / pointed / "whoosh").glob("*.seg"):
        path.unlink()

    results = KnowledgeBase.open(served.settings).answer("новое vpn")
    assert results.build == before
    assert "ru/new" not in [hit.slug for hit in results.hits]


def test_a_new_build_ends_the_search_by_words_alone(served):
    damage_arrays(served.settings)
    service = KnowledgeBase(served.settings, for_writers=True)
    assert service.answer("vpn").hits[0].snippet.text == ""

    served.rebuild(full=True)

    assert service.answer("vpn").hits[0].snippet.text


# ---------------------------------------------------------------- damage of an open build


def overwrite(settings, *names):
    """Overwrites arrays of the published build, all if none is named, where a service maps them."""
    for path in Builds(settings.builds).current().folder.glob("*.kb"):
        data = path.read_bytes()
        start = 16 + int.from_bytes(data[8:16], "little")
        header = json.loads(data[16:start])
        with path.open("r+b") as file:
            for name, (dtype, shape, at) in header.items():
                if not names or name in names:
                    file.seek(start + at)
                    file.write(b"\xff" * int(np.dtype(dtype).itemsize * np.prod(shape)))


READ_BY_ALL = ("field.text.docs", "content.words", "cards.blob", "pages.blob")


@pytest.fixture
def opened(served, write):
    """A service that has answered from a build with another one before it."""
    write("ru/new", "Новая статья о VPN.", title="Новое о VPN")
    served.rebuild(full=True)
    service = KnowledgeBase.open(served.settings)
    assert service.answer("новое vpn").hits[0].snippet.text
    return service


def test_damage_met_while_answering_is_survived(opened, caplog):
    client = create_app(opened).test_client()
    assert client.get("/readyz").get_json()["status"] == "ok"
    build = opened.status().build

    overwrite(opened.settings, *READ_BY_ALL)

    assert [hit.slug for hit in opened.answer("новое").hits] == ["ru/new"]
    assert opened.answer("новое").build == build  # by its Whoosh index
    assert opened.article("ru/vpn").title == "Настройка VPN"
    assert opened.article("ru/new") is None  # of the build before
    assert opened.suggest("новое", "ru") == ("Новое о VPN",)
    assert client.get("/").status_code == 200
    ready = client.get("/readyz").get_json()
    assert (ready["status"], ready["build"] < build) == ("degraded", True)
    assert len([line for line in caplog.messages if "by words alone" in line]) == 1

    opened.rebuild(full=True)

    assert opened.answer("новое vpn").hits[0].snippet.text
    assert client.get("/readyz").get_json()["status"] == "ok"


def test_damage_met_on_a_page_shows_the_page_of_the_build_before(opened):
    overwrite(opened.settings, *READ_BY_ALL)

    assert opened.article("ru/vpn").title == "Настройка VPN"


def test_damage_that_raises_nothing_is_seen_by_the_next_look(opened):
    overwrite(opened.settings)
    opened._current.look_again()  # within LOOK_AGAIN seconds

    assert [hit.slug for hit in opened.answer("новое").hits] == ["ru/new"]
    assert opened.article("ru/vpn").title == "Настройка VPN"


def test_damage_met_at_an_address_of_another_site_leads_to_the_build_before(opened):
    overwrite(opened.settings, *READ_BY_ALL)

    assert opened.former("ru/vpn") == "ru/vpn"


def test_damage_met_while_a_search_is_recorded_is_survived(opened):
    overwrite(opened.settings, *READ_BY_ALL)

    assert opened._asked_build().outcome("новое", "ru", {}).total == 1


def test_without_a_build_before_pages_say_that_they_are_not_available(served):
    client = create_app(served).test_client()
    assert client.get("/articles/ru/vpn").status_code == 200

    overwrite(served.settings, *READ_BY_ALL)

    page, ready = client.get("/articles/ru/vpn"), client.get("/readyz")
    assert (page.status_code, ready.status_code) == (503, 503)
    assert ready.get_json()["error"]["code"] == "unavailable"
    assert "Настройка VPN" in client.get("/search?q=vpn").text


def test_a_file_that_was_cut_short_is_not_read_by_the_next_worker(opened):
    for path in Builds(opened.settings.builds).current().folder.glob("*.kb"):
        os.truncate(path, 4096)

    opened.after_fork()

    assert [hit.slug for hit in opened.answer("новое").hits] == ["ru/new"]
    assert opened.article("ru/vpn").title == "Настройка VPN"


def test_a_mistake_of_ours_is_no_damage(opened, monkeypatch):
    verified = []
    monkeypatch.setattr(Builds, "verify_again", lambda self: verified.append(1))
    monkeypatch.setattr(type(opened.catalog()), "article", lambda *arguments: 1 / 0)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            opened.article("ru/vpn")

    assert len(verified) == 1  # files are read once a minute at most
    assert opened.status().is_damaged is False


# ---------------------------------------------------------------- commands and pages


def test_the_commands_take_an_engine(kb, write, runner, tmp_path, monkeypatch):
    write("ru/vpn", "Как настроить туннель.", title="Настройка VPN")
    kb.rebuild()
    asked = []
    real = WhooshEngine.word_scores
    monkeypatch.setattr(
        WhooshEngine, "word_scores", lambda self, terms: asked.append(1) or real(self, terms)
    )
    folders = ["--articles", str(kb.settings.articles), "--data", str(kb.settings.data)]
    questions = tmp_path / "vpn.toml"
    questions.write_text(
        '[[question]]\nquery = "vpn"\n[[question.expected]]\nslug = "ru/vpn"\nreason = "title"\n',
        "utf-8",
    )

    for command in (["search", "vpn"], ["eval", str(questions)]):
        done = runner.invoke(main, [*command, *folders])
        assert done.exit_code == 0, done.output
        assert not asked

        done = runner.invoke(main, [*command, "--engine", "whoosh", *folders])
        assert done.exit_code == 0, done.output
        assert asked
        asked.clear()


@pytest.fixture
def harmed_client(served):
    damage_arrays(served.settings)
    return create_app(KnowledgeBase.open(served.settings)).test_client()


def test_the_results_page_shows_what_words_alone_find(harmed_client):
    page = harmed_client.get("/search?q=vpn")

    assert page.status_code == 200
    assert "Настройка VPN" in page.text
    found = harmed_client.get("/api/search?q=vpn").get_json()
    assert found["total"] == 3
    assert found["confident"]
