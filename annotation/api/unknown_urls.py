"""Everything below /api/ that no endpoint serves: included last, it answers in JSON too."""

from django.urls import re_path

from annotation.api.problems import nothing_here

urlpatterns = [re_path(r"^[\s\S]*\Z", nothing_here, name="api-nothing-here")]
