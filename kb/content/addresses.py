"""Addresses of articles: gives each slug and alias to one of the articles that claim it."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kb.base.messages import Message
from kb.content.articles import Article
from kb.content.front_matter import short
from kb.content.problems import Problem


def folded(slug: str) -> str:
    """The form in which slugs are compared: case folded and in NFC."""
    return unicodedata.normalize("NFC", slug.casefold())


def settle(
    articles: Iterable[Article], served: Mapping[str, str] = {}
) -> tuple[tuple[Article, ...], tuple[Problem, ...]]:
    """Resolves conflicts of addresses between articles; reads no body.

    Slugs count before aliases, the file that is `served` at a folded slug before a new one, and
    then a path that sorts first before a later one. Returns the articles
    that keep their slug, with the aliases that they keep, and a problem for each address lost:
    `slug-taken` (the article is rejected) or `alias-taken` (the alias is dropped).
    """
    problems: list[Problem] = []
    owners: dict[str, Article] = {}
    for article in sorted(articles, key=lambda a: (served.get(folded(a.slug)) != a.path, a.path)):
        owner = owners.setdefault(folded(article.slug), article)
        if owner is not article:
            problems.append(
                Problem(
                    article.path,
                    article.lines.get("slug", 1),
                    "slug-taken",
                    Message(
                        "the address {slug} belongs to {path} already",
                        slug=short(article.slug),
                        path=owner.path,
                    ),
                    Message("give one of them another `slug`")
                    if owner.slug == article.slug
                    else Message("give one of them another `slug` (capitals make no difference)"),
                )
            )
    settled = []
    aliases: dict[str, Article] = {}
    for article in owners.values():
        kept = []
        for alias in article.aliases:
            owner = owners.get(folded(alias)) or aliases.setdefault(folded(alias), article)
            if owner is not article:
                problems.append(
                    Problem(
                        article.path,
                        article.lines.get("aliases", 1),
                        "alias-taken",
                        Message(
                            "the alias {alias} belongs to {path}; it is dropped",
                            alias=short(alias),
                            path=owner.path,
                        ),
                        Message("remove it from one of them"),
                        "warning",
                    )
                )
            elif folded(alias) != folded(article.slug):
                kept.append(alias)
        settled.append(
            article if len(kept) == len(article.aliases) else replace(article, aliases=tuple(kept))
        )
    return tuple(settled), tuple(sorted(problems))
