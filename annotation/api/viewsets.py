"""What endpoints have in common."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.viewsets import GenericViewSet

from annotation import access
from annotation.access import Entrance
from annotation.api.filters import Filter
from annotation.api.permissions import HasScope, Needs, ProjectAccess
from annotation.errors import SurveyDue
from annotation.models import Annotator, Project, Role, User

M = TypeVar("M", bound=Model)


class ScopedViewSet(GenericViewSet[M]):
    """Endpoints outside any one project. `access` names what each action needs."""

    access: ClassVar[Mapping[str, Needs]] = {}
    filters: ClassVar[Mapping[str, Filter]] = {}
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    permission_classes: Sequence[type[BasePermission]] = (HasScope,)

    @property
    def user(self) -> User:
        user = self.request.user
        assert isinstance(user, User), "the permission class lets nobody else in"
        return user


class ProjectViewSet(ScopedViewSet[M]):
    """Endpoints under /projects/<slug>/: the project and the sender's role in it are at hand.

    `entrance`, `project` and `role` are set by the permission class, before any handler runs. A
    subclass says what a member may see in `rows()`, which must be narrowed to `self.project`.
    """

    permission_classes = (ProjectAccess,)
    entrance: Entrance
    project: Project
    role: Role

    def rows(self) -> QuerySet[M]:
        raise NotImplementedError(f"{type(self).__name__} must say which rows a member may see")

    def get_queryset(self) -> QuerySet[M]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn without a request
            model: type[M] = self.queryset.model  # type: ignore[union-attr, arg-type]
            return model._default_manager.none()
        return self.rows()

    def refuse_if_survey_is_due(self) -> None:
        """Raise SurveyDue unless the sender has answered or skipped what must come first."""
        if self.entrance.survey_due:
            raise SurveyDue

    @cached_property
    def annotator(self) -> Annotator:
        """The sender as an annotator of this project, made on first use."""
        known = self.entrance.annotator
        annotator = known or access.annotator_of(self.project, self.user)
        annotator.project = self.project
        return annotator
