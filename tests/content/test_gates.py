"""A gate keeps an article back in every spelling, and so does one that cannot be read."""

from contextlib import closing
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import indexer
from kb.base.audiences import INSIDERS, STRANGERS, is_restricted, members
from kb.content import articles, gates
from kb.content.articles import Defaults
from kb.service import KnowledgeBase

TODAY = date(2026, 11, 29)


def parsed(text, **defaults):
    return articles.parse("en/lamp.md", text.encode(), Defaults(**defaults))


def is_readable(article):
    return (
        not article.draft
        and not is_restricted(article.audience)
        and (article.publish is None or article.publish <= TODAY)
        and (article.expires is None or article.expires > TODAY)
    )


@pytest.mark.parametrize(
    "gate",
    [
        "draft: true", "Draft: yes", "DRAFT: True", "draft: да", "published: false",
        "Published: no", "publish: false", "PUBLISH: off", "status: draft", "Status: Draft",
        "status: [new, draft]", "publish: 2099-01-01", "publishDate: 2099-01-01T10:00:00Z",
        "published: 2099-01-01", "expires: 2020-01-01", "expiryDate: 2020-01-01",
        "audience: staff", "audience: [signed-in]", "Audience: partners",
        "draft: no\npublished: false", "publish: 2020-01-01\npublishDate: 2099-01-01",
        "dra\u200bft: true", "draft: tr\u200bue",
    ],
)  # fmt: skip
def test_a_gate_counts_in_every_folder_and_case(gate):
    found = parsed(f"---\ntitle: Lamp\n{gate}\n---\nText.")

    assert found.problems == ()
    assert not is_readable(found.article)


@pytest.mark.parametrize(
    "gate",
    [
        "draft: false", "draft:", "draft: ''", "published: true", "publish: true", "publish: yes",
        "publish: 2020-01-01", "published: 2020-01-01", "status: deprecated", "status: {a: b}",
        "status: published", "expires: 2099-01-01", "audience: public", "audience: [public, staff]",
        "audience:", "expires: ~", "drafts: true",
    ],
)  # fmt: skip
def test_what_is_no_gate_keeps_nothing_back(gate):
    found = parsed(f"---\ntitle: Lamp\n{gate}\n---\nText.")

    assert found.problems == ()
    assert is_readable(found.article)


@pytest.mark.parametrize(
    "gate",
    [
        "draft: tru", "draft: [yes]", "publish: 01.01.2099", "published: soon", "expires: never",
        "publish: 2026-02-30", "audience: {staff: yes}", "publishDate: tomorrow", "draft: []",
    ],
)  # fmt: skip
def test_a_gate_that_cannot_be_read_keeps_the_article_back_with_its_line(gate):
    found = parsed(f"---\ntitle: Lamp\n{gate}\n---\nText.")

    assert [(p.line, p.code, p.level) for p in found.problems] == [(3, "bad-gate", "error")]
    assert found.article.draft


@given(st.sampled_from(sorted(gates._READERS)), st.text(max_size=12))
def test_any_text_of_a_gate_is_understood_or_an_error(key, written):
    front = articles.front_matter.FrontMatter({key: written}, {key: 2})

    gated = gates.normalize(front)

    assert not gated.problems or gated.front.values["draft"] == "yes"
    assert key not in gated.front.values or key in ("draft", "publish", "expires", "audience")


@pytest.mark.parametrize(
    "above",
    ["<!-- a remark -->\n", "<!-- a remark\nof two lines -->\n\n", "\n\n", "{/* a remark */}\n"],
)
def test_front_matter_below_a_remark_is_read(above):
    found = parsed(f"{above}---\ntitle: Lamp\ndraft: true\n---\n\nText.").article

    assert (found.title, found.draft, found.body.strip()) == ("Lamp", True, "Text.")


def test_front_matter_below_a_remark_that_never_ends_is_no_text():
    found = parsed("<!-- a remark -->\n---\ndraft: true\n\nText.")

    assert [(p.line, p.code) for p in found.problems] == [(2, "front-matter-open")]


def test_a_rule_below_a_remark_is_a_rule():
    found = parsed("<!-- a remark -->\n---\n\nText.\n\n---\n\nMore.").article

    assert found.body.count("---") == 2


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", ">>>>>>> lamp"])
@pytest.mark.parametrize("around", ["{}", "```\n{}\n```", "---\ntitle: x\n{}\n---\n"])
def test_a_merge_marker_rejects_the_file_wherever_it_stands(marker, around):
    found = parsed(around.format(marker))

    assert found.article is None
    (problem,) = found.problems
    assert problem.code == "merge-conflict"
    assert parsed(around.format(f" {marker}")).article or around.startswith("---")


def test_a_line_of_equals_signs_underlines_a_heading():
    assert parsed("Lamp\n=======\n\n> quoted\n").article.title == "Lamp"


def test_a_title_with_a_hash_before_a_word_is_whole():
    found = parsed("---\ntitle: Lamp #2 for the desk\n---\nText.").article

    assert found.title == "Lamp #2 for the desk"


# --- the audience of a folder -------------------------------------------------------------------


def served(settings, readers=STRANGERS):
    with closing(KnowledgeBase(settings)) as kb:
        kb.rebuild()
        return sorted(card.slug for card in kb.seen_by(readers).all_cards())


def test_the_page_of_a_folder_sets_the_audience_of_what_is_below(settings, write):
    write("en/lamp", title="Lamp")
    page = write("en/staff/index", title="Staff", audience="staff")
    write("en/staff/keys/door", title="Door")
    write("en/staff/menu", title="Menu", audience="public")

    assert served(settings) == ["en/lamp", "en/staff/menu"]
    assert served(settings, members(["Staff"])) == [
        "en/lamp", "en/staff/index", "en/staff/keys/door", "en/staff/menu",
    ]  # fmt: skip

    page.write_text("---\ntitle: Staff\n---\nOpen now.", "utf-8")

    assert served(settings) == ["en/lamp", "en/staff/index", "en/staff/keys/door", "en/staff/menu"]


def test_an_audience_that_cannot_be_read_closes_its_folder(settings, write):
    write("en/staff/index", title="Staff", audience={"staff": "yes"})
    write("en/staff/door", title="Door")

    assert served(settings) == served(settings, INSIDERS) == []


def test_careful_indexing_takes_down_what_a_broken_gate_keeps_back(settings, write):
    write("en/lamp", title="Lamp")
    write("en/desk", title="Desk")
    indexer.rebuild(settings, careful=True)
    write("en/lamp", title="Lamp", draft="tru")

    report = indexer.rebuild(settings, careful=True)

    assert report.published
    assert [(p.path, p.code) for p in report.rejected] == [("en/lamp.md", "bad-gate")]


# --- files of drafts ----------------------------------------------------------------------------


def test_a_file_is_served_while_an_article_that_has_a_page_refers_to_it(settings, write):
    files = ("plan.pdf", "both.png", "other.csv", "lost.zip")
    for name in files:
        (settings.articles / "en").mkdir(exist_ok=True)
        (settings.articles / "en" / name).write_bytes(b"x")
    write("en/secret", "[plan](plan.pdf) ![both](both.png)", title="Secret", draft=True)
    write("en/later", "[plan](./plan.pdf)", title="Later", publish="2099-01-01")
    write("en/lamp", "![both](both.png)", title="Lamp")
    write("en/broken", "[lost](lost.zip)", title="Broken").write_text(
        "---\ntitle: [\n---\n[lost](lost.zip)", "utf-8"
    )

    with closing(KnowledgeBase(settings)) as kb:
        kb.rebuild()
        found = [name for name in files if kb.media(f"en/{name}")]

    assert found == ["both.png", "other.csv"]

    with closing(KnowledgeBase(settings, for_writers=True)) as kb:
        assert all(kb.media(f"en/{name}") for name in files)
