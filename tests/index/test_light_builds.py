"""A light build: pages, lists and filters of a build, without what ranking alone reads."""

from dataclasses import replace
from datetime import date

import bases
import pytest

from kb import indexer
from kb.base.errors import IndexDamaged, SearchUnavailable
from kb.catalog import Catalog
from kb.index import light
from kb.index.builds import Builds
from kb.index.reader import IndexReader
from kb.index.segment import ranking_file
from kb.search import Searcher, SearchRequest

TODAY = date(2026, 11, 29)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A build for machines that search in a cluster: with counts."""
    base = bases.made_up(tmp_path_factory.mktemp("base"), count=40, seed=11)
    settings = base.settings.model_copy(update={"engine": "opensearch"})
    indexer.rebuild(settings)
    return Builds(settings.builds).current()


@pytest.fixture
def lightened(whole, tmp_path):
    """The published build and its light copy, among the builds of another machine."""
    builds = Builds(tmp_path / "builds")
    builds.root.mkdir()
    light.copy(whole, builds.root / whole.name)
    return builds


def test_a_light_build_shows_the_pages_and_lists_of_the_whole_one(whole, lightened):
    build = lightened.open(whole.name)

    small, large = (Catalog(IndexReader(each), 1) for each in (build, whole))

    assert small.reader.is_light
    assert not large.reader.is_light
    assert small.served(TODAY) == large.served(TODAY)
    assert len(small.served(TODAY)) > 30
    assert small.home("ru", TODAY) == large.home("ru", TODAY)
    for doc in small.served(TODAY):
        assert small.reader.page(doc) == large.reader.page(doc)


def test_a_light_build_without_a_cluster_says_in_words_that_it_cannot_be_searched(whole, lightened):
    searcher = Searcher(IndexReader(lightened.open(whole.name)))

    with pytest.raises(SearchUnavailable, match=r"is light.*KB_ENGINE=opensearch"):
        searcher.answer(SearchRequest("пароль"), TODAY)


def test_a_build_without_counts_has_no_light_part(whole, tmp_path):
    files = {name: each for name, each in whole.manifest["files"].items() if name != "counts.kb"}
    older = replace(whole, manifest={**whole.manifest, "files": files})

    with pytest.raises(light.NoCounts, match="set KB_ENGINE=opensearch where builds are made"):
        light.copy(older, tmp_path / "small")

    assert not (tmp_path / "small").exists()


def test_a_light_build_is_less_than_half_of_the_whole_one(whole, lightened):
    def size(build):
        return sum(each for each, _ in build.manifest["files"].values())

    assert size(lightened.open(whole.name)) < size(whole) / 2


def test_a_light_build_is_verified_as_any_other(whole, lightened):
    (segment,) = whole.manifest["segments"]
    path = lightened.root / whole.name / segment
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)

    with pytest.raises(IndexDamaged, match=segment):
        lightened.open(whole.name)


def test_a_whole_build_without_what_ranking_reads_is_damaged(whole, tmp_path):
    (segment,) = whole.manifest["segments"]
    (tmp_path / "builds").mkdir()
    builds = Builds(tmp_path / "builds")
    light.copy(whole, builds.root / whole.name)
    (builds.root / whole.name / "build.json").write_bytes(
        (whole.folder / "build.json").read_bytes()
    )

    with pytest.raises(IndexDamaged, match=str(ranking_file(whole.folder / segment).stem)):
        builds.open(whole.name)
