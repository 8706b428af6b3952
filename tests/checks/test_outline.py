"""An outline says what rendering says of links and anchors, or says that it cannot tell."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT

from kb.checks import outline
from kb.content import markup
from kb.content.articles import Article
from kb.content.folder import scan
from kb.content.markup import Link


def article(body: str) -> Article:
    return Article("ru/net/a.md", "ru/net/a", "Title", "ru", body)


def rendered(one: Article) -> markup.Rendered:
    return markup.render(
        one.body, path=one.path, lang=one.lang, title=one.title, dialect=one.dialect
    )


def told(links: Iterable[Link]) -> Counter[tuple[str, str, bool, bool]]:
    """What rules ask of links: address, where it leads, whether an image, whether it is described.

    Links to other sites are left out, as outlines leave them out.
    """
    outside = ("http://", "https://", "mailto:", "tel:")
    return Counter(
        (link.target, link.url, link.image, bool(link.alt.strip()) or not link.image)
        for link in links
        if link.image or not link.url.lower().startswith(outside)
    )


def test_only_rendering_tells_the_ids_that_another_tool_gives():
    one = article("## Лампа\n")

    assert not outline.read(one).may_have("h-lampa")
    assert outline.read(replace(one, dialect="diplodoc")).may_have("h-lampa")


SURE = [
    "[a](b.md)", "[a](b.md 'title')", "[a](b.md#an-x), ![](c.png)",
    "[![A plan](c.png)](b.md)", "[a [b] c](d.md)", "[a](b(c).md)", "\\[a](b.md)", "[a\\](b.md)",
    "`[a](b.md)` [c](d.md)", "``[a](b.md) ` `` [c](d.md)", "[`a`](b.md)", "[a](b.md",
    "[a](b&amp;c.md)", "[a](b\\_c.md)", "- [a](b.md)\n  - [c](d.md)\n    - [e](f.md)",
    "1. one\n\n   [a](b.md)", "> [a](b.md)", "| a | b |\n|---|---|\n| [a](b.md) | ![](c.png) |",
    "```\n[a](b.md)\n```\n[c](d.md)", "~~~ text\n[a](b.md)\n```\n~~~", "    [a](b.md)\n\n[c](d.md)",
    "- x\n\n  ```\n  [a](b.md)\n  ```\n\n  [c](d.md)", "<!-- [a](b.md) -->\n\n[c](d.md)",
    "<a href='b.md'>x</a>", "<a name=x></a>[a](b.md)", '<img src="c.png" alt="">',
    "[a]( b.md )", "[a](b.md)[c](d.md)", "![a](c.png \"t\")", "[a]()", "[ ] task [a](b.md)",
    "[!INCLUDE [x](x.md)] [a](b.md)", ':::image type="icon" source="c.png" alt-text="A":::',
    "# [a](b.md)", "**[a](b.md)**", "[a](/net/b.md) [c](../d.md) [e](/media/x.png)",
    "[a](https://example.com) <https://example.com> [b](mailto:a@example.com)",
]  # fmt: skip
UNSURE = [
    "[a][b]\n\n[b]: c.md", "<div>\n[a](b.md)\n</div>", "- x\n\n        [a](b.md)",
    "text <!-- a\nb --> [c](d.md)", "[a]({{< ref b >}})", "<img src={useBaseUrl('c.png')} />",
    "[a](b.md){: .x}", "[" * 400, "[a](<d e.md>)", "[^1]: [a](b.md)\n\nx[^1]",
    "[a]({% link b.md %})",
]  # fmt: skip


@pytest.mark.parametrize("body", SURE)
def test_an_outline_tells_the_links_that_rendering_tells(body):
    found = outline.read(article(body))

    assert found is not None
    assert told(found.links) == told(rendered(article(body)).links)


@pytest.mark.parametrize("body", UNSURE)
def test_an_outline_says_where_only_rendering_can_tell(body):
    assert outline.read(article(body)) is None


def test_links_have_their_lines():
    body = "x\n\n[a](b.md)\ny [c](d.md)\n\n```\n\n```\n\n<!--\n-->\n\n- [e](f.md)\n  [g](h.md)"

    found = outline.read(article(body))

    assert found is not None
    assert [link.line for link in found.links] == [3, 4, 13, 14]


def test_anchors_of_an_outline_are_anchors_of_the_page():
    body = (
        "# Title\n\n## Как *сбросить*?\n\n### Own {#mine}\n\n<a name='old'></a>\n\n```\n# no\n```"
    )

    found = outline.read(article(body))

    assert found is not None
    assert found.anchors == ("h-как-сбросить", "h-mine", "h-old")
    assert rendered(article(body)).anchors == found.anchors


@pytest.mark.parametrize("body", ["Head two\n---\n", "> ## Head two", "## Head two\n\n## Head two"])
def test_an_unusual_heading_may_be_there(body):
    found = outline.read(article(body))

    assert found is not None
    assert found.may_have(rendered(article(body)).anchors[-1])
    assert not found.may_have("h-head-three")


@given(st.lists(st.sampled_from([*SURE, *UNSURE, "text", "## Head", "- item"]), max_size=6))
def test_an_outline_of_several_blocks_tells_what_rendering_tells(blocks):
    whole = article("\n\nPlain text ends it.\n\n".join(blocks))
    found = outline.read(whole)

    if found is not None:
        assert told(found.links) == told(rendered(whole).links)


@given(st.text(alphabet="[]()!<>`\\#-*~:{}| \n\tab/.", max_size=120))
def test_any_text_has_an_outline_or_none(body):
    found = outline.read(article(body))

    assert found is None or found.anchors is not None


def test_our_own_articles_are_all_told_by_their_outlines():
    for one in scan(ROOT / "articles").articles:
        found = outline.read(one)

        assert found is not None, one.path
        assert told(found.links) == told(rendered(one).links), one.path
        assert set(found.anchors) <= set(rendered(one).anchors), one.path


@pytest.mark.shared
@pytest.mark.parametrize("name", ["helm", "plausible-docs", "identity-site"])
def test_outlines_of_real_folders_tell_what_rendering_tells(shared_data, name):
    for one in scan(shared_data / "articles" / name).articles:
        found = outline.read(one)

        if found is not None:
            page = rendered(one)
            assert told(found.links) == told(page.links), one.path
            assert set(found.anchors) <= set(page.anchors), one.path
            assert [a for a in page.anchors if not found.may_have(a)] == [], one.path
