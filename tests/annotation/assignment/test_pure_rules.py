"""The rules of assignment by themselves: settings, turns, stopping, watching, agreement."""

import json
from collections import Counter
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from annotation.assignment.agreement import agreement, outcomes
from annotation.assignment.rules import AssignmentRules, Order, RulesRefused
from annotation.assignment.stopping import Step, certainty_of, majority_certainty, next_step
from annotation.assignment.turns import Turn, next_turn
from annotation.assignment.watching import Cause, Conduct, Reaction, watch
from annotation.evidence import Answer, Comparison, Label, Ranking, Rating, TieKind

# --- Settings -----------------------------------------------------------------------------------


def test_nothing_said_is_the_plain_queue() -> None:
    assert AssignmentRules.of({}) == AssignmentRules()
    assert AssignmentRules().is_plain
    assert AssignmentRules().as_settings() == {}


def test_settings_are_read_back_as_they_were_written() -> None:
    settings = {
        "order": "random",
        "most_per_day": 50,
        "overlap_least": 2,
        "overlap_most": 5,
        "group_by": "gender",
        "seats_per_group": {"woman": 1, "man": 1},
        "gold_share": 0.1,
        "gold_feedback": True,
    }
    rules = AssignmentRules.of(settings)
    assert rules.order is Order.RANDOM
    assert json.loads(json.dumps(rules.as_settings())) == settings


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"ordr": "random"}, "ordr"),
        ({"order": "backwards"}, "order"),
        ({"most_per_day": -1}, "most_per_day"),
        ({"most_per_day": 1.5}, "most_per_day"),
        ({"most_per_day": True}, "most_per_day"),
        ({"most_per_day": "5"}, "most_per_day"),
        ({"gold_share": 1.2}, "gold_share"),
        ({"gold_share": float("nan")}, "gold_share"),
        ({"gold_feedback": 1}, "gold_feedback"),
        ({"seats_per_group": {"x": 0}, "group_by": "g"}, "seats_per_group"),
        ({"seats_per_group": ["x"], "group_by": "g"}, "seats_per_group"),
        ({"seats_per_group": {"x": 1}}, "group_by"),
        ({"overlap_least": 3}, "overlap_most"),
        ({"overlap_least": 3, "overlap_most": 2}, "overlap_most"),
        ({"gold_share": 0.6, "repeat_share": 0.4}, "gold_share"),
        ({"group_by": 7}, "group_by"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(RulesRefused) as refused:
        AssignmentRules.of(settings)
    assert set(refused.value.errors) == {name}
    assert refused.value.errors[name].endswith(".")


# --- Turns --------------------------------------------------------------------------------------


def test_turns_come_in_their_shares_and_can_be_told_again() -> None:
    rules = AssignmentRules(gold_share=0.2, repeat_share=0.1)
    drawn = [next_turn(rules, seed=7, annotator=3, number=n) for n in range(4000)]
    assert drawn == [next_turn(rules, seed=7, annotator=3, number=n) for n in range(4000)]
    counts = Counter(drawn)
    assert abs(counts[Turn.GOLD] / 4000 - 0.2) < 0.03
    assert abs(counts[Turn.REPEAT] / 4000 - 0.1) < 0.03


def test_without_checks_every_turn_is_ordinary() -> None:
    turns = {next_turn(AssignmentRules(), seed=0, annotator=1, number=n) for n in range(50)}
    assert turns == {Turn.ORDINARY}


# --- Stopping -----------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_certainty_is_the_upper_half_of_a_beta(leading: int, others: int) -> None:
    expected = float(beta.sf(0.5, leading + 1, others + 1))
    assert majority_certainty(leading, others) == pytest.approx(expected, abs=1e-12)


def test_golden_certainties() -> None:
    assert majority_certainty(2, 0) == 7 / 8
    assert majority_certainty(3, 0) == 15 / 16
    assert majority_certainty(1, 1) == 1 / 2
    assert majority_certainty(4, 1) == sum(comb(6, k) for k in range(5)) / 64


def votes(*signs: int) -> list[Any]:
    return [
        outcomes([Comparison(0, 1, s, TieKind.NONE if s else TieKind.ABOUT_THE_SAME)])
        for s in signs
    ]


RULES = AssignmentRules(overlap_least=2, overlap_most=5, certainty=0.87)


@pytest.mark.parametrize(
    ("answers", "overlap", "step"),
    [
        (votes(), 3, Step.WAIT),
        (votes(1), 3, Step.WAIT),
        (votes(1, 2), 3, Step.ENOUGH),
        (votes(1, -1), 3, Step.WAIT),
        (votes(1, -1), 2, Step.ASK_MORE),
        (votes(1, -1, 1), 3, Step.ASK_MORE),
        (votes(1, -1, 1, -1, 1), 5, Step.ENOUGH),
        (votes(1, -1, 1, 1, 1), 5, Step.ENOUGH),
    ],
)
def test_agreement_ends_early_and_doubt_asks_more(
    answers: list[Any], overlap: int, step: Step
) -> None:
    assert next_step(RULES, answers, overlap=overlap).step == step


def test_the_most_doubtful_criterion_decides() -> None:
    sure = outcomes([Label(0, 0, Answer.YES), Label(0, 1, Answer.YES)])
    unsure = outcomes([Label(0, 0, Answer.YES), Label(0, 1, Answer.NO)])
    assert certainty_of([sure, sure]) == 7 / 8
    assert certainty_of([sure, unsure]) == 1 / 2
    assert certainty_of([]) == 1 / 2


# --- Agreement ----------------------------------------------------------------------------------


def test_how_strongly_somebody_prefers_is_no_disagreement() -> None:
    (weak,), (strong,), (other,) = votes(1), votes(3), votes(-1)
    assert agreement(weak, strong) == 1
    assert agreement(weak, other) == 0


def test_agreement_is_the_share_of_what_both_were_asked() -> None:
    one = outcomes([Rating(0, 0, 4, 1, 5), Rating(0, 1, 2, 1, 5)])
    other = outcomes([Rating(0, 0, 4, 1, 5), Rating(0, 1, 3, 1, 5)])
    assert agreement(one, other) == 0.5
    assert agreement(one, {}) == 0
    first = outcomes([Ranking(((1, 0), (2,)), (0, 1, 2))])
    assert agreement(first, outcomes([Ranking(((0, 1), (2,)), (0, 1, 2))])) == 1


# --- Watching -----------------------------------------------------------------------------------

WATCHED = AssignmentRules(
    gold_least=0.7, gold_window=4, repeat_least=0.6, repeat_window=2, fastest_ms=1000
)


def test_a_window_that_isnt_full_says_nothing() -> None:
    assert watch(WATCHED, Conduct(gold=[0, 0, 0])).reaction == Reaction.NONE


@pytest.mark.parametrize(
    ("conduct", "cause"),
    [
        (Conduct(gold=[0, 1, 1, 0]), Cause.GOLD),
        (Conduct(repeats=[0, 1]), Cause.REPEATS),
        (Conduct(elapsed_ms=[300] * 11 + [5000] * 9), Cause.TOO_FAST),
    ],
)
def test_a_warning_comes_first_and_then_a_pause(conduct: Conduct, cause: Cause) -> None:
    warned = watch(WATCHED, conduct)
    assert (warned.reaction, warned.cause) == (Reaction.WARN, cause)
    again = Conduct(conduct.gold, conduct.repeats, conduct.elapsed_ms, warnings=1)
    assert watch(WATCHED, again).reaction == Reaction.PAUSE


def test_good_conduct_and_only_the_newest_answers_count() -> None:
    assert watch(WATCHED, Conduct(gold=[1, 1, 1, 0, 0, 0])).reaction == Reaction.NONE
    assert watch(WATCHED, Conduct(elapsed_ms=[300] * 10 + [5000] * 10)).reaction == Reaction.NONE
    assert watch(AssignmentRules(), Conduct(gold=[0] * 50)).reaction == Reaction.NONE
