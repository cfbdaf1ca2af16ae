"""The fragment that the project page fetches: what is going on and what was found last."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from aggregation.catalogue import METHODS, method_title
from aggregation.models import Release, Run
from aggregation.presenting import run_view
from annotation.access import MANAGERS, REVIEWERS
from annotation.models import Project, Role, WorkState
from annotation.models.work import OPEN_STATES
from annotation.telling import told
from annotation.views.entry import for_members, is_fragment


@require_safe
@never_cache
@for_members(*REVIEWERS)
def project_panel(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    finished = Run.objects.filter(project=project, state=WorkState.DONE, replay_of=None)
    newest = finished.order_by("-id").first()
    released = Release.objects.filter(project=project, state=WorkState.DONE)
    context = {
        "project": project,
        "role": role,
        "may_start": role in MANAGERS,
        "newest": newest,
        "method": METHODS.get(newest.method) if newest else None,
        "view": run_view(newest) if newest else None,
        "release": released.order_by("-version").first(),
        "runs_going_on": [
            (told(method_title(run.method)), run)
            for run in Run.objects.filter(project=project, state__in=OPEN_STATES)[:5]
        ],
        "releases_going_on": Release.objects.filter(project=project, state__in=OPEN_STATES)[:5],
    }
    template = "aggregation/panel.html" + ("#panel" if is_fragment(request) else "")
    return render(request, template, context)
