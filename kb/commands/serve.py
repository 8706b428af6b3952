"""Serves the articles: `kb serve`."""

from pathlib import Path

import click

from kb.commands.shared import (
    folder_options,
    load_settings,
)


@click.command()
@click.option("--host", help="Address to listen on. [KB_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0: any free one. [KB_PORT, 8000]")
@click.option("--workers", type=int, help="Serving processes. [KB_WORKERS, 2]")
@click.option("--watch", is_flag=True, help="Index again whenever an article is saved.")
@click.option("--access-log", is_flag=True, help="Log every request, without its query string.")
@click.option("--log-json", is_flag=True, help="Log lines as JSON documents.")
@folder_options
def serve(
    host: str | None,
    port: int | None,
    workers: int | None,
    watch: bool,
    access_log: bool,
    log_json: bool,
    articles: Path | None,
    data: Path | None,
) -> int:
    """Serve the articles, building the index first if there is none.

    SIGTERM finishes the requests in hand, then stops; Ctrl+C stops at once.

    \b
    kb serve
    kb serve --watch                              while writing
    kb serve --host 0.0.0.0 --port 80 --workers 4 --log-json
    kb serve --articles ~/docs --data ~/kb-data   any folder of Markdown
    """
    from kb import server

    settings = load_settings(articles=articles, data=data, host=host, port=port, workers=workers)
    return server.serve(settings, watch=watch, access_log=access_log, log_json=log_json)
