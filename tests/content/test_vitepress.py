"""Folders of VitePress: made-up projects, read, shown and linked as VitePress does."""

import html
import re
from datetime import date

import bases
import pytest
from watchfiles import Change

from kb.base.config import Settings
from kb.checks import runner
from kb.content import folder, markup, topics
from kb.content.articles import Defaults, parse
from kb.content.markup.link_targets import anchor
from kb.content.navigation import scripts
from kb.content.topics import Placement
from kb.jobs import watch

LANGS = ("ru", "en")


@pytest.fixture
def project(tmp_path):
    """Writes files by path and tells what becomes of them."""

    class Project:
        root = tmp_path

        def write(self, files, *pages):
            bases.write(
                {**{page: f"# The page {page[:-3]}\n" for page in pages}, **files}, tmp_path
            )
            return self

        def scan(self, root=None):
            return folder.scan(root or tmp_path, Defaults(lang="en"))

        def paths(self, root=None):
            scanned = self.scan(root)
            assert not scanned.navigations.problems
            placed = {each.path: Placement.of(each) for each in scanned.articles}
            read = scanned.navigations
            tree = topics.tree(placed, LANGS, read.all, read.labels)
            return {path: " › ".join(tree.path(path)) for path in tree.reading}

        def page(self, path):
            scanned = self.scan()
            article = next(each for each in scanned.articles if each.path == path)
            return markup.render(
                article.body, path=path, lang="en", title=article.title, dialect=article.dialect,
                inclusions=scanned.inclusions[path],
            ).html  # fmt: skip

        def problems(self, *codes):
            settings = Settings(articles=tmp_path, data=tmp_path.parent / "data")
            found = runner.inspect(settings, date(2026, 1, 1))
            return [(each.path, each.line) for each in found if each.code in codes]

    return Project()


def shown(body, **more):
    return markup.render(body, path="a/b.md", lang="en", dialect="vitepress", **more).html


def words(page):
    page = re.sub('</?(?:span|ins|del)[^<>]*>|<a class="anchor".*?</a>', "", page)
    return " ".join(html.unescape(re.sub("<[^<>]*>", " ", page)).split())


# --- navigation ---------------------------------------------------------------------------------

CONFIG = """\
import { defineConfig } from 'vitepress'
import { reference } from './sidebars/reference.js' // written reference.ts
const version = process.env.VERSION
const start = [{ text: 'Start', link: '/guide/start.md' }]

export default withPlugin(defineConfig<Theme>({
  title: `Acme ${version}`, base: '/docs/',
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/guide/start', activeMatch: '^/guide/' },
      { text: 'x', link: 'https://x.invalid' },
    ],
    sidebar: {
      '/guide/': [
        {
          text: 'First <b>steps</b>', collapsed: false,
          items: [...start, { text: 'Pay', link: '/docs/guide/pay' }],
        },
        {
          text: `Deeper ${version}`,
          items: [{ link: 'guide/deep/' }, { text: 'Keys', link: '/api/keys' }],
        },
        { text: 'Gone', link: 'https://gone.invalid' },
      ],
      '/api/': { base: '/api/', items: reference() },
    },
  },
}))
"""
REFERENCE = """\
export function reference(): Sidebar[] {
  const unused = { a: [1] }
  if (unused) { return [] }
  return [{ text: 'Reference', items: [{ text: 'Keys', link: 'keys' }, { text: 'All', link: '' }] }]
}
"""
PAGES = ("index.md", "guide/start.md", "guide/pay.md", "guide/deep/index.md", "api/keys.md")


def test_sidebars_by_path_give_the_tree_of_topics(project):
    project.write(
        {".vitepress/config.mts": CONFIG, ".vitepress/sidebars/reference.ts": REFERENCE}, *PAGES
    )

    assert project.paths() == {
        "guide/start.md": "Guide › First steps",
        "guide/pay.md": "Guide › First steps",
        "guide/deep/index.md": "Guide",  # a title that is computed is that of the page alone
        "api/keys.md": "Reference",  # below its own path, though the guide lists it first
        "index.md": "",
    }
    assert project.scan().navigations.files == (".vitepress/config.mts",)


def test_the_menu_stands_in_where_there_is_no_sidebar(project):
    config = "export default { themeConfig: { nav: [{ text: 'Use', items: both }] } }\n"
    config += "const both = [{ link: '/b' }, { link: '/a' }]"
    project.write({".vitepress/config.js": config}, "a.md", "b.md")

    assert project.paths() == {"b.md": "Use", "a.md": "Use"}


def test_each_language_has_its_own_sidebar(project):
    config = (
        """
    export default {
      locales: {
        root: { label: 'English', themeConfig: { sidebar: one('/pay', 'Guide') } },
        ru: { themeConfig: { sidebar: [{ text: 'Руководство', items: [{ link: '/ru/pay' }] }] } },
      } }
    const one = () => [{ text: 'Guide', items: [{ link: '/pay' }] }]"""
        ""
    )
    project.write(
        {".vitepress/config.js": config, "ru/pay.md": "# Оплата\n\nКак оплатить заказ картой.\n"},
        "pay.md",
    )

    assert project.paths() == {"pay.md": "Guide", "ru/pay.md": "Руководство"}


def test_settings_of_parts_and_rewrites_count(project):
    config = "export default defineConfig({ rewrites: { 'en/:rest*': ':rest*' } })"
    part = """
    export default defineAdditionalConfig({ themeConfig: { sidebar: {
      '/guide/': { base: '/guide/', items: items() }
    } } })
    function items() { return [{ text: 'Guide', items: [{ text: 'Pay', link: 'pay' }] }] }
    """
    project.write({".vitepress/config.ts": config, "config.ts": part}, "en/guide/pay.md")

    assert project.paths() == {"en/guide/pay.md": "Guide"}
    assert project.scan().articles[0].aliases == ("guide/pay",)


def test_only_pages_are_articles(project):
    config = "export default { srcDir: './src', srcExclude: ['**/parts/*.md', 'TODO.md'] }"
    project.write(
        {".vitepress/config.js": config},
        "README.md", "src/a.md", "src/TODO.md", "src/x/parts/p.md", "src/parts.md",
    )  # fmt: skip

    scanned = project.scan()

    assert [each.path for each in scanned.articles] == ["src/a.md", "src/parts.md"]
    left_out = [each.path for each in scanned.problems if each.code == "left-out"]
    assert left_out == ["README.md", "src/TODO.md", "src/x/parts/p.md"]


def test_settings_above_the_folder_of_pages_count(project):
    sidebar = "[{ text: 'Use', items: [{ link: '/a' }] }]"
    config = f"export default {{ srcDir: 'src', themeConfig: {{ sidebar: {sidebar} }} }}"
    project.write({".vitepress/config.js": config}, "src/a.md")

    assert project.paths(project.root / "src") == {"a.md": "Use"}
    assert project.scan(project.root / "src").articles[0].dialect == "vitepress"


def test_settings_that_are_no_data_are_told(project):
    project.write({".vitepress/config.ts": "export default await make()"}, "a.md")

    assert [each.code for each in project.scan().problems] == ["bad-navigation"]


def test_the_settings_are_watched_though_hidden(tmp_path):
    wanted = watch._Articles()

    def counts(path):
        return wanted(Change.modified, str(tmp_path / path))

    assert counts(".vitepress/config.ts")
    assert counts("docs/.vitepress/sidebars/a.json")
    assert not counts(".vitepress/cache/a.js")
    assert not counts(".vitepress/theme/index.ts")
    assert not counts(".git/config")


# --- scripts as data ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("const a = { b: [1, 'x'] }\n\nexport default a", {"b": [1, "x"]}),
        ("export default { ...a, b }\nconst a = { c: true }\nconst b = 'd'", {"c": True, "b": "d"}),
        ("const f = (x: T): T[] => [x, 1]\nexport default { f: f(2), g: (() => 3)() }",
         {"f": [1], "g": 3}),
        ("export default async () => {\n  const a = /['\"{]/\n  return { a: `x${b}` }\n}\n"
         "const b = 'y'", {"a": "xy"}),
        ("module.exports = { a: x ? 1 : 2, b: 'c' + d, e: f.g.h }\nconst f = { g: { h: 4 } }",
         {"e": 4}),
        ("export default { a: one } as const", {}),
        ("const one = two\nconst two = one\nexport default { one, b: 1 }", {"b": 1}),
        ("export default {", None),
        ("export default " + "f(" * 3000, None),
    ],
)  # fmt: skip
def test_names_and_functions_are_followed_and_nothing_is_run(script, value):
    assert scripts.exported("a.js", script, lambda *_: None) == value


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("export default [f(/" + "[a]" * 60 + "\n)]", []),  # a pattern that does not end
        ("import" + " " * 20_000 + "\nexport default [1]", [1]),
        ("import \n" * 50_000 + "export default [1]", [1]),
        ("const a\n" * 50_000 + "export default [1, a]", [1]),
        ("export default [1, x " + "/* " * 200_000, None),
        ("export default [1, x " + "\\`" * 200_000, None),
        ("const s0 = 'xxxxxxxxxx'\n"
         + "".join(f"const s{n} = `${{s{n - 1}}}${{s{n - 1}}}`\n" for n in range(1, 22))
         + "export default [s21, 1]", [1]),
        ("const a = [" + "1, " * 200 + "]\nexport default [" + "[...a], " * 1000 + "]", None),
    ],
)  # fmt: skip
def test_hostile_scripts_take_neither_time_nor_memory(script, value):
    assert scripts.exported("a.js", script, lambda *_: None) == value


def test_a_value_that_grows_beyond_all_bounds_is_no_navigation(project):
    doubled = "".join(f"const a{n} = [...a{n - 1}, ...a{n - 1}]\n" for n in range(1, 60))
    config = f"const a0 = [{{ text: 'a', link: '/a' }}]\n{doubled}"
    config += "export default { themeConfig: { sidebar: a59 } }"
    project.write({".vitepress/config.js": config}, "a.md")

    assert project.paths() == {"a.md": ""}


def test_scripts_outside_the_project_are_not_read(project):
    config = "import { s } from '../../secret.js'\nexport default { themeConfig: { sidebar: s } }"
    secret = "export const s = [{ text: 'Secret', items: [{ link: '/a' }] }]"
    project.write({"site/.vitepress/config.js": config, "secret.js": secret}, "site/a.md", "b.md")

    assert "Secret" not in " ".join(project.paths().values())


# --- anchors and links --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "link"),
    [
        ("server.host", "server-host"),
        ("a/b & c", "a-b-c"),
        ("1st step", "_1st-step"),
        ("Café", "cafe"),
        ("`vite.config.js`, once", "vite-config-js-once"),
    ],
)
def test_anchors_are_those_of_vitepress(heading, link):
    page = shown(f"## {heading}\n\n[x](#{link})")

    assert re.search(r'<h2 id="([^"]*)"', page)[1] == re.search(r'<p><a href="#([^"]*)"', page)[1]
    assert anchor(heading, "vitepress") == anchor(link, "vitepress")


def test_a_badge_is_no_part_of_an_anchor():
    page = shown('## Cards <Badge type="tip" text="^1.2" />\n\n## Keys %{#own}% \n\n## Pay {#mine}')

    assert re.findall(r'<h2 id="([^"]*)"', page) == ["h-cards", "h-own", "h-mine"]
    assert "<small>^1.2</small>" in page


def test_links_lead_where_vitepress_leads_them(project):
    links = "[a](/guide/pay) [b](./pay) [c](./pay.md#by.card) [d](./pay.html#by-card)"
    links += " [e](/logo.png) [f](./) [g](#start) [h](./pay#tip)"
    project.write(
        {
            ".vitepress/config.js": "export default { title: 'x' }",
            "guide/start.md": f"# Start\n\n{links}\n\n[gone](./gone) [off](./pay#off)\n",
            "guide/pay.md": "# Pay\n\n## by.card\n\nText.\n\n::: tip {#tip}\nText.\n:::\n",
            "public/logo.png": "x",
        },
        "guide/index.md",
    )

    assert project.problems("broken-link", "broken-anchor", "link-off-site", "bad-navigation") == [
        ("guide/start.md", 5), ("guide/start.md", 5),
    ]  # fmt: skip


# --- text ---------------------------------------------------------------------------------------


def test_containers_nest_and_have_titles():
    page = shown(
        ':::: info Outer `x` <Badge text="new" />\ntext\n\n'
        "::: details Fold {open}\ninner\n:::\n::::\n"
        "::: danger\nstop\n:::\n\n> [!TIP] Own title\n> said"
    )  # fmt: skip

    assert '<p class="admonition-title">Outer <code>x</code> new</p>' in page
    assert '<details open=""><summary>Fold</summary>\n<p>inner</p>\n</details>\n</div>' in page
    assert (
        '<div class="admonition danger" role="note"><p class="admonition-title">Danger</p>' in page
    )
    assert '<p class="admonition-title">Own title</p>\n<p>said</p>' in page
    assert ":::" not in page


def test_a_group_of_code_shows_its_labels():
    page = shown(
        "- item\n\n  ::: code-group\n  ```sh [npm]\n  npm i\n  ```\n"
        "  ```ts{1,3}:line-numbers [a.ts]\n  x\n  ```\n  :::"
    )

    assert words(page) == "item npm npm i a.ts x"
    assert page.startswith("<ul>")


def test_marks_of_lines_are_applied_and_left_out():
    page = shown(
        "```js\na() // [!code --]\nb() // [!code ++]\nc() // [!code focus]\n"
        "// [!code word:c]\nd() # [!code highlight:2]\n```"
    )

    assert re.sub("</?span[^<>]*>", "", page[page.index("<code>") :]) == (
        "<code><del>a()\n</del><ins>b()\n</ins>c()\nd()\n</code></pre></div>"
    )


def test_braces_are_values_of_the_page_or_left_out(project):
    body = "---\ntitle: Pay\nprice: 5\n---\n{{ $frontmatter.price }} {{ frontmatter.title }}"
    body += " {{ site.x }} `{{ kept }}` <span v-pre>{{ raw }}</span>\n\n::: v-pre\n{{ too }}\n:::\n"
    project.write({".vitepress/config.js": "export default { a: 1 }", "pay.md": body})

    assert words(project.page("pay.md")) == "5 Pay {{ kept }} {{ raw }} {{ too }}"
    assert project.problems("not-understood") == [("pay.md", 5)]


def test_what_is_of_vue_is_left_out_or_told():
    body = (
        "<script setup>\nimport x from './x'\n</script>\n\n"
        "<ClientOnly>\n\ntext :tada: 10:30:15 :nothing:\n\n</ClientOnly>\n\n"
        '<a :href="withBase(\'/pay\')" @click="go()" v-if="x">pay</a>'
        ' <Price :of="x" title="Cost" />\n\n'
        "<template #head>words</template>\n\n<style>\n.a { color: red }\n</style>\n"
    )

    page = shown(body)

    assert words(page) == "text 🎉 10:30:15 :nothing: pay Cost words"
    assert '<a href="/articles/pay">pay</a>' in page
    assert markup.unknown_tags(body, "vitepress") == [("<Price>", 11)]


FILES = {
    ".vitepress/config.js": "export default { srcExclude: ['parts/*'] }",
    "parts/p.md": "---\ntitle: p\n---\n# Part\n\nfirst [x](./q.md)\n\n"
    "<!-- #region r -->\nin region\n<!-- #endregion r -->\n\n## Deep\n\ndeep words\n",
    "snippets/a.ts": "one()\n// #region use\n  two() // [!code highlight]\n    three()\n"
    "// #endregion use\nfour()\n",
}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<!--@include: ./parts/p.md-->", "Part first x in region Deep deep words"),
        ("<!-- @include: @/parts/p.md{6,6} -->", "first x"),
        ("<!--@include: ./parts/p.md#r-->", "in region"),
        ("<!--@include: ./parts/p.md#deep-->", "deep words"),
        ("<<< @/snippets/a.ts#use{1,2 js} [Use it]", "Use it two() three()"),
        ("<<< ./snippets/a.ts{2}",
         "a.ts one() // #region use two() three() // #endregion use four()"),
        ("```ts\n<!--@include: ./snippets/a.ts{6,}-->\n```", "four()"),
    ],
)  # fmt: skip
def test_texts_and_code_of_other_files_are_put_in(project, written, expected):
    project.write({**FILES, "a.md": f"# A\n\n{written}\n"})

    assert words(project.page("a.md")) == expected


def test_a_missing_file_is_told_not_shown(project):
    project.write(
        {
            ".vitepress/config.js": "export default { a: 1 }",
            "a.md": "# A\n\n<<< @/gone.js\n\n<!--@include: ../out.md-->\n",
        }
    )

    assert words(project.page("a.md")) == ""
    assert project.problems("not-understood") == [("a.md", 3), ("a.md", 5)]


def test_a_home_page_is_its_links():
    front = """\
layout: home
hero:
  name: Acme
  text: Pay anywhere
  tagline: By card
  actions:
    - { theme: brand, text: Start, link: /guide/start }
features:
  - { icon: x, title: Fast, details: In seconds, link: /fast }
  - { title: Safe, details: "<b>No</b> fraud" }
"""
    article = parse(
        "index.md", f"---\n{front}---\n\nMore.\n\n[x](y)\n".encode(), Defaults(dialect="vitepress")
    ).article

    page = shown(article.body)

    assert article.title == "Acme"
    assert article.body.split("\n")[14 - article.body_line] == "More."  # its line in the file
    assert words(page) == "Pay anywhere By card Start Fast — In seconds Safe — No fraud More. x"
    assert '<a href="/articles/guide/start">Start</a>' in page


def test_front_matter_means_what_it_means_there():
    def read(written):
        data = f"---\ntitle: x\n{written}\n---\ntext".encode()
        return parse("a.md", data, Defaults(dialect="vitepress"))

    assert read("search: false").article.unlisted
    assert not read("search: true").article.unlisted
    assert read("description: In short").article.answer == "In short"
    assert read("lang: en-US\noutline: deep\nprev: false\nhead: []").problems == ()


def test_patterns_that_could_take_hours_are_passed_over(project):
    config = (
        "export default { rewrites: { ':a*:b*:c*:d*x': ':a' }, srcExclude: ['*a*a*a*a*a*a*b'] }"
    )
    project.write({".vitepress/config.js": config}, "a/" * 60 + "aaaaaaaaaaaaaaaaaaaaaaaab.md")

    assert [each.aliases for each in project.scan().articles] == [()]


def test_a_folder_of_the_project_is_of_no_other_tool(project):
    files = {
        ".vitepress/config.js": "export default { a: 1 }",
        "blog/a.md": "---\nlayout: post\npermalink: /x/\n---\n# A\n",
        "old/mkdocs.yml": "nav: []\n",
    }
    project.write(files, "old/b.md", "c.md")

    assert {each.path: each.dialect for each in project.scan().articles} == {
        "blog/a.md": "vitepress", "old/b.md": "mkdocs", "c.md": "vitepress",
    }  # fmt: skip
