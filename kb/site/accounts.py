"""Named accounts of the leads' board in a TOML file, with scrypt hashes. Answers no request.

    ["Анна Кедрова"]
    role = "lead"                # or "writer"
    email = "anna@example.com"   # where letters to her go
    lang = "ru"                  # of these letters
    password = "scrypt:…"

`kb leads` writes the file, for its owner's eyes alone. It is read anew for each request, so that
who was removed is out at once.
"""

import fcntl
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

from kb.base import passwords
from kb.base.config import Settings
from kb.base.errors import ConfigError
from kb.base.locked_json import JsonObject
from kb.base.messages import Message
from kb.base.roles import LEAD, ROLES
from kb.site import auth

LONGEST_NAME = 80
_HEAD = "# People of the leads' board. Change it by `kb leads`; passwords are scrypt hashes.\n"
_RESERVED = ("lead", "-")  # who gave no name; nobody, in filters
_MAILBOX = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
# What a password is compared with where nobody has the name: it takes as long.
_NOBODYS = f"scrypt:32768:8:1$nobody${'0' * 128}"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    name: str
    role: str = LEAD
    email: str = ""
    lang: str = ""
    password: str = field(default="", repr=False)  # hash

    def sessions(self) -> auth.PasswordAuth:
        """Signs and checks their cookies; a new password ends every session."""
        return auth.PasswordAuth(None, self.password.encode())


@dataclass(frozen=True, slots=True)
class People:
    """All accounts, in the order of the file."""

    everybody: tuple[Person, ...] = ()

    def find(self, name: str) -> Person | None:
        """Who has this name or e-mail address, however it is cased and spaced; or None."""
        wanted = folded(name)
        named = (each for each in self.everybody if folded(each.name) == wanted)
        return next(named, None) or self.by_email(name)

    def by_email(self, address: str) -> Person | None:
        """Who has this e-mail address, or None."""
        wanted = folded(address)
        return next((p for p in self.everybody if wanted and folded(p.email) == wanted), None)

    def signed_in(self, name: str, password: str) -> Person | None:
        """Who has this name or address and this password; nobody's takes as long as a wrong one."""
        found = self.find(name)
        is_right = auth.PasswordAuth(found.password if found else _NOBODYS).is_right(password)
        return found if is_right else None

    def added(self, person: Person) -> "People":
        """With one more; raises ConfigError for what cannot be kept, or is taken."""
        person = checked(person)
        for text in filter(None, (person.name, person.email)):
            if self.find(text):
                raise ConfigError(
                    Message("{name} is there already; `kb leads change` changes it", name=text)
                )
        return People((*self.everybody, person))

    def changed(self, name: str, **values: str) -> "People":
        """With new values of one person; raises ConfigError where nobody has the name."""
        found = self._known(name)
        changed = checked(replace(found, **values))
        self.removed(name).added(changed)
        return People(tuple(changed if each is found else each for each in self.everybody))

    def removed(self, name: str) -> "People":
        """Without one; raises ConfigError where nobody has the name."""
        found = self._known(name)
        return People(tuple(each for each in self.everybody if each is not found))

    def _known(self, name: str) -> Person:
        found = self.find(name)
        if found is None:
            raise ConfigError(
                Message("nobody is called {name}; `kb leads list` names all", name=name)
            )
        return found


def folded(name: str) -> str:
    """A name as it is compared: whatever its case, spaces and form of letters."""
    return " ".join(normalize("NFKC", name).casefold().split())


def is_program(name: str) -> bool:
    """Whether a name is that of a program in the history of the board: `token crm`."""
    return folded(name).startswith("token ")


def checked(person: Person) -> Person:
    """The person, with a name of one line; raises ConfigError for what cannot be kept."""
    name = " ".join(normalize("NFC", person.name).split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or _is_reserved(name):
        raise ConfigError(
            Message(
                "{name} is no name for a person; write one of {most} printable letters at most",
                name=repr(person.name[:LONGEST_NAME]),
                most=LONGEST_NAME,
            )
        )
    if person.email and not (_MAILBOX.fullmatch(person.email) and person.email.isprintable()):
        raise ConfigError(
            Message("{email} is no e-mail address; write anna@example.com", email=person.email)
        )
    if person.role not in ROLES:
        raise ConfigError(
            Message("{role} is no role; write {roles}", role=person.role, roles=" / ".join(ROLES))
        )
    if not passwords.is_hash(person.password):
        raise ConfigError(
            Message(
                "the hash of {name} is not whole; set a password by `kb leads change`", name=name
            )
        )
    return replace(person, name=name)


def _is_reserved(name: str) -> bool:
    return folded(name) in _RESERVED or is_program(name)


class AccountsFile:
    """The file of accounts; one that is missing holds nobody.

    Methods raise ConfigError where the file cannot be used, or holds something else.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> People:
        """Everybody with an account."""
        try:
            content = tomllib.loads(self._text())
            return People(tuple(_person(name, values) for name, values in content.items()))
        except FileNotFoundError:
            return People()
        except OSError as error:
            raise self._unusable(error) from None
        except (ValueError, TypeError) as error:  # no TOML, no UTF-8, no table of texts
            raise ConfigError(
                Message(
                    "{file}: {reason}; correct the file or put back a copy",
                    file=str(self._file),
                    reason=str(error),
                )
            ) from None
        except ConfigError as error:
            where = Message("{file}: {reason}", file=str(self._file), reason=error.message)
            raise ConfigError(where) from None

    def _text(self) -> str:
        return self._file.read_text("utf-8")

    def change(self, decide: Callable[[People], People]) -> None:
        """Replaces what the file holds by what `decide` makes of it, whole or not at all."""
        try:
            with self._locked():
                self._write(decide(self.read()))
        except OSError as error:
            raise self._unusable(error) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """A lock on the folder, which leaves no file behind."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, people: People) -> None:
        target = self._file.resolve()
        draft = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                os.fchmod(opened, 0o600)
                _give_to_owner(opened, target)
                file.write(_HEAD + "".join(map(_table, people.everybody)))
                file.flush()
                os.fsync(opened)
            os.replace(draft, target)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()

    def _unusable(self, error: OSError) -> ConfigError:
        return ConfigError(
            Message(
                "{file} cannot be used ({reason}); check KB_LEADS and its rights",
                file=str(self._file),
                reason=error.strerror or str(error),
            )
        )


class SharedAccounts(AccountsFile):
    """Accounts in the log that several machines share, as the text of such a file.

    Until somebody changes them there, they are those of the file. Methods raise LogUnavailable,
    too.
    """

    def __init__(self, shared: JsonObject, file: Path) -> None:
        super().__init__(file)
        self._shared = shared
        self._toml: str | None = None  # while it is changed

    def _text(self) -> str:
        text = self._toml or self._shared.read().get("toml")
        return text if isinstance(text, str) else super()._text()

    def change(self, decide: Callable[[People], People]) -> None:
        """Replaces the accounts by what `decide` makes of them, whole or not at all."""
        with self._shared.changing() as content:
            self._toml = content.get("toml")
            people = decide(self.read())
            content["toml"] = _HEAD + "".join(map(_table, people.everybody))
        self._toml = None


def of(settings: Settings, named: Callable[..., JsonObject]) -> AccountsFile:
    """The accounts of a site: in a file, or where machines share a log and name no file, there.

    `named` gives the object of a name, as `shared_json.opener` does.
    """
    if settings.shares_log and settings.leads is None:
        return SharedAccounts(named("leads", is_one=True), settings.leads_file)
    return AccountsFile(settings.leads_file)


def _give_to_owner(opened: int, target: Path) -> None:
    """What the superuser writes belongs to whom the file, or else its folder, belongs to."""
    if os.geteuid() == 0:
        owner = (target if target.exists() else target.parent).stat()
        os.fchown(opened, owner.st_uid, owner.st_gid)


def _person(name: str, values: Any) -> Person:
    if not isinstance(values, dict):
        raise TypeError(f"{name} is no table")
    known = ("role", "email", "lang", "password")
    if wrong := [key for key in values if key not in known or not isinstance(values[key], str)]:
        raise ValueError(f"{name}: {wrong[0]} is none of {', '.join(known)}, or no text")
    return checked(Person(name, **values))


def _table(person: Person) -> str:
    values = {
        "role": person.role, "email": person.email, "lang": person.lang,
        "password": person.password,
    }  # fmt: skip
    lines = [f"{key} = {_quoted(value)}" for key, value in values.items() if value]
    return "\n".join(["", f"[{_quoted(person.name)}]", *lines, ""])


def _quoted(text: str) -> str:
    """A text as TOML has it; its basic strings have the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)
