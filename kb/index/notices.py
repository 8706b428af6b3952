"""Notices of a new build: rendered under limits, and their links settled. Writes no file."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kb.base import sandbox
from kb.base.config import Settings
from kb.content import notices
from kb.content.articles import Defaults
from kb.content.folder import Source, read_file
from kb.content.link_table import LinkedArticle, LinkTable
from kb.content.markup import Link
from kb.content.notices import Notice
from kb.content.problems import Problem
from kb.index import rendering
from kb.index.links import address, references

# A notice, the links of its HTML with their lines in the file, and what is wrong with it.
Prepared = tuple[Notice | None, tuple[Link, ...], tuple[Problem, ...]]


def prepare(settings: Settings, sources: Sequence[Source]) -> list[Prepared]:
    """Parses and renders the notices of an articles folder.

    Each is rendered in a child process, under the limits of articles. One that cannot be read or
    rendered is None, with its problems.
    """
    prepared: list[Prepared] = []
    jobs = []
    for source in sources:
        data = read_file(settings.articles, source, settings.max_article_bytes)
        if isinstance(data, Problem):
            prepared.append((None, (), (data,)))
        else:
            jobs.append((source.path, data, defaults(settings), settings.remote_images))
    results = sandbox.each(
        render, jobs, processes=1, seconds=settings.render_seconds,
        megabytes=settings.render_megabytes,
    )  # fmt: skip
    for number, result in results:
        if isinstance(result, sandbox.Failure):
            prepared.append((None, (), (rendering.failed(jobs[number][0], result, settings),)))
        else:
            prepared.append(result)
    return prepared


def defaults(settings: Settings) -> Defaults:
    """The defaults of a notice."""
    return Defaults(settings.lang, settings.langs, settings.max_article_bytes)


def render(job: tuple[str, bytes, Defaults, bool]) -> Prepared:
    """Parses and renders one notice; it runs in a child process."""
    path, data, given, remote_images = job
    written = notices.parse(path, data, given)
    if written.notice is None or written.article is None:
        return None, (), written.problems
    rendered = rendering.render(written.article, remote_images)
    if isinstance(rendered, Problem):
        return None, (), (*written.problems, rendered)
    notice = written.notice.with_html(notices.plain(rendered.html))
    first = written.article.body_line - 1
    links = tuple(replace(link, line=first + link.line) for link in rendered.links)
    return notice, links, written.problems


def settled(prepared: Iterable[Prepared], table: LinkTable) -> tuple[Notice, ...]:
    """The notices that can be shown, with the addresses of their links."""
    found = []
    for notice, links, _ in prepared:
        if notice is not None:
            place = LinkedArticle(notice.path, "", notice.lang)
            leads = {url: address(table.find(place, target)) for url, target in references(links)}
            found.append(notice.with_leads(leads))
    return tuple(found)
