"""`kb check --fix` repairs what is safe, says what, and touches no other byte."""

import os
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paths import ROOT

from kb.base.errors import ArticlesMissing
from kb.checks import autofix
from kb.checks.autofix import ORDER, iso_date, repaired
from kb.content import articles, markup
from kb.content.folder import list_files, read_file
from kb.content.metadata import KEYS
from kb.content.problems import Problem


def fixed(text: str) -> str:
    return repaired("a.md", text.encode())[0].decode()


def codes(text: str) -> list[str]:
    return [fix.code for fix in repaired("a.md", text.encode())[1]]


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("31.08.2026", "2026-08-31"), ("1.8.2026", "2026-08-01"), ("05.06.2026", "2026-06-05"),
        ("2026/8/31", "2026-08-31"), ("2026.08.31", "2026-08-31"), ("2026-8-1", "2026-08-01"),
        ("31/08/2026", "2026-08-31"), ("08/31/2026", "2026-08-31"), ("08-31-2026", "2026-08-31"),
        ("31 августа 2026", "2026-08-31"), ("31 августа 2026 г.", "2026-08-31"),
        ("1 мая 2026 года", "2026-05-01"), ("3 марта 2026", "2026-03-03"),
        ("31 August 2026", "2026-08-31"), ("August 31, 2026", "2026-08-31"),
        ("Aug 31 2026", "2026-08-31"), ("May 5, 2026", "2026-05-05"),
        ("05/06/2026", None), ("13/13/2026", None), ("31.02.2026", None), ("31.08.26", None),
        ("tomorrow", None), ("", None), ("31 мартобря 2026", None), ("M 3, 2026", None),
        ("2026-08", None), ("1 2026", None),
    ],
)  # fmt: skip
def test_a_date_is_read_where_it_can_be_read_in_one_way_only(written, iso):
    assert iso_date(written) == iso


def test_only_the_value_of_a_date_is_rewritten():
    text = "---\ntitle:   A\nupdated:  '31.08.2026'  # by Anna\r\nexpires: soon\n---\n31.08.2026\n"

    new, found = repaired("net/a.md", text.encode())

    assert new.decode() == text.replace("'31.08.2026'", "2026-08-31")
    assert [(f.path, f.line, f.code, f.message) for f in found] == [
        ("net/a.md", 3, "date", "updated: 31.08.2026 → 2026-08-31")
    ]


def test_a_date_of_another_key_is_not_ours():
    assert codes("---\nsince: 31.08.2026\n---\n# A\n") == []


# ---------------------------------------------------------------- spaces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A \n\nText \t\nmore\n", "# A\n\nText\nmore\n"),
        ("---\ntitle: A \n---\nText\n \nmore", "---\ntitle: A\n---\nText\n\nmore"),
        ("# A \r\n\r\nText \r\n", "# A\r\n\r\nText\r\n"),
        ("\ufeff# A \n", "\ufeff# A\n"),
    ],
)
def test_spaces_at_the_ends_of_lines_go_and_line_ends_stay(text, expected):
    assert fixed(text) == expected
    assert codes(text) == ["trailing-space"]


@pytest.mark.parametrize(
    "text",
    [
        "# A\n\nA line break  \nhere\n",
        "# A\n\n```\ncode \n \n```\n",
        "# A\n\n```sh\ncode \n```json\nmore \n```\n",
        "# A\n\n    code \n \n    more \n",
        "# A\n\n<pre>\ncode \n</pre>\n",
        "---\ntitle: A\nnote: |\n  kept \n---\nText\n",
    ],
)
def test_spaces_that_mean_something_stay(text):
    assert fixed(text) == text


def test_spaces_are_told_once_with_their_number():
    _, (fix,) = repaired("a.md", b"# A\n\nx \ny \n")

    assert (fix.line, fix.message) == (3, "spaces at the end of 2 lines removed")


# ---------------------------------------------------------------- order


def test_keys_are_put_in_the_order_in_which_they_are_read():
    text = "---\nanswers:\n  - how\n  - why\nsidebar: 3\ntitle: A\ntype: how-to\n---\n\nText\n"

    new, (fix,) = repaired("a.md", text.encode())

    assert new.decode() == (
        "---\ntitle: A\nsidebar: 3\ntype: how-to\nanswers:\n  - how\n  - why\n---\n\nText\n"
    )
    assert (fix.line, fix.code) == (2, "key-order")
    assert fix.message == "keys put in order: title, type, answers"


@pytest.mark.parametrize(
    "front",
    [
        "tags: [a]\n# about the reader\ntitle: A",
        "tags: [a]\n\ntitle: A",
        "tags: [a]\ntitle: A\ntitle: B",
        "{tags: [a], title: A}",
        "zzz: 1\ntitle: A",
    ],
)
def test_an_order_that_a_writer_has_arranged_stays(front):
    text = f"---\n{front}\n---\nText\n"

    assert fixed(text) == text


def test_toml_keeps_its_order():
    text = '+++\ntags = ["a"]\ntitle = "A"\n+++\nText\n'

    assert fixed(text) == text


def test_the_order_knows_every_key():
    assert sorted(ORDER) == sorted(KEYS)


# ---------------------------------------------------------------- any file


def test_what_is_no_article_is_not_touched():
    for path in sorted((ROOT / "tests" / "corpus" / "broken").glob("*.md")):
        data = path.read_bytes()
        new, _ = repaired(path.name, data)

        if articles.parse(path.name, data).article is None:
            assert new == data, path.name


PARTS = ["title: A", "tags: [b]", "updated: 31.08.2026 ", "note: |\n  x ", "answers:\n- q \n- r",
         "# remark", "", "type: how-to", "  ", "'title': B", "draft: yes\t"]  # fmt: skip
BODY = ["Text ", "two  ", " ", "```", "    code ", "\t", "<pre> ", "</pre>", "- item ", "", "~~~ "]


@example([PARTS[0]], ["</pre>", "``` ", "", "```", "Text "], "\n")
@given(
    st.lists(st.sampled_from(PARTS)),
    st.lists(st.sampled_from(BODY)),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_repair_changes_nothing_that_is_said_and_repairing_twice_changes_nothing(
    front, body, end
):
    data = "\n".join(["---", *front, "---", *body]).replace("\n", end).encode()

    new, found = repaired("a.md", data)

    assert (new != data) is bool(found)
    assert repaired("a.md", new) == (new, ())
    before, after = (articles.parse("a.md", one).article for one in (data, new))
    if before is not None and after is not None:
        assert page(after) == page(before)


def page(article: articles.Article) -> str:
    """What is read on the page: code as it is, and the words of everything else."""
    html = markup.render(article.body, path="a.md", lang="en", title=article.title).html
    parts = re.split("(<pre.*?</pre>)", html, flags=re.S)
    return "".join(part if part.startswith("<pre") else "".join(part.split()) for part in parts)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_at(data):
    new, found = repaired("a.md", data)

    assert (new != data) is bool(found)


def test_our_own_articles_need_no_repair():
    for source in list_files(ROOT / "articles").sources:
        data = read_file(ROOT / "articles", source)

        assert isinstance(data, bytes)
        assert repaired(source.path, data) == (data, ()), source.path


# ---------------------------------------------------------------- files


def test_files_are_replaced_whole_with_their_rights(settings, write):
    path = write("ru/net/vpn.md", "Text ", title="VPN")
    other = write("ru/b.md", "Text ", title="B")
    path.chmod(0o640)

    found = autofix.fix(settings, ["ru/net"])

    assert [(fix.path, fix.code) for fix in found] == [("ru/net/vpn.md", "trailing-space")]
    assert path.read_bytes().endswith(b"Text\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert other.read_bytes().endswith(b"Text \n")
    assert sorted(os.listdir(path.parent)) == ["vpn.md"]


def test_a_linked_article_stays_a_link(settings, write):
    real = write("ru/real.md", "Text ", title="VPN")
    link = settings.articles / "ru" / "link.md"
    link.symlink_to("real.md")

    autofix.fix(settings, ["ru/link.md"])

    assert link.is_symlink()
    assert real.read_bytes().endswith(b"Text\n")


def test_what_somebody_saved_meanwhile_is_not_overwritten(settings, write, monkeypatch):
    path = write("a.md", "Text ", title="VPN")
    read = read_file

    def read_then_saved(*arguments: object) -> bytes | Problem:
        data = read(*arguments)  # type: ignore[arg-type]
        path.write_text("saved")
        return data

    monkeypatch.setattr(autofix, "read_file", read_then_saved)

    assert autofix.fix(settings) == []
    assert path.read_text() == "saved"


def test_a_missing_folder_is_said(settings):
    settings.articles.rmdir()

    with pytest.raises(ArticlesMissing):
        autofix.fix(settings)
