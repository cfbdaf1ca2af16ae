"""Beginning a project from a protocol, showing what annotators will see, and changing it later."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation import projects
from annotation.catalogue import JUDGMENT_TYPES, template_of
from annotation.judgment_types import Asked, AskedCriterion
from annotation.models import Criterion, Project, Rubric, User
from annotation.protocols import Protocol
from annotation.rendering import render_markdown
from annotation.showing import Response, Showing
from annotation.steps import NAMES, Steps
from annotation.surveys.asking import set_survey

SAMPLE_PROMPT = _("My neighbour's dog barks all night. What should I do?")
SAMPLES = (
    _(
        "Talk to your neighbour first: **they may not know.** Go by day, be friendly, and say what "
        "you hear and when. If nothing changes after two weeks, write it down and ask the city."
    ),
    _(
        "You could buy earplugs. You could also call the police at once, since noise at night is "
        "often forbidden. Some dogs bark because they are alone."
    ),
)
SAMPLE_CRITERIA = ({"text": _("Does it answer the question?")}, {"text": _("Is it right?")})


def begin(*, owner: User, protocol: Protocol | None, **fields: Any) -> Project:
    """A draft project, with the protocol's criteria and survey if it was begun from one.

    The protocol's options hold where the form's kind of judgment is still the protocol's. Raises
    NameTaken.
    """
    fits = protocol is not None and protocol.judgment_type == fields["judgment_type"]
    with transaction.atomic():
        if protocol is not None and fits:
            own = dict(fields.get("options") or {})
            steps = Steps.of({**protocol.options, "reason": own.get("reason", "optional")})
            own.pop("reason", None)
            fields["options"] = own | steps.options()
        project = projects.create_project(owner=owner, **fields)
        if protocol is not None and fits and protocol.criteria:
            rubric = Rubric.objects.create(project=project, name=protocol.title)
            Criterion.objects.bulk_create(
                Criterion(rubric=rubric, position=position, **each)
                for position, each in enumerate(protocol.criteria)
            )
        if protocol is not None and protocol.survey:
            set_survey(project=project, by=owner, items=protocol.survey, required=True)
        return project


def change_options(
    *, project: Project, steps: Steps, own: Mapping[str, Any], **fields: Any
) -> Project:
    """Change a project's texts and what is asked beside an answer; other options stay.

    `own` are options of the judgment type; a value of None takes one away. Questions asked already
    keep their number of people.
    """
    with transaction.atomic():
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        options = {
            name: value
            for name, value in locked.options.items()
            if name not in NAMES and name not in own
        }
        options |= {name: value for name, value in own.items() if value is not None}
        locked.options = options | steps.options()
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save(update_fields=["options", *fields])
    return locked


def sample(
    judgment_type: str,
    *,
    options: Mapping[str, Any],
    criteria: Sequence[Mapping[str, Any]] = (),
    lease_seconds: int = 1800,
) -> Showing:
    """An invented question as annotators would see it; nothing of it is kept."""
    kind = JUDGMENT_TYPES[judgment_type]
    count = min(max(kind.fewest_candidates, 2), kind.most_candidates)
    wanted = criteria or (SAMPLE_CRITERIA if kind.needs_rubric else ())
    asked = Asked(
        candidates=count,
        criteria=tuple(
            AskedCriterion(
                position,
                str(each["text"]),
                str(each.get("explanation", "")),
                kind.criterion_kind or str(each.get("kind", "yes_no")),
                each.get("anchors", {}),
            )
            for position, each in enumerate(wanted)
        ),
        options=options,
        texts=tuple(map(str, SAMPLES[:count])),
    )
    return Showing(
        handle="",
        reopened=False,
        submission_key="",
        prompt_html=render_markdown(str(SAMPLE_PROMPT)),
        responses=tuple(
            Response(place, "AB"[place], render_markdown(text))
            for place, text in enumerate(map(str, SAMPLES[:count]))
        ),
        form=kind.form_class(asked=asked, shown=tuple(range(count))),
        template=template_of(judgment_type),
        lease_seconds=lease_seconds,
    )
