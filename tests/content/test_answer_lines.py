"""Questions are added to an article's file, and nothing else of the file changes."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content import answer_lines, articles

NEW = ["как сбросить пароль", 'что значит "код: 5"']


def answers_of(data):
    return articles.parse("ru/a.md", data).article.answers


@pytest.mark.parametrize(
    "front",
    [
        "title: Пароль",
        "title: Пароль\nanswers:\n  - забыл пароль\ntags: [вход]",
        "title: Пароль\nanswers:\n- забыл пароль",
        'title: Пароль\nanswers:\n    - "забыл пароль"\n    - не помню\ndraft: true',
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_questions_are_added_behind_those_that_are_there(front, end):
    data = f"---\n{front}\n---\n\nТекст.\n".replace("\n", end).encode()

    new = answer_lines.added("ru/a.md", data, NEW)

    assert answers_of(new) == (*answers_of(data), *NEW)
    assert new.endswith(f"---{end}{end}Текст.{end}".encode())
    assert len(new.splitlines()) - len(data.splitlines()) in (2, 3)


@pytest.mark.parametrize(
    "file",
    [
        "Текст без шапки.\n",
        "---\ntitle: Пароль\nanswers: [забыл пароль]\n---\nТекст.\n",
        '+++\ntitle = "Пароль"\n+++\nТекст.\n',
        "---\ntitle: Пароль\nanswers: # наши\n  - забыл\n---\nТекст.\n",
        "---\ntitle: : нет\n---\nТекст.\n",
    ],
)
def test_what_cannot_be_added_safely_is_left_to_the_writer(file):
    assert answer_lines.added("ru/a.md", file.encode(), NEW) is None


def test_what_is_there_already_is_not_added():
    data = "---\ntitle: Пароль\nanswers:\n  - как сбросить пароль\n---\nТекст.\n".encode()

    assert answer_lines.added("ru/a.md", data, ["как сбросить пароль"]) is None


@given(st.lists(st.text(max_size=60), max_size=3))
def test_any_question_is_added_whole_or_not_at_all(questions):
    data = "---\ntitle: Пароль\n---\nТекст.\n".encode()

    new = answer_lines.added("ru/a.md", data, questions)

    if new is not None:
        assert answers_of(new) == tuple(dict.fromkeys(questions))


def test_the_patch_applies(tmp_path):
    data = "---\ntitle: Пароль\n---\nТекст без конца".encode()
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "a.md").write_bytes(data)
    new = answer_lines.added("ru/a.md", data, NEW)

    patch = answer_lines.patch("ru/a.md", data, new)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply"], input=patch.encode(), cwd=tmp_path, check=True)

    assert (tmp_path / "ru" / "a.md").read_bytes() == new
