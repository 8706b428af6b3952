"""Message catalogues: the translations of a site's languages, read from `.po` files."""

from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from kb.base import resources
from kb.base.messages import Message

SOURCE = "en"  # the language the templates are written in needs no catalogue
_CATALOGUE = "LC_MESSAGES/messages.po"
_REMEMBERED = 1024  # texts of numbers: Babel reads its pattern anew each time
_READ = 8  # catalogues that are kept as they were read


class Languages:
    """The languages of a site, in its order; each has a catalogue or is English."""

    def __init__(self, folders: Iterable[Path], wanted: tuple[str, ...], default: str) -> None:
        folders = tuple(folders)
        found = {code: _catalogue(code, folders) for code in wanted}
        self.codes = tuple(
            code for code in wanted if code == SOURCE or found[code] is not None
        ) or (SOURCE,)
        self.default = default if default in self.codes else self.codes[0]
        self.words = {code: found.get(code) or NullTranslations() for code in self.codes}

    def say(self, message: str, code: str = "") -> str:
        """A Message in a language of the site, the default if none is named; other text as is."""
        if not isinstance(message, Message):
            return message
        code = code if code in self.words else self.default
        words = self.words[code]

        def translate(template: str, plural: str, number: int) -> str:
            if plural:
                return words.ungettext(template, plural, number)
            return words.ugettext(template) if template else ""

        return message.said(translate, lambda count: number(count, code))


def languages(templates: Path | None, wanted: tuple[str, ...], default: str) -> Languages:
    """With our catalogues, and the one beside the site's own `templates`, which goes before."""
    ours = resources.folder("translations")
    return Languages([templates / "translations", ours] if templates else [ours], wanted, default)


def _catalogue(code: str, folders: Iterable[Path]) -> Translations | None:
    """Read as text and compiled in memory, so no step lies between an edit and the page.

    What the first folder says goes before what later ones say.
    """
    paths = [folder / code / _CATALOGUE for folder in folders]
    versions = [(path, path.stat()) for path in paths if path.is_file()]
    if not versions:
        return None
    return _compiled(code, tuple((path, of.st_mtime_ns, of.st_size) for path, of in versions))


@lru_cache(_READ)
def _compiled(code: str, versions: tuple[tuple[Path, int, int], ...]) -> Translations:
    """The catalogues of files, joined; each is named with the moment and size it was written."""
    found: Catalog | None = None
    for path, *_ in versions:
        with path.open("rb") as file:
            further = read_po(file, locale=code)
        if found is None:
            found = further
        for message in further:
            if message.id and message.id not in found:
                found[message.id] = message
    assert found is not None  # noqa: S101
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Translations(compiled)


@lru_cache(_REMEMBERED)
def number(value: float, code: str, digits: int = 0) -> str:
    """A number as people of a language write it: «1 234,5», “1,234.5”.

    `digits` is how many follow the decimal point.
    """
    return format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), locale=code)
