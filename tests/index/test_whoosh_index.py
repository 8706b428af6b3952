"""The Whoosh index: articles added with their terms counted, confirmed, queried as Whoosh does."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from whoosh import query

from kb.index import whoosh_index
from kb.index.postings import Postings
from kb.index.schema import FIELD_NAMES, SURFACE
from kb.language.vocabulary import Vocabulary

SLUGS = ("a", "b", "c")


def cards(*slugs):
    return [{"slug": slug} for slug in slugs]


def counted(*articles):
    """The postings of articles, each given as its words in order."""
    terms = Vocabulary.of(word for words in articles for word in words)
    pairs = [(terms.find(word), doc) for doc, words in enumerate(articles) for word in words]
    ids, docs = np.array(pairs, np.int64).reshape(-1, 2).T
    return Postings.of(terms, ids, docs, len(articles))


@pytest.fixture
def terms():
    field = counted(["вход", "пароль", "пароль"], ["пароль"], [])
    return dict.fromkeys((*FIELD_NAMES, SURFACE), field)


@pytest.fixture
def index(tmp_path, terms):
    index = whoosh_index.create(tmp_path / "whoosh")
    whoosh_index.add_segment(index, cards(*SLUGS), terms)
    return index


def found(index, term):
    """Slugs of the articles that hold a term."""
    with index.searcher(weighting=whoosh_index.weighting()) as searcher:
        return sorted(hit["slug"] for hit in searcher.search(query.Term("text", term)))


def test_an_article_is_found_by_its_terms(index):
    assert found(index, "пароль") == ["a", "b"]
    assert found(index, "вход") == ["a"]
    assert found(index, "нет") == []


def test_a_segment_that_holds_what_it_was_given_is_confirmed(index, terms):
    whoosh_index.confirm_segment(index, 3, terms)


def test_a_segment_of_another_size_is_refused(index, terms):
    with pytest.raises(ValueError, match="the index holds 3 of 4 articles"):
        whoosh_index.confirm_segment(index, 4, terms)


@pytest.mark.parametrize(
    "articles",
    [
        [["вход", "пароль"], ["пароль"], []],  # once fewer
        [["вход", "пароль", "пароль", "пароль"], [], []],  # in an article fewer
        [["вход", "пароль", "пароль"], ["пароль"], ["ещё"]],  # a term more
        [["пароль", "пароль"], ["пароль"], []],  # a term fewer
    ],
)
def test_a_segment_that_holds_other_terms_is_refused(index, terms, articles):
    other = {**terms, "title": counted(*articles)}

    with pytest.raises(ValueError, match="does not hold in its field title what it was given"):
        whoosh_index.confirm_segment(index, 3, other)


def test_deleted_articles_are_found_no_more_and_dropped_segments_hold_nothing(index, terms):
    more = {name: counted(["пароль"]) for name in terms}
    whoosh_index.add_segment(index, cards("d"), more, deleted=[(0, 0)], kept=1)
    assert found(index, "пароль") == ["b", "d"]

    whoosh_index.add_segment(index, cards("e"), more, kept=1)

    assert found(index, "пароль") == ["b", "e"]


def test_an_index_without_articles_is_confirmed(tmp_path, terms):
    none = {name: replace(counted(), size=0) for name in terms}
    index = whoosh_index.create(tmp_path / "empty")

    whoosh_index.add_segment(index, [], none)

    whoosh_index.confirm_segment(index, 0, none)
    assert found(index, "пароль") == []


def test_lengths_are_rounded_as_whoosh_rounds_them(index, terms):
    given = np.array([0, 1, 17, 300, 5000, 10**9], np.int32)

    rounded = whoosh_index.rounded_lengths(given)

    assert rounded[:2].tolist() == [0, 1]
    assert (np.diff(rounded) > 0).all()
    with index.reader() as reader:
        kept = [reader.doc_field_length(doc, "text") or 0 for doc in range(3)]
    assert kept == whoosh_index.rounded_lengths(terms["text"].lengths()).tolist()


def test_only_public_names_of_whoosh_are_used():
    source = Path(whoosh_index.__file__).read_text("utf-8")

    assert re.findall(r"(?<!self)\._(?!_)\w+", source) == []
