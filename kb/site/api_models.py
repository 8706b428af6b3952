"""The documents of the JSON API and of commands with `--json`, as models. Nothing is checked here.

`/openapi.json` is made of them, and tests hold what is really answered against them, strictly; so
an answer is written as plain values and costs no check while somebody types.
"""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from kb.base.config import HOOK_EVENTS
from kb.searchlog.db.choices import KINDS, STATUSES
from kb.searchlog.db.models import CAUSES, ORDERS
from kb.searchlog.db.token_models import SCOPES

Count = Annotated[int, Field(ge=0)]
Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
Cut = Annotated[float | None, Field(description="cut to what is possible")]
Kind = Literal[KINDS]  # type: ignore[valid-type]
Status = Literal[STATUSES]  # type: ignore[valid-type]
Cause = Literal[CAUSES]  # type: ignore[valid-type]
Order = Literal[ORDERS]  # type: ignore[valid-type]
Scope = Literal[SCOPES]  # type: ignore[valid-type]
Event = Literal[HOOK_EVENTS]  # type: ignore[valid-type]
Marked = Annotated[
    tuple[str, Literal[0, 1]], Field(description="text, and 1 if it is marked")
]  # fmt: skip


class Answer(BaseModel):
    """What the service says: every field is there, and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sent(BaseModel):
    """What the service is told: unknown fields are passed over."""

    model_config = ConfigDict(frozen=True)


class Problem(Answer):
    """What is wrong: a code for programs and a message for people."""

    code: str
    message: str


class Error(Answer):
    """The body of every error."""

    error: Problem


# --- searching ----------------------------------------------------------------------------------


class Correction(Answer):
    """How a question was repaired."""

    kind: Literal["layout", "spelling", "translit", "dropped"]
    query: str


class Hit(Answer):
    """An article that was found."""

    slug: str
    url: str
    title: str
    title_parts: list[Marked]
    section: str
    snippet: list[Marked]
    answer: str
    category: str
    path: list[str] = Field(
        description="titles of the topics above the article, the uppermost first"
    )
    lang: str
    score: float
    pinned: bool = Field(description="`pins.yml` puts it first")


class Results(Answer):
    """What was found: of `GET /api/search` and of `kb search --json`."""

    query: str
    total: Count = Field(description="articles that are hits")
    relevant: Count = Field(description="of them, those within reach of the best")
    took_ms: float = Field(ge=0)
    build: str
    lang: str
    correction: Correction | None
    confident: bool = Field(description="false: results are weak matches at best")
    results: list[Hit]
    tried: list[Correction]
    without: list[str] = Field(description="words that no hit holds, as `-word` asks")
    with_all: str | None = Field(description="the query that leaves out none of them")


class ScorePart(Answer):
    """A part of the score of a hit."""

    slug: str
    part: str
    field: str
    term: str
    contribution: float


class LearnedLine(Answer):
    """A question that an article learned from readers."""

    question: str
    askers: Count


class Pinned(Answer):
    """The line of `pins.yml` that puts an article first."""

    line: int
    reason: str


class ExplainedResults(Results):
    """What `kb search --explain --json` adds."""

    explain: list[ScorePart]
    learned: dict[str, list[LearnedLine]]
    pins: dict[str, Pinned]


# --- what pages report --------------------------------------------------------------------------


class ReportedStep(Sent):
    """What stood in the search box, and when."""

    q: str | None
    ms: Cut = None


class ReportedEvent(Sent):
    """What a visitor did."""

    kind: Literal["click", "answered", "left", "contact"]
    slug: str | None = None
    rank: Cut = None
    ms: Cut = None


class Report(Sent):
    """A typing run."""

    run: Id
    visit: Id
    surface: Literal["box", "page", "contact", "widget", ""] | None = None
    lang: str | None = None
    filters: dict[str, str | None] | None = None
    build: str | None = None
    steps: list[ReportedStep] | None = None
    shown: (
        list[Annotated[tuple[str | None, Cut], Field(description="slug and rank")]] | None
    ) = None  # fmt: skip
    events: list[ReportedEvent] | None = None


class Feedback(Sent):
    """A vote on an article."""

    slug: Annotated[str, Field(min_length=1, pattern=r"[^\s\x00]")]
    helpful: bool
    reason: str | None = None
    text: str | None = None
    run: str | None = None


class ContactForm(Sent):
    """What a contact form was shown, or which article answered."""

    form: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{6,64}$")]
    visit: str | None = None
    shown: list[str] | None = None
    helped: str | None = None


# --- promises -----------------------------------------------------------------------------------


class Usual(Answer):
    """How soon letters were replied to."""

    letters: Count = Field(description="replied to in the last 28 days, five or more")
    median_minutes: Count = Field(description="of working time")
    p90_minutes: Count


class Promise(Answer):
    """How soon a letter is replied to."""

    plan: str | None = Field(description="null: any")
    type: str | None = Field(description="of letter; null: any")
    sentence: str
    minutes: Count | None = Field(description="of working time, as configured")
    days: Count | None = Field(description="working days, as configured")
    measured: bool = Field(description="the sentence tells the measured time")
    time_zone: str
    usual: Usual | None
    due: datetime | None = Field(description="by when a letter written now is replied to")


class Delay(Answer):
    """A notice that replies take longer."""

    sentence: str
    letters: Count = Field(description="that wait longer than promised")


class Promises(Answer):
    """All that is promised."""

    lang: str
    sentence: str = Field(description="KB_PROMISE, or all promises in a sentence; or empty")
    promises: list[Promise]
    delay: Delay | None


class Notice(Answer):
    """A notice on all pages."""

    level: Literal["info", "warning", "critical"]
    label: str = Field(description="the level in words")
    lang: str = Field(description="of its text")
    title: str
    html: str = Field(description="sanitised")
    text: str
    since: datetime | None = Field(alias="from")
    until: datetime | None


class Notices(Answer):
    """The notice that pages show now."""

    lang: str
    notice: Notice | None


# --- questions ----------------------------------------------------------------------------------


class Triage(Answer):
    """The likely cause of a question's misses."""

    cause: Cause
    build: str
    query: str = Field(description="as which it would have been answered")
    slug: str = Field(description="the article that would have answered")
    words: list[str] | None = Field(description="of a synonym: customers' word, ours")


class AnsweredBy(Answer):
    """The article that answers a question."""

    slug: str
    build: str
    commit: str
    rank: Count
    committed: datetime | None
    at: datetime
    share: Count = Field(description="per cent of the visits that it answers")


class Progress(Answer):
    """How much of a question the search answers today."""

    wordings: Count
    answered_wordings: Count = Field(description="those that the search answers today")
    visits: Count
    answered_visits: Count
    is_enough: bool = Field(description="whether the question may be closed")
    slug: str = Field(description="the article that answers most")
    rank: Count
    standing: list[str]
    unhelpful: str = Field(description="an article that readers saw and that did not help")


class Phrasing(Answer):
    """A wording of a question."""

    query: str
    visits: Count


class Miss(Answer):
    """A group of misses that ask the same."""

    id: Count
    question: str
    label: str = Field(description="the most asked wording, repaired")
    phrasings: list[Phrasing]
    visits: Count = Field(description="different visits; with since, of that time")
    kinds: dict[str, Count]
    status: Status
    owner: str
    category: str
    first: datetime
    last: datetime
    triage: Triage | None
    answer: AnsweredBy | None
    progress: Progress | None


class Misses(Answer):
    """Of `GET /api/misses`."""

    groups: list[Miss]
    more: bool = Field(description="whether there are more than the limit")


class Dismissal(Answer):
    """Why a question is left alone."""

    reason: str
    until: datetime | None


class Question(Miss):
    """A question as the board shows it."""

    lang: str
    searches: Count
    letters: Count = Field(description="visits that then wrote to support")
    note: str
    dismissed: Dismissal | None


class Questions(Answer):
    """A page of the board."""

    questions: list[Question]
    total: Count
    page: int = Field(ge=1)
    pages: int = Field(ge=1)


class Day(Answer):
    """What was asked of a question on a day (UTC)."""

    day: date
    visits: Count
    searches: Count
    letters: Count


class Place(Answer):
    """An article in the results of a question's searches."""

    slug: str
    searches: Count
    rank: float = Field(description="mean place, from 1")


class Change(Answer):
    """An entry of the history; an empty `who` is the service itself."""

    at: datetime
    who: str
    what: str
    detail: str
    undone: bool


class QuestionDetails(Question):
    """All that is known of a question."""

    days: list[Day]
    shown: list[Place]
    opened: list[Place]
    merged: list[Count] = Field(description="questions that were merged into this one")
    history: list[Change] = Field(description="the oldest first")


class Assignment(Sent):
    """Whose question it is from now on; empty: nobody's."""

    owner: Annotated[str, Field(max_length=80)]


class Dismissed(Sent):
    """Why a question is left alone from now on, and until which day."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"[^\s\x00]")]
    until: date | None = None


class Noted(Sent):
    """The note of a question, in place of the former one."""

    note: Annotated[str, Field(max_length=5000)]


# --- programs -----------------------------------------------------------------------------------


class TokenHolder(Answer):
    """Whose token it is and what it opens: of `GET /api/token`."""

    name: str
    scopes: list[Scope]
    expires: datetime | None


class ListedToken(TokenHolder):
    """A token in `kb tokens list --json`."""

    made: datetime
    used: datetime | None = Field(description="last, to the minute")


class ListedTokens(Answer):
    """Of `kb tokens list --json`."""

    tokens: list[ListedToken]


class Push(Sent):
    """A push to the articles' repository."""

    ref: str = Field(description="such as refs/heads/main")
    after: str = Field(description="its new commit")


class Noticed(Answer):
    """What comes of a push."""

    status: Literal["accepted", "ignored"]
    message: str


class Health(Answer):
    """The process lives."""

    status: Literal["ok"]


class Ready(Answer):
    """There is a build to answer from."""

    status: Literal["ok", "degraded"]
    build: str
    articles: Count


class HookEvent(Answer):
    """What a receiver of `KB_HOOKS` is sent; `version` changes when a field goes."""

    version: Literal[1]
    id: str = Field(description="of the event; the same in webhook-id, however often it comes")
    type: Event
    at: datetime
    site: str = Field(description="KB_BASE_URL, or empty")
    link: str = Field(description="of the page that shows it, or empty")
    text: str = Field(description="the event in a sentence, in the language of KB_LANG")
    data: dict[str, Any]


MODELS: Final = tuple(
    model
    for model in list(globals().values())
    if isinstance(model, type) and issubclass(model, Answer | Sent) and model not in (Answer, Sent)
)
