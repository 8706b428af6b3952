"""What the author of a text says is told from code, markup and addresses, in linear time."""

import pytest

from kb.content.articles import parse
from kb.content.own_words import own_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the `lamp` is on", "the is on"),
        ("the ``a`b`` is on", "the is on"),
        ("one ``` two `` three", "one three"),  # of three backticks two are enough
        ("a ` alone, no end", "a ` alone, no end"),
        ("`````", ""),
        ("one <!-- two --> three <!-- four", "one three <!-- four"),
        ("one <pre>two</pre> three <script src=x> four", "one pre> three four"),
        ("one {{ two }} three {% four", "one three {% four"),
        ("one\n```\ntwo\n```\nthree\n~~~ four", "one three"),
        ("[lamp](x.md) www.example.com me@example.com\n[x]: y", "[lamp]"),
    ],
)
def test_own_words_are_those_outside_code_markup_and_addresses(text, words):
    assert " ".join(own_words(text).split()) == words


@pytest.mark.parametrize(
    "text",
    [
        *(sign * 200_000 for sign in ("<!--", "{{", "{%", "<pre ")),
        "".join("a" + "`" * length for length in range(1_000, 0, -1)),
        "a" + "`" * 400_000,
    ],
    ids=["comments", "outputs", "tags", "verbatim", "runs", "run"],
)
def test_own_words_of_spans_without_end_are_found_at_once(text):
    assert own_words(f"{text} lamp").endswith(" lamp")  # took the square of the length


@pytest.mark.parametrize("line", ["import {} lamp", "import 'lamp'{}lamp"])
def test_a_long_line_that_is_no_import_is_read_at_once(line):
    line = line.format(" " * 300_000)

    parsed = parse("lamp.md", f"{line}\n".encode())

    assert parsed.article is not None
    assert parsed.article.body.strip() == line


def test_a_long_title_is_searched_for_hidden_characters_at_once():
    title = "lamp" + ':"' * 100_000

    parsed = parse("lamp.md", f"---\ntitle: '{title}'\n---\n\nbody\n".encode())

    assert [problem.code for problem in parsed.problems] == ["long-title"]
