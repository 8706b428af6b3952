"""The shipped articles answer the questions of `tests/relevance`, each with its reason."""

from pathlib import Path

import pytest
from paths import ROOT

from kb.base.config import Settings
from kb.jobs import evaluation

FILES = sorted(Path(ROOT, "tests", "relevance").glob("*.toml"))
LEAST = 0.99  # nDCG@10: 1 where each expected article stands at its very place


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_expectation_of_the_shipped_articles_is_broken(file):
    (score,) = evaluation.evaluate([file], Settings())

    assert not score.broken, "\n".join(score.broken)
    assert score.queries > 40
    assert score.ndcg >= LEAST, score.failures


def test_questions_are_asked_in_every_language_of_the_articles():
    spoken = {path.name for path in Path(ROOT, "articles").iterdir() if path.is_dir()}

    assert spoken == {file.stem for file in FILES}
