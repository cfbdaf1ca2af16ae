"""Everything below /api/ that no endpoint serves: included last, it answers in JSON too."""

from django.urls import path

from annotation.api.problems import nothing_here

urlpatterns = [
    path("", nothing_here, name="api-nothing-here"),
    path("<path:address>", nothing_here),
]
