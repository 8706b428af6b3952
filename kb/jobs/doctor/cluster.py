"""Examines the cluster that searches: whether it answers, and holds the build that is served."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing
from kb.base.messages import Message
from kb.content import status
from kb.index.builds import Build, Builds
from kb.jobs.doctor.findings import Finding, error, ok, warning
from kb.opensearch import feeding
from kb.opensearch.client import Cluster, ClusterUnavailable, Refused


def cluster(settings: Settings, now: float) -> Iterator[Finding]:
    """How the cluster of the settings is, and was of late. Raises Refused or ConfigError.

    A cluster of one node lacks copies and is fine. What is wrong is an error where the build is
    light: a whole one answers meanwhile.
    """
    yield from _was_away(settings, now)
    url = settings.opensearch_url
    nodes = Cluster(url.get_secret_value() if url else "")
    try:
        build = Builds(settings.builds).current()
    except (IndexMissing, IndexDamaged):  # which is told of the index
        return
    is_light = bool(build.manifest.get("light"))
    wrong = error if is_light else warning
    try:
        yield _holds(nodes, build, wrong)
    except ClusterUnavailable as away:
        cure = (
            Message("pages are there meanwhile, and search is not")
            if is_light
            else Message("the build of this machine answers meanwhile")
        )
        yield wrong("cluster", away.message, cure)


def _was_away(settings: Settings, now: float) -> Iterator[Finding]:
    """That processes of the site asked it in vain in the last week."""
    last = status.read(settings.data, status.ClusterAway)
    if last is None or now - last.at.timestamp() > status.AWAY_KEPT.total_seconds():
        return
    times = Message(
        "OpenSearch did not answer {n} time since {since}, at {at} for the last time",
        "OpenSearch did not answer {n} times since {since}, at {at} for the last time",
        n=last.times, since=_minute(last.since), at=_minute(last.at),
    )  # fmt: skip
    yield warning("cluster", times, Message("look at its nodes and at the network at that time"))


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _holds(
    nodes: Cluster, build: Build, wrong: Callable[[str, Message, Message], Finding]
) -> Finding:
    """Whether the cluster holds the index of a build, with all its shards."""
    found = _index(nodes, build)
    if not found:
        missing = Message("OpenSearch has no index of build {name}", name=build.name)
        return wrong("cluster", missing, Message("run `kb index` where builds are made"))
    health = nodes.ask("GET", f"/_cluster/health/{found}")
    if health["status"] == "red":
        lost = Message("OpenSearch has lost a part of the index of build {name}", name=build.name)
        return wrong("cluster", lost, Message("start its nodes; if they are gone, run `kb index`"))
    held = Message(
        "OpenSearch holds build {name}, on a cluster of {n} node",
        "OpenSearch holds build {name}, on a cluster of {n} nodes",
        n=int(health["number_of_nodes"]),
        name=build.name,
    )
    return ok("cluster", held)


def _index(nodes: Cluster, build: Build) -> str:
    """The name of the index of a build, or "" if there is none."""
    try:
        found = nodes.ask("GET", f"/_alias/{feeding.build_name(build.name, build.manifest)}")
    except Refused as refused:
        if refused.status == 404:
            return ""
        raise
    return next(iter(found), "")
