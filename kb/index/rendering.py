"""Parses, renders and analyses changed files, each in a child process under limits.

What children send back is packed: the articles of a build lie on disk until they are written.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from kb.base import sandbox
from kb.base.config import Settings
from kb.base.messages import Message
from kb.content import articles, markup, media
from kb.content.articles import Article, Defaults
from kb.content.folder import Source
from kb.content.link_table import LinkedArticle
from kb.content.markup import Inclusions
from kb.content.problems import Problem
from kb.content.topics import Placement
from kb.index import packing
from kb.index.changes import Changes, facts_of
from kb.index.checkpoint import Checkpoint, Stored
from kb.index.document import Analysed, Kind, analyse
from kb.index.entries import Details
from kb.index.links import may_be_searched, references
from kb.language import morphology, tokens

# What nearly every article is rendered with, whichever function is the first to have children.
sandbox.preload(
    *(__name__, "kb.content.markup.cleaning", "kb.content.markup.commonmark"),
    "markdown.extensions.toc",
)

Progress = Callable[[int, int], None]  # done, of how many
_SEEN = re.compile("<(?:img|pre|table|video|audio|svg)")  # what is seen, but no text


class Packed(NamedTuple):
    """An analysed article as bytes, and what its entry remembers of it, by field of `Entry`."""

    facts: dict[str, Any]
    data: bytes

    @classmethod
    def of(cls, doc: Analysed) -> "Packed":
        """Packs an article."""
        return cls(_facts(doc), packing.pack(doc))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A changed file, parsed, rendered and analysed; `doc` is None if it is rejected."""

    source: Source
    digest: str
    facts: str  # author and date from git, dialect and audience from the folder
    doc: Stored | None
    problems: tuple[Problem, ...]
    media: tuple[str, ...] = ()  # files beside the articles that it refers to
    includes: tuple[str, ...] = ()  # files whose text it holds


def prepare_changed(
    settings: Settings, changes: Changes, rendered: Callable[[int], None], checkpoint: Checkpoint
) -> Iterator[Prepared]:
    """Prepares the files of `changes.fresh`, in their order.

    Each is rendered in a child process within `settings.render_seconds` and
    `settings.render_megabytes`; one that exceeds them is rejected. What `checkpoint` knows is taken
    from there, and what is rendered is kept there. `rendered` is called after each with the number
    of them, at first with that of the known ones.
    """
    read = changes.spool.read
    digests = [articles.digest(source.path, read(place), by) for source, place, by in changes.fresh]
    known = checkpoint.begin(digests, changes.spool)
    missing = [
        each for each, digest in zip(changes.fresh, digests, strict=True) if digest not in known
    ]
    if missing:  # what children of this process would have to load each for itself
        markup.load({tool for _, _, by in missing for tool in (by.dialect, *by.also)})
        tokens.expect_many()
    jobs = (
        (source.path, read(place), defaults, settings.remote_images)
        for source, place, defaults in missing
    )
    results = sandbox.each(
        prepare, jobs, seconds=settings.render_seconds, megabytes=settings.render_megabytes,
        meanwhile=partial(_open_dictionaries, changes),
    )  # fmt: skip
    done = len(known)
    if done:
        rendered(done)
    for (source, place, defaults), digest in zip(changes.fresh, digests, strict=True):
        facts, includes = facts_of(defaults), defaults.inclusions.files
        doc = known.get(digest)
        if doc is not None:
            files = doc.facts["kept"].media
            yield Prepared(source, digest, facts, doc, doc.problems, files, includes)
            continue
        problems: tuple[Problem, ...]
        _, result = next(results)
        if isinstance(result, sandbox.Failure):
            packed, problems = None, (failed(source.path, result, settings),)
        else:
            packed, problems = result
        if packed is not None:
            doc = checkpoint.keep(digest, packed.facts, problems, packed.data)
            files = packed.facts["kept"].media
        else:
            files = media.named_in_file(source.path, read(place))
        yield Prepared(source, digest, facts, doc, problems, files, includes)
        done += 1
        rendered(done)
    next(results, None)  # ends the children


def prepare(job: tuple[str, bytes, Defaults, bool]) -> tuple[Packed | None, tuple[Problem, ...]]:
    """Parses, renders and analyses one file; it runs in a child process.

    A job is the path, the bytes of the file, what git and its folder say of it, and whether images
    of other sites are shown. Returns the article, or None if it is rejected, and its problems.
    """
    path, data, defaults, remote_images = job
    parsed = articles.parse(path, data, defaults)
    if parsed.article is None:
        return None, parsed.problems
    rendered = render(parsed.article, remote_images, defaults.inclusions)
    if isinstance(rendered, Problem):
        return None, (rendered,)
    return Packed.of(analyse(parsed.article, rendered)), parsed.problems


def _facts(doc: Analysed) -> dict[str, Any]:
    """What the entry of a file remembers of its article."""
    article, links = doc.article, references(doc.links)
    return {
        "slug": article.slug,
        "aliases": article.aliases,
        "remote_images": sum(link.image and link.url.startswith("http") for link in doc.links),
        "names_files": any(may_be_searched(target) for _, target in links),
        "kept": Details(
            article.translation_of, links,
            (article.lines.get("slug", 1), article.lines.get("aliases", 1)),
            media.named_in_page(doc.html), Placement.of(article, _is_empty(doc)), article.lang,
            LinkedArticle.of(article).uid,
        ),
    }  # fmt: skip


def _is_empty(doc: Analysed) -> bool:
    """Whether an article has no text of its own, and nothing else to see."""
    return Kind.BODY not in doc.kinds and not _SEEN.search(doc.html)


def render(
    article: Article, remote_images: bool, inclusions: Inclusions | None = None
) -> markup.Rendered | Problem:
    """Renders an article to HTML. Returns a Problem if its Markdown is nested too deeply."""
    try:
        return markup.render(
            article.body,
            path=article.path,
            lang=article.lang,
            title=article.title,
            remote_images=remote_images,
            dialect=article.dialect,
            also=article.also,
            inclusions=inclusions,
            titled="title" not in article.lines,
        )
    except markup.TooDeep:
        return Problem(
            article.path, 1, "too-deep", Message("the Markdown is nested too deeply"),
            Message("look for many lists, quotes or notes inside one another"),
        )  # fmt: skip


def _open_dictionaries(changes: Changes) -> None:
    """Opens the dictionaries that writing will need, while the files are rendered."""
    read = changes.spool.read
    if any(b"\xd0" in read(place) for _, place, _ in changes.fresh):  # begins most Cyrillic
        morphology.lemmas("слово")


def failed(path: str, failure: sandbox.Failure, settings: Settings) -> Problem:
    """The problem of an article that could not be rendered: time, memory or a fault of ours."""
    if failure.kind == "time":
        return Problem(
            path, 1, "too-slow",
            Message(
                "rendering takes more than {seconds} s of processor time",
                seconds=f"{settings.render_seconds:g}"
            ),
            Message("look for very deep nesting or thousands of brackets, or split the article"),
        )  # fmt: skip
    if failure.kind == "memory":
        return Problem(
            path, 1, "too-much-memory",
            Message("rendering needs more than {size} MB", size=settings.render_megabytes),
            Message("split the article"),
        )  # fmt: skip
    return Problem(
        path, 1, "cannot-render", Message("rendering failed: {reason}", reason=failure.message),
        Message("this is a fault of the program, please report it; simpler Markdown may pass"),
    )  # fmt: skip
