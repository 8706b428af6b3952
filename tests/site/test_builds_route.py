"""Builds are given to a token of their scope alone, as they lie on the disk."""

import json

import pytest

from kb.base.config import Settings
from kb.index import listing
from kb.searchlog.db.token_models import BUILDS, READ, SEARCH, WRITE
from kb.service import KnowledgeBase
from kb.web import create_app

SECRET = "a secret of pines and rivers"


@pytest.fixture
def service(settings, write):
    write("ru/vpn", "![](a.png)", title="Настройка VPN", audience="staff")
    (settings.articles / "ru" / "a.png").write_bytes(b"picture " * 100)
    secret = Settings(builds_secret=SECRET).builds_secret
    service = KnowledgeBase.open(settings.model_copy(update={"builds_secret": secret}))
    service.rebuild()
    yield service
    service.close()


@pytest.fixture
def client(service):
    return create_app(service).test_client()


def bearer(service, *scopes):
    token = service.log.tokens.add(" ".join(scopes), scopes, service.now(), None)
    return {"Authorization": f"Bearer {token}"}


def listed(client, by):
    return listing.read(client.get("/builds/current", headers=by).data, SECRET)


def test_only_a_token_of_the_scope_opens_builds(service, client):
    digest = listed(client, by := bearer(service, BUILDS)).files["articles/ru/a.png"].digest
    others = bearer(service, SEARCH, READ, WRITE)
    for path in ("/builds/current", f"/builds/files/{digest}"):
        assert client.get(path, headers=by, buffered=True).status_code == 200
        assert client.get(path, headers=others).status_code == 403
        assert client.get(path).status_code == 401
        assert client.post(path, headers=by).status_code == 405
    for path in ("/builds", "/builds/", "/builds/files", "/builds/files/", "/builds/files/../x"):
        assert client.get(path, headers=by).status_code == 404


def test_each_file_is_given_by_its_digest_and_nothing_else_is(service, client):
    by = bearer(service, BUILDS)
    found = listed(client, by)
    builds = service.settings.builds / found.build
    for path, file in found.files.items():
        part, _, name = path.partition("/")
        folder = {"build": builds, "articles": service.settings.articles}.get(part)
        content = ((folder or service.settings.data) / name).read_bytes()
        assert client.get(f"/builds/files/{file.digest}", headers=by, buffered=True).data == content
        assert file.size == len(content)
    for digest in ("0" * 64, "x", "leads.toml", "%2e%2e%2fleads.toml"):
        answer = client.get(f"/builds/files/{digest}", headers=by)
        assert (answer.status_code, json.loads(answer.text)["error"]["code"]) == (404, "not-found")


def test_the_rest_of_a_file_is_given_from_any_byte_on(service, client):
    by = bearer(service, BUILDS)
    digest = listed(client, by).files["articles/ru/a.png"].digest

    def rest(asked):
        return client.get(f"/builds/files/{digest}", headers=by | {"Range": asked}, buffered=True)

    answer = rest("bytes=700-")
    assert (answer.status_code, answer.data) == (206, (b"picture " * 100)[700:])
    assert answer.headers["Content-Range"] == "bytes 700-799/800"
    assert answer.headers["Cache-Control"] == "no-store"
    assert rest("bytes=800-").status_code == 416
    for other in ("bytes=1-2", "bytes=-5", "items=1-", "bytes=1-,5-"):
        assert (rest(other).status_code, len(rest(other).data)) == (200, 800)


def test_builds_are_given_below_a_prefix_and_on_a_private_site(service):
    more = {"base_url": "https://example.com/help", "private": True, "reader_secret": "x" * 40}
    client = create_app(service, service.settings.model_copy(update=more)).test_client()
    by = bearer(service, BUILDS)

    assert client.get("/help/builds/current", headers=by).status_code == 200
    assert client.get("/help/builds/current").status_code == 401


def test_without_a_build_there_is_nothing_to_give(settings):
    service = KnowledgeBase(settings)
    client = create_app(service).test_client()
    assert client.get("/builds/current", headers=bearer(service, BUILDS)).status_code == 503
    service.close()
