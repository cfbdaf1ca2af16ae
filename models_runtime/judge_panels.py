"""What several judges of a project are worth together, from verdicts that are there already."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.models import AnnotatorKind, Judgment, Project
from annotation.phrases import say
from models_runtime.errors import NotPossible
from models_runtime.judge_comparison import compare, majorities_of_people
from models_runtime.judging.councils import CostPoint, Escalation, cost_line, effective_size
from models_runtime.models import Checkpoint, ItemState, JudgingItem, JudgingJob

LEARNED = "learned"
LEAST_PAIRS = 20


# --- Personas -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Voices:
    """`count` simulated annotators and how many independent voices they are worth, from pairs that
    all of them have judged."""

    count: int
    effective: float
    questions: int


def simulated_voices(project: Project) -> Voices | None:
    """What the project's personas are worth; None with fewer than two or without common pairs."""
    rows = Judgment.objects.counted().filter(
        question__project=project,
        judgment_type="pairwise",
        annotator__kind=AnnotatorKind.SIMULATED,
        source="model",
    )
    told: dict[int, dict[int, float]] = {}
    for annotator, question, payload in rows.values_list("annotator", "question", "payload"):
        sign = (payload["strength"] > 0) - (payload["strength"] < 0)
        told.setdefault(annotator, {})[question] = float(sign)
    if len(told) < 2:
        return None
    common = sorted(set.intersection(*(set(each) for each in told.values())))
    if not common:
        return None
    verdicts = [[each[question] for question in common] for each in told.values()]
    return Voices(len(verdicts), effective_size(verdicts), len(common))


# --- Cascades -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A cascade's points over the pairs that both judges and people have judged."""

    cheap: str
    strong: str
    price: float
    priced: bool
    questions: int
    points: Sequence[CostPoint]


def cascade_line(cheap: JudgingJob, strong: JudgingJob) -> Line:
    """What asking the strong judge where the cheap one is unsure would cost, and how often the
    verdict would agree with people. Without prices a strong judgment counts as ten cheap ones.
    Raises NotPossible."""
    people = majorities_of_people(cheap.project)
    first, second = _verdicts(cheap), _verdicts(strong)
    common = sorted(first.keys() & second.keys() & people.keys())
    if not common:
        raise NotPossible(
            say(
                "There is no pair that both judges have judged and on which people have a majority."
            )
        )
    questions = [
        Escalation(
            doubt=first[question][1],
            cheap_agrees=first[question][0] == people[question],
            strong_agrees=second[question][0] == people[question],
        )
        for question in common
    ]
    costs = [_cost(job) for job in (cheap, strong)]
    priced = all(costs)
    price = costs[1] / costs[0] if priced else 10.0
    return Line(
        str(cheap.annotator), str(strong.annotator), price, priced, len(common),
        cost_line(questions, price=price),
    )  # fmt: skip


def _verdicts(job: JudgingJob) -> dict[str, tuple[int, float]]:
    """question → (sign, doubt): from the probability where there is one, else a tie is all doubt, a
    better response half, a much better one none."""
    found: dict[str, tuple[int, float]] = {}
    rows = JudgingItem.objects.filter(
        job__annotator=job.annotator, state=ItemState.DONE, judgment__judgment_type="pairwise"
    )
    for question, p, payload in rows.values_list("question", "p_first", "judgment__payload"):
        strength = payload["strength"]
        doubt = 1 - abs(2 * p - 1) if p is not None else {0: 1.0, 3: 0.0}.get(abs(strength), 0.5)
        found[str(question)] = ((strength > 0) - (strength < 0), doubt)
    return found


def _cost(job: JudgingJob) -> float:
    """What a judgment of this job has cost."""
    done = job.items.filter(state=ItemState.DONE).count()
    return job.spent().cost / done if done else 0.0


# --- Learned weights ------------------------------------------------------------------------------


def learned_agreement(project: Project, jurors: Sequence[Checkpoint]) -> str:
    """Each juror's agreement with people, as a jury's options write it: of the way in which the
    model has judged most pairs that people have a majority on. People's answers are never shown to
    a judge, so all of them are held out. Raises NotPossible."""
    rows = [row for row in compare(project) if row.job.protocol != "jury"]
    shares = []
    for juror in jurors:
        mine = [row.with_people for row in rows if row.job.checkpoint_id == juror.pk]
        most = max(mine, key=lambda share: share.n, default=None)
        if most is None or most.n < LEAST_PAIRS or most.value is None:
            known = most.n if most else 0
            raise NotPossible(
                say(
                    "Weights can't be learned yet: %(label)s has judged %(known)s pairs on "
                    "which people have a majority; %(least_pairs)s are needed. Let it judge "
                    "alone first.",
                    label=juror.label,
                    known=known,
                    least_pairs=LEAST_PAIRS,
                )
            )
        shares.append(f"{most.value:.4f}")
    return ", ".join(shares)
