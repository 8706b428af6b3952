"""Bases to search in tests: made-up articles with hard words, and a sample of real Russian ones."""

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kb import indexer
from kb.base.config import Settings
from kb.service import KnowledgeBase

_WORDS = """
    пароль пароля паролей войти вход входа оплата оплатить деньги денег письмо писем ёлка елка
    ip-адрес адрес settingsPage settings page 1С C++ c# v2.5 API webhook webhooks PDFфайл windows10
    reset resets password don't пользователи@example.com настройка VPN почта не без как где the
    日本語 контекстa É naïve strasse straße ﬁle 👩‍👩‍👧 й
"""
WORDS = _WORDS.split()
_UNSEEN = ("\0", "\ud800", "\u202e", "\u0301", "\xad", "\n")


def line(rng: random.Random, most: int) -> str:
    """Some of the words, now and then quoted, hyphenated or in capitals."""
    words = rng.choices(WORDS, k=rng.randint(1, most))
    return " ".join(word.upper() if rng.random() < 0.1 else word for word in words)


def article(rng: random.Random) -> str:
    """An article of a few sections."""
    parts = [f"---\ntitle: '{line(rng, 4).replace(chr(39), chr(39) * 2)}'\n"]
    if rng.random() < 0.3:
        parts.append(f"tags: [{rng.choice('xyz')}]\n")
    if rng.random() < 0.3:
        parts.append(f"answers: ['{line(rng, 5).replace(chr(39), chr(39) * 2)}']\n")
    parts.append("---\n\n")
    for _ in range(rng.randint(0, 4)):
        if rng.random() < 0.7:
            parts.append(f"## {line(rng, 3)}\n\n")
        parts.append(f"{line(rng, 60)}.\n\n")
    return "".join(parts)


LONG = ("own", "file", "both")  # where the words of a long article are


def long_articles(folder: Path) -> None:
    """Writes articles of more words than ranking looks at in their order."""
    rng = random.Random(11)
    for number, kind in enumerate(LONG):
        text = [f"# {line(rng, 4)}\n\n"]
        own, of_file = (16_000 if kind != "file" else 60), (90_000 if kind != "own" else 0)
        for _ in range(own // 20):
            if rng.random() < 0.1:
                text.append(f"## {line(rng, 3)}\n\n")
            text.append(f"{' '.join(rng.choices(WORDS, k=20))}.\n\n")
        folder.mkdir(parents=True, exist_ok=True)
        if of_file:
            lines = (" ".join(rng.choices(WORDS, k=10)) for _ in range(of_file // 10))
            (folder / f"long{number}.txt").write_text("\n".join(lines), "utf-8")
            text.append(f"[{number}](long{number}.txt)\n")
        (folder / f"long{number}.md").write_text("".join(text), "utf-8")


def made_up(folder: Path, count: int = 60, seed: int = 1, *, files: bool = False) -> KnowledgeBase:
    """A published base of made-up articles; with `files`, each sixth links to one."""
    rng, of_files = random.Random(seed), random.Random(-seed)
    for number in range(count):
        path = folder / "articles" / rng.choice(["ru", "en"]) / f"{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = article(rng)
        if files and number % 6 == 0:
            text += f"[{number}]({number}.txt)\n"
            lines = [line(of_files, 60) for _ in range(20)]
            path.with_name(f"{number}.txt").write_text("\n".join(lines), "utf-8")
        path.write_text(text, "utf-8")
    return published(folder)


def sampled(source: Path, folder: Path, count: int, seed: int = 1) -> KnowledgeBase:
    """A published base of some real articles."""
    files = sorted(path for path in source.rglob("*.md") if path.stat().st_size > 500)
    for path in random.Random(seed).sample(files, min(count, len(files))):
        target = folder / "articles" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return published(folder)


def write(files: Mapping[str, str], folder: Path) -> None:
    """Writes texts by their paths below a folder."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def of(files: Mapping[str, str], folder: Path, **settings: Any) -> KnowledgeBase:
    """A published base of texts by their paths."""
    write(files, folder / "articles")
    return published(folder, **settings)


def published(folder: Path, **more: Any) -> KnowledgeBase:
    """The service over `folder`/articles, brought up to date."""
    settings = Settings(articles=folder / "articles", data=folder / "var", **more)
    indexer.rebuild(settings)
    return KnowledgeBase.open(settings)


def strange_queries(rng: random.Random, words: list[str], count: int) -> list[str]:
    """What people, cats and attackers type, from the words of a base."""
    marks = [*"\"«»“”„-–−*?([\\:^%…'ё", "~9", "NOT", "AND", *_UNSEEN]
    found = []
    for _ in range(count):
        kind = rng.random()
        picked = rng.choices(words, k=rng.choice([1, 1, 2, 2, 3, 4, 6]))
        if kind < 0.4:
            query = " ".join(picked)
        elif kind < 0.55:  # as you type
            query = " ".join(picked)
            query = query[: rng.randint(1, len(query))]
        elif kind < 0.7:  # a slip of the finger
            query = list(" ".join(picked))
            at = rng.randrange(len(query))
            query[at] = rng.choice("абвгдеabcde")
            query = "".join(query)
        elif kind < 0.9:
            picked += rng.choices(marks, k=rng.randint(1, 5))
            rng.shuffle(picked)
            query = rng.choice(["", " "]).join(picked)
        elif kind < 0.97:
            query = "".join(chr(rng.choice([rng.randrange(0x500), rng.randrange(0x110000)]))
                            for _ in range(rng.randint(1, 40)))  # fmt: skip
        else:
            query = rng.choice([*marks, *picked]) * rng.choice([50, 500, 5_000])
        found.append(query)
    return found
