"""`kb serve`: binds the socket, indexes, starts worker processes, writes log lines."""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from kb.base import data_folder, escaping, gc_tuning, log_lines, resources
from kb.base.config import Settings
from kb.base.errors import (
    ArticlesMissing,
    ConfigError,
    IndexDamaged,
    IndexMissing,
    LogUnavailable,
    reason,
)
from kb.base.messages import Message
from kb.base.shared_lock import Signal
from kb.index.builds import Builds
from kb.jobs import build_sources
from kb.letters import channels
from kb.searchlog import shared_json
from kb.server import duties, gateway, shared_metrics
from kb.server.supervisor import Supervisor
from kb.site import accounts, auth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from kb.service import KnowledgeBase

logger = logging.getLogger("kb.server")

_READ_ONLY = (
    "%s cannot be written (%s): its build is served as it is, nothing is indexed; searches are"
    " recorded, and leads sign in, only where that needs no file there"
)
_FIXED = ("host", "port", "workers", "articles", "data")  # settings that no reload changes
_LASTING = "--while-parent"  # an option of commands that run as long as we do
_REPAIR_AGAIN = 60.0  # seconds between two starts of a repair
_AGAIN = 5.0  # seconds between two starts of such a command
_NICE = 10  # lowers the priority of indexing at the start behind that of workers


def serve(
    settings: Settings,
    *,
    watch: bool = False,
    access_log: bool = False,
    log_json: bool = False,
    read_again: Callable[[], Settings] | None = None,
    say: Callable[[Message], str] = str,
) -> int:
    """Serves until a signal stops it; returns the exit code, 0, or 2 if indexing failed.

    Without a build of these articles it makes one first; otherwise it serves at once and indexes
    changes in the background. `watch` indexes every save and serves drafts. `access_log` logs each
    request; `log_json` writes log lines as JSON. Without a password for leads it prints a sign-in
    link. On SIGHUP `read_again` returns new settings, and new workers replace the old ones.
    `say` puts what is printed into words.

    A data folder that cannot be written is served as it is: nothing is indexed.

    Where builds come from another machine nothing is indexed either: they are pulled, at the start
    if there is none here, else in the background.

    Raises ArticlesMissing, and ConfigError if the address cannot be bound, or if the data folder
    cannot be written although it must be.
    """
    with shared_metrics.shared(shared_metrics.places(os.environ)):
        return _serve(settings, watch, access_log, log_json, read_again, say)


def _serve(
    settings: Settings,
    watch: bool,
    access_log: bool,
    log_json: bool,
    read_again: Callable[[], Settings] | None,
    say: Callable[[Message], str],
) -> int:
    _check_replica(settings, watch=watch)
    read_only = _prepare_data(settings, watch=watch)
    require_articles(settings)
    if log_json:
        log_lines.write_json_in_children()
    listener = bind(settings.host, settings.port)
    token = "" if read_only else _sign_in_token(settings)
    builds = Builds(settings.builds)
    with ThreadPoolExecutor(1) as beside:  # gone again before anything is forked
        looked = beside.submit(has_build, settings, builds)
        _load_the_site()
        is_ready = looked.result()
    if read_only and not is_ready:
        raise ConfigError(
            Message(
                "{folder} cannot be written ({reason}) and holds no build of {articles}; make it"
                " writable, or index where it is",
                folder=str(settings.data),
                reason=read_only,
                articles=str(settings.articles),
            )
        )
    set_up_logging(as_json=log_json, access_log=access_log)
    if not is_ready:
        _tell_damage(settings, builds)
        if _first_build_in_a_child(settings) not in (0, 1):
            return 2
    if read_only:
        logger.warning(_READ_ONLY, settings.data, read_only)
    damage = Signal()
    crew = _SiteWorkers(
        settings, listener, builds, watch=watch, read_again=read_again, damaged=damage.give
    )

    def ready() -> None:
        _listen(settings, listener)
        announce_address(settings, address_of(listener), token, as_json=log_json, say=say)

    commands = _commands(settings, watch=watch, is_ready=is_ready, read_only=bool(read_only))
    repair = None if read_only else _making_builds(settings, "--careful")
    with _children(commands, repair, damage) as children:
        Supervisor(
            settings.workers,
            crew.prepare,
            ready=ready,
            ended=_forget_worker,
            beside=children.look,
        ).run()
    return 0


def _listen(settings: Settings, listener: socket.socket) -> None:
    """Takes connections from now on: whoever asks sooner is refused and can ask another machine.

    Raises ConfigError: two servers may bind one port while neither listens, and one may listen.
    """
    try:
        listener.listen(gateway.BACKLOG)
    except OSError as error:
        raise _not_ours(settings.host, settings.port, error) from None


def require_articles(settings: Settings) -> None:
    """Raises ArticlesMissing, which says what to do, if there is no articles folder."""
    if not settings.articles.is_dir():
        raise ArticlesMissing(
            Message(
                "no articles folder at {folder}; write a first article with `kb new TITLE`, or read"
                " the manual: `kb serve --articles {manual}`",
                folder=str(settings.articles),
                manual=str(resources.folder("articles")),
            )
        )


def _sign_in_token(settings: Settings) -> str:
    """A token of a sign-in link, or "" where leads sign in otherwise."""
    if settings.leads_password:
        return ""
    with shared_json.opened(settings) as named:
        try:
            if accounts.of(settings, named).read().everybody:
                return ""
        except LogUnavailable:  # nobody can use the board now
            return ""
        return auth.SignInLinks(settings.data, named=named).make()


def _check_replica(settings: Settings, *, watch: bool) -> None:
    """Raises ConfigError for what makes builds where they come from another machine."""
    makes = "--watch" if watch else "KB_WEBHOOK_SECRET" if settings.webhook_secret else ""
    if settings.is_replica and makes:
        raise ConfigError(
            Message(
                "builds come from KB_PULL_URL, and {makes} has them made here; leave out one of the"
                " two",
                makes=makes,
            )
        )


def _prepare_data(settings: Settings, *, watch: bool) -> str:
    """Makes the data folder; returns why it cannot be written, or "".

    Raises ConfigError if there is none, or if what was asked for writes in it.
    """
    folder = settings.data
    try:
        data_folder.prepare(folder)
        if settings.is_replica:
            settings.articles.mkdir(exist_ok=True)
    except OSError as error:
        if not folder.is_dir():
            raise ConfigError(
                Message(
                    "the data folder {folder} cannot be made ({reason}); name another with --data",
                    folder=str(folder),
                    reason=reason(error),
                )
            ) from None
    read_only = data_folder.unwritable(folder)
    needs = "--watch" if watch else "KB_WEBHOOK_SECRET" if settings.webhook_secret else ""
    needs = "KB_PULL_URL" if settings.is_replica else needs
    if read_only and needs:
        raise ConfigError(
            Message(
                "{folder} cannot be written ({reason}), and {needs} has builds made there; make it"
                " writable or leave out {needs}",
                folder=str(folder),
                reason=read_only,
                needs=needs,
            )
        )
    return read_only


def _load_the_site() -> None:
    """Imports the modules of workers while another thread reads the build."""
    from kb import service, web  # noqa: F401


def has_build(settings: Settings, builds: Builds) -> bool:
    """Whether a readable build is published, of this very articles folder if it is made here."""
    try:
        root = builds.current().manifest.get("root")
    except (IndexMissing, IndexDamaged):
        return False
    return settings.is_replica or bool(root == str(settings.articles.resolve()))


def _tell_damage(settings: Settings, builds: Builds) -> None:
    """Says why the builds that are there do not serve: after an upgrade, their format."""
    try:
        builds.current()
    except IndexDamaged as error:
        reason = str(error).partition(";")[0]
        anew = "all articles are pulled" if settings.is_replica else "all articles are indexed anew"
        logger.warning("%s; %s, then they are served", reason, anew)
    except IndexMissing:
        pass


def bind(host: str, port: int) -> socket.socket:
    """Binds a socket, which does not listen yet. Raises ConfigError if it cannot be bound."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            Message(
                "no address {host}: {reason}; name another with --host",
                host=host,
                reason=reason(error),
            )
        ) from None
    # A socket that only listens briefly after a stop must not keep the port from us.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    gateway.tune(listener)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _not_ours(host, port, error) from None
    return listener


def _not_ours(host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(
        Message(
            "cannot listen on {address}: {reason}; stop what uses it, or choose another with --port"
            " (0: any free one)",
            address=f"{host}:{port}",
            reason=(error.strerror or str(error)).lower(),
        )
    )


def address_of(listener: socket.socket) -> str:
    """The URL of the server for a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - read, not bound
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


# ---------------------------------------------------------------- children


def _command(settings: Settings, name: str, *more: str) -> list[str]:
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    return [sys.executable, "-m", "kb", *name.split(), *folders, *more]


def _making_builds(settings: Settings, *more: str) -> list[str]:
    """The command that makes a build here, or gets one from another machine."""
    if settings.is_replica:
        return _command(settings, "pull", settings.pull_url)
    return _command(settings, "index", *more)


def _first_build_in_a_child(settings: Settings) -> int:
    """Makes or pulls the first build in a child process, so that the server's memory stays small.

    Returns its exit code. SIGTERM ends the child, too.
    """
    with subprocess.Popen(_making_builds(settings), stdout=sys.stderr) as child:  # noqa: S603

        def stop(number: int, _: FrameType | None) -> NoReturn:
            child.terminate()
            raise SystemExit(128 + number)

        before = signal.signal(signal.SIGTERM, stop)
        try:
            return child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)


def _commands(
    settings: Settings, *, watch: bool, is_ready: bool, read_only: bool
) -> list[list[str]]:
    """Commands that run beside the workers: indexing of changes, sync, delivery of letters.

    Beside a `read_only` data folder only letters are sent, if they are in another database.
    """
    ours = (_LASTING, str(os.getpid()))
    commands = []
    if settings.webhook_secret:
        commands.append(_command(settings, "sync", "--on-notice", *ours))
    if watch:
        commands.append(_command(settings, "index", "--watch", *ours))
    elif settings.is_replica:
        every = ("--every", f"{settings.pull_every:g}")
        commands.append(_command(settings, "pull", settings.pull_url, *every, *ours))
    elif is_ready and not commands and not read_only:
        commands.append(_command(settings, "index", "--careful"))
    has_outbox = settings.database_url is not None or not read_only
    if has_outbox and (settings.smtp_url or settings.hooks or channels.channels(settings)):
        commands.append(_command(settings, "letters send", *ours))
    return commands


class _Children:
    """Child processes; those that should last as long as we do are started again.

    One more, `repair`, is started when workers signal that the published build is damaged.
    """

    def __init__(self, commands: list[list[str]], repair: list[str] | None, damage: Signal) -> None:
        self._running = [(command, _start(command), monotonic()) for command in commands]
        self._repair, self._damage = repair, damage
        self._repairing: subprocess.Popen[bytes] | None = None
        self._repaired = -_REPAIR_AGAIN

    def look(self) -> None:
        """Starts again what should last and ended, and the repair if it is needed."""
        self._restart_ended()
        ended = self._repairing.poll() if self._repairing else None
        if ended is not None:
            self._repairing = None
            if ended not in (0, 1):  # another is indexing, or the disk is full
                self._damage.give()
        if self._repair is None or self._repairing is not None:
            return
        if monotonic() - self._repaired > _REPAIR_AGAIN and self._damage.take():
            logger.error("the published build is damaged: the articles are indexed again")
            self._repairing, self._repaired = _start(self._repair), monotonic()

    def _restart_ended(self) -> None:
        """Starts again what should last and ended, at most every few seconds."""
        now = monotonic()
        for at, (command, child, began) in enumerate(self._running):
            if _LASTING in command and child.poll() is not None and now - began > _AGAIN:
                logger.error("`kb %s` ended with %d; it is started again",
                             " ".join(command[3:5]), child.returncode)  # fmt: skip
                self._running[at] = (command, _start(command), now)

    def stop(self) -> None:
        """Ends all of them."""
        children = [child for _, child, _ in self._running]
        for child in (*children, *filter(None, [self._repairing])):
            child.terminate()
            child.wait()


def _start(command: list[str]) -> "subprocess.Popen[bytes]":
    # The supervisor blocks signals, which a child would inherit and never end.
    child = subprocess.Popen(command, stdout=sys.stderr, preexec_fn=_unblock)  # noqa: S603
    if _LASTING not in command:  # requests come first
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, child.pid, _NICE)
    return child


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


@contextmanager
def _children(
    commands: list[list[str]], repair: list[str] | None, damage: Signal
) -> "Iterator[_Children]":
    """Runs child processes, which are terminated at the end."""
    children = _Children(commands, repair, damage)
    try:
        yield children
    finally:
        children.stop()


# ---------------------------------------------------------------- workers


class _SiteWorkers:
    """The work of worker processes: each serves the site that was opened before the fork."""

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        builds: Builds,
        *,
        watch: bool,
        read_again: Callable[[], Settings] | None,
        damaged: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._damaged = damaged
        self._listener = listener
        self._builds: Builds | None = builds  # opened already; used by the first `prepare`
        self._watch = watch
        self._read_again = read_again

    def prepare(self) -> Callable[[], None]:
        """Opens the site in the parent, whose memory workers share. Raises KBError."""
        from kb import web
        from kb.service import KnowledgeBase
        from kb.site import preview

        if self._builds is None:
            gc_tuning.unfreeze()
            self._read_settings()
        service = KnowledgeBase.open(self._settings, builds=self._builds, for_writers=self._watch)
        self._builds = None
        service.on_damage(self._damaged)
        if service.status().is_damaged:
            self._damaged()
        app = web.create_app(service)
        if self._watch:
            preview.install(app)
        service.before_fork()
        gc_tuning.freeze_to_answer()
        gc_tuning.trim()
        return partial(self._work, service, app)

    def _read_settings(self) -> None:
        """Reads settings again; those in `_FIXED` stay."""
        if self._read_again is not None:
            fixed = {name: getattr(self._settings, name) for name in _FIXED}
            self._settings = self._read_again().model_copy(update=fixed)

    def _work(self, service: "KnowledgeBase", app: "Flask") -> None:
        """Serves until SIGTERM; then writes queued reports to the log."""
        from kb import web
        from kb.site.context import site_of

        service.after_fork()
        duties.start(service)
        try:
            gateway.Gateway(
                app,
                self._listener,
                largest_body=web.largest_body,
                refused=site_of(app).metrics.refused,
            ).run()
        finally:
            service.close()


def _forget_worker(pid: int) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _served(settings: Settings, address: str) -> Message:
    """What is served at the address: a folder of articles, or builds that another machine makes."""
    if settings.pull_url:
        return Message(
            "Serving at {address} builds of {source} (Ctrl+C stops)",
            source=build_sources.source(settings.pull_url, "").name,
            address=address,
        )
    return Message(
        "Serving {folder} at {address} (Ctrl+C stops)",
        folder=str(settings.articles),
        address=address,
    )


def announce_address(
    settings: Settings,
    address: str,
    token: str,
    *,
    as_json: bool,
    say: Callable[[Message], str] = str,
) -> None:
    """Prints the address of the service to stdout, and with a token the sign-in link of leads."""
    link = auth.sign_in_url(address, token) if token else ""
    if as_json:
        lines = [log_lines.event("listening", address=address, **({"leads": link} if link else {}))]
    else:
        lines = [say(_served(settings, address))]
        if link:
            sign_in = Message(
                "Leads sign in at {link} (once, within an hour; `kb sign-in` prints another)",
                link=link,
            )
            lines.append(say(sign_in))
    print(*map(escaping.line, lines), sep="\n", flush=True)


# ---------------------------------------------------------------- log lines


def set_up_logging(*, as_json: bool, access_log: bool) -> None:
    """Sends log lines to stderr: warnings, and with `access_log` one line per request."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(log_lines.JsonLines() if as_json else log_lines.TextLines())
    for name in ("kb", "_granian"):
        log = logging.getLogger(name)
        log.handlers = [handler]
        log.propagate = False
        log.setLevel(logging.WARNING)
    gateway.access.setLevel(logging.INFO if access_log else logging.WARNING)
