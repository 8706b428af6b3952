"""A link means what it meant to the tool it was written for."""

import random

import pytest

from kb.content.link_table import Habits, LinkedArticle, LinkTable, last_parts

PLACES = (
    LinkedArticle("docs/guide/01-start.md", "docs/guide/01-start", "en", ("help/begin",)),
    LinkedArticle("docs/guide/Light Switch.md", "docs/guide/Light Switch", "en"),
    LinkedArticle("docs/guide/index.md", "docs/guide/index", "en"),
    LinkedArticle("docs/lamp/desk.md", "docs/lamp/desk", "en"),
    LinkedArticle("docs/lamp/desk/bulb.md", "docs/lamp/desk/bulb", "en"),
    LinkedArticle("docs/lamp/lamp.md", "docs/lamp/lamp", "en"),
    LinkedArticle("docs/lamp/shade.md", "lamps/shades", "en", uid="Lamps.Shade"),
    LinkedArticle(
        "content/en/docs/setup/_index.md", "content/en/docs/setup/_index", "en", ("setup",)
    ),
    LinkedArticle("content/en/docs/setup/wires.md", "content/en/docs/setup/wires", "en"),
    LinkedArticle("content/en/docs/setup/only.md", "content/en/docs/setup/only", "en"),
    LinkedArticle(
        "content/ru/docs/setup/_index.md", "content/ru/docs/setup/_index", "ru", ("setup",)
    ),
    LinkedArticle("content/ru/docs/setup/wires.md", "content/ru/docs/setup/wires", "ru"),
    LinkedArticle("site/_posts/2026-03-04-new-lamps.md", "site/_posts/2026-03-04-new-lamps", "en"),
    LinkedArticle("site/_pages/about.md", "site/_pages/about", "en", ("who/we-are",)),
)
FILES = frozenset(
    ("docs/lamp/desk.png", "static/img/plug.svg", "docs/img/other.png", ".gitbook/assets/a.png")
)
BY_PATH = {place.path: place for place in PLACES}


@pytest.fixture(scope="module")
def table():
    return LinkTable(PLACES, FILES, ("ru", "en"))


def meant(table, source, target):
    found = table.find(BY_PATH[source], target)
    by_slug = {place.slug: place.path for place in PLACES}
    return found and (by_slug.get(found.slug) or found.file or "/")


START, DESK = "docs/guide/01-start.md", "docs/lamp/desk.md"
POST, ABOUT = "site/_posts/2026-03-04-new-lamps.md", "site/_pages/about.md"
RU, EN = "content/ru/docs/setup/wires.md", "content/en/docs/setup/wires.md"


@pytest.mark.parametrize(
    ("source", "target", "path"),
    [
        # a path from the file, with every ending
        (START, "../lamp/desk.md", DESK),
        (START, "../lamp/desk.MD#on?x=1", DESK),
        (START, "../lamp/desk.mdx", DESK),
        (START, "../lamp/desk.html", DESK),
        (START, "../lamp/desk/", DESK),
        (START, "../Lamp/Desk", DESK),
        (START, "Light%20Switch.md", "docs/guide/Light Switch.md"),
        (START, "light-switch", "docs/guide/Light Switch.md"),
        (DESK, "../guide/start", START),
        (DESK, "../guide/", "docs/guide/index.md"),
        (DESK, "../guide/README.md", "docs/guide/index.md"),
        (DESK, "desk.png", "docs/lamp/desk.png"),
        ("docs/lamp/shade.md", ".", "docs/lamp/lamp.md"),  # `x/x.md` is the page of `x`
        # an address from the page, which is a folder
        (DESK, "../shade/", "docs/lamp/shade.md"),
        (DESK, "bulb", "docs/lamp/desk/bulb.md"),
        (DESK, "../../guide/start/", START),
        # from the root of the site, wherever that is
        (START, "/docs/lamp/desk/", DESK),
        (START, "/lamp/desk", DESK),
        (START, "/lamps/shades/", "docs/lamp/shade.md"),
        (START, "/help/begin/", START),
        (START, "/img/plug.svg", "static/img/plug.svg"),
        (START, "/img/other.png", "docs/img/other.png"),
        (START, "/articles/docs/lamp/desk", DESK),
        (START, "/media/docs/lamp/desk.png", "docs/lamp/desk.png"),
        (EN, "/docs/setup/wires/", EN),
        (EN, "/pages/about", None),
        # Docusaurus counts the paths of files from the root of the documentation as well
        (DESK, "guide/01-start.md", START),
        (DESK, "guide/missing.md", None),
        # the same language first, another where there is no translation
        (RU, "/docs/setup/wires/", RU),
        (RU, "/setup/", "content/ru/docs/setup/_index.md"),
        (EN, "/setup/", "content/en/docs/setup/_index.md"),
        (RU, "/en/docs/setup/wires/", EN),
        (RU, "only.md", "content/en/docs/setup/only.md"),
        (RU, "/docs/setup/only", "content/en/docs/setup/only.md"),
        # Jekyll
        (ABOUT, "/2026/03/04/new-lamps.html", POST),
        (POST, "/pages/about/", ABOUT),
        (POST, "/who/we-are.html", ABOUT),
        # by name, wherever it lies
        (START, "wiki:desk", DESK),
        (START, "wiki:Light Switch#On", "docs/guide/Light Switch.md"),
        (START, "wiki:lamp/desk", DESK),
        (START, "wiki:plug.svg", "static/img/plug.svg"),
        (RU, "wiki:wires", RU),
        (START, "xref:lamps.shade", "docs/lamp/shade.md"),
        (EN, "ref:only", "content/en/docs/setup/only.md"),
        (EN, "ref:/docs/setup/only.md", "content/en/docs/setup/only.md"),
        # nowhere
        (START, "desk.md", None),
        (START, "/nowhere/desk", None),
        (START, "wiki:nowhere", None),
        (START, "xref:nowhere", None),
        (START, "../../../../outside.md", None),
        (START, "missing.png", None),
    ],
)  # fmt: skip
def test_every_form_of_address_leads_to_what_it_meant(table, source, target, path):
    assert meant(table, source, target) == path


def test_the_beginning_of_a_site_is_learned_from_its_links():
    places = [LinkedArticle(f"docs/{name}.md", f"docs/{name}", "en") for name in "abcd"]
    sample = [(places[0], f"/product/v2/{name}") for name in "abc"]
    sample += [(places[0], f"/product/{name}") for name in "abc"]

    table = LinkTable(places, sample=sample)

    assert table.find(places[0], "/product/d").slug == "docs/d"
    assert LinkTable(places).find(places[0], "/product/d") is None


def test_where_addresses_count_from_pages_they_do_so_first():
    places = [
        LinkedArticle(path, path.removesuffix(".md"), "en")
        for path in ("a.md", "b.md", "a/b.md", "a/c.md", "c/d.md")
    ]
    first = places[0]

    by_file = LinkTable(places, sample=[(first, "c/d"), (first, "b")])
    by_page = LinkTable(places, sample=[(first, "c"), (first, "../c/d")])

    assert by_file.find(first, "b").slug == "b"
    assert by_page.find(first, "b").slug == "a/b"
    assert by_page.find(first, "b.md").slug == "b"


def test_names_alone_are_looked_up_where_the_folder_writes_so():
    links = [(START, name) for name in ("shade.md", "bulb.md", "desk.png", "Light Switch.md")]
    sample = [(BY_PATH[path], target) for path, target in links]

    written_so = LinkTable(PLACES, FILES, ("ru", "en"), sample)
    not_so = LinkTable(PLACES, FILES, ("ru", "en"), sample[2:])

    assert written_so.habits.by_name
    assert not not_so.habits.by_name
    assert meant(written_so, ABOUT, "bulb.md#on") == "docs/lamp/desk/bulb.md"
    assert meant(written_so, ABOUT, "other.png") == "docs/img/other.png"
    assert meant(written_so, ABOUT, "x/bulb.md") is None
    assert meant(not_so, ABOUT, "bulb.md") is None


@pytest.mark.parametrize(
    ("target", "last"),
    [
        ("../lamp/desk.md#on", "desk"),
        ("/docs/lamp/", "lamp"),
        ("Light%20Switch", "light switch"),
        ("setup/readme.md", "setup"),
        ("img/Plug.SVG", "plug.svg"),
        ("../en", None),  # which may mean `../ru` where there is no such page
        ("index.md", None),  # the page of whatever folder
        ("./", None),
        ("/docs", None),  # `docs` may be no folder: then it is the top of the site
        ("/docs/index.md", None),
        ("xref:Lamps.Shade", None),
    ],
)
def test_the_last_part_of_a_link_is_said_where_it_is_one(table, target, last):
    assert table.last_part(target) == last


# What paths, addresses and links are made of: all that is looked up otherwise than by its name.
PARTS = (
    "a",
    "b",
    "01-a",
    "_b",
    "A b",
    "ru",
    "en",
    "docs",
    "static",
    "index",
    "readme",
    "новое",
    "x",
)
LINKED = (*PARTS, "..", ".", "a%20b", "A-b", "articles", "media", "", "a.md", "index.md", "b.html")


def a_path(rng, most=3):
    return "/".join(rng.choice(PARTS) for _ in range(rng.randint(1, most)))


def a_place(rng):
    path = f"{a_path(rng)}.{rng.choice(('md', 'md', 'mdx'))}"
    if rng.random() < 0.1:
        path = f"{a_path(rng, 1)}/_posts/2026-03-04-{rng.choice(PARTS)}.md"
    slug = a_path(rng) if rng.random() < 0.2 else path.rpartition(".")[0]
    aliases = (a_path(rng),) if rng.random() < 0.2 else ()
    uid = rng.choice(PARTS) if rng.random() < 0.1 else ""
    return LinkedArticle(path, slug, rng.choice(("ru", "en", "")), aliases, uid)


def a_link(rng):
    written = "/".join(rng.choice(LINKED) for _ in range(rng.randint(1, 4)))
    scheme = rng.choice(("", "", "", "/", "/", "xref:", "wiki:", "ref:", "../", "./"))
    return scheme + written + rng.choice(("", "", "", "/", "#part", ".md", ".html", "?q=1"))


@pytest.mark.parametrize("seed", range(8))
def test_articles_without_the_last_part_of_a_link_make_no_difference_to_it(seed):
    rng = random.Random(seed)
    compared = decided = 0
    for _ in range(60):
        common = {each.path: each for each in (a_place(rng) for _ in range(rng.randint(2, 12)))}
        moved = {each.path: each for each in (a_place(rng) for _ in range(rng.randint(1, 2)))}
        files = frozenset(f"{a_path(rng)}.png" for _ in range(2))
        folders = tuple((a_path(rng), rng.choice(("ru", "en")), a_path(rng)) for _ in range(2))
        habits = Habits(
            frozenset(rng.sample(PARTS, 2)), frozenset(("docs", rng.choice(PARTS))),
            rng.random() < 0.5,
        )  # fmt: skip
        old, new = (
            LinkTable(tuple(places.values()), files, ("ru", "en"), (), habits, folders)
            for places in (common, common | moved)
        )
        if old.shape != new.shape:
            continue
        before = (common[path] for path in moved if path in common)
        parts = {part for each in (*moved.values(), *before) for part in last_parts(each)}
        for target in (a_link(rng) for _ in range(60)):
            last = old.last_part(target)
            assert last == new.last_part(target)
            decided += last is not None
            if last is None or last in parts:
                continue
            for source in common.values():
                if source.path not in moved:
                    compared += 1
                    assert old.find(source, target) == new.find(source, target), (target, source)
    assert compared > 5_000
    assert decided > 800
