"""Which questions to ask an annotator first, so that their group is soon known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from aggregation.enqueue import NotPossible
from aggregation.models import Items, Run
from aggregation.pluralism.onboarding import (
    RANDOM_SHARE,
    Chosen,
    answers_by_group,
    belief_after,
    choose_questions,
)
from annotation.models import Annotator, Judgment, Placement, Question, QuestionState, WorkState

Floats = NDArray[np.float64]
MOST_POOLED = 2_000  # open questions among which is chosen, those of highest priority
READABLE = "pairwise"


@dataclass(frozen=True)
class Onboarding:
    """Questions in the order to ask them, and what is believed of the annotator's group now."""

    groups: tuple[str, ...]
    belief: tuple[float, ...]
    answers: int
    pool: int
    questions: tuple[tuple[Question, Chosen], ...]


def onboarding_questions(
    run: Run,
    *,
    annotator: Annotator | None = None,
    number: int = 5,
    seed: int = 0,
    random_share: float = RANDOM_SHARE,
) -> Onboarding:
    """Open pairwise questions whose answers tell most about the group of `annotator`, by the groups
    that `run` found; a share is drawn by chance. Without an annotator: for somebody nobody knows.

    The belief starts from the groups' shares and follows all counted answers of the annotator, also
    those after the run. Nothing is written. Raises NotPossible for a run without at least two
    groups, or when no open question tells anything.
    """
    groups, shares, utilities, items = _groups(run)
    belief, answered = shares, 0
    if annotator is not None:
        belief, answered = _belief(run, annotator, shares, utilities, items)
    open_ones = _open_questions(run, annotator)
    pairs = _pairs(run, [question.pk for question in open_ones], items)
    pool = [question for question in open_ones if question.pk in pairs]
    if not pool:
        raise NotPossible(
            _(
                "No open question compares two responses that the run scored. Add questions, or "
                "run the mixture again on today's judgments."
            )
        )
    first, second = np.array([pairs[question.pk] for question in pool]).T
    p = answers_by_group(utilities, first, second)
    try:
        chosen = choose_questions(belief, p, number, np.random.default_rng(seed), random_share)
    except ValueError as error:
        raise NotPossible(str(error)) from error
    return Onboarding(
        tuple(groups),
        tuple(belief.tolist()),
        answered,
        len(pool),
        tuple((pool[one.question], one) for one in chosen),
    )


def _groups(run: Run) -> tuple[list[str], Floats, Floats, dict[Any, int]]:
    """Names, shares [G], utilities [G, K] and the place of each item in them."""
    if run.state != WorkState.DONE:
        raise NotPossible(_("The run isn't finished, so its groups aren't known yet."))
    result = run.aggregate()
    said = result.fit.parameters
    if "utilities" not in said or "shares" not in said:
        raise NotPossible(_("Choose a run of a method that finds groups, such as the mixture."))
    groups = [str(name) for name in said["groups"]]
    if len(groups) < 2:
        raise NotPossible(
            _(
                "The run sees one group only, so no question can tell which group somebody "
                "belongs to. Collect more judgments per annotator first."
            )
        )
    utilities = np.array(said["utilities"], dtype=np.float64)
    shares = np.array(said["shares"], dtype=np.float64)
    return groups, shares, utilities, {key: place for place, key in enumerate(result.ids)}


def _belief(
    run: Run, annotator: Annotator, shares: Floats, utilities: Floats, items: dict[Any, int]
) -> tuple[Floats, int]:
    rows = list(
        Judgment.objects.counted()
        .filter(annotator=annotator, judgment_type=READABLE)
        .values_list("question_id", "payload")
    )
    pairs = _pairs(run, [question for question, _payload in rows], items)
    known = [(pairs[question], payload) for question, payload in rows if question in pairs]
    if not known:
        return shares, 0
    first, second = np.array([pair for pair, _payload in known]).T
    said = [(1 + np.sign(payload["strength"])) / 2 for _pair, payload in known]
    p = answers_by_group(utilities, first, second)
    return belief_after(shares, p, said), len(known)


def _open_questions(run: Run, annotator: Annotator | None) -> list[Question]:
    found = Question.objects.filter(
        project=run.project, state=QuestionState.OPEN, judgment_type=READABLE
    )
    if annotator is not None:
        found = found.exclude(assignments__annotator=annotator).exclude(
            judgments__annotator=annotator
        )
    return list(found.order_by("-priority", "pk")[:MOST_POOLED])


def _pairs(run: Run, questions: list[int], items: dict[Any, int]) -> dict[int, tuple[int, int]]:
    """Places of the two items of each question; without questions that the run doesn't know."""
    rows = Placement.objects.filter(question__in=questions, position__lt=2).values_list(
        "question_id",
        "position",
        "candidate__system__name",
        "candidate__prompt__external_id",
        "candidate__external_id",
    )
    found: dict[int, dict[int, int]] = {}
    for question, position, system, prompt, candidate in rows:
        key = system if run.items == Items.SYSTEMS else (prompt, candidate)
        if key in items:
            found.setdefault(question, {})[position] = items[key]
    return {
        question: (both[0], both[1])
        for question, both in found.items()
        if len(both) == 2 and both[0] != both[1]
    }
