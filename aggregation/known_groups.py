"""Groups of people that a finished run found, read again to place questions and newcomers in them.

Answers given since the run move beliefs about people (Bayes), never the groups themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from aggregation.catalogue import METHODS
from aggregation.models import Items, Run
from aggregation.pluralism.onboarding import answers_by_group, beliefs_along
from aggregation.tables import TableError
from annotation.models import Annotator, Judgment, Placement, Project, WorkState

Floats = NDArray[np.float64]
READABLE = "pairwise"
MOST_LATE = 500  # newest people unknown to the run, whose answers are followed
RANDOM_FROM = 0.5  # chance of random votes from which nobody is asked to be placed
LOOKED_AT = 20  # newest runs among which one that tells groups apart is looked for


@dataclass(frozen=True, eq=False)
class KnownGroups:
    """What a run knows about groups.

    names, shares [G]; utilities float64[G, K]; `items` gives an item's place among the K;
    `members` maps annotators' ids to chances [G + 1], random votes last.
    """

    run: Run
    names: tuple[str, ...]
    shares: Floats
    utilities: Floats
    items: dict[Any, int]
    members: dict[str, list[float]]

    def answers(self, pairs: Sequence[tuple[int, int]]) -> Floats:
        """Chance by group that the first of each pair is preferred, float64[Q, G]."""
        first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return answers_by_group(self.utilities, first, second)

    def looks_random(self, name: str) -> bool:
        """Whether the run takes this annotator's votes for random ones."""
        return name in self.members and self.members[name][-1] >= RANDOM_FROM


def groups_of_run(run: Run) -> KnownGroups:
    """The groups of a finished run. Raises TableError, with what to do, where it tells none
    apart.
    """
    if run.state != WorkState.DONE:
        raise TableError(_("The run isn't finished, so its groups aren't known yet."))
    result = run.aggregate()
    said = result.fit.parameters
    if "utilities" not in said or "shares" not in said:
        raise TableError(_("Choose a run of a method that finds groups, such as the mixture."))
    names = tuple(str(name) for name in said["groups"])
    if len(names) < 2:
        raise TableError(
            _(
                "The run sees one group only, so no question can tell which group somebody "
                "belongs to. Collect more judgments per annotator first."
            )
        )
    return KnownGroups(
        run,
        names,
        np.array(said["shares"], dtype=np.float64),
        np.array(said["utilities"], dtype=np.float64),
        {key: place for place, key in enumerate(result.ids)},
        said.get("members") or {},
    )


def runs_with_groups(project: Project) -> list[Run]:
    """Finished runs of methods on groups, newest first; some of them may see one group only."""
    methods = [slug for slug, method in METHODS.items() if hasattr(method.options, "by")]
    found = Run.objects.filter(
        project=project, state=WorkState.DONE, replay_of=None, method__in=methods
    )
    return list(found.order_by("-id")[:LOOKED_AT])


def newest_groups(project: Project) -> KnownGroups:
    """The groups of the newest run that tells some apart. Raises TableError without one."""
    for run in runs_with_groups(project):
        try:
            return groups_of_run(run)
        except TableError:
            continue  # this one sees a single group; an older one may see more
    raise TableError(
        _(
            "No finished run tells two groups apart yet, so no question is known to show who "
            "belongs where. Run the mixture first, or choose another rule."
        )
    )


def places_of(groups: KnownGroups, questions: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Places of the items of each question, in the order of its placements; without questions of
    which the run knows fewer than two items, or that place one item only.
    """
    rows = (
        Placement.objects.filter(question__in=questions)
        .order_by("question_id", "position")
        .values_list(
            "question_id",
            "candidate__system__name",
            "candidate__prompt__external_id",
            "candidate__external_id",
        )
    )
    found: dict[int, list[int]] = {}
    for question, system, prompt, candidate in rows:
        key = system if groups.run.items == Items.SYSTEMS else (prompt, candidate)
        if key in groups.items:
            found.setdefault(question, []).append(groups.items[key])
    return {question: tuple(known) for question, known in found.items() if len(set(known)) > 1}


def pairs_of(groups: KnownGroups, questions: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Places of the two items of each pairwise question; without those the run doesn't know."""
    return {
        question: (places[0], places[1])
        for question, places in places_of(groups, questions).items()
        if len(places) == 2
    }


def path_of(groups: KnownGroups, annotator: Annotator) -> Floats:
    """Belief about the annotator's group before any answer and after each counted pairwise one, in
    the order of the log, float64[n + 1, G]; also of answers the run has read.
    """
    rows = list(
        Judgment.objects.counted()
        .filter(annotator=annotator, judgment_type=READABLE)
        .order_by("position")
        .values_list("question_id", "payload")
    )
    pairs = pairs_of(groups, [question for question, _payload in rows])
    known = [(pairs[question], payload) for question, payload in rows if question in pairs]
    said = [(1 + np.sign(payload["strength"])) / 2 for _pair, payload in known]
    return beliefs_along(groups.shares, groups.answers([pair for pair, _p in known]), said)


def unplaced(groups: KnownGroups, kinds: Sequence[str], sure: float) -> Floats:
    """Beliefs about people whose group isn't known with chance `sure`, float64[P, G].

    Whom the run has read is taken as it left them; others start from the shares and follow what
    they have answered since. The last row is somebody who hasn't answered anything yet.
    """
    members = np.array(list(groups.members.values()), dtype=np.float64)
    beliefs: list[Floats] = []
    if len(members):
        among = members[:, :-1] / np.maximum(members[:, :-1].sum(axis=1, keepdims=True), 1e-12)
        beliefs += list(among[members[:, -1] < RANDOM_FROM])
    late = (
        Annotator.objects.filter(project=groups.run.project_id, kind__in=list(kinds))
        .exclude(external_id__in=list(groups.members))
        .filter(judgments__isnull=False)
        .distinct()
    )
    beliefs += [path_of(groups, each)[-1] for each in late.order_by("-pk")[:MOST_LATE]]
    return np.array([*(b for b in beliefs if b.max() < sure), groups.shares])
