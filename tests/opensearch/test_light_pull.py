"""A machine that pulls light builds answers from the cluster as the one that made them."""

from datetime import UTC, datetime
from random import Random

import bases
import pytest
from pydantic import SecretStr

from kb.index.builds import Builds
from kb.jobs.build_sources import FolderStore
from kb.jobs.pull import Puller
from kb.jobs.push import push
from kb.service import KnowledgeBase

NOW = datetime(2026, 11, 29, tzinfo=UTC)
QUERIES = ["пароль", "оплата вход", "паро", '"reset password"', "парлоь", "пароль -вход", "zzzz"]


@pytest.fixture(scope="module")
def pulled(opensearch_node, tmp_path_factory):
    """The service that indexes, and one over a light build that was pulled from it."""
    folder = tmp_path_factory.mktemp("light-pull")
    base = bases.made_up(folder, count=30, seed=7)
    base.close()
    cluster = {
        "engine": "opensearch",
        "opensearch_url": SecretStr(",".join(opensearch_node.urls)),
    }
    indexing = KnowledgeBase(base.settings.model_copy(update=cluster), cached_answers=0)
    indexing.rebuild()
    changed = sorted(base.settings.articles.rglob("*.md"))[::10]
    for number, path in enumerate(changed):
        path.write_text(bases.article(Random(100 + number)), "utf-8")
    indexing.rebuild()
    shared = FolderStore(folder / "shared")
    push(indexing.settings, shared)
    told = {"data": folder / "web", "pull_light": True, "pull_url": str(folder / "shared")}
    settings = indexing.settings.model_copy(update=told).as_replica()
    report = Puller(settings, shared, lambda: NOW).pull()
    web = KnowledgeBase.open(settings, cached_answers=0)
    yield indexing, web, report
    web.close()
    indexing.close()


def seen(results):
    """What of an answer must be the same."""
    hits = [(hit.slug, hit.title, hit.snippet, round(hit.score, 2)) for hit in results.hits]
    return hits, results.total, results.confident, results.correction, results.facets


def test_what_is_pulled_is_light_and_of_the_same_name(pulled):
    indexing, web, report = pulled

    assert report.build == indexing.status().build == web.status().build
    assert Builds(web.settings.builds).is_light(report.build)
    whole = sum(size for size, _ in indexing._builds.current().manifest["files"].values())
    assert report.bytes < whole / 2


@pytest.mark.parametrize("query", QUERIES)
def test_a_pulled_light_build_answers_as_the_whole_one(pulled, query):
    indexing, web, _ = pulled

    assert seen(web.answer(query)) == seen(indexing.answer(query))


def test_pages_of_a_pulled_light_build_are_those_of_the_whole_one(pulled):
    indexing, web, _ = pulled
    slug = indexing.answer("пароль").hits[0].slug

    assert web.article(slug) == indexing.article(slug)
    assert web.home("ru") == indexing.home("ru")
