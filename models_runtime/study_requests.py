"""Asking for studies, what they would cost, and what people make of their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.content import add_candidate, add_prompt
from annotation.models import Criterion, CriterionKind, Project, Prompt, Rubric, User, WorkState
from annotation.phrases import say
from annotation.questions import ask
from models_runtime.call_estimates import CallsEstimate, estimate_calls
from models_runtime.catalogue import STUDIES
from models_runtime.enqueue import check_checkpoint, job_fields, wake
from models_runtime.errors import NotPossible
from models_runtime.judging.options import OptionRefused, Options
from models_runtime.models import Checkpoint, StudyItem, StudyJob, StudySeat
from models_runtime.studies import Size, Study
from models_runtime.study_material import pairs_with_a_winner, prompts_of, read_material

MOST_MEMBERS = 12
MEMBER = "member_"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a study would take: pieces of material and calls, without repairs and new attempts, and
    what those would take of the model."""

    pieces: int
    fewest: int
    most: int
    takes: CallsEstimate

    @property
    def calls(self) -> str:
        if self.fewest == self.most:
            return f"{self.most:,}"
        return say("%(n)s to %(n_most)s", n=f"{self.fewest:,}", n_most=f"{self.most:,}")


@dataclass(frozen=True)
class _Checked:
    study: Study
    options: Options
    seated: dict[str, Checkpoint]
    material: dict[str, Any]


def request_study(
    project: Project,
    checkpoint: Checkpoint,
    *,
    study: str,
    options: Mapping[str, Any] | None = None,
    seats: Mapping[str, Checkpoint] | None = None,
    members: Sequence[Checkpoint] = (),
    seed: int | None = None,
    max_cost: float | None = None,
    user: User | None = None,
) -> StudyJob:
    """Write down that a study is to be made, with the material as it is now, and wake workers.

    `members` are the models beside `checkpoint` at a table of members. Raises NotPossible.
    """
    checked = _check(project, checkpoint, study, options, seats, members)
    with transaction.atomic():
        job = StudyJob.objects.create(
            project=project,
            checkpoint=checkpoint,
            study=study,
            options=checked.options.given(),
            material=checked.material,
            progress_total=1,
            **job_fields(seed, max_cost, user),
        )
        StudySeat.objects.bulk_create(
            StudySeat(job=job, name=name, checkpoint=each) for name, each in checked.seated.items()
        )
        StudyItem.objects.create(job=job)
        wake(job, 1)
    return job


def expected(
    project: Project,
    checkpoint: Checkpoint,
    *,
    study: str,
    options: Mapping[str, Any] | None = None,
    seats: Mapping[str, Checkpoint] | None = None,
    members: Sequence[Checkpoint] = (),
) -> Expected:
    """What a study would take. Raises NotPossible."""
    checked = _check(project, checkpoint, study, options, seats, members)
    pieces = _pieces(checked.study, checked.material)
    families = tuple(each.family for each in (checkpoint, *members))
    size = Size(
        pairs=len(checked.material.get("pairs", ())),
        prompts=len(checked.material.get("prompts", ())),
        members=1 + len(members),
        families=families,
    )
    fewest, most = checked.study.cost(size, checked.options)
    return Expected(pieces, fewest, most, estimate_calls(checkpoint, most))


def _pieces(study: Study, material: Mapping[str, Any]) -> int:
    return len(material.get(study.takes, ()))


def _check(
    project: Project,
    checkpoint: Checkpoint,
    slug: str,
    options: Mapping[str, Any] | None,
    seats: Mapping[str, Checkpoint] | None,
    members: Sequence[Checkpoint],
) -> _Checked:
    if slug not in STUDIES:
        raise NotPossible(say("Choose one of these studies: %(names)s.", names=", ".join(STUDIES)))
    study = STUDIES[slug]
    seated = _seated(study, seats or {}, members)
    for each in (checkpoint, *seated.values()):
        check_checkpoint(project, each)
    try:
        chosen = study.options_class.parse(options or {})
        material = _material(project, study)
        told = read_material(material, seed=0, seated={"judge": checkpoint, **seated})
        study.check(chosen, told)
    except (OptionRefused, ValueError) as refusal:
        raise NotPossible(str(refusal)) from refusal
    pieces = _pieces(study, material)
    if pieces < study.fewest:
        raise NotPossible(_too_few(study, pieces))
    return _Checked(study, chosen, seated, material)


def _seated(
    study: Study, seats: Mapping[str, Checkpoint], members: Sequence[Checkpoint]
) -> dict[str, Checkpoint]:
    """The models beside the first one, by seat."""
    further = list(study.seats)[1:]
    unknown = [name for name in seats if name not in further]
    if unknown:
        known = ", ".join(further) or "none"
        raise NotPossible(
            say(
                "This study has no seat “%(unknown)s”. Further seats: %(known)s.",
                unknown=unknown[0],
                known=known,
            )
        )
    if not study.fewest_members:
        if members:
            raise NotPossible(
                say(
                    "“%(study_title)s” seats no members but these: %(names)s.",
                    study_title=study.title,
                    names=", ".join(further),
                )
            )
        return dict(seats)
    if not study.fewest_members <= 1 + len(members) <= MOST_MEMBERS:
        raise NotPossible(
            say(
                "“%(study_title)s” needs %(fewest_members)s to %(most_members)s models "
                "at the table.",
                study_title=study.title,
                fewest_members=study.fewest_members,
                most_members=MOST_MEMBERS,
            )
        )
    return {f"{MEMBER}{n}": each for n, each in enumerate(members, 2)}


def _material(project: Project, study: Study) -> dict[str, Any]:
    if study.takes == "pairs":
        return {"pairs": [list(each) for each in pairs_with_a_winner(project, most=study.most)]}
    return {"prompts": prompts_of(project, most=study.most)}


def _too_few(study: Study, pieces: int) -> str:
    if study.takes == "pairs":
        return say(
            "“%(study_title)s” needs %(fewest)s pairs on which people have a "
            "majority; there are %(pieces)s.",
            study_title=study.title,
            fewest=study.fewest,
            pieces=pieces,
        )
    return say("There are no prompts yet. Import some first.")


# --- What people make of results ------------------------------------------------------------------


def make_rubric(job: StudyJob, *, user: User | None) -> Rubric:
    """The mined criteria as a draft that people edit and freeze; made once. Raises NotPossible."""
    with transaction.atomic():
        held = StudyJob.objects.select_for_update(of=("self",)).get(pk=job.pk)
        if held.rubric is not None:
            return held.rubric
        found = (held.result() or {}).get("criteria") or []
        mined = [each for each in found if isinstance(each, dict)]
        if held.state != WorkState.DONE or not mined:
            raise NotPossible(_("This study has found no criteria to make a rubric of."))
        name = _("Criteria mined on %(day)s") % {"day": f"{timezone.now():%Y-%m-%d}"}
        version = Rubric.objects.filter(project=held.project, name=name).count() + 1
        rubric = Rubric.objects.create(
            project=held.project,
            name=name,
            version=version,
            written_by=str(user or held.checkpoint.label)[:200],
        )
        Criterion.objects.bulk_create(
            Criterion(
                rubric=rubric, position=place, text=each["text"], kind=CriterionKind.YES_NO,
                weight=each["weight"] or 1.0,
            )
            for place, each in enumerate(mined)
        )  # fmt: skip
        held.rubric = rubric
        StudyJob.objects.filter(pk=held.pk).update(rubric=rubric)
    return rubric


def take_in(job: StudyJob) -> int:
    """A study's prompts and texts as the project's own, asked about in pairs, so that people can
    judge them too; done once. How many questions were asked. Raises NotPossible."""
    with transaction.atomic():
        held = StudyJob.objects.select_for_update(of=("self",)).get(pk=job.pk)
        result = held.result() or {}
        if held.state != WorkState.DONE or not (result.get("prompts") or result.get("pairs")):
            raise NotPossible(_("This study has written nothing to take into the project."))
        if held.taken_at is not None:
            raise NotPossible(_("What this study wrote is in the project already."))
        asked = _take_answers(held, result) if result.get("prompts") else _take_pairs(held, result)
        StudyJob.objects.filter(pk=held.pk).update(taken_at=timezone.now())
    return asked


def _take_answers(job: StudyJob, result: Mapping[str, Any]) -> int:
    """A council's prompts and answers, every pair of answers asked about."""
    seated = job.seated()
    own = _own_prompts(job)
    asked = 0
    for told in result["prompts"]:
        prompt = own.get(told["key"]) or add_prompt(
            project=job.project, messages=told["text"],
            external_id=f"{job.public_id.hex[:12]}-{told['key']}",
        )  # fmt: skip
        made = [
            add_candidate(
                prompt=prompt, text=text, system=seated[seat].label, family=seated[seat].family
            )
            for seat, text in sorted(told["answers"].items())
        ]
        for place, first in enumerate(made):
            for second in made[place + 1 :]:
                ask(project=job.project, candidates=[first, second], judgment_type="pairwise")
                asked += 1
    return asked


def _take_pairs(job: StudyJob, result: Mapping[str, Any]) -> int:
    """A loop's pairs, each asked about."""
    target = job.seated()["target"]
    own = _own_prompts(job)
    asked = 0
    for told in result["pairs"]:
        prompt = own.get(told["prompt"])
        if prompt is None or told["reward"] is None:
            continue
        made = [
            add_candidate(
                prompt=prompt, text=told[which], system=target.label, family=target.family
            )
            for which in ("chosen", "rejected")
        ]
        ask(project=job.project, candidates=made, judgment_type="pairwise")
        asked += 1
    return asked


def _own_prompts(job: StudyJob) -> dict[str, Prompt]:
    """The job's own prompts by the key its study knows them by."""
    ids = job.material.get("prompts", [])
    rows = Prompt.objects.in_bulk(ids)
    return {
        f"{rows[pk].content_hash[:12]}-{place}": rows[pk]
        for place, pk in enumerate(ids)
        if pk in rows
    }
