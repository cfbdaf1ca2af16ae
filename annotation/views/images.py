"""Images of prompts and responses, fetched by this site for the people who judge them."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from annotation import images
from annotation.models import Project, Role
from annotation.views.entry import for_members

DAY = 24 * 3600


@require_safe
@cache_control(private=True, max_age=DAY)
@for_members()
def image(request: HttpRequest, project: Project, role: Role, ticket: str) -> HttpResponse:
    try:
        shown = images.fetch(project, ticket)
    except images.ImageRefused as error:
        return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")
    return HttpResponse(shown.data, content_type=shown.content_type)
