"""Scaffold of a new article: its path, file name and skeleton. Indexes nothing."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import frontmatter

from kb.base.config import Settings
from kb.base.errors import KBError
from kb.base.messages import Message
from kb.content import articles, metadata
from kb.content.folder import scan
from kb.content.front_matter import PlainScalar, YAMLHandler

# All 33 letters, as passports and railway tickets write them, but readable: щ is shch, not shh.
_LETTERS = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch * y * e yu ya".replace(
            "*", ""
        ).split(" "),
        strict=True,
    )
)
_LONGEST = 60


class CannotCreate(KBError):
    """The article cannot be created: no title, an unknown language, or a file in its place."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The texts of a skeleton in one language; a part is a heading and the text below it."""

    lead: str
    answers: str
    why: tuple[str, str]
    if_not: tuple[str, str]
    parts: dict[str, tuple[tuple[str, str], ...]]


_SKELETONS = {
    "ru": _Words(
        lead="Одно-два предложения: ответ целиком.",
        answers="вопросы словами клиентов, по одному в строке",
        why=("Почему так происходит", "Причина одним абзацем: понятная проблема не повторится."),
        if_not=("Если не помогло", "Что проверить ещё и что прислать в поддержку."),
        parts={
            "how-to": (("Шаги", "1. Откройте …\n2. Нажмите …\n3. Проверьте, что …"),),
            "problem": (("Как исправить", "1. Откройте …\n2. Нажмите …\n3. Проверьте, что …"),),
            "reference": (("Описание", "| Название | Что значит |\n|---|---|\n| … | … |"),),
            "policy": (("Правило", "Что можно, что нельзя, кого касается и с какой даты."),),
        },
    ),
    "en": _Words(
        lead="One or two sentences: the whole answer.",
        answers="questions in customers' words, one on each line",
        why=(
            "Why it happens",
            "The reason in one paragraph: who understands it, does not ask again.",
        ),
        if_not=("If it did not help", "What else to check, and what to send to support."),
        parts={
            "how-to": (("Steps", "1. Open …\n2. Press …\n3. Check that …"),),
            "problem": (("How to fix it", "1. Open …\n2. Press …\n3. Check that …"),),
            "reference": (("Description", "| Name | Meaning |\n|---|---|\n| … | … |"),),
            "policy": (("The rule", "What is allowed, what is not, for whom and from which day."),),
        },
    ),
}


def placeholders() -> frozenset[str]:
    """The lines that `skeleton` writes for somebody to replace, in all languages."""
    lines: list[str] = []
    for words in _SKELETONS.values():
        texts = [words.lead, words.why[1], words.if_not[1]]
        texts += [text for parts in words.parts.values() for _, text in parts]
        lines += [
            line for text in texts for line in text.split("\n") if "…" in line or text == line
        ]
    return frozenset(lines)


def create(
    settings: Settings,
    title: str,
    *,
    lang: str | None = None,
    category: str = "",
    kind: str = "how-to",
    answers: Sequence[str] = (),
) -> Path:
    """Writes a new article and returns its path; never overwrites a file.

    It goes to the folder with most articles of its category and language, else to a folder named
    after the category. `kind` is one of `metadata.TYPES`, `today` the date written. Raises
    CannotCreate.
    """
    title = " ".join(unicodedata.normalize("NFC", title).split())
    if not title:
        raise CannotCreate(Message('the title is empty; write `kb new "How to reset a password"`'))
    lang = lang or settings.lang
    if lang not in settings.langs:
        known = ", ".join(settings.langs)
        raise CannotCreate(
            Message(
                "{lang} is none of the languages {known}; add it to KB_LANGS",
                lang=lang,
                known=known,
            )
        )
    root = _root(settings, lang)
    folder = _folder_of(settings, lang, category) or root.joinpath(*_folders(root, category))
    path = folder / f"{file_name(title)}.md"
    text = skeleton(
        title,
        lang=lang,
        kind=kind,
        category="" if folder.name == category.strip("/ ").split("/")[-1] else category.strip(),
        say_lang=root == settings.articles,
        answers=answers,
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CannotCreate(
            Message("{path} is there already; edit it, or choose another title", path=str(path))
        ) from None
    return path


def _root(settings: Settings, lang: str) -> Path:
    """The folder of a language, or the articles folder where there are no such folders."""
    has_languages = any((settings.articles / code).is_dir() for code in settings.langs)
    is_new = not any(settings.articles.glob("*"))
    return settings.articles / lang if has_languages or is_new else settings.articles


def categories(settings: Settings, lang: str) -> list[str]:
    """The categories of articles in a language, the largest first."""
    known = (article for article in _known(settings) if article.lang == lang)
    return [name for name, _ in Counter(a.category for a in known if a.category).most_common()]


def _folder_of(settings: Settings, lang: str, category: str) -> Path | None:
    """The folder with most articles of this category and language, if there is any."""
    wanted = category.strip().casefold()
    counts = Counter(
        article.path.rpartition("/")[0]
        for article in (_known(settings) if wanted else ())
        if (article.lang, article.category.casefold()) == (lang, wanted)
    )
    return settings.articles / counts.most_common(1)[0][0] if counts else None


def _known(settings: Settings) -> Sequence[articles.Article]:
    defaults = articles.Defaults(settings.lang, settings.langs, settings.max_article_bytes)
    return scan(settings.articles, defaults).articles if settings.articles.is_dir() else ()


def _folders(root: Path, category: str) -> list[str]:
    """The folders of a category: existing ones by name, others transliterated.

    `a/b` is two folders; no part leads out of `root`.
    """
    folders: list[str] = []
    for part in category.split("/"):
        wanted = part.strip()
        is_there = wanted not in ("", ".", "..") and root.joinpath(*folders, wanted).is_dir()
        name = wanted if is_there else file_name(wanted, otherwise="")
        folders += [name] if name else []
    return folders


def file_name(title: str, otherwise: str = "article") -> str:
    """The title as a file name of ASCII letters, digits and hyphens, at most 60 characters.

    `Как сбросить пароль?` gives `kak-sbrosit-parol`; a title without any letter gives `otherwise`.
    """
    folded = "".join(_LETTERS.get(char, char) for char in title.lower())
    plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    words = re.findall("[a-z0-9]+", plain.replace("'", ""))
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > _LONGEST:
            break
        name = f"{name}-{word}" if name else word[:_LONGEST]
    return name or otherwise


def skeleton(
    title: str,
    *,
    lang: str,
    kind: str,
    category: str = "",
    say_lang: bool = False,
    answers: Sequence[str] = (),
) -> str:
    """The text of a new article, which passes `kb check` unchanged.

    Its `answers` are those given, else the title.
    """
    words = _SKELETONS.get(lang, _SKELETONS["en"])
    parts = list(words.parts[kind])
    if kind == "problem":
        parts += [words.why]
    if kind in ("problem", "how-to"):
        parts += [words.if_not]
    front = {
        "title": title,
        **({"lang": PlainScalar(lang)} if say_lang else {}),
        **({"category": category} if category else {}),
        "type": PlainScalar(kind),
        "answers": list(answers) or [title],
    }
    body = [words.lead, *(f"## {heading}\n\n{text}" for heading, text in parts)]
    handler = YAMLHandler({"answers": words.answers})
    return frontmatter.dumps(frontmatter.Post("\n\n".join(body), handler, **front)) + "\n"


# ---------------------------------------------------------------- JSON Schema

_TEXT = {"type": ["string", "number", "boolean"]}
_LIST = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_DATE = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}"}
_YES_NO = {"enum": [True, False, "yes", "no"]}

_MEANINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "title": ("title of the article; without it the first heading", _TEXT),
    "lang": ("language, such as ru or en", {"type": "string", "pattern": "^[A-Za-z]{2,3}"}),
    "slug": ("address under /articles/; without it the path", _TEXT),
    "answers": ("questions, in customers' words, that this article answers", _LIST),
    "answer": (
        "the short answer shown in the result list",
        {**_TEXT, "maxLength": metadata.MAX_ANSWER},
    ),
    "category": ("category; without it the parent folder", _TEXT),
    "tags": ("labels to filter by", _LIST),
    "related": ("slugs of articles worth reading next", _LIST),
    "aliases": ("former slugs; they lead here", _LIST),
    "type": ("kind of article", {"enum": list(metadata.TYPES)}),
    "author": ("who signs the article; without it the last git author", _TEXT),
    "owner": ("who answers for it; without it the owner of the category", _TEXT),
    "updated": ("date of the last change; without it the last commit", _DATE),
    "review_by": ("read again by this date", _DATE),
    "publish": ("not shown before this date", _DATE),
    "expires": ("not shown from this date on", _DATE),
    "draft": ("not shown at all", _YES_NO),
    "unlisted": ("shown, but not found", _YES_NO),
    "audience": ("who may read it: `public`, `signed-in`, or groups", _LIST),
    "boost": ("rank factor", {"type": "number", "minimum": 0.1, "maximum": 10}),
    "order": ("place among its neighbours, the smallest first", {"type": "number"}),
    "translation_of": ("slug of the article this one translates", _TEXT),
}


def schema() -> dict[str, Any]:
    """The JSON Schema of front matter, for completion and checks in editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Front matter of an article",
        "type": "object",
        "properties": {
            key: {"description": meaning, **shape} for key, (meaning, shape) in _MEANINGS.items()
        },
        "additionalProperties": True,
    }
