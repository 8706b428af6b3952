"""Writes the segments of a build: new ones from articles, kept ones as copies of the old files.

What is too much to copy is linked; a damaged file then ends both builds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from isal import isal_zlib

from kb.base.errors import BuildFailed, IndexDamaged
from kb.base.messages import Message
from kb.index import builds, whoosh_index
from kb.index.builds import Build
from kb.index.changes import PreviousBuild
from kb.index.contents import Contents, StoredArticle
from kb.index.document import Analysed
from kb.index.entries import Entry
from kb.index.reader import IndexReader
from kb.index.segment import Segment, ranking_file
from kb.index.segment_writer import SegmentWriter
from kb.index.whoosh_index import Told

# Shares of the time that writing takes, at which its parts end.
_ADDING, _COUNTED, _INDEXED = 0.2, 0.35, 0.9
MOST_SEGMENTS = 12  # beyond it the small ones are merged
MOST_COPIED = 64 * 2**20  # bytes of kept files; beyond it, and in a hurry, they are linked
MOST_DELETED = 0.1  # share of articles superseded in place; beyond it all are written afresh


def write_segments(
    draft: Path,
    before: PreviousBuild | None,
    contents: Contents,
    patience: int = 1,
    written: Told = lambda share: None,
) -> tuple[list[str], list[list[int]]]:
    """Writes the Whoosh index and the segments of a build into the folder `draft`.

    Segments of `before` are kept where they may stay, and the new articles become one more;
    `patience` multiplies how many segments and superseded articles may stay, and while a writer
    waits (more than 1) nothing is copied. `written` is called with the share of the work that is
    done, 0–1. The entries of `contents` get their places.

    One article after another is read and written, so that memory holds few of them.

    Returns the names of the segments, and for each the numbers of its articles that are superseded
    or gone. Raises IndexDamaged if an article of `before` cannot be read back, BuildFailed if
    Whoosh does not hold what it was given.
    """
    if before is not None and (kept := _segments_kept(before, contents, patience)):
        return _append(draft, before, contents, kept, written, is_hurried=patience > 1)
    whole = (
        contents.docs if before is None else {**contents.docs, **restored(before, contents.entries)}
    )
    index = whoosh_index.create(draft / whoosh_index.FOLDER)
    _add(index, whole, draft, "0.kb", told=written)
    _place(whole, 0, contents)
    return ["0.kb"], [[]]


def restored(
    before: PreviousBuild | None, entries: Mapping[str, Entry]
) -> dict[str, StoredArticle]:
    """The articles of `entries` as they lie in the previous build.

    Raises IndexDamaged if it cannot be opened, and when an article is read that cannot be.
    """
    if before is None:
        return {}
    with _damage(before.build.name):
        opened = [Segment(before.build.folder / name) for name in before.segments]
    return {
        path: StoredArticle(
            entry, partial(_restore, before.build.name, opened[entry.segment], entry.doc)
        )
        for path, entry in entries.items()
        if entry.is_served
    }


def _restore(build: str, segment: Segment, doc: int) -> Analysed:
    with _damage(build):
        return segment.restore(doc)


@contextmanager
def _damage(build: str) -> Iterator[None]:
    """Raises IndexDamaged for what goes wrong where the arrays of a build do not hold together."""
    try:
        yield
    except (  # type: ignore[misc]  # stubs of isal
        isal_zlib.error, ValueError, LookupError, TypeError,
    ) as error:  # fmt: skip
        reason = str(error)
        raise IndexDamaged(
            Message("build {name}: {reason}; run `kb index --full`", name=build, reason=reason)
        ) from None


def _segments_kept(before: PreviousBuild, contents: Contents, patience: int) -> int:
    """How many of the first segments stay as they are; 0: all articles are written afresh.

    Where there are too many, the last ones are merged, as many as hold no more articles together
    than the one before them.
    """
    new = len(contents.docs)
    served = contents.entries.count_by_segment()
    kept, count = sum(served.values()), len(before.segments)
    deleted = len(before.served) + sum(map(len, before.deleted)) - kept
    if not kept or deleted + new > MOST_DELETED * patience * (kept + new):
        return 0
    if count < MOST_SEGMENTS * patience:
        return count
    sizes = [served.get(number, 0) for number in range(count)]
    few = range(1, count // 2 + 1)
    return next((first for first in few if sum(sizes[first:]) <= sizes[first - 1]), 0)


def _append(
    draft: Path,
    before: PreviousBuild,
    contents: Contents,
    kept: int,
    written: Told,
    *,
    is_hurried: bool,
) -> tuple[list[str], list[list[int]]]:
    """Keeps the first `kept` segments of the previous build and adds one.

    The new segment holds the new articles and those of the segments that do not stay.
    """
    docs = contents.docs
    segments, deleted = before.segments[:kept], [list(numbers) for numbers in before.deleted[:kept]]
    _keep(before, draft, segments, is_hurried=is_hurried)
    index = whoosh_index.open_dir(draft / whoosh_index.FOLDER)
    gone = [place for place in _gone(before, contents) if place[0] < kept]
    for segment, doc in gone:
        deleted[segment].append(doc)
    added = docs
    if kept < len(before.segments):
        added = {**docs, **restored(before, contents.entries.from_segment(kept))}
    if added:
        segments.append(f"{kept}.kb")
        deleted.append([])
        _place(added, kept, contents)
    if added or gone or kept < len(before.segments):
        _add(index, added, draft, segments[-1] if added else "", gone, kept, written)
    return segments, [sorted(numbers) for numbers in deleted]


def _keep(before: PreviousBuild, draft: Path, segments: Sequence[str], *, is_hurried: bool) -> None:
    """Puts files of the previous build into the draft, neither of which is written to again.

    They are copied, so that damage to one build leaves the other whole, unless that takes long.
    """
    old, index = before.build.folder, whoosh_index.FOLDER
    (draft / index).mkdir()
    found = [path for path in (old / index).iterdir() if path.name != whoosh_index.WRITE_LOCK]
    files = [f"{index}/{path.name}" for path in found]
    files += [each for name in segments for each in (name, ranking_file(Path(name)).name)]
    is_small = sum((old / file).stat().st_size for file in files) <= MOST_COPIED
    for file in files:
        if is_small and not is_hurried:
            builds.copy_file(before.build, file, draft / file)
        else:
            builds.link_or_copy(old / file, draft / file)


def _gone(before: PreviousBuild, contents: Contents) -> list[tuple[int, int]]:
    """Segment and number of the articles that changed or were removed."""
    former, placed = before.articles, contents.placed
    paths = contents.renewed & former.keys() | contents.gone
    return sorted(
        (old.segment, old.doc)
        for old, new in ((former[path], placed.get(path)) for path in paths)
        if new is None or (new.segment, new.doc) != (old.segment, old.doc)
    )


def _add(
    index: Any,
    docs: Mapping[str, StoredArticle],
    draft: Path,
    name: str,
    gone: Sequence[tuple[int, int]] = (),
    kept: int = 0,
    told: Told = lambda share: None,
) -> None:
    """Adds articles as one segment to the Whoosh index and as a file of `draft`, by their paths.

    Of the previous segments the first `kept` stay, and the articles `gone` are deleted from them.
    Without the `name` of a file no article is added.
    """
    segment = SegmentWriter(draft)
    for number, path in enumerate(sorted(docs), 1):
        segment.add(docs[path].read())
        told(_ADDING * number / len(docs))
    counted = segment.counted
    told(_COUNTED)
    indexed = partial(_between, told, _COUNTED, _INDEXED)
    whoosh_index.add_segment(index, segment.cards, counted, gone, kept, indexed)
    if not name:
        return
    try:
        whoosh_index.confirm_segment(index, segment.size, counted)
    except ValueError as error:
        reason = Message("{reason}; run `kb index --full`", reason=str(error))
        raise BuildFailed(reason) from error
    segment.write(draft / name, whoosh_index.rounded_lengths)
    told(1)


def _between(told: Told, low: float, high: float, share: float) -> None:
    """Tells the share of a part of the work as one of the whole."""
    told(low + (high - low) * share)


def _place(docs: Mapping[str, StoredArticle], segment: int, contents: Contents) -> None:
    """Notes in `contents` which number each article has in a new segment."""
    for number, path in enumerate(sorted(docs)):
        contents.renew(path, replace(docs[path].entry, segment=segment, doc=number))


def verify(
    draft: Path, expected: int, segments: Sequence[str], deleted: Sequence[Sequence[int]]
) -> IndexReader:
    """Opens a draft and counts its articles. Returns its reader.

    Raises BuildFailed unless the Whoosh index and the segments both hold `expected` articles.
    """
    found = whoosh_index.count_articles(whoosh_index.open_dir(draft / whoosh_index.FOLDER))
    reader = IndexReader(Build(draft.name, draft, {"segments": segments, "dead": deleted}))
    live = reader.corpus.size - sum(map(len, deleted))
    if not found == live == expected:
        raise BuildFailed(
            Message(
                "the new build holds {found} articles in the index and {live} in its arrays"
                " instead of {expected}; run `kb index --full`",
                found=found,
                live=live,
                expected=expected,
            )
        )
    return reader
