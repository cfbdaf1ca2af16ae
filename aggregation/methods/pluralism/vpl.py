"""VPL: personal rewards from a latent vector that a network infers from a person's votes.

An encoder reads up to `context` of a person's pairs (chosen, rejected), attends over them and gives
mu and sigma; z = mu + sigma eps, of length sqrt(L), conditions the reward r(response, z). Loss:
-log sigma(r_chosen - r_rejected) + beta KL(N(mu, sigma^2) || N(0, I)), beta rising and falling. A
new person needs no training, only votes. Experimental: made for thousands of people; with tens to
hundreds the mixture or PAL does better.

The posterior can collapse: the network ignores z and does as well as one without persons, silently.
So every fifth vote is held out and two things are measured on it: how much accuracy is lost when
people's latents are dealt out anew, and how many of the L latent units vary over people. A loss
under .02 or two standard errors, or no such unit, is reported as NO_PERSONAL_SIGNAL, and then
everybody gets the pooled prediction, as people with fewer than five votes do: one ideal point for
all (see PAL).

score = the mean over annotators of the chance that the annotator prefers the item to an even rival
of the same connected part. The fit's parameters hold both accuracies, the active units, the KL in
nats and each annotator's latent. The model is in the run's folder.

Identifiability: coordinates of z mean nothing by themselves. Rewards of different people have
different scales: only chances are averaged. No intervals: they would need the training repeated for
every replicate; use PAL or the mixture where intervals matter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.pluralism import _personal as personal
from aggregation.methods.pluralism._personal import PersonalOptions, Reading
from aggregation.options import option
from aggregation.personal.bench import Bench
from aggregation.personal.ideal_points import (
    ENOUGH_PEOPLE,
    ENOUGH_VOTES,
    IdealPoints,
    Pal,
    fit_pal,
    log_odds,
)
from aggregation.personal.latents import LEAST_DROP, Vpl, VplFit, fit_vpl
from aggregation.personal.standing import standing
from aggregation.results import Fit
from aggregation.tables import Comparisons, Ratings
from aggregation.warning_codes import WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
REWARDS_AT_ONCE = 20_000_000


@dataclass(frozen=True, kw_only=True)
class VplOptions(PersonalOptions):
    steps: int = option(2500, "Steps", "Of training, at most.", low=1, high=100_000)
    latent: int = option(8, "Latent units", "Length of a person's vector.", low=1, high=512)
    hidden: int = option(64, "Hidden units", "Of each layer.", low=4, high=1024)
    context: int = option(
        8, "Votes read per person", "By the encoder; more tell more.", low=2, high=64
    )
    kl: float = option(
        1e-3, "Weight of the KL term", "Large weights make the latent vanish.", low=0.0
    )


def solve(
    evidence: Comparisons | Ratings, options: VplOptions, rng: np.random.Generator
) -> Estimate:
    return train(evidence, options, rng, Bench())


def train(
    evidence: Comparisons | Ratings, options: VplOptions, rng: np.random.Generator, bench: Bench
) -> Estimate:
    reading = personal.read(evidence, options)
    if isinstance(reading, Estimate):
        return reading
    votes = reading.votes
    key = f"{reading.table.digest()} {options}"
    pooled = fit_pal(
        votes,
        Pal(prototypes=1, steps=min(options.steps, 400), device=options.on_device),
        rng,
        Bench(watch=bench.watch),
    ).model
    gate = _gate(reading)
    fit = None if gate else fit_vpl(votes, _how(options), rng, bench, key)
    told = list(reading.warnings)
    if fit is None:
        told.append(warn(WarningCode.NO_PERSONAL_SIGNAL, gate))
    elif not fit.diagnosis.is_personal:
        told.append(warn(WarningCode.NO_PERSONAL_SIGNAL, _collapsed(fit)))
    else:
        told.append(warn(WarningCode.LOCAL_OPTIMUM_RISK, say("one start")))
        kept = {f"model/{name}": array for name, array in fit.model.parameters.items()}
        if votes.projection is not None:
            kept["projection/mean"] = votes.projection.mean
            kept["projection/basis"] = votes.projection.basis
        bench.keep(kept)
    return _estimate(reading, fit, pooled, gate, told)


def _how(options: VplOptions) -> Vpl:
    return Vpl(
        options.latent,
        options.hidden,
        options.context,
        options.kl,
        options.steps,
        options.seed,
        options.on_device,
    )


def _gate(reading: Reading) -> str:
    enough = int((reading.votes.votes_each >= ENOUGH_VOTES).sum())
    if enough >= ENOUGH_PEOPLE:
        return ""
    return (
        f"{enough} annotators have {ENOUGH_VOTES} votes or more; at least {ENOUGH_PEOPLE} are "
        "needed to learn how people differ"
    )


def _collapsed(fit: VplFit) -> str:
    found = fit.diagnosis
    return (
        f"dealing people's latents out anew lowers held-out accuracy by {found.drop:.3f} "
        f"(standard error {found.error:.3f}; {LEAST_DROP} and two errors are needed), and "
        f"{found.active} latent units vary over people"
    )


def _estimate(
    reading: Reading, fit: VplFit | None, pooled: IdealPoints, gate: str, told: list[Any]
) -> Estimate:
    votes = reading.votes
    is_personal = fit is not None and fit.diagnosis.is_personal
    own = (votes.votes_each >= ENOUGH_VOTES) & is_personal
    mu = np.zeros((votes.n_people, 0)) if fit is None else fit.model.infer(votes)
    score, eta = np.zeros(len(reading.part)), log_odds(pooled, votes)
    if fit is not None and own.any():
        chosen = np.flatnonzero(own)
        at_once = max(1, REWARDS_AT_ONCE // max(len(votes.points), 1))
        for start in range(0, len(chosen), at_once):
            rows = chosen[start : start + at_once]
            rewards = fit.model.rewards(votes, mu[rows])
            score += len(rows) / len(own) * standing(votes, rewards, reading.part)
            _note_log_odds(eta, votes, rows, rewards)
    if not own.all():
        rewards = pooled.rewards(votes, np.ones((1, 1)))
        score += float((~own).mean()) * standing(votes, rewards, reading.part)
    model = pooled.parameters if fit is None or not is_personal else fit.model.parameters
    return Estimate(
        score=score,
        score_kind="probability",
        component=reading.part,
        annotators=personal.quality(
            reading,
            personal.agreement(votes, eta),
            "share of own votes that the model agrees with",
        ),
        fit=Fit(
            loglik=personal.log_likelihood(votes, eta),
            n_obs=len(reading.table),
            n_par=sum(a.size for a in model.values()),
            iters=0 if fit is None else fit.steps,
            n_components=reading.n_parts,
            parameters=_described(reading, fit, gate, own, mu),
            quasi=bool((reading.table.y == 0).any()),
        ),
        warnings=tuple(told),
    )


def _note_log_odds(eta: Floats, votes: Any, rows: Any, rewards: NDArray[np.float32]) -> None:
    """Write these people's log-odds into the column."""
    place = np.full(votes.n_people, -1)
    place[rows] = np.arange(len(rows))
    cells = np.flatnonzero(place[votes.person] >= 0)
    who = place[votes.person[cells]]
    eta[cells] = rewards[who, votes.left[cells]] - rewards[who, votes.right[cells]]


def _described(
    reading: Reading, fit: VplFit | None, gate: str, own: NDArray[np.bool_], mu: Floats
) -> dict[str, Any]:
    plain = reading.described() | {
        "gate": gate,
        "people_pooled": int((~own).sum()),
        "notes": [
            f"Annotators with fewer than {ENOUGH_VOTES} votes get the pooled prediction.",
            "No intervals: they would need the training repeated for every replicate.",
        ],
    }
    if fit is not None:
        found = fit.diagnosis
        plain |= {
            "device": fit.device,
            "held_out_votes": found.votes,
            "held_out_accuracy": found.accuracy,
            "held_out_accuracy_shuffled": found.shuffled,
            "held_out_drop_error": found.error,
            "active_units": found.active,
            "latent_units": fit.model.how.latent,
            "kl_nats": found.kl,
            "latents": personal.by_annotator(reading, mu, own),
        }
    return plain


METHOD = Method(
    title="VPL: latent vectors of persons",
    family="pluralism",
    consumes=(Comparisons, Ratings),
    solve=solve,
    train=train,
    options=VplOptions,
    bootstrap=False,
    reference="Poddar, Wan, Ivison, Gupta & Jaques (2024), Personalizing Reinforcement Learning "
    "from Human Feedback with Variational Preference Learning, arXiv:2408.10075",
    axioms=("neutrality", "anonymity", "each annotator counts once"),
)
