"""Addresses under /api/v1/ that this app serves."""

from aggregation.api.elections import ElectionsViewSet
from aggregation.api.endpoints import (
    ChecksViewSet,
    ExaminationsViewSet,
    MethodsViewSet,
    ReleasesViewSet,
    RunsViewSet,
)
from aggregation.api.onboarding import OnboardingQuestionsViewSet, PanelsViewSet
from aggregation.api.reports import ReportsViewSet
from aggregation.api.steering import PriorityRoundsViewSet
from aggregation.api.tie_breaks import TieBreaksViewSet
from annotation.api.router import ApiRouter

router = ApiRouter()
router.register("elections", ElectionsViewSet)
router.register("methods", MethodsViewSet)
router.register("tie-breaks", TieBreaksViewSet)
router.register_in_project("runs", RunsViewSet)
router.register_in_project("examinations", ExaminationsViewSet)
router.register_in_project("reports", ReportsViewSet)
router.register_in_project("priority-rounds", PriorityRoundsViewSet)
router.register_in_project("releases", ReleasesViewSet)
router.register_in_project("release-checks", ChecksViewSet)
router.register_in_project("onboarding-questions", OnboardingQuestionsViewSet)
router.register_in_project("panels", PanelsViewSet)
urlpatterns = router.urls
