"""A trusted proxy names the lead: nginx asks who it is, and nobody else is believed."""

import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nginx import nginx
from werkzeug.serving import make_server

from kb.service import KnowledgeBase
from kb.web import create_app

ANNA = {"X-Forwarded-Email": "anna@example.com", "X-Forwarded-Groups": "writers,leads"}


@pytest.fixture
def board(settings, write):
    """`board("127.0.0.1")` is a client of a board that trusts these proxies."""
    write("ru/mail", "Текст.", title="Почта")
    opened = []

    def board(*trusted, groups=("leads",)):
        update = {"trusted_proxies": trusted, "leads_groups": groups}
        service = KnowledgeBase.open(settings.model_copy(update=update))
        opened.append(service)
        app = create_app(service)
        app.testing = True
        return app.test_client()

    yield board
    for service in opened:
        service.close()


@pytest.mark.parametrize(
    ("headers", "groups", "status"),
    [
        (ANNA, ("leads",), 200),
        (ANNA, ("support",), 403),
        (ANNA, ("*",), 200),
        (ANNA, (), 401),
        ({"X-Forwarded-User": "анна".encode().decode("latin-1")}, ("*",), 200),
        ({"X-Forwarded-User": "anna"}, ("leads",), 403),
        ({"X-Forwarded-Groups": "leads"}, ("leads",), 401),  # nobody is named
        ({**ANNA, "X-Forwarded-Email": " "}, ("leads",), 401),
    ],
)
def test_whoever_a_trusted_proxy_names_is_in_if_their_group_may(board, headers, groups, status):
    client = board("127.0.0.1", groups=groups)

    assert client.get("/leads", headers=headers).status_code == status


def test_nobody_else_is_believed(board):
    assert board("192.0.2.1").get("/leads", headers=ANNA).status_code == 401
    assert board().get("/leads", headers=ANNA).status_code == 401


def test_what_another_site_sends_changes_nothing(board):
    client = board("127.0.0.1")
    other = {**ANNA, "Sec-Fetch-Site": "cross-site"}

    assert client.post("/leads/do", data={"do": "note"}, headers=other).status_code == 403
    assert client.post("/leads/do", data={"do": "note"}, headers=ANNA).status_code == 403


SERVER = """
    location = /oauth2/auth {{
      internal; proxy_pass http://127.0.0.1:{auth}; proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }}
    location / {{
      auth_request /oauth2/auth;
      auth_request_set $email $upstream_http_x_auth_request_email;
      auth_request_set $groups $upstream_http_x_auth_request_groups;
      proxy_set_header X-Forwarded-User "";
      proxy_set_header X-Forwarded-Email $email;
      proxy_set_header X-Forwarded-Groups $groups;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Host $http_host;
      proxy_pass http://127.0.0.1:{site};
    }}
"""


class _Identity(BaseHTTPRequestHandler):
    """Answers as oauth2-proxy does: whose cookie it is."""

    def do_GET(self):
        is_anna = self.headers.get("Cookie") == "_oauth2_proxy=anna"
        self.send_response(202 if is_anna else 401)
        if is_anna:
            self.send_header("X-Auth-Request-Email", "anna@example.com")
            self.send_header("X-Auth-Request-Groups", "leads")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_nginx_asks_who_it_is_and_overwrites_what_visitors_send(settings, write, tmp_path):
    write("ru/mail", "Текст.", title="Почта")
    update = {"trusted_proxies": ("127.0.0.1",), "leads_groups": ("leads",)}
    service = KnowledgeBase.open(settings.model_copy(update=update))
    service.rebuild()
    site = make_server("127.0.0.1", 0, create_app(service), threaded=True)
    identity = ThreadingHTTPServer(("127.0.0.1", 0), _Identity)
    for server in (site, identity):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    conf = SERVER.format(auth=identity.server_port, site=site.server_port)
    try:
        with nginx(tmp_path, conf) as port:
            status, page = _get(port, {"Cookie": "_oauth2_proxy=anna"})
            assert (status, "Вопросы без ответа" in page) == (200, True)
            assert _get(port, ANNA)[0] == 401  # says so herself
            assert _get(port, {"Cookie": "_oauth2_proxy=eve", **ANNA})[0] == 401
    finally:
        site.shutdown()
        identity.shutdown()
        site.server_close()
        identity.server_close()
        service.close()


def _get(port, headers):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/leads?ui=ru", headers=headers)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    return answer.status, page
