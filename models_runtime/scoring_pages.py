"""The page on which measuring is started."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.access import MANAGERS
from annotation.models import Candidate, Project, Role
from annotation.views.entry import account, for_members
from models_runtime import enqueue
from models_runtime.errors import NotPossible
from models_runtime.scoring_estimates import estimate_scoring
from models_runtime.scoring_forms import ScoringForm
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_scoring(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = ScoringForm(given_in(request), project=project)
    estimate = None
    if request.method == "POST" and form.is_valid():
        try:
            if "estimate" not in request.POST:
                asked = form.request_fields()
                made = enqueue.request_scoring(project, user=account(request), **asked)
                return redirect("models_runtime:job", project.slug, made.public_id)
            estimate = estimate_scoring(project, **form.estimate_fields())
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    count = Candidate.objects.filter(prompt__project=project).count()
    context = context_of(
        project,
        role,
        form=form,
        title=_("Measure candidates"),
        lead=_(
            "A model puts numbers or vectors on this project's %(count)s candidates. Judges never "
            "see them."
        )
        % {"count": f"{count:,}"},
        action=_("Start measuring"),
        estimates=True,
        reading=estimate,
    )
    status = HTTPStatus.OK if estimate is not None else status_of(form)
    return render(request, "models_runtime/start.html", context, status=status)
