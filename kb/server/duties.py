"""What one worker of a machine does for all: says which build is served, writes what waited.

Only where machines share a log. Whichever worker holds the lock does it; when it ends, another one.
"""

import fcntl
import logging
import os
import threading
from time import monotonic
from typing import IO, Final

from kb.base.errors import KBError
from kb.service import KnowledgeBase

BEAT: Final = 10.0  # seconds between two notes of a machine that serves the same build
LOOK: Final = 1.0  # seconds between two looks for letters that wait
_LOCK: Final = "duties.lock"

logger = logging.getLogger(__name__)


def start(service: KnowledgeBase) -> None:
    """Starts a thread that does them as long as the process lives, if machines share the log."""
    if service.settings.shares_log:
        threading.Thread(target=_work, args=(service,), name="kb-duties", daemon=True).start()


def _work(service: KnowledgeBase) -> None:
    noted, build, stop = -BEAT, "", threading.Event()
    with _lock(service) as lock:
        while not _is_taken(lock):
            stop.wait(LOOK)
        while not stop.wait(LOOK):
            try:
                service.store_waiting_letters()
                served = service.status().build or ""
                if served != build or monotonic() - noted >= BEAT:
                    noted, build = monotonic(), served
                    service.note_machine()
            except KBError:  # told by those who need the log
                pass
            except Exception:  # a mistake of ours must not end the thread
                logger.exception("a machine could not be noted")


def _lock(service: KnowledgeBase) -> IO[bytes]:
    """The lock of the data folder; one that is read-only has no such thing, nor letters."""
    place = service.settings.data / _LOCK
    try:
        return os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+")
    except OSError:
        return open(os.devnull, "rb+")


def _is_taken(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # of the null device: each worker notes, which does no harm
        return True
    return True
