"""An OpenSearch cluster of the tests' own: each node a process, on free ports, in a folder.

    python tests/opensearch_cluster.py [--nodes 3] [--heap 1g]    starts one until Ctrl+C
    python tests/opensearch_cluster.py --fetch                    downloads what it needs

Needs a JDK from 17 on and Maven, which fetches some 60 MB once (`tests/opensearch/pom.xml`).
`KB_TEST_OPENSEARCH=3.3.2.0` takes another release of the runner; 3.x needs a JDK from 21 on.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
_PROJECT = HERE / "opensearch"
_FETCHED = (
    HERE.parent / "build"
)  # where the classpath is kept: Maven takes seconds to tell it again
_JVMS = Path("/usr/lib/jvm")
# A node that lives for a minute is compiled in vain by the second compiler.
_BRIEF = ("-XX:TieredStopAtLevel=1",)


class Missing(Exception):
    """What this machine lacks for a node, in one line."""


class Node:
    """One node; what it holds outlives `kill()` and `stop()`, and `start()` takes it up again."""

    def __init__(self, name: str, java: list[str]) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="kb-opensearch-"))
        self.port, self.transport = _free_port(), _free_port()
        self.settings: dict[str, str] = {}
        self._java = java
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        """Starts the process; does not wait until it answers."""
        settings = [f"{name}={value}" for name, value in self.settings.items()]
        with self.log.open("ab") as log:
            # It ends when its standard input does, so also when this process is killed.
            self.process = subprocess.Popen(
                [*self._java, str(self.folder), *settings],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process: as an operator does, or with SIGKILL."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(60)
        assert self.process.stdin is not None
        self.process.stdin.close()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


class Cluster:
    """The nodes of a cluster, and questions to whichever of them answers."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]

    def get(self, path: str, seconds: float = 30) -> Any:
        """The JSON that a living node answers; raises OSError if none does."""
        wrong = "no node is running"
        for url in self.urls:
            try:
                with urllib.request.urlopen(url + path, timeout=seconds) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                refused.close()  # else its socket is found open, in whichever test is run then
                wrong = str(refused)
            except OSError as error:
                wrong = str(error)
        raise ConnectionError(wrong)

    def searches(self) -> int:
        """How many searches its shards have answered since they were opened."""
        counted = self.get("/_stats/search")["_all"]["total"].get("search", {})
        return int(counted.get("query_total", 0))

    def wait(self, status: str = "yellow", nodes: int | None = None, seconds: float = 120) -> None:
        """Waits until so many nodes (all, if not told) are one cluster of this status."""
        asked = f"/_cluster/health?wait_for_status={status}&timeout=5s"
        ends = time.monotonic() + seconds
        seen: Any = None
        while time.monotonic() < ends:
            with suppress(OSError):
                seen = self.get(f"{asked}&wait_for_nodes={nodes or len(self.nodes)}", 10)
                if not seen["timed_out"]:
                    return
            self._require_running()
            time.sleep(0.1)
        raise TimeoutError(f"the cluster did not become {status}: {seen}")

    def _require_running(self) -> None:
        """Raises what the log says if no node is left to wait for."""
        alive = [node for node in self.nodes if node.process and node.process.poll() is None]
        if not alive:
            told = self.nodes[0].log.read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"no OpenSearch node runs: {told}")


@contextmanager
def cluster(nodes: int = 1, heap: str = "384m", *, is_brief: bool = True) -> Iterator[Cluster]:
    """A cluster that is up; `is_brief` starts faster and answers slower. Raises `Missing`."""
    options = [f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseSerialGC", *(_BRIEF if is_brief else ())]
    java = [str(_java()), *options, "-cp", _classpath(), str(_PROJECT / "Node.java")]
    made = [Node(f"node-{number}", java) for number in range(nodes)]
    with ExitStack() as stack:
        for node in made:
            stack.callback(_remove, node)
            node.settings = _settings(node, made)
            node.start()
        found = Cluster(made)
        found.wait()
        yield found


def _settings(node: Node, nodes: list[Node]) -> dict[str, str]:
    return {
        "cluster.name": nodes[0].folder.name,
        "node.name": node.name,
        "network.host": "127.0.0.1",
        "http.port": str(node.port),
        "transport.port": str(node.transport),
        "discovery.type": "zen",  # the runner would make each a cluster of its own
        "discovery.seed_hosts": ",".join(f"127.0.0.1:{each.transport}" for each in nodes),
        "cluster.initial_cluster_manager_nodes": ",".join(each.name for each in nodes),
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }


def _remove(node: Node) -> None:
    if node.process is not None and node.process.poll() is None:
        node.kill()
    shutil.rmtree(node.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _java() -> Path:
    """A `java` with its compiler, as new as the runner needs. Raises `Missing`."""
    least = 17 if _release().startswith("2.") else 21
    homes = [os.environ.get("JAVA_HOME"), *_on_path(), *sorted(map(str, _JVMS.glob("*/")))]
    for home in (Path(each) for each in homes if each):
        if (home / "bin/javac").exists() and _version(home) >= least:
            return home / "bin/java"
    raise Missing(f"no JDK from {least} on is installed (Debian: apt install default-jdk-headless)")


def _on_path() -> list[str]:
    found = shutil.which("javac")
    return [str(Path(found).resolve().parent.parent)] if found else []


def _version(home: Path) -> int:
    told = subprocess.run([home / "bin/javac", "-version"], capture_output=True, text=True)
    number = (told.stdout or told.stderr).strip().rpartition(" ")[2].partition(".")[0]
    return int(number) if number.isdecimal() else 0


def _release() -> str:
    asked = os.environ.get("KB_TEST_OPENSEARCH")
    pinned = (_PROJECT / "pom.xml").read_text("utf-8").partition("<runner>")[2]
    return asked or pinned.partition("<")[0]


def _classpath() -> str:
    """The jars of a node, fetched by Maven unless they are here. Raises `Missing`."""
    pom = _PROJECT / "pom.xml"
    digest = blake2b(pom.read_bytes() + _release().encode(), digest_size=6).hexdigest()
    kept = _FETCHED / f"opensearch-{digest}.classpath"
    if kept.exists():
        jars = kept.read_text()
        if all(map(os.path.exists, jars.split(os.pathsep))):
            return jars
    _FETCHED.mkdir(exist_ok=True)
    _fetch(pom, kept)
    return kept.read_text()


def _fetch(pom: Path, kept: Path) -> None:
    if shutil.which("mvn") is None:
        raise Missing("Maven is not installed (Debian: apt install maven)")
    draft = kept.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        ["mvn", "-q", "-B", "-f", pom, f"-Drunner={_release()}", "dependency:build-classpath",
         f"-Dmdep.outputFile={draft}"],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        why = next((line for line in done.stdout.splitlines() if "[ERROR]" in line), "no reason")
        raise Missing(f"Maven cannot fetch OpenSearch: {why.removeprefix('[ERROR] ')}")
    draft.rename(kept)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--heap", default="512m", help="memory of each node's Java objects")
    parser.add_argument("--fetch", action="store_true", help="download what a node needs, and end")
    asked = parser.parse_args()
    try:
        _java(), _classpath()
        if asked.fetch:
            return 0
        with cluster(asked.nodes, asked.heap, is_brief=False) as found:
            print(",".join(found.urls), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except Missing as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
