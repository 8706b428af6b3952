"""A new article is found where it belongs, and is right before a word of it is changed."""

from datetime import date
from pathlib import Path

import frontmatter
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kb.cli import main
from kb.content import articles, scaffold
from kb.content.metadata import KEYS, TYPES
from kb.searchlog.askers import Askers
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Как сбросить пароль?", "kak-sbrosit-parol"),
        ("Съешь ещё этих французских булок", "sesh-eshche-etikh-frantsuzskikh-bulok"),
        ("Объём, подъезд, щука, цирк, чай, юг, эхо", "obem-podezd-shchuka-tsirk-chay-yug-ekho"),
        ("  VPN: error 0x80070005!  ", "vpn-error-0x80070005"),
        ("Café — Zürich", "cafe-zurich"),
        ("日本語", "article"),
        ("../../etc/passwd", "etc-passwd"),
        ("don't panic", "dont-panic"),
    ],
)  # fmt: skip
def test_a_title_becomes_a_file_name(title, name):
    assert scaffold.file_name(title) == name


def test_all_33_letters_are_written():
    assert len(scaffold._LETTERS) == 33


@given(st.text(max_size=300))
def test_any_title_gives_a_plain_short_name(title):
    name = scaffold.file_name(title)

    assert 0 < len(name) <= 60
    assert name.isascii()
    assert name.replace("-", "").isalnum()
    assert scaffold.file_name(name) == name


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("lang", ["ru", "en", "de"])
def test_a_skeleton_is_an_article_without_problems(lang, kind):
    title = 'Error: "no" #1'

    text = scaffold.skeleton(title, lang=lang, kind=kind, category="A: b", say_lang=True)

    parsed = articles.parse(f"{lang}/x.md", text.encode())
    assert parsed.problems == ()
    assert parsed.article is not None
    assert (parsed.article.title, parsed.article.answers) == (title, (title,))
    assert (parsed.article.lang, parsed.article.type, parsed.article.updated) == (lang, kind, None)
    assert parsed.article.category == "A: b"


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
def test_other_readers_of_front_matter_read_the_same(title):
    title = " ".join(title.split()) or "x"

    text = scaffold.skeleton(title, lang="ru", kind="how-to", category=title)

    post = frontmatter.loads(text)
    parsed = articles.parse("ru/x.md", text.encode())
    assert parsed.article is not None
    assert (post["title"], post["answers"], post["category"]) == (title, [title], title)
    assert post["type"] == "how-to"
    assert "updated" not in post.metadata
    assert parsed.article.body.strip() == post.content


def test_a_problem_says_why_and_what_if_not():
    text = scaffold.skeleton("Не открывается", lang="ru", kind="problem")

    assert "## Почему так происходит" in text
    assert "## Если не помогло" in text


# ---------------------------------------------------------------- kb new


def new(runner: CliRunner, settings, *arguments: str):
    folders = ["--articles", str(settings.articles), "--data", str(settings.data)]
    return runner.invoke(main, ["new", *arguments, *folders])


def test_new_writes_below_language_and_category_and_prints_the_path(runner, settings):
    done = new(runner, settings, "Как сбросить пароль", "--category", "Вход и пароль")

    path = settings.articles / "ru/vkhod-i-parol/kak-sbrosit-parol.md"
    assert done.stdout == f"{path}\n"
    parsed = articles.parse("ru/vkhod-i-parol/kak-sbrosit-parol.md", path.read_bytes())
    assert parsed.article is not None
    assert parsed.article.category == "Вход и пароль"


def test_new_uses_the_folder_that_is_there(runner, settings, write):
    write("ru/Вход/old", title="Old")

    done = new(runner, settings, "Пароль", "--category", "Вход")

    assert done.stdout == f"{settings.articles / 'ru/Вход/parol.md'}\n"


def test_new_keeps_to_a_folder_without_languages(runner, settings, write):
    write("guides/old", title="Old")

    done = new(runner, settings, "New", "--lang", "en", "--category", "guides")

    path = settings.articles / "guides/new.md"
    assert done.stdout == f"{path}\n"
    assert "lang: en" in path.read_text("utf-8")


def test_new_overwrites_nothing(runner, settings):
    new(runner, settings, "VPN")
    before = (settings.articles / "ru/vpn.md").read_text("utf-8")

    done = new(runner, settings, "VPN!", "--type", "policy")

    assert done.exit_code == 2
    assert "is there already; edit it, or choose another title" in done.stderr
    assert (settings.articles / "ru/vpn.md").read_text("utf-8") == before


@pytest.mark.parametrize("category", ["..", "../..", "/etc", "a/../../b", "\0"])
def test_no_category_leads_out_of_the_folder(runner, settings, category):
    done = new(runner, settings, "VPN", "--category", category)

    assert done.exit_code in (0, 2)
    assert [
        p for p in settings.articles.parent.rglob("vpn.md") if settings.articles not in p.parents
    ] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["  "], "the title is empty"), (["X", "--lang", "xx"], "add it to KB_LANGS")],
)
def test_new_says_what_is_missing(runner, settings, arguments, says):
    done = new(runner, settings, *arguments)

    assert done.exit_code == 2
    assert says in done.stderr


def test_a_new_article_claims_the_questions_it_is_given():
    given = ["не приходит письмо", 'где "код": в почте?']
    written = scaffold.skeleton("Почта", lang="ru", kind="problem", answers=given)

    assert frontmatter.loads(written)["answers"] == given


def test_new_puts_an_article_beside_the_others_of_its_category(runner, settings, write):
    write("ru/konto/a", title="А", category="Вход")
    write("ru/konto/b", title="Б", category="Вход")
    write("ru/altes/c", title="В", category="Вход")
    write("en/sign-in/d", title="D", category="Вход")

    done = new(runner, settings, "Пароль", "--category", "вход")

    path = settings.articles / "ru/konto/parol.md"
    assert done.stdout == f"{path}\n"
    assert frontmatter.load(str(path))["category"] == "вход"


@pytest.fixture
def missed(settings):
    """A question asked in vain, in one wording by four askers, by three and by one in others."""
    asked = ["не приходит код"] * 4 + ["код не приходит"] * 3 + ["не приходит ‹phone› код"]
    searches = [
        Search(
            f"r{n}",
            f"v{n}",
            words,
            1e9 + n,
            1e9 + n,
            lang="ru",
            category="Вход",
            asker=f"asker {n}",
        )
        for n, words in enumerate(asked)
    ]
    log = SearchLog(settings.log_url, Askers())
    log.record(*searches)
    [group] = log.board.misses()
    log.close()
    return group.id


def test_new_takes_title_questions_language_and_folder_from_a_miss(runner, settings, write, missed):
    write("ru/konto/a", title="А", category="Вход")
    write("en/konto/a", title="A")

    done = new(runner, settings, "--miss", str(missed), "--type", "problem")

    path = settings.articles / "ru/konto/ne-prikhodit-kod.md"
    assert (done.stdout, done.exit_code) == (f"{path}\n", 0)
    post = frontmatter.load(str(path))
    assert (post["title"], post["type"], post["category"]) == ("Не приходит код", "problem", "Вход")
    assert post["answers"] == ["не приходит код", "код не приходит"]
    assert "## Почему так происходит" in post.content
    assert "## Если не помогло" in post.content


def test_a_title_of_ones_own_keeps_the_questions_of_the_miss(runner, settings, missed):
    done = new(
        runner, settings, "Код входа", "--miss", str(missed), "--lang", "en", "--category", ""
    )

    path = settings.articles / "en/kod-vkhoda.md"
    assert done.stdout == f"{path}\n"
    assert len(frontmatter.load(str(path))["answers"]) == 2


def test_what_fewer_than_three_askers_asked_is_written_into_no_article(runner, settings):
    log = SearchLog(settings.log_url, Askers())
    for number in range(9):  # one address makes up visits
        asker = ("one address", "another")[number % 2]
        log.record(Search(f"r{number}", f"v{number}", "моя тайна", 1e9, 1e9, asker=asker))
    [group] = log.board.misses()
    log.close()

    done = new(runner, settings, "--miss", str(group.id))
    named = new(runner, settings, "Доступ", "--miss", str(group.id))

    assert done.exit_code == 2
    assert "fewer than 3 askers" in done.stderr
    assert f'`kb new "TITLE" --miss {group.id}`' in done.stderr
    assert "тайна" not in Path(named.stdout.strip()).read_text("utf-8")


def test_a_miss_that_is_not_there_is_said(runner, settings):
    done = new(runner, settings, "--miss", "7")

    assert done.exit_code == 2
    assert "there is no question 7; run `kb misses`" in done.stderr


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr("kb.commands.new.is_terminal", lambda: True)


def test_on_a_terminal_new_asks_for_what_is_not_given(runner, settings, write, terminal):
    write("en/account/a", title="A")
    typed = "The page stays white\nen\nproblem\naccount\n"

    done = runner.invoke(main, ["new", "--articles", str(settings.articles)], input=typed)

    path = settings.articles / "en/account/the-page-stays-white.md"
    assert done.stdout == f"{path}\n"  # what is asked goes to stderr
    assert "Category (account; or a new one)" in done.stderr
    assert frontmatter.load(str(path))["type"] == "problem"


def test_enter_takes_what_is_offered(runner, settings, terminal):
    done = runner.invoke(
        main, ["new", "Пароль", "--articles", str(settings.articles)], input="\n\n\n"
    )

    assert done.stdout == f"{settings.articles / 'ru/parol.md'}\n"


@pytest.mark.parametrize("option", [("--type", "policy"), ("--lang", "ru"), ("--category", "")])
def test_with_any_option_new_asks_nothing(runner, settings, terminal, option):
    done = new(runner, settings, "Пароль", *option)

    assert (done.exit_code, done.stderr) == (0, "")


def test_without_a_title_and_a_terminal_new_says_how_it_is_written(runner, settings):
    done = new(runner, settings)

    assert done.exit_code == 2
    assert 'write `kb new "How to reset a password"`' in done.stderr


# ---------------------------------------------------------------- kb schema


def test_the_schema_knows_exactly_the_keys_the_parser_knows():
    assert set(scaffold.schema()["properties"]) == set(KEYS)


def test_the_schema_says_what_each_key_means():
    assert all(key["description"] for key in scaffold.schema()["properties"].values())
