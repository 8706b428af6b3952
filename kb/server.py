"""The server behind `kb serve`: a socket, worker processes, log lines. Answers nothing itself."""

import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.message import Request
from pydantic import SecretStr

from kb import memory, shipped, signin
from kb.config import Settings
from kb.errors import ArticlesMissing, ConfigError, IndexDamaged, IndexMissing
from kb.store import Builds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kb.service import KnowledgeBase

THREADS = 4  # per worker: a search holds the interpreter, a slow client must not
LINE = 8190  # bytes of a request line: 500 characters of any script, percent-encoded, fit
FIELDS = 64
FIELD = 8190
BACKLOG = 1024
REFUSED = "a malformed request was refused"
GRACE = 30  # seconds a stopping worker gets for the requests in hand
_NICE = 10  # how far what is indexed at the start of a server stands back behind it


def serve(
    settings: Settings, *, watch: bool = False, access_log: bool = False, log_json: bool = False
) -> int:
    """Serves until told to stop; the exit code is 0, or 2 if it could not begin.

    Without a build of these articles it makes one first; else it serves at once, and what changed
    since is indexed meanwhile. Raises ArticlesMissing, or ConfigError if the address is not to be
    had. Without a password of the leads' board it makes a token and prints it as a link.
    """
    require_articles(settings)
    token = "" if settings.leads_password else signin.token()
    if token:
        settings = settings.model_copy(update={"leads_password": SecretStr(token)})
    settings.data.mkdir(parents=True, exist_ok=True)
    listener = bind(settings.host, settings.port)
    builds = Builds(settings.builds)
    with ThreadPoolExecutor(1) as beside:  # gone again before anything is forked
        looked = beside.submit(has_build, settings, builds)
        _load_the_site()
        is_ready = looked.result()
    if not is_ready and _index_in_a_child(settings) not in (0, 1):
        return 2
    try:
        # Two servers may bind one port while neither listens; only one of them may listen.
        listener.listen(BACKLOG)
    except OSError as error:
        raise _not_ours(settings.host, settings.port, error) from None
    # One folder for the figures of all workers, emptied before any of them writes there.
    metrics = settings.data / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics.absolute())
    with _children(_commands(settings, watch=watch, is_ready=is_ready)):
        try:
            _Server(
                settings,
                listener,
                token,
                builds=builds,
                watch=watch,
                access_log=access_log,
                log_json=log_json,
            ).run()
        except SystemExit as end:
            return 0 if end.code in (0, None) else 2
    return 0


def require_articles(settings: Settings) -> None:
    """Raises ArticlesMissing with what to do about it."""
    if not settings.articles.is_dir():
        raise ArticlesMissing(
            f"no articles folder at {settings.articles}; write a first article with `kb new TITLE`,"
            f" or read the manual: `kb serve --articles {shipped.folder('articles')}`"
        )


def _load_the_site() -> None:
    """What workers need, loaded while the build is read through."""
    from kb import live, searchlog, service, web  # noqa: F401


def has_build(settings: Settings, builds: Builds) -> bool:
    """Whether a readable build of this very articles folder is published."""
    try:
        root = builds.current().manifest.get("root")
    except (IndexMissing, IndexDamaged):
        return False
    return bool(root == str(settings.articles.resolve()))


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not listening yet. Raises ConfigError if that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"no address {host}: {error}; name another with --host") from None
    # A socket that only listens briefly after a stop must not keep the port from us.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _not_ours(host, port, error) from None
    return listener


def _not_ours(host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}; "
        "stop what uses it, or choose another with --port (0: any free one)"
    )


def address_of(listener: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - read, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


# ---------------------------------------------------------------- children


def _command(settings: Settings, name: str, *more: str) -> list[str]:
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    return [sys.executable, "-m", "kb", name, *folders, *more]


def _index_in_a_child(settings: Settings) -> int:
    """Builds the first index in a process of its own, so that the server starts small.

    A stop meant for us stops it too.
    """
    with subprocess.Popen(_command(settings, "index"), stdout=sys.stderr) as child:  # noqa: S603

        def stop(number: int, _: FrameType | None) -> NoReturn:
            child.terminate()
            raise SystemExit(128 + number)

        before = signal.signal(signal.SIGTERM, stop)
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)


def _commands(settings: Settings, *, watch: bool, is_ready: bool) -> list[list[str]]:
    """What runs beside the workers: who indexes what changed, and who follows pushes."""
    ours = ("--while-parent", str(os.getpid()))
    commands = []
    if settings.webhook_secret:
        commands.append(_command(settings, "sync", "--on-notice", *ours))
    if watch:
        commands.append(_command(settings, "index", "--watch", *ours))
    elif is_ready and not commands:
        commands.append(_command(settings, "index", "--careful"))
    return commands


@contextmanager
def _children(commands: list[list[str]]) -> "Iterator[None]":
    """Processes beside us, which end with us."""
    children = [subprocess.Popen(command, stdout=sys.stderr) for command in commands]  # noqa: S603
    for child, command in zip(children, commands, strict=True):
        if "--while-parent" not in command:  # nobody waits for it, and the first answer is due
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, child.pid, _NICE)
    try:
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()


# ---------------------------------------------------------------- gunicorn

_parse_request_line = Request.parse_request_line
_NOT_ASCII = re.compile(b"[\x80-\xff]")


def _parse_any_request_line(request: Any, line: bytes) -> None:
    """Letters that should have been percent-encoded are: curl and old links send them bare.

    gunicorn 27 refuses them (RFC 9112), and with them `curl 'localhost:8000/search?q=пароль'`.
    """
    _parse_request_line(request, _NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), bytes(line)))


Request.parse_request_line = _parse_any_request_line


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn without its configuration files; the build is opened before workers are forked."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        token: str = "",
        *,
        builds: Builds | None = None,
        watch: bool = False,
        access_log: bool = False,
        log_json: bool = False,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._token = token
        self._builds = builds  # as looked at already
        self._watch = watch
        self._access_log = access_log
        self._log_json = log_json
        self._service: KnowledgeBase | None = None
        super().__init__()

    def load_config(self) -> None:
        address = address_of(self._listener)
        chosen: dict[str, Any] = {
            "proc_name": "kb",
            "bind": f"fd://{self._listener.detach()}",
            "workers": self._settings.workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "preload_app": True,
            "graceful_timeout": GRACE,
            "limit_request_line": LINE,
            "limit_request_fields": FIELDS,
            "limit_request_field_size": FIELD,
            "forwarded_allow_ips": "",  # kb.proxies decides whom to believe
            "logger_class": logger_class(as_json=self._log_json),
            "accesslog": "-" if self._access_log else None,
            "loglevel": "info" if self._log_json else "warning",
            "http_parser": "python",
            "control_socket_disable": True,
            "when_ready": lambda _: self._before_forks(address),
            "post_fork": self._after_fork,
            "worker_exit": self._before_exit,
            "child_exit": _forget_worker,
        }
        if Path("/dev/shm").is_dir():  # noqa: S108 - gunicorn's heartbeat must not wait for a disk
            chosen["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        for name, value in chosen.items():
            if name in self.cfg.settings:  # younger settings are missing in gunicorn 23
                self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        from kb import live
        from kb.service import KnowledgeBase
        from kb.web import create_app

        self._service = KnowledgeBase.open(
            self._settings, builds=self._builds, for_writers=self._watch
        )
        app = create_app(self._service)
        if self._watch:
            live.install(app)
        return app

    def _before_forks(self, address: str) -> None:
        """What is in memory now stays shared: workers' garbage collectors leave it alone."""
        if self._service is not None:
            self._service.before_fork()
        memory.settle()
        memory.give_back()
        announce(self._settings, address, self._token, as_json=self._log_json)

    def _after_fork(self, _server: object, _worker: object) -> None:
        """Connections and threads belong to one process: each worker makes its own."""
        if self._service is not None:
            self._service.after_fork()

    def _before_exit(self, _server: object, worker: Any) -> None:
        """What was reported and waits in the worker's memory reaches the log."""
        if self._service is not None and worker.pid == os.getpid():
            self._service.close()


def _forget_worker(_server: object, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def announce(settings: Settings, address: str, token: str, *, as_json: bool) -> None:
    """Says on stdout where the service is, once it listens; with a token, how leads get in."""
    link = f"{address}leads/sign-in?token={token}" if token else ""
    if as_json:
        facts = {"message": "listening", "address": address, "pid": os.getpid()}
        lines = [json.dumps(facts | ({"leads": link} if link else {}))]
    else:
        lines = [f"Serving {settings.articles} at {address} (Ctrl+C stops)"]
        if link:
            lines.append(f"Leads sign in at {link} (or set KB_LEADS_PASSWORD)")
    print(*lines, sep="\n", flush=True)


# ---------------------------------------------------------------- log lines


def logger_class(*, as_json: bool) -> type[Logger]:
    """gunicorn's logger with our lines: no query strings, no addresses of people."""

    class Lines(Logger):  # type: ignore[misc]
        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            formatter = JsonLines() if as_json else TextLines()
            for log in (self.error_log, self.access_log, logging.getLogger("kb")):
                if not log.handlers:
                    log.addHandler(logging.StreamHandler())
                for handler in log.handlers:
                    handler.setFormatter(formatter)
                    if isinstance(handler, logging.StreamHandler):
                        handler.setStream(sys.stderr)  # stdout is for the address
            logging.getLogger("kb").propagate = False

        def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
            # gunicorn would write the address of the client and all that was asked.
            is_private = msg.startswith("Invalid request from ip=")
            super().warning(REFUSED if is_private else msg, *args, **kwargs)

        def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
            if not self.cfg.accesslog:
                return
            facts = {
                "method": environ.get("REQUEST_METHOD", "-"),
                "path": environ.get("RAW_URI", "-").partition("?")[0],
                "status": int(str(resp.status).split()[0]),
                "bytes": getattr(resp, "sent", None) or 0,
                "ms": round(request_time.total_seconds() * 1000, 1),
            }
            text = "{method} {path} {status} {bytes} B {ms} ms".format(**facts)
            self.access_log.info("%s", text, extra={"facts": facts})

    return Lines


class JsonLines(logging.Formatter):
    """One JSON document a line; control characters are escaped, so a line stays a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # ASCII escapes also what some terminals obey: U+009B, U+2028, U+202E.
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Lines for a terminal; nothing a request carries can move the cursor or begin a line."""

    def format(self, record: logging.LogRecord) -> str:
        text = visible(record.getMessage())
        if record.exc_info:
            text += "\n" + "\n".join(
                visible(line) for line in self.formatException(record.exc_info).splitlines()
            )
        return f"{_utc(record)} {record.levelname.lower()} {text}"


def visible(text: str) -> str:
    """`text` with everything that is not printable written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _utc(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + "Z"
