"""The report on tickets as a page of its own and as CSV. Counts nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kb.base import catalogs, resources
from kb.base.config import Settings
from kb.site import charts, csv_export, formatting
from kb.tickets.report import Report

_HOURS = 120  # minutes from which a time is told in hours


def page(
    report: Report, settings: Settings, *, lang: str, name: str, titles: Mapping[str, str]
) -> str:
    """The report as an HTML document that needs no other file.

    `name` is that of the file of tickets; `titles` are those of articles by slug.
    """
    languages = catalogs.languages(settings.templates, (lang,), lang)
    own = settings.templates
    folder = resources.folder("templates")
    environment = Environment(
        loader=FileSystemLoader([own, folder] if own else [folder]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    words = languages.words[languages.default]
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    code = languages.default
    environment.filters["number"] = lambda value: catalogs.number(value, code)
    environment.filters["percent"] = lambda value: formatting.percent(round(value, 3), code)
    environment.filters["long_date"] = lambda day: formatting.long_date(day, code)
    environment.filters["time"] = lambda value: _time(value, words.gettext, code)
    columns = [(week.sure, week.unsure) for week in report.weeks]
    return environment.get_template("reports/tickets.html").render(
        report=report,
        lang=code,
        name=name,
        titles=titles,
        part=charts.bar_percent,
        chart=charts.column_chart(columns) if len(columns) > 1 else None,
    )


def _time(minutes: float | None, gettext: Any, code: str) -> str:
    """A time in minutes, or from two hours on in hours; a dash where none is known."""
    if minutes is None:
        return "–"
    if minutes < _HOURS:
        return str(gettext("%(num)s min") % {"num": catalogs.number(round(minutes), code)})
    return str(gettext("%(num)s h") % {"num": catalogs.number(round(minutes / 60), code)})


def questions_csv(report: Report, lang: str) -> str:
    """The questions that no article answered, for spreadsheets."""
    header = ("question", "article", "by", "tickets", "sure", "minutes", "lines", "wordings")
    rows = (
        (
            *(each.question, each.slug, each.by, each.tickets, each.sure, round(each.minutes)),
            *(" | ".join(each.lines), " | ".join(each.wordings)),
        )
        for each in (*report.unmatched, *report.missing)
    )
    return csv_export.to_csv([header, *rows], lang=lang)


def types_csv(report: Report, lang: str) -> str:
    """The types of tickets, for spreadsheets."""
    return csv_export.to_csv(_type_rows(report), lang=lang)


def _type_rows(report: Report) -> Iterator[tuple[object, ...]]:
    yield ("type", "tickets", "sure", "replied", "mean_minutes", "median_minutes", "minutes")
    for each in report.types:
        times = (None if time is None else round(time, 1) for time in (each.mean, each.median))
        yield (each.type, each.tickets, each.sure, each.replied, *times, round(each.minutes))
