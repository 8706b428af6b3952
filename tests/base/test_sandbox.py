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

from kb.base import sandbox
from kb.base.sandbox import Failure


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
    return [result for _, result in sandbox.each(function, values, **limits_)]


STRANGERS = set()  # a browser that other tests left open, say


@pytest.fixture(autouse=True)
def _know_strangers():
    STRANGERS.clear()
    STRANGERS.update(children())


def children():
    """Processes that were not there before the test: ours, and those a server forks for us."""
    ours = _children_of(os.getpid())
    servers = {pid for pid in ours if "forkserver" in _command(pid)}
    forked = {child for server in servers for child in _children_of(server)}
    return sorted((ours | forked) - servers - STRANGERS)


def _children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        found = set(file.read().split())
    return {child for child in found if "resource_tracker" not in _command(child)}


def _command(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


def test_results_come_in_the_order_of_the_values():
    found = list(sandbox.each(double, range(2_000), processes=2))

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
        ("loop", "time", "took more than 0.5 s of processor time"),
        ("sleep", "time", "did not end within 5 s"),
        ("memory", "memory", "took more memory than is allowed"),
        ("exit", "crash", "its process ended with exit code 3"),
        ("kill", "crash", "its process was ended by SIGKILL"),
        ("raise", "crash", "ValueError: no such thing"),
        ("leave", "crash", "SystemExit: 0"),
        ("recursion", "crash", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_value_that_breaks_a_limit_is_a_failure_and_the_others_are_not(value, kind, message):
    values = [1, 2, value, 3, value, 4]

    hang = 5.0 if value == "sleep" else None
    found = results(misbehave, values, seconds=0.5, megabytes=200, hang=hang)

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

    assert found[250] == Failure("time", "took more than 0.5 s of processor time")
    assert found[:250] + found[251:] == values[:250] + values[251:]


def work_for(seconds):
    """Uses so much processor time, however long that takes on this machine."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds


def test_a_busy_machine_fails_no_value_that_keeps_within_its_processor_time():
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(3 * (os.cpu_count() or 1))
    ]
    try:
        found = results(work_for, [0.3, 30, 0.3], processes=2, seconds=0.5, hang=600.0)
    finally:
        for process in busy:
            process.kill()
            process.wait()

    assert found == [0.3, Failure("time", "took more than 0.5 s of processor time"), 0.3]


def test_a_value_that_waits_is_given_time_by_the_clock():
    assert results(slowly, [1.0, 0.1], seconds=0.3, hang=60.0) == [1.0, 0.1]


def slowly(seconds):
    time.sleep(seconds)
    return seconds


def test_where_the_processor_time_of_a_child_is_not_told_the_clock_decides(monkeypatch):
    monkeypatch.delattr(time, "clock_gettime")

    found = results(misbehave, ["sleep", "fine"], seconds=0.5)

    assert found == [Failure("time", "took more than 0.5 s of processor time"), "fine"]


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
    for _, result in sandbox.each(double, range(20), seconds=0.3):
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

    running = sandbox.each(double, endless())
    first = next(running)
    running.close()

    assert first == (0, 0)
    assert len(taken) < 2_000
    assert children() == []


def test_a_break_in_the_callers_loop_ends_the_children():
    running = sandbox.each(misbehave, ["fine", "sleep", "sleep"], seconds=60)
    assert next(running) == (0, "fine")

    begun = time.monotonic()
    running.close()

    assert time.monotonic() - begun < 20  # not 60
    assert children() == []


def test_threads_get_children_of_a_server_of_one_thread():
    found = []
    thread = threading.Thread(target=lambda: found.extend(results(double, [1, 2, 3])))
    thread.start()
    thread.join(30)

    assert found == [2, 4, 6]


def test_the_server_imports_what_was_named_before_it_starts():
    code = (
        "import sys, threading, time\n"
        "from kb.base import sandbox\n"
        "sandbox.preload('wave', 'no_such_module')\n"
        "threading.Thread(target=time.sleep, args=[60], daemon=True).start()\n"
        'asked = [\'sorted(__import__("sys").modules.keys() & {"wave", "chunk"})\']\n'
        "print([result for _, result in sandbox.each(eval, asked)], flush=True)\n"
        "print('wave' in sys.modules, flush=True)\n"
        "__import__('os')._exit(0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)

    assert (done.stdout, done.stderr) == ("[['wave']]\nFalse\n", "")


def test_a_forked_process_with_threads_has_no_server_and_starts_its_own_children():
    code = (
        "import multiprocessing, os, threading, time\n"
        "from kb.base import sandbox\n"
        "def fork():\n"
        "    if child := os.fork(): os._exit(os.waitpid(child, 0)[1] != 0)\n"
        "fork()\n"
        "threading.Thread(target=time.sleep, args=[60], daemon=True).start()\n"
        "print([result for _, result in sandbox.each(abs, [-1, -2])], flush=True)\n"
        "os._exit(0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)

    assert (done.stdout, done.stderr, done.returncode) == ("[1, 2]\n", "", 0)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


PARENT = textwrap.dedent(
    """
    import os, signal, sys, threading, time
    from kb.base import sandbox as limits

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it

    def work(value):
        os.write(1, b"%d\\n" % os.getpid())  # at once: two children write here
        time.sleep(60)

    if __name__ == "__main__":
        if "threads" in sys.argv:
            threading.Thread(target=time.sleep, args=[600], daemon=True).start()
        for _ in limits.each(work, range(4), processes=2, seconds=60):
            pass
    """
)


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("threads", [[], ["threads"]])
def test_children_end_with_their_parent(with_signal, threads, tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    command = [sys.executable, str(tmp_path / "parent.py"), *threads]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(_alive(pid) for pid in pids)

        parent.send_signal(with_signal)
        parent.wait(60)

    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_alive(pid) for pid in pids)
