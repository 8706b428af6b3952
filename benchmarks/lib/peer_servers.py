"""datasette and nginx on loopback, as an operator would run them. Measures nothing."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory

from benchmarks.lib import servers
from benchmarks.peers import SNIPPET

Started = tuple["subprocess.Popen[bytes]", tuple[str, int]]

# Words joined by OR as with the other peers; datasette's own `escape_fts` quotes each word.
_MATCH = "replace(escape_fts(:q), '\" \"', '\" OR \"')"
_SQL = (
    f"SELECT title, '/articles/' || id AS url, {SNIPPET} AS snippet FROM docs "
    "WHERE docs MATCH {} ORDER BY rank LIMIT 10"
)
_DATASETTE = """
from datasette.app import Datasette

app = Datasette([], immutables=[{file!r}], metadata={metadata!r}, settings={settings!r}).app()
"""
_NGINX = """
daemon off;
user root;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=answers:32m max_size=1g inactive=1h
                     use_temp_path=off;
    upstream service {{ server {host}:{upstream}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_ignore_headers Cache-Control;
            proxy_cache answers;
            proxy_cache_valid 200 10m;
            proxy_cache_lock on;
            proxy_cache_use_stale updating;
        }}
    }}
}}
"""


def found(program: str) -> str | None:
    """The path of a program, also where only administrators look for it."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def datasette(file: Path, workers: int = 2) -> Iterator[Started]:
    """datasette over a database of FTS5 under its own server, uvicorn.

    `/fts5/search.json?_shape=array&q=` answers with ten hits; so does `typed.json`, for which the
    last word may be a beginning.
    """
    program = found("datasette")
    assert program, "install it with: pip install datasette"
    asked = {"search": _SQL.format(_MATCH), "typed": _SQL.format(f"{_MATCH} || '*'")}
    metadata = {
        "databases": {"fts5": {"queries": {name: {"sql": sql} for name, sql in asked.items()}}}
    }
    settings = {"sql_time_limit_ms": 20_000}  # under load a slow query is late, not an error
    with TemporaryDirectory(prefix="kb-datasette-") as folder:
        Path(folder, "benched.py").write_text(
            _DATASETTE.format(file=str(file), metadata=metadata, settings=settings), "utf-8"
        )
        port = free_port()
        command = [str(Path(program).resolve().with_name("uvicorn")), "benched:app", "--app-dir"]
        command += [folder, "--port", str(port), "--workers", str(workers)]
        with _running([*command, "--log-level", "error"], port, "/-/versions.json") as started:
            yield started


@contextmanager
def nginx(upstream: tuple[str, int], workers: int = 2) -> Iterator[Started]:
    """nginx that keeps answers of another server for ten minutes, whatever that server says."""
    program, port = found("nginx"), free_port()
    assert program, "install it with: apt-get install nginx-light"
    with TemporaryDirectory(prefix="kb-nginx-") as folder:
        config = Path(folder, "nginx.conf")
        host, behind = upstream
        config.write_text(
            _NGINX.format(folder=folder, host=host, upstream=behind, port=port, workers=workers)
        )
        with _running([program, "-p", folder, "-c", str(config)], port, "/") as started:
            yield started


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def _running(command: Sequence[str], port: int, path: str) -> Iterator[Started]:
    """A program, once it answers at a path; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + servers.START
        while process.poll() is None and time.monotonic() < until:
            with suppress(OSError, HTTPException):
                servers.get(("127.0.0.1", port), path)
                break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{json.dumps(list(command))} does not answer")
        yield process, ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()
