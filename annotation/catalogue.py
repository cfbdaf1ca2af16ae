"""What this app's plug-in folders hold."""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from annotation.judgment_types import JudgmentType
from config.plugins import discover

JUDGMENT_TYPES: dict[str, JudgmentType] = discover("annotation.judgment_types", "JUDGMENT_TYPE")


def template_of(slug: str) -> str:
    return f"annotation/judgment_types/{slug}.html"


def check_templates(types: Mapping[str, JudgmentType]) -> None:
    """Raise ImproperlyConfigured if a judgment type lacks its template."""
    for slug in types:
        try:
            get_template(template_of(slug))
        except TemplateDoesNotExist as error:
            raise ImproperlyConfigured(
                f"judgment type “{slug}” has no template templates/{template_of(slug)}"
            ) from error
