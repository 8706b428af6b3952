"""Pages for customers. Each view reads the request, calls the service and renders a template."""

from collections.abc import Sequence
from time import monotonic

from flask import Blueprint, abort, redirect, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from kb.article_history import HistoryUnavailable
from kb.base.errors import IndexMissing, KBError
from kb.base.messages import Message
from kb.cards import Card
from kb.catalog import Moved, Page
from kb.index.segment import article_url
from kb.language import tokens
from kb.search import Hit, Results
from kb.searchlog import reports
from kb.site import article_html, context, current, markdown_pages, url_prefix
from kb.site.context import kb, site
from kb.site.narrowing import Narrowing
from kb.topic_pages import TopicLink

pages = Blueprint("pages", __name__)

_PER_PAGE = 10
_LISTED = 60  # articles on a page of a topic
_SHORT = 3_000  # characters of HTML; a longer text does not stand above what the topic lists
_SAME = 0.8  # of its words: a text says the same as another
_SHOWN_INLINE = ("image/", "video/", "audio/", "text/plain", "application/pdf")
REASONS = ("unclear", "wrong", "missing", "failed")


# --- home and lists -----------------------------------------------------------------------------


@pages.get("/")
def home(ui: str | None = None) -> ResponseReturnValue:
    """The home page: search box, categories, popular and recent articles."""
    lang = _set_language(ui)
    status = kb().status()
    if status.build is None:
        raise IndexMissing(Message("no build to serve; run `kb index`"))
    if status.is_empty:
        return context.render("first.html", folder=site().settings.articles)
    return context.render("home.html", home=kb().home(lang))


@pages.get("/categories/")
def topics() -> ResponseReturnValue:
    """Redirects to the page of all topics in the reader's language."""
    lang = _set_language(None)
    return redirect(context.with_query(context.category_url("", lang)))


@pages.get("/categories/<lang>/")
@pages.get("/categories/<lang>/<path:key>")
def topic(lang: str, key: str = "") -> ResponseReturnValue:
    """The page of a topic, and without a key that of all topics of a language.

    An address that a topic had before it was one redirects to it.
    """
    _set_language(lang)
    shown = kb().topic(key.strip("/"), lang)
    if shown is None:
        abort(404)
    if key != shown.key:
        return redirect(context.with_query(context.category_url(shown.key, shown.lang)), 301)
    if isinstance(shown, TopicLink):
        abort(404)
    found = kb().article(shown.page.slug) if shown.page else None
    html = found.html if isinstance(found, Page) and len(found.html) <= _SHORT else ""
    body = _with_prefix(article_html.prepared(html)) if html else ""
    pages = -(-len(shown.articles) // _LISTED) or 1
    page = min(context.page_number(context.args().get("page", "")), pages)
    listed = shown.articles[(page - 1) * _LISTED : page * _LISTED]
    return context.render(
        "topic.html", topic=shown, body=body, articles=listed, page=page, pages=pages
    )


@pages.get("/search")
def search(ui: str | None = None) -> ResponseReturnValue:
    """The page of results, which needs no script; it reports its search itself."""
    lang = _set_language(ui)
    query = context.query()
    args = context.args()
    filters = {name: args.get(name, "") for name in ("lang", "category", "tag")}
    page = context.page_number(args.get("page", ""))
    exact, order, every = (args.get(name, "") for name in ("exact", "order", "all"))
    with_tail = every == "1" or any(filters.values())
    results = kb().answer(
        query,
        lang=filters["lang"] or None,
        category=filters["category"] or None,
        tag=filters["tag"] or None,
        page=page,
        limit=_PER_PAGE,
        exact=exact == "1",
        own_lang=lang,
        newest=order == "newest",
        relevant=not with_tail,
    )
    ranked = list(enumerate(results.hits, (results.page - 1) * _PER_PAGE + 1))
    run, visit = _record(results, ranked, filters) if query else ("", context.given_id("visit"))
    order = "newest" if order == "newest" else ""
    narrowing = Narrowing(
        results, filters, f"{context.language_prefix()}/search", site().languages.codes,
        q=results.query, exact=exact, order=order, visit=visit,
    )  # fmt: skip
    return context.render(
        "search.html",
        results=results,
        filters=filters,
        narrowing=narrowing,
        ranked=ranked,
        shown=results.total if with_tail else results.relevant,
        exact=exact,
        all=every,
        order=order,
        run=run,
        visit=visit,
        words=results.correction.query if results.correction else query,
        popular=() if results.hits else popular(lang),
    )


def _record(
    results: Results, ranked: Sequence[tuple[int, Hit]], filters: dict[str, str]
) -> tuple[str, str]:
    """Reports this search, whose hits have these ranks; returns the ids of its run and visit.

    Links and forms of the page carry both ids on, so that searches of a reader without scripts
    belong to one visit. Where no script has begun a run, this search is a run of its own, and a
    reload is the same.
    """
    lang, visit = current.notes().lang, context.given_id("visit")
    asked = ("page", lang, results.query, *filters.values())
    run = (visit and context.given_id("run")) or (
        context.new_id() if visit else context.repeated_id(*asked)
    )
    if not context.is_visit():
        return run, visit or run
    site().metrics.search(results.total, results.confident)
    report = reports.Report(
        run=run,
        visit=visit or run,
        surface="page",
        lang=lang,
        filters={name: value for name, value in filters.items() if value},
        build=results.build,
        steps=(reports.Step(results.query, 0),),
        shown=tuple((hit.slug, rank) for rank, hit in ranked),
        is_bare=not visit,
    )
    context.record_report(report)
    if not visit and not context.is_robot():  # one that says so is marked already
        for crawled in context.robot_runs(run):
            kb().report(
                reports.Report(run=crawled, visit=crawled), robot=True, asker=context.asker()
            )
    return run, visit or run


def popular(lang: str) -> tuple[Card, ...]:
    """Three popular articles in a language; none if the service fails or shuts strangers out.

    Those for strangers are cached for 30 seconds, and until build or day change.
    """
    is_broken = current.notes().get("broken")  # the error page of a broken service
    if is_broken or context.is_shut_out():
        return ()
    cache = site().popular
    known = cache.get(lang)
    try:
        if context.audience():
            return kb().home(lang).popular[:3]
        edition = kb().edition()
        if known is None or known[0] != edition or known[1] < monotonic() - 30:
            known = cache[lang] = (edition, monotonic(), kb().home(lang).popular[:3])
    except KBError:
        return ()
    return known[2]


# --- an article ---------------------------------------------------------------------------------


@pages.get("/articles/<path:slug>")
def article(slug: str) -> ResponseReturnValue:
    """The page of an article, or a redirect from a former address."""
    found = kb().article(slug)
    if isinstance(found, Moved):
        if found.topic:
            return redirect(context.category_url(found.topic.key, found.topic.lang), 302)
        return redirect(context.with_query(context.quoted(article_url(found.slug))), 301)
    if found is None:
        abort(404)
    if markdown_pages.is_asked_for():
        return markdown_pages.response(found)
    _set_language(found.lang)
    run = context.given_id("run")
    rank = context.args().get("rank", "")
    if run and rank.isascii() and rank.isdigit() and context.is_visit():
        click = reports.Event("click", found.slug, int(rank[:4]))
        context.record_report(
            reports.Report(run=run, visit=context.given_id("visit") or run, events=(click,))
        )
    voted = context.args().get("voted", "")
    page = context.render(
        "article.html",
        page=found,
        body=_with_prefix(article_html.prepared(found.html, context.query())),
        contents=[each for each in found.sections if each.anchor and each.level in (2, 3)],
        lead=_lead(found),
        edit=_edit_url(found.path),
        voted=voted,
        tip=kb().tip(found.author) if voted == "yes" else "",
        reasons=REASONS,
        run=run,
    )
    answer = context.as_response(page)
    answer.vary.add("Accept")
    return answer


_HISTORIES = 30  # that one address may ask for in a minute
_AGAIN = 10  # seconds after which a history that could not be told may be


@pages.get("/articles/<path:slug>/history")
def history(slug: str) -> ResponseReturnValue:
    """What changed in an article; an article of this very address comes first."""
    here = f"{slug}/history"
    if kb().article(here) is not None:
        return article(here)
    found = kb().article(slug)
    if isinstance(found, Moved) and not found.topic:
        return redirect(context.quoted(context.history_url(found.slug)), 301)
    if not isinstance(found, Page) or not found.has_history or not site().settings.history:
        abort(404)
    _set_language(found.lang)
    if not context.is_within_rate("history", _HISTORIES, 60):
        abort(429)
    try:
        told = kb().history(found.slug)
    except HistoryUnavailable as error:
        context.log_warning(f"the history of {found.path} cannot be told: {error}")
        raise ServiceUnavailable(retry_after=_AGAIN) from None
    if told is None:
        abort(404)
    return context.render("history.html", page=found, history=told)


def _with_prefix(html: str) -> str:
    return url_prefix.added(html, current.request().script_root)


def _lead(page: Page) -> str:
    """The short answer of an article, or "" if its text begins by saying the same."""
    answer = " ".join(page.answer.split())
    if not answer:
        return ""
    said = set(tokens.plain_words(article_html.opening(page.html)))
    words = set(tokens.plain_words(answer))
    return "" if len(words & said) > len(words) * _SAME else answer


def _edit_url(path: str) -> str:
    pattern = site().settings.edit_url
    return pattern.replace("{path}", context.quoted(path)) if pattern and path else ""


@pages.get("/media/<path:path>")
def media(path: str) -> ResponseReturnValue:
    """A file beside the articles: images, recordings, PDF and text inline, others to download."""
    file = kb().media(path)
    if file is None:
        abort(404)
    response = send_file(file, conditional=True, max_age=3600)
    if not (response.mimetype or "").startswith(_SHOWN_INLINE):
        response.headers["Content-Disposition"] = "attachment"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


# --- errors ----------------------------------------------------------------------------


def error_page(status: int, *, command: str = "", is_search: bool = False) -> ResponseReturnValue:
    """The page of an error; for 404 it lists results for the words of the address.

    `command` cures it; with `is_search` it is search alone that does not answer.
    """
    path = current.request().path
    _set_language(path.split("/")[1] or None)
    current.notes().broken = status >= 500
    words, found = context.words_of_address(path) if status == 404 else "", None
    if words and not context.is_shut_out():
        try:
            found = kb().answer(words, limit=5, own_lang=current.notes().lang, exact=True)
        except KBError:
            found = None
    page = context.render(
        "error.html", status=status, words=words, found=found,
        ranked=list(enumerate(found.hits, 1)) if found else (), command=command,
        is_search=is_search,
    )  # fmt: skip
    return page, status


def _set_language(ui: str | None) -> str:
    """Sets the language of the request, and whether addresses carry it as a prefix."""
    names_language = current.request().endpoint in ("pages.home_in", "pages.search_in")
    current.notes().prefixed = ui is not None and names_language
    return context.set_language(ui)
