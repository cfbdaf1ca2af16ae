"""The people of a project as their reviewers see them: counted from the log each time."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.db.models import Case, F, IntegerField, OuterRef, Subquery, Sum, TextField, When
from django.db.models.functions import Cast, Coalesce, Length

from annotation.assignment.agreement import Outcomes
from annotation.catalogue import JUDGMENT_TYPES
from annotation.checking import agreement_with
from annotation.models import (
    Annotator,
    AssignmentPurpose,
    Judgment,
    Placement,
    Project,
    Standing,
)
from annotation.progress import Pace, people
from annotation.quality.flags import Act, Flag, flags
from annotation.quality.pairs import Agreements, Said, Tally, compare
from annotation.quality.shares import Share
from annotation.settling import outcomes_of

MOST_READ = 20_000  # newest judgments looked at for agreement and flags
MOST_ACTS = 500  # newest answers of each person that the rules look at
MOST_SHOWN = 20  # people in the heat map


@dataclass(frozen=True, slots=True)
class Member:
    """One annotator: pace, agreement with others, score on known answers, what is worth a look."""

    pace: Pace
    agreement: Share | None
    gold: Share | None
    flags: Sequence[Flag]
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Two people in the heat map. `level` 0 to 4 shades it; None where nothing is in common."""

    share: Share | None
    level: int | None
    other: Annotator
    own: bool


@dataclass(frozen=True, slots=True)
class HeatRow:
    annotator: Annotator
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Team:
    """All members, how they agree, and of how many judgments that was read.

    `is_partial` says that there are older judgments than the newest that were read.
    """

    members: Sequence[Member]
    agreements: Agreements
    overall: Share | None
    heat: Sequence[HeatRow]
    read: int
    is_partial: bool
    left_out: int

    @property
    def has_gold(self) -> bool:
        return any(member.gold for member in self.members)

    @property
    def endings(self) -> int:
        made = self.agreements
        return made.unanimous + made.majority + made.split


def team(project: Project) -> Team:
    """The project's people, most judgments first, with what can be said about their answers."""
    rows = _newest(project)
    agreements = compare(
        Said(
            row["question_id"],
            row["annotator_id"],
            outcomes_of_text(row["judgment_type"], row["text"]),
        )
        for row in rows
    )
    acts = _acts(rows)
    gold = _gold(project)
    withdrawn = set(project.withdrawals.values_list("annotator", flat=True))
    paces = people(project)
    members = [
        Member(
            pace,
            _share(agreements.by_annotator.get(pace.annotator.pk)),
            _share(gold.get(pace.annotator.pk)),
            flags(acts.get(pace.annotator.pk, [])),
            pace.annotator.pk in withdrawn,
        )
        for pace in paces
    ]
    shown = [pace.annotator for pace in paces if pace.annotator.pk in agreements.by_annotator]
    return Team(
        members=members,
        agreements=agreements,
        overall=agreements.overall.share(),
        heat=_heat(shown[:MOST_SHOWN], agreements),
        read=len(rows),
        is_partial=len(rows) == MOST_READ,
        left_out=max(0, len(shown) - MOST_SHOWN),
    )


def flagged(project: Project, slug: str) -> list[int]:
    """The annotators to whose newest answers the rule `slug` has something to say."""
    acts = _acts(_newest(project))
    return [who for who, each in acts.items() if any(flag.slug == slug for flag in flags(each))]


def _share(tally: Tally | None) -> Share | None:
    return tally.share() if tally else None


def _newest(project: Project) -> list[dict[str, Any]]:
    """The newest counted judgments, oldest of them first, with the length of what was shown."""
    texts = (
        Placement.objects.filter(question=OuterRef("question"), written_in__isnull=True)
        .order_by()
        .values("question")
        .annotate(length=Sum(Length("candidate__text")))
        .values("length")
    )
    found = (
        Judgment.objects.counted()
        .filter(question__project=project)
        .order_by("-position")
        .annotate(
            text=Cast("payload", TextField()),
            characters=Coalesce(Subquery(texts, output_field=IntegerField()), 0),
            # Imported judgments carry no times of their own making; models aren't watched.
            ms=Case(When(source__in=["browser", "api"], then=F("elapsed_ms"))),
        )
        .values(
            "question_id",
            "annotator_id",
            "annotator__kind",
            "judgment_type",
            "text",
            "shown_order",
            "reason",
            "ms",
            "characters",
        )[:MOST_READ]
    )
    rows: list[Any] = list(found)
    return rows[::-1]


@lru_cache(maxsize=4096)
def outcomes_of_text(judgment_type: str, text: str) -> Outcomes:
    """The outcomes of a payload given as the database's own text of it; the same ones are kept."""
    return outcomes_of(judgment_type, orjson.loads(text))


def _acts(rows: Iterable[dict[str, Any]]) -> dict[int, list[Act]]:
    acts: dict[int, list[Act]] = defaultdict(list)
    for row in rows:
        if row["annotator__kind"] == "model":
            continue
        shown = row["shown_order"]
        acts[row["annotator_id"]].append(
            Act(
                elapsed_ms=row["ms"],
                characters=row["characters"],
                chose_first=_chose_first(row["judgment_type"], row["text"], tuple(shown or ())),
                signature=_signature(row["judgment_type"], row["text"], tuple(shown or ())),
                reason=row["reason"],
            )
        )
    return {annotator: each[-MOST_ACTS:] for annotator, each in acts.items()}


@lru_cache(maxsize=4096)
def _chose_first(judgment_type: str, text: str, shown: tuple[int, ...]) -> bool | None:
    """Whether the response shown first won, where exactly two were shown and one of them won."""
    if len(shown) != 2:
        return None
    outcomes = outcomes_of_text(judgment_type, text)
    winner = outcomes.get(("pair", 0, 1))
    if not winner:
        return None
    return (winner == 1) == (shown[0] == 0)


@lru_cache(maxsize=4096)
def _signature(judgment_type: str, text: str, shown: tuple[int, ...]) -> str:
    """The answer as it stood on the screen; as it is kept, where no order was."""
    if not shown:
        return text
    said = JUDGMENT_TYPES[judgment_type].form_data(orjson.loads(text), shown)
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()


def _gold(project: Project) -> dict[int, Tally]:
    tallies: dict[int, Tally] = defaultdict(Tally)
    answers = Judgment.objects.filter(
        question__project=project,
        standing=Standing.CHECK,
        assignment__purpose=AssignmentPurpose.GOLD,
        supersedes__isnull=True,  # the first answer: a later one may have been told
        question__gold_answer__isnull=False,
        question__gold_answer__retired_at__isnull=True,
    ).select_related("question__gold_answer")
    for answer in answers.order_by("-position")[:MOST_READ]:
        known = answer.question.gold_answer
        known.question = answer.question
        tallies[answer.annotator_id].add(agreement_with(known, answer.payload))
    return tallies


def _heat(shown: Sequence[Annotator], agreements: Agreements) -> list[HeatRow]:
    def cell(one: Annotator, other: Annotator) -> Cell:
        pair = (min(one.pk, other.pk), max(one.pk, other.pk))
        found = _share(agreements.by_pair.get(pair)) if one.pk != other.pk else None
        level = None if found is None else min(4, int(found.value * 5))
        return Cell(found, level, other, own=one.pk == other.pk)

    return [HeatRow(one, [cell(one, other) for other in shown]) for one in shown]
