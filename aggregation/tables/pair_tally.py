"""Counting raw columns of many comparisons without ties or weights, with no key built per row.

scipy turns (row, column, value) triples into a dense matrix in one compiled loop that reads the two
item columns as they are. The value of a row packs two counters into one number, one game and one
win if the first-named item won, so a single pass counts both. Where outcomes are +1 and -1, their
own bytes are such a value: read without its sign, -1 is 255, and the sum is won + 255 lost.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.tables.columns import Bytes, Floats, Ints

FEW = 256  # items up to which a matrix of counters stays in the processor's cache
SHORT = (1 << 16) - 1  # rows of which no counter of 16 bits overflows
PART = 1 << 19  # rows at a time: they stay in the cache, and calls cost little beside them
LOSS = np.uint16(255)  # the byte of -1: what a lost row adds to a counter of 16 bits, a won one 1
ROOM = 128  # rows for each cell of a part of such counters: half of what a cell's wins may be
WORTH = 1 << 18  # rows of a part below which calls cost more than the shorter counters save
WON_BITS = np.uint32(16)  # the lower half of a counter holds wins, the upper half games
WON, GAME = np.uint32(SHORT), np.uint32(1 << 16)
LONG = 1 << 22  # rows at a time where the matrix is large


def suits(y: NDArray[Any], weight: Floats | None, K: int) -> bool:
    """Whether `tally` can count these rows, and does it sooner than a key per row would."""
    if weight is not None or y.dtype != np.int8 or len(y) < max(1, 2 * K * K):
        return False
    return bool(y.view(np.uint8).min())  # no ties; found sooner than by their number


def tally(a: Ints, b: Ints, y: Bytes, K: int) -> Floats:
    """Wins [i, j] of rows that name items 0 … K-1 (y: + a won, - b won). The items were checked."""
    games, won = _tally_few(a, b, y, K) if K <= FEW else _tally_many(a, b, y, K)
    games -= won  # what is left was lost
    return np.asarray(np.add(won, games.T, dtype=np.float64))


def tally_unchecked(a: Ints, b: Ints, y: Bytes, K: int) -> Floats | None:
    """As `tally` for at most FEW items, of rows not checked yet; None where a row names an item
    beyond K or compares one with itself. One reading of the columns checks and counts them.
    """
    counted = _tally_few(a, b, y, K, check=True)
    if counted is None:
        return None
    games, won = counted
    if games.diagonal().any():
        return None
    games -= won
    return np.asarray(np.add(won, games.T, dtype=np.float64))


def _tally_few(a: Ints, b: Ints, y: Bytes, K: int, check: bool = False) -> Any:
    """(games, wins) of pairs, uint32[K, K]; None where a check finds a number beyond K."""
    games, wins = np.zeros((2, K, K), dtype=np.uint32)
    by_signs = ROOM * K * K >= WORTH and y.max() <= 1 and y.min() >= -1
    most = min(PART, ROOM * K * K) if by_signs else PART
    size = -(-len(y) // -(-len(y) // most))  # equal parts
    add = (_SignCounters if by_signs else _GameCounters)(K, size).add
    for start in range(0, len(y), size):
        part = slice(start, start + size)
        if check and max(a[part].view(np.uint32).max(), b[part].view(np.uint32).max()) >= K:
            return None  # a negative number is a large one without its sign
        add(a[part], b[part], y[part], games, wins)
    return games, wins


class _SignCounters:
    """Counters of 16 bits for outcomes of +1 and -1, at most `size` rows at a time."""

    def __init__(self, K: int, size: int) -> None:
        self.cells = sparse.coo_array((K, K), dtype=np.uint16)
        self.held = np.empty(size, np.uint16)

    def add(self, a: Ints, b: Ints, y: Bytes, games: NDArray[Any], wins: NDArray[Any]) -> None:
        """Add the rows to both tables, by longer counters where one overflowed.

        A cell's number is read as won + 255 lost with won < 255. Every 255 wins read as one loss
        leave 254 games fewer, and so does each turn beyond the top (2**16 = 1 + 257 * 255) by at
        least 4. The games found are as many as the rows only where neither happened.
        """
        value = self.held[: len(y)]
        value[...] = y.view(np.uint8)
        found = _summed(self.cells, a, b, value)
        lost = found // LOSS
        won = found - lost * LOSS
        played = won + lost
        if int(played.sum(dtype=np.int64)) == len(y):
            games += played
            wins += won
        else:
            _GameCounters(len(games), len(y)).add(a, b, y, games, wins)


class _GameCounters:
    """Counters of 32 bits for outcomes of any strength, at most `size` rows at a time."""

    def __init__(self, K: int, size: int) -> None:
        self.cells = sparse.coo_array((K, K), dtype=np.uint32)
        self.held, self.won = np.empty(size, np.uint32), np.empty(size, np.bool_)

    def add(self, a: Ints, b: Ints, y: Bytes, games: NDArray[Any], wins: NDArray[Any]) -> None:
        """Add the rows to both tables, in short parts where a counter overflowed.

        Were r cells' wins carried into their games, and c games lost beyond the top, the games
        found would be `rows + r - 2**16 * c`, and r is at most rows / 2**16 < 2**16: they are as
        many as the rows only where nothing overflowed.
        """
        value = self.held[: len(y)]
        value[...] = np.greater(y, 0, out=self.won[: len(y)])
        value += GAME
        found = _summed(self.cells, a, b, value)
        played = found >> WON_BITS
        if int(played.sum(dtype=np.int64)) == len(y):
            games += played
            wins += found & WON
            return
        for start in range(0, len(y), SHORT):
            part = slice(start, start + SHORT)
            found = _summed(self.cells, a[part], b[part], value[part])
            games += found >> WON_BITS
            wins += found & WON


def _tally_many(a: Ints, b: Ints, y: Bytes, K: int) -> tuple[NDArray[Any], NDArray[Any]]:
    total: Any = None
    cells = sparse.coo_array((K, K), dtype=np.uint64)
    for start in range(0, len(y), LONG):
        part = slice(start, start + LONG)
        value = (y[part] > 0).astype(np.uint64)
        value += np.uint64(1 << 32)
        found = _summed(cells, a[part], b[part], value)
        total = found if total is None else np.add(total, found, out=total)
    return (total >> np.uint64(32)).astype(np.uint32), total.astype(np.uint32)


def _summed(cells: Any, row: Ints, column: Ints, value: NDArray[Any]) -> NDArray[Any]:
    """Sum of the values per cell of a matrix. Set this way, scipy takes the indices on trust."""
    cells.coords, cells.data = (row, column), value
    return np.asarray(cells.toarray())
