"""Localised text of the interface: translations, dates, numbers and plurals (Babel)."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, lru_cache
from gettext import NullTranslations
from typing import Any

from babel import Locale
from babel.dates import format_date, format_timedelta, get_timezone_location
from babel.numbers import format_percent
from flask import Flask, g
from flask_babel import Babel, gettext, ngettext, refresh  # type: ignore[import-untyped]
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from kb.base.catalogs import Languages, number
from kb.site.html_text import as_html

__all__ = [
    "day_and_month",
    "gettext",
    "heading",
    "install",
    "long_date",
    "long_time",
    "ngettext",
    "number",
    "own_name",
    "percent",
    "plural_forms",
    "refresh",
    "short_date",
    "texts",
    "zone_name",
]

_CACHED = 1024  # formatted values: Babel parses its pattern each time


def install(app: Flask, languages: Languages) -> None:
    """Makes `gettext` in views translate to `g.lang`."""
    babel = Babel(app, locale_selector=lambda: g.get("lang", languages.default))
    with app.app_context():
        known = babel.domain_instance.cache
    for code, catalogue in languages.words.items():
        known[str(Locale.parse(code)), "messages"] = _Translations(catalogue)


class _Translations:
    """A catalogue whose methods have the names that Flask-Babel calls."""

    def __init__(self, words: NullTranslations) -> None:
        self.ugettext, self.ungettext = words.gettext, words.ngettext
        self.upgettext, self.unpgettext = words.pgettext, words.npgettext


def texts(words: NullTranslations) -> dict[str, Callable[..., str]]:
    """`_`, `gettext` and `ngettext` for templates in one language.

    A page has some fifty texts, and Jinja's own functions look up the language for each.
    """

    @lru_cache(_CACHED)
    def sentence(text: str) -> Markup:
        return Markup(words.gettext(text) % {})  # noqa: S704 - our own words

    def filled(context: EvalContext, text: str, values: dict[str, Any]) -> str:
        if not context.autoescape:
            return text % values
        escaped = {name: as_html(value) for name, value in values.items()}
        return Markup(text % escaped)  # noqa: S704 - likewise

    @pass_eval_context
    def say(context: EvalContext, text: str, /, **values: Any) -> str:
        if not values and context.autoescape:
            return sentence(text)
        return filled(context, words.gettext(text), values)

    @pass_eval_context
    def count(context: EvalContext, one: str, more: str, num: int, /, **values: Any) -> str:
        return filled(context, words.ngettext(one, more, num), {"num": num, **values})

    return {"_": say, "gettext": say, "ngettext": count}


@cache
def own_name(code: str) -> str:
    """The name of a language in that language: Русский, English."""
    name = Locale.parse(code).get_display_name(code) or code
    return name[:1].upper() + name[1:]


@lru_cache(_CACHED)
def long_date(day: date, code: str) -> str:
    """A date in words: «12 марта 2026», “12 March 2026”."""
    return format_date(day, "d MMMM y", locale=code)


@lru_cache(_CACHED)
def short_date(day: date, code: str) -> str:
    """A date without its year, for axes: «12 мар.», “12 Mar”."""
    return format_date(day, "d MMM", locale=code)


@lru_cache(_CACHED)
def day_and_month(day: date, code: str) -> str:
    """A date without its year, in words: «12 марта», “12 March”."""
    return format_date(day, "d MMMM", locale=code)


@lru_cache(_CACHED)
def zone_name(zone: str, code: str) -> str:
    """A time zone as people call it: by its city («Москва»), or by its own name (UTC)."""
    if "/" not in zone or zone.startswith("Etc/"):
        return zone
    return str(get_timezone_location(zone, locale=code, return_city=True))


@lru_cache(_CACHED)
def percent(value: float, code: str) -> str:
    """A share of 1 in percent with at most one decimal: «12,5 %», “12.5%”."""
    return format_percent(value, "#,##0.#\u00a0%" if code == "ru" else "#,##0.#%", locale=code)


def heading(name: str) -> str:
    """A category as a heading; the name of a folder gets spaces and a capital."""
    if not name or " " in name:
        return name
    words = name.replace("-", " ").replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


def long_time(seconds: float, code: str) -> str:
    """A duration in its largest unit, rounded: «3 дня», “3 days”."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=code)


def plural_forms(singular: str, plural: str, code: str) -> dict[str, str]:
    """A sentence by plural category of a language, for scripts; `{n}` stands for the number.

    `gettext` must translate to `code` at this moment.
    """
    return {
        name: ngettext(singular, plural, number).replace(str(number), "{n}")
        for name, number in _samples(code)
    }


@cache
def _samples(code: str) -> tuple[tuple[str, int], ...]:
    """One number of each plural category of a language (CLDR)."""
    category = Locale.parse(code).plural_form
    samples = {category(number): number for number in range(199, -1, -1)}
    samples.setdefault("other", samples.get("many", 2))  # Russian: fractions, which nobody counts
    return tuple(samples.items())
