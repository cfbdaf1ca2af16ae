"""Wawa (worker agreement with aggregate): vote once, weigh everyone by agreement with the outcome,
vote again.

skill_j = share of j's labels that equal the majority (a first place shared by t labels counts 1/t
for each of them); the second vote gives each label the skill of its annotator. score[u, c] = share
of skill behind c; ties stay undecided.

A quick correction for careless annotators. The skill of someone who votes on units with few other
votes is inflated, because he is part of the majority he is compared with.
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import (
    Leaders,
    agreement_with,
    labelled,
    quality,
    shares,
    weighted_shares,
)
from aggregation.options import Options
from aggregation.tables import Labels
from annotation.phrases import say


def solve(table: Labels, options: Options, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    people, count = rows.people
    skill, n = agreement_with(rows, Leaders.of(shares(table.counts())), people, count)
    posterior = weighted_shares(rows, rows.weights * skill[people])
    return labelled(table, posterior, quality(table, skill, n, say("agreement with the majority")))


METHOD = Method(
    title="Wawa",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    reference="Appen (2021), Calculating worker agreement with aggregate (Wawa)",
    axioms=("neutrality", "annotators weighted by reliability"),
)
