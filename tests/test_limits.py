"""Values in child processes: order, limits of time and memory, and nothing left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import markdown
import pytest

from kb import limits
from kb.limits import Failure


def double(value):
    return value * 2


def misbehave(value):
    """Does what the value says; anything else comes back as it is."""
    match value:
        case "loop":
            while True:
                pass
        case "sleep":
            time.sleep(60)
        case "memory":
            return len(bytearray(2 * 2**30))
        case "slow memory":
            return len(["x" * 100_000 + str(i) for i in range(1_000_000)])
        case "exit":
            os._exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise ValueError("no\nsuch thing")
        case "leave":
            raise SystemExit(0)
        case "recursion":
            return misbehave_deeply()
        case "unpicklable":
            return lambda: None
        case "unreadable":
            return Unreadable()
        case "pid":
            return os.getpid()
    return value


def misbehave_deeply():
    return misbehave_deeply()


class Unreadable:
    def __reduce__(self):
        return (int, ("no number",))


def convert(text):
    return markdown.markdown(text)


def results(function, values, **limits_):
    return [result for _, result in limits.each(function, values, **limits_)]


STRANGERS = set()  # a browser that other tests left open, say


@pytest.fixture(autouse=True)
def _know_strangers():
    STRANGERS.clear()
    STRANGERS.update(children())


def children():
    """Processes of ours that were not there before the test, but for Python's own tracker."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        found = set(file.read().split()) - STRANGERS
    return [pid for pid in found if "resource_tracker" not in _command(pid)]


def _command(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def test_results_come_in_the_order_of_the_values():
    found = list(limits.each(double, range(2_000), processes=2))

    assert found == [(i, i * 2) for i in range(2_000)]
    assert children() == []


def test_no_values_need_no_children():
    assert results(double, []) == []


def test_meanwhile_something_else_is_done_once():
    done = []

    assert results(double, [1, 2, 3], meanwhile=lambda: done.append(bool(children()))) == [2, 4, 6]
    assert done == [True]
    assert results(double, [], meanwhile=lambda: done.append(False)) == []
    assert done == [True]


def test_few_values_start_few_children():
    assert results(misbehave, ["pid"], processes=8) != [os.getpid()]
    pids = set(results(misbehave, ["pid"] * 40, processes=2))
    assert len(pids) <= 2


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("loop", "time", "took longer than 0.5 s"),
        ("sleep", "time", "took longer than 0.5 s"),
        ("memory", "memory", "took more memory than is allowed"),
        ("exit", "crash", "its process ended with exit code 3"),
        ("kill", "crash", "its process was ended by SIGKILL"),
        ("raise", "crash", "ValueError: no such thing"),
        ("leave", "crash", "SystemExit: 0"),
        ("recursion", "crash", "is nested too deeply"),
    ],
)
def test_a_value_that_breaks_a_limit_is_a_failure_and_the_others_are_not(value, kind, message):
    values = [1, 2, value, 3, value, 4]

    found = results(misbehave, values, seconds=0.5, megabytes=200)

    assert found == [1, 2, Failure(kind, message), 3, Failure(kind, message), 4]
    assert children() == []


def test_memory_taken_in_small_pieces_counts_too():
    found = results(misbehave, ["slow memory", "fine"], seconds=20, megabytes=150)

    assert found == [Failure("memory", "took more memory than is allowed"), "fine"]


def test_what_cannot_be_sent_is_a_failure():
    found = results(misbehave, ["unpicklable", "unreadable", threading.Lock(), "fine"])

    assert [getattr(one, "kind", one) for one in found] == ["crash", "crash", "crash", "fine"]
    assert "the result cannot be read" in found[1].message
    assert "the value cannot be sent" in found[2].message


def test_a_slow_value_does_not_take_its_batch_with_it():
    values = list(range(500))
    values[250] = "loop"

    found = results(misbehave, values, seconds=0.5)

    assert found[250] == Failure("time", "took longer than 0.5 s")
    assert found[:250] + found[251:] == values[:250] + values[251:]


def test_real_markdown_bombs_are_stopped():
    nested = "\n".join("    " * i + "- x" for i in range(600))
    values = ["[" * 20_000, nested, "fine"]

    begun = time.monotonic()
    found = results(convert, values, seconds=1.5)

    assert isinstance(found[0], Failure)
    assert isinstance(found[1], Failure)
    assert found[2] == "<p>fine</p>"
    assert time.monotonic() - begun < 60


def test_a_caller_that_waits_does_not_fail_the_values_behind():
    found = []
    for _, result in limits.each(double, range(20), seconds=0.3):
        found.append(result)
        if len(found) == 1:
            time.sleep(0.6)

    assert found == [i * 2 for i in range(20)]


def test_values_are_taken_as_they_are_needed():
    taken = []

    def endless():
        i = 0
        while True:
            taken.append(i)
            yield i
            i += 1

    running = limits.each(double, endless())
    first = next(running)
    running.close()

    assert first == (0, 0)
    assert len(taken) < 2_000
    assert children() == []


def test_a_break_in_the_callers_loop_ends_the_children():
    running = limits.each(misbehave, ["fine", "sleep", "sleep"], seconds=60)
    assert next(running) == (0, "fine")

    begun = time.monotonic()
    running.close()

    assert time.monotonic() - begun < 20  # not 60
    assert children() == []


def test_threads_get_children_that_start_afresh():
    found = []
    thread = threading.Thread(target=lambda: found.extend(results(double, [1, 2, 3])))
    thread.start()
    thread.join(30)

    assert found == [2, 4, 6]


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


PARENT = textwrap.dedent(
    """
    import os, signal, sys, time
    from kb import limits

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it

    def work(value):
        os.write(1, b"%d\\n" % os.getpid())  # at once: two children write here
        time.sleep(60)

    for _ in limits.each(work, range(4), processes=2, seconds=60):
        pass
    """
)


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
def test_children_end_with_their_parent(with_signal):
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(_alive(pid) for pid in pids)

        parent.send_signal(with_signal)
        parent.wait(60)

    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_alive(pid) for pid in pids)
