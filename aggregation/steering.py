"""The owner's switch: whether the order of questions follows what was learnt, and by which rule."""

from django.db import transaction

from aggregation import tasks
from aggregation.diagnostics.next_pair import RULES
from aggregation.enqueue import NotPossible, wake
from aggregation.models import PriorityRound, Steering
from aggregation.priorities import open_round
from annotation.errors import LogBusy
from annotation.models import Project, User
from annotation.phrases import say


def switch_steering(
    project: Project,
    *,
    is_on: bool,
    rule: str = "information_gain",
    floor: float = 0.1,
    every: int = 100,
    seed: int = 0,
    user: User | None = None,
) -> Steering:
    """Switch steering on or off and have the questions ordered accordingly.

    `floor` is the share of chance spread evenly over all open questions, `every` the number of new
    judgments that call for a new order. Off, every question gets its own priority back. Raises
    NotPossible for an unknown rule or a number out of range.
    """
    if rule not in RULES:
        raise NotPossible(
            say("There is no such rule. Choose one of: %(names)s.", names=", ".join(RULES))
        )
    if not 0.01 <= floor <= 1:
        raise NotPossible(say("The floor is a share from 0.01 to 1."))
    if is_on and floor < RULES[rule].least_floor:
        raise NotPossible(
            say(
                "“%(title)s” needs a floor of %(least_floor)s or more: groups are fitted "
                "on the answers later, and telling questions alone would bias them.",
                title=RULES[rule].title,
                least_floor=RULES[rule].least_floor,
            )
        )
    if every < 1:
        raise NotPossible(say("A new order can be made after one judgment at the earliest."))
    if seed < 0:
        raise NotPossible(say("A seed is a whole number from 0."))
    with transaction.atomic():
        before = Steering.objects.select_for_update().filter(project=project).first()
        steering, _ = Steering.objects.update_or_create(
            project=project,
            defaults={
                "is_on": is_on,
                "rule": rule,
                "floor": floor,
                "every": every,
                "seed": seed,
                "changed_by": user,
            },
        )
    if is_on or (before is not None and before.is_on):
        request_round(project, user=user)
    return steering


def request_round(project: Project, *, user: User | None = None) -> PriorityRound:
    """Ask for the questions to be ordered anew now. Raises NotPossible while a large import is
    writing.
    """
    try:
        round_ = open_round(project, user=user)
    except LogBusy as error:
        raise NotPossible(str(error)) from error
    wake(tasks.order_questions, round_.pk)
    return round_
