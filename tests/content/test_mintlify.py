"""Folders of Mintlify: made-up projects, read and shown as Mintlify does."""

import html
import json
import re

import bases
import pytest

from kb.content import folder, markup, topics
from kb.content.articles import Defaults, parse
from kb.content.topics import Placement

LANGS = ("ru", "en")


def scan(root, files, pages=()):
    written = {page: f"# The page {page}\n" for page in pages}
    for path, content in files.items():
        written[path] = content if isinstance(content, str) else json.dumps(content)
    bases.write(written, root)
    return folder.scan(root, Defaults(lang="en"))


def paths(scanned):
    assert not scanned.navigations.problems
    placed = {each.path: Placement.of(each) for each in scanned.articles}
    read = scanned.navigations
    tree = topics.tree(placed, LANGS, read.all, read.labels)
    return {path: " › ".join(tree.path(path)) for path in tree.reading}


def shown(body):
    return markup.render(body, path="a/b.mdx", lang="en", dialect="mintlify").html


def words(page):
    page = re.sub("</?(?:span|abbr|strong)[^<>]*>", "", page)
    return " ".join(html.unescape(re.sub("<[^<>]*>", " ", page)).split())


def settings(navigation):
    return {"$schema": "https://mintlify.com/docs.json", "name": "Acme", "navigation": navigation}


def test_tabs_and_groups_are_topics(tmp_path):
    given = settings({
        "tabs": [
            {"tab": "Guide", "groups": [{"group": "Start", "pages": ["index", "pay"]}, {
                "group": "More", "root": "more/index", "pages": ["more/a", "GET /users"],
            }]},
            {"tab": "API", "pages": ["api"]},
            {"tab": "Blog", "href": "https://blog.invalid"},
        ],
    })  # fmt: skip
    pages = ("index.mdx", "pay.mdx", "more/index.mdx", "more/a.mdx", "api.md")

    scanned = scan(tmp_path, {"docs.json": given, "snippets/part.mdx": "text\n"}, pages)

    assert paths(scanned) == {
        "index.mdx": "Guide › Start", "pay.mdx": "Guide › Start",
        "more/index.mdx": "Guide", "more/a.mdx": "Guide › More", "api.md": "API",
    }  # fmt: skip
    assert {each.dialect for each in scanned.articles} == {"mintlify"}


def test_each_language_has_its_own_groups_also_in_other_files(tmp_path):
    given = settings({"languages": [
        {"language": "en", "groups": [{"group": "Start", "pages": ["pay"]}]}, {"$ref": "./ru.json"},
    ]})  # fmt: skip
    russian = {"language": "ru", "groups": [{"group": "Начало", "pages": ["ru/pay"]}]}
    files = {"docs.json": given, "ru.json": russian, "ru/pay.mdx": "# Оплата\n\nКак оплатить."}

    assert paths(scan(tmp_path, files, ("pay.mdx",))) == {
        "pay.mdx": "Start",
        "ru/pay.mdx": "Начало",
    }


@pytest.mark.parametrize("name", ["docs.json", "mint.json"])
def test_groups_alone_and_versions_are_read(tmp_path, name):
    group = {"group": "Start", "pages": ["pay"]}
    old = settings(
        {"versions": [{"version": "1", "pages": []}, {"default": True, "groups": [group]}]}
    )

    assert paths(scan(tmp_path, {name: old}, ("pay.mdx",))) == {"pay.mdx": "Start"}
    assert paths(scan(tmp_path / "b", {"mint.json": {"navigation": [group]}}, ("pay.mdx",))) == {
        "pay.mdx": "Start"
    }


def test_settings_that_refer_to_themselves_end(tmp_path):
    given = settings({"groups": [{"$ref": "docs.json"}, {"$ref": "a.json"}, {"$ref": "a.json"}]})
    turn = {"group": "x", "groups": [{"$ref": "a.json"}, {"$ref": "a.json"}], "pages": ["pay"]}

    assert "pay.mdx" in paths(scan(tmp_path, {"docs.json": given, "a.json": turn}, ("pay.mdx",)))


def test_another_file_of_that_name_is_none(tmp_path):
    scanned = scan(tmp_path, {"docs.json": {"navigation": 1, "a": 2}}, ("a.md",))

    assert scanned.navigations.all == ()
    assert scanned.articles[0].dialect == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<ParamField path="user.id" type="string" required default="1">\n  The id.\n</ParamField>',
         "user.id string, required, default 1 The id."),
        ('<ResponseField name="a" required={false} deprecated>x</ResponseField>', "a deprecated x"),
        ('<Steps>\n  <Step title="One">\n    Do.\n  </Step>\n</Steps>', "One Do."),
        ("<CodeGroup>\n```sh npm install wrap\nnpm i\n```\n```js a.js {1,2}\nx\n```\n</CodeGroup>",
         "npm install npm i a.js x"),
        ('A <Tooltip headline="API" tip="Interface">word</Tooltip> here.', "A word here."),
        ('<Frame caption="Below">\n  ![A](/a.png)\n</Frame>', "Below"),
        ('<Accordion title="Why?">\n  So.\n</Accordion>', "Why? So."),
        ('<Visibility for="agents">\nno\n</Visibility>\n\n<Visibility for="x">yes</Visibility>',
         "yes"),
        ('<Columns>\n  <Card title="Pay" icon="x" href="/b">\n    By card.\n  </Card>\n</Columns>',
         "Pay By card."),
        ('<Update label="v1" description="May">\n  ## New\n</Update>', "v1 · May # New"),
        ('<Check>\n  ok\n</Check>', "Done ok"),
        ('<Tree><Tree.Folder name="a"><Tree.File name="b.md" /></Tree.Folder></Tree>', "a b.md"),
        ('<Tile title="Pay" description="By card" href="/pay" />', "Pay By card"),
    ],
)  # fmt: skip
def test_components_say_what_they_say_there(body, expected):
    assert words(shown(body)) == expected
    assert markup.unknown_tags(body, "mintlify", "b.mdx") == []


def test_fields_and_steps_are_places_for_links():
    fields = '<ParamField query="user.id" />\n\n<Step title="First step">x</Step>'
    page = shown(f"{fields}\n\n[a](#param-user-id)")

    assert re.findall(r'id="([^"]*)"', page) == ["h-param-user-id", "h-first-step"]
    assert 'href="#h-param-user-id"' in page


def test_snippets_are_put_in_and_no_articles(tmp_path):
    body = 'import Part from "/snippets/part.mdx";\n\n<Part />\n\n<Snippet file="more.mdx" />\n'
    files = {
        "docs.json": settings({"pages": ["a"]}),
        "a.mdx": f"---\ntitle: A\nsidebarTitle: Short\n---\n{body}",
        "snippets/part.mdx": "<Note>\n  from a part\n</Note>\n", "snippets/more.mdx": "more\n",
    }  # fmt: skip

    scanned = scan(tmp_path, files)

    article, inclusions = scanned.articles[0], scanned.inclusions["a.mdx"]
    page = markup.render(
        article.body, path="a.mdx", lang="en", dialect=article.dialect, inclusions=inclusions
    ).html
    assert words(page) == "Note from a part more"
    assert article.label == "Short"
    assert len(scanned.articles) == 1


def test_front_matter_means_what_it_means_there():
    def read(written):
        data = f"---\ntitle: x\n{written}\n---\n".encode()
        return parse("a.mdx", data, Defaults(dialect="mintlify")).article

    assert read("hidden: true").unlisted
    assert read("noindex: true").unlisted
    assert read('openapi: "GET /users"').body == "`GET /users`"
