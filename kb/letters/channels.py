"""Channels that the settings deliver letters by, and what is queued of each. Sends nothing."""

import json
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from kb.base.config import Settings
from kb.searchlog.db.letter_models import (
    ACKNOWLEDGEMENT,
    CONFIRMATION,
    CUSTOMER,
    LETTER,
    REPLY,
    NewDelivery,
)

EMAIL: Final = "email"  # a delivery for each mailbox, so that one refused repeats no other
HOOK: Final = "hook "  # and the name of a hook of KB_HOOKS
# The channels to the team, and the setting that each is on with.
SETTING: Final[Mapping[str, str]] = {
    EMAIL: "letters_email",
    "webhook": "letters_webhook",
    "zendesk": "letters_zendesk",
    "zammad": "letters_zammad",
    "telegram": "letters_telegram",
    "slack": "letters_slack",
    "mattermost": "letters_mattermost",
}


def channels(settings: Settings) -> tuple[str, ...]:
    """The channels to the team that are on; the board is one beside them, always."""
    return tuple(name for name, setting in SETTING.items() if getattr(settings, setting))


def of_letter(settings: Settings, key: str) -> tuple[NewDelivery, ...]:
    """What is queued when a letter comes: to each channel and hook, and a receipt."""
    team = [
        NewDelivery(f"{key}-{name}", name, LETTER) for name in channels(settings) if name != EMAIL
    ]
    for n, mailbox in enumerate(settings.letters_email):
        team.append(NewDelivery(f"{key}-{EMAIL}-{n}", EMAIL, LETTER, payload=mailbox))
    for hook in settings.hooks:
        if hook.wants("letter.received"):
            team.append(NewDelivery(f"{key}-hook-{hook.called}", f"{HOOK}{hook.called}", LETTER))
    if settings.smtp_url is None:
        return tuple(team)
    return (*team, NewDelivery(f"{key}-receipt", CUSTOMER, ACKNOWLEDGEMENT))


def of_reply(key: str, id: str) -> NewDelivery:
    """What is queued when a letter is answered from the board; `id` is that of the answer."""
    return NewDelivery(f"{key}-reply-{id}", CUSTOMER, REPLY)


def of_subscription(token: str, address: str, lang: str) -> NewDelivery:
    """What is queued when somebody wants to be told of an answer: a mail that asks for a yes."""
    told = json.dumps({"to": address, "lang": lang, "token": token})
    return NewDelivery(f"tell-{uuid4().hex}", CUSTOMER, CONFIRMATION, payload=told)
