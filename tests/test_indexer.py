"""A folder of articles becomes a build: what is counted, spared and named, and never lost.

The folder, the index and the processes are real; only git's clock and the disk's size are ours.
"""

import errno
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
import zlib
from datetime import date
from types import SimpleNamespace

import pytest

from kb import indexer
from kb.base import sandbox
from kb.base.errors import ArticlesMissing, BuildFailed
from kb.index import builds as builds_module
from kb.index import changes, entry_table, whoosh_index
from kb.index import writer as writing
from kb.index.builds import Builds
from kb.index.reader import IndexReader
from kb.index.rendering import prepare
from kb.index.segment import Segment
from kb.indexer import rebuild
from kb.ranking import calibration
from kb.service import KnowledgeBase

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def prepared(monkeypatch):
    """Paths of the files that were parsed and rendered, in the order of the builds."""
    paths, each = [], sandbox.each

    def noted(function, jobs, **options):
        jobs = list(jobs)
        paths.extend(job[0] for job in jobs)
        return each(function, jobs, **options)

    monkeypatch.setattr(sandbox, "each", noted)
    return paths


def reader(settings):
    return IndexReader(Builds(settings.builds).current())


def served(settings):
    """Slugs of the current build, in order of paths."""
    found = reader(settings)
    return [found.card(int(doc))["slug"] for doc in found.in_order]


def segments(settings):
    return Builds(settings.builds).current().manifest["segments"]


def counts(report):
    return report.added, report.changed, report.removed, report.unchanged


def codes(report):
    return [(problem.path, problem.code) for problem in report.rejected]


def touch(path):
    """Another time, the same bytes."""
    os.utime(path, (1, 1))


# ---------------------------------------------------------------- what a build counts


def test_a_build_counts_what_was_added_changed_removed_and_kept(settings, write):
    for name in "abcde":
        write(f"ru/{name}", f"Статья {name}.", title=name)
    first = rebuild(settings)
    assert (first.articles, counts(first)) == (5, (5, 0, 0, 0))

    write("ru/a", "Другой текст.", title="a")
    (settings.articles / "ru" / "b.md").unlink()
    write("ru/f", "Новая статья.", title="f")
    second = rebuild(settings)

    assert (second.articles, counts(second)) == (5, (1, 1, 1, 3))
    assert second.published
    assert second.build > first.build
    assert served(settings) == ["ru/a", "ru/c", "ru/d", "ru/e", "ru/f"]


def test_drafts_count_as_articles_of_the_build(settings, write):
    write("a", draft=True, title="a")
    write("b", title="b")

    assert rebuild(settings).articles == 2


def test_the_facts_of_a_report_are_plain_json(settings, write):
    write("good", title="good")
    write("bad", "---\ntitle: [\n---\n")

    report = rebuild(settings)

    told = json.dumps({"build": report.build, "rejected": [p.message for p in report.rejected]})
    assert json.loads(told)["build"] == report.build
    assert 0 < report.seconds < 60
    assert codes(report) == [("bad.md", "bad-yaml")]


def test_a_build_without_changes_publishes_nothing(settings, write, prepared):
    write("a", title="a")
    first = rebuild(settings)
    stamp = Builds(settings.builds).stamp()
    prepared.clear()

    second = rebuild(settings)

    assert (second.build, second.published, second.articles) == (first.build, False, 1)
    assert counts(second) == (0, 0, 0, 1)
    assert Builds(settings.builds).stamp() == stamp
    assert prepared == []


def test_an_unchanged_article_is_not_parsed_again(settings, write, prepared):
    for name in "abc":
        write(name, title=name)
    rebuild(settings)
    prepared.clear()

    write("b", "New text.", title="b")
    rebuild(settings)

    assert prepared == ["b.md"]


def test_a_file_that_was_only_touched_is_not_parsed_again(settings, write, prepared):
    path = write("a", title="a")
    rebuild(settings)
    prepared.clear()
    touch(path)

    report = rebuild(settings)

    assert (counts(report), report.published, prepared) == ((0, 0, 0, 1), False, [])


def test_a_change_of_the_same_length_and_time_is_seen(settings, write):
    path = write("a", "The colour is green.", title="a")
    found = path.stat()
    rebuild(settings)

    path.write_text(path.read_text().replace("green", "brown"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    assert counts(rebuild(settings)) == (0, 1, 0, 0)


def test_an_article_that_was_moved_is_gone_there_and_new_here(settings, write):
    path = write("a", title="a")
    write("b", title="b")
    rebuild(settings)

    path.rename(path.with_name("c.md"))

    assert counts(rebuild(settings)) == (1, 0, 1, 1)
    assert served(settings) == ["b", "c"]


def test_a_full_build_parses_everything_and_always_publishes(settings, write, prepared):
    for name in "ab":
        write(name, title=name)
    first = rebuild(settings)
    prepared.clear()

    second = rebuild(settings, full=True)

    assert second.published
    assert second.build != first.build
    assert prepared == ["a.md", "b.md"]


def test_progress_counts_to_the_number_of_files_read(settings, write):
    for name in "abc":
        write(name, title=name)
    told = []

    rebuild(settings, progress=lambda done, total: told.append((done, total)))

    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]  # one that is rendered counts as half
    told.clear()
    rebuild(settings, progress=lambda done, total: told.append((done, total)))
    assert told == []


def remembered(settings):
    """What a build remembers of where links lead, and of its topics."""
    folder = Builds(settings.builds).current().folder
    state = json.loads((folder / changes.STATE).read_bytes())
    found = entry_table.read(folder, state["entries"])
    leads = {path: entry.details.leads for path, entry in sorted(found.items())}
    return leads, state["links"], state["tree"]


EDITS = [
    ("guide/a", "Text.", {"title": "A"}),  # its text alone
    ("guide/a", "[b](b) [c](/docs/c) [d](../other/d.md)", {"title": "A"}),  # its links
    ("guide/a", "[b](b) [c](/docs/c)", {"title": "A", "slug": "first"}),  # its address
    ("guide/e", "[a](a.md) [x](/site/other/d)", {"title": "E"}),
    ("guide/f", "[x](/site/other/d) [y](/site/guide/e)", {"title": "F"}),  # now `site` is a habit
    ("guide/f", "[x](/site/other/d) [y](/site/guide/e)", {"title": "F", "order": 1}),  # its place
    ("guide/f", "No link.", {"title": "F", "order": 1}),
    ("guide/f", None, {}),
]
HURRIED = (4, 6)  # the numbers of edits that are indexed in a hurry


def test_links_and_topics_after_changes_are_those_of_a_full_build(settings, write):
    write("guide/b", "[d](../d)", title="B")
    write("guide/c", "[b](../guide/b/) [x](/site/other/d)", title="C")
    write("other/d", "[c](../guide/c)", title="D")
    write("other/g", "[x](/site/other/d) [y](/site/guide/b)", title="G")
    other = settings.model_copy(update={"data": settings.data.parent / "full"})
    rebuild(settings)

    for number, (name, text, more) in enumerate(EDITS):
        if text is None:
            (settings.articles / f"{name}.md").unlink()
        else:
            write(name, text, **more)
        rebuild(settings, hurried=number in HURRIED)
        if number in HURRIED:
            continue
        rebuild(other, full=True)
        assert remembered(settings) == remembered(other), EDITS[number]


def test_mdx_is_read_and_files_for_others_to_include_are_counted(settings, write):
    write("a.mdx", title="a")
    write("_part.mdx", title="part")
    write("_includes/b", title="b")

    report = rebuild(settings)

    assert (report.skipped, report.articles, report.rejected) == (2, 1, ())


# ---------------------------------------------------------------- empty and missing


def test_a_folder_without_articles_is_a_build_that_answers_nothing(settings):
    report = rebuild(settings)
    kb = KnowledgeBase.open(settings)

    assert (report.published, report.articles) == (True, 0)
    for query in ("пароль", "", '"a b"', "-a", "ghbdtn"):
        assert kb.answer(query).hits == ()
    assert kb.home("ru").articles == 0
    assert kb.article("a") is None
    assert kb.status().articles == 0
    assert rebuild(settings).published is False


def test_the_first_article_of_an_empty_folder_is_found_and_the_last_one_forgotten(settings, write):
    rebuild(settings)

    path = write("a", "Первая статья.", title="Пароль")
    assert counts(rebuild(settings)) == (1, 0, 0, 0)
    assert KnowledgeBase.open(settings).answer("пароль").total == 1

    path.unlink()
    assert counts(rebuild(settings)) == (0, 0, 1, 0)
    assert KnowledgeBase.open(settings).answer("пароль").total == 0


def test_a_missing_folder_is_one_sentence_and_the_old_build_serves(settings, write):
    write("a", title="a")
    rebuild(settings)
    settings.articles.rename(settings.articles.with_name("elsewhere"))

    with pytest.raises(ArticlesMissing, match="create it, or name yours with --articles"):
        rebuild(settings)

    assert served(settings) == ["a"]


# ---------------------------------------------------------------- rejected articles


def test_one_bad_article_of_many_costs_only_itself(settings, write):
    for number in range(30):
        write(f"n{number}", title=f"Article {number}")
    (settings.articles / "n7.md").write_bytes(b"\xff\xfe\xff")

    report = rebuild(settings)

    assert report.articles == 29
    assert [problem.path for problem in report.rejected] == ["n7.md"]
    assert all(problem.message and problem.cure for problem in report.rejected)


def test_a_rejected_article_is_named_by_every_build_and_parsed_by_one(settings, write, prepared):
    write("bad", "---\ntitle: [\n---\n")
    write("good", title="good")
    first = rebuild(settings)
    prepared.clear()

    write("other", title="other")
    second = rebuild(settings)

    assert codes(first) == codes(second) == [("bad.md", "bad-yaml")]
    assert prepared == ["other.md"]


def test_a_cured_article_is_added(settings, write):
    write("a", "---\ntitle: [\n---\n")
    write("b", title="b")
    assert rebuild(settings).articles == 1

    write("a", title="a")
    report = rebuild(settings)

    assert (report.rejected, counts(report)) == ((), (1, 0, 0, 1))
    assert served(settings) == ["a", "b"]


def test_an_article_that_turned_bad_is_removed_and_named(settings, write):
    write("a", title="a")
    write("b", title="b")
    rebuild(settings)

    write("a", "---\ntitle: [\n---\n")
    report = rebuild(settings)

    assert (codes(report), counts(report)) == ([("a.md", "bad-yaml")], (0, 0, 1, 1))
    assert served(settings) == ["b"]


def test_an_article_that_outgrew_its_limit_is_removed_and_named(settings, write):
    write("a", title="a")
    write("b", title="b")
    rebuild(settings)

    write("a", "x" * (settings.max_article_bytes + 1))
    report = rebuild(settings)

    assert (codes(report), counts(report)) == ([("a.md", "too-large")], (0, 0, 1, 1))


def test_strict_publishes_nothing_while_anything_is_rejected(settings, write):
    write("a", title="a")
    first = rebuild(settings, strict=True)
    write("b", title="b")
    write("c", "---\ntitle: [\n---\n")

    report = rebuild(settings, strict=True)

    assert (report.published, report.build, report.articles) == (False, first.build, 1)
    assert codes(report) == [("c.md", "bad-yaml")]
    assert served(settings) == ["a"]

    (settings.articles / "c.md").unlink()
    assert rebuild(settings, strict=True).published
    assert served(settings) == ["a", "b"]


def test_a_careful_build_takes_no_served_article_away(settings, write):
    write("a", "Good.", title="a")
    first = rebuild(settings)
    write("a", "---\ntitle: [\n---\n")
    write("new", "---\ntitle: [\n---\n")

    report = rebuild(settings, careful=True)

    assert (report.withheld, report.published, report.build) == ("would-lose", False, first.build)
    assert report.articles == 1
    assert codes(report) == [("a.md", "bad-yaml"), ("new.md", "bad-yaml")]

    write("a", "Better.", title="a")  # what was never served keeps nothing back
    assert rebuild(settings, careful=True).published

    write("a", "---\ntitle: [\n---\n")
    for name in settings.builds.glob("*/build.json"):  # of another version: nothing to go on from
        body = json.loads(name.read_bytes().rpartition(b"\n")[0]) | {"fingerprint": "old"}
        text = json.dumps(body).encode()
        name.write_bytes(text + b"\n%08x" % zlib.crc32(text))
    assert rebuild(settings, careful=True).withheld == "would-lose"
    assert not rebuild(settings).withheld  # a person may do without it


def test_a_careful_build_takes_a_renamed_and_broken_article_for_a_mistake(settings, write):
    path = write("net/vpn", title="VPN")
    write("other", title="Other")
    write("old", "---\ntitle: [\n")  # broken from the start
    rebuild(settings)
    path.rename(path.with_name("vpn-access.md"))
    path.with_name("vpn-access.md").write_text("---\ntitle: VPN: access\n---\n")

    report = rebuild(settings, careful=True)

    assert (report.withheld, report.published) == ("would-lose", False)
    assert [problem.code for problem in report.rejected if "vpn" in problem.path] == ["bad-yaml"]
    assert served(settings) == ["net/vpn", "other"]

    path.with_name("vpn-access.md").write_text("---\ntitle: VPN access\n---\n")
    assert rebuild(settings, careful=True).published
    path.with_name("vpn-access.md").unlink()
    assert rebuild(settings, careful=True).published  # removed, and nothing broken came


def test_a_careful_build_does_not_empty_the_site(settings, write):
    assert rebuild(settings, careful=True).published  # a first build may be empty
    file = write("a", title="a")
    rebuild(settings)
    file.unlink()

    assert rebuild(settings, careful=True).withheld == "empty"
    assert served(settings) == ["a"]


def test_a_careful_build_leaves_withdrawn_what_was_withdrawn(settings, write):
    write("a", "Good.", title="a")
    good = rebuild(settings)
    write("a", "Bad.", title="a")
    rebuild(settings)
    Builds(settings.builds).rollback()

    for _ in range(2):
        report = rebuild(settings, careful=True)
        assert (report.withheld, report.build) == ("withdrawn", good.build)

    write("b", title="b")
    assert rebuild(settings, careful=True).published


def test_a_person_may_publish_again_what_was_withdrawn(settings, write):
    write("a", "Good.", title="a")
    rebuild(settings)
    write("a", "Bad.", title="a")
    rebuild(settings)
    Builds(settings.builds).rollback()

    assert rebuild(settings).published


def test_few_changes_leave_the_level_of_chance_as_it_is(settings, write, monkeypatch):
    measured = []
    level = calibration.chance_level
    monkeypatch.setattr(calibration, "chance_level", lambda base: measured.append(1) or level(base))
    for number in range(250):
        write(f"{number}", f"Good{number}.", title=f"{number}")
    rebuild(settings)
    before = Builds(settings.builds).current().manifest["level"]

    write("1", "Better.", title="1")
    rebuild(settings)
    (settings.articles / "2.md").unlink()
    rebuild(settings)
    assert len(measured) == 1
    assert Builds(settings.builds).current().manifest["level"] == before

    write("new", "New.", title="new")
    rebuild(settings)
    assert len(measured) == 2
    write("3", "Better.", title="3")
    rebuild(settings)
    assert len(measured) == 2


def test_in_a_hurry_the_level_of_chance_is_borrowed_and_made_up_for_later(
    settings, write, monkeypatch
):
    measured = []
    level = calibration.chance_level
    monkeypatch.setattr(calibration, "chance_level", lambda base: measured.append(1) or level(base))
    write("a", "Good.", title="a")
    write("b", "Good.", title="b")
    rebuild(settings, hurried=True)  # nothing to borrow from yet
    assert len(measured) == 1
    for number in range(2 * writing.MOST_SEGMENTS):  # nor is all written afresh meanwhile
        write("a", f"Better {number}.", title="a")
        assert rebuild(settings, hurried=True).changed == 1
    assert len(measured) == 1
    assert not rebuild(settings, hurried=True).published
    hurried = Builds(settings.builds).current().manifest

    made_up = rebuild(settings)

    assert (made_up.published, made_up.unchanged) == (True, 2)
    manifest = Builds(settings.builds).current().manifest
    assert manifest["contents"] == hurried["contents"]
    assert len(manifest["segments"]) == 1
    assert len(measured) == 2
    assert not rebuild(settings).published


def endless(job):
    """Recurses without end; at the top of the module, so that a fresh child can import it."""
    return prepare(job) if job[0] == "deep.md" else endless(job)


def test_only_an_article_that_is_nested_too_deeply_is_called_so(settings, write, monkeypatch):
    write("deep", "- " * 5_000 + "x", title="deep")
    write("good", "An address cut at its sign: https://" + "a" * 55 + "#b", title="good")
    assert codes(rebuild(settings)) == [("deep.md", "too-deep")]

    monkeypatch.setattr("kb.index.rendering.prepare", endless)
    write("good", "Changed.", title="good")

    problems = rebuild(settings).rejected

    assert [(p.path, p.code) for p in problems] == [
        ("deep.md", "too-deep"),
        ("good.md", "cannot-render"),
    ]
    assert "RecursionError" in problems[1].message


@pytest.mark.parametrize(("kind", "code"), [("time", "too-slow"), ("memory", "too-much-memory")])
def test_an_article_that_broke_a_limit_on_a_bad_day_is_tried_again(
    settings, write, monkeypatch, kind, code
):
    write("good", title="good")
    write("large", title="large")
    each = sandbox.each

    def busy(function, jobs, **options):
        jobs = [*jobs]
        for number, result in each(function, jobs, **options):
            hit = jobs[number][0] == "large.md"
            yield number, sandbox.Failure(kind, "so it is") if hit else result

    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "each", busy)
        assert codes(rebuild(settings)) == [("large.md", code)]
        assert codes(rebuild(settings)) == [("large.md", code)]

    assert rebuild(settings).rejected == ()
    assert served(settings) == ["good", "large"]


# ---------------------------------------------------------------- addresses


def test_an_address_goes_to_the_first_path_and_is_free_again_when_that_goes(settings, write):
    first = write("a", title="a", slug="vpn")
    write("b", title="b", slug="VPN")
    report = rebuild(settings)
    assert codes(report) == [("b.md", "slug-taken")]
    assert "a.md" in report.rejected[0].message
    assert report.rejected[0].line == 3

    first.unlink()
    report = rebuild(settings)

    assert (report.rejected, counts(report)) == ((), (1, 0, 1, 0))
    assert served(settings) == ["VPN"]


def test_an_alias_leads_to_its_article_until_another_article_lives_there(settings, write):
    write("a", title="a", aliases=["old", "Older"])
    rebuild(settings)
    assert reader(settings).moved("old") == "a"

    write("older", title="b")
    report = rebuild(settings)

    assert [problem.code for problem in report.warnings] == ["alias-taken"]
    assert reader(settings).moved("Older") is None  # capitals make no difference
    assert reader(settings).moved("old") == "a"


@pytest.mark.parametrize("full", [False, True])
def test_a_newcomer_does_not_take_the_address_of_an_article_that_is_served(settings, write, full):
    write("ru/vpn", "Прежняя статья.", title="VPN")
    write("ru/other", "Другая.", title="Другая")
    rebuild(settings)
    write("en/first", "Newcomer.", title="Newcomer", slug="RU/VPN")  # sorts first

    report = rebuild(settings, full=full)
    write("ru/vpn", "Прежняя статья, исправлена.", title="VPN")
    again = rebuild(settings, full=full)

    for each in (report, again):
        assert [(p.path, p.code) for p in each.rejected] == [("en/first.md", "slug-taken")]
    assert served(settings) == ["ru/other", "ru/vpn"]
    (settings.articles / "ru/vpn.md").unlink()
    assert rebuild(settings, full=full).rejected == ()
    assert served(settings) == ["RU/VPN", "ru/other"]


def test_a_file_path_leads_to_the_article_that_chose_another_slug(settings, write):
    write("ru/vpn-reset", title="a", slug="vpn")
    write("ru/b", title="b", aliases=["ru/vpn-reset"])
    rebuild(settings)

    assert reader(settings).moved("ru/vpn-reset") == "ru/b"  # a chosen alias before a path


# ---------------------------------------------------------------- what else makes a new build


def test_a_changed_synonyms_file_alone_is_a_new_build(settings, write, prepared):
    for number in range(3):
        write(f"n{number}", title=f"Пароль {number}")
    first = rebuild(settings)
    prepared.clear()

    (settings.articles / "synonyms.yml").write_text("- [вход, логин]\n", "utf-8")
    second = rebuild(settings)

    assert (second.published, counts(second), prepared) == (True, (0, 0, 0, 3), [])
    assert second.build > first.build
    assert reader(settings).synonyms == "- [вход, логин]\n"
    assert KnowledgeBase.open(settings).answer("пароль").total == 3
    assert rebuild(settings).published is False


def test_removing_one_of_many_is_a_new_build(settings, write):
    for number in range(30):
        write(f"n{number}", title=f"Пароль {number}")
    rebuild(settings)

    (settings.articles / "n7.md").unlink()
    report = rebuild(settings)

    assert counts(report) == (0, 0, 1, 29)
    assert len(segments(settings)) == 1  # nothing was written afresh
    assert KnowledgeBase.open(settings).answer("пароль").total == 29


def git(folder, *arguments, author="Anna", day="2024-01-01"):
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": author, "GIT_COMMITTER_EMAIL": "a@example.com",
        "GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z",
    }  # fmt: skip
    subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True)


def test_new_facts_from_git_are_a_change_of_the_article(settings, write):
    write("a", title="a")
    write("b", title="b", author="Own author", updated="2020-02-02")
    git(settings.articles, "init", "-q")
    git(settings.articles, "add", ".")
    git(settings.articles, "commit", "-qm", "first")
    first = rebuild(settings)
    assert first.commit

    amend = ("commit", "-q", "--amend", "--reset-author", "-m", "x")
    git(settings.articles, *amend, author="Boris", day="2024-05-05")
    report = rebuild(settings)

    assert report.published
    page = KnowledgeBase.open(settings).article("a")
    assert (page.author, page.updated) == ("Boris", date(2024, 5, 5))
    own = KnowledgeBase.open(settings).article("b")
    assert (own.author, own.updated) == ("Own author", date(2020, 2, 2))


@pytest.mark.parametrize(
    "change",
    [{"lang": "en"}, {"langs": ("ru", "en", "de")}, {"remote_images": True},
     {"max_article_bytes": 4096}],
)  # fmt: skip
def test_a_setting_that_decides_what_is_built_makes_a_full_build(settings, write, prepared, change):
    write("a", title="a")
    rebuild(settings)
    prepared.clear()

    assert rebuild(settings.model_copy(update=change)).published
    assert prepared == ["a.md"]


def test_a_new_version_of_the_code_or_of_a_library_makes_a_full_build(
    settings, write, prepared, monkeypatch
):
    write("a", title="a")
    rebuild(settings)
    for name, value in (("_code", lambda: "other"), ("_libraries", lambda: ("other",))):
        prepared.clear()
        monkeypatch.setattr("kb.index.fingerprint." + name, value)

        assert rebuild(settings).published
        assert prepared == ["a.md"]


@pytest.mark.parametrize("setting", ["site_name", "footer", "promise"])
def test_a_setting_of_the_pages_makes_no_build(settings, write, setting):
    write("a", title="a")
    rebuild(settings)

    assert not rebuild(settings.model_copy(update={setting: "other"})).published


def flip_a_byte(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x10]))


def two_builds(settings, write, hurried=False):
    """The folders of two builds, the second of which keeps the segment of the first."""
    for number in range(12):
        write(f"ru/a{number}", f"Статья {number}.", title=f"Статья {number}")
    first = settings.builds / rebuild(settings).build
    write("ru/more", "Ещё одна.", title="Ещё")
    second = settings.builds / rebuild(settings, hurried=hurried).build
    assert first != second
    return first, second


def files(folder):
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and file.stat().st_size]


def test_damage_to_a_build_leaves_the_one_before_whole(settings, write):
    first, second = two_builds(settings, write)
    rng = random.Random(5)

    for file in files(second):
        assert file.stat().st_nlink == 1, file
        flip_a_byte(file, rng.randrange(file.stat().st_size))

    assert not Builds(settings.builds).sound(second.name)
    assert Builds(settings.builds).current().name == first.name
    assert KnowledgeBase.open(settings).answer("статья 7").total >= 12


def test_damage_to_what_two_builds_share_is_healed_from_the_articles(settings, write, monkeypatch):
    monkeypatch.setattr(writing, "MOST_COPIED", 0)
    first, second = two_builds(settings, write)
    shared = [file for file in files(second) if file.stat().st_nlink > 1]
    assert shared

    for file in shared:
        flip_a_byte(file, file.stat().st_size // 2)
    assert not any(Builds(settings.builds).sound(each.name) for each in (first, second))
    report = rebuild(settings, careful=True)

    assert (report.published, report.articles, report.unchanged) == (True, 13, 0)
    assert Builds(settings.builds).current().name == report.build


def test_in_a_hurry_nothing_is_copied(settings, write):
    _, second = two_builds(settings, write, hurried=True)

    assert any(file.stat().st_nlink > 1 for file in files(second))


def test_a_copy_that_is_not_what_was_written_ends_in_a_build_of_everything(
    settings, write, monkeypatch
):
    write("ru/vpn", "Текст.", title="VPN")
    for number in range(12):
        write(f"ru/a{number}", f"Статья {number}.", title=f"Статья {number}")
    first = rebuild(settings).build
    copy = builds_module.copy_file

    def damaged(build, name, target):  # between the check of the build and the copy
        flip_a_byte(build.folder / name, 20)
        copy(build, name, target)

    monkeypatch.setattr(builds_module, "copy_file", damaged)
    write("ru/more", "Ещё одна.", title="Ещё")
    report = rebuild(settings)

    assert report.build != first
    assert (report.articles, report.unchanged) == (14, 0)
    assert Builds(settings.builds).current().name == report.build


def test_a_damaged_build_is_replaced_by_the_next_even_without_changes(settings, write):
    write("a", title="a")
    rebuild(settings)
    write("a", "New text.", title="a")
    rebuild(settings)
    write("a", title="a")  # as it was in the first build
    current = Builds(settings.builds).current()
    (current.folder / "names.kb").write_bytes(b"")

    report = rebuild(settings)

    assert report.published
    assert Builds(settings.builds).pointed() == report.build
    assert served(settings) == ["a"]


def test_a_build_that_cannot_be_read_back_is_made_anew(settings, write, monkeypatch):
    write("a", title="a")
    write("b", title="b")
    with monkeypatch.context() as damaged:  # whole by its checksums
        packer = SimpleNamespace(compress=lambda *_: b"no page")
        damaged.setattr("kb.index.segment_writer.zlib", packer)
        rebuild(settings)
    write("b", "New text.", title="b")

    report = rebuild(settings)

    assert report.published
    assert served(settings) == ["a", "b"]
    assert Segment(Builds(settings.builds).current().folder / "0.kb").page(0)["html"] is not None


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"entries": {"a.md": [1]}}', "\0"])
def test_a_state_nobody_understands_makes_a_full_build(
    settings, write, prepared, monkeypatch, content
):
    write("a", title="a")
    monkeypatch.setattr(
        indexer, "write_state", lambda draft, *_: (draft / changes.STATE).write_text(content)
    )
    rebuild(settings)
    monkeypatch.undo()

    assert rebuild(settings).published
    assert served(settings) == ["a"]


# ---------------------------------------------------------------- incremental is as full

WORDS = [
    "пароль",
    "пароля",
    "войти",
    "вход",
    "оплата",
    "оплатить",
    "деньги",
    "денег",
    "письмо",
    "писем",
    "ip-адрес",
    "settingsPage",
    "1С",
    "C++",
    "v2.5",
    "API",
    "webhook",
    "webhooks",
    "reset",
    "resets",
    "password",
    "ёлка",
    "елка",
    "настройка",
    "VPN",
    "почта",
]


def a_text(rng):
    lines = []
    for _ in range(rng.randint(1, 3)):
        lines.append(f"## {' '.join(rng.choices(WORDS, k=2))}\n")
        lines.append(" ".join(rng.choices(WORDS, k=rng.randint(3, 25))) + ".\n")
    return "\n".join(lines)


def edit(rng, write, settings, deed=""):
    """One thing a writer does in a day."""
    existing = sorted(settings.articles.rglob("*.md"))
    deed = deed or rng.choice(
        ["add", "add", "change", "change", "change", "remove", "move", "touch"]
    )
    if deed == "add" or not existing:
        front = {"title": " ".join(rng.choices(WORDS, k=3))}
        for key, value in (
            ("answers", [" ".join(rng.choices(WORDS, k=4))]), ("tags", rng.choices("xyz", k=2)),
            ("slug", rng.choice("abc")), ("aliases", rng.choices("abcdef", k=2)),
            ("boost", rng.choice([0.5, 2])), ("draft", True), ("unlisted", True),
            ("answer", "Коротко: " + rng.choice(WORDS)), ("lang", rng.choice(["ru", "en"])),
            ("related", ["a"]),
        ):  # fmt: skip
            if rng.random() < 0.2:
                front[key] = value
        write(f"{rng.choice(['ru', 'en'])}/{rng.randint(0, 60)}", a_text(rng), **front)
        return
    path = rng.choice(existing)
    if deed == "change":
        path.write_text(path.read_text("utf-8") + "\n" + a_text(rng), "utf-8")
    elif deed == "remove":
        path.unlink()
    elif deed == "move":
        path.rename(path.with_name(f"moved{rng.randint(0, 999)}.md"))
    else:
        touch(path)


def told(kb, query, **options):
    """Everything an answer says of each hit, without its place among equals."""
    results = kb.answer(query, limit=50, **options)
    hits = {
        hit.slug: (hit.url, hit.title, hit.section, hit.snippet, hit.answer, hit.category, hit.lang)
        for hit in results.hits
    }
    scores = {hit.slug: hit.score for hit in results.hits}
    order = [hit.score for hit in results.hits]
    assert order == pytest.approx(sorted(order, reverse=True), abs=2e-3)  # equals go by date
    return (results.total, results.confident, results.correction, results.facets, hits), scores


def assert_same_answers(one, other, rng):
    queries = [
        *WORDS, "", "парол", "воити", "ghbdtn", '"ip-адрес настройка"', "пароль -вход",
        *(" ".join(rng.choices(WORDS, k=rng.randint(2, 4))) for _ in range(12)),
        *(word[: rng.randint(1, len(word))] for word in WORDS),
    ]  # fmt: skip
    for query in queries:
        options = rng.choice([{}, {}, {"lang": "en"}, {"tag": "x"}])
        facts, scores = told(one, query, **options)
        expected_facts, expected = told(other, query, **options)
        assert facts == expected_facts, query
        assert scores == pytest.approx(expected, abs=1e-4, rel=1e-4), query


def assert_same_pages(one, other):
    slugs = [card.slug for card in one.all_cards()]
    assert slugs == [card.slug for card in other.all_cards()]
    for slug in slugs:
        assert one.article(slug) == other.article(slug)
    for alias in "abcdef":
        assert one.article(alias) == other.article(alias)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_incremental_build_answers_as_a_full_one(settings, write, monkeypatch, seed):
    monkeypatch.setattr(writing, "MOST_DELETED", 1.0)
    monkeypatch.setattr(writing, "MOST_SEGMENTS", 4)
    rng = random.Random(seed)
    most = 0
    for _ in range(25):
        edit(rng, write, settings, "add")
    rebuild(settings)
    for round_ in range(6):
        for _ in range(rng.randint(1, 4)):
            edit(rng, write, settings)
        incremental = rebuild(settings)
        most = max(most, len(segments(settings)))
        if round_ % 3 < 2:
            continue
        apart = settings.model_copy(update={"data": settings.data / f"full{round_}"})
        shutil.copytree(settings.builds, apart.builds)  # which says what is served where
        full = rebuild(apart, full=True)

        assert incremental.articles == full.articles
        assert incremental.rejected == full.rejected
        assert sorted(incremental.warnings) == sorted(full.warnings)
        assert_same_answers(KnowledgeBase.open(settings), KnowledgeBase.open(apart), rng)
        assert_same_pages(KnowledgeBase.open(settings), KnowledgeBase.open(apart))
    assert most > 2  # the promise was about deltas


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_what_is_noted_to_differ_is_what_comparing_all_entries_tells(
    settings, write, monkeypatch, seed
):
    monkeypatch.setattr(writing, "MOST_SEGMENTS", 4)
    noted, compared = [], []
    written = indexer.write_segments

    def compare(draft, before, contents, *rest):
        places = written(draft, before, contents, *rest)
        former = before.entries if before else {}
        noted.append((contents.renewed, contents.gone, contents.placed))
        compared.append((
            {path for path, each in contents.entries.items() if former.get(path) is not each},
            {path for path, each in former.items() if each.is_served} - contents.placed.keys(),
            {path: each for path, each in contents.entries.items() if each.is_served},
        ))  # fmt: skip
        return places

    monkeypatch.setattr(indexer, "write_segments", compare)
    rng = random.Random(seed)
    for round_ in range(9):
        for _ in range(rng.randint(1, 4) if round_ else 20):
            edit(rng, write, settings, *(() if round_ else ("add",)))
        rebuild(settings, hurried=round_ % 2 == 1)

    assert noted == compared
    assert any(gone for _, gone, _ in noted)


def test_many_small_changes_are_gathered_into_one_segment_again(settings, write, monkeypatch):
    monkeypatch.setattr(writing, "MOST_DELETED", 1.0)
    monkeypatch.setattr(writing, "MOST_SEGMENTS", 4)
    for number in range(60):
        write(f"n{number}", title=f"Password {number}")
    rebuild(settings)
    sizes = []

    for number in range(writing.MOST_SEGMENTS + 1):
        write("n7", f"version {number}", title="changing")
        assert counts(rebuild(settings)) == (0, 1, 0, 59)
        sizes.append(len(segments(settings)))

    assert sizes == [2, 3, 4, 2, 3]
    assert KnowledgeBase.open(settings).answer("password").total == 59
    assert KnowledgeBase.open(settings).answer('"version 4"').total == 1


def test_what_small_segments_hold_is_gathered_and_the_large_one_stays(settings, write, monkeypatch):
    monkeypatch.setattr(writing, "MOST_SEGMENTS", 3)
    for number in range(60):
        write(f"n{number}", title=f"Password {number}")
    rebuild(settings)
    large = (Builds(settings.builds).current().folder / "0.kb").read_bytes()

    for number in range(3):
        write(f"new{number}", f"version {number}", title="new")
        rebuild(settings)
    assert segments(settings) == ["0.kb", "1.kb"]
    (settings.articles / "new0.md").unlink()
    write("new1", "version again", title="new")
    rebuild(settings)
    assert len(segments(settings)) == 3
    write("new3", "version 3", title="new")
    rebuild(settings)

    folder = Builds(settings.builds).current().folder
    assert segments(settings) == ["0.kb", "1.kb"]
    assert (folder / "0.kb").read_bytes() == large
    with whoosh_index.open_dir(folder / whoosh_index.FOLDER).reader() as reader:
        assert reader.doc_count_all() == reader.doc_count() == 63  # nothing superseded is left
    found = KnowledgeBase.open(settings)
    assert found.article("new0") is None
    assert [found.answer(f'"version {each}"').total for each in (2, 3, "again")] == [1, 1, 1]


def test_a_published_build_never_changes_whatever_is_built_on_it(settings, write):
    for number in range(30):
        write(f"n{number}", title=f"Password {number}")
    rebuild(settings)
    first = Builds(settings.builds).current()
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}

    write("n1", "changed", title="x")
    rebuild(settings)
    (settings.articles / "n2.md").unlink()
    rebuild(settings, full=False)

    kept = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    assert kept in (before, {})  # as it was, or dropped as a whole


# ---------------------------------------------------------------- what stops a build


def test_two_builds_at_once_are_one_build_and_one_sentence(settings, write):
    write("a", title="a")

    with Builds(settings.builds).draft(), pytest.raises(BuildFailed, match="another process"):
        rebuild(settings)

    assert rebuild(settings).published


@pytest.mark.parametrize("after", [0, 1, 3, 7, 15, 30])
def test_a_disk_that_fills_up_keeps_the_old_build_and_the_next_build_works(
    settings, write, monkeypatch, after
):
    write("a", title="a")
    rebuild(settings)
    write("b", title="b")
    left = [after]
    fsync = os.fsync

    def full(handle):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)

    def until_it_is_full():
        for _ in range(9):
            rebuild(settings, full=True)

    with pytest.raises(BuildFailed, match=r"the disk of .* is full; free some space and run"):
        until_it_is_full()
    monkeypatch.undo()

    assert set(served(settings)) >= {"a"}
    rebuild(settings)
    assert served(settings) == ["a", "b"]


def test_an_index_that_lost_an_article_is_not_published(settings, write, monkeypatch):
    write("a", title="a")
    rebuild(settings)
    write("b", title="b")
    add = whoosh_index.add_segment
    monkeypatch.setattr(whoosh_index, "add_segment", lambda index, *_: add(index, [], {}))
    with pytest.raises(BuildFailed, match=r"holds 0 of 2 articles; run `kb index --full`"):
        rebuild(settings, full=True)
    monkeypatch.undo()

    assert served(settings) == ["a"]
    assert rebuild(settings).published


def lost_in_the_index(draft, segments, deleted):
    """An article goes from the index that Whoosh wrote."""
    writer = whoosh_index.open_dir(draft / whoosh_index.FOLDER).writer()
    writer.delete_document(0)
    writer.commit(merge=False)
    return deleted


def lost_in_the_arrays(draft, segments, deleted):
    """An article of the first segment counts no more."""
    return [[*deleted[0], 0], *deleted[1:]]


@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (lost_in_the_index, "1 articles in the index and 2 in its arrays instead of 2"),
        (lost_in_the_arrays, "2 articles in the index and 1 in its arrays instead of 2"),
    ],
)
def test_a_build_that_holds_too_few_is_not_published(settings, write, monkeypatch, lose, said):
    write("a", title="a")
    rebuild(settings)
    write("b", title="b")
    verify = indexer.verify

    def verify_what_is_left(draft, expected, segments, deleted):
        return verify(draft, expected, segments, lose(draft, segments, deleted))

    monkeypatch.setattr(indexer, "verify", verify_what_is_left)
    with pytest.raises(BuildFailed, match=said):
        rebuild(settings, full=True)
    monkeypatch.undo()

    assert served(settings) == ["a"]


def test_an_index_that_counts_a_word_otherwise_is_not_published(settings, write, monkeypatch):
    write("a", "word word", title="a")
    postings = whoosh_index.SortedPool.iter_postings

    def miscounting(pool):
        for field, term, doc, frequency, value in postings(pool):
            yield field, term, doc, frequency + (term == b"word"), value

    monkeypatch.setattr(whoosh_index.SortedPool, "iter_postings", miscounting)

    with pytest.raises(BuildFailed, match=r"does not hold in its field words what it was given"):
        rebuild(settings)


# ---------------------------------------------------------------- kill −9


def _build_for_ever(settings, seed):
    rng = random.Random(seed)
    number = 0
    while True:
        number += 1
        for name in rng.sample(range(12), rng.choice([1, 12])):
            new = settings.articles / "new"  # a file that is half written is another story
            new.write_text(f"# Password {name}\n\nversion {number}")
            new.replace(settings.articles / f"n{name}.md")
        rebuild(settings, full=rng.random() < 0.3)


def build_when_unlocked(settings):
    """Builds; the children of a killed process need a moment to end."""
    for _ in range(20):
        try:
            return rebuild(settings)
        except BuildFailed:
            time.sleep(0.05)
    raise AssertionError("the lock is stuck")


def kill_at_random(settings, kills, seed, longest):
    """Kills a builder again and again; after each kill the base answers as a whole."""
    rng = random.Random(seed)
    for _ in range(kills):
        builder = FORK.Process(target=_build_for_ever, args=(settings, rng.random()))
        builder.start()
        time.sleep(rng.random() * longest)
        builder.kill()
        builder.join()
        kb = KnowledgeBase.open(settings)
        assert kb.answer("password").total == 12
        if rng.random() < 0.3:
            build_when_unlocked(settings)


def test_a_build_killed_at_any_moment_leaves_the_old_one_serving(settings, write):
    for name in range(12):
        write(f"n{name}", "version 0", title=f"Password {name}")
    rebuild(settings)

    kill_at_random(settings, kills=12, seed=5, longest=0.6)

    assert build_when_unlocked(settings).articles == 12
    assert len(list(settings.builds.glob("unfinished-*"))) == 0


# ---------------------------------------------------------------- hostile files


REJECTED = {
    "nul.md": b"# A\n\nb\0c",
    "utf16.md": "# A".encode("utf-16"),
    "cp1251.md": "# Как сбросить пароль".encode("cp1251"),
    "png.md": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "gzip.md": b"\x1f\x8b\x08" + bytes(range(256)),
    "half.md": "пароль".encode()[:-1],
    "alias-bomb.md": b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\ntitle: t\n---\n",
    "deep-yaml.md": b"---\ntitle: " + b"[" * 50_000 + b"\n---\n",
    "wide-yaml.md": b"---\ntags: [" + b"a," * 60_000 + b"]\n---\n",
    "open.md": b"---\ntitle: a\n\ntext",
    "list.md": b"---\n- a\n- b\n---\n",
    "colon.md": b"---\ntitle: Error: cannot\n---\n",
    "tab.md": b"---\ntitle:\n\t- a\n---\n",
    "tag.md": b"---\ntitle: !!python/object/apply:os.system [id]\n---\n",
    "bracket.md": b"---\ntitle: [a\n---\n",
    "long-front.md": b"---\ntitle: " + b"a" * 300_000 + b"\n---\n",
    "quote.md": b"---\ntitle: 'a\n---\n",
    "brace.md": b"---\ntitle: {{ page }}\n---\n",
    "json.md": b"---json\n{}\n---\n",
    "toml.md": b"+++\ntitle = \n+++\n",
    "large.md": b"a" * (3 << 20),
    "z-taken.md": b"---\nslug: good/0\n---\ntext",
    "z-taken-case.md": b"---\nslug: GOOD/1\n---\ntext",
}
EITHER = {
    "brackets.md": b"[" * 20_000,
    "lists.md": b"\n".join(b"  " * i + b"- a" for i in range(600)),
    "quotes.md": b">" * 6_000 + b" a",
    "stars.md": b"*a **a " * 4_000,
    "ticks.md": b"`" * 9_999,
    "divs.md": b"<div>" * 20_000,
    "columns.md": b"|a" * 3_000 + b"\n" + b"|-" * 3_000 + b"\n",
    "notes.md": b"".join(b"[^%d]: a\n\n" % i for i in range(2_000)),
    "links.md": b"".join(b"[a%d]: b\n" % i for i in range(5_000)),
    "slashes.md": b"\\" * 50_000,
    "images.md": b"![](" * 9_000,
    "headings.md": b"# a\n\n" * 4_000,
    "hashes.md": b"#" * 50_000,
    "word.md": b"a" * 100_000,
    "russian-word.md": "щ".encode() * 100_000,
    "joined.md": b"a-" * 50_000,
    "humps.md": b"aaaBbb" * 9_000,
    "dots.md": b"1." * 30_000,
    "zalgo.md": ("а" + "\u0301" * 500).encode() * 100,
    "bom.md": b"\xef\xbb\xbf",
    "empty.md": b"",
    "cr.md": b"# A\r\rb\rc",
    "title.md": b"# " + b"t" * 200_000,
    "entities.md": b"&" * 60_000,
    "boost.md": b"---\nboost: .nan\n---\na",
    "date.md": b"---\nupdated: 2024-02-31\n---\na",
    "number.md": b"---\ntitle: " + b"9" * 6_000 + b"\n---\na",
    "slug.md": b"---\nslug: ../../etc/passwd\n---\na",
    "slug-long.md": b"---\nslug: " + b"s/" * 3_000 + b"\n---\na",
    "comment.md": b"<!--" * 9_000,
    "script.md": b"<script>" * 9_000,
    "underscores.md": b"_a" * 20_000,
    "angles.md": b"<" * 30_000,
    "parens.md": b"[a](" * 5_000,
    "math.md": b"$" * 30_000,
    "abbr.md": b"*[A]: b\n" * 2_000,
    "pipes.md": b"|" * 30_000,
    "tildes.md": b"~" * 30_000,
    "rtl.md": "\u202e\u2066".encode() * 9_000,
    "emoji.md": "👩‍👩‍👧".encode() * 5_000,
}
LINKS = {
    "out.md": "/etc/passwd",
    "loop.md": "loop.md",
    "nowhere.md": "missing",
    "folder.md": "/etc",
    "device.md": "/dev/zero",
}


def hostile(folder):
    """Writes files nobody should have to read; names of those that no build may take.

    What is in `EITHER` may be an article or be named, but not both.
    """
    folder.mkdir(exist_ok=True)
    for name, data in (REJECTED | EITHER).items():
        (folder / name).write_bytes(data)
    with (folder / "huge.md").open("wb") as file:
        file.truncate(50 << 20)
    os.mkfifo(folder / "fifo.md")
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    os.mkdir(os.fsencode(folder) + b"/deep")
    with open(os.fsencode(folder) + b"/deep/\xff\xfe.md", "wb") as file:
        file.write(b"# A")
    return {*REJECTED, *LINKS, "huge.md", "fifo.md", "deep/\\xff\\xfe.md"}


_BUILD = """
import json, resource, sys, time
from pathlib import Path
from kb import indexer
from kb.base.config import Settings
settings = Settings.model_validate_json(sys.argv[1])
began = time.monotonic()
report = indexer.rebuild(settings)
seconds = time.monotonic() - began
print(json.dumps({
    "seconds": seconds, "articles": report.articles,
    "megabytes": [kilobytes / 1024 for kilobytes in (
        # getrusage of ourselves would count the caller before exec
        int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]),
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)],
    "rejected": [(p.path, p.code, p.message, p.cure) for p in report.rejected],
    "warnings": [(p.path, p.code) for p in report.warnings],
}))
"""


def build_hostile(settings, write):
    """Builds the hostile folder in a process of its own; what it said, and what must be named."""
    for number in range(30):
        write(f"good/{number}", f"Good text, marker{number}.", title=f"Good article {number}")
    bad = hostile(settings.articles)
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, settings.model_dump_json()],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return json.loads(done.stdout), bad


def assert_only_good_articles_are_built(settings, report, bad):
    """Each bad file is named once, with a cure; each good one is found."""
    paths = [path for path, *_ in report["rejected"]]
    assert sorted(paths) == sorted(set(paths))
    assert bad <= set(paths) <= bad | EITHER.keys()
    assert all(message and cure for _, _, message, cure in report["rejected"])
    survived = EITHER.keys() - set(paths)
    assert report["articles"] == 30 + len(survived)
    kb = KnowledgeBase.open(settings)
    for number in range(30):
        assert kb.answer(f"marker{number}").hits[0].slug == f"good/{number}"
    found = reader(settings)
    for path in survived:
        slug = path.removesuffix(".md")
        assert found.find(slug) is not None or found.moved(slug)


@pytest.mark.slow
def test_a_hostile_folder_is_built_in_time_and_memory_and_every_bad_file_is_named_once(
    settings, write
):
    hasty = settings.model_copy(update={"render_seconds": 1.0})

    report, bad = build_hostile(hasty, write)

    assert len(bad | EITHER.keys()) >= 60
    assert report["seconds"] < 60
    assert max(report["megabytes"]) < 500
    assert_only_good_articles_are_built(hasty, report, bad)
