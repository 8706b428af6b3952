"""What tools write in texts: understood as they mean it, or told, and never shown raw."""

import html
import re

import pytest

from kb.content import markup, tools


def page(body, tool="", path="a/b.md", lang="en", **more):
    return markup.render(body, path=path, lang=lang, dialect=tool, **more).html


def mdx(body):
    return page(body, path="a/b.mdx")


NOTE = (
    '<div class="admonition {}" role="note"><p class="admonition-title">{}</p>\n<p>text</p>\n</div>'
)


@pytest.mark.parametrize(
    ("body", "kind", "title"),
    [
        ('{% hint style="danger" %}\ntext\n{% endhint %}', "danger", "Danger"),
        ('{% note tip "Lamp *on*" %}\n\ntext\n\n{% endnote %}', "tip", "Lamp on"),
        ("{% note alert %}\n\ntext\n\n{% endnote %}", "danger", "Danger"),
        (":::caution[Hot `lamp`]\ntext\n:::", "caution", "Hot <code>lamp</code>"),
        ("::: {.callout-note}\ntext\n:::", "note", "Note"),
        ('{{% notice tip "Lamp" %}}\ntext\n{{% /notice %}}', "tip", "Lamp"),
        ("> text\n{.is-danger}", "danger", "Danger"),
    ],
)
def test_a_note_of_any_tool_is_a_note(body, kind, title):
    assert page(body) == NOTE.format(kind, title)


@pytest.mark.parametrize(
    ("body", "kind", "title"),
    [
        ('<Aside type="tip" title="Lamp">\ntext\n</Aside>', "tip", "Lamp"),
        ("<Admonition type='warning'>\n\n  text\n\n</Admonition>", "warning", "Warning"),
        ("<Callout>text</Callout>", "note", "Note"),
        ("<Tip>\n  text\n</Tip>", "tip", "Tip"),
    ],
)
def test_a_component_that_is_a_note_is_one(body, kind, title):
    assert mdx(body) == NOTE.format(kind, title)


@pytest.mark.parametrize(
    "body",
    [
        '{% cut "Lamp" %}\n\ntext\n\n{% endcut %}',
        '{{< details "Lamp" >}}\ntext\n{{< /details >}}',
        ":::details Lamp\ntext\n:::",
    ],
)
def test_a_fold_folds(body):
    assert page(body) == "<details><summary>Lamp</summary>\n<p>text</p>\n</details>"


def test_a_fold_of_mdx_folds():
    html = mdx('<Details title="Lamp">\ntext\n</Details>')

    assert html == "<details><summary>Lamp</summary>\n<p>text</p>\n</details>"


@pytest.mark.parametrize(
    ("tool", "path", "body"),
    [
        ("gitbook", "b.md", '{% tabs %}\n{% tab title="A" %}\none\n{% endtab %}\n{% endtabs %}'),
        ("hugo", "b.md", '{{< tabs >}}\n{{< tab "A" >}}\none\n{{< /tab >}}\n{{< /tabs >}}'),
        ("docusaurus", "b.mdx", '<Tabs>\n<TabItem value="a" label="A">\none\n</TabItem>\n</Tabs>'),
        ("mkdocs", "b.md", '=== "A"\n\n    one'),
        ("", "b.md", '=== "A"\n\n    one'),
        ("docfx", "b.md", "# [A](#tab/a)\none"),
    ],
)
def test_a_tab_is_a_title_and_its_text(tool, path, body):
    html = page(body, tool, path).replace("\n", "").replace("<div>", "").replace("</div>", "")

    assert html == "<p><strong>A</strong></p><p>one</p>"


def test_tables_of_diplodoc_hold_blocks():
    html = page("#|\n|| **Lamp** | Price ||\n|| - one\n- two | `a|b` ||\n|| x | > ||\n|#")

    assert html.count("<tr>") == 3
    assert html.count("<td") == 5
    assert "<li>two</li>" in html
    assert "<code>a|b</code>" in html


def cells(html):
    """What each cell of a table is, and its words."""
    return re.findall("<td([^>]*)>\\s*(?:<p>)?([^<\\s]*)", html)


def test_cells_of_diplodoc_are_joined_and_aligned():
    html = page(
        "#|\n|| A | B | C ||\n"
        '||::{align="top-center"} two | > | D ||\n'
        "|| ^ | > | E ||\n|#{.wide}\n\n^ | > stays"
    )

    assert cells(html) == [
        ("", "A"), ("", "B"), ("", "C"),
        (' rowspan="2" colspan="2" align="center"', "two"), ("", "D"),
        ("", "E"),
    ]  # fmt: skip
    assert "{" not in html
    assert "^ | &gt; stays" in html


def test_a_cell_without_a_neighbour_to_join_is_empty():
    assert cells(page("#|\n|| > | A ||\n|| B ||\n|| C | ^ ||\n|#")) == [
        ("", ""), ("", "A"), ("", "B"), ("", "C"), ("", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ('{% content-ref url="c.md" %}\n[Lamp](c.md)\n{% endcontent-ref %}', ">Lamp</a>"),
        ('{% embed url="https://lamp.example/x" %}', ">https://lamp.example/x</a>"),
        ('{% embed url="https://youtu.be/x" %}', ">Video</a>"),
        ('{% file src="../c.pdf" %}\nPrices\n{% endfile %}', 'href="/media/c.pdf"'),
        ('{% code title="a.py" %}\n```py\nx\n```\n{% endcode %}', "<strong>a.py</strong>"),
        ("{% list tabs %}\n\n- A\n\n  one\n\n{% endlist %}", "<p>one</p>"),
        ('{{< glossary_tooltip text="lamp" term_id="l" >}}', "<p>lamp</p>"),
        ("{{< comment >}}\nsecret\n{{< /comment >}}\n\nx", "<p>x</p>"),
        ("{% capture c %}**lit**{% endcapture %}{{ c | markdownify }}", "<strong>lit</strong>"),
        ("[[c#How to|lamp]]", '#h-how-to">lamp</a>'),
        ("![[c.png|300]]", '<img src="/media/'),
        ("[!VIDEO https://lamp.example/v]", ">Video</a>"),
        (':::image source="c.png" alt-text="Lamp":::', 'alt="Lamp"'),
        ("Press [!UICONTROL Save].", "<p>Press Save.</p>"),
    ],
)
def test_a_tag_shows_what_its_tool_shows(body, html):
    assert html in page(body)


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ('import X from "./x.png"\n\n<Image src={X} alt="Lamp" />', '<img src="/media/a/x.png"'),
        ("<img src={require('./y.png').default} alt=\"y\" />", '<img src="/media/a/y.png"'),
        ('<LinkCard title="Lamp" href="/c" description="Lit" />', ">Lamp</a>"),
        ('<Link to="/c">Lamp</Link>', ">Lamp</a>"),
        ("Set <YOUR_KEY> here", "<p>Set &lt;YOUR_KEY&gt; here</p>"),
        ("a {/* secret */} {'b'} \\{c}", "<p>a  b {c}</p>"),
        ('<div style={{color: "red"}} className="x">\n**lit**\n</div>', "<strong>lit</strong>"),
        ("export const x = {\n  a: 1,\n}\n\ntext", "<p>text</p>"),
        ("## Lamp {#mine}", '<h2 id="h-mine">'),
        ("<Steps>\n  1. one\n\n     ```sh\n     ls\n     ```\n</Steps>", "<code>"),
        ('<Hero title="Lamp shop" />', "<strong>Lamp shop</strong>"),
    ],
)
def test_mdx_reads_as_its_authors_meant(body, html):
    assert html in mdx(body)


def test_remarks_and_marks_of_obsidian_are_read_in_its_folders_alone():
    body = "a %%secret%% ==lit== end"

    assert page(body, "obsidian") == "<p>a  <mark>lit</mark> end</p>"
    assert page(body) == "<p>a %%secret%% ==lit== end</p>"


def test_a_word_between_braces_of_no_tool_is_shown_as_code():
    assert page("Hello {{ name }}") == "<p>Hello <code>{{ name }}</code></p>"
    assert page("Hello {{ name }}.", "jekyll") == "<p>Hello .</p>"
    assert markup.unknown_tags("Hello {{ name }}", "") == [("{{ name }}", 1)]


@pytest.mark.parametrize(
    ("tag", "kind"), [("callout warning", "warning"), ("callout", "info"), ("tip", "tip")]
)
def test_a_block_that_a_plugin_calls_a_note_is_one(tag, kind):
    name = tag.split()[0]

    html = page(f"{{% {tag} %}}\nMind the step.\n{{% end{name} %}}\n", "jekyll")

    assert f'<div class="admonition {kind}"' in html
    assert "Mind the step." in html
    assert "admonition" not in page(f"Say {{% {tag} %}} here.", "jekyll")


def test_a_tag_in_a_list_or_quotation_stays_in_it():
    listed = page('- one\n\n  {% hint style="info" %}\n  text\n  {% endhint %}\n\n- two')
    quoted = page('> {% hint style="info" %}\n> text\n> {% endhint %}')

    assert listed.index("<li>") < listed.index("admonition") < listed.index("</li>")
    assert listed.count("<li>") == 2
    assert quoted.startswith("<blockquote>")
    assert "admonition info" in quoted


@pytest.mark.parametrize("tool", ["", *tools.NAMES])
@pytest.mark.parametrize(
    "tag",
    ["{% lamp 1 %}", "{{< lamp >}}", "{{% lamp %}}", "{{ lamp.x }}", "<Lamp a={1} />", ":::lamp"],
)
def test_what_is_not_understood_is_told_and_not_shown(tool, tag):
    path = "a/b.mdx" if tag.startswith("<") else "a/b.md"
    body = f"one\n\n{tag}\n\ntwo"

    html = page(body, tool, path)

    assert tag not in html.replace(f"<code>{tag}</code>", "")
    assert html.startswith("<p>one</p>")
    assert html.endswith("<p>two</p>")
    assert [line for _, line in markup.unknown_tags(body, tool, path)] == [3]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{% hint style="info" %}', ("gitbook",)),
        ('{% note info "X" %}', ("diplodoc",)),
        ("See [[lamp|the lamp]].", ("obsidian",)),
        ("[!INCLUDE [a](b.md)]", ("docfx",)),
        ("import { Tabs } from '@astrojs/starlight/components';", ("starlight",)),
        ("import X from '@theme/X';", ("docusaurus",)),
        ("> x\n{.is-info}", ("wikijs",)),
        ("{{< lamp >}}", ("hugo",)),
        ("{% post_url 2026-01-02-x %}", ("jekyll",)),
        ("{% link x.md %}", ("jekyll",)),
        ("`{% hint style=` and\n\n```\n[[lamp]]\n```", ()),
        ("[[1]](x.md) [ [x] ] [[ -f x ]]", ()),
    ],
)
def test_a_text_tells_its_tool_by_what_only_that_writes(text, found):
    assert tools.written_in(text.encode()) == found


@pytest.mark.parametrize("before", ["", "Write:\n\n", "# Lamp\n\n", "Write:\n\n    first\n\n"])
@pytest.mark.parametrize("tag", ["{{< ref x >}}", "{% note %}", "[[Lamp]]", ":::note"])
def test_indented_code_holds_no_tags(before, tag):
    assert html.escape(tag, quote=False) in page(f"{before}    one\n    {tag}\n\nend")


@pytest.mark.parametrize("before", ["- item\n\n", "1. item\nmore\n\n", '=== "A"\n\n', "words\n"])
def test_what_is_indented_below_a_list_or_tab_or_in_a_paragraph_is_no_code(before):
    assert "[[" not in page(f"{before}    see [[Lamp]]")


def test_prose_of_mdx_that_begins_with_import_is_read_at_once():
    prose = "import one template from within another\n" + "and its lines\n" * 200

    assert "import one template" in mdx(prose)  # took two to the power of the lines


@pytest.mark.parametrize("tool", ["", "hugo", "docusaurus", "mkdocs"])
@pytest.mark.parametrize(
    "body",
    [
        "Sum:\n\\[\na_1 \\\\ {b}*c*\n\\]\nend",
        "$$\na_1 \\\\ {b}*c*\n$$\nend",
        "$$a_1 \\\\ {b}*c*$$\nend",
    ],
)
def test_a_formula_keeps_all_its_signs(tool, body):
    shown = page(body, tool)

    assert "<pre" in shown
    assert "a_1 \\\\ {b}*c*" in html.unescape(re.sub("<[^>]*>", "", shown))


@pytest.mark.parametrize(
    "body", ["costs $$5 and $$6 more", "a $$\nb", "\\[x\\] y", "\\[\n\nx\n\n\\]"]
)
def test_words_with_signs_of_formulas_are_none(body):
    assert "<pre" not in page(body)


def test_json_in_mdx_is_no_expression():
    assert '\'{"a":{"b":[{"c":1}]}}\'' in html.unescape(mdx('set \'{"a":{"b":[{"c":1}]}}\' here'))


@pytest.mark.parametrize(
    "tag", ["{%= name(user) %}", "{% include {{ page.part | append: '.html' }} a='1' %}"]
)
def test_a_tag_whose_file_or_value_is_computed_is_told_and_not_shown(tag):
    assert page(f"a {tag} b") == "<p>a  b</p>"
    assert [line for _, line in markup.unknown_tags(f"x\n\na {tag}", "")] == [3]


def test_a_term_of_diplodoc_has_its_definition_as_a_footnote():
    shown = page("Write an [ADR](*adr), [none](*gone).\n\n[*adr]: A *record*.\n", "diplodoc")

    assert (
        'Write an ADR<sup id="h-fnref-1"><a class="footnote-ref" href="#h-fn-1">1</a></sup>'
        in shown
    )
    assert ", none.</p>" in shown
    assert '<li id="h-fn-1"><p>A <em>record</em>.' in shown


@pytest.mark.parametrize(
    ("body", "html"),
    [
        (
            "@[youtube](x1)",
            'href="https://www.youtube.com/watch?v=x1" rel="noopener noreferrer">Video',
        ),
        (
            "@[vk](https://vk.invalid/v)",
            'href="https://vk.invalid/v" rel="noopener noreferrer">Video',
        ),
        ("is ##Hook##.", "is <samp>Hook</samp>."),
        ("{red}(hot) lamp", "<p>hot lamp</p>"),
        ("## Lamp ##", "Lamp</h2>"),
        ("`##Hook##`", "<code>##Hook##</code>"),
    ],
)
def test_what_diplodoc_writes_in_sentences_is_read_in_its_folders(body, html):
    assert html in page(body, "diplodoc")


def test_cross_references_of_mkdocs_are_their_words():
    body = "a [`Field()`][lamp.Field] [Type *x*][typing.X] [`Error`][] [bytes][] [x][] arr[i][j]"
    body += " [d][e]\n\n[e]: http://e.invalid\n"

    text = re.sub("<[^>]*>", "", page(body, "mkdocs")).strip()

    assert text == "a Field() Type x Error bytes [x][] arr[i][j] d"
    assert page("[](){#on}\n\n[x](#on)", "mkdocs").startswith('<p><a id="h-on"></a></p>')


def test_markdown_in_a_paragraph_of_mdx_is_read():
    assert mdx("- <p>[a](b.md) c</p>") == '<ul>\n<li><a href="/articles/a/b">a</a> c</li>\n</ul>'


def test_shortcodes_with_questions_and_tabs_have_titles():
    body = '{{< qa-list >}}{{< qa question="Why?" >}}\nSo.\n{{< /qa >}}{{< /qa-list >}}'

    assert page(body, "hugo") == "<p><strong>Why?</strong></p>\n<p>So.</p>"
    assert markup.unknown_tags(body, "hugo") == []


# --- what Diplodoc writes -----------------------------------------------------------------------


def filled(body, tool="diplodoc", **variables):
    return page(body, tool, inclusions=markup.Inclusions({}, variables))


@pytest.mark.parametrize("tool", ["diplodoc", "jekyll", "mkdocs"])
def test_a_variable_in_code_has_its_value_where_the_tool_fills_code(tool):
    shown = filled("Run `{{ LAMP }} on`.\n\n```\n{{LAMP}} off {{ OTHER }}\n```\n", tool, LAMP="lux")

    assert "<code>lux on</code>" in shown
    assert "lux off {{ OTHER }}" in re.sub("<[^>]+>", "", shown)


@pytest.mark.parametrize("tool", ["", "docusaurus", "vitepress", "hugo"])
def test_a_variable_in_code_stays_where_code_is_left_alone(tool):
    assert "{{ LAMP }}" in re.sub("<[^>]+>", "", filled("`{{ LAMP }}`", tool, LAMP="lux"))


def test_what_is_told_to_be_no_variable_is_shown_as_written():
    shown = filled("not_var{{LAMP}} and `not_var{{LAMP}}`, {{LAMP}}", LAMP="lux")

    assert shown == "<p>{{LAMP}} and <code>{{LAMP}}</code>, lux</p>"
    assert "{{ LAMP }}" in filled("`{% raw %}{{ LAMP }}{% endraw %}`", "jekyll", LAMP="lux")


@pytest.mark.parametrize(
    ("written", "sizes"),
    [
        ("lamp.png =100x50", 'width="100" height="50"'),
        ("lamp.png =100x", 'width="100"'),
        ("lamp.png =x50", 'height="50"'),
        ('lamp.png "On" =50%x', 'title="On" width="50%"'),
        ("lamp(1).png =10x10 ", 'width="10" height="10"'),
    ],
)
def test_an_image_may_have_its_size_in_brackets(written, sizes):
    shown = page(f"A ![lamp]({written}).")

    assert f'alt="lamp" {sizes} loading="lazy">' in shown
    assert "=" not in re.sub("<[^>]+>", "", shown)


def test_a_size_is_read_in_images_alone():
    assert page("The area (a =2x3) of [a](b =2x3).") == ("<p>The area (a =2x3) of [a](b =2x3).</p>")


@pytest.mark.parametrize("tool", ["diplodoc", "wikijs"])
def test_superscript_is_read_where_the_tool_reads_it(tool):
    assert page("5 m^2^, [^lux^](https://example.com/a)", tool) == (
        '<p>5 m<sup>2</sup>, <a href="https://example.com/a" rel="noopener noreferrer">'
        "<sup>lux</sup></a></p>"
    )
    assert "^2^" in page("5 m^2^")


def test_subscript_is_read_where_the_tool_reads_it():
    assert page("H~2~O and ~~no~~", "wikijs") == "<p>H<sub>2</sub>O and <del>no</del></p>"
    assert "H~2~O" in page("H~2~O", "diplodoc")


@pytest.mark.parametrize(
    "body", ['{% cut "Lamp {{ x }}" %}\n\ntext\n\n{% endcut %}',
             '{% note info "Lamp {{ x }}" %}\n\ntext\n\n{% endnote %}'],
)  # fmt: skip
def test_titles_of_tags_have_the_values_of_variables(body):
    assert ">Lamp 7</" in filled(body, x="7")
    assert "{{" not in filled(body)


@pytest.mark.parametrize("tool", ["", "mkdocs"])
@pytest.mark.parametrize("mark", ["!!!", "???", "???+"])
def test_a_note_may_have_a_title_and_no_kind(tool, mark):
    shown = page(f'{mark} "Lamp `on`"\n\n    text\n', tool)

    assert re.sub(r"\s+", "", shown) == re.sub(
        r"\s+", "", NOTE.format("note", "Lamp <code>on</code>")
    )


@pytest.mark.parametrize("tool", ["", "gitbook", "mkdocs"])
def test_the_name_of_a_file_may_have_spaces(tool):
    shown = page("![Lamp](../img/red lamp.png) and [plug](the plug.md)", tool)

    assert 'src="/media/img/red%20lamp.png"' in shown
    assert 'href="/articles/a/the%20plug"' in shown


@pytest.mark.parametrize(
    "text", ["[a](b c)", "[a](b c.md d)", "[a](this. And png)", "[a]: b c.png", "`[a](b c.png)`"]
)
def test_words_in_brackets_are_no_name_of_a_file(text):
    assert "href" not in page(text)
    assert "<img" not in page(text)


def test_a_term_has_the_id_behind_it():
    shown = page("Lamp {#lamp}\n\n: Gives light.\n\nPlug {#plug}\n: Fits.\n\n[Lamp](#lamp)")

    assert re.findall('<dt id="h-(.*?)">(.*?)</dt>', shown) == [("lamp", "Lamp"), ("plug", "Plug")]
    assert '<a href="#h-lamp">' in shown


def test_lists_of_attributes_may_follow_each_other():
    shown = page("![a](a.png =x30){.round} b", "wikijs")

    assert 'height="30"' in shown
    assert "{" not in shown


def test_the_class_of_a_note_may_stand_at_the_end_of_its_line():
    assert page("> text{.is-danger}", "wikijs") == NOTE.format("danger", "Danger")


def test_tags_below_a_long_line_in_a_list_are_no_code():
    long = f"1. Lamp\n\n      1. Desk {'lamp ' * 5000}\n\n"

    shown = page(
        f'{long}          {{% note info "Plug" %}}\n\n          text\n\n          {{% endnote %}}\n'
    )

    assert "{%" not in shown
    assert '<p class="admonition-title">Plug</p>' in shown


def test_a_title_of_a_fold_may_hold_a_percent_sign():
    assert ">5% more</summary>" in page('{% cut "5% more" %}\n\ntext\n\n{% endcut %}', "diplodoc")


@pytest.mark.parametrize("written", ["{.dense}", "{: .wide }"])
def test_a_list_of_attributes_right_below_a_table_is_no_row_of_it(written):
    shown = page(f"| a | b |\n|---|---|\n| {{c}} | d |\n{written}\n")

    assert shown.count("<tr>") == 2
    assert "{c}" in shown


@pytest.mark.parametrize(
    "body",
    ["<summary>Lamp `on` and **off**</summary>", "<summary>\n  Lamp `on` and **off**\n</summary>",
     "<table><tr><td>Lamp `on` and **off**</td></tr></table>", "<li>Lamp `on` and **off**</li>"],
)  # fmt: skip
def test_the_text_of_an_element_is_markdown_in_mdx(body):
    assert "Lamp <code>on</code> and <strong>off</strong>" in mdx(body)
    assert "**off**" in page(body)  # as CommonMark reads HTML


def test_what_says_no_markdown_stays_as_it_is_in_mdx():
    assert "<td>a &lt; b, <code>c</code></td>" in mdx(
        "<table><tr><td>a &lt; b, <code>c</code></td></tr></table>"
    )


IN_A_LIST = """<ul>
    <li>Lamp</li>

    <li>Desk lamp</li>

    *Plug*

</ul>

    <li>code</li>
"""


def test_an_element_of_html_lasts_until_its_end_tag_in_jekyll():
    shown = page(IN_A_LIST, "jekyll")

    assert "<li>Desk lamp</li>\n<p><em>Plug</em></p>\n</ul>" in shown
    assert shown.count("<code>") == 1  # below the list
    assert page(IN_A_LIST, "hugo").count("<code>") == 2  # as in CommonMark


@pytest.mark.parametrize(
    "before",
    ["```\n<ul>\n```", "`<ul>`", "<!-- <ul> -->", '<div markdown="1">', "<ul><li>a</li></ul>"],
)
def test_code_is_indented_in_jekyll_where_no_element_is_open(before):
    assert "<code>&lt;b&gt;lamp" in page(f"{before}\n\n    <b>lamp</b>\n", "jekyll")


@pytest.mark.parametrize(
    "html", ["<body>\n<p>x</p>\n</body>", "<p>x</p>", "<h4>x</h4>", "<hr>", '<link rel="x">']
)
def test_markdown_may_follow_a_block_of_html_at_once(html):
    assert "<h2" in page(f"{html}\n## Lamp\n")


def test_the_id_of_an_element_that_is_left_out_stays_as_a_place():
    shown = page('<section id="lamp">\n<p>x</p>\n</section>\n\n[Lamp](#lamp)')

    assert '<a id="h-lamp"></a>' in shown
    assert 'href="#h-lamp"' in shown


def test_a_fold_and_a_place_have_the_ids_behind_their_tags():
    body = '{% cut "Lamp" %}{#lamp}\n\ntext\n\n{% endcut %}\n\n{% anchor plug %}\n'

    shown = page(body, "diplodoc")

    assert '<details id="h-lamp"><summary>Lamp</summary>' in shown
    assert '<div id="h-plug"></div>' in shown
    assert "{" not in shown


def test_a_heading_has_every_id_of_its_own():
    shown = page("## Lamp {#lamp} {#light}\n", "diplodoc")

    assert '<h2 id="h-lamp">' in shown
    assert '<a id="h-light"></a>Lamp</h2>' in shown


def test_an_id_of_a_heading_may_hold_any_sign():
    shown = page("## Lamp {#the-–-lamp}\n\n[a](#the-–-lamp)\n")

    assert "{" not in shown
    assert 'id="h-the-lamp"' in shown
    assert 'href="#h-the-lamp"' in shown


def test_a_task_may_stand_outside_a_list():
    shown = page("[ ] Buy a lamp\n\n[X] Switch it on\n\n- [ ] Sleep\n", "diplodoc")

    assert shown.count('<li class="task">') == 3
    assert shown.count(" checked ") == 1


def test_what_is_not_shown_on_a_page_of_diplodoc_is_left_out():
    body = (
        "- Lamp {selected}\n\n  on\n\n"
        "{% changelog %}\n```\ndate: 2026-01-02\n```\n\n# Old\n{% endchangelog %}\n"
    )

    assert re.sub("<[^>]+>|\\s", "", page(body, "diplodoc")) == "Lampon"


def test_texts_of_a_page_constructor_are_shown_and_its_settings_are_not():
    body = (
        "::: page-constructor\nblocks:\n  - type: card\n    title: 'The lamp'\n"
        "    text: |\n      It *shines*\n      at night.\n:::\n"
    )

    shown = page(body, "diplodoc")

    assert "<strong>The lamp</strong>" in shown
    assert "<p>It <em>shines</em>\nat night.</p>" in shown
    assert "type" not in shown


def test_a_video_may_name_no_host():
    assert 'href="https://example.com/lamp"' in page("@[](https://example.com/lamp)", "diplodoc")


def test_a_link_without_words_has_the_name_of_its_target_in_diplodoc_alone():
    assert ">the lamp</a>" in page("[](the_lamp.md)", "diplodoc")
    assert "></a>" in page("[](the_lamp.md)")
