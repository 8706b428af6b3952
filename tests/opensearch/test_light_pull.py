"""A machine that pulls light builds answers from the cluster as the one that made them."""

from datetime import UTC, datetime
from random import Random

import bases
import pytest
from pydantic import SecretStr

from kb.index.builds import Builds
from kb.jobs import doctor
from kb.jobs.build_sources import FolderStore
from kb.jobs.pull import Puller
from kb.jobs.push import push
from kb.opensearch import feeding
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


# ---------------------------------------------------------------- kb doctor


def of_cluster(settings):
    """What `kb doctor` tells of the cluster, a line each."""
    toml = settings.data.parent / "kb.toml"
    return [
        f"{each.level}: {each.message}; {each.cure}"
        for each in doctor.examine(settings, {}, toml, NOW.timestamp)
        if each.subject == "cluster"
    ]


def test_the_cluster_is_fine_where_it_holds_the_build_that_is_served(pulled):
    _, web, report = pulled

    told = f"ok: OpenSearch holds build {report.build}, on a cluster of 1 node; "
    assert of_cluster(web.settings) == [told]  # yellow: one node has no room for copies


def test_an_index_that_is_gone_is_told_and_the_whole_build_answers(pulled, tmp_path):
    indexing, _, _ = pulled
    settings = indexing.settings.model_copy(update={"data": tmp_path / "var"})
    near = KnowledgeBase(settings, engine="arrays", cached_answers=0)
    near.rebuild()
    build = near.status().build
    cluster, manifest = indexing._cluster, near._builds.current().manifest
    alias = feeding.build_name(build, manifest)
    (index,) = cluster.do("GET", f"/_alias/{alias}")
    cluster.do("DELETE", f"/{index}/_alias/{alias}")

    (told,) = of_cluster(settings)

    assert told.startswith(f"warning: OpenSearch has no index of build {build}; run `kb index`")
    near.close()


def test_a_cluster_that_nobody_runs_is_an_error_where_the_build_is_light(pulled):
    indexing, web, _ = pulled
    nobody = {"opensearch_url": SecretStr("http://kb:geheim@127.0.0.1:9")}

    small, whole = (of_cluster(each.settings.model_copy(update=nobody)) for each in (web, indexing))

    why = "OpenSearch does not answer (no answer); try again in a minute"
    assert small == [f"error: {why}; pages are there meanwhile, and search is not"]
    assert whole == [f"warning: {why}; the build of this machine answers meanwhile"]


def test_without_a_cluster_nothing_is_told_of_one(pulled):
    _, web, _ = pulled

    assert of_cluster(web.settings.model_copy(update={"engine": "embedded"})) == []
