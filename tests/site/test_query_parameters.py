"""Query strings are read as the standard library and Werkzeug read them."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Request

from kb.site import query_strings
from kb.site.api import parameters

PIECES = st.sampled_from(
    ["q", "=", "&", "+", "%", "%2", "%20", "%D0", "%BF", "%d1%8f", "%E2%82", "%zz", "%00", "я", ";"]
)


@given(st.lists(PIECES | st.characters(), max_size=30).map("".join))
def test_parameters_are_those_of_parse_qsl(query_string):
    assert parameters(query_string) == dict(parse_qsl(query_string, errors="replace"))


@given(st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=30).map("".join))
def test_fields_are_those_that_a_page_was_sent(query_string):
    written = query_string.encode().decode("latin-1")
    sent = Request({"QUERY_STRING": written, "REQUEST_METHOD": "GET"}).args

    found = query_strings.fields(query_string, "werkzeug.url_quote")

    assert dict(reversed(found)) == sent.to_dict()


@pytest.mark.parametrize(
    ("query_string", "query"),
    [
        ("q=%D0%BF%D0%BE%D1%87%D1%82%D0%B0+a%2Bb", "почта a+b"),
        ("q=100%25%", "100%%"),
        ("q=first&q=last", "last"),
        ("q=%D0%BFпо%D1%87", "ппоч"),
    ],
)
def test_a_question_is_read_from_its_escapes(query_string, query):
    assert parameters(query_string)["q"] == query
