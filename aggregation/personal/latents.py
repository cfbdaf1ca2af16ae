"""VPL: a latent vector per person, inferred from some of the person's votes by a network.

    encoder  each pair (chosen, rejected) of the context through an MLP, self-attention over the
             pairs, their mean, then mu and log sigma^2, both held within [-1, 1]
    z        mu + sigma eps, scaled to length sqrt(L); mu itself when predicting
    decoder  r(phi, z), an MLP on the text's embedding and z
    loss     -log sigma(r_chosen - r_rejected) + beta KL(N(mu, sigma^2) || N(0, I)), beta rising
             and falling twice from a tenth (cosine)

The posterior can collapse: the decoder ignores z, and the fit equals one without persons. Two
diagnostics on held-out votes tell: the drop in accuracy when people's latents are dealt out anew
(shuffled), and active units, the dimensions whose mu varies over people by more than .01. A drop
under .02 or under two of its standard errors (people being the units), or no active unit, means
that no personal signal was learned: as z is scaled to one length, even a mu of nearly nothing still
points somewhere.

Source: Poddar, Wan, Ivison, Gupta & Jaques (2024), Personalizing Reinforcement Learning from Human
Feedback with Variational Preference Learning, arXiv:2408.10075.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.personal.bench import Arrays, Bench
from aggregation.personal.course import Course, Device, device_for, one_thread
from aggregation.personal.votes import FOLDS, PersonalVotes

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
LEAST_DROP = 0.02
ACTIVE = 0.01  # variance of mu over people
RATE = 2e-3
TARGETS = 4  # votes predicted per person and step
PEOPLE_AT_ONCE = 128
PATIENCE = 15  # looks: a latent is often found only after a long rest at the loss without one
DEALS = 5  # times latents are dealt out anew


@dataclass(frozen=True)
class Vpl:
    """How to train: L latent and `hidden` units, pairs of context, weight of the KL term."""

    latent: int = 8
    hidden: int = 64
    context: int = 8
    kl: float = 1e-3
    steps: int = 2500
    seed: int = 0
    device: Device = "auto"


@dataclass(frozen=True)
class Diagnosis:
    """Measured on held-out votes: accuracy, the same with latents dealt out anew, the standard
    error of the difference, active units of L, mean KL in nats, and the number of votes.
    """

    accuracy: float
    shuffled: float
    error: float
    active: int
    kl: float
    votes: float

    @property
    def drop(self) -> float:
        return self.accuracy - self.shuffled

    @property
    def is_personal(self) -> bool:
        return self.active > 0 and self.drop >= max(LEAST_DROP, 2 * self.error)


@dataclass(frozen=True, eq=False)
class Latents:
    """A trained encoder and decoder."""

    parameters: Arrays
    how: Vpl

    def infer(self, votes: PersonalVotes) -> Floats:
        """mu of each person from up to `context` of their votes, float64[A, L]."""
        import torch

        with torch.no_grad(), one_thread():
            p = _tensors(self.parameters)
            pairs, known = _context(votes, self.how.context)
            points = torch.as_tensor(votes.points)
            mu, _ = _encoded(p, points, torch.as_tensor(pairs), torch.as_tensor(known))
            return np.asarray(mu.numpy(), dtype=np.float64)

    def rewards(self, votes: PersonalVotes, mu: Floats) -> NDArray[np.float32]:
        """What each text is worth to people with these latents [B, L]: float32[B, M]."""
        import torch

        with torch.no_grad(), one_thread():
            p = _tensors(self.parameters)
            points = torch.as_tensor(votes.points)
            z = _scaled(torch.as_tensor(mu, dtype=torch.float32))
            seen = points @ p["d1"][: points.shape[1]] + p["e1"]
            own = z @ p["d1"][points.shape[1] :]
            rows = [_decoded(p, seen + one[None]) for one in own]
            return np.asarray(torch.stack(rows).numpy())


@dataclass(frozen=True, eq=False)
class VplFit:
    """The model on all votes, the diagnosis of one that didn't see every fifth, and its steps."""

    model: Latents
    diagnosis: Diagnosis
    steps: int
    device: str


def fit_vpl(
    votes: PersonalVotes, how: Vpl, rng: np.random.Generator, bench: Bench, key: str = ""
) -> VplFit:
    """Train twice: without every fifth vote to stop early and diagnose, then with all votes."""
    course = Course(bench, key, 2 * how.steps, device_for(how.device))
    start = _start(votes, how, rng)
    rates = dict.fromkeys(start, RATE)
    away = votes.fold == FOLDS - 1
    train, test = votes.take(~away), votes.take(away)
    with one_thread():
        held_out = _held_out(train, test, how, course.device)
        objective = _objective(train, how, course.device)
        first = course.stage("diagnosed", start, rates, objective, how.steps, held_out, PATIENCE)
        diagnosis = diagnose(Latents(first.parameters, how), train, test, how.seed)
        steps = max(first.steps, min(how.steps, 100))
        whole = course.stage("whole", start, rates, _objective(votes, how, course.device), steps)
    bench.watch(course.total, course.total)
    return VplFit(Latents(whole.parameters, how), diagnosis, steps, course.device)


def diagnose(
    model: Latents, context: PersonalVotes, test: PersonalVotes, seed: int = 0
) -> Diagnosis:
    """How much of the held-out accuracy hangs on whose latent is whose."""
    import torch

    mu = model.infer(context)
    who = np.unique(test.person)
    rng = np.random.default_rng([seed, 1])
    with torch.no_grad(), one_thread():
        p = _tensors(model.parameters)
        points = torch.as_tensor(test.points)

        def right(of: Longs) -> Floats:
            z = _scaled(torch.as_tensor(mu[of], dtype=torch.float32))
            value = [
                _reward(p, points[torch.as_tensor(side)], z) for side in (test.left, test.right)
            ]
            side = (np.sign((value[0] - value[1]).numpy().astype(np.float64)) + 1) / 2
            return np.asarray(test.k * side + (test.n - test.k) * (1 - side))

        own = right(test.person)
        dealt = []
        for _ in range(DEALS):
            other = np.arange(len(mu))
            other[who] = who[_derangement(len(who), rng)]
            dealt.append(right(other[test.person]))
        pairs, known = _context(context, model.how.context)
        _, spread = _encoded(p, points, torch.as_tensor(pairs), torch.as_tensor(known))
        nats = _divergence(torch.as_tensor(mu, dtype=torch.float32), spread).mean()
    active = int((mu[who].var(axis=0) > ACTIVE).sum()) if len(who) else 0
    total = max(float(test.n.sum()), 1e-12)
    others = np.mean(dealt, axis=0)
    gap = np.bincount(test.person, own - others, minlength=test.n_people)
    return Diagnosis(
        float(own.sum()) / total,
        float(others.sum()) / total,
        float(np.sqrt((gap**2).sum())) / total,
        active,
        float(nats),
        float(test.n.sum()),
    )


def _derangement(size: int, rng: np.random.Generator) -> Longs:
    """Everybody gets somebody else's, drawn along one random circle."""
    circle = rng.permutation(size)
    other = np.empty(size, dtype=np.int64)
    other[circle] = np.roll(circle, 1)
    return other


# --- The networks ------------------------------------------------------------------------------


def _start(votes: PersonalVotes, how: Vpl, rng: np.random.Generator) -> Arrays:
    d, h, L = votes.points.shape[1], how.hidden, how.latent
    shapes = {
        "p1": (2 * d, h), "p2": (h, h), "p3": (h, L),
        "query": (L, L), "key": (L, L), "value": (L, L), "mu": (L, L), "spread": (L, L),
        "d1": (d + L, h), "d2": (h, h), "d3": (h, 1),
    }  # fmt: skip
    start: Arrays = {n: rng.normal(size=s) / np.sqrt(s[0]) for n, s in shapes.items()}
    biases = {"q1": h, "q2": h, "q3": L, "e1": h, "e2": h}
    return start | {name: np.zeros(size) for name, size in biases.items()}


def _encoded(p: dict[str, Any], points: Any, pairs: Any, known: Any) -> tuple[Any, Any]:
    """mu and log sigma^2 [B, L] from texts of pairs [B, c, 2] (chosen first), where `known`."""
    import torch

    leaky = torch.nn.functional.leaky_relu
    x = torch.cat([points[pairs[:, :, 0]], points[pairs[:, :, 1]]], dim=2)
    e = leaky(x @ p["p1"] + p["q1"], 0.2)
    e = leaky(e @ p["p2"] + p["q2"], 0.2) @ p["p3"] + p["q3"]
    score = (e @ p["query"]) @ (e @ p["key"]).transpose(1, 2) / e.shape[2] ** 0.5
    score = score.masked_fill(~known[:, None, :], -1e9)
    seen = torch.softmax(score, dim=2) @ (e @ p["value"])
    mask = known[:, :, None].to(seen.dtype)
    mean = (seen * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)
    return (mean @ p["mu"]).clamp(-1.0, 1.0), (mean @ p["spread"]).clamp(-1.0, 1.0)


def _scaled(z: Any) -> Any:
    import torch

    return torch.nn.functional.normalize(z, dim=-1) * z.shape[-1] ** 0.5


def _reward(p: dict[str, Any], points: Any, z: Any) -> Any:
    import torch

    return _decoded(p, torch.cat([points, z], dim=-1) @ p["d1"] + p["e1"])


def _decoded(p: dict[str, Any], first: Any) -> Any:
    import torch

    leaky = torch.nn.functional.leaky_relu
    return (leaky(leaky(first, 0.2) @ p["d2"] + p["e2"], 0.2) @ p["d3"]).squeeze(-1)


def _divergence(mu: Any, spread: Any) -> Any:
    return 0.5 * (mu * mu + spread.exp() - 1 - spread).sum(dim=1)


# --- Votes as contexts and targets --------------------------------------------------------------


def _chosen_first(votes: PersonalVotes, cells: Longs) -> Longs:
    """Texts [..., 2] of cells, the preferred one first."""
    ahead = 2 * votes.k[cells] >= votes.n[cells]
    left, right = votes.left[cells], votes.right[cells]
    return np.stack([np.where(ahead, left, right), np.where(ahead, right, left)], axis=-1)


def _context(votes: PersonalVotes, size: int) -> tuple[Longs, NDArray[np.bool_]]:
    """Texts of up to `size` votes of each person, [A, size, 2], and which places are filled."""
    first, count = _cells_of_people(votes)
    key = np.lexsort((votes.left * 31 + votes.right, votes.fold, votes.person))
    place = np.arange(size)
    at = np.minimum(first[:, None] + place, len(votes) - 1)
    return _chosen_first(votes, key[at]), place < count[:, None]


def _cells_of_people(votes: PersonalVotes) -> tuple[Longs, Longs]:
    first = np.searchsorted(votes.person, np.arange(votes.n_people))
    return first, np.bincount(votes.person, minlength=votes.n_people)


def _objective(votes: PersonalVotes, how: Vpl, device: str) -> Callable[[dict[str, Any], int], Any]:
    """The loss on people, contexts and targets drawn by the step's number."""
    import torch

    points = torch.as_tensor(votes.points, device=device)
    first, count = _cells_of_people(votes)
    able = np.flatnonzero(count >= 2)
    period = max(how.steps / 2, 1)

    def loss(p: dict[str, Any], step: int) -> Any:
        rng = np.random.default_rng([how.seed, 2, step])
        who = rng.choice(able, min(PEOPLE_AT_ONCE, len(able)), replace=False)
        cells, known = _drawn(first[who], count[who], how.context + TARGETS, rng)
        targets = np.minimum(TARGETS, (count[who] + 1) // 2)
        is_target = np.arange(cells.shape[1]) < targets[:, None]
        pairs = torch.as_tensor(_chosen_first(votes, cells), device=device)
        seen = torch.as_tensor(known & ~is_target, device=device)
        mu, spread = _encoded(p, points, pairs, seen)
        noise = rng.standard_normal((len(who), how.latent)).astype(np.float32)
        z = _scaled(mu + (spread / 2).exp() * torch.as_tensor(noise, device=device))
        row, place = np.nonzero(is_target & known)
        cell = cells[row, place]
        z = z[torch.as_tensor(row, device=device)]
        value = [
            _reward(p, points[torch.as_tensor(side[cell], device=device)], z)
            for side in (votes.left, votes.right)
        ]
        k = torch.as_tensor(votes.k[cell], dtype=torch.float32, device=device)
        n = torch.as_tensor(votes.n[cell], dtype=torch.float32, device=device)
        eta = value[0] - value[1]
        said = (n * torch.nn.functional.softplus(eta) - k * eta).sum() / n.sum()
        wave = 0.1 + 0.45 * (1 - np.cos(2 * np.pi * (step % period) / period))
        return said + float(how.kl * wave) * _divergence(mu, spread).mean()

    return loss


def _drawn(
    first: Longs, count: Longs, size: int, rng: np.random.Generator
) -> tuple[Longs, NDArray[np.bool_]]:
    """Up to `size` different cells of each person in random order, [B, size]."""
    most = int(count.max())
    if most > 512:  # of so many, a cell drawn twice is rare
        place = np.minimum((rng.random((len(count), size)) * count[:, None]).astype(np.int64), most)
    else:
        key = rng.random((len(count), max(most, size)))
        key[np.arange(key.shape[1]) >= count[:, None]] = 2.0
        place = np.argsort(key, axis=1)[:, :size]
    known = np.arange(size) < count[:, None]
    return first[:, None] + np.where(known, place, 0), known


def _held_out(
    train: PersonalVotes, test: PersonalVotes, how: Vpl, device: str
) -> Callable[[dict[str, Any]], float]:
    import torch

    pairs, known = _context(train, how.context)
    points = torch.as_tensor(test.points, device=device)
    where = torch.as_tensor(pairs, device=device), torch.as_tensor(known, device=device)
    sides = [torch.as_tensor(s, device=device) for s in (test.left, test.right, test.person)]
    k = torch.as_tensor(test.k, dtype=torch.float32, device=device)
    n = torch.as_tensor(test.n, dtype=torch.float32, device=device)

    def loss(p: dict[str, Any]) -> float:
        mu, _ = _encoded(p, points, *where)
        z = _scaled(mu)[sides[2]]
        eta = _reward(p, points[sides[0]], z) - _reward(p, points[sides[1]], z)
        said = (n * torch.nn.functional.softplus(eta) - k * eta).sum()
        return float(said / n.sum().clamp(min=1e-9))

    return loss


def _tensors(arrays: Arrays) -> dict[str, Any]:
    import torch

    return {n: torch.as_tensor(a, dtype=torch.float32) for n, a in arrays.items()}
