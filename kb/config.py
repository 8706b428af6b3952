"""Settings and where each came from. Reads file and environment once, then never again."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from kb.errors import ConfigError

FILE = "kb.toml"
_PREFIX = "KB_"
_HASH = re.compile(r"scrypt:\d{1,7}:\d{1,2}:\d{1,2}\$[^$]+\$[0-9a-f]{128}")


class Link(BaseModel):
    """A link a site adds to its footer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    url: str


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
    lang: str = Field("ru", description="language of the interface where nothing else decides")
    langs: tuple[str, ...] = Field(("ru", "en"), description="languages of articles and interface")
    site_name: str = Field(
        "", description="name in the header; empty: “Help centre” in the reader's language"
    )
    base_url: str = Field("", description="public address, for canonical links and feeds")
    logo: str = Field("", description="path of a logo inside the articles folder")
    accent: str = Field("#1a56db", description="colour of links and buttons, #rrggbb")
    footer: str = Field("", description="a line of text at the foot of every page")
    links: tuple[Link, ...] = Field((), description="further links in the footer")
    templates: Path | None = Field(None, description="folder of own templates, looked in first")
    static: Path | None = Field(None, description="folder of own static files, looked in first")
    promise: str = Field("", description="how fast support replies, and to whom, in a sentence")
    support_email: str = Field("", description="where “ask us” also leads")
    edit_url: str = Field("", description="address of a file's edit page, with {path}")
    leads_password: SecretStr | None = Field(
        None, description="password of the leads' board, text or scrypt hash"
    )
    api_token: SecretStr | None = Field(None, description="token of the leads' API")
    webhook_secret: SecretStr | None = Field(
        None, description="secret of the push notices of the git host"
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
    leads_email: tuple[str, ...] = Field(
        (), description="who gets the weekly letter and notices, comma-separated"
    )
    retention_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        90, description="days a single search is kept; groups and counts stay"
    )
    review_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        365, description="days after which an unchanged article is due for review"
    )
    checks: dict[str, Literal["error", "warning", "hint", "off"]] = Field(
        {}, description="rules of `kb check` that have another level, or are off"
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
    remote_images: bool = Field(False, description="show images from other hosts")
    trusted_hosts: tuple[str, ...] = Field(
        (), description="host names the service answers to; empty: any"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses whose X-Forwarded-* headers are believed"
    )
    widget_parents: tuple[str, ...] = Field(
        (), description="sites that may show the widget's frame"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8000, description="port to listen on; 0: any free one"
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(2, description="serving processes")

    @field_validator("articles", "data", "templates", "static")
    @classmethod
    def _home_folder(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value is not None else None

    @field_validator("lang", "langs")
    @classmethod
    def _short_codes(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not value:
            raise ValueError("name at least one language, such as ru")
        for code in (value,) if isinstance(value, str) else value:
            if not (2 <= len(code) <= 3 and code.isascii() and code.isalpha() and code.islower()):
                raise ValueError(f"{code!r} is not a language code such as ru or en")
        return value

    @field_validator("accent")
    @classmethod
    def _colour(cls, value: str) -> str:
        if not re.fullmatch("#[0-9a-fA-F]{6}", value):
            raise ValueError(f"{value!r} is no colour; write it as #rrggbb")
        return value

    @field_validator("leads_password")
    @classmethod
    def _whole_hash(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        if text.startswith("scrypt:") and not _HASH.fullmatch(text):
            raise ValueError("the hash is not whole; make one with `kb config --hash` and quote it")
        return value

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError(f"{value!r} is no address; write https://help.example.com")
        return value.rstrip("/")

    @field_validator("support_email", "mail_from", "leads_email")
    @classmethod
    def _mailbox(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for box in (value,) if isinstance(value, str) else value:
            if box and not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", box):
                raise ValueError(f"{box!r} is no e-mail address; write support@example.com")
        return value

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
        raise ConfigError(_sentence(error, origins)) from None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}; correct the file or remove it") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        text = environ.get(variable(name))
        if not text:
            continue
        if name == "links":
            found[name] = [_link(part) for part in text.split(",") if part.strip()]
        elif name == "checks":
            found[name] = dict(_level(part) for part in text.split(",") if part.strip())
        elif str(field.annotation).startswith("tuple["):
            found[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            found[name] = text
    return found


def _link(text: str) -> dict[str, str]:
    """`Status page https://status.example.com` as the table a `kb.toml` would hold."""
    title, _, url = text.strip().rpartition(" ")
    return {"title": title or url, "url": url}


def _level(text: str) -> tuple[str, str]:
    """`no-author=off` as the line a `kb.toml` would hold."""
    code, _, level = text.partition("=")
    return code.strip(), level.strip()


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + name.upper()


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings but are none: a typo would otherwise pass in silence."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(
        name
        for name in environ
        if name.startswith(_PREFIX) and not name.startswith("KB_TEST_") and name not in known
    )


def _sentence(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        reason = "no such setting"
    return f"setting {name} ({origins.get(name, FILE)}): {reason}; `kb config --help` lists them"


def describe(loaded: Loaded) -> list[tuple[str, str, str, str]]:
    """Name, value as text (secrets masked), origin and meaning of every setting."""
    return [
        (name, shown(getattr(loaded.settings, name)), loaded.origins[name], field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def shown(value: Any) -> str:
    """A value as people write it; a secret as dots."""
    if isinstance(value, SecretStr):
        return "••••••"
    if isinstance(value, tuple):
        return ", ".join(f"{v.title} {v.url}" if isinstance(v, Link) else str(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
