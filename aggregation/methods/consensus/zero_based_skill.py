"""Zero-based skill: repeat "vote with skills, measure agreement, adjust skills" until skills
settle.

Skills start at 1. Each round votes with the current skills and moves every skill towards the
annotator's agreement a_j with that vote: skill_j += rate (a_j - skill_j), the rate beginning at 1
and halving every 20 rounds, 100 rounds in all. At the fixed point a skill is the agreement with the
vote it helped to make. Ties stay undecided.

Like Wawa carried through; it can settle on the opinion of a coalition that agrees with itself.
"""

from dataclasses import dataclass

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import (
    Leaders,
    agreement_with,
    labelled,
    quality,
    weighted_shares,
)
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Labels
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class SkillOptions(Options):
    rounds: int = option(100, "Rounds", "Of voting and adjusting.", low=1, high=10_000)
    halve_every: int = option(
        20, "Rounds per rate", "After so many rounds the rate is halved.", low=1
    )


def solve(table: Labels, options: SkillOptions, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    people, count = rows.people
    skill, n = np.ones(count), np.zeros(count, dtype=np.int64)
    moved = 0.0
    for step in range(options.rounds):
        vote = weighted_shares(rows, rows.weights * skill[people])
        agreement, n = agreement_with(rows, Leaders.of(vote), people, count)
        change = np.where(np.isnan(agreement), 0.0, agreement - skill) * 0.5 ** (
            step // options.halve_every
        )
        skill, moved = skill + change, float(np.abs(change).max(initial=0.0))
    posterior = weighted_shares(rows, rows.weights * skill[people])
    fit = Fit(n_obs=len(table), iters=options.rounds, converged=moved < 1e-2)
    silent = np.where(n > 0, skill, np.nan)
    return labelled(
        table, posterior, quality(table, silent, n, say("agreement with the outcome")), fit
    )


METHOD = Method(
    title="Zero-based skill",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=SkillOptions,
    reference="Ustalov, Pavlichenko & Tseitlin (2024), Learning from Crowds with Crowd-Kit, JOSS 9",
    axioms=("neutrality", "annotators weighted by reliability"),
)
