"""A project's generation jobs as iterations: what each found, how well rewards told it apart."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.models import Candidate, Measurement, Project
from models_runtime.errors import NotPossible
from models_runtime.iterations import Attempt, Iteration, summarise
from models_runtime.models import GenerationJob
from models_runtime.picking_inputs import Input

MOST_CANDIDATES = 100_000
USUAL = {"correct": "majority_vote", "reward": "reward"}


@dataclass(frozen=True, slots=True)
class JobIteration:
    """A job as an iteration. `unknown` of its candidates have no number that says whether they are
    right, and are left out; without any, `found` is None."""

    job: GenerationJob
    unknown: int
    found: Iteration | None


def iterations_of(
    project: Project,
    *,
    correct: Input | None = None,
    reward: Input | None = None,
    least_correct: float = 0.5,
    least_reward: float = 0.0,
    target: int = 4,
) -> list[JobIteration]:
    """Every generation job with candidates, the oldest first. A candidate is right if its
    measurement `correct` is `least_correct` or more. `reward` may be missing. Raises NotPossible.
    """
    if target < 1:
        raise NotPossible(_("The target is at least 1 distinct correct answer."))
    jobs = list(
        GenerationJob.objects.filter(project=project, generations__isnull=False)
        .select_related("checkpoint")
        .distinct()
        .order_by("pk")
    )
    if not jobs:
        raise NotPossible(_("No model has written candidates here yet."))
    rights = _numbers(project, correct or Input(USUAL["correct"]), must=True)
    rewards = _numbers(project, reward or Input(USUAL["reward"]), must=reward is not None)
    rows = Candidate.objects.filter(generation__job__in=jobs)
    if rows.count() > MOST_CANDIDATES:
        raise NotPossible(
            _("At most %(most)s candidates can be looked at.") % {"most": f"{MOST_CANDIDATES:,}"}
        )
    by_job: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    columns = rows.order_by("pk").values_list(
        "generation__job_id", "pk", "prompt_id", "content_hash"
    )
    for job, pk, prompt, digest in columns:
        by_job[job].append((pk, prompt, digest))
    return [
        _iteration(job, by_job[job.pk], rights, rewards, least_correct, least_reward, target)
        for job in jobs
    ]


def _iteration(
    job: GenerationJob,
    rows: Sequence[tuple[int, int, str]],
    rights: Mapping[int, float],
    rewards: Mapping[int, float],
    least_correct: float,
    least_reward: float,
    target: int,
) -> JobIteration:
    prompts: dict[int, list[Attempt]] = defaultdict(list)
    for pk, prompt, digest in rows:
        if pk in rights:
            right = rights[pk] >= least_correct
            prompts[prompt].append(Attempt(digest, right, rewards.get(pk)))
    known = sum(map(len, prompts.values()))
    found = (
        summarise(list(prompts.values()), least=least_reward, target=target) if prompts else None
    )
    return JobIteration(job, len(rows) - known, found)


def _numbers(project: Project, wanted: Input, *, must: bool) -> dict[int, float]:
    """The newest number of this name (and source, if given) of every candidate."""
    rows = Measurement.objects.filter(
        candidate__prompt__project=project, name=wanted.name, number__isnull=False
    )
    if wanted.source:
        rows = rows.filter(source=wanted.source)
    found = dict(rows.order_by("pk").values_list("candidate_id", "number"))
    if must and not found:
        raise NotPossible(
            _(
                "This project has no number called “%(name)s”. Measure its candidates, or let them "
                "vote, first."
            )
            % {"name": wanted.name}
        )
    return {pk: number for pk, number in found.items() if number is not None}


def numbers_there(project: Project) -> list[tuple[str, str]]:
    """(name, source) of every number that candidates of this project have."""
    rows = Measurement.objects.filter(candidate__prompt__project=project, number__isnull=False)
    return list(rows.order_by("name", "source").values_list("name", "source").distinct())
