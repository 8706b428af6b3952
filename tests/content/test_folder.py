"""The articles folder: what is listed, read and settled."""

import os
import socket
from datetime import date

import pytest

from kb.base.errors import ArticlesMissing
from kb.content import articles, tools
from kb.content.articles import Defaults
from kb.content.folder import Source, list_files, read_file, scan


@pytest.fixture
def folder(tmp_path):
    """Writes files below an articles folder: folder("a/b.md", "text")."""

    def write(path, text="# T\n\ntext\n"):
        file = tmp_path / "articles" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    write.root = tmp_path / "articles"
    write.root.mkdir()
    return write


def test_a_folder_gives_its_articles_by_path(folder):
    folder("b.markdown")
    folder("a/deep/er/x.md")
    folder("A.MD", "# Big\n")
    folder("_includes/skipped.md")
    folder(".git/x.md")
    folder(".hidden.md")
    folder("notes.txt")

    found = scan(folder.root)

    assert [a.path for a in found.articles] == ["A.MD", "a/deep/er/x.md", "b.markdown"]
    assert [s.path for s in found.sources] == ["A.MD", "a/deep/er/x.md", "b.markdown"]
    assert found.skipped == 1
    assert found.problems == ()


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(ArticlesMissing, match="create it"):
        list_files(tmp_path / "none")


def test_the_first_path_keeps_an_address(folder):
    folder("a.md", "---\ntitle: x\nslug: Вход\n---\n")
    folder("b.md", "---\ntitle: x\nslug: вход\n---\n")
    folder("c.md", "---\ntitle: x\naliases: [ВХОД, old, c]\n---\n")
    folder("d.md", "---\ntitle: x\naliases: [old]\n---\n")

    found = scan(folder.root)

    assert [(a.slug, a.aliases) for a in found.articles] == [
        ("Вход", ()),
        ("c", ("old",)),
        ("d", ()),
    ]
    assert [(p.path, p.line, p.code, p.level) for p in found.problems] == [
        ("b.md", 3, "slug-taken", "error"),
        ("c.md", 3, "alias-taken", "warning"),
        ("d.md", 3, "alias-taken", "warning"),
    ]
    assert "a.md already" in found.problems[0].message


def test_case_alone_makes_no_new_address(folder):
    folder("Vpn.md")
    folder("vpn.md")

    found = scan(folder.root)

    assert [a.path for a in found.articles] == ["Vpn.md"]
    assert [(p.path, p.code) for p in found.problems] == [("vpn.md", "slug-taken")]
    assert "capitals" in found.problems[0].cure


def test_what_is_no_file_inside_the_folder_is_named(folder, tmp_path):
    good = folder("good.md")
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    root = folder.root
    (root / "out.md").symlink_to(secret)
    (root / "passwd.md").symlink_to("/etc/passwd")
    beside = root.with_name(f"{root.name}-of-others")
    beside.mkdir()
    (beside / "theirs.md").write_text("secret")
    (root / "beside.md").symlink_to(beside / "theirs.md")
    folder(".git/config")
    (root / "git.md").symlink_to(".git/config")
    folder("..2026_11_29/mounted.md")
    (root / "mounted.md").symlink_to("..2026_11_29/mounted.md")
    (root / "nowhere.md").symlink_to(root / "none.md")
    (root / "loop.md").symlink_to(root / "loop.md")
    (root / "inside.md").symlink_to(good)
    (root / "folder-out").symlink_to(tmp_path)
    folder("sub/x.md")
    (root / "folder-in").symlink_to(root / "sub")
    (root / "zero.md").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "sock.md"))
    folder("name\nbreak.md")
    with open(os.fsencode(root) + b"/\xff\xfe.md", "w") as file:
        file.write("x")

    found = scan(root)

    assert [a.path for a in found.articles] == ["good.md", "inside.md", "mounted.md", "sub/x.md"]
    assert {(p.path, p.code, p.level) for p in found.problems} == {
        ("out.md", "link-outside", "error"),
        ("passwd.md", "link-outside", "error"),
        ("beside.md", "link-outside", "error"),
        ("git.md", "link-outside", "error"),
        ("zero.md", "link-outside", "error"),
        ("nowhere.md", "link-broken", "error"),
        ("loop.md", "link-broken", "error"),
        ("folder-out", "link-outside", "error"),
        ("folder-in", "link-to-folder", "warning"),
        ("pipe.md", "not-a-file", "error"),
        ("sock.md", "not-a-file", "error"),
        ("\\xff\\xfe.md", "bad-name", "error"),
        ("name\nbreak.md", "bad-name", "error"),
    }
    assert all(p.cure for p in found.problems)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_named(folder):
    folder("file.md").chmod(0)
    folder("closed/x.md").parent.chmod(0)

    found = scan(folder.root)

    (folder.root / "closed").chmod(0o755)
    assert [(p.path, p.code) for p in found.problems] == [
        ("closed", "unreadable"),
        ("file.md", "unreadable"),
    ]


def test_a_large_file_is_not_read(folder):
    file = folder("large.md", "")
    os.truncate(file, 50 * 2**30)  # takes no space on the disk, would take all memory

    found = scan(folder.root)

    assert [p.code for p in found.problems] == ["too-large"]


def test_a_file_that_has_grown_is_read_as_far_as_an_article_may_reach(folder):
    file = folder("x.md", "small")
    (source,) = list_files(folder.root).sources

    file.write_text("large" * 1000)

    assert len(read_file(folder.root, source, 100)) == 101  # `parse` sees that it is too large


def test_a_file_that_turned_into_something_else_is_named(folder, tmp_path):
    file = folder("x.md")
    (source,) = list_files(folder.root).sources

    file.unlink()
    os.mkfifo(file)
    piped = read_file(folder.root, source)
    file.unlink()
    file.symlink_to("/etc/passwd")
    linked = read_file(folder.root, source)
    file.unlink()
    gone = read_file(folder.root, source)

    assert [p.code for p in (piped, linked, gone)] == ["not-a-file", "link-outside", "unreadable"]


def test_a_listing_tells_what_has_changed_without_reading(folder):
    file = folder("x.md", "one")
    folder("y.md")
    before = list_files(folder.root).sources

    assert list_files(folder.root).sources == before
    file.write_text("two")
    after = list_files(folder.root).sources

    assert [s.path for s in set(after) - set(before)] == ["x.md"]
    assert before[0] == Source("x.md", (3, *before[0].stat[1:]))


def test_equal_digests_mean_an_equal_article():
    one = articles.digest("a.md", b"x", Defaults())

    assert one == articles.digest("a.md", b"x", Defaults())
    assert one == articles.digest("a.md", b"x", Defaults(max_bytes=4096))
    others = [
        articles.digest("b.md", b"x", Defaults()),
        articles.digest("a.md", b"y", Defaults()),
        articles.digest("a.md", b"x", Defaults(lang="en")),
        articles.digest("a.md", b"x", Defaults(langs=("ru",))),
        articles.digest("a.md", b"x", Defaults(author="A")),
        articles.digest("a.md", b"x", Defaults(updated=date(2026, 1, 1))),
    ]
    assert len({one, *others}) == 7


def test_older_versions_beside_the_newest_are_left_out(folder):
    files = (
        "docs/a.md", "versioned_docs/version-1.9/a.md", "versioned_docs/version-1.10/a.md",
        "only_versioned_docs/version-1.9/b.md", "only_versioned_docs/version-1.10/b.md",
        "i18n/ru/docusaurus-plugin-content-docs/current/a.md",
        "i18n/ru/docusaurus-plugin-content-docs/version-1.9/a.md",
        "guide/version-1/c.md",
    )  # fmt: skip
    for path in files:
        folder(path)

    found = list_files(folder.root)

    assert [source.path for source in found.sources] == [
        "docs/a.md", "guide/version-1/c.md", "i18n/ru/docusaurus-plugin-content-docs/current/a.md",
        "only_versioned_docs/version-1.10/b.md",
    ]  # fmt: skip
    assert [(p.path, p.code, p.level) for p in found.problems] == [
        (path, "left-out", "hint") for path in (
            "i18n/ru/docusaurus-plugin-content-docs/version-1.9",
            "only_versioned_docs/version-1.9", "versioned_docs",
        )
    ]  # fmt: skip


def test_versions_are_known_beside_docs_above_the_site_and_parts_are_no_articles(folder):
    for path in ("docs/a.md", "docs/_part.md", "website/docusaurus.config.js", "website/_index.md",
                 "website/versioned_docs/version-1/a.md", "other/docs/_own.md"):  # fmt: skip
        folder(path)

    found = list_files(folder.root)

    assert [source.path for source in found.sources] == ["docs/a.md", "website/_index.md"]
    assert [p.path for p in found.problems] == ["website/versioned_docs"]
    (folder.root / "website/docusaurus.config.js").unlink()
    assert "docs/_part.md" in [source.path for source in list_files(folder.root).sources]


def test_files_for_those_who_work_on_a_repository_are_no_articles(folder):
    left_out = ("AGENTS.md", "CONTRIBUTING.md", "SECURITY.md", "guide/CLAUDE.md")
    kept = ("README.md", "contributing.md", "guide/CONTRIBUTING.md", "guide/security.md")
    for path in (*left_out, *kept):
        folder(path)
    folder("LICENSE.md", "---\ntitle: License\n---\n")

    found = list_files(folder.root)

    assert {source.path for source in found.sources} == {*kept, "LICENSE.md"}
    assert {(p.path, p.code) for p in found.problems} == {(path, "left-out") for path in left_out}


@pytest.mark.parametrize("name", sorted(tools.FILES.keys() - tools.COMMON_NAMES))
def test_a_file_of_a_tool_is_known_beside_articles(folder, name):
    folder("a/one.md")
    folder(f"a/{name}", "- [One](one.md)\n")

    found = list_files(folder.root)

    assert found.tool_files == (f"a/{name}",)
    assert "a/one.md" in [source.path for source in found.sources]


def test_folders_pipes_and_links_whose_names_end_as_articles_do_are_none(folder):
    folder("folder.md/inner.md")
    os.mkfifo(folder.root / "pipe.md")
    (folder.root / "link.md").symlink_to("folder.md/inner.md")
    (folder.root / "dangling.md").symlink_to("nowhere.md")

    found = list_files(folder.root)

    assert [source.path for source in found.sources] == ["folder.md/inner.md", "link.md"]
    assert {problem.path: problem.code for problem in found.problems} == {
        "dangling.md": "link-broken", "pipe.md": "not-a-file",
    }  # fmt: skip


def test_translations_into_languages_that_are_not_served_are_left_out(folder):
    i18n = "i18n/{}/docusaurus-plugin-content-docs/current/x.md"
    for path in ("docs/x.md", "de/x.md", *(map(i18n.format, ("ru", "zh-CN", "zh-TW")))):
        folder(path)

    found = list_files(folder.root, ("ru", "en"))

    assert [source.path for source in found.sources] == ["de/x.md", "docs/x.md", i18n.format("ru")]
    assert [(each.path, each.code) for each in found.problems] == [
        ("i18n/zh-CN", "not-served"), ("i18n/zh-TW", "not-served"),
    ]  # fmt: skip
    assert "KB_LANGS=ru,en,zh" in found.problems[0].cure
    assert list_files(folder.root, ("ru", "en", "zh")).problems == ()
