from django.db.models import QuerySet
from rest_framework import mixins, serializers

from annotation.access import REVIEWERS
from annotation.api.filters import Filter
from annotation.api.permissions import Needs
from annotation.api.serializers.assigning import DecisionSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Decision, DecisionKind
from annotation.tokens import Scope


class DecisionsViewSet(mixins.ListModelMixin, ProjectViewSet[Decision]):
    """What the rules of assignment decided: more people asked, early ends, warnings, pauses."""

    queryset = Decision.objects.none()
    serializer_class = DecisionSerializer
    access = {"list": Needs(Scope.READ, REVIEWERS)}
    filters = {
        "kind": Filter("kind", serializers.ChoiceField(choices=DecisionKind.choices)),
        "question": Filter("question__public_id", serializers.UUIDField()),
        "annotator": Filter("annotator__public_id", serializers.UUIDField()),
    }

    def rows(self) -> QuerySet[Decision]:
        return Decision.objects.filter(project=self.project).select_related("question", "annotator")
