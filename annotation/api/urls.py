"""Addresses under /api/v1/ that this app serves. See `annotation.api.router` for the convention."""

from typing import Any

from django.urls import path
from django.views.decorators.cache import cache_page
from drf_spectacular.views import SpectacularJSONAPIView

from annotation.api.endpoints.annotators import AnnotatorsViewSet
from annotation.api.endpoints.assignments import AssignmentsViewSet
from annotation.api.endpoints.content import (
    CandidatesViewSet,
    MeasurementsViewSet,
    PromptsViewSet,
    QuestionsViewSet,
    RubricsViewSet,
    SystemsViewSet,
)
from annotation.api.endpoints.decisions import DecisionsViewSet
from annotation.api.endpoints.gold import GoldViewSet
from annotation.api.endpoints.imports import ImportsViewSet
from annotation.api.endpoints.joining import (
    InvitationsViewSet,
    JoiningsViewSet,
    MembershipsViewSet,
    WithdrawalsViewSet,
)
from annotation.api.endpoints.judgments import JudgmentsViewSet
from annotation.api.endpoints.projects import (
    GuidelinesViewSet,
    MeView,
    ProjectsViewSet,
    StatesViewSet,
)
from annotation.api.endpoints.quality import ProgressViewSet, TeamViewSet
from annotation.api.endpoints.review import (
    AdjudicationsViewSet,
    CommentsViewSet,
    DisputesViewSet,
    RequeuesViewSet,
)
from annotation.api.endpoints.surveys import ProfilesViewSet, SurveysViewSet
from annotation.api.endpoints.webhooks import DeliveriesViewSet, WebhooksViewSet
from annotation.api.router import ApiRouter
from annotation.api.viewsets import ProjectViewSet

router = ApiRouter()
IN_PROJECT: dict[str, type[ProjectViewSet[Any]]] = {
    "judgments": JudgmentsViewSet,  # asked for most often, so found first
    "assignments": AssignmentsViewSet,
    "guidelines": GuidelinesViewSet,
    "prompts": PromptsViewSet,
    "candidates": CandidatesViewSet,
    "systems": SystemsViewSet,
    "measurements": MeasurementsViewSet,
    "rubrics": RubricsViewSet,
    "questions": QuestionsViewSet,
    "annotators": AnnotatorsViewSet,
    "imports": ImportsViewSet,
    "decisions": DecisionsViewSet,
    "state": StatesViewSet,
    "webhooks": WebhooksViewSet,
    "deliveries": DeliveriesViewSet,
    "adjudications": AdjudicationsViewSet,
    "comments": CommentsViewSet,
    "requeues": RequeuesViewSet,
    "disputes": DisputesViewSet,
    "invitations": InvitationsViewSet,
    "memberships": MembershipsViewSet,
    "surveys": SurveysViewSet,
    "profiles": ProfilesViewSet,
    "withdrawals": WithdrawalsViewSet,
    "team": TeamViewSet,
    "progress": ProgressViewSet,
    "gold": GoldViewSet,
}
for noun, viewset in IN_PROJECT.items():
    router.register_in_project(noun, viewset)
router.register("projects", ProjectsViewSet)
router.register("joinings", JoiningsViewSet)

urlpatterns = [
    *router.urls,
    path("schema/", cache_page(3600)(SpectacularJSONAPIView.as_view()), name="api-schema"),
    path("me/", MeView.as_view(), name="api-me"),
]
