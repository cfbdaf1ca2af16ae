from django.contrib import admin
from django.urls import include, path

from config.health import healthz

urlpatterns = [
    path("", include("annotation.urls")),
    path("", include("aggregation.urls")),
    path("", include("models_runtime.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
]
