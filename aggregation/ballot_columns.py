"""Rankings as columns: one ballot per judgment, with what was shown and what was placed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from aggregation.evidence_columns import Chunk, Names, Part, coded
from aggregation.placements import Longs, Placed
from aggregation.tables import Ballots
from annotation.evidence import Evidence, Ranking

UNPLACED = -1


class Rankings:
    """Columns of ballots. A ballot with an unknown system, or one system twice, is left out whole:
    to drop a line of it would change what it says of the others.
    """

    def __init__(self, placed: Placed) -> None:
        self.placed = placed
        self.columns: list[tuple[Any, ...]] = []
        self.exclusions: dict[str, int] = {}
        self.seen = 0

    def add(self, chunk: Chunk) -> None:
        spread = chunk.spread_codes([_lines(said) for said in chunk.said])
        if spread is not None:
            row, (position, tier) = spread
            place = chunk.place[row]
            thing = self.placed.thing[self.placed.start[place] + position]
            kept = self._whole(row, thing)
            columns = (
                row + self.seen,
                thing,
                tier,
                chunk.annotator[row],
                self.placed.prompt[place],
            )
            self.columns.append(tuple(column[kept] for column in columns))
        self.seen += len(chunk.payload)

    def _whole(self, row: Longs, thing: Longs) -> Any:
        """Which lines belong to ballots that name every system, each once."""
        order = np.lexsort((thing, row))
        again = (np.diff(row[order]) == 0) & (np.diff(thing[order]) == 0)
        unknown = np.unique(row[thing == 0])
        repeated = np.setdiff1d(row[order][1:][again], unknown)
        for reason, ballots in (("no_system", unknown), ("same_system", repeated)):
            if len(ballots):
                self.exclusions[reason] = self.exclusions.get(reason, 0) + len(ballots)
        return ~np.isin(row, np.concatenate([unknown, repeated]))

    def parts(self, names: Names) -> Iterator[Part]:
        if not any(len(columns[0]) for columns in self.columns):
            return
        ballot, thing, tier, annotator, prompt = map(
            np.concatenate, zip(*self.columns, strict=True)
        )
        things = np.unique(thing)
        items = names.items(things)
        keys, code = coded(things, [item.key for item in items])
        ballots, first = np.unique(ballot, return_index=True)
        listed = tier != UNPLACED
        table = Ballots.from_arrays(
            _pointers(ballot[listed], ballots),
            code(thing[listed]),
            tier[listed],
            annotator=names.annotator_code(annotator[first]),
            annotator_ids=names.annotators,
            group=names.prompt_code(prompt[first]),
            group_ids=names.prompts,
            shown_ptr=_pointers(ballot, ballots),
            shown=code(thing),
            ids=keys,
        )
        yield Part(table, {item.key: item for item in items})


def _lines(said: list[Evidence]) -> list[tuple[int, int]]:
    """(position, tier) of everything shown, UNPLACED where the ranking doesn't name it."""
    lines = []
    for ranking in said:
        if isinstance(ranking, Ranking):
            tier_of = {who: rank for rank, tier in enumerate(ranking.tiers) for who in tier}
            lines += [(who, tier_of.get(who, UNPLACED)) for who in ranking.shown]
    return lines


def _pointers(ballot: Longs, ballots: Longs) -> Longs:
    """Where the lines of each ballot begin; `ballot` ascends."""
    return np.append(np.searchsorted(ballot, ballots), len(ballot))
