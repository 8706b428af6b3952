"""A real nginx with the files of deploy/nginx in front of a service, all in one folder."""

import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path

from needs import library, unavailable
from paths import ROOT

FILES = ROOT / "deploy" / "nginx"
# Below a path of another site, as its owner would write it.
OTHER_SITE = """
include /etc/nginx/kb/machine.conf;
include /etc/nginx/kb/limits.conf;
server {
    listen 443 ssl;
    ssl_certificate /etc/nginx/kb/tls/help.pem;
    ssl_certificate_key /etc/nginx/kb/tls/help.key;
    large_client_header_buffers 4 32k;
    location / { return 200 "the shop"; }
    include /etc/nginx/kb/prefix.conf;
}
"""
MAIN = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """Where it listens, what trusts its certificate, and the folder with its logs."""

    https: int
    http: int
    tls: ssl.SSLContext
    folder: Path


class Https(HTTPSConnection):
    """HTTPS to 127.0.0.1 for a name that no name server knows, from an address of this machine."""

    def __init__(self, through: Nginx, visitor: str = "") -> None:
        super().__init__("help.example.com", timeout=60, context=through.tls)
        self._tls, self._port, self._visitor = through.tls, through.https, visitor

    def connect(self) -> None:
        ours = (self._visitor, 0) if self._visitor else None
        plain = socket.create_connection(("127.0.0.1", self._port), 60, ours)
        self.sock: ssl.SSLSocket = self._tls.wrap_socket(plain, server_hostname="help.example.com")


def program() -> str:
    """The path of nginx, or the test is skipped."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or unavailable("no nginx; apt-get install nginx-light")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def configured(
    folder: Path, service: int, site: str, machine: str = "machine.conf", other: int = 0
) -> Nginx:
    """Writes the files as for a machine whose /etc, /var and ports are ours.

    `other` is the port of the second web machine of machine-several.conf.
    """
    authority = library("trustme", "trustme").CA()
    certificate = authority.issue_cert("help.example.com")
    made = Nginx(free_port(), free_port(), ssl.create_default_context(), folder)
    authority.configure_trust(made.tls)
    (folder / "kb" / "tls").mkdir(parents=True)
    certificate.private_key_pem.write_to_path(folder / "kb" / "tls" / "help.key")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(folder / "kb" / "tls" / "help.pem", append=True)

    def moved(text: str) -> str:
        for there, here in (
            ("/etc/nginx/kb", str(folder / "kb")),
            ("/var/log/nginx", str(folder)),
            ("/var/lib/nginx/kb", str(folder / "cache")),
            ("/var/cache/nginx/kb", str(folder / "cache")),
            ("listen 443", f"listen 127.0.0.1:{made.https}"),
            ("listen 80", f"listen 127.0.0.1:{made.http}"),
            ("server 127.0.0.1:8000", f"server 127.0.0.1:{service}"),
            ("server kb:8000", f"server 127.0.0.1:{service}"),
            ("server 192.0.2.11:8000", f"server 127.0.0.1:{service}"),
            ("server 192.0.2.12:8000", f"server 127.0.0.1:{other or service}"),
        ):
            text = text.replace(there, here)
        return text

    for file in FILES.glob("*.conf"):
        (folder / "kb" / file.name).write_text(moved(file.read_text("utf-8")), "utf-8")
    if machine != "machine.conf":
        shutil.move(folder / "kb" / machine, folder / "kb" / "machine.conf")
    (folder / "site.conf").write_text(moved(site), "utf-8")
    is_root = os.geteuid() == 0
    user = f"user {pwd.getpwuid(0).pw_name};" if is_root else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user), "utf-8")
    return made


def checked(made: Nginx) -> str:
    """What `nginx -t` says; "" if it likes the files."""
    command = [program(), "-t", "-q", "-c", made.folder / "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


@contextmanager
def running(made: Nginx) -> Iterator[Nginx]:
    """nginx over these files, until the end."""
    command = [program(), "-q", "-c", made.folder / "nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            ends = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", made.https), timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < ends
                    time.sleep(0.05)
            yield made
        finally:
            process.terminate()
            process.wait(60)
