"""A download keeps every answer once, waits when it is told to, and tells nobody else the token."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT

from kb.importing import download
from kb.importing.download import Api
from kb.importing.given_files import GivenFiles
from kb.importing.intercom import Intercom
from kb.importing.source import CannotImport
from kb.importing.zendesk import Zendesk

PNG = (ROOT / "tests" / "data" / "importing" / "zendesk" / "6001" / "form.png").read_bytes()
Answer = tuple[int, dict[str, str], bytes]


class Server:
    """An API on this machine: `answers` by path and query; `asked` is what came, with its token."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[tuple[str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers.get("Authorization")))
                found = server.answers.get(self.path, (404, {}, b"{}"))
                status, headers, body = found() if callable(found) else found
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def says(self, path: str, content: Any) -> None:
        self.answers[path] = (200, {"Content-Type": "application/json"}, dumped(content))

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def dumped(content: Any) -> bytes:
    return json.dumps(content).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


BASE = "/api/v2/help_center"
LISTS = ("categories", "sections", "articles")


def first_page(what: str) -> str:
    sideloads = "&include=users" if what == "articles" else ""
    return f"{BASE}/en-us/{what}.json?per_page=100{sideloads}"


def article(number: int, server: Server, body: str = "<p>b</p>") -> dict[str, Any]:
    return {"id": number, "section_id": 1, "title": f"A {number}", "locale": "en-us", "body": body,
            "html_url": f"{server.url}/hc/en-us/articles/{number}"}  # fmt: skip


def zendesk(server: Server) -> None:
    """A centre of three articles on two pages, one with an image."""
    server.says(f"{BASE}/locales.json", {"locales": ["en-us"], "default_locale": "en-us"})
    server.says(first_page("categories"), {"categories": [], "next_page": None})
    server.says(first_page("sections"), {"sections": [], "next_page": None})
    image = f'<p><img src="{server.url}/hc/article_attachments/5" alt="A"></p>'
    second = f"{BASE}/en-us/articles.json?page=2"
    server.says(first_page("articles"), {
        "articles": [article(1, server, image), article(2, server)],
        "next_page": server.url + second,
    })  # fmt: skip
    server.says(second, {"articles": [article(3, server)], "meta": {"has_more": False},
                         "links": {"next": server.url + "/never"}})  # fmt: skip
    for number in (1, 2, 3):
        server.says(f"{BASE}/articles/{number}/attachments.json", {"article_attachments": []})
    server.answers["/hc/article_attachments/5"] = (200, {}, PNG)


def test_all_pages_of_zendesk_are_kept_and_read(server, tmp_path):
    zendesk(server)

    download.download(Api("zendesk", server.url), tmp_path)

    centre = Zendesk(GivenFiles(tmp_path))
    assert [page.title for page in centre.pages] == ["A 1", "A 2", "A 3"]
    image = centre.file(f"{server.url}/hc/article_attachments/5")
    assert image is not None
    assert image.read_bytes() == PNG
    assert len(server.paths()) == len(set(server.paths()))


def test_all_pages_of_intercom_are_kept_and_read(server, tmp_path):
    def page(number: int, following: object) -> dict[str, Any]:
        data = [{"type": "article", "id": str(number), "title": f"A {number}", "body": "b",
                 "url": f"{server.url}/en/articles/{number}"}]  # fmt: skip
        return {"type": "list", "data": data, "pages": {"type": "pages", "next": following}}

    server.says("/help_center/help_centers", {"type": "list", "data": []})
    server.says("/help_center/collections?per_page=50", {"type": "list", "data": []})
    server.says("/admins", {"type": "admin.list", "admins": []})
    server.says("/articles?per_page=50", page(1, {"page": 2, "per_page": 50}))
    server.says("/articles?page=2&per_page=50", page(2, f"{server.url}/articles?page=3"))
    server.says("/articles?page=3", page(3, {"per_page": 50, "starting_after": "x=="}))
    server.says("/articles?per_page=50&starting_after=x%3D%3D", page(4, None))

    download.download(Api("intercom", server.url, "secret"), tmp_path)

    assert [p.title for p in Intercom(GivenFiles(tmp_path)).pages] == ["A 1", "A 2", "A 3", "A 4"]
    assert {token for _, token in server.asked} == {"Bearer secret"}


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    zendesk(server)
    second = f"{BASE}/en-us/articles.json?page=2"
    good = server.answers[second]
    server.answers[second] = (404, {}, b"")
    with pytest.raises(CannotImport, match="404"):
        download.download(Api("zendesk", server.url), tmp_path)
    server.answers[second] = good
    server.asked.clear()

    download.download(Api("zendesk", server.url), tmp_path)

    assert first_page("articles") not in server.paths()
    assert len(Zendesk(GivenFiles(tmp_path)).pages) == 3


def test_a_finished_download_begins_anew_and_forgets_what_is_gone(server, tmp_path):
    zendesk(server)
    download.download(Api("zendesk", server.url), tmp_path)
    server.says(first_page("articles"), {"articles": [article(2, server)], "next_page": None})

    download.download(Api("zendesk", server.url), tmp_path)

    assert [page.title for page in Zendesk(GivenFiles(tmp_path)).pages] == ["A 2"]


@pytest.mark.parametrize("kind", ["seconds", "date", "nothing", "nonsense"])
def test_too_many_requests_are_waited_for(server, tmp_path, kind):
    zendesk(server)
    good = server.answers[first_page("articles")]
    answers = iter([429, 503])
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=93), usegmt=True)
    retry = {"seconds": "93", "date": later, "nothing": "", "nonsense": "soon"}[kind]

    def busy() -> Answer:
        status = next(answers, 0)
        return (status, {"Retry-After": retry}, b"") if status else good

    server.answers[first_page("articles")] = busy
    waited: list[float] = []

    download.download(Api("zendesk", server.url, sleep=waited.append), tmp_path)

    assert len(waited) == 2
    assert all(60 < each <= 93 for each in waited) == (kind in ("seconds", "date"))
    assert len(Zendesk(GivenFiles(tmp_path)).pages) == 3


def test_a_server_that_stays_busy_is_given_up(server, tmp_path):
    server.answers[f"{BASE}/locales.json"] = (429, {"Retry-After": "99999"}, b"")
    waited: list[float] = []

    with pytest.raises(CannotImport, match="again later"):
        download.download(Api("zendesk", server.url, sleep=waited.append), tmp_path)

    assert set(waited) == {300.0}


@pytest.mark.parametrize(
    ("token", "sent"),
    [
        ("secret", "Bearer secret"),
        ("vera@x.example/token:s", "Basic dmVyYUB4LmV4YW1wbGUvdG9rZW46cw=="),
    ],
)
def test_the_token_goes_to_the_named_host_and_not_with_images(server, other, tmp_path, token, sent):
    zendesk(server)
    elsewhere = f'<img src="{server.url}/theme/logo.png"><img src="{other.url}/a.png">'
    server.says(first_page("articles"), {"articles": [article(1, server, elsewhere)]})
    server.answers["/theme/logo.png"] = (302, {"Location": f"{other.url}/b.png"}, b"")

    download.download(Api("zendesk", server.url, token), tmp_path)

    assert other.asked == []
    assert dict(server.asked)[f"{BASE}/locales.json"] == sent
    assert dict(server.asked)["/theme/logo.png"] is None


def test_a_next_page_on_another_host_is_not_followed(server, other, tmp_path):
    zendesk(server)
    answer = {"articles": [article(1, server)], "next_page": f"{other.url}/steal"}
    server.says(first_page("articles"), answer)

    with pytest.raises(CannotImport, match="another host"):
        download.download(Api("zendesk", server.url, "secret"), tmp_path)
    assert other.asked == []


def test_an_answer_that_leads_elsewhere_is_not_followed(server, other, tmp_path):
    server.answers[f"{BASE}/locales.json"] = (301, {"Location": f"{other.url}/x"}, b"")

    with pytest.raises(CannotImport, match="leads on"):
        download.download(Api("zendesk", server.url, "secret"), tmp_path)
    assert other.asked == []


@pytest.mark.parametrize(
    ("kind", "url", "may"),
    [
        ("zendesk", "https://h.example/hc/article_attachments/1", True),
        ("zendesk", "https://h.example:8443/x.png", False),
        ("zendesk", "http://h.example/x.png", False),
        ("zendesk", "https://p9.zdusercontent.com/x.png", True),
        ("zendesk", "https://zdusercontent.com.evil.example/x.png", False),
        ("zendesk", "http://p9.zdusercontent.com/x.png", False),
        ("zendesk", "https://downloads.intercomcdn.com/x.png", False),
        ("intercom", "https://downloads.intercomcdn.com/x.png", True),
        ("intercom", "https://downloads.eu.intercomcdn.com/x.png", True),
        ("intercom", "https://user@downloads.intercomcdn.com@127.0.0.1/x.png", False),
        ("intercom", "http://169.254.169.254/x.png", False),
        ("intercom", "https://[bad/x.png", False),
        ("intercom", "file:///etc/passwd", False),
    ],
)
def test_images_come_from_the_product_alone(kind, url, may):
    assert download._may_ask(Api(kind, "https://h.example"), url) == may


@pytest.mark.parametrize(
    "path", ["/../../escape.png", "/a/.hidden.png", "/%2e%2e/up.png", "/a%00.png"]
)
def test_no_address_of_an_image_leads_out_of_the_folder(server, tmp_path, path):
    zendesk(server)
    body = f'<img src="{server.url}{path}">'
    server.says(first_page("articles"), {"articles": [article(1, server, body)]})
    server.answers[path] = (200, {}, PNG)
    folder = tmp_path / "deep" / "export"

    download.download(Api("zendesk", server.url), folder)

    assert [f for f in tmp_path.rglob("*.png") if not f.is_relative_to(folder)] == []
    assert [f.name for f in folder.rglob("*.png") if f.name.startswith(".")] == []


def test_what_says_it_is_an_image_and_is_none_is_not_kept(server, tmp_path):
    zendesk(server)
    body = f'<img src="{server.url}/api/v2/users.json">'
    server.says(first_page("articles"), {"articles": [article(1, server, body)]})
    server.says("/api/v2/users.json", {"users": [{"email": "vera@lumora.example"}]})

    download.download(Api("zendesk", server.url, "secret"), tmp_path)

    assert not (tmp_path / "api").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://acme.example", "clear text"),
        ("acme.example", "clear text"),
        ("https://", "no address"),
        ("ftp://acme.example", "clear text"),
    ],
)
def test_an_address_that_is_not_https_is_refused(tmp_path, url, says):
    with pytest.raises(CannotImport, match=says):
        download.download(Api("zendesk", url, "secret"), tmp_path)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, {}, b""), "KB_IMPORT_TOKEN"),
        ((200, {}, b"<html>"), "no JSON"),
        ((200, {}, b"[]"), "no object"),
        ((200, {}, b"[" * 100_000), "no JSON"),
    ],
    ids=["refused", "html", "list", "deep"],
)
def test_an_answer_that_is_none_says_what_to_do(server, tmp_path, answer, says):
    server.answers[f"{BASE}/locales.json"] = answer

    with pytest.raises(CannotImport, match=says):
        download.download(Api("zendesk", server.url), tmp_path)


def test_an_answer_that_does_not_end_is_cut_off(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MAX_JSON", 1000)
    server.answers[f"{BASE}/locales.json"] = (200, {}, b" " * 5000)

    with pytest.raises(CannotImport, match="more than 1,000 bytes"):
        download.download(Api("zendesk", server.url), tmp_path)


def test_a_locale_that_is_none_is_not_asked_for(server, tmp_path: Path):
    zendesk(server)
    locales = ["en-us", "../../users", "a b", 7]
    server.says(f"{BASE}/locales.json", {"locales": locales, "default_locale": "en-us"})

    download.download(Api("zendesk", server.url), tmp_path)

    assert [path for path in server.paths() if "users.json" in path or "%20" in path] == []
