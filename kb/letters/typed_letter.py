"""What was typed into the contact form: its fields within bounds, and what is wrong. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from kb.base.escaping import header

_EMAIL: Final = re.compile(
    r"[^@\s<>,;:\"()\[\]\\]{1,64}@[^@\s<>,;:\"()\[\]\\]{1,255}\.[^@\s.]{2,63}"
)
_LONGEST: Final = {"subject": 200, "text": 5000, "email": 320, "q": 500, "type": 80, "plan": 80}


def is_address(text: str) -> bool:
    """Whether a text is an e-mail address that can be written to, as far as its shape says."""
    return bool(_EMAIL.fullmatch(text)) and text.isprintable()


@dataclass(frozen=True, slots=True)
class TypedLetter:
    """The fields of a contact form, cut to their lengths."""

    subject: str = ""
    text: str = ""
    email: str = ""
    q: str = ""  # the search that led here
    type: str = ""
    plan: str = ""

    def wrong(self, types: Sequence[str], plans: Sequence[str]) -> dict[str, str]:
        """The invalid fields, and why each is; `types` and `plans` are those that are offered."""
        found = {}
        if not self.text:
            found["text"] = "empty"
        if not is_address(self.email):
            found["email"] = "email"
        if self.type and self.type not in types:
            found["type"] = "unknown"
        if self.plan and self.plan not in plans:
            found["plan"] = "unknown"
        return found

    def key(self, form: str) -> str:
        """The same for the same words sent again from the same form: it is one letter."""
        told = "\0".join((form, self.subject, self.text, self.email, self.type, self.plan))
        return blake2b(told.encode("utf-8", "replace"), digest_size=16).hexdigest()


def typed_letter(fields: Mapping[str, str]) -> TypedLetter:
    """The letter of a form's fields; what is too long is cut, one line stays one line."""
    cut = {
        name: fields.get(name, "")
        .replace("\0", "")
        .encode("utf-8", "ignore")
        .decode()[:most]
        .strip()
        for name, most in _LONGEST.items()
    }
    lines = {name: header(value) for name, value in cut.items() if name not in ("text", "email")}
    return TypedLetter(**{**cut, **lines, "text": cut["text"].replace("\r\n", "\n")})
