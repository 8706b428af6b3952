"""Files that articles link to are searched as sections of them, and extracted once."""

from datetime import date

import bases
import documents
import pytest

from kb import indexer
from kb.base.config import Settings
from kb.index import attachments
from kb.service import KnowledgeBase
from kb.web import create_app

PAGES = ["Общие условия поставки товара."] * 11 + ["Штраф за просрочку поставки — 0,1 % в день."]
LINKED = (
    "---\ntitle: Договоры\n---\nЧто мы подписываем.\n\n[Договор поставки](<файлы/договор 1.pdf>)\n"
)


@pytest.fixture
def folder(tmp_path):
    bases.write({"ru/contracts.md": LINKED}, tmp_path / "articles")
    put(tmp_path, "ru/файлы/договор 1.pdf", documents.pdf(PAGES))
    return tmp_path


def put(folder, path, data):
    file = folder / "articles" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def settings(folder, **more):
    return Settings(articles=folder / "articles", data=folder / "var", **more)


def rebuilt(folder, **more):
    """The report of a build, and the service over it."""
    report = indexer.rebuild(settings(folder), **more)
    return report, KnowledgeBase.open(settings(folder))


@pytest.fixture
def extracted(monkeypatch):
    """The files that were extracted, as they are."""
    found = []
    extract = attachments.TextStore._extract

    def counting(store, paths):
        found.extend(paths)
        return extract(store, paths)

    monkeypatch.setattr(attachments.TextStore, "_extract", counting)
    return found


def test_a_hit_leads_to_the_page_of_the_file(folder):
    _, base = rebuilt(folder)

    (hit,) = base.answer("штраф за просрочку").hits

    assert hit.slug == "ru/contracts"
    assert hit.url == (
        "/media/ru/%D1%84%D0%B0%D0%B9%D0%BB%D1%8B/%D0%B4%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80%201.pdf"
        "#page=12"
    )
    assert hit.title.text == "Договоры"
    assert hit.section == "договор 1.pdf, стр. 12"
    assert hit.snippet.text == PAGES[11]
    assert ("Штраф", 1) in hit.snippet.parts()
    assert hit.is_in_file
    page = create_app(base).test_client().get("/ru/search?q=штраф за просрочку").text
    assert "<mark>Штраф</mark>" in page  # and not the short answer, which says nothing of it
    assert "Что мы подписываем" not in page
    assert base.answer('"штраф за просрочку"').total == 1
    assert base.answer("штраф за просрочку").confident


def test_an_article_itself_comes_before_one_whose_file_says_it_often(folder):
    own = "---\ntitle: Штраф за просрочку\n---\nСколько составляет штраф за просрочку поставки.\n"
    bases.write({"ru/fine.md": own}, folder / "articles")
    put(folder, "ru/файлы/договор 1.pdf", documents.pdf([PAGES[11] * 5] * 50))
    _, base = rebuilt(folder)

    for asked in ("штраф за просрочку", "просрочка поставки", "штраф", "сколько составляет штраф"):
        assert [hit.slug for hit in base.answer(asked).hits] == ["ru/fine", "ru/contracts"], asked


def test_what_the_article_says_itself_is_shown_rather_than_its_file(folder):
    text = LINKED + "\n## Штрафы\n\nШтраф за просрочку поставки платит поставщик.\n"
    bases.write({"ru/contracts.md": text}, folder / "articles")
    _, base = rebuilt(folder)

    assert base.answer("штраф за просрочку поставки").hits[0].section == "Штрафы"
    assert base.answer("договоры").hits[0].url == "/articles/ru/contracts"
    assert base.answer("что мы подписываем").hits[0].url == "/articles/ru/contracts"


def test_a_file_counts_for_no_more_than_the_articles_own_statistics(folder):
    """Words of files change neither the lengths of articles nor which n-grams are counted."""
    _, base = rebuilt(folder)
    (segment,) = base.catalog().reader.corpus.segments

    assert segment.arrays["total.text"].tolist() == [6]
    assert segment.arrays["content.length"].tolist() == [5]
    assert segment.arrays["total.attached"][0] > 40


@pytest.mark.parametrize("gate", ["draft: yes", "unlisted: yes", "audience: staff"])
def test_a_file_is_found_by_nobody_who_cannot_find_its_article(folder, gate):
    bases.write(
        {"ru/contracts.md": LINKED.replace("---\nЧ", f"{gate}\n---\nЧ")}, folder / "articles"
    )
    _, base = rebuilt(folder)

    assert base.answer("штраф за просрочку").total == 0


def test_a_file_is_extracted_again_only_when_it_changes(folder, extracted):
    pdf = "ru/файлы/договор 1.pdf"
    bases.write(
        {"ru/other.md": "# Другое\n\n[тот же](<файлы/договор 1.pdf>)\n"}, folder / "articles"
    )
    rebuilt(folder)
    assert extracted == [pdf]

    report, _ = rebuilt(folder)
    assert not report.published
    bases.write({"ru/contracts.md": LINKED + "\nЕщё слово.\n"}, folder / "articles")
    report, base = rebuilt(folder)
    assert (report.changed, report.unchanged, extracted) == (1, 1, [pdf])
    assert base.answer("штраф за просрочку").total == 2

    put(folder, pdf, documents.pdf(["Неустойка за опоздание."]))
    report, base = rebuilt(folder)
    assert (report.changed, report.added, extracted) == (2, 0, [pdf, pdf])
    assert base.answer("неустойка").total == 2
    assert base.answer("штраф", exact=True).total == 0
    assert len(list((folder / "var" / "extracted").iterdir())) == 1

    rebuilt(folder, full=True)
    assert extracted == [pdf, pdf, pdf]


def test_files_are_left_alone_where_they_are_switched_off(folder, extracted):
    rebuilt(folder)

    report = indexer.rebuild(settings(folder, attachments=False))

    assert report.changed == 1
    assert KnowledgeBase.open(settings(folder)).answer("штраф", exact=True).total == 0
    assert indexer.rebuild(settings(folder, attachments=False)).published is False


def test_a_file_that_cannot_be_searched_is_named_and_its_article_served(folder):
    put(folder, "ru/файлы/договор 1.pdf", b"<html>")
    put(folder, "ru/scan.pdf", documents.pdf([""]))
    put(folder, "ru/many.pdf", documents.pdf(["a"], count=201))
    text = LINKED + "[скан](scan.pdf) и [много](many.pdf)\n"
    bases.write({"ru/contracts.md": text}, folder / "articles")

    report, base = rebuilt(folder, careful=True)

    assert report.published
    assert not report.rejected
    assert [(p.path, p.line, p.code, p.level) for p in report.warnings] == [
        ("ru/contracts.md", 6, "attachment-rejected", "warning"),
        ("ru/contracts.md", 7, "attachment-rejected", "warning"),
        ("ru/contracts.md", 7, "attachment-without-text", "hint"),
    ]
    assert str(report.warnings[0].message) == (
        "ru/файлы/договор 1.pdf is not searched: it is no PDF, whatever its name says"
    )
    assert report.warnings[0].cure
    assert base.answer("договоры").total == 1
    again = [p for p in base.check() if p.code in attachments.CODES]
    assert again == list(report.warnings)
    put(folder, "ru/файлы/договор 1.pdf", documents.pdf(PAGES))
    report, _ = rebuilt(folder)
    assert "ru/файлы" not in " ".join(str(p.message) for p in report.warnings)


def test_limits_are_those_of_rendering_and_settings(folder):
    small = settings(folder, attachment_pages=11)
    assert "12 pages; 11 are read" in str(indexer.rebuild(small).warnings[0].message)
    put(folder, "ru/файлы/договор 1.pdf", documents.pdf(PAGES) + bytes(2**20))
    small = settings(folder, attachment_megabytes=1)
    assert "1 MB are read" in str(indexer.rebuild(small).warnings[0].message)


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    outside = tmp_path / "secret.txt"
    outside.write_text("пароль администратора")
    (folder / "articles" / "ru" / "notes.txt").symlink_to(outside)
    bases.write({"ru/contracts.md": LINKED + "[заметки](notes.txt)\n"}, folder / "articles")
    _, base = rebuilt(folder)

    assert base.answer("пароль администратора", exact=True).total == 0


def test_articles_without_files_are_searched_as_ever(tmp_path):
    base = bases.of({"ru/a.md": "# Оплата\n\nКак оплатить.\n"}, tmp_path)
    (segment,) = base.catalog().reader.corpus.segments

    assert not len(segment.arrays["surface.attached.docs"])
    assert not (tmp_path / "var" / "extracted").exists()
    assert base.catalog().reader.corpus.served(date(2026, 11, 29)).all()
