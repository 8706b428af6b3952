"""How near the answers of OpenSearch are to those of the embedded engine.

`python benchmarks/opensearch.py equality --url http://127.0.0.1:9200 [SET…] [--most N]`

Each judged set (`shared/data/sets`) is indexed once and asked twice: by the build on this machine
and by the cluster. Prints nDCG@10 of both, the share of questions with the same `confident`, the
same first article and the same ten, how much of the embedded ten is among the best that the
cluster sent, and what a question brings over the wire.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

import numpy as np
from pydantic import SecretStr

from kb.base.config import Settings
from kb.jobs.evaluation import ndcg, read_judged, write_articles
from kb.opensearch import client
from kb.opensearch.client import Cluster
from kb.opensearch.searcher import ClusterSearcher
from kb.search import Results
from kb.service import KnowledgeBase

SETS = ("xquad-ru", "xquad-en", "danetqa-ru", "bc-anchors-ru", "plausible-anchors-en")
SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "sets"
DEPTH = 10
client.ASKING = 60.0  # seconds: how near answers are is asked here, not how fast they come


class CountingCluster(Cluster):
    """A cluster that remembers what its last question brought."""

    bytes = 0
    ids: frozenset[str] = frozenset()

    def ask(self, method: str, path: str, body: Any = None, **params: str | int) -> Any:
        found = super().ask(method, path, body, **params)
        for hits in [each["hits"]["hits"] for each in found.get("responses", ())]:
            self._count(hits)
            if hits:
                self.ids = frozenset(hit["_id"] for hit in hits)
        self._count(found.get("docs", ()))
        return found

    def _count(self, docs: Any) -> None:
        fields = (value for doc in docs for value in doc.get("fields", {}).values())
        self.bytes += sum(len(each) for value in fields for each in value)


@contextmanager
def both(
    articles: Path, url: str
) -> Iterator[tuple[KnowledgeBase, KnowledgeBase, CountingCluster]]:
    """The services of the embedded engine and of the cluster over one build."""
    with tempfile.TemporaryDirectory(prefix="kb-os-") as data:
        settings = Settings(
            articles=articles, data=Path(data), engine="opensearch", opensearch_url=SecretStr(url)
        )
        cluster = CountingCluster(url)
        embedded = KnowledgeBase(settings, engine="arrays", cached_answers=0)
        try:
            embedded.rebuild()
            far = KnowledgeBase(settings, cached_answers=0)
            # Without a build to fall back on: what the cluster does not answer, ends it all.
            far._current._searching = lambda reader, cached: ClusterSearcher(
                reader, cached, cluster, None
            )
            yield embedded, far, cluster
        finally:
            base = embedded.catalog().reader.manifest
            from kb.opensearch.feeding import base_name

            for name in cluster.do("GET", f"/{base_name(base)}-*/_alias"):
                cluster.do("DELETE", f"/{name}")
            embedded.close()


@dataclass
class Figures:
    """What the questions of one set came to."""

    questions: int = 0
    ndcg: list[tuple[float, float]] = field(default_factory=list)
    confident: int = 0
    first: int = 0
    ten: int = 0
    total: int = 0
    among: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)

    def add(self, near: Results, far: Results) -> None:
        """Counts one question that both answered."""
        ours, theirs = ([hit.slug for hit in each.hits[:DEPTH]] for each in (near, far))
        self.questions += 1
        self.confident += near.confident == far.confident
        self.first += ours[:1] == theirs[:1]
        self.ten += ours == theirs
        self.total += near.total == far.total

    def line(self, name: str) -> str:
        """A row of the table of `docs/ranking.md`."""
        near, far = np.mean(self.ndcg, axis=0)
        shares = (n / self.questions for n in (self.confident, self.first, self.ten, self.total))
        told = " | ".join(f"{100 * share:.1f} %" for share in shares)
        sent = [int(value / 1000) for value in np.quantile(self.bytes, (0.5, 0.95, 1))]
        among = 100 * float(np.mean(self.among))
        return (
            f"| {name} ({self.questions}) | {near:.4f} | {far:.4f} | {told} | {among:.2f} % |"
            f" {sent[0]} / {sent[1]} / {sent[2]} |"
        )


def equality(url: str, name: str, most: int) -> Figures:
    """Asks the questions of a set of both engines."""
    judged, figures = read_judged(SHARED / name), Figures()
    with tempfile.TemporaryDirectory(prefix="kb-os-") as work:
        ids = write_articles(judged.docs, Path(work) / "articles")
        with both(Path(work) / "articles", url) as (near, far, cluster):
            for query, grades in list(judged.grades.items())[: most or None]:
                sources, text = judged.sources[query], judged.queries[query]
                limit = DEPTH + len(sources)
                cluster.bytes, cluster.ids = 0, frozenset()
                results = near.answer(text, limit=limit), far.answer(text, limit=limit)
                figures.bytes.append(cluster.bytes)
                figures.add(*results)
                rankings = [
                    [ids[hit.slug] for hit in each.hits if ids[hit.slug] not in sources]
                    for each in results
                ]
                figures.ndcg.append((ndcg(rankings[0], grades), ndcg(rankings[1], grades)))
                find = near.catalog().reader.find
                ten = [str(find(hit.slug)) for hit in results[0].hits[:DEPTH]]
                if ten and cluster.ids:
                    figures.among.append(sum(doc in cluster.ids for doc in ten) / len(ten))
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["equality"])
    options.add_argument("sets", nargs="*", default=SETS)
    options.add_argument("--url", required=True, help="nodes of a cluster")
    options.add_argument("--most", type=int, default=0, help="questions of each set; 0: all")
    chosen = options.parse_args()
    print(
        "| set (questions) | embedded | OpenSearch | confident | first | ten | total | sent | kB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in chosen.sets or SETS:
        print(equality(chosen.url, name, chosen.most).line(name), flush=True)


if __name__ == "__main__":
    main()
