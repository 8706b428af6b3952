"""HTML of strangers becomes Markdown that reads the same; what cannot be said is counted."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.base.sandbox import Failure
from kb.content.markup import render
from kb.html_to_markdown.markdown import filled
from kb.importing.conversion import Html, convert, convert_all

BASE = "https://help.lumora.example/hc/en-us/articles/1"


def markdown(source: str, **known: str) -> str:
    """The Markdown of HTML, with addresses in place of their numbers."""
    done = convert(Html(source, BASE, "en", known.get("title", "")))
    shown = [f"![{t.alt}]({t.url})" if t.kind == "image" else t.url for t in done.targets]
    return filled(done.text, shown)


def lost(source: str) -> dict[str, int]:
    return dict(convert(Html(source, BASE, "en", "")).lost)


def words(source: str) -> str:
    """What a reader sees of HTML, spaces aside."""
    return "".join(html.unescape(re.sub("<[^<>]*>", "", source)).split())


CASES = {
    "headings begin at the second level and skip none": (
        "<h1>A</h1><h3>B</h3><h1>C</h1>",
        "## A\n\n### B\n\n## C",
    ),
    "a heading that ends in a hash": ("<h2>From C#</h2>", "## From C\\#"),
    "bold headings are headings": ("<h2><strong>A</strong></h2>", "## A"),
    "numbered and nested lists": (
        "<ol><li>One<ul><li>deep</li></ul></li><li><p>Two</p><p>more</p></li></ol>",
        "1. One\n   - deep\n2. Two\n\n   more",
    ),
    "end tags that HTML may leave out": ("<ul><li>a<li>b</ul><p>c<p>d", "- a\n- b\n\nc\n\nd"),
    "a list that goes on": ('<ol start="3"><li>c</li></ol>', "3. c"),
    "boxes to tick": (
        '<ul><li><input type="checkbox" checked> a</li><li><input type=checkbox>b</li></ul>',
        "- [x] a\n- [ ] b",
    ),
    "code with its language": (
        '<pre class="x"><code class="language-py">a = 1\n\nb</code></pre>',
        "```py\na = 1\n\nb\n```",
    ),
    "code that holds a fence": ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
    "code of lines that br ends": ("<pre>a<br>b</pre>", "```\na\nb\n```"),
    "code in a line": ("<p><code>a `b` *c*</code></p>", "`` a `b` *c* ``"),
    "numbers of lines": (
        '<table class="highlighttable"><tr><td class="linenos">1</td><td><pre>x</pre></td></table>',
        "```\nx\n```",
    ),
    "code with numbers of its lines in a table": (
        '<div class="language-json highlight"><table class="highlighttable"><tbody><tr>'
        '<td class="linenos"><div class="linenodiv"><pre>1\n2</pre></div></td>'
        '<td class="code"><div><pre><code>{\n}</code></pre></div></td></tr></tbody></table></div>',
        "```json\n{\n}\n```",
    ),
    "tabs of MkDocs": (
        '<div class="tabbed-set tabbed-alternate"><input type="radio"><input type="radio">'
        '<div class="tabbed-labels"><label>Linux</label><label>Windows</label></div>'
        '<div class="tabbed-content"><div class="tabbed-block"><p>a</p></div>'
        '<div class="tabbed-block"><p>b</p></div></div></div>',
        "**Linux**\n\na\n\n**Windows**\n\nb",
    ),
    "tabs by their role": (
        '<div class="tabs-container"><ul role="tablist"><li role="tab">A</li><li role="tab">B</li>'
        '</ul><div><div role="tabpanel"><p>a</p></div><div role="tabpanel">b</div></div></div>',
        "**A**\n\na\n\n**B**\n\nb",
    ),
    "a note by its class": ('<p class="note">Mind it.</p>', "> [!NOTE]\n> Mind it."),
    "a callout of two words": (
        '<div class="callout callout--danger"><p>No.</p><ul><li>a</li></ul></div>',
        "> [!CAUTION]\n> No.\n>\n> - a",
    ),
    "an admonition with a title of its own": (
        '<div class="admonition tip"><p class="admonition-title">Faster</p><p>Go.</p></div>',
        "> [!TIP]\n> **Faster**\n>\n> Go.",
    ),
    "a table of one cell is a note": ("<table><tr><td>Mind</td></tr></table>", "> [!NOTE]\n> Mind"),
    "a table": (
        "<table><thead><tr><th>A</th><th>B</th></tr></thead>"
        "<tbody><tr><td>1<br>2</td><td>x|y</td></tr></tbody></table>",
        "| A | B |\n| --- | --- |\n| 1<br>2 | x\\|y |",
    ),
    "a table without a head": (
        "<table><tr><td>1</td><td>2</td></tr></table>",
        "|  |  |\n| --- | --- |\n| 1 | 2 |",
    ),
    "a bold first row is a head": (
        "<table><tr><td><b>A</b></td><td><b>B</b></td></tr><tr><td>1</td><td>2</td></tr></table>",
        "| A | B |\n| --- | --- |\n| 1 | 2 |",
    ),
    "a heading of a row": (
        "<table><tr><th>A</th><th>B</th></tr><tr><th>r</th><td>2</td></tr></table>",
        "| A | B |\n| --- | --- |\n| **r** | 2 |",
    ),
    "merged cells": (
        '<table><tr><th>A</th><th>B</th></tr><tr><td rowspan="2">1</td><td>2</td></tr>'
        '<tr><td>3</td></tr><tr><td colspan="2">4</td></tr></table>',
        "| A | B |\n| --- | --- |\n| 1 | 2 |\n|  | 3 |\n| 4 |  |",
    ),
    "lists and code in a cell": (
        "<table><tr><th>A</th><th>B</th></tr>"
        "<tr><td><ol><li>x</li><li>y</li></ol></td><td><pre>p\nq</pre></td></tr></table>",
        "| A | B |\n| --- | --- |\n| 1) x<br>2) y | `p`<br>`q` |",
    ),
    "what is folded": (
        "<details><summary>More &lt;b&gt;</summary><p>in</p></details>",
        "<details>\n<summary>More &lt;b&gt;</summary>\n\nin\n\n</details>",
    ),
    "terms": ("<dl><dt>T</dt><dd>D</dd></dl>", "**T**\n\nD"),
    "keys, powers, marks": (
        "<p>x<sup>2</sup> <kbd>Ctrl</kbd> <mark>m</mark> <del>d</del></p>",
        "x<sup>2</sup> <kbd>Ctrl</kbd> <mark>m</mark> ~~d~~",
    ),
    "bold by style": ('<p><span style="font-weight: 700">b</span></p>', "**b**"),
    "bold that ends in a stop before a letter": (
        "<p><b>Note:</b>now</p>",
        "<strong>Note:</strong>now",
    ),
    "bold in bold": ("<p><b>a <strong>b</strong></b></p>", "**a b**"),
    "two line ends are a paragraph": ("<p>a<br><br>b</p>", "a\n\nb"),
    "paragraphs of spaces": ("<p>a</p><p>&nbsp;</p><p>b</p>", "a\n\nb"),
    "an image with its text": (
        '<p><img src="/a%20b.png" alt="A"></p>',
        "![A](https://help.lumora.example/a%20b.png)",
    ),
    "an image that loads late": (
        '<img src="data:image/gif;base64,R0" data-src="/real.png" alt="A">',
        "![A](https://help.lumora.example/real.png)",
    ),
    "a counting pixel": ('<p>a<img src="/count.gif" width="1" height="1"></p>', "a"),
    "emoji": ('<p>a <img class="emoji" src="/1f600.png" alt="😀"></p>', "a 😀"),
    "a caption": (
        '<figure><img src="/a.png" alt=""><figcaption>The cap</figcaption></figure>',
        "![](https://help.lumora.example/a.png)\n\n*The cap*",
    ),
    "a link of blocks": ('<a href="/x"><h3>A</h3><p>b</p></a>', "[A b](https://help.lumora.example/x)"),
    "a link without words": ('<p>a<a href="/x"> </a></p>', "a"),
    "a video": (
        '<iframe title="How" src="https://www.youtube-nocookie.com/embed/q1?start=2"></iframe>',
        "[How](https://www.youtube.com/watch?v=q1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), CASES.values(), ids=CASES)
def test_html_says_the_same_in_markdown(source, expected):
    assert markdown(source) == expected


def test_a_heading_that_is_the_title_is_left_out():
    assert markdown("<h1>Pair  a lamp</h1><p>Hold.</p>", title="Pair a lamp") == "Hold."


@pytest.mark.parametrize(
    "text",
    ["* a", "- b", "+ c", "1. d", "2) e", "# f", "#f", "> g", ">g", "---", "===", "[[g]]", "a | b",
     "a_b_ *c* `d` [e](f)", "{{ h }} {% i %}", ":::note", "!!! note", "~~k~~", "[^1]: n",
     "<l> &amp; &", "\\* m", "o [x]", "https://p.example/_q_", "1*2*3 snake_case __dunder__"],
)  # fmt: skip
def test_signs_of_markdown_stay_signs(text):
    for place in (
        "<p>{}</p>",
        "<ul><li>{}</li></ul>",
        "<div>{}</div>",
        "<blockquote>{}</blockquote>",
    ):
        source = place.format(html.escape(text))
        shown = render(markdown(source), path="en/a.md", lang="en").html

        assert words(shown) == words(source), markdown(source)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=40))
def test_any_text_says_the_same(text):
    source = f"<p>{html.escape(text)}</p>"

    shown = render(markdown(source), path="en/a.md", lang="en").html

    assert words(shown) == words(source)


LOST = {
    "script": "<p>a</p><script>alert(1)</script>",
    "form": "<form><input name=q></form>",
    "drawing": "<svg><path/></svg>",
    "formula": "<math><mi>x</mi></math>",
    "embed": '<video src="/a.mp4"></video>',
    "object": "<object data=x></object>",
    "merged-cells": "<table><tr><td colspan=2>a</td></tr><tr><td>b</td><td>c</td></tr></table>",
    "nested-table": (
        "<table><tr><td>a</td><td><table><tr><td>b</td></tr></table></td></tr></table>"
    ),
    "code-in-cell": "<table><tr><td><pre>a</pre></td><td>b</td></tr></table>",
    "colour": '<p style="color: red">a</p>',
    "unsafe-link": '<a href="javascript:alert(1)">a</a>',
}


@pytest.mark.parametrize(("kind", "source"), LOST.items(), ids=LOST)
def test_what_is_lost_is_counted(kind, source):
    assert lost(source) == {kind: 1}
    assert lost("<p>plain <b>text</b></p>") == {}


def test_ids_lead_to_the_heading_at_or_above_them():
    source = (
        '<p id="top">a</p><a name="early"></a><h2 id="h_1">Open it</h2><p>b</p>'
        '<p id="deep">c</p><h2 id="h_2">Open it</h2>'
    )

    found = dict(convert(Html(source, BASE, "en", "")).anchors)

    assert found == {"top": "", "early": "open-it", "h_1": "open-it", "deep": "open-it",
                     "h_2": "open-it-1"}  # fmt: skip


def test_the_id_of_a_part_leads_to_the_heading_it_begins_with():
    source = (
        '<section id="a"><h2>First</h2><p>x</p><div id="b"><div><h3>Second</h3></div><p>y</p></div>'
        '<div id="c"><img src="/x.png"><h3>Third</h3></div></section>'
    )

    found = dict(convert(Html(source, BASE, "en", "")).anchors)

    assert found == {"a": "first", "b": "second", "c": "second"}


def test_links_are_absolute_and_only_of_the_web():
    done = convert(
        Html(
            '<a href="../sections/2">a</a> <a href="#h_1">b</a> <a href="mailto:a@b.example">c</a>'
            ' <a href="file:///etc/passwd">d</a> <a href="java&#10;script:x">e</a>'
            ' <a href="http://[bad">f</a>',
            BASE, "en", "",
        )
    )  # fmt: skip

    assert [target.url for target in done.targets] == [
        "https://help.lumora.example/hc/en-us/sections/2",
        "#h_1",
        "mailto:a@b.example",
    ]
    assert " d e f" in done.text


def test_nothing_of_a_script_survives():
    source = (
        '<p onclick="x()">a<img src=x onerror="alert(1)"><svg onload=alert(1)></svg></p>'
        '<iframe src="javascript:alert(1)"></iframe><style>p{}</style>'
        '<a href="data:text/html,x">b</a>'
    )

    text = markdown(source)

    assert not re.search("alert|onerror|onload|javascript|data:|style", text)
    assert text.startswith("a")


def test_a_page_that_breaks_a_limit_fails_alone():
    pages = [
        Html("<p>good</p>", BASE, "en", ""),
        Html("<div>" * 20_000 + "x", BASE, "en", ""),
        Html("x" * (8 * 2**20 + 1), BASE, "en", ""),
        Html("<p>good too</p>", BASE, "en", ""),
    ]
    done: list[int] = []

    results = list(convert_all(pages, done.append))

    assert [isinstance(result, Failure) for result in results] == [False, True, True, False]
    assert done == [1, 2, 3, 4]
