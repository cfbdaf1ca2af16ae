"""The first sentence of a run's page says no more than the result does."""

from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.comparing import compare
from aggregation.results import AggregateResult
from aggregation.tables import Comparisons
from aggregation.wording import comparison_headline, headline, number


def fitted(
    a: list[str], b: list[str], y: list[int], method: str = "win_rate", **options: Any
) -> Any:
    who = [f"p{k % 3}" for k in range(len(y))]
    table = Comparisons.from_values(a, b, y, annotator=who)
    return METHODS[method].fit(table, METHODS[method].options(**options))


def test_one_winner_comes_with_score_interval_and_basis() -> None:
    result = fitted(["x"] * 8, ["y"] * 8, [1, 1, 1, 1, 1, 1, -1, -1], replicates=50)
    said = headline(result, 8, 3)
    assert said.startswith("“x” comes first with 0.750 [")
    assert "from 8 judgments by 3 annotators." in said


def test_an_uncertain_place_is_said_to_be_one() -> None:
    result = fitted(["x"] * 9, ["y"] * 9, [1, -1, 1, -1, 1, -1, 1, -1, 1], replicates=200)
    assert "That place isn't certain: at 95% its rank lies between 1 and 2." in headline(
        result, 9, 3
    )


def test_a_shared_first_place_is_not_broken() -> None:
    result = fitted(["x", "x"], ["y", "y"], [1, -1])
    assert headline(result, 2, 2) == (
        "“x” and “y” share the first place, from 2 judgments by 2 annotators: "
        "nothing here decides between them."
    )


def test_parts_never_compared_have_no_overall_winner() -> None:
    result = fitted(["a", "c"], ["b", "d"], [1, 1])
    assert "the items fall into 2 parts that were never compared" in headline(result, 2, 2)


def test_labels_are_counted_as_decided_or_not() -> None:
    result = fitted(["a", "a", "a", "b"], ["b", "b", "b", "c"], [1, 1, -1, 0], "majority")
    assert isinstance(result, AggregateResult)
    assert headline(result, 4, 3).startswith("2 of 2 units have a label")


def test_rules_that_disagree_are_named() -> None:
    results = [
        fitted(["x", "x", "y"], ["y", "z", "z"], [1, 1, 1]),
        fitted(["x", "x", "y"], ["y", "z", "z"], [-1, -1, 1]),
        fitted(["a", "c"], ["b", "d"], [1, 1]),
    ]
    two = compare(results[:2])
    assert comparison_headline(two, ["One", "Two"]) == "One picks “x”; Two picks “y”."
    same = compare([results[0], results[0]])
    assert comparison_headline(same, ["One", "Two"]) == "“x” wins under all 2 rules here."
    none = compare([results[2]])
    assert comparison_headline(none, ["One"]) == "None of these rules names a winner."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.62349, "0.623"),
        (-1.5, "−1.500"),
        (431.04, "431.0"),
        (12345.6, "12,346"),
        (None, ""),
        (np.nan, ""),
    ],
)
def test_numbers_are_said_with_three_decimals_where_they_matter(
    value: float | None, said: str
) -> None:
    assert number(value) == said
