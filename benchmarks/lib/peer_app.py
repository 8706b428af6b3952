"""A Flask application around an engine of `benchmarks/peers.py`. Measures nothing.

It packs its answers by the same two libraries as ours, orjson and isal.
"""

from pathlib import Path
from threading import local
from urllib.parse import quote

import orjson
from flask import Flask, Response, request

from benchmarks import peers
from kb.site import compression


def engine(name: str, folder: Path) -> peers.HitEngine:
    """The engine with the stemmers of Russian and English it has: FTS5 has the English one."""
    if name == "fts5":
        return peers.FTS5(folder, "porter unicode61", "2 3 4")
    if name == "whoosh":
        return peers.Whoosh(folder, "ru", "en")
    return peers.Tantivy(folder)


def application(name: str, folder: Path) -> Flask:
    """`/search?q=` answers with ten hits; with `typed` the last word may be a beginning."""
    app = Flask(name)
    of_thread = local()  # neither connections of SQLite nor searchers of Whoosh are for several

    def opened() -> peers.HitEngine:
        if not hasattr(of_thread, "engine"):
            of_thread.engine = engine(name, folder)
            of_thread.engine.open()
        return of_thread.engine

    def search() -> Response:
        hits = opened().hits(request.args.get("q", ""), prefix_last="typed" in request.args)
        rows = [
            {"title": hit.title, "url": "/articles/" + quote(hit.id), "snippet": hit.snippet}
            for hit in hits
        ]
        body, headers = orjson.dumps({"results": rows}), {"Vary": "Accept-Encoding"}
        if compression.accepts_gzip(request.headers.get("Accept-Encoding", "")):
            body, headers["Content-Encoding"] = compression.compress(body), "gzip"
        return Response(body, headers=headers, content_type="application/json")

    app.add_url_rule("/search", "search", search)
    return app
