"""Which questions to ask an annotator first, so that their group is soon known."""

from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from aggregation.enqueue import NotPossible
from aggregation.known_groups import READABLE, KnownGroups, groups_of_run, pairs_of, path_of
from aggregation.models import Run
from aggregation.pluralism.onboarding import RANDOM_SHARE, Chosen, choose_questions
from aggregation.tables import TableError
from annotation.models import Annotator, Question, QuestionState

MOST_POOLED = 2_000  # open questions among which is chosen, those of highest priority


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
    groups = _groups(run)
    path = groups.shares[None, :] if annotator is None else path_of(groups, annotator)
    belief = path[-1]
    open_ones = _open_questions(run, annotator)
    pairs = pairs_of(groups, [question.pk for question in open_ones])
    pool = [question for question in open_ones if question.pk in pairs]
    if not pool:
        raise NotPossible(
            _(
                "No open question compares two responses that the run scored. Add questions, or "
                "run the mixture again on today's judgments."
            )
        )
    p = groups.answers([pairs[question.pk] for question in pool])
    try:
        chosen = choose_questions(belief, p, number, np.random.default_rng(seed), random_share)
    except ValueError as error:
        raise NotPossible(str(error)) from error
    return Onboarding(
        groups.names,
        tuple(belief.tolist()),
        len(path) - 1,
        len(pool),
        tuple((pool[one.question], one) for one in chosen),
    )


def _groups(run: Run) -> KnownGroups:
    try:
        return groups_of_run(run)
    except TableError as error:
        raise NotPossible(str(error)) from error


def _open_questions(run: Run, annotator: Annotator | None) -> list[Question]:
    found = Question.objects.filter(
        project=run.project, state=QuestionState.OPEN, judgment_type=READABLE
    )
    if annotator is not None:
        found = found.exclude(assignments__annotator=annotator).exclude(
            judgments__annotator=annotator
        )
    return list(found.order_by("-priority", "pk")[:MOST_POOLED])
