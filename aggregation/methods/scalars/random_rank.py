"""Random rank: the rating of an order statistic drawn uniformly, that is, of one annotator drawn by
weight.

The result for a unit is a lottery over the values given: its distribution is that of the ratings,
and its mean is their mean (shown as score). Nobody can gain by misreporting, and every group of
annotators decides in proportion to its size. Nothing is drawn here: the lottery of every unit is in
fit.parameters["lottery"] as [value, probability], with the standard deviation of a draw in
fit.parameters["draw_sd"].
"""

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.scalars._lotteries import distribution, spread
from aggregation.methods.scalars._ratings import by_unit, rated, unit_means
from aggregation.options import Options
from aggregation.results import Fit
from aggregation.tables import Ratings
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say


def solve(table: Ratings, options: Options, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    lotteries = [distribution(x, w) for x, w in by_unit(rows)]
    parameters = {"lottery": lotteries, "draw_sd": [spread(lottery) for lottery in lotteries]}
    told = warn(WarningCode.RANDOMISED, say("the lottery is given, nothing is drawn"))
    return rated(table, unit_means(rows), (told,), fit=Fit(n_obs=len(rows), parameters=parameters))


METHOD = Method(
    title="Random rank",
    family="scalars",
    consumes=(Ratings,),
    solve=solve,
    reference="Aziz, Lam, Lee & Walsh (2021), Strategyproof and proportionally fair facility "
    "location, arXiv:2111.01566",
    axioms=("anonymity", "neutrality", "strategyproofness"),
)
