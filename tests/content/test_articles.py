"""Files to articles: what each key means, what is wrong with a file, and what no file can do."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date

import paths
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paths import TESTS

from kb.content import articles, front_matter
from kb.content.articles import Article, Defaults
from kb.content.folder import scan
from kb.content.front_matter import one_line
from kb.content.metadata import KEYS
from kb.content.problems import Problem
from kb.git.history import Change

SHARED = paths.SHARED / "articles"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared articles in {SHARED}")
BROKEN = TESTS / "corpus" / "broken"


def article(text, path="ru/account/reset-password.md", **more):
    parsed = articles.parse(path, text.encode(), Defaults(**more))
    assert parsed.article, parsed.problems
    return parsed.article


def problems(text, path="x.md"):
    found = articles.parse(path, text.encode() if isinstance(text, str) else text)
    return [(p.line, p.code) for p in found.problems if p.level != "hint"]


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
        place=("Учётная запись",),
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
        ("# `<webview>` Tag\n", "<webview> Tag"),
        ("# `__init__` and \\<head>\n", "__init__ and <head>"),
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
        ("how-to-pay.md", "12345", "en"),  # its name
        ("de/x.md", "English text", "en"),
        ("x.md", "---\nlang: en-US\n---\nРусский текст", "en"),
        ("en.md", "Русский текст", "ru"),
        (
            "x.md",
            "```sql\nselect one, two from three\n```\nРусский текст",
            "ru",
        ),
        ("x.md", "English words begin, русские слова. " * 50 + "Дальше по-русски. " * 500, "ru"),
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
        ("a/ru/x.md", "a"),
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
    kept_back = {e["code"] for e in expected if e["level"] == "error"}
    assert (found.article is None) == bool(kept_back - {"bad-gate"})


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


@pytest.mark.parametrize(
    "bomb",
    [
        "---\n" + "".join(f"{i}:\n" for i in range(11_000)) + "---\n",
        "---\nk: [" + "x, " * 30_000 + "]\n---\n",
        "+++\nk = [" + "1, " * 30_000 + "]\n+++\n",
        "+++\nk" + ".a" * 500 + " = 1\n+++\n",
    ],
    ids=["keys", "values", "TOML", "dots"],
)
def test_front_matter_of_too_many_values_is_named(bomb):
    found = articles.parse("x.md", bomb.encode())

    assert [problem.code for problem in found.problems] == ["front-matter-too-deep"]


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's own loader, which refuses nesting while it scans ahead, as libyaml 0.2.6 does."""

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        if self.flow_level >= 100:
            raise yaml.scanner.ScannerError(None, None, "too deep", self.get_mark())
        super().fetch_flow_collection_start(token)


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader, BoundedLoader])
@pytest.mark.parametrize("opening", ["[", "{a: ", "[x, ", "{a: [", '["]", '])
def test_nesting_is_bounded_whatever_bounds_the_library_has(monkeypatch, loader, opening):
    monkeypatch.setattr(front_matter, "_LOADER", front_matter.strict_loader(loader))

    found = articles.parse("x.md", f"---\ntitle: x\ndeep: {opening * 400}\n---\n".encode())

    assert [(p.line, p.code) for p in found.problems] == [(3, "front-matter-too-deep")]


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
@pytest.mark.parametrize("line", ["a: [[[x]]] [", f'a: "{"[" * 50}" b', f"a: {'[] ' * 50}"])
def test_brackets_that_nest_nothing_are_no_nesting(monkeypatch, loader, line):
    monkeypatch.setattr(front_matter, "_LOADER", front_matter.strict_loader(loader))

    found = articles.parse("x.md", f"---\n{line}\n---\n".encode())

    assert [(p.line, p.code) for p in found.problems] == [(2, "bad-yaml")]


# --- promises -----------------------------------------------------------------------------------

keys = st.sampled_from([*KEYS, "content", "unknown", "<<", "?", "- a", "", "№"])
values = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["no", "2020-01-01", "[a, b]", "{a: b}", "*a", "&a b", "!!int 1", "|\n  x", "~"]
    ),
)
blocks = st.lists(st.tuples(keys, values), max_size=6).map(
    lambda pairs: "---\n" + "".join(f"{k}: {v}\n" for k, v in pairs) + "---\nbody\n"
)
contents = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass")),
    blocks.map(lambda t: t.encode("utf-8", "surrogatepass")),
    st.tuples(blocks, st.binary(max_size=20)).map(
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
        assert all(p.level != "error" or p.code == "bad-gate" for p in found.problems)
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


# --- real bases ---------------------------------------------------------------------------------


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("base", "count", "rejected", "warned"),
    [
        ("dynamics365-bc-ru", 949, {}, {}),  # and 147 files to include
        ("helm", 366, {}, {}),
        ("plausible-docs", 132, {}, {}),
        ("identity-site", 103, {}, {"alias-taken": 16}),  # `redirect_from` of two files each
    ],
)
def test_real_bases_are_read_whole(base, count, rejected, warned):
    found = scan(SHARED / base)

    codes = [p.code for p in found.problems if p.level == "error"]
    assert {code: codes.count(code) for code in codes} == rejected
    assert len(found.articles) == count - len(codes)
    assert Counter(p.code for p in found.problems if p.level == "warning") == warned


@pytest.mark.shared
@needs_shared
def test_every_fixture_of_other_readers_is_an_article_or_named():
    found = scan(SHARED / "fm-fixtures")

    named = {p.path for p in found.problems if p.level == "error"}
    assert {s.path for s in found.sources} == {a.path for a in found.articles} | named
    assert not {a.path for a in found.articles} & named
