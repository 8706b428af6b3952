"""Finds weak passwords: too short, too plain, of the commonest words. Makes strong ones."""

import re
import secrets

from kb.base.messages import NOTHING, Message

SHORTEST = 12  # characters of a password that people choose
SHORTEST_TOKEN = 20  # characters of a token that programs send
_HASH = re.compile(r"scrypt:\d{1,7}:\d{1,2}:\d{1,2}\$[^$]+\$[0-9a-f]{128}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none looks like another
_DIFFERENT = 5  # characters that differ, at least
_REST = 6  # characters beside common pieces, at least
_COMMON = (
    "password", "passwort", "passw0rd", "qwertyuiop", "qwerty", "asdfgh", "zxcvbn", "1q2w3e",
    "1234567890", "123456", "12345", "1234", "abcdef", "letmein", "welcome", "iloveyou", "admin",
    "support", "secret", "changeme", "пароль", "йцукен", "фывапр", "gfhjkm", "секрет",
)  # fmt: skip


def weakness(password: str) -> Message:
    """The weakness of a password, as the end of a sentence with the cure; NOTHING if none."""
    if len(password) < SHORTEST:
        return Message(
            "too short; take at least {n} characters, such as four words drawn by lot", n=SHORTEST
        )
    rest = password.casefold()
    for piece in _COMMON:
        rest = rest.replace(piece, "")
    if len(set(password)) < _DIFFERENT or len(rest) < _REST or password.isdigit():
        return Message("among the first that are guessed; take four words drawn by lot")
    return NOTHING


def made() -> str:
    """A random password that can be read out: `k7mfq-2xw9h-…`, 99 bits."""
    while True:
        parts = ("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
        if not weakness(password := "-".join(parts)):
            return password


def is_hash(text: str) -> bool:
    """Whether a text is a whole scrypt hash, as `kb config --hash` prints it."""
    return _HASH.fullmatch(text) is not None


def token_weakness(token: str) -> Message:
    """The weakness of a token of programs, as `weakness`; nobody has to remember it."""
    if len(token) < SHORTEST_TOKEN or len(set(token)) < _DIFFERENT:
        return Message(
            "easily guessed; take {n} characters or more: `openssl rand -hex 20`", n=SHORTEST_TOKEN
        )
    return NOTHING
