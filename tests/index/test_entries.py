"""The details of an entry are a line of JSON until they are asked for."""

import pytest

from kb.base.errors import IndexDamaged
from kb.index.entries import Entry


def test_damaged_details_are_told_when_asked_for():
    with pytest.raises(IndexDamaged, match="run `kb index --full`"):
        _ = Entry((), "", "", kept=b"[1]").details
