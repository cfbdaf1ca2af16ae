"""By which properties of responses a group is told apart: its wishes less the others', regressed.

Per group the utilities less the share-weighted mean of the other groups', centred within each
choice, are regressed by least squares on indicators of all properties together (length, system,
whatever was measured). An effect is in log-odds: how much more the group likes a response with the
property than others do, against the average response. The regression is linear in utilities, so
resampled people give its interval. Only effects whose interval excludes zero are listed; how many
were looked at is said. An association, not a cause.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.report.figures import Figure, count, unknown
from aggregation.report.study import Study
from annotation.phrases import capital, say

Floats = NDArray[np.float64]

LISTED = 6  # per group
EACH = 5  # items per coefficient, at least
RIDGE = 1e-3  # against properties that always go together


@dataclass(frozen=True)
class Trait:
    """A property that a group likes more (or less) than others do."""

    group: str
    attribute: str
    level: str
    effect: Figure


@dataclass(frozen=True)
class Traits:
    """What was found; `looked_at` counts levels of properties times groups."""

    traits: tuple[Trait, ...]
    looked_at: Figure
    why_none: str
    sentences: tuple[str, ...]


def traits(study: Study) -> Traits:
    known = study.material.properties
    if not study.several:
        return _nothing(say("there is one group"))
    if not known:
        return _nothing(say("nothing is known of the things compared but their names"))
    names, X, items = _indicators(study)
    if not names or len(items) < EACH * len(names):
        return _nothing(say("too few responses are compared to tell their properties apart"))
    solve = np.linalg.solve(X.T @ X + RIDGE * len(items) * np.eye(len(names)), X.T)
    found: list[Trait] = []
    for g, group in enumerate(study.found.names):
        value = solve @ _apart(study.utilities, study.shares, g)[items]
        drawn = None
        if study.draws is not None:
            rows = _apart(study.draws.utilities, study.draws.shares, g)[:, items]
            drawn = rows @ solve.T
        figures = [
            study.figure(
                float(value[j]),
                None if drawn is None else drawn[:, j],
                len(items),
                study.material.nouns[1],
                study.heads[g],
            )
            for j in range(len(names))
        ]
        order = sorted(range(len(names)), key=lambda j: -abs(figures[j].value or 0.0))
        clear = [j for j in order if _excludes_zero(figures[j])]
        found += [Trait(group, *names[j], figures[j]) for j in clear[:LISTED]]
    looked = count(len(names) * study.G, say("levels of properties times groups"))
    why = (
        ""
        if found
        else say("no property is liked more by one group by more than chance would make it")
    )
    return Traits(tuple(found), looked, why, _sentences(found, looked, why))


def _nothing(why: str) -> Traits:
    return Traits((), unknown(why), why, ())


def _excludes_zero(figure: Figure) -> bool:
    return figure.lo is not None and figure.hi is not None and (figure.lo > 0 or figure.hi < 0)


def _apart(u: Floats, shares: Floats, g: int) -> Floats:
    """Utilities [..., G, K] of a group less the mean of the others, [..., K]."""
    rest = np.delete(shares, g, axis=-1)
    others = np.delete(u, g, axis=-2)
    mean = (rest[..., :, None] * others).sum(axis=-2) / rest.sum(axis=-1)[..., None]
    return np.asarray(u[..., g, :] - mean)


def _indicators(study: Study) -> tuple[list[tuple[str, str]], Floats, NDArray[np.int64]]:
    """Names (property, level), their indicators centred within each choice, and the items.

    A property of one level says nothing; of two the second is the first's mirror and left out. An
    item of which a property isn't known counts as average there.
    """
    items = np.concatenate(study.parts)
    choice = np.repeat(np.arange(len(study.parts)), [len(part) for part in study.parts])
    size = np.bincount(choice)
    names: list[tuple[str, str]] = []
    columns: list[Floats] = []
    for attribute, values in sorted(study.material.properties.items()):
        said = [values[int(i)] for i in items]
        levels = sorted({value for value in said if value is not None})
        for level in levels[:1] if len(levels) == 2 else levels if len(levels) > 2 else []:
            column = np.array([np.nan if v is None else float(v == level) for v in said])
            filled = np.where(np.isnan(column), np.nanmean(column), column)
            centred = filled - (np.bincount(choice, filled) / size)[choice]
            if np.abs(centred).max() > 1e-9:
                names.append((attribute, level))
                columns.append(centred)
    X = np.column_stack(columns) if columns else np.zeros((len(items), 0))
    return names, X, items


def _sentences(found: list[Trait], looked: Figure, why: str) -> tuple[str, ...]:
    if not found:
        return (f"{capital(why)}.",)
    said = []
    for group in dict.fromkeys(each.group for each in found):
        first = next(each for each in found if each.group == group)
        e = first.effect
        more = say("more") if (e.value or 0) > 0 else say("less")
        said.append(
            say(
                "%(capital)s likes responses with %(attribute)s “%(level)s” "
                "%(more)s than others do, by %(abs)s [%(min)s, %(max)s] in log-odds, "
                "other properties held fixed.",
                capital=capital(group),
                attribute=first.attribute,
                level=first.level,
                more=more,
                abs=f"{abs(e.value or 0):.2f}",
                min=f"{min(abs(e.lo or 0), abs(e.hi or 0)):.2f}",
                max=f"{max(abs(e.lo or 0), abs(e.hi or 0)):.2f}",
            )
        )
    said.append(
        say(
            "%(looked)s such effects were looked at; one in twenty would be listed "
            "by chance alone. They are associations, not causes.",
            looked=f"{looked.value:,.0f}",
        )
    )
    return tuple(said)
