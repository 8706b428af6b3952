"""A real nginx in front of a site; skips the test where the program is not installed.

`UNDER_HELP` is the configuration that the manual gives for a site under `/help/`.
"""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from needs import unavailable
from postbox import free_port

_MANUAL = Path(__file__).parent.parent / "articles" / "en" / "server" / "production.md"
UNDER_HELP = re.search(r"```nginx\n(location /help/ \{.*?)```", _MANUAL.read_text("utf-8"), re.S)[1]  # type: ignore[index]
_CONF = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    {server}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, server: str) -> Iterator[int]:
    """The port of an nginx with this content of its `server` block; `folder` is for its files."""
    if shutil.which("nginx") is None:
        unavailable("nginx is not installed (apt install nginx)")
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(_CONF.format(folder=folder, port=port, server=server))
    running = subprocess.Popen(
        ["nginx", "-p", str(folder), "-c", str(conf)], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield port
    finally:
        running.terminate()
        running.wait(30)


def _wait_for(port: int) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 60).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("nginx does not answer")


def under_help(port: int, *, stripped: bool = False, named: bool = True) -> str:
    """The manual's configuration for a site on this port.

    `stripped`: the proxy takes the prefix off; not `named`: it sends no `X-Forwarded-Prefix`.
    """
    conf = UNDER_HELP.replace("127.0.0.1:8000", f"127.0.0.1:{port}{'/' if stripped else ''}")
    line = "    proxy_set_header X-Forwarded-Prefix /help;\n"
    assert line in conf
    return conf if named else conf.replace(line, "")
