"""Message catalogues: the translations of a site's languages, read from `.po` files."""

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zlib import crc32

from kb.base import resources
from kb.base.messages import Message

SOURCE = "en"  # the language the templates are written in needs no catalogue
_CATALOGUE = "LC_MESSAGES/messages.po"
_REMEMBERED = 1024  # texts of numbers: Babel reads its pattern anew each time
_GROUPED = 1000  # whole numbers below are written alike in all languages
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
                return words.ngettext(template, plural, number)
            return words.gettext(template) if template else ""

        return message.said(translate, lambda count: number(count, code))


def languages(templates: Path | None, wanted: tuple[str, ...], default: str) -> Languages:
    """With our catalogues, and the one beside the site's own `templates`, which goes before."""
    ours = resources.folder("translations")
    return Languages([templates / "translations", ours] if templates else [ours], wanted, default)


def _catalogue(code: str, folders: Iterable[Path]) -> NullTranslations | None:
    """The catalogue of a language; what the first folder says goes before what later ones say."""
    paths = [folder / code / _CATALOGUE for folder in folders]
    versions = [(path, path.stat()) for path in paths if path.is_file()]
    if not versions:
        return None
    return _joined(code, tuple((path, of.st_mtime_ns, of.st_size) for path, of in versions))


@lru_cache(_READ)
def _joined(code: str, versions: tuple[tuple[Path, int, int], ...]) -> NullTranslations:
    """The catalogues of files, joined; each is named with the moment and size it was written."""
    first, *others = (_read(path, code) for path, *_ in versions)
    for each in others:
        first.add_fallback(each)
    return first


def _read(path: Path, code: str) -> NullTranslations:
    """The catalogue of a file: as it was compiled at installation, if it is the same; or by Babel.

    `hatch_build.py` writes the compiled one and names it by the checksum of the text. Babel takes
    longer than all else that a command does before its first sentence.
    """
    text = path.read_bytes()
    compiled = path.with_name(f"{path.stem}-{crc32(text):08x}.mo")
    with suppress(OSError):
        return GNUTranslations(BytesIO(compiled.read_bytes()))
    return _by_babel(text, code)


def _by_babel(text: bytes, code: str) -> NullTranslations:
    from babel.messages.mofile import write_mo  # for files of an operator, or edited ones
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text), locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


@lru_cache(_REMEMBERED)
def number(value: float, code: str, digits: int = 0) -> str:
    """A number as people of a language write it: «1 234,5», “1,234.5”.

    `digits` is how many follow the decimal point.
    """
    if isinstance(value, int) and not digits and 0 <= value < _GROUPED:
        return str(value)
    from babel.numbers import format_decimal  # few commands say what needs it

    return format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), locale=code)
