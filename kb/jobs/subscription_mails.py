"""The mails that follow an answer: to confirm, to tell it, to ask whether all works, to thank."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from kb.base.config import Settings
from kb.jobs import mail_templates
from kb.jobs.letter_mails import message_id, reply_address, subject
from kb.jobs.mail import Letter as Mail
from kb.searchlog.db.letter_models import Letter


@dataclass(frozen=True, slots=True)
class Told:
    """The article that answers a question, as a mail tells of it."""

    title: str
    path: str  # of its page
    answer: str
    why: str  # why it happens, in the article's words, or ""
    author: str


def confirmation(asked: Mapping[str, str], settings: Settings) -> Mail:
    """Asks `asked["to"]` for a yes. It quotes no question: a stranger may have given the address.

    `asked` holds `to`, `lang` and `token` as well.
    """
    paper = mail_templates.paper(settings, asked["lang"])
    link = paper.url(f"/tell-me/{quote(asked['token'])}")
    values = {"link": link, "site": paper.url("/"), "name": settings.site_name}
    return Mail(
        to=(asked["to"],),
        subject=paper.subject(paper.write("letters/tell-confirm-subject.txt").strip()),
        text=paper.write("letters/tell-confirm.txt", **values),
        reply_to=reply_address(settings),
    )


def answer(to: str, lang: str, query: str, told: Told, settings: Settings) -> Mail:
    """Tells the answer to a question, under the name of the article's author."""
    paper = mail_templates.paper(settings, lang)
    link = paper.url(told.path)
    values = {
        "query": query, "told": told, "link": link, "lang": paper.lang,
        "vote": f"{link}#feedback", "name": settings.site_name, "site": paper.url("/"),
    }  # fmt: skip
    headline = paper.write("letters/tell-answer-subject.txt", query=query).strip()
    return Mail(
        to=(to,),
        subject=paper.subject(headline),
        text=paper.write("letters/tell-answer.txt", **values),
        html=paper.write("letters/tell-answer.html", headline=headline, **values),
        reply_to=reply_address(settings),
        sender_name=told.author,
    )


def follow_up(letter: Letter, who: str, key: str, settings: Settings) -> Mail:
    """Asks the writer of a letter that was answered whether all works, in its thread."""
    paper = mail_templates.paper(settings, letter.lang)
    values = {"number": letter.number, "who": who, "name": settings.site_name}
    return Mail(
        to=(letter.email,),
        subject=f"Re: {subject(letter, settings)}",
        text=paper.write("letters/follow-up.txt", **values),
        reply_to=reply_address(settings),
        message_id=message_id(settings, key),
        in_reply_to=message_id(settings, f"{letter.key}-receipt"),
        sender_name=who,
    )


def thanks(to: str, lang: str, text: str, title: str, path: str, settings: Settings) -> Mail:
    """Passes a reader's word of thanks on to the author of an article."""
    paper = mail_templates.paper(settings, lang)
    values = {"text": text, "title": title, "link": paper.url(path)}
    headline = paper.write("letters/thanks-subject.txt", **values).strip()
    return Mail((to,), paper.subject(headline), paper.write("letters/thanks.txt", **values))
