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
