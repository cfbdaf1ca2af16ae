"""Who disagrees with whom: people on a plane, near each other when their votes surprise alike.

A person's coordinates are the two main directions of what a single model for everybody gets wrong
about their votes: per item the sum of (vote - expected), over the standard deviation of all their
votes. Nobody is named; points are rounded and sorted by place. Whoever is in a group, or among
votes that look random, of fewer than five people isn't drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds
from scipy.special import expit

from aggregation.pluralism.votes import ItemDesign
from aggregation.report.figures import Figure, listed, people, tidy, unknown
from aggregation.report.study import SMALLEST_CELL, Study
from annotation.phrases import say

Floats = NDArray[np.float64]

MOST_POINTS = 600
STABLE = 0.8
HALF = 1.1774  # radius in standard deviations within which half of a normal cloud lies
DENSE = 1_500


@dataclass(frozen=True)
class Point:
    """`group` -1: in none, or too few alike; `stable`: the same group in 80 % of resamples, None:
    not resampled.
    """

    x: float
    y: float
    group: int
    stable: bool | None


@dataclass(frozen=True)
class Region:
    """An ellipse that holds about half of a group, membership averaged over resamples."""

    group: int
    name: str
    x: float
    y: float
    rx: float
    ry: float
    angle: float


@dataclass(frozen=True)
class Map:
    points: tuple[Point, ...]
    regions: tuple[Region, ...]
    right: str
    left: str
    up: str
    down: str
    explained: Figure
    drawn: int
    people: int
    why_no_interval: str
    sentences: tuple[str, ...]


def map_of_people(study: Study) -> tuple[Map | None, Floats | None]:
    """The map and its axes [K, 2]; nothing where fewer than five people, or fewer than three items,
    can be placed.
    """
    scores = _surprises(study)
    if study.found.n_people < SMALLEST_CELL or min(scores.shape) < 3:
        return None, None
    xy, axes, explained = _plane(scores)
    shown = _shown(study)
    points = _points(study, xy, shown)
    regions = tuple(
        _region(study, g, xy)
        for g in range(study.G)
        if study.several and study.sizes[g] >= SMALLEST_CELL
    )
    ends = [_ends(study, axes[:, axis]) for axis in (0, 1)]
    made = Map(
        points=points,
        regions=regions,
        right=ends[0][0],
        left=ends[0][1],
        up=ends[1][0],
        down=ends[1][1],
        explained=unknown(say("nothing surprises"))
        if explained is None
        else Figure(
            explained, study.found.n_people, "people", why=say("a description of this map")
        ),
        drawn=len(points),
        people=study.found.n_people,
        why_no_interval=say(
            "places and counts of marks describe this map; how firmly each belongs is its mark"
        ),
        sentences=_sentences(study, points, ends, explained),
    )
    return made, axes


def _surprises(study: Study) -> sparse.csr_array:
    """Per voice and item, sum of vote minus expected vote, in standard deviations of the voice."""
    votes = study.found.votes
    design = votes.design
    assert isinstance(design, ItemDesign)
    p = expit(design.log_odds(study.one.parameters)[:, 0])
    surprise = votes.k - votes.n * p
    spread = np.bincount(votes.annotator, votes.n * p * (1 - p), minlength=votes.n_people)
    scaled = surprise / np.sqrt(np.maximum(spread, 1e-9))[votes.annotator]
    rows = np.concatenate([votes.annotator, votes.annotator])
    columns = np.concatenate([design.a, design.b])
    return sparse.csr_array(
        (np.concatenate([scaled, -scaled]), (rows, columns)), shape=(votes.n_people, design.d)
    )


def _plane(scores: sparse.csr_array) -> tuple[Floats, Floats, float | None]:
    """Coordinates [V, 2], axes [K, 2] and the share of squared surprise that they hold."""
    if max(scores.shape) <= DENSE:
        u, s, vt = np.linalg.svd(scores.toarray(), full_matrices=False)
    else:
        u, s, vt = svds(scores, k=2, v0=np.random.default_rng(0).normal(size=min(scores.shape)))
        order = np.argsort(-s)
        u, s, vt = u[:, order], s[order], vt[order]
    xy, axes = u[:, :2] * s[:2], vt[:2].T
    for axis in (0, 1):  # the sign of a direction is arbitrary: the largest weight points up
        if axes[np.abs(axes[:, axis]).argmax(), axis] < 0:
            xy[:, axis], axes[:, axis] = -xy[:, axis], -axes[:, axis]
    total = float(scores.multiply(scores).sum())
    return xy, axes, tidy((s[:2] ** 2).sum() / total) if total > 0 else None


def _shown(study: Study) -> NDArray[np.bool_]:
    """Voices that may be drawn: whose mark five people or more share."""
    sizes = np.bincount(study.side, minlength=study.G + 1)
    return np.asarray(sizes[study.side] >= SMALLEST_CELL)


def _points(study: Study, xy: Floats, shown: NDArray[np.bool_]) -> tuple[Point, ...]:
    stable = None
    if study.draws is not None and study.several and not study.is_declared:
        stable = (study.draws.side == study.side[None, :]).mean(axis=0) >= STABLE
    points = [
        Point(
            round(float(xy[a, 0]), 2) + 0.0,
            round(float(xy[a, 1]), 2) + 0.0,
            int(study.side[a]) if study.side[a] < study.G else -1,
            None if stable is None else bool(stable[a]),
        )
        for a in np.flatnonzero(shown).tolist()
    ]
    points.sort(key=lambda point: (point.x, point.y, point.group, str(point.stable)))
    step = -(-len(points) // MOST_POINTS)
    return tuple(points[:: max(step, 1)])


def _region(study: Study, g: int, xy: Floats) -> Region:
    weight = study.mixture.gamma[:, g]
    if study.draws is not None:
        weight = (study.draws.side == g).mean(axis=0)
    weight = weight / max(float(weight.sum()), 1e-9)
    centre = weight @ xy
    away = xy - centre
    cov = (away * weight[:, None]).T @ away
    values, vectors = np.linalg.eigh(cov)
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    rx, ry = HALF * np.sqrt(np.maximum(values[::-1], 0.0))
    return Region(
        g,
        study.found.names[g],
        tidy(centre[0]),
        tidy(centre[1]),
        tidy(rx),
        tidy(ry),
        round(angle, 1) + 0.0,
    )


def _ends(study: Study, axis: Floats) -> tuple[str, str]:
    """What pulls towards the two ends of an axis."""
    order = np.argsort(-axis, kind="stable")
    up = [int(i) for i in order[:2] if axis[i] > 1e-9]
    down = [int(i) for i in order[::-1][:2] if axis[i] < -1e-9]
    if study.material.level == "statements":
        return _agreeing(study, up), _agreeing(study, [i ^ 1 for i in up])
    item = study.names.item
    return listed([f"“{item(i)}”" for i in up]), listed([f"“{item(i)}”" for i in down])


def _agreeing(study: Study, items: list[int]) -> str:
    return listed([study.names.leaning(i) for i in items])


def _sentences(
    study: Study,
    points: tuple[Point, ...],
    ends: list[tuple[str, str]],
    explained: float | None,
) -> tuple[str, ...]:
    said = [
        say(
            "Each mark is one of %(people)s; people are near each other when a "
            "single model for everybody misses their votes in the same way.",
            people=people(study.found.n_people),
        )
    ]
    if explained is not None:
        said.append(
            say(
                "The two directions shown hold %(explained)s %% of all such surprise; "
                "the rest can't be seen here.",
                explained=f"{100 * explained:.0f}",
            )
        )
    if ends[0][0] and study.material.level != "statements":
        said.append(
            say(
                "To the right are those who favour %(items_list)s more than most.",
                items_list=ends[0][0],
            )
        )
    elif ends[0][0]:
        said.append(
            say(
                "To the right are those who are likelier than most to be %(what_list)s.",
                what_list=ends[0][0],
            )
        )
    known = [point for point in points if point.stable is not None and point.group >= 0]
    if known:
        firm = sum(bool(point.stable) for point in known)
        if min(firm, len(known) - firm) >= SMALLEST_CELL:
            said.append(
                say(
                    "%(firm)s of %(known)s marks are filled: these people stay in their "
                    "group in at least 80 %% of the resamples.",
                    firm=firm,
                    known=len(known),
                )
            )
        elif firm:
            said.append(say("Filled marks stay in their group in at least 80 %% of the resamples."))
    if len(points) < study.found.votes.n_people:
        said.append(say("%(n)s marks are drawn.", n=len(points)))
    return tuple(said)
