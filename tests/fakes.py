"""A help centre in memory: a dozen articles, and a search honest about what it found.

For tests of pages alone; everything else is tested with the real service.
"""

# ruff: noqa: E501 - articles are easier to read when not wrapped

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from kb.base.errors import IndexMissing
from kb.cards import Card
from kb.catalog import Home, Moved, Page
from kb.content.markup import Section
from kb.current_build import Edition
from kb.facets import FacetValue
from kb.search import Correction, Hit, Marked, Results
from kb.searchlog.db.letter_models import OutboxHealth
from kb.searchlog.reports import Report
from kb.support.promises import Kept
from kb.topic_pages import TopicLink, TopicPage, TopicSummary

_LAYOUT = str.maketrans("qwertyuiop[]asdfghjkl;'zxcvbnm,.", "йцукенгшщзхъфывапролджэячсмитьбю")
_SPELLING = {"пороль": "пароль", "пороля": "пароля", "pasword": "password"}


@dataclass(frozen=True)
class Text:
    """One article: `sections` are (title, text) pairs, the first without a title."""

    slug: str
    title: str
    category: str
    sections: tuple[tuple[str, str], ...]
    answer: str = ""
    author: str = ""
    updated: date | None = None
    tags: tuple[str, ...] = ()
    type: str = "how-to"
    related: tuple[str, ...] = ()
    pair: str = ""

    @property
    def lang(self) -> str:
        return self.slug.split("/")[0]


TEXTS = (
    Text("ru/account/reset-password", "Сброс пароля", "Учётная запись", (
        ("", "Если пароль забыт, его можно сбросить за минуту: понадобится доступ к почте."),
        ("Как сбросить пароль", "Откройте страницу входа и нажмите «Забыли пароль». Введите почту. Письмо придёт за пять минут."),
        ("Почему письмо могло не прийти", "Почтовые службы задерживают письма, в которых много ссылок. Мы видим это по отказам и повторяем отправку через час."),
        ("Если не помогло", "Напишите нам: мы сбросим пароль вручную. Сравните <b> & «кавычки»."),
    ), "Нажмите «Забыли пароль» на странице входа и введите почту: ссылка для нового пароля придёт за пять минут.",
        "Мария Ковалёва", date(2026, 3, 12), ("пароль", "вход"), "problem", ("ru/account/two-factor",), "en/account/reset-password"),
    Text("ru/account/two-factor", "Вход по коду из телефона", "Учётная запись", (
        ("", "Двухэтапный вход защищает учётную запись, даже если пароль узнали."),
        ("Как включить", "Откройте настройки, раздел «Безопасность», и нажмите «Включить вход по коду»."),
    ), "Включите вход по коду в настройках, в разделе «Безопасность».", "Мария Ковалёва", date(2026, 2, 1), ("вход",)),
    Text("ru/account/change-email", "Как сменить почту", "Учётная запись", (
        ("", "Почта меняется в настройках. Старая почта получит уведомление."),
    ), "", "Илья Громов", date(2026, 1, 21)),
    Text("ru/billing/refund", "Как вернуть деньги", "Оплата", (
        ("", "Мы возвращаем деньги в течение 14 дней после оплаты."),
        ("Что сделать", "Откройте «Платежи», выберите платёж и нажмите «Вернуть»."),
        ("Когда придут деньги", "Банк зачисляет возврат за три рабочих дня."),
    ), "Откройте «Платежи» и нажмите «Вернуть»: деньги придут за три рабочих дня.", "Илья Громов", date(2026, 3, 2)),
    Text("ru/billing/invoice", "Счёт и акт для бухгалтерии", "Оплата", (
        ("", "Счёт и акт лежат в разделе «Платежи» и приходят на почту первого числа."),
    ), "", "Илья Громов", date(2025, 12, 5)),
    Text("ru/start/first-steps", "Первые шаги", "Начало работы", (
        ("", "За десять минут вы создадите проект и пригласите коллег."),
        ("Создайте проект", "Нажмите «Новый проект» и назовите его."),
        ("Пригласите коллег", "Отправьте им ссылку: пароль они придумают сами."),
    ), "", "Мария Ковалёва", date(2026, 3, 20)),
    Text("ru/start/keyboard", "Клавиши быстрого доступа", "Начало работы", (
        ("", "Поиск открывается клавишами Ctrl + K на любой странице."),
    )),
    Text("en/account/reset-password", "Reset your password", "Account", (
        ("", "If the password is lost, a new one takes a minute; you need access to your mail."),
        ("How to reset the password", "Open the sign-in page and press “Forgot password”. Enter your address."),
        ("Why the letter may be late", "Mail services hold back letters with many links."),
        ("If it did not help", "Write to us: we reset the password by hand."),
    ), "Press “Forgot password” on the sign-in page: a link for a new password arrives within five minutes.",
        "Maria Kovaleva", date(2026, 3, 12), ("password",), "problem", (), "ru/account/reset-password"),
    Text("en/account/change-email", "Change your e-mail address", "Account", (
        ("", "The address is changed in the settings. The old address is told."),
    ), "", "Ilya Gromov", date(2026, 1, 21)),
    Text("en/billing/refund", "Get a refund", "Billing", (
        ("", "We pay back within 14 days after a payment."),
    ), "Open Payments and press Refund: the money arrives within three working days.", "Ilya Gromov", date(2026, 3, 2)),
    Text("en/start/first-steps", "First steps", "Getting started", (
        ("", "In ten minutes you make a project and invite your colleagues."),
        ("Make a project", "Press New project and name it."),
    ), "", "Maria Kovaleva", date(2026, 3, 20)),
    *(
        Text(f"ru/plan/rule-{n}", f"Правило тарифа {n}", "Тарифы", (("", f"Тариф номер {n} меняется первого числа."),))
        for n in range(1, 22)
    ),
)  # fmt: skip


class MemoryJson:
    """A JSON object that lives as long as the help centre."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def read(self) -> dict[str, Any]:
        return self._content

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        yield self._content


@dataclass
class FakeBase:
    """Stands in for KnowledgeBase; what it was told is kept for tests to read."""

    texts: tuple[Text, ...] = TEXTS
    build: str | None = "build-1"
    folder: Path | None = None
    is_read: bool = True
    examples: tuple[str, ...] = ()
    reports: list[tuple[Report, bool]] = field(default_factory=list)
    votes: list[tuple[str, bool, str, str, str]] = field(default_factory=list)
    questions: list[Any] = field(default_factory=list)  # letters
    files: list[Any] = field(default_factory=list)
    forms: list[tuple[Any, ...]] = field(default_factory=list)
    askers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    keeps: Kept = field(default_factory=Kept)
    recorder: SimpleNamespace = field(default_factory=SimpleNamespace)
    _lock: Lock = field(default_factory=Lock)
    _objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    # --- searching ---

    def answer(
        self,
        query,
        *,
        lang=None,
        category=None,
        tag=None,
        page=1,
        limit=10,
        exact=False,
        own_lang=None,
        facets=True,
        newest=False,
        relevant=False,
        keep=True,
    ):
        self._ready()
        query = query[:500]
        with self._lock:
            self.asked.append(query)
        correction, tried, hits = None, [], self._hits(query, own_lang)
        repairs = () if exact else (
            Correction("layout", query.lower().translate(_LAYOUT)),
            Correction("spelling", " ".join(_SPELLING.get(w, w) for w in query.lower().split())),
        )  # fmt: skip
        for repair in repairs:
            if hits or repair.query == query.lower():
                continue
            hits = self._hits(repair.query, own_lang)
            correction = repair if hits else None
            if not hits:
                tried.append(repair)
        kept = [
            hit for hit, text in hits
            if (not lang or hit.lang == lang) and (not category or hit.category == category)
            and (not tag or tag in text.tags)
        ]  # fmt: skip
        start = (page - 1) * limit
        return Results(
            query=query, hits=tuple(kept[start : start + limit]), total=len(kept), relevant=len(kept),
            confident=bool(kept) and "абвг" not in query, correction=correction, build=self.build,
            lang="ru" if re.search("[а-яё]", query.lower()) else "en", page=page,
            pages=-(-len(kept) // limit), took_ms=0.1, tried=tuple(tried),
            facets={"category": _titled(hit.category for hit in kept), "lang": _counted(hit.lang for hit in kept)},
        )  # fmt: skip

    def _hits(self, query, own_lang):
        words = [w.rstrip("аяьыуе")[:6] for w in re.findall(r"\w+", query.lower())]
        words = [w for w in words if len(w) > 1]
        found = []
        for text in self.texts:
            whole = " ".join(
                [text.title, text.answer, *(t + " " + b for t, b in text.sections)]
            ).lower()
            score = sum((whole.count(w) + 5 * (w in text.title.lower())) for w in words)
            if score:
                section = next(
                    (t for t, b in text.sections if any(w in (t + b).lower() for w in words)), ""
                )
                body = next(
                    (b for t, b in text.sections if any(w in b.lower() for w in words)),
                    text.sections[0][1],
                )
                anchor = "#" + _anchor(section) if section else ""
                hit = Hit(
                    text.slug, f"/articles/{text.slug}{anchor}", _marked(text.title, words), section,
                    _marked(body, words), text.answer, text.category, text.lang,
                    score + 100 * (text.lang == own_lang), text.updated, (text.category,),
                )  # fmt: skip
                found.append((hit, text))
        return sorted(found, key=lambda pair: -pair[0].score)

    def kept(self):
        return self.keeps

    def suggest(self, prefix, lang):
        self._ready()
        return tuple(
            t.title
            for t in self.texts
            if t.lang == lang and t.title.lower().startswith(prefix.lower())
        )

    # --- reading ---

    def edition(self):
        self._ready()
        return Edition(self.build, date.today())

    def notice(self, lang):
        return None

    def lasting(self, seconds):
        return seconds

    def status(self):
        return SimpleNamespace(
            build=self.build,
            articles=len(self.texts),
            is_damaged=False,
            made=None,
            is_empty=not self.texts,
        )

    def home(self, lang):
        self._ready()
        cards = self.all_cards()
        own = [card for card in cards if card.lang == lang]
        recent = sorted((c for c in own if c.updated), key=lambda c: c.updated, reverse=True)
        langs = sorted({t.lang for t in self.texts} - {lang})
        return Home(
            self._top(lang),
            tuple(topic for each in langs for topic in self._top(each)),
            tuple(own[:5]),
            tuple(recent[:5]),
            len(cards),
            read=tuple(own[:5]) if self.is_read else (),
            questions=self.examples,
        )

    def _top(self, lang):
        cards = [_card(t) for t in self.texts if t.lang == lang]
        found = {name: [c for c in cards if c.category == name] for name in
                 dict.fromkeys(c.category for c in cards)}  # fmt: skip
        return tuple(
            TopicSummary(lang, name, name, len(own), (), tuple(own[:3]))
            for name, own in found.items()
        )

    def topic(self, key, lang):
        self._ready()
        found = tuple(
            _card(t) for t in self.texts if t.lang == lang and (t.category == key or not key)
        )
        topics = () if key else self._top(lang)
        page = TopicPage(lang, key, key, (), None, topics, () if topics else found, len(found))
        return page if found else None

    def changes_under(self, key, lang, limit=50):
        cards = [_card(t) for t in self.texts if t.lang == lang and key in ("", t.category)]
        return tuple(card for card in cards if card.updated)[:limit]

    def topics(self):
        return tuple(
            TopicLink(t.lang, t.category, t.category)
            for t in {(t.lang, t.category): t for t in self.texts}.values()
        )

    def article(self, slug):
        self._ready()
        if slug == "old/password":
            return Moved("ru/account/reset-password")
        text = self._text(slug)
        if text is None:
            return None
        same = [t for t in self.texts if t.category == text.category and t.lang == text.lang]
        at = same.index(text)
        return Page(
            slug=slug, path=f"{slug}.md", title=text.title, lang=text.lang, html=_html(text),
            sections=tuple(Section(_anchor(t) if t else "", t, 2 if t else 0, b) for t, b in text.sections),
            category=text.category, tags=text.tags, answer=text.answer or text.sections[0][1], type=text.type,
            author=text.author, updated=text.updated, draft=False, unlisted=False,
            translations=self.translations(slug), related=tuple(_card(self._text(s)) for s in text.related),
            previous=_card(same[at - 1]) if at else None,
            next=_card(same[at + 1]) if at + 1 < len(same) else None,
            above=(TopicLink(text.lang, text.category, text.category),), where=(text.category,),
        )  # fmt: skip

    def former(self, address: str) -> str | None:
        return None

    def tip(self, person):
        return ""

    def translations(self, slug):
        text = self._text(slug)
        return (_card(self._text(text.pair)),) if text and text.pair else ()

    def all_cards(self):
        self._ready()
        return tuple(_card(text) for text in self.texts)

    def changes(self, limit=50):
        dated = [card for card in self.all_cards() if card.updated]
        return tuple(sorted(dated, key=lambda card: card.updated, reverse=True)[:limit])

    def media(self, path):
        file = self.folder / path if self.folder else None
        kinds = (".docx", ".pdf", ".png", ".svg")
        return file if file and file.is_file() and file.suffix in kinds else None

    # --- being told ---

    def count_of_cluster(self, count):
        """There is no cluster to count."""

    def today(self):
        return self.now().date()

    def now(self):
        return datetime(2026, 11, 28, 12, tzinfo=UTC)

    def report(self, report, robot=False, *, asker=""):
        with self._lock:
            self.reports.append((report, robot))
            self.askers.append(asker)

    def feedback(self, slug, helpful, reason="", text="", run="", *, asker=""):
        self.votes.append((slug, helpful, reason, text, run))

    def send_letter(self, letter, files=(), *, asker=""):
        self.questions.append(letter)
        self.files += files
        return SimpleNamespace(number="ABCD-2345")

    def pulled_at(self):
        return None

    def shared_json(self, name, **options):
        return MemoryJson(self._objects.setdefault(name, {}))

    def outbox_health(self):
        return OutboxHealth()

    def trail(self, visit, runs=()):
        return ()

    def letters_of_form(self, form):
        return sum(letter.form == form for letter in self.questions)

    def note_form(self, form, visit, shown=(), *, helped="", lang="", asker=""):
        self.forms.append((form, visit, tuple(shown), helped))

    def form_shown(self, form):
        return tuple(slug for known, _, shown, _ in self.forms if known == form for slug in shown)

    # --- inside ---

    def _text(self, slug):
        return next((text for text in self.texts if text.slug == slug), None)

    def _ready(self):
        if self.build is None:
            raise IndexMissing("no index in /srv/secret/var/builds; run `kb index`")


def _card(text):
    answer = text.answer or text.sections[0][1]
    return Card(
        text.slug,
        f"/articles/{text.slug}",
        text.title,
        text.lang,
        text.category,
        answer,
        text.updated,
        (text.category,),
    )


def _html(text):
    return "\n".join(
        (f'<h2 id="{_anchor(title)}">{escape(title)}</h2>\n' if title else "")
        + f"<p>{escape(body)}</p>"
        for title, body in text.sections
    )


def _anchor(title):
    return "h-" + "-".join(re.findall(r"\w+", title.lower()))


def _marked(text, words):
    marks = [
        m.span()
        for m in re.finditer(r"\w+", text)
        if any(m[0].lower().startswith(w) for w in words)
    ]
    return Marked(text, tuple(marks))


def _titled(values):
    return tuple(each._replace(title=each.value) for each in _counted(values))


def _counted(values):
    values = list(values)
    return tuple(FacetValue(v, values.count(v)) for v in dict.fromkeys(values))


def write_articles(texts, folder):
    """The same articles as files, for the real service."""
    for text in texts:
        keys = {
            "title": text.title, "category": text.category, "answer": text.answer, "author": text.author,
            "updated": str(text.updated or ""), "tags": list(text.tags), "type": text.type,
            "related": list(text.related), "translation_of": text.pair,
        }  # fmt: skip
        head = "\n".join(
            f"{name}: {json.dumps(value, ensure_ascii=False)}"
            for name, value in keys.items()
            if value
        )
        body = "\n\n".join(
            (f"## {title}\n\n" if title else "") + body.replace("<", "&lt;")
            for title, body in text.sections
        )
        file = folder / f"{text.slug}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"---\n{head}\n---\n{body}\n", "utf-8")
