"""Names, numbers and codes as people type them find the article that writes them otherwise."""

import bases
import pytest

ARTICLES = {
    "ru/code": "# Ошибка -7 при печати\n\nКод ошибки -7: закончилась бумага.",
    "ru/code7": "# Ошибка 7 при печати\n\nКод ошибки 7: нет связи с принтером.",
    "ru/frost": "# Работа на морозе\n\nДатчик работает при −35 и ниже.",
    "en/unpack": "# Unpack an archive\n\nRun `unbox -qvf parcel` in a terminal.",
    "en/names": "# Connect ParcelHub\n\nPay with QuickPay. Its accountId and IPv6 are shown.",
    "ru/names": "# Обмен с ТвойУчётом\n\nПодключите ТвойУчёт и ВБанке.",
    "ru/disk": "# Сколько места\n\nНа диске 24 ГБ. Коробка до 7 кг, питание 110 В.",
    "en/fault": "# Fault Q-2077\n\nQ-2077: login failed. The plug is RS-485. Update KB7654321.",
    "ru/law": "# Закон 999-ФЗ\n\nПечатаем акт КС-5 по закону 999-ФЗ.",
    "ru/limit": "# Лимит вывода\n\nНе больше 750 000 рублей в день, комиссия 1 310,40.",
    "ru/phone": "# Телефон склада\n\nЗвоните +7 (812) 555-01-02.",
    "ru/version": "# Обновление до 4.7.2\n\nСборка 11.0.20951 и новее.",
    "ru/paper": "# Печать на листе A3\n\nФормат A3, разъём M8.",
    "ru/hex": "# Сбой 0x8007000E\n\nСбой 0x8007000E: мало памяти.",
    "ru/shop": "# Витрина веб-магазина\n\nПодключите витрину к веб-магазину.",
    "en/kingdom": "# Parcels to the U.K.\n\nParcels to the U.K. leave at noon.",
    "ru/mood": "# Как поставить 👎\n\nНажмите 👎 под ответом.",
    "en/signs": "# Comparing\n\nUse `<=>` between two dates.",
    "kk/key": "# Қызмет кілті\n\nКілтті өзгерту.",
    "ru/mail": "# Пароль от почты\n\nСмените пароль почты на сайте.",
    "ru/phone-app": "# Пароль приложения\n\nСмените пароль приложения в телефоне.",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    files = {f"{name}.md": text + "\n" for name, text in ARTICLES.items()}
    kb = bases.of(files, tmp_path_factory.mktemp("typed"))
    yield kb
    kb.close()


def first(base, query):
    results = base.answer(query)
    return results.hits[0].slug if results.hits and results.confident else "nothing"


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("ошибка -7", "ru/code"),
        ("код ошибки –7 при печати", "ru/code"),
        ("ошибка 7", "ru/code7"),
        ("работа при -35", "ru/frost"),
        ("unbox -qvf", "en/unpack"),
        ("unbox qvf", "en/unpack"),
        ("parcelhub", "en/names"),
        ("PARCELHUB", "en/names"),
        ("quickpay", "en/names"),
        ("account id", "en/names"),
        ("ip v6", "en/names"),
        ("твойучет", "ru/names"),
        ("твой учёт", "ru/names"),
        ("24гб", "ru/disk"),
        ("24 Gb", "ru/disk"),
        ("7кг", "ru/disk"),
        ("110в", "ru/disk"),
        ("Q2077", "en/fault"),
        ("rs485", "en/fault"),
        ("rs 485", "en/fault"),
        ("7654321", "en/fault"),
        ("kb 7654321", "en/fault"),
        ("кс5", "ru/law"),
        ("999фз", "ru/law"),
        ("750000", "ru/limit"),
        ("750,000 рублей", "ru/limit"),
        ("750\u202f000", "ru/limit"),
        ("1310.40", "ru/limit"),
        ("88125550102", "ru/phone"),
        ("8-812-555-01-02", "ru/phone"),
        ("v4.7.2", "ru/version"),
        ("4.7 обновление", "ru/version"),
        ("сборка 20951", "ru/version"),
        ("печать а3", "ru/paper"),
        ("м8", "ru/paper"),
        ("8007000e", "ru/hex"),
        ("0х8007000E", "ru/hex"),
        ("0x 8007000E", "ru/hex"),
        ("вебмагазин", "ru/shop"),
        ("витрина вебмагазина", "ru/shop"),
        ("uk parcels", "en/kingdom"),
        ("👎", "ru/mood"),
        ("<=>", "en/signs"),
        ("кызмет килти", "kk/key"),
    ],
)
def test_what_is_typed_finds_its_article(base, query, slug):
    assert first(base, query) == slug


@pytest.mark.parametrize("name", ["ParcelHub", "QuickPay", "ТвойУчёт", "Q-2077", "4.7.2"])
def test_no_beginning_of_a_name_loses_its_article(base, name):
    holding = {hit.slug for hit in base.answer(name).hits}

    for end in range(1, len(name) + 1):
        for typed in (name[:end], name[:end].lower()):
            found = {hit.slug for hit in base.answer(typed, limit=50, exact=True).hits}
            assert holding <= found, typed


@pytest.mark.parametrize("name", ["ParcelHub", "QuickPay", "ТвойУчёт", "IPv6"])
def test_the_number_of_hits_does_not_depend_on_case(base, name):
    counts = {base.answer(way).total for way in (name, name.lower(), name.upper())}

    assert len(counts) == 1


def test_a_code_the_base_does_not_hold_is_not_found_by_its_digits(base):
    assert first(base, "ошибка -8") == "nothing"
    assert first(base, "печать b3") == "nothing"


def test_a_minus_leaves_out_where_the_rest_is_answered_and_that_is_said(base):
    results = base.answer("сменить пароль -приложение")

    assert [hit.slug for hit in results.hits] == ["ru/mail"]
    assert results.without == ("приложение",)
    assert base.answer("сменить пароль приложение").without == ()


def test_a_minus_is_a_dash_where_the_rest_is_not_answered(base):
    results = base.answer("квитанция -пароль")

    assert results.without == ()
    assert {"ru/mail", "ru/phone-app"} <= {hit.slug for hit in results.hits}
