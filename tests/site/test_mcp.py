"""The Model Context Protocol over a real server, by the client of its own SDK and by hand."""

import asyncio
import json
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Thread

import bases
import pytest
from werkzeug.serving import make_server

from kb.site.mcp import STATELESS, WITH_HANDSHAKE
from kb.web import create_app

FILES = {
    "ru/account/password.md": "---\ntitle: Сброс пароля\nanswers: [как сбросить пароль]\n---\n\n"
    "Нажмите «Забыли пароль» на странице входа.\n",
    "ru/account/mail.md": "---\ntitle: Почта\n---\n\nИзмените адрес почты в настройках.\n",
    "ru/account/secret.md": "---\ntitle: Секрет\ndraft: true\n---\n\nНикому.\n",
    "en/billing/card.md": "---\ntitle: Pay by card\nanswers: [pay by card]\n---\n\nAdd a card.\n",
}


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return bases.of(FILES, tmp_path_factory.mktemp("mcp"), mcp=True)


@pytest.fixture(scope="module")
def address(kb):
    server = make_server("127.0.0.1", 0, create_app(kb), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/mcp"
    server.shutdown()


def ask(address, talk, mode="auto"):
    """What `talk` returns of a connected client of the SDK."""
    from mcp import Client  # more than a second, which each process that collects would take

    async def connected():
        async with Client(address, mode=mode) as client:
            return await talk(client)

    # Its own thread: the browser tests leave a loop running in this one.
    found = Future()
    Thread(target=lambda: found.set_result(asyncio.run(connected())), daemon=True).start()
    return found.result(60)


MODES = ("legacy", *STATELESS, "auto")


@pytest.mark.parametrize("mode", MODES)
def test_the_client_of_the_sdk_lists_searches_and_reads(address, mode):
    async def talk(client):
        return (
            await client.list_tools(),
            await client.call_tool("search", {"query": "как сбросить пароль", "lang": "ru"}),
            await client.call_tool("search", {"query": "pay by card", "lang": "en", "limit": 1}),
            await client.call_tool("get_article", {"address": "ru/account/password"}),
            await client.call_tool("list_topics", {"lang": "ru"}),
        )

    listed, russian, english, article, topics = ask(address, talk, mode)

    assert [tool.name for tool in listed.tools] == ["search", "get_article", "list_topics"]
    assert russian.structured_content["confident"] is True
    first = russian.structured_content["results"][0]
    assert first["url"] == address.replace("/mcp", "/articles/ru/account/password")
    assert [hit["slug"] for hit in english.structured_content["results"]] == ["en/billing/card"]
    assert "Нажмите «Забыли пароль»" in article.content[0].text
    assert topics.structured_content["topics"][0]["articles"] == 2


def test_an_agent_is_told_what_is_not_in_the_base_and_what_it_did_wrong(address):
    async def talk(client):
        return [
            await client.call_tool(name, arguments)
            for name, arguments in (
                ("search", {"query": "wifi printer on the moon"}),
                ("get_article", {"address": "ru/account/secret"}),
                ("get_article", {}),
                ("search", {"query": "card", "limit": 100}),
                ("search", {"query": "card", "topic": "x"}),
                ("list_topics", {"topic": "nosuch"}),
            )
        ]

    found, draft, *wrong = ask(address, talk)

    assert found.structured_content["confident"] is False
    assert (draft.is_error, draft.content[0].text.partition(";")[0]) == (True, "no such article")
    assert all(answer.is_error for answer in wrong)
    assert wrong[0].content[0].text == "address is needed: `slug` or `url` of a result"


@pytest.fixture
def client(kb):
    return create_app(kb).test_client()


def post(client, message, **headers):
    body = message if isinstance(message, str) else json.dumps(message)
    return client.post("/mcp", data=body, content_type="application/json", headers=headers)


def call(method, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


@pytest.mark.parametrize("version", [*WITH_HANDSHAKE, "1999-01-01", None])
def test_a_handshake_agrees_on_a_revision(client, version):
    result = post(client, call("initialize", protocolVersion=version)).json["result"]

    assert result["protocolVersion"] == (version if version in WITH_HANDSHAKE else "2025-11-25")
    assert "confident" in result["instructions"]


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
SAID = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}


@pytest.mark.parametrize(
    ("message", "headers", "status", "code"),
    [
        ("{", {}, 400, -32700),
        ("[]", {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1}, {}, 400, -32600),
        (call("prompts/list"), {}, 200, -32601),
        (call("tools/call", name="drop"), {}, 200, -32602),
        (call("tools/call", name="search", arguments=[1]), {}, 200, -32602),
        ({**call("ping"), "params": [1]}, {}, 200, -32602),
        (call("tools/list"), {"MCP-Protocol-Version": "1999-01-01"}, 200, -32600),
        (call("tools/list", _meta=META), {}, 400, -32020),
        (call("tools/list", _meta=META), {**SAID, "Mcp-Method": "tools/call"}, 400, -32020),
        (call("tools/call", name="search", _meta=META),
         {**SAID, "Mcp-Method": "tools/call", "Mcp-Name": "get_article"}, 400, -32020),
        (call("tools/list", _meta={next(iter(META)): "2026-07-28"}), SAID, 400, -32602),
        (call("ping", _meta=META), {**SAID, "Mcp-Method": "ping"}, 404, -32601),
        (call("tools/list", _meta={**META, next(iter(META)): "2099-01-01"}),
         {**SAID, "MCP-Protocol-Version": "2099-01-01"}, 400, -32022),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_message_is_said_by_number(client, message, headers, status, code):
    answer = post(client, message, **headers)

    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


def test_notifications_are_accepted_and_there_is_no_stream(client):
    told = post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert (told.status_code, told.data) == (202, b"")
    assert client.get("/mcp").status_code == 405
    assert client.delete("/mcp").status_code == 405


def test_pages_of_other_sites_and_floods_are_refused(client):
    assert post(client, call("ping"), Origin="https://evil.example").status_code == 403
    assert post(client, call("ping"), Origin="http://localhost").status_code == 200
    statuses = [post(client, call("ping")).status_code for _ in range(140)]
    assert statuses[-1] == 429


def test_there_is_no_endpoint_unless_it_is_set(tmp_path):
    assert create_app(bases.of(FILES, tmp_path)).test_client().post("/mcp").status_code == 404


def test_a_search_of_an_agent_is_a_miss_on_the_board_and_no_search_of_people(tmp_path):
    kb = bases.of(FILES, tmp_path, mcp=True)
    client = create_app(kb).test_client()
    wanted = {"query": "принтер на луне"}

    post(client, call("tools/call", name="search", arguments=wanted), **{"User-Agent": "httpx"})
    kb.recorder.flush()
    kb.recorder.close()

    today = datetime.now(UTC).date()
    assert [group.question for group in kb.misses()] == ["принтер на луне"]
    days = kb.log.statistics.days()[today.isoformat()]
    assert days == {"agents": 1, "agent misses": 1}
    assert kb.log.statistics.rate(today, today).searches == 0
