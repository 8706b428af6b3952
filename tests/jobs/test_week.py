"""A scripted week in small, on needs of our own; `tests/reliability/week.py` plays banking77."""

from pathlib import Path

import pytest
from scripted_week import Need, play

LOST = (
    "I lost my card on the way home", "my card is lost", "what to do about a lost card",
    "cannot find my card, it is lost somewhere",
)  # fmt: skip
FEES = (
    "why was a fee taken for my transfer", "transfer fee is too high", "what is this transfer fee",
    "explain the fee of a transfer",
)  # fmt: skip
TELEPORT = (
    "teleport to the moon is broken", "the moon teleport does not start",
    "how do I use the teleport to the moon", "teleport moon broken again",
)  # fmt: skip
CARD = (
    "Tell us at once when a card is lost. We block the lost card and send another. "
    "Until it comes, pay with your phone. A card found again stays blocked."
)
FEE = (
    "A transfer abroad costs a fee of one per cent. The fee is shown before you confirm. "
    "A transfer at home is free, and so is the first one abroad in a month."
)


@pytest.mark.slow
def test_a_week_closes_nothing_without_a_change_and_makes_one_row_of_a_need(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "en").mkdir(parents=True)
    (base / "en" / "hours.md").write_text("# Hours\n\nFrom nine to five.\n", "utf-8")
    needs = [Need("lost_card", LOST, CARD), Need("transfer_fee", FEES, FEE), Need("moon", TELEPORT)]

    told = play(needs, tmp_path / "site", base)

    assert told["visits"]["asked"] == told["visits"]["missed"]
    assert told["visits"]["missed"] == told["visits"]["visits on the board"]
    assert told["complained about"] >= 1
    assert (told["closed without a change"], told["closed by commas"]) == (0, 0)
    merging = told["merging"]
    assert merging["rows before"] > merging["needs"]
    assert merging["rows after"] == merging["needs"]
    assert 4 * merging["wrong"] <= merging["suggestions"]
    assert told["visits after merging"] == told["visits"]["visits on the board"]
    assert told["closed by rewriting"] >= 1
