"""What articles claim: questions they answer, titles they bear. Ranks nothing itself."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from kb.base.messages import Message
from kb.checks.rules.base import Base, Finding, is_mirrored, is_only_title, rule
from kb.content.articles import Article
from kb.language import query_words

TOP = 3  # an article must stand among so many for each question it claims to answer


@rule("answer-not-found", "error")
def _answer_not_found(base: Base) -> Iterator[Finding]:
    """A question under `answers` does not find its article among the first three."""
    if base.rank is None:
        return
    for article in base.served():
        for question in article.answers if base.is_asked(article.path) else ():
            slugs = list(base.rank(question, article.lang))
            if article.slug in slugs[:TOP]:
                continue
            message = (
                Message(
                    "“{question}” does not lead here; first comes {slug}",
                    question=question,
                    slug=slugs[0],
                )
                if slugs
                else Message("“{question}” does not lead here; nothing is found", question=question)
            )
            yield Finding(
                article,
                article.lines.get("answers", 1),
                message,
                Message(
                    "use the question's words in title or headings, or move it to the other article"
                ),
            )


@rule("answer-claimed-twice", "warning")
def _answer_claimed_twice(base: Base) -> Iterator[Finding]:
    """Two articles of one language claim to answer the same question."""
    claims: dict[tuple[str, str], list[tuple[Article, str]]] = defaultdict(list)
    for article in base.served():
        for question in article.answers:
            claims[article.lang, query_words.key(question)].append((article, question))
    for claimed in claims.values():
        for article, question in claimed:
            other = next((a for a, _ in claimed if a is not article), None)
            if other is not None:
                yield Finding(
                    article,
                    article.lines.get("answers", 1),
                    Message(
                        "“{question}” is claimed by {path} as well",
                        question=question,
                        path=other.path,
                    ),
                    Message("keep it where the answer is, link there from the other"),
                )


@rule("duplicate-title", "warning")
def _duplicate_title(base: Base) -> Iterator[Finding]:
    """Two articles of one topic and language have the same title."""
    titles: dict[tuple[str, int, str], list[Article]] = defaultdict(list)
    for article in base.served():
        if is_only_title(article):
            continue
        title = " ".join(article.title.casefold().split())
        titles[article.lang, base.tree.above(article.path), title].append(article)
    for same in titles.values():
        for article in same if len(same) > 1 else ():
            others = (a for a in same if a is not article and not is_mirrored(a, article))
            other = next(others, None)
            if other is not None:
                yield Finding(
                    article,
                    article.lines.get("title", article.body_line),
                    Message("{path} has the same title", path=other.path),
                    Message("say in the title what tells them apart, or join them"),
                )


_ASKS = re.compile(
    r"\?$|^(?:как|какая|какие|каким|какой|кто|что|где|куда|когда|почему|отчего|зачем|сколько|чем"
    r"|можно ли|нужно ли|если|how|what|why|when|where|which|who|can|do|does|is|are|if|should)\b",
    re.I,
)
# What a Russian verb, or a noun of doing, ends with; `не` stands before what does not happen.
_ACTS_RU = re.compile(
    r"(?:ть|ти|чь|ться|тись|чься|[йиь]те|[йиь]тесь|[аеия]ние|[аеия]ния|тие|ция|[вдзйлпрст]ка|[аеиуюя][её]т(?:ся)?|[иуюя]т(?:ся)?"
    r"|[аеиуыя]л[аои]?|[аеиуыя]л(?:ся|ась|ось|ись)|[ае]н[аоы]?)$|^(?:не|нет|ввод|вход|выход|вывоз|выбор"
    r"|возврат|доступ|заказ|запуск|импорт|экспорт|обмен|обзор|отзыв|отказ|перевод|перенос|подбор"
    r"|поиск|расчёт|расчет|ремонт|сброс|сбор|учёт|учет)$"
)
_ACTS_EN = re.compile(
    r"(?:[a-z]{2,}ing|[a-z]{2,}(?:tion|ment)|not|no|never|is|are|be|(?:ca|do|does|is|wo)n['’]t|cannot|fails?"
    r"|stays?|stops?|keeps?|comes?|goes|gets|shows?|says?|asks?|sees?|hears?|works?|add|allow|ask"
    r"|attach|back|block|book|build|buy|call|cancel|change|check|choose|clean|clear|close|connect"
    r"|contact|convert|copy|create|customi[sz]e|cut|decide|delete|disable|download|edit|enable|end"
    r"|enter|export|extend|fill|find|fix|follow|get|give|go|hide|import|install|invite|join|keep|leave"
    r"|link|list|log|look|make|manage|measure|merge|move|open|order|pass|pay|pick|place|post|prepare"
    r"|prevent|print|prove|publish|put|read|receive|record|recover|refund|remove|rename|renew|repair"
    r"|replace|report|request|reset|restart|restore|return|review|roll|run|save|search|see|send|serve"
    r"|set|share|sign|skip|solve|sort|start|stop|store|subscribe|switch|take|tell|test|track"
    r"|transfer|translate|try|turn|understand|undo|unsubscribe|update|upgrade|upload|use|verify|view"
    r"|watch|work|write)$"
)


@rule("title-form", "hint")
def _title_form(base: Base) -> Iterator[Finding]:
    """A how-to or a problem has a title that neither asks nor says what is done or happens."""
    for article in base.served():
        if article.type in ("how-to", "problem") and not _asks_or_acts(article.title):
            yield Finding(
                article,
                article.lines.get("title", article.body_line),
                Message(
                    "the title “{title}” is neither a question nor an action", title=article.title
                ),
                Message("write what the reader wants to do, or what they see happen"),
            )


def _asks_or_acts(title: str) -> bool:
    """Whether a title is worded as readers ask: “How …”, “Reset …”, “The page stays white”."""
    if _ASKS.search(title):
        return True
    words: Sequence[str] = re.findall(r"[\w'’]+", title.casefold())
    return any(_ACTS_RU.search(word) or _ACTS_EN.match(word) for word in words)
