"""From the log to what a report is made from: comparisons, declarations, reasons and texts."""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import F

from aggregation import loading
from aggregation.declared_columns import Voices
from aggregation.evidence_columns import Part
from aggregation.loading import EvidenceTables, NothingToRead, Watch
from aggregation.models import Items, Level
from aggregation.report import Checks, Material, Reason, comparisons_from, whole_people
from aggregation.report.copies import near_copies, systems_alike
from aggregation.response_attributes import response_attributes
from aggregation.streaming import stream
from aggregation.tables import Ballots, Comparisons, Labels, Ratings
from aggregation.wording import excerpt
from annotation.assignment.agreement import agreement
from annotation.checking import agreement_with
from annotation.consent import withdrawn
from annotation.models import (
    AnnotatorKind,
    AssignmentPurpose,
    Candidate,
    Criterion,
    Judgment,
    Placement,
    Project,
    Prompt,
    Standing,
)
from annotation.phrases import say
from annotation.settling import outcomes_of

OVER_SYSTEMS = say("groups sought on systems, then kept for single responses")
MOST_REASONS = 20_000  # newest first
EXCERPT = 140


def material(
    project: Project,
    *,
    mark: int,
    kinds: Sequence[str],
    level: str = Level.SYSTEMS,
    attribute: str | None = None,
    withdrawals: int = 0,
    watch: Watch | None = None,
) -> Material:
    """What a report on the counted judgments up to `mark` by these kinds of annotators reads.

    Raises NothingToRead where no judgment compares anything at this level, TableError where nobody
    declared the attribute. Later judgments, and later declarations, change nothing. What the first
    `withdrawals` people who withdrew said takes no part, and is counted under that reason.
    """
    voices = Voices(project, attribute) if attribute else None
    items = Items.SYSTEMS if level == Level.SYSTEMS else Items.CANDIDATES
    evidence = loading.load(
        project,
        mark=mark,
        kinds=kinds,
        items=items,
        voices=voices,
        withdrawals=withdrawals,
        watch=watch,
    )
    gone = withdrawn(project, first=withdrawals) if withdrawals else []
    part = _part(evidence, level)
    table, _, how = comparisons_from(part.table)
    coarse = None
    if level == Level.RESPONSES and voices is None:
        coarse = _over_systems(project, mark, kinds, withdrawals, table)
        how = (*how, OVER_SYSTEMS) if coarse is not None else how
    declared, values = None, tuple[str, ...]()
    if voices is not None:
        table, declared, values = whole_people(table, table.annotator_ids)  # type: ignore[arg-type]
    counted = (
        Judgment.objects.up_to(mark)
        .filter(question__project=project, annotator__kind__in=list(kinds))
        .exclude(annotator__in=gone)
    )
    return Material(
        table,
        level,  # type: ignore[arg-type]
        declared=declared,
        declared_names=values,
        attribute=attribute or "",
        attributes=_attributes(counted),
        reasons=_reasons(counted, level),
        texts=_texts(project, level),
        gold=_gold(project, mark, kinds, gone),
        repeats=_repeats(project, mark, kinds, gone),
        coarse=coarse,
        copies=_copies(counted, level),
        judges=_judges(project, mark, kinds, level, items),
        properties=response_attributes(project, table.ids, measured=False)
        if level == Level.RESPONSES
        else {},
        conversions=(*part.conversions, *how),
        judgments=evidence.judgments,
        exclusions=evidence.exclusions,
    )


def _copies(counted: Any, level: str) -> tuple[tuple[Any, Any], ...]:
    """Near-copies among the responses that were judged, or among their systems."""
    if level == Level.STATEMENTS:
        return ()
    judged = Placement.objects.filter(question__in=counted.values("question"))
    rows = (
        Candidate.objects.filter(pk__in=judged.values("candidate"))
        .order_by("pk")
        .values_list("prompt__external_id", "external_id", "system__name", "text")
    )
    each = ((*row,) for part in stream(rows) for row in part)
    if level == Level.SYSTEMS:
        return systems_alike((prompt, system, text) for prompt, _, system, text in each if system)
    return near_copies((prompt, (prompt, name), text) for prompt, name, _, text in each)


def _judges(
    project: Project, mark: int, kinds: Sequence[str], level: str, items: str
) -> Comparisons | None:
    """What models said about the same kind of items; None where they count as people, or said
    nothing.
    """
    model = AnnotatorKind.MODEL.value
    if model in kinds:
        return None
    evidence = loading.load(project, mark=mark, kinds=[model], items=items)
    try:
        return comparisons_from(_part(evidence, level).table)[0]
    except NothingToRead:
        return None


def _over_systems(
    project: Project, mark: int, kinds: Sequence[str], withdrawals: int, table: Comparisons
) -> Comparisons | None:
    """The same people's comparisons of systems; None where not all responses name theirs."""
    evidence = loading.load(
        project, mark=mark, kinds=kinds, items=Items.SYSTEMS, withdrawals=withdrawals
    )
    parts = [p for p in evidence.parts if isinstance(p.table, Comparisons | Ballots | Ratings)]
    if not parts or evidence.exclusions.get("no_system"):
        return None
    coarse, _, _ = comparisons_from(parts[0].table)
    return coarse if coarse.annotator_ids == table.annotator_ids else None


def _part(evidence: EvidenceTables, level: str) -> Part:
    wanted: tuple[type[Any], ...] = (Comparisons, Ballots, Ratings)
    if level == Level.STATEMENTS:
        wanted = (Labels,)
    for kind in wanted:
        for part in evidence.parts:
            if isinstance(part.table, kind):
                return part
    if evidence.judgments == 0:
        raise NothingToRead(
            say(
                "No judgments match this selection, so there is nothing to report on. "
                "Collect some, or choose other kinds of annotators."
            )
        )
    if level == Level.STATEMENTS:
        raise NothingToRead(
            say(
                "Nobody answered yes or no to a checklist here. Report on systems or "
                "responses instead."
            )
        )
    if evidence.exclusions.get("no_system"):
        raise NothingToRead(
            say(
                "None of the judged responses says which system wrote it. Report on the "
                "responses within each prompt instead."
            )
        )
    raise NothingToRead(
        say("Nobody compared two responses here, so there is nothing to report on.")
    )


def _attributes(counted: Any) -> dict[str, dict[str, str]]:
    """What each annotator had declared at their last judgment."""
    rows = (
        counted.filter(profile__isnull=False)
        .order_by("annotator_id", "-position")
        .distinct("annotator_id")
        .values_list("annotator__external_id", "profile__attributes")
    )
    return {
        who: {str(name): str(value) for name, value in said.items() if value not in (None, "")}
        for who, said in rows
    }


def _reasons(counted: Any, level: str) -> tuple[Reason, ...]:
    """The newest reasons given with a choice between two."""
    if level == Level.STATEMENTS:
        return ()
    rows = list(
        counted.filter(judgment_type="pairwise")
        .exclude(reason="")
        .order_by("-position")
        .values_list(
            "annotator__external_id",
            "question_id",
            "question__prompt__external_id",
            F("payload__strength"),
            "reason",
        )[:MOST_REASONS]
    )
    placed: dict[int, dict[int, Any]] = {}
    for question, position, system, prompt, candidate in Placement.objects.filter(
        question__in={row[1] for row in rows}, position__lt=2
    ).values_list(
        "question_id",
        "position",
        "candidate__system__name",
        "candidate__prompt__external_id",
        "candidate__external_id",
    ):
        key = system if level == Level.SYSTEMS else (prompt, candidate)
        placed.setdefault(question, {})[position] = key
    return tuple(
        Reason(
            who,
            prompt,
            placed[question][0],
            placed[question][1],
            (strength > 0) - (strength < 0),
            reason,
        )
        for who, question, prompt, strength, reason in rows
        if strength and None not in placed[question].values()
    )


def _gold(project: Project, mark: int, kinds: Sequence[str], gone: Sequence[int]) -> Checks | None:
    """Answers to questions with a known answer, held against it as it is known now."""
    answers = _checks(project, mark, kinds, gone, AssignmentPurpose.GOLD).filter(
        question__gold_answer__isnull=False
    )
    tally: dict[str, list[float]] = {}
    for answer in answers.select_related("annotator", "question__gold_answer"):
        known = answer.question.gold_answer
        known.question = answer.question
        seen = tally.setdefault(answer.annotator.external_id, [])
        seen.append(1.0 - agreement_with(known, answer.payload))
    return _tallied(tally)


def _repeats(
    project: Project, mark: int, kinds: Sequence[str], gone: Sequence[int]
) -> Checks | None:
    """Answers to one's own question again, held against the first."""
    again = list(
        _checks(project, mark, kinds, gone, AssignmentPurpose.REPEAT).select_related("annotator")
    )
    first = {
        (judgment.annotator_id, judgment.question_id): judgment
        for judgment in Judgment.objects.filter(
            question__in={each.question_id for each in again},
            annotator__in={each.annotator_id for each in again},
            standing=Standing.COUNTED,
            position__lte=mark,
        ).order_by("-position")
    }
    tally: dict[str, list[float]] = {}
    for each in again:
        earlier = first.get((each.annotator_id, each.question_id))
        if earlier is not None:
            kind = each.judgment_type
            same = agreement(outcomes_of(kind, each.payload), outcomes_of(kind, earlier.payload))
            tally.setdefault(each.annotator.external_id, []).append(1.0 - same)
    return _tallied(tally)


def _checks(
    project: Project,
    mark: int,
    kinds: Sequence[str],
    gone: Sequence[int],
    purpose: AssignmentPurpose,
) -> models.QuerySet[Judgment]:
    found = Judgment.objects.filter(
        question__project=project,
        annotator__kind__in=list(kinds),
        standing=Standing.CHECK,
        assignment__purpose=purpose,
        position__lte=mark,
    )
    return found.exclude(annotator__in=list(gone)).order_by("position")


def _tallied(tally: dict[str, list[float]]) -> Checks | None:
    if not tally:
        return None
    who = sorted(tally)
    return Checks(
        tuple(who),
        tuple(float(len(tally[name])) for name in who),
        tuple(sum(tally[name]) for name in who),
    )


def _texts(project: Project, level: str) -> dict[str, str]:
    """Prompts by their last message; statements by their criterion and response."""
    texts = {
        prompt.external_id: excerpt(prompt.last_text(), EXCERPT)
        for prompt in Prompt.objects.filter(project=project).only("external_id", "messages")
    }
    if level != Level.STATEMENTS:
        return texts
    criteria = {
        f"{criterion.rubric} · {criterion.position + 1}": criterion.text
        for criterion in Criterion.objects.filter(rubric__project=project).select_related("rubric")
    }
    rows = Candidate.objects.filter(prompt__project=project).values_list(
        "prompt__external_id", "external_id", "text"
    )
    alone = len(criteria) == 1  # then responses are what the statements differ in
    return texts | {
        f"{prompt} · {candidate} · {name}": f"{text} {excerpt(response, EXCERPT)}"
        if alone
        else f"{text} ({candidate}, {prompt})"
        for part in stream(rows)
        for prompt, candidate, response in part
        for name, text in criteria.items()
    }
