"""Tie-breaks that anybody can check: settled or drawn on request, nothing stored."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from aggregation.api.serializers import PlainObject
from aggregation.diagnostics.tie_break import (
    TieBreak,
    TieBreakError,
    beacon_draw,
    played,
    verify,
)
from aggregation.models import Run
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ScopedViewSet
from annotation.tokens import Scope


class TieSerializer(serializers.Serializer[Any]):
    """Tied options and either a game (commits, reveals) or a beacon."""

    options = serializers.ListField(
        child=serializers.CharField(max_length=500), min_length=1, max_length=1000
    )
    commits = PlainObject(required=False)
    reveals = PlainObject(required=False)
    beacon = serializers.CharField(required=False, max_length=2000)
    digest = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)
    question = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class TieBreakSerializer(serializers.Serializer[Any]):
    """The record: who wins, in which order the options stood, and what to check it with."""

    rule = serializers.CharField()
    order = serializers.ListField(child=serializers.CharField())
    place = serializers.IntegerField()
    winner = serializers.CharField()
    commits = PlainObject()
    reveals = PlainObject()
    withheld = serializers.ListField(child=serializers.CharField())
    beacon = PlainObject(allow_null=True)


class VerdictSerializer(serializers.Serializer[Any]):
    verified = serializers.BooleanField()


class TieBreaksViewSet(ScopedViewSet[Run]):
    """Breaking ties in public: the commit–reveal modular game, or a draw by a beacon."""

    queryset = Run.objects.none()
    serializer_class = TieBreakSerializer
    pagination_class = None
    access = {"create": Needs(Scope.READ), "verify": Needs(Scope.READ)}

    @extend_schema(request=TieSerializer, responses={200: TieBreakSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Settle a tie. Nothing is stored: keep the record and publish it."""
        refuse_unknown(request, set())
        given = TieSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            if "beacon" in asked:
                record = beacon_draw(
                    asked["options"], asked["digest"], asked["question"], asked["beacon"]
                )
            else:
                record = played({"commits": {}, "reveals": {}, **asked})
        except TieBreakError as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(record.plain())

    @extend_schema(request=TieBreakSerializer, responses={200: VerdictSerializer})
    @action(detail=False, methods=["post"])
    def verify(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether a record gives the winner it names."""
        refuse_unknown(request, set())
        try:
            record = TieBreak.from_plain(dict(request.data))
        except (TieBreakError, TypeError, ValueError) as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response({"verified": verify(record)})
