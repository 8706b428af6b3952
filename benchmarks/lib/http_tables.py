"""The comparison with peers over HTTP as tables of `docs/speed.md`. Measures nothing."""

from benchmarks.lib.tables import Aim, Lines, Told, number, table, taken

LOADS = ("distinct questions, nothing cached", "keystrokes of many readers, caches as they ship")
_LIMITS = (2.0, 3.0)  # requests a second per core, of those of the best peer
_HEADS = (
    "server", "processor ms a request", "requests/s per core", "ours, times as many",
    "requests/s by the clock", "at half of that: p50 / p99, ms", "bytes an answer",
)  # fmt: skip
_BEHIND = "behind nginx"
_FEW = 100  # answers of which no 99th percentile is told


def blocks(told: Told) -> dict[str, Lines]:
    """The blocks that `docs/charts/http_peers.json` has the figures of."""
    if not told:
        return {}
    lines: Lines = []
    for load in (load for load in LOADS if load in told):
        lines += [f"{load[0].upper()}{load[1:]}:", "", *rows(told[load]), ""]
    return {"peers over HTTP": [*lines, *asked_for(told), *taken(told)]}


def rows(told: Told) -> Lines:
    """All servers under one load."""
    found = []
    for name, f in told.items():
        few = f["answers"] < _FEW
        late = f"{number(f['p50 ms'])} / {'–' if few else number(f['p99 ms'])}"
        failed = f", {f['failed']:.0f} failed" if f["failed"] else ""
        found.append([
            name, f"{f['cpu ms']:.2f}", f"{f['requests/s per core']:.0f}",
            f"{number(f['ours / it'])} ×", f"{f['requests/s']:.0f}{failed}", late,
            f"{f['bytes']:,.0f}",
        ])  # fmt: skip
    return table(_HEADS, found)


def asked_for(told: Told) -> Lines:
    """The figures asked for: against the best peer of each load, and the best behind nginx.

    The last is told twice: beside ours alone, and beside ours behind the same nginx.
    """
    aims = []
    for load, limit in zip(LOADS, _LIMITS, strict=True):
        peers = {name: f["ours / it"] for name, f in told.get(load, {}).items()
                 if not name.startswith("ours")}  # fmt: skip
        bare = {name: ratio for name, ratio in peers.items() if not name.endswith(_BEHIND)}
        for others in (bare, {name: peers[name] for name in peers.keys() - bare.keys()}):
            if others:
                best = min(others, key=lambda name: others[name])
                what = f"{load}: requests/s per core against the best peer, {best}"
                aims.append(Aim(what, limit, {"": others[best]}, is_least=True))
                if (alike := told[load].get(f"ours {_BEHIND}")) and best.endswith(_BEHIND):
                    both = told[load][best]["cpu ms"] / alike["cpu ms"]
                    what = f"{load}: the same, both behind nginx"
                    aims.append(Aim(what, limit, {"": both}, is_least=True))
    return table(["what", "asked for", "measured", ""], [aim.row() for aim in aims])
