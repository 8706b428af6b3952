"""What the cluster holds of an article is damaged, or of another version of the product."""

import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opensearch_cluster import Cluster as Nodes
from pydantic import SecretStr

from kb.base.config import Settings
from kb.index.builds import Build
from kb.index.reader import IndexReader
from kb.opensearch import feeding
from kb.opensearch.client import lines
from kb.opensearch.mapping import TEXT, WORDS, Documents
from kb.service import KnowledgeBase
from kb.web import create_app

BROKEN = "vpn-2"


def flipped(blob: str) -> str:
    """A blob with one bit in its middle turned."""
    data = bytearray(b64decode(blob))
    data[len(data) // 2] ^= 16
    return b64encode(data).decode()


@pytest.fixture
def kb(
    settings: Settings, write: Callable[..., Path], opensearch_node: Nodes
) -> Iterator[KnowledgeBase]:
    """Five articles about one thing, searched in the cluster alone."""
    for number in range(5):
        write(f"vpn-{number}", f"How to reset the VPN, way {number}.", title=f"VPN {number}")
    urls = SecretStr(",".join(opensearch_node.urls))
    told = {"engine": "opensearch", "opensearch_url": urls, "pull_light": True}
    made = KnowledgeBase(settings.model_copy(update=told), cached_answers=0)
    made.rebuild()
    made._current._searching = alone(made)
    yield made
    made.close()


def alone(kb: KnowledgeBase):  # type: ignore[no-untyped-def]
    from kb.opensearch.searcher import ClusterSearcher

    return lambda reader, cached: ClusterSearcher(reader, cached, kb._cluster, None)


def damage(kb: KnowledgeBase, field: str, change: Callable[[str], str]) -> None:
    """Changes one blob of one article where it lies."""
    build: Build = kb._builds.current()
    reader, cluster = IndexReader(build), kb._cluster
    assert cluster is not None
    index = feeding.build_name(build.name, build.manifest)
    doc = reader.find(BROKEN)
    assert doc is not None
    held = Documents(reader).document(doc)
    cluster.do("PUT", f"/{index}/_settings", {"index.blocks.write": False})
    body = lines([{"index": {"_id": str(doc)}}, {**held, field: change(held[field])}])
    assert not cluster.do("POST", f"/{index}/_bulk", body, refresh="true")["errors"]


CHANGES = [flipped, lambda blob: blob[: len(blob) // 8 * 4], lambda blob: "AAAA"]


@pytest.mark.parametrize("change", CHANGES)
def test_an_article_whose_words_are_damaged_is_left_out_and_told(
    kb: KnowledgeBase, caplog: pytest.LogCaptureFixture, change: Callable[[str], str]
) -> None:
    assert len(kb.answer("reset vpn").hits) == 5
    damage(kb, WORDS, change)

    with caplog.at_level(logging.WARNING):
        found = [kb.answer("reset vpn"), kb.answer("reset the vpn")]

    for each in found:
        assert BROKEN not in {hit.slug for hit in each.hits[:4]}
        assert all(hit.snippet.text for hit in each.hits[:4])
    told = [line for line in caplog.messages if BROKEN in line]
    assert len(told) == 1
    assert "remove the index of alias" in told[0]
    assert create_app(kb).test_client().get("/search?q=reset+vpn").status_code == 200


@pytest.mark.parametrize("change", CHANGES)
def test_an_article_whose_text_is_damaged_is_shown_by_its_title(
    kb: KnowledgeBase, caplog: pytest.LogCaptureFixture, change: Callable[[str], str]
) -> None:
    damage(kb, TEXT, change)

    with caplog.at_level(logging.WARNING):
        hits = {hit.slug: hit for hit in kb.answer("reset vpn").hits}

    assert len(hits) == 5
    assert [slug for slug, hit in hits.items() if not hit.snippet.text] == [BROKEN]
    assert hits[BROKEN].title.text == "VPN 2"
    assert BROKEN in caplog.text
