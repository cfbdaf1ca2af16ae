"""The log frozen at a mark: what an export reads, and the digest that proves it is unchanged."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

import orjson
from django.db.models import Case, Exists, F, Func, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast

from aggregation.curation import Curation, Ledger, Vote, votes_by_pair
from aggregation.curation.ledger import EVERYBODY
from aggregation.exports import (
    ExportedCandidate,
    ExportedJudgment,
    ExportedQuestion,
    ExportedVerdict,
)
from aggregation.streaming import stream
from annotation.catalogue import JUDGMENT_TYPES
from annotation.consent import withdrawals, withdrawn
from annotation.evidence import Evidence
from annotation.models import (
    Adjudication,
    Annotator,
    Judgment,
    Placement,
    Profile,
    Project,
    Question,
    Standing,
)

JUDGMENTS = "judgments"  # what the ledger calls them
NOT_STATED = "not stated"
WITHHELD = "withheld"
_DAY = Func(  # as text from the database, in its session's time zone: UTC
    F("created_at"), Value("YYYY-MM-DD"), function="to_char", output_field=TextField()
)
_FORESIGHT = Case(  # what the annotator said first, where this was said in hindsight
    When(
        phase=2,
        then=Subquery(
            Judgment.objects.filter(
                question=OuterRef("question"),
                annotator=OuterRef("annotator"),
                phase=1,
                position__lt=OuterRef("position"),
            )
            .order_by("-position")
            .values("payload")[:1]
        ),
    )
)
BATCH = 500  # questions whose texts are held at a time
MOST_PLACES = 64

Watch = Callable[[int], None]


@dataclass
class Census:
    """Everything that must be known before the first row is written.

    digest       SHA-256 over the counted judgments in order of the log
    counts       judgments counted in the log, and parked and superseded ones
    included     judgments, annotators and questions under the curation
    pseudonyms   per annotator, in order of their first judgment, so the same in later releases
    groups       per profile, the group by which verdicts are separated; None when withheld
    attributes   per profile, what may go along; None when withheld
    """

    digest: str
    counts: dict[str, int]
    included: dict[str, int]
    pseudonyms: dict[int, str]
    groups: dict[int | None, str | None]
    attributes: dict[int | None, Mapping[str, str] | None]
    withheld_combinations: int = 0
    left_out: Ledger = field(default_factory=Ledger)


class FrozenLog:
    """A project's log at a mark under a curation: the `Frozen` that exports read.

    Judgments of the first `withdrawals` people who withdrew from the project are left out, and
    counted as such; the digest is over the whole log and doesn't change by it. Of the reviewers'
    verdicts those with a key up to `adjudications` are known, the newest of each question.

    Every call of `questions` streams anew, in constant memory and the same order. `watch` hears how
    many judgments of the present pass were read and may raise to stop it.
    """

    def __init__(
        self,
        project: Project,
        mark: int,
        curation: Curation,
        *,
        withdrawals: int = 0,
        adjudications: int = 0,
        watch: Watch | None = None,
    ) -> None:
        self.project, self.mark = project, mark
        self.curation = curation
        self.watch = watch or _nothing
        self.withdrawn = frozenset(withdrawn(project, first=withdrawals))
        self.adjudications = adjudications
        self.census = _take_census(project, mark, curation, self.withdrawn, self.watch)
        self.ledger = self.census.left_out

    def questions(self) -> Iterator[ExportedQuestion]:
        batch: list[tuple[int, list[Any]]] = []
        done = 0
        for question, rows in groupby(self._judgments(), key=lambda row: row[0]):
            batch.append((question, list(rows)))
            done += len(batch[-1][1])
            if len(batch) == BATCH:
                yield from self._with_texts(batch)
                self.watch(done)
                batch = []
        yield from self._with_texts(batch)
        self.watch(done)

    def _judgments(self) -> Iterator[Any]:
        rows = (
            Judgment.objects.up_to(self.mark)
            .filter(question__project=self.project, annotator__kind__in=list(self.curation.kinds))
            .exclude(annotator__in=self.withdrawn)
            .order_by("question_id", "position")
            .annotate(
                text=Cast("payload", TextField()),
                named=Cast("public_id", TextField()),
                day=_DAY,
                predicted=Cast("prediction", TextField()),
                before=Cast(_FORESIGHT, TextField()),
            )
            .values_list(
                "question_id",
                "position",
                "named",
                "annotator_id",
                "annotator__kind",
                "judgment_type",
                "text",
                "shown_order",
                "confidence",
                "elapsed_ms",
                "reason",
                "profile_id",
                "source",
                "day",
                "predicted",
                "phase",
                "before",
            )
        )
        for part in stream(rows):
            yield from part

    def _with_texts(self, batch: Sequence[tuple[int, list[Any]]]) -> Iterator[ExportedQuestion]:
        asked = [question for question, _ in batch]
        questions = {
            pk: (name, prompt, messages)
            for pk, name, prompt, messages in Question.objects.filter(pk__in=asked).values_list(
                "pk", "external_id", "prompt__external_id", "prompt__messages"
            )
        }
        candidates: dict[int, list[ExportedCandidate]] = {}
        for pk, *candidate in (
            Placement.objects.filter(question__in=asked)
            .exclude(written_in__position__gt=self.mark)
            .order_by("question_id", "position")
            .values_list(
                "question_id",
                "candidate__external_id",
                "candidate__text",
                "candidate__system__name",
            )
        ):
            candidates.setdefault(pk, []).append(ExportedCandidate(*candidate))
        verdicts = self._verdicts(asked)
        for pk, rows in batch:
            name, prompt, messages = questions[pk]
            yield ExportedQuestion(
                name,
                prompt,
                tuple({"role": m["role"], "content": m["content"]} for m in messages),
                tuple(candidates[pk]),
                tuple(self._judgment(row) for row in rows),
                verdicts.get(pk),
            )

    def _verdicts(self, asked: Sequence[int]) -> dict[int, ExportedVerdict]:
        found = Adjudication.objects.filter(question__in=asked, pk__lte=self.adjudications)
        decides = self.curation.adjudicated == "prefer"
        return {
            question: ExportedVerdict(position, tuple(categories), decides)
            for question, position, categories in found.order_by("pk").values_list(
                "question_id", "winner__position", "categories"
            )
        }

    def _judgment(self, row: Sequence[Any]) -> ExportedJudgment:
        (_, position, public_id, annotator, kind, judgment_type, text) = row[:7]
        (shown, confidence, elapsed, reason, profile, source, day) = row[7:14]
        predicted, phase, before = row[14:]
        return ExportedJudgment(
            position=position,
            public_id=public_id,
            annotator=self.census.pseudonyms[annotator],
            annotator_kind=kind,
            judgment_type=judgment_type,
            payload=orjson.loads(text),
            evidence=_evidence(judgment_type, text),
            shown_order=None if shown is None else tuple(shown),
            confidence=confidence,
            elapsed_ms=elapsed,
            reason=(reason or None) if self.curation.reasons else None,
            attributes=self.census.attributes.get(profile),
            group=self.census.groups.get(profile) if self.curation.group_by else EVERYBODY,
            source=source,
            day=day,
            prediction=None if predicted is None else orjson.loads(predicted),
            phase=phase,
            foresight=None if before is None else orjson.loads(before),
        )


def pairs_of_votes(
    project: Project,
    mark: int,
    kinds: Sequence[str],
    *,
    one_in: int = 1,
    without_adjudicated: bool = False,
) -> Iterator[list[Vote]]:
    """The votes on every judged pair, without texts; `one_in` k takes each k-th question only."""
    rows = (
        Judgment.objects.up_to(mark)
        .filter(question__project=project, annotator__kind__in=list(kinds))
        .exclude(annotator__in=withdrawn(project, first=withdrawals(project)))
        .order_by("question_id", "position")
        .annotate(text=Cast("payload", TextField()))
        .values_list("question_id", "judgment_type", "text")
    )
    if without_adjudicated:
        rows = rows.filter(question__adjudications=None)
    if one_in > 1:
        rows = rows.annotate(part=F("question_id") % one_in).filter(part=0)
    for _, said in groupby((row for part in stream(rows) for row in part), key=lambda r: r[0]):
        cast = votes_by_pair(evidence for row in said for evidence in _evidence(row[1], row[2]))
        yield from cast.values()


def attribute_names(project: Project) -> list[str]:
    """Attributes that annotators of the project have declared, in alphabetical order."""
    names: set[str] = set()
    for attributes in Profile.objects.filter(annotator__project=project).values_list(
        "attributes", flat=True
    ):
        names |= set(attributes)
    return sorted(names)


@lru_cache(maxsize=4096)
def _evidence(judgment_type: str, text: str) -> tuple[Evidence, ...]:
    said = JUDGMENT_TYPES[judgment_type].evidence(orjson.loads(text), range(MOST_PLACES))
    return tuple(said)


def _nothing(done: int) -> None:
    return None


def _take_census(
    project: Project, mark: int, curation: Curation, gone: frozenset[int], watch: Watch
) -> Census:
    profiles: dict[int | None, Mapping[str, Any]] = dict(
        Profile.objects.filter(annotator__project=project).values_list("pk", "attributes")
    )
    kinds = dict(Annotator.objects.filter(project=project).values_list("pk", "kind"))
    replaced = Judgment.objects.filter(supersedes=OuterRef("pk"), position__lte=mark)
    rows = (
        Judgment.objects.filter(question__project=project, position__lte=mark)
        .order_by("position")
        .annotate(text=Cast("payload", TextField()), replaced=Exists(replaced))
        .values_list(
            "position",
            "public_id",
            "question_id",
            "annotator_id",
            "profile_id",
            "standing",
            "replaced",
            "judgment_type",
            "text",
        )
    )
    sha = hashlib.sha256()
    counts: Counter[str] = Counter()
    left_out: Counter[tuple[str, str]] = Counter()
    pseudonyms: dict[int, str] = {}
    questions: set[int] = set()
    people: set[tuple[int, int | None]] = set()
    done = 0
    for part in stream(rows):
        for position, public_id, question, annotator, profile, standing, late, kind, text in part:
            pseudonyms.setdefault(annotator, f"annotator-{len(pseudonyms) + 1:05d}")
            reason = _reason(standing, late)
            if not reason:
                counts["judgments"] += 1
                said = f"{position}|{public_id}|{question}|{annotator}|{kind}|{text}\n"
                sha.update(said.encode())
                if annotator in gone:
                    reason = "withdrawn"
                elif kinds[annotator] not in curation.kinds:
                    reason = "kind"
            if reason:
                counts[reason] += 1
                left_out[reason, _declared(profiles.get(profile), curation)] += 1
            else:
                questions.add(question)
                people.add((annotator, profile))
        done += len(part)
        watch(done)
    groups = _groups(people, profiles, curation)
    attributes, withheld = _attributes(people, profiles, curation)
    return Census(
        digest=sha.hexdigest(),
        counts={name: counts[name] for name in ("judgments", "parked", "superseded")},
        included={
            "judgments": counts["judgments"] - counts["kind"] - counts["withdrawn"],
            "annotators": len({annotator for annotator, _ in people}),
            "questions": len(questions),
        },
        pseudonyms=pseudonyms,
        groups=groups,
        attributes=attributes,
        withheld_combinations=withheld,
        left_out=_ledger(left_out, {name for name in groups.values() if name}, curation),
    )


def _reason(standing: str, replaced: bool) -> str:
    if standing == Standing.PARKED:
        return "parked"
    return "superseded" if replaced else ""


def _declared(attributes: Mapping[str, Any] | None, curation: Curation) -> str:
    """The group a profile declares; "all" where the release doesn't separate groups."""
    if not curation.group_by:
        return EVERYBODY
    return str((attributes or {}).get(curation.group_by) or NOT_STATED)


def _groups(
    people: set[tuple[int, int | None]],
    profiles: Mapping[int | None, Mapping[str, Any]],
    curation: Curation,
) -> dict[int | None, str | None]:
    """Per profile its group, None where fewer people than allowed belong to it."""
    if not curation.group_by:
        return {}
    members: dict[str, set[int]] = {}
    for annotator, profile in people:
        members.setdefault(_declared(profiles.get(profile), curation), set()).add(annotator)
    groups: dict[int | None, str | None] = {}
    for _, profile in people:
        name = _declared(profiles.get(profile), curation)
        groups[profile] = name if len(members[name]) >= curation.smallest_cell else None
    return groups


def _attributes(
    people: set[tuple[int, int | None]],
    profiles: Mapping[int | None, Mapping[str, Any]],
    curation: Curation,
) -> tuple[dict[int | None, Mapping[str, str] | None], int]:
    """Per profile the attributes asked for, None where too few people share the combination.

    The second value counts the combinations withheld.
    """
    if not curation.attributes:
        return {}, 0
    combined: dict[tuple[str, ...], set[int]] = {}
    of_profile: dict[int | None, tuple[str, ...]] = {}
    for annotator, profile in people:
        declared = profiles.get(profile) or {}
        values = tuple(str(declared.get(name) or NOT_STATED) for name in curation.attributes)
        of_profile[profile] = values
        combined.setdefault(values, set()).add(annotator)
    shown = {values for values, who in combined.items() if len(who) >= curation.smallest_cell}
    named = {values: dict(zip(curation.attributes, values, strict=True)) for values in shown}
    allowed = {profile: named.get(values) for profile, values in of_profile.items()}
    return dict(allowed), len(combined) - len(shown)


def _ledger(left_out: Counter[tuple[str, str]], shown: set[str], curation: Curation) -> Ledger:
    ledger = Ledger()
    for (reason, group), count in left_out.items():
        named = group if not curation.group_by or group in shown else WITHHELD
        ledger.leave_out(JUDGMENTS, reason, named, count)
    return ledger
