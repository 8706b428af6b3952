"""After a change that leaves addresses alone, their file is the previous one with other numbers."""

import numpy as np
import orjson
import pytest

from kb import indexer
from kb.index.arrays import read_arrays
from kb.index.reader import NAMES
from kb.index.renumbered import renumber_addresses
from kb.indexer import rebuild


@pytest.fixture
def written(settings, monkeypatch):
    """What each build wrote by numbers alone, None where that was not enough; and in full."""
    found = []

    def both(draft, *args):
        is_written = renumber_addresses(draft, *args)
        found.append(arrays(draft) if is_written else None)
        (draft / NAMES).unlink(missing_ok=True)
        return False

    def arrays(folder):
        return {name: array.copy() for name, array in read_arrays(folder / NAMES).items()}

    def build(**options):
        found.clear()
        report = rebuild(settings, **options)
        return (found or [None])[0], arrays(settings.builds / report.build)

    monkeypatch.setattr(indexer, "renumber_addresses", both)
    return build


@pytest.fixture
def base(write, settings):
    """Articles with links, redirects, namesakes, translations, pictures and empty sections."""
    write("guide/index", "", title="Guide")
    write("guide/a", "[b](b.md) [gone](x.md) ![p](p.png)", title="Same", aliases="first")
    write("guide/b", "[a](a.md)\n\n[c](../ru/c.md)", title="Same")
    write("en/c", "[a](/guide/a)", title="C")
    write("ru/c", "[a](/guide/a)", title="Ц", lang="ru")
    for number in range(12):
        write(f"more/{number}", f"[a](/guide/a) [{number}](../en/c)", title=f"Title {number % 5}")
    (settings.articles / "guide" / "p.png").write_bytes(b"x")
    rebuild(settings)


def assert_same(numbered, full):
    assert numbered is not None
    for name, array in full.items():
        if name == "topics.json":
            assert orjson.loads(numbered[name].tobytes()) == orjson.loads(array.tobytes())
        elif name != "media.docs":
            np.testing.assert_array_equal(numbered[name], array, err_msg=name)
        assert numbered[name].dtype == array.dtype
    for each, array in (numbered, "media.docs"), (full, "media.docs"):
        assert sorted(each[array].tolist()) == sorted(full[array].tolist())


@pytest.mark.parametrize(
    "changed",
    [["guide/a"], ["guide/b"], ["more/7"], ["en/c", "ru/c", "more/1", "more/11", "guide/a"]],
)
def test_other_texts_give_the_arrays_of_a_full_write(base, written, settings, changed):
    for name in changed:
        file = settings.articles / f"{name}.md"
        file.write_text(f"{file.read_text()}\nMore text.\n")

    assert_same(*written())


def test_one_change_after_another_gives_them_until_segments_are_merged(base, written, settings):
    for number in range(15):
        file = settings.articles / "more" / f"{number % 3}.md"
        file.write_text(f"{file.read_text()}\nMore text {number}.\n")
        assert_same(*written())


@pytest.mark.parametrize(
    ("name", "text", "front"),
    [
        ("guide/a", "[c](../en/c.md)", {"title": "Same", "aliases": "first"}),
        ("guide/a", "![p](p.png)", {"title": "Same", "aliases": "second"}),
        ("guide/a", "[b](b.md) [gone](x.md) ![p](p.png)", {"title": "Another", "aliases": "first"}),
        ("guide/index", "Text.", {"title": "Guide"}),
        ("en/c", "[a](/guide/a)", {"title": "C", "slug": "moved"}),
        ("more/x", "Text.", {"title": "New"}),
        ("more/1", "Text {", {"title": ["none"]}),
    ],
)
def test_what_may_change_an_address_has_all_written(base, written, write, name, text, front):
    write(name, text, **front)

    assert written()[0] is None
