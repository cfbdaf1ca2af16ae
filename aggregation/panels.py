"""Panels in which every person has the same chance to sit, and every group its share of seats."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from aggregation.enqueue import NotPossible
from aggregation.models import Run
from aggregation.pluralism.onboarding import fair_panel
from annotation.consent import withdrawals, withdrawn
from annotation.models import Annotator, WorkState

RANDOM_VOTES = "votes look random"


@dataclass(frozen=True)
class Panel:
    """Who sits, by external id, each with their group; `chance` is everybody's chance of a seat."""

    people: tuple[tuple[str, str], ...]
    chance: float
    drawn_from: int
    seats: dict[str, int]
    members: dict[str, int]


def draw_panel(run: Run, *, seats: int, seed: int = 0) -> Panel:
    """`seats` of the annotators that `run` placed in groups, drawn by `seed`.

    Each annotator has the chance seats / people; each group, also those whose votes look random,
    gets its share of the seats rounded up or down. Whoever has withdrawn is not drawn. Nothing is
    written. Raises NotPossible for a run without groups or for more seats than people.
    """
    if run.state != WorkState.DONE:
        raise NotPossible(_("The run isn't finished, so its groups aren't known yet."))
    said = run.aggregate().fit.parameters
    members = said.get("members")
    if not members:
        raise NotPossible(_("Choose a run of a method that finds groups, such as the mixture."))
    names = sorted(set(members) - _gone(run))
    if seats > len(names):
        raise NotPossible(
            _("{people} people can be drawn, so a panel can hold at most {people}.").format(
                people=len(names)
            )
        )
    kinds = [*map(str, said["groups"]), RANDOM_VOTES]
    groups = [kinds[int(np.argmax(members[name]))] for name in names]
    chosen = fair_panel(groups, seats, np.random.default_rng(seed)).tolist()
    return Panel(
        tuple((names[place], groups[place]) for place in chosen),
        seats / len(names),
        len(names),
        dict(Counter(groups[place] for place in chosen)),
        dict(Counter(groups)),
    )


def _gone(run: Run) -> set[str]:
    """The external ids of annotators who have withdrawn."""
    gone = withdrawn(run.project, first=withdrawals(run.project))
    return set(Annotator.objects.filter(pk__in=gone).values_list("external_id", flat=True))
