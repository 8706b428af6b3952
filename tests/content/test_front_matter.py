"""The YAML handler that python-frontmatter reads and writes front matter with."""

import frontmatter
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content import articles
from kb.content.front_matter import InvalidFile, PlainScalar, YAMLHandler

texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")))
metadata = st.dictionaries(st.sampled_from("abcdef"), texts | st.lists(texts, min_size=1))


def test_scalars_stay_the_text_that_is_written():
    post = frontmatter.loads(
        "---\nupdated: 2026-01-02\nno: yes\nboost: 1_0\nport: 0o17\nnothing: ~\n---\nText",
        handler=YAMLHandler(),
    )

    assert post.content == "Text"
    assert post.metadata == {
        "updated": "2026-01-02", "no": "yes", "boost": "1_0", "port": "0o17", "nothing": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("block", "line", "code"),
    [
        ("title: x\nanswer: *bold", 2, "yaml-alias"),
        ("title: &x y", 1, "yaml-alias"),
        ("title: x\nanswer: !important y", 2, "yaml-tag"),
        ("boost: !!float 2", 1, "yaml-tag"),
        ("title: x\n{{ a }}: y", 2, "bad-yaml"),
        ("a: " + "[" * 12 + "x" + "]" * 12, 1, "front-matter-too-deep"),
        ("title: x\n--- y", 2, "bad-yaml"),
        ("- title", 1, "front-matter-not-keys"),
        ("title", 1, "front-matter-not-keys"),
    ],
)
def test_what_is_no_plain_text_is_refused_with_its_line(block, line, code):
    with pytest.raises(InvalidFile) as refused:
        YAMLHandler().load(block)

    assert (refused.value.line, refused.value.code) == (line, code)


WIKIJS = """---
title: Lamp: on # or off
description: "On": one, "off": two
published: true
date: 2026-01-02T03:04:05.006Z
tags: lamp, desk lamp
editor: markdown
dateCreated: 2026-01-02T03:04:05.006Z
---

Text
"""


def test_wikijs_writes_texts_behind_their_keys_and_no_yaml():
    parsed = articles.parse("a.md", WIKIJS.encode(), articles.Defaults(dialect="wikijs"))

    assert parsed.problems == ()
    assert parsed.article.title == "Lamp: on # or off"
    assert parsed.article.answer == '"On": one, "off": two'
    assert parsed.article.tags == ("lamp", "desk lamp")


@pytest.mark.parametrize(
    ("before", "after"),
    [("editor: markdown\n", ""), ("tags: ", "author: Ann\ntags: "), ("tags: ", "tags: a\ntags: ")],
)
def test_other_front_matter_is_yaml(before, after):
    text = WIKIJS.replace(before, after)

    assert [p.code for p in articles.parse("a.md", text.encode()).problems] == ["bad-yaml"]


def test_what_is_in_quotes_is_yaml():
    text = WIKIJS.replace("Lamp: on # or off", '"Lamp: on"').replace('"On": one, "off": two', "On")

    assert articles.parse("a.md", text.encode()).article.title == "Lamp: on"


def test_twelve_collections_may_lie_in_each_other():
    assert YAMLHandler().load("a: " + "[" * 11 + "x" + "]" * 11)


@given(metadata)
def test_what_is_written_is_read_back(values):
    handler = YAMLHandler({"a": "a remark"})

    written = frontmatter.dumps(frontmatter.Post("Text", handler, **values))

    assert frontmatter.loads(written, handler=handler).metadata == values
    parsed = articles.parse("x.md", f"{written}\n".encode())
    assert parsed.article is not None
    assert set(parsed.article.extra) == set(values)


def test_keys_are_written_in_their_order_with_remarks():
    post = frontmatter.Post("Text", title="no", type=PlainScalar("how-to"), answers=["a: b", "#"])

    assert frontmatter.dumps(post, handler=YAMLHandler({"answers": "one a line"})) == (
        '---\ntitle: "no"\ntype: how-to\nanswers:  # one a line\n  - "a: b"\n  - "#"\n---\n\nText'
    )
