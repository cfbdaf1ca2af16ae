from collections.abc import Iterator

from django.apps import AppConfig


class ModelsRuntimeConfig(AppConfig):
    name = "models_runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def said(self) -> Iterator[str]:
        """What its pure parts declare and pages tell in another language."""
        from models_runtime.plugin_texts import plugin_texts

        return plugin_texts()
