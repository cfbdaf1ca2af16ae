from collections.abc import Iterator

from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    name = "annotation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Walk the judgment types once, so that a broken plug-in stops start-up by its name."""
        from annotation.catalogue import JUDGMENT_TYPES, check_templates

        check_templates(JUDGMENT_TYPES)

    def said(self) -> Iterator[str]:
        """What its pure parts declare and pages tell in another language."""
        from annotation.plugin_texts import plugin_texts

        return plugin_texts()
