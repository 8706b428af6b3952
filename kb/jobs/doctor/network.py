"""Examines what the service speaks to: its proxy, the mail server, the git remote."""

import json
import re
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from kb.base.config import Settings
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.git import pull, run
from kb.index.builds import Builds
from kb.jobs import mail
from kb.jobs.doctor.findings import Finding, error, ok, warning
from kb.site import own_questions

_SECONDS = 15.0
_MOST = 2 * 2**20  # bytes of an answer
_LINK = re.compile(r'\b(?:href|src|action)="(/[^"/][^"]*|/)"')
_HERE = ("localhost", "127.0.0.1", "::1")


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: one says that the address is not the service's own."""

    def redirect_request(self, *_: Any) -> None:
        return None


def service(settings: Settings) -> Iterator[Finding]:
    """Asks the running service as visitors do, through `KB_BASE_URL` if it is set."""
    base = settings.base_url or _local(settings)
    try:
        told = _ask(settings, f"{base}/readyz")
        page = _get(f"{base}/").decode("utf-8", "replace")
    except _NoAnswer as failed:
        yield _unreachable(settings, base, failed)
        return
    yield _answered(settings, base, told)
    if settings.base_url:
        seen = told.get("request")
        yield from _hosts(settings)
        yield from _prefix(base, page)
        yield from _headers(base, seen) if isinstance(seen, dict) else _unseen(base)


class _NoAnswer(Exception):
    """The service did not answer as it should; the message is a short reason."""


def _local(settings: Settings) -> str:
    host = settings.host if settings.host not in ("", "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _ask(settings: Settings, url: str) -> dict[str, Any]:
    """What the service says of itself and, if it is ours, of this request."""
    token = _token(settings)
    try:
        told = json.loads(_get(url, token))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise _NoAnswer("no JSON")
    return told


def _token(settings: Settings) -> str:
    """A token for the service; "" where the data folder is missing or cannot be written."""
    if not settings.data.is_dir():
        return ""
    try:
        return own_questions.OwnQuestions(settings.data).make()
    except KBError:
        return ""


def _get(url: str, token: str = "") -> bytes:
    headers = {"User-Agent": "kb-doctor", **({own_questions.HEADER: token} if token else {})}
    try:
        request = Request(url, headers=headers)  # noqa: S310 - of KB_BASE_URL, http or https
        with build_opener(_Stay).open(request, timeout=_SECONDS) as answer:
            return bytes(answer.read(_MOST))
    except HTTPError as failed:
        with failed:
            raise _NoAnswer(f"{failed.code} {failed.reason}") from None
    except (URLError, OSError, HTTPException, ValueError) as failed:
        reason = getattr(failed, "reason", failed)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise _NoAnswer(reason.verify_message) from None
        raise _NoAnswer(str(getattr(reason, "strerror", None) or reason)) from None


def _unreachable(settings: Settings, base: str, failed: _NoAnswer) -> Finding:
    message = Message("{url} does not answer: {reason}", url=base, reason=str(failed))
    if not settings.base_url:
        return warning("service", message, Message("`kb serve` starts it, KB_BASE_URL names it"))
    cure = Message("is `kb serve` running, and does the proxy lead to it? see /readyz")
    return error("service", message, cure)


def _answered(settings: Settings, base: str, told: dict[str, Any]) -> Finding:
    build, ours = str(told.get("build", "")), Builds(settings.builds).pointed()
    if told.get("status") != "ok":
        message = Message("{url} says {status}", url=base, status=str(told.get("status")))
        return error("service", message, Message("run `kb index --full`"))
    if ours and build != ours:
        message = Message(
            "{url} answers from build {build}, and in {folder} {ours} is published",
            url=base,
            build=build,
            folder=str(settings.data),
            ours=ours,
        )
        return warning(
            "service", message, Message("another service or another --data? see `kb config`")
        )
    return ok("service", Message("{url} answers", url=base))


def _hosts(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.base_url).hostname or ""
    known = [each.lstrip(".") for each in settings.trusted_hosts]
    if known and not any(host == each or host.endswith(f".{each}") for each in known):
        message = Message("KB_TRUSTED_HOSTS does not name {host} of KB_BASE_URL", host=host)
        yield error("hosts", message, Message("add it, or visitors get 400"))


def _prefix(base: str, page: str) -> Iterator[Finding]:
    """Whether the links of a page stay below the path of `KB_BASE_URL`."""
    prefix = urlsplit(base).path
    links = _LINK.findall(page)
    outside = [link for link in links if not f"{link}/".startswith(f"{prefix}/")]
    if not links:
        message = Message("{url} shows no page of ours", url=f"{base}/")
        yield error("prefix", message, Message("does the proxy lead there? open it in a browser"))
    elif outside:
        message = Message("links lead out of {prefix}: {link}", prefix=prefix, link=outside[0])
        yield error(
            "prefix", message, Message("have the proxy pass X-Forwarded-Prefix, or see KB_BASE_URL")
        )
    else:
        yield ok("prefix", Message("links stay below {prefix}", prefix=prefix or "/"))


def _unseen(base: str) -> Iterator[Finding]:
    message = Message("{url} does not know this data folder", url=base)
    yield warning("proxy", message, Message("run it where the service runs, with its --data"))


def _headers(base: str, seen: dict[str, Any]) -> Iterator[Finding]:
    """Whether the service believes its proxy, and learns all from it."""
    url = urlsplit(base)
    forwarded = seen.get("forwarded") or []
    if forwarded and not seen.get("trusted"):
        yield error(
            "proxy",
            Message("the proxy at {peer} is not believed: all visitors count as one",
                    peer=str(seen.get("peer"))),
            Message("set KB_TRUSTED_PROXIES={peer}", peer=str(seen.get("peer"))),
        )  # fmt: skip
        return
    if not forwarded and (url.scheme == "https" or url.hostname not in _HERE):
        yield error(
            "proxy",
            Message(
                "the service sees no X-Forwarded-For: behind a proxy all visitors count as one"
            ),
            Message("have the proxy set X-Forwarded-For, -Proto and -Host"),
        )
        return
    wrong = [
        header
        for header, mine, theirs in (
            ("X-Forwarded-Proto", url.scheme, seen.get("scheme")),
            ("X-Forwarded-Host", url.netloc, seen.get("host")),
        )
        if mine != theirs
    ]
    if wrong:
        yield error(
            "proxy",
            Message("the service takes its address for {scheme}://{host}",
                    scheme=str(seen.get("scheme")), host=str(seen.get("host"))),
            Message("have the proxy set {header}", header=" and ".join(wrong)),
        )  # fmt: skip
    else:
        names = ", ".join(map(str, forwarded)) or "–"
        yield ok("proxy", Message("headers arrive and are believed: {names}", names=names))


def mail_server(settings: Settings) -> Iterator[Finding]:
    """Whether the mail server takes us; no letter is sent."""
    if settings.smtp_url is None:
        if settings.leads_email:
            yield error(
                "mail",
                Message("KB_LEADS_EMAIL is set, and no mail server"),
                Message("set KB_SMTP_URL"),
            )
        return
    try:
        where = mail.check(settings)
    except KBError as failed:
        yield error("mail", failed.message, Message("without it no letter goes out"))
    else:
        yield ok("mail", Message("{where} takes letters", where=where))


def hooks(settings: Settings) -> Iterator[Finding]:
    """Whether what hooks are sent is signed, encrypted and has links. Sends nothing."""
    if not settings.hooks:
        return
    is_fine = True
    for hook in settings.hooks:
        url = urlsplit(hook.url.get_secret_value() if hook.url else "https://")
        if url.scheme == "http" and url.hostname not in _HERE:
            is_fine = False
            message = Message("the hook {name} is sent without encryption", name=hook.called)
            yield warning("hooks", message, Message("write its address with https://"))
        if hook.shape == "json" and hook.secret is None:
            is_fine = False
            message = Message("the hook {name} has no secret: nothing is signed", name=hook.called)
            yield warning("hooks", message, Message("set `secret`, here and at the receiver"))
    if not settings.base_url:
        is_fine = False
        message = Message("hooks tell no links: KB_BASE_URL is not set")
        yield warning("hooks", message, Message("set KB_BASE_URL"))
    if is_fine:
        names = ", ".join(hook.called for hook in settings.hooks)
        yield ok("hooks", Message("events are sent to {names}", names=names))


def remote(settings: Settings) -> Iterator[Finding]:
    """Whether the remote that `kb sync` fetches from can be reached, and what is new there."""
    folder = settings.articles
    try:
        run.run(folder, "rev-parse", "--show-toplevel", seconds=_SECONDS)
    except run.GitFailed as failed:
        if failed.reason == run.FOREIGN:
            yield error("git", failed.reason, Message("authors and dates are missing meanwhile"))
        else:
            yield ok("git", Message("the articles are in no git repository"))
        return
    name = settings.sync_remote
    if name not in run.run(folder, "remote", seconds=_SECONDS).split():
        yield ok("git", Message("there is no remote {name} to follow", name=name))
        return
    try:
        branch = settings.sync_branch or pull.branch(folder)
        listed = run.run(
            folder, "ls-remote", "--", name, f"refs/heads/{branch}", seconds=_SECONDS, remote=True
        )
        head = run.run(folder, "rev-parse", "HEAD", seconds=_SECONDS).strip()
    except (run.GitFailed, KBError) as failed:
        reason = failed.reason if isinstance(failed, run.GitFailed) else failed.message
        message = Message("{name} cannot be reached: {reason}", name=name, reason=reason)
        yield error("git", message, Message("check the network and the key of this user"))
        return
    there = listed.split()[0] if listed.split() else ""
    if not there:
        message = Message("{name} has no branch {branch}", name=name, branch=branch)
        yield error("git", message, Message("change KB_SYNC_BRANCH"))
    elif there != head:
        message = Message(
            "{name}/{branch} is at {commit}, the folder at {head}",
            name=name, branch=branch, commit=there[:12], head=head[:12],
        )  # fmt: skip
        yield warning("git", message, Message("`kb sync` fetches it"))
    else:
        yield ok("git", Message("{name}/{branch} is what is here", name=name, branch=branch))
