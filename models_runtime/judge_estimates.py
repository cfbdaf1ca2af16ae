"""What a judge would cost before it starts, and what it has cost since."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q

from annotation.models import Annotator, Project, Question, Rubric
from annotation.phrases import say
from models_runtime.call_estimates import CallsEstimate, estimate_calls
from models_runtime.enqueue import items_to_judge
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.subject import Shape
from models_runtime.judging_cases import mined_rubric, takes_mined
from models_runtime.models import Checkpoint, JudgeCall, JudgingJob


@dataclass(frozen=True, slots=True)
class Estimate:
    """Calls for everything that waits, without repairs; `cost` from a trial's cost per question,
    None where there was none. `formula` says the calls of one question in letters. `takes` is what
    the `most` calls would take of a model, None where none is named."""

    questions: int
    fewest: int
    most: int
    cost: float | None = None
    formula: str = ""
    takes: CallsEstimate | None = None

    @property
    def calls(self) -> str:
        if self.fewest == self.most:
            return f"{self.most:,}"
        return say("%(n)s to %(n_most)s", n=f"{self.fewest:,}", n_most=f"{self.most:,}")


def estimate(
    project: Project,
    protocol: JudgingProtocol,
    options: Any,
    *,
    annotator: Annotator | None = None,
    checkpoint: Checkpoint | None = None,
    trial: JudgingJob | None = None,
) -> Estimate:
    """How many questions wait for this way of judging, how many calls they take, and what those
    would take of `checkpoint`."""
    ids = items_to_judge(project, protocol, annotator)
    fewest = most = 0
    mined = mined_rubric(project) if takes_mined(protocol) else None
    common = mined.criteria.count() if mined is not None else 0
    for shape, count in _shapes(protocol, ids, common).items():
        cost = protocol.cost(shape, options)
        fewest, most = fewest + count * cost.fewest, most + count * cost.most
    formula = protocol.cost(Shape(), options).formula
    takes = estimate_calls(checkpoint, most) if checkpoint is not None else None
    return Estimate(len(ids), fewest, most, _cost(trial, len(ids)), formula, takes)


def _shapes(protocol: JudgingProtocol, ids: list[int], common: int = 0) -> dict[Shape, int]:
    """How many questions of each shape; `common` criteria hold where a prompt has none."""
    if not protocol.judgment_types:
        if not protocol.needs_criteria:
            return {Shape(0, 0): len(ids)}
        sizes = Rubric.objects.filter(prompt__in=ids).annotate(n=Count("criteria"))
        by_prompt = dict(sizes.order_by("version").values_list("prompt_id", "n"))
        return _counted([Shape(0, by_prompt.get(pk, 0)) for pk in ids])
    rows = (
        Question.objects.filter(pk__in=ids)
        .annotate(
            n=Count("placements", distinct=True),
            own=Count("rubric__criteria", distinct=True),
            frozen=Count(
                "prompt__rubrics__criteria",
                filter=Q(prompt__rubrics__frozen_at__isnull=False, rubric__isnull=True),
                distinct=True,
            ),
        )
        .values_list("n", F("own") + F("frozen"))
    )
    return _counted([Shape(n, k or common) for n, k in rows.order_by()])


def _counted(shapes: list[Shape]) -> dict[Shape, int]:
    counts: dict[Shape, int] = {}
    for shape in shapes:
        counts[shape] = counts.get(shape, 0) + 1
    return counts


def _cost(trial: JudgingJob | None, questions: int) -> float | None:
    if trial is None:
        return None
    tried = JudgeCall.objects.filter(item__job=trial).values("item").distinct().count()
    return trial.spent().cost / tried * questions if tried else None
