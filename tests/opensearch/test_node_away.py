"""The node of a running site is stopped and started again: readers get answers all the time."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from opensearch_cluster import Cluster
from pydantic import SecretStr
from served import eventually

from kb.base.config import Settings
from kb.service import KnowledgeBase
from kb.web import create_app

Write = Callable[..., Path]
_number = count()


def test_readers_get_answers_while_the_node_is_away_and_it_is_asked_again_afterwards(
    settings: Settings, write: Write, opensearch_node: Cluster
) -> None:
    for name in ("vpn", "mail", "door"):
        write(f"en/{name}", f"How to reset the {name}.", title=name)
    urls = SecretStr(",".join(opensearch_node.urls))
    searched_there = settings.model_copy(update={"engine": "opensearch", "opensearch_url": urls})
    kb = KnowledgeBase.open(searched_there, cached_answers=0)
    kb.rebuild()
    site = create_app(kb, cache_slots=0).test_client()
    eventually(lambda: is_searched_there(site, opensearch_node))
    (node,) = opensearch_node.nodes

    node.stop()
    away = [ask(site) for _ in range(40)]
    node.start()
    opensearch_node.wait()

    assert {status for status, _ in away} == {200}
    # Once a few tries have failed, the others do not wait for one.
    assert sorted(seconds for _, seconds in away)[20] < 0.5
    eventually(lambda: is_searched_there(site, opensearch_node), 60)
    kb.close()


def ask(site: Any) -> tuple[int, float]:
    """Status and seconds of a question that was not asked before and finds an article."""
    began = time.monotonic()
    answer = site.get(f"/api/search?q=reset+vpn+{next(_number)}")
    if answer.status_code == 200:
        assert answer.json["results"][0]["slug"] == "en/vpn"
    return answer.status_code, time.monotonic() - began


def is_searched_there(site: Any, found: Cluster) -> bool:
    """Whether the node counts a search for a question."""
    before = found.searches()
    return ask(site)[0] == 200 and found.searches() > before
