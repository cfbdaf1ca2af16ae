from django.urls import URLPattern, URLResolver

app_name = "aggregation"

urlpatterns: list[URLPattern | URLResolver] = []
