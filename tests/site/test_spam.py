"""Programs are kept out of the contact form, and people are not: 500 posts of robots, 50 of people.

A robot that waits, reads the page and leaves hidden fields alone passes, up to the limit of its
address; the robots here are the kinds that fill in forms wherever they find one.
"""

import random

import pytest
from fakes import FakeBase
from letter_forms import open_form

from kb.base.config import Settings
from kb.web import create_app

SPAM = {
    "subject": "Cheap windows",
    "text": "https://spam.example buy now",
    "email": "a@spam.example",
}


@pytest.fixture
def clock():
    return [1_700_000_000.0]


@pytest.fixture
def base():
    return FakeBase()


@pytest.fixture
def client(base, clock, tmp_path):
    app = create_app(base, Settings(data=tmp_path))
    app.testing = True
    site = app.extensions["kb"]
    site.stamps._clock = lambda: clock[0]
    site.limits._now = lambda: clock[0]
    return app.test_client()


def blind(client, clock, form, rng):
    """Posts what forms usually hold, without having read this one."""
    return SPAM


def hasty(client, clock, form, rng):
    """Reads the form, and sends it at once."""
    return form | SPAM


def thorough(client, clock, form, rng):
    """Waits, and fills in every field there is."""
    clock[0] += rng.uniform(5, 60)
    return form | SPAM | {"website": "https://spam.example", "company": "x"}


def repeating(client, clock, form, rng):
    """Was read once by a person, and is sent again and again with other words."""
    clock[0] += rng.uniform(5, 60)
    stored = repeating.__dict__.setdefault("form", form)
    return stored | SPAM | {"text": f"offer {rng.random()}"}


def forging(client, clock, form, rng):
    """Makes up the stamp."""
    clock[0] += rng.uniform(5, 60)
    return form | SPAM | {"stamp": f"{int(clock[0] * 1000) - 60_000:x}-{rng.randbytes(12).hex()}"}


def test_five_hundred_robots_get_at_most_five_letters_through(client, clock, base):
    rng = random.Random(1)
    repeating.__dict__.pop("form", None)
    for n in range(500):
        kind = (blind, hasty, thorough, repeating, forging)[n % 5]
        address = {"REMOTE_ADDR": f"203.0.{rng.randrange(200)}.{rng.randrange(250)}"}
        form = {} if kind is blind else open_form(client, environ_base=address)
        client.post("/contact", data=kind(client, clock, form, rng), environ_base=address)

    assert len(base.questions) <= 5


def test_fifty_people_are_never_refused(client, clock, base):
    rng = random.Random(2)
    answers = []
    for n in range(50):
        address = {"REMOTE_ADDR": f"198.51.100.{n % 10}"}  # five of each household or office
        form = open_form(client, environ_base=address)
        clock[0] += rng.uniform(8, 900)
        letter = {"text": f"Не работает {n}", "email": f"person{n}@example.com"}
        answer = client.post("/contact", data=form | letter, environ_base=address)
        answers.append(answer.status_code)

    assert answers == [303] * 50
    assert len(base.questions) == 50
