"""Other sites are asked politely, and what they say is told as it is. All are on this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from kb.checks import external_links


class Site(BaseHTTPRequestHandler):
    """`/200` answers 200, `/404` 404; `/get/…` refuses HEAD; `/to/x` redirects to `/x`."""

    asked: list[tuple[float, str, str]]
    leads_to = ""  # where `/inside` redirects to

    def do_GET(self) -> None:
        type(self).asked.append((time.monotonic(), self.command, self.path))
        path = self.path.partition("?")[0]
        if path.startswith("/slow"):
            time.sleep(1.5)
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/to"))
        elif path == "/inside":
            self.send_response(302)
            self.send_header("Location", self.leads_to)
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


def anywhere(_: str) -> bool:
    """These sites are on this machine, which is no public address."""
    return True


def said(site: str, *paths: str, **how: Any) -> list[str]:
    how = {"per_second": 1000.0, "may_ask": anywhere, **how}
    replies = external_links.visit([site + path for path in paths], **how)
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


def test_a_host_is_asked_one_at_a_time_and_no_faster_than_agreed_redirects_too(site, monkeypatch):
    """By a clock that only waiting moves: a busy machine takes no turn away."""
    turns = [0.0]

    def sleep(seconds: float) -> None:
        turns.append(turns[-1] + seconds)

    clock = SimpleNamespace(monotonic=lambda: turns[-1], sleep=sleep)
    monkeypatch.setattr(external_links, "time", clock)

    said(site, "/to/200", "/404", "/201", per_second=10.0)

    assert [path for _, _, path in Site.asked] == ["/to/200", "/200", "/404", "/404", "/201"]
    assert turns[1:] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_site_that_keeps_silent_is_left_after_a_while(site):
    assert said(site, "/slow", seconds=0.2) == ["silent: no reply in time"]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/x", "http://[::1", "http://", "http://127.0.0.1:99999/", "http://\x00/"],
)  # fmt: skip
def test_any_address_gets_a_reply(address):
    ((kind, why),) = external_links.visit([address], seconds=2, may_ask=anywhere).values()

    assert kind == "silent"
    assert why


# ---------------------------------------------------------------- only the public internet

PRIVATE = "silent: it is on a private network, which is not asked"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.1.2.3", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0",
     "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "2002:7f00:1::", "2002:a00:1::", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1"],
)  # fmt: skip
def test_an_address_inside_is_not_public(address):
    assert not external_links.is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_an_address_outside_is_public(address):
    assert external_links.is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "127.0.0.1%2e", "0"]
)
def test_a_link_into_the_own_network_is_not_asked(site, host):
    page = site.replace("127.0.0.1", host) + "/200"

    ((kind, why),) = external_links.visit([page], per_second=1000.0).values()

    assert kind == "silent"
    assert "private network" in why or host.endswith("%2e")  # that one is no name at all
    assert Site.asked == []


class Names:
    """Name servers of invented hosts; each look-up takes the next answer, the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **hosts: list[str]) -> None:
        self._hosts = {name.replace("_", "."): answers for name, answers in hosts.items()}
        self._known = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: Any, port: Any, *more: Any, **named: Any) -> list[Any]:
        answers = self._hosts.get(host)
        if answers is None:
            return self._known(host, port, *more, **named)
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        return [each for one in said.split() for each in self._known(one, port, *more, **named)]


def outside(address: str) -> bool:
    """127.0.0.1 stands for a public address, 127.0.0.2 for one of the own network."""
    return address == "127.0.0.1"


def test_a_redirect_into_the_own_network_is_not_followed(site, monkeypatch):
    Names(monkeypatch, inner_example=["127.0.0.2"])
    Site.leads_to = site.replace("127.0.0.1", "inner.example") + "/200"

    assert said(site, "/inside", may_ask=outside) == [PRIVATE]
    assert {path for _, _, path in Site.asked} == {"/inside"}


def test_a_host_with_one_inner_address_is_not_asked_at_all(site, monkeypatch):
    Names(monkeypatch, both_example=["127.0.0.1 127.0.0.2"])

    page = site.replace("127.0.0.1", "both.example")

    assert said(page, "/200", may_ask=outside) == [PRIVATE]
    assert Site.asked == []


def test_a_name_that_changes_its_address_after_the_check_is_asked_where_it_was_checked(
    site, monkeypatch
):
    """DNS rebinding: what is connected to is the address that was checked."""
    Names(monkeypatch, turning_example=["127.0.0.1", "127.0.0.2"])
    connected = []
    create = socket.create_connection

    def noted(address: Any, *more: Any, **named: Any) -> Any:
        connected.append(address[0])
        return create(address, *more, **named)

    monkeypatch.setattr(socket, "create_connection", noted)

    assert said(site.replace("127.0.0.1", "turning.example"), "/200", may_ask=outside) == ["fine"]
    assert connected == ["127.0.0.1"]


def test_a_proxy_of_the_environment_is_asked_but_not_for_the_own_network(site, monkeypatch):
    Names(monkeypatch, outer_example=["127.0.0.1"], inner_example=["127.0.0.2"])
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", site)

    assert said("http://outer.example", "/204", may_ask=outside) == ["fine"]
    assert said("http://inner.example", "/204", may_ask=outside) == [PRIVATE]
    assert [path for _, _, path in Site.asked] == ["http://outer.example/204"]
