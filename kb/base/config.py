"""Settings and where each came from. Reads file and environment once, then never again."""

import os
import re
import socket
import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from kb.base import messages, passwords, wrong_values
from kb.base.errors import ConfigError, reason
from kb.base.messages import Message, joined, quoted
from kb.base.roles import LEAD, ROLES, WRITER

FILE = "kb.toml"
_PREFIX = "KB_"


Tool = Literal[
    "plain", "diplodoc", "docfx", "docusaurus", "gitbook", "hugo", "jekyll", "mkdocs", "obsidian",
    "docsify", "mintlify", "starlight", "vitepress", "wikijs",
]  # fmt: skip


class FooterLink(BaseModel):
    """A link a site adds to its footer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    url: str


HOOK_EVENTS: Final = (
    *("article.published", "article.changed", "article.removed", "article.rejected"),
    *("question.opened", "question.answered", "question.proved", "question.lost"),
    *("vote.no", "letter.received"),
)


class Hook(BaseModel):
    """A receiver that hears of events: where it is, how it is written to, and of what."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = ""  # by which deliveries name it; without one its shape
    shape: Literal["json", "slack", "mattermost", "telegram"] = "json"
    url: SecretStr | None = None  # an address of an incoming webhook is a secret
    secret: SecretStr | None = None  # of the signature of JSON
    chat: str = ""  # of Telegram: a number or @name
    token: SecretStr | None = None  # of the bot of Telegram
    events: tuple[str, ...] = ("*",)

    @field_validator("events")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not any(fnmatchcase(event, pattern) for event in HOOK_EVENTS):
                raise ValueError(
                    Message(
                        "{event} is no event; write {known}, or question.*",
                        event=quoted(pattern),
                        known=", ".join(HOOK_EVENTS),
                    )
                )
        return value

    @field_validator("url")
    @classmethod
    def _receiver(cls, value: SecretStr | None) -> SecretStr | None:
        _check_address(value.get_secret_value() if value else "")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> "Hook":
        if self.shape == "telegram" and not (self.chat and self.token):
            raise ValueError(Message("a hook to Telegram needs chat and token"))
        if self.shape != "telegram" and not self.url:
            raise ValueError(Message("a hook needs url"))
        return self

    @property
    def called(self) -> str:
        """The name by which deliveries to it are known."""
        return self.name or self.shape

    def wants(self, event: str) -> bool:
        """Whether it hears of an event of HOOK_EVENTS."""
        return any(fnmatchcase(event, pattern) for pattern in self.events)


class Settings(BaseModel):
    """Everything that can be set; `kb config --help` prints the descriptions.

    In `kb.toml` a setting is named as here; in the environment `KB_` and the name in capitals.
    Lists are comma-separated in the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    articles: Path = Field(Path("articles"), description="folder of Markdown articles")
    data: Path = Field(Path("var"), description="folder of builds and of the embedded database")
    database_url: SecretStr | None = Field(
        None, description="database of the search log; without it an SQLite file in the data folder"
    )
    opensearch_url: SecretStr | None = Field(
        None, description="nodes of OpenSearch, https://user:password@node:9200, by commas"
    )
    opensearch_prefix: str = Field(
        "kb", description="what the names of this site's indexes in OpenSearch begin with"
    )
    opensearch_shards: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="parts of an index, for the nodes of OpenSearch to share"
    )
    opensearch_replicas: Annotated[int, Field(ge=0, le=10)] | None = Field(
        None,
        description="copies of each part of an index; without it one where there are two nodes",
    )
    engine: Literal["embedded", "opensearch"] = Field(
        "embedded",
        description="what searches: embedded (the build on this machine) or opensearch",
    )
    lang: str = Field("ru", description="language of the interface where nothing else decides")
    langs: tuple[str, ...] = Field(("ru", "en"), description="languages of articles and interface")
    site_name: str = Field(
        "", description="name in the header; empty: “Help centre” in the reader's language"
    )
    base_url: str = Field(
        "", description="public address, for links; the site is served below its path"
    )
    logo: str = Field("", description="path of a logo inside the articles folder")
    accent: str = Field(
        "#1a56db", description="colour of links, buttons and short answers, #rrggbb"
    )
    icons: dict[str, str] = Field(
        {}, description="icon of a topic on the home page, by its address: an emoji or a letter"
    )
    footer: str = Field("", description="a line of text at the foot of every page")
    links: tuple[FooterLink, ...] = Field((), description="further links in the footer")
    templates: Path | None = Field(None, description="folder of own templates, looked in first")
    static: Path | None = Field(None, description="folder of own static files, looked in first")
    promise: str = Field("", description="how fast support replies, and to whom, in a sentence")
    promises: dict[str, str] = Field(
        {},
        description="how fast support replies, by plan, plan/type, */type or *:"
        " within 30 minutes on weekdays 9–18 Europe/Moscow",
    )
    holidays: tuple[str, ...] = Field(
        (), description="days on which support rests: 2027-01-01..2027-01-08, or 01-01 of any year"
    )
    first_plans: tuple[str, ...] = Field(
        (), description="plans whose letters come first in the list, such as trial and new"
    )
    delay: str = Field("", description="notice of an unexpected delay, in a sentence")
    delay_until: date | None = Field(None, description="last day on which the notice is shown")
    support_email: str = Field("", description="where “ask us” also leads")
    edit_url: str = Field("", description="address of a file's edit page, with {path}")
    leads_password: SecretStr | None = Field(
        None, description="password of the leads' board, text or scrypt hash"
    )
    leads: Path | None = Field(
        None,
        description="file of the people of the board, by `kb leads`; without it leads.toml in the"
        " data folder",
    )
    api_token: SecretStr | None = Field(None, description="token of the leads' API")
    webhook_secret: SecretStr | None = Field(
        None, description="secret of the push notices of the git host"
    )
    pull_url: str = Field(
        "",
        description="where this machine gets its builds from, instead of indexing: the address of"
        " the machine that indexes, or a folder or store that `kb push` fills",
    )
    pull_token: SecretStr | None = Field(
        None, description="token of the scope builds:read that builds are pulled with"
    )
    pull_light: bool = Field(
        False,
        description="pull of each build only what pages and lists need; OpenSearch does the rest",
    )
    pull_every: Annotated[float, Field(ge=1, le=86_400)] = Field(
        10.0, description="seconds between two looks for a new build of the other machine"
    )
    builds_secret: SecretStr | None = Field(
        None, description="secret that listings of builds are signed with and, where set, must be"
    )
    machine: str = Field(
        "", description="name of this machine in `kb status`; empty: its host name"
    )
    mcp: bool = Field(
        False, description="let agents search and read at /mcp (Model Context Protocol)"
    )
    import_token: SecretStr | None = Field(
        None, description="token of the API that `kb import --url` downloads from"
    )
    sync_remote: str = Field("origin", description="git remote that `kb sync` fetches from")
    sync_branch: str = Field(
        "", description="branch that is served; empty: the one checked out in the articles folder"
    )
    smtp_url: SecretStr | None = Field(
        None, description="mail server for letters, smtp://user:password@host:port"
    )
    mail_from: str = Field(
        "", description="sender of our letters; empty: KB_SUPPORT_EMAIL, else kb@ the mail server"
    )
    letter_types: tuple[str, ...] = Field(
        (), description="types of letters that “ask us” offers, such as Payment,Delivery"
    )
    letter_plans: tuple[str, ...] = Field(
        (), description="plans that customers choose from when they write, such as Free,Pro"
    )
    attachment_types: tuple[str, ...] = Field(
        (
            *("csv", "docx", "gif", "jpeg", "jpg", "json", "log", "mp4", "pdf", "png", "txt"),
            *("webm", "webp", "xlsx", "zip"),
        ),
        description="endings of files that customers may attach; empty in kb.toml: none",
    )
    letters_email: tuple[str, ...] = Field(
        (), description="mailboxes that get every letter; a reply from there goes to the customer"
    )
    letters_webhook: str = Field("", description="address that gets every letter as JSON")
    letters_webhook_secret: SecretStr | None = Field(
        None, description="secret that letters to KB_LETTERS_WEBHOOK are signed with"
    )
    letters_zendesk: str = Field(
        "", description="Zendesk where letters become tickets, https://example.zendesk.com"
    )
    letters_zendesk_token: SecretStr | None = Field(
        None, description="API token of Zendesk, as agent@example.com/token:TOKEN"
    )
    letters_zammad: str = Field("", description="Zammad where letters become tickets")
    letters_zammad_token: SecretStr | None = Field(None, description="access token of Zammad")
    letters_zammad_group: str = Field(
        "Users", description="group of Zammad that new tickets belong to"
    )
    letters_telegram: str = Field(
        "", description="chat of Telegram that is told of letters: its number or @name"
    )
    letters_telegram_token: SecretStr | None = Field(
        None, description="token of the bot of Telegram that tells of letters"
    )
    letters_slack: SecretStr | None = Field(
        None, description="incoming webhook of Slack that is told of letters"
    )
    letters_mattermost: SecretStr | None = Field(
        None, description="incoming webhook of Mattermost that is told of letters"
    )
    hooks: tuple[Hook, ...] = Field(
        (),
        description="receivers of events: json|slack|mattermost ADDRESS EVENT…, or telegram with"
        " chat= and token=; name= and secret= besides",
    )
    follow_up_days: Annotated[int, Field(ge=0, le=90)] = Field(
        3, description="days after which whoever got a reply is asked whether all works; 0: nobody"
    )
    suggestions_weeks: Annotated[int, Field(ge=1, le=52)] = Field(
        1, description="the weekly letter tells what readers wish of articles every so many weeks"
    )
    leads_groups: tuple[str, ...] = Field(
        (),
        description="groups whose people a trusted proxy signs in to the board; * is anybody,"
        " staff=writer a role",
    )
    leads_email: tuple[str, ...] = Field(
        (), description="who gets the weekly letter and notices; lead@example.com=en in English"
    )
    retention_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        90, description="days a single search is kept; groups and counts stay"
    )
    searches_per_minute: Annotated[int, Field(ge=1, le=60_000)] = Field(
        120, description="searches of one network that are recorded in a minute; all are answered"
    )
    searches_per_day: Annotated[int, Field(ge=1, le=60_000)] = Field(
        2000, description="searches of one network that are recorded in a day; all are answered"
    )
    min_askers: Annotated[int, Field(ge=1, le=1000)] = Field(
        3,
        description="askers (networks a day) of whom something is shown to others or leaves the"
        " log; what fewer did, leads alone see",
    )
    learn: bool = Field(
        True, description="questions that ended well at an article are searched with it"
    )
    history: bool = Field(
        True, description="readers may see what changed in an article, where it lies in git"
    )
    review_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        365, description="days after which an unchanged article is due for review"
    )
    checks: dict[str, Literal["error", "warning", "hint", "off"]] = Field(
        {}, description="rules of `kb check` that have another level, or are off"
    )
    tools: dict[str, Tool] = Field(
        {}, description="tools that top-level folders are written for, where `kb index` errs"
    )
    max_article_bytes: Annotated[int, Field(ge=1024, le=64 * 2**20)] = Field(
        2 * 2**20, description="a larger article is rejected"
    )
    render_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="an article that takes longer to render is rejected"
    )
    render_megabytes: Annotated[int, Field(ge=64, le=16384)] = Field(
        128, description="an article that takes more memory to render is rejected"
    )
    attachments: bool = Field(
        True, description="search the text of PDF, DOCX and text files that articles link to"
    )
    attachment_megabytes: Annotated[int, Field(ge=1, le=500)] = Field(
        20, description="a larger file that an article links to is not searched"
    )
    attachment_pages: Annotated[int, Field(ge=1, le=10_000)] = Field(
        200, description="a file of more pages that an article links to is not searched"
    )
    attachment_characters: Annotated[int, Field(ge=1000, le=10_000_000)] = Field(
        400_000, description="text of a file that is searched; what is beyond is left out"
    )
    remote_images: bool = Field(False, description="show images from other hosts")
    sign_in_url: str = Field(
        "", description="login page of yours for readers; {next} in it is where they were going"
    )
    reader_secret: SecretStr | None = Field(
        None, description="secret of the links by which your login page signs readers in"
    )
    reader_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        12, description="hours after which a reader signed in by such a link signs in again"
    )
    groups_header: str = Field(
        "",
        description="header in which a trusted proxy names a reader's groups; empty: it names none",
    )
    trusted_hosts: tuple[str, ...] = Field(
        (), description="host names the service answers to; empty: any"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses whose X-Forwarded-* headers are believed"
    )
    private: bool = Field(
        False, description="those who are not signed in see nothing, not even public articles"
    )
    widget_parents: tuple[str, ...] = Field(
        (), description="sites that may show the widget's frame"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8000, description="port to listen on; 0: any free one"
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(2, description="serving processes")
    log_format: Literal["text", "json"] = Field("text", description="shape of the server's log")
    access_log: bool = Field(False, description="log each request, without its query string")

    @field_validator("articles", "data", "templates", "static", "leads")
    @classmethod
    def _home_folder(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value is not None else None

    @field_validator("lang", "langs")
    @classmethod
    def _short_codes(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not value:
            raise ValueError(Message("name at least one language, such as ru"))
        for code in (value,) if isinstance(value, str) else value:
            if not (2 <= len(code) <= 3 and code.isascii() and code.isalpha() and code.islower()):
                raise ValueError(
                    Message("{code} is not a language code such as ru or en", code=quoted(code))
                )
        return value

    @field_validator("icons")
    @classmethod
    def _signs(cls, value: dict[str, str]) -> dict[str, str]:
        for topic, icon in value.items():
            if not topic or not icon:
                raise ValueError(
                    Message(
                        "{half} is half of a pair; write billing=💳", half=quoted(topic or icon)
                    )
                )
        return value

    @field_validator("accent")
    @classmethod
    def _colour(cls, value: str) -> str:
        if not re.fullmatch("#[0-9a-fA-F]{6}", value):
            raise ValueError(
                Message("{value} is no colour; write it as #rrggbb", value=quoted(value))
            )
        return value

    @field_validator("promises")
    @classmethod
    def _promised(cls, value: dict[str, str]) -> dict[str, str]:
        from kb.base import promise_text  # patterns that few commands need

        for text in value.values():
            promise_text.promise(text)
        return value

    @field_validator("holidays")
    @classmethod
    def _days_off(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from kb.base import promise_text

        promise_text.holidays(value)
        return value

    @field_validator("leads_password")
    @classmethod
    def _strong_password(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        if text.startswith("scrypt:") and not passwords.is_hash(text):
            raise ValueError(
                Message("the hash is not whole; make one with `kb config --hash` and quote it")
            )
        if text and not text.startswith("scrypt:") and (why := passwords.weakness(text)):
            raise ValueError(Message("this password is {why}", why=why))
        return value

    @field_validator("api_token", "reader_secret", "builds_secret")
    @classmethod
    def _strong(cls, value: SecretStr | None) -> SecretStr | None:
        if value and (why := passwords.token_weakness(value.get_secret_value())):
            raise ValueError(Message("this token is {why}", why=why))
        return value

    @field_validator("opensearch_url")
    @classmethod
    def _nodes(cls, value: SecretStr | None) -> SecretStr | None:
        for url in value.get_secret_value().split(",") if value else ():
            if not re.fullmatch(r"https?://\S+", url.strip()):
                shown = url.strip().rpartition("@")[2]
                raise ValueError(
                    Message(
                        "{url} is no address of a node; write https://node:9200", url=quoted(shown)
                    )
                )
        return value

    @field_validator("opensearch_prefix")
    @classmethod
    def _begins_a_name(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value):
            raise ValueError(
                Message("write small letters, digits and hyphens, 40 at most, such as help-two")
            )
        return value

    @field_validator("engine")
    @classmethod
    def _has_nodes(cls, value: str, others: ValidationInfo) -> str:
        if value == "opensearch" and not others.data.get("opensearch_url"):
            raise ValueError(Message("name the nodes of OpenSearch in opensearch_url"))
        return value

    @field_validator("pull_light")
    @classmethod
    def _searched_elsewhere(cls, value: bool, others: ValidationInfo) -> bool:
        if value and others.data.get("engine", "opensearch") != "opensearch":
            raise ValueError(
                Message("a light build is searched in OpenSearch alone; set KB_ENGINE=opensearch")
            )
        return value

    @field_validator("private")
    @classmethod
    def _enterable(cls, value: bool, others: ValidationInfo) -> bool:
        known = others.data
        is_named = bool(known.get("trusted_proxies") and known.get("groups_header"))
        if value and not (is_named or known.get("reader_secret")):
            raise ValueError(
                Message(
                    "nobody could sign in; set reader_secret, or groups_header and trusted_proxies"
                )
            )
        return value

    @field_validator("groups_header")
    @classmethod
    def _header(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]*", value):
            raise ValueError(
                Message(
                    "{value} is no name of a header; write X-Forwarded-Groups", value=quoted(value)
                )
            )
        return value

    @field_validator("leads_groups")
    @classmethod
    def _groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for written in value:
            group, equals, role = written.rpartition("=")
            if equals and (role not in ROLES or not group):
                raise ValueError(
                    Message(
                        "{written} names no role; write staff={writer} or staff={lead}",
                        written=quoted(written),
                        writer=WRITER,
                        lead=LEAD,
                    )
                )
        return value

    @field_validator(
        "letters_webhook", "letters_zendesk", "letters_zammad", "letters_slack",
        "letters_mattermost", "sign_in_url",
    )  # fmt: skip
    @classmethod
    def _receiver(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        _check_address(text or "")
        return value

    @field_validator("hooks")
    @classmethod
    def _told_apart(cls, value: tuple[Hook, ...]) -> tuple[Hook, ...]:
        names = [hook.called for hook in value]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(
                Message(
                    "two hooks are called {name}; give each a name of its own", name=quoted(twice)
                )
            )
        return value

    @field_validator("attachment_types")
    @classmethod
    def _endings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ending.lstrip(".").casefold() for ending in value)

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError(
                Message(
                    "{value} is no address; write https://help.example.com", value=quoted(value)
                )
            )
        value = value.rstrip("/")
        path = re.sub("^https?://[^/]*", "", value)
        if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", path):
            raise ValueError(
                Message(
                    "the path {path} is not of Latin letters, digits, - and _ alone",
                    path=quoted(path),
                )
            )
        return value

    @field_validator("support_email", "mail_from", "leads_email", "letters_email")
    @classmethod
    def _mailbox(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for written in (value,) if isinstance(value, str) else value:
            box = written if isinstance(value, str) else _reader(written)[0]
            if box and not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", box):
                raise ValueError(
                    Message(
                        "{box} is no e-mail address; write support@example.com", box=quoted(box)
                    )
                )
        return value

    @property
    def letter_readers(self) -> dict[str, tuple[str, ...]]:
        """Mailboxes of `leads_email` by the language their letters are written in."""
        found: dict[str, tuple[str, ...]] = {}
        for written in dict.fromkeys(self.leads_email):
            box, code = _reader(written)
            lang = code if code in self.langs else self.lang
            found[lang] = (*found.get(lang, ()), box)
        return found

    def role_of(self, groups: Collection[str]) -> str:
        """The role that `leads_groups` gives to somebody in these groups, or ""; leads go first."""
        found = set()
        for written in self.leads_groups:
            group, _, role = written.rpartition("=") if "=" in written else (written, "", LEAD)
            if group == "*" or group in groups:
                found.add(role)
        return next((role for role in ROLES if role in found), "")

    @property
    def knows_readers(self) -> bool:
        """Whether the site can tell one reader from another: by a proxy or by signed links."""
        is_named = bool(self.trusted_proxies and self.groups_header)
        return is_named or self.reader_secret is not None

    @property
    def leads_file(self) -> Path:
        """Where the people of the board are kept."""
        return self.leads or self.data / "leads.toml"

    @property
    def tells_answers(self) -> bool:
        """Whether readers can be told by mail of an answer: by a mail server, with links."""
        return self.smtp_url is not None and bool(self.base_url)

    @property
    def is_replica(self) -> bool:
        """Whether builds come from another machine."""
        return bool(self.pull_url)

    def as_replica(self) -> "Settings":
        """The settings of a machine whose builds come from another.

        Its articles folder holds what is served beside a build, and no history.
        """
        return self.model_copy(update={"articles": self.data / "replica", "history": False})

    @property
    def machine_name(self) -> str:
        """What this machine is called among those that share a log."""
        return (self.machine or socket.gethostname())[:100]

    @property
    def shares_log(self) -> bool:
        """Whether other machines may use the same log."""
        return not self.log_url.startswith("sqlite")

    @property
    def builds(self) -> Path:
        """Where builds are published."""
        return self.data / "builds"

    @property
    def log_url(self) -> str:
        """SQLAlchemy's address of the search log."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self._log_file.absolute()}"

    @property
    def may_have_log(self) -> bool:
        """Whether a log may be there: the embedded one is a file, another has to be asked."""
        return self.database_url is not None or self._log_file.exists()

    @property
    def _log_file(self) -> Path:
        return self.data / "log.sqlite3"


def _check_address(text: str) -> None:
    """Raises ValueError unless a text is an address of HTTP, or empty."""
    if text and not re.fullmatch(r"https?://[^\s/?#]+(/\S*)?", text):
        raise ValueError(Message("this is no address; write https://example.com/…"))


def _reader(written: str) -> tuple[str, str]:
    """The mailbox and the language, or "", of `lead@example.com=en`."""
    box, equals, code = written.rpartition("=")
    return (box, code) if equals and re.fullmatch("[a-z]{2,3}", code) else (written, "")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with the origin of each: `default`, the path of a `kb.toml`, `KB_…` or `option`."""

    settings: Settings
    origins: Mapping[str, str]


def load(
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    """Defaults < `kb.toml` in `folder` < `KB_*` of `environ` < `options` (None: not given).

    Raises ConfigError with the setting, its origin and what is wrong with it.
    """
    folder = folder or Path.cwd()
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for origin, found in (
        (str(folder / FILE), _from_file(folder / FILE)),
        (None, _from_environment(environ)),
        ("option", {k: v for k, v in (options or {}).items() if v is not None}),
    ):
        for name, value in found.items():
            values[name] = value
            origins[name] = origin or variable(name)
    try:
        return Loaded(Settings(**values), origins)
    except ValidationError as error:
        raise ConfigError(
            Message("{mistakes}; `kb config --help` lists them", mistakes=_mistakes(error, origins))
        ) from None


def of_language(folder: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that say which language is spoken, with the defaults of all others.

    For telling what is wrong with the settings: what cannot be used is left out, nothing raises.
    """
    values: dict[str, Any] = {}
    with suppress(ConfigError):
        values |= _from_file((folder or Path.cwd()) / FILE)
    values |= _from_environment(os.environ if environ is None else environ)
    try:
        return Settings(**{name: values[name] for name in ("lang", "templates") if name in values})
    except ValidationError:
        return Settings()


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            Message(
                "{path}: {reason}; correct the file or remove it",
                path=str(path),
                reason=reason(error),
            )
        ) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        text = environ.get(variable(name))
        if not text:
            continue
        if name == "links":
            found[name] = [_link(part) for part in text.split(",") if part.strip()]
        elif name == "hooks":
            found[name] = [_hook(part) for part in text.split(",") if part.strip()]
        elif name in ("checks", "icons", "promises"):
            found[name] = dict(_pair(part) for part in text.split(",") if part.strip())
        elif name == "tools":
            found[name] = dict(_tool(part) for part in text.split(",") if part.strip())
        elif str(field.annotation).startswith("tuple["):
            found[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            found[name] = text
    return found


def _link(text: str) -> dict[str, str]:
    """`Status page https://status.example.com` as the table a `kb.toml` would hold."""
    title, _, url = text.strip().rpartition(" ")
    return {"title": title or url, "url": url}


def _hook(text: str) -> dict[str, Any]:
    """`slack https://hooks.slack.com/… question.* vote.no` as the table a `kb.toml` would hold."""
    shape, *words = text.split()
    table: dict[str, Any] = {"shape": shape}
    for word in words:
        key, equals, value = word.partition("=")
        if "://" in word and not key.isidentifier():
            table["url"] = word
        elif equals:
            table[key] = value
        else:
            table.setdefault("events", []).append(word)
    return table


def _pair(text: str) -> tuple[str, str]:
    """`no-author=off`, `billing=💳`: as the line a `kb.toml` would hold."""
    code, _, level = text.partition("=")
    return code.strip(), level.strip()


def _tool(text: str) -> tuple[str, str]:
    """`docs=hugo` as the line a `kb.toml` would hold; `hugo` alone is that of every folder."""
    folder, _, tool = text.rpartition("=")
    return folder.strip() or ".", tool.strip()


def secret_names() -> list[str]:
    """Settings that are secrets."""
    fields = Settings.model_fields.items()
    return [name for name, field in fields if re.search("Secret|Hook", str(field.annotation))]


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + name.upper()


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that look like settings but are none, and for each the one that may be meant.

    The value is "" where no setting is near. A typing mistake would otherwise pass in silence.
    """
    known = [variable(name) for name in Settings.model_fields]
    return {
        name: next(iter(get_close_matches(name, known, 1, 0.75)), "")
        for name in sorted(environ)
        if name.startswith(_PREFIX) and not name.startswith("KB_TEST_") and name not in known
    }


def unknown_folders(settings: Settings) -> list[str]:
    """Folders that `tools` names and the articles folder does not hold."""
    if not settings.articles.is_dir():
        return []
    named = (name for name in settings.tools if name != ".")
    return [name for name in named if not (settings.articles / name).is_dir()]


def _mistakes(error: ValidationError, origins: Mapping[str, str]) -> Message:
    """All mistakes in one line, each with its setting, its origin and what is wrong with it."""
    told = []
    for one in error.errors(include_url=False):
        name = str(one["loc"][0])
        where = "".join(f".{part}" for part in one["loc"][1:] if part != ".")  # all folders
        told.append(
            Message(
                "setting {name} ({origin}): {wrong}",
                name=f"{name}{where}",
                origin=origin_shown(origins.get(name, FILE)),
                wrong=wrong_values.told(one, hides_value=name in secret_names()),
            )
        )
    return joined(dict.fromkeys(told))


def meaning(name: str) -> Message:
    """What a setting is for."""
    # The sentence stands with the setting; tests compare it with the catalogue.
    return messages.Message(Settings.model_fields[name].description or "")


def describe(loaded: Loaded) -> list[tuple[str, str, str, str]]:
    """Name, value as text (secrets masked), origin and meaning of every setting."""
    return [
        (name, shown(getattr(loaded.settings, name)), loaded.origins[name], field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def origin_shown(origin: str) -> str:
    """The origin of a value as people are told of it: `default` and `option` as messages."""
    known = {"default": Message("default"), "option": Message("option")}
    return known.get(origin, origin)


def shown(value: Any) -> str:
    """A value as people write it; a secret as dots."""
    if isinstance(value, SecretStr):
        return "••••••"
    if isinstance(value, tuple):
        return ", ".join(map(_one_shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _one_shown(value: Any) -> str:
    if isinstance(value, FooterLink):
        return f"{value.title} {value.url}"
    if isinstance(value, Hook):
        name = f" name={value.name}" if value.name else ""
        return f"{value.shape}{name} •••••• {' '.join(value.events)}"
    return str(value)
