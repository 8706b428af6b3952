"""Facets: topics as values to filter by, of two languages, in levels."""

import numpy as np
import orjson
import pytest

from kb.facets import FacetValue, counted, topic_facet
from kb.index.topics import Topics

# Language, key, title and the topic above. Numbers are places in this list.
TREE = [
    ("ru", "shop", "Магазин", -1),
    ("ru", "shop/pay", "Оплата", 0),
    ("ru", "shop/send", "Доставка", 0),
    ("en", "shop", "Shop", -1),
    ("en", "shop/pay", "Payment", 3),
    ("en", "api", "Interface", -1),
]


@pytest.fixture(scope="module")
def topics() -> Topics:
    return Topics(
        {
            "topics.of": np.zeros(1, np.int32),
            "topics.pages": np.full(len(TREE), -1, np.int32),
            "topics.json": np.frombuffer(orjson.dumps({"topics": TREE, "namesakes": {}}), np.uint8),
        }
    )


def told(values):
    return [(each.value, each.hits, each.title, told(each.below)) for each in values]


def test_topics_of_two_languages_with_one_key_are_one_value_with_those_below(topics):
    found = topic_facet(topics, [5, 4, 1, 3, 3, 2], 10, "", "en")
    below = [("shop/pay", 7, "Payment", []), ("shop/send", 1, "Доставка", [])]
    assert told(found) == [("shop", 8, "Shop", below), ("api", 2, "Interface", [])]


@pytest.mark.parametrize(
    ("counts", "lang", "title"),
    [
        ([2, 2, 0, 5, 5, 1], "ru", "Магазин"),  # the reader's language, though it holds fewer
        ([2, 2, 0, 5, 5, 1], "de", "Shop"),  # else the one with most hits
        ([0, 0, 0, 5, 5, 1], "ru", "Shop"),  # a topic without hits gives no title
    ],
)
def test_a_value_is_titled_in_the_language_of_the_reader_if_it_can_be(topics, counts, lang, title):
    assert topic_facet(topics, counts, sum(counts), "", lang)[0].title == title


def test_a_topic_that_holds_all_hits_is_passed_over_for_those_below_it(topics):
    found = topic_facet(topics, [5, 4, 1, 0, 0, 0], 5, "", "ru")
    assert told(found) == [("shop/pay", 4, "Оплата", []), ("shop/send", 1, "Доставка", [])]


def test_a_topic_that_stands_alone_but_holds_only_some_hits_is_shown(topics):
    found = topic_facet(topics, [5, 5, 0, 0, 0, 0], 6, "", "ru")
    assert told(found) == [("shop", 5, "Магазин", [("shop/pay", 5, "Оплата", [])])]


def test_below_a_chosen_topic_and_without_hits(topics):
    counts = [6, 3, 3, 1, 1, 0]
    assert [each.value for each in topic_facet(topics, counts, 7, "shop", "ru")] == [
        "shop/pay", "shop/send",
    ]  # fmt: skip
    assert topic_facet(topics, [0] * 6, 0, "", "ru") == ()
    assert topic_facet(topics, counts, 7, "nowhere", "ru") == ()


def test_values_are_in_order_of_hits_then_by_title(topics):
    found = topic_facet(topics, [3, 0, 0, 0, 0, 3], 6, "", "en")
    assert [each.title for each in found] == ["Interface", "Магазин"]
    assert counted(["b", "", "a", "c"], [2, 9, 2, 0]) == (FacetValue("a", 2), FacetValue("b", 2))
