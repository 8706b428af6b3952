"""Sites on one cluster leave each other's indexes alone; an index has the shards asked for."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import bases
import pytest
from opensearch_cluster import Cluster as Nodes
from pydantic import SecretStr

from kb.base import data_folder
from kb.base.config import Settings
from kb.opensearch import feeding
from kb.opensearch.searcher import ClusterSearcher
from kb.service import KnowledgeBase

Write = Callable[..., Path]


def site(settings: Settings, nodes: Nodes, data: Path, **more: Any) -> KnowledgeBase:
    """The service over a data folder, which asks the cluster alone."""
    told = {
        "data": data, "engine": "opensearch", "opensearch_url": SecretStr(",".join(nodes.urls)),
    }  # fmt: skip
    made = KnowledgeBase(settings.model_copy(update=told | more), cached_answers=0)
    cluster = made._cluster
    assert cluster is not None
    made._current._searching = lambda reader, cached: ClusterSearcher(reader, cached, cluster, None)
    return made


def indexes(kb: KnowledgeBase) -> set[str]:
    """Those that begin as the current build's do."""
    assert kb._cluster is not None
    return set(kb._cluster.do("GET", f"/{base(kb)}*/_alias"))


def base(kb: KnowledgeBase) -> str:
    return feeding.base_name(kb._builds.current().manifest)


@pytest.mark.parametrize("kind", ["one path", "one data folder, another prefix"])
def test_two_sites_with_the_same_articles_keep_their_indexes(
    settings: Settings, write: Write, opensearch_node: Nodes, tmp_path: Path, kind: str
) -> None:
    write("vpn", "How to reset the VPN.", title="VPN")
    one = site(settings, opensearch_node, tmp_path / "one")
    one.rebuild()
    more = {}
    if kind != "one path":
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        more = {"opensearch_prefix": f"{base(one)}"}  # which begins as the other one does
    two = site(settings, opensearch_node, tmp_path / "two", **more)
    two.rebuild()
    assert base(one) != base(two)
    held = indexes(two) - indexes(one) if kind == "one path" else indexes(two)

    for number in range(4):
        write("mail", f"How to reset the mail, way {number}.", title="Mail")
        one.rebuild()
        assert held <= indexes(two)
        assert [hit.slug for hit in two.answer("reset vpn").hits] == ["vpn"]
    for number in range(4):
        write("door", f"How to reset the door, way {number}.", title="Door")
        two.rebuild()
        assert {hit.slug for hit in one.answer("reset").hits} == {"mail", "vpn"}

    own = {name for name in indexes(one) if len(name) == len(base(one)) + 17}
    assert len(own) == 2  # those of builds that are gone are removed
    one.close()
    two.close()


def test_an_unchanged_base_is_fed_anew_under_another_prefix(
    settings: Settings, write: Write, opensearch_node: Nodes, tmp_path: Path
) -> None:
    write("vpn", "How to reset the VPN.", title="VPN")
    site(settings, opensearch_node, tmp_path / "var").rebuild()

    other = site(settings, opensearch_node, tmp_path / "var", opensearch_prefix="help-two")
    report = other.rebuild()

    assert report.published
    assert base(other) == f"help-two-{data_folder.identity(tmp_path / 'var')}"
    assert other.answer("vpn").total == 1
    assert not other.rebuild().published


def test_the_identity_of_a_data_folder_stays_and_is_its_own(tmp_path: Path) -> None:
    one, two = (data_folder.identity(tmp_path / name) for name in ("one", "two"))

    assert one == data_folder.identity(tmp_path / "one") != two
    (tmp_path / "one" / "id").write_text("../*\n")
    assert data_folder.identity(tmp_path / "one").isalnum()


# ---------------------------------------------------------------- shards


def seen(results: Any) -> Any:
    hits = [(hit.slug, hit.title, hit.snippet, round(hit.score, 2)) for hit in results.hits]
    return hits, results.total, results.confident, results.correction, results.facets


def test_several_shards_answer_as_the_build_does(opensearch_node: Nodes, tmp_path: Path) -> None:
    made = bases.made_up(tmp_path, count=60, seed=5, files=True)
    far = site(
        made.settings, opensearch_node, tmp_path / "far", opensearch_shards=3,
        opensearch_replicas=0,
    )  # fmt: skip
    far.rebuild()
    changed = sorted(made.settings.articles.rglob("*.md"))[::20]
    for number, path in enumerate(changed):
        path.write_text(bases.article(Random(1000 + number)), "utf-8")
    far.rebuild()  # from a clone of the index before
    near = KnowledgeBase(far.settings, engine="arrays", cached_answers=0)

    for number in range(30):
        query = bases.line(Random(number), 5)
        assert seen(far.answer(query)) == seen(near.answer(query)), query

    (told,) = far._cluster.do("GET", f"/{base(far)}/_settings").values()
    assert told["settings"]["index"]["number_of_shards"] == "3"
    assert told["settings"]["index"]["number_of_replicas"] == "0"
    for each in (made, far, near):
        each.close()


def test_the_number_of_copies_changes_without_another_build(
    settings: Settings, write: Write, opensearch_node: Nodes, tmp_path: Path
) -> None:
    write("vpn", "How to reset the VPN.", title="VPN")
    site(settings, opensearch_node, tmp_path / "var").rebuild()

    other = site(
        settings, opensearch_node, tmp_path / "var", opensearch_replicas=2, opensearch_shards=4
    )
    assert not other.rebuild().published

    (told,) = other._cluster.do("GET", f"/{base(other)}/_settings").values()
    assert told["settings"]["index"]["number_of_replicas"] == "2"
    assert told["settings"]["index"]["number_of_shards"] == "1"  # until the next new build
    other._cluster.do("DELETE", f"/{base(other)}-*")


def test_a_feed_whose_last_request_some_shards_took_goes_on_before_it(
    settings: Settings, write: Write, opensearch_node: Nodes, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Numbers of articles have gaps, so that one request spans more of them than it has."""
    monkeypatch.setattr(feeding, "_MOST_AT_ONCE", 2)
    for number in range(12):
        write(f"a{number:02}", f"Reset number {number}.", title=f"Way {number}")
    near = KnowledgeBase(settings.model_copy(update={"data": tmp_path / "var"}))
    near.rebuild()
    for number in range(3, 9):
        (settings.articles / f"a{number:02}.md").unlink()
    kb = site(settings, opensearch_node, tmp_path / "var")
    bulk, asked = feeding._Feeding._bulk, []

    def interrupted(self: Any, body: bytes) -> None:
        asked.append(body)
        if len(asked) == 2:  # its second article alone arrives
            parts = body.splitlines(keepends=True)
            bulk(self, b"".join(parts[2:]))
            raise KeyboardInterrupt
        bulk(self, body)

    monkeypatch.setattr(feeding._Feeding, "_bulk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kb.rebuild(may_empty=True)

    kb.rebuild()

    assert kb.answer("reset").total == 6
    near.close()
    kb.close()
