"""Ratings as columns: one score per judgment and response, over the criteria that were rated."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from aggregation.evidence_columns import MOST_CRITERIA, Chunk, Names, Part, coded
from aggregation.placements import Longs, Placed
from aggregation.tables import Ratings
from annotation.evidence import Evidence, Rating
from annotation.phrases import say

SEVERAL_CRITERIA = say(
    "ratings on several criteria or scales into one score from 0 to 1 per "
    "annotator and response: each rescaled by its ends, then averaged by the "
    "criteria's weights"
)


class Scores:
    """Columns of ratings. One criterion on one scale stays as it is; several become one score.

    With `lines` only answers to these lines of rubrics are kept.
    """

    def __init__(self, placed: Placed, lines: Longs | None = None) -> None:
        self.placed, self.lines = placed, lines
        self.columns: list[tuple[Any, ...]] = []
        self.seen = 0

    def add(self, chunk: Chunk) -> None:
        spread = chunk.spread_codes([_lines(said) for said in chunk.said], np.float64)
        if spread is not None:
            row, (at, criterion, value, low, high) = spread
            place = chunk.place[row]
            thing = self.placed.thing[self.placed.start[place] + at.astype(np.int64)]
            line = self.placed.rubric[place] * MOST_CRITERIA + criterion.astype(np.int64)
            columns = (
                row + self.seen,
                thing,
                line,
                value,
                low,
                high,
                chunk.annotator[row],
                self.placed.prompt[place],
            )
            known = thing > 0
            if self.lines is not None:
                known &= np.isin(line, self.lines)
            self.columns.append(tuple(column[known] for column in columns))
        self.seen += len(chunk.payload)

    def parts(self, names: Names) -> Iterator[Part]:
        if not any(len(columns[0]) for columns in self.columns):
            return
        judgment, thing, line, value, low, high, annotator, prompt = map(
            np.concatenate, zip(*self.columns, strict=True)
        )
        things, what = np.unique(thing, return_inverse=True)
        _, first, sheet = np.unique(
            judgment * len(things) + what, return_index=True, return_inverse=True
        )
        alike = len(np.unique(line)) == 1 and low.min() == low.max() and high.min() == high.max()
        if alike:
            score = np.bincount(sheet, value) / np.bincount(sheet)
            lo, hi = float(low[0]), float(high[0])
        else:
            weight = names.read_criteria(line)(line)
            total = np.bincount(sheet, weight)
            score = np.bincount(sheet, weight * (value - low) / (high - low)) / total
            score, lo, hi = np.clip(score, 0.0, 1.0), 0.0, 1.0
        items = names.items(things)
        keys, code = coded(things, [item.key for item in items])
        kept = np.isfinite(score)
        table = Ratings.from_arrays(
            code(thing[first[kept]]),
            names.annotator_code(annotator[first[kept]]),
            score[kept],
            annotator_ids=names.annotators,
            group=names.prompt_code(prompt[first[kept]]),
            group_ids=names.prompts,
            lo=lo,
            hi=hi,
            ids=keys,
        )
        conversions = () if alike else (SEVERAL_CRITERIA,)
        yield Part(table, {item.key: item for item in items}, conversions)


def _lines(said: list[Evidence]) -> list[tuple[float, ...]]:
    return [
        (rating.candidate, rating.criterion, rating.value, rating.low, rating.high)
        for rating in said
        if isinstance(rating, Rating)
    ]
