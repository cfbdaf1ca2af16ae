"""Manipulation, public tie-breaks and payments: worked examples, rivals and hostile input."""

from collections import Counter
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.diagnostics.manipulation import manipulation
from aggregation.diagnostics.payments import (
    PaymentError,
    executed_score,
    logarithmic_score,
    payment,
    peer_scores,
    quadratic_score,
    quadratic_score_of_classes,
    without_own,
)
from aggregation.diagnostics.tie_break import (
    Reveal,
    TieBreak,
    TieBreakError,
    beacon_draw,
    commitment,
    modular_place,
    public_options,
    settle,
    verify,
)
from aggregation.tables import Ballots, Comparisons, Labels
from tests.aggregation.worlds import ballots, tennessee

# --- Manipulation ------------------------------------------------------------------------------


def test_sixteen_voters_of_knoxville_can_keep_memphis_from_winning_alone() -> None:
    """Plurality, 42 M, 26 N, 15 C, 17 K: 16 K voters who vote N bring it to 42, level with M."""
    found = manipulation(METHODS["plurality"], tennessee())
    assert found.winners == ("M",)
    assert found.count == 16
    assert found.per_root == pytest.approx(1.6)
    assert found.strategies[0].ballot == (("K",), ("C",), ("N",), ("M",))
    assert found.strategies[0].winners == ("M", "N")
    assert found.exposed == pytest.approx(0.43)  # K and N voters; C voters are one too few
    assert found.complete


def test_memphis_compromises_under_instant_run_off() -> None:
    """K wins, whom M voters like least; enough of them leaving M keep K from winning alone."""
    found = manipulation(METHODS["irv"], tennessee())
    assert found.winners == ("K",)
    by_ballot = {s.ballot[0][0]: s for s in found.strategies}
    assert "M" in by_ballot
    assert by_ballot["M"].winners != ("K",)
    assert found.count is not None
    assert found.count <= by_ballot["M"].count <= 42


@pytest.mark.parametrize("slug", ["borda", "plurality", "copeland"])
def test_three_items_against_trying_everything(slug: str) -> None:
    """Single voters, every order: brute force over all profiles of four voters' ballots."""
    method = METHODS[slug]
    orders = ["".join(p) for p in permutations("ABC")]
    for profile in [("ABC", "BCA", "CAB", "ABC"), ("ABC", "BAC", "CBA", "CAB"), ("BCA",) * 4]:
        table = ballots(*((1, order) for order in profile), names="ABC")
        before = _winners(method, profile)
        gain = any(
            _better(meant, before, _winners(method, (*profile[:v], cast, *profile[v + 1 :])))
            for v, meant in enumerate(profile)
            for cast in orders
        )
        found = manipulation(method, table)
        assert (found.count == 1.0) is gain, (profile, found)


def _winners(method: Any, profile: tuple[str, ...]) -> set[str]:
    result = method.fit(ballots(*((1, order) for order in profile), names="ABC"))
    return {"ABC"[w] for w in result.winners}


def _better(meant: str, before: set[str], after: set[str]) -> bool:
    weakly = all(meant.index(x) <= meant.index(y) for x, y in product(after, before))
    return weakly and any(meant.index(x) < meant.index(y) for x, y in product(after, before))


def test_a_dictator_and_a_unanimous_vote_leave_nothing_to_gain() -> None:
    for table in (ballots((5, "ABC"), names="ABC"), ballots((3, "AB"), (1, "BA"), names="AB")):
        assert manipulation(METHODS["borda"], table).count is None
    nothing = manipulation(METHODS["borda"], Ballots.from_arrays([0], [], [], n_items=3))
    assert (nothing.count, nothing.winners) == (None, ())


def test_many_items_are_searched_by_compromise_and_burying() -> None:
    rng = np.random.default_rng(0)
    rankings = [rng.permutation(8).tolist() for _ in range(9)]
    found = manipulation(METHODS["borda"], Ballots.from_rankings(rankings), most_fits=200)
    assert found.count == 1.0
    assert found.fits <= 200
    small = manipulation(METHODS["borda"], Ballots.from_rankings(rankings), most_fits=3)
    assert not small.complete


# --- Tie-breaks --------------------------------------------------------------------------------


def played(numbers: dict[str, int], options: Any = "ABCD") -> TieBreak:
    reveals = {who: Reveal(number, f"salt of {who}") for who, number in numbers.items()}
    commits = {who: commitment(r.number, r.salt) for who, r in reveals.items()}
    return settle(options, commits, reveals)


def test_three_and_seven_and_nine_choose_the_option_three_of_four() -> None:
    assert modular_place([3, 7, 9], 4) == 3
    record = played({"ann": 3, "bob": 7, "cyn": 9})
    assert record.place == 3
    assert record.winner == public_options("ABCD")[3]
    assert verify(record)
    assert TieBreak.from_plain(record.plain()) == record


def test_one_uniform_player_makes_the_winner_uniform() -> None:
    for others in ({"bob": 5, "cyn": 11}, {"bob": 0}):
        won = Counter(played({"ann": number, **others}).winner for number in range(4))
        assert won == dict.fromkeys("ABCD", 1)


def test_a_changed_record_is_noticed() -> None:
    record = played({"ann": 3, "bob": 7})
    plain = record.plain()
    for change in (
        {"place": (record.place + 1) % 4},
        {"order": record.plain()["order"][::-1]},
        {"reveals": {"ann": {"number": 4, "salt": "salt of ann"}}},
        {"commits": {"ann": "x"}},
    ):
        assert not verify(TieBreak.from_plain({**plain, **change}))
    with pytest.raises(TieBreakError, match="no record"):
        TieBreak.from_plain({"rule": "modular game"})


def test_who_withholds_or_lies_is_left_out_and_named() -> None:
    commits = {"ann": commitment(1, "salt of ann"), "bob": commitment(2, "salt of bob")}
    record = settle(
        "AB", commits, {"ann": Reveal(1, "salt of ann"), "bob": Reveal(3, "salt of bob")}
    )
    assert record.withheld == ("bob",)
    assert record.place == 1
    assert verify(record)


@pytest.mark.parametrize(
    ("options", "commits", "reveals", "said"),
    [
        ("AA", {}, {}, "different names"),
        ("", {}, {}, "at least one"),
        ("AB", {}, {"ann": Reveal(1, "12345678")}, "without having committed"),
        ("AB", {"ann": "abc"}, {}, "no SHA-256"),
        ("AB", {"ann": "0" * 64, "bob": "0" * 64}, {}, "same commitment"),
        ("AB", {"ann": "0" * 64}, {"ann": Reveal(1, "12345678")}, "Nobody has revealed"),
    ],
)
def test_a_broken_game_is_refused(options: str, commits: Any, reveals: Any, said: str) -> None:
    with pytest.raises(TieBreakError, match=said):
        settle(options, commits, reveals)


def test_commitments_hide_their_number() -> None:
    with pytest.raises(TieBreakError, match="salt"):
        commitment(1, "short")
    with pytest.raises(TieBreakError, match="between 0"):
        commitment(-1, "long enough")


def test_a_beacon_draws_evenly_and_can_be_checked() -> None:
    record = beacon_draw("ABC", "digest", "question", "lottery of Friday")
    assert verify(record)
    assert record == beacon_draw("CBA", "digest", "question", "lottery of Friday")
    drawn = Counter(beacon_draw("ABC", "digest", "q", f"beacon {k}").winner for k in range(900))
    assert all(250 < count < 350 for count in drawn.values())
    with pytest.raises(TieBreakError, match="beacon"):
        beacon_draw("AB", "digest", "q", "")


# --- Payments ----------------------------------------------------------------------------------


def test_honest_beliefs_earn_most() -> None:
    reports = np.linspace(0, 1, 101)
    for belief in (0.1, 0.37, 0.5, 0.9):
        for score in (quadratic_score, logarithmic_score):
            expected = belief * score(reports, np.ones(101)) + (1 - belief) * score(
                reports, np.zeros(101)
            )
            assert reports[expected.argmax()] == pytest.approx(belief, abs=0.006)
            assert expected.min() >= 0
            assert expected.max() <= 1


def test_quadratic_scores_by_hand() -> None:
    np.testing.assert_allclose(quadratic_score([0.9, 0.9, 0.5], [1, 0, 1]), [0.99, 0.19, 0.75])
    found = quadratic_score_of_classes([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], [0, 2])
    np.testing.assert_allclose(found, [1 - (0.25 + 0.09 + 0.04) / 2, 0.0])
    np.testing.assert_allclose(
        quadratic_score_of_classes([[0.9, 0.1]], [0]), quadratic_score([0.9], [1])
    )
    np.testing.assert_allclose(payment([1.0, 0.5], 2.0, 4.0), [6.0, 4.0])


def test_paying_only_what_was_done_is_unbiased() -> None:
    score, chance = np.array([0.9, 0.4, 0.7]), np.array([0.5, 0.2, 0.3])
    mean = sum(p * executed_score(score, d, chance) for d, p in enumerate(chance))
    np.testing.assert_allclose(mean, score)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: quadratic_score([1.2], [1]),
        lambda: quadratic_score([float("nan")], [1]),
        lambda: quadratic_score([0.5], [0.5]),
        lambda: quadratic_score_of_classes([[0.5, 0.6]], [0]),
        lambda: quadratic_score_of_classes([[0.5, 0.5]], [2]),
        lambda: logarithmic_score([0.5], [1], floor=0.0),
        lambda: payment([1.0], 0.0, -1.0),
        lambda: executed_score([1.0, 1.0], 0, [1.0, 0.0]),
        lambda: executed_score([1.0, 1.0], 2, [0.5, 0.5]),
    ],
)
def test_a_payment_out_of_range_is_refused(wrong: Any) -> None:
    with pytest.raises(PaymentError):
        wrong()


def test_peer_scores_by_hand() -> None:
    """x = 1 1 0 0 and y = 1 0 0 0: they agree on 3 of 4 units, and across units in
    (2·1 + 2·3 - 3) / 12 = 5/12 of the pairs.
    """
    rows = [
        (u, j, word[u]) for j, word in enumerate([[1, 1, 0, 0], [1, 0, 0, 0]]) for u in range(4)
    ]
    unit, annotator, label = (np.array(c) for c in zip(*rows, strict=True))
    found = peer_scores(Labels.from_arrays(unit, annotator, label))
    np.testing.assert_allclose(found.correlated, [3 / 4 - 5 / 12] * 2)
    np.testing.assert_allclose(found.output, [3 / 4] * 2)
    assert found.shared.tolist() == [4, 4]


def _crowd(seed: int, skill: list[float], units: int = 400) -> Labels:
    """Annotators who are right with these chances; 0 stands for always saying 1, -1 for a coin."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(units) < 0.7).astype(int)
    columns = []
    for chance in skill:
        right = rng.random(units) < chance
        said = np.where(right, truth, 1 - truth)
        if chance == 0:
            said = np.ones(units, dtype=int)
        if chance == -1:
            said = (rng.random(units) < 0.7).astype(int)
        columns.append(said)
    unit = np.tile(np.arange(units), len(skill))
    annotator = np.repeat(np.arange(len(skill)), units)
    return Labels.from_arrays(unit, annotator, np.concatenate(columns))


def test_answering_without_looking_earns_nothing() -> None:
    found = peer_scores(_crowd(1, [0.9, 0.85, 0.8, 0.0, -1.0]))
    assert found.correlated[:3].min() > 0.08
    assert abs(found.correlated[3]) < 0.01
    assert abs(found.correlated[4]) < 0.05
    assert found.output[3] > 0.6  # plain agreement would pay the one who always says 1


def test_without_peers_a_score_is_unknown() -> None:
    alone = Labels.from_arrays([0, 1, 0], [0, 0, 1], [1, 0, 1])
    assert np.isnan(peer_scores(alone).correlated).all()
    assert peer_scores(Labels.from_arrays([], [], [], n_units=2, n_classes=2)).correlated.size == 0


def test_nobody_judges_their_own_work() -> None:
    table = Comparisons.from_arrays(
        [0, 0, 1, 2], [1, 2, 2, 1], [1, 1, -1, 1], annotator=[0, 1, 0, -1], annotator_ids=["p", "q"]
    )
    kept, removed = without_own(table, ["P", None, "Q"], {"p": "P", "q": "Q"})
    assert removed == 2
    assert kept.a.tolist() == [1, 2]
    with pytest.raises(PaymentError, match="2 authors"):
        without_own(table, ["P", "Q"], {})
