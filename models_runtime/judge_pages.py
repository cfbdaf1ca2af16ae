"""The pages on which people build judges and compare them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.access import MANAGERS
from annotation.models import Project, Role
from annotation.views.entry import account, for_members
from models_runtime import enqueue
from models_runtime.catalogue import PROTOCOLS
from models_runtime.errors import NotPossible
from models_runtime.judge_forms import JudgingForm
from models_runtime.views import PAGE_METHODS, context_of, given_in, status_of


@require_http_methods(PAGE_METHODS)
@for_members(*MANAGERS)
def new_judging(request: HttpRequest, project: Project, role: Role) -> HttpResponse:
    slug = request.GET.get("protocol", enqueue.DEFAULT_PROTOCOL)
    if slug not in PROTOCOLS:
        slug = enqueue.DEFAULT_PROTOCOL
    form = JudgingForm(given_in(request), project=project, protocol=slug)
    if request.method == "POST" and form.is_valid():
        try:
            made = enqueue.request_judging(project, user=account(request), **form.request_fields())
            return redirect("models_runtime:job", project.slug, made.public_id)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    context = context_of(
        project,
        role,
        form=form,
        title=_("Let a model judge"),
        lead=_(
            "A model answers every question it hasn't answered in this way. It is an annotator "
            "of its own and takes nobody's seat."
        ),
        action=_("Start judging"),
    )
    return render(request, "models_runtime/start.html", context, status=status_of(form))
