"""The benchmarks measure fairly, and their tables say what was measured."""

from collections.abc import Callable
from time import sleep

import pytest

from benchmarks import peers
from benchmarks.lib import corpora, measuring, tables
from benchmarks.lib.measuring import Share, Times

QUERIES = [f"question {number}" for number in range(150)]
NAMES = ("ours", "tantivy", "whoosh")


class Engines:
    """Engines that find nothing, and note who was asked what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    @property
    def asks(self) -> dict[str, Callable[[str], object]]:
        return {name: lambda query, name=name: self.asked.append((name, query)) for name in NAMES}

    def answered(self, name: str) -> list[str]:
        return [query for asked, query in self.asked if asked == name]


def run(**milliseconds: list[float | None]) -> measuring.Run:
    """What engines took for the queries they answered."""
    told = {}
    for name, values in milliseconds.items():
        taken = {number: value for number, value in enumerate(values) if value is not None}
        told[name] = Times(taken, {number: 2 * value for number, value in taken.items()})
    return told


# ---------------------------------------------------------------- measuring


def test_every_engine_answers_every_query_once():
    engines = Engines()

    times = measuring.measured(engines.asks, QUERIES)

    for name in NAMES:
        assert engines.answered(name) == QUERIES
        assert list(times[name].cpu) == list(times[name].clock) == list(range(len(QUERIES)))


def test_an_engine_answers_a_whole_block_before_the_next_engine_does():
    engines = Engines()

    measuring.measured(engines.asks, QUERIES, block=50)

    turns = [engines.asked[low : low + 50] for low in range(0, len(engines.asked), 50)]
    assert all(len({name for name, _ in turn}) == 1 for turn in turns)
    for number in range(3):  # the same block to all of them
        block = [(turn[0][0], [query for _, query in turn]) for turn in turns[3 * number :][:3]]
        assert sorted(block) == [
            (name, QUERIES[50 * number : 50 * number + 50]) for name in sorted(NAMES)
        ]


def test_interleaved_every_query_goes_to_all_engines_before_the_next_one():
    engines = Engines()

    measuring.measured(engines.asks, QUERIES, block=1)

    assert [query for _, query in engines.asked[::3]] == QUERIES


def test_who_begins_changes_from_block_to_block():
    engines = Engines()

    measuring.measured(engines.asks, QUERIES, block=10)

    assert {name for name, _ in engines.asked[:: 3 * 10]} == set(NAMES)


def test_an_engine_with_a_share_answers_that_share():
    engines = Engines()

    measuring.measured(engines.asks, QUERIES, shares={"whoosh": Share(every=10, seconds=60)})

    assert engines.answered("whoosh") == QUERIES[::10]
    assert engines.answered("ours") == QUERIES


def test_an_engine_whose_time_is_over_answers_no_more():
    asks = {"ours": str, "whoosh": lambda query: sleep(0.02)}

    times = measuring.measured(asks, QUERIES, shares={"whoosh": Share(every=1, seconds=0.05)})

    assert list(times["whoosh"].cpu) in ([0, 1, 2], [0, 1], [0])  # the clock may run ahead
    assert len(times["ours"].cpu) == len(QUERIES)


def test_an_engine_in_another_process_is_timed_by_what_it_says_itself():
    answer = measuring.Elsewhere(["article"])
    answer.cpu, answer.clock = 1500.0, 2500.0

    times = measuring.measured({"lucene": lambda query: answer}, QUERIES[:3])

    assert times["lucene"].cpu == dict.fromkeys(range(3), 1500.0)
    assert times["lucene"].clock == dict.fromkeys(range(3), 2500.0)


def test_engines_that_are_not_installed_are_left_out_with_a_line(monkeypatch, capsys):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    monkeypatch.setattr(peers, "java_home", lambda: None)

    assert list(peers.missing(["ours", "tantivy", "bm25s", "lucene", "fts5"])) == [
        "tantivy",
        "bm25s",
        "lucene",
    ]
    assert capsys.readouterr().err.splitlines() == [
        "tantivy is left out; install it with: pip install tantivy",
        "bm25s is left out; install it with: pip install bm25s numba PyStemmer",
        "lucene is left out; it needs a JDK of 21 or newer and Maven",
    ]


# ---------------------------------------------------------------- comparing


def test_ratios_are_medians_of_the_repetitions():
    runs = [run(ours=[1.0] * 3, tantivy=[each] * 3) for each in (2.0, 4.0, 10.0)]

    told = measuring.compared(runs)

    assert told["tantivy"]["ours / it"]["p50"] == 0.25
    assert told["tantivy"]["ms"]["p99"] == 4.0
    assert told["tantivy"]["ms"]["clock p50"] == 8.0
    assert told["ours"]["queries"] == told["tantivy"]["queries"] == 9


def test_who_answered_a_share_is_compared_on_that_share_alone():
    runs = [
        run(ours=[1.0, 99.0, 99.0], whoosh=[10.0, None, None]),
        run(ours=[3.0, 99.0, 99.0], whoosh=[10.0, None, None]),
    ]

    told = measuring.compared(runs)["whoosh"]

    assert told["queries"] == 2
    assert told["ours on them"]["p50"] == 2.0
    assert told["ours / it"]["p50"] == pytest.approx(0.2)


# ---------------------------------------------------------------- queries


@pytest.mark.shared
def test_no_query_is_drawn_twice(shared_data, monkeypatch):
    monkeypatch.setattr(corpora, "SHARED", shared_data)
    drawn = corpora.Drawn()

    workloads = ("words", "typing", "misspelt", "layout")
    lists = [each for name in workloads for each in drawn.lists(name, 50, 3)]

    asked = [query for each in lists for query in each]
    assert len(asked) == len(set(asked))
    assert all(len(each) >= 45 for each in lists)


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ({"p50": 0.4, "p99": 0.5}, "reached"),
        ({"p50": 0.51, "p99": 0.9}, "**missed**"),
        ({"p50": 0.6, "p99": 0.4}, "**missed** at p50, reached at p99"),
    ],
)
def test_a_verdict_names_the_percentile_that_missed(measured, verdict):
    assert tables.Aim("words", 0.5, measured).verdict == verdict


def test_a_figure_that_is_to_be_large_is_missed_when_it_is_small():
    aim = tables.Aim("requests", 0.4, {"": 0.11}, is_least=True)

    assert aim.row() == ["requests", "≥ 0.4 ×", "0.11 ×", "**missed**"]


def test_the_figures_asked_for_are_told_from_the_measurements():
    runs = [run(ours=[1.0] * 20, tantivy=[4.0] * 20, whoosh=[20.0] + [None] * 19)]
    speed = {"10000": {"words": {"ours": measuring.compared(runs)}}}

    rows = tables.blocks(speed, {})["asked for"]

    assert rows[2:] == [
        "| full words: with snippets against tantivy | ≤ 0.5 × | 0.25 / 0.25 × | reached |",
        "| full words: with snippets against plain Whoosh | ≤ 0.2 × | 0.05 / 0.05 ×, "
        "on 1 of the queries | reached |",
    ]


def test_steps_stand_beside_each_engine_that_was_asked_without_snippets():
    step = measuring.compared([run(**{"word step": [1.0] * 4, "bm25s bare": [2.0] * 4})])
    whole = measuring.compared([run(ours=[1.0] * 4)])

    rows = tables.queries({"words": {"ours": whole, "word step": step}})

    assert rows[-1] == "| words alone, full words | 1.00 / 1.00 | 2.00 / 2.00, 0.50 / 0.50 × |"


def test_what_was_not_measured_again_stays_and_says_of_when_it_is():
    old = measuring.compared([run(ours=[2.0] * 4, tantivy=[4.0] * 4, whoosh=[8.0] * 4)])
    new = measuring.compared([run(ours=[1.0] * 4, tantivy=[4.0] * 4)])
    before = {"machine": "old", "words": {"ours": old}, "layout": {"ours": old}}
    before["footprint"] = {}

    whole = tables.joined(before, {"machine": "new", "words": {"ours": new}})

    assert whole["words"]["ours"]["tantivy"] == new["tantivy"]
    assert whole["words"]["ours"]["whoosh"] == {"machine": "old", **old["whoosh"]}
    assert tables.taken(whole)[1:] == [
        "Taken at new.",
        "whoosh, ours (wrong layout), tantivy (wrong layout): taken at old.",
        "Builds and memory: taken at old.",
    ]
    assert tables.taken(tables.joined(whole, {"machine": "newest", "words": {"ours": new}})) == [
        "",
        "Taken at newest.",
        "whoosh, ours (wrong layout), tantivy (wrong layout): taken at old.",
        "Builds and memory: taken at old.",
    ]


def test_a_block_of_the_page_is_replaced_and_the_rest_stays():
    page = "# Speed\n\n<!-- speed: growth -->\nold\n<!-- /speed -->\n\nWhy.\n"
    page += "<!-- speed: builds -->\nkept\n<!-- /speed -->\n"

    new = tables.refreshed(page, {"growth": ["| new |"], "10000": ["| not on this page |"]})

    assert new == page.replace("old", "\n| new |\n")
    assert tables.refreshed(new, {"growth": ["| new |"]}) == new
