"""A cluster that copies an index for longer than `kb index` waits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opensearch_cluster import Cluster as Nodes
from pydantic import SecretStr

from kb.base.config import Settings
from kb.base.messages import Message
from kb.opensearch.client import Cluster, Refused
from kb.service import KnowledgeBase


def test_an_index_is_searched_before_its_copy_is_made(
    settings: Settings, write: Callable[..., Path], opensearch_node: Nodes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    do, waited = Cluster.do, []

    def without_copy(cluster: Cluster, method: str, path: str, *more: Any, **params: Any) -> Any:
        if path.startswith("/_cluster/health"):
            waited.append(path)
            raise Refused(Message("timed out"), 408)
        return do(cluster, method, path, *more, **params)

    monkeypatch.setattr(Cluster, "do", without_copy)
    write("en/vpn", "How to reset the VPN.", title="VPN")
    urls = SecretStr(",".join(opensearch_node.urls))
    kb = KnowledgeBase.open(
        settings.model_copy(update={"engine": "opensearch", "opensearch_url": urls})
    )

    kb.rebuild()

    assert waited
    assert [hit.slug for hit in kb.answer("reset vpn").hits] == ["en/vpn"]
    kb.close()
