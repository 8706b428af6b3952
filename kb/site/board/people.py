"""Who sends a request to the board: by a session's cookie, or named by a trusted proxy.

A session belongs to an account (`kb leads`), to the shared password or to a link; the name of an
account is nobody else's.
"""

from dataclasses import dataclass

from flask import g, request

from kb.base.roles import LEAD
from kb.site import accounts, auth, proxies
from kb.site.accounts import AccountsFile, People, Person
from kb.site.context import kb, site

COOKIE = "kb_leads"


@dataclass(frozen=True, slots=True)
class Lead:
    """Somebody who is let in: the name in the history, "" if none was given, and the role."""

    name: str
    role: str = LEAD
    session: auth.Session | None = None
    person: Person | None = None  # where they signed in to an account


def file() -> AccountsFile:
    """The accounts of this site."""
    return accounts.of(site().settings, kb().shared_json)


def people() -> People:
    """Everybody with an account, read once for each request."""
    if "people" not in g:
        g.people = file().read()
    found: People = g.people
    return found


def who_asks() -> Lead | None:
    """Who sent this request, if they are let in."""
    return _by_session(request.cookies.get(COOKIE, "")) or _by_proxy()


def _by_session(cookie: str) -> Lead | None:
    """A cookie that names an account is proved by the key of that account alone."""
    person = people().find(auth.PasswordAuth.claimed_name(cookie)) if cookie else None
    keeper = person.sessions() if person else shared()
    session = keeper.session(cookie)
    if session is None or session in ended():
        return None
    if person:
        return Lead(person.name, person.role, session, person)
    return None if is_taken(session.name) else Lead(session.name, session=session)


def _by_proxy() -> Lead | None:
    """Whom a trusted proxy names, if one of their groups may open the board."""
    named = request.environ.get(proxies.PERSON)
    role = site().settings.role_of(named.groups) if named else ""
    if not named or not role:
        return None
    person = people().by_email(named.name)
    return Lead(person.name if person else named.name, role)


def refused() -> proxies.Person | None:
    """Whom a trusted proxy names in vain: none of their groups may open the board."""
    settings = site().settings
    named: proxies.Person | None = request.environ.get(proxies.PERSON)
    is_refused = named and settings.leads_groups and not settings.role_of(named.groups)
    return named if is_refused else None


def is_taken(name: str) -> bool:
    """Whether a name is somebody's who proves it: of an account, or an address that a proxy names.

    Nobody goes by it who signs in by the shared password or by a link, nor by that of a program.
    """
    is_program = accounts.is_program(name)
    is_of_proxy = "@" in name and bool(site().settings.leads_groups)
    return is_program or is_of_proxy or people().find(name) is not None


def owners(*more: str) -> list[str]:
    """Whom a question may be assigned to: owners of categories, people with accounts, and more."""
    named = {*kb().owners(), *(each.name for each in people().everybody), *more}
    return sorted(named - {""})


def shared() -> auth.PasswordAuth:
    """The shared password, or without one the key of cookies of those who come by a link."""
    secret = site().settings.leads_password
    password = secret.get_secret_value() if secret else None
    return auth.PasswordAuth(password, None if password else links().key())


def links() -> auth.SignInLinks:
    """The links that `kb sign-in` prints."""
    return auth.SignInLinks(site().settings.data, named=kb().shared_json)


def ended() -> auth.EndedSessions:
    """Sessions that were signed out."""
    settings = site().settings
    if settings.shares_log:
        return auth.EndedSessions(kb().shared_json("leads-ended"))
    return auth.EndedSessions(settings.data / "leads-ended.json")
