"""Markdown that is not shown as meant is named with its line; what is right is not."""

from datetime import date

import pytest

from kb.checks import rules
from kb.cli import main
from kb.content import articles, markup

TODAY = date(2026, 11, 29)


def found(text, code, path="en/lamp.md", **more):
    files = {path: text, **more.pop("files", {})}
    parsed = [articles.parse(name, body.encode()).article for name, body in files.items()]
    rendered = {a.slug: markup.render(a.body, path=a.path, lang=a.lang) for a in parsed}
    base = rules.Base(parsed, rendered, TODAY, frozenset(files), **more)
    return [p.line for p in rules.run(base) if p.code == code and p.path == path]


@pytest.mark.parametrize(
    ("code", "text", "lines"),
    [
        ("unclosed-fence", "# A\n\n```sh\nls\n", [3]),
        ("unclosed-fence", "# A\n\n```sh\nls\n```\n\n~~~\n```\n~~~\n", []),
        ("unclosed-fence", "# A\n\n- x\n\n  ```\n  ls\n  ```\n", []),
        ("unclosed-fence", "# A\n\n```md\n    ```\n    x\n```\n", []),
        ("broken-table", "# A\n\n| a | b |\n| c | d |\n", [3]),
        ("broken-table", "# A\n\n| a | b |\n|---|---|---|\n| c | d |\n", [4]),
        ("broken-table", "# A\n\n| a | `b` |\n|:--|--:|\n| c | d |\n", []),
        ("broken-table", "# A\n\n```\n| a | b |\n| c | d |\n```\n", []),
        ("broken-table", "# A\n\n| | a |\n|-|---|\n| b | `` |\n| c | `x` |\n", []),
        ("unclosed-html", "# A\n\n<details>\n<summary>x</summary>\n\ny\n", [3]),
        ("unclosed-html", "# A\n\n<div>\n\nx\n\n</div>\n</div>\n", [8]),
        ("unclosed-html", "# A\n\n<div>x</div>\n\n`<div>` and <br> <p>x\n", []),
        ("unclosed-html", '# A\n\n<iframe\n  src="x"\n></iframe>\n', []),
        ("unclosed-html", "# A\n\n<div\n  id=x\n>\n", [3]),
        ("unclosed-html", '# A\n\n=== "x"\n\n    <div>\n\n    y\n\n    </div>\n', []),
        ("undefined-reference", "# A\n\nSee [the lamp][lamp].\n", [3]),
        ("undefined-reference", "# A\n\nSee [the lamp][Lamp].\n\n[lamp]: b.md\n", []),
        ("undefined-reference", "# A\n\nA note[^1].\n", [3]),
        ("undefined-reference", "# A\n\nA note[^1].\n\n[^1]: Here.\n", []),
        ("undefined-reference", "# A\n\n`a[b][c]` and a[i][j].\n", []),
        ("undefined-reference", "# A\n\nA [^note^](https://x.example).\n", []),
        ("empty-link", "# A\n\n[](b.md)\n", [3]),
        ("empty-link", "# A\n\n@[](https://x.example/video)\n", []),
        ("empty-link", "# A\n\n[lamp]()\n", [3]),
        ("empty-link", "# A\n\n[`lamp`](b.md) ![](x.png)\n", []),
        ("link-lost", "# A\n\n[chat](tg://resolve?domain=x)\n", [3]),
        ("link-lost", "# A\n\n[disk](C:\\\\Users\\\\f.txt)\n", [3]),
        ("link-lost", "# A\n\n[share](\\\\\\\\server\\\\f.docx)\n", [3]),
        ("link-lost", "# A\n\n[a](https://x.example) [b](mailto:a@b.example) [c](tel:+1)\n", []),
        ("skipped-heading", "# A\n\n## B\n\n#### C\n", [5]),
        ("skipped-heading", "# A\n\n## B\n\n### C\n\n## D\n", []),
        ("unfinished", "# A\n\nTODO: say more.\n", [3]),
        ("unfinished", "# A\n\nThe price is TBD.\n", [3]),
        ("unfinished", "# A\n\nPress TODO to see `TODO: x`. <!-- TODO: y -->\n", []),
        ("unfinished", "# A\n\n1. Open …\n2. Press …\n", [3]),
        ("title-characters", "---\ntitle: A\u202eb\n---\nText.\n", []),
    ],
)  # fmt: skip
def test_a_rule_names_the_lines_of_its_mistake(code, text, lines):
    assert found(text, code) == lines


@pytest.mark.parametrize("title", ["A\u202eb", "A\x07b", '"A\\x07b"'])
def test_characters_of_a_title_that_nobody_sees_are_told(title):
    parsed = articles.parse("a.md", f"---\ntitle: {title}\n---\nText.".encode())

    assert [(p.line, p.code) for p in parsed.problems] == [(2, "title-characters")]


def test_a_pointer_of_git_lfs_is_no_article():
    parsed = articles.parse("a.md", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")

    assert [(p.line, p.code) for p in parsed.problems] == [(1, "lfs-pointer")]
    assert parsed.article is None


def test_a_link_without_words_has_some_where_the_tool_puts_them_in():
    defaults = articles.Defaults(dialect="diplodoc")
    text = b"# A\n\n[](b.md#lamp), [](#lamp)\n\n[](https://x.example)\n"
    article = articles.parse("en/a.md", text, defaults).article

    told = [p for p in rules.run(rules.Base([article], {}, TODAY)) if p.code == "empty-link"]

    assert [p.line for p in told] == [5]


def test_a_picture_that_is_a_pointer_of_git_lfs_is_an_error():
    text = "# A\n\n![Lamp](lamp.png)\n"
    files = {"pointers": frozenset(["en/lamp.png"])}

    assert found(text, "lfs-pointer", **files) == []
    base = rules.Base(
        [article := articles.parse("en/a.md", text.encode()).article],
        {article.slug: markup.render(article.body, path=article.path, lang="en")},
        TODAY,
        frozenset(["en/lamp.png"]),
        **files,
    )
    assert [p.code for p in rules.run(base)] == ["lfs-pointer"]


@pytest.mark.parametrize(
    "front", ["draft: yes", "publish: 2099-01-01", "expires: 2020-01-01"], ids=str
)
def test_a_link_to_what_is_not_published_is_told(front):
    files = {"en/soon.md": f"---\ntitle: Soon\n{front}\n---\nText.\n"}

    assert found("# A\n\n[soon](soon.md)\n", "link-to-unpublished", files=files) == [3]
    assert (
        found("---\ndraft: yes\n---\n[soon](soon.md)\n", "link-to-unpublished", files=files) == []
    )


def test_a_text_in_another_language_than_its_folder_is_told():
    english, russian = "The lamp is on the desk. " * 8, "Лампа стоит на столе. " * 8
    code = f"\n\n```\n{english * 9}\n```\n"

    assert found(f"# A\n\n{russian}", "other-language", "en/a.md") == [1]
    assert found(f"# A\n\n{english}", "other-language", "en/a.md") == []
    assert found(f"# А\n\n{russian}{code}", "other-language", "ru/a.md") == []
    assert found("# A\n\nДа.", "other-language", "en/a.md") == []


def test_related_may_name_a_former_address():
    files = {"en/desk.md": "---\ntitle: Desk\naliases: old-desk\n---\nText.\n"}
    text = "---\ntitle: A\nrelated: [old-desk, en/desk/, en/none]\n---\nText.\n"

    assert found(text, "unknown-related", files=files) == [3]


def test_problems_of_one_cause_are_printed_once_with_their_number(write, settings, runner):
    for name in "abcde":
        write(f"en/{name}", "[x](gone.md)", title=name)
    write("en/f", "[x](other.md)", title="f")

    where = ["--articles", str(settings.articles), "--data", str(settings.data)]
    lines = runner.invoke(
        main, ["check", "--level", "error", *where], env={"KB_LANG": "en"}
    ).output.splitlines()

    assert [line.split(":")[0].rpartition("/")[2] for line in lines if "broken-link" in line] == [
        "a.md",
        "f.md",
    ]
    assert any(
        line.strip() == "and 4 more like it in 4 files (--format json lists each)" for line in lines
    )


def test_definitions_that_mkdocs_appends_to_every_page_are_read(kb, write, settings):
    settings.articles.joinpath("mkdocs.yml").write_text(
        "site_name: Lamps\nmarkdown_extensions:\n  - pymdownx.snippets:\n      auto_append:\n"
        "        - includes/links.md\nplugins:\n  - search\n"
    )
    write("includes/links.md", "[the shop]: https://shop.example/lamps")
    write("docs/lamp", "See [our shop][the shop].", title="Lamp")
    kb.rebuild()

    assert 'href="https://shop.example/lamps"' in kb.article("docs/lamp").html
    assert [p for p in kb.check() if p.code == "undefined-reference"] == []
