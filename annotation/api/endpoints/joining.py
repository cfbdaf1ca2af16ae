"""How people come into a project, which role they have, and how they leave with their answers."""

from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from annotation import attempts, consent, invitations, projects
from annotation.access import MANAGERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.forms import cleaned
from annotation.api.permissions import Needs
from annotation.api.problems import CONTENT_TYPE
from annotation.api.schema import ProblemSerializer
from annotation.api.serializers.joining import (
    InvitationSerializer,
    IssuedInvitationSerializer,
    JoinedSerializer,
    MembershipSerializer,
    NewInvitationSerializer,
    NewJoiningSerializer,
    NewMembershipSerializer,
    NewWithdrawalSerializer,
    WithdrawalSerializer,
)
from annotation.api.viewsets import ProjectViewSet, ScopedViewSet
from annotation.errors import NotAllowed
from annotation.forms import MemberForm
from annotation.joining_forms import InvitationForm, WithdrawForm
from annotation.models import ApiToken, Invitation, Joining, Membership, Role, Withdrawal
from annotation.tokens import Scope

MANAGING = Needs(Scope.MANAGE, MANAGERS)


class InvitationsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Invitation]
):
    """Links by which people join the project as annotators."""

    queryset = Invitation.objects.none()
    serializer_class = InvitationSerializer
    access = dict.fromkeys(("list", "retrieve", "create", "withdraw"), MANAGING)

    def rows(self) -> QuerySet[Invitation]:
        return Invitation.objects.filter(project=self.project).annotate(uses=Count("joinings"))

    @extend_schema(request=NewInvitationSerializer, responses={201: IssuedInvitationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a link. The answer is the only one that ever shows its address."""
        refuse_unknown(request, set())
        given = NewInvitationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = cleaned(InvitationForm(given.validated_data))
        issued = invitations.invite(project=self.project, by=self.user, **asked)
        link = request.build_absolute_uri(reverse("annotation:join", args=[issued.secret]))
        made = self.rows().get(pk=issued.invitation.pk)
        body = IssuedInvitationSerializer(made, context={"link": link}).data
        return Response(body, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=InvitationSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let nobody else in by this link. Whoever came by it stays."""
        refuse_unknown(request, set())
        found = self.get_object()
        invitations.withdraw(found)
        return Response(InvitationSerializer(self.rows().get(pk=found.pk)).data)


class JoiningsViewSet(ScopedViewSet[Joining]):
    """Joining a project by the link of an invitation, with the account that asks."""

    queryset = Joining.objects.none()
    access = {"create": Needs(Scope.JUDGE)}

    @extend_schema(
        request=NewJoiningSerializer,
        responses={201: JoinedSerializer, (410, CONTENT_TYPE): ProblemSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Become an annotator of the link's project. 410 if the link lets nobody in any more."""
        refuse_unknown(request, set())
        if isinstance(request.auth, ApiToken) and request.auth.project_id is not None:
            raise NotAllowed("This token is for one project, so it can't join another.")
        given = NewJoiningSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        address = attempts.address_of(request)
        wait = attempts.wait_for(attempts.INVITATION, address)
        if wait > 0:
            raise Throttled(wait=wait)
        try:
            project = invitations.join(secret=given.validated_data["secret"], user=self.user)
        except invitations.InvitationSpent:
            attempts.record_failure(attempts.INVITATION, address)
            raise
        return Response({"project": project.slug}, status=status.HTTP_201_CREATED)


class MembershipsViewSet(mixins.ListModelMixin, ProjectViewSet[Membership]):
    """Which accounts have which role in the project."""

    queryset = Membership.objects.none()
    serializer_class = MembershipSerializer
    access = dict.fromkeys(("list", "create"), MANAGING)
    filters = {"role": Filter("role", serializers.ChoiceField(choices=Role.choices))}

    def rows(self) -> QuerySet[Membership]:
        return Membership.objects.filter(project=self.project).select_related("user")

    @extend_schema(request=NewMembershipSerializer, responses={201: MembershipSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give an account a role, a first or another one. An owner's role isn't changed here."""
        refuse_unknown(request, set())
        given = NewMembershipSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = cleaned(MemberForm(given.validated_data))
        made = projects.set_role(
            project=self.project, username=asked["username"], role=Role(asked["role"])
        )
        return Response(MembershipSerializer(made).data, status=status.HTTP_201_CREATED)


class WithdrawalsViewSet(mixins.ListModelMixin, ProjectViewSet[Withdrawal]):
    """Who left with their answers. Owners and managers see all, others only their own."""

    queryset = Withdrawal.objects.none()
    serializer_class = WithdrawalSerializer
    access = {"list": Needs(Scope.READ), "create": Needs(Scope.JUDGE)}
    page_key = "number"
    page_order = "number"

    def rows(self) -> QuerySet[Withdrawal]:
        found = Withdrawal.objects.filter(project=self.project).select_related("annotator")
        return found if self.role in MANAGERS else found.filter(annotator__user=self.user)

    @extend_schema(request=NewWithdrawalSerializer, responses={201: WithdrawalSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take your own answers out of everything made from now on. It can't be undone."""
        refuse_unknown(request, set())
        given = NewWithdrawalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        cleaned(WithdrawForm(given.validated_data))
        made = consent.withdraw(self.annotator)
        return Response(WithdrawalSerializer(made).data, status=status.HTTP_201_CREATED)
