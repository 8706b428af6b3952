"""Pages show each link where it leads in the build, and plain words where it leads nowhere."""

import random
import shutil
from contextlib import closing

import pytest

from kb.indexer import rebuild
from kb.service import KnowledgeBase


@pytest.fixture
def page(kb, write):
    def of(slug, **files):
        for path, (text, front) in files.items():
            write(path, text, **front)
        kb.rebuild()
        return kb.article(slug).html

    return of


def test_links_of_other_tools_lead_to_the_article(page, write):
    write("docs/lamp", "Text.", title="Lamp", aliases="light")
    write("docs/guide/start", "[a](/lamp/) [b](../../lamp#on) [c](/light.html)", title="Start")

    shown = page("docs/guide/start")

    assert shown.count('href="/articles/docs/lamp"') == 2
    assert 'href="/articles/docs/lamp#h-on"' in shown


def test_a_link_to_nothing_is_its_words_and_a_picture_its_description(page, write, settings):
    write("a", "[*gone* page](b.md) ![A lamp](lamp.png) [plan](plan.pdf)", title="A")

    assert "<em>gone</em> page A lamp plan" in page("a")

    (settings.articles / "lamp.png").write_bytes(b"x")

    assert '<img src="/media/lamp.png" alt="A lamp"' in page("a")


def test_a_link_to_a_draft_is_plain_words(page, write):
    write("a", "[soon](b.md) [now](c.md)", title="A")
    write("b", "Text.", title="B", draft=True)
    write("c", "Text.", title="C")

    shown = page("a")

    assert "soon <a" in shown
    assert "/articles/b" not in shown


def test_a_link_follows_an_article_that_was_moved(page, write):
    write("a", "[c](b.md)", title="A")
    file = write("b", "Text.", title="B")
    assert 'href="/articles/b"' in page("a")

    file.unlink()
    write("new/c", "Text.", title="C", aliases="b")

    assert 'href="/articles/new/c"' in page("a")


def test_links_count_for_the_article_they_lead_to(kb, write):
    write("docs/lamp", "Text.", title="Lamp", slug="light")
    write("docs/a", "[a](/lamp/) [again](lamp.md)", title="A")
    kb.rebuild()

    reader = kb.catalog().reader

    assert reader.inlinks[reader.find("light")] == 1


def test_a_link_to_a_folder_without_a_page_leads_to_its_topic(page, write, client):
    write("en/lamps/desk", "Text.", title="Desk lamp", lang="en")
    write("en/soon/none", "Text.", title="None", lang="en", draft=True)
    link = "[a](../lamps/) [b](../lamps/index.md) [c](/en/lamps#x) [d](../soon/) [e](../none/)"
    write("en/guide/start", link, title="Start", lang="en")
    write("en/guide/other", "Text.", title="Other", lang="en")

    shown = page("en/guide/start")

    assert shown.count('href="/categories/en/lamps"') == 2
    assert 'href="/categories/en/lamps#h-x"' in shown
    assert "d e" in shown
    assert client.get("/categories/en/lamps").status_code == 200


def test_a_link_to_a_folder_is_no_mistake(kb, write):
    write("lamps/desk", "Text.", title="Desk lamp")
    write("guide/start", "[a](../lamps/) [b](../none/)", title="Start")

    found = [p for p in kb.check() if p.code == "broken-link"]

    assert [(p.path, str(p.message)) for p in found] == [
        ("guide/start.md", "the link leads nowhere: ../none/")
    ]


MOVED = "---\ntitle: {}\n{}: {}\n---\n"


@pytest.mark.parametrize("key", ["redirect_url", "redirect_to"])
def test_a_page_that_says_where_it_moved_leads_there(kb, write, settings, client, key):
    docs = settings.articles / "docs"
    docs.mkdir(parents=True)
    (docs / "docfx.json").write_text("{}")
    (docs / "new.md").write_text("# New\n\nText.\n")
    (docs / "old.md").write_text(MOVED.format("Old", key, "./new.md#on"))
    (docs / "away.md").write_text(MOVED.format("Away", key, "https://lamps.invalid/"))
    (docs / "older.md").write_text(MOVED.format("Older", key, "old.md"))
    (docs / "lost.md").write_text(MOVED.format("Lost", key, "gone.md"))
    kb.rebuild()

    assert client.get("/articles/docs/old").headers["Location"] == "/articles/docs/new"
    away = client.get("/articles/docs/away").get_data(as_text=True)
    assert 'This page has moved: <a href="https://lamps.invalid/"' in away
    older = client.get("/articles/docs/older").get_data(as_text=True)
    assert 'This page has moved: <a href="/articles/docs/old"' in older
    assert client.get("/articles/docs/lost").status_code == 200
    assert [p.path for p in kb.check() if p.code == "broken-link"] == ["docs/lost.md"]


NAMES = ("one", "two", "three", "four")
TARGETS = (
    "one.md", "two.md#part", "../en/three.md", "../ru/one.md", "/en/two", "/ru/four/", "five",
    "plan.txt", "../en/plan.txt", "/lamp.png", "../lamp.png", "missing.md", "light", "#part",
    "https://help.example.com/",
)  # fmt: skip


def a_day_of(folder, write, rng):
    """One thing that a writer does in a folder of articles with links."""
    lang, name = rng.choice(["ru", "en"]), rng.choice(NAMES)
    articles, others = sorted(folder.rglob("*.md")), sorted(folder.rglob("*.[tp][xn][tg]"))
    deed = rng.choice(["write", "write", "write", "word", "word", "file", "gone", "move", "draft"])
    if deed == "write" or not articles:
        links = " ".join(
            f"[to {n}]({target})" for n, target in enumerate(rng.choices(TARGETS, k=3))
        )
        front = {"slug": "en/five"} if rng.random() < 0.2 else {}
        front |= {"aliases": ["light"]} if rng.random() < 0.2 else {}
        write(f"{lang}/{name}", f"## Part\n\n{links}", title=name.title(), **front)
    elif deed == "word":
        changed = rng.choice(articles)
        changed.write_text(changed.read_text("utf-8") + "\nOne more word.\n", "utf-8")
    elif deed == "file":
        place = folder / rng.choice([f"{lang}/plan.txt", "lamp.png"])
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"A plan {rng.random()}.", "utf-8")
    elif deed == "gone":
        rng.choice(articles + others).unlink()
    elif deed == "move":
        rng.choice(articles).rename(folder / lang / f"moved{rng.randint(0, 9)}.md")
    else:
        write(f"{lang}/{name}", "[one](one.md)", title="Soon", draft=True)


@pytest.mark.parametrize("seed", range(3))
def test_links_lead_after_every_change_where_a_full_build_leads_them(settings, write, seed):
    rng = random.Random(seed)
    (settings.articles / "ru").mkdir()
    (settings.articles / "en").mkdir()
    for _ in range(6):
        a_day_of(settings.articles, write, rng)
    rebuild(settings)
    for day in range(12):
        a_day_of(settings.articles, write, rng)
        changed = rebuild(settings)
        apart = settings.model_copy(update={"data": settings.data / f"full{day}"})
        shutil.copytree(settings.builds, apart.builds)  # which says where articles were
        full = rebuild(apart, full=True)

        assert sorted(changed.warnings) == sorted(full.warnings)
        with (
            closing(KnowledgeBase.open(settings)) as one,
            closing(KnowledgeBase.open(apart)) as two,
        ):
            slugs = [card.slug for card in one.all_cards()]
            assert slugs == [card.slug for card in two.all_cards()]
            assert [one.article(slug) for slug in slugs] == [two.article(slug) for slug in slugs]
            for query in ("plan", "word", "three"):
                assert one.answer(query).hits == two.answer(query).hits
