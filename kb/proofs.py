"""A Proof as sentences in Russian or English: text for a terminal, Markdown for a merge request.

What customers typed stands in both as text: in Markdown every mark is a character reference, and
what is quoted stands in `code`, where neither GitHub nor GitLab looks for names and numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import category

from kb.prove import Proof, Side, Verdict

MARK = "<!-- kb prove -->"  # by which a comment is found that is to be replaced
MOST_MARKDOWN = 16_000  # characters of a table; GitHub takes 65,536 in a comment
_MOST_CELL = 160  # characters of a cell
_NONE = "–"


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said in one language; counted nouns as its plural forms ask."""

    plural: Callable[[int], int]  # number → which form
    questions: tuple[str, ...]  # open ones that are answered now
    left: tuple[str, ...]
    expectations: tuple[str, ...]
    ranks: tuple[str, ...]
    visits: tuple[str, ...]
    nothing: str
    answered: str
    lost: str
    broken: str
    moved: str
    columns: tuple[str, str, str, str, str]  # visits, question, before, now, article
    first: str
    more: str
    compared: str
    tree: str
    no_customers: str
    rejected: str


_WORDS = {
    "en": _Words(
        plural=lambda n: 0 if n == 1 else 1,
        questions=("answers {} open question", "answers {} open questions"),
        left=("leaves {} question without an answer", "leaves {} questions without an answer"),
        expectations=("breaks {} expectation", "breaks {} expectations"),
        ranks=("moves {} rank", "moves {} ranks"),
        visits=("{} visit", "{} visits"),
        nothing="changes no answer",
        answered="Answered now",
        lost="No longer answered",
        broken="Broken expectations",
        moved="Moved",
        columns=("Visits", "Question", "Before", "Now", "Article"),
        first="now first: {}",
        more="… and {} more",
        compared="{} → {}: questions asked – {}, of them by customers – {}.",
        tree="working tree",
        no_customers="No questions of customers are known here; "
        "`kb log export --for-git -o misses.jsonl` writes them beside the articles.",
        rejected="Rejected articles: {} before, {} now; `kb check` names them.",
    ),
    "ru": _Words(
        plural=lambda n: (
            0 if n % 10 == 1 and n % 100 != 11
            else 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14
            else 2
        ),
        questions=(
            "отвечает на {} открытый вопрос",
            "отвечает на {} открытых вопроса",
            "отвечает на {} открытых вопросов",
        ),
        left=(
            "оставляет без ответа {} вопрос",
            "оставляет без ответа {} вопроса",
            "оставляет без ответа {} вопросов",
        ),
        expectations=(
            "нарушает {} ожидание", "нарушает {} ожидания", "нарушает {} ожиданий",
        ),
        ranks=(
            "меняет {} место в выдаче", "меняет {} места в выдаче", "меняет {} мест в выдаче",
        ),
        visits=("{} посещение", "{} посещения", "{} посещений"),
        nothing="не меняет ни одного ответа",
        answered="Ответ появился",
        lost="Ответ пропал",
        broken="Нарушенные ожидания",
        moved="Место изменилось",
        columns=("Посещений", "Вопрос", "Было", "Стало", "Статья"),
        first="теперь первая: {}",
        more="… и ещё {}",
        compared="{} → {}: задано вопросов — {}, из них от клиентов — {}.",
        tree="рабочая копия",
        no_customers="Вопросы клиентов здесь не известны; "
        "`kb log export --for-git -o misses.jsonl` запишет их рядом со статьями.",
        rejected="Отклонено статей: было {}, стало {}; их назовёт `kb check`.",
    ),
}  # fmt: skip


def sentence(proof: Proof, lang: str) -> str:
    """What the change does, such as “answers 7 open questions (31 visits), moves 4 ranks”."""
    words = _WORDS.get(lang, _WORDS["en"])
    parts = [
        _asked(proof.answered, words.questions, words),
        _asked(proof.lost, words.left, words),
        _counted(len(proof.broken), words.expectations, words),
        _counted(len(proof.moved), words.ranks, words),
    ]
    return ", ".join(part for part in parts if part) or words.nothing


def _counted(number: int, forms: Sequence[str], words: _Words) -> str:
    return forms[words.plural(number)].format(number) if number else ""


def _asked(verdicts: Sequence[Verdict], forms: Sequence[str], words: _Words) -> str:
    """The questions, and how many visits asked them."""
    visits = _counted(sum(verdict.visits for verdict in verdicts), words.visits, words)
    questions = _counted(len(verdicts), forms, words)
    return f"{questions} ({visits})" if questions and visits else questions


def _lists(proof: Proof, words: _Words) -> Iterator[tuple[str, tuple[Verdict, ...]]]:
    """What is to be listed, the worst first."""
    for title, verdicts in (
        (words.broken, proof.broken),
        (words.lost, proof.lost),
        (words.answered, proof.answered),
        (words.moved, proof.moved),
    ):
        if verdicts:
            yield title, verdicts


def _notes(proof: Proof, words: _Words, shown: Callable[[str], str]) -> Iterator[str]:
    """What was compared; names that somebody chose are `shown` as the format asks."""
    base, head = (_name(side, words, shown) for side in (proof.base, proof.head))
    yield words.compared.format(base, head, proof.asked, proof.customers)
    if not proof.source:
        yield words.no_customers
    if proof.base.rejected or proof.head.rejected:
        yield words.rejected.format(proof.base.rejected, proof.head.rejected)


def _name(side: Side, words: _Words, shown: Callable[[str], str]) -> str:
    if not side.name:
        return words.tree
    is_hash = bool(side.commit) and side.commit.startswith(side.name)
    return shown(side.name[:10] if is_hash else side.name) + (
        f" ({side.commit[:10]})" if side.commit and not is_hash else ""
    )


def _rank(rank: int | None) -> str:
    return _NONE if rank is None else str(rank)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def printable(text: str) -> str:
    """One line of at most so many characters, without what is invisible or turns the line round."""
    seen = "".join(c if category(c)[0] not in "CZ" else " " for c in text if category(c) != "Cf")
    line = " ".join(seen.split())
    return line if len(line) <= _MOST_CELL else f"{line[: _MOST_CELL - 1]}…"


# ---------------------------------------------------------------- text


def as_text(proof: Proof, lang: str) -> str:
    """The proof for a terminal."""
    words = _WORDS.get(lang, _WORDS["en"])
    lines = [f"{_capital(sentence(proof, lang))}."]
    for title, verdicts in _lists(proof, words):
        lines += ["", title, *(_line(verdict, words) for verdict in verdicts)]
    return "\n".join([*lines, "", *_notes(proof, words, printable)])


def _line(verdict: Verdict, words: _Words) -> str:
    visits = _counted(verdict.visits, words.visits, words)
    asked = f"{printable(verdict.question)} ({visits})" if visits else printable(verdict.question)
    article = f"{printable(verdict.title)} [{verdict.slug}]" if verdict.slug else ""
    parts = [f"{_rank(verdict.before)} → {_rank(verdict.after)}", article]
    if verdict.first and verdict.first != verdict.slug:
        parts.append(words.first.format(verdict.first))
    if verdict.reason:
        parts.append(printable(verdict.reason))
    return f"  {asked}\n      {'; '.join(part for part in parts if part)}"


# ---------------------------------------------------------------- Markdown


def as_markdown(proof: Proof, lang: str) -> str:
    """The proof as a comment for GitHub and GitLab."""
    words = _WORDS.get(lang, _WORDS["en"])
    lines = [MARK, "", f"### {_capital(sentence(proof, lang))}"]
    for title, verdicts in _lists(proof, words):
        lines += ["", f"**{title}**", "", *_table(verdicts, words)]
    return "\n\n".join(["\n".join(lines), *_notes(proof, words, quoted)])


def _table(verdicts: Sequence[Verdict], words: _Words) -> Iterator[str]:
    yield _row(words.columns)
    yield "|---:|---|---:|---:|---|"
    room = MOST_MARKDOWN
    for number, verdict in enumerate(verdicts):
        row = _row(_cells(verdict, words))
        room -= len(row)
        if room < 0:
            more = words.more.format(len(verdicts) - number)
            yield _row(("", more, "", "", ""))
            return
        yield row


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(verdict: Verdict, words: _Words) -> Iterator[str]:
    yield str(verdict.visits or "")
    yield quoted(verdict.question)
    yield _rank(verdict.before)
    yield _rank(verdict.after)
    article = [quoted(verdict.slug)] if verdict.slug else []
    if verdict.first and verdict.first != verdict.slug:
        article.append(words.first.format(quoted(verdict.first)))
    if verdict.reason:
        article.append(quoted(verdict.reason))
    yield ", ".join(article)


def quoted(text: str) -> str:
    """Any text, as text, in one cell of a table."""
    told = "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in printable(text))
    return f"<code>{told}</code>"
