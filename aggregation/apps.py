from collections.abc import Iterator

from django.apps import AppConfig


class AggregationConfig(AppConfig):
    name = "aggregation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Walk methods and exports once, so that a broken plug-in stops start-up by its name."""
        from aggregation import catalogue  # noqa: F401

    def said(self) -> Iterator[str]:
        """What its pure parts declare and pages tell in another language."""
        from aggregation.plugin_texts import plugin_texts

        return plugin_texts()
