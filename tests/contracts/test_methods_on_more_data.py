"""More of the same, or something else beside it: what must stay and what must shrink."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.method import Method
from aggregation.tables import Ballots, Comparisons
from tests.aggregation.worlds import random_ballots, random_comparisons
from tests.contracts.test_methods import CLOSE, ON_PAIRS, evidence, fit


def has_hessian(method: Method) -> bool:
    return any(f.name == "ci" and "hessian" in f.choices for f in method.options.form_fields())


LIKELIHOODS = [m for m in METHODS.values() if has_hessian(m)]


@pytest.mark.parametrize("method", LIKELIHOODS, ids=[m.slug for m in LIKELIHOODS])
def test_twice_the_data_leave_scores_and_halve_variances(method: Method) -> None:
    """By the inverse Hessian. Over annotators they stay: nobody new has spoken."""
    table = evidence(method)
    once, twice = fit(method, table, ci="hessian"), fit(method, table + table, ci="hessian")
    assert once.ci_method == twice.ci_method == "hessian"
    np.testing.assert_allclose(twice.score, once.score, **CLOSE)
    assert once.se is not None
    assert twice.se is not None
    assert (once.se > 0).all()
    np.testing.assert_allclose(twice.se**2, once.se**2 / 2, rtol=1e-5)
    people_once = fit(method, table, ci="cluster").se
    people_twice = fit(method, table + table, ci="cluster").se
    assert people_once is not None
    assert people_twice is not None
    np.testing.assert_allclose(people_twice, people_once, rtol=1e-5)


def test_methods_with_a_hessian_are_the_likelihoods() -> None:
    assert {m.slug for m in LIKELIHOODS} >= {
        "bradley_terry", "davidson", "plackett_luce", "rao_kupper", "strength_logit",
        "styled_bradley_terry", "thurstone",
    }  # fmt: skip


# Parts that never met: what others are asked about other items is nobody's business.

ONE_PARAMETER_FOR_ALL = {
    "davidson": "how readily people call a tie",
    "rao_kupper": "how readily people call a tie",
    "strength_logit": "thresholds of strength",
    "styled_bradley_terry": "what covariates and sides do",
    "plackett_luce": "how readily people tie two or three",
    "calibrated_heads": "the scale of chances",
}
RANK_ACROSS = {
    "baldwin": "eliminates round by round",
    "borda": "gives points for all rivals",
    "kemeny": "one order of all; the mean of the best ones",
    "slater": "one order of all; the mean of the best ones",
    "maximal_lottery": "one lottery over all",
    "nash": "one lottery over all",
    "smith_set": "incomparable firsts are all in it",
    "elo": "the mean of orders drawn for all rows",
    "mixture": "annotators fall into groups together",
    "maxmin": "annotators fall into groups together",
    "more": "annotators fall into groups together",
    "pal": "few steps of one network",
    "vpl": "few steps of one network",
}


def beside(one: Comparisons, other: Comparisons) -> Comparisons:
    """Both, of other items and other people."""
    K, J = len(one.ids), 1 + int(one.annotator.max(initial=0)) if one.annotator is not None else 0
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("y", "weight", "first", "x")
    }
    assert one.annotator is not None
    assert other.annotator is not None
    return Comparisons.from_arrays(
        np.concatenate([one.a, other.a + K]),
        np.concatenate([one.b, other.b + K]),
        annotator=np.concatenate([one.annotator, other.annotator + J]),
        n_items=K + len(other.ids),
        **columns,
    )


def part(seed: int, items: int) -> Comparisons:
    return random_comparisons(
        seed, items=items, x=np.random.default_rng(seed).normal(size=(240, 1))
    )


@ON_PAIRS
def test_a_part_that_never_met_the_others_leaves_their_scores(method: Method) -> None:
    if method.slug in RANK_ACROSS:
        pytest.skip(RANK_ACROSS[method.slug])
    one = part(1, 4)
    # Where parts share a parameter, the other one must say the same of it: a copy on other items.
    other = one if method.slug in ONE_PARAMETER_FOR_ALL else part(2, 3)
    alone, both = fit(method, one), fit(method, beside(one, other))
    np.testing.assert_allclose(both.score[:4], alone.score, **CLOSE)


@pytest.mark.parametrize("slug", ["bradley_terry", "thurstone"])
def test_a_part_that_never_met_the_others_leaves_their_errors(slug: str) -> None:
    """By the inverse Hessian; over annotators the correction for few of them knows them all."""
    one = part(1, 4)
    alone = fit(METHODS[slug], one, ci="hessian").se
    both = fit(METHODS[slug], beside(one, part(2, 3)), ci="hessian").se
    assert alone is not None
    assert both is not None
    np.testing.assert_allclose(both[:4], alone, rtol=1e-6)


def test_ballots_on_other_items_leave_plackett_luce() -> None:
    one, other = random_ballots(1, items=4), random_ballots(2, items=3)
    both = Ballots.from_rankings(
        [*orders(one), *orders(other, shift=4)],
        weight=np.concatenate([one.weights, other.weights]),
        n_items=7,
    )
    method = METHODS["plackett_luce"]
    plain = replace(one, annotator=None, annotator_ids=())
    np.testing.assert_allclose(fit(method, both).score[:4], fit(method, plain).score, **CLOSE)


def orders(table: Ballots, shift: int = 0) -> list[list[int]]:
    return [(ballot + shift).tolist() for ballot in np.split(table.item, table.ptr[1:-1])]
