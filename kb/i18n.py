"""Languages of the interface: catalogues, dates and plurals. Knows nothing of articles."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations
from flask import Flask, g
from flask_babel import Babel, gettext, ngettext, refresh  # type: ignore[import-untyped]

__all__ = [
    "Languages",
    "gettext",
    "long_date",
    "long_time",
    "number",
    "own_name",
    "percent",
    "plural_forms",
    "refresh",
    "short_date",
]

SOURCE = "en"  # the language the templates are written in needs no catalogue
_CATALOGUE = "LC_MESSAGES/messages.po"
_REMEMBERED = 4096  # texts of numbers and dates: Babel reads its pattern anew each time


class Languages:
    """The interface languages of a site, in its order; each has a catalogue or is English."""

    def __init__(self, folders: Iterable[Path], wanted: tuple[str, ...], default: str) -> None:
        self.catalogues = {code: _catalogue(code, folders) for code in wanted}
        self.codes = tuple(
            code for code in wanted if code == SOURCE or self.catalogues[code] is not None
        ) or (SOURCE,)
        self.default = default if default in self.codes else self.codes[0]

    def install(self, app: Flask) -> None:
        """Make `gettext` in views and templates speak the language of `g.lang`."""
        babel = Babel(app, locale_selector=lambda: g.get("lang", self.default))
        with app.app_context():
            known = babel.domain_instance.cache
        spoken = {code: self.catalogues[code] or NullTranslations() for code in self.codes}
        for code, catalogue in spoken.items():
            known[str(Locale.parse(code)), "messages"] = catalogue

        def words() -> NullTranslations:
            return spoken[g.get("lang", self.default)]

        # A page says some fifty things: Flask-Babel would look for the language each time.
        app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
            lambda text: words().ugettext(text),
            lambda one, more, n: words().ungettext(one, more, n),
            newstyle=True,
        )


def _catalogue(code: str, folders: Iterable[Path]) -> Translations | None:
    """Read as text and compiled in memory, so no step lies between an edit and the page.

    What the first folder says goes before what later ones say.
    """
    found: Catalog | None = None
    for folder in folders:
        path = folder / code / _CATALOGUE
        if path.is_file():
            with path.open("rb") as file:
                further = read_po(file, locale=code)
            if found is None:
                found = further
            for message in further:
                if message.id and message.id not in found:
                    found[message.id] = message
    if found is None:
        return None
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Translations(compiled)


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
def number(value: float, code: str, digits: int = 0) -> str:
    """As people write it: «1 234,5», “1,234.5”; exactly so many digits after the point."""
    return format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), locale=code)


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
