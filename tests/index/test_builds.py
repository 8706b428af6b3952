"""A build is whole or invisible, whatever happens to the process, the disk, the clock or the files.

Builds here are a few small files: `kb.index.builds` knows nothing of articles.
"""

import errno
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT, TESTS

from kb.base.errors import BuildFailed, IndexDamaged, IndexMissing, KBError
from kb.index.arrays import read_arrays, write_arrays
from kb.index.builds import FORMAT, MANIFEST, Builds, _checksum, link_or_copy

SIZE = 20_000


@pytest.fixture
def builds(tmp_path):
    return Builds(tmp_path / "builds")


def publish(builds, content="one", **options):
    """Publishes a build of a file, a folder with a file, and arrays, all telling `content`."""
    with builds.draft() as draft:
        (draft / "text").write_text(content)
        (draft / "folder").mkdir()
        (draft / "folder" / "inside").write_text(content * SIZE)
        write_arrays(draft / "arrays.kb", {"told": np.frombuffer(content.encode(), np.uint8)})
        return builds.publish(draft, {"content": content}, **options)


def content(build):
    """What the files of a build tell; all of them the same."""
    text = (build.folder / "text").read_text()
    assert build.manifest["content"] == text
    assert (build.folder / "folder" / "inside").read_text() == text * SIZE
    assert read_arrays(build.folder / "arrays.kb")["told"].tobytes().decode() == text
    return text


def fresh(builds):
    """The folder of builds as another process sees it: nothing checked yet."""
    return Builds(builds.root)


def names(builds):
    return sorted(entry.name for entry in builds.root.iterdir() if entry.is_dir())


# ---------------------------------------------------------------- arrays in one file


ARRAYS = [
    np.arange(7, dtype=np.int32),
    np.empty(0, np.float32),
    np.array([[1.5, -2.5], [0.0, np.inf]]),
    np.array([True, False]),
    np.arange(200, dtype=np.uint16)[::3],  # not contiguous
    np.array(7, np.int64),  # no dimension
    np.zeros((0, 3), np.uint8),
]


@given(st.dictionaries(st.text("abя. ", max_size=5), st.sampled_from(ARRAYS)))
def test_arrays_come_back_as_they_were_written(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("arrays") / "a.kb"

    write_arrays(path, arrays)
    found = read_arrays(path)

    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)


def test_mapped_arrays_cannot_be_written_to(tmp_path):
    write_arrays(tmp_path / "a.kb", {"a": np.arange(3)})

    found = read_arrays(tmp_path / "a.kb")["a"]

    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


def test_arrays_are_never_written_over_a_file_that_is_there(tmp_path):
    write_arrays(tmp_path / "a.kb", {"a": np.arange(3)})

    with pytest.raises(FileExistsError):
        write_arrays(tmp_path / "a.kb", {"a": np.arange(4)})


@given(st.binary(max_size=200), st.sampled_from(["", "magic", "header"]))
def test_any_bytes_are_arrays_or_one_clear_sentence(tmp_path_factory, data, head):
    path = tmp_path_factory.mktemp("arrays") / "a.kb"
    if head:
        data = b"kbarrays" + (len(data).to_bytes(8, "little") if head == "header" else b"") + data
    path.write_bytes(data)

    message = ""
    try:
        read_arrays(path)
    except IndexDamaged as error:
        message = str(error)

    assert not message or message.startswith(f"{path}: ")
    assert not message or message.endswith("run `kb index --full`")


@pytest.mark.parametrize(
    "header",
    [
        '{"a": ["O", [1], 0]}',
        '{"a": ["<i4", [99999], 0]}',
        '{"a": ["<i4", [-1], 0]}',
        '{"a": ["<i4", [1], -9999]}',
        '{"a": ["<i4", [1], 1e400]}',
        '{"a": ["(", [1], 0]}',
        '{"a": 1}',
        "[1]",
        "null",
        '{"a": ["<i4", 1, 0]}',
    ],
)
def test_a_header_that_lies_is_one_clear_sentence(tmp_path, header):
    path = tmp_path / "a.kb"
    path.write_bytes(b"kbarrays" + len(header).to_bytes(8, "little") + header.encode() + b"1234")

    with pytest.raises(IndexDamaged, match="run `kb index --full`"):
        read_arrays(path)


# ---------------------------------------------------------------- publishing


def test_before_the_first_build_one_sentence_says_what_to_run(builds):
    with pytest.raises(IndexMissing, match="run `kb index`"):
        builds.current()

    assert builds.stamp() is None


def test_what_was_published_is_current(builds):
    first = publish(builds, "one")
    assert builds.current() == first
    assert content(fresh(builds).current()) == "one"

    second = publish(builds, "two")

    assert second.name > first.name
    assert content(builds.current()) == "two"


def test_the_stamp_changes_with_every_build_and_only_then(builds):
    publish(builds)
    first = builds.stamp()
    with builds.draft() as draft:
        (draft / "text").write_text("thrown away")

    assert builds.stamp() == first
    publish(builds)
    assert builds.stamp() != first


def test_a_draft_nobody_published_leaves_nothing(builds):
    with builds.draft() as draft:
        (draft / "text").write_text("x")

    assert not draft.exists()
    assert names(builds) == []


def test_a_draft_that_fails_leaves_nothing_and_keeps_the_old_build(builds):
    publish(builds, "old")

    def fail():
        with builds.draft() as draft:
            (draft / "text").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert names(builds) == [builds.current().name]
    assert content(builds.current()) == "old"


def test_what_a_killed_build_left_is_swept_by_the_next(builds):
    publish(builds)
    left = builds.root / "unfinished-20200101-000000-abcdef"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "file").write_text("x")

    publish(builds)

    assert not left.exists()


def test_a_draft_is_never_current_even_without_a_pointer(builds):
    draft = builds.root / "unfinished-20200101-000000-abcdef"
    draft.mkdir(parents=True)

    with pytest.raises(IndexMissing):
        builds.current()


def test_folders_that_are_no_builds_are_left_alone(builds):
    publish(builds, "one")
    for name in ("lost+found", "zzz", "backup of 2020", "20200101"):
        (builds.root / name).mkdir()

    for text in ("two", "three", "four"):
        publish(builds, text)

    assert content(builds.current()) == "four"
    assert {"lost+found", "zzz", "backup of 2020", "20200101"} < set(names(builds))
    assert len(names(builds)) == 4 + 2


def test_only_the_owner_may_look_into_a_draft(builds):
    with builds.draft() as draft:
        assert draft.stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------- reaching the disk


def recorded(builds, monkeypatch):
    """Publishes a build; paths that were synced before its pointer moved, and after."""
    synced, moved = [], []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle):
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def note_replace(source, target):
        moved.append(len(synced))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", note_fsync)
        patch.setattr(os, "replace", note_replace)
        build = publish(builds)
    assert len(moved) == 1
    return build, synced[: moved[0]], synced[moved[0] :]


def test_every_file_and_folder_reaches_the_disk_before_the_pointer_moves(builds, monkeypatch):
    publish(builds)

    build, before, after = recorded(builds, monkeypatch)

    synced = {path.name for path in before if "unfinished-" in str(path)}
    everything = {path.name for path in build.folder.rglob("*")}
    assert everything <= synced
    assert any(path.name.startswith("unfinished-") for path in before)  # the folder itself
    assert builds.root in before  # its new name
    assert builds.root / "current.new" in before
    assert builds.root in after  # the pointer's new name


def test_after_a_power_cut_whatever_was_not_synced_may_be_lost(builds, monkeypatch):
    """Truncates each file of the new build that no fsync saw before the pointer moved."""
    publish(builds, "old")
    build, before, _ = recorded(builds, monkeypatch)
    safe = {path.name for path in before}

    lost = [p for p in build.folder.rglob("*") if p.is_file() and p.name not in safe]
    for path in lost:
        path.write_bytes(b"")

    assert lost == []
    assert fresh(builds).current().name == build.name


def test_a_build_is_verified_before_the_pointer_moves(builds, monkeypatch):
    publish(builds, "old")
    rename = os.rename

    def damaging(source, target):
        rename(source, target)
        (Path(target) / "text").write_text("other")

    monkeypatch.setattr(os, "rename", damaging)
    with pytest.raises(BuildFailed, match="the old build goes on serving"):
        publish(builds, "new")

    assert content(fresh(builds).current()) == "old"
    assert len(names(builds)) == 1


# ---------------------------------------------------------------- damage


def damage(path, how, rng):
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
        return
    if how == "empty":
        data = bytearray()
    elif how == "truncated":
        data = data[: rng.randrange(len(data))]
    else:
        at = rng.randrange(len(data) * 8)
        data[at // 8] ^= 1 << at % 8
    path.write_bytes(data)


FILES = ["text", "folder/inside", "arrays.kb", MANIFEST]


@pytest.mark.parametrize("how", ["empty", "truncated", "gone", "flipped"])
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_build_makes_room_for_the_one_before(builds, file, how):
    publish(builds, "old")
    new = publish(builds, "new")

    damage(new.folder / file, how, random.Random(1))

    assert content(fresh(builds).current()) == "old"
    assert content(builds.current()) == "old"  # the process that had it open sees it, too


def test_150_single_bit_flips_are_all_noticed(builds):
    publish(builds, "old")
    new = publish(builds, "new")
    rng = random.Random(2)

    for _ in range(150):
        path = new.folder / rng.choice(FILES)
        sound = path.read_bytes()
        damage(path, "flipped", rng)
        assert content(fresh(builds).current()) == "old"
        path.write_bytes(sound)

    assert content(fresh(builds).current()) == "new"


@pytest.mark.parametrize("how", ["empty", "truncated", "gone", "flipped"])
def test_when_no_build_can_be_read_one_sentence_says_why_and_what_to_run(builds, how):
    for text in ("old", "new"):
        build = publish(builds, text)
        damage(build.folder / "arrays.kb", how, random.Random(3))

    with pytest.raises(IndexDamaged) as caught:
        fresh(builds).current()

    assert build.name in str(caught.value)  # the current one is named, not the older
    assert "arrays.kb" in str(caught.value)
    assert str(caught.value).endswith("run `kb index --full`")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pointer", ["", "\0", "../..", "nothing-such", "\xff" * 300])
def test_a_pointer_that_makes_no_sense_means_the_newest_build(builds, pointer):
    publish(builds, "old")
    publish(builds, "new")

    (builds.root / "current").write_text(pointer, "latin-1")
    assert content(fresh(builds).current()) == "new"

    (builds.root / "current").unlink()
    assert content(fresh(builds).current()) == "new"


def test_a_build_of_another_format_is_not_read(builds, monkeypatch):
    publish(builds)
    monkeypatch.setattr("kb.index.builds.FORMAT", FORMAT + 1)

    with pytest.raises(
        IndexDamaged,
        match=rf"format {FORMAT}, this version reads {FORMAT + 1}; "
        r"run `kb index --full`",
    ):
        fresh(builds).current()


def test_a_file_is_read_whole_only_once(builds, monkeypatch):
    publish(builds)
    reader = fresh(builds)
    reader.current()

    monkeypatch.setattr("kb.index.builds._checksum", lambda path: pytest.fail(f"{path} read again"))

    assert content(reader.current()) == "one"


def test_a_file_that_two_builds_share_is_not_read_again_for_the_second(builds, monkeypatch):
    first = publish(builds)
    read = []
    monkeypatch.setattr(
        "kb.index.builds._checksum", lambda path: read.append(path.name) or _checksum(path)
    )

    with builds.draft() as draft:
        link_or_copy(first.folder / "text", draft / "text")
        (draft / "new").write_text("new")
        second = builds.publish(draft, {})

    assert read == ["new", "new"]  # for the manifest, and again as it came to the disk
    assert second.manifest["files"]["text"] == first.manifest["files"]["text"]


@pytest.mark.parametrize("at", [0, 999, 1000, 4999, 5000, 5099])
def test_a_large_file_is_compared_piece_by_piece(builds, monkeypatch, at):
    monkeypatch.setattr("kb.index.builds._PIECE", 1000)
    with builds.draft() as draft:
        (draft / "large").write_bytes(bytes(range(255)) * 20)
        build = builds.publish(draft, {})
    assert fresh(builds).sound(build.name)

    with (build.folder / "large").open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 4]))

    assert not fresh(builds).sound(build.name)


# ---------------------------------------------------------------- old builds


def test_old_builds_are_dropped_but_the_one_before_stays(builds):
    for number in range(5):
        build = publish(builds, f"{number}")

    assert len(names(builds)) == 2
    assert max(names(builds)) == build.name


def test_a_reader_goes_on_reading_a_build_that_was_dropped(builds):
    first = publish(builds, "one")
    opened = read_arrays(first.folder / "arrays.kb")

    for text in ("two", "three", "four"):
        publish(builds, text)

    assert not first.folder.exists()
    assert opened["told"].tobytes() == b"one"


def test_a_reader_that_loses_its_build_while_opening_it_takes_the_new_one(builds, monkeypatch):
    publish(builds, "one")
    later = ["two", "three", "four"]

    def slow(path):
        if later:  # while we read, others publish, and what we read is dropped
            with monkeypatch.context() as patch:
                patch.setattr("kb.index.builds._checksum", _checksum)
                publish(Builds(builds.root), later.pop(0))
        return _checksum(path)

    monkeypatch.setattr("kb.index.builds._checksum", slow)

    assert content(fresh(builds).current()) in ("three", "four")  # both were there in the end


def test_going_back_serves_the_build_before_until_the_next_one(builds):
    publish(builds, "old")
    publish(builds, "new")

    assert content(builds.rollback()) == "old"
    assert content(fresh(builds).current()) == "old"
    with pytest.raises(IndexMissing, match="nothing to go back to"):
        builds.rollback()

    publish(builds, "newer")
    assert content(fresh(builds).current()) == "newer"


def test_what_was_withdrawn_is_never_gone_back_to(builds):
    publish(builds, "good")
    bad = publish(builds, "bad")
    builds.rollback()
    assert [build.name for build in fresh(builds).withdrawn()] == [bad.name]

    publish(builds, "better")
    assert fresh(builds).withdrawn() == []
    assert content(builds.rollback()) == "good"


def test_a_withdrawn_build_stands_in_for_nothing_that_is_sound(builds):
    publish(builds, "older", keep=3)
    publish(builds, "good", keep=3)
    publish(builds, "bad", keep=3)
    good = builds.rollback()
    (good.folder / "text").unlink()

    assert content(fresh(builds).current()) == "older"


def test_going_back_passes_over_a_damaged_build(builds):
    for text in ("one", "two", "three"):
        publish(builds, text, keep=3)
    two = builds.root / names(builds)[1]
    (two / "text").unlink()

    assert content(builds.rollback()) == "one"


def test_going_back_waits_for_no_build(builds):
    publish(builds, "old")
    publish(builds, "new")

    with builds.draft(), pytest.raises(BuildFailed, match="another process is building"):
        Builds(builds.root).rollback()


def test_a_clock_set_back_changes_nothing(builds, monkeypatch):
    for year in (2030, 2020, 2010):
        now = time.struct_time((year, 1, 1, 0, 0, 0, 0, 1, 0))
        monkeypatch.setattr(time, "gmtime", lambda now=now: now)
        for number in range(3):
            publish(builds, f"{year} {number}")
            (builds.root / "current").unlink()  # names alone tell the order
            assert content(fresh(builds).current()) == f"{year} {number}"


def test_names_do_not_grow_while_the_clock_is_behind(builds, monkeypatch):
    now = time.struct_time((2030, 1, 1, 0, 0, 0, 0, 1, 0))
    publish(builds)
    monkeypatch.setattr(time, "gmtime", lambda: now)
    publish(builds)
    monkeypatch.undo()

    for _ in range(300):
        name = builds._unused("20200101-000000-abcdef")
        (builds.root / name).mkdir()

    assert len(name) < 40
    assert len(names(builds)) == 302


# ---------------------------------------------------------------- two at once, and a full disk


def _build_and_wait(root, ready, go):
    with Builds(root).draft():
        ready.set()
        go.wait(30)


def test_a_second_builder_is_told_so_in_one_sentence(builds):
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    other = context.Process(target=_build_and_wait, args=(builds.root, ready, go))
    other.start()
    assert ready.wait(30)

    with pytest.raises(BuildFailed) as caught, builds.draft():
        pass
    go.set()
    other.join()

    assert str(caught.value) == (
        f"another process is building in {builds.root}; wait until it has finished"
    )
    assert content(publish(builds)) == "one"


def test_the_lock_goes_with_a_killed_process(builds):
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    other = context.Process(target=_build_and_wait, args=(builds.root, ready, go))
    other.start()
    assert ready.wait(30)
    other.kill()
    other.join()

    assert content(publish(builds)) == "one"
    assert len(names(builds)) == 1


def test_a_full_disk_is_one_sentence_and_the_old_build_stays(builds, monkeypatch):
    publish(builds, "old")

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for place in ("write_text", "write_bytes", "mkdir"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, place, full)
            with pytest.raises(BuildFailed, match=r"the disk of .* is full; free some space"):
                publish(builds, "new")
        assert content(fresh(builds).current()) == "old"
        assert len(names(builds)) == 1

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BuildFailed, match="free some space and run `kb index` again"):
            publish(builds, "new")
    assert content(fresh(builds).current()) == "old"
    assert content(publish(builds, "next")) == "next"


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("a small disk needs root and mount(8)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_disk_that_is_really_full_the_old_build_serves_and_the_next_works(small_disk):
    builds = Builds(small_disk / "builds")
    publish(builds, "old")

    for size in (700_000, 900_000, 960_000):
        (small_disk / "ballast").write_bytes(b"x" * size)
        with pytest.raises(BuildFailed, match="the disk of"), builds.draft() as draft:
            (draft / "large").write_bytes(b"x" * 1_200_000)
        assert content(fresh(builds).current()) == "old"
        (small_disk / "ballast").unlink()

    assert content(publish(builds, "new")) == "new"


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "var").write_text("")

    with pytest.raises(BuildFailed) as caught, Builds(tmp_path / "var" / "builds").draft():
        pass

    assert "var" in str(caught.value)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- kill −9

# Publishes builds one after another until it is killed; says one word per build.
_ENDLESS = """
import sys
sys.path[:0] = {folders!r}
from pathlib import Path
from test_builds import publish
from kb.index.builds import Builds
builds = Builds(Path(sys.argv[1]))
number = 0
while True:
    publish(builds, "build %d" % number)
    print(number, flush=True)
    number += 1
"""


def test_a_store_killed_at_any_moment_can_be_read_and_written(builds):
    code = _ENDLESS.format(folders=[str(ROOT), str(TESTS), str(TESTS / "index")])
    rng = random.Random(4)
    publish(builds, "first")

    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(builds.root)], stdout=subprocess.PIPE
        )
        process.stdout.readline()  # it is at work now
        time.sleep(rng.random() * 0.05)
        process.kill()
        process.communicate()
        assert content(fresh(builds).current()).startswith("build ")

    assert content(publish(builds, "last")) == "last"
    assert not [name for name in names(builds) if name.startswith("unfinished")]


def test_every_failure_is_one_the_command_line_can_say():
    assert issubclass(BuildFailed, KBError)
    assert issubclass(IndexDamaged, KBError)
    assert issubclass(IndexMissing, KBError)


def test_the_current_build_stays_however_few_are_kept_and_others_drop(builds):
    older = publish(builds, "older", keep=3)
    publish(builds, "newer", keep=3)

    builds.follow(older.name, keep=1)

    assert (names(builds), builds.current().name) == ([older.name], older.name)


def test_a_copy_of_a_build_that_is_damaged_is_not_made_current(builds, tmp_path):
    publish(builds, "one")
    other = publish(Builds(tmp_path / "other"), "two")
    with builds.draft() as draft:
        shutil.copytree(other.folder, draft, dirs_exist_ok=True)
        (draft / "text").write_text("x")
        with pytest.raises(BuildFailed, match="the old build goes on serving"):
            builds.adopt(draft, other.name)

    assert content(fresh(builds).current()) == "one"
