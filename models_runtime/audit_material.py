"""From rows to what audits look at: pairs with people's answers, and trials kept as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from annotation.models import AnnotatorKind, Judgment, Measurement, Placement, Question
from models_runtime.audit_catalogue import ASKED, AUDITS, kind_of
from models_runtime.audit_talk import cells_of
from models_runtime.audits import (
    PAIRS,
    PLAIN,
    Listing,
    Material,
    Pair,
    Show,
    Trial,
    Variant,
    Vote,
)
from models_runtime.generating import conversation_of
from models_runtime.judge_trials import of_withdrawn, people_of
from models_runtime.models import AuditItem, AuditJob, ItemState

STRONGEST = 3
RIGHT = "correct"  # the measurement that says a response is known to be right (1) or wrong (0)
MOST_GROUPS = 3
SWAPPED = "swapped"


def variants_of(pair: Pair, audits: Iterable[str], *, both_orders: bool) -> list[Variant]:
    """The copies that the audits want, each once; the swapped one isn't needed where the judge asks
    in both orders anyway."""
    wanted = {variant.name: variant for slug in audits for variant in AUDITS[slug].variants(pair)}
    if both_orders:
        wanted.pop(SWAPPED, None)
    return list(wanted.values())


def bare_pair(question: Question, texts: Sequence[str]) -> Pair:
    """A question as audits know it before anybody's answers are looked at."""
    return Pair(
        key=str(question.pk),
        prompt=str(question.prompt_id),
        texts=tuple(texts),
        conversation=conversation_of(question.prompt),
    )


def material_of(job: AuditJob) -> Material:
    """Everything that was tried in the job, beside what people and other judges said by now."""
    items = list(AuditItem.objects.filter(job=job, state=ItemState.DONE).order_by("id"))
    ids = [item.question_id for item in items]
    trials = {
        (str(item.question_id), name): read_trial(told)
        for item in items
        for name, told in item.trials.items()
    }
    kind = kind_of(job.audits)
    return Material(
        pairs=_pairs(job, ids) if kind == PAIRS else _given_by_cell(job, ids, kind),
        trials=trials,
        family=job.checkpoint.family,
        seed=job.seed % 2**32,
    )


def left_out_of(job: AuditJob) -> int:
    """How many judgments of the job's pairs take no part because their authors have withdrawn."""
    judged = AuditItem.objects.filter(job=job, state=ItemState.DONE).values("question")
    left = of_withdrawn(job.project).filter(question__in=judged)
    return left.filter(judgment_type__in=ASKED[kind_of(job.audits)]).count()


def kept_trial(trial: Trial) -> dict[str, Any]:
    """A trial as JSON."""
    return {
        "number": trial.number,
        "p": trial.p,
        "shows": [[show.first, show.number, show.p] for show in trial.shows],
        "unread": list(trial.unread),
        **({"cells": dict(trial.cells)} if trial.cells else {}),
        **(
            {"lists": [[each.shown, each.standings] for each in trial.lists]} if trial.lists else {}
        ),
    }


def read_trial(told: dict[str, Any]) -> Trial:
    shows = tuple(Show(first, number, p) for first, number, p in told["shows"])
    lists = tuple(Listing(tuple(at), tuple(won)) for at, won in told.get("lists", ()))
    return Trial(
        told["number"], told["p"], shows, tuple(told["unread"]), told.get("cells", {}), lists
    )


def _given_by_cell(job: AuditJob, ids: Sequence[int], kind: str) -> list[Pair]:
    """Questions that are rated, checked or ranked, with what people, other judges and an earlier
    version gave."""
    questions = Question.objects.select_related("prompt").in_bulk(ids)
    placed = _placed(ids)
    right = _known_right([each.pk for candidates in placed.values() for each in candidates])
    marks: dict[int, dict[str, dict[str, float]]] = {}
    groups: dict[int, dict[str, dict[str, str]]] = {}
    rows = people_of(job.project).filter(question__in=ids, judgment_type__in=ASKED[kind])
    for row in rows.select_related("profile").order_by("id"):
        person = str(row.annotator_id)
        marks.setdefault(row.question_id, {})[person] = cells_of(row.payload)
        groups.setdefault(row.question_id, {})[person] = _groups_of(row)
    others: dict[int, dict[str, dict[str, float]]] = {}
    for question, annotator, payload in _by_other_models(job, ids, ASKED[kind]):
        others.setdefault(question, {})[str(annotator)] = cells_of(payload)
    earlier = _earlier_trials(job)
    pairs = []
    for pk in ids:
        candidates = placed[pk]
        before = earlier.get(pk)
        pairs.append(
            replace(
                bare_pair(questions[pk], [each.text for each in candidates]),
                families=tuple(_family(each) for each in candidates),
                marks=marks.get(pk, {}),
                groups=groups.get(pk, {}),
                other_marks=others.get(pk, {}),
                earlier_cells=before.cells if before is not None else {},
                known={
                    place: right[each.pk]
                    for place, each in enumerate(candidates)
                    if each.pk in right
                },
            )
        )
    return pairs


def _placed(ids: Sequence[int]) -> dict[int, list[Any]]:
    """The questions' responses by place."""
    placed: dict[int, list[Any]] = {}
    rows = Placement.objects.filter(question__in=ids).order_by("question", "position")
    for placement in rows.select_related("candidate__system"):
        placed.setdefault(placement.question_id, []).append(placement.candidate)
    return placed


def _pairs(job: AuditJob, ids: Sequence[int]) -> list[Pair]:
    questions = Question.objects.select_related("prompt").in_bulk(ids)
    placed = _placed(ids)
    votes = _votes(job, ids)
    others = _others(job, ids)
    earlier = {pk: trial.number for pk, trial in _earlier_trials(job).items()}
    right = _known_right([each.pk for both in placed.values() for each in both])
    pairs = []
    for pk in ids:
        first, second = placed[pk]
        question = questions[pk]
        known = [right.get(each.pk) for each in (first, second)]
        place = {(True, False): 0, (False, True): 1}.get((known[0], known[1]))  # type: ignore[arg-type]
        best = None if place is None else (first, second)[place]
        pairs.append(
            Pair(
                key=str(pk),
                prompt=str(question.prompt_id),
                texts=(first.text, second.text),
                conversation=conversation_of(question.prompt),
                families=(_family(first), _family(second)),
                votes=tuple(votes.get(pk, ())),
                others=others.get(pk, {}),
                earlier=earlier.get(pk),
                right=place,
                group="" if best is None else f"{question.prompt_id}-{best.pk}",
            )
        )
    return pairs


def _family(candidate: Any) -> str:
    return str(candidate.system.family) if candidate.system else ""


def _votes(job: AuditJob, ids: Sequence[int]) -> dict[int, list[Vote]]:
    rows = people_of(job.project).filter(question__in=ids, judgment_type="pairwise")
    found: dict[int, list[Vote]] = {}
    for row in rows.select_related("profile").order_by("id"):
        vote = Vote(str(row.annotator_id), _number(row.payload), _groups_of(row))
        found.setdefault(row.question_id, []).append(vote)
    return found


def _groups_of(row: Judgment) -> dict[str, str]:
    """What the person had told of themselves when they answered."""
    told = row.profile.attributes if row.profile else {}
    return {name: value for name, value in told.items() if isinstance(value, str) and value}


def _others(job: AuditJob, ids: Sequence[int]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for question, annotator, payload in _by_other_models(job, ids, ASKED[PAIRS]):
        found.setdefault(question, {})[str(annotator)] = _number(payload)
    return found


def _by_other_models(
    job: AuditJob, ids: Sequence[int], types: Iterable[str]
) -> Iterable[tuple[int, int, Any]]:
    """(question, annotator, payload) of what other models said; this model's own verdicts, in
    whatever way, are left out."""
    rows = (
        Judgment.objects.counted()
        .filter(question__in=ids, judgment_type__in=types, annotator__kind=AnnotatorKind.MODEL)
        .exclude(annotator__external_id__startswith=f"model-{job.checkpoint.public_id}-")
    )
    return rows.values_list("question", "annotator", "payload")


def _number(payload: Any) -> float:
    return float(payload["strength"]) / STRONGEST


def _earlier_trials(job: AuditJob) -> dict[int, Trial]:
    """What the earlier card's judge said of each question as it is."""
    if job.earlier_id is None:
        return {}
    rows = AuditItem.objects.filter(job=job.earlier_id, state=ItemState.DONE)
    return {item.question_id: read_trial(item.trials[PLAIN]) for item in rows}


def _known_right(candidates: Sequence[int]) -> dict[int, bool]:
    rows = Measurement.objects.filter(candidate__in=candidates, name=RIGHT, number__isnull=False)
    told = rows.order_by("id").values_list("candidate", "number")
    return {candidate: number > 0 for candidate, number in told if number is not None}
