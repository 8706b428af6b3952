"""Forms of one Russian word meet, look-alikes do not (`data/ru_pairs.tsv`)."""

from paths import TESTS

from kb.language import morphology, tokens

PAIRS = TESTS / "data" / "ru_pairs.tsv"


def pairs() -> list[tuple[str, str, bool]]:
    rows = [line.split("\t") for line in PAIRS.read_text("utf-8").splitlines()[1:]]
    return [(one, two, kind == "meet") for one, two, kind, *_ in rows]


def meet(one: str, two: str) -> bool:
    return not set(morphology.lemmas(tokens.fold(one))).isdisjoint(
        morphology.lemmas(tokens.fold(two))
    )


def test_there_are_enough_pairs_of_both_kinds():
    kinds = [kind for _, _, kind in pairs()]

    assert len(set(pairs())) == len(kinds) >= 200
    assert kinds.count(True) >= 100
    assert kinds.count(False) >= 100


def test_forms_of_a_word_meet_and_look_alikes_do_not():
    wrong = [(one, two, kind) for one, two, kind in pairs() if meet(one, two) != kind]

    print(f"{len(wrong)} of {len(pairs())} wrong:", *wrong, sep="\n")
    assert len(wrong) <= 0.05 * len(pairs())
