"""Letters to support on the board: the list, a letter with its trail and files, its answer.

An answer is stored and queued; it leaves by the outbox, under the name of whoever wrote it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from io import BytesIO
from typing import Final

from flask import abort, g, request, send_file
from flask.typing import ResponseReturnValue

from kb.base.errors import KBError
from kb.catalog import Page
from kb.index.segment import article_url
from kb.letters import answers, channels
from kb.letters.answers import QuotedArticle
from kb.letters.attachments import AttachmentFolder
from kb.searchlog.db.choices import NEW, STATES
from kb.searchlog.db.letter_models import Letter, LetterDetails, LetterFilter
from kb.site import context, promises
from kb.site.board import people
from kb.site.board.question import ID
from kb.site.board.sign_in import (
    back_to,
    form_line,
    form_text,
    lead_name,
    leads,
    query_param,
)
from kb.site.context import kb, site
from kb.site.promises import Due
from kb.support.promises import Exchange

FILTERS: Final = ("state", "type", "plan", "owner", "q", "group")
NOBODY: Final = "-"  # of a filter: letters without a type, a plan, an owner
SUGGESTED: Final = 6  # articles offered for an answer
_LONGEST: Final = 10_000  # characters of an answer


@leads.get("/letters")
def letters() -> ResponseReturnValue:
    """The list of letters, those without an answer by default, first plans and then the newest."""
    chosen = {name: query_param(name, 200) for name in FILTERS}
    found = kb().log.letters.find(
        _filter(chosen),
        page=context.page_number(request.args.get("page", "")),
        first=site().settings.first_plans,
    )
    return context.render(
        "leads/letters.html",
        found=found,
        chosen=chosen,
        states=STATES,
        is_narrowed=any(chosen.values()),
        outbox=kb().outbox_health(),
        due={each.id: _due(each) for each in found.letters if each.state == NEW},
    )


def _due(letter: Letter) -> Due | None:
    return promises.due(Exchange(letter.at, letter.replied, letter.plan, letter.type))


def _filter(chosen: dict[str, str]) -> LetterFilter:
    def value(name: str) -> str | None:
        return "" if chosen[name] == NOBODY else chosen[name] or None

    state, group = chosen["state"], chosen["group"]
    return LetterFilter(
        state="" if state == "all" or chosen["group"] else state if state in STATES else NEW,
        type=value("type"),
        plan=value("plan"),
        owner=value("owner"),
        group=int(group) if group.isascii() and group.isdigit() and len(group) < 16 else 0,
        text=chosen["q"],
    )


@leads.get(f"/letters/<{ID}:id>")
def letter(id: int) -> ResponseReturnValue:
    """The page of a letter; with `article` in the address, its answer is made of these articles."""
    found = _found(id)
    sought = query_param("sought", 300)
    slugs = list(dict.fromkeys(request.args.getlist("article")))[: answers.MOST]
    articles = _quoted(slugs)
    text = _ready(found.letter, articles, g.lead.name) if articles else ""
    return _page(found, articles=articles, sought=sought, text=text)


def _page(
    found: LetterDetails,
    *,
    articles: Sequence[QuotedArticle] = (),
    sought: str = "",
    text: str = "",
    wrong: str = "",
) -> str:
    letter = found.letter
    group = kb().log.groups.get_all([letter.group]) if letter.group else []
    return context.render(
        "leads/letter.html",
        found=found,
        letter=letter,
        group=group[0] if group else None,
        articles=articles,
        has_reason=answers.gives_reason(articles),
        suggested=_suggested(letter, sought, [each.slug for each in articles]),
        sought=sought,
        text=text or _ready(letter, (), g.lead.name),
        wrong=wrong,
        owners=people.owners(letter.owner),
        may_send=site().settings.smtp_url is not None,
        said=request.args.get("said", ""),
    )


@leads.get(f"/letters/<{ID}:id>/files/<file>")
def letter_file(id: int, file: str) -> ResponseReturnValue:
    """A file of a letter, as a download that no browser shows or runs."""
    attachment = kb().log.letters.attachment(id, file)
    if attachment is None:
        abort(404)
    path = AttachmentFolder(site().settings.data).path(attachment)
    shared = kb().log.letters.content(attachment)  # it was sent to another machine
    if not shared and not path.is_file():
        abort(404)
    response = send_file(
        BytesIO(shared) if shared else path,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=attachment.name,
        conditional=False,
        etag=False,
    )
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@leads.post(f"/letters/<{ID}:id>/answer")
def answer_letter(id: int) -> ResponseReturnValue:
    """Sends an answer, or notes one that went another way; a bare template is not sent."""
    found = _found(id)
    text, who = form_text("text", _LONGEST), g.lead.name or form_line("who", 80)
    if request.form.get("do") == "by_hand":
        kb().log.letters.answer(id, "", who or lead_name(), kb().now(), by_hand=True)
        return back_to(f"/leads/letters/{id}", "marked")
    slugs = list(dict.fromkeys(request.form.getlist("article")))[: answers.MOST]
    articles = _quoted(slugs)
    wrong = _wrong(found.letter, text, who, articles)
    if wrong:
        return _page(found, articles=articles, text=text, wrong=wrong), 422
    queued = channels.of_reply(found.letter.key, _digest(text))
    kb().log.letters.answer(
        id, text, who, kb().now(), articles=[each.slug for each in articles], deliveries=[queued]
    )
    return back_to(f"/leads/letters/{id}", "sent")


def _wrong(letter: Letter, text: str, who: str, articles: Sequence[QuotedArticle]) -> str:
    """Why an answer cannot be sent, or ""."""
    if site().settings.smtp_url is None:
        return "mail"
    if not who:
        return "name"
    bare = (_ready(letter, articles, who), _ready(letter, (), who), _ready(letter, (), ""))
    if not text or (text in bare and not answers.gives_reason(articles)):
        return "bare"
    return ""


@leads.post(f"/letters/<{ID}:id>/change")
def change_letter(id: int) -> ResponseReturnValue:
    """Hands a letter on, closes it or opens it again."""
    _found(id)
    log, who, at = kb().log.letters, lead_name(), kb().now()
    match request.form.get("do"):
        case "hand":
            is_changed = log.hand_on(id, form_line("owner", 80), who, at)
        case "take":
            is_changed = bool(g.lead.name) and log.hand_on(id, g.lead.name, who, at)
        case "close":
            is_changed = log.close(id, who, at)
        case "reopen":
            is_changed = log.reopen(id, who, at)
        case _:
            abort(400)
    return back_to(f"/leads/letters/{id}", "done" if is_changed else "same")


@leads.post("/outbox")
def retry_deliveries() -> ResponseReturnValue:
    """Makes all that was not delivered due at once."""
    kb().log.outbox.retry(kb().now())
    return back_to("/leads/state", "retried")


# --- articles -----------------------------------------------------------------------------------


def _found(id: int) -> LetterDetails:
    found = kb().log.letters.details(id)
    if found is None:
        abort(404)
    return found


def _quoted(slugs: Sequence[str]) -> list[QuotedArticle]:
    """The articles of these slugs that are served."""
    pages = [kb().article(slug) for slug in slugs]
    return [
        QuotedArticle(
            page.slug,
            page.title,
            context.absolute(article_url(page.slug)),
            page.answer,
            answers.why(page.html),
        )
        for page in pages
        if isinstance(page, Page)
    ]


def _suggested(letter: Letter, sought: str, chosen: Sequence[str]) -> list[QuotedArticle]:
    """Articles that may answer a letter: those chosen, then those found for it.

    They are found as a stranger finds them: nobody knows what the customer may read.
    """
    asked = [sought] if sought else [letter.subject, letter.text[:300]]
    slugs = list(chosen)
    for query in filter(None, asked):
        try:
            found = site().service.answer(
                query, own_lang=letter.lang, limit=SUGGESTED, facets=False
            )
        except KBError:
            break
        slugs += [hit.slug for hit in found.hits]
    slugs += [] if sought else letter.offered
    return _quoted(list(dict.fromkeys(slugs))[:SUGGESTED])


def _ready(letter: Letter, articles: Sequence[QuotedArticle], name: str) -> str:
    """A letter made of articles, in the customer's language and signed by name."""
    own = str(g.lang)
    context.set_language(letter.lang)
    try:
        text = context.render("leads/ready-letter.txt", articles=articles, name=name)
    finally:
        context.set_language(own)
    return text.strip()


def _digest(text: str) -> str:
    """The same for the same answer sent twice: it leaves once."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
