from django.urls import URLPattern, URLResolver

app_name = "models_runtime"

urlpatterns: list[URLPattern | URLResolver] = []
