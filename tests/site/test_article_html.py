"""What the page of an article does to its HTML: levels of headings, images, its opening words."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.site import article_html


def levels(html):
    return [int(level) for level in re.findall(r"<h([1-6])", article_html.prepared(html))]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ([2, 3, 2, 3, 4], [2, 3, 2, 3, 4]),
        ([3, 3, 4, 3], [2, 2, 3, 2]),
        ([4, 2, 4], [2, 2, 3]),
        ([2, 1, 2], [2, 2, 3]),
    ],
)
def test_no_heading_skips_a_level(written, shown):
    html = "<p>x</p>" + "".join(f"<h{n} id='a'>T</h{n}><p>x</p>" for n in written)

    assert levels(html) == shown


@given(st.lists(st.integers(1, 6)))
def test_headings_of_any_article_go_down_one_level_at_a_time(written):
    found = [1, *levels("<p>x</p>" + "".join(f"<h{n}>T</h{n}>" for n in written))]

    assert all(2 <= after <= before + 1 for before, after in pairwise(found))


def test_headings_are_closed_as_they_are_opened():
    html = article_html.prepared("<p>x</p><h4>One</h4><h4>Two</h4>")

    assert html == "<p>x</p><h2>One</h2><h2>Two</h2>"


IMAGE = '<img src="/media/a&amp;b.png" alt="The menu">'


def test_an_image_leads_to_its_file():
    html = article_html.prepared(f"<p>{IMAGE}</p>")

    assert html == f'<p><a class="zoom" href="/media/a&amp;b.png">{IMAGE}</a></p>'


@pytest.mark.parametrize(
    "html",
    [
        f'<p><a href="/x">{IMAGE}</a></p>',
        '<p><img src="/media/a.png" alt=""></p>',
        '<p><img src="/media/a.png" alt=" "></p>',
        '<p><img src="/media/a.png"></p>',
        f"<picture>{IMAGE}</picture>",
    ],
)
def test_an_image_in_a_link_or_for_decoration_leads_nowhere(html):
    assert article_html.prepared(html) == html


def test_the_opening_of_an_article_is_what_follows_its_title():
    assert article_html.opening("<h1>Title</h1><p>One  &amp; two.</p>") == "One & two."
