from django.db.models import OuterRef, QuerySet, Subquery
from rest_framework import mixins, serializers

from annotation.access import MANAGERS
from annotation.api.filters import Filter
from annotation.api.permissions import Needs
from annotation.api.serializers.annotators import AnnotatorSerializer
from annotation.api.viewsets import ProjectViewSet
from annotation.models import Annotator, AnnotatorKind, Profile
from annotation.tokens import Scope


class AnnotatorsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Annotator]
):
    """Who judges here. Owners and managers see everybody, others only themselves."""

    queryset = Annotator.objects.none()
    serializer_class = AnnotatorSerializer
    access = {"list": Needs(Scope.READ), "retrieve": Needs(Scope.READ)}
    filters = {
        "kind": Filter("kind", serializers.ChoiceField(choices=AnnotatorKind.choices)),
        "external_id": Filter("external_id", serializers.CharField(max_length=200)),
    }

    def rows(self) -> QuerySet[Annotator]:
        latest = Profile.objects.filter(annotator=OuterRef("pk")).order_by("-version")
        everybody = Annotator.objects.filter(project=self.project).annotate(
            latest_attributes=Subquery(latest.values("attributes")[:1])
        )
        return everybody if self.role in MANAGERS else everybody.filter(user=self.user)
