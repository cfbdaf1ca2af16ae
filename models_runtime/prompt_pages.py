"""The page on which prompts are asked for."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.access import MANAGERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members
from models_runtime.errors import NotPossible
from models_runtime.prompt_forms import PromptsForm, seeds_there
from models_runtime.prompt_requests import estimate_prompts, request_prompts
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_prompts(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    form = PromptsForm(given_in(request), project=project)
    estimate = None
    if request.method == "POST" and form.is_valid():
        try:
            if "estimate" not in request.POST:
                asked = form.request_fields()
                made = request_prompts(project, user=account(request), **asked)
                return redirect("models_runtime:job", project.slug, made.public_id)
            estimate = estimate_prompts(project, **form.estimate_fields())
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context = context_of(
        project,
        role,
        form=form,
        title=_("Write prompts"),
        lead=_(
            "A model writes prompts after the %(count)s that people brought. Each is filtered, and "
            "whatever is dropped is counted with its reason."
        )
        % {"count": f"{seeds_there(project):,}"},
        action=_("Start writing"),
        estimates=True,
        estimate=estimate,
    )
    status = HTTPStatus.OK if estimate is not None else status_of(form)
    return render(request, "models_runtime/start.html", context, status=status)
