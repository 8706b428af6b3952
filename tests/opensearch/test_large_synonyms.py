"""Any text is a query in a cluster, however many synonyms its words have."""

from collections.abc import Iterator
from itertools import pairwise, product
from random import Random

import bases
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opensearch_cluster import Cluster as Nodes
from pydantic import SecretStr

from kb.index.counts import LightCorpus
from kb.language import query as queries
from kb.language import synonyms
from kb.opensearch import query_body, searcher
from kb.opensearch.query_body import MOST_CLAUSES, QueryBody, leaves
from kb.service import KnowledgeBase

SYLLABLES = [a + b for a, b in product("bdgklmnprtvz", "aou")]
WORDS = ["".join(each) for each in product(SYLLABLES[:12], SYLLABLES[:12], SYLLABLES[12:24])][:1600]
SINGLE = [WORDS[at : at + 40] for at in range(0, 800, 40)]  # groups of words
SEVERAL = [WORDS[at : at + 40] for at in range(800, 1600, 40)]  # a word, and phrases of two
HUB = "central"  # stands in every group of words

Both = tuple[KnowledgeBase, KnowledgeBase]


def groups() -> str:
    """A file of groups as large as one may be."""
    lines = [", ".join([*group[:39], HUB]) for group in SINGLE]
    for first, *others in SEVERAL:
        pairs = (f"{one} {two}" for one, two in pairwise(others))
        lines.append(", ".join([first, *pairs]))
    return "".join(f"- [{line}]\n" for line in lines)


@pytest.fixture(scope="module")
def both(opensearch_node: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A base of large groups: the service over its build, and the one that asks the cluster."""
    folder, rng = tmp_path_factory.mktemp("synonyms"), Random(4)
    files = {
        f"en/{number}.md": f"# {rng.choice(WORDS)} {number}\n\n{' '.join(rng.choices(WORDS, k=60))}"
        for number in range(60)
    }
    parsed, mistakes = synonyms.parse(groups())
    assert not mistakes
    assert len(parsed.groups) == 40
    bases.write({**files, "synonyms.yml": groups()}, folder / "articles")
    made = bases.published(
        folder, engine="opensearch", opensearch_url=SecretStr(",".join(opensearch_node.urls))
    )
    near = KnowledgeBase(made.settings, engine="arrays", cached_answers=0)
    near.rebuild()
    far = KnowledgeBase(made.settings, cached_answers=0)
    cluster = far._cluster
    far._current._searching = lambda reader, cached: searcher.ClusterSearcher(
        reader, cached, cluster, None
    )
    yield near, far
    for each in (made, near, far):
        each.close()


def body(near: KnowledgeBase, text: str) -> QueryBody:
    reader = near.catalog().reader
    corpus = reader.light_corpus()
    assert isinstance(corpus, LightCorpus)
    parsed = queries.parse(text, corpus.meaning, lambda word, prefix: True)
    return QueryBody(corpus, synonyms.parse(groups())[0], parsed)


LONG = [
    HUB,
    " ".join(group[0] for group in SINGLE),
    " ".join(group[0] for group in SEVERAL),
    " ".join(WORDS[::97]),
    " ".join(f'"{word}"' for word in WORDS[:60]),
    " ".join(["reset", *(f"-{word}" for word in WORDS[:60])]),
    " ".join(group[0] for group in (*SINGLE[:16], *SEVERAL[:16])),
]


@pytest.mark.parametrize("text", LONG)
def test_a_query_of_large_groups_is_answered_as_the_build_answers_it(both: Both, text: str) -> None:
    near, far = both

    found, expected = far.answer(text), near.answer(text)

    is_bounded = len(body(near, text)._kept) * 2 + 2 > query_body.MOST_IN_PHRASES
    assert found.total == expected.total or (is_bounded and found.total <= expected.total)
    assert found.confident == expected.confident
    if expected.hits:
        assert found.hits[0].slug == expected.hits[0].slug


@given(st.lists(st.sampled_from([*WORDS, HUB, *bases.WORDS]), max_size=40).map(" ".join))
def test_any_text_is_a_query_with_large_groups(both: Both, text: str) -> None:
    near, far = both

    assert far.answer(text).total <= near.answer(text).total


@pytest.mark.parametrize("text", LONG)
def test_clauses_are_bounded(both: Both, text: str) -> None:
    made = body(both[0], text)

    assert leaves(made.scoring()) <= MOST_CLAUSES
    assert leaves(made.matching()) <= MOST_CLAUSES


def test_few_synonyms_are_looked_for_in_each_field(both: Both) -> None:
    found = repr(body(both[0], SINGLE[0][0]).scoring())

    assert query_body.lemmas("title") in found
    assert "constant_score" not in found
