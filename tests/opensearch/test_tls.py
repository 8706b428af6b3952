"""A real node behind TLS, with a certificate of one's own CA."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from needs import library
from opensearch_cluster import Cluster as Nodes

from kb.base.errors import ConfigError
from kb.opensearch.client import Cluster, ClusterUnavailable


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """The folder of two authorities, and of what the first certifies for this machine."""
    trustme = library("trustme", "trustme")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "node.pem")
    return tmp_path


@pytest.fixture
def port(certificates: Path, opensearch_node: Nodes) -> Iterator[int]:
    """The port of a proxy that ends TLS in front of the node."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "node.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    node = opensearch_node.nodes[0].port
    threading.Thread(target=_serve, args=(listener, context, node), daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.close()


def _serve(listener: socket.socket, context: ssl.SSLContext, node: int) -> None:
    with suppress(OSError):  # the listener was closed
        while True:
            caller = listener.accept()[0]
            threading.Thread(target=_relay, args=(caller, context, node), daemon=True).start()


def _relay(caller: socket.socket, context: ssl.SSLContext, node: int) -> None:
    """Passes requests of one connection on, each answered before the next is sent."""
    with (
        suppress(OSError), caller, context.wrap_socket(caller, server_side=True) as outer,
        socket.create_connection(("127.0.0.1", node)) as inner,
    ):  # fmt: skip
        back = threading.Thread(target=_copy, args=(inner, outer), daemon=True)
        back.start()
        _copy(outer, inner)
        back.join(5)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_a_node_with_a_certificate_of_ones_own_ca_is_asked(certificates: Path, port: int) -> None:
    pytest.importorskip("opensearchpy")
    cluster = Cluster(f"https://127.0.0.1:{port}?ca={certificates}/ca.pem")

    for _ in range(3):
        assert cluster.ask("GET", "/_cluster/health")["number_of_nodes"] == 1
    assert cluster.do("PUT", "/tls/_doc/1", {"title": "VPN"})["result"] in ("created", "updated")


@pytest.mark.parametrize("ca", ["", "?ca={}/other.pem"])
def test_a_node_with_another_certificate_is_told_apart(
    certificates: Path, port: int, ca: str
) -> None:
    pytest.importorskip("opensearchpy")
    cluster = Cluster(f"https://127.0.0.1:{port}{ca.format(certificates)}")

    with pytest.raises(ClusterUnavailable, match="its certificate is not trusted; name its CA"):
        cluster.ask("GET", "/_cluster/health")


def test_a_certificate_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")

    for name in ("none.pem", "empty.pem"):
        with pytest.raises(ConfigError, match=rf"{name}.*name the certificate of your CA"):
            Cluster(f"https://127.0.0.1:9200?ca={tmp_path}/{name}")
