"""Folders of Docsify: made-up sites, read and shown as Docsify does."""

import html
import re
from datetime import date

import bases
import pytest

from kb.base.config import Settings
from kb.checks import runner
from kb.content import folder, markup, topics
from kb.content.articles import Defaults
from kb.content.topics import Placement

LANGS = ("ru", "en")
INDEX = "<script>window.$docsify = { loadSidebar: true }</script>"


def scan(root, files, pages=()):
    bases.write({**{page: f"# The page {page}\n" for page in pages}, **files}, root)
    return folder.scan(root, Defaults(lang="en"))


def paths(scanned):
    assert not scanned.navigations.problems
    placed = {each.path: Placement.of(each) for each in scanned.articles}
    tree = topics.tree(placed, LANGS, scanned.navigations.all, scanned.navigations.labels)
    return {path: " › ".join(tree.path(path)) for path in tree.reading}


def shown(body, **more):
    return markup.render(body, path="a/b.md", lang="en", dialect="docsify", **more).html


def words(page):
    page = re.sub('</?(?:span|strong)[^<>]*>|<a class="anchor".*?</a>', "", page)
    return " ".join(html.unescape(re.sub("<[^<>]*>", " ", page)).split())


SIDEBAR = """\
<!-- docs/_sidebar.md -->

* [Home](/)
* Use
  * [Pay](use/pay.md "Title")
  * [Deep](/use/deep/)
  * [Keys](#/use/keys?id=all)
* [Elsewhere](https://x.invalid)
"""


def test_the_sidebar_gives_the_tree_and_what_is_around_pages_is_no_article(tmp_path):
    around = {"_navbar.md": "* [x](/)\n", "_coverpage.md": "# Cover\n", "index.html": INDEX}
    pages = ("README.md", "use/pay.md", "use/deep/README.md", "use/keys.md")

    scanned = scan(tmp_path, {"_sidebar.md": SIDEBAR, **around}, pages)

    assert paths(scanned) == {
        "README.md": "", "use/pay.md": "Use", "use/deep/README.md": "Use", "use/keys.md": "Use",
    }  # fmt: skip
    assert {each.dialect for each in scanned.articles} == {"docsify"}


def test_a_sidebar_of_a_folder_counts_from_the_root(tmp_path):
    files = {
        "_sidebar.md": "* Use\n  * [Pay](pay.md)\n",
        "ru/_sidebar.md": "* Работа\n  * [Оплата](ru/pay.md)\n  * [Ключи](keys.md)\n",
        "ru/pay.md": "# Оплата\n\nКак оплатить.", "ru/keys.md": "# Ключи\n\nГде ключи.",
    }  # fmt: skip

    assert paths(scan(tmp_path, files, ("pay.md",))) == {
        "pay.md": "Use", "ru/pay.md": "Работа", "ru/keys.md": "Работа",
    }  # fmt: skip


@pytest.mark.parametrize(("page", "tool"), [(INDEX, "docsify"), ("<h1>Hello</h1>", "")])
def test_the_page_that_loads_docsify_tells_of_it(tmp_path, page, tool):
    scanned = scan(tmp_path, {"index.html": page}, ("README.md",))

    assert [each.dialect for each in scanned.articles] == [tool]


def test_notes_are_lines():
    page = shown("?> A **tip**\nof two lines\n\n!> Stop\n\n- x\n\n  ?> In a list\n\n`?> code`")

    assert words(page) == "Tip A tip of two lines Important Stop x Tip In a list ?> code"
    assert page.count('<div class="admonition tip"') == 2
    assert page.count('<div class="admonition important"') == 1


@pytest.mark.parametrize(
    ("heading", "link"),
    [
        ("Pay :id=how-to", "?id=how-to"),
        ("1. Start {docsify-ignore}", "#_1-start"),
        ("By card <!-- {docsify-ignore-all} -->", "#/a/b?id=by-card"),
    ],
)
def test_headings_have_the_ids_of_docsify(heading, link):
    page = shown(f"## {heading}\n\n[x]({link})")

    assert re.search(r'<h2 id="([^"]*)"', page)[1] == re.search(r'<p>.*?#([^"]*)"', page)[1]
    assert "docsify" not in page
    assert ":id" not in page


def test_options_of_links_and_images_are_left_out():
    page = shown(
        "[a](/x ':ignore Title') [b](/y ':target=_blank') ![c](/z.png ':size=50 :class=q') :tada:"
    )

    assert words(page) == "a b 🎉"
    assert ":" not in page
    assert page.count("href") == 2
    assert 'alt="c"' in page


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[x](_media/a.md ':include')", "from a file"),
        ("[x](_media/a.js ':include :type=code')", "/// [use] one() /// [use] two()"),
        ("[x](_media/a.js ':include :type=code js :fragment=use')", "one()"),
        ("[film](_media/a.mp4 ':include')", "film"),
        ("[gone](gone.js ':include :type=code')", "gone"),
    ],
)
def test_files_are_put_in(tmp_path, written, expected):
    files = {
        "_sidebar.md": "* [A](a.md)\n", "a.md": f"# A\n\n{written}\n",
        "_media/a.md": "from a file\n", "_media/a.js": "/// [use]\none()\n/// [use]\ntwo()\n",
    }  # fmt: skip
    scanned = scan(tmp_path, files)

    page = markup.render(
        next(each.body for each in scanned.articles if each.path == "a.md"), path="a.md", lang="en",
        dialect="docsify", inclusions=scanned.inclusions["a.md"],
    ).html  # fmt: skip

    assert words(page) == expected


def test_links_lead_where_docsify_leads_them(tmp_path):
    links = "[a](/use/pay) [b](use/pay.md?id=by-card) [c](#/use/pay?id=by-card) [d](/use/) [e](/)"
    files = {
        "_sidebar.md": "* [A](use/start.md)\n",
        "use/start.md": f"# Start\n\n{links}\n\n[f](/gone)\n",
        "use/pay.md": "# Pay\n\n## By card\n\nText.\n",
    }  # fmt: skip
    scan(tmp_path, files, ("README.md", "use/README.md"))
    settings = Settings(articles=tmp_path, data=tmp_path.parent / "data")

    found = runner.inspect(settings, date(2026, 1, 1))

    codes = ("broken-link", "broken-anchor", "link-off-site")
    assert [(each.path, each.line) for each in found if each.code in codes] == [("use/start.md", 5)]
