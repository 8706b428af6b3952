"""The OpenSearch node of the tests: it is up, keeps what it is given, and says what it lacks."""

import json
import urllib.request
from pathlib import Path

import opensearch_cluster
import pytest
from opensearch_cluster import Cluster


def test_a_node_keeps_what_it_is_given(opensearch_node: Cluster) -> None:
    url = f"{opensearch_node.urls[0]}/kept/_doc/1?refresh=true"
    body = json.dumps({"title": "VPN"}).encode()
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="PUT")

    urllib.request.urlopen(asked, timeout=60).close()

    assert opensearch_node.get("/kept/_doc/1")["_source"] == {"title": "VPN"}
    assert opensearch_node.get("/_cluster/health")["number_of_nodes"] == 1


def test_without_maven_the_tests_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(opensearch_cluster, "_FETCHED", tmp_path)

    with pytest.raises(opensearch_cluster.Missing, match="apt install maven"):
        opensearch_cluster._classpath()


def test_an_older_java_does_not_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler = tmp_path / "old/bin/javac"
    compiler.parent.mkdir(parents=True)
    compiler.write_text("#!/bin/sh\necho javac 11.0.2\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(opensearch_cluster, "_JVMS", tmp_path)
    monkeypatch.delenv("KB_TEST_OPENSEARCH", raising=False)

    with pytest.raises(opensearch_cluster.Missing, match="JDK from 17 on"):
        opensearch_cluster._java()
