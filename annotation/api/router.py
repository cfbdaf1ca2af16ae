"""How endpoints get their addresses, here and in the sibling apps.

An app makes one router, registers its view sets and hands over `urlpatterns` in `api_urls.py`:

    router = ApiRouter()
    router.register_in_project("runs", RunViewSet)      # /api/v1/projects/<project>/runs/
    router.register("engines", EngineViewSet)           # /api/v1/engines/
    urlpatterns = router.urls

`config/urls.py` includes `annotation.api.urls` and each app's `api_urls` under /api/v1/, so no app
needs to know of another. Names are `api-<noun>-list`, `api-<noun>-detail`, `api-<noun>-<action>`.
"""

from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ViewSetMixin


class ApiRouter(SimpleRouter):
    """Plural nouns with a trailing slash; what is looked up, `ScopedViewSet` says: a UUID."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=True, use_regex_path=False)

    def register(
        self, prefix: str, viewset: type[ViewSetMixin], basename: str | None = None
    ) -> None:
        super().register(prefix, viewset, basename=basename or f"api-{prefix}")

    def register_in_project(
        self, noun: str, viewset: type[ViewSetMixin], basename: str | None = None
    ) -> None:
        """Serve `viewset` (a ProjectViewSet) below /projects/<project>/."""
        self.register(f"projects/<slug:project>/{noun}", viewset, basename or f"api-{noun}")
