"""The contact form: what it offers while a letter is written, and the letter it sends.

Whatever is refused, the page comes back with all that was typed and says in a sentence why.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import Blueprint, Response, abort, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from kb.base.errors import KBError, LogUnavailable
from kb.letters import attachments, form_key, typed_letter
from kb.letters.attachments import GivenFile
from kb.letters.form_key import Verdict
from kb.letters.typed_letter import TypedLetter
from kb.search import Results
from kb.searchlog.db.letter_models import NewLetter
from kb.site import context
from kb.site.context import kb, site, title_of

contact = Blueprint("contact", __name__)

PATH: Final = "/contact"
NOTED: Final = "/api/contact"  # where a form tells what it showed
LARGEST: Final = attachments.MOST * attachments.LARGEST + 128 * 1024  # bytes of a letter
_MOST_TEXT: Final = 128 * 1024  # bytes of its fields
_OFFERED: Final = 3  # articles that may answer
_LETTERS_AN_HOUR: Final = 10  # from one address
_NUMBER = re.compile("[2-9A-Z]{4}-[2-9A-Z]{4}")
_LONGEST_SLUG: Final = 500


@dataclass(frozen=True, slots=True)
class _Form:
    """One rendering of the form: what was typed, and what it carries along."""

    typed: TypedLetter
    form: str  # its id
    run: str  # the search that led here
    visit: str
    trail: tuple[str, ...]  # runs that it shows
    with_trail: bool


@contact.get(PATH)
def form() -> ResponseReturnValue:
    """The form; a search that led to it is shown in it, with articles that may answer."""
    context.set_language(request.args.get("ui"))
    sent = request.args.get("sent", "")
    if sent:
        number = sent if _NUMBER.fullmatch(sent) else ""
        return context.render("contact.html", done=sent, number=number)
    q = typed_letter.typed_letter({"q": context.query()}).q
    typed = TypedLetter(subject=q[:200], q=q)
    visit, run = context.given_id("visit"), context.given_id("run")
    opened = _Form(typed, context.new_id(), run, visit or run, (), with_trail=True)
    found = _offered(q)
    if context.is_visit() and not context.is_robot():
        _note(opened, found)
    return _page(opened, found)


@contact.post(PATH)
def send() -> ResponseReturnValue:
    """Sends the letter; without scripts its button "look" shows what may answer it instead."""
    if request.mimetype == "multipart/form-data":  # only files are large
        request.max_content_length = LARGEST
        request.max_form_memory_size = _MOST_TEXT
    if context.is_cross_site():
        abort(403)
    sent = _sent()
    context.set_language(request.form.get("ui"))
    if "look" in request.form:
        found = _offered(sent.typed.subject or sent.typed.text[:200])
        _note(sent, found)
        return _page(sent, found, looked=True)
    files = _files()
    wrong = _wrong(sent, files)
    if wrong:
        return _refused(sent, wrong, files, 429 if "limit" in wrong else 422)
    try:
        letter = kb().send_letter(_letter(sent), files, asker=context.asker())
    except LogUnavailable as error:
        context.log_warning(str(error))
        return _refused(sent, {"stored": "stored"}, files, 503)
    return redirect(context.with_params(PATH, sent=letter.number, ui=g.lang), 303)


@contact.post(NOTED)
def note() -> ResponseReturnValue:
    """Takes what a form was shown while it was filled in, or that an article answered."""
    if context.is_cross_site():
        abort(403)
    is_json = request.mimetype == "application/json"
    form, visit, shown, helped = _told(request.get_json(silent=True) if is_json else request.form)
    slugs = [slug[:_LONGEST_SLUG] for slug in (helped, *shown) if slug][:_OFFERED]
    if context.may_report("event") and not context.is_robot():
        served = [slug for slug in slugs if kb().article(slug) is not None]
        helped = helped if helped in served else ""
        kb().note_form(form, visit, served, helped=helped, asker=context.asker())
        if helped:
            kb().feedback(helped, True, run=form, asker=context.asker())
    if is_json:
        return Response(status=204)
    return redirect(context.with_params(PATH, sent="answered", ui=request.form.get("ui")), 303)


# --- what came ----------------------------------------------------------------------------------


def _sent() -> _Form:
    """The form as it was sent."""
    fields = request.form
    run = context.given_id("run")
    return _Form(
        typed=typed_letter.typed_letter(fields),
        form=context.given_id("form"),
        run=run,
        visit=context.given_id("visit") or run,
        trail=tuple(
            id for id in fields.getlist("step")[:20] if context.is_id(id.partition("~")[0])
        ),
        with_trail="trail" in fields,
    )


def _files() -> list[GivenFile]:
    given = request.files.getlist("file")[: attachments.MOST + 1]
    return [
        GivenFile(context.storable(each.filename), each.read()) for each in given if each.filename
    ]


def _told(given: Any) -> tuple[str, str, list[str], str]:
    """What is told of a form: its id, its visit, what it was shown, what answered."""
    if not isinstance(given, Mapping):
        raise BadRequest("the body must be a JSON object or a form")
    form, visit, helped = (given.get(name) or "" for name in ("form", "visit", "helped"))
    shown = given.get("shown") or []
    if not isinstance(shown, list) or not all(
        isinstance(text, str) for text in (form, visit, helped, *shown)
    ):
        raise BadRequest("form, visit and helped are texts, shown is a list of texts")
    if not context.is_id(form):
        raise BadRequest("form is the id of a form")
    return form, visit if context.is_id(visit) else form, shown, context.storable(helped)


def _wrong(sent: _Form, files: list[GivenFile]) -> dict[str, str]:
    """What is wrong with a letter and its sender, by field; an address is counted last."""
    settings = site().settings
    wrong = sent.typed.wrong(settings.letter_types, settings.letter_plans)
    why, name = attachments.problem(files, settings.attachment_types)
    if why:
        wrong["file"] = why
        wrong["name"] = attachments.shown_name(name)
    if wrong:
        return wrong
    verdict = site().stamps.check(sent.form, request.form.get("stamp", "")[:80])
    if request.form.get("website"):  # people do not see this field, but their browser may fill it
        return {"again": "filled"}
    if verdict is not Verdict.GOOD:
        return {"again": verdict.value}
    if kb().letters_of_form(sent.form) >= form_key.LETTERS:
        return {"again": Verdict.OLD.value}
    if not context.may_send_form("contact", _LETTERS_AN_HOUR, 3600):
        return {"limit": "limit"}
    return {}


def _letter(sent: _Form) -> NewLetter:
    """The letter, with the search and the trail that its writer saw and left ticked."""
    typed = sent.typed
    trail = kb().trail(sent.visit, (*sent.trail, sent.run)) if sent.with_trail else ()
    return NewLetter(
        key=typed.key(sent.form),
        subject=typed.subject,
        text=_with_query(typed),
        email=typed.email,
        type=typed.type,
        plan=typed.plan,
        lang=str(g.lang),
        form=sent.form,
        visit=sent.visit,
        run=sent.run if sent.with_trail else "",
        trail=trail,
        offered=kb().form_shown(sent.form),
    )


def _with_query(typed: TypedLetter) -> str:
    """The text; the query stands below it where it is not the subject."""
    return typed.text if typed.q in ("", typed.subject) else f"{typed.text}\n\n({typed.q})"


# --- what is shown ------------------------------------------------------------------------------


def _offered(query: str) -> Results | None:
    """Confident results for a question that is about to be sent, or None."""
    if not query:
        return None
    try:
        found = kb().answer(query, limit=_OFFERED, own_lang=g.lang, facets=False)
    except KBError:
        return None
    return found if found.confident else None


def _note(opened: _Form, found: Results | None) -> None:
    """Notes that a form was opened and what it was shown."""
    if opened.form and context.may_report("event"):
        shown = [hit.slug for hit in found.hits] if found else []
        visit = opened.visit or opened.form
        kb().note_form(opened.form, visit, shown, lang=str(g.lang), asker=context.asker())


def _page(shown: _Form, found: Results | None, **more: Any) -> str:
    """The form with what was typed and a new stamp; its id stays, so it is one form."""
    form = shown.form or context.new_id()
    stamp = site().stamps.make(form)
    values: dict[str, Any] = {"wrong": {}, "done": "", "looked": False, "endings": _endings()}
    values |= more
    trail = kb().trail(shown.visit)
    return context.render(
        "contact.html",
        sent=shown.typed,
        form=replace(shown, form=form),
        stamp=stamp,
        trail=trail,
        titles={slug: title_of(slug) for step in trail for slug in (*step.shown, *step.opened)},
        found=found,
        most=attachments.MOST,
        **values,
    )


def _endings() -> str:
    return ",".join(f".{ending}" for ending in site().settings.attachment_types)


def _refused(
    sent: _Form, wrong: dict[str, str], files: list[GivenFile], status: int
) -> ResponseReturnValue:
    """The form again, with all that was typed; a browser cannot be given files back."""
    # A form that was sent often, or is old, is another one from now on.
    is_new = wrong.get("again") in (Verdict.OLD.value, Verdict.FALSE.value)
    form = context.new_id() if is_new else sent.form
    page = _page(replace(sent, form=form), None, wrong=wrong, lost=bool(files))
    return page, status
