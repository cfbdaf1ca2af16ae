"""Average or random rank: the mean with probability one half, a randomly drawn annotator's rating
otherwise.

Moving one's report by d moves the mean by d/n and costs d when one's own report is drawn, with
probability 1/n: with equal halves the gain d/(2n) is exactly outweighed by the loss d/(2n), so
nobody gains in expectation, while half of the time the result is the plain mean with its small
variance. score is the mean of the lottery, which is the mean of the ratings; the lottery of every
unit is in fit.parameters["lottery"] as [value, probability]. Nothing is drawn here.
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
    means = unit_means(rows)
    lotteries = [
        _halves(distribution(x, w), m) for (x, w), m in zip(by_unit(rows), means, strict=True)
    ]
    parameters = {"lottery": lotteries, "draw_sd": [spread(lottery) for lottery in lotteries]}
    told = warn(WarningCode.RANDOMISED, say("the lottery is given, nothing is drawn"))
    return rated(table, means, (told,), fit=Fit(n_obs=len(rows), parameters=parameters))


def _halves(lottery: list[list[float]], mean: float) -> list[list[float]]:
    """Half of the chance on the mean, half on the lottery; equal values are put together."""
    if not lottery:
        return []
    chance: dict[float, float] = {float(mean): 0.5}
    for value, probability in lottery:
        chance[value] = chance.get(value, 0.0) + probability / 2
    return [[value, chance[value]] for value in sorted(chance)]


METHOD = Method(
    title="Average or random rank",
    family="scalars",
    consumes=(Ratings,),
    solve=solve,
    reference="Aziz, Lam, Lee & Walsh (2021), Strategyproof and proportionally fair facility "
    "location, arXiv:2111.01566",
    axioms=("anonymity", "neutrality", "truthfulness in expectation"),
)
