"""Which rows share a batch. Pure.

Padding a batch of very different lengths leaves most of it empty. Rows of like length are put
together up to a budget of tokens; packed rows stand one behind the other and need no padding.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

R = TypeVar("R")


def batches(
    rows: Sequence[R],
    length: Callable[[R], int],
    *,
    new: int,
    token_budget: int,
    max_batch: int,
) -> Iterator[list[R]]:
    """Rows, longest first, in batches whose rows × (longest + new) stay within the budget.

    A row that exceeds the budget alone is a batch of its own.
    """
    batch: list[R] = []
    longest = 0
    for row in sorted(rows, key=length, reverse=True):
        longest = longest or length(row) + new
        if batch and ((len(batch) + 1) * longest > token_budget or len(batch) >= max_batch):
            yield batch
            batch, longest = [], length(row) + new
        batch.append(row)
    if batch:
        yield batch


def packs(rows: Sequence[R], length: Callable[[R], int], *, token_budget: int) -> Iterator[list[R]]:
    """Rows, longest first, in packs whose lengths add up to the budget at most.

    A row that exceeds the budget alone is a pack of its own.
    """
    pack: list[R] = []
    total = 0
    for row in sorted(rows, key=length, reverse=True):
        if pack and total + length(row) > token_budget:
            yield pack
            pack, total = [], 0
        pack.append(row)
        total += length(row)
    if pack:
        yield pack
