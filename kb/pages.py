"""Pages for customers: each view reads the request, asks the service one thing and renders."""

import re
from time import monotonic

from flask import Blueprint, abort, g, redirect, render_template, request, send_file
from flask.typing import ResponseReturnValue

from kb import front, prose, runs
from kb.errors import IndexMissing, KBError
from kb.front import kb, site
from kb.search import Results
from kb.service import Card, Moved, Page

pages = Blueprint("pages", __name__)

_PER_PAGE = 10
_OFFERED = 3  # articles above the contact form
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}\.[^@\s.]{2,63}")
_SHOWN_INLINE = ("image/", "video/", "audio/")
REASONS = ("unclear", "wrong", "missing", "failed")


# --- home and lists -----------------------------------------------------------------------------


@pages.get("/")
def home(ui: str | None = None) -> ResponseReturnValue:
    """Search first, then what is there to read."""
    lang = _speak(ui)
    status = kb().status()
    if status.build is None:
        raise IndexMissing("no build to serve; run `kb index`")
    if not status.articles:
        return render_template("first.html", folder=site().settings.articles)
    return render_template("home.html", home=kb().home(lang))


@pages.get("/categories/<lang>/<path:name>")
def category(lang: str, name: str) -> ResponseReturnValue:
    """All articles of a category."""
    _speak(lang)
    found = kb().category(name, lang)
    if found is None:
        abort(404)
    about = kb().article(found.page.slug) if found.page else None
    body = prose.dressed(about.html, "") if isinstance(about, Page) else ""
    return render_template("category.html", category=found, body=body)


@pages.get("/search")
def search(ui: str | None = None) -> ResponseReturnValue:
    """Everything found, complete without scripts; such a search records itself."""
    lang = _speak(ui)
    query = front.query()
    filters = {name: request.args.get(name, "") for name in ("lang", "category", "tag")}
    page = front.page_number(request.args.get("page", ""))
    exact, order = request.args.get("exact", ""), request.args.get("order", "")
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
    )
    run, visit = _record(results, filters) if query else ("", front.given_id("visit"))
    return render_template(
        "search.html",
        results=results,
        filters=filters,
        exact=exact,
        order="newest" if order == "newest" else "",
        run=run,
        visit=visit,
        words=results.correction.query if results.correction else query,
        popular=popular(lang),
    )


def _record(results: Results, filters: dict[str, str], surface: str = "page") -> tuple[str, str]:
    """Report this search as the run the page before began, or as one of its own; run and visit.

    A page carries the visit along in its links and its form, so that a reader without scripts is
    one visitor. A search that cannot be recorded is answered all the same.
    """
    visit = front.given_id("visit")
    run = (visit and front.given_id("run")) or front.new_id()
    if request.method != "GET" or front.is_prefetch():
        return run, visit or run
    site().metrics.search(results.total, results.confident)
    first = (results.page - 1) * _PER_PAGE + 1
    report = runs.Report(
        run=run,
        visit=visit or run,
        surface=surface,
        lang=str(g.lang),
        filters={name: value for name, value in filters.items() if value},
        build=results.build,
        steps=(runs.Step(results.query, 0),),
        shown=tuple((hit.slug, first + at) for at, hit in enumerate(results.hits)),
    )
    _report(report)
    if not visit and not front.is_robot():  # one that says so is marked already
        for crawled in front.crawled(run):
            _report(runs.Report(run=crawled, visit=crawled), robot=True)
    return run, visit or run


def _report(report: runs.Report, *, robot: bool = False) -> None:
    try:
        kb().report(report, robot=robot or front.is_robot())
    except KBError as error:
        front.log(str(error))


def popular(lang: str) -> tuple[Card, ...]:
    """Three articles worth offering where nothing was found; no older than half a minute."""
    if g.get("broken"):  # a page that says so asks for nothing more
        return ()
    kept = site().popular
    known = kept.get(lang)
    if known is None or known[0] < monotonic() - 30:
        try:
            known = kept[lang] = (monotonic(), kb().home(lang).popular[:3])
        except KBError:
            return ()
    return known[1]


# --- an article ---------------------------------------------------------------------------------


@pages.get("/articles/<path:slug>")
def article(slug: str) -> ResponseReturnValue:
    """An article, or where it went."""
    found = kb().article(slug)
    if isinstance(found, Moved):
        query = request.query_string.decode("latin-1")
        return redirect(
            front.quoted(front.article_url(found.slug)) + ("?" + query if query else ""), 301
        )
    if found is None:
        abort(404)
    _speak(found.lang)
    run = front.given_id("run")
    rank = request.args.get("rank", "")
    if run and rank.isascii() and rank.isdigit() and not front.is_prefetch():
        click = runs.Event("click", found.slug, int(rank[:4]))
        _report(runs.Report(run=run, visit=front.given_id("visit") or run, events=(click,)))
    return render_template(
        "article.html",
        page=found,
        body=prose.dressed(found.html, front.query()),
        contents=[each for each in found.sections if each.anchor and each.level in (2, 3)],
        lead=_lead(found),
        edit=_edit_url(found.path),
        voted=request.args.get("voted", ""),
        reasons=REASONS,
        run=run,
    )


def _lead(page: Page) -> str:
    """The short answer, where the text does not begin with it anyway."""
    opening = " ".join(page.sections[0].text.split()) if page.sections else ""
    answer = " ".join(page.answer.split())
    return "" if opening.startswith(answer[:60].rstrip("… .")) else answer


def _edit_url(path: str) -> str:
    pattern = site().settings.edit_url
    return pattern.replace("{path}", front.quoted(path)) if pattern and path else ""


@pages.get("/media/<path:path>")
def media(path: str) -> ResponseReturnValue:
    """A file beside the articles, shown in a sandbox or offered for download."""
    file = kb().media(path)
    if file is None:
        abort(404)
    response = send_file(file, conditional=True, max_age=3600)
    if not (response.mimetype or "").startswith(_SHOWN_INLINE):
        response.headers["Content-Disposition"] = "attachment"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


# --- asking a human -----------------------------------------------------------------------------


@pages.route("/contact", methods=["GET", "POST"])
def contact() -> ResponseReturnValue:
    """Ask a human; what was searched comes along, for everybody to see."""
    lang = _speak(request.values.get("ui"))
    sent = {
        name: request.form.get(name, "")[:most].replace("\0", "").strip()
        for name, most in (("subject", 200), ("text", 5000), ("email", 320), ("q", 500))
    }
    run, visit = front.given_id("run"), front.given_id("visit")
    if request.method == "GET":
        sent["q"] = front.query()
        sent["subject"] = sent["q"][:200]
        done = request.args.get("sent") == "1"
        found = None if done else _offered(sent["q"])
        if found and not run:
            run, visit = _record(found, {}, "contact")
        return render_template(
            "contact.html", sent=sent, wrong={}, done=done, run=run, visit=visit, found=found
        )
    if front.is_foreign():
        abort(403)
    wrong = _wrong(sent)
    if not wrong and not front.allowed("contact", 10, 3600):
        wrong["limit"] = "limit"
    if wrong:
        status = 429 if "limit" in wrong else 422
        page = render_template(
            "contact.html", sent=sent, wrong=wrong, done=False, run=run, visit=visit, found=None
        )
        return page, status
    if not request.form.get("website"):  # a field people do not see: who fills it in is a program
        kb().contact(sent["subject"], sent["text"], sent["email"], sent["q"], run, visit or run)
    return redirect(front.with_params("/contact", sent="1", ui=lang), 303)


def _offered(query: str) -> Results | None:
    """What may answer a question before it is sent; nothing that is not sure."""
    if not query:
        return None
    try:
        found = kb().answer(query, limit=_OFFERED, own_lang=g.lang, facets=False)
    except KBError:
        return None
    return found if found.confident else None


def _wrong(sent: dict[str, str]) -> dict[str, str]:
    """What is missing, by field."""
    wrong = {}
    if not sent["text"]:
        wrong["text"] = "empty"
    if not _EMAIL.fullmatch(sent["email"]):
        wrong["email"] = "email"
    return wrong


# --- what went wrong ----------------------------------------------------------------------------


def error_page(status: int, *, command: str = "") -> ResponseReturnValue:
    """A page for an error; a lost visitor is shown what the words of the address find."""
    _speak(request.path.split("/")[1] or None)
    g.broken = status >= 500
    words, found = front.words_of(request.path) if status == 404 else "", None
    if words:
        try:
            found = kb().answer(words, limit=5, own_lang=g.lang)
        except KBError:
            found = None
    page = render_template("error.html", status=status, words=words, found=found, command=command)
    return page, status


def _speak(ui: str | None) -> str:
    g.prefixed = ui is not None and request.endpoint in ("pages.home_in", "pages.search_in")
    return front.speak(ui)
