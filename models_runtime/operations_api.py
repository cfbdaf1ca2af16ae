"""GET /api/v1/operations/: what the operations page tells, for staff and their monitoring."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.api.filters import refuse_unknown
from annotation.api.permissions import HasScope, Needs
from annotation.models import ApiToken, User
from annotation.tokens import Scope
from models_runtime.operations import overview

FOR_STAFF = "This is for the staff of this installation. Ask whoever runs it."
WHOLE_TOKEN = "This needs a token that isn't limited to one project."  # noqa: S105 - a sentence


class DepthSerializer(serializers.Serializer[Any]):
    """How much of one kind of work is open; spans of time in seconds."""

    queue = serializers.CharField(allow_blank=True)
    kind = serializers.CharField()
    queued = serializers.IntegerField()
    later = serializers.IntegerField(help_text="Queued, but not due yet.")
    running = serializers.IntegerField()
    expired = serializers.IntegerField(help_text="Running, but the lease ran out.")
    oldest_wait_seconds = serializers.FloatField(allow_null=True)
    oldest_lease = serializers.DateTimeField(allow_null=True)


class ShiftSerializer(serializers.Serializer[Any]):
    """A worker that holds rows; `heard` is when it last renewed its leases."""

    worker = serializers.CharField()
    kind = serializers.CharField()
    job = serializers.CharField()
    project = serializers.CharField()
    rows = serializers.IntegerField()
    heard = serializers.DateTimeField()
    lives = serializers.BooleanField()


class ProcessSerializer(serializers.Serializer[Any]):
    """A worker process by what it last said of itself. `used` and `total` are bytes of its GPU,
    null where it uses none; `lives` is false once it hasn't been heard of for a minute."""

    name = serializers.CharField()
    pid = serializers.IntegerField()
    queues = serializers.CharField(allow_blank=True)
    started = serializers.DateTimeField()
    seen = serializers.DateTimeField()
    lives = serializers.BooleanField()
    device = serializers.CharField(allow_blank=True)
    used = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    held = serializers.ListField(child=serializers.CharField(), help_text="Models it keeps loaded.")
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Tasks it was sent and doesn't know."
    )


class DeviceUseSerializer(serializers.Serializer[Any]):
    """How long a day's shifts of a project kept a device of ours; memory in bytes."""

    project = serializers.CharField(source="slug")
    day = serializers.DateField()
    device = serializers.CharField()
    minutes = serializers.FloatField()
    shifts = serializers.IntegerField()
    peak = serializers.IntegerField()
    total = serializers.IntegerField()


class TraceSerializer(serializers.Serializer[Any]):
    """The newest that a kind of worker wrote, and how many in the last 24 hours."""

    kind = serializers.CharField()
    newest = serializers.DateTimeField(allow_null=True)
    lately = serializers.IntegerField()


class FailureCountSerializer(serializers.Serializer[Any]):
    """What failed in the last 24 hours for one cause."""

    what = serializers.CharField(help_text="Calls, rows or jobs.")
    kind = serializers.CharField()
    cause = serializers.CharField(allow_blank=True)
    example = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()


class SpendingSerializer(serializers.Serializer[Any]):
    """What a project's calls used on a day (UTC). `minutes` is null where no call was timed."""

    project = serializers.CharField(source="slug")
    day = serializers.DateField()
    calls = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost = serializers.FloatField()
    minutes = serializers.FloatField(allow_null=True)


class RoomSerializer(serializers.Serializer[Any]):
    """In bytes."""

    database = serializers.IntegerField()
    disk_free = serializers.IntegerField()
    disk_total = serializers.IntegerField()


class OperationsSerializer(serializers.Serializer[Any]):
    """How the background work of this installation stands, told from rows."""

    looked_at = serializers.DateTimeField(source="standing.looked_at")
    is_idle = serializers.BooleanField(source="standing.is_idle")
    expired_leases = serializers.IntegerField(source="standing.expired")
    queues = DepthSerializer(source="standing.depths", many=True)
    workers = ShiftSerializer(source="standing.shifts", many=True)
    processes = ProcessSerializer(source="standing.processes", many=True)
    traces = TraceSerializer(many=True)
    failures = FailureCountSerializer(many=True)
    spendings = SpendingSerializer(many=True)
    devices = DeviceUseSerializer(many=True)
    room = RoomSerializer()
    unrecorded = serializers.ListField(
        child=serializers.CharField(), help_text="What can't be told, and why."
    )


class OperationsView(APIView):
    """Queues, workers, failures and money of this installation. For staff."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(responses=OperationsSerializer)
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        if not (isinstance(request.user, User) and request.user.is_staff):
            raise PermissionDenied(FOR_STAFF)
        if isinstance(request.auth, ApiToken) and request.auth.project_id is not None:
            raise PermissionDenied(WHOLE_TOKEN)
        return Response(OperationsSerializer(overview()).data)
