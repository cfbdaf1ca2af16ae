"""Majority: each unit gets the label most of its annotators gave.

Rule: share[u, c] = (weight of label c on u) / (weight of all labels on u); the label is the class
of the largest share. "Not applicable" leaves the count. Where the first place is shared the unit
stays undecided: no class wins by its index.

Every annotator counts the same, so the rule is right when they are about equally reliable and more
often right than wrong; then no model of annotators can do better (see the majority certificate).
Annotator ability is the share of his labels that agree with the outcome. It fails where many
annotators err together.

On pairs each question (or pair) is a unit whose labels are "first", "tie" and "second".
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import (
    Leaders,
    agreement_with,
    labelled,
    quality,
    shares,
)
from aggregation.options import Options
from aggregation.tables import Labels
from annotation.phrases import say


def solve(table: Labels, options: Options, rng: np.random.Generator) -> Estimate:
    votes = table.by_label()
    seen = votes @ np.ones(table.n_classes) > 0
    posterior = shares(votes, in_place=True)
    leaders = Leaders.of(posterior)
    answered = table.answered()
    people, count = answered.people
    ability, n = agreement_with(answered, leaders, people, count)
    known = quality(table, ability, n, say("agreement with the majority"))
    return labelled(table, posterior, known, seen=seen, leaders=leaders)


METHOD = Method(
    title="Majority vote",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    reference="May (1952), Econometrica 20; Condorcet (1785)",
    axioms=("anonymity", "neutrality", "positive responsiveness"),
)
