"""Folders of other tools are read as they are; in a plain folder our own contract holds."""

import json
import re
from dataclasses import replace
from datetime import date
from shutil import copytree

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from paths import TESTS

from kb import indexer
from kb.base.config import Settings
from kb.cli import main
from kb.content import articles, dialects, front_matter, reading_order, tools
from kb.content.articles import Defaults
from kb.content.dialects import FolderDialects
from kb.content.folder import scan
from kb.content.markup import Inclusions
from kb.content.metadata import KEYS
from kb.index import changes
from kb.service import KnowledgeBase
from kb.web import create_app

CORPUS = TESTS / "corpus" / "dialects"


@pytest.fixture(scope="module")
def read():
    """The articles of a corpus folder, by path."""

    def of(name):
        found = scan(CORPUS / name)
        assert [p for p in found.problems if p.level != "hint"] == []
        return {article.path: article for article in found.articles}

    return of


def article(text, path="docs/a/b.md", dialect="docusaurus", **more):
    parsed = articles.parse(path, text.encode(), Defaults(dialect=dialect, **more))
    assert parsed.article, parsed.problems
    return parsed.article


# --- whose folder it is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("---\nsidebar_position: 1\n---\n", "docusaurus"),
        ('---\r\n"displayed_sidebar": x\r\n---\r\n', "docusaurus"),
        ("\ufeff---\nlinkTitle: x\n---\n", "hugo"),
        ('+++\nweight = 3\ntitle = "x"\n+++\n', "hugo"),
        ("---\nlayout: page\nnav_order: 1\n---\n", "jekyll"),
        ("---\nhide: [toc]\n---\n", "mkdocs"),
        ("---\nhide:\n  - toc\n---\n", "mkdocs"),
        ("---\nsearch:\n  boost: 2\n---\n", "mkdocs"),
        ("---\nhide: yes\nsearch: no\n---\n", "plain"),
        ('# T\n\n=== "Tab"\n\n    x\n', "mkdocs"),
        ('??? note "More"\n    x\n', ""),
        ("---\ntitle: x\nslug: y\ntags: [a]\ndescription: z\nanswers: [q]\n---\n", "plain"),
        ("# weight: 3\n\nlayout: page\n", ""),
        ("---\ntitle: x\nparams:\n  weight: 3\n---\n", "plain"),
        ("!!! note\n    Ours, too.\n", ""),
        ("", ""),
    ],
)
def test_a_file_speaks_by_keys_that_only_one_tool_has(text, dialect):
    assert dialects.detect("a/b.md", text.encode()) == dialect


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("---\npermalink: lamp\n---\nSee [[Desk lamp]].\n", "obsidian obsidian"),
        ("---\ncssclasses: [wide]\n---\nText.\n", "obsidian"),
        ("---\npermalink: /lamp/\n---\nText.\n", "jekyll"),
        ("---\npermalink: /lamp/\nlayout: page\n---\nSee [[Desk lamp]].\n", "jekyll obsidian"),
        ("---\npermalink: /lamp/\n---\n{% link a.md %} [[Desk lamp]].\n", "jekyll jekyll obsidian"),
        ("---\ntitle: Lamp\n---\nSee [[Desk lamp]].\n", "plain obsidian"),
    ],
)
def test_a_note_of_obsidian_publish_is_no_page_of_jekyll(text, tool):
    assert sorted(dialects.detect("a/b.md", text.encode()).split()) == sorted(tool.split())
    assert dialects.detect("a/b.md", text.encode()).split()[0] == tool.split()[0]


def test_a_page_of_a_section_is_hugos():
    assert dialects.detect("a/_index.md", b"# T") == "hugo"


def test_the_most_frequent_dialect_of_a_top_folder_decides_for_all_below_it():
    folders = FolderDialects.of(
        [("a/x.md", "hugo"), ("a/b/y.md", "jekyll"), ("a/b/z.md", "jekyll"), ("c/x.md", "")]
    )

    assert [folders.dialect(path) for path in ("a/q.md", "a/b/c/q.md")] == ["jekyll", "jekyll"]
    assert [folders.dialect(path) for path in ("c/x.md", "d/x.md", "x.md")] == ["", "", ""]


def test_one_file_alone_does_not_change_what_a_whole_folder_means():
    ours = [(f"a/{n}.md", "plain") for n in range(10)] + [(f"a/{n}.md", "") for n in range(90)]

    assert FolderDialects.of([*ours, ("a/x.md", "hugo")]).dialect("a/1.md") == ""
    assert (
        FolderDialects.of([*ours, ("a/x.md", "hugo"), ("a/y.md", "hugo")]).dialect("a/1.md")
        == "hugo"
    )


def test_a_folder_that_does_not_tell_is_as_the_files_beside_it():
    folders = FolderDialects.of(
        [("intro.md", "docusaurus"), ("guides/a.md", ""), ("old/b.md", "hugo")]
    )

    assert folders.dialect("guides/a.md") == "docusaurus"
    assert folders.dialect("old/a.md") == "hugo"


@given(st.binary(max_size=400))
def test_any_bytes_have_a_mark(data):
    key, *texts = dialects.detect("a.md", b"---\n" + data).split(" ")
    assert key in ("", "plain", *tools.NAMES)
    assert set(texts) <= set(tools.NAMES)


def test_in_a_plain_folder_every_key_means_what_our_contract_says(read):
    found = read("plain")

    help_ = found["a/help.md"]
    assert (help_.slug, help_.dialect, help_.answer) == ("help", "", "")
    assert (help_.updated, help_.order, help_.aliases) == (None, 3, ())
    assert set(help_.extra) == {"description", "date"}


# --- what keys mean -----------------------------------------------------------------------------


def test_docusaurus(read):
    found = read("docusaurus")

    intro = found["docs/intro.md"]
    assert (intro.title, intro.slug, intro.order) == ("Welcome to the Cupboard", "docs/intro", 1)
    assert intro.answer == "How to open the first drawer of the Cupboard."
    assert (intro.author, intro.updated) == ("Anna Example", date(2026, 3, 4))
    assert (intro.tags, intro.aliases) == (("drawer", "key"), ("docs/start",))
    assert found["docs/cli/cli.md"].slug == "docs/cli/cli"
    assert found["docs/cli/cli.md"].tags == ("Terminal",)
    assert found["docs/cli/verbs.md"].slug == "docs/cli/words"
    assert found["docs/cli/nouns.md"].unlisted


def test_hugo(read):
    found = read("hugo")

    clean = found["lamp/clean.md"]
    assert (clean.slug, clean.aliases) == ("lamp/polish", ("lamp/wipe", "old/lamp"))
    assert (clean.category, clean.tags, clean.order) == ("Care", ("cloth",), 2)
    assert (clean.author, clean.answer) == (
        "Boris Example, Vera Example",
        "A soft cloth and no water.",
    )
    assert clean.updated == date(2026, 2, 3)
    assert (clean.publish, clean.expires) == (date(2025, 1, 3), date(2027, 1, 1))
    assert found["lamp/light.md"].draft
    assert found["stairs/index.md"].aliases == ("steps",)
    assert found["lamp/_index.md"].order == 20


def test_what_lies_in_jekylls_folder_of_drafts_is_one():
    def found(path, dialect="jekyll"):
        return articles.parse(path, b"---\ntitle: Lamp\n---\ntext\n", Defaults(dialect=dialect))

    assert found("site/_drafts/lamp.md").article.draft
    assert not found("site/_posts/2026-01-02-lamp.md").article.draft
    assert not found("site/_drafts/lamp.md", "").article.draft


@pytest.mark.parametrize(
    ("permalink", "alias"),
    [
        ("/article/:name/", "article/lamp"),
        ("/:collection/:path:output_ext", "howto/light/lamp"),
        ("/help/:title.html", "help/lamp"),
        ("/:year/:name", ""),  # of posts alone
    ],
)
def test_jekyll_gives_the_files_of_a_collection_an_address(permalink, alias):
    settings = Inclusions(variables={"site.collections.howto.permalink": permalink})
    defaults = Defaults(dialect="jekyll", inclusions=settings)

    found = articles.parse("site/_howto/light/lamp.md", b"---\ntitle: Lamp\n---\ntext\n", defaults)

    assert found.article.aliases == ((alias,) if alias else ())


def test_jekyll(read):
    found = read("jekyll")

    apples = found["apples.md"]
    assert apples.slug == "apples"
    assert apples.aliases == ("fruit/apples", "old/apples")
    assert (apples.category, apples.tags, apples.order) == ("fruit", ("red", "green"), 3)
    assert (apples.updated, apples.answer) == (date(2026, 1, 5), "When apples are ripe.")
    pears = found["pears.md"]
    assert (pears.draft, pears.author, pears.updated) == (True, "Olga Example", date(2026, 1, 1))
    assert found["shop.md"].unlisted  # it only sends readers on
    assert found["_posts/2025-10-11-harvest.md"].updated == date(2025, 10, 11)


def test_mkdocs(read):
    found = read("mkdocs")

    assert (found["index.md"].answer, found["index.md"].boost) == ("Reads the sky.", 2)
    assert found["archive.md"].unlisted
    assert found["archive.md"].updated == date(2026, 5, 6)


def test_a_folder_of_folders_is_recognised_folder_by_folder():
    found = scan(CORPUS)

    spoken = {a.path.split("/")[0]: a.dialect for a in found.articles}
    assert spoken == {
        "docusaurus": "docusaurus", "hugo": "hugo", "jekyll": "jekyll", "mkdocs": "mkdocs",
        "plain": "",
    }  # fmt: skip


def test_our_keys_count_before_those_of_the_tool():
    found = article(
        "---\nanswer: ours\ndescription: theirs\ntags: [a]\nkeywords: [b]\nauthor: A\n"
        "authors: [B]\nupdated: 2026-01-01\nlastmod: 2025-01-01\naliases: [x]\n"
        "permalink: /y/\n---\n"
    )

    assert (found.answer, found.tags, found.author) == ("ours", ("a",), "A")
    assert found.updated == date(2026, 1, 1)
    assert found.aliases == ("x", "y")  # an address more takes none away


def test_git_knows_the_last_change_better_than_the_day_of_writing():
    text, committed = "---\ndate: 2020-01-01\n---\n", date(2026, 5, 5)

    assert article(text).updated == date(2020, 1, 1)
    assert article(text, updated=committed).updated == committed
    assert article("---\nlastmod: 2026-06-06\n---\n", updated=committed).updated == date(2026, 6, 6)


@pytest.mark.parametrize(
    ("written", "path", "dialect", "slug"),
    [
        ("helm", "en/helm/helm.md", "docusaurus", "en/helm/helm"),
        ("../x", "en/helm/helm.md", "docusaurus", "en/x"),
        ("/start", "docs/a/b.md", "docusaurus", "start"),
        ("/start", "ru/a/b.md", "docusaurus", "ru/start"),  # two languages may use one slug
        ("/ru/start", "ru/a/b.md", "docusaurus", "ru/start"),
        ("/start", "hr/a/b.md", "docusaurus", "start"),  # no language here
        ("/", "docs/a/b.md", "docusaurus", "docs/a/b"),
        ("x", "docs/a/index.md", "hugo", "docs/x"),
        ("x", "docs/a/_index.md", "hugo", "docs/a/x"),
        ("x", "b.md", "mkdocs", "x"),
        ("x", "docs/a/b.md", "", "x"),  # ours
    ],
)
def test_a_slug_is_counted_from_the_files_folder(written, path, dialect, slug):
    assert article(f"---\nslug: {written}\n---\n", path, dialect).slug == slug


@pytest.mark.parametrize(
    "text",
    [
        "date: <%= new Date() %>", "authors: {a: {b: c}}", "description: [a, b]", "weight: heavy",
        "sidebar_position: .inf", "sidebar_position: nan", "permalink: /../../etc", "tags: {a: b}",
        "permalink: /:year/:title/", "last_update: yesterday", "search: loud", "boost: 2",
        "search: {boost: 9999}", "keywords: ''", "redirect_from: [[a]]", "id: ''", "lastmod: ~",
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["docusaurus", "hugo", "jekyll", "mkdocs"])
def test_what_cannot_be_read_of_a_tools_keys_counts_as_absent(text, dialect):
    parsed = articles.parse(
        "docs/a.md", f"---\ntitle: T\n{text}\n---\n".encode(), Defaults(dialect=dialect)
    )

    assert parsed.problems == () or "tags" in text
    found = parsed.article
    assert found is not None
    assert (found.updated, found.answer, found.order, found.author) == (None, "", None, "")
    assert not any(".." in alias or ":" in alias for alias in found.aliases)


def test_a_long_description_is_cut_without_a_word():
    parsed = articles.parse(
        "a.md", f"---\ntitle: T\ndescription: {'word ' * 200}\n---\n".encode(),
        Defaults(dialect="hugo"),
    )  # fmt: skip

    assert parsed.problems == ()
    assert parsed.article is not None
    assert len(parsed.article.answer) <= 300


def test_a_label_of_the_sidebar_is_a_title_where_there_is_no_other():
    assert article("---\nsidebar_label: Short\n---\n\ntext").title == "Short"
    assert article("---\nsidebar_label: Short\n---\n\n# Long\n").title == "Long"


def test_lines_of_warnings_are_those_of_the_keys_that_were_written():
    text = "---\ntitle: T\nlayout: x\nredirect_from: [a]\n---\n"

    assert article(text, dialect="jekyll").lines["aliases"] == 4


values = st.recursive(
    st.none() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(sorted({*dialects.KEYS, *KEYS})), values, max_size=6),
    st.sampled_from(["docusaurus", "hugo", "jekyll", "mkdocs"]),
)
def test_any_values_have_a_meaning_and_nothing_is_written_into_what_was_read(written, dialect):
    front = front_matter.FrontMatter(values=written, lines=dict.fromkeys(written, 2))
    before = dict(written)

    meaning = dialects.normalize(front, "docs/a.md", dialect)

    assert front.values == before
    assert set(before) <= set(meaning.front.values)


# --- the index ----------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path):
    copytree(CORPUS / "docusaurus", tmp_path / "articles")
    return Settings(articles=tmp_path / "articles", data=tmp_path / "var")


def state(settings):
    """What a build says of its files, without where they stand in it."""
    build = indexer.Builds(settings.builds).current()
    before = changes.previous_build(indexer.Builds(settings.builds), settings)
    assert before is not None
    return build.name, {
        path: replace(entry, stat=(), segment=0, doc=0) for path, entry in before.entries.items()
    }


def test_a_file_that_tells_the_dialect_changes_what_the_others_mean(base):
    for path in base.articles.rglob("*.md"):
        if path.name != "cli.md":
            path.unlink()
    indexer.rebuild(base)
    assert state(base)[1]["docs/cli/cli.md"].slug == "cli"

    (base.articles / "docs/new.md").write_text("---\nsidebar_position: 1\n---\n\n# New\n")
    report = indexer.rebuild(base)

    assert (report.added, report.changed) == (1, 1)
    assert state(base)[1]["docs/cli/cli.md"].slug == "docs/cli/cli"
    step_by_step = state(base)[1]
    indexer.rebuild(base, full=True)
    assert state(base)[1] == step_by_step


def test_kb_index_says_which_folders_are_read_as_another_tools(tmp_path):
    copytree(CORPUS, tmp_path / "articles")
    folders = ["--articles", str(tmp_path / "articles"), "--data", str(tmp_path / "var")]

    told = CliRunner().invoke(main, ["index", *folders]).stdout
    (tmp_path / "articles/intro.md").write_text("---\nsidebar_position: 1\n---\n\n# Intro\n")
    as_json = CliRunner().invoke(main, ["index", "--json", *folders]).stdout

    assert "Read as Docusaurus: docusaurus (keys in 4 of 5 files).\n" in told
    assert "Read as Hugo: hugo (" in told
    assert json.loads(as_json)["dialects"][""] == "docusaurus"


def test_an_unchanged_folder_is_not_read_again(base):
    indexer.rebuild(base)

    report = indexer.rebuild(base)

    assert (report.published, report.unchanged) == (False, 5)


# --- what is told -------------------------------------------------------------------------------


def test_each_tag_without_a_meaning_is_told_once_with_its_number_and_first_place(base):
    (base.articles / "docs/z.md").write_text("# Z\n\n<Chart />\n\n<Chart />\n\n<Film />\n")

    found = [p for p in KnowledgeBase(base).check() if p.code == "not-understood"]

    assert [(p.path, p.line, p.level) for p in found] == [
        ("docs/intro.md", 17, "warning"), ("docs/z.md", 7, "warning"),
    ]  # fmt: skip
    assert found[0].message == ("the tag `<Chart>` means nothing here (places: 3; articles: 2)")
    assert "Markdown" in found[0].cure


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ('--8<-- "../lamp.md"', "not in the folder of articles"),
        ("[!INCLUDE [Lamp](../../lamp.md)]", "not in the folder of articles"),
        ('<iframe src="https://example.com/lamp"></iframe>', "a link in its place"),
        ("{% lamp %}", "say it in Markdown"),
    ],
)
def test_a_tag_without_a_meaning_is_told_with_what_readers_see(base, text, cure):
    (base.articles / "lamp").mkdir()
    (base.articles / "lamp/a.md").write_text(f"# A\n\n{text}\n", "utf-8")

    found = [p for p in KnowledgeBase(base).check() if p.code == "not-understood"]

    assert [cure in p.cure for p in found if p.path == "lamp/a.md"] == [True]


def test_a_diagram_is_told_by_its_language(base):
    (base.articles / "docs/z.md").write_text("# Z\n\n```mermaid\ngraph TD\n```\n")

    found = [p for p in KnowledgeBase(base).check() if p.path == "docs/z.md"]

    assert "the tag `mermaid` means nothing here (places: 1; articles: 1)" in [
        p.message for p in found
    ]


def test_keys_of_the_tool_are_no_typing_mistakes(base):
    (base.articles / "docs/intro.md").write_text("---\nsidebar_position: 1\nauthors: [A]\n---\n")
    (base.articles / "docs/z.md").write_text("---\nanwsers: [a]\n---\n\n# Z\n")

    found = [p.message for p in KnowledgeBase(base).check() if p.code == "unknown-key"]

    assert found == ["the key `anwsers` is not known"]


# --- reading order ------------------------------------------------------------------------------


def test_one_file_is_the_page_of_its_folder():
    pages = ["a/readme.MD", "a/index.md", "b/README.markdown", "c/about.md", "Index.md"]

    assert reading_order.folder_pages(pages) == {
        "a": "a/index.md",
        "b": "b/README.markdown",
        "": "Index.md",
    }


# --- on pages -----------------------------------------------------------------------------------


@pytest.fixture
def visitor(base):
    (base.articles / "docs/cli/README.md").write_text(
        "---\ntitle: Commands\nsidebar_position: 3\n---\n\nAll that can be *typed*.\n"
    )
    indexer.rebuild(base)
    return create_app(KnowledgeBase(base)).test_client()


def test_the_page_of_a_folder_is_the_page_of_its_category(visitor):
    page = visitor.get("/categories/en/docs/cli").text

    assert '<h1 lang="en">Commands</h1>' in page
    assert "<em>typed</em>" in page
    assert "2 articles" in page
    assert re.findall(r'<h2><a href="([^"]+)"', page) == [
        "/articles/docs/cli/words", "/articles/docs/cli/cli",
    ]  # fmt: skip


def test_a_topic_answers_at_the_address_its_category_had(visitor):
    moved = visitor.get("/categories/en/cli")

    assert (moved.status_code, moved.location) == (301, "/categories/en/docs/cli")


def test_home_and_articles_call_a_topic_as_its_page_does(visitor):
    link = '<a href="/categories/en/docs/cli">Commands</a>'

    assert link in visitor.get("/en/").text
    assert link in visitor.get("/articles/docs/cli/cli").text


def test_the_address_of_a_folder_leads_to_its_page(visitor):
    for address in ("/articles/docs/cli", "/articles/docs/cli/verbs", "/articles/docs/start"):
        assert visitor.get(address).status_code == 301

    assert visitor.get("/articles/docs/cli").location == "/articles/docs/cli/README"


def test_previous_and_next_follow_the_order_of_the_tool(visitor):
    page = visitor.get("/articles/docs/cli/words").text

    assert '<a rel="prev" href="/articles/docs/cli/README">' in page
    assert '<a rel="next" href="/articles/docs/cli/cli">' in page


def test_names_of_obsidian_notes_are_no_addresses():
    text = "---\naliases: [Desk lamp, Old folder/Lamp]\n---\nText."

    assert article(text, dialect="obsidian").aliases == ("Old folder/Lamp",)
    assert article(text, dialect="").aliases == ("Desk lamp", "Old folder/Lamp")


def test_a_type_of_another_tool_is_no_type_of_ours_and_no_mistake():
    for written, meant in (("docs", ""), ("tutorial", ""), ("how-to", "how-to")):
        parsed = articles.parse(
            "a.md", f"---\ntitle: A\ntype: {written}\n---\n".encode(), Defaults(dialect="hugo")
        )
        assert (parsed.article.type, parsed.problems) == (meant, ())
