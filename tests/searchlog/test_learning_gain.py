"""What learning is worth: `benchmarks/learning.py`, of sixteen intents of banking77."""

import pytest

from benchmarks import learning
from benchmarks.lib import corpora


@pytest.mark.slow
def test_rephrased_questions_are_found_better_once_others_were_solved(shared_data, monkeypatch):
    monkeypatch.setattr(corpora, "SHARED", shared_data)
    source = learning.base("banking77").first(16)

    found = learning.measure(source, known=4, weeks=2, forged=60)

    assert found.gain >= 0.02
    assert found.loss < found.before[1] - found.answers[1]  # less than the same under `answers`
    assert (found.lines > 0, found.moved) == (True, 0)
