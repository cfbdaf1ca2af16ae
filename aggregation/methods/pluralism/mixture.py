"""Mixture of Bradley–Terry models: annotators fall into groups that want different things.

Model: annotator a belongs to group g with chance pi_g and then prefers i to j with chance
sigma(u_g(i) - u_g(j)); or votes at random with chance pi_0. A tie is half a vote each way, ratings
become pairs of weight min(1, gap/2) on a scale of five steps. Utilities are one number per item, or
weights of covariates. Expectation–maximisation over annotators with a ridge on utilities, several
random beginnings; `hard` assigns each annotator wholly, as MaxMin-RLHF was published.

The number of groups is the smaller answer of BIC with log(annotators) and of held-out votes within
one standard error. Fewer than ten votes of the median annotator, or a group under five expected
members, and fewer groups, or one, are reported with the reason. The component of random votes
keeps careless annotators from posing as a group; it is never counted among the groups, and removes
nobody. Groups may also be declared: by annotator, by context, or by a survey attribute as it stood
when each vote was cast.

score = sum_g pi_g W_g(i), the chance that a person drawn at random prefers i to an even rival; the
groups, their shares, utilities, welfare and members are in the fit's parameters.

Identifiability: only differences of utilities within a connected part; a group's scale is
confounded with how noisy it is, so compare groups by win probability, never by raw utility.
Annotators who never judged the same items can't be placed. Fatigue or drift can look like a
group. Optima are
local: LOCAL_OPTIMUM_RISK. Intervals reweight annotators, refit and match groups by the Hungarian
method; with fewer than twelve annotators they mean little.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.pluralism import _grouping as grouping
from aggregation.methods.pluralism._grouping import GroupOptions
from aggregation.pluralism.grouping import Grouping
from aggregation.pluralism.latent import Mixture
from aggregation.pluralism.welfare import pooled_probabilities
from aggregation.tables import Comparisons, Ratings

Floats = NDArray[np.float64]
LINK_LIMIT = 500  # items up to which pooled win probabilities are kept as a matrix


def solve(
    evidence: Comparisons | Ratings, options: GroupOptions, rng: np.random.Generator
) -> Estimate:
    table = grouping.comparisons_of(evidence, options)
    if not (table.weights > 0).any():
        return grouping.nothing_to_group(table)
    found = grouping.groups_of(table, options, rng)
    return Estimate(
        score=mean_worth(found, found.mixture),
        score_kind="probability",
        component=found.part,
        link=_link(found),
        annotators=grouping.quality(found),
        fit=grouping.fit_of(found, grouping.described(found)),
        warnings=found.warnings,
    )


def mean_worth(found: Grouping, mixture: Mixture) -> Floats:
    """Welfare averaged over the people whose votes don't look random."""
    return np.asarray(mixture.shares @ found.worth(mixture))


def _link(found: Grouping) -> Link | None:
    if len(found.part) > LINK_LIMIT:
        return None
    P = pooled_probabilities(found.utilities(found.mixture), found.mixture.shares)
    apart = (found.part[:, None] != found.part[None, :]) | (found.part < 0)[:, None]
    return Link("matrix", np.where(apart, np.nan, P))


def resample(
    table: Any, evidence: Comparisons | Ratings, estimate: Estimate, options: GroupOptions
) -> Floats | None:
    pairs = grouping.comparisons_of(evidence, options)
    if not (pairs.weights > 0).any():
        return None
    found = grouping.groups_of(pairs, options, np.random.default_rng(options.seed))
    return grouping.replicates(found, options, len(estimate.score), mean_worth)


METHOD = Method(
    title="Mixture of groups",
    family="pluralism",
    consumes=(Comparisons, Ratings),
    solve=solve,
    options=GroupOptions,
    resample=resample,
    reference="Chakraborty et al. (2024), MaxMin-RLHF, arXiv:2402.08925; "
    "Dempster, Laird & Rubin (1977), Journal of the Royal Statistical Society B 39",
    axioms=("neutrality", "anonymity", "annotators in groups"),
    version="2",  # features of items come nearest to covariates by weight
)
