"""Each rule finds its mistake, names line and cure, and stays silent where nothing is wrong."""

from dataclasses import replace
from datetime import date
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.checks import rules
from kb.content import articles, markup
from kb.content.problems import Problem

TODAY = date(2026, 11, 22)


def base(files: dict[str, str], media: tuple[str, ...] = (), **more: object) -> rules.Base:
    found = [articles.parse(path, dedent(text).encode()).article for path, text in files.items()]
    good = [article for article in found if article is not None]
    rendered = {
        a.slug: markup.render(a.body, path=a.path, lang=a.lang, title=a.title) for a in good
    }
    return rules.Base(good, rendered, TODAY, frozenset((*files, *media)), **more)  # type: ignore[arg-type]


def run(
    files: dict[str, str], code: str, media: tuple[str, ...] = (), **more: object
) -> list[Problem]:
    return [p for p in rules.run(base(files, media, **more)) if p.code == code]


def places(problems: list[Problem]) -> list[str]:
    return [f"{p.path}:{p.line}" for p in problems]


VPN = "---\ntitle: VPN\n---\nText.\n\n## If it fails\n\nMore.\n"


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    "link",
    [
        "vpn.md", "./vpn.md", "../net/vpn.md", "vpn", "/net/vpn.md", "/articles/net/vpn",
        "vpn.md#if-it-fails", "#own-heading", "https://example.com/x.md", "mailto:a@b.example",
        "cable.png", "/media/net/cable.png", "/contact", "/", "{{ site.url }}/net/vpn.md",
        "/articles/net/old-vpn",
    ],
)  # fmt: skip
def test_a_link_that_leads_somewhere_is_no_problem(link):
    files = {
        "net/vpn.md": VPN.replace("---\nText", "aliases: net/old-vpn\n---\nText"),
        "net/a.md": f"# A\n\n## Own heading\n\nSee [it]({link}).\n",
    }
    found = rules.run(base(files, ("net/cable.png",)))

    assert [p for p in found if "link" in p.code or "anchor" in p.code] == []


@pytest.mark.parametrize(
    "link", ["vpm.md", "other/vpn.md", "/media/x.png", "../../vpn.md", "a.pdf"]
)
def test_a_link_to_a_missing_file_is_an_error_on_its_line(link):
    files = {"net/vpn.md": VPN, "net/a.md": f"---\ntitle: A\n---\n\nSee\n[it]({link}).\n"}

    (problem,) = run(files, "broken-link")

    assert (problem.path, problem.line, problem.level) == ("net/a.md", 6, "error")
    assert link in problem.message


def test_a_link_to_a_moved_file_is_told_where_it_is_now():
    files = {"ru/net/vpn.md": VPN, "en/net/vpn.md": VPN, "ru/a.md": "# A\n\n[x](vpn.md)\n"}

    (problem,) = run(files, "broken-link")

    assert problem.cure == "write net/vpn.md"


def test_a_page_of_the_site_around_us_is_only_a_warning():
    (problem,) = run({"a.md": "# A\n\n[x](/pricing)\n"}, "link-off-site")

    assert problem.level == "warning"
    assert run({"a.md": "# A\n\n[x](/pricing)\n"}, "broken-link") == []


def test_a_link_to_a_heading_that_is_gone_lists_those_there_are():
    files = {"vpn.md": VPN, "a.md": "# A\n\n[x](vpn.md#if-it-falls)\n[y](#nowhere)\n"}

    first, second = run(files, "broken-anchor")

    assert first.message == "vpn.md has no heading #if-it-falls"
    assert first.cure == "link to one of its headings: #if-it-fails"
    assert second.line == 4


def test_an_image_must_be_there_and_say_what_it_shows():
    files = {"a.md": "# A\n\n![Login page](login.png)\n\n![](there.png)\n"}

    assert places(run(files, "missing-image", ("there.png",))) == ["a.md:3"]
    assert places(run(files, "no-alt-text", ("there.png",))) == ["a.md:5"]


def test_related_must_name_articles():
    files = {"vpn.md": VPN, "a.md": "---\ntitle: A\nrelated: [vpn, nvp]\n---\nText.\n"}

    (problem,) = run(files, "unknown-related")

    assert problem.line == 3
    assert "nvp" in problem.message


def test_an_alias_leads_to_one_article():
    files = {
        "vpn.md": VPN,
        "a.md": "---\naliases: [vpn, old]\n---\n# A\n",
        "b.md": "---\naliases: old\n---\n# B\n",
        "c.md": "---\naliases: c\n---\n# C\n",
        "d.md": "---\naliases: elsewhere\n---\n# D\n",
    }

    messages = [p.message for p in run(files, "alias-taken")]

    assert messages == [
        "the alias old belongs to b.md as well",
        "the alias vpn belongs to vpn.md as well",
        "the alias old belongs to a.md as well",
        "the alias c is the article's own address",
    ]


def test_translations_in_another_tool_may_share_a_former_address():
    theirs = dict.fromkeys(("_en/a.md", "_es/b.md"), "---\naliases: old\n---\n# A\n")
    both = base(theirs)

    assert len([p for p in rules.run(both) if p.code == "alias-taken"]) == 2
    told = replace(both, articles=[replace(a, dialect="jekyll") for a in both.articles])
    assert [p for p in rules.run(told) if p.code == "alias-taken"] == []


def test_former_addresses_do_not_lead_in_a_circle():
    files = {
        "a.md": "---\naliases: b\n---\n# A\n",
        "b.md": "---\naliases: c\n---\n# B\n",
        "c.md": "---\ntitle: C\naliases: [a, old-c]\n---\nText.\n",
        "d.md": "---\naliases: a\n---\n# D\n",
    }

    found = run(files, "alias-circle")

    assert places(found) == ["a.md:2", "b.md:2", "c.md:3"]
    assert found[0].message == "the alias b leads in a circle: b → a → c → b"
    assert places(run(files, "alias-taken")) == ["d.md:2"]


def test_an_image_may_be_said_to_be_decoration():
    files = {"a.md": '# A\n\n<img src="line.png" alt="">\n\n<img src="map.png">\n'}

    assert places(run(files, "no-alt-text")) == ["a.md:5"]


# ---------------------------------------------------------------- claims


def test_an_answer_must_stand_in_the_first_three():
    article = "---\nanswers:\n  - how to reset\n---\n# VPN\n\nText.\n"

    assert run({"vpn.md": article}, "answer-not-found") == []  # nothing to ask yet
    for ranking, broken in (
        (["vpn"], False),
        (["a", "b", "vpn"], False),
        (["a", "b", "c", "vpn"], True),
        ([], True),
    ):
        found = run({"vpn.md": article}, "answer-not-found", rank=lambda *_, r=ranking: r)
        assert bool(found) is broken, ranking
    assert found[0].message == "“how to reset” does not lead here; nothing is found"
    assert found[0].line == 2


@pytest.mark.parametrize(
    "key", ["draft: yes", "unlisted: yes", "publish: 2027-01-01", "expires: 2026-11-22"]
)
def test_an_article_nobody_meets_claims_nothing(key):
    article = f"---\nanswers: how to reset\n{key}\n---\n# VPN\n\nText.\n"

    assert run({"vpn.md": article}, "answer-not-found", rank=lambda *_: []) == []


def test_a_question_is_claimed_once_however_it_is_worded():
    files = {
        "ru/a.md": "---\nanswers: Как сбросить пароль?\n---\n# Сброс\n",
        "ru/b.md": "---\nanswers: [как СБРОСИТЬ пароли]\n---\n# Пароли\n",
        "ru/c.md": "---\nanswers: как сменить почту\n---\n# Почта\n",
    }

    assert places(run(files, "answer-claimed-twice")) == ["ru/a.md:2", "ru/b.md:2"]


def test_titles_tell_the_articles_of_a_topic_apart():
    files = {
        "net/a.md": "# VPN \n",
        "net/b.md": "# vpn\n",
        "other/c.md": "# VPN\n",
        "ru/net/d.md": "# ВПН\n",
    }

    assert places(run(files, "duplicate-title")) == ["net/a.md:1", "net/b.md:1"]


def test_two_versions_of_one_tree_may_have_the_same_titles():
    files = dict.fromkeys(("v3/net/a.md", "v4/net/a.md"), "# VPN\n")

    assert run(files, "duplicate-title") == []
    assert places(run(files | {"v4/net/b.md": "# VPN\n"}, "duplicate-title")) == [
        "v4/net/a.md:1",
        "v4/net/b.md:1",
    ]


@pytest.mark.parametrize(
    ("title", "is_good"),
    [
        ("Как сбросить пароль", True), ("Почему не приходит письмо", True),
        ("Сброс пароля", True), ("Настройка почты", True), ("Отменить подписку", True),
        ("Подключите принтер", True), ("Страница остаётся белой", True),
        ("Счёт не оплачен", True), ("Пароль забыт?", True),
        ("Пароли и ключи", False), ("VPN", False), ("Личный кабинет", False),
        ("How to reset a password", True), ("Resetting a password", True),
        ("Reset your password", True), ("The page stays white", True),
        ("Cannot sign in", True), ("Cancel a subscription", True), ("Printer offline?", True),
        ("Passwords and keys", False), ("The account page", False), ("VPN basics", False),
    ],
)  # fmt: skip
def test_a_title_asks_or_says_what_is_done(title, is_good):
    files = {"a.md": f"---\ntitle: {title}\ntype: how-to\n---\nText.\n",
             "b.md": f"---\ntitle: {title}\ntype: reference\n---\nText.\n",
             "c.md": f"---\ntitle: {title}\n---\nText.\n"}  # fmt: skip

    assert places(run(files, "title-form")) == ([] if is_good else ["a.md:2"])


# ---------------------------------------------------------------- the article itself


@pytest.mark.parametrize(
    ("body", "complains"),
    [
        ("Нажмите кнопку.", True),
        ("## Почему так происходит\n\nКэш.", False),
        ("Причина — старый кэш.", False),
        ("Press it. It happens because of the cache.", False),
        ("Press the button.", True),
    ],
)
def test_a_problem_says_why(body, complains):
    files = {"a.md": f"---\ntype: problem\n---\n# A\n\n{body}\n", "b.md": "# B\n\nPress.\n"}

    assert bool(run(files, "no-why")) is complains


def test_an_article_has_text():
    files = {
        "a.md": "# A\n",
        "b.md": "# B\n\nText.\n",
        "c.md": "---\ntitle: C\n---\n<!-- later -->\n\n## Steps\n",
        "d.md": "# D\n\n![Login](login.png)\n",
        "e.md": "# E\n\n## Steps\n\nText.\n",
    }

    assert places(run(files, "empty-article")) == ["a.md:1", "c.md:2"]


@pytest.mark.parametrize("code", ["empty-article", "no-author", "duplicate-title"])
def test_an_index_page_without_text_is_the_title_of_its_folder(code):
    signed = "---\ntitle: Refunds\nauthor: Anna\n---\nText.\n"
    files = {"pay/refunds/index.md": "---\ntitle: Refunds\n---\n", "pay/refunds/cards.md": signed}

    assert run(files, code) == []
    other = "# Cards\n" if code == "empty-article" else signed.replace("Anna", "")
    assert run({**files, "pay/refunds/other.md": other}, code) != []


def test_a_missing_author_is_a_hint_where_others_sign():
    signed = "---\nauthor: Anna\n---\n# A\n\nText.\n"

    assert run({"b.md": "# B\n"}, "no-author") == []
    assert places(run({"a.md": signed, "b.md": "# B\n"}, "no-author")) == ["b.md:1"]


def test_a_review_is_due_the_day_after_its_date():
    files = {
        "a.md": "---\nreview_by: 2026-11-21\n---\n# A\n",
        "b.md": "---\nreview_by: 2026-11-22\n---\n# B\n",
    }

    assert places(run(files, "review-due")) == ["a.md:2"]


def test_an_old_article_is_told_when_its_turn_has_come():
    old = "---\nupdated: 2020-01-01\n---\n# A\n"
    files = {f"a{n}.md": old for n in range(13 * 8)} | {"new.md": old.replace("2020", "2026")}

    found = run(files, "stale")

    assert 0 < len(found) < 13 * 8 / 2
    assert found[0].message == "not changed since 2020-01-01"
    assert found[0].line == 2


def test_an_article_is_published_before_it_expires():
    files = {"a.md": "---\npublish: 2027-02-01\nexpires: 2027-01-01\n---\n# A\n"}

    assert places(run(files, "dates-crossed")) == ["a.md:3"]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("anwsers", "answers"), ("titel", "title"), ("Tags", ""), ("categroy", "category"),
        ("review-by", "review_by"), ("translation_off", "translation_of"),
        ("sidebar_position", ""), ("weight", ""), ("date", ""), ("permalink", ""),
        ("published", ""), ("description", ""), ("ms.author", ""), ("layout", ""), ("id", ""),
    ],
)  # fmt: skip
def test_a_key_that_looks_mistyped_is_named(key, meant):
    found = run({"a.md": f"---\n{key}: x\n---\n# A\n"}, "unknown-key")

    if key == "Tags":
        assert [p.cure for p in found] == ["did you mean `tags`?"]
    else:
        assert [p.cure for p in found] == ([f"did you mean `{meant}`?"] if meant else [])


@pytest.mark.parametrize(
    ("line", "personal"),
    [
        ("Write to ivan.petrov@gmail.com", True),
        ("Write to support@shop.ru or name@example.com", False),
        ("Our desk: desk@ours.ru", False),
        ("Call +7 912 345-67-89", True),
        ("Card 4539 1488 0343 6467", True),
        ("Test card 4242 4242 4242 4242 or 5555 5555 5555 4444", False),
        ("Free line 8 800 555-35-35, or 866-606-8220", False),
        ("On |08\\-01\\-2022 05:48:12 PM|08-01-2022 05:48:12 PM|", False),
        ("curl http://admin:secret@server.com/api", False),
        ("Version 2.14.0 of 2026-11-22, error 0x80070005, order 12345678", False),
        ("https://example.com/1234567890123456", False),
    ],
)
def test_personal_data_is_hinted_at(line, personal):
    found = run({"a.md": f"# A\n\n{line}\n"}, "personal-data", support_email="desk@ours.ru")

    assert places(found) == (["a.md:3"] if personal else [])


def test_code_may_hold_addresses():
    assert run({"a.md": "# A\n\n```\ngit config ivan@gmail.com\n```\n"}, "personal-data") == []


# ---------------------------------------------------------------- translations


def test_a_translation_is_missed_only_where_translating_is_the_custom():
    alone = {"ru/a.md": "# А\n\nТекст.\n", "en/b.md": "# B\n\nText.\n"}

    assert run(alone, "no-translation") == []
    custom = alone | {"ru/c.md": "# В\n\nТекст.\n", "en/c.md": "# C\n\nText.\n"}
    assert places(run(custom, "no-translation")) == ["en/b.md:1", "ru/a.md:1"]


def test_a_tree_that_is_no_language_needs_no_translation():
    paired = {"ru/a.md": "# А\n\nТекст.\n", "en/a.md": "# A\n\nText.\n"}

    assert run(paired | {"en-v3/b.md": "# B\n\nText.\n"}, "no-translation") == []


def test_a_translation_that_is_not_read_is_there_all_the_same():
    paired = {"ru/a.md": "# А\n\nТекст.\n", "en/a.md": "# A\n\nText.\n"}
    more = paired | {"ru/b.md": "# Б\n\nТекст.\n"}

    assert places(run(more, "no-translation")) == ["ru/b.md:1"]
    assert run(more, "no-translation", media=("en/b.mdx",)) == []


def test_an_address_in_common_pairs_articles_under_other_names():
    files = {
        "ru/лампа.md": "---\naliases: guide/lamp\n---\n# Лампа\n",
        "en/lamp.md": "---\naliases: guide/lamp\n---\n# Lamp\n",
        "en/x.md": "# X\n",
    }

    assert places(run(files, "no-translation")) == ["en/x.md:1"]


def test_translation_of_pairs_articles_under_other_names():
    files = {
        "ru/parol.md": "---\nupdated: 2026-02-01\n---\n# Пароль\n",
        "en/password.md": "---\ntranslation_of: ru/parol\nupdated: 2026-01-31\n---\n# Password\n",
        "en/x.md": "---\ntranslation_of: ru/net\n---\n# X\n",
    }

    assert places(run(files, "old-translation")) == ["en/password.md:2"]
    assert places(run(files, "unknown-source")) == ["en/x.md:2"]
    assert "en/password.md:1" not in places(run(files, "no-translation"))


def test_the_language_written_in_first_is_the_one_others_fall_behind():
    files = {
        "ru/a.md": "---\nupdated: 2026-02-01\n---\n# А\n",
        "en/a.md": "---\nupdated: 2026-01-01\n---\n# A\n",
        "ru/b.md": "---\nupdated: 2026-01-01\n---\n# Б\n",
        "en/b.md": "---\nupdated: 2026-02-01\n---\n# B\n",
    }

    assert places(run(files, "translation-behind")) == ["en/a.md:1"]
    assert places(run(files, "translation-behind", lang="en")) == ["ru/b.md:1"]
    more = files | {"en/c.md": "# C\n"}
    assert places(run(more, "translation-behind")) == ["ru/b.md:1"]


# ---------------------------------------------------------------- the registry


def test_a_comment_silences_a_rule_in_its_article():
    silent = "# A\n\n<!-- kb: ignore broken-link, no-alt-text -->\n\n[x](gone.md)\n![](gone.png)\n"

    assert [p.code for p in rules.run(base({"a.md": silent}))] == ["missing-image"]


@pytest.mark.parametrize("spelling", ["kb-ignore: {}", "kb-ignore {}", "kb: ignore {}"])
def test_the_comment_may_be_spelt_as_people_spell_it(spelling):
    comment = f"<!-- {spelling.format('broken-link')} -->"

    assert rules.run(base({"a.md": f"# A\n\n{comment}\n\n[x](gone.md)\n"})) == []


def test_settings_give_a_rule_another_level_or_turn_it_off():
    files = base({"a.md": "# A\n\n[x](gone.md)\n\n![](gone.png)\n"})

    found = rules.run(files, levels={"broken-link": "hint", "missing-image": "off"})

    assert [(p.code, p.level) for p in found] == [
        ("broken-link", "hint"),
        ("no-alt-text", "warning"),
    ]


def test_a_code_that_no_rule_has_is_named_with_the_one_that_was_meant():
    assert rules.unknown(["broken-link", "no-autor", "weather"]) == {
        "no-autor": "no-author", "weather": ""
    }  # fmt: skip


def test_only_the_asked_files_and_folders_are_told():
    files = dict.fromkeys(("a.md", "net/a.md", "network.md"), "# A\n\n[x](gone.md)\n")

    def told(*within: str) -> list[str]:
        return sorted({p.path for p in rules.run(base(files), within)})

    assert told() == told(".") == ["a.md", "net/a.md", "network.md"]
    assert told("net") == ["net/a.md"]
    assert told("a.md", "network.md") == ["a.md", "network.md"]


def test_mistakes_beside_the_articles_are_told_too():
    mistake = Problem("synonyms.yml", 3, "synonym-circle", "a leads to b leads to a")

    assert rules.run(base({}, elsewhere=[mistake])) == [mistake]


def test_every_rule_has_a_name_a_level_and_a_meaning():
    codes = [rule.code for rule in rules.RULES]

    assert len(codes) == len(set(codes))
    assert {rule.level for rule in rules.RULES} <= {"error", "warning", "hint"}
    assert [rule.code for rule in rules.RULES if not rule.meaning.endswith(".")] == []


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_texts_can_be_checked(bodies):
    found = rules.run(base({f"a{i}.md": body for i, body in enumerate(bodies)}))

    assert all(p.message and p.cure and p.line >= 1 for p in found)
