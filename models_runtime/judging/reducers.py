"""From the games of a pair to its verdict, and from many verdicts to a figure. Pure.

A game is one call that showed the pair in one order. All arithmetic is on placement positions.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from models_runtime.judging.talk import Answer, Order
from models_runtime.judging.verdicts import (
    Verdict,
    logit,
    sigmoid,
    verdict_of_number,
    verdict_of_outcome,
)
from models_runtime.outcomes import Outcome

MUCH_COUNTS = 3
LENGTH_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Game:
    """A call that was read. `outcome` and `p_first` speak of the order in which it was shown."""

    order: Order
    outcome: Outcome
    p_first: float | None = None

    @property
    def canonical(self) -> Outcome:
        """The outcome in placement positions."""
        return self.outcome.mirrored if self.order is Order.BA else self.outcome


def game_of(order: Order, answer: Answer) -> Game:
    """The game of a readable answer. With labels, p_first counts a tie half."""
    if answer.value is None:
        raise ValueError("what couldn't be read is no game")
    return Game(order, answer.value, None if answer.p is None else first_wins(answer.p))


def first_wins(p: Mapping[str, float]) -> float:
    """P(the response shown first wins) of the labels A, B and C, C counted half."""
    return p.get("A", 0.0) + p.get("C", 0.0) / 2


def both_orders(games: Sequence[Game]) -> Verdict:
    """A win only if every order names the same response (MT-Bench's conservative rule), else a tie.

    The weaker of the agreeing strengths counts. Both bad only if every order says so.
    """
    outcomes = [game.canonical for game in games]
    if all(outcome is Outcome.BOTH_BAD for outcome in outcomes):
        return verdict_of_outcome(Outcome.BOTH_BAD)
    winners = {outcome.winner for outcome in outcomes}
    if len(winners) > 1 or None in winners:
        return verdict_of_outcome(Outcome.TIE)
    return verdict_of_outcome(min(outcomes, key=lambda outcome: abs(outcome.number)))


def score_mean(games: Sequence[Game]) -> Verdict:
    """The mean of the orders' numbers (+1 … -1). Both bad only if every order says so."""
    outcomes = [game.canonical for game in games]
    if all(outcome is Outcome.BOTH_BAD for outcome in outcomes):
        return verdict_of_outcome(Outcome.BOTH_BAD)
    return verdict_of_number(fmean(outcome.number for outcome in outcomes))


def logit_mean(games: Sequence[Game]) -> Verdict:
    """The mean of the orders' log-odds for position 0; an additive bias for a place cancels.

    With p_AB and p_BA the probabilities that the response shown first wins,
    logit p = (logit p_AB - logit p_BA) / 2 and the bias is (logit p_AB + logit p_BA) / 2.
    Averaging the probabilities instead wouldn't cancel it. Raises ValueError unless every game
    carries a probability.
    """
    raw: list[float] = []
    for game in games:
        if game.p_first is None:
            raise ValueError("logit_mean needs label probabilities; use a template with labels")
        raw.append(logit(game.p_first))
    signed = [x if game.order is Order.AB else -x for x, game in zip(raw, games, strict=True)]
    p = sigmoid(fmean(signed))
    bias = fmean(raw) if len(raw) > 1 else None
    return verdict_of_number(2 * p - 1, p_first=p, confidence=max(p, 1 - p), position_bias=bias)


def arena_hard(games: Sequence[Game]) -> Verdict:
    """The share of wins when a much better verdict counts three times, and a tie half a win."""
    return verdict_of_number(2 * fmean(arena_wins(games)) - 1)


REDUCERS: dict[str, Callable[[Sequence[Game]], Verdict]] = {
    "both_orders": both_orders,
    "score_mean": score_mean,
    "logit_mean": logit_mean,
    "arena_hard": arena_hard,
}
REDUCER_WORDS = {
    "both_orders": "A win only if both orders agree, else a tie",
    "score_mean": "The mean of the two orders' verdicts",
    "logit_mean": "The mean of the log-odds; needs label probabilities",
    "arena_hard": "Wins, of which a much better one counts three times (Arena-Hard)",
}


# --- Arena-Hard ---------------------------------------------------------------------------------


def arena_wins(games: Sequence[Game]) -> list[float]:
    """Position 0's wins as a list: much better counts three times, a tie is half a win."""
    wins: list[float] = []
    for game in games:
        number = game.canonical.number
        won = 0.5 if number == 0 else float(number > 0)
        wins += [won] * (MUCH_COUNTS if abs(number) == 1 else 1)
    return wins


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with an interval and how many battles or items it rests on."""

    value: float
    low: float
    high: float
    n: int


def arena_win_rate(pairs: Sequence[Sequence[Game]], *, resamples: int = 100, seed: int = 0) -> Rate:
    """Win rate of position 0 over pairs, with the 5-95 % interval of a bootstrap over pairs.

    A pair of which a game couldn't be read must be left out by the caller. Raises ValueError
    without any pair.
    """
    if not pairs:
        raise ValueError("there is no pair to count")
    lists = [arena_wins(games) for games in pairs]
    rng = random.Random(seed)
    drawn = sorted(
        fmean([win for pair in rng.choices(lists, k=len(lists)) for win in pair])
        for _ in range(resamples)
    )
    value = fmean([win for wins in lists for win in wins])
    return Rate(value, _quantile(drawn, 0.05), _quantile(drawn, 0.95), len(lists))


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


# --- WildBench ----------------------------------------------------------------------------------


def length_rule(outcome: Outcome, lengths: tuple[int, int], limit: int = LENGTH_LIMIT) -> Outcome:
    """A slightly better response that is more than `limit` characters longer only ties.

    Much better is never changed; a negative limit switches the rule off.
    """
    if limit < 0 or outcome not in {Outcome.FIRST, Outcome.SECOND}:
        return outcome
    winner = 0 if outcome is Outcome.FIRST else 1
    longer = lengths[winner] - lengths[1 - winner] > limit
    return Outcome.TIE if longer else outcome


@dataclass(frozen=True, slots=True)
class Reward:
    """A mean with how many verdicts it rests on, and how many had none and were left out."""

    value: float | None
    n: int
    invalid: int


def wildbench_reward(outcomes: Sequence[Outcome]) -> Reward:
    """The mean of +1, +0.5, 0, -0.5, -1 over verdicts that could be read, for position 0."""
    numbers = [outcome.number for outcome in outcomes if outcome is not Outcome.INVALID]
    value = fmean(numbers) if numbers else None
    return Reward(value, len(numbers), len(outcomes) - len(numbers))


def reward_over_baselines(
    by_baseline: Mapping[str, Sequence[Outcome]], weights: Mapping[str, float] | None = None
) -> Reward:
    """The rewards against each baseline, averaged (equally unless `weights` are given).

    A baseline without a readable verdict is left out of the average.
    """
    rewards = {name: wildbench_reward(outcomes) for name, outcomes in by_baseline.items()}
    known = {name: reward for name, reward in rewards.items() if reward.value is not None}
    total = sum((weights or {}).get(name, 1.0) for name in known)
    value = (
        sum((weights or {}).get(name, 1.0) * (each.value or 0.0) for name, each in known.items())
        / total
        if total
        else None
    )
    return Reward(
        value,
        sum(reward.n for reward in rewards.values()),
        sum(reward.invalid for reward in rewards.values()),
    )


def wb_score(mean_rating: float) -> float:
    """WildBench's score of a mean rating from 1 to 10: (mean - 5) · 2, so 5 is 0 and 10 is 10."""
    return (mean_rating - 5) * 2
