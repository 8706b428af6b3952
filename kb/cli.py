"""The `kb` command: reads the command line, calls one verb, prints. Knows nothing of the web.

The verbs live in `kb.commands`, each importing what it needs when it runs, so `kb --help`
answers at once. See `_Kb.main` for what becomes of everything that can happen.
"""

import logging
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from kb import __version__
from kb.base import escaping, gc_tuning, log_lines, messages
from kb.base.errors import KBError, reason
from kb.base.messages import Message
from kb.commands import (
    backup,
    check,
    config,
    digest,
    doctor,
    evaluate,
    importing,
    index,
    leads,
    letters,
    log,
    misses,
    new,
    prove,
    replication,
    search,
    serve,
    sign_in,
    status,
    sync,
    tickets,
    tokens,
    translated_help,
)
from kb.commands.shared import DONE, FAILED, fail, say, speaks_english


class _Kb(click.Group):
    """Turns what a command returned or raised into an exit code and at most one line on stderr."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        gc_tuning.collect_seldom()
        _escape_warnings()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        kwargs["standalone_mode"] = False
        words = args[0] if args else kwargs.get("args") or sys.argv[1:]
        try:
            with _in_our_language(self, words):
                code = super().main(*args, **kwargs)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "kb"
            with _in_our_language(self, words):
                wrong = error.format_message().rstrip(".")
            cure = Message("{wrong}; see {help}", wrong=wrong, help=f"`{command} --help`")
            fail(say(cure))
            code = FAILED
        except click.ClickException as error:
            fail(error.format_message())
            code = FAILED
        except KBError as error:
            _tell_cause(error)
            fail(say(error.message))
            code = FAILED
        except click.Abort:
            code = 130  # as a shell reports an interrupt
        except BrokenPipeError:
            # The reader, say `head`, has had enough; nothing more may be written at exit.
            sys.stdout = None
            code = DONE
        except OSError as error:
            _tell_cause(error)
            where = f"{error.filename}: " if error.filename else ""
            cure = Message(
                "{where}{reason}; check the path, its rights and the free space",
                where=where,
                reason=reason(error),
            )
            fail(say(cure))
            code = FAILED
        sys.exit(code if isinstance(code, int) else DONE)


def _in_our_language(command: click.Command, words: Sequence[str]) -> AbstractContextManager[None]:
    """Help and click's words in the language of the terminal; English looks nothing up."""
    if speaks_english():
        return nullcontext()
    has_help = bool({"--help", "-h"}.intersection(words)) or not set(words) - {"-v", "--verbose"}
    has_help |= list(words) in (
        ["log"],
        ["leads"],
        ["tokens"],
    )  # groups that only list what they hold
    # Texts of help and of click, not sentences of our own; tests compare help with the catalogue.
    look_up = messages.Message
    return translated_help.spoken(
        command, lambda text: say(look_up(text)) if text else text, has_help=has_help
    )


def _escape_warnings() -> None:
    """Warnings of commands reach stderr by Python's last resort, escaped as all else is."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(
            log_lines.JsonLines() if log_lines.is_json() else _LogLines()
        )


class _LogLines(logging.Formatter):
    """Log records as lines: a message is one, a traceback several."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return escaping.line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return escaping.lines(super().formatException(ei))


def _tell_cause(error: Exception) -> None:
    """Where it happened, for those who asked with `-v`."""
    logging.getLogger("kb").info("%s", type(error).__name__, exc_info=error)


@click.group("kb", cls=_Kb, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kb")
@click.option(
    "-v", "--verbose", is_flag=True, help="Tell on stderr what is done, and where it failed."
)
def main(verbose: bool) -> None:
    """A folder of Markdown becomes a help centre with instant search.

    \b
    kb serve                      serve the articles in articles/
    kb new "Reset your password"  write an article
    kb check                      see what is wrong with the articles
    kb misses                     see what customers asked in vain

    Settings come from kb.toml, KB_* variables and options; `kb config` shows them.
    Exit codes: 0 done, 1 done but something needs a person, 2 could not do it.
    """
    if verbose:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_LogLines("%(name)s: %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])


for _verb in (
    serve.serve,
    index.index,
    index.rollback,
    search.search,
    sync.sync,
    replication.pull,
    replication.push,
    status.status,
    check.check,
    new.new,
    new.schema,
    importing.import_,
    misses.misses,
    digest.digest,
    log.log,
    backup.backup,
    backup.restore,
    leads.leads,
    letters.letters,
    tokens.tokens,
    sign_in.sign_in,
    config.config,
    doctor.doctor,
    evaluate.evaluate,
    prove.prove,
    tickets.tickets,
):
    main.add_command(_verb)
