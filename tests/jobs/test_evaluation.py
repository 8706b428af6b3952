"""Figures that can be checked by hand, and expectations that say what broke."""

import json
import math

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kb.cli import main
from kb.jobs import evaluation
from kb.jobs.evaluation import Asked, CannotEvaluate, Expectation, ExpectedArticle

RANKINGS = st.lists(st.sampled_from("abcdefghijklmn"), unique=True)
GRADES = st.dictionaries(st.sampled_from("abcdefghijklmn"), st.sampled_from([1.0, 2.0, 3.0]))


# ---------------------------------------------------------------- by hand


def test_ndcg_discounts_by_the_logarithm_of_the_rank():
    # gains at ranks 2 and 4 of two relevant: (1/log2 3 + 1/log2 5) / (1/log2 2 + 1/log2 3)
    by_hand = (0.6309297535714575 + 0.43067655807339306) / (1 + 0.6309297535714575)

    assert evaluation.ndcg(["x", "a", "y", "b"], {"a": 1, "b": 1}) == pytest.approx(by_hand)


def test_ndcg_weighs_grades():
    # grades 3 and 1 in the wrong order: (1 + 3/log2 3) / (3 + 1/log2 3)
    by_hand = (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))

    assert evaluation.ndcg(["b", "a"], {"a": 3, "b": 1}) == pytest.approx(by_hand)


def test_ndcg_compares_with_the_best_ten_only():
    grades = {str(n): 1.0 for n in range(20)}

    assert evaluation.ndcg([str(n) for n in range(10)], grades) == pytest.approx(1.0)


def test_the_first_relevant_hit_counts_for_mrr():
    assert evaluation.reciprocal_rank(["x", "y", "a", "b"], {"a", "b"}) == pytest.approx(1 / 3)
    assert evaluation.reciprocal_rank([*"0123456789", "a"], {"a"}) == 0


def test_success_is_the_first_hit():
    assert evaluation.success(["a", "x"], {"a"}) == 1
    assert evaluation.success(["x", "a"], {"a"}) == evaluation.success([], {"a"}) == 0


def test_recall_is_the_share_of_the_relevant_among_ten():
    assert evaluation.recall([*"xxxxxxxxa", "b", "c"], {"a", "b", "c", "d"}) == 0.5


def test_a_score_is_the_mean_over_judged_questions():
    asked = [
        Asked("one", ("a", "b"), {"a": 1.0}),
        Asked("two", ("x", "b"), {"b": 1.0}),
        Asked("unjudged", ("x",), {}),
    ]

    score = evaluation.score("set", asked)

    assert score.to_json() == {
        "name": "set",
        "queries": 2,
        "ndcg@10": round((1 + 1 / math.log2(3)) / 2, 4),
        "mrr@10": 0.75,
        "success@1": 0.5,
        "recall@10": 1.0,
        "broken": [],
    }
    assert score.failures == ("“two”: wanted b; first is x",)


@given(RANKINGS, GRADES)
def test_every_figure_lies_between_none_and_all(ranking, grades):
    for figure in (
        evaluation.ndcg(ranking, grades),
        evaluation.reciprocal_rank(ranking, grades),
        evaluation.success(ranking, grades),
        evaluation.recall(ranking, grades),
    ):
        assert 0 <= figure <= 1 + 1e-9


@given(GRADES)
def test_the_best_order_is_perfect(grades):
    best = sorted(grades, key=lambda slug: -grades[slug])

    assert evaluation.ndcg(best, grades) == pytest.approx(1.0 if grades else 0.0)


# ---------------------------------------------------------------- expectations


def question(*slugs: str) -> Expectation:
    return Expectation(
        query="vpn", expected=tuple(ExpectedArticle(slug=s, reason=f"reason of {s}") for s in slugs)
    )


@pytest.mark.parametrize(
    ("ranking", "complaints"),
    [
        (["a", "b"], []),
        (["a", "x", "b"], []),
        (["b", "a"], ["“vpn”: a is not first (reason of a); first is b",
                      "“vpn”: b stands before a (reason of a)"]),
        (["a"], ["“vpn”: b is not among ten (reason of b)"]),
        ([], ["“vpn”: a is not first (reason of a); first is nothing",
              "“vpn”: b is not among ten (reason of b)"]),
    ],
)  # fmt: skip
def test_a_broken_expectation_says_which_place_and_why(ranking, complaints):
    assert list(evaluation.complaints(question("a", "b"), ranking, True)) == complaints


def test_nothing_can_be_expected():
    assert list(evaluation.complaints(question(), ["a"], False)) == []
    assert list(evaluation.complaints(question(), ["a"], True)) == [
        "“vpn”: nothing was expected; first is a"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[[question]]\nquery = 'x'\n",
        "[[question]]\nquery = 'x'\nexpected = ['slug']\n",
        "[[question]]\nquery = ''\nexpected = []\n",
        "[[question]\n",
        "question = 1\n",
    ],
)
def test_a_file_of_expectations_that_cannot_be_read_is_named(tmp_path, text):
    file = tmp_path / "x.toml"
    file.write_text(text, "utf-8")

    with pytest.raises(CannotEvaluate, match=r"x\.toml: "):
        evaluation.read_expectations(file)


@pytest.mark.parametrize("name", ["nofolder", "no.toml"])
def test_what_is_not_there_is_named_with_what_could_be(tmp_path, name):
    with pytest.raises(CannotEvaluate, match=rf"there is no .*{name}; name a \.toml .* qrels\.tsv"):
        evaluation.read_expectations(tmp_path / name)


# ---------------------------------------------------------------- the command


def write_set(folder, docs, queries, qrels):
    folder.mkdir()
    for name, rows in (("docs.jsonl", docs), ("queries.jsonl", queries)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "qrels.tsv").write_text("".join("\t".join(row) + "\n" for row in qrels), "utf-8")


DOCS = [
    {"id": "a/b.md", "title": "Reset a password", "text": "Press the link on the login page."},
    {"id": "c", "title": "", "text": "Printers need paper, says the password manual."},
]


def test_a_judged_set_is_indexed_asked_and_scored(tmp_path, runner: CliRunner):
    queries = [
        {"id": "q1", "text": "reset password"},
        {"id": "q2", "text": "password", "source_docs": ["a/b.md"]},
        {"id": "q3", "text": "not judged"},
    ]
    write_set(tmp_path / "tiny", DOCS, queries, [("q1", "a/b.md", "1"), ("q2", "c", "1")])

    done = runner.invoke(main, ["eval", "--json", str(tmp_path / "tiny")])

    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)["sets"]
    assert found == {
        "name": "tiny", "queries": 2, "ndcg@10": 1.0, "mrr@10": 1.0, "success@1": 1.0,
        "recall@10": 1.0, "broken": [],
    }  # fmt: skip


def test_a_broken_expectation_ends_with_exit_1(tmp_path, write, settings, runner: CliRunner):
    write("vpn", title="VPN")
    file = tmp_path / "x.toml"
    file.write_text(
        '[[question]]\nquery = "vpn"\nexpected = [{slug = "gone", reason = "title"}]\n', "utf-8"
    )

    done = runner.invoke(main, ["eval", str(file), "--articles", str(settings.articles)])

    assert done.exit_code == 1, done.output
    assert "“vpn”: gone is not first (title); first is vpn" in done.stdout
    assert not settings.data.exists()


@pytest.mark.parametrize("missing", ["docs.jsonl", "queries.jsonl", "qrels.tsv"])
def test_an_incomplete_set_is_told_in_one_line(tmp_path, runner: CliRunner, missing):
    write_set(tmp_path / "tiny", DOCS, [{"id": "q", "text": "x"}], [("q", "c", "1")])
    (tmp_path / "tiny" / missing).unlink()

    done = runner.invoke(main, ["eval", str(tmp_path / "tiny")])

    assert done.exit_code == 2
    assert missing in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.shared
@pytest.mark.slow
def test_the_solved_set_stays_solved(shared_data, runner: CliRunner):
    done = runner.invoke(main, ["eval", "--json", str(shared_data / "sets" / "xquad-en")])

    (found,) = json.loads(done.stdout)["sets"]
    assert found["queries"] == 1190
    assert found["ndcg@10"] > 0.95
