"""From what texts are worth to persons to where items stand: a mean over people of win chances.

An item's reward to a person is its text's. An item with several texts, such as a system over many
prompts, gets the item effect of reward = item + prompt (least squares), so that hard prompts and
strong rivals don't count against it. W_a(i) is the chance that person a prefers i to an even rival
of the same connected part; the score is its mean over people, each counted once.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from aggregation.personal.votes import PersonalVotes

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
PEOPLE_AT_ONCE = 64
EXACT_RIVALS = 200  # more rivals of a part are stood for by as many quantiles of their rewards
QUANTILES = 64


def item_rewards(votes: PersonalVotes, rewards: NDArray[np.float32], items: int) -> Floats:
    """float64[B, K] from rewards of texts [B, M]; NaN for items without a text."""
    r = rewards.astype(np.float64)[:, votes.text]
    T = len(votes.text)
    count = np.bincount(votes.item, minlength=items)
    belongs = sparse.csr_array((np.ones(T), (np.arange(T), votes.item)), shape=(T, items))
    if (np.bincount(np.unique(votes.item * T + votes.text) // T, minlength=items) > 1).any():
        found = _item_effects(votes, r, belongs)
    else:
        found = np.asarray(r @ belongs) / np.maximum(count, 1)
    found[:, count == 0] = np.nan
    return found


def standing(
    votes: PersonalVotes,
    rewards: NDArray[np.float32],
    part: Longs,
    weight: Floats | None = None,
) -> Floats:
    """Score float64[K] in [0, 1] from rewards [B, M] of people who count `weight` times."""
    many = np.ones(len(rewards)) if weight is None else weight
    total = np.zeros(len(part))
    for start in range(0, len(rewards), PEOPLE_AT_ONCE):
        block = slice(start, start + PEOPLE_AT_ONCE)
        worth = _worth(item_rewards(votes, rewards[block], len(part)), part)
        total += many[block] @ worth
    return np.asarray(total / many.sum())


def _worth(u: Floats, part: Longs) -> Floats:
    """W[B, K] among the items of the same part; NaN outside."""
    W = np.full(u.shape, np.nan)
    for members in _parts_of_one_size(part):
        values = u[:, members]
        size = members.shape[1]
        if size == 1:
            W[:, members] = np.where(np.isnan(values), np.nan, 0.5)
        elif size <= EXACT_RIVALS:
            wins = expit(values[:, :, :, None] - values[:, :, None, :]).sum(axis=3)
            W[:, members] = (wins - 0.5) / (size - 1)
        else:
            level = (np.arange(QUANTILES) + 0.5) / QUANTILES
            rivals = np.moveaxis(np.quantile(values, level, axis=2), 0, 2)
            for at in range(0, size, EXACT_RIVALS):
                some = slice(at, at + EXACT_RIVALS)
                gap = values[:, :, some, None] - rivals[:, :, None, :]
                W[:, members[:, some]] = expit(gap).mean(axis=3)
    return W


def _parts_of_one_size(part: Longs) -> Iterator[Longs]:
    """Members of connected parts, [parts, size] for each size that occurs, some parts at a time."""
    seen = np.flatnonzero(part >= 0)
    order = seen[np.argsort(part[seen], kind="stable")]
    sizes = np.bincount(part[seen])
    ends = np.cumsum(sizes)
    for size in np.unique(sizes[sizes > 0]).tolist():
        starts = (ends - sizes)[sizes == size]
        at_once = max(1, 200_000 // (size * min(size, EXACT_RIVALS)))
        for first in range(0, len(starts), at_once):
            rows = starts[first : first + at_once]
            yield order[rows[:, None] + np.arange(size)]


def _item_effects(votes: PersonalVotes, r: Floats, belongs: sparse.csr_array) -> Floats:
    """Least-squares item effects of r = item + context, mean 0 over what the data can't tell."""
    T = len(votes.text)
    contexts, at = np.unique(votes.context, return_inverse=True)
    within = sparse.csr_array((np.ones(T), (np.arange(T), at)), shape=(T, len(contexts)))
    size = np.bincount(at)
    centred = r - (np.asarray(r @ within) / size)[:, at]
    together = np.asarray((belongs.T @ within).todense())
    system = np.diag(together.sum(axis=1)) - (together / size) @ together.T
    return np.asarray(np.asarray(centred @ belongs) @ np.linalg.pinv(system, hermitian=True))
