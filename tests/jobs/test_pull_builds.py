"""Builds reach other machines whole, and nothing that a source sends gets any further.

Builds here are a few small files, and sources are folders or a server that says what a test likes.
"""

import hashlib
import json
import os
import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from needs import library

from kb.base.config import Settings
from kb.base.errors import BuildBusy, BuildFailed, ConfigError, KBError
from kb.cli import main
from kb.content import status
from kb.content.status import Pulled
from kb.index import listing
from kb.index.builds import FORMAT, Builds, sealed
from kb.index.light import NoCounts
from kb.index.listing import ListedFile, Lister, Listing, ListingRefused
from kb.jobs import pull
from kb.jobs.build_sources import FolderStore, HttpSource, SourceAway, source, store
from kb.jobs.pull import Puller, PullRefused
from kb.jobs.push import push
from kb.searchlog import wordings

NOW = datetime(2026, 11, 29, tzinfo=UTC)
SECRET = "a secret of pines and rivers"


class Machine:
    """A machine with a data folder of its own."""

    def __init__(self, folder, **more):
        self.settings = Settings(articles=folder / "articles", data=folder / "var", **more)
        self.settings.articles.mkdir(parents=True)
        self.builds = Builds(self.settings.builds)

    def publish(self, text, **more):
        """Publishes a build of a long and a short file, the short one always the same."""
        with self.builds.draft() as draft:
            (draft / "text").write_text(text * 1000)
            (draft / "folder").mkdir()
            (draft / "folder" / "same").write_text("always the same")
            return self.builds.publish(draft, {"text": text} | more)

    def serves(self):
        """What the current build tells, each file as it was made."""
        build = Builds(self.settings.builds).current()
        assert (build.folder / "folder" / "same").read_text() == "always the same"
        assert (build.folder / "text").read_text() == build.manifest["text"] * 1000
        return build.manifest["text"]


@pytest.fixture
def indexing(tmp_path):
    return Machine(tmp_path / "indexing")


@pytest.fixture
def web(tmp_path):
    return Machine(tmp_path / "web")


@pytest.fixture
def shared(tmp_path):
    return FolderStore(tmp_path / "shared")


def puller(machine, where, **more):
    return Puller(machine.settings, where, lambda: NOW, **more)


# ---------------------------------------------------------------- what arrives


def test_a_build_arrives_whole_and_the_next_one_in_what_is_new(indexing, web, shared):
    indexing.publish("one")
    push(indexing.settings, shared)
    first = puller(web, shared).pull()
    assert web.serves() == "one"

    newer = indexing.publish("two")
    pushed = push(indexing.settings, shared)
    second = puller(web, shared).pull()

    assert web.serves() == "two"
    assert (first.is_new, first.files, second.files, pushed.files) == (True, 3, 2, 2)
    assert second.build == newer.name
    third = puller(web, shared).pull()
    assert (third.build, third.is_new, third.files) == (newer.name, False, 0)
    assert not (web.settings.data / "pulled").exists()


def test_files_beside_the_build_are_served_as_they_are_there(indexing, web, shared):
    picture, owners = indexing.settings.articles / "a" / "b.png", "default: Анна\n"
    picture.parent.mkdir()
    picture.write_bytes(b"first")
    (indexing.settings.articles / "owners.yml").write_text(owners)
    (indexing.settings.articles / "secret.md").write_text("# An article is in the build")
    (indexing.settings.articles / ".hidden.png").write_bytes(b"hidden")
    indexing.publish("one")
    (indexing.settings.data / "indexed.json").write_text("{}")
    push(indexing.settings, shared)
    puller(web, shared).pull()
    served = web.settings.articles
    assert (served / "a" / "b.png").read_bytes() == b"first"
    assert (served / "owners.yml").read_text() == owners
    assert sorted(path.name for path in served.rglob("*") if path.is_file()) == [
        "b.png",
        "owners.yml",
    ]
    assert (web.settings.data / "indexed.json").read_text() == "{}"

    picture.write_bytes(b"another picture, and no build is new")
    (indexing.settings.articles / "owners.yml").unlink()
    push(indexing.settings, shared)
    report = puller(web, shared).pull()

    assert (served / "a" / "b.png").read_bytes() == picture.read_bytes()
    assert not (served / "owners.yml").exists()
    assert (report.is_new, report.files) == (False, 1)


def test_what_pages_of_the_board_read_is_named_as_it_is_written():
    assert (status._path(Path(), status.Indexed).name, wordings.FILE) == listing.BESIDE


def test_a_rollback_of_the_source_is_followed_and_the_build_left_is_kept_back(
    indexing, web, shared
):
    for text in ("one", "two"):
        indexing.publish(text)
        push(indexing.settings, shared)
        puller(web, shared).pull()

    indexing.builds.rollback()
    push(indexing.settings, shared)
    report = puller(web, shared).pull()

    assert web.serves() == "one"
    assert (report.is_new, report.files) == (True, 0)
    assert [build.manifest["text"] for build in Builds(web.settings.builds).withdrawn()] == ["two"]


def test_a_build_rolled_back_here_does_not_come_back_but_the_next_does(indexing, web, shared):
    for text in ("one", "two"):
        indexing.publish(text)
        push(indexing.settings, shared)
        puller(web, shared).pull()

    web.builds.rollback()
    held = puller(web, shared).pull()
    assert (web.serves(), held.held, held.is_new) == ("one", "withdrawn", False)

    indexing.publish("three")
    push(indexing.settings, shared)
    assert puller(web, shared).pull().held == ""
    assert web.serves() == "three"


def test_a_damaged_build_is_mended_from_the_source(indexing, web, shared):
    indexing.publish("one")
    push(indexing.settings, shared)
    puller(web, shared).pull()
    build = web.builds.current()
    (build.folder / "text").write_text("x")

    report = puller(web, shared).pull()

    assert web.serves() == "one"
    assert (report.is_new, report.files, report.build) == (True, 1, build.name)


def test_old_builds_drop(indexing, web, shared):
    for text in ("one", "two", "three", "four"):
        indexing.publish(text)
        push(indexing.settings, shared)
        puller(web, shared, keep=3).pull()

    assert len(web.builds.names()) == 3
    assert len(shared.digests()) == 5  # the same short file, two texts and two manifests


def test_a_download_that_broke_off_goes_on_where_it_stopped(indexing, web):
    indexing.publish("one" * 100)
    with speaking(indexing) as site:
        site.cut = 200_000
        with pytest.raises(KBError):
            puller(web, site.source()).pull()
        site.cut = None
        report = puller(web, site.source()).pull()

    assert web.serves() == "one" * 100
    assert any(header.startswith("bytes=") for header in site.ranges)
    assert report.bytes < 299_000


def test_one_pull_is_at_work_at_a_time(indexing, web, shared):
    indexing.publish("one")
    push(indexing.settings, shared)

    class Asking(FolderStore):
        """A source that has somebody pull while a listing is asked for."""

        def listing(self):
            with pytest.raises(BuildBusy, match="another `kb pull` is at work"):
                puller(web, shared).pull()
            return super().listing()

    assert puller(web, Asking(Path(shared.name))).pull().is_new
    assert not puller(web, shared).pull().is_new


# ---------------------------------------------------------------- light builds

PARTS = ("0.kb", "counts.kb", "0.ranking.kb", "scores.kb", "whoosh/MAIN")  # the first two are kept
IN_CLUSTER = {"engine": "opensearch", "opensearch_url": "http://127.0.0.1:9"}


def publish_parts(machine, text, without=""):
    """Publishes a build of files as a real one has them, each of a content of its own."""
    with machine.builds.draft() as draft:
        for name in PARTS:
            if name != without:
                (draft / name).parent.mkdir(exist_ok=True)
                (draft / name).write_text(f"{text} {name}")
        return machine.builds.publish(draft, {"segments": ["0.kb"], "text": text})


def files_here(machine):
    """The files of the current build as it is opened, and whether it is light."""
    build = Builds(machine.settings.builds).current()
    on_disk = {
        path.relative_to(build.folder).as_posix()
        for path in build.folder.rglob("*")
        if path.is_file()
    }
    assert on_disk == {*build.manifest["files"], "build.json"}
    return sorted(build.manifest["files"]), Builds(machine.settings.builds).is_light(build.name)


@pytest.fixture
def small(tmp_path):
    """A web machine that pulls light builds."""
    return Machine(tmp_path / "small", pull_light=True, **IN_CLUSTER)


LIGHT, WHOLE = (sorted(PARTS[:2]), True), (sorted(PARTS), False)


def as_whole(machine):
    """The same machine, told to pull whole builds."""
    whole = Machine.__new__(Machine)
    whole.settings = machine.settings.model_copy(update={"pull_light": False})
    whole.builds = Builds(whole.settings.builds)
    return whole


def test_of_a_build_a_light_pull_fetches_what_a_light_build_has(indexing, small, shared):
    made = publish_parts(indexing, "one")
    push(indexing.settings, shared)

    first = puller(small, shared).pull()
    again = puller(small, shared).pull()

    assert files_here(small) == LIGHT
    assert (first.build, first.is_new, first.files) == (made.name, True, 3)  # and the manifest
    assert (again.is_new, again.files) == (False, 0)
    assert small.builds.open(made.name).manifest["text"] == "one"


def test_the_next_light_build_arrives_in_what_is_new_and_can_be_gone_back_from(
    indexing, small, shared
):
    for text in ("one", "two"):
        publish_parts(indexing, text)
        push(indexing.settings, shared)
        puller(small, shared).pull()
    assert files_here(small) == LIGHT

    indexing.builds.rollback()
    push(indexing.settings, shared)
    report = puller(small, shared).pull()

    assert (report.is_new, report.files, files_here(small)) == (True, 0, LIGHT)
    assert small.builds.current().manifest["text"] == "one"


def test_a_whole_build_is_completed_from_the_light_one(indexing, small, shared):
    publish_parts(indexing, "one")
    push(indexing.settings, shared)
    puller(small, shared).pull()
    before = small.builds.stamp()

    report = puller(as_whole(small), shared).pull()

    assert files_here(small) == WHOLE
    assert (report.is_new, report.files) == (True, 4)  # what the light one lacked, the manifest
    assert small.builds.stamp() != before  # so that a running service opens it


def test_a_whole_build_stays_where_a_light_one_of_the_name_is_wanted(indexing, small, shared):
    publish_parts(indexing, "one")
    push(indexing.settings, shared)
    puller(as_whole(small), shared).pull()

    kept = puller(small, shared).pull()
    assert (kept.is_new, files_here(small)) == (False, WHOLE)

    publish_parts(indexing, "two")
    push(indexing.settings, shared)
    puller(small, shared).pull()
    assert files_here(small) == LIGHT


@pytest.mark.parametrize("file", ["0.kb", "build.json"])
def test_a_damaged_light_build_is_mended_from_the_source(indexing, small, shared, file):
    publish_parts(indexing, "one")
    push(indexing.settings, shared)
    puller(small, shared).pull()
    (small.builds.current().folder / file).write_text("x")

    report = puller(small, shared).pull()

    assert (report.is_new, files_here(small)) == (True, LIGHT)


def test_a_build_without_counts_cannot_be_pulled_light(indexing, small, shared):
    publish_parts(indexing, "one")
    push(indexing.settings, shared)
    puller(small, shared).pull()
    publish_parts(indexing, "two", without="counts.kb")
    push(indexing.settings, shared)

    with pytest.raises(NoCounts, match="set KB_ENGINE=opensearch where builds are made") as told:
        puller(small, shared).pull()

    assert "\n" not in str(told.value)
    assert small.builds.current().manifest["text"] == "one"


def test_light_builds_are_pulled_on_from_a_light_machine_and_whole_ones_are_not(
    indexing, small, shared, tmp_path
):
    publish_parts(indexing, "one")
    push(indexing.settings, shared)
    puller(small, shared).pull()
    further = Machine(tmp_path / "further", pull_light=True, **IN_CLUSTER)
    with speaking(small) as site:
        with pytest.raises(PullRefused, match="the light part alone"):
            puller(as_whole(further), site.source()).pull()
        puller(further, site.source()).pull()

    assert files_here(further) == LIGHT


@pytest.mark.parametrize("part", ["0.ranking.kb", "counts.kb", "more.kb"])
def test_a_light_pull_compares_the_listing_with_the_whole_manifest(indexing, small, part):
    publish_parts(indexing, "one")
    with speaking(indexing) as site:
        offered = listing.read(site.lister.listing().written())
        files = dict(offered.files)
        files[f"build/{part}"] = files["build/0.kb"]
        if part in PARTS:
            del files[f"build/{part}"]
        site.listing = replace(offered, files=files).written()

        with pytest.raises(PullRefused, match="lists other files than build"):
            puller(small, site.source()).pull()

    assert small.builds.names() == []


@pytest.mark.parametrize(
    "facts", [{"files": []}, {"files": {"0.kb": 1, "counts.kb": 1}, "segments": [1]}, {}, [], 3]
)
def test_a_manifest_of_any_shape_is_refused_in_a_line(indexing, small, facts):
    publish_parts(indexing, "one")
    content = sealed(facts)
    digest = hashlib.sha256(content).hexdigest()
    with speaking(indexing) as site:
        offered = listing.read(site.lister.listing().written())
        named = facts.get("files", ()) if isinstance(facts, dict) else ()
        files = {f"build/{name}": offered.files[f"build/{name}"] for name in named}
        files["build/build.json"] = ListedFile(len(content), digest)
        site.listing = replace(offered, files=files).written()
        site.lister.find = lambda asked: None
        site.missing = content

        with pytest.raises(PullRefused, match="lists other files than build"):
            puller(small, site.source()).pull()


def test_light_builds_need_a_cluster():
    with pytest.raises(ValueError, match="searched in OpenSearch alone"):
        Settings(pull_light=True)


def test_the_state_tells_that_a_build_is_light(runner, indexing, small, shared, tmp_path):
    made = publish_parts(indexing, "one")
    push(indexing.settings, shared)
    puller(small, shared).pull()
    of = ["--data", str(small.settings.data)]

    told = runner.invoke(main, ["status", *of])

    assert told.stdout.startswith(f"Published here: build {made.name}, light.\n")
    assert json.loads(runner.invoke(main, ["status", "--json", *of]).stdout)["light"] is True


# ---------------------------------------------------------------- hostile sources


class Speaking:
    """A server that serves the listing and files of a machine, unless it is told otherwise."""

    def __init__(self, machine):
        self.lister = Lister(machine.settings, machine.builds)
        self.listing = None  # bytes instead of the real ones
        self.content = None  # of every file
        self.missing = b""  # content of a file that there is none of
        self.headers = {}
        self.status = 200
        self.cut = None  # bytes after which an answer breaks off
        self.ranges = []
        self.tokens = []
        self.requests = 0

    def source(self):
        return HttpSource(f"http://127.0.0.1:{self.port}", "kb_token")

    def answer(self, path):
        if path == "/builds/current":
            return self.lister.listing().written() if self.listing is None else self.listing
        place = self.lister.find(path.rpartition("/")[2])
        content = place.read_bytes() if place else self.missing
        return content if self.content is None else self.content


@contextmanager
def speaking(machine):
    site = Speaking(machine)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.requests += 1
            site.tokens.append(self.headers["Authorization"])
            body, asked = site.answer(self.path), self.headers.get("Range", "")
            code = site.status
            if asked and code == 200:
                site.ranges.append(asked)
                body, code = body[int(asked[6:-1]) :], 206
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: site.cut] if "files" in self.path else body)
            self.close_connection = site.cut is not None

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """Who was refused hangs up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def listed(files, build="20261129-064204-3f9c1e", **more):
    """A listing with these paths, as a source may write it."""
    manifest = {"build/build.json": [3, "0" * 64]}
    told = {"kb": 1, "build": build, "format": FORMAT, "withdrawn": [], "files": manifest | files}
    return json.dumps(told | more).encode() + b"\n"


BAD_PATHS = [
    "build/../../outside", "build//etc/passwd", "/etc/passwd", "build/a/./b", "build/..",
    "articles/../x.png", "articles/.git/hook.png", "articles/a.md", "articles/kb.toml",
    "data/leads.toml", "data/current", "build/a\\b", "build/nul\0", "build/" + "x" * 300,
    "other/a.png", "build", "articles/.png", "build/line\nbreak",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS)
def test_no_path_of_a_listing_leads_out_of_its_folder(path):
    with pytest.raises(ListingRefused, match="a path that is not taken"):
        listing.read(listed({path: [1, "1" * 64]}))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no json\n", b"[]\n", b"{}\n", b"[" * 100_000 + b"\n", listed({}, build="../../x"),
        listed({}, withdrawn=["../x"]), listed({"build/a": [-1, "1" * 64]}),
        listed({"build/a": [True, "1" * 64]}), listed({"build/a": [1, "../../../etc/passwd"]}),
        listed({"build/a": [1]}), listed({}, kb=2), b"\xff\xfe\n",
        listed({}).replace(b"build.json", b"text"),
    ],
)  # fmt: skip
def test_what_is_no_listing_is_refused_in_a_line(content):
    with pytest.raises(ListingRefused, match="is no listing of builds") as refused:
        listing.read(content)
    assert "\n" not in str(refused.value)


def test_a_listing_comes_back_as_it_was_written():
    written = Listing("20261129-064204-3f9c1e", FORMAT,
                      {"build/build.json": ListedFile(1, "a" * 64),
                       "articles/п/я.png": ListedFile(0, "b" * 64)},
                      ("20261129-064204-3f9c1f",))  # fmt: skip

    assert listing.read(written.written(SECRET), SECRET) == written
    assert listing.read(written.written(SECRET)) == written


@pytest.mark.parametrize("theirs", ["", "another secret of hills and wells"])
def test_a_listing_not_signed_with_our_secret_is_refused(indexing, tmp_path, shared, theirs):
    web = Machine(tmp_path / "w", builds_secret=SECRET)
    indexing.publish("one")
    settings = Settings(builds_secret=theirs or None)
    indexing.settings = indexing.settings.model_copy(
        update={"builds_secret": settings.builds_secret}
    )
    push(indexing.settings, shared)

    with pytest.raises(ListingRefused, match="not signed"):
        puller(web, shared).pull()
    push(indexing.settings.model_copy(update={"builds_secret": web.settings.builds_secret}), shared)
    puller(web, shared).pull()
    assert web.serves() == "one"


def refused(web, site, error=PullRefused):
    """The line in which a pull is refused; what was served goes on."""
    before = web.serves()
    with pytest.raises(error) as told:
        puller(web, site.source()).pull()
    assert web.serves() == before
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.fixture
def site(indexing, web, shared):
    """A source over HTTP that has another build than the web machine serves."""
    indexing.publish("one")
    push(indexing.settings, shared)
    puller(web, shared).pull()
    indexing.publish("two")
    with speaking(indexing) as found:
        yield found


def test_content_that_differs_from_its_digest_is_not_taken(web, site):
    site.content = b"x" * 60
    assert "stopped sending" in refused(web, site, SourceAway)
    site.content = b"x" * 10_000_000  # more than was listed: no more than that is read
    assert "something else than it lists" in refused(web, site)
    site.content = None
    assert puller(web, site.source()).pull().is_new


def test_content_of_the_right_length_is_compared_with_its_digest(web, site):
    offered = listing.read(site.lister.listing().written())
    picture = {"articles/a.png": ListedFile(60, "e" * 64)}
    site.listing = replace(offered, files={**offered.files, **picture}).written()
    real = site.lister.find
    site.lister.find = lambda digest: None if digest == "e" * 64 else real(digest)
    site.missing = b"x" * 60

    assert "something else than it lists" in refused(web, site)
    assert not (web.settings.articles / "a.png").exists()


def test_an_answer_without_an_end_is_left(web, site, monkeypatch):
    monkeypatch.setattr(listing, "LARGEST", 1000)
    site.listing = b"x" * 100_000
    assert "without an end" in refused(web, site, SourceAway)


def test_compressed_answers_are_refused(web, site):
    site.headers = {"Content-Encoding": "gzip"}
    assert "compresses" in refused(web, site, SourceAway)


def test_the_token_goes_to_nobody_else(web, site, indexing):
    with speaking(indexing) as other:
        site.status, site.headers = 302, {"Location": f"http://127.0.0.1:{other.port}/x?secret=1"}
        told = refused(web, site, SourceAway)

    assert f"leads elsewhere (http://127.0.0.1:{other.port}/x)" in told
    assert other.requests == 0
    assert set(site.tokens) == {"Bearer kb_token"}


REFUSALS = {401: "refuses the token", 403: "refuses the", 500: "answers 500", 404: "answers 404"}


@pytest.mark.parametrize(("status", "words"), REFUSALS.items())
def test_a_source_that_refuses_is_told_of(web, site, status, words):
    site.status = status
    assert words in refused(web, site, SourceAway)


def test_of_a_refusal_the_message_is_told_and_not_its_braces(web, site):
    site.status = 503
    site.listing = b'{"error": {"code": "unavailable", "message": "not now"}}'
    assert "answers 503 not now; check" in refused(web, site, SourceAway)


def test_a_source_that_is_not_there_is_told_of_and_noted_once(web, site):
    nobody = HttpSource("http://127.0.0.1:9", "")
    asked = puller(web, nobody)

    with pytest.raises(SourceAway, match="cannot be asked") as away:
        asked.pull()
    assert [asked.note(away.value), asked.note(away.value)] == [True, False]
    noted = status.read(web.settings.data, Pulled)
    assert (noted.at, noted.trouble, noted.source) == (
        NOW,
        away.value.message,
        "http://127.0.0.1:9",
    )
    puller(web, site.source()).pull()
    assert status.read(web.settings.data, Pulled).trouble == ""


def test_a_build_of_another_format_is_left_where_it_is(web, site, monkeypatch):
    offered = listing.read(site.lister.listing().written())
    site.listing = replace(offered, format=FORMAT + 1).written()
    assert f"of format {FORMAT + 1}, this version reads {FORMAT}" in refused(web, site)


def test_files_that_the_manifest_does_not_name_are_not_taken(web, site):
    offered = listing.read(site.lister.listing().written())
    same = offered.files["build/folder/same"]
    site.listing = replace(offered, files={**offered.files, "build/more": same}).written()
    assert "lists other files than build" in refused(web, site)


def test_what_has_no_room_is_not_begun(web, site, monkeypatch):
    offered = listing.read(site.lister.listing().written())
    huge = ListedFile(1 << 60, "e" * 64)
    site.listing = replace(offered, files={**offered.files, "articles/a.mp4": huge}).written()
    assert "has room for" in refused(web, site)


def test_parts_of_what_is_listed_no_more_do_not_fill_the_disk(web, site):
    listed = site.lister.listing()
    site.cut, big = 100_000, "articles/a.mp4"
    for digit in "123":
        one = ListedFile(1 << 20, digit * 64)
        site.listing = replace(listed, files={**listed.files, big: one}).written()
        site.missing = b"x" * (1 << 20)
        refused(web, site, SourceAway)
        assert [part.name for part in (web.settings.data / "pulled").glob("*.part")] == [
            f"{one.digest}.part"
        ]


def test_a_source_that_sends_too_slowly_is_left(web, site, monkeypatch):
    monkeypatch.setattr(pull, "_PATIENCE", -1.0)
    assert "too slowly" in refused(web, site)


def test_a_disk_that_cannot_be_written_is_told_of(web, site):
    (web.settings.data / "pulled").write_text("in the way")
    assert "goes on serving" in refused(web, site, BuildFailed)


def test_a_store_cannot_make_a_pull_wait_or_read_another_file(indexing, web, shared, tmp_path):
    indexing.publish("one")
    push(indexing.settings, shared)
    digest = listing.read(shared.listing()).files["build/text"].digest
    file = tmp_path / "shared" / "files" / digest
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(SourceAway, match="cannot be used"):
        puller(web, shared).pull()
    file.unlink()
    file.symlink_to("/etc/passwd")
    with pytest.raises(SourceAway, match="cannot be used"):
        puller(web, shared).pull()


def test_a_store_that_is_empty_says_what_fills_it(web, shared):
    with pytest.raises(SourceAway, match=r"no builds in .*; put one there with `kb push "):
        puller(web, shared).pull()


@pytest.mark.parametrize("url", ["https://", "http://host/?q", "nothing://there", "https:///x"])
def test_what_is_no_address_is_told(url):
    with pytest.raises(ConfigError):
        source(url)


def test_only_stores_can_be_pushed_to():
    with pytest.raises(ConfigError, match="cannot be written to"):
        store("https://index.example.com")


def test_waits_grow_to_five_minutes_and_no_two_are_alike():
    assert {round(pull.pause(0, 10), 3) for _ in range(5)} != {10.0}
    assert all(8 <= pull.pause(0, 10) <= 12 for _ in range(50))
    assert all(240 <= pull.pause(20, 10) <= 360 for _ in range(50))


def test_digests_are_read_again_when_a_file_changes(indexing):
    indexing.publish("one")
    lister = Lister(indexing.settings, indexing.builds)
    picture = indexing.settings.articles / "a.png"
    for content in (b"one", b"two"):
        picture.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        assert lister.listing().files["articles/a.png"].digest == digest
        assert lister.find(digest).read_bytes() == content


def test_a_store_that_fsspec_knows_is_filled_and_read(indexing, web):
    library("fsspec", "fsspec")
    there = store("memory://help/builds")
    indexing.publish("one")
    push(indexing.settings, there)
    puller(web, source("memory://help/builds")).pull()
    assert web.serves() == "one"

    indexing.publish("two")
    push(indexing.settings, there)
    pushed = push(indexing.settings, there)
    report = puller(web, source("memory://help/builds")).pull()

    assert web.serves() == "two"
    assert (report.files, pushed.files, pushed.removed) == (2, 0, 2)


def test_a_store_of_fsspec_that_is_empty_says_what_fills_it(web):
    library("fsspec", "fsspec")
    with pytest.raises(SourceAway, match="no builds in memory://nothing"):
        puller(web, source("memory://nothing")).pull()


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize("words", [["index"], ["sync"], ["serve", "--watch"]], ids=" ".join)
def test_a_machine_that_gets_builds_makes_none(runner, web, monkeypatch, words):
    monkeypatch.setenv("KB_PULL_URL", "https://index.example.com")

    told = runner.invoke(main, [*words, "--data", str(web.settings.data)])

    assert told.exit_code == 2
    assert "builds come from KB_PULL_URL, and " in told.stderr


def test_the_commands_say_what_was_put_and_got(runner, indexing, web, tmp_path):
    indexing.publish("one")
    there = str(tmp_path / "store")
    of = ["--articles", str(indexing.settings.articles), "--data", str(indexing.settings.data)]
    put = runner.invoke(main, ["push", there, *of])
    got = runner.invoke(main, ["pull", there, "--data", str(web.settings.data)])
    again = runner.invoke(main, ["pull", there, "--data", str(web.settings.data)])

    assert [each.exit_code for each in (put, got, again)] == [0, 0, 0]
    assert re.search(r"^Build \S+: 3 files put there, 0\.0 MB in ", put.stdout)
    assert re.search(r"^Build \S+: 3 files fetched, 0\.0 MB in ", got.stdout)
    assert again.stdout.startswith("Nothing new: build ")
    assert runner.invoke(main, ["pull", "--data", str(web.settings.data)]).exit_code == 2
