"""A link to a section lands on it by the id that the writer's tool gives the heading."""

import pytest

from kb.content import articles, markup
from kb.content.markup.heading_ids import Heading, ids
from kb.content.markup.link_targets import anchor


def page(body, tool="", **more):
    return markup.render(body, path="a/b.md", lang="ru", dialect=tool, **more)


@pytest.mark.parametrize(
    ("tool", "heading", "id_"),
    [
        ("diplodoc", "Подключение и щётки", "podklyuchenie-i-shyotki"),
        ("diplodoc", "Объём, лампа — 100 %", "obuyom-lampa-100-percent"),
        ("diplodoc", "Ключ `lamp_id` и свет", "klyuch-i-svet"),  # code counts for nothing
        ("diplodoc", "`lamp_id`", "lamp_id"),
        ("diplodoc", "Café & Größe", "cafe-and-grosse"),
        ("mkdocs", "Лампа", "_1"),
        ("mkdocs", "Лампа Docker", "docker"),
        ("mkdocs", "Café", "cafe"),
        ("jekyll", "Лампа", "section"),
        ("jekyll", "1. Switch on", "switch-on"),
        ("docusaurus", "Лампа & свет: on/off", "лампа--свет-onoff"),  # and of GitHub
        ("hugo", "Лампа_1", "лампа_1"),
        ("", "Лампа.Свет", "лампасвет"),
    ],
)
def test_a_heading_is_found_by_the_id_of_its_tool(tool, heading, id_):
    assert anchor(id_, tool) in page(f"## {heading}\n", tool).anchors


@pytest.mark.parametrize(
    ("tool", "wanted"),
    [
        ("diplodoc", ["lampa", "lampa1", "lampa2"]),
        ("mkdocs", ["_1", "_2", "_3"]),
        ("jekyll", ["section", "section-1", "section-2"]),
        ("docusaurus", ["лампа", "лампа-1", "лампа-2"]),
    ],
)
def test_equal_headings_are_numbered_as_the_tool_does(tool, wanted):
    rendered = page("## Лампа\n\n### Лампа\n\n## Лампа\n", tool)

    places = [rendered.html.index(f'id="h-{id_}"') for id_ in wanted]
    assert places == sorted(places)


def test_a_title_counts_where_the_tool_gives_it_an_id():
    body = "## Лампа\n"

    assert "h-_2" in page(body, "mkdocs", title="Свет", titled=True).anchors
    assert "h-_1" in page(body, "mkdocs", title="Свет").anchors
    assert "h-лампа-1" in page(body, "docusaurus", title="Лампа!", titled=True).anchors
    assert "h-lampa1" not in page(body, "diplodoc", title="Лампа!", titled=True).anchors


def test_our_own_ids_stay_and_an_id_stands_once():
    body = "## Лампа\n\n## Lampa\n\n## Свет {#lampa1}\n"
    plain, told = page(body), page(body, "diplodoc")

    assert told.anchors[: len(plain.anchors)] == plain.anchors
    assert [s.anchor for s in told.sections] == [s.anchor for s in plain.sections]
    assert len(set(told.anchors)) == len(told.anchors) == told.html.count(' id="')


def test_a_plain_folder_gets_no_further_ids():
    assert page("## Лампа\n\n## Лампа\n").anchors == ("h-лампа", "h-лампа-1")


def test_a_heading_with_an_id_of_its_own_gets_no_other():
    assert list(ids([Heading("Лампа", "Лампа", 2, "own")], "diplodoc")) == []


def test_a_title_is_a_place_by_the_ids_of_its_writer():
    text = b"# The lamp {#lamp} {#light}\n\nText.\n"
    article = articles.parse("a/b.md", text, articles.Defaults(dialect="vitepress")).article

    rendered = page(article.body, "vitepress", title=article.title, titled=True)

    assert article.title == "The lamp"
    assert rendered.anchors == ("h-lamp", "h-light")
    assert rendered.text == rendered.summary == "Text."


@pytest.mark.parametrize("written", ["{#lamp}", "{: #lamp .wide }"])
def test_a_heading_that_repeats_the_title_leaves_its_id(written):
    rendered = page(f"# The lamp {written}\n\nText.\n", "mkdocs", title="The lamp")

    assert rendered.anchors == ("h-lamp",)
    assert "The lamp" not in rendered.html
