"""What a build sets aside lies on disk, is read back as it was, and leaves nothing behind."""

import errno
import os
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from kb.content.articles import Article
from kb.content.markup import Rendered
from kb.index.arrays import read_arrays, write_arrays
from kb.index.contents import Contents
from kb.index.document import analyse
from kb.index.entries import Entry
from kb.index.entry_table import EntryTable
from kb.index.spool import MOST_IN_MEMORY, MOST_UNMAPPED, Column, Place, Spool, empty

RECORDS = [b"", b"one", "слово".encode(), b"x" * (MOST_IN_MEMORY // 2), b"y" * MOST_IN_MEMORY, b"z"]


def test_records_are_read_back_in_any_order_while_others_are_added(tmp_path):
    spool = Spool(tmp_path)
    places: list[Place] = []
    for record in RECORDS:
        places.append(spool.add(record))
        assert spool.read(places[0]) == RECORDS[0]

    assert [spool.read(place) for place in reversed(places)] == RECORDS[::-1]
    assert spool.size == sum(map(len, RECORDS))


@pytest.mark.parametrize("many", [10, MOST_IN_MEMORY])
def test_a_column_is_the_array_of_its_parts(tmp_path, many):
    column = Column(np.int32, tmp_path)
    parts = [np.arange(many), np.empty(0), np.arange(5)]
    for part in parts:
        column.append(part)
    whole = np.concatenate(parts).astype(np.int32)

    assert column.shape == whole.shape
    assert np.array_equal(column.read(3, 9), whole[3:9])
    assert np.array_equal(column.read(0, len(column)), whole)
    write_arrays(tmp_path / "a.kb", {"column": column, "other": np.arange(3)})
    found = read_arrays(tmp_path / "a.kb")
    assert np.array_equal(found["column"], whole)
    assert found["column"].dtype == np.int32
    assert np.array_equal(found["other"], np.arange(3))


def test_what_lies_on_disk_has_no_name(tmp_path):
    spool = Spool(tmp_path)
    spool.add(b"x" * 3 * MOST_IN_MEMORY)

    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("length", [0, 5, MOST_UNMAPPED])
def test_an_array_to_be_filled_may_lie_in_a_file_without_a_name(tmp_path, length):
    array = empty(length, np.uint16, tmp_path)
    array[:] = np.arange(length)

    assert np.array_equal(array, np.arange(length).astype(np.uint16))
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="no room"):
        empty(MOST_UNMAPPED, np.uint16, tmp_path)


def test_new_articles_lie_on_disk_until_they_are_written(tmp_path):
    contents = Contents(EntryTable(), {}, Spool(tmp_path))
    doc = analyse(Article("vpn.md", "vpn", "VPN", "en", "Connect."), Rendered("", ()))
    tracemalloc.start()
    for number in range(200):
        contents.keep(f"{number}.md", Entry((), "", ""), replace(doc, html=f"{number:50000}"))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 2 * MOST_IN_MEMORY  # of 10 MB
    assert [int(article.read().html) for article in contents.docs.values()] == [*range(200)]
