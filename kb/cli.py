"""The `kb` command: reads the command line, calls one verb, prints. Knows nothing of the web.

The verbs live in `kb.commands`, each importing what it needs when it runs, so `kb --help`
answers at once. See `_Kb.main` for what becomes of everything that can happen.
"""

import sys
from typing import Any

import click

from kb import __version__, memory
from kb.commands import (
    check,
    config,
    digest,
    evaluate,
    index,
    log,
    misses,
    new,
    prove,
    search,
    serve,
    sync,
)
from kb.commands.shared import DONE, FAILED, fail
from kb.errors import KBError


class _Kb(click.Group):
    """Turns what a command returned or raised into an exit code and at most one line on stderr."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        memory.look_seldom()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "kb"
            fail(f"{error.format_message().rstrip('.')}; see `{command} --help`")
            code = FAILED
        except click.ClickException as error:
            fail(error.format_message())
            code = FAILED
        except KBError as error:
            _tell_cause(error)
            fail(str(error))
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
            fail(f"{where}{error.strerror or error}; check the path, its rights and the free space")
            code = FAILED
        sys.exit(code if isinstance(code, int) else DONE)


def _tell_cause(error: Exception) -> None:
    """Where it happened, for those who asked with `-v`."""
    import logging

    logging.getLogger("kb").info("%s", type(error).__name__, exc_info=error)


@click.group("kb", cls=_Kb, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kb")
@click.option(
    "-v", "--verbose", is_flag=True, help="Tell on stderr what is done, and where it failed."
)
def main(verbose: bool) -> None:
    """A folder of Markdown becomes a help centre with instant search.

    \b
    kb serve                     serve the articles in articles/
    kb new "Reset your password" write an article
    kb check                     see what is wrong with the articles
    kb misses                    see what customers asked in vain

    Settings come from kb.toml, KB_* variables and options; `kb config` shows them.
    Exit codes: 0 done, 1 done but something needs a person, 2 could not do it.
    """
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(name)s: %(message)s")


for _verb in (
    serve.serve,
    index.index,
    index.rollback,
    search.search,
    sync.sync,
    check.check,
    new.new,
    new.schema,
    misses.misses,
    digest.digest,
    log.log,
    config.config,
    evaluate.evaluate,
    prove.prove,
):
    main.add_command(_verb)
