"""The tree of topics, made of paths, titles and orders as small made-up folders have them."""

import bases
import pytest

from kb.content import topics
from kb.content.folder import scan
from kb.content.topics import Placement

LANGS = ("ru", "en")


def tree(*articles, lang="en", **more):
    """The tree of articles given as paths, or pairs of a path and the keys of its placement."""
    placements = {}
    for each in articles:
        path, keys = each if isinstance(each, tuple) else (each, {})
        title = path.removesuffix(".md").removesuffix("/index").rpartition("/")[2]
        placements[path] = Placement(**{"lang": lang, "title": title, **keys})
    return topics.tree(placements, LANGS, **more)


def paths(found):
    return {article: " › ".join(found.path(article)) for article in found.reading}


def keys(found):
    return [topic.key for topic in found.topics]


def test_an_article_stands_under_every_folder_above_it():
    found = tree("en/shop/orders/late-parcel.md", "en/shop/orders/refund.md", "en/till/start.md")

    assert paths(found) == {
        "en/shop/orders/late-parcel.md": "Shop › Orders",
        "en/shop/orders/refund.md": "Shop › Orders",
        "en/till/start.md": "Till",
    }
    assert keys(found) == ["shop", "shop/orders", "till"]


@pytest.mark.parametrize("page", ["index.md", "_index.md", "README.md", "orders.md"])
def test_the_page_of_a_folder_gives_its_topic_a_title(page):
    found = tree((f"shop/orders/{page}", {"title": "Your orders"}), "shop/orders/a.md", "b.md")

    assert found.path("shop/orders/a.md") == ("Shop", "Your orders")
    assert found.path(f"shop/orders/{page}") == ("Shop",)  # the page is the topic


def test_the_page_of_a_folder_inside_names_no_other_folder():
    found = tree(
        "shop/a.md", ("shop/orders/_index.md", {"title": "Orders"}), "shop/orders/b.md", "c.md"
    )

    assert found.path("shop/a.md") == ("Shop",)


def test_each_language_has_its_own_titles_under_the_same_keys():
    found = topics.tree(
        {
            "ru/shop/index.md": Placement("ru", "Магазин"),
            "ru/shop/a.md": Placement("ru", "А"),
            "en/shop/a.md": Placement("en", "A"),
        },
        LANGS,
    )

    assert found.path("ru/shop/a.md") == ("Магазин",)
    assert found.path("en/shop/a.md") == ("Shop",)
    assert keys(found) == ["shop", "shop"]


def test_a_folder_that_holds_one_page_is_the_article():
    found = tree("shop/refund/index.md", "shop/parcel/index.md", "shop/help.md", "x.md")

    assert {article: found.path(article) for article in found.reading} == {
        "x.md": (),
        "shop/help.md": ("Shop",),
        "shop/parcel/index.md": ("Shop",),
        "shop/refund/index.md": ("Shop",),
    }


def test_a_short_title_names_the_topic():
    page = ("shop/index.md", {"title": "All about the shop", "label": "Shop!"})

    assert tree(page, "shop/a.md").path("shop/a.md") == ("Shop!",)


def test_a_draft_names_no_topic():
    page = ("shop/index.md", {"title": "Secret plans", "is_draft": True})

    assert tree(page, "shop/a.md").path("shop/a.md") == ("Shop",)


def test_a_folder_around_all_others_is_left_out_if_its_name_says_nothing():
    wrapped = tree("content/docs/shop/a.md", "content/docs/till/b.md")

    assert wrapped.path("content/docs/shop/a.md") == ("Shop",)
    assert keys(wrapped) == ["content/docs/shop", "content/docs/till"]
    assert tree("acme/shop/a.md", "acme/till/b.md").path("acme/shop/a.md") == ("Acme", "Shop")


def test_a_category_places_an_article_at_a_topic_of_that_name():
    found = tree(
        "shop/orders/a.md",
        ("shop/b.md", {"category": ("orders",)}),
        ("c.md", {"category": ("Shop", "Orders")}),
        ("d.md", {"category": ("Billing", "Invoices")}),
    )

    assert paths(found) == {
        "d.md": "Billing › Invoices",
        "shop/b.md": "Shop › Orders",
        "c.md": "Shop › Orders",
        "shop/orders/a.md": "Shop › Orders",
    }
    assert keys(found) == ["Billing", "Billing/Invoices", "shop", "shop/orders"]


def test_a_category_written_in_another_case_is_the_same_topic():
    named = [("a.md", {"category": ("Оплата",)}), ("b.md", {"category": ("оплата",)})]

    assert [topic.title for topic in tree(*named, lang="ru").topics] == ["Оплата"]


def test_of_two_topics_of_one_name_a_category_means_the_nearest():
    found = tree("a/faq/x.md", "b/faq/y.md", ("b/faq/deep/z.md", {"category": ("faq",)}))

    assert found.path("b/faq/deep/z.md") == ("B", "Faq")


def test_the_page_of_a_folder_introduces_the_category_that_its_neighbours_name():
    named = {"category": ("Счёт",)}
    found = tree(("bill/index.md", named), ("bill/a.md", named), "b.md")

    assert found.topics[0].title == "Счёт"
    assert found.topics[0].page == "bill/index.md"


def test_pages_above_are_found_by_their_titles():
    found = tree(
        ("a.md", {"title": "Shop"}),
        ("b.md", {"title": "Orders", "parents": ("Shop",)}),
        ("c.md", {"title": "Refund", "parents": ("Shop", "Orders")}),
        ("d.md", {"title": "Till"}),
        ("e.md", {"title": "Orders", "parents": ("Till",)}),
        ("f.md", {"title": "Cash", "parents": ("Till", "Orders")}),
        ("g.md", {"title": "Lost", "parents": ("Nobody",)}),
    )

    assert paths(found) == {
        "a.md": "", "b.md": "Shop", "c.md": "Shop › Orders",
        "d.md": "", "e.md": "Till", "f.md": "Till › Orders", "g.md": "",
    }  # fmt: skip


def test_pages_above_each_other_end_somewhere():
    found = tree(
        ("a.md", {"title": "A", "parents": ("B",)}), ("b.md", {"title": "B", "parents": ("A",)})
    )

    assert set(found.reading) == {"a.md", "b.md"}


def test_the_page_of_a_folder_comes_first_then_what_has_an_order_then_files_then_folders():
    found = tree(
        "b.md", ("a.md", {"order": 2}), ("c.md", {"order": 1}), "a/x.md", "index.md",
        ("a/README.md", {"order": 9}), "z/x.md", ("z/_index.md", {"order": 1.5}),
    )  # fmt: skip

    assert found.reading == (
        "index.md", "c.md", "z/_index.md", "z/x.md", "a.md", "a/README.md", "a/x.md", "b.md",
    )  # fmt: skip


def test_without_an_order_names_decide_and_numbers_count_as_numbers():
    found = tree("10-end.md", "2-begin.md", "1-first/a.md", "1-first/c/d.md", "1-first/e.md")

    assert found.reading == (
        "2-begin.md", "10-end.md", "1-first/a.md", "1-first/e.md", "1-first/c/d.md",
    )  # fmt: skip
    assert found.path("1-first/a.md") == ("First",)


def test_articles_of_one_title_and_topic_are_told_apart_by_their_files():
    same = {"title": "Overview"}
    found = tree(("a/x/index.md", same), ("a/y/index.md", same), ("b/z.md", same), "a/one.md")

    assert paths(found) == {
        "a/one.md": "A",
        "a/x/index.md": "A › x",
        "a/y/index.md": "A › y",
        "b/z.md": "B",
    }


def test_every_article_has_one_place_and_every_topic_a_key_of_its_own():
    articles = ["a/b/c.md", "a/B/d.md", "A/b/e.md", ("x.md", {"category": ("a", "b")})]
    found = tree(*articles)

    assert len(set(found.reading)) == len(articles) == len(found.places)
    assert len({topic.key.casefold() for topic in found.topics}) == len(found.topics)
    assert all(topic.above < number for number, topic in enumerate(found.topics))


def test_order_in_front_matter_places_an_article_and_a_folder_in_any_folder(tmp_path):
    bases.write(
        {
            "en/a/index.md": "---\ntitle: A\norder: 2\n---\n",
            "en/a/one.md": "---\norder: 1.5\n---\n# One\n",
            "en/a/another.md": "---\norder: 2\n---\n# Another\n",
            "en/a/absent.md": "# Absent\n",
            "en/b/index.md": "---\ntitle: B\norder: -1\n---\n",
            "en/b/x.md": "# X\n",
        },
        tmp_path,
    )
    placements = {each.path: Placement.of(each) for each in scan(tmp_path).articles}

    assert list(topics.tree(placements, LANGS).reading) == [
        "en/b/index.md", "en/b/x.md",
        "en/a/index.md", "en/a/one.md", "en/a/another.md", "en/a/absent.md",
    ]  # fmt: skip


def test_an_order_that_is_no_number_is_told(tmp_path):
    bases.write({"a.md": "---\norder: first\n---\n# A\n"}, tmp_path)

    assert [(p.code, p.level) for p in scan(tmp_path).problems] == [("bad-order", "warning")]
