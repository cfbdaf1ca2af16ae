"""Where model judges stand: beside which group, and how often they side with each. They are placed
among the people's groups but never counted: in no share, no welfare, no interval of people.

A judge's chance of a group follows from its votes and the groups' models by Bayes, starting from
the groups' shares. Judges are models, not persons, so they are named.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from aggregation.pluralism.latent import LOG2
from aggregation.pluralism.votes import GroupVotes, ItemDesign, votes_on_items
from aggregation.report.figures import Figure, listed, percent, tidy, unknown
from aggregation.report.study import Study
from aggregation.tables import Comparisons
from annotation.phrases import say

Floats = NDArray[np.float64]
FEWEST_VOTES = 10
CLEAR = 0.9  # chance of a group from which a judge is said to stand beside it
ITSELF = say("a chance already: of the group, given the judge's votes")


@dataclass(frozen=True)
class JudgePlace:
    """One model judge. `chances` of each group and of random votes, last; `agrees` with the model
    of each group on its decided votes; `x`, `y` on the map of people (None: no map).
    """

    name: str
    votes: int
    chances: tuple[Figure, ...]
    agrees: tuple[Figure, ...]
    beside: str
    x: float | None
    y: float | None


@dataclass(frozen=True)
class Judges:
    places: tuple[JudgePlace, ...]
    left_out: int
    sentences: tuple[str, ...]
    why_no_interval: str = say("votes and judges are counted; places on the map are a description")


def judges(study: Study, axes: Floats | None) -> Judges | None:
    """None where no model judged what the people judged. `axes` [K, 2] of the map, if there is one.

    Judges with fewer than ten votes on these items are left out, and counted.
    """
    table = study.material.judges
    if table is None:
        return None
    votes = _votes(table, study.table)
    if votes is None:
        return None
    enough = votes.votes_each >= FEWEST_VOTES
    surprise = None if axes is None else _on_map(study, votes, axes)
    places = tuple(
        _place(study, votes, j, str(table.annotator_ids[votes.people[j]]), surprise)
        for j in np.flatnonzero(enough).tolist()
    )
    made = Judges(places, int((~enough).sum()), ())
    return replace(made, sentences=_sentences(study, made))


def _votes(table: Comparisons, people: Comparisons) -> GroupVotes | None:
    """The judges' votes on items that people compared, in the people's order of items."""
    if table.annotator is None:
        return None
    place = {key: k for k, key in enumerate(people.ids)}
    where = np.array([place.get(key, -1) for key in table.ids], dtype=np.int64)
    if not len(where):
        return None
    a, b = where[table.a], where[table.b]
    kept = (a >= 0) & (b >= 0) & (table.weights > 0) & (table.annotator >= 0)
    if not kept.any():
        return None
    same = Comparisons.from_arrays(
        a[kept],
        b[kept],
        table.y[kept],
        annotator=table.annotator[kept],
        annotator_ids=table.annotator_ids,
        weight=table.weights[kept],
        ids=people.ids,
    )
    return votes_on_items(same)


def _place(
    study: Study, votes: GroupVotes, j: int, name: str, surprise: Floats | None
) -> JudgePlace:
    rows = votes.annotator == j
    n = float(votes.n[rows].sum())
    chance = _chances(study, votes, rows)
    best = int(chance.argmax())
    names = (*study.found.names, say("random votes"))
    x, y = (None, None) if surprise is None else (tidy(surprise[j, 0]), tidy(surprise[j, 1]))
    clear = study.several and chance[best] >= CLEAR
    return JudgePlace(
        name=name,
        votes=round(n),
        chances=tuple(Figure(tidy(c), round(n), "votes", why=ITSELF) for c in chance),
        agrees=tuple(_agreement(study, votes, rows, g) for g in range(study.G)),
        beside=names[best] if clear else "",
        x=None if x is None else round(x, 2) + 0.0,
        y=None if y is None else round(y, 2) + 0.0,
    )


def _chances(study: Study, votes: GroupVotes, rows: NDArray[np.bool_]) -> Floats:
    """Chance of each group, and of random votes (zero where these aren't modelled), [G + 1]."""
    low, high = _sides(votes, rows)
    eta = study.utilities[:, low] - study.utilities[:, high]
    k, n = votes.k[rows], votes.n[rows]
    said = (k * eta - n * np.logaddexp(0.0, eta)).sum(axis=1)
    joint = np.append(said, -LOG2 * n.sum())
    with np.errstate(divide="ignore"):
        joint += np.log(study.mixture.pi)
    return np.asarray(np.exp(joint - logsumexp(joint)))


def _agreement(study: Study, votes: GroupVotes, rows: NDArray[np.bool_], g: int) -> Figure:
    """Share of the judge's decided votes that the group's model would cast too; the group's people
    are resampled, the judge's votes held fixed.
    """
    low, high = _sides(votes, rows)
    side = np.sign(2 * votes.k[rows] - votes.n[rows])
    weight = np.where(side != 0, votes.n[rows], 0.0)
    if not weight.sum():
        return unknown(say("this judge decided no pair"))

    def share(u: Floats) -> Floats:
        same = np.sign(u[..., low] - u[..., high]) * side > 0
        return np.asarray((same * weight).sum(axis=-1) / weight.sum())

    drawn = None if study.draws is None else share(study.draws.utilities[:, g])
    value = float(share(study.utilities[g]))
    return study.figure(value, drawn, float(weight.sum()), "votes", float(study.heads[g]))


def _on_map(study: Study, votes: GroupVotes, axes: Floats) -> Floats:
    """Where the same surprises would place a person with as many votes as half of the people cast,
    [J, 2]: distances grow with the root of the votes, and a judge may cast a hundred times more.
    """
    design = votes.design
    assert isinstance(design, ItemDesign)
    p = expit(design.log_odds(study.one.parameters)[:, 0])
    spread = np.bincount(votes.annotator, votes.n * p * (1 - p), minlength=votes.n_people)
    scaled = (votes.k - votes.n * p) / np.sqrt(np.maximum(spread, 1e-9))[votes.annotator]
    steps = (axes[design.a] - axes[design.b]) * scaled[:, None]
    xy = np.zeros((votes.n_people, 2))
    np.add.at(xy, votes.annotator, steps)
    usual = float(np.median(study.found.votes.votes_each))
    return xy * np.sqrt(np.minimum(usual / np.maximum(votes.votes_each, 1e-9), 1.0))[:, None]


def _sides(
    votes: GroupVotes, rows: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    design = votes.design
    assert isinstance(design, ItemDesign)
    return design.a[rows], design.b[rows]


def _sentences(study: Study, made: Judges) -> tuple[str, ...]:
    if not made.places:
        return (
            say(
                "No model judge has cast %(fewest_votes)s votes on what people compared.",
                fewest_votes=FEWEST_VOTES,
            ),
        )
    said = [say("Model judges are placed among the groups but count in none.")]
    if not study.several:
        said += [
            say(
                "“%(each_name)s” votes as the model of the people in %(percent)s of its "
                "decided votes.",
                each_name=each.name,
                percent=percent(each.agrees[0]),
            )
            for each in made.places
        ]
        return tuple(said)
    for each in made.places:
        if each.beside == "random votes":
            said.append(
                say(
                    "The votes of “%(each_name)s” look random to every group's model.",
                    each_name=each.name,
                )
            )
        elif each.beside:
            g = study.found.names.index(each.beside)
            said.append(
                say(
                    "“%(each_name)s” stands beside %(beside)s: it votes as that group's "
                    "model in %(percent)s of its decided votes.",
                    each_name=each.name,
                    beside=each.beside,
                    percent=percent(each.agrees[g]),
                )
            )
        else:
            said.append(say("“%(each_name)s” stands clearly beside no group.", each_name=each.name))
    unserved = [
        name for name in study.found.names if not any(each.beside == name for each in made.places)
    ]
    if unserved and len(made.places) > 1:
        said.append(say("No model judge stands beside %(names_list)s: judging by these models "
"alone would not hear them.",
names_list=listed(unserved)))  # fmt: skip
    return tuple(said)
