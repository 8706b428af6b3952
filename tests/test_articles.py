"""Files to articles: what each key means, what is wrong with a file, and what no file can do."""

import json
import os
import socket
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kb import articles
from kb.articles import Article, Defaults, Problem, Source
from kb.errors import ArticlesMissing
from kb.front_matter import one_line
from kb.history import Change
from kb.keys import KEYS

SHARED = Path(__file__).parents[2] / "shared" / "data" / "articles"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared articles in {SHARED}")
BROKEN = Path(__file__).parent / "corpus" / "broken"


def article(text, path="ru/account/reset-password.md", **more):
    parsed = articles.parse(path, text.encode(), Defaults(**more))
    assert parsed.article, parsed.problems
    return parsed.article


def problems(text, path="x.md"):
    found = articles.parse(path, text.encode() if isinstance(text, str) else text)
    return [(p.line, p.code) for p in found.problems if p.level != "hint"]


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


# --- what the keys mean -------------------------------------------------------------------------


def test_every_key_is_read_by_its_type():
    found = article(
        """---
title: Сброс пароля
lang: ru
slug: /ru/reset
answers:
  - как сбросить пароль
  - "забыл пароль: что делать"
answer: Откройте страницу входа.
category: Учётная запись
tags: [пароль, вход]
related: /ru/account/vpn.md
aliases:
  - reset
type: Problem
author: Анна
owner: support
updated: 2026-08-31
review_by: 2027-01-01T10:00:00Z
publish: 2026-01-01
expires: 2030-01-01
draft: no
unlisted: yes
boost: 2.5
translation_of: en/account/reset-password
sidebar_position: 3
nested: {a: [1, ~]}
---
# Заголовок

Текст.
"""
    )

    assert replace(found, lines={}) == Article(
        path="ru/account/reset-password.md",
        slug="ru/reset",
        title="Сброс пароля",
        lang="ru",
        body="# Заголовок\n\nТекст.\n",
        body_line=28,
        category="Учётная запись",
        tags=("пароль", "вход"),
        answers=("как сбросить пароль", "забыл пароль: что делать"),
        answer="Откройте страницу входа.",
        type="problem",
        author="Анна",
        owner="support",
        updated=date(2026, 8, 31),
        review_by=date(2027, 1, 1),
        publish=date(2026, 1, 1),
        expires=date(2030, 1, 1),
        related=("ru/account/vpn",),
        aliases=("reset",),
        unlisted=True,
        boost=2.5,
        translation_of="en/account/reset-password",
        extra={"sidebar_position": "3", "nested": {"a": ["1", None]}},
    )
    assert found.lines["answers"] == 5
    assert found.lines["nested"] == 26


def test_a_file_without_front_matter_is_an_article():
    found = article("# Сброс *пароля*\n\nТекст.\n")

    assert found.title == "Сброс пароля"
    assert found.body == "\n\nТекст.\n"  # the heading is the title now; lines keep their numbers
    assert found.slug == "ru/account/reset-password"
    assert found.category == "account"
    assert found.lang == "ru"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# T\n", "T"),
        ("text\n\n#  `code` and [link](x.md) #\n", "code and link"),
        ("# <a name='x'></a>Anchor {#id}\n", "Anchor"),
        ("T &amp; U\n===\n\ntext", "T & U"),
        ("```\n# comment\n```\n\n# T\n", "T"),
        ("## Second\n", "Reset password"),
        ("#hashtag\n", "Reset password"),
        ("---\ntitle:\n---\n# T\n", "T"),
        ("---\ntitle: ~\n---\n# T\n", "T"),
        ("", "Reset password"),
    ],
)
def test_the_title_is_the_first_heading_or_the_name(text, title):
    assert article(text).title == title


@pytest.mark.parametrize(
    ("written", "title"),
    [("2020-01-01", "2020-01-01"), ("no", "no"), ("1.10", "1.10"), ("0o17", "0o17"), ("'~'", "~"),
     ("Сброс: что?", None), ('"Сброс: что?"', "Сброс: что?"), ("a # b", "a"),
     ("12:30:00", "12:30:00")],
)  # fmt: skip
def test_scalars_stay_as_they_are_written(written, title):
    found = articles.parse("x.md", f"---\ntitle: {written}\n---\n".encode()).article

    assert (found.title if found else None) == title


def test_one_text_is_a_list_of_one_and_null_is_absent():
    found = article("---\ntitle: x\ntags: one, two\nanswers:\naliases: ~\nanswer: null\n---\n")

    assert found.tags == ("one, two",)
    assert (found.answers, found.aliases, found.answer) == ((), (), "")


@pytest.mark.parametrize(
    ("slug", "expected"),
    [("/a/b/", "a/b"), ("a//b", "a/b"), ("", "dir/x"), ("/", "dir/x"), ("Свой адрес", "Свой адрес"),
     ("a\\b", "dir/x"), ("./a", "dir/x"), ("и\u0306", "й"), ("a" * 500, "dir/x")],
)  # fmt: skip
def test_slugs(slug, expected):
    text = f"---\ntitle: x\nslug: {json.dumps(slug, ensure_ascii=False)}\n---\n"

    assert article(text, "dir/x.md").slug == expected


@pytest.mark.parametrize(
    ("path", "text", "lang"),
    [
        ("en/x.md", "Русский текст", "en"),  # the folder says so
        ("x.md", "Русский текст", "ru"),
        ("x.md", "English text", "en"),
        ("x.md", "12345", "ru"),  # nothing to go by
        ("de/x.md", "English text", "en"),
        ("x.md", "---\nlang: en-US\n---\nРусский текст", "en"),
        ("en.md", "Русский текст", "ru"),
    ],
)
def test_the_language_is_written_or_the_folders_or_the_scripts(path, text, lang):
    assert article(text, path).lang == lang


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("x.md", ""),
        ("ru/x.md", ""),
        ("vpn/x.md", "vpn"),
        ("ru/vpn/x.md", "vpn"),
        ("a/ru/x.md", "ru"),
    ],
)
def test_the_category_is_the_folder(path, category):
    assert article("x", path).category == category


def test_git_signs_what_the_writer_did_not():
    known = Defaults().of(Change("Борис", date(2026, 1, 2), "abc", 0))

    assert articles.parse("x.md", b"x", known).article.author == "Борис"
    assert articles.parse("x.md", b"x", known).article.updated == date(2026, 1, 2)
    assert articles.parse("x.md", b"---\nauthor: A\n---\n", known).article.author == "A"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_neither_a_mark_nor_line_ends_lose_the_front_matter(end, mark):
    text = mark + end.join(["---", "title: T", "---", "a", "b"])

    assert article(text).title == "T"
    assert article(text).body == "a\nb"


def test_toml_is_read_by_the_same_rules():
    found = article(
        '+++\ntitle = "T"\ndraft = true\nupdated = 2026-08-31\ntags = ["a"]\n'
        "boost = 2\nweight = 1\n+++\nB"
    )

    assert (found.title, found.draft, found.tags, found.boost) == ("T", True, ("a",), 2.0)
    assert found.updated == date(2026, 8, 31)
    assert found.extra == {"weight": "1"}
    assert found.lines["tags"] == 5
    assert found.body == "B"


def test_a_rule_below_an_empty_line_is_no_front_matter():
    assert article("\n---\nplain words\n\n---\nmore").body == "\n---\nplain words\n\n---\nmore"
    assert article("\n\n---\ntitle: T\n---\nmore").title == "T"


def test_imports_of_mdx_leave_the_text():
    assert article("import X from '@theme/X';\nimport Y from \"y\"\n\nText").body == "\n\n\nText"
    assert "import this" in article("import this\n").body


def test_an_article_survives_json():
    found = article("---\ntitle: T\nupdated: 2026-08-31\ntags: [a]\nx: {y: [1]}\n---\nB")

    assert Article.from_json(json.loads(json.dumps(found.to_json()))) == found


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(BROKEN.glob("*.md")), ids=lambda file: file.stem)
def test_each_broken_file_has_exactly_its_problems(file):
    expected = json.loads(file.with_suffix(".json").read_text("utf-8"))

    found = articles.parse(file.name, file.read_bytes())

    assert [(p.line, p.code, p.level) for p in found.problems] == sorted(
        (e["line"], e["code"], e["level"]) for e in expected
    )
    for problem, wanted in zip(
        found.problems, sorted(expected, key=lambda e: (e["line"], e["code"])), strict=True
    ):
        assert wanted["message"] in problem.message
        assert wanted["cure"] in problem.cure
        assert problem.cure
        assert problem.path == file.name
    assert (found.article is None) == any(e["level"] == "error" for e in expected)


def test_an_article_that_is_too_large_is_named_with_both_sizes():
    found = articles.parse("x.md", b"x" * 2000, Defaults(max_bytes=1024)).problems

    assert found == (
        Problem(
            "x.md",
            1,
            "too-large",
            "the file has 2,000 bytes; 1,024 are allowed",
            "split the article, or raise KB_MAX_ARTICLE_BYTES",
        ),
    )


def test_an_answer_is_cut_at_a_word():
    found = article(f"---\nanswer: {'слово ' * 80}\n---\n")

    assert len(found.answer) <= 300
    assert found.answer.endswith("слово…")


@pytest.mark.parametrize(
    "name", ["...md", "a/..../../x.md", "a\nb.md", "a\\b.md", " .md", "a/.. .md"]
)
def test_a_name_that_can_be_no_address_is_named(name):
    found = articles.parse(name, b"x")

    if found.article:
        assert ".." not in found.article.slug.split("/")
    else:
        assert [p.code for p in found.problems] == ["bad-name"]


@pytest.mark.parametrize(
    "bomb",
    [
        "---\na: &a [x,x]\n" + "".join(f"b{i}: &b{i} [*a,*a]\n" for i in range(40)) + "---\n",
        "---\na: " + "[" * 100_000 + "\n---\n",
        "---\na: " + "{a: " * 50_000 + "\n---\n",
        "---\n" + "".join(" " * i + "a:\n" for i in range(700)) + "---\n",
        "---\n" + "- " * 100_000 + "\n---\n",
        "---\n" + "? " * 50_000 + "\n---\n",
        "---\n" + "".join(f"k{i}: v\n" for i in range(30_000)) + "---\n",
        "---\na: " + "x" * 300_000 + "\n---\n",
        "---\na: !!int " + "9" * 10_000 + "\n---\n",
        "---\na: 0x" + "f" * 100_000 + "\n---\n",
        "---\na: 1e999999999\nboost: 1e999999999\n---\n",
        "---\nboost: " + "9" * 10_000 + "\n---\n",
        '---\ntitle: "\\ud800 \\0 \\x07"\n---\n',
        "---\n%YAML 9.9\n---\n",
        "---\n\x07\n---\n",
        "+++\na = " + "[" * 50_000 + "\n+++\n",
        "+++\na" + ".a" * 50_000 + " = 1\n+++\n",
        "+++\na = " + "9" * 10_000 + "\n+++\n",
        "# " + "[" * 100_000,
        "# " + "*a" * 50_000,
        "# " + "`" * 100_000,
        "---\n" * 10_000,
        "<" * 1_000_000,
    ],
    ids=range(23),
)
def test_no_bomb_goes_off(bomb):
    found = articles.parse("x.md", bomb.encode())

    assert found.article or found.problems


# --- promises -----------------------------------------------------------------------------------

keys = st.sampled_from([*KEYS, "content", "unknown", "<<", "?", "- a", "", "№"])
values = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["no", "2020-01-01", "[a, b]", "{a: b}", "*a", "&a b", "!!int 1", "|\n  x", "~"]
    ),
)
front_matter = st.lists(st.tuples(keys, values), max_size=6).map(
    lambda pairs: "---\n" + "".join(f"{k}: {v}\n" for k, v in pairs) + "---\nbody\n"
)
contents = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass")),
    front_matter.map(lambda t: t.encode("utf-8", "surrogatepass")),
    st.tuples(front_matter, st.binary(max_size=20)).map(
        lambda p: p[0].encode("utf-8", "surrogatepass") + p[1]
    ),
)


@settings(max_examples=600, deadline=None)
@given(data=contents, path=st.text(min_size=1, max_size=30).map(lambda t: t + ".md"))
@example(b"---\ncontent: x\n---\n", "a.md")
@example(b"---\nslug: .\n---\n", "..md")
@example(b"\xef\xbb\xbf", "a.md")
def test_any_bytes_are_an_article_or_named_problems(data, path):
    found = articles.parse(path, data)

    assert found == articles.parse(path, data)
    assert found.article or any(p.level == "error" for p in found.problems)
    assert all(p.path == path and p.line >= 1 and p.code and p.cure for p in found.problems)
    if found.article:
        assert all(p.level != "error" for p in found.problems)
        slug = found.article.slug
        assert slug
        assert not set(slug.split("/")) & {"", ".", ".."}
        assert slug.isprintable() or not any(ord(c) < 32 or c == "\\" for c in slug)
        assert found.article.title
        told = json.dumps(found.article.to_json(), ensure_ascii=False)
        assert "\x00" not in told
        told.encode()
        assert Article.from_json(json.loads(told)) == found.article


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=80))
def test_a_text_that_yaml_wrote_is_read_back(written):
    data = yaml.safe_dump({"title": "T", "category": written}, allow_unicode=True)

    found = articles.parse("x.md", f"---\n{data}---\n".encode()).article

    assert found is not None
    assert found.category == one_line(written)


# --- the folder ---------------------------------------------------------------------------------


def test_a_folder_gives_its_articles_by_path(folder):
    folder("b.markdown")
    folder("a/deep/er/x.md")
    folder("A.MD", "# Big\n")
    folder("skipped.mdx")
    folder(".git/x.md")
    folder(".hidden.md")
    folder("notes.txt")

    found = articles.scan(folder.root)

    assert [a.path for a in found.articles] == ["A.MD", "a/deep/er/x.md", "b.markdown"]
    assert [s.path for s in found.sources] == ["A.MD", "a/deep/er/x.md", "b.markdown"]
    assert found.skipped == 1
    assert found.problems == ()


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(ArticlesMissing, match="create it"):
        articles.listing(tmp_path / "none")


def test_the_first_path_keeps_an_address(folder):
    folder("a.md", "---\ntitle: x\nslug: Вход\n---\n")
    folder("b.md", "---\ntitle: x\nslug: вход\n---\n")
    folder("c.md", "---\ntitle: x\naliases: [ВХОД, old, c]\n---\n")
    folder("d.md", "---\ntitle: x\naliases: [old]\n---\n")

    found = articles.scan(folder.root)

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

    found = articles.scan(folder.root)

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

    found = articles.scan(root)

    assert [a.path for a in found.articles] == ["good.md", "inside.md", "sub/x.md"]
    assert {(p.path, p.code, p.level) for p in found.problems} == {
        ("out.md", "link-outside", "error"),
        ("passwd.md", "link-outside", "error"),
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

    found = articles.scan(folder.root)

    (folder.root / "closed").chmod(0o755)
    assert [(p.path, p.code) for p in found.problems] == [
        ("closed", "unreadable"),
        ("file.md", "unreadable"),
    ]


def test_a_large_file_is_not_read(folder):
    file = folder("large.md", "")
    os.truncate(file, 50 * 2**30)  # takes no space on the disk, would take all memory

    found = articles.scan(folder.root)

    assert [p.code for p in found.problems] == ["too-large"]


def test_a_file_that_turned_into_something_else_is_named(folder, tmp_path):
    file = folder("x.md")
    (source,) = articles.listing(folder.root).sources

    file.unlink()
    os.mkfifo(file)
    piped = articles.read(folder.root, source)
    file.unlink()
    file.symlink_to("/etc/passwd")
    linked = articles.read(folder.root, source)
    file.unlink()
    gone = articles.read(folder.root, source)

    assert [p.code for p in (piped, linked, gone)] == ["not-a-file", "link-outside", "unreadable"]


def test_a_listing_tells_what_has_changed_without_reading(folder):
    file = folder("x.md", "one")
    folder("y.md")
    before = articles.listing(folder.root).sources

    assert articles.listing(folder.root).sources == before
    file.write_text("two")
    after = articles.listing(folder.root).sources

    assert [s.path for s in set(after) - set(before)] == ["x.md"]
    assert before[0] == Source("x.md", 3, before[0].mtime_ns, before[0].inode, before[0].ctime_ns)


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


# --- real bases ---------------------------------------------------------------------------------


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("base", "count", "rejected", "warned"),
    [
        ("dynamics365-bc-ru", 1096, {"bad-yaml": 1, "merge-conflict": 1}, {}),
        ("helm", 315, {}, {}),
        ("plausible-docs", 132, {}, {}),
        ("identity-site", 103, {}, {"alias-taken": 16}),  # `redirect_from` of two files each
    ],
)
def test_real_bases_are_read_whole(base, count, rejected, warned):
    found = articles.scan(SHARED / base)

    codes = [p.code for p in found.problems if p.level == "error"]
    assert {code: codes.count(code) for code in codes} == rejected
    assert len(found.articles) == count - len(codes)
    assert Counter(p.code for p in found.problems if p.level == "warning") == warned


@pytest.mark.shared
@needs_shared
def test_every_fixture_of_other_readers_is_an_article_or_named():
    found = articles.scan(SHARED / "fm-fixtures")

    named = {p.path for p in found.problems if p.level == "error"}
    assert {s.path for s in found.sources} == {a.path for a in found.articles} | named
    assert not {a.path for a in found.articles} & named
