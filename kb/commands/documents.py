"""The documents that commands print with `--json`, as models; a test holds each against them.

Those of `kb search`, `kb misses` and `kb tokens list` are the documents of the API.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from kb.jobs.backup import Backup, Restored
from kb.jobs.digest import Digest
from kb.searchlog.replay import ReplayResult
from kb.site.api_models import Answer, Count, ExplainedResults, ListedTokens, Misses, Results
from kb.tickets.report import Report

Words = tuple[str, ...]


class Mistake(Answer):
    """Why a file is no article."""

    path: str
    line: Count
    code: str
    message: str
    cure: str


class Indexed(Answer):
    """Of `kb index`."""

    build: str
    published: bool
    held: Literal["", "rejected", "would-lose", "empty", "withdrawn"]
    articles: Count
    added: Count
    changed: Count
    removed: Count
    unchanged: Count
    learned: Count
    resumed: Count
    rejected: list[Mistake]
    skipped: Count
    dialects: dict[str, str]
    reasons: dict[str, str]
    navigations: list[str]
    seconds: float
    answered: list[str]
    regressed: list[str]
    unasked: Count


class Synced(Answer):
    """Of `kb sync`."""

    outcome: Literal["published", "unchanged", "held", "failed"]
    code: str
    message: str
    branch: str
    commit: str
    build: str
    at: datetime
    since: datetime
    rejected: list[Mistake]
    answered: list[str]
    regressed: list[str]
    unasked: Count


class Pulled(Answer):
    """Of `kb pull`."""

    build: str
    new: bool
    held: Literal["", "withdrawn"]
    files: Count
    bytes: Count
    seconds: float


class Pushed(Answer):
    """Of `kb push`."""

    build: str
    files: Count
    bytes: Count
    removed: Count
    seconds: float


class ListedMachine(Answer):
    """A machine of a site, and the build that it serves."""

    name: str
    state: Literal["ok", "behind", "silent"]
    build: str
    since: datetime
    version: str
    source: str
    pulled: datetime | None
    heard: datetime
    silent: float


class Status(Answer):
    """Of `kb status`."""

    published: str
    light: bool
    newest: str
    machines: list[ListedMachine]


class Line(Answer):
    """A line that an article learned, and how many askers chose it, of those it was shown to."""

    question: str
    chosen: Count
    shown: Count


class LearnedLines(Answer):
    """An article with the lines it learned."""

    slug: str
    path: str
    lines: list[Line]


class Learned(Answer):
    """Of `kb misses learned`."""

    articles: list[LearnedLines]
    synonyms: list[dict[str, Any]]


class Person(Answer):
    """Somebody with an account."""

    name: str
    role: Literal["lead", "writer"]
    email: str
    lang: str


class People(Answer):
    """Of `kb leads list`."""

    leads: list[Person]


class ListedLetter(Answer):
    """A letter to support."""

    number: str
    at: datetime
    state: Literal["new", "answered", "closed"]
    owner: str
    type: str
    plan: str
    subject: str
    email: str
    replied: datetime | None
    group: Count | None


class StuckDelivery(Answer):
    """A delivery that was tried in vain."""

    id: Count
    channel: str
    what: str
    letter: Count
    at: datetime
    state: Literal["waiting", "gave up"]
    attempts: Count
    due: datetime
    trouble: str


class ListedLetters(Answer):
    """Of `kb letters`."""

    letters: list[ListedLetter]
    total: Count
    waiting: Count
    stuck: list[StuckDelivery]


class Sent(Answer):
    """Of `kb letters send`."""

    sent: Count
    failed: Count


class MadeToken(Answer):
    """Of `kb tokens add`."""

    name: str
    token: str


class Setting(Answer):
    """A setting: its value as people write it, and where that comes from."""

    value: str
    origin: str
    meaning: str


class Check(Answer):
    """A line of `kb doctor`."""

    check: str
    level: Literal["ok", "warning", "error"]
    message: str
    cure: str


class Checks(Answer):
    """Of `kb doctor`."""

    checks: list[Check]
    errors: Count
    warnings: Count


class Score(Answer):
    """How well a judged set is answered."""

    name: str
    queries: Count
    ndcg: Annotated[float, Field(alias="ndcg@10")]
    mrr: Annotated[float, Field(alias="mrr@10")]
    success: Annotated[float, Field(alias="success@1")]
    recall: Annotated[float, Field(alias="recall@10")]
    broken: list[str]


class Scores(Answer):
    """Of `kb eval`."""

    sets: list[Score]


class Loss(Answer):
    """What an import could not keep of an article."""

    path: str
    message: str
    count: Count
    addresses: list[str]


class Move(Answer):
    """An article whose file has another path now."""

    from_: Annotated[str, Field(alias="from")]
    to: str


class Failure(Answer):
    """An article that could not be imported."""

    path: str
    message: str


class Imported(Answer):
    """Of `kb import`."""

    articles: Count
    added: Count
    changed: Count
    unchanged: Count
    languages: dict[str, Count]
    drafts: Count
    restricted: Count
    kept: list[str]
    moved: list[Move]
    gone: list[str]
    failed: list[Failure]
    empty: list[str]
    lost: list[Loss]


DOCUMENTS: Final[Mapping[Words, Any]] = {
    ("index",): Indexed,
    ("search",): Results | ExplainedResults,
    ("sync",): Synced,
    ("pull",): Pulled,
    ("push",): Pushed,
    ("status",): Status,
    ("import",): Imported,
    ("misses",): Misses,
    ("misses", "replay"): ReplayResult,
    ("misses", "learned"): Learned,
    ("digest",): Digest,
    ("backup",): Backup,
    ("restore",): Restored,
    ("leads", "list"): People,
    ("letters",): ListedLetters,
    ("letters", "send"): Sent,
    ("tokens", "add"): MadeToken,
    ("tokens", "list"): ListedTokens,
    ("config",): dict[str, Setting],
    ("doctor",): Checks,
    ("eval",): Scores,
    ("tickets",): Report,
}
