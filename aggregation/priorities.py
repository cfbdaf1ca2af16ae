"""Ordering a project's open questions by what their answers would teach: aggregation writes
`Question.priority`, the queue obeys.

Nothing happens unless an owner switches steering on. A round reads the log up to its mark, draws an
order by the rule and the floor, writes the log of changes first and the priorities after it, so a
killed worker's successor finishes exactly what was logged. Questions that aren't drawn, or all of
them once steering is off, have their own priority (`base`) back.
"""

import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, models, transaction
from numpy.typing import NDArray

from aggregation import loading
from aggregation.diagnostics.next_pair import (
    RULES,
    draw_order,
    posterior,
    question_worth,
    shares,
    with_floor,
)
from aggregation.known_groups import newest_groups, places_of, unplaced
from aggregation.models import Items, PriorityChange, PriorityRound, Steering
from aggregation.pluralism.onboarding import telling
from aggregation.runs import MOST_ATTEMPTS, Cancelled
from aggregation.tables import PairCounts, TableError, can_convert
from aggregation.tables.conversions import convert
from annotation import log
from annotation.consent import withdrawals
from annotation.errors import LogBusy
from annotation.models import (
    AnnotatorKind,
    Judgment,
    LeaseLost,
    Placement,
    Project,
    Question,
    QuestionState,
    WorkState,
)
from annotation.phrases import say

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

SURE = 0.8  # chance of a group from which somebody counts as placed
LEASE = timedelta(minutes=10)
BATCH = 200  # questions whose rows are held at once while annotators look for theirs
LEAST_DEPTH = 1_000  # questions drawn per round, or ten times the judgments until the next one
ONE_OPEN = "one_open_priority_round_per_project"

GAVE_UP = say(
    "The worker died {attempts} times while ordering the questions, most "
    "likely for lack of memory. The order is as it was, or as the log of "
    "this round says."
)
UNEXPECTED = say(
    "Ordering stopped with an error of its own: {error}. Judging goes on in "
    "the order there was. The server's log has the details."
)


@dataclass(frozen=True)
class Waiting:
    """An open question: what it places, by names that tables know, and its priorities.

    `base` is the priority it has without steering.
    """

    pk: int
    prompt: str
    items: tuple[Hashable, ...]
    priority: float
    base: float


# --- When ---------------------------------------------------------------------------------------


def open_round(project: Project, *, user: Any = None) -> PriorityRound:
    """Write down that the questions are to be ordered anew; the round that already waits, if any.

    With steering off it is a round that gives every question its own priority back. Raises LogBusy
    while a large import is writing.
    """
    steering = Steering.objects.filter(project=project).first()
    on = steering is not None and steering.is_on
    rounds = PriorityRound.objects.filter(project=project)
    mark = log.mark(project)
    try:
        with transaction.atomic():
            return rounds.create(
                project=project,
                requested_by=user,
                rule=steering.rule if steering and on else "",
                floor=steering.floor if steering and on else 1.0,
                seed=(steering.seed if steering else 0) + rounds.count(),
                mark=mark,
            )
    except IntegrityError as error:
        if ONE_OPEN not in str(error):
            raise
        return rounds.order_by("-id")[0]


def open_due_rounds() -> list[PriorityRound]:
    """Rounds for all projects whose order is out of date: enough new judgments, or switched off."""
    opened = []
    for steering in Steering.objects.select_related("project"):
        if is_due(steering):
            try:
                opened.append(open_round(steering.project))
            except LogBusy:
                logger.info("A large import is writing to %s; its order waits.", steering.project)
    return opened


def is_due(steering: Steering) -> bool:
    """Whether a new order is called for and none is on its way."""
    rounds = PriorityRound.objects.filter(project=steering.project_id).order_by("-id")
    last = rounds.first()
    if last is not None and not last.is_final:
        return False
    done = rounds.filter(state=WorkState.DONE).first()
    if not steering.is_on:
        return done is not None and done.rule != "" and (last == done or bool(last and last.rule))
    if last is None or last.rule == "":
        return True
    since = Judgment.objects.filter(question__project=steering.project_id, position__gt=last.mark)
    return since[: steering.every].count() >= steering.every


# --- What ---------------------------------------------------------------------------------------


def execute_round(pk: int) -> None:
    """Carry out round `pk` if it is claimable; do nothing if another worker has it or it is final.

    It can be cancelled until its log is written; from then on it is finished, which takes seconds.
    """
    round_ = PriorityRound.objects.claim(pk, lease=LEASE)
    if round_ is None:
        return
    try:
        _execute(round_)
    except LeaseLost:
        logger.warning("Round %s was taken over by another worker.", pk)


def _execute(round_: PriorityRound) -> None:
    if round_.attempt > MOST_ATTEMPTS:
        round_.fail(GAVE_UP.format(attempts=MOST_ATTEMPTS))
        return
    try:
        if not round_.changes.exists():
            _log(round_, _changes(round_))
        _apply(round_)
    except Cancelled:
        round_.finish(WorkState.CANCELLED)
    except TableError as refusal:
        round_.fail(str(refusal))
    except LeaseLost:
        raise
    except Exception as error:  # a fault of the mathematics must end it, or it would be retried
        logger.exception("Round %s failed", round_.pk)
        round_.fail(UNEXPECTED.format(error=error or type(error).__name__))
    else:
        round_.finish()


def _changes(round_: PriorityRound) -> list[PriorityChange]:
    """What the round writes: drawn questions in their order, and questions going back."""
    pooled = _pooled(round_.project)
    waiting = _waiting(round_.project, pooled=pooled)
    PriorityRound.objects.filter(pk=round_.pk, attempt=round_.attempt).update(
        open_questions=len(waiting)
    )
    drawn: list[PriorityChange] = []
    if round_.rule and waiting:
        counts, judgments = _evidence(round_, pooled=pooled)
        PriorityRound.objects.filter(pk=round_.pk, attempt=round_.attempt).update(
            judgments=judgments
        )
        drawn = _drawn(round_, waiting, counts, pooled=pooled)
    kept = {change.question_id for change in drawn}
    back = [
        PriorityChange(round=round_, question_id=each.pk, base=each.base, priority=each.base)
        for each in waiting
        if each.pk not in kept and each.priority != each.base
    ]
    return drawn + back


def _drawn(
    round_: PriorityRound, waiting: Sequence[Waiting], counts: PairCounts | None, *, pooled: bool
) -> list[PriorityChange]:
    rule = RULES[round_.rule]
    if rule.worth is None:
        worth = _telling(round_, waiting)
    else:
        worth = _worth(round_, waiting, counts, pooled=pooled)
    same = [(None if pooled else each.prompt, frozenset(each.items)) for each in waiting]
    chance = with_floor(shares(worth, same, rule.sharpness), round_.floor)
    rng = np.random.default_rng([0x0DE4, round_.seed])
    drawn = draw_order(chance, rng, depth=_depth(round_))
    top = max(each.base for each in waiting)
    places = zip(drawn.order.tolist(), drawn.propensity.tolist(), strict=True)
    return [
        PriorityChange(
            round=round_,
            question_id=waiting[k].pk,
            place=place,
            propensity=propensity,
            value=float(worth[k]),
            base=waiting[k].base,
            priority=top + len(drawn.order) - place,
        )
        for place, (k, propensity) in enumerate(places)
    ]


def _depth(round_: PriorityRound) -> int:
    steering = Steering.objects.filter(project=round_.project_id).first()
    return max(LEAST_DEPTH, 10 * steering.every if steering else 0)


def _worth(
    round_: PriorityRound, waiting: Sequence[Waiting], counts: PairCounts | None, *, pooled: bool
) -> Floats:
    """Worth of every question: over all systems at once, or prompt by prompt for responses."""
    rule = RULES[round_.rule]
    groups: dict[str, list[int]] = {}
    for k, each in enumerate(waiting):
        groups.setdefault("" if pooled else each.prompt, []).append(k)
    known = {} if counts is None else {key: k for k, key in enumerate(counts.ids)}
    worth = np.zeros(len(waiting))
    for number, members in enumerate(groups.values()):
        ids = sorted({item for k in members for item in waiting[k].items}, key=str)
        if pooled:
            ids = sorted({*ids, *known}, key=str)
        place = {item: k for k, item in enumerate(ids)}
        state = posterior(_among(ids, known, counts))
        questions = [tuple(place[item] for item in waiting[k].items) for k in members]
        worth[members] = question_worth(rule.on(state, round_.seed), questions)
        if number % 500 == 0:
            _go_on(round_)
    return worth


def _telling(round_: PriorityRound, waiting: Sequence[Waiting]) -> Floats:
    """What each question's answer tells about the groups of people who aren't placed yet; nothing
    for questions on things that the run behind the groups doesn't know.
    """
    groups = newest_groups(round_.project)
    PriorityRound.objects.filter(pk=round_.pk, attempt=round_.attempt).update(groups_of=groups.run)
    beliefs = unplaced(groups, whose(round_.project), SURE)
    places = places_of(groups, [each.pk for each in waiting])
    _go_on(round_)
    known = [k for k, each in enumerate(waiting) if each.pk in places]
    worth = np.zeros(len(waiting))

    def bits(a: Longs, b: Longs) -> Floats:
        return telling(beliefs, groups.answers(list(zip(a.tolist(), b.tolist(), strict=True))))

    if known:
        worth[known] = question_worth(bits, [places[waiting[k].pk] for k in known])
    return worth


def _among(
    ids: Sequence[Hashable], known: dict[Hashable, int], counts: PairCounts | None
) -> PairCounts:
    """Counts among `ids`, of which some may never have been judged."""
    K = len(ids)
    wins, ties = np.zeros((K, K)), np.zeros((K, K))
    seen = [k for k, item in enumerate(ids) if item in known]
    if counts is not None and seen:
        part = counts.take(np.array([known[ids[k]] for k in seen]))
        grid = np.ix_(seen, seen)
        wins[grid] = part.wins if part.is_dense else part.wins.toarray()
        ties[grid] = part.ties if part.is_dense else part.ties.toarray()
    return PairCounts.from_matrices(wins, ties, ids=tuple(ids))


def _evidence(round_: PriorityRound, *, pooled: bool) -> tuple[PairCounts | None, int]:
    """Who beat whom so far, None without any; and how many judgments that is."""
    evidence = loading.load(
        round_.project,
        mark=round_.mark,
        kinds=whose(round_.project),
        items=Items.SYSTEMS if pooled else Items.CANDIDATES,
        withdrawals=withdrawals(round_.project),
        watch=lambda _: _go_on(round_),
    )
    for part in evidence.parts:
        if can_convert(type(part.table), (PairCounts,)):
            counts, _ = convert(part.table, (PairCounts,))
            return counts, evidence.judgments
    return None, evidence.judgments


def whose(project: Project) -> list[str]:
    """People teach what to ask people next; in a simulated project simulated people do too."""
    kinds = [AnnotatorKind.PERSON.value]
    return [*kinds, AnnotatorKind.SIMULATED.value] if project.is_simulated else kinds


def _pooled(project: Project) -> bool:
    """Whether every response that waits to be judged says which system wrote it."""
    placed = Placement.objects.filter(question__project=project, question__state=QuestionState.OPEN)
    return not placed.filter(candidate__system=None).exists()


def _waiting(project: Project, *, pooled: bool) -> list[Waiting]:
    """The open questions, in order of their rows."""
    placed: dict[int, list[Hashable]] = {}
    prompts: dict[int, str] = {}
    rows = (
        Placement.objects.filter(question__project=project, question__state=QuestionState.OPEN)
        .order_by("question_id", "position")
        .values_list(
            "question_id",
            "candidate__system__name",
            "candidate__external_id",
            "question__prompt__external_id",
        )
    )
    for question, system, candidate, prompt in rows.iterator():
        placed.setdefault(question, []).append(system if pooled else (prompt, candidate))
        prompts[question] = prompt
    own = _own_priorities(project)
    open_now = Question.objects.filter(project=project, state=QuestionState.OPEN).order_by("pk")
    return [
        Waiting(pk, prompts[pk], tuple(placed[pk]), priority, own(pk, priority))
        for pk, priority in open_now.values_list("pk", "priority")
        if pk in placed
    ]


def _own_priorities(project: Project) -> Any:
    """A function of a question and its priority now: the priority it has without steering.

    A priority that no round wrote was set by somebody since, and is the question's own.
    """
    written: dict[int, set[float]] = {}
    base: dict[int, float] = {}
    rows = (
        PriorityChange.objects.filter(question__project=project, question__state=QuestionState.OPEN)
        .order_by("id")
        .values_list("question_id", "priority", "base")
    )
    for question, priority, own in rows.iterator():
        written.setdefault(question, set()).add(priority)
        base[question] = own
    return lambda pk, now: base[pk] if now in written.get(pk, ()) else now


def _go_on(round_: PriorityRound) -> None:
    round_.renew(lease=LEASE)
    if round_.cancel_is_requested():
        raise Cancelled


# --- Writing ------------------------------------------------------------------------------------


def _log(round_: PriorityRound, changes: Sequence[PriorityChange]) -> None:
    with transaction.atomic():
        _go_on(round_)
        PriorityChange.objects.bulk_create(changes, batch_size=2_000)
        PriorityRound.objects.filter(pk=round_.pk, attempt=round_.attempt).update(
            progress_total=len(changes)
        )


def _apply(round_: PriorityRound) -> None:
    """Write the logged priorities, few rows at a time: annotators skip questions that are held."""
    ids = list(round_.changes.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE annotation_question AS q SET priority = c.priority "
                "FROM aggregation_prioritychange AS c "
                "WHERE c.question_id = q.id AND c.id = ANY(%s)",
                [batch],
            )
        round_.renew(lease=LEASE, done=start + len(batch))


# --- Reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SteeringState:
    """What owners see: the switch, the newest round, and how many questions are steered now."""

    steering: Steering | None
    last: PriorityRound | None
    drawn: int
    smallest_propensity: float | None


def steering_state(project: Project) -> SteeringState:
    steering = Steering.objects.filter(project=project).select_related("changed_by").first()
    last = PriorityRound.objects.filter(project=project).first()
    changes = PriorityChange.objects.filter(round=last, place__isnull=False) if last else None
    told = (
        changes.aggregate(n=models.Count("id"), least=models.Min("propensity")) if changes else {}
    )
    return SteeringState(steering, last, int(told.get("n") or 0), told.get("least"))
