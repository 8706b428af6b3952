"""Other sites are asked politely, and what they say is told as it is. All are on this machine."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from kb import sites


class Site(BaseHTTPRequestHandler):
    """`/200` answers 200, `/404` 404; `/get/…` refuses HEAD; `/to/x` redirects to `/x`."""

    asked: list[tuple[float, str, str]]

    def do_GET(self) -> None:
        type(self).asked.append((time.monotonic(), self.command, self.path))
        path = self.path.partition("?")[0]
        if path.startswith("/slow"):
            time.sleep(1.5)
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/to"))
        elif path == "/round":
            self.send_response(301)
            self.send_header("Location", "/round")
        elif path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "ftp://files.example.com/")
        elif path.startswith("/get/") and self.command == "HEAD":
            self.send_response(405)
        else:
            digits = path.rpartition("/")[2]
            self.send_response(int(digits) if digits.isdigit() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def said(site: str, *paths: str, **how: float) -> list[str]:
    replies = sites.visit([site + path for path in paths], **{"per_second": 1000.0, **how})
    return [": ".join(filter(None, replies[site + path])) for path in paths]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/200", "fine"), ("/204", "fine"), ("/to/200", "fine"), ("/to/to/to/to/to/200", "fine"),
        ("/get/200", "fine"), ("/статья?q=пароль", "fine"),
        ("/404", "gone: the site says 404 Not Found"), ("/410", "gone: the site says 410 Gone"),
        ("/get/404", "gone: the site says 404 Not Found"),
        ("/to/404", "gone: the site says 404 Not Found"),
        ("/403", "silent: the site says 403 Forbidden"),
        ("/500", "silent: the site says 500 Internal Server Error"),
        ("/round", "silent: more than 5 redirects"),
        ("/elsewhere", "silent: it leads on to ftp://files.example.com/"),
    ],
)  # fmt: skip
def test_what_a_site_says_is_told(site, path, expected):
    assert said(site, path) == [expected]


def test_head_is_asked_first_and_get_only_where_head_is_refused(site):
    said(site, "/200", "/404")

    assert [(method, path) for _, method, path in Site.asked] == [
        ("HEAD", "/200"), ("HEAD", "/404"), ("GET", "/404")
    ]  # fmt: skip


def test_a_page_is_asked_once_however_many_places_of_it_are_linked_to(site):
    assert said(site, "/200#a", "/200#b", "/200") == ["fine"] * 3
    assert len(Site.asked) == 1


def test_a_host_is_asked_one_at_a_time_and_no_faster_than_agreed_redirects_too(site):
    said(site, "/to/200", "/404", "/201", per_second=10.0)

    times = [at for at, _, _ in Site.asked]
    assert len(times) == 5
    assert all(later - earlier > 0.09 for earlier, later in pairwise(times))


def test_a_site_that_keeps_silent_is_left_after_a_while(site):
    assert said(site, "/slow", seconds=0.2) == ["silent: no reply in time"]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/x", "http://[::1", "http://", "http://127.0.0.1:99999/", "http://\x00/"],
)  # fmt: skip
def test_any_address_gets_a_reply(address):
    ((kind, why),) = sites.visit([address], seconds=2).values()

    assert kind == "silent"
    assert why
