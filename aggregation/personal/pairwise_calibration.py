"""Pairwise calibration: heads whose weighted share of votes equals the share of people.

Without annotator ids only the share s_v of votes for one side of each pair is known, so groups of
people are not identifiable. Still, weights a_m >= 0 of sum 1 and heads u_m can be found with
sum_m a_m [head m prefers the side] near s_v: heads say how many disagree, never who.

Stagewise: the next head is a ridge logistic regression of the sign of the residual share, weighted
by its size; it joins together with its opposite, as even a crowd of 70 to 30 needs both, and all
weights are solved again by non-negative least squares. It ends when that no longer lowers the mean
squared gap by a thousandth.

Source: after Halpern, Micha, Procaccia & Shapira (2025), Pairwise Calibrated Rewards for
Pluralistic Alignment, arXiv:2506.06298.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism.latent import Climb, pooled
from aggregation.pluralism.votes import GroupVotes

Floats = NDArray[np.float64]
WORTHWHILE = 1e-3


@dataclass(frozen=True, eq=False)
class CalibratedHeads:
    """heads float64[d, H] and weights float64[H], heaviest first; the root mean squared gap of
    shares after each head (index 0: with every share one half).
    """

    heads: Floats
    weights: Floats
    gaps: Floats

    def shares(self, votes: GroupVotes) -> Floats:
        """Weighted share of heads that prefer the first side of each row."""
        return np.asarray(_said(votes, self.heads) @ self.weights)


def calibrated_heads(votes: GroupVotes, ridge: float, most: int = 10) -> CalibratedHeads:
    """Heads for votes of one anonymous crowd: rows are pairs, `k` of `n` votes for the first."""
    share = votes.k / votes.n
    heads = np.zeros((votes.design.d, 0))
    weights = np.zeros(0)
    expected = np.full(len(votes), 0.5)
    gaps = [_gap(votes, share, expected)]
    how = Climb(ridge=ridge, noise=False)
    while (weights > 1e-9).sum() < most:
        residual = share - expected
        if np.abs(residual).max(initial=0.0) < 1e-9:
            break
        aim = votes.n * np.abs(residual)
        aim = aim * (votes.n.sum() / aim.sum())
        target = replace(votes, k=np.where(residual > 0, aim, 0.0), n=aim)
        head = pooled(target, how).parameters
        tried = np.hstack([heads, head, -head])
        given = _weights(votes, share, _said(votes, tried))
        reached = _said(votes, tried) @ given
        gap = _gap(votes, share, reached)
        if gap**2 > (1 - WORTHWHILE) * gaps[-1] ** 2:
            break
        heads, weights, expected = tried, given, reached
        gaps.append(gap)
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 1e-9]
    return CalibratedHeads(heads[:, order], weights[order], np.array(gaps))


def _said(votes: GroupVotes, heads: Floats) -> Floats:
    """What each head says of each row: 1 first side, 0 second, one half where it is even."""
    eta = votes.design.log_odds(heads)
    return np.asarray((np.sign(np.where(np.abs(eta) < 1e-9, 0.0, eta)) + 1) / 2)


def _weights(votes: GroupVotes, share: Floats, said: Floats) -> Floats:
    from scipy.optimize import nnls

    root = np.sqrt(votes.n)
    firm = 1e3 * root.max()  # the row that asks for a sum of 1
    system = np.vstack([said * root[:, None], np.full(said.shape[1], firm)])
    found, _ = nnls(system, np.append(share * root, firm))
    return np.asarray(found / found.sum())


def _gap(votes: GroupVotes, share: Floats, expected: Floats) -> float:
    return float(np.sqrt((votes.n * (share - expected) ** 2).sum() / votes.n.sum()))
