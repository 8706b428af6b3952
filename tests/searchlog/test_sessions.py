"""Reports and sessions: how typed steps become searches."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.searchlog import reports, sessions
from kb.searchlog.reports import BadReport, Event, parse_report
from kb.searchlog.sessions import Run, fold, fold_report, typed


def ask(*steps: tuple[str, float]) -> list[str]:
    """The searches that remain of steps."""
    return [run.query for run in fold(typed(q, at) for q, at in steps) if run.counts]


@pytest.mark.parametrize(
    ("steps", "searches"),
    [
        ([("как", 0), ("как сбр", 1), ("как сбросить", 2)], ["как сбросить"]),  # typing ahead
        ([("пароли", 0), ("пароль", 1)], ["пароль"]),  # one edit
        ([("парлоь", 0), ("пароль", 1)], ["пароль"]),  # a swap is one edit
        (
            [("парль впн", 0), ("пароль vpn", 1)],
            ["парль впн", "пароль vpn"],
        ),  # four edits are another question
        (
            [("как сбросить", 0), ("как сбр", 1), ("как сбрить", 2)],
            ["как сбрить"],
        ),  # backspacing too
        ([("пароль", 0), ("пароль vpn", 10)], ["пароль vpn"]),  # ten seconds are no gap
        ([("пароль", 0), ("пароль vpn", 10.01)], ["пароль", "пароль vpn"]),  # more are
        ([("пароль", 0), ("оплата", 1)], ["пароль", "оплата"]),  # neither prefix nor edit
        ([("Пароль ", 0), ("пароль", 1)], ["пароль"]),  # case and blanks say nothing
        ([("вп", 0)], []),  # two letters are no search
        ([("1С", 0)], ["1С"]),  # unless one is no letter
        ([("C#", 0)], ["C#"]),
        ([("??", 0)], []),
        ([("пароль", 0), ("", 1), ("паром", 2)], ["пароль", "паром"]),  # an emptied box ends a run
        (
            [("пароль", 0), ("пар", 1), ("па", 2), ("", 3)],
            ["пар"],
        ),  # emptied by backspace: the last that counts
        ([], []),
        ([("", 0), (" ", 1)], []),
    ],
)
def test_steps_fold_to_searches(steps: list[tuple[str, float]], searches: list[str]) -> None:
    assert ask(*steps) == searches


def test_a_run_tells_how_long_and_how_many_steps() -> None:
    [run] = fold([typed("как", 1.0), typed("как сбр", 2.5), typed("как сбросить", 3.0)])

    assert run == Run("как", "как сбросить", "как сбросить", 1.0, 3.0, keystrokes=3)


def test_reports_of_one_visit_that_follow_each_other_are_folded_by_the_same_function() -> None:
    first_page = fold([typed("как сбр", 0), typed("как сбросить", 1)])
    second_page = fold([typed("как сбросить пароль", 6)])

    [run] = fold(first_page + second_page)

    assert (run.query, run.keystrokes) == ("как сбросить пароль", 3)


def test_a_click_ends_a_run() -> None:
    report = parse_report(
        {
            "run": "r",
            "visit": "v",
            "steps": [{"q": "пароль", "ms": 0}, {"q": "пароль vpn", "ms": 5000}],
            "events": [{"kind": "click", "slug": "a", "rank": 1, "ms": 2000}],
        }
    )

    assert [(run.query, run.closed) for run in fold_report(report)] == [
        ("пароль", True),
        ("пароль vpn", False),
    ]


words = st.text(alphabet="абвгд ё1x", min_size=1, max_size=25)
moments = st.lists(st.tuples(words, st.floats(0, 60)), max_size=12)


@given(words, st.lists(st.floats(0.01, 9.9), min_size=30, max_size=30))
def test_typing_ahead_is_never_counted_twice(text: str, pauses: list[float]) -> None:
    at = 0.0
    steps = []
    for end in range(1, len(text) + 1):
        at += pauses[end]
        steps.append(typed(text[:end], at))

    assert len(fold(steps)) <= 1


@given(moments)
def test_folding_twice_changes_nothing(steps: list[tuple[str, float]]) -> None:
    once = fold(typed(q, at) for q, at in steps)

    assert fold(once) == once


@given(moments)
def test_folding_counts_every_step_that_is_not_empty_once(steps: list[tuple[str, float]]) -> None:
    assert sum(run.keystrokes for run in fold(typed(q, at) for q, at in steps)) == sum(
        1 for q, _ in steps if q.strip()
    )


@given(moments, st.integers(0, 12))
def test_more_steps_change_no_run_but_the_last(steps: list[tuple[str, float]], cut: int) -> None:
    steps = sorted(steps, key=lambda step: step[1])

    part = fold(typed(q, at) for q, at in steps[:cut])
    whole = fold(typed(q, at) for q, at in steps)

    assert part[:-1] == whole[: len(part) - 1 if part else 0]


REPORT = {
    "run": "r-1",
    "visit": "v_1",
    "surface": "box",
    "lang": "ru",
    "filters": {"category": "vpn"},
    "build": "b1",
    "steps": [{"q": "как сбр", "ms": 0}, {"q": "как сбросить пароль", "ms": 1900}],
    "shown": [["ru/account/reset-password", 1]],
    "events": [{"kind": "click", "slug": "ru/account/reset-password", "rank": 1, "ms": 4100}],
}


def test_the_report_of_the_contract_is_read() -> None:
    report = parse_report(REPORT)

    assert (report.run, report.visit, report.surface, report.lang, report.build) == (
        "r-1",
        "v_1",
        "box",
        "ru",
        "b1",
    )
    assert report.filters == {"category": "vpn"}
    assert report.shown == (("ru/account/reset-password", 1),)
    assert report.events == (Event("click", "ru/account/reset-password", 1, 4100),)
    assert [run.query for run in fold_report(report)] == ["как сбросить пароль"]
    assert report.is_closed


def test_what_is_not_needed_may_be_absent() -> None:
    report = parse_report({"run": "r", "visit": "v", "future": [1, 2]})

    assert (report.surface, report.steps, report.is_closed) == ("box", (), False)


def test_sizes_are_cut() -> None:
    report = parse_report(
        {
            "run": "r",
            "visit": "v",
            "steps": [{"q": "я" * 9000, "ms": i} for i in range(900)],
            "shown": [["s", 1]] * 900,
            "events": [{"kind": "left", "ms": 10**30}] * 900,
            "filters": {str(i): "x" for i in range(99)},
        }
    )

    assert [len(part) for part in (report.steps, report.shown, report.events)] == [200, 20, 50]
    assert (report.steps[-1], len(report.filters)) == (reports.Step("я" * 500, 899), 10)
    assert report.events[0].ms == reports.MAX_MS


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"run": ""}, "run must be 1 to 64 letters of A-Z a-z 0-9 _ -"),
        ({"run": "x" * 65}, "run must be 1 to 64 letters of A-Z a-z 0-9 _ -"),
        ({"run": "r\n"}, "run must be 1 to 64 letters of A-Z a-z 0-9 _ -"),
        ({"visit": "v'; drop"}, "visit must be 1 to 64 letters of A-Z a-z 0-9 _ -"),
        ({"visit": None}, "visit must be 1 to 64 letters of A-Z a-z 0-9 _ -"),
        ({"surface": "moon"}, "surface must be one of box, page, contact, widget"),
        ({"lang": 5}, "lang must be text"),
        ({"filters": []}, "filters must be a JSON object"),
        ({"filters": {"tag": 1}}, "filters.tag must be text"),
        ({"steps": "abc"}, "steps must be a list"),
        ({"steps": ["abc"]}, "steps[0] must be a JSON object"),
        ({"steps": [{"ms": 1}]}, "steps[0] needs q, what was typed"),
        ({"steps": [{"q": "a", "ms": "1"}]}, "steps[0].ms must be a number"),
        ({"steps": [{"q": "a", "ms": float("nan")}]}, "steps[0].ms must be a number"),
        ({"shown": [["a"]]}, "shown[0] must be [slug, rank]"),
        (
            {"events": [{"kind": "hack"}]},
            "events[0].kind must be one of click, answered, left, contact",
        ),
        (
            {"events": [{"kind": ["click"]}]},
            "events[0].kind must be one of click, answered, left, contact",
        ),
    ],
)
def test_a_malformed_report_is_refused_with_a_sentence(
    change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadReport) as error:
        parse_report(REPORT | change)

    assert str(error.value) == sentence


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*REPORT, "q", "ms", "kind"]), inner)
    ),
    max_leaves=20,
)


@given(json, st.sampled_from(list(REPORT)))
def test_any_json_is_a_report_or_a_sentence(value: object, key: str) -> None:
    for data in (value, REPORT | {key: value}):
        with suppress(BadReport):
            fold_report(parse_report(data))


def test_more_than_thirty_searches_within_a_minute_are_hasty():
    assert not sessions.is_hasty([])
    assert not sessions.is_hasty([n * 1.9 for n in range(30)])
    assert sessions.is_hasty([n * 1.9 for n in range(31)])
    assert not sessions.is_hasty([n * 2.0 for n in range(99)])  # thirty a minute, all the time
    assert sessions.is_hasty([*range(0, 1000, 100), *(2000 + n for n in range(31))])
