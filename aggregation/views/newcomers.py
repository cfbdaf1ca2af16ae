"""Newcomers: in which group somebody stands after their answers, what to ask them, fair panels."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from aggregation.chart_markup import chart_markup
from aggregation.charts.belief_path import belief_path
from aggregation.charts.interval_bars import Cluster, IntervalBar, interval_bars
from aggregation.enqueue import NotPossible
from aggregation.known_groups import KnownGroups, groups_of_run, path_of, runs_with_groups
from aggregation.models import Run, Steering
from aggregation.newcomers import Onboarding, onboarding_questions
from aggregation.newcomers_forms import NewcomerForm, PanelForm
from aggregation.panels import Panel, draw_panel
from aggregation.tables import TableError
from aggregation.wording import excerpt
from annotation.access import MANAGERS
from annotation.models import Annotator, Project, Role
from annotation.telling import told
from annotation.views.entry import for_members

ON_GROUPS = "who_is_where"
EXCERPT = 160


@dataclass(frozen=True)
class Standing:
    """Where somebody stands: a bar per group, and the way there."""

    who: str
    answers: int
    bars: SafeString
    path: SafeString
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    sentence: str


@dataclass(frozen=True)
class Asked:
    """A question to ask: its prompt, the bits its answer tells, and how it came to be chosen."""

    name: str
    prompt: str
    bits: str
    by_chance: bool
    chance: str


@require_safe
@never_cache
@for_members(*MANAGERS)
def newcomers(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    runs, refused = _telling_runs(project)
    context: dict[str, Any] = {
        "project": project,
        "role": role,
        "runs": runs,
        "refused": refused,
        "steering": Steering.objects.filter(project=project, is_on=True, rule=ON_GROUPS).exists(),
    }
    if runs:
        context |= _about(request, project, runs)
    return render(request, "aggregation/newcomers.html", context)


def _telling_runs(project: Project) -> tuple[list[Run], str]:
    """Runs that tell at least two groups apart; without any, why the newest doesn't."""
    telling, refused = [], ""
    for run in runs_with_groups(project):
        try:
            groups_of_run(run)
        except TableError as error:
            refused = refused or str(error)
        else:
            telling.append(run)
    return telling, refused


def _about(request: HttpRequest, project: Project, runs: list[Run]) -> dict[str, Any]:
    asked = {"run": str(runs[0].public_id), "annotator": "", "number": "5"}
    given = asked | {name: request.GET[name] for name in asked if request.GET.get(name)}
    form = NewcomerForm(given, project=project, runs=runs)
    panel_form = PanelForm(request.GET if "seats" in request.GET else None)
    context: dict[str, Any] = {"form": form, "panel_form": panel_form}
    if not form.is_valid():
        return context
    run, annotator = form.cleaned_data["run"], form.cleaned_data["annotator"]
    groups = groups_of_run(run)
    context |= {
        "run": run,
        "groups": [told(name) for name in groups.names],
        "standing": _standing(groups, annotator),
    }
    try:
        found = onboarding_questions(run, annotator=annotator, number=form.cleaned_data["number"])
        context |= {"questions": _asked(found), "pool": found.pool}
    except NotPossible as refusal:
        context["no_questions"] = str(refusal)
    if panel_form.is_valid():
        try:
            context["panel"] = _seated(draw_panel(run, **panel_form.cleaned_data))
        except NotPossible as refusal:
            panel_form.add_error("seats", str(refusal))
    return context


def _standing(groups: KnownGroups, annotator: Annotator | None) -> Standing:
    names = [told(name) for name in groups.names]
    path = [groups.shares] if annotator is None else list(path_of(groups, annotator))
    now, n = path[-1], len(path) - 1
    bars = [
        Cluster(name, [IntervalBar(float(chance), _percent(float(chance)), kind=g)])
        for g, (name, chance) in enumerate(zip(names, now, strict=True))
    ]
    best = int(now.argmax())
    if n == 0:
        sentence = _(
            "Without an answer nothing is known about a person but how large the groups are."
        )
    elif now[best] >= 0.8:
        sentence = _("After %(n)s answers most likely in %(group)s, with chance %(chance)s.") % {
            "n": n,
            "group": names[best],
            "chance": _percent(float(now[best])),
        }
    else:
        sentence = _(
            "After %(n)s answers no group has a chance of 80 %% yet: ask more before you rely on "
            "it."
        ) % {"n": n}
    if annotator is not None and groups.looks_random(annotator.external_id):
        sentence += " " + _("But the run takes these votes for random ones, of no group.")
    drawn = [[float(chance) for chance in row] for row in path]
    return Standing(
        annotator.external_id if annotator else "",
        n,
        chart_markup(interval_bars("standing", bars, title=_("Chance of each group"))),
        chart_markup(
            belief_path(
                "path",
                drawn,
                names,
                title=_("Chance of each group after each answer"),
                x_unit=_("answers"),
            )
        ),
        tuple((k, tuple(_percent(chance) for chance in row)) for k, row in enumerate(drawn)),
        sentence,
    )


def _asked(found: Onboarding) -> tuple[Asked, ...]:
    return tuple(
        Asked(
            question.external_id,
            excerpt(question.prompt.last_text(), EXCERPT),
            f"{one.information:.2f}",
            one.by_chance,
            f"{one.propensity:.3g}",
        )
        for question, one in found.questions
    )


def _seated(panel: Panel) -> dict[str, Any]:
    seats = [
        (group, panel.seats.get(group, 0), members) for group, members in panel.members.items()
    ]
    return {
        "people": panel.people,
        "chance": _percent(panel.chance),
        "drawn_from": panel.drawn_from,
        "seats": sorted(seats),
    }


def _percent(chance: float) -> str:
    return f"{100 * chance:.0f}\N{NO-BREAK SPACE}%"
