"""What articles take from other files of their folder: texts, titles and variables."""

import os
from functools import partial
from types import SimpleNamespace

import bases
import pytest

from kb import indexer
from kb.base.config import Settings
from kb.content import includes, markup
from kb.content.folder import list_files, scan


@pytest.fixture
def folder(tmp_path):
    """Writes files below `root`; `page(path)` is the HTML of an article there."""
    root = tmp_path / "articles"

    def page(path):
        found = scan(root)
        (article,) = (each for each in found.articles if each.path == path)
        return markup.render(
            article.body, path=path, lang="en", dialect=article.dialect, also=article.also,
            inclusions=found.inclusions[path],
        ).html  # fmt: skip

    return SimpleNamespace(root=root, write=partial(bases.write, folder=root), page=page)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("{% include [lamp](_includes/lamp.md) %}", "docs/_includes/lamp.md"),
        ("{% include lamp.md %}", "_includes/lamp.md"),
        ("[!INCLUDE [lamp](includes/lamp.md)]", "docs/includes/lamp.md"),
        ('--8<-- "lamp.md"', "snippets/lamp.md"),
        ('{% include-markdown "./lamp.md" %}', "docs/lamp.md"),
        ('{%\n  include-markdown ".snippets/lamp.md"\n  comments=false\n%}', ".snippets/lamp.md"),
        ('{% include "lamp.md" %}', "includes/lamp.md"),
        ('{{% include "/_common/lamp.md" %}}', "_common/lamp.md"),
        ("![[lamp]]", "notes/lamp.md"),
        ("import Lamp from './_lamp.mdx'\n\n<Lamp />", "docs/_lamp.mdx"),
    ],
)
def test_every_tool_includes_a_text(folder, body, path):
    name = "docs/a.mdx" if "import" in body else "docs/a.md"
    folder.write({name: f"# A\n\n{body}\n", path: "A *lamp* is lit.\n"})

    assert "<p>A <em>lamp</em> is lit.</p>" in folder.page(name)


def test_an_included_word_stands_in_its_sentence(folder):
    folder.write(
        {
            "docs/a.md": "# A\n\nOpen [!INCLUDE [prod](includes/prod.md)] now.\n",
            "docs/includes/prod.md": "Lamp Shop\n",
        }
    )

    assert "<p>Open Lamp Shop now.</p>" in folder.page("docs/a.md")


def test_an_included_text_includes_others_and_its_links_lead_where_they_did(folder):
    folder.write(
        {
            "docs/a.md": "# A\n\n- one\n\n  {% include [x](../_includes/x.md) %}\n",
            "_includes/x.md": "[b](../docs/b.md)\n\n{% include [y](more/y.md) %}\n",
            "_includes/more/y.md": "Deep.\n\n{% include [x](../x.md) %}\n",
        }
    )

    html = folder.page("docs/a.md")

    assert '<a href="/articles/docs/b">b</a>' in html
    assert "<p>Deep.</p>" in html
    assert html.index("<li>") < html.index("Deep") < html.index("</li>")


def test_one_section_is_included_and_a_title_is_left_out(folder):
    folder.write(
        {
            "a.md": "# A\n\n{% include notitle [x](_includes/x.md#how) %}\n\n"
            "{% include notitle [y](_includes/y.md) %}\n",
            "_includes/x.md": "# X\n\nNo.\n\n## How {#how}\n\nYes.\n\n## Then\n\nNo.\n",
            "_includes/y.md": "# Y\n\nBody.\n",
        }
    )

    assert folder.page("a.md").replace("\n", "") == "<p>Yes.</p><p>Body.</p>"


def test_a_part_of_a_text_is_included_by_its_marks(folder):
    folder.write(
        {
            "a.md": '# A\n\n{% include-markdown "b.md" start="<!--on-->" end="<!--off-->" %}\n',
            "b.md": "# B\n\nBefore.\n\n<!--on-->\n\nThe lamp.\n\n<!--off-->\n\nAfter.\n",
        }
    )

    assert folder.page("a.md") == "<p>The lamp.</p>"


def test_what_else_is_hidden_is_not_included(folder):
    folder.write(
        {
            "a.md": '# A\n\n{% include-markdown ".keys/b.md" %}'
            '{% include-markdown ".snippets/.b.md" %}\n',
            ".keys/b.md": "The key.\n",
            ".snippets/.b.md": "The key.\n",
        }
    )

    assert "key" not in folder.page("a.md")


def test_variables_of_mkdocs_are_inherited(folder):
    folder.write(
        {
            "mkdocs.yml": "INHERIT: set/ru.yml\nextra:\n  lamp: Lux\n",
            "set/ru.yml": "INHERIT: common.yml\nextra:\n  lamp: No\n  shop: Light\n",
            "set/common.yml": "INHERIT: ../mkdocs.yml\nextra:\n  shop: No\n  hall: Sun\n",
            "a.md": "# A\n\n{{ lamp }}, {{ shop }}, {{ hall }}\n",
        }
    )

    assert folder.page("a.md") == "<p>Lux, Light, Sun</p>"
    assert "set/common.yml" in scan(folder.root).inclusions["a.md"].files


@pytest.mark.parametrize(
    ("condition", "is_shown"),
    [
        ("on and dim", False), ("on and not dim", True), ("dim or on", True), ("dim or dim", False),
        ("on and unknown", True), ("dim and unknown", False), ("on or unknown", True),
        ("hue == 'red' and on", True), ("hue != 'red' or dim", False),
        ("(on or dim) and (dim or not on)", False), ("on and not (dim and on)", True),
        ("(((on)))", True), ("true and not false", True), ("hue == '(red)'", False),
    ],
)  # fmt: skip
def test_conditions_are_joined(folder, condition, is_shown):
    folder.write(
        {
            "presets.yaml": "default:\n  on: true\n  dim: false\n  hue: red\n",
            "a.md": f"# A\n\n{{% if {condition} %}}lit{{% endif %}}\n",
        }
    )

    assert ("lit" in folder.page("a.md")) is is_shown


def test_what_mkdocs_does_not_define_is_false_unless_a_page_sets_it(folder):
    folder.write(
        {
            "mkdocs.yml": "extra:\n  lamp: Lux\n",
            "a.md": "# A\n\n{% if dark %}dim{% else %}lit{% endif %}\n",
            "b.md": "# B\n\n{% set dark = true %}\n\n{% if dark %}dim{% endif %}\n",
        }
    )

    assert folder.page("a.md") == "<p>lit</p>"
    assert "dim" in folder.page("b.md")


def test_a_link_may_be_called_as_its_target(folder):
    folder.write({"a.md": "# A\n\n[{#T}](b.md) [{#T}](no-file.md)\n", "b.md": "# The lamp\n"})

    html = folder.page("a.md")

    assert '<a href="/articles/b">The lamp</a>' in html
    assert ">no file</a>" in html


def test_a_link_to_a_section_may_be_called_as_the_section(folder):
    folder.write(
        {
            "a.md": "# A\n\n[{#T}](b.md#plug) [{#T}](b.md#novaya-lampa) [{#T}](#own) "
            "[{#T}](b.md#no)\n\n## Of *my own* {#own}\n",
            "b.md": "# The lamp\n\n## Plug and socket {#wall} {#plug}\n\n## Новая лампа\n",
        }
    )

    html = folder.page("a.md")

    for words in ("Plug and socket", "Новая лампа", "Of my own", "The lamp"):
        assert f">{words}</a>" in html


def test_variables_of_the_folder_are_put_in_and_conditions_decided(folder):
    folder.write(
        {
            "presets.yaml": "default:\n  shop: Lamps\n  beta: false\n",
            "a.md": "# A\n\n{{ shop }}{% if beta %} beta{% else %} ready{% endif %}."
            "{% if shop == 'Lamps' %} Lit.{% endif %}"
            " {% if unknown %}Kept.{% endif %} `{{ shop }}`\n",
        }
    )

    assert "<p>Lamps ready. Lit. Kept. <code>Lamps</code></p>" in folder.page("a.md")


def test_variables_are_put_into_titles_front_matter_and_names_of_topics(folder):
    folder.write(
        {
            "presets.yaml": "default:\n  shop: Lamps\n",
            "toc.yaml": "items:\n  - name: All of {{ shop }}\n    items:\n      - href: a.md\n",
            "a.md": "---\ntitle: Buy at {{shop}}\nanswer: At {{ shop }}, {{ not-known }}.\n"
            "tags: ['{{ shop }}']\n---\nText.\n",
            "b.md": "# {{ shop }} at night\n\n[{#T}](a.md)\n",
        }
    )

    a, b = scan(folder.root).articles

    assert (a.title, a.answer, a.tags) == ("Buy at Lamps", "At Lamps, {{ not-known }}.", ("Lamps",))
    assert b.title == "Lamps at night"
    assert '<a href="/articles/a">Buy at Lamps</a>' in folder.page("b.md")
    (navigation,) = scan(folder.root).navigations.all
    assert [item.title for item in navigation.items] == ["All of Lamps"]


@pytest.mark.parametrize("front", ["draft: true", "audience: staff", "publish: 2099-01-01"])
def test_what_is_kept_back_is_not_included(folder, front):
    folder.write({"a.md": "# A\n\n![[plan]] seen\n", "plan.md": f"---\n{front}\n---\nSecret.\n"})

    assert "Secret" not in folder.page("a.md")


def test_a_text_of_a_folder_for_some_is_included_for_the_same_readers_alone(folder):
    take = "{% include [p](../staff/plan.md) %} [{#T}](../staff/plan.md)\n"
    folder.write(
        {
            "staff/index.md": "---\ntitle: Staff\naudience: Staff\n---\nHere.\n",
            "staff/plan.md": "# The vault\n\nThe okapi.\n",
            "staff/b.md": f"# B\n\n{take}",
            "staff/open.md": f"---\ntitle: Open\naudience: public\n---\n{take}",
            "help/a.md": f"# A\n\n{take}",
            "help/own.md": f"---\ntitle: Own\naudience: staff\n---\n{take}",
        }
    )

    shown = {
        path: folder.page(path)
        for path in ("staff/b.md", "staff/open.md", "help/a.md", "help/own.md")
    }

    for path, page in shown.items():
        is_theirs = path in ("staff/b.md", "help/own.md")
        assert ("The okapi" in page, "The vault" in page) == (is_theirs, is_theirs), path


@pytest.mark.parametrize("path", ["../../secret.md", "/../../secret.md", ".env.md", "link.md"])
def test_only_files_of_the_folder_are_included(folder, path):
    folder.write({"a.md": f"# A\n\n[!INCLUDE [x]({path})] seen\n", ".env.md": "Secret."})
    (folder.root.parent / "secret.md").write_text("Secret.")
    os.symlink(folder.root.parent / "secret.md", folder.root / "link.md")

    assert "Secret" not in folder.page("a.md")
    assert "seen" in folder.page("a.md")


def test_links_within_the_folder_lead_to_nothing_that_is_kept_back(folder):
    names = {".git/config": "a.txt", "draft.md": "b.txt", "staff/plan.txt": "c.txt"}
    named = "".join(f"<<< ./{link}\n\n" for link in [*names.values(), "open.txt"])
    folder.write(
        {
            ".vitepress/config.js": "export default {}", "a.md": f"# A\n\n{named}",
            ".git/config": "Secret.", "draft.md": "---\ndraft: true\n---\nSecret.\n",
            "staff/index.md": "---\ntitle: Staff\naudience: staff\n---\nHere.\n",
            "staff/plan.txt": "Secret.", "texts/seen.txt": "Seen.",
        }
    )  # fmt: skip
    for target, link in {**names, "texts/seen.txt": "open.txt"}.items():
        os.symlink(target, folder.root / link)

    page = folder.page("a.md")

    assert ("Seen" in page, "Secret" in page) == (True, False)


@pytest.mark.parametrize("tag", ["{% include [", '{{< code "', "{{< include 'a ", "[!include ["])
def test_a_megabyte_of_tags_without_ends_is_passed_over(tag):
    assert not list(includes._references(tag * (2**20 // len(tag))))


def test_an_article_follows_what_it_includes(folder, tmp_path):
    settings = Settings(articles=folder.root, data=tmp_path / "var")
    folder.write({"a.md": "# A\n\n{% include [x](_includes/x.md) %}\n", "b.md": "# B\n\nb\n"})

    indexer.rebuild(settings)
    folder.write({"_includes/x.md": "One.\n"})
    assert indexer.rebuild(settings).changed == 1
    folder.write({"_includes/x.md": "Two, longer.\n"})
    assert indexer.rebuild(settings).changed == 1
    assert not indexer.rebuild(settings).published


def test_files_to_include_are_no_articles(folder):
    for path in ("_includes/a.md", "x/includes/b.md", "_part.mdx", "_snippets/c.md"):
        folder.write({path: "text"})
    folder.write({"_index.md": "# Home", "_posts/2026-01-02-x.md": "# Post"})

    found = list_files(folder.root)

    assert [source.path for source in found.sources] == ["_index.md", "_posts/2026-01-02-x.md"]
    assert found.skipped == 4


def test_a_page_may_name_values_of_its_own_front_matter(folder):
    front = "---\ntitle: A\nshop:\n  name: Lamps\n---\n"
    folder.write({"docs/a.md": front + "\nBuy at {{ page.shop.name }}{{ page.none }}.\n"})

    assert "<p>Buy at Lamps" in folder.page("docs/a.md")
