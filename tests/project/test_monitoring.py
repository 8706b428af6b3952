"""The alerts that the manual gives: Prometheus reads them, and they ask for figures there are."""

import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from kb.base import resources
from kb.site.metrics import GAUGES, Metrics

_BLOCK = re.compile(r"```yaml\n(.*?)```", re.S)


def blocks(lang: str) -> list[str]:
    page = resources.folder("articles") / lang / "server" / "monitoring.md"
    return _BLOCK.findall(page.read_text("utf-8"))


def test_both_languages_give_the_same_configuration():
    assert list(map(yaml.safe_load, blocks("ru"))) == list(map(yaml.safe_load, blocks("en")))
    assert len(blocks("en")) == 2


def test_alerts_ask_for_figures_and_labels_that_are_exposed():
    metrics = Metrics(lambda: dict.fromkeys(GAUGES, 1.0))
    metrics.request("/search", "GET", 200, 0.1)
    metrics.search(1, True)
    metrics.refused(408)
    for outcome in ("failed", "dropped", "missed"):
        metrics.log(outcome, 1)
    metrics.cluster("opened")
    samples = [
        sample
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    ]
    names = {sample.name for sample in samples}
    labels = {label for sample in samples for label in sample.labels} | {"job"}
    rules = yaml.safe_load(blocks("en")[1])["groups"][0]["rules"]

    asked = " ".join(rule["expr"] for rule in rules)

    assert set(re.findall(r"\bkb_\w+", asked)) <= names
    assert set(re.findall(r"(\w+)=~?\"", asked)) <= labels
    assert len(rules) == len({rule["alert"] for rule in rules}) >= 8


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_itself_takes_the_rules_and_the_figures(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(blocks("en")[1])
    metrics = Metrics(lambda: dict.fromkeys(GAUGES, 1.0))
    metrics.request("/search", "GET", 200, 0.1)

    subprocess.run(["promtool", "check", "rules", str(rules)], check=True)
    subprocess.run(["promtool", "check", "metrics"], input=metrics.text(), check=True)
