"""Numbers: judging specification §1.1 (computed there by hand)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_runtime.engines import Decision
from models_runtime.judging.pairwise import (
    Call,
    CallKind,
    Order,
    Protocol,
    Step,
    Verdict,
    next_steps,
    read_decision,
    reduce_calls,
    strength_of,
)
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus

BOTH = (Order.AB, Order.BA)


def said(order: Order, outcome: Outcome, p_first: float | None = None) -> Call:
    return Call(Step(order), ParseStatus.OK, outcome, p_first)


def verdict(ab: Outcome, ba: Outcome, reducer: str = "both_orders") -> Verdict:
    calls = [said(Order.AB, ab), said(Order.BA, ba)]
    return reduce_calls(calls, BOTH, Protocol(reducer))


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
    calls = [said(Order.AB, Outcome.FIRST, p_ab), said(Order.BA, Outcome.SECOND, p_ba)]
    result = reduce_calls(calls, BOTH, Protocol("logit_mean"))
    assert result.p_first == pytest.approx(0.7, abs=1e-9)
    assert result.position_bias == pytest.approx(0.8, abs=1e-9)
    assert (p_ab + 1 - p_ba) / 2 == pytest.approx(0.675174, abs=1e-6)  # what averaging would say
    assert result.payload == {"strength": 1}


@given(st.floats(0.01, 0.99), st.floats(-3, 3))
def test_logit_mean_recovers_any_preference_under_any_bias(p: float, bias: float) -> None:
    calls = [
        said(Order.AB, Outcome.FIRST, sigmoid(logit(p) + bias)),
        said(Order.BA, Outcome.FIRST, sigmoid(-logit(p) + bias)),
    ]
    result = reduce_calls(calls, BOTH, Protocol("logit_mean"))
    assert result.p_first == pytest.approx(p, abs=1e-6)
    assert result.position_bias == pytest.approx(bias, abs=1e-5)


def test_logit_mean_refuses_answers_without_probabilities() -> None:
    with pytest.raises(ValueError, match="label probabilities"):
        verdict(Outcome.FIRST, Outcome.SECOND, "logit_mean")


def test_label_probabilities_as_in_the_reference() -> None:
    logprobs = {"A": -0.2, "B": -2.0, "C": -4.0}
    mass = sum(map(math.exp, logprobs.values()))
    shares = {label: math.exp(value) / mass for label, value in logprobs.items()}
    status, outcome, p_first = read_decision(Decision(shares, mass))
    assert mass == pytest.approx(0.972382, abs=1e-6)
    assert shares["A"] == pytest.approx(0.841985, abs=1e-6)
    assert (status, outcome) == (ParseStatus.OK, Outcome.FIRST)
    assert p_first == pytest.approx(0.851403, abs=1e-6)


def test_labels_that_hold_little_mass_are_no_answer() -> None:
    status, outcome, p_first = read_decision(Decision({"A": 0.9, "B": 0.1, "C": 0.0}, 0.3))
    assert (status, outcome, p_first) == (ParseStatus.UNPARSABLE, None, None)


def test_one_unreadable_order_makes_the_pair_invalid_and_not_a_tie() -> None:
    calls = [said(Order.AB, Outcome.FIRST), Call(Step(Order.BA), ParseStatus.UNPARSABLE)]
    result = reduce_calls(calls, BOTH, Protocol(repairs=False, reasks=0))
    assert (result.outcome, result.payload) == (Outcome.INVALID, None)
    assert result.cause == "order ba: unparsable"


def test_an_unreadable_reply_is_repaired_then_asked_again_and_then_given_up() -> None:
    protocol = Protocol()
    calls: list[Call] = []
    kinds: list[tuple[CallKind, int]] = []
    while steps := next_steps(calls, (Order.AB,), protocol):
        kinds.append((steps[0].kind, steps[0].sample))
        calls.append(Call(steps[0], ParseStatus.UNPARSABLE))
    assert kinds == [
        (CallKind.ASK, 0), (CallKind.REPAIR, 0),
        (CallKind.ASK, 1), (CallKind.REPAIR, 1),
        (CallKind.ASK, 2), (CallKind.REPAIR, 2),
    ]  # fmt: skip


def test_a_refusal_is_asked_again_without_a_repair() -> None:
    calls = [Call(Step(Order.AB), ParseStatus.REFUSED)]
    assert next_steps(calls, (Order.AB,), Protocol()) == [Step(Order.AB, CallKind.ASK, 1)]


def test_an_interrupted_judging_asks_only_what_is_missing() -> None:
    calls = [said(Order.AB, Outcome.FIRST)]
    assert next_steps(calls, BOTH, Protocol()) == [Step(Order.BA)]
    assert next_steps([*calls, said(Order.BA, Outcome.SECOND)], BOTH, Protocol()) == []


def test_a_repaired_verdict_counts() -> None:
    calls = [
        Call(Step(Order.AB), ParseStatus.UNPARSABLE),
        Call(Step(Order.AB, CallKind.REPAIR), ParseStatus.REPAIRED, Outcome.FIRST),
        said(Order.BA, Outcome.SECOND),
    ]
    assert reduce_calls(calls, BOTH, Protocol()).payload == {"strength": 2}


def test_a_single_order_is_drawn_by_hash_and_evenly() -> None:
    protocol = Protocol(both_orders=False)
    orders = [protocol.orders(f"q{i}", 7) for i in range(400)]
    assert orders == [protocol.orders(f"q{i}", 7) for i in range(400)]
    assert 150 < sum(order == (Order.AB,) for order in orders) < 250


def test_mirroring_the_shown_order_mirrors_the_verdict() -> None:
    for ab in Outcome:
        for ba in Outcome:
            if Outcome.INVALID in (ab, ba):
                continue
            for reducer in ("both_orders", "score_mean"):
                there = verdict(ab, ba, reducer).payload
                back = verdict(ba, ab, reducer).payload
                assert there is not None
                assert back is not None
                assert there["strength"] == -back["strength"]


def test_strengths_round_halves_away_from_zero() -> None:
    numbers = (-1, -0.5, -0.25, -0.1, 0, 0.1, 0.25, 0.5, 0.75, 1)
    assert [strength_of(x) for x in numbers] == [-3, -2, -1, 0, 0, 0, 1, 2, 2, 3]


def test_an_invalid_outcome_has_no_number() -> None:
    with pytest.raises(ValueError, match="no number"):
        _ = Outcome.INVALID.number
