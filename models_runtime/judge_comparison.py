"""Judges side by side: how often they agree with people and with each other, what they cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from django.db.models import Avg, Count, Q, Sum

from annotation.models import AnnotatorKind, Judgment, Project, System
from models_runtime.judge_trials import of_withdrawn, people_of
from models_runtime.judge_words import sign_of
from models_runtime.judging.councils import agreement_with_majority
from models_runtime.judging.reducers import Reward, reward_over_baselines
from models_runtime.judging.talk import Order
from models_runtime.models import JudgeCall, JudgingItem, JudgingJob
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus

Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its Wilson interval at 95 %."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.n:
            return None
        p, zz = self.hits / self.n, Z * Z
        middle = (p + zz / (2 * self.n)) / (1 + zz / self.n)
        half = Z / (1 + zz / self.n) * sqrt(p * (1 - p) / self.n + zz / (4 * self.n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class JudgeRow:
    """One judge's figures. `with_people` counts pairs on which people have a majority; without
    any, it says so rather than 0; `left_out` answers to pairs, by people who withdrew, have no
    part in that. `consistent` counts pairs whose two orders name the same response (or both a tie).
    """

    name: str
    job: JudgingJob
    questions: int
    invalid: int
    with_people: Share
    with_judges: float | None
    consistent: Share
    unread: Share
    position_bias: float | None
    cost_per_question: float | None
    left_out: int


def compare(project: Project) -> list[JudgeRow]:
    """The project's judges, those that agree most with people first."""
    jobs = _newest_jobs(project)
    signs = _signs(project)
    people = _majorities_in(signs)
    judges = {
        int(pk): {question: rows[0] for question, rows in found.items()}
        for pk, found in signs.items()
        if pk != "people"
    }
    among = agreement_with_majority({str(pk): found for pk, found in judges.items()})
    left_out = of_withdrawn(project).filter(judgment_type="pairwise").count()
    rows = [
        _row(job, judges.get(annotator, {}), people, among.get(str(annotator)), left_out)
        for annotator, job in jobs.items()
    ]
    return sorted(rows, key=lambda row: -(row.with_people.value or -1.0))


def majorities_of_people(project: Project) -> dict[str, int]:
    """question → what most people said of its pair, where there is a most."""
    return _majorities_in(_signs(project))


def _majorities_in(signs: Mapping[str, Mapping[str, list[int]]]) -> dict[str, int]:
    return _majorities(rows for kind, rows in signs.items() if kind == "people")


def _newest_jobs(project: Project) -> dict[int, JudgingJob]:
    found: dict[int, JudgingJob] = {}
    jobs = JudgingJob.objects.filter(project=project, annotator__isnull=False)
    for job in jobs.select_related("annotator", "checkpoint").order_by("id"):
        assert job.annotator_id is not None
        found[job.annotator_id] = job
    return found


def _signs(project: Project) -> dict[str, dict[str, list[int]]]:
    """who ("people", or a judge's id) → question → the signs they gave its pair."""
    models = Judgment.objects.counted().filter(
        question__project=project, annotator__kind=AnnotatorKind.MODEL
    )
    found: dict[str, dict[str, list[int]]] = {}
    for people, rows in ((True, people_of(project)), (False, models)):
        pairs = rows.filter(judgment_type="pairwise")
        told = pairs.values_list("annotator_id", "question_id", "payload")
        for annotator, question, payload in told.iterator():
            sign = sign_of("pairwise", payload)
            assert sign is not None
            who = "people" if people else str(annotator)
            found.setdefault(who, {}).setdefault(str(question), []).append(sign)
    return found


def _majorities(groups: Iterable[Mapping[str, list[int]]]) -> dict[str, int]:
    """What most people said of a pair, where there is a most."""
    found: dict[str, int] = {}
    for rows in groups:
        for question, signs in rows.items():
            counts = sorted(((signs.count(s), s) for s in set(signs)), reverse=True)
            if len(counts) == 1 or counts[0][0] > counts[1][0]:
                found[question] = counts[0][1]
    return found


def _row(
    job: JudgingJob,
    mine: Mapping[str, int],
    people: Mapping[str, int],
    among: float | None,
    left_out: int,
) -> JudgeRow:
    common = mine.keys() & people.keys()
    items = JudgingItem.objects.filter(job__annotator=job.annotator, state="done")
    told = items.aggregate(
        n=Count("pk"), bad=Count("pk", filter=Q(outcome="invalid")), bias=Avg("position_bias")
    )
    calls = JudgeCall.objects.filter(item__job__annotator=job.annotator)
    read = [ParseStatus.OK.value, ParseStatus.REPAIRED.value]
    asked = calls.exclude(status=ParseStatus.ENGINE_ERROR.value).aggregate(
        n=Count("pk"), unread=Count("pk", filter=~Q(status__in=read))
    )
    spent = calls.aggregate(cost=Sum("cost"))["cost"] or 0.0
    return JudgeRow(
        name=str(job.annotator),
        job=job,
        questions=told["n"],
        invalid=told["bad"],
        with_people=Share(sum(mine[q] == people[q] for q in common), len(common)),
        with_judges=among,
        consistent=consistency_of(job),
        unread=Share(asked["unread"], asked["n"]),
        position_bias=told["bias"],
        cost_per_question=spent / told["n"] if told["n"] else None,
        left_out=left_out,
    )


def consistency_of(job: JudgingJob) -> Share:
    """Pairs asked in both orders whose verdict survived the swap, of those that could be read.

    Only comparisons of the same ask count: a cascade's cheap orders, a juror's own two, …
    """
    rows = JudgeCall.objects.filter(
        item__job__annotator=job.annotator, order__in=[Order.AB.value, Order.BA.value]
    ).exclude(outcome="")
    games: dict[tuple[int, str], dict[str, int | None]] = {}
    for item, step, order, outcome in rows.order_by("id").values_list(
        "item_id", "step", "order", "outcome"
    ):
        seen = Outcome(outcome) if order == Order.AB else Outcome(outcome).mirrored
        ask = step.replace(order, "")
        games.setdefault((item, ask), {})[order] = seen.winner
    both = [each for each in games.values() if len(each) == 2]
    return Share(sum(len(set(each.values())) == 1 for each in both), len(both))


# --- Rewards against baselines --------------------------------------------------------------------


def rewards(job: JudgingJob, baselines: Iterable[str]) -> dict[str, Reward]:
    """Each system's WildBench reward under this job, averaged over the named baseline systems.

    Pairs without a readable verdict are left out of the mean and counted.
    """
    wanted = set(baselines)
    found: dict[str, dict[str, list[Outcome]]] = {}
    for first, second, outcome in _pairs(job):
        for system, rival, seen in (
            (first, second, outcome), (second, first, outcome.mirrored)
        ):  # fmt: skip
            if rival in wanted and system not in wanted:
                found.setdefault(system, {}).setdefault(rival, []).append(seen)
    return {system: reward_over_baselines(against) for system, against in sorted(found.items())}


def _pairs(job: JudgingJob) -> Iterable[tuple[str, str, Outcome]]:
    rows = JudgingItem.objects.filter(job=job, state="done", question__isnull=False).exclude(
        outcome=Outcome.GIVEN.value
    )
    for item in rows.select_related("question").prefetch_related(
        "question__placements__candidate__system"
    ):
        assert item.question is not None
        systems: list[System | None] = [
            placement.candidate.system for placement in item.question.placements.all()
        ]
        if len(systems) == 2 and systems[0] and systems[1]:
            yield systems[0].name, systems[1].name, Outcome(item.outcome)
