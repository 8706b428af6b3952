"""Download of a help centre by its API: answers and images become files, which the import reads.

An interrupted download goes on where it stopped; a finished one begins anew. Requests go to the
host that the operator named, images also to hosts where the product keeps them; the token goes to
the named host alone.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from kb import __version__
from kb.base.messages import Message, quoted
from kb.importing import intercom, zendesk
from kb.importing.given_files import MAX_JSON, MAX_MEDIA
from kb.importing.media import image_type
from kb.importing.source import CannotImport

Said = Callable[[Message], object]
_STATE = ".download.json"
_TRIES = 6
_LONGEST_WAIT = 300.0  # seconds
_SECONDS = 60.0  # for one reply
_HOPS = 3
_LOCAL = ("127.0.0.1", "::1", "localhost")
_MEDIA_HOSTS = {"zendesk": zendesk.MEDIA_HOSTS, "intercom": intercom.MEDIA_HOSTS}
_IMAGE = re.compile(r"""<img\b[^<>]*?\bsrc\s*=\s*["']([^"'<>]+)["']""", re.I)
_NEEDS_TOKEN = re.compile(r"/hc/(?:[\w-]+/)?article_attachments/")


class _NoFollow(HTTPRedirectHandler):
    """Redirects are followed by us: each host is looked at first."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Api:
    """A product's API: `kind` names it, `url` is the address the operator gave."""

    kind: str
    url: str
    token: str = ""
    sleep: Callable[[float], object] = time.sleep

    def headers(self) -> dict[str, str]:
        """What names us and carries the token."""
        headers = {"Accept": "application/json", "User-Agent": f"kb-import/{__version__}"}
        if self.kind == "intercom":
            headers["Intercom-Version"] = "2.11"
        if self.token and ":" in self.token:  # agent@example.com/token:… of Zendesk
            from base64 import b64encode

            headers["Authorization"] = f"Basic {b64encode(self.token.encode()).decode()}"
        elif self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def is_own(self, url: str) -> bool:
        """Whether an address has the scheme, host and port that the operator named."""
        return _origin(url) == _origin(self.url)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme.lower(), parts.netloc.lower()


def download(api: Api, folder: Path, said: Said = lambda line: None) -> None:
    """Keeps the answers of the API and the images of its articles as files of `folder`.

    `said` is called with a message about each step. Raises CannotImport.
    """
    scheme, host = _origin(api.url)
    if scheme != "https" and urlsplit(api.url).hostname not in _LOCAL:
        raise CannotImport(
            Message("{url}: the token would go in clear text; write https://…", url=api.url)
        )
    if not host:
        raise CannotImport(
            Message("{value} is no address; write https://acme.zendesk.com", value=quoted(api.url))
        )
    folder.mkdir(parents=True, exist_ok=True)
    keeper = _Keeper(folder)
    client = _Client(api)
    listings = _zendesk(api, client, keeper) if api.kind == "zendesk" else _intercom()
    for name, path in listings:
        _pages(client, keeper, name, urljoin(f"{api.url.rstrip('/')}/", path), said)
    if api.kind == "zendesk":
        _attachments(api, client, keeper, said)
    _images(api, client, keeper, said)
    keeper.finish()


# --- what is asked ------------------------------------------------------------------------------


def _zendesk(api: Api, client: "_Client", keeper: "_Keeper") -> Iterator[tuple[str, str]]:
    """Every list in every language: an answer holds one language."""
    base = "api/v2/help_center"
    locales = client.json(urljoin(f"{api.url.rstrip('/')}/", f"{base}/locales.json"))
    keeper.keep("locales", locales)
    for locale in locales.get("locales") or ():
        if not isinstance(locale, str) or not re.fullmatch(r"[\w-]{2,20}", locale):
            continue
        for what in ("categories", "sections", "articles"):
            sideloads = "&include=users" if what == "articles" else ""
            yield f"{what}-{locale}", f"{base}/{locale}/{what}.json?per_page=100{sideloads}"


def _intercom() -> Iterator[tuple[str, str]]:
    yield "help-centers", "help_center/help_centers"
    yield "collections", "help_center/collections?per_page=50"
    yield "admins", "admins"
    yield "articles", "articles?per_page=50"


def _pages(client: "_Client", keeper: "_Keeper", name: str, url: str, said: Said) -> None:
    """Follows the pages of one list to the end, from where the last download stopped."""
    number, following = keeper.begun(name, url)
    while following:
        answer = client.json(following)
        number += 1
        keeper.keep(f"{name}-{number:04}", answer)
        following = _next(answer, following)
        if following and not client.api.is_own(following):
            raise CannotImport(
                Message("{url}: the next page is on another host; not followed", url=following)
            )
        keeper.goes_on(name, number, following)
        said(Message("Downloading {name}: page {n}", name=name, n=number))


def _next(answer: dict[str, Any], url: str) -> str:
    """The address of the next page, in each form that is documented; "" after the last."""
    if isinstance(answer.get("next_page"), str):
        return str(answer["next_page"])
    meta, links = answer.get("meta"), answer.get("links")
    if isinstance(meta, dict) and isinstance(links, dict):
        return str(links.get("next") or "") if meta.get("has_more") else ""
    pages = answer.get("pages")
    following = pages.get("next") if isinstance(pages, dict) else None
    if isinstance(following, str):
        return following
    if isinstance(following, dict):
        known = {key: following[key] for key in _CURSOR if key in following}
        return f"{url.partition('?')[0]}?{urlencode(known)}" if known else ""
    return ""


_CURSOR = ("page", "per_page", "starting_after")


def _attachments(api: Api, client: "_Client", keeper: "_Keeper", said: Said) -> None:
    """The lists of files below articles: only this answer names them."""
    ids = {
        article["id"]
        for content in keeper.kept("articles-")
        for article in content.get("articles") or ()
        if isinstance(article, dict) and isinstance(article.get("id"), int)
    }
    for number, key in enumerate(sorted(ids), 1):
        path = f"api/v2/help_center/articles/{key}/attachments.json"
        name = f"attachments-of-{key}"
        number_of_pages, _ = keeper.begun(name, "")
        if not number_of_pages:
            _pages(client, keeper, name, urljoin(f"{api.url.rstrip('/')}/", path), lambda _: None)
        said(Message("Downloading files: article {n} of {total}", n=number, total=len(ids)))


def _images(api: Api, client: "_Client", keeper: "_Keeper", said: Said) -> None:
    """The images of all texts and the listed files, where their host is one we may ask."""
    urls = sorted({urljoin(api.url, url) for url in keeper.media()})
    for number, url in enumerate(urls, 1):
        if _may_ask(api, url) and not keeper.has_media(url):
            content = client.media(url)
            if content:
                keeper.keep_media(url, content)
        said(Message("Downloading images: {n} of {total}", n=number, total=len(urls)))


def _may_ask(api: Api, url: str) -> bool:
    """Whether an image may be fetched: from the named host, or one of the product's over HTTPS."""
    scheme, host = _origin(url)
    return api.is_own(url) or (scheme == "https" and bool(_MEDIA_HOSTS[api.kind].fullmatch(host)))


# --- requests -----------------------------------------------------------------------------------


class _Client:
    """Asks one request after another, and waits as long as it is told to."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._opener = build_opener(_NoFollow)

    def json(self, url: str) -> dict[str, Any]:
        """The object at an address of the API. Raises CannotImport."""
        content = self._ask(url, self.api.headers(), MAX_JSON)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            raise CannotImport(
                Message("{url} answers no JSON; check the address", url=url)
            ) from None
        if not isinstance(answer, dict):
            raise CannotImport(Message("{url} answers no object; check the address", url=url))
        return answer

    def media(self, url: str) -> bytes:
        """The image or file at an address; nothing where it is not to be had."""
        for _ in range(_HOPS + 1):
            headers = {"User-Agent": f"kb-import/{__version__}"}
            if self.api.is_own(url) and _NEEDS_TOKEN.match(urlsplit(url).path):
                headers = {**self.api.headers(), "Accept": "*/*"}
            try:
                return self._ask(url, headers, MAX_MEDIA)
            except _Redirected as redirect:
                url = urljoin(url, redirect.location)
                if not _may_ask(self.api, url):
                    return b""
            except CannotImport:
                return b""
        return b""

    def _ask(self, url: str, headers: dict[str, str], most: int) -> bytes:
        for turn in range(_TRIES):
            try:
                request = Request(quote(url, safe="!#$%&'()*+,/:;=?@[]~"), headers=headers)  # noqa: S310
                with self._opener.open(request, timeout=_SECONDS) as reply:
                    content: bytes = reply.read(most + 1)
            except HTTPError as error:
                with error:
                    self._wait_or_raise(url, error, turn)
            except (URLError, OSError, HTTPException, ValueError) as error:
                if turn + 1 == _TRIES or isinstance(error, ValueError):
                    told = str(getattr(error, "reason", None) or error)
                    raise CannotImport(
                        Message("{url}: {reason}; run it again to go on", url=url, reason=told)
                    ) from None
                self.api.sleep(2.0**turn)
            else:
                if len(content) > most:
                    raise CannotImport(
                        Message("{url} answers more than {n} bytes; leave it out", url=url, n=most)
                    )
                return content
        raise CannotImport(Message("{url}: asked too often; run it again later to go on", url=url))

    def _wait_or_raise(self, url: str, error: HTTPError, turn: int) -> None:
        """Waits after “too many requests” and faults of the server; raises for all else."""
        if error.code in (301, 302, 303, 307, 308):
            raise _Redirected(url, error.headers.get("Location", ""))
        if error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise CannotImport(
                Message(
                    "{url} says {status}; put a token that may read into KB_IMPORT_TOKEN",
                    url=url,
                    status=f"{error.code} {error.reason}",
                )
            )
        if error.code != HTTPStatus.TOO_MANY_REQUESTS and error.code < 500:
            raise CannotImport(
                Message(
                    "{url} says {status}; check the address",
                    url=url,
                    status=f"{error.code} {error.reason}",
                )
            )
        asked = _retry_after(error.headers.get("Retry-After", ""))
        self.api.sleep(min(_LONGEST_WAIT, asked if asked is not None else 2.0**turn))


class _Redirected(CannotImport):
    """The server sends on to another address."""

    def __init__(self, url: str, location: str) -> None:
        super().__init__(f"{url} leads on to {location[:200]}; name that address")
        self.location = location


def _retry_after(written: str) -> float | None:
    """Seconds to wait, from a number or a date of HTTP; None where nothing is said."""
    if re.fullmatch(r"\d{1,6}(?:\.\d+)?", written):
        return float(written)
    try:
        return max(0.0, parsedate_to_datetime(written).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


# --- files --------------------------------------------------------------------------------------


class _Keeper:
    """The folder of a download, and how far it got."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state: dict[str, list[Any]] = {}
        try:
            state = json.loads((folder / _STATE).read_text("utf-8"))
            self._state = state if isinstance(state, dict) else {}
        except (OSError, ValueError):
            for old in folder.glob("*.json"):  # of a download that was finished
                if re.fullmatch(r"(?:[\w-]+-\d{4}|locales)\.json", old.name):
                    old.unlink()
            self._save()

    def begun(self, name: str, url: str) -> tuple[int, str]:
        """The number of pages kept of a list, and the address of the next; "" after the last."""
        number, following = self._state.get(name, (0, url))
        return number, following

    def goes_on(self, name: str, number: int, following: str) -> None:
        """Notes how far a list was kept."""
        self._state[name] = [number, following]
        self._save()

    def keep(self, name: str, answer: dict[str, Any]) -> None:
        """Keeps an answer as a file."""
        text = json.dumps(answer, ensure_ascii=False, indent=1)
        self._replace(self._folder / f"{name}.json", text.encode("utf-8", "replace"))

    def kept(self, prefix: str) -> Iterator[dict[str, Any]]:
        """The answers kept in files whose names begin so."""
        for file in sorted(self._folder.glob(f"{prefix}*.json")):
            yield json.loads(file.read_bytes())

    def media(self) -> Iterator[str]:
        """The addresses of images in all texts, and of listed files."""
        for content in self.kept(""):
            for text in _texts(content):
                yield from (found.replace("&amp;", "&") for found in _IMAGE.findall(text))
            for attachment in content.get("article_attachments") or ():
                if isinstance(attachment, dict) and isinstance(attachment.get("content_url"), str):
                    yield attachment["content_url"]

    def has_media(self, url: str) -> bool:
        """Whether the file at an address was kept."""
        place = self._place(url)
        return place is None or place.exists()

    def keep_media(self, url: str, content: bytes) -> None:
        """Keeps an image, or a listed file, at the path of its address."""
        place = self._place(url)
        if place is None or not (image_type(content) or "/article_attachments/" in url):
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._replace(place, content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            return  # the path of another file leads through it

    def finish(self) -> None:
        """Notes that all is there: the next download begins anew."""
        (self._folder / _STATE).unlink(missing_ok=True)

    def _place(self, url: str) -> Path | None:
        """The file for an address, inside the folder whatever the address holds."""
        parts = unquote(urlsplit(url).path).split("/")
        good = [part for part in parts if part]
        is_bad = any(part.startswith(".") or re.search(r"[\x00-\x1f\\]", part) for part in good)
        if not good or is_bad or any(len(part.encode()) > 200 for part in good):
            return None
        return self._folder.joinpath(*good)

    def _save(self) -> None:
        self._replace(self._folder / _STATE, json.dumps(self._state).encode())

    def _replace(self, target: Path, content: bytes) -> None:
        temporary = target.with_name(f".{target.name}.part")
        temporary.write_bytes(content)
        os.replace(temporary, target)


def _texts(value: object) -> Iterator[str]:
    """The HTML texts inside an answer."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key, inner in one.items():
                if key == "body" and isinstance(inner, str):
                    yield inner
                elif isinstance(inner, dict | list):
                    waiting.append(inner)
        elif isinstance(one, list):
            waiting += one
