"""MaxMin: choose so that the group that is worst off is as well off as possible.

score_i = min_g W_g(i), where W_g(i) is the chance that group g prefers item i to an even rival. The
winner has the largest score; ties go by leximin, then by the mean over people. The lottery is the
mixture of items with the best worst-off group (a linear program); its value is never below the
winner's. Groups are latent (see the mixture), declared as JSON of annotators and groups, or the
table's contexts where each annotator judged in one only, or a survey attribute, by what annotators
had declared when they judged: a later change doesn't move earlier votes. Declared groups under five
people are merged, as otherwise one person would decide; no sole group means plain win probability.

The fit's parameters hold, within a single connected part: welfare and regret per group, every rule
side by side (plurality, Bradley–Terry, Borda, mean, maximal lottery, MaxMin, minimax regret,
alpha-fair), binding groups, the price of fairness, the choice without each group, the MaxMin pick
under range-normalised welfare, and cross-fitted values: chosen on half of the annotators, valued on
the other half. Plain values are optimistic, as the data that choose also value.

Which rule is right is a choice about values. MaxMin costs the majority: for one language model with
a 10:1 majority, win rates went from 70/42 to 57/57 by third-party report. Welfare depends on the
rivals: remove near-duplicates of an item first. A group's scale is confounded with its noise, so
trust a pick that both normalisations share. Intervals reweight annotators and refit the groups;
p_best is how often an item wins, and below 0.9 is better called a tie.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.pluralism import _grouping as grouping
from aggregation.methods.pluralism._grouping import GroupOptions
from aggregation.options import option
from aggregation.pluralism import rules
from aggregation.pluralism.grouping import Grouping
from aggregation.pluralism.latent import Mixture, dealt
from aggregation.pluralism.welfare import pooled_probabilities, regret
from aggregation.tables import Comparisons, Ratings

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MaxMinOptions(GroupOptions):
    alpha: float = option(
        2.0, "Alpha", "Of the alpha-fair rule: 0 is the mean; larger is nearer MaxMin.", low=0.0
    )


def solve(
    evidence: Comparisons | Ratings, options: MaxMinOptions, rng: np.random.Generator
) -> Estimate:
    table = grouping.comparisons_of(evidence, options)
    if not (table.weights > 0).any():
        return grouping.nothing_to_group(table)
    found = grouping.groups_of(table, options, rng)
    parameters = grouping.described(found)
    single = found.single_part
    if single:
        parameters |= _rules(found, options)
    return Estimate(
        score=least_worth(found, found.mixture),
        score_kind="probability",
        component=found.part,
        winners=_winners(found) if single else (),
        lottery=_lottery(found) if single else None,
        annotators=grouping.quality(found),
        fit=grouping.fit_of(found, parameters),
        warnings=found.warnings,
    )


def least_worth(found: Grouping, mixture: Mixture) -> Floats:
    """Welfare of the group that is worst off, per item."""
    return np.asarray(found.worth(mixture).min(axis=0))


def _seen(found: Grouping) -> NDArray[np.int64]:
    return np.flatnonzero(found.part >= 0)


def _winners(found: Grouping) -> tuple[int, ...]:
    seen = _seen(found)
    picks = rules.leximin(found.worth(found.mixture)[:, seen], found.mixture.shares)
    return tuple(int(seen[i]) for i in picks)


def _lottery(found: Grouping) -> Floats:
    seen = _seen(found)
    lottery = np.zeros(len(found.part))
    W = found.worth(found.mixture)[:, seen]
    lottery[seen] = rules.maxmin_lottery(W, found.mixture.shares).lottery
    return lottery


def _rules(found: Grouping, options: MaxMinOptions) -> dict[str, Any]:
    """Every rule on the judged items, and what a decision hangs on, as plain data."""
    seen, mixture = _seen(found), found.mixture
    ids = [str(found.table.ids[i]) for i in seen]
    U, W = found.utilities(mixture)[:, seen], found.worth(mixture)[:, seen]
    shares = mixture.shares
    all_rules = rules.decisions(U, shares)
    fair = rules.alpha_fair(W, shares, options.alpha)
    ranged = rules.maxmin_pick(found.worth(mixture, "range")[:, seen], shares)
    pick = all_rules["maxmin_pick"]
    P = pooled_probabilities(U, shares)
    price = rules.price_of_fairness(W, shares, rules.bradley_terry(P, W, shares))
    return {
        "items": ids,
        "regret": regret(W).tolist(),
        "rules": {d.rule: _plain(d, ids) for d in (*all_rules.values(), fair)},
        "price_of_fairness": price,
        "pick_by_range": [ids[i] for i in ranged.picks],
        "same_pick_by_range": set(ranged.picks) == set(pick.picks),
        "without_group": [
            {"group": name, **_plain(d, ids)}
            for name, d in zip(found.names, rules.leave_one_group_out(W, shares), strict=False)
        ],
        "cross_fitted": _cross_fitted(found),
    }


def _plain(decision: rules.Decision, ids: list[str]) -> dict[str, Any]:
    return {
        "picks": [ids[i] for i in decision.picks],
        "lottery": {
            name: float(p) for name, p in zip(ids, decision.lottery, strict=True) if p > 1e-9
        },
        "welfare": decision.by_group.tolist(),
        "minimum": decision.minimum,
        "mean": decision.mean,
        "largest_regret": decision.max_regret,
        "binding": None if decision.binding is None else decision.binding.tolist(),
    }


def _cross_fitted(found: Grouping) -> dict[str, float]:
    """Least welfare of the MaxMin pick and lottery, chosen on one half of people, valued on the
    other.
    """
    A, seen = found.votes.n_people, _seen(found)
    if A < 4:
        return {}
    half = np.zeros(A)
    half[dealt(found.votes, found.mixture)[::2]] = 1.0
    fits = [found.refit(half), found.refit(1.0 - half)]
    tables = [found.worth(m)[:, seen] for m in fits]
    values: dict[str, float] = {}
    for rule in (rules.maxmin_pick, rules.maxmin_lottery):
        chosen = [rule(W, m.shares) for W, m in zip(tables, fits, strict=True)]
        worst = [float((tables[1 - h] @ d.lottery).min()) for h, d in enumerate(chosen)]
        values[chosen[0].rule] = float(np.mean(worst))
    return values


def resample(
    table: Any, evidence: Comparisons | Ratings, estimate: Estimate, options: MaxMinOptions
) -> Floats | None:
    pairs = grouping.comparisons_of(evidence, options)
    if not (pairs.weights > 0).any():
        return None
    found = grouping.groups_of(pairs, options, np.random.default_rng(options.seed))
    return grouping.replicates(found, options, len(estimate.score), least_worth)


METHOD = Method(
    title="MaxMin over groups",
    family="pluralism",
    consumes=(Comparisons, Ratings),
    solve=solve,
    options=MaxMinOptions,
    resample=resample,
    reference="Chakraborty et al. (2024), MaxMin-RLHF, arXiv:2402.08925; "
    "Rawls (1971), A Theory of Justice; Moulin (2003), Fair Division and Collective Welfare",
    axioms=("neutrality", "anonymity within groups", "leximin"),
    version="2",  # features of items come nearest to covariates by weight
)
