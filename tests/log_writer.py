"""Writers of the log that are killed: `python tests/log_writer.py URL FOLDER kills|load N ROWS`.

A writer notes in its own file each row the log has acknowledged; the test reads these files.
A file `FOLDER/stop` ends all before they wrote so many, and so does the end of who started them.
"""

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kb.base.errors import LogUnavailable
from kb.language import query_words
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search


def write(url: str, notes: Path, name: str, rows: int) -> None:
    log = SearchLog(url)
    file = os.open(notes / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    parent = os.getppid()
    for i in range(rows):
        if (notes / "stop").exists() or os.getppid() != parent:
            break
        id = f"{name}-{i}"
        now = time.time()
        search = Search(id, f"visit-{id}", f"вопрос номер {i % 50}", now, now, lang="ru")
        while True:
            try:
                log.record(search)
                break
            except LogUnavailable:  # locked for too long: the recorder tries again, so do we
                if os.getppid() != parent:
                    raise  # the test has ended, and its log is gone for good
                time.sleep(0.05)
        os.write(file, f"{id}\n".encode())
    log.close()


def child(url: str, notes: Path, name: str, rows: int) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            write(url, notes, name, rows)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def main() -> None:
    url, notes, how, n, rows = (
        sys.argv[1],
        Path(sys.argv[2]),
        *sys.argv[3:4],
        *map(int, sys.argv[4:]),
    )
    query_words.key("вопрос номер")  # the dictionary is loaded once, not in every writer
    random.seed(7)
    if how == "load":
        codes = [
            os.waitpid(pid, 0)[1] for pid in [child(url, notes, f"w{i}", rows) for i in range(n)]
        ]
        sys.exit(any(codes))
    for i in range(n):
        pid = child(url, notes, f"w{i}", 1_000_000)
        file = notes / f"w{i}"
        while not (file.exists() and file.stat().st_size):
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.2))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(1)  # it ended before it was killed: the test would prove nothing


if __name__ == "__main__":
    main()
