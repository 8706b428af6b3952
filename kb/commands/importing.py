"""Brings a hosted help centre into the articles folder: `kb import`."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.base.messages import Message
from kb.commands.shared import (
    DONE,
    NEEDS_A_PERSON,
    ProgressBar,
    echo,
    json_option,
    load_settings,
    print_json,
    said,
    tell,
)

if TYPE_CHECKING:
    from kb.base.config import Settings
    from kb.importing.importer import ImportReport, Loss
    from kb.importing.source import HelpCentre

Say = Callable[[str], str]
_SHOWN = 20  # lines of a list without --all


@click.command("import")
@click.argument("kind", type=click.Choice(["zendesk", "intercom", "html"]))
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), required=True,
    help="Folder of articles to write to; files that a person changed there stay.",
)  # fmt: skip
@click.option(
    "--url",
    help="First download the answers of the API at this address to SOURCE; the token is"
    " KB_IMPORT_TOKEN.",
)
@click.option("--overwrite", is_flag=True, help="Write files anew that a person changed, too.")
@click.option("--all", "show_all", is_flag=True, help="Tell every loss of every article.")
@json_option
def import_(
    kind: str,
    source: Path,
    folder: Path,
    url: str | None,
    overwrite: bool,
    show_all: bool,
    as_json: bool,
) -> int:
    """Bring a hosted help centre into a folder of Markdown.

    SOURCE is a folder with the JSON answers of the API of Zendesk or Intercom, or with the pages of
    a saved site. Run it again as often as you like: articles follow the source, files that a person
    changed stay, nothing is written twice. Exit 1 if something has to be brought or decided.

    \b
    kb import zendesk export/ --to articles
    kb import zendesk export/ --url https://acme.zendesk.com --to articles
    kb import html saved-site/ --to articles
    """
    from kb.importing import importer

    settings = load_settings()
    if url:
        _download(kind, url, source, settings)
    labels = Message("Reading"), Message("Converting")
    with ProgressBar(*(said(each, settings) for each in labels)) as progress:
        centre = _read(kind, source, settings, progress if kind == "html" else None)
        report = importer.run(
            centre, folder, langs=settings.langs, overwrite=overwrite, progress=progress
        )
    report.failed += getattr(centre, "failed", ())
    report.empty += getattr(centre, "empty", ())
    if as_json:
        print_json(_json(report))
    else:
        _print(report, folder, settings, show_all)
    return NEEDS_A_PERSON if report.needs_a_person else DONE


def _download(kind: str, url: str, source: Path, settings: "Settings") -> None:
    from kb.importing import download

    if kind == "html":
        wrong = Message("--url is for zendesk and intercom; save a site by `wget --mirror`")
        raise click.BadParameter(said(wrong, settings))
    token = settings.import_token.get_secret_value() if settings.import_token else ""
    download.download(
        download.Api(kind, url, token), source, lambda step: tell(settings, step, err=True)
    )


def _read(
    kind: str, source: Path, settings: "Settings", progress: ProgressBar | None
) -> "HelpCentre":
    from kb.importing.given_files import GivenFiles

    files = GivenFiles(source)
    if kind == "zendesk":
        from kb.importing.zendesk import Zendesk

        return Zendesk(files, settings.lang)
    if kind == "intercom":
        from kb.importing.intercom import Intercom

        return Intercom(files, settings.lang)
    from kb.importing.html_site import HtmlSite

    return HtmlSite(files, settings.lang, settings.langs, progress or ProgressBar(""))


def _print(report: "ImportReport", folder: Path, settings: "Settings", show_all: bool) -> None:
    say = partial(said, settings=settings)
    for line in _summary(report, folder, settings, say):
        echo(line)
    kept = Message(
        "Changed or deleted here and changed in the source; yours stays, --overwrite takes theirs"
    )
    _print_list(say(kept), report.kept, say, show_all)
    gone = Message("No longer in the source; delete it if it is not wanted")
    _print_list(say(gone), report.gone, say, show_all)
    _print_list(say(Message("A page without an article")), report.empty, say, show_all)
    for path, why in report.failed:
        echo(say(Message("Not imported: {path}: {why}", path=path, why=why)), err=True)
    _print_losses(report.losses, say, show_all)


def _summary(report: "ImportReport", folder: Path, settings: "Settings", say: Say) -> Iterator[str]:
    """How many articles became what, in which languages, and which of them moved."""
    outcomes = report.outcomes
    counts = [
        (outcomes["added"], Message("{n} added", n=outcomes["added"])),
        (outcomes["changed"], Message("{n} changed", n=outcomes["changed"])),
        (outcomes["unchanged"], Message("{n} unchanged", n=outcomes["unchanged"])),
        (outcomes["kept"], Message("{n} kept", n=outcomes["kept"])),
    ]
    told = ", ".join(say(count) for number, count in counts if number)
    yield say(
        Message(
            "Imported {n} article to {folder}: {told}.",
            "Imported {n} articles to {folder}: {told}.",
            n=outcomes.total(),
            folder=str(folder),
            told=told or say(Message("nothing")),
        )
    )
    yield say(
        Message(
            "Languages: {languages}; drafts: {drafts}; restricted: {restricted}.",
            languages=", ".join(
                f"{lang} {report.languages[lang]}" for lang in sorted(report.languages)
            ),
            drafts=report.drafts,
            restricted=report.restricted,
        )
    )
    others = sorted({lang.partition("-")[0] for lang in report.languages} - set(settings.langs))
    if others:
        yield say(
            Message(
                "Not among your languages yet: {languages}; set {setting}.",
                languages=", ".join(others),
                setting=f"KB_LANGS={','.join((*settings.langs, *others))}",
            )
        )
    for old, new in report.moved:
        yield say(Message("Moved with its section: {old} is {new} now.", old=old, new=new))


def _print_list(heading: str, paths: list[str], say: Say, show_all: bool) -> None:
    shown = paths if show_all else paths[:_SHOWN]
    for path in shown:
        echo(f"{heading}: {path}")
    if len(paths) > len(shown):
        more = Message("{n} more; --all tells them.", n=len(paths) - len(shown))
        echo(f"{heading}: {say(more)}")


def _print_losses(lost: "list[Loss]", say: Say, show_all: bool) -> None:
    """What was lost: each kind with its number and an example, or every article."""
    by_kind: dict[str, list[Loss]] = {}
    for loss in lost:
        by_kind.setdefault(loss.message, []).append(loss)
    for losses in by_kind.values():
        if show_all:
            for loss in losses:
                echo(f"{loss.path}: {say(loss.message)} ({_counted(loss)})")
                for address in loss.addresses[1:]:
                    echo(f"    {address}")
        else:
            echo(say(_loss_of_a_kind(losses)))


def _loss_of_a_kind(losses: "list[Loss]") -> Message:
    first = losses[0]
    return Message(
        "Lost: {what} ({number}, in {n} article; first {path}: {counted})",
        "Lost: {what} ({number}, in {n} articles; first {path}: {counted})",
        what=first.message,
        number=sum(loss.count for loss in losses),
        n=len(losses),
        path=first.path,
        counted=_counted(first),
    )


def _counted(loss: "Loss") -> str:
    return f"{loss.count}: {loss.addresses[0]}" if loss.addresses else str(loss.count)


def _json(report: "ImportReport") -> dict[str, Any]:
    return {
        "articles": report.outcomes.total(),
        **{name: report.outcomes[name] for name in ("added", "changed", "unchanged")},
        "languages": dict(report.languages),
        "drafts": report.drafts,
        "restricted": report.restricted,
        "kept": report.kept,
        "moved": [{"from": old, "to": new} for old, new in report.moved],
        "gone": report.gone,
        "failed": [{"path": path, "message": why} for path, why in report.failed],
        "empty": report.empty,
        "lost": [
            {
                "path": loss.path,
                "message": loss.message,
                "count": loss.count,
                "addresses": loss.addresses,
            }
            for loss in report.losses
        ],
    }
