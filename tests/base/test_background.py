"""A value that is read anew in the background never makes anybody wait."""

import threading

from kb.base.background import Refreshed


def test_the_first_value_stands_until_one_was_read():
    may_read = threading.Event()
    value = Refreshed(lambda: may_read.wait(60) and "read", "first", seconds=60)

    assert value.get() == "first"
    may_read.set()
    value.wait()
    assert value.get() == "read"


def test_it_is_read_again_when_it_is_old():
    time, read = [0.0], []
    value = Refreshed(lambda: read.append(1) or len(read), 0, seconds=60, clock=lambda: time[0])
    value.get()
    value.wait()

    time[0] = 59
    assert value.get() == 1
    value.wait()
    assert len(read) == 1
    time[0] = 60
    value.get()
    value.wait()

    assert value.get() == 2


def test_what_cannot_be_read_leaves_what_is_known():
    time, answers = [0.0], iter(["known", OSError("gone")])

    def read():
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    value = Refreshed(read, "first", seconds=1, errors=(OSError,), clock=lambda: time[0])
    value.get()
    value.wait()
    time[0] = 2
    value.get()
    value.wait()

    assert value.get() == "known"
