"""Plain `.po` files are read as Babel reads them; what is not plain is left to Babel."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import Translations
from hypothesis import given
from hypothesis import strategies as st

from kb.base import catalogs, po_files
from kb.base.messages import Message

RUSSIAN = Path(__file__).parents[2] / "translations/ru/LC_MESSAGES/messages.po"
HEADER = (
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)
TEXTS = st.text(
    st.sampled_from('ая%{}"\\\n\t#~ ') | st.characters(codec="utf-8", exclude_characters="\0\4"),
    min_size=1,
)
COUNTS = (0, 1, 2, 5, 11, 21, 101)


def by_babel(file: bytes) -> Translations:
    """The translations of a file as Babel reads and compiles it."""
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(file), locale="ru"))
    compiled.seek(0)
    return Translations(compiled)


def says_the_same(file: bytes) -> bool:
    """Whether the file is plain, and says what Babel says of it."""
    messages = po_files.parse(file)
    if messages is None:
        return False
    ours, theirs = po_files.joined([messages]), by_babel(file)
    return all(
        ours.gettext(name) == theirs.gettext(name)
        and all(ours.ngettext(name, more, n) == theirs.ngettext(name, more, n) for n in COUNTS)
        for name, (more, _) in messages.items()
        if name
    ) and {m.id if isinstance(m.id, str) else m.id[0]
           for m in read_po(BytesIO(file)) if m.id} == messages.keys() - {""}  # fmt: skip


def test_our_catalogue_says_what_babel_reads_in_it():
    assert says_the_same(RUSSIAN.read_bytes())


@given(
    st.dictionaries(TEXTS, TEXTS | st.just("")),
    st.dictionaries(TEXTS, st.tuples(TEXTS, TEXTS, TEXTS, TEXTS)),
)
def test_what_babel_writes_is_read_as_babel_reads_it(said, counted):
    catalog = Catalog(locale="ru", fuzzy=False)
    for name, text in said.items():
        catalog.add(name, text, user_comments=["why"], flags=["python-format"])
    for name, (more, *forms) in counted.items():
        if name not in said:
            catalog.add((name, more), forms)
    written = BytesIO()
    write_po(written, catalog, width=40)

    assert says_the_same(written.getvalue())


@pytest.mark.parametrize(
    "more",
    [
        '#, fuzzy\nmsgid "the article has no text"\nmsgstr "наугад"\n',
        '#~ msgid "the article has no text"\n#~ msgstr "было"\n',
        'msgctxt "menu"\nmsgid "the article has no text"\nmsgstr "меню"\n',
        'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "а"\n',
        'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "а"\nmsgstr[2] "в"\n',
        'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "а"\nmsgstr[1] ""\n',
        'msgid "a"\nmsgstr "а"\n\nmsgid "a"\nmsgid_plural "b"\nmsgstr[0] "б"\nmsgstr[1] "в"\n',
        'msgid "a"\nmsgstr "а\n',
        'msgid "a"\n',
        'msgid "a"\r\nmsgstr "а"\r\n',
        ' msgid "a"\nmsgstr "а"\n',
        'msgid "a"\nmsgstr "\\q"\n',
        'msgid "a"\nmsgstr "а"\n\n#~ msgid "\0"\n#~ msgstr ""\n',
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_babel(tmp_path, more):
    own = tmp_path / "translations/ru/LC_MESSAGES/messages.po"
    own.parent.mkdir(parents=True)
    own.write_bytes((HEADER + 'msgid "Ask us"\nmsgstr "Пишите"\n\n' + more).encode())

    assert po_files.parse(own.read_bytes()) is None
    words = catalogs.languages(tmp_path, ("ru",), "ru")
    assert words.say(Message("Ask us")) == "Пишите"
    assert words.words["ru"].gettext("a") == by_babel(own.read_bytes()).gettext("a")
    assert words.words["ru"].gettext("All results") == "Все результаты"


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("Content-Type: text/plain; charset=koi8-r\\n", "koi8-r"),
        ("Content-Type: text/plain; charset=utf-8\\n", "utf-8"),  # and no rule of plurals
    ],
)
def test_a_catalogue_in_any_character_set_is_read(tmp_path, header, encoding):
    own = tmp_path / "translations/ru/LC_MESSAGES/messages.po"
    own.parent.mkdir(parents=True)
    text = f'msgid ""\nmsgstr "{header}"\n\nmsgid "Ask us"\nmsgstr "Пишите"\n'
    own.write_bytes(text.encode(encoding))

    assert po_files.parse(own.read_bytes()) is None
    assert catalogs.languages(tmp_path, ("ru",), "ru").say(Message("Ask us")) == "Пишите"


def test_the_first_catalogue_goes_before_the_next(tmp_path):
    own = tmp_path / "translations/ru/LC_MESSAGES/messages.po"
    own.parent.mkdir(parents=True)
    own.write_text(HEADER + 'msgid "Ask us"\nmsgstr "Пишите"\n', "utf-8")

    assert po_files.parse(own.read_bytes()) is not None
    words = catalogs.languages(tmp_path, ("ru",), "ru")
    assert words.say(Message("Ask us")) == "Пишите"
    assert words.say(Message("All results")) == "Все результаты"


def test_a_process_that_speaks_russian_does_without_babel():
    code = (
        "import sys; from kb.base import catalogs; from kb.base.messages import Message\n"
        "say = catalogs.languages(None, ('ru',), 'ru').say\n"
        "said = say(Message('{n} error', '{n} errors', n=5))\n"
        "print(said == '5 ошибок', 'babel' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["True", "False"]
