"""Tickets of Zendesk and Intercom, in the shapes that their documentation shows."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.tickets import help_desks
from kb.tickets.models import CannotRead

OPENED = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ZENDESK = {
    "id": 35436,
    "url": "https://company.zendesk.com/api/v2/tickets/35436.json",
    "external_id": "ahg35h3jh",
    "created_at": "2026-03-04T10:00:00Z",
    "updated_at": "2026-03-05T22:55:29Z",
    "type": "incident",
    "subject": "Help, my printer is on fire!",
    "raw_subject": "{{dc.printer_on_fire}}",
    "description": "The fire is very colorful.",
    "priority": "high",
    "status": "open",
    "requester_id": 20978392,
    "submitter_id": 76872,
    "tags": ["enterprise", "other_tag"],
    "via": {"channel": "web"},
    "custom_fields": [{"id": 27642, "value": "745"}],
}
METRIC = {
    "ticket_id": 35436,
    "reply_time_in_minutes": {"calendar": 2391, "business": 737},
    "reopens": 55,
}
COMMENT = {
    "author_id": 123123,
    "body": "See https://help.example.com/articles/en/fire",
    "html_body": '<p>See <a href="https://help.example.com/articles/en/fire">this</a></p>',
    "created_at": "2026-03-04T10:30:00Z",
    "public": True,
}
INTERCOM = {
    "type": "conversation",
    "id": "1295",
    "created_at": 1772618400,
    "title": None,
    "source": {
        "type": "conversation",
        "subject": "",
        "body": "<p>Where is my <b>card</b>?</p>",
        "author": {"type": "user", "email": "joe@example.com"},
    },
    "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "1", "name": "Cards"}]},
    "statistics": {"type": "conversation_statistics", "time_to_admin_reply": 2310},
    "conversation_parts": {
        "type": "conversation_part.list",
        "conversation_parts": [
            {
                "part_type": "comment",
                "body": '<p><a href="https://help.example.com/articles/en/card">Look</a></p>',
                "created_at": 1772620200,
                "author": {"type": "admin", "id": "274"},
            }
        ],
    },
}


def given_file(tmp_path, *documents):
    path = tmp_path / "export.json"
    path.write_text("\n".join(json.dumps(each) for each in documents), "utf-8")
    return path


def test_a_page_of_zendesks_tickets_with_their_metrics(tmp_path):
    page = {"tickets": [ZENDESK], "metric_sets": [METRIC], "count": 1, "next_page": None}

    (ticket,) = help_desks.zendesk(given_file(tmp_path, page))

    assert ticket.question == "{{dc.printer_on_fire}}. The fire is very colorful."
    assert (ticket.type, ticket.opened, ticket.minutes) == ("incident", OPENED, 2391)


def test_zendesks_export_has_a_ticket_a_line_with_its_comments(tmp_path):
    asked = {"author_id": 20978392, "body": "The fire is very colorful.", "public": True,
             "created_at": "2026-03-04T10:00:00Z"}  # fmt: skip
    note = COMMENT | {"public": False, "created_at": "2026-03-04T10:05:00Z", "html_body": ""}
    whole = ZENDESK | {"comments": [asked, note, COMMENT], "type": None}

    first, second = help_desks.zendesk(given_file(tmp_path, whole, ZENDESK | {"id": 2}))

    assert (first.minutes, first.type) == (30, "enterprise")
    assert first.links == ("https://help.example.com/articles/en/fire",)
    assert (second.minutes, second.links) == (None, ())


def test_conversations_of_intercom(tmp_path):
    page = {"type": "conversation.list", "conversations": [INTERCOM], "pages": {}}

    (ticket,) = help_desks.intercom(given_file(tmp_path, page))

    assert ticket.question == "Where is my card ?"
    assert (ticket.type, ticket.opened, ticket.minutes) == ("Cards", OPENED, 38.5)
    assert ticket.links == ("https://help.example.com/articles/en/card",)


def test_a_conversation_without_statistics_is_timed_by_its_parts(tmp_path):
    (ticket,) = help_desks.intercom(given_file(tmp_path, INTERCOM | {"statistics": None}))

    assert ticket.minutes == 30


def test_tickets_of_intercom(tmp_path):
    ticket = {
        "type": "ticket",
        "id": "494",
        "created_at": 1772618400,
        "ticket_type": {"type": "ticket_type", "name": "Bug"},
        "ticket_attributes": {"_default_title_": "Card", "_default_description_": "It is gone"},
    }

    (found,) = help_desks.intercom(given_file(tmp_path, {"tickets": [ticket]}))

    assert (found.question, found.type) == ("Card. It is gone", "Bug")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"tickets": []}', "no json", "[" * 100_000])
@pytest.mark.parametrize("read", [help_desks.zendesk, help_desks.intercom])
def test_a_file_without_tickets_is_told(tmp_path, read, text):
    path = tmp_path / "export.json"
    path.write_text(text, "utf-8")

    with pytest.raises(CannotRead, match="save the"):
        list(read(path))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(ZENDESK)), st.sampled_from(sorted(INTERCOM)), _JSON)
def test_any_value_of_a_field_is_read_or_told(tmp_path_factory, of_zendesk, of_intercom, value):
    folder = tmp_path_factory.mktemp("any")

    for read, given_one, field in (
        (help_desks.zendesk, ZENDESK | {"comments": [COMMENT], "metric_set": METRIC}, of_zendesk),
        (help_desks.intercom, INTERCOM, of_intercom),
    ):
        file = given_file(folder, given_one | {field: value, "comments": value})
        try:
            found = list(read(file))
        except CannotRead:
            found = []
        assert all(isinstance(each.question, str) for each in found)
