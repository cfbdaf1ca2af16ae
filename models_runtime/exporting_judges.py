"""From a judging job's calls to the rows of an export, a batch of questions at a time."""

import json
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from django.http import StreamingHttpResponse

from models_runtime.catalogue import JUDGE_EXPORTS
from models_runtime.judge_exports import JudgeExport, Turn
from models_runtime.judge_trials import Exchange, people_of, retold
from models_runtime.judging.talk import Order
from models_runtime.models import ItemState, JudgingItem, JudgingJob
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus

BATCH = 50
READ = (ParseStatus.OK.value, ParseStatus.REPAIRED.value)
People = dict[str, list[float]]


def lines(job: JudgingJob, slug: str) -> Iterator[str]:
    """The job's calls in a format, one JSON object a line, in the order of its questions."""
    export: JudgeExport = JUDGE_EXPORTS[slug]
    rows = job.items.filter(state=ItemState.DONE, question__isnull=False)
    ids = list(rows.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), BATCH):
        items = list(rows.filter(pk__in=ids[start : start + BATCH]).select_related("question"))
        items.sort(key=lambda item: item.pk)
        for turns in turns_of(job, items):
            for row in export.rows(turns):
                yield json.dumps(row, ensure_ascii=False) + "\n"


def as_lines(job: JudgingJob, slug: str) -> StreamingHttpResponse:
    """The same as a file to download."""
    response = StreamingHttpResponse(lines(job, slug), content_type="application/x-ndjson")
    name = f"{slug}-{job.public_id.hex[:8]}.jsonl"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def turns_of(job: JudgingJob, items: Sequence[JudgingItem]) -> Iterator[list[Turn]]:
    """The readable written calls of each item beside what people said."""
    exchanges = retold(job, items)
    people = _people(job, items)
    model = {seat: each.label for seat, each in job.seated().items()}
    for item in items:
        assert item.question is not None
        said = people.get(item.question_id or 0, {})
        yield [
            _turn(item, each, said, model)
            for each in exchanges.get(item.pk, ())
            if each.call.status in READ and each.call.label_probabilities is None
        ]


def _turn(item: JudgingItem, exchange: Exchange, said: People, model: dict[str, str]) -> Turn:
    call = exchange.call
    cell = cell_of(call.step, call.order)
    given = said.get(cell) or said.get("pair" if call.outcome else "", [])
    assert item.question is not None
    return Turn(
        question=item.question.external_id,
        cell=cell,
        messages=[{"role": each.role, "content": each.content} for each in exchange.messages],
        text=call.raw,
        template=call.template,
        model=model.get(exchange.seat, ""),
        value=_value(call),
        people=fmean(given) if given else None,
        n=len(given),
    )


def cell_of(step: str, order: str) -> str:
    """What a step judged: a response on a criterion, or the pair in one order. Samples share it."""
    if order != Order.NONE.value:
        return f"pair/{order}"
    parts = step.split("/")
    if len(parts) > 1 and parts[-1].isdigit():
        parts = parts[:-1]
    return "/".join(parts)


def _value(call: Any) -> float | None:
    """What was read as a number on people's scale; None where it is no number."""
    if call.outcome:
        seen = Outcome(call.outcome)
        seen = seen.mirrored if call.order == Order.BA.value else seen
        return float((seen.number > 0) - (seen.number < 0))
    if isinstance(call.parsed, int | float) and not isinstance(call.parsed, bool):
        return float(call.parsed)
    return {"yes": 1.0, "no": 0.0, "correct": 1.0, "incorrect": 0.0}.get(str(call.parsed))


def _people(job: JudgingJob, items: Sequence[JudgingItem]) -> dict[int, People]:
    """question → cell → what people gave, in the numbers of `_value`."""
    ids = [item.question_id for item in items]
    found: dict[int, People] = {}
    rows = people_of(job.project).filter(question__in=ids)
    for question, kind, payload in rows.values_list("question_id", "judgment_type", "payload"):
        cells = found.setdefault(question, {})
        if kind == "pairwise":
            sign = (payload["strength"] > 0) - (payload["strength"] < 0)
            for cell in ("pair", "pair/ab", "pair/ba"):
                cells.setdefault(cell, []).append(float(sign))
        for place, values in payload.get("ratings", {}).items():
            for criterion, value in values.items():
                cells.setdefault(f"place-{place}/criterion-{criterion}", []).append(float(value))
        for place, answers in payload.get("answers", {}).items():
            for criterion, answer in answers.items():
                if answer in ("yes", "no"):
                    cell = f"place-{place}/item-{criterion}"
                    cells.setdefault(cell, []).append(float(answer == "yes"))
    return found
