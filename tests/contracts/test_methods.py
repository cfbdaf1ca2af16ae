"""What every aggregation method promises, run over the whole catalogue."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.method import Method
from aggregation.results import AggregateResult, WarningCode
from aggregation.slates import certificates
from aggregation.slates.approvals import Approvals
from aggregation.tables import Ballots, Comparisons, Labels, PairCounts, Ratings
from aggregation.tables.columns import numbered
from tests.aggregation.worlds import (
    random_ballots,
    random_comparisons,
    random_labels,
    random_ratings,
    toy_labels,
)

ALL = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
ORDERLESS = pytest.mark.parametrize(
    "method",
    [m for m in METHODS.values() if not m.sequential],
    ids=[s for s, m in METHODS.items() if not m.sequential],
)
LABELS = pytest.mark.parametrize(
    "method",
    [m for m in METHODS.values() if m.consumes[0] is Labels],
    ids=[s for s, m in METHODS.items() if m.consumes[0] is Labels],
)
SLATES = pytest.mark.parametrize(
    "method",
    [m for m in METHODS.values() if m.family == "slates"],
    ids=[s for s, m in METHODS.items() if m.family == "slates"],
)
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6}


def natural_kind(method: Method) -> type[Any]:
    """The kind of raw table a person would bring to this method."""
    first = method.consumes[0]
    return Comparisons if first is PairCounts else first


ON_PAIRS = pytest.mark.parametrize(
    "method",
    [m for m in METHODS.values() if natural_kind(m) is Comparisons],
    ids=[s for s, m in METHODS.items() if natural_kind(m) is Comparisons],
)


def evidence(method: Method, seed: int = 1) -> Any:
    kind = natural_kind(method)
    if kind is Comparisons:
        x = np.random.default_rng(seed).normal(size=(240, 2))
        return random_comparisons(seed, x=x)
    if kind is Labels:
        return random_labels(seed, gold=True)
    return random_ballots(seed) if kind is Ballots else random_ratings(seed, groups=3)


def empty(method: Method, items: int = 3) -> Any:
    kind = natural_kind(method)
    if kind is Comparisons:
        return Comparisons.from_arrays([], [], [], n_items=items)
    if kind is Labels:
        return Labels.from_arrays([], [], [], n_units=items, n_classes=2)
    if kind is Ballots:
        return Ballots.from_arrays([0], [], [], n_items=items)
    return Ratings.from_arrays([], [], [], n_units=items, lo=0.0, hi=1.0)


def relabelled(table: Any, order: Any) -> Any:
    """The same evidence when item k is called order[k]."""
    ids = numbered(len(table.ids))
    if isinstance(table, Comparisons):
        return replace(
            table, a=order[table.a].astype(np.int32), b=order[table.b].astype(np.int32), ids=ids
        )
    if isinstance(table, Ballots):
        return replace(table, item=order[table.item].astype(np.int32), ids=ids)
    unit = order[table.unit].astype(np.int32)
    if isinstance(table, Labels) and table.gold is not None:
        gold = np.empty_like(table.gold)
        gold[order] = table.gold
        return replace(table, unit=unit, ids=ids, gold=gold)
    return replace(table, unit=unit, ids=ids)


def fit(method: Method, table: Any, **options: Any) -> AggregateResult:
    if any(field.name == "steps" for field in method.options.form_fields()):
        options = {"steps": 60, "device": "cpu", **options}  # promises don't need a good fit
    return method.fit(table, method.options(**options))


@ALL
def test_it_is_documented(method: Method) -> None:
    assert method.title
    assert method.reference
    assert len(method.description.split()) > 40
    assert METHODS[method.slug] is method
    for field in method.options.form_fields():
        assert field.label
        assert isinstance(field.kind, str)


# Methods without published numbers, and where they are held to planted truths or rivals instead.
PLANTED = {
    "budgeting": "test_slates.py",
    "calibrated_heads": "test_joint_heads.py",
    "more": "test_joint_heads.py",
    "pal": "test_personal_rewards.py",
    "vpl": "test_personal_rewards.py",
}


@ALL
def test_golden_numbers_hold_it_to_a_source(method: Method) -> None:
    """Its slug stands among the numbers taken from the literature or from other programs."""
    folder = Path(__file__).parents[1] / "aggregation"
    known = PLANTED.get(method.slug)
    files = (folder / "golden").glob("test_*.py") if known is None else [folder / known]
    named = re.compile(rf"[\"']{method.slug}[\"']")
    assert any(named.search(path.read_text()) for path in files)


@ALL
def test_the_same_seed_gives_the_same_result(method: Method) -> None:
    table = evidence(method)
    assert fit(method, table, seed=5).digest() == fit(method, table, seed=5).digest()


@ALL
def test_its_result_survives_json(method: Method) -> None:
    text = fit(method, evidence(method)).to_json()
    assert AggregateResult.from_json(text).to_json() == text


@ALL
def test_it_leaves_its_input_alone(method: Method) -> None:
    table = evidence(method)
    before = table.digest()
    fit(method, table)
    assert table.digest() == before


@ALL
def test_renaming_items_permutes_the_result(method: Method) -> None:
    table = evidence(method)
    before = fit(method, table)
    order = np.random.default_rng(2).permutation(len(table.ids))
    after = fit(method, relabelled(table, order))
    if before.classes == table.ids:  # it chooses among the items, question by question
        _same_choices(before, after, order)
        return
    if before.ids != table.ids:
        pytest.skip("its scores belong to something other than the table's items")
    np.testing.assert_allclose(after.score[order], before.score, **CLOSE)
    if before.rank is not None and after.rank is not None:
        assert after.rank[order].tolist() == before.rank.tolist()
    assert sorted(order[list(before.winners)].tolist()) == sorted(after.winners)
    if before.label is not None and after.label is not None:
        assert after.label[order].tolist() == before.label.tolist()
    if before.lottery is not None and after.lottery is not None:
        np.testing.assert_allclose(after.lottery[order], before.lottery, **CLOSE)


def _same_choices(before: AggregateResult, after: AggregateResult, order: Any) -> None:
    """Labels and their posterior are the same when class k is called order[k]."""
    assert before.posterior is not None
    assert after.posterior is not None
    assert before.label is not None
    assert after.label is not None
    np.testing.assert_allclose(after.posterior[:, order], before.posterior, rtol=1e-4, atol=1e-5)
    expected = np.where(before.label < 0, -1, order[before.label])
    assert after.label.tolist() == expected.tolist()
    assert after.codes == before.codes


@ALL
def test_renaming_annotators_changes_no_score(method: Method) -> None:
    table = evidence(method)
    order = np.random.default_rng(3).permutation(len(table.annotator_ids))
    renamed = replace(table, annotator=order[table.annotator].astype(np.int32))
    before, after = fit(method, table), fit(method, renamed)
    np.testing.assert_allclose(after.score, before.score, **CLOSE)
    if before.annotators is not None and after.annotators is not None:
        np.testing.assert_allclose(
            after.annotators.ability[order], before.annotators.ability, **CLOSE
        )


@LABELS
def test_renaming_labels_permutes_the_choices(method: Method) -> None:
    table = evidence(method)
    order = np.array([2, 0, 1])
    gold = (
        None
        if table.gold is None
        else np.where(table.gold < 0, -1, order[table.gold]).astype(np.int32)
    )
    renamed = replace(table, label=order[table.label].astype(np.int32), gold=gold)
    _same_choices(fit(method, table), fit(method, renamed), order)


@LABELS
def test_a_tie_between_labels_falls_to_none_of_them(method: Method) -> None:
    """One unit, two people, two labels; and six units of which two are each other's mirror."""
    table = Labels.from_arrays([0, 0], [0, 1], [0, 1])
    for each in (table, replace(table, label=1 - table.label)):
        result = fit(method, each)
        assert result.label is not None
        assert result.label.tolist() == [-1]
        assert WarningCode.TIE_UNRESOLVED in result.codes
    posterior = fit(method, toy_labels()).posterior
    assert posterior is not None
    np.testing.assert_allclose(posterior[3], posterior[5], rtol=0, atol=1e-9)


@pytest.mark.parametrize("slug", ["dawid_skene", "one_coin", "mace", "glad", "kos"])
def test_annotators_without_common_units_are_pointed_out(slug: str) -> None:
    """GLAD too: its likelihood is the same when all abilities of a block change their sign."""
    apart = Labels.from_arrays([0, 0, 1, 1], [0, 1, 2, 3], [0, 1, 1, 0])
    assert WarningCode.LABEL_SWITCHING in fit(METHODS[slug], apart).codes
    together = Labels.from_arrays([0, 0, 1, 1], [0, 1, 1, 3], [0, 1, 1, 0])
    assert WarningCode.LABEL_SWITCHING not in fit(METHODS[slug], together).codes


@LABELS
def test_swapping_two_labels_swaps_the_choices(method: Method) -> None:
    table = toy_labels()
    mirrored = replace(table, label=1 - table.label)
    _same_choices(fit(method, table), fit(method, mirrored), np.array([1, 0]))


@ORDERLESS
def test_the_order_of_judgments_does_not_matter(method: Method) -> None:
    table = evidence(method)
    shuffled = table.take(np.random.default_rng(4).permutation(len(table)))
    np.testing.assert_allclose(fit(method, shuffled).score, fit(method, table).score, **CLOSE)


ON_EMBEDDINGS = {("pal", "embeddings"), ("pal", "B"), ("vpl", "embeddings")}


def variants() -> list[Any]:
    """Every method by default, and with each other value of each option that has a few.

    Left out are other ways to the same answer, and what reads embeddings: these worlds have none.
    """
    found = []
    for slug, method in METHODS.items():
        if method.sequential:
            continue
        found.append(pytest.param(method, {}, id=slug))
        for field in method.options.form_fields():
            for value in () if field.name in ("vary", "solver") else field.choices:
                if value != field.default and (slug, value) not in ON_EMBEDDINGS:
                    found.append(pytest.param(method, {field.name: value}, id=f"{slug}-{value}"))
    return found


@pytest.mark.parametrize(("method", "options"), variants())
def test_a_weight_is_the_row_that_often(method: Method, options: dict[str, Any]) -> None:
    """Part of the rows stand twice or thrice: what holds for all rows alike holds for any scale.

    Worlds grow smaller and closer until the weights change the result, so none can be ignored.
    """
    changed = False
    for seed in (1, 8, *range(2, 40)):
        whole = evidence(method, seed)
        rng = np.random.default_rng(seed)
        if options.get("by") == "attribute":
            group = rng.integers(0, 2, len(whole)).astype(np.int32)
            whole = replace(whole, group=group, group_ids=("north", "south"))
        table = whole.take(np.sort(rng.permutation(len(whole))[: max(4, len(whole) // seed)]))
        times = rng.choice([1, 2, 3], len(table), p=[0.5, 0.3, 0.2])
        weighted = fit(method, table.reweighted(times.astype(np.float64)), **options).score
        repeated = fit(method, table.take(np.repeat(np.arange(len(table)), times)), **options).score
        np.testing.assert_allclose(repeated, weighted, err_msg=f"seed {seed}", **CLOSE)
        plain = fit(method, table, **options).score
        changed |= not np.allclose(plain, weighted, equal_nan=True, **CLOSE)
        if changed and seed > 1:
            return
    pytest.fail("Weights change nothing in any world.")


@ORDERLESS
def test_merged_shards_are_the_whole(method: Method) -> None:
    table = evidence(method)
    half = len(table) // 2
    merged = table.take(np.arange(half)) + table.take(np.arange(half, len(table)))
    np.testing.assert_array_equal(fit(method, merged).score, fit(method, table).score)


# --- Edges: no method raises for data, none invents a number ------------------------------------


@ALL
def test_without_judgments_it_says_so(method: Method) -> None:
    result = fit(method, empty(method))
    assert WarningCode.EMPTY in result.codes
    assert result.ids == () or len(result.score) == len(result.ids)


@ALL
def test_without_items_it_says_so(method: Method) -> None:
    assert WarningCode.EMPTY in fit(method, empty(method, items=0)).codes


@ALL
def test_one_annotator_is_pointed_out(method: Method) -> None:
    table = evidence(method)
    alone = replace(table, annotator=np.zeros_like(table.annotator))
    result = fit(method, alone)
    assert WarningCode.SINGLE_ANNOTATOR in result.codes
    assert not np.isinf(result.score).any()
    if result.ci_method in ("cluster", "bootstrap"):
        assert result.se is not None
        assert np.isnan(result.se).all()


@ALL
def test_one_annotator_has_no_bootstrap_interval(method: Method) -> None:
    table = evidence(method)
    alone = replace(table, annotator=np.zeros_like(table.annotator))
    result = fit(method, alone, replicates=3)
    if result.ci_method == "bootstrap" and result.se is not None:
        assert np.isnan(result.se).all()


@ALL
def test_a_single_row_is_enough_not_to_fail(method: Method) -> None:
    table = evidence(method)
    result = fit(method, table.take(np.arange(1)))
    assert not np.isinf(result.score).any()


@ALL
def test_all_ties_decide_nothing(method: Method) -> None:
    kind = natural_kind(method)
    table = evidence(method)
    if kind is Comparisons:
        table = replace(table, y=np.zeros_like(table.y))
    elif kind is Ballots:
        table = replace(table, tier=np.zeros_like(table.tier))
    elif kind is Ratings:
        table = replace(table, value=np.full_like(table.value, 0.5))
    else:
        table = replace(table, label=np.zeros_like(table.label), gold=None)
    result = fit(method, table)
    if kind is Labels:
        assert result.label is not None
        voted = np.bincount(table.unit, minlength=len(table.ids)) > 0
        assert result.label.tolist() == np.where(voted, 0, -1).tolist()
    elif result.rank is not None:
        scores = result.score[~np.isnan(result.score)]
        assert np.ptp(scores) == pytest.approx(0.0, abs=1e-6)


@ON_PAIRS
def test_parts_that_never_met_have_their_own_ranks(method: Method) -> None:
    one, two = random_comparisons(1, items=3), random_comparisons(2, items=3)
    both = Comparisons.from_arrays(
        np.concatenate([one.a, two.a + 3]),
        np.concatenate([one.b, two.b + 3]),
        np.concatenate([one.y, two.y]),
        annotator=np.concatenate([one.annotator, two.annotator]),
        x=np.zeros((480, 1)),
    )
    result = fit(method, both)
    assert WarningCode.DISCONNECTED in result.codes
    if method.family == "social_choice":
        assert WarningCode.UNSEEN_PAIRS in result.codes  # these rules rank across parts, and say so
        return
    if (
        WarningCode.DISCONNECTED in result.codes
        and result.rank is not None
        and result.component is not None
    ):
        for part in (0, 1):
            assert result.rank[result.component == part].min() == 1
        assert result.tiers == ()


@ALL
def test_an_item_nobody_judged_has_no_invented_score(method: Method) -> None:
    kind = natural_kind(method)
    if kind is Comparisons:
        table: Any = random_comparisons(1, items=4, x=np.zeros((240, 1)))
        table = replace(table, ids=numbered(5))
    elif kind is Labels:
        table = random_labels(1)
        table = replace(table, ids=numbered(len(table.ids) + 1))
    elif kind is Ratings:
        table = random_ratings(1, groups=3)
        table = replace(table, ids=numbered(len(table.ids) + 1))
    else:
        table = replace(random_ballots(1), ids=numbered(6))
    result = fit(method, table)
    if result.ids == table.ids:
        assert {WarningCode.UNSEEN_ITEMS, WarningCode.EMPTY} & result.codes


# --- Slates -------------------------------------------------------------------------------------


def approvals(seed: int, items: int = 6) -> Ballots:
    """A random approval profile of up to twelve voters, some of whom approve nothing."""
    rng = np.random.default_rng(seed)
    voters = int(rng.integers(1, 13))
    sets = [np.flatnonzero(rng.random(items) < 0.4).tolist() for _ in range(voters)]
    weight = rng.integers(1, 4, voters).astype(float)
    people = rng.integers(0, 4, voters)
    return Ballots.from_approvals(sets, items, weight=weight, annotator=people)


def slates_of(method: Method, ballots: Ballots, seats: int) -> AggregateResult:
    return fit(method, ballots, **({"budget": float(seats)} if _buys(method) else {"seats": seats}))


def _buys(method: Method) -> bool:
    return any(field.name == "budget" for field in method.options.form_fields())


@SLATES
def test_a_slate_holds_as_many_items_as_seats(method: Method) -> None:
    if method.consumes[0] is not Ballots:
        pytest.skip("reads no ballots")
    for seed in range(20):
        result = slates_of(method, approvals(seed), 1 + seed % 5)
        sizes = {len(slate) for slate in result.committees}
        if _buys(method):
            assert max(sizes) <= 1 + seed % 5
        else:
            assert sizes == {1 + seed % 5}
        assert result.committees == tuple(sorted(set(result.committees)))
        assert sorted({c for slate in result.committees for c in slate}) == list(result.winners)
        if result.committee_probs:
            assert sum(result.committee_probs) == pytest.approx(1.0)
        held = np.zeros(6)
        chances = result.committee_probs or [1 / len(result.committees)] * len(result.committees)
        for slate, chance in zip(result.committees, chances, strict=True):
            held[list(slate)] += chance
        np.testing.assert_allclose(result.score, held, atol=1e-9)


@SLATES
def test_renaming_items_permutes_the_slates(method: Method) -> None:
    if method.consumes[0] is not Ballots:
        pytest.skip("reads no ballots")
    for seed in range(20):
        table = approvals(seed)
        order = np.random.default_rng(seed).permutation(6)
        before, after = slates_of(method, table, 3), slates_of(method, relabelled(table, order), 3)
        np.testing.assert_allclose(after.score[order], before.score, **CLOSE)
        if not before.committee_probs:  # a lottery's slates depend on the public order of its items
            renamed = {tuple(sorted(order[list(slate)].tolist())) for slate in before.committees}
            assert set(after.committees) == renamed


@SLATES
def test_a_slate_has_the_representation_it_claims(method: Method) -> None:
    claimed = {axiom.split(" ")[0] for axiom in method.axioms}
    checks = {
        "JR": certificates.justified_representation,
        "PJR": certificates.pjr,
        "EJR": certificates.ejr,
        "EJR+": certificates.ejr_plus,
    }
    if not claimed & set(checks):
        pytest.skip("claims no representation")
    for seed in range(60):
        table, seats = approvals(seed), 1 + seed % 5
        votes = Approvals.from_ballots(table)
        result = slates_of(method, table, seats)
        for name in claimed & set(checks):
            for slate in result.committees:
                assert checks[name](votes, slate, seats).holds, (name, seed, slate)


@SLATES
def test_more_seats_take_no_seat_away_where_that_is_promised(method: Method) -> None:
    if "committee monotonicity" not in method.axioms:
        pytest.skip("doesn't promise it")
    for seed in range(20):
        table = approvals(seed)
        few, many = slates_of(method, table, 2), slates_of(method, table, 3)
        for slate in many.committees:
            assert any(set(smaller) <= set(slate) for smaller in few.committees)


@SLATES
def test_without_enough_items_everybody_has_a_seat_and_it_says_so(method: Method) -> None:
    if method.consumes[0] is not Ballots:
        pytest.skip("reads no ballots")
    table = Ballots.from_approvals([[0, 1], [1, 2]], 3)
    result = slates_of(method, table, 9)
    assert result.committees == ((0, 1, 2),)
    if not _buys(method):
        assert WarningCode.SEATS_UNFILLED in result.codes


@SLATES
def test_voters_who_approve_nothing_leave_all_slates_tied(method: Method) -> None:
    if method.consumes[0] is not Ballots or method.slug in ("fair_lottery", "fair_subset"):
        pytest.skip("doesn't choose by approvals alone")
    result = slates_of(method, Ballots.from_approvals([[], []], 3), 2)
    if _buys(method):
        assert result.committees == ((),)
        assert WarningCode.SEATS_UNFILLED in result.codes
        return
    assert result.committees == ((0, 1), (0, 2), (1, 2))
    assert WarningCode.TIE_UNRESOLVED in result.codes
