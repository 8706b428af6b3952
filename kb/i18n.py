"""Languages of the interface: words, dates and plurals of pages. Knows nothing of articles."""

from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.numbers import format_percent
from babel.support import NullTranslations
from flask import Flask, g
from flask_babel import Babel, gettext, ngettext, refresh  # type: ignore[import-untyped]
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from kb.catalogues import Languages, number

__all__ = [
    "gettext",
    "install",
    "long_date",
    "long_time",
    "number",
    "own_name",
    "percent",
    "plural_forms",
    "refresh",
    "short_date",
]

_REMEMBERED = 4096  # texts of dates and shares: Babel reads its pattern anew each time


def install(app: Flask, languages: Languages) -> None:
    """Make `gettext` in views and templates, and the filter `said`, speak `g.lang`."""
    babel = Babel(app, locale_selector=lambda: g.get("lang", languages.default))
    with app.app_context():
        known = babel.domain_instance.cache
    for code, catalogue in languages.words.items():
        known[str(Locale.parse(code)), "messages"] = catalogue

    def words() -> NullTranslations:
        return languages.words[g.get("lang", languages.default)]

    @lru_cache(_REMEMBERED)
    def sentence(code: str, text: str) -> Markup:
        return Markup(languages.words[code].ugettext(text) % {})  # noqa: S704 - our own words

    def filled(context: EvalContext, text: str, values: dict[str, Any]) -> str:
        return (Markup(text) if context.autoescape else text) % values  # noqa: S704 - likewise

    @pass_eval_context
    def say(context: EvalContext, text: str, /, **values: Any) -> str:
        if not values and context.autoescape:
            return sentence(g.get("lang", languages.default), text)
        return filled(context, words().ugettext(text), values)

    @pass_eval_context
    def count(context: EvalContext, one: str, more: str, num: int, /, **values: Any) -> str:
        return filled(context, words().ungettext(one, more, num), {"num": num, **values})

    # A page says some fifty things: Jinja's own callables look everything up each time.
    app.jinja_env.globals.update({"_": say, "gettext": say, "ngettext": count})
    app.jinja_env.filters["said"] = lambda text: languages.say(text, g.get("lang", ""))


@cache
def own_name(code: str) -> str:
    """A language's name in itself: Русский, English."""
    name = Locale.parse(code).get_display_name(code) or code
    return name[:1].upper() + name[1:]


@lru_cache(_REMEMBERED)
def long_date(day: date, code: str) -> str:
    """«12 марта 2026», “12 March 2026”."""
    return format_date(day, "d MMMM y", locale=code)


@lru_cache(_REMEMBERED)
def short_date(day: date, code: str) -> str:
    """«12 мар.», “12 Mar”: for an axis, where the year is known."""
    return format_date(day, "d MMM", locale=code)


@lru_cache(_REMEMBERED)
def percent(value: float, code: str) -> str:
    """A share of one as people write it: «12,5 %», “12.5%”; a whole one without its zero."""
    return format_percent(value, "#,##0.#\u00a0%" if code == "ru" else "#,##0.#%", locale=code)


def long_time(seconds: float, code: str) -> str:
    """«3 дня», “3 days”: the largest unit that fits, rounded."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=code)


def plural_forms(singular: str, plural: str, code: str) -> dict[str, str]:
    """For scripts: the sentence for each plural category of a language, `{n}` for the number.

    Call it where `gettext` speaks `code`.
    """
    return {
        name: ngettext(singular, plural, number).replace(str(number), "{n}")
        for name, number in _samples(code)
    }


@cache
def _samples(code: str) -> tuple[tuple[str, int], ...]:
    """A number of each plural category of a language."""
    category = Locale.parse(code).plural_form
    samples = {category(number): number for number in range(199, -1, -1)}
    samples.setdefault("other", samples.get("many", 2))  # Russian: fractions, which nobody counts
    return tuple(samples.items())
