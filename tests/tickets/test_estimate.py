"""The share of answered tickets is an interval that holds, whatever the queue."""

import random
from itertools import pairwise

import pytest

from kb.tickets import estimate
from kb.tickets.estimate import NoRows, Part, Row


def queue(n, share, seed=1):
    """Rows and their labels; the surer the search, the likelier an answer."""
    chance = random.Random(seed)
    rows, labels = [], []
    for at in range(n):
        is_answered = chance.random() < share
        margin = max(0.0, chance.gauss(0.9 if is_answered else 0.5, 0.25))
        rows.append(Row(str(at), margin))
        labels.append("y" if is_answered else "n")
    return rows, labels


def labelled(rows, labels, n, seed):
    parts, known = estimate.parts(rows, seed), {}
    for _ in range(n):
        at = estimate.next_row(parts, known.get, "y")
        known[at] = labels[at]
    return parts, known


def test_every_row_is_in_one_part():
    rows, _ = queue(1000, 0.4)

    parts = estimate.parts(rows, 1)

    assert sorted(row for part in parts for row in part.rows) == list(range(1000))
    assert len(parts) == estimate.PARTS


def test_parts_are_of_rows_that_the_search_is_about_equally_sure_of():
    rows, _ = queue(1000, 0.4)

    spans = [
        (min(rows[at].margin for at in part.rows), max(rows[at].margin for at in part.rows))
        for part in estimate.parts(rows, 1)
    ]

    assert all(low[1] <= high[0] for low, high in pairwise(spans))


def test_the_order_is_that_of_the_seed_and_stays_when_articles_change():
    rows, _ = queue(300, 0.4)
    changed = [Row(row.key, row.margin + 0.001 * at) for at, row in enumerate(rows)]

    def order(rows, seed):
        within = [part.rows for part in estimate.parts(rows, seed)]
        return {(a, b) for part in within for n, a in enumerate(part) for b in part[n + 1 :]}

    first, second = order(rows, 1), order(changed, 1)
    assert not {(b, a) for a, b in first} & second
    assert {(b, a) for a, b in first} & order(rows, 2)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_the_interval_holds_the_share(share):
    rows, labels = queue(2000, share)
    truth = labels.count("y") / len(labels)

    shares = [
        estimate.share(parts, known.get, ["y"])
        for parts, known in (labelled(rows, labels, 100, seed) for seed in range(30))
    ]

    assert sum(each.low <= truth <= each.high for each in shares) >= 26
    assert all(each.low <= each.mean <= each.high for each in shares)
    assert sum(each.mean for each in shares) / 30 == pytest.approx(truth, abs=0.02)
    assert all(each.labels == 100 for each in shares)


def test_all_labels_give_the_share_itself():
    rows, labels = queue(60, 0.5)

    parts, known = labelled(rows, labels, 60, 1)
    share = estimate.share(parts, known.get, ["y"])

    truth = pytest.approx(labels.count("y") / 60)
    assert (share.low, share.mean, share.high) == (truth, truth, truth)
    assert estimate.next_row(parts, known.get, "y") is None


def test_without_a_label_anything_is_possible():
    rows, _ = queue(100, 0.5)

    share = estimate.share(estimate.parts(rows, 1), {}.get, ["y"])

    assert (share.low, share.high, share.labels) == (0, 1, 0)


def test_only_labels_up_to_the_first_missing_one_count():
    part = Part(tuple(range(10)))
    known = {0: "y", 1: "n", 5: "y", 6: "y"}

    assert estimate.share([part], known.get, ["y"]).labels == 2


def test_a_row_that_nobody_can_judge_is_passed_over():
    part = Part(tuple(range(10)))
    known = {0: "y", 1: "", 2: "n"}

    assert estimate.share([part], known.get, ["y"]).labels == 2
    assert estimate.next_row([part], known.get, "y") == 3


def test_of_no_rows_there_is_no_share():
    with pytest.raises(NoRows):
        estimate.share((), {}.get, ["y"])
    assert estimate.parts([], 1) == ()
