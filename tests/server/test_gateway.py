"""The gateway as a process: who is slow keeps nobody waiting, malformed requests are refused."""

import ast
import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from gateways import Running, eventually, heard, running

pytestmark = pytest.mark.xdist_group("server")

HOST = "Host: localhost\r\n"
BODY = f"POST /body HTTP/1.1\r\n{HOST}Connection: close\r\n"
SLOW = {
    "line": "GET /environ?q=",
    "header": f"GET / HTTP/1.1\r\n{HOST}X-Slow: ",
    "body": f"{BODY}Content-Length: 60000\r\n\r\n",
}


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with running() as started:
        yield started


def environ(answer: bytes) -> dict[str, str]:
    return dict(ast.literal_eval(answer.partition(b"\r\n\r\n")[2].decode()))


# ---------------------------------------------------------------- slow clients


@pytest.mark.parametrize("where", SLOW)
def test_who_sends_slowly_keeps_nobody_waiting_and_is_closed(where):
    with running(deadline=4) as site, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(site.connect()) for _ in range(40)]
        for client in clients:
            client.sendall(SLOW[where].encode())
        closed = threading.Event()
        answers = [b""] * len(clients)

        def trickle() -> None:
            while not closed.wait(0.3):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.sendall(b"a")

        def hear(number: int) -> None:
            answers[number] = heard(clients[number])

        trickling = threading.Thread(target=trickle)
        hearing = [threading.Thread(target=hear, args=(i,)) for i in range(len(clients))]
        for thread in (trickling, *hearing):
            thread.start()
        try:
            assert [site.body("/pid") == "" for _ in range(20)] == [False] * 20
            end = time.monotonic() + 50
            for thread in hearing:
                thread.join(max(end - time.monotonic(), 0))
            assert not any(thread.is_alive() for thread in hearing)
        finally:
            closed.set()
            trickling.join()

        expected = (b"", b"HTTP/1.1 408") if where == "body" else (b"",)
        assert {answer[:12] for answer in answers} <= set(expected)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a timeout of Linux")
def test_who_does_not_read_an_answer_is_closed():
    with running(before="gateway.UNREAD = 2.0") as site, site.connect() as client:
        client.sendall(f"GET /large HTTP/1.1\r\n{HOST}\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        time.sleep(6)
        assert site.body("/pid")
        client.settimeout(60)
        received = len(heard(client))
        assert received < 32 * 2**20  # the rest was never sent


def test_an_idle_connection_is_closed():
    with running(deadline=2) as site, site.connect() as client:
        client.sendall(f"GET /pid HTTP/1.1\r\n{HOST}\r\n".encode())
        assert heard(client).startswith(b"HTTP/1.1 200")


# ---------------------------------------------------------------- malformed requests

MANY = "A: b\r\n" * 200
MALFORMED = {
    "a bad chunk size": BODY + "Transfer-Encoding: chunked\r\n\r\nzz\r\n12\r\n0\r\n\r\n",
    "chunks": BODY + "Transfer-Encoding: chunked\r\n\r\n2\r\n12\r\n0\r\n\r\n",
    "a length and chunks": BODY + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n12",
    "two lengths": BODY + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n12",
    "a negative length": BODY + "Content-Length: -2\r\n\r\n12",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "two hosts": f"GET / HTTP/1.1\r\n{HOST}Host: other\r\n\r\n",
    "a folded header": f"GET / HTTP/1.1\r\n{HOST}A: b\r\n c\r\n\r\n",
    "a space before a colon": "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a control character": f"GET /\x00 HTTP/1.1\r\n{HOST}\r\n",
    "a long line": f"GET /{'a' * 70_000} HTTP/1.1\r\n{HOST}\r\n",
    "a long header": f"GET / HTTP/1.1\r\n{HOST}A: {'a' * 70_000}\r\n\r\n",
    "many headers": f"GET / HTTP/1.1\r\n{HOST}{MANY}\r\n",
    "nonsense": "\x16\x03\x01\x00\x00\r\n\r\n",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_request_is_refused_and_the_next_one_answered(site, what):
    answer = site.say(MALFORMED[what].encode())

    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"\r\nconnection: close\r\n" in answer
    assert site.body("/pid")


def test_a_body_that_ends_early_is_refused(site):
    with site.connect() as client:
        client.sendall(f"{BODY}Content-Length: 5\r\n\r\n123".encode())
        client.shutdown(socket.SHUT_WR)
        assert not heard(client).startswith(b"HTTP/1.1 200")
    assert site.body("/pid")


def test_a_body_that_is_too_long_is_not_read(site):
    with site.connect() as client:
        client.sendall(f"{BODY}Content-Length: {10**12}\r\n\r\n".encode())
        answer = heard(client)

    assert answer.startswith(b"HTTP/1.1 200")  # the application is asked, with no byte of it
    assert answer.endswith(b"\r\n\r\n")


# ---------------------------------------------------------------- proper requests


def test_an_application_is_told_what_was_asked(site):
    asked = "GET /environ?q=вход+%D0%B2 HTTP/1.1\r\nHost: help.example\r\nConnection: close\r\n"
    asked += "Cookie: a=1\r\nCookie: b=2\r\nAccept: x\r\nAccept: y\r\n\r\n"
    told = environ(site.say(asked.encode()))

    assert told["QUERY_STRING"].encode("latin-1").decode() == "q=вход+%D0%B2"
    assert (told["PATH_INFO"], told["SCRIPT_NAME"]) == ("/environ", "")
    assert (told["REQUEST_METHOD"], told["SERVER_PROTOCOL"]) == ("GET", "HTTP/1.1")
    assert (told["HTTP_HOST"], told["REMOTE_ADDR"]) == ("help.example", "127.0.0.1")
    assert (told["HTTP_COOKIE"], told["HTTP_ACCEPT"]) == ("a=1; b=2", "x,y")
    assert told["SERVER_PORT"] == str(site.port)


def test_a_header_with_an_underscore_does_not_pass_for_another(site):
    told = environ(site.get("/environ", "X_Forwarded_For: 203.0.113.7", "X-Forwarded-For: ::1"))

    assert told["HTTP_X_FORWARDED_FOR"] == "::1"


def test_a_body_arrives_whole_and_a_connection_is_kept(site):
    with site.connect() as client:
        for body in (b"one", b"two" * 10_000):
            head = f"POST /body HTTP/1.1\r\n{HOST}Content-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode())
            for at in range(0, len(body), 999):
                client.sendall(body[at : at + 999])
            answer = b""
            while not answer.endswith(body):
                answer += client.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 200")


def test_a_head_is_answered_as_a_get_without_its_body(site):
    answer = site.say(f"HEAD /pid HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


def test_a_file_is_sent_whole(tmp_path):
    sent = tmp_path / "picture"
    sent.write_bytes(bytes(range(256)) * 5000)

    with running(str(sent)) as site:
        head, _, body = site.get("/file").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert body == sent.read_bytes()


def test_the_rest_of_a_file_is_sent_by_the_server_too(tmp_path):
    sent = tmp_path / "picture"
    sent.write_bytes(bytes(range(256)) * 5000)

    with running(str(sent)) as site:
        head, _, body = site.get("/rest").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206")
        assert body == sent.read_bytes()[1000:]


def test_a_mistake_of_the_application_is_a_500_and_nothing_more(site):
    for _ in range(10):  # more than there are threads
        assert site.get("/fail").startswith(b"HTTP/1.1 500")
    assert site.body("/pid")


# ---------------------------------------------------------------- the end


def test_a_worker_ends_with_its_parent():
    with running() as site:
        worker = int(site.body("/pid"))
        site.process.kill()
        site.process.wait()
        eventually(lambda: not _lives(worker))


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if sys.platform == "darwin":
    pytestmark = [pytestmark, pytest.mark.skip(reason="reads /proc")]
