from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from config.health import healthz

handler500 = "annotation.views.failures.server_error"
urlpatterns = [
    path("api/v1/", include("annotation.api.urls")),
    path("api/v1/", include("aggregation.api_urls")),
    path("api/v1/", include("models_runtime.api_urls")),
    path("api/", include("annotation.api.unknown_urls")),
    path("", include("annotation.urls")),
    path("", include("annotation.sign_in_urls")),
    path("", include("aggregation.urls")),
    path("", include("models_runtime.urls")),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("healthz", healthz, name="healthz"),
]
