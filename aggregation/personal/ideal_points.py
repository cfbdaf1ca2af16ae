"""PAL: people as mixtures of a few ideal points, on frozen embeddings.

    A   u_a = sum_k w_ak P_k,        logit(i over j) = e^tau (|f(z_j) - u_a|^2 - |f(z_i) - u_a|^2)
    B   u_a(x) = sum_k w_ak g_k(x),  logit(i over j) = e^tau (cos(f(z_i), u_a) - cos(f(z_j), u_a))

w_a is a softmax of K free logits, f is linear or has one hidden layer, x stands for the prompt.
Adam on all cells at once; rates .05 for prototypes and weights, .01 for f. A newcomer's weights
alone are fitted with the rest frozen, from logits 0 with an l2 of .01.

K is the smallest number of prototypes whose held-out log-likelihood is within one standard error of
the best: every fifth pair of a person is held out, persons are the independent units. These fits
also say when to stop. With one prototype everybody is alike: that is the pooled model, and the one
for people with fewer than five votes.

Source: Chen, Chen, Rege & Vinayak (2024), PAL: Pluralistic Alignment Framework, arXiv:2406.08469.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.personal.bench import Arrays, Bench
from aggregation.personal.course import Course, Device, Learned, device_for, one_thread
from aggregation.personal.votes import FOLDS, PersonalVotes, Projection
from aggregation.pluralism.choosing import one_standard_error
from annotation.phrases import say

Floats = NDArray[np.float64]
ENOUGH_VOTES = 5  # of a person, before the own model beats the pooled one
ENOUGH_PEOPLE = 10  # with as many votes, before prototypes are sought
NEWCOMER_STEPS = 150
L2 = 0.01  # on the logits of a newcomer's weights
RIDGE = 1e-4  # on the network, against separation
RATES = {"P": 0.05, "w": 0.05, "tau": 0.01}
F_RATE = 0.01


@dataclass(frozen=True)
class Pal:
    """How to train. `prototypes` 0: chosen from 1…most."""

    prototypes: int = 0
    most: int = 5
    variant: Literal["A", "B"] = "A"
    hidden: int = 0
    width: int = 16
    steps: int = 400
    restarts: int = 2
    device: Device = "auto"


@dataclass(frozen=True, eq=False)
class IdealPoints:
    """A trained model with K prototypes; `parameters` holds f, P (or g), logits w[A, K] and tau."""

    parameters: Arrays
    how: Pal

    @property
    def n_prototypes(self) -> int:
        return int(self.parameters["P"].shape[0])

    def weights(self) -> Floats:
        """float64[A, K], each person's mixture of prototypes."""
        return _softmax(self.parameters["w"].astype(np.float64))

    def rewards(self, votes: PersonalVotes, weights: Floats) -> NDArray[np.float32]:
        """What each text is worth to people with these weights [B, K]: float32[B, M]."""
        import torch

        with torch.no_grad(), one_thread():
            tensors = _tensors(self.parameters)
            w = torch.as_tensor(weights, dtype=torch.float32)
            f = _projected(tensors, torch.as_tensor(votes.points))
            scale = _scale(tensors, self.how)
            if self.how.variant == "A":
                u = w @ tensors["P"]
                value = 2 * u @ f.T - (f * f).sum(dim=1)
                return np.asarray((scale * value).numpy())
            g = _aimed(tensors, torch.as_tensor(votes.prompts))
            f = torch.nn.functional.normalize(f, dim=1)
            u = torch.einsum("bk,mkd->bmd", w, g)
            u = torch.nn.functional.normalize(u, dim=2)
            return np.asarray((scale * (u * f).sum(dim=2)).numpy())

    def newcomers(self, votes: PersonalVotes) -> Floats:
        """Weights float64[A, K] of people the model never saw, from their votes; all else frozen.

        `votes` must see texts as the model's own votes did: the same items, or the same projection
        of embeddings. Under five votes of a person the pooled prediction is the better one.
        """
        A, K = votes.n_people, self.n_prototypes
        fixed = {n: a for n, a in self.parameters.items() if n != "w"}
        objective = _objective(votes, self.how, per_person=True, fixed=fixed)
        course = Course(Bench(), "", NEWCOMER_STEPS, "cpu")
        with one_thread():
            learned = course.stage(
                "newcomers", {"w": np.zeros((A, K))}, RATES, objective, NEWCOMER_STEPS
            )
        return _softmax(learned.parameters["w"].astype(np.float64))


def kept_model(model: IdealPoints, votes: PersonalVotes) -> Arrays:
    """All that predicting takes, as arrays: parameters, options, and the embeddings' projection."""
    arrays = {f"model/{name}": array for name, array in model.parameters.items()}
    arrays["options/b"] = np.array([model.how.variant == "B"], dtype=np.int64)
    if votes.projection is not None:
        arrays["projection/mean"] = votes.projection.mean
        arrays["projection/basis"] = votes.projection.basis
    return arrays


def model_from(arrays: Arrays) -> tuple[IdealPoints, Projection | None]:
    """The inverse of `kept_model`."""
    parameters = {n.partition("/")[2]: a for n, a in arrays.items() if n.startswith("model/")}
    how = Pal(
        prototypes=int(parameters["P"].shape[0]),
        variant="B" if arrays["options/b"][0] else "A",
        hidden=int(parameters["h"].shape[1]) if "h" in parameters else 0,
        width=int(parameters["f"].shape[1]),
        device="cpu",
    )
    seen = None
    if "projection/mean" in arrays:
        seen = Projection(arrays["projection/mean"], arrays["projection/basis"])
    return IdealPoints(parameters, how), seen


@dataclass(frozen=True, eq=False)
class PalFit:
    """What was learned, and how the number of prototypes came about.

    tried, held_out  numbers of prototypes and their summed held-out log-likelihoods (empty: fixed)
    accuracy         share of held-out votes that each number predicts
    deficit_error    standard error of the deficit to the best
    gate             why prototypes weren't sought; empty when they were
    """

    model: IdealPoints
    pooled: IdealPoints
    tried: tuple[int, ...]
    held_out: Floats
    accuracy: Floats
    deficit_error: Floats
    gate: str
    device: str
    steps: int

    @property
    def is_personal(self) -> bool:
        return self.model.n_prototypes > 1


def fit_pal(
    votes: PersonalVotes, how: Pal, rng: np.random.Generator, bench: Bench, key: str = ""
) -> PalFit:
    """Train on the votes. `key` tells checkpoints of one training from those of another."""
    gate = _too_thin(votes)
    tried = _numbers(votes, how, gate)
    seeds = {K: rng.spawn(1)[0] for K in range(1, max(how.most, how.prototypes) + 1)}
    stages = (len(tried) if len(tried) > 1 else 0) * how.restarts
    total = (stages + (1 if tried == (1,) else 1 + how.restarts)) * how.steps
    course = Course(bench, key, total, device_for(how.device))
    with one_thread():
        lengths = dict.fromkeys(tried, how.steps)
        scores = np.zeros((0, len(tried)))
        hits = np.zeros(len(tried))
        if len(tried) > 1:
            columns = [_score(course, votes, how, K, seeds[K]) for K in tried]
            scores = np.column_stack([column for column, _, _ in columns])
            hits = np.array([accuracy for _, accuracy, _ in columns])
            lengths = {K: max(s, 60) for K, (_, _, s) in zip(tried, columns, strict=True)}
            best, error = one_standard_error(scores)
            chosen = tried[best - 1]
        else:
            chosen, error = tried[0], np.zeros(0)
        pooled = _trained(course, votes, how, 1, seeds[1], lengths.get(1, how.steps))
        model = pooled
        if chosen > 1:
            model = _trained(course, votes, how, chosen, seeds[chosen], lengths[chosen])
    course.bench.watch(course.total, course.total)
    known = len(tried) > 1
    return PalFit(
        model,
        pooled,
        tried if known else (),
        scores.sum(axis=0) if known else np.zeros(0),
        hits if known else np.zeros(0),
        error,
        gate,
        course.device,
        lengths.get(chosen, how.steps),
    )


def personal_weights(fit: PalFit, votes: PersonalVotes) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights [A, K], and who has enough votes for an own model; the others get the pooled one."""
    enough = (votes.votes_each >= ENOUGH_VOTES) & fit.is_personal
    return fit.model.weights(), np.asarray(enough)


def refitted(fit: PalFit, votes: PersonalVotes, steps: int = 60) -> PalFit:
    """The fit trained on for a few steps on the same votes with other weights."""
    model = _trained_on(fit.model, votes, steps)
    pooled = _trained_on(fit.pooled, votes, steps) if fit.is_personal else model
    return replace(fit, model=model, pooled=pooled)


def _trained_on(model: IdealPoints, votes: PersonalVotes, steps: int) -> IdealPoints:
    course = Course(Bench(), "", steps, device_for(model.how.device))
    objective = _objective(votes, model.how, device=course.device)
    slow = {name: rate / 5 for name, rate in _rates(model.parameters).items()}
    with one_thread():
        learned = course.stage("again", model.parameters, slow, objective, steps)
    return IdealPoints(learned.parameters, model.how)


def _too_thin(votes: PersonalVotes) -> str:
    enough = int((votes.votes_each >= ENOUGH_VOTES).sum())
    if enough >= ENOUGH_PEOPLE:
        return ""
    return say(
        "%(enough)s annotators have %(enough_votes)s votes or more; at least "
        "%(enough_people)s are needed to learn how people differ",
        enough=enough,
        enough_votes=ENOUGH_VOTES,
        enough_people=ENOUGH_PEOPLE,
    )


def _numbers(votes: PersonalVotes, how: Pal, gate: str) -> tuple[int, ...]:
    if how.prototypes:
        return (how.prototypes,)
    return (1,) if gate else tuple(range(1, how.most + 1))


def _score(
    course: Course, votes: PersonalVotes, how: Pal, K: int, rng: np.random.Generator
) -> tuple[Floats, float, int]:
    """Held-out log-likelihood of each person who has some, accuracy, and steps to the best."""
    away = votes.fold == FOLDS - 1
    train, test = votes.take(~away), votes.take(away)
    best: Learned | None = None
    objective = _objective(train, how, device=course.device)
    watch = _held_out(test, how, course.device)
    for r in range(how.restarts):
        start = _start(votes, how, K, rng)
        name = f"choose-{K}-{r}"
        learned = course.stage(name, start, _rates(start), objective, how.steps, watch)
        if best is None or learned.loss < best.loss:
            best = learned
    assert best is not None
    eta = _log_odds(best.parameters, test, how)
    said = test.k * eta - test.n * np.logaddexp(0.0, eta)
    each = np.asarray(np.bincount(test.person, said, minlength=votes.n_people), dtype=float)
    has = np.bincount(test.person, test.n, minlength=votes.n_people) > 0
    return each[has], accuracy(test, eta), best.steps


def _trained(
    course: Course,
    votes: PersonalVotes,
    how: Pal,
    K: int,
    rng: np.random.Generator,
    steps: int,
) -> IdealPoints:
    best: Learned | None = None
    objective = _objective(votes, how, device=course.device)
    for r in range(1 if K == 1 else how.restarts):
        start = _start(votes, how, K, rng)
        learned = course.stage(f"whole-{K}-{r}", start, _rates(start), objective, steps)
        if best is None or learned.loss < best.loss:
            best = learned
    assert best is not None
    return IdealPoints(best.parameters, how)


def accuracy(votes: PersonalVotes, eta: Floats) -> float:
    """Weight of votes on the side of positive log-odds; a tie, or log-odds of 0, is half right."""
    side = (np.sign(eta) + 1) / 2
    right = votes.k * side + (votes.n - votes.k) * (1 - side)
    return float(right.sum() / votes.n.sum()) if len(votes) else float("nan")


def _start(votes: PersonalVotes, how: Pal, K: int, rng: np.random.Generator) -> Arrays:
    d = votes.points.shape[1]
    seen = how.hidden or d
    start: Arrays = {"f": rng.normal(size=(seen, how.width)) / np.sqrt(seen)}
    if how.hidden:
        start["h"] = rng.normal(size=(d, how.hidden)) / np.sqrt(d)
        start["b"] = np.zeros(how.hidden)
    if how.variant == "A":
        start["P"] = rng.normal(size=(K, how.width)) * 0.3
        start["tau"] = np.zeros(1)
    else:
        start["P"] = rng.normal(size=(K, d, how.width)) / np.sqrt(d)
        start["c"] = rng.normal(size=(K, how.width)) * 0.1
        start["tau"] = np.full(1, np.log(1 / 0.07))
    start["w"] = np.zeros((votes.n_people, K))
    return start


def _rates(start: Arrays) -> dict[str, float]:
    return {name: RATES.get(name, F_RATE) for name in start}


def _projected(p: dict[str, Any], points: Any) -> Any:
    import torch

    if "h" in p:
        points = torch.relu(points @ p["h"] + p["b"])
    return points @ p["f"]


def _aimed(p: dict[str, Any], prompts: Any) -> Any:
    """g_k of each text's prompt: [M, K, width]."""
    import torch

    return torch.einsum("md,kdw->mkw", prompts, p["P"]) + p["c"]


def _scale(p: dict[str, Any], how: Pal) -> Any:
    return p["tau"].exp().clamp(max=100.0 if how.variant == "B" else 1e4)


def _margins(votes: PersonalVotes, how: Pal, device: str) -> Callable[[dict[str, Any]], Any]:
    """Log-odds of the cells as a function of the parameters."""
    import torch

    def held(array: Any, kind: Any) -> Any:
        return torch.as_tensor(array, dtype=kind, device=device)

    points = held(votes.points, torch.float32)
    person = held(votes.person, torch.int64)
    left, right = held(votes.left, torch.int64), held(votes.right, torch.int64)
    prompts = None if votes.prompts is None else held(votes.prompts, torch.float32)

    def of_distances(p: dict[str, Any]) -> Any:
        f = _projected(p, points)
        square = (f * f).sum(dim=1)
        u = torch.softmax(p["w"], dim=1) @ p["P"]
        apart = f.index_select(0, left) - f.index_select(0, right)
        gap = square.index_select(0, right) - square.index_select(0, left)
        return _scale(p, how) * (2 * (u.index_select(0, person) * apart).sum(dim=1) + gap)

    def of_angles(p: dict[str, Any]) -> Any:
        f = torch.nn.functional.normalize(_projected(p, points), dim=1)
        g = _aimed(p, prompts)
        w = torch.softmax(p["w"], dim=1).index_select(0, person)
        value = []
        for side in (left, right):
            u = (w[:, :, None] * g.index_select(0, side)).sum(dim=1)
            u = torch.nn.functional.normalize(u, dim=1)
            value.append((u * f.index_select(0, side)).sum(dim=1))
        return _scale(p, how) * (value[0] - value[1])

    return of_distances if how.variant == "A" else of_angles


def _objective(
    votes: PersonalVotes,
    how: Pal,
    device: str = "cpu",
    per_person: bool = False,
    fixed: Arrays | None = None,
) -> Callable[[dict[str, Any], int], Any]:
    """Mean loss per vote with a light ridge; or, for newcomers, summed over people, each by their
    own mean, with their logits drawn towards 0. Those it learns from aren't drawn: prototypes would
    move away from people to make up for it, and newcomers be placed worse.
    """
    loss = _loss_per_vote(votes, how, device, per_person)
    held = _tensors(fixed or {}, device)

    def ridged(p: dict[str, Any], step: int) -> Any:
        if per_person:
            return loss({**held, **p}) + L2 * (p["w"] ** 2).sum()
        rest = sum((p[name] ** 2).sum() for name in p if name not in ("w", "tau"))
        return loss(p) + RIDGE * rest

    return ridged


def _held_out(votes: PersonalVotes, how: Pal, device: str) -> Callable[[dict[str, Any]], float]:
    loss = _loss_per_vote(votes, how, device)
    return lambda p: float(loss(p))


def _loss_per_vote(
    votes: PersonalVotes, how: Pal, device: str, per_person: bool = False
) -> Callable[[dict[str, Any]], Any]:
    import torch

    margins = _margins(votes, how, device)
    k = torch.as_tensor(votes.k, dtype=torch.float32, device=device)
    n = torch.as_tensor(votes.n, dtype=torch.float32, device=device)
    of = votes.votes_each[votes.person] if per_person else votes.n.sum()
    share = torch.as_tensor(
        np.broadcast_to(1 / np.maximum(of, 1e-12), len(votes)).copy(),
        dtype=torch.float32,
        device=device,
    )

    def loss(p: dict[str, Any]) -> Any:
        eta = margins(p)
        return (share * (n * torch.nn.functional.softplus(eta) - k * eta)).sum()

    return loss


def _tensors(arrays: Arrays, device: str = "cpu") -> dict[str, Any]:
    import torch

    return {n: torch.as_tensor(a, dtype=torch.float32, device=device) for n, a in arrays.items()}


def _log_odds(parameters: Arrays, votes: PersonalVotes, how: Pal) -> Floats:
    import torch

    with torch.no_grad():
        eta = _margins(votes, how, "cpu")(_tensors(parameters)).numpy()
    return np.asarray(eta, dtype=np.float64)


def log_odds(model: IdealPoints, votes: PersonalVotes) -> Floats:
    """Log-odds of each cell for its person, float64[N]."""
    with one_thread():
        return _log_odds(model.parameters, votes, model.how)


def _softmax(logits: Floats) -> Floats:
    top = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(top / top.sum(axis=1, keepdims=True))
