"""The table of entries is read back as it was written, and changes as a dictionary would."""

import random

import numpy as np
import pytest

from kb.base.messages import Message
from kb.content.problems import Problem
from kb.content.topics import Placement
from kb.index import entry_table
from kb.index.arrays import read_arrays
from kb.index.entries import TABLE, Details, Entry, LinkedFile
from kb.index.entry_table import EntryTable, stats_of

DETAILS_OF_A = Details(
    "b", (("/articles/b", "b.md"), ("/media/c.pdf", "c.pdf")), (2, 3), ("d.png",),
    Placement("ru", "А", category=("x", "y"), order=1.5), "ru", "uid", ("/articles/b", ""),
)  # fmt: skip
FILES = {
    "a.md": Entry(
        (1, 2, 3, 4), "facts", "digest", 0, 7, "a", "hugo", DETAILS_OF_A, (), ("old", "older"),
        ("staff",), ("_part.md",), 2, "learned", (LinkedFile("c.pdf", (5, 6), "key"),), True,
    ),
    "b.md": Entry((5, 6, 7, 8), "", ""),
    "c.md": Entry(
        (9, 10, 11, 12), "", "", problems=(Problem("c.md", 1, "too-slow", Message("slow")),)
    ),
}  # fmt: skip


def written(folder, entries):
    """The entries as they are read back from a folder that holds no others."""
    (folder / TABLE).unlink(missing_ok=True)
    return entry_table.read(folder, EntryTable(entries).write(folder))


def test_entries_come_back_as_they_were_written(tmp_path):
    found = written(tmp_path, FILES)

    assert list(found) == list(FILES)
    assert [entry.details for entry in found.values()] == [DETAILS_OF_A, Details(), Details()]
    assert found == FILES
    assert written(tmp_path, {}) == {}


def test_details_that_nobody_asked_for_are_written_as_they_are(tmp_path):
    found = written(tmp_path, FILES)
    details = read_arrays(tmp_path / TABLE)["details"].tobytes()
    (tmp_path / TABLE).unlink()

    found.write(tmp_path)

    assert read_arrays(tmp_path / TABLE)["details"].tobytes() == details
    assert all(isinstance(entry.kept, bytes) for entry in found.values())


def opened(entries):
    """The entries as a dictionary, with details that are asked for, which is seen in them."""
    return {path: (entry.details, entry) for path, entry in entries.items()}


def any_entry(chance):
    """An entry with something in some of the fields that few have."""
    entry = Entry(
        tuple(chance.choices(range(9), k=4)), chance.choice("xy"), str(chance.random()),
        chance.choice((-1, 0, 0, 1)), chance.randrange(9), f"slug {chance.random()}",
        kept=Details(lang=str(chance.random())),
    )  # fmt: skip
    for name, value in (
        ("aliases", ("old",)), ("remote_images", 2), ("learned", "state"), ("names_files", True),
        ("includes", ("_part.md",)), ("audience", ("staff",)),
    ):  # fmt: skip
        if chance.random() < 0.2:
            setattr(entry, name, value)
    return entry


@pytest.mark.parametrize("seed", range(20))
def test_a_table_that_changes_is_written_as_one_made_of_its_entries(tmp_path, seed):
    chance = random.Random(seed)
    expected = {f"{number:02}.md": any_entry(chance) for number in range(40)}
    table = written(tmp_path, expected)

    for _ in range(4):
        for path in chance.sample(sorted(expected), 4):
            del table[path], expected[path]
        for path in chance.sample([f"{number:02}.md" for number in range(60)], 4):
            table[path] = expected[path] = any_entry(chance)
        for path in chance.sample(sorted(expected), 2):  # what a row says is changed in place
            for each in table, expected:
                each[path].lead(["to"])
        made = {name: (tmp_path / name) for name in ("changed", "made")}
        for folder in made.values():
            folder.mkdir(exist_ok=True)
            (folder / TABLE).unlink(missing_ok=True)
        columns = table.write(made["changed"])
        anew = EntryTable(expected).write(made["made"])

        found = entry_table.read(made["changed"], columns)
        assert list(found) == sorted(expected) == sorted(table)
        assert [opened(each) for each in (found, table)] == [opened(expected)] * 2
        assert [columns[name] for name in ("path", "slug", "digest", "rare")] == [
            anew[name] for name in ("path", "slug", "digest", "rare")
        ]
        arrays, others = (read_arrays(folder / TABLE) for folder in made.values())
        assert all(np.array_equal(arrays[name], others[name]) for name in others if name != "group")
        table = entry_table.read(made["changed"], columns)  # nothing of which is asked for yet


@pytest.mark.parametrize("seed", range(10))
def test_columns_say_what_the_entries_say(tmp_path, seed):
    chance = random.Random(seed)
    table = written(tmp_path, {f"{number:02}.md": any_entry(chance) for number in range(40)})
    was = table.only(np.arange(40))
    for path in chance.sample(list(table), 6):
        del table[path]
    for path in chance.sample([f"{number:02}.md" for number in range(60)], 6):
        table[path] = any_entry(chance)

    served = {path: entry for path, entry in table.items() if entry.is_served}

    assert (dict(table.served), len(table.served)) == (served, len(served))
    assert [path for path in [*was, "none", 5] if path in table.served] == [
        path for path in was if path in served
    ]
    for name in ("slug", "digest"):
        found = zip(table.served.column("path"), table.served.column(name), strict=True)
        assert dict(found) == {path: getattr(entry, name) for path, entry in served.items()}
    for name in ("aliases", "remote_images", "names_files", "audience"):
        for told, entries in (table.rare(name), table), (table.served.rare(name), served):
            assert dict(told) == {
                path: value for path, entry in entries.items() if (value := getattr(entry, name))
            }
    counts = table.count_by_segment()
    segments = [entry.segment for entry in served.values()]
    assert counts == {segment: segments.count(segment) for segment in set(segments)}
    assert table.from_segment(1) == {p: each for p, each in served.items() if each.segment >= 1}
    assert was.articles_besides(table) == {
        path for path, entry in was.items() if entry.is_served and path not in served
    }


def test_rows_are_known_by_path_and_stat(tmp_path):
    table = written(tmp_path, FILES)
    del table["c.md"]
    paths = ["a.md", "b.md", "c.md", "d.md"]
    stats = [(1, 2, 3, 4), (5, 6, 7, 9), (9, 10, 11, 12), (1, 2, 3, 4)]

    assert table.rows_of(paths, stats_of(stats, 4)).tolist() == [0, -1, -1, -1]
    assert table.rows_of(paths, stats_of(stats, 2)).tolist() == [0, 1, -1, -1]
    assert EntryTable().rows_of(paths, stats_of(stats, 4)).tolist() == [-1] * 4


def test_inodes_may_fill_64_bits(tmp_path):
    stat = (1, -2, (1 << 64) - 1, 4)
    table = written(tmp_path, {"a.md": Entry(stat, "", "")})

    assert table.rows_of(["a.md"], stats_of([stat], 4)).tolist() == [0]
    assert table.rows_of(["a.md"], stats_of([stat], 2)).tolist() == [0]
    assert table.rows_of(["a.md"], stats_of([(1, -2, (1 << 64) - 2, 4)], 4)).tolist() == [-1]


@pytest.mark.parametrize("name", ["slug", "digest", "groups"])
def test_columns_that_do_not_belong_together_are_not_read(tmp_path, name):
    columns = EntryTable(FILES).write(tmp_path)

    with pytest.raises(ValueError, match="do not belong together"):
        entry_table.read(tmp_path, {**columns, name: columns[name][1:]})
