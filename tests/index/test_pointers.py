"""A build whose pointer arrays lead nowhere is damaged when it is opened, not when it is asked."""

from dataclasses import replace
from pathlib import Path

import bases
import numpy as np
import pytest

from kb.base.errors import IndexDamaged
from kb.index import pointers
from kb.index.arrays import read_arrays, write_arrays
from kb.index.reader import SCORES, IndexReader
from kb.index.segment import ranking_file

NAMES = ("sections.ptr", *(name for name, _, _ in pointers._POINTERS))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return bases.made_up(tmp_path_factory.mktemp("base"), count=20, seed=31)


@pytest.fixture(scope="module")
def arrays(base):
    (segment,) = base.catalog().reader.corpus.segments
    return segment.arrays


def test_what_was_written_points_where_it_should(arrays):
    pointers.check(arrays)


def test_every_pointer_array_of_a_segment_is_checked(arrays):
    written = {name for name in arrays if name.endswith((".ptr", ".of", ".offsets"))}

    assert written == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "damaged",
    [
        lambda ptr: np.append(ptr[:-1], ptr[-1] + 1),
        lambda ptr: np.append(ptr[:-1], ptr[-1] - 1),
        lambda ptr: np.concatenate([ptr[:1] + 1, ptr[1:]]),
        lambda ptr: np.concatenate([ptr[:1], ptr[-1:] + 1, ptr[2:]]),
        lambda ptr: np.where(np.arange(len(ptr)) == 1, np.iinfo(ptr.dtype).max, ptr),
        lambda ptr: np.where(np.arange(len(ptr)) == 1, np.iinfo(ptr.dtype).min, ptr) - 1,
        lambda ptr: ptr[:-1],
        lambda ptr: ptr[:0],
        lambda ptr: np.append(ptr, ptr[-1]),
        lambda ptr: ptr.reshape(-1, 1),
    ],
)
def test_a_pointer_array_that_leads_elsewhere_is_named(arrays, name, damaged):
    with pytest.raises(ValueError, match=r"point|end where|has not one value"):
        pointers.check({**arrays, name: damaged(arrays[name])})


@pytest.mark.parametrize(
    "name", sorted({target for _, _, targets in pointers._POINTERS for target in targets})
)
def test_an_array_that_is_cut_off_is_named(arrays, name):
    if len(arrays[name]):
        with pytest.raises(
            ValueError, match=r"end where its arrays end|has not one value|point to one"
        ):
            pointers.check({**arrays, name: arrays[name][:-1]})


@pytest.mark.parametrize(
    "name", [name for _, names in pointers._VALUES for name in names if name != "flags"]
)
def test_an_array_with_a_value_too_few_is_named(arrays, name):
    with pytest.raises(ValueError, match=f"{name} has not one value for each"):
        pointers.check({**arrays, name: arrays[name][:-1]})


def opened_with(base, tmp_path, name, change):
    """The served build, one file of which holds other arrays."""
    build = base._builds.current()
    folder = tmp_path / "build"
    folder.mkdir()
    for file in build.folder.iterdir():
        if file.is_file() and file.name != name:
            (folder / file.name).symlink_to(file)
    arrays = dict(read_arrays(build.folder / name))
    change(arrays)
    write_arrays(folder / name, arrays)
    return IndexReader(replace(build, folder=folder))


def test_a_build_that_leads_nowhere_is_damaged_when_it_is_opened(base, tmp_path):
    (segment,) = base._builds.current().manifest["segments"]
    file = ranking_file(Path(segment)).name

    def change(arrays):
        arrays["regions.ptr"] = np.where(arrays["regions.ptr"] > 0, -(2**63), 0)

    with pytest.raises(IndexDamaged, match=r"regions.ptr.*kb index --full"):
        opened_with(base, tmp_path, file, change)


@pytest.mark.parametrize(
    "change", [lambda scores: scores[:-1], lambda scores: np.full_like(scores, np.nan)]
)
def test_scores_of_another_build_are_damaged_when_it_is_opened(base, tmp_path, change):
    def damaged(arrays):
        arrays.update({name: change(scores) for name, scores in arrays.items()})

    with pytest.raises(IndexDamaged, match=rf"{SCORES}.*kb index --full"):
        opened_with(base, tmp_path, SCORES, damaged)
    (tmp_path / "whole").mkdir()
    assert opened_with(base, tmp_path / "whole", SCORES, lambda arrays: None).corpus.size == 20
