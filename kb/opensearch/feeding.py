"""Fills the index of a build in OpenSearch, from the build before where that is known there.

An index is complete before its name is given to a build, and never changes afterwards. What was
interrupted goes on where it stopped.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from time import sleep
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import orjson
from numpy.typing import NDArray

from kb.base.config import Settings
from kb.base.errors import IndexDamaged
from kb.base.messages import Message
from kb.index.builds import Build, Builds
from kb.index.reader import NAMES, IndexReader
from kb.opensearch import mapping
from kb.opensearch.client import Cluster, ClusterUnavailable, Refused, lines
from kb.opensearch.mapping import Documents

VERSION = 2  # raised with every change of what stands in an index
_AT_ONCE = 4 << 20  # bytes of documents in one request
_MOST_AT_ONCE = 500  # documents
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before a node that is busy is asked again

Progress = Callable[[int, int], None]


class Layout(NamedTuple):
    """How an index lies on the nodes."""

    shards: int = 1
    replicas: int | None = None  # copies of each shard; None: one where there are two nodes

    @classmethod
    def of(cls, settings: Settings) -> "Layout":
        """The one that the settings ask for."""
        return cls(settings.opensearch_shards, settings.opensearch_replicas)

    def copies(self) -> dict[str, Any]:
        """The settings of an index that has its copies."""
        if self.replicas is None:
            return {"index.auto_expand_replicas": "0-1"}
        return {"index.auto_expand_replicas": False, "index.number_of_replicas": self.replicas}


logger = logging.getLogger(__name__)


def base_name(manifest: Mapping[str, Any]) -> str:
    """What the names of all indexes of one site begin with; also their alias."""
    if named := manifest.get("indexes"):
        return str(named)
    root = str(manifest.get("root", ""))
    return f"kb-{blake2b(root.encode(), digest_size=4).hexdigest()}"


def build_name(build: str, manifest: Mapping[str, Any]) -> str:
    """The alias of the index of a build, as a part of an address."""
    return quote(f"{base_name(manifest)}-{build}".lower(), safe="")


def feed(
    cluster: Cluster, builds: Builds, build: Build, layout: Layout, progress: Progress | None = None
) -> None:
    """Has OpenSearch hold the index of a build, under its alias.

    Only what changed since the current build is sent, if its index is there. `progress` is called
    with the number of articles sent and of all that are to be. Raises ClusterUnavailable and
    Refused.
    """
    alias = build_name(build.name, build.manifest)
    if cluster.exists(f"/_alias/{alias}"):
        return
    index = _index_name(build, layout)
    if not _is_done(cluster, index):
        reader = IndexReader(build)
        feeding = _Feeding(cluster, index, Documents(reader), layout, progress)
        feeding.run(_before(builds, build))
        _finish(cluster, index, reader.corpus.count, layout)
    cluster.do("PUT", f"/{index}/_alias/{alias}")


def point(cluster: Cluster, builds: Builds, build: Build, layout: Layout) -> None:
    """Moves the alias of the site to a build, and removes indexes of builds that are gone.

    Indexes of other sites stay, whatever they are called.
    """
    base = base_name(build.manifest)
    (index,) = cluster.do("GET", f"/_alias/{build_name(build.name, build.manifest)}")
    cluster.do("PUT", f"/{index}/_settings", layout.copies())
    kept = {build_name(name, build.manifest) for name in (*builds.names(), build.name)}
    found: dict[str, Any] = {
        name: each
        for name, each in cluster.do("GET", f"/{base}-*/_alias").items()
        if re.fullmatch(rf"{re.escape(base)}-[0-9a-f]{{16}}", name)
    }
    old = [name for name, each in found.items() if base in each["aliases"] and name != index]
    actions = [{"remove": {"index": name, "alias": base}} for name in old]
    actions.append({"add": {"index": index, "alias": base}})
    cluster.do("POST", "/_aliases", {"actions": actions})
    for name, each in found.items():
        aliases = {quote(alias, safe="") for alias in each["aliases"]}
        if name != index and not aliases & kept:
            with suppress(Refused):  # another process removed it
                cluster.do("DELETE", f"/{name}")


def _index_name(build: Build, layout: Layout) -> str:
    """The index of a build: the same for builds of the same contents, on as many shards."""
    files, segments = build.manifest["files"], build.manifest["segments"]
    contents = _checksums(build.manifest), build.manifest["dead"], files[NAMES], segments
    facts = (VERSION, layout.shards, contents)
    digest = blake2b(repr(facts).encode(), digest_size=8).hexdigest()
    return f"{base_name(build.manifest)}-{digest}"


def _checksums(manifest: Mapping[str, Any]) -> list[int]:
    """Those of the segments, in their order."""
    return [int(manifest["files"][name][1]) for name in manifest["segments"]]


def _before(builds: Builds, build: Build) -> Build | None:
    """The current build, if its segments are the first of `build`."""
    try:
        before = builds.open(builds.pointed())
    except IndexDamaged:
        return None
    old, new = _checksums(before.manifest), _checksums(build.manifest)
    is_same = base_name(before.manifest) == base_name(build.manifest)
    return before if is_same and new[: len(old)] == old else None


def _is_done(cluster: Cluster, index: str) -> bool:
    try:
        found = cluster.do("GET", f"/{index}/_mapping")
    except Refused as error:
        if error.status == 404:
            return False
        raise
    return bool(found[index]["mappings"].get("_meta", {}).get("done"))


class _Feeding:
    """One run of filling an index."""

    def __init__(
        self, cluster: Cluster, index: str, documents: Documents, layout: Layout,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        self._cluster, self._index, self._documents = cluster, index, documents
        self._layout = layout
        self._progress = progress or (lambda done, total: None)

    def run(self, before: Build | None) -> None:
        """Fills the index from what is known of the build before, or afresh."""
        numbers = self._documents.numbers()
        source = _index_name(before, self._layout) if before else ""
        if before and source != self._index and _is_done(self._cluster, source):
            changed, gone = self._changes(Documents(IndexReader(before)), numbers)
            if len(changed) < len(numbers) // 2:
                self._clone(source)
                self._send(changed, gone)
                return
        last = self._create()
        # Of the request that was interrupted some shards may have taken their part alone.
        start = max(int(np.searchsorted(numbers, last, "right")) - _MOST_AT_ONCE, 0)
        self._send(numbers[start:], ())

    def _changes(
        self, old: Documents, numbers: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The articles that are new or filtered by other facts, and those that are gone."""
        known = old.numbers()
        both = np.intersect1d(known, numbers)
        other = [doc for doc in both.tolist() if old.facts(doc) != self._documents.facts(doc)]
        new = np.setdiff1d(numbers, known)
        return np.union1d(new, np.array(other, np.intp)), np.setdiff1d(known, numbers)

    def _clone(self, source: str) -> None:
        with suppress(Refused):
            self._cluster.do("DELETE", f"/{self._index}")
        body = {"settings": {"index.blocks.write": False, "index.auto_expand_replicas": False,
                             "index.number_of_replicas": 0}}  # fmt: skip
        self._cluster.do("POST", f"/{source}/_clone/{self._index}", body)
        self._cluster.do("PUT", f"/{self._index}/_mapping", {"_meta": {"done": False}})

    def _create(self) -> int:
        """Makes the index if there is none. Returns the last article that it holds, or -1."""
        try:
            self._cluster.do("PUT", f"/{self._index}", {
                "settings": {
                    **mapping.settings(), "number_of_shards": self._layout.shards,
                    "number_of_replicas": 0,
                },
                "mappings": {**mapping.mappings(), "_meta": {"done": False}},
            })  # fmt: skip
            return -1
        except Refused as error:
            if "resource_already_exists" not in str(error):
                raise
        self._cluster.do("POST", f"/{self._index}/_refresh")
        found = self._cluster.do(
            "POST",
            f"/{self._index}/_search",
            {"size": 0, "aggs": {"n": {"max": {"field": "number"}}}},
        )
        last = found["aggregations"]["n"]["value"]
        return -1 if last is None else int(last)

    def _send(self, numbers: Sequence[int] | NDArray[Any], gone: Iterable[int]) -> None:
        """Sends articles whole, after removing others, in requests of bounded size."""
        done, total = 0, len(numbers)
        for body, count in self._requests(numbers, gone):
            self._bulk(body)
            done += count
            self._progress(min(done, total), total)

    def _requests(self, numbers: Any, gone: Iterable[int]) -> Iterator[tuple[bytes, int]]:
        parts: list[bytes] = []
        for doc in gone:
            parts.append(lines([{"delete": {"_id": str(doc)}}]))
        size, count = sum(map(len, parts)), 0
        for doc in numbers:
            head = {"index": {"_id": str(doc)}}
            parts.append(lines([head, self._documents.document(int(doc))]))
            size, count = size + len(parts[-1]), count + 1
            if size >= _AT_ONCE or count >= _MOST_AT_ONCE:
                yield b"".join(parts), count
                parts, size, count = [], 0, 0
        if parts:
            yield b"".join(parts), count

    def _bulk(self, body: bytes) -> None:
        """One request, sent again while nodes are busy or gone."""
        for pause in (*_PAUSES, None):
            try:
                found = self._cluster.do("POST", f"/{self._index}/_bulk", body)
            except ClusterUnavailable:
                if pause is None:
                    raise
                sleep(pause)
                continue
            failed = [e for item in found["items"] for e in item.values() if "error" in e]
            if not failed:
                return
            if pause is None or any(each["status"] != 429 for each in failed):
                reason = str(failed[0]["error"].get("type", ""))
                raise Refused(
                    Message("OpenSearch refused: {reason}; run `kb index`", reason=reason),
                    int(failed[0]["status"]),
                )
            sleep(pause)


def _finish(cluster: Cluster, index: str, articles: int, layout: Layout) -> None:
    """Has an index that is full searched, copied to other nodes, and written to no more."""
    cluster.do("POST", f"/{index}/_refresh")
    found = cluster.do("GET", f"/{index}/_count")["count"]
    if found != articles:
        raise Refused(
            Message(
                "OpenSearch holds {found} of {articles} articles; run `kb index` again",
                found=str(found), articles=str(articles),
            ), 500,
        )  # fmt: skip
    cluster.do("PUT", f"/{index}/_mapping", {"_meta": {"done": True}})
    settings = {**layout.copies(), "index.blocks.write": True}
    cluster.do("PUT", f"/{index}/_settings", orjson.dumps(settings).decode())
    with suppress(Refused):  # 408: it is copied yet, and one copy answers
        cluster.do("GET", f"/_cluster/health/{index}", wait_for_status="green", timeout="30s")
