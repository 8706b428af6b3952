"""A Proof as sentences: text for a terminal, Markdown for a merge request. Proves nothing itself.

`say` puts a message into the reader's language; without it, it is English.
What customers typed stands in both as text: in Markdown every mark is a character reference, and
what is quoted stands in `code`, where neither GitHub nor GitLab looks for names and numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from kb.base import escaping
from kb.base.messages import Message
from kb.jobs.prove import Proof, Side, Verdict

MARK = "<!-- kb prove -->"  # by which a comment is found that is to be replaced
MOST_MARKDOWN = 16_000  # characters of a table; GitHub takes 65,536 in a comment
_MOST_CELL = 160  # characters of a cell
_NONE = "–"

Say = Callable[[Message], str]


def sentence(proof: Proof, say: Say = str) -> str:
    """What the change does, such as “answers 7 open questions (31 askers), moves 4 ranks”."""
    answered, lost = len(proof.answered), len(proof.lost)
    broken, moved = len(proof.broken), len(proof.moved)
    parts = [
        _asked(
            proof.answered,
            Message("answers {n} open question", "answers {n} open questions", n=answered),
            say,
        ),
        _asked(
            proof.lost,
            Message(
                "leaves {n} question without an answer",
                "leaves {n} questions without an answer",
                n=lost,
            ),
            say,
        ),
        say(Message("breaks {n} expectation", "breaks {n} expectations", n=broken))
        if broken
        else "",
        say(Message("moves {n} rank", "moves {n} ranks", n=moved)) if moved else "",
    ]
    said = ", ".join(filter(None, parts))
    return said or say(Message("changes no answer") if proof.asked else Message("is not proved"))


def _asked(verdicts: Sequence[Verdict], text: Message, say: Say) -> str:
    """The questions, and how many askers asked them; "" if there are none."""
    if not verdicts:
        return ""
    askers = sum(verdict.askers for verdict in verdicts)
    return f"{say(text)} ({_askers(askers, say)})" if askers else say(text)


def _askers(number: int, say: Say) -> str:
    return say(Message("{n} asker", "{n} askers", n=number))


def _lists(proof: Proof, say: Say) -> Iterator[tuple[str, tuple[Verdict, ...]]]:
    """What is to be listed, the worst first."""
    for title, verdicts in (
        (Message("Broken expectations"), proof.broken),
        (Message("No longer answered"), proof.lost),
        (Message("Answered now"), proof.answered),
        (Message("Moved"), proof.moved),
    ):
        if verdicts:
            yield say(title), verdicts


def _notes(proof: Proof, say: Say, shown: Callable[[str], str]) -> Iterator[str]:
    """What was compared; names that somebody chose are `shown` as the format asks."""
    base, head = (_name(side, say, shown) for side in (proof.base, proof.head))
    yield say(
        Message(
            "{base} → {head}: questions asked – {asked}: by customers – {customers}, "
            "claimed by articles – {claims}, pinned – {pins}, expected in files – {expectations}.",
            base=base,
            head=head,
            asked=proof.asked,
            customers=proof.customers,
            claims=proof.claims,
            pins=proof.pins,
            expectations=proof.expectations,
        )
    )
    if not proof.source:
        yield say(
            Message(
                "Not looked at: what customers ask, for none of it is known here. "
                "`kb log export --for-git -o misses.jsonl` writes it beside the articles, "
                "`GET /api/misses?for=git` gives it to CI."
            )
        )
    if proof.base.rejected or proof.head.rejected:
        yield say(
            Message(
                "Rejected articles: {before} before, {now} now; `kb check` names them.",
                before=proof.base.rejected,
                now=proof.head.rejected,
            )
        )


def _name(side: Side, say: Say, shown: Callable[[str], str]) -> str:
    if not side.name:
        return say(Message("working tree"))
    is_hash = bool(side.commit) and side.commit.startswith(side.name)
    return shown(side.name[:10] if is_hash else side.name) + (
        f" ({side.commit[:10]})" if side.commit and not is_hash else ""
    )


def _first(slug: str, say: Say) -> str:
    return say(Message("now first: {slug}", slug=slug))


def _rank(rank: int | None) -> str:
    return _NONE if rank is None else str(rank)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def printable(text: str) -> str:
    """One escaped line of at most so many characters."""
    line = escaping.header(text)
    return line if len(line) <= _MOST_CELL else f"{line[: _MOST_CELL - 1]}…"


# ---------------------------------------------------------------- text


def as_text(proof: Proof, say: Say = str) -> str:
    """The proof for a terminal."""
    lines = [f"{_capital(sentence(proof, say))}."]
    for title, verdicts in _lists(proof, say):
        lines += ["", title, *(_line(verdict, say) for verdict in verdicts)]
    return "\n".join([*lines, "", *_notes(proof, say, printable)])


def _line(verdict: Verdict, say: Say) -> str:
    asked = printable(verdict.question)
    if verdict.askers:
        asked += f" ({_askers(verdict.askers, say)})"
    article = f"{printable(verdict.title)} [{verdict.slug}]" if verdict.slug else ""
    parts = [f"{_rank(verdict.before)} → {_rank(verdict.after)}", article]
    if verdict.first and verdict.first != verdict.slug:
        parts.append(_first(verdict.first, say))
    parts += [printable(text) for text in (say(verdict.why), verdict.reason) if text]
    return f"  {asked}\n      {'; '.join(part for part in parts if part)}"


# ---------------------------------------------------------------- Markdown


def as_markdown(proof: Proof, say: Say = str) -> str:
    """The proof as a comment for GitHub and GitLab."""
    lines = [MARK, "", f"### {_capital(sentence(proof, say))}"]
    for title, verdicts in _lists(proof, say):
        lines += ["", f"**{title}**", "", *_table(verdicts, say)]
    return "\n\n".join(["\n".join(lines), *_notes(proof, say, quoted)])


_COLUMNS = (
    Message("Askers"), Message("Question"), Message("Before"), Message("Now"), Message("Article"),
)  # fmt: skip


def _table(verdicts: Sequence[Verdict], say: Say) -> Iterator[str]:
    yield _row(map(say, _COLUMNS))
    yield "|---:|---|---:|---:|---|"
    room = MOST_MARKDOWN
    for number, verdict in enumerate(verdicts):
        row = _row(_cells(verdict, say))
        room -= len(row)
        if room < 0:
            more = say(Message("… and {number} more", number=len(verdicts) - number))
            yield _row(("", more, "", "", ""))
            return
        yield row


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(verdict: Verdict, say: Say) -> Iterator[str]:
    yield str(verdict.askers or "")
    yield quoted(verdict.question)
    yield _rank(verdict.before)
    yield _rank(verdict.after)
    article = [quoted(verdict.slug)] if verdict.slug else []
    if verdict.first and verdict.first != verdict.slug:
        article.append(_first(quoted(verdict.first), say))
    article += [quoted(text) for text in (say(verdict.why), verdict.reason) if text]
    yield ", ".join(article)


def quoted(text: str) -> str:
    """Any text, as text, in one cell of a table."""
    escaped = "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in printable(text))
    return f"<code>{escaped}</code>"
