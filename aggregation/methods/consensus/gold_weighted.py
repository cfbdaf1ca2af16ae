"""Gold-weighted vote: annotators count by their accuracy on units whose answer is known.

accuracy_j = (right on gold + 1) / (labels on gold + C), Laplace's rule; a vote adds log(accuracy (C
- 1)/(1 - accuracy)) to its label, the optimal weight for independent annotators with even errors.
The class prior is uniform. An annotator without gold has weight 0: nothing is known of him.
Accuracy below chance makes votes count against their label.

Needs about twenty gold units per annotator to beat the majority; without any gold all count the
same (NO_GOLD). Gold units themselves are judged by the votes as well, so that the rule's own
accuracy can be read off them.
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
from aggregation.methods.consensus._log_odds import from_log_odds, log_odds
from aggregation.options import Options
from aggregation.tables import Labels
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say


def solve(table: Labels, options: Options, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    people, count = rows.people
    if table.gold is None or not (table.gold >= 0).any():
        posterior = shares(table.counts())
        ability, n = agreement_with(rows, Leaders.of(posterior), people, count)
        known = quality(table, ability, n, say("agreement with the majority"))
        return labelled(table, posterior, known, warnings=(warn(WarningCode.NO_GOLD),))
    truth = table.gold[rows.unit]
    tested = truth >= 0
    right = np.bincount(people, rows.weights * (tested & (truth == rows.label)), minlength=count)
    total = np.bincount(people, rows.weights * tested, minlength=count)
    accuracy = (right + 1) / (total + table.n_classes)
    posterior = from_log_odds(rows, log_odds(accuracy, table.n_classes)[people])
    spread = np.sqrt(accuracy * (1 - accuracy) / (total + table.n_classes + 1))
    n = np.bincount(people, minlength=count)
    return labelled(
        table, posterior, quality(table, accuracy, n, say("accuracy on gold"), se=spread)
    )


METHOD = Method(
    title="Gold-weighted vote",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    reference="Nitzan & Paroush (1982), International Economic Review 23; "
    "Snow, O'Connor, Jurafsky & Ng (2008), EMNLP",
    axioms=("neutrality", "annotators weighted by reliability"),
)
