"""Addresses under /api/v1/ that this app serves."""

from django.urls import path

from annotation.api.router import ApiRouter
from models_runtime.api import (
    CheckpointsViewSet,
    EnginesView,
    GenerationJobsViewSet,
    JudgingJobsViewSet,
    ScoringJobsViewSet,
)
from models_runtime.audit_api import JudgeAuditsViewSet
from models_runtime.combining_api import CombinationsViewSet
from models_runtime.diversity_api import DiversityView
from models_runtime.iteration_api import IterationsView, VotesView
from models_runtime.judge_api import JudgesViewSet, ProtocolsView
from models_runtime.operations_api import OperationsView
from models_runtime.picking_api import PicksView, SelectorsView
from models_runtime.prompt_api import PromptJobsViewSet
from models_runtime.study_api import StudiesViewSet, StudyKindsView

router = ApiRouter()
router.register_in_project("studies", StudiesViewSet)
router.register_in_project("checkpoints", CheckpointsViewSet)
router.register_in_project("combinations", CombinationsViewSet)
router.register_in_project("generation-jobs", GenerationJobsViewSet)
router.register_in_project("judging-jobs", JudgingJobsViewSet)
router.register_in_project("judge-audits", JudgeAuditsViewSet)
router.register_in_project("prompt-jobs", PromptJobsViewSet)
router.register_in_project("scoring-jobs", ScoringJobsViewSet)
router.register_in_project("judges", JudgesViewSet)

urlpatterns = [
    path("protocols/", ProtocolsView.as_view(), name="api-protocols"),
    path("studies/", StudyKindsView.as_view(), name="api-study-kinds"),
    path("selectors/", SelectorsView.as_view(), name="api-selectors"),
    path("projects/<slug:project>/diversity/", DiversityView.as_view(), name="api-diversity"),
    path("projects/<slug:project>/iterations/", IterationsView.as_view(), name="api-iterations"),
    path("projects/<slug:project>/votes/", VotesView.as_view(), name="api-votes"),
    path("projects/<slug:project>/picks/", PicksView.as_view(), name="api-picks"),
    path("operations/", OperationsView.as_view(), name="api-operations"),
    path("engines/", EnginesView.as_view(), name="api-engines"),
    *router.urls,
]
