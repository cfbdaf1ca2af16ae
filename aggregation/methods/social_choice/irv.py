"""Instant run-off: again and again the item with the fewest first places leaves, until one is left.

In each round a ballot counts for its best remaining item (t tied ones share it, 1/t each); a ballot
without remaining items counts no more. Where several items have the fewest first places, either all
ways of choosing are followed (`ties="universes"`, up to 2,000 states) and every item that wins in
one of them is a winner, or the tied items leave together. The two can differ: say which one was
used. score = mean round of leaving, so only the order means something.

A Condorcet winner with few first places leaves early, and ranking an item higher can make it lose.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_ballots
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Ballots
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
Left = frozenset[int]
STATES = 2_000


@dataclass(frozen=True, kw_only=True)
class RunOffOptions(Options):
    ties: Literal["universes", "together"] = option(
        "universes", "Tied losers", "Follow every choice of who leaves, or let them leave together."
    )


@dataclass(frozen=True, eq=False)
class _Outcome:
    """Mean round in which each item leaves, and who can win."""

    rounds: Floats
    winners: Left


@dataclass(eq=False)
class _RunOff:
    """The count, with a memory of states already followed."""

    ranks: NDArray[Any]  # a missing item has the rank K
    weight: Floats
    together: bool
    known: dict[Left, _Outcome] = field(default_factory=dict)
    truncated: bool = False

    def outcome(self, everyone: Left) -> _Outcome:
        """Outcomes of all states below `everyone`, the smallest first (no recursion, however many
        items).
        """
        pending = [everyone]
        while pending:
            left = pending[-1]
            choices = self._choices(left)
            open_states = [rest for rest in choices if rest not in self.known]
            if open_states:
                pending.extend(open_states)
                continue
            self.known[left] = self._combined(left, choices)
            pending.pop()
        return self.known[everyone]

    def _choices(self, left: Left) -> list[Left]:
        """Who can be left after this round; nothing when all are tied or one is alone."""
        members = sorted(left)
        columns = self.ranks[:, members]
        best = columns.min(axis=1, keepdims=True, initial=self.ranks.shape[1])
        top = (columns == best) & (columns < self.ranks.shape[1])
        points = self.weight @ (top / np.maximum(top.sum(axis=1, keepdims=True), 1))
        slack = 1e-9 * max(1.0, float(self.weight.sum()))
        losers = [members[k] for k in np.flatnonzero(points <= points.min() + slack)]
        if len(losers) == len(left):
            return []
        if self.together:
            return [left - set(losers)]
        if len(losers) > 1 and len(self.known) > STATES:
            self.truncated = True
            losers = losers[:1]
        return [left - {loser} for loser in losers]

    def _combined(self, left: Left, choices: list[Left]) -> _Outcome:
        rounds = np.zeros(self.ranks.shape[1])
        if not choices:
            rounds[list(left)] = (1.0 + len(left)) / 2
            return _Outcome(rounds, left)
        below = [self.known[rest] for rest in choices]
        rounds[list(left)] = 1.0
        rounds += np.mean([outcome.rounds for outcome in below], axis=0)
        return _Outcome(rounds, frozenset().union(*(outcome.winners for outcome in below)))


def solve(ballots: Ballots, options: RunOffOptions, rng: np.random.Generator) -> Estimate:
    return tally_ballots(ballots, lambda ranks, weight: _count(ranks, weight, options))


def _count(ranks: NDArray[Any], weight: Floats, options: RunOffOptions) -> Tally:
    K = ranks.shape[1]
    if not K:
        return Tally(np.zeros(0), "order")
    count = _RunOff(np.where(ranks < 0, K, ranks), weight, options.ties == "together")
    outcome = count.outcome(frozenset(range(K)))
    told = warn(WarningCode.NP_HARD_TRUNCATED, say("%(n)s ways of breaking ties", n=STATES))
    return Tally(
        outcome.rounds,
        "order",
        tuple(sorted(outcome.winners)),
        fit=Fit(n_obs=len(ranks)),
        warnings=(told,) if count.truncated else (),
    )


METHOD = Method(
    title="Instant run-off (alternative vote)",
    family="social_choice",
    consumes=(Ballots,),
    solve=solve,
    options=RunOffOptions,
    reference="Ware (1871); Conitzer, Rognlie & Xia (2009), IJCAI (parallel universes)",
    axioms=("anonymity", "neutrality", "majority", "clone independence", "later-no-harm"),
)
