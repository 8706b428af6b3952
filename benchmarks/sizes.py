"""What the index of a build is made of: `python benchmarks/sizes.py BUILD [--arrays]`.

BUILD is a folder of `builds/` in a data folder. Prints the bytes of each kind of array, of each
article, and as a multiple of the text that is searched, which counts as UTF-8. With `--arrays`
every array that takes a hundredth of the text follows, with its type and its greatest value.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not ours: http.py

from kb.index import whoosh_index
from kb.index.arrays import read_arrays

# Kinds of arrays by the beginnings of their names.
KINDS = {
    "the text, which snippets are cut from": ("texts.",),
    "pages: HTML, Markdown and links, compressed": ("pages.",),
    "cards and headings, for lists": ("cards.", "heads.", "sections."),
    "each token: its word and where it stands": ("tokens.", "regions."),
    "each content word, for passages": ("content.", "lines."),
    "postings of dictionary forms, with scores": ("field.", "scores", "total.", "length."),
    "postings of words as written": ("surface.",),
    "words, dictionary forms, repairs": (
        "words.", "lemmas.", "word_lemmas.", "lemma_words.", "spell.",
    ),
    "n-grams of words": ("grams.",),
}  # fmt: skip
OTHER = "filters, labels, addresses and what is remembered of files"


def arrays_of(build: Path) -> dict[str, list[NDArray[Any]]]:
    """The arrays of a build by name, of all segments."""
    found: dict[str, list[NDArray[Any]]] = {}
    for file in sorted(build.glob("*.kb")):
        for name, array in read_arrays(file).items():
            named = {"scores": "scores.", "names": "names."}.get(file.stem, "") + name
            found.setdefault(named, []).append(array)
    return found


def by_kind(arrays: Mapping[str, list[NDArray[Any]]], build: Path) -> dict[str, int]:
    """The bytes of each kind of array; files that are none count as other."""
    sizes = dict.fromkeys((*KINDS, OTHER), 0)
    for name, parts in arrays.items():
        kind = next((kind for kind, starts in KINDS.items() if name.startswith(starts)), OTHER)
        sizes[kind] += sum(part.nbytes for part in parts)
    others = (file for file in build.iterdir() if file.suffix != ".kb" and file.is_file())
    sizes[OTHER] += sum(file.stat().st_size for file in others)
    return sizes


def main() -> None:
    """Prints the table of one build."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--arrays", action="store_true")
    asked = parser.parse_args()
    arrays = arrays_of(asked.build)
    text = sum(part.nbytes for part in arrays["texts.blob"])
    characters = sum(int(np.count_nonzero((part & 0xC0) != 0x80)) for part in arrays["texts.blob"])
    articles = sum(map(len, arrays["flags"]))
    sizes = by_kind(arrays, asked.build)
    letters = f"{text / 1e6:.1f} MB of text, {characters / 1e6:.1f} million characters"
    print(f"{articles:,} articles, {letters}\n")
    print("| what | MB | bytes an article | of the text |\n| --- | --- | --- | --- |")
    whoosh = sum(file.stat().st_size for file in (asked.build / whoosh_index.FOLDER).iterdir())
    total = sum(sizes.values())
    for kind, size in (*sizes.items(), ("all of it", total), ("Whoosh's part, apart", whoosh)):
        print(f"| {kind} | {size / 1e6:.1f} | {size / articles:,.0f} | {size / text:.2f} × |")
    if asked.arrays:
        for name, parts in sorted(arrays.items(), key=lambda each: -sum(p.nbytes for p in each[1])):
            size = sum(part.nbytes for part in parts)
            if size > text / 100:
                most = max((part.max(initial=0) for part in parts if len(part)), default=0)
                told = f"{name:24}{parts[0].dtype!s:8}{size / 1e6:8.2f} MB"
                print(f"{told} {size / text:6.3f} × {most}")


if __name__ == "__main__":
    main()
