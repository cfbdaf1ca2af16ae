"""What several commands need: the project that a person named on the command line."""

from django.core.management.base import CommandError

from annotation.models import Project


def project_named(slug: str) -> Project:
    """The project; raises CommandError with the nearest thing to help where there is none."""
    try:
        return Project.objects.get(slug=slug)
    except Project.DoesNotExist as error:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:10])
        raise CommandError(
            f"There is no project “{slug}”. "
            + (f"There are: {known}." if known else "None exists.")
        ) from error
