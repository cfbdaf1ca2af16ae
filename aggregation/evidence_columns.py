"""Evidence as columns: what judgments of a few distinct payloads say, spread over their rows.

A payload says its evidence about *positions*, and few different payloads occur, so each is read by
its judgment type once per chunk and spread over the rows that carry it by array operations.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from aggregation.packed_texts import BETWEEN, read_texts
from aggregation.placements import Longs, Placed, distinct, lookup, newest
from aggregation.streaming import Columns, stream
from aggregation.tables import Comparisons, Labels, Ratings, Table
from annotation.catalogue import JUDGMENT_TYPES
from annotation.evidence import Answer, Comparison, Evidence, Label
from annotation.models import (
    Annotator,
    Candidate,
    Criterion,
    Project,
    Prompt,
    System,
)
from annotation.phrases import say

UNKNOWN = -1  # code of a thing of which nobody says what it is
LONGEST_NAME = 4 * cast(int, Prompt._meta.get_field("external_id").max_length)  # bytes
MOST_PLACES = 64  # more candidates than any judgment type places
MOST_CRITERIA = 1 << 20

ANSWERS = {Answer.NO: 0, Answer.YES: 1, Answer.NOT_APPLICABLE: -1}
LABEL_IDS = ("no", "yes")
CHECKLIST_SCORES = say("checklist answers into one score per annotator and response")


Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Item:
    """What a score is about. `key` is its id in the table and in the result."""

    key: Any
    system_id: int | None = None
    candidate_id: int | None = None


@dataclass(frozen=True)
class Part:
    """One table, with its items by key and what had to be done to the evidence to get it."""

    table: Table
    items: dict[Any, Item]
    conversions: tuple[str, ...] = ()


class Chunk:
    """Some judgments as columns, and the evidence of their distinct payloads."""

    def __init__(self, columns: Columns, placed: Placed) -> None:
        self.place = placed.place_of(columns.integers["question_id"])
        self.annotator = columns.integers["annotator_id"]
        self.profile = columns.integers["profile_id"]
        self.first = columns.integers["first"] - 1
        self.confidence = columns.floats["confidence"]
        self.payload, said = columns.texts["said"]
        self.said = [_evidence(*each.split(BETWEEN, 1)) for each in said]

    def spread(self, of: type[Evidence], encode: Callable[[Any], tuple[int, ...]]) -> Any:
        """(rows, evidence columns) of one kind of evidence, in order of the log."""
        return self.spread_codes(
            [[encode(e) for e in said if isinstance(e, of)] for said in self.said]
        )

    def spread_codes(
        self, lists: Sequence[Sequence[tuple[float, ...]]], dtype: type[Any] = np.int64
    ) -> Any:
        """(rows, code columns): the codes of each distinct payload, spread over its rows."""
        sizes = np.array([len(found) for found in lists], dtype=np.int64)
        if not sizes.any():
            return None
        flat = np.array([code for found in lists for code in found], dtype=dtype)
        if (sizes == 1).all():
            codes = np.ascontiguousarray(flat.T)
            return np.arange(len(self.payload)), [column.take(self.payload) for column in codes]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        per_row = sizes[self.payload]
        row = np.repeat(np.arange(len(per_row)), per_row)
        within = np.arange(len(row)) - np.repeat(np.cumsum(per_row) - per_row, per_row)
        return row, flat[starts[self.payload[row]] + within].T


def _evidence(judgment_type: str, text: str) -> list[Evidence]:
    return JUDGMENT_TYPES[judgment_type].evidence(orjson.loads(text), range(MOST_PLACES))


class Pairs:
    """Columns of comparisons, in numbers as short as hold them."""

    def __init__(self, placed: Placed) -> None:
        self.placed = placed
        self.things, self.code = _codes(placed.thing)
        self.columns: list[tuple[Any, ...]] = []
        self.exclusions: dict[str, int] = {}

    def add(self, chunk: Chunk) -> None:
        spread = chunk.spread(Comparison, lambda e: (e.a, e.b, e.strength, e.tie_kind))
        if spread is None:
            return
        row, (at_a, at_b, strength, tie_kind) = spread
        place = chunk.place.take(row)
        start, first = self.placed.start.take(place), chunk.first.take(row)
        a, b = self.code.take(start + at_a), self.code.take(start + at_b)
        columns = (
            a,
            b,
            strength.astype(np.int8),
            tie_kind.astype(np.int8),
            ((first == at_a).astype(np.int8) - (first == at_b)),
            chunk.annotator.take(row),
            place.astype(np.int32),
            chunk.confidence.take(row).astype(np.float32),
        )
        kept = self._kept(a, b)
        if not kept.all():
            columns = tuple(column[kept] for column in columns)
        self.columns.append(columns)

    def _kept(self, a: Codes, b: Codes) -> NDArray[np.bool_]:
        """Which pairs are of two known things, different ones; the others are counted."""
        unknown = (a == UNKNOWN) | (b == UNKNOWN)
        same = (a == b) & ~unknown
        for reason, rows in (("no_system", unknown), ("same_system", same)):
            if number := int(rows.sum()):
                self.exclusions[reason] = self.exclusions.get(reason, 0) + number
        return np.asarray(~(unknown | same))

    def parts(self, names: "Names") -> Iterator[Part]:
        if not any(len(columns[0]) for columns in self.columns):
            return
        seen = np.zeros(len(self.things), dtype=np.bool_)
        for a, b, *_ in self.columns:
            seen[a] = seen[b] = True
        items = names.items(self.things[seen])
        keys, code = coded(self.things[seen], [item.key for item in items])
        known = code(self.things)  # of things that weren't seen: some place
        prompt = names.prompt_code(self.placed.prompt)
        first, tie_kind = self._column(4, np.int8), self._column(3, np.int8)
        table = Comparisons.from_arrays(
            self._column(0, np.int32, known.take),
            self._column(1, np.int32, known.take),
            self._column(2, np.int8),
            annotator=self._column(5, np.int32, names.annotator_code),
            annotator_ids=names.annotators,
            group=self._column(6, np.int32, prompt.take),
            group_ids=names.prompts,
            first=first if first.any() else None,
            conf=_conf(self._column(7, np.float32)),
            tie_kind=tie_kind if tie_kind.any() else None,
            ids=keys,
        )
        yield Part(table, {item.key: item for item in items})

    def _column(
        self, at: int, dtype: type[Any], code: Callable[[Any], Any] | None = None
    ) -> NDArray[Any]:
        """One column of all chunks, each coded as it is put in its place."""
        whole = np.empty(sum(len(columns[at]) for columns in self.columns), dtype=dtype)
        start = 0
        for columns in self.columns:
            values = columns[at] if code is None else code(columns[at])
            whole[start : start + len(values)] = values
            start += len(values)
        return whole


def _codes(thing: Longs) -> tuple[Longs, Codes]:
    """The different things, ascending, and a place among them for each; UNKNOWN for 0."""
    things = distinct(thing[thing > 0])
    code = lookup(things)(thing).astype(np.int32)
    code[thing == 0] = UNKNOWN
    return things, code


class Answers:
    """Columns of checklist answers, as labels and as one score per judgment and response.

    With `lines` only answers to these lines of rubrics are kept.
    """

    def __init__(self, placed: Placed, lines: Longs | None = None) -> None:
        self.placed, self.lines = placed, lines
        self.columns: list[tuple[Any, ...]] = []
        self.seen = 0

    def add(self, chunk: Chunk) -> None:
        spread = chunk.spread(Label, lambda e: (e.candidate, e.criterion, ANSWERS[e.answer]))
        if spread is not None:
            row, (at, criterion, answer) = spread
            place = chunk.place[row]
            where = self.placed.start[place] + at
            columns = (
                self.placed.candidate[where],
                self.placed.thing[where],
                self.placed.rubric[place],
                criterion,
                answer,
                chunk.annotator[row],
                self.placed.prompt[place],
                row + self.seen,
            )
            if self.lines is not None:
                asked = columns[2] * MOST_CRITERIA + criterion
                kept = np.isin(asked, self.lines)
                columns = tuple(column[kept] for column in columns)
            if len(columns[0]):
                self.columns.append(columns)
        self.seen += len(chunk.payload)

    def parts(self, names: "Names") -> Iterator[Part]:
        if not self.columns:
            return
        candidate, thing, rubric, criterion, answer, annotator, prompt, judgment = map(
            np.concatenate, zip(*self.columns, strict=True)
        )
        line = rubric * MOST_CRITERIA + criterion
        weight = names.read_criteria(line)
        yield self._labels(names, candidate, line, answer, annotator)
        yield from self._scores(names, thing, weight(line), answer, annotator, prompt, judgment)

    def _labels(
        self, names: "Names", candidate: Longs, line: Longs, answer: Longs, annotator: Longs
    ) -> Part:
        lines = np.unique(line)
        cells, unit = np.unique(
            candidate * len(lines) + np.searchsorted(lines, line), return_inverse=True
        )
        owner = cells // len(lines)
        keys = [
            (*names.candidate(who), names.criterion(what))
            for who, what in zip(owner.tolist(), lines[cells % len(lines)].tolist(), strict=True)
        ]
        ordered, code = coded(np.arange(len(cells)), keys)
        table = Labels.from_arrays(
            code(unit),
            names.annotator_code(annotator),
            answer,
            annotator_ids=names.annotators,
            ids=ordered,
            label_ids=LABEL_IDS,
            group=np.searchsorted(lines, line),
            group_ids=[names.criterion(what) for what in lines.tolist()],
        )
        items = {
            key: Item(key, candidate_id=who) for key, who in zip(keys, owner.tolist(), strict=True)
        }
        return Part(table, items)

    def _scores(
        self,
        names: "Names",
        thing: Longs,
        weight: NDArray[np.float64],
        answer: Longs,
        annotator: Longs,
        prompt: Longs,
        judgment: Longs,
    ) -> Iterator[Part]:
        """Per judgment and response: weight of yes over that of yes and no; nothing for all NA."""
        known = (answer >= 0) & (thing > 0)
        if not known.any():
            return
        things, what = np.unique(thing[known], return_inverse=True)
        sheets, sheet = np.unique(judgment[known] * len(things) + what, return_inverse=True)
        w = weight[known]
        total = np.bincount(sheet, w)
        agreed = np.bincount(sheet, w * answer[known])
        first = np.zeros(len(sheets), dtype=np.int64)
        first[sheet[::-1]] = np.flatnonzero(known)[::-1]
        kept = total > 0
        items = names.items(things)
        keys, code = coded(things, [item.key for item in items])
        table = Ratings.from_arrays(
            code(thing[first[kept]]),
            names.annotator_code(annotator[first[kept]]),
            agreed[kept] / total[kept],
            annotator_ids=names.annotators,
            group=names.prompt_code(prompt[first[kept]]),
            group_ids=names.prompts,
            lo=0.0,
            hi=1.0,
            ids=keys,
        )
        yield Part(table, {item.key: item for item in items}, (CHECKLIST_SCORES,))


class Names:
    """The ids under which rows of the database appear in tables: never row numbers."""

    def __init__(
        self,
        project: Project,
        people: Longs,
        placed: Placed,
        called: Callable[[Longs], Sequence[Any]] | None = None,
    ) -> None:
        self.project, self.pooled = project, placed.pooled
        who = list(called(people)) if called else annotators_called(project, people)
        self.annotators, self.annotator_code = coded(people, who)
        prompts = distinct(placed.prompt)
        self.prompts, self.prompt_code = coded(prompts, _prompts(project, prompts))
        self._candidates: dict[int, tuple[str, str]] = {}
        self._criteria: dict[int, str] = {}

    def items(self, things: Longs) -> list[Item]:
        if self.pooled:
            named = dict(System.objects.filter(project=self.project).values_list("pk", "name"))
            return [Item(named[int(pk)], system_id=int(pk)) for pk in things]
        return [Item(self.candidate(int(pk)), candidate_id=int(pk)) for pk in things]

    def candidate(self, pk: int) -> tuple[str, str]:
        """(prompt, candidate) by their external ids."""
        if not self._candidates:
            rows = Candidate.objects.filter(prompt__project=self.project).values_list(
                "pk", "prompt__external_id", "external_id"
            )
            self._candidates = {row[0]: row[1:] for part in stream(rows) for row in part}
        return self._candidates[pk]

    def read_criteria(self, line: Longs) -> Callable[[Longs], NDArray[np.float64]]:
        """Learn the names of these rubric lines; returns the weights of lines."""
        rubrics = np.unique(line // MOST_CRITERIA).tolist()
        weights: dict[int, float] = {}
        rows = Criterion.objects.filter(rubric__in=rubrics).select_related("rubric")
        for criterion in rows:
            key = criterion.rubric_id * MOST_CRITERIA + criterion.position
            self._criteria[key] = f"{criterion.rubric} · {criterion.position + 1}"
            weights[key] = criterion.weight
        lines = np.unique(line)
        column = np.array([weights[int(key)] for key in lines])
        return lambda wanted: column[np.searchsorted(lines, wanted)]

    def criterion(self, line: int) -> str:
        return self._criteria[line]


def _prompts(project: Project, rows: Longs) -> list[str]:
    """The external ids of prompts, given by their rows, which ascend."""
    known, names = read_texts(
        Prompt.objects.filter(project=project).values("id", "external_id"),
        "id",
        "external_id",
        most=newest(Prompt) * LONGEST_NAME,
    )
    if np.array_equal(known, rows):
        return names
    return [names[at] for at in np.searchsorted(known, rows).tolist()]


def annotators_called(project: Project, people: Longs) -> list[str]:
    """The external ids of annotators, given by their rows."""
    external = dict(Annotator.objects.filter(project=project).values_list("pk", "external_id"))
    return [external[int(pk)] for pk in people]


def coded(
    values: Longs, keys: Sequence[Any]
) -> tuple[list[Any], Callable[[Longs], NDArray[np.int32]]]:
    """Keys in sorted order, and a map from their row numbers, which ascend, to their places."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    codes = np.empty(len(keys), dtype=np.int32)
    codes[order] = np.arange(len(keys), dtype=np.int32)
    place = lookup(values)
    return [keys[at] for at in order], lambda column: codes[place(column)]


def _conf(confidence: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Confidence in a choice between two can't be under one half: that would be the other one."""
    if np.isnan(confidence).all():
        return None
    return np.where(np.isnan(confidence), confidence, np.maximum(confidence, np.float32(0.5)))
