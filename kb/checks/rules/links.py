"""Links, headings, images, former addresses: what leads nowhere. Asks no other site."""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from kb.base.messages import Message
from kb.checks.rules.base import Base, Finding, line_of, rule
from kb.content.articles import Article
from kb.content.markup import Link
from kb.content.markup.link_targets import WIKI
from kb.content.markup.link_targets import anchor as heading_anchor
from kb.content.metadata import ENDINGS, without_ending


class _Target(NamedTuple):
    """Where a link leads: to an article, to a file or page of ours, or nowhere."""

    article: Article | None
    anchor: str
    exists: bool


def resolve(base: Base, article: Article, link: Link) -> _Target | None:
    """Where a link of `article` leads; None for other sites and for pages that are no articles."""
    if _TEMPLATED.search(link.target):
        return None
    if not link.url:
        return None if _SCHEME.match(link.target) else _Target(None, "", exists=False)
    place, _, anchor = link.url.partition("#")
    if not place:
        return _Target(article, unquote(anchor), exists=True)
    if not place.startswith(("/articles/", "/media/")):
        return None
    found = base.link_table.find(base.places[article.slug], link.target)
    target = base.by_slug.get(found.slug) if found else None
    return _Target(target, unquote(anchor), exists=found is not None)


_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")
_TEMPLATED = re.compile(r"\{[{%]|^#tab/")  # another tool puts the address in, or draws tabs


@rule("broken-link", "error")
def _broken_link(base: Base) -> Iterator[Finding]:
    """A link leads to an article or file that is not there."""
    return _dead_links(base, _is_in_folder)


@rule("link-off-site", "warning")
def _link_off_site(base: Base) -> Iterator[Finding]:
    """A link begins with `/` and means a page that is neither an article nor another site."""
    return _dead_links(base, lambda link: not _is_in_folder(link))


def _is_in_folder(link: Link) -> bool:
    """Whether the link plainly means a file of this folder, not a page of the site around it."""
    place = link.target.partition("#")[0].partition("?")[0].lower()
    return not place.startswith("/") or place.endswith(ENDINGS) or place.startswith("/media/")


def _dead_links(base: Base, wanted: Callable[[Link], bool]) -> Iterator[Finding]:
    for article, link in base.links(images=False):
        target = resolve(base, article, link) if wanted(link) else None
        if target is not None and not target.exists:
            yield Finding(
                article,
                line_of(article, link.line),
                Message("the link leads nowhere: {target}", target=_shown(link.target)),
                _nearest_path(base, article, link) or Message("correct the path, or drop the link"),
            )


def _shown(target: str) -> str:
    """A target as its writer knows it: `[[name]]` for a name of a wiki."""
    if target.startswith(WIKI):
        return f"[[{unquote(target.removeprefix(WIKI))}]]"
    return target.removeprefix("ref:")


def _nearest_path(base: Base, article: Article, link: Link) -> Message | None:
    """A cure that names the article of that file name, written as a link from here."""
    place = unquote(link.target.partition("#")[0]).strip("/")
    name = posixpath.basename(without_ending(place))
    same = base.by_name.get(name, ()) if name else ()
    here = article.path.partition("/")[0]
    near = [a for a in same if a.path.startswith(f"{here}/")] or list(same)
    if len(near) > 1:
        near = [a for a in near if without_ending(a.path).endswith(f"/{without_ending(place)}")]
    if len(near) != 1 or near[0] is article:
        return None
    here = posixpath.dirname(article.path) or "."
    return Message("write {path}", path=posixpath.relpath(near[0].path, here))


def lacking(base: Base) -> set[tuple[str, str]]:
    """Slug and anchor wherever somebody links to a heading that `rendered` does not know."""
    return {
        (target.article.slug, target.anchor)
        for _, _, target in _anchored(base)
        if target.article and target.anchor not in base.rendered[target.article.slug].anchors
    }


def _anchored(base: Base) -> Iterator[tuple[Article, Link, _Target]]:
    """Links to a place in an article."""
    for article, link in base.links(images=False):
        target = resolve(base, article, link) if "#" in link.url else None
        if target is None or target.article is None or target.anchor in ("", "top", "h-top"):
            continue
        if target.anchor == heading_anchor(target.article.title, target.article.dialect):
            continue  # the heading that is the title: the top of the page
        if target.article.slug in base.rendered:
            yield article, link, target


@rule("broken-anchor", "warning")
def _broken_anchor(base: Base) -> Iterator[Finding]:
    """A link leads to a heading that its article does not have."""
    for article, link, target in _anchored(base):
        assert target.article is not None  # noqa: S101
        anchors = base.rendered[target.article.slug].anchors
        if target.anchor not in anchors:
            headings = [f"#{a.removeprefix('h-')}" for a in anchors if a.startswith("h-")]
            cure = (
                Message("link to one of its headings: {headings}", headings=", ".join(headings[:5]))
                if headings
                else Message("link to the article itself: it has no headings")
            )
            yield Finding(
                article,
                line_of(article, link.line),
                Message(
                    "{path} has no heading #{anchor}",
                    path=target.article.path,
                    anchor=target.anchor.removeprefix("h-"),
                ),
                cure,
            )


@rule("link-to-unpublished", "warning")
def _link_to_unpublished(base: Base) -> Iterator[Finding]:
    """A link leads to a draft, or to an article outside its dates: readers see plain words."""
    for article, link in base.links(images=False):
        target = resolve(base, article, link) if base.is_public(article) else None
        if target is not None and target.article and not base.is_public(target.article):
            yield Finding(
                article,
                line_of(article, link.line),
                Message("{path} is not published today", path=target.article.path),
                Message("publish it, or drop the link until then"),
            )


@rule("lfs-pointer", "error")
def _lfs_pointer(base: Base) -> Iterator[Finding]:
    """A picture or file is a pointer of Git LFS, not the file itself."""
    for images in (True, False):
        for article, link in base.links(images=images) if base.pointers else ():
            found = base.link_table.find(base.places[article.slug], link.target)
            if found and found.file in base.pointers:
                yield Finding(
                    article,
                    line_of(article, link.line),
                    Message("{path} is a pointer of Git LFS, not the file itself", path=found.file),
                    Message("fetch it: `git lfs pull`, also where the site is published from"),
                )


@rule("missing-image", "error")
def _missing_image(base: Base) -> Iterator[Finding]:
    """An image is not beside the articles."""
    for article, link in base.links(images=True):
        target = resolve(base, article, link)
        if target is not None and not target.exists:
            yield Finding(
                article,
                line_of(article, link.line),
                Message("there is no image {target}", target=_shown(link.target)),
                Message("put the file beside the article, or correct the path"),
            )


@rule("no-alt-text", "warning")
def _no_alt_text(base: Base) -> Iterator[Finding]:
    """An image has no text for those who do not see it, nor `alt=""` for mere decoration."""
    for article, link in base.links(images=True):
        if not link.alt.strip() and not _is_decoration(article, link):
            yield Finding(
                article,
                line_of(article, link.line),
                Message("the image {target} has no description", target=link.target),
                Message("write what it shows: ![The page Settings](…)"),
            )


_EMPTY_ALT = re.compile(r"""\balt\s*=\s*(?:""|'')""", re.I)


def _is_decoration(article: Article, link: Link) -> bool:
    """Whether the line of the image says in HTML that there is nothing to describe."""
    lines = article.body.split("\n")
    return link.line <= len(lines) and bool(_EMPTY_ALT.search(lines[link.line - 1]))


@rule("unknown-related", "warning")
def _unknown_related(base: Base) -> Iterator[Finding]:
    """`related` names an article that is not there."""
    for article in base.articles:
        for slug in article.related:
            if base.link_table.find(base.places[article.slug], f"/{slug}") is None:
                yield Finding(
                    article,
                    article.lines.get("related", 1),
                    Message("`related` names {slug}, which is no article", slug=slug),
                    Message("write the slug as it stands after /articles/"),
                )


@rule("alias-taken", "error")
def _alias_taken(base: Base) -> Iterator[Finding]:
    """A former address is the address of an article, or two articles claim it."""
    circles = {(article.slug, alias) for article, alias, _ in _circles(base)}
    for alias, claimants in base.by_alias.items():
        owner = base.by_slug.get(alias)
        for article in claimants:
            others = [a for a in (owner, *claimants) if a is not None and _contend(a, article)]
            line = article.lines.get("aliases", 1)
            if owner is article:
                yield Finding(
                    article,
                    line,
                    Message("the alias {alias} is the article's own address", alias=alias),
                    Message("drop it"),
                )
            elif others and (article.slug, alias) not in circles:
                yield Finding(
                    article,
                    line,
                    Message(
                        "the alias {alias} belongs to {path} as well",
                        alias=alias,
                        path=others[0].path,
                    ),
                    Message("keep it in one of them: an address leads to one article"),
                )


def _contend(one: Article, other: Article) -> bool:
    """Whether both mean the same address: other tools count from each language's own root."""
    is_theirs = bool(one.dialect and other.dialect)
    return one is not other and not (is_theirs and _languages(one) != _languages(other))


def _languages(article: Article) -> list[str]:
    """The folders of its path that are called as languages are: `_en`, `pt-br`."""
    return re.findall(r"(?<![^/])_?[a-z]{2}(?:[-_][A-Za-z]{2})?(?=/)", article.path)


@rule("alias-circle", "error")
def _alias_circle(base: Base) -> Iterator[Finding]:
    """Former addresses lead in a circle: each is the address of the next article."""
    for article, alias, way in _circles(base):
        yield Finding(
            article,
            article.lines.get("aliases", 1),
            Message("the alias {alias} leads in a circle: {way}", alias=alias, way=" → ".join(way)),
            Message("drop the aliases that are addresses of articles"),
        )


def _circles(base: Base) -> Iterator[tuple[Article, str, list[str]]]:
    """Each alias that comes back to its own article, with the way: an alias leads to its owner."""
    for article in base.articles:
        for alias in article.aliases:
            way = [alias, article.slug]
            while way[-1] not in way[:-1] and (next_ := _moved(base, way[-1])):
                way.append(next_)
            if alias != article.slug and alias in base.by_slug and way[-1] == alias:
                yield article, alias, way


def _moved(base: Base, slug: str) -> str:
    """Where another article says that `slug` has moved to."""
    return next((a.slug for a in base.by_alias.get(slug, ()) if a.slug != slug), "")
