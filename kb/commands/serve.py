"""Serves the articles: `kb serve`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    folder_options,
    load,
    load_settings,
    said,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Loaded, Settings


@click.command()
@click.option("--host", help="Address to listen on. [KB_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0: any free one. [KB_PORT, 8000]")
@click.option("--workers", type=int, help="Serving processes. [KB_WORKERS, 2]")
@click.option("--watch", is_flag=True, help="Index again whenever an article is saved.")
@click.option(
    "--pull", "pull_url", metavar="URL",
    help="Index nothing: get builds from another machine, as `kb pull` does. [KB_PULL_URL]",
)  # fmt: skip
@click.option(
    "--access-log",
    is_flag=True,
    help="Log every request, without its query string. [KB_ACCESS_LOG]",
)
@click.option("--log-json", is_flag=True, help="Log lines as JSON documents. [KB_LOG_FORMAT=json]")
@folder_options
def serve(
    host: str | None,
    port: int | None,
    workers: int | None,
    watch: bool,
    pull_url: str | None,
    access_log: bool,
    log_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Serve the articles, building the index first if there is none.

    SIGTERM finishes the requests in hand, then stops; Ctrl+C waits two seconds for them.
    SIGHUP reads settings, templates and translations anew, and refuses nobody meanwhile.
    In an empty folder, with no articles named, it serves the manual.

    \b
    kb serve
    kb serve --watch                              while writing
    kb serve --workers 4 --log-json               behind nginx (see the manual)
    kb serve --pull https://index.example.com     one of several web machines
    kb serve --articles ~/docs --data ~/kb-data   any folder of Markdown
    """
    from kb.server import serving

    options: dict[str, Any] = {"data": data, "host": host, "port": port, "workers": workers}
    options["pull_url"] = pull_url
    loaded = load(articles=articles, **options)
    settings, manual = loaded.settings, _manual_for_empty_folder(loaded)
    if manual:
        here = Message("No articles here yet: this is the manual. `kb new TITLE` begins yours.")
        tell(settings, here, err=True)
        settings = settings.model_copy(update={"articles": manual})

    def read() -> "Settings":
        return load_settings(articles=manual or articles, **options)

    return serving.serve(
        settings,
        watch=watch,
        access_log=access_log or settings.access_log,
        log_json=log_json or settings.log_format == "json",
        read_again=read,
        say=partial(said, settings=settings),
    )


def _manual_for_empty_folder(loaded: "Loaded") -> Path | None:
    """The manual's folder where no articles are named and the current folder is empty.

    Hidden files and the data folder do not count: an environment may be there, and a former build.
    """
    from kb.base import resources

    here, data = Path.cwd(), loaded.settings.data.absolute()
    if loaded.settings.is_replica:
        return None
    if loaded.origins["articles"] != "default" or data.parent != here:
        return None
    others = [path for path in here.iterdir() if path != data and path.name[0] != "."]
    return None if others else resources.folder("articles")
