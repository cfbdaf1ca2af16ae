"""Statements that unite the groups, and statements that split them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism.consensus import group_agreement
from aggregation.report.figures import Figure
from aggregation.report.study import Study

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

LISTED = 5


@dataclass(frozen=True)
class Statement:
    """A statement with the share of agreement in each group (votes of five people or more).

    consensus: the product of the shares;  gap: the largest less the smallest of them
    """

    text: str
    agree: tuple[Figure, ...]
    consensus: Figure
    gap: Figure


def statements(
    study: Study, least: int = 10
) -> tuple[tuple[Statement, ...], tuple[Statement, ...], int]:
    """Statements that unite the groups and that split them, best first; how many were compared.

    Those with fewer than `least` votes in some group are left out.
    """
    if study.material.level != "statements" or not study.several:
        return (), (), 0
    table = study.table
    voice = study.found.voice
    side = np.where(voice >= 0, study.side[voice], study.G)
    side = np.where(side == study.G, -1, side)
    assert table.group is not None
    agrees = (table.y > 0) == (table.a < table.b)
    agreed = agrees & (table.y != 0)
    S = len(table.group_ids)
    found = group_agreement(table.group, agreed, side, S, study.G, least)
    votes = np.zeros((study.G, S))
    np.add.at(votes, (side[side >= 0], table.group[side >= 0]), 1)
    uniting = np.argsort(-np.nan_to_num(found.consensus, nan=-1.0), kind="stable")[:LISTED]
    splitting = np.argsort(-np.nan_to_num(found.gap, nan=-1.0), kind="stable")[:LISTED]
    drawn = _agreement_drawn(study, side, agreed, np.union1d(uniting, splitting))

    def told(s: int) -> Statement:
        shares = None if drawn is None else drawn[s]
        cast, fewest = float(votes[:, s].sum()), float(votes[:, s].min())

        def figure(value: float, of_shares: Callable[[Floats], Floats]) -> Figure:
            draws = None if shares is None else of_shares(shares)
            return study.figure(float(value), draws, cast, "votes", fewest)

        return Statement(
            study.names.context(table.group_ids[s]),
            tuple(
                study.figure(
                    float(found.share[g, s]),
                    None if shares is None else shares[:, g],
                    votes[g, s],
                    "votes",
                    votes[g, s],
                )
                for g in range(study.G)
            ),
            figure(found.consensus[s], lambda shares: shares.prod(axis=1)),
            figure(found.gap[s], lambda shares: np.ptp(shares, axis=1)),
        )

    known = np.isfinite(found.consensus)
    return (
        tuple(told(int(s)) for s in uniting if known[s]),
        tuple(told(int(s)) for s in splitting if known[s]),
        int(known.sum()),
    )


def _agreement_drawn(
    study: Study, side: Longs, agreed: NDArray[np.bool_], wanted: Longs
) -> dict[int, Floats] | None:
    """Shares of agreement with these statements under reweighted people, memberships held fixed."""
    if study.draws is None:
        return None
    table, voice = study.table, study.found.voice
    assert table.group is not None
    drawn = {}
    for s in wanted.tolist():
        shares = np.full((len(study.draws), study.G), np.nan)
        for g in range(study.G):
            rows = np.flatnonzero((table.group == s) & (side == g))
            omega = study.draws.omega[:, voice[rows]]
            shares[:, g] = (omega @ agreed[rows] + 1) / (omega.sum(axis=1) + 2)
        drawn[int(s)] = shares
    return drawn
