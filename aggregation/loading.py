"""From the log to tables: judgments come in packed blocks and become numpy columns."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import models
from django.db.models import F, TextField
from django.db.models.functions import Cast, Greatest, Least
from numpy.typing import NDArray

from aggregation.ballot_columns import Rankings
from aggregation.declared_columns import Voices
from aggregation.evidence_columns import (
    MOST_CRITERIA,
    MOST_PLACES,
    Answers,
    Chunk,
    Names,
    Pairs,
    Part,
)
from aggregation.method import Method
from aggregation.models import Items
from aggregation.placements import Placed, distinct, newest
from aggregation.rating_columns import Scores
from aggregation.streaming import Columns, stream_columns
from aggregation.tables import Ballots, Comparisons, Labels, Ratings, Table, convert
from annotation.consent import withdrawn
from annotation.models import Annotator, Criterion, Judgment, Project, Question, Standing
from annotation.phrases import say

Watch = Callable[[int], None]
MOST_FIRST = MOST_PLACES + 1  # the position shown first, counted from 1
FEW_PEOPLE = 2_000  # annotators whose judgments are looked for by name, sooner than by a join
WITHDRAWN = "withdrawn"  # why judgments of people who left take no part


class NothingToRead(Exception):
    """The selected judgments hold no evidence that the method can read; the text says why."""


@dataclass(frozen=True)
class EvidenceTables:
    """The evidence of a project up to a mark, as tables: at most one of each kind.

    `exclusions` counts evidence that no table could hold, by reason.
    """

    parts: tuple[Part, ...]
    judgments: int
    annotators: int
    exclusions: dict[str, int]

    def part_for(self, method: Method) -> Part:
        """The table this method reads best. Raises NothingToRead with a sentence without one."""
        natural = [part for part in self.parts if isinstance(part.table, method.consumes)]
        legal = [part for part in self.parts if method.accepts(type(part.table))]
        for part in natural + legal:
            return part
        if self.judgments == 0:
            raise NothingToRead(
                say(
                    "No judgments match this selection, so there is nothing to add up. "
                    "Collect some, or choose other kinds of annotators."
                )
            )
        if self.exclusions.get("no_system"):
            raise NothingToRead(
                say(
                    "None of the judged responses says which system wrote it, so systems "
                    "can't be scored. Score the responses within each prompt instead."
                )
            )
        raise NothingToRead(
            say(
                "“%(method_title)s” can't read this project's kind of judgment without "
                "inventing something. Choose one of the methods that the start form "
                "offers.",
                method_title=method.title,
            )
        )


def load(
    project: Project,
    *,
    mark: int,
    kinds: Sequence[str],
    items: str = Items.SYSTEMS,
    criterion: str = "",
    attribute: str | None = None,
    voices: Voices | None = None,
    withdrawals: int = 0,
    watch: Watch | None = None,
) -> EvidenceTables:
    """Read the counted judgments up to `mark` by annotators of these kinds.

    `items` pools candidates by the system that wrote them, or keeps them apart. With a `criterion`
    only answers to criteria of this text are read; NothingToRead where no rubric asks it. `watch`
    is called with the number of judgments read after every chunk; what it raises ends the reading.
    With an `attribute` all evidence is turned into comparisons whose contexts are its values, as
    annotators had declared them when they judged; TableError when nobody ever did. With `voices`
    people are split by what they had declared, and stay so: their ids are (annotator, value).
    Judgments of the first `withdrawals` people who withdrew are left out and counted as such.
    Memory is some dozen bytes per judgment; nothing that came after the mark is looked at.
    """
    placed = Placed(project, pooled=items == Items.SYSTEMS)
    lines = _lines_of(project, criterion) if criterion else None
    pairs, answers = Pairs(placed), Answers(placed, lines)
    rankings, ratings = Rankings(placed), Scores(placed, lines)
    joining = None if attribute is None else Voices(project, attribute)
    voices = voices or joining
    done, people = 0, np.zeros(0, dtype=np.int64)
    gone = withdrawn(project, first=withdrawals) if withdrawals else []
    for block in _blocks(project, mark, kinds, gone):
        chunk = Chunk(block.rows(placed.knows(block.integers["question_id"])), placed)
        if voices is not None:
            voices.split(chunk)
        for columns in (pairs, answers, rankings, ratings):
            columns.add(chunk)
        people = distinct(people, chunk.annotator)
        done += len(chunk.payload)
        if watch is not None:
            watch(done)
    names = Names(project, people, placed, voices.called if voices else None)
    parts = [
        part for columns in (pairs, answers, rankings, ratings) for part in columns.parts(names)
    ]
    heads = len(people)
    if voices is not None:
        heads = voices.people(people)
    if joining is not None:
        parts = [joined for part in parts if (joined := joining.joined(part)) is not None]
    exclusions = Counter(pairs.exclusions) + Counter(rankings.exclusions)
    if gone:
        left_out = _judgments(project, mark, kinds).filter(annotator__in=gone)
        exclusions += Counter({WITHDRAWN: left_out.count()})
    return EvidenceTables(tuple(parts), done, heads, dict(exclusions))


def criteria(project: Project, most: int = 1_000) -> list[str]:
    """The texts of the criteria in this project's rubrics, in order, of the first `most` lines."""
    lines = Criterion.objects.filter(rubric__project=project).order_by("rubric_id", "position")
    return list(dict.fromkeys(lines.values_list("text", flat=True)[:most]))


def _lines_of(project: Project, criterion: str) -> NDArray[np.int64]:
    """The lines of rubrics that ask this. Raises NothingToRead without any."""
    rows = Criterion.objects.filter(rubric__project=project, text=criterion)
    lines = [rubric * MOST_CRITERIA + at for rubric, at in rows.values_list("rubric", "position")]
    if not lines:
        raise NothingToRead(
            say(
                "No rubric of this project asks “%(criterion)s” any more, so there is "
                "nothing to read.",
                criterion=criterion,
            )
        )
    return np.array(lines, dtype=np.int64)


def count(project: Project, *, mark: int, kinds: Sequence[str], withdrawals: int = 0) -> int:
    """How many judgments `load` would read."""
    gone = withdrawn(project, first=withdrawals) if withdrawals else []
    return _judgments(project, mark, kinds, gone).count()


def judged(table: Table) -> NDArray[np.int64]:
    """Answers behind each id of a table."""
    size = len(table.ids)
    if isinstance(table, Comparisons):
        if table.weight is None and size * size <= len(table):  # then a method counted them, too
            return np.asarray(table.pair_counts().games.sum(axis=1).astype(np.int64))
        return np.bincount(table.a, minlength=size) + np.bincount(table.b, minlength=size)
    if isinstance(table, Ballots):
        return np.bincount(table.item if table.shown is None else table.shown, minlength=size)
    if isinstance(table, Labels):
        return np.bincount(table.unit[table.label >= 0], minlength=size)
    if isinstance(table, Ratings):
        return np.bincount(table.unit, minlength=size)
    raise TypeError(f"{type(table).__name__} doesn't say how often an item was judged.")


def judged_by_id(table: Table, method: Method) -> dict[Hashable, int]:
    """Answers behind each id of the method's result, which may speak of pairs instead of items."""
    counts = dict(zip(table.ids, judged(table).tolist(), strict=True))
    if not isinstance(table, method.consumes):
        read, _ = convert(table, method.consumes)
        if isinstance(read, Labels | Ratings) and read.ids != table.ids:
            counts |= zip(read.ids, judged(read).tolist(), strict=True)
    return counts


def _judgments(
    project: Project, mark: int, kinds: Sequence[str], gone: Sequence[int] = ()
) -> models.QuerySet[Judgment]:
    return _said_by(project, mark, kinds, gone).filter(question__project=project)


def _said_by(
    project: Project, mark: int, kinds: Sequence[str], gone: Sequence[int]
) -> models.QuerySet[Judgment]:
    """Counted judgments by the project's people."""
    log = Judgment.objects
    amended = log.filter(supersedes__isnull=False, position__lte=mark).exists()
    counted = (
        log.up_to(mark)
        if amended  # looking for what replaces each judgment doubles the time
        else log.filter(standing=Standing.COUNTED, position__lte=mark)
    )
    people = Annotator.objects.filter(project=project, kind__in=list(kinds))
    if gone:
        people = people.exclude(pk__in=list(gone))
    few = list(people.order_by("pk").values_list("pk", flat=True)[: FEW_PEOPLE + 1])
    return counted.filter(annotator__in=few if 0 < len(few) <= FEW_PEOPLE else people)


def _blocks(
    project: Project, mark: int, kinds: Sequence[str], gone: Sequence[int]
) -> Iterator[Columns]:
    # Whose questions they are is looked up in memory: the database would hash them all for it.
    # What judgments up to the mark name was there before them, so none exceeds what is newest now.
    rows = _said_by(project, mark, kinds, gone).values(
        "judgment_type",
        "position",
        "question_id",
        "annotator_id",
        "profile_id",
        "confidence",
        # GREATEST takes no notice of NULL; positions that no judgment type has are all alike.
        first=Least(Greatest(F("shown_order__0"), -1) + 1, MOST_FIRST),
        said=Cast("payload", TextField()),
    )
    return stream_columns(
        rows,
        order=("position",),
        integers=("position", "question_id", "annotator_id", "profile_id", "first"),
        floats=("confidence",),
        texts={"said": ("judgment_type", "said")},
        rare=("profile_id", "confidence"),
        within={
            "position": mark,
            "question_id": newest(Question),
            "annotator_id": newest(Annotator),
            "first": MOST_FIRST,
        },
        at_most=mark,
    )
