"""What the benchmarks wrote as the tables of `docs/speed.md`. Measures nothing.

A block of the page stands between `<!-- speed: name -->` and `<!-- /speed -->`. A block of which
nothing was measured stays as it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Told = Mapping[str, Any]
Lines = list[str]

_BLOCK = re.compile(r"(<!-- speed: (.+?) -->\n).*?(<!-- /speed -->)", re.DOTALL)
_LOADS = {
    "words": "full words",
    "typing": "keystrokes",
    "misspelt": "one word misspelt",
    "layout": "wrong layout",
}
_STEPS = {"word step": "words alone", "ranking": "the full ranking"}
_SIZE = "10000"  # that the figures are asked for


def refreshed(page: str, blocks: Mapping[str, Lines]) -> str:
    """The page with these blocks in the place of its own of the same names."""

    def block(match: re.Match[str]) -> str:
        lines = blocks.get(match[2])
        return match[0] if lines is None else "\n".join([match[1], *lines, "", match[3]])

    return _BLOCK.sub(block, page)


def joined(before: Told, now: Told) -> dict[str, Any]:
    """What was measured at one size, with what of before was not measured again.

    Engines that were not asked again tell of which commit and machine their figures are.
    """
    whole: dict[str, Any] = dict(before) | dict(now)
    for load in [load for load in _LOADS if load in before and load in now]:
        whole[load] = dict(now[load])
        for step in before[load].keys() & now[load].keys():
            older = {
                name: {"machine": before["machine"], **each}
                for name, each in before[load][step].items()
            }
            whole[load][step] = now[load][step] | {
                name: each for name, each in older.items() if name not in now[load][step]
            }
    for load in [load for load in _LOADS if load in before and load not in now]:
        whole[load] = {
            step: {name: {"machine": before["machine"], **each} for name, each in told.items()}
            for step, told in before[load].items()
        }
    if "footprint" in now:
        whole.pop("footprint machine", None)
    elif "footprint" in before:
        whole.setdefault("footprint machine", before["machine"])
    return whole


def blocks(speed: Told, http: Told, requests_: Told | None = None) -> dict[str, Lines]:
    """All blocks that the JSON of `docs/charts` has the figures of: of three of its files."""
    costs = requests_ or {}
    found = {"asked for": asked_for(speed, http, costs)}
    if "kinds" in costs:
        found["a request"] = a_request(costs)
    for size in filter(str.isdigit, speed):
        found[size] = queries(speed[size])
        if "interleaved" in speed[size]:
            found[f"interleaved {size}"] = interleaved(speed[size])
    if "growth" in speed:
        found["growth"] = growth(speed["growth"])
    if "builds" in speed:
        found["builds"] = builds(speed["builds"])
    if "throughput" in http:
        found["requests"] = requests(http)
    return found


# ---------------------------------------------------------------- queries


def queries(told: Told) -> Lines:
    """All workloads at one size: milliseconds, ratios, the steps of ours, and what engines take."""
    loads = [load for load in _LOADS if load in told]
    engines = list(dict.fromkeys(name for load in loads for name in told[load]["ours"]))
    times = [
        [
            f"{_LOADS[load]} ({told[load]['ours']['ours']['queries']})",
            *(_time(told[load]["ours"].get(name)) for name in engines),
        ]
        for load in loads
    ]
    lines = ["Milliseconds, p50 / p95 / p99:", "", *table(["workload (queries)", *engines], times)]
    lines += ["", "Ours divided by each, p50 / p99 (below 1: ours is faster):", ""]
    lines += _ratios(told, loads, engines)
    if any(step in told[load] for step in _STEPS for load in loads):
        lines += ["", "Steps of ours, without snippets, beside the others without snippets "
                  "(milliseconds, and ours divided by it; p50 / p99):", ""]  # fmt: skip
        lines += _steps(told, loads)
    if "footprint" in told:
        lines += ["", *_footprint(told["footprint"])]
    return [*lines, *taken(told)]


def _steps(told: Told, loads: Sequence[str]) -> Lines:
    """The steps of ours beside each engine that was asked without snippets."""
    measured = [(load, step) for step in _STEPS for load in loads if step in told[load]]
    bare = dict.fromkeys(
        name for load, step in measured for name in told[load][step] if name.endswith(" bare")
    )
    rows = []
    for load, step in measured:
        each = told[load][step]
        row = [f"{_STEPS[step]}, {_LOADS[load]}", _pair(each[step]["ms"])]
        for name in bare:
            other = each.get(name)
            shown = f"{_pair(other['ms'])}, {_pair(other[f'{step} / it'])} ×" if other else "–"
            row.append(shown)
        rows.append(row)
    names = [name.removesuffix(" bare") for name in bare]
    return table(["step", "ours", *(f"{name}, ours / {name}" for name in names)], rows)


def interleaved(told: Told) -> Lines:
    """The same comparison where every engine answers a query before the next query is asked."""
    loads = [load for load in _LOADS if load in told["interleaved"]]
    engines = list(told["interleaved"][loads[0]]["ours"])
    lines = _ratios(told["interleaved"], loads, engines)
    if any(step in told["interleaved"][load] for step in _STEPS for load in loads):
        lines += ["", *_steps(told["interleaved"], loads)]
    return [*lines, *taken(told["interleaved"])]


def _ratios(told: Told, loads: Sequence[str], engines: Sequence[str]) -> Lines:
    rows = [
        [_LOADS[load], *(_ratio(told[load]["ours"].get(name)) for name in engines[1:])]
        for load in loads
    ]
    return table(["workload", *engines[1:]], rows)


def _time(each: Told | None) -> str:
    if each is None:
        return "–"
    shown = " / ".join(f"{each['ms'][key]:.2f}" for key in ("p50", "p95", "p99"))
    return f"{shown} ({each['queries']} of them)" if "ours on them" in each else shown


def _ratio(each: Told | None) -> str:
    return _pair(each["ours / it"]) if each else "–"


def _pair(figures: Mapping[str, float]) -> str:
    return f"{number(figures['p50'])} / {number(figures['p99'])}"


def number(value: float) -> str:
    """Two decimal places, or the first two digits that are not zero."""
    return f"{value:.2f}" if value >= 0.095 else f"{value:.2g}"


def _footprint(told: Told) -> Lines:
    heads = ["engine", "first build, processor s", "index, MB", "memory (PSS), MB",
             "first answer, s by the clock", "of them processor"]  # fmt: skip
    rows = [
        [name, f"{f['build cpu s']:.1f}", f"{f['index MB']:.1f}", f"{f['pss']:.0f}",
         f"{f['clock s']:.2f}", f"{f['cpu s']:.2f}"]
        for name, f in told.items()
    ]  # fmt: skip
    return [
        "Each engine in a process of its own; the first answer counts from the start of Python, "
        "memory is after 400 queries:", "", *table(heads, rows),
    ]  # fmt: skip


def growth(told: Told) -> Lines:
    """How much longer each engine takes at ten times the articles."""
    engines = list(dict.fromkeys(name for load in told.values() for name in load))
    rows = [
        [_LOADS[load], *(_pair(each[name]) if name in each else "–" for name in engines)]
        for load, each in told.items()
    ]
    return table(["times as long, p50 / p99", *engines], rows)


# ---------------------------------------------------------------- builds and requests


def builds(told: Told) -> Lines:
    """A full build beside rendering and plain Whoosh, and one changed article."""
    ratio, one = told["full build / the sum of both"], told["one change"]
    rows = [
        *(
            [name, f"{told[name]['clock s']:.1f} ({told[name]['cpu s']:.1f})"]
            for name in ("full build", "rendering once", "plain Whoosh")
        ),
        ["full build / the sum of the other two", f"{ratio[0]:.2f} ({ratio[1]:.2f})"],
        ["one changed article, from `kb index` until every worker serves it",
         f"{one['clock s']:.2f} ({one['cpu s']:.2f})"],
        ["of a full build", "{:.3f} ({:.3f})".format(*one["of a full build"])],
    ]  # fmt: skip
    if "peak MB" in told:
        rows.append(["memory of a full build at its peak, MB", f"{told['peak MB']:,.0f}"])
    return [*table(["what", "seconds by the clock (of the processor)"], rows), *taken(told)]


def requests(told: Told) -> Lines:
    """Loads on the server beside an empty route, memory of workers, start."""
    heads = ["load", "requests/s", "p50 / p95 / p99, ms", "server's processor ms a request",
             "requests/s of the empty route's", "processor time of the empty route's"]  # fmt: skip
    rows = [
        [name, f"{f['requests/s']:.0f}",
         " / ".join(f"{f[f'{key} ms']:.1f}" for key in ("p50", "p95", "p99")),
         f"{f['server cpu ms']:.2f}", share, cost]
        for load, each in told["throughput"].items()
        for name, f, share, cost in (
            (load, each["ours"], f"{each['requests/s of empty']:.2f}",
             f"{each['cpu of empty']:.1f} ×"),
            *([("empty Flask route, beside the first", each["empty"], "1", "1")]
              if load == next(iter(told["throughput"])) else []),
        )
    ]  # fmt: skip
    pss, start = told["pss MB"], told["start"]
    return [
        *table(heads, rows), "",
        f"Memory (PSS) of all processes: {pss['one']:.0f} MB with one worker, {pss['two']:.0f} "
        f"with two, {pss['four']:.0f} with four; {pss['a further one']:.1f} MB for a further one.",
        f"Start to first answer on an existing build: `kb serve` {start['kb serve s']:.2f} s by "
        f"the clock, {start['cpu s']:.2f} s of the processor before workers are forked; empty "
        f"Flask under the same server {start['empty Flask s']:.2f} s and "
        f"{start['empty cpu s']:.2f} s.",
    ]  # fmt: skip


# ---------------------------------------------------------------- asked for, and measured


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure asked for: what is measured is to be at most `limit`, or at least."""

    what: str
    limit: float
    measured: Mapping[str, float]  # by percentile, or a single one under ""
    is_least: bool = False
    unit: str = " ×"
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether it was reached, where there are several figures by each of them."""
        missed = [name for name, value in self.measured.items() if not self._reaches(value)]
        reached = [name for name in self.measured if name not in missed]
        if missed and reached:
            return f"**missed** at {', '.join(missed)}, reached at {', '.join(reached)}"
        return "**missed**" if missed else "reached"

    def _reaches(self, value: float) -> bool:
        return value >= self.limit if self.is_least else value <= self.limit

    def row(self) -> Lines:
        """The aim as a row: what, asked for, measured, verdict."""
        shown = " / ".join(map(number, self.measured.values()))
        asked = f"{'≥' if self.is_least else '≤'} {self.limit:.3g}{self.unit}"
        return [self.what, asked, f"{shown}{self.unit}{self.note}", self.verdict]


def asked_for(speed: Told, http: Told, costs: Told) -> Lines:
    """Every figure asked for of which there is a measurement, and whether it was reached."""
    aims = [*_query_aims(speed.get(_SIZE, {})), *_growth_aims(speed), *_request_aims(http)]
    aims += [*_cost_aims(costs), *_build_aims(speed)]
    heads = ["what, at 10,000 articles", "asked for", "measured (p50 / p99)", ""]
    return table(heads, [aim.row() for aim in aims])


def _query_aims(told: Told) -> Iterator[Aim]:
    wanted = [
        ("typing", "ours", "tantivy", 0.5, "with snippets against tantivy"),
        ("words", "ours", "tantivy", 0.5, "with snippets against tantivy"),
        (
            "words",
            "word step",
            "tantivy bare",
            1.0,
            "the word step against tantivy, without snippets",
        ),
        (
            "typing",
            "word step",
            "tantivy bare",
            1.0,
            "the word step against tantivy, without snippets",
        ),
        (
            "words",
            "ranking",
            "tantivy bare",
            2.0,
            "the full ranking against tantivy, without snippets",
        ),
        (
            "typing",
            "ranking",
            "tantivy bare",
            2.0,
            "the full ranking against tantivy, without snippets",
        ),
        ("words", "ours", "fts5", 0.2, "with snippets against FTS5"),
        ("typing", "ours", "fts5", 0.2, "with snippets against FTS5"),
        ("words", "ours", "whoosh", 0.2, "with snippets against plain Whoosh"),
        ("typing", "ours", "whoosh", 0.2, "with snippets against plain Whoosh"),
    ]
    for load, step, other, limit, label in wanted:
        each = told.get(load, {}).get(step, {}).get(other)
        if each:
            ratio = each[f"{step} / it"]
            note = f", on {each['queries']} of the queries" if f"{step} on them" in each else ""
            measured = {key: ratio[key] for key in ("p50", "p99")}
            yield Aim(f"{_LOADS[load]}: {label}", limit, measured, note=note)


def _growth_aims(speed: Told) -> Iterator[Aim]:
    for load, each in speed.get("growth", {}).items():
        what = f"{_LOADS[load]}: growth of p99 from 10,000 to 100,000 articles"
        yield Aim(what, 6, {"p99": each["ours"]["p99"]})


def a_request(told: Told) -> Lines:
    """What a request of each kind costs the processor, beside empty routes."""
    heads = ["a request", "processor ms", "of an empty Flask route under gunicorn",
             "of one under our server"]  # fmt: skip
    rows = [
        [name, f"{each['ms']:.2f}", f"{each[_GUNICORN]:.2f} ×", f"{each[_EMPTY]:.2f} ×"]
        for name, each in told["kinds"].items()
    ]
    return [*table(heads, rows), *taken(told)]


_GUNICORN, _EMPTY = "empty route, gunicorn", "empty route, our server"
_MS = 0.35  # of gunicorn's empty route, on the machine for which milliseconds are asked for


def _cost_aims(costs: Told) -> Iterator[Aim]:
    for kind, ms in (
        ("api, asked before", 0.2),
        ("api, a distinct question", 1.2),
        ("api, a distinct keystroke", 1.2),
        ("result page, a distinct question", 2.0),
        ("article", 1.5),
    ):
        each = costs.get("kinds", {}).get(kind)
        if each:
            what = f"{kind}: processor time against an empty Flask route under gunicorn"
            note = f" ({ms:g} ms where that takes {_MS:g})"
            yield Aim(f"{what}{note}", ms / _MS, {"": each[_GUNICORN]})


def _request_aims(http: Told) -> Iterator[Aim]:
    for load, limit in (
        ("api, distinct questions, no cache", 0.4),
        ("api, mix, with its cache", 0.7),
    ):
        each = http.get("throughput", {}).get(load)
        if each:
            what = f"{load}: requests a second against an empty Flask route"
            yield Aim(what, limit, {"": each["requests/s of empty"]}, is_least=True)
    if "pss MB" in http:
        yield Aim("memory of a further worker (PSS)", 30, {"": http["pss MB"]["a further one"]},
                  unit=" MB")  # fmt: skip
    if "start" in http:
        start = http["start"]
        limit = 1.5 * start["empty Flask s"] + 0.5
        yield Aim("start to first answer: 1.5 × empty Flask + 0.5 s", limit,
                  {"": start["kb serve s"]}, unit=" s")  # fmt: skip


def _build_aims(speed: Told) -> Iterator[Aim]:
    told = speed.get("builds")
    if not told:
        return
    clock, cpu = told["full build / the sum of both"]
    yield Aim("full build against rendering and plain Whoosh, by the clock", 2, {"": clock},
              note=f" (of the processor {cpu:.2f})")  # fmt: skip
    share, one = told["one change"]["of a full build"], told["one change"]["clock s"]
    yield Aim("one changed article until every worker serves it", 2, {"": one}, unit=" s")
    yield Aim("the same, of a full build", 0.03, {"": share[0]})


# ---------------------------------------------------------------- Markdown


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Lines:
    """A table of Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def taken(told: Told) -> Lines:
    """The last lines below a table: where its figures were taken, and older ones among them."""
    if "machine" not in told:
        return []
    older: dict[str, dict[str, list[str]]] = {}
    loads = [load for load in _LOADS if load in told]
    for load in loads:
        for name, each in told[load].get("ours", {}).items():
            if "machine" in each:
                names = older.setdefault(each["machine"], {})
                names.setdefault(name, []).append(_LOADS[load])
    lines = ["", f"Taken at {told['machine']}."]
    for machine, names in older.items():
        of = [
            name if len(its) == len(loads) else f"{name} ({', '.join(its)})"
            for name, its in names.items()
        ]
        lines.append(f"{', '.join(of)}: taken at {machine}.")
    if "footprint machine" in told:
        lines.append(f"Builds and memory: taken at {told['footprint machine']}.")
    return lines
