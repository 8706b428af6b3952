"""Search in a real OpenSearch: the answers of the build itself, and nothing restricted."""

from contextlib import suppress
from dataclasses import replace
from random import Random

import bases
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from kb.base.audiences import INSIDERS, STRANGERS, members
from kb.base.errors import SearchUnavailable
from kb.index import light
from kb.index.builds import Builds
from kb.opensearch import feeding, searcher
from kb.opensearch.client import Cluster
from kb.service import KnowledgeBase

STAFF = members(["staff"])


def in_cluster(settings, node):
    """The settings with a cluster that searches."""
    urls = SecretStr(",".join(node.urls))
    return settings.model_copy(update={"engine": "opensearch", "opensearch_url": urls})


def both(settings, **options):
    """The service over the build of this machine, and the one that asks the cluster alone."""
    near = KnowledgeBase(settings, engine="arrays", cached_answers=0, **options)
    far = KnowledgeBase(settings, cached_answers=0, **options)
    far._current._searching = alone(far._cluster)
    return near, far


def alone(cluster):
    """Searchers without a build to fall back on."""
    return lambda reader, cached: searcher.ClusterSearcher(reader, cached, cluster, None)


@pytest.fixture(scope="module")
def made_up(opensearch_node, tmp_path_factory):
    """A made-up base of two segments, in the build and in the cluster."""
    folder = tmp_path_factory.mktemp("made-up")
    base = bases.made_up(folder, count=60, seed=5, files=True)
    settings = in_cluster(base.settings, opensearch_node)
    base.close()
    KnowledgeBase(settings, engine="arrays").rebuild()
    changed = sorted(settings.articles.rglob("*.md"))[::20]
    for number, path in enumerate(changed):
        path.write_text(bases.article(Random(1000 + number)), "utf-8")
    near, far = both(settings)
    near.rebuild()
    yield near, far
    near.close()
    far.close()


def seen(results):
    """What of an answer must be the same."""
    return (
        [replace_score(hit) for hit in results.hits], results.total, results.confident,
        results.correction, results.facets, results.pages, results.without, results.topic,
    )  # fmt: skip


def replace_score(hit):
    return hit._replace(score=round(hit.score, 2))


QUERIES = [
    *(bases.line(Random(number), 5) for number in range(40)),
    "пароль", "паро", "н", "оплаты вход", "«пароля вход»", '"reset password"', "пароль -вход",
    "gfhjkm", "парлоь", "oplata", "webhooks -настройка", "", " ", "zzzz", "C++", "the", "как войти",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_the_cluster_answers_as_the_build_does(made_up, query):
    near, far = made_up

    assert seen(far.answer(query)) == seen(near.answer(query))


@pytest.mark.parametrize(
    "options",
    [{"lang": "ru"}, {"category": "ru"}, {"tag": "x"}, {"lang": "en", "tag": "y"},
     {"newest": True}, {"page": 2}, {"limit": 20}, {"exact": True}, {"own_lang": "en"},
     {"lang": "xx"}, {"tag": "none"}, {"category": "none"}],
)  # fmt: skip
def test_filters_and_pages_are_those_of_the_build(made_up, options):
    near, far = made_up

    for query in ("пароль оплата", "reset page"):
        assert seen(far.answer(query, **options)) == seen(near.answer(query, **options))


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(bases.WORDS)).map(" ".join)))
def test_any_text_is_a_query(made_up, text):
    near, far = made_up

    found, expected = far.answer(text), near.answer(text)

    assert (found.total, found.confident) == (expected.total, expected.confident)
    assert [hit.slug for hit in found.hits] == [hit.slug for hit in expected.hits]


def test_completions_and_explanations_are_those_of_the_build(made_up):
    near, far = made_up

    assert far.suggest("паро", "ru") == near.suggest("паро", "ru") != ()
    told, expected = (each.explain("оплата пароль", limit=3) for each in (far, near))
    for each in (*told, *expected):
        each["contribution"] = round(each["contribution"], 2)
    assert told == expected != []


def test_pages_beyond_the_best_stand_in_the_order_of_the_cluster(made_up):
    near, far = made_up

    ours = [hit.slug for page in range(1, 6) for hit in far.answer("пароль", page=page).hits]

    theirs = [hit.slug for page in range(1, 6) for hit in near.answer("пароль", page=page).hits]
    assert sorted(ours) == sorted(theirs)
    assert len(set(ours)) == len(ours) > 40


# ---------------------------------------------------------------- readers


@pytest.fixture
def restricted(settings, write, opensearch_node):
    """Public articles, and some for staff alone that hold words of their own."""
    settings = in_cluster(settings, opensearch_node)
    for number in range(12):
        write(
            f"ru/open{number}", f"Как поменять пароль, способ {number}.", title=f"Пароль {number}"
        )
        write(
            f"ru/inner{number}", f"Секретомышь пароль {number}, шифрогамма пароля.",
            title=f"Секретомышь {number}", audience="staff", tags=["тайное"],
        )  # fmt: skip
    write("ru/soon", "Пароль будущего, завтрагамма.", title="Скоро", publish="2990-01-01")
    write("ru/draft", "Пароль черновика, наброскогамма.", title="Черновик", draft=True)
    near, far = both(settings)
    near.rebuild()
    yield near, far
    near.close()
    far.close()


HIDDEN = ["секретомышь", "шифрогамма", "завтрагамма", "наброскогамма"]


@pytest.mark.parametrize("readers", [STRANGERS, STAFF, members(["others"])])
def test_readers_get_the_answers_that_the_build_gives_them(restricted, readers):
    near, far = (each.seen_by(readers) for each in restricted)

    for query in ("пароль", "поменять пароль", *HIDDEN, "секретомыш", "секр"):
        assert seen(far.answer(query)) == seen(near.answer(query)), query


@pytest.mark.parametrize("word", HIDDEN[:2])
def test_nothing_restricted_leaks_to_strangers(restricted, word):
    _, far = restricted

    for typed in (word, word[:5], word.replace("а", "о", 1), f'"{word}"', f"пароль -{word}"):
        results = far.answer(typed)
        told = repr((results.hits, results.correction, results.tried, results.facets))
        assert word not in told.casefold()
        assert "inner" not in told
        assert "тайное" not in told
    assert far.suggest(word[:4], "ru") == ()
    assert far.answer(word).total == 0


def test_staff_finds_what_is_for_staff(restricted):
    _, far = restricted

    results = far.seen_by(STAFF).answer("шифрогамма")

    assert results.total == 12
    assert results.facets["tag"][0].value == "тайное"


# ---------------------------------------------------------------- builds


def test_each_build_asks_its_own_index_and_a_rollback_finds_the_old_one(
    settings, write, opensearch_node
):
    settings = in_cluster(settings, opensearch_node)
    for number in range(8):
        write(f"ru/a{number}", f"Пароль номер {number}.", title=f"Статья {number}")
    near, far = both(settings, for_writers=True)
    first = near.rebuild().build
    assert far.answer("пароль").total == 8
    write("ru/a0", "Другой текст о почте.", title="Почта")
    write("ru/new", "Пароль новый.", title="Новая")

    second = near.rebuild().build

    results = far.answer("пароль")
    assert (results.build, results.total) == (second, 8)
    assert {hit.slug for hit in results.hits} == {"ru/new", *(f"ru/a{n}" for n in range(1, 8))}
    assert far.answer("почте").hits[0].title.text == "Почта"
    near.rollback()
    assert (far.answer("пароль").build, far.answer("пароль").total) == (first, 8)
    assert far.answer("почте").total == 0


def test_only_what_changed_is_sent_again(settings, write, opensearch_node, monkeypatch):
    settings = in_cluster(settings, opensearch_node)
    for number in range(20):
        write(f"ru/a{number}", f"Пароль номер {number}.", title=f"Статья {number}")
    near, _ = both(settings)
    near.rebuild()
    write("ru/a0", "Другой текст о почте.", title="Почта")
    feed, sent = feeding.feed, []

    def told(cluster, builds, build, layout, progress=None):
        feed(cluster, builds, build, layout, lambda done, total: sent.append(total))

    monkeypatch.setattr(feeding, "feed", told)
    near.rebuild()

    assert sent == [1]


def test_an_interrupted_feed_goes_on(settings, write, opensearch_node, monkeypatch):
    settings = in_cluster(settings, opensearch_node)
    monkeypatch.setattr(feeding, "_MOST_AT_ONCE", 4)
    for number in range(20):
        write(f"ru/a{number}", f"Пароль номер {number}.", title=f"Статья {number}")
    near, far = both(settings)
    bulk, sent = feeding._Feeding._bulk, []

    def interrupted(self, body):
        sent.append(body.count(b'"_id"'))
        if len(sent) == 3:
            raise KeyboardInterrupt
        bulk(self, body)

    monkeypatch.setattr(feeding._Feeding, "_bulk", interrupted)
    with suppress(KeyboardInterrupt):
        near.rebuild()
    assert near.status().build is None

    near.rebuild()

    assert sent == [4, 4, 4, 4, 4, 4, 4]  # the last one that went well is sent once more
    assert far.answer("пароль").total == 20


def test_indexes_of_builds_that_are_gone_are_removed(settings, write, opensearch_node):
    settings = in_cluster(settings, opensearch_node)
    near, far = both(settings, for_writers=True)
    for number in range(4):
        write("ru/a", f"Пароль номер {number}.", title=f"Статья {number}")
        near.rebuild()

    manifest = near.catalog().reader.manifest
    base = feeding.base_name(manifest)
    found = near._cluster.do("GET", f"/{base}-*/_alias")
    assert len(found) == 2
    (current,) = [name for name, each in found.items() if base in each["aliases"]]
    assert near._cluster.do("GET", f"/{base}/_count")["count"] == 1
    assert current in near._cluster.do(
        "GET", f"/_alias/{feeding.build_name(far.status().build, manifest)}"
    )


def test_a_keystroke_takes_fewer_articles(made_up):
    near, far = made_up

    found, expected = (each.answer("парол", limit=8, facets=False) for each in (far, near))

    assert (found.total, found.confident) == (expected.total, expected.confident)
    assert len({hit.slug for hit in found.hits} & {hit.slug for hit in expected.hits}) >= 6


def test_a_light_build_searches_in_the_cluster(made_up, tmp_path):
    near, _ = made_up
    whole = near._builds.current()
    settings = near.settings.model_copy(update={"data": tmp_path / "web"})
    (tmp_path / "web" / "builds").mkdir(parents=True)
    light.copy(whole, settings.builds / whole.name)
    (settings.builds / "current").write_text(whole.name)

    web = KnowledgeBase.open(settings)

    assert Builds(settings.builds).current().manifest["light"]
    for query in QUERIES[:20]:
        assert seen(web.answer(query)) == seen(near.answer(query)), query
    slug = near.answer("пароль").hits[0].slug
    assert web.article(slug) == near.article(slug)
    web.close()


# ---------------------------------------------------------------- without the cluster


def gone():
    """A cluster that nobody runs."""
    return Cluster("http://127.0.0.1:9")


def test_a_whole_build_answers_where_the_cluster_is_gone(made_up):
    near, _ = made_up
    far = KnowledgeBase(near.settings, cached_answers=0)
    far._current._searching = searcher.searching(gone())

    assert seen(far.answer("пароль оплата")) == seen(near.answer("пароль оплата"))


def test_without_a_cluster_and_a_whole_build_search_is_unavailable_and_pages_are_not(made_up):
    near, far = made_up
    slug = near.answer("пароль").hits[0].slug
    away = KnowledgeBase(near.settings, cached_answers=0)
    away._current._searching = alone(gone())

    with pytest.raises(SearchUnavailable, match=r"does not answer.*try again"):
        away.answer("пароль")
    page = away.article(slug)
    assert replace(page, related=()) == replace(far.article(slug), related=())
    assert away.home("ru") == far.home("ru")
    assert INSIDERS.see_all
