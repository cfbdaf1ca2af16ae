"""Numbers: judging specification §1.1 (computed there by hand)."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_runtime.engines import Decision, Message
from models_runtime.engines.openai_compatible import decide_from
from models_runtime.judging.pairs import orders_of
from models_runtime.judging.reducers import (
    REDUCERS,
    Game,
    arena_win_rate,
    arena_wins,
    first_wins,
    length_rule,
    reward_over_baselines,
    wb_score,
    wildbench_reward,
)
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Order, read_labels
from models_runtime.judging.verdicts import Verdict, strength_of, verdict_of_scores
from models_runtime.outcomes import Outcome
from models_runtime.prompting.pairwise import MEANINGS
from models_runtime.prompting.parsing import ParseStatus


def verdict(ab: Outcome, ba: Outcome, reducer: str = "both_orders") -> Verdict:
    return REDUCERS[reducer]([Game(Order.AB, ab), Game(Order.BA, ba)])


def label_verdict(p_ab: float, p_ba: float) -> Verdict:
    first, second = Outcome.FIRST, Outcome.SECOND
    return REDUCERS["logit_mean"]([Game(Order.AB, first, p_ab), Game(Order.BA, second, p_ba)])


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_same_response_named_in_both_orders_wins() -> None:
    assert verdict(Outcome.FIRST, Outcome.SECOND).payload == {"strength": 2}
    assert verdict(Outcome.SECOND_MUCH, Outcome.FIRST_MUCH).payload == {"strength": -3}


def test_the_same_place_named_in_both_orders_is_a_tie() -> None:
    assert verdict(Outcome.FIRST, Outcome.FIRST).payload == {"strength": 0}


def test_the_weaker_of_two_agreeing_strengths_counts() -> None:
    assert verdict(Outcome.FIRST_MUCH, Outcome.SECOND).payload == {"strength": 2}


def test_both_bad_needs_both_orders() -> None:
    assert verdict(Outcome.BOTH_BAD, Outcome.BOTH_BAD).payload == {"strength": 0, "both_bad": True}
    assert verdict(Outcome.BOTH_BAD, Outcome.TIE).payload == {"strength": 0}
    mean = verdict(Outcome.BOTH_BAD, Outcome.SECOND, "score_mean")
    assert mean.payload == {"strength": 1}


@pytest.mark.parametrize(
    ("ab", "ba", "strength"),
    [
        (Outcome.FIRST_MUCH, Outcome.SECOND_MUCH, 3),
        (Outcome.FIRST_MUCH, Outcome.SECOND, 2),
        (Outcome.FIRST, Outcome.TIE, 1),
        (Outcome.FIRST, Outcome.FIRST, 0),
        (Outcome.SECOND, Outcome.TIE, -1),
    ],
)
def test_score_mean_averages_the_two_numbers(ab: Outcome, ba: Outcome, strength: int) -> None:
    assert verdict(ab, ba, "score_mean").payload == {"strength": strength}


def test_logit_mean_takes_out_an_additive_bias() -> None:
    p_ab, p_ba = sigmoid(logit(0.7) + 0.8), sigmoid(-logit(0.7) + 0.8)
    assert p_ab == pytest.approx(0.838526, abs=1e-6)
    assert p_ba == pytest.approx(0.488178, abs=1e-6)
    result = label_verdict(p_ab, p_ba)
    assert result.p_first == pytest.approx(0.7, abs=1e-9)
    assert result.position_bias == pytest.approx(0.8, abs=1e-9)
    assert (p_ab + 1 - p_ba) / 2 == pytest.approx(0.675174, abs=1e-6)  # what averaging would say
    assert result.payload == {"strength": 1}


@given(st.floats(0.01, 0.99), st.floats(-3, 3))
def test_logit_mean_recovers_any_preference_under_any_bias(p: float, bias: float) -> None:
    result = label_verdict(sigmoid(logit(p) + bias), sigmoid(-logit(p) + bias))
    assert result.p_first == pytest.approx(p, abs=1e-6)
    assert result.position_bias == pytest.approx(bias, abs=1e-6)


def test_logit_mean_refuses_answers_without_probabilities() -> None:
    with pytest.raises(ValueError, match="label probabilities"):
        verdict(Outcome.FIRST, Outcome.SECOND, "logit_mean")


def test_label_probabilities_as_in_the_reference() -> None:
    listed = {"A": -0.2, "B": -2.0, "C": -4.0}
    decision = decide_from(listed, ("A", "B", "C"))
    answer = read_labels(decision, MEANINGS)
    assert answer.mass == pytest.approx(0.972382, abs=1e-6)
    assert answer.p is not None
    expected = {"A": 0.841985, "B": 0.139179, "C": 0.018836}
    assert answer.p == pytest.approx(expected, abs=1e-6)
    assert (answer.status, answer.value) == (ParseStatus.OK, Outcome.FIRST)
    assert first_wins(answer.p) == pytest.approx(0.851403, abs=1e-6)


def test_spellings_of_a_label_are_summed_before_normalising() -> None:
    listed = {"A": math.log(0.2), " A": math.log(0.2), "a": math.log(0.1), "B": math.log(0.4)}
    decision = decide_from(listed, ("A", "B"))
    assert decision.probabilities["A"] == pytest.approx(5 / 9)
    assert decision.mass == pytest.approx(0.9)


def test_labels_that_hold_little_mass_are_no_answer() -> None:
    answer = read_labels(Decision({"A": 0.9, "B": 0.1, "C": 0.0}, 0.3), MEANINGS)
    assert (answer.status, answer.value) == (ParseStatus.UNPARSABLE, None)


def test_a_label_the_server_did_not_list_is_bounded_and_never_wins() -> None:
    decision = decide_from({"A": math.log(0.6), "The": math.log(0.3)}, ("A", "B"))
    answer = read_labels(decision, {"A": Outcome.FIRST, "B": Outcome.SECOND})
    assert (answer.value, answer.bounded) == (Outcome.FIRST, ("B",))
    unlisted = read_labels(Decision({"A": 0.4, "B": 0.6}, 0.7, ("B",)), MEANINGS)
    assert unlisted.status is ParseStatus.UNPARSABLE


SUBJECT = Subject("key", "secret", (Message("user", "May I?"),), texts=("Yes.", "No."))


def test_a_single_order_is_drawn_by_hash_and_evenly() -> None:
    drawn = [orders_of(replace(SUBJECT, secret=f"7:{i}"), both=False) for i in range(400)]
    assert drawn == [orders_of(replace(SUBJECT, secret=f"7:{i}"), both=False) for i in range(400)]
    assert 150 < sum(order == (Order.AB,) for order in drawn) < 250


def test_mirroring_the_shown_order_mirrors_the_verdict() -> None:
    for ab in Outcome:
        for ba in Outcome:
            if {Outcome.INVALID, Outcome.GIVEN} & {ab, ba}:
                continue
            for reducer in ("both_orders", "score_mean", "arena_hard"):
                there = verdict(ab, ba, reducer).payload
                back = verdict(ba, ab, reducer).payload
                assert there is not None
                assert back is not None
                assert there["strength"] == -back["strength"]


def test_strengths_round_halves_away_from_zero() -> None:
    numbers = (-1, -0.5, -0.25, -0.1, 0, 0.1, 0.25, 0.5, 0.75, 1)
    assert [strength_of(x) for x in numbers] == [-3, -2, -1, 0, 0, 0, 1, 2, 2, 3]


@pytest.mark.parametrize("outcome", [Outcome.INVALID, Outcome.GIVEN])
def test_what_is_no_comparison_has_no_number(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="no number"):
        _ = outcome.number


def test_both_orders_of_a_biased_judge_as_in_the_reference() -> None:
    """True p 0.7 under a bias of 0.8 still wins both orders; 0.6 flips and ties."""

    def game(order: Order, p: float) -> Game:
        return Game(order, Outcome.FIRST if p > 0.5 else Outcome.SECOND)

    for true, strength in ((0.7, 2), (0.6, 0)):
        games = [
            game(Order.AB, sigmoid(logit(true) + 0.8)),
            game(Order.BA, sigmoid(-logit(true) + 0.8)),
        ]
        assert REDUCERS["both_orders"](games).payload == {"strength": strength}


def test_a_much_better_verdict_counts_three_times_in_arena_hard() -> None:
    games = [Game(Order.AB, Outcome.FIRST_MUCH), Game(Order.BA, Outcome.FIRST)]
    assert arena_wins(games) == [1, 1, 1, 0]
    assert verdict(Outcome.FIRST_MUCH, Outcome.FIRST, "arena_hard").payload == {"strength": 2}
    assert arena_wins([Game(Order.BA, Outcome.TIE)]) == [0.5]


def test_an_arena_win_rate_comes_with_the_interval_of_its_resamples() -> None:
    won = [Game(Order.AB, Outcome.FIRST), Game(Order.BA, Outcome.SECOND)]
    lost = [Game(Order.AB, Outcome.SECOND), Game(Order.BA, Outcome.FIRST)]
    rate = arena_win_rate([won] * 60 + [lost] * 40, seed=1)
    assert rate.value == pytest.approx(0.6)
    assert rate.n == 100
    assert 0.48 < rate.low < 0.6 < rate.high < 0.72
    assert arena_win_rate([won] * 60 + [lost] * 40, seed=1) == rate
    with pytest.raises(ValueError, match="no pair"):
        arena_win_rate([])


WILD = (
    [Outcome.FIRST_MUCH] * 10 + [Outcome.FIRST] * 20 + [Outcome.TIE] * 5
    + [Outcome.SECOND] * 10 + [Outcome.SECOND_MUCH] * 5
)  # fmt: skip


def test_wildbench_reward_and_score_as_in_the_reference() -> None:
    assert wildbench_reward(WILD).value == pytest.approx(0.20)
    shortened = [
        length_rule(outcome, (2000, 1000) if place < 16 else (1000, 1000))
        for place, outcome in enumerate(WILD)
    ]
    assert wildbench_reward(shortened).value == pytest.approx(0.14)
    assert wb_score(7.3) == pytest.approx(4.6)


def test_verdicts_that_could_not_be_read_are_left_out_of_a_reward_and_counted() -> None:
    reward = wildbench_reward([*WILD, Outcome.INVALID, Outcome.INVALID])
    assert reward.value == pytest.approx(0.20)
    assert (reward.n, reward.invalid) == (50, 2)
    assert wildbench_reward([Outcome.INVALID]).value is None


def test_rewards_against_several_baselines_are_averaged() -> None:
    against = {
        "a": [Outcome.FIRST_MUCH], "b": [Outcome.SECOND, Outcome.TIE], "c": [Outcome.INVALID]
    }  # fmt: skip
    assert reward_over_baselines(against).value == pytest.approx((1 - 0.25) / 2)
    weighted = reward_over_baselines(against, {"a": 3.0})
    assert weighted.value == pytest.approx((3 - 0.25) / 4)


def test_the_length_rule_spares_much_better_verdicts_and_can_be_switched_off() -> None:
    longer, shorter = (1501, 1000), (1000, 1501)
    assert length_rule(Outcome.FIRST, longer) is Outcome.TIE
    assert length_rule(Outcome.FIRST, (1500, 1000)) is Outcome.FIRST
    assert length_rule(Outcome.FIRST, shorter) is Outcome.FIRST
    assert length_rule(Outcome.SECOND, shorter) is Outcome.TIE
    assert length_rule(Outcome.FIRST_MUCH, longer) is Outcome.FIRST_MUCH
    assert length_rule(Outcome.FIRST, longer, -1) is Outcome.FIRST


def test_scores_become_a_verdict_or_a_ranking() -> None:
    assert verdict_of_scores("pairwise", [17, 19], unit=3).payload == {"strength": -2}
    assert verdict_of_scores("pairwise", [3.0, 3.2], margin=0.25).payload == {"strength": 0}
    assert verdict_of_scores("pairwise", [5, 1]).payload == {"strength": 3}
    ranked = verdict_of_scores("ranking", [1.0, 3.0, 2.9], margin=0.25)
    assert ranked.payload == {"tiers": [[1, 2], [0]], "of": 3}
    best = verdict_of_scores("ranking", [1.0, 3.0, 2.9], margin=0.25, best_only=True)
    assert best.payload == {"tiers": [[1]], "of": 3}
    assert verdict_of_scores("pairwise", [1.0, None]).outcome is Outcome.INVALID
