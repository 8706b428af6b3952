"""Examines what the service keeps: the build that is served, the one before, the search log."""

from collections.abc import Iterator

from kb.base.config import Settings
from kb.base.errors import IndexDamaged, IndexMissing, LogUnavailable
from kb.base.messages import NOTHING, Message
from kb.content import status
from kb.index import checkpoint
from kb.index.builds import Build, Builds
from kb.jobs.doctor.findings import Finding, error, ok, sized, warning
from kb.searchlog.db.condition import Condition, is_journal_safe, look
from kb.searchlog.db.database import HEAD

_FULL = Message("run `kb index --full`")
_DAY = 86_400.0
_LATE = 2  # days that single searches may be kept beyond their time


def index(settings: Settings) -> Iterator[Finding]:
    """The published build, every file of it compared with its checksum, and what lies beside it."""
    builds = Builds(settings.builds)
    try:
        build = builds.current()
    except IndexMissing:
        message = Message("no build in {folder}", folder=str(builds.root))
        yield error("index", message, Message("run `kb index`"))
        yield from _interrupted(builds)
        return
    except IndexDamaged as damage:
        yield error("index", damage.message, NOTHING)  # it ends with the cure
        return
    if build.name != builds.pointed():
        message = Message(
            "build {name} cannot be read, {other} answers", name=builds.pointed(), other=build.name
        )
        yield error("index", message, _FULL)
    elif not _is_ours(settings, build):
        message = Message(
            "build {name} is of {folder}, not of {articles}",
            name=build.name,
            folder=str(build.manifest.get("root")),
            articles=str(settings.articles),
        )
        yield warning(
            "index", message, Message("name the folder with --articles, or run `kb index`")
        )
    else:
        yield ok("index", Message("build {name} is whole", name=build.name))
    yield from _before(builds, build.name)
    yield from _interrupted(builds)
    yield from _pulled(settings) if settings.is_replica else _articles(settings)


def _is_ours(settings: Settings, build: Build) -> bool:
    """Whether a build is of the articles folder, or comes from another machine."""
    root = build.manifest.get("root")
    return settings.is_replica or root == str(settings.articles.resolve())


def _pulled(settings: Settings) -> Iterator[Finding]:
    """How the last pull came out, where builds come from another machine."""
    last = status.read(settings.data, status.Pulled)
    if last is None:
        message = Message("no build was pulled from {source} yet", source=settings.pull_url)
        yield warning("pull", message, Message("run `kb pull`"))
        return
    at = f"{last.at:%Y-%m-%d %H:%M} UTC" if last.at else "–"
    if not last.trouble:
        told = Message("builds were pulled from {source} last at {at}", source=last.source, at=at)
        yield ok("pull", told)
        return
    message = Message(
        "no pull from {source} since {at}: {trouble}",
        source=last.source,
        at=at,
        trouble=last.trouble,
    )
    cure = Message("what is here goes on being served; see that the source can be reached")
    yield warning("pull", message, cure)


def _before(builds: Builds, current: str) -> Iterator[Finding]:
    others = [name for name in builds.names() if name != current]
    if not others:
        yield ok("previous", Message("there is no build before it yet"))
    elif broken := [name for name in others if not builds.sound(name)]:
        message = Message("build {name}, kept to go back to, cannot be read", name=broken[0])
        yield warning("previous", message, Message("the next two builds replace it: `kb index`"))
    else:
        yield ok("previous", Message("build {name} is whole", name=others[0]))


def _interrupted(builds: Builds) -> Iterator[Finding]:
    """What a run of indexing that was killed has left for the next one."""
    rendered = builds.root / checkpoint.NAME
    if rendered.is_file() and not builds.is_at_work:
        size = sized(rendered.stat().st_size)
        message = Message("indexing was interrupted; what it rendered is kept: {size}", size=size)
        yield warning("index", message, Message("run `kb index`, which goes on from there"))


def _articles(settings: Settings) -> Iterator[Finding]:
    """How the last indexing came out."""
    last = status.read(settings.data, status.Indexed)
    if last is None:
        return
    rejected = sum(problem.level == "error" for problem in last.problems)
    if rejected:
        message = Message("{n} article is rejected", "{n} articles are rejected", n=rejected)
        yield warning("articles", message, Message("`kb check` says why"))
    elif last.held:
        message = Message("the last indexing published nothing ({code})", code=last.held)
        yield warning("articles", message, Message("run `kb index` and see what it asks"))
    else:
        message = Message("{n} article", "{n} articles", n=last.articles)
        yield ok("articles", message)


def log_condition(settings: Settings) -> tuple[Condition | None, Finding | None]:
    """The condition of the log, and what is wrong if there is none to be had."""
    try:
        return look(settings.log_url), None
    except LogUnavailable as unavailable:
        cure = Message("searches are answered meanwhile and wait to be recorded in memory")
        return None, error("log", unavailable.message, cure)


def log(settings: Settings, found: Condition | None, now: float) -> Iterator[Finding]:
    """The search log: its version, its journal, its size, and whether old searches are deleted."""
    if found is None:
        yield ok("log", Message("there is none yet; the first search makes it"))
        return
    if found.version is not None and not found.is_current:
        yield _other_version(found.version)
    elif not is_journal_safe(found.journal):
        message = Message(
            "{software} with a write-ahead log may damage it", software=found.software
        )
        yield error("log", message, Message("start kb once: it sets the rollback journal"))
    elif not found.is_read_whole:
        message = Message("{log}; not read to its end in time", log=_described(found))
        yield ok("log", message)
    else:
        yield ok("log", _described(found))
    days = int((now - found.oldest) // _DAY) if found.oldest else 0
    if days > settings.retention_days + _LATE:
        message = Message(
            "the oldest search is {n} day old", "the oldest search is {n} days old", n=days
        )
        yield warning("retention", message, Message("run `kb log purge` every night"))


def _other_version(version: str) -> Finding:
    message = Message(
        "the tables are of version {version}, this kb makes {head}", version=version, head=HEAD
    )
    if version < HEAD:
        return warning(
            "log", message, Message("they are brought along when kb opens them: back up first")
        )
    return error(
        "log", message, Message("install the newer kb again, or restore a backup of before")
    )


def _described(found: Condition) -> Message:
    journal = f" ({found.journal})" if found.journal else ""
    return Message(
        "{software}{journal}, tables {version}, {size}, {searches}",
        software=found.software,
        journal=journal,
        version=found.version or "–",
        size=sized(found.bytes),
        searches=Message("{n} search", "{n} searches", n=found.searches),
    )
