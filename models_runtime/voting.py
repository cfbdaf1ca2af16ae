"""Rewards from votes over a project's rollouts, kept as measurements with their provenance."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Candidate, Measurement, Project, User
from models_runtime.errors import NotPossible
from models_runtime.models import Combination, GenerationJob, PromptIdea, Scoring
from models_runtime.models.prompt_making import PARAPHRASE
from models_runtime.selection import extract_answer
from models_runtime.votes import majority, rewards_by, twin_rewards

MAJORITY, TWINS = "majority", "twins"
NAMES = {MAJORITY: "majority_vote", TWINS: "twin_vote"}
MOST_CANDIDATES = 50_000
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Voted:
    """What a vote came to. `prompts` have a vote, of `asked` with candidates; `without_answer` and
    `tied` say why the others have none. Of twins, `agreeing` pairs of `pairs` have the same vote.
    """

    made: Combination
    prompts: int
    asked: int
    without_answer: int
    tied: int
    rewarded: int
    mean: float
    pairs: int | None
    agreeing: int | None


Answers = list[tuple[int, str | None]]


def reward_votes(
    project: Project,
    *,
    kind: str = MAJORITY,
    job: GenerationJob | None = None,
    user: User | None = None,
) -> Voted:
    """Give every candidate (that `job` wrote, if named) 1 if its answer is the one that most give,
    else 0: most of its own prompt's candidates, or, for `twins`, of its twin's. A prompt without a
    vote is left out. Raises NotPossible.
    """
    if kind not in NAMES:
        raise NotPossible(_("Choose majority or twins."))
    answers = _answers(project, job)
    votes = {prompt: majority([answer for _pk, answer in each]) for prompt, each in answers.items()}
    pairs = _pairs(project, answers) if kind == TWINS else []
    if kind == TWINS and not pairs:
        raise NotPossible(
            _("No prompt here has a twin with candidates. Write twins and let a model answer both.")
        )
    rewards = _by_twins(answers, pairs) if kind == TWINS else _by_majority(answers)
    if not rewards:
        raise NotPossible(
            _(
                "No prompt has an answer that more candidates give than any other. Answers are "
                "read from “The answer is …” and \\boxed{…}."
            )
        )
    asked = {prompt for pair in pairs for prompt in pair} if kind == TWINS else set(answers)
    without = {p for p in asked if votes[p].share == 0}
    tied = {p for p in asked - without if votes[p].answer is None}
    told = [votes[p].answer is not None and votes[p].answer == votes[q].answer for p, q in pairs]
    made = _keep(project, kind, job, rewards, sum(len(answers[p]) for p in asked), user)
    return Voted(
        made=made,
        prompts=len(asked - without - tied),
        asked=len(asked),
        without_answer=len(without),
        tied=len(tied),
        rewarded=len(rewards),
        mean=sum(rewards.values()) / len(rewards),
        pairs=len(pairs) if kind == TWINS else None,
        agreeing=sum(told) if kind == TWINS else None,
    )


def _answers(project: Project, job: GenerationJob | None) -> dict[int, Answers]:
    """(candidate, extracted answer) of every prompt. Raises NotPossible."""
    rows = Candidate.objects.filter(prompt__project=project)
    if job is not None:
        rows = rows.filter(generation__job=job)
    if rows.count() > MOST_CANDIDATES:
        raise NotPossible(
            _("At most %(most)s candidates can vote at once. Name a job.")
            % {"most": f"{MOST_CANDIDATES:,}"}
        )
    found: dict[int, Answers] = defaultdict(list)
    for pk, prompt, text in rows.order_by("pk").values_list("pk", "prompt_id", "text"):
        found[prompt].append((pk, extract_answer(text)))
    if not found:
        raise NotPossible(_("There is no candidate that could vote."))
    return dict(found)


def _pairs(project: Project, answers: Mapping[int, Answers]) -> list[tuple[int, int]]:
    """(original, twin) where both have candidates."""
    twins = PromptIdea.objects.filter(
        job__project=project, job__kind=PARAPHRASE, prompt__isnull=False
    )
    rows = twins.order_by("pk").values_list("item__prompt_id", "prompt_id")
    return [(p, q) for p, q in rows if p in answers and q in answers]


def _by_majority(answers: Mapping[int, Answers]) -> dict[int, float]:
    rewards: dict[int, float] = {}
    for each in answers.values():
        said = [answer for _pk, answer in each]
        _give(rewards, each, rewards_by(majority(said), said))
    return rewards


def _by_twins(answers: Mapping[int, Answers], pairs: Sequence[tuple[int, int]]) -> dict[int, float]:
    rewards: dict[int, float] = {}
    for first, second in pairs:
        said = [[answer for _pk, answer in answers[prompt]] for prompt in (first, second)]
        for prompt, earned in zip((first, second), twin_rewards(*said), strict=True):
            _give(rewards, answers[prompt], earned)
    return rewards


def _give(rewards: dict[int, float], to: Answers, earned: Sequence[float] | None) -> None:
    if earned is not None:
        rewards.update({pk: reward for (pk, _answer), reward in zip(to, earned, strict=True)})


def _keep(
    project: Project,
    kind: str,
    job: GenerationJob | None,
    rewards: Mapping[int, float],
    looked_at: int,
    user: User | None,
) -> Combination:
    with transaction.atomic():
        made = Combination.objects.create(
            project=project,
            method=f"vote_{kind}",
            name=NAMES[kind],
            parts=[],
            settings={"job": None if job is None else str(job.public_id)},
            candidates=len(rewards),
            left_out=looked_at - len(rewards),
            created_by=user,
        )
        rows = list(rewards.items())
        for start in range(0, len(rows), AT_ONCE):
            kept = Measurement.objects.bulk_create(
                Measurement(candidate_id=pk, name=NAMES[kind], source=str(made)[:200], number=x)
                for pk, x in rows[start : start + AT_ONCE]
            )
            Scoring.objects.bulk_create(
                Scoring(measurement=each, combination=made) for each in kept
            )
    return made
