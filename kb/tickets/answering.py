"""Asks the search what every ticket asks, in several processes. Judges no answer."""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from sys import intern

from kb.base.config import Settings
from kb.language import query_words
from kb.language.redaction import PLACEHOLDER, redact
from kb.service import KnowledgeBase

SHOWN = 3  # articles by which an answer is judged
_FEW = 2000  # questions that are asked without further processes: those take a second to start
_CHUNK = 100
_TOLD = 200  # questions after which progress is told

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and what the search made of it."""

    question: str  # redacted
    words: str  # its normalised words, parted by spaces
    slugs: tuple[str, ...]  # of the first articles
    margin: float  # how sure the search is; 1 and more is an answer
    lang: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the search takes itself to have answered."""
        return self.margin >= 1 and bool(self.slugs)


def answered(
    service: KnowledgeBase,
    questions: Sequence[str],
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Answered]:
    """What the search answers each question; equal questions are asked once.

    Raises IndexMissing if there is no build.
    """
    different = list(dict.fromkeys(questions))
    found: dict[str, Answered] = {}
    for question, answer in zip(different, _all(service, different, processes), strict=True):
        found[question] = answer
        if progress and (len(found) % _TOLD == 0 or len(found) == len(different)):
            progress(len(found), len(different))
    return [found[question] for question in questions]


def _all(service: KnowledgeBase, questions: list[str], processes: int) -> Iterator[Answered]:
    service.catalog()  # raises what is wrong with the build, before processes are started
    if processes < 2 or len(questions) < _FEW:
        yield from (_asked(service, question) for question in questions)
        return
    context = get_context("spawn")  # the caller may have threads
    with context.Pool(processes, _open, (service.settings,)) as pool:
        for answer in pool.imap(_answer, questions, _CHUNK):
            yield _shared(answer)


_service: KnowledgeBase | None = None  # of a process of the pool


def _open(settings: Settings) -> None:
    global _service
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its pool
    _service = KnowledgeBase.open(settings)


def _answer(question: str) -> Answered:
    assert _service is not None  # noqa: S101 - `_open` came before
    return _asked(_service, question)


def _asked(service: KnowledgeBase, question: str) -> Answered:
    told = redact(question)
    results = service.answer(asked_of(told), limit=SHOWN, facets=False)
    margin = results.margin if results.margin else float(results.confident)
    slugs = tuple(hit.slug for hit in results.hits)
    return Answered(
        told, query_words.key(asked_of(told)), slugs, margin if slugs else 0.0, results.lang
    )


def asked_of(question: str) -> str:
    """What is asked of the search: a redacted question without its placeholders.

    Someone's address is no word of any article, and would make the rest of it look less covered.
    """
    return " ".join(PLACEHOLDER.sub(" ", question).split())


def _shared(answer: Answered) -> Answered:
    """The same with slugs that all answers share: a hundred thousand copies are megabytes."""
    slugs = tuple(map(intern, answer.slugs))
    return Answered(answer.question, answer.words, slugs, answer.margin, intern(answer.lang))
