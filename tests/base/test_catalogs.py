"""Catalogues are compiled at installation, an edited one is read by Babel, the site's own first."""

import shutil
import subprocess
import sys
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from hatch_build import compiled_catalogues
from kb.base import catalogs
from kb.base.messages import Message

ROOT = Path(__file__).parents[2]
HEADER = (
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)
# What a process says of five errors, and whether it has loaded Babel for that.
SAYS = (
    "import sys; from kb.base import catalogs; from kb.base.messages import Message\n"
    "say = catalogs.languages(None, ('ru',), 'ru').say\n"
    "print(say(Message('{n} error', '{n} errors', n=5)), 'babel' in sys.modules)"
)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder in which the package finds catalogues of its own, not yet compiled."""
    (tmp_path / "kb").symlink_to(ROOT / "kb")
    translations = tmp_path / "translations"
    shutil.copytree(ROOT / "translations", translations, ignore=shutil.ignore_patterns("*.mo"))
    return tmp_path


def told(translations: Path) -> str:
    """What `SAYS` prints with these catalogues."""
    code = f"from kb.base import resources; resources.folder = lambda name: {translations!r}\n"
    return subprocess.run(
        [sys.executable, "-c", f"from pathlib import Path, PosixPath\n{code}{SAYS}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


def test_the_compiled_catalogue_is_read_until_the_text_is_another(checkout):
    translations = checkout / "translations"
    source = translations / "ru/LC_MESSAGES/messages.po"
    assert told(translations) == "5 ошибок True"

    assert compiled_catalogues(translations) == ""
    assert told(translations) == "5 ошибок False"

    source.write_text(source.read_text("utf-8").replace("{n} ошибок", "{n} промахов"), "utf-8")
    assert told(translations) == "5 промахов True"

    assert compiled_catalogues(translations) == ""
    assert told(translations) == "5 промахов False"
    assert len(list(source.parent.glob("*.mo"))) == 1, "the one of the former text is left"


def test_a_compiled_catalogue_that_is_none_is_left_alone(checkout):
    translations = checkout / "translations"
    compiled_catalogues(translations)
    [compiled] = translations.glob("ru/LC_MESSAGES/*.mo")
    compiled.write_bytes(b"not a catalogue")

    assert told(translations) == "5 ошибок True"


def test_the_compiled_catalogue_says_what_the_text_says(checkout):
    translations = checkout / "translations"
    compiled_catalogues(translations)
    [compiled] = translations.glob("ru/LC_MESSAGES/*.mo")
    source = translations / "ru/LC_MESSAGES/messages.po"
    said = GNUTranslations(BytesIO(compiled.read_bytes()))
    for message in read_po(BytesIO(source.read_bytes()), locale="ru"):
        if not message.id or not message.string:
            continue
        if isinstance(message.id, tuple):
            one, more = message.id
            forms = [said.ngettext(one, more, number) for number in (1, 2, 5)]
            assert forms == list(message.string)[:3]
        else:
            assert said.gettext(message.id) == message.string


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("Content-Type: text/plain; charset=koi8-r\\n", "koi8-r"),
        ("Content-Type: text/plain; charset=utf-8\\n", "utf-8"),  # and no rule of plurals
    ],
)
def test_a_catalogue_in_any_character_set_is_read(tmp_path, header, encoding):
    text = f'msgid ""\nmsgstr "{header}"\n\nmsgid "Ask us"\nmsgstr "Пишите"\n'
    words = catalogs.languages(own(tmp_path, text.encode(encoding)), ("ru",), "ru")

    assert words.say(Message("Ask us")) == "Пишите"
    assert words.say(Message("{n} error", "{n} errors", n=5)) == "5 ошибок"


def test_the_first_catalogue_goes_before_the_next_where_it_says_something(tmp_path):
    entries = (
        'msgid "Ask us"\nmsgstr "Пишите"\n\n'
        'msgid "Find"\nmsgstr ""\n\n'  # not translated yet
        'msgid "{n} error"\nmsgid_plural "{n} errors"\nmsgstr[0] "{n} беда"\nmsgstr[1] "{n} бед"\n'
    )
    words = catalogs.languages(own(tmp_path, (HEADER + entries).encode()), ("ru",), "ru")

    assert words.say(Message("Ask us")) == "Пишите"
    assert words.say(Message("Find")) == "Найти"
    assert words.say(Message("All results")) == "Все результаты"
    # Each file has its own rule of plurals: here two forms, in ours three.
    assert words.say(Message("{n} error", "{n} errors", n=21)) == "21 бед"
    ours = catalogs.languages(None, ("ru",), "ru")
    assert ours.say(Message("{n} error", "{n} errors", n=21)) == "21 ошибка"


def own(templates: Path, catalogue: bytes) -> Path:
    """A folder of templates with a Russian catalogue beside them."""
    file = templates / "translations/ru/LC_MESSAGES/messages.po"
    file.parent.mkdir(parents=True)
    file.write_bytes(catalogue)
    return templates
