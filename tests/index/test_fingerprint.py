"""The fingerprint of a build: which builds are gone on from, and which are made anew."""

import json
import zlib
from shutil import copytree

import pytest
from paths import ROOT

from kb.index import fingerprint
from kb.index.builds import MANIFEST, Builds
from kb.indexer import rebuild


@pytest.mark.parametrize(
    "file",
    ["indexer.py", "language/tokens.py", "content/markup/commonmark.py", "index/postings.py",
     "ranking/calibration.py", "data/filler.txt"],
)  # fmt: skip
def test_each_room_and_word_list_that_decides_what_a_build_holds_is_in_the_fingerprint(
    tmp_path, file
):
    package = copytree(ROOT / "kb", tmp_path / "kb")
    before = fingerprint._digest(package)

    with (package / file).open("a") as source:
        source.write("# another version\n")

    assert fingerprint._digest(package) != before


def test_code_of_a_room_that_only_reads_builds_is_not(tmp_path):
    package = copytree(ROOT / "kb", tmp_path / "kb")
    before = fingerprint._digest(package)

    with (package / "site" / "api.py").open("a") as source:
        source.write("# another version\n")

    assert fingerprint._digest(package) == before


def test_an_old_build_of_another_fingerprint_answers_until_it_is_made_anew(settings, write):
    write("a", title="a")
    builds = Builds(settings.builds)
    old = rebuild(settings).build
    manifest = builds.current().folder / MANIFEST
    facts = json.loads(manifest.read_bytes().rpartition(b"\n")[0])
    body = json.dumps(facts | {"fingerprint": "of an older version"}).encode()
    manifest.write_bytes(body + b"\n%08x" % zlib.crc32(body))
    assert Builds(settings.builds).current().name == old

    report = rebuild(settings)

    assert (report.published, report.added, report.unchanged) == (True, 1, 0)
    current = Builds(settings.builds).current()
    assert current.name == report.build != old
    assert current.manifest["fingerprint"] == fingerprint.fingerprint(settings)
