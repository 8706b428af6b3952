"""The tree of topics in a build: kept true by builds that parse only what changed."""

from datetime import date

import numpy as np
import pytest

from kb import indexer
from kb.index.builds import Builds
from kb.index.reader import IndexReader
from kb.index.topics import Topics
from kb.search import Searcher, SearchRequest

TODAY = date(2026, 11, 29)


@pytest.fixture
def opened(settings):
    """Builds the folder and opens the build; the report is kept beside."""

    def build(**options):
        report = indexer.rebuild(settings, **options)
        reader = IndexReader(Builds(settings.builds).current())
        reader.report = report
        return reader

    return build


def paths(reader):
    return {
        reader.card(doc)["slug"]: " › ".join(reader.topics.path(doc))
        for doc in reader.in_order.tolist()
    }


def test_a_new_title_of_a_folder_is_on_articles_that_did_not_change(write, opened):
    write("shop/a", "Text.", title="A")
    write("shop/index", "Text.", title="Shop")
    before = paths(opened())

    write("shop/index", "Text.", title="Our shop")
    after = opened()

    assert (before["shop/a"], paths(after)["shop/a"]) == ("Shop", "Our shop")
    assert (after.report.changed, after.report.unchanged) == (1, 1)


def test_a_changed_navigation_alone_makes_a_new_build(settings, write, opened):
    write("docs/a", "Text.", title="A")
    write("docs/b", "Text.", title="B")
    navigation = settings.articles / "mkdocs.yml"
    navigation.write_text("nav: [{One: [a.md, b.md]}]")
    first = opened()

    same = opened()
    navigation.write_text("nav: [{Two: [b.md, a.md]}]")
    second = opened()

    assert (same.report.published, second.report.published) == (False, True)
    assert second.report.unchanged == 2
    assert paths(first) == {"docs/a": "One", "docs/b": "One"}
    assert paths(second) == {"docs/a": "Two", "docs/b": "Two"}
    assert [second.card(doc)["title"] for doc in second.as_read.tolist()] == ["B", "A"]


def test_builds_in_steps_and_at_once_place_articles_alike(write, opened):
    for path in ("a/x", "a/b/y", "c/z"):
        write(path, "Text.", title=path)
        opened()
    write("c/index", "Text.", title="C")
    in_steps = opened()
    (write("a/gone", "Text.", title="x")).unlink()

    assert paths(in_steps) == paths(opened(full=True))


def test_a_section_page_without_text_is_no_hit(write, opened):
    write("en/shop/_index", "", title="Parcels")
    write("en/shop/a", "About parcels.", title="A")
    write("en/till/index", "![parcels](a.png)", title="Parcels in pictures")
    write("en/till/b", "Nothing.", title="B")
    write("en/stub", "", title="Parcels alone")
    reader = opened()

    results = Searcher(reader).answer(SearchRequest("parcels", exact=True), TODAY)

    assert {hit.slug for hit in results.hits} == {"en/shop/a", "en/till/index", "en/stub"}


def test_a_topic_and_all_below_it_are_counted_and_found(write, opened):
    for path in ("a/x", "a/b/y", "a/b/c/z", "d/w"):
        write(path, "Text.", title=path)
        write(f"ru/{path}", "Текст.", title=path)
    tree = opened().topics
    numbers = {(topic.lang, topic.key): n for n, topic in enumerate(tree.all)}
    counts = tree.counts(np.ones(len(tree.of), bool))

    assert counts[numbers["ru", "a"]] == 3
    assert counts[numbers["en", "a/b/c"]] == 1
    assert np.count_nonzero(tree.is_below("a/b")) == 4  # in both languages
    assert tree.is_below("b") is None


def test_arrays_that_hold_no_tree_are_refused(write, opened):
    write("a/x", "Text.", title="X")
    write("a/y", "Text.", title="Y")
    tree = opened().topics
    arrays = {
        "topics.of": tree.of + 1,
        "topics.pages": tree.pages,
        "topics.json": np.frombuffer(b'{"topics": [["en","a","A",-1]], "namesakes": {}}', np.uint8),
    }

    with pytest.raises(ValueError, match="not those of the tree"):
        Topics(arrays)
