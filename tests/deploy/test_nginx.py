"""The shipped nginx files in a real nginx, in front of a real service."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import shipped_nginx as nginx
from served import serving

from kb.base.config import Settings
from kb.site import contact

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]

HELP = (nginx.FILES / "help.conf").read_text("utf-8")


class Visitor:
    """A browser that speaks to nginx and believes its certificate."""

    def __init__(self, through: nginx.Nginx) -> None:
        self._nginx = through

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[HTTPResponse, str]:
        """The answer to one request and its body."""
        connection = nginx.Https(self._nginx)
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, {"Host": "help.example.com", **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def until_refused(self, path: str, body: bytes | None = None, **headers: str) -> Counter[int]:
        """Asks four at a time until nginx refuses, at most 3,000 times; answers by status."""
        said: Counter[int] = Counter()
        with ThreadPoolExecutor(4) as pool:
            while said.total() < 3_000 and not said[429]:
                some = pool.map(lambda _: self.ask(path, body, **headers)[0].status, range(100))
                said.update(some)
        return said


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """`kb serve` with two articles, told that this machine is its proxy."""
    nginx.program()
    folder = tmp_path_factory.mktemp("service")
    articles = folder / "articles" / "en"
    articles.mkdir(parents=True)
    (articles / "vpn.md").write_text("# Set up the VPN\n\nPress Connect.\n", "utf-8")
    (folder / "kb.toml").write_text(
        'trusted_proxies = ["127.0.0.1"]\ntrusted_hosts = ["help.example.com"]\n'
    )
    settings = Settings(articles=folder / "articles", data=folder / "var")
    with serving(settings, folder, "--access-log") as site:
        yield site


@pytest.fixture
def front(service, tmp_path: Path) -> Iterator[nginx.Nginx]:
    """nginx as help.conf has it."""
    made = nginx.configured(tmp_path, urlsplit(service.address).port, HELP)
    with nginx.running(made):
        yield made


@pytest.mark.parametrize("site", [HELP, nginx.OTHER_SITE], ids=["own name", "below a path"])
@pytest.mark.parametrize(
    "machine", ["machine.conf", "machine-compose.conf", "machine-several.conf"]
)
def test_nginx_likes_the_files(tmp_path, site, machine):
    made = nginx.configured(tmp_path, 8000, site, machine)

    assert nginx.checked(made) == ""


def test_a_page_comes_by_https_alone_and_says_so_for_a_year(front):
    page, text = Visitor(front).ask("/?ui=en")
    plain = HTTPConnection("127.0.0.1", front.http, timeout=60)
    plain.request("GET", "/search?q=vpn", headers={"Host": "help.example.com"})
    moved = plain.getresponse()
    plain.close()

    assert page.status == 200
    assert "<main" in text
    assert page.getheader("Strict-Transport-Security") == "max-age=31536000"
    assert moved.status == 301
    assert moved.getheader("Location") == "https://help.example.com/search?q=vpn"


def test_the_service_knows_the_visitor_and_the_scheme(front):
    visitor = Visitor(front)

    _, sitemap = visitor.ask("/sitemap.xml")

    assert "https://help.example.com/articles/en/vpn" in sitemap


def test_figures_are_not_for_visitors(front):
    assert Visitor(front).ask("/metrics")[0].status == 403


def test_static_files_are_kept_and_pages_are_not(front, service):
    visitor = Visitor(front)
    _, page = visitor.ask("/")
    style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert style.startswith("/static/")

    def asked(path: str) -> int:
        return service.log.count(f"GET {urlsplit(path).path} 200")

    before = [asked(path) for path in (style, "/search", "/api/search")]
    for _ in range(3):
        for path in (style, "/search?q=vpn", "/api/search?q=vpn"):
            assert visitor.ask(path)[0].status == 200

    after = [asked(path) for path in (style, "/search", "/api/search")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 3, 3]


def test_searches_beyond_the_rate_are_refused_by_nginx_and_pages_are_not(front, service):
    visitor = Visitor(front)
    reached = service.log.count("GET /api/search 200")

    said = visitor.until_refused("/api/search?q=vpn")

    assert said[429]
    assert said[200] >= 40  # the burst
    assert service.log.count("GET /api/search 200") - reached == said[200]
    assert visitor.ask("/articles/en/vpn")[0].status == 200


def test_forms_beyond_the_rate_are_refused_by_nginx(front):
    vote = json.dumps({"slug": "en/vpn", "helpful": True, "run": "r"}).encode()

    said = Visitor(front).until_refused(
        "/api/feedback", vote, **{"Content-Type": "application/json"}
    )

    assert said[429]
    assert said[204] + said[200] >= 10


def test_a_very_long_query_is_answered_and_a_large_body_is_not(front):
    visitor = Visitor(front)

    assert visitor.ask("/search?q=" + quote("пароль " * 430))[0].status == 200
    assert visitor.ask("/api/searches", b"x" * 70_000)[0].status == 413


def test_a_letter_may_carry_what_the_service_takes(front, service):
    largest = re.search(r"location = /contact \{\s+client_max_body_size (\d+)m;", HELP)[1]
    assert int(largest) * 2**20 >= contact.LARGEST
    kind = "multipart/form-data; boundary=edge"
    form = b"--edge\r\nContent-Disposition: form-data; name=message\r\n\r\n%b\r\n--edge--\r\n"

    Visitor(front).ask("/contact", form % (b"x" * 300_000), **{"Content-Type": kind})

    assert "POST /contact" in service.log


def test_logs_hold_neither_queries_nor_addresses(front):
    Visitor(front).ask("/search?q=secret-of-mine")
    Visitor(front).until_refused("/api/search?q=secret-of-mine")

    logs = {file.name: file.read_text("utf-8") for file in front.folder.glob("*.log")}
    assert "/search 200" in logs["help.log"]
    for text in (logs["help.log"], logs["help-error.log"]):
        assert "secret-of-mine" not in text
        assert "127.0.0.1" not in text


def test_a_help_centre_below_a_path_is_limited_as_well(service, tmp_path):
    port = urlsplit(service.address).port
    made = nginx.configured(tmp_path, port, nginx.OTHER_SITE)
    with nginx.running(made):
        visitor = Visitor(made)

        answer, text = visitor.ask("/help/api/search?q=vpn")
        assert answer.status == 200
        assert json.loads(text)["results"][0]["slug"] == "en/vpn"
        assert visitor.ask("/")[1] == "the shop"
        assert 'href="/help/static/' in visitor.ask("/help/")[1]
        assert visitor.ask("/help/metrics")[0].status == 403
        assert visitor.until_refused("/help/api/search?q=vpn")[429]
