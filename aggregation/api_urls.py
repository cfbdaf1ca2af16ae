"""Addresses under /api/v1/ that this app serves."""

from annotation.api.router import ApiRouter

router = ApiRouter()
urlpatterns = router.urls
