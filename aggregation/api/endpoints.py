from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from aggregation.api.serializers import (
    CheckRequestSerializer,
    CheckSerializer,
    ComparisonSerializer,
    ExaminationRequestSerializer,
    ExaminationSerializer,
    MethodSerializer,
    ReleaseRequestSerializer,
    ReleaseSerializer,
    RunRequestSerializer,
    RunSerializer,
    ScoreSerializer,
)
from aggregation.catalogue import METHODS
from aggregation.curation import Curation, CurationError
from aggregation.enqueue import (
    NotPossible,
    default_kinds,
    refuse_if_people_left,
    request_check,
    request_examination,
    request_release,
    request_replay,
    request_run,
    same_basis,
)
from aggregation.models import Check, Examination, Release, Run
from aggregation.releasing import NoSuchFile, open_file
from aggregation.reports import plain
from aggregation.results import compare
from aggregation.subjects import SUBJECTS
from aggregation.tabulating import TABLES
from aggregation.wording import comparison_headline, named
from annotation.access import MANAGERS, REVIEWERS
from annotation.api.filters import Filter, refuse_unknown
from annotation.api.permissions import Needs
from annotation.api.problems import Problem
from annotation.api.viewsets import ProjectViewSet, ScopedViewSet
from annotation.models import WorkState
from annotation.tokens import Scope


def refused(error: Exception) -> Problem:
    return Problem(HTTPStatus.CONFLICT, str(error))


MOST_COMPARED = 20


def runs_named(project: int, asked: list[Any]) -> list[Run]:
    """These runs of a project, in the order asked for. Raises NotFound if one isn't there."""
    found = {run.public_id: run for run in Run.objects.filter(project=project, public_id__in=asked)}
    if set(asked) - set(found):
        raise NotFound("There is no such run in this project.")
    return [found[public_id] for public_id in dict.fromkeys(asked)]


def _compared(chosen: list[Run]) -> dict[str, Any]:
    comparison = compare([run.aggregate() for run in chosen])
    items = [named(key) for key in comparison.ids]
    return {
        "runs": [run.public_id for run in chosen],
        "methods": [run.method for run in chosen],
        "headline": comparison_headline(comparison, [run.method for run in chosen]),
        "items": items,
        "ranks": [[rank or None for rank in row] for row in comparison.rank.tolist()],
        "winners": [[items[w] for w in won] for won in comparison.winners],
        "largest_difference": comparison.spread.tolist(),
        "kendall": plain(comparison.kendall),
        "jaccard_of_top": plain(comparison.jaccard),
        "top": comparison.top,
    }


class MethodsViewSet(ScopedViewSet[Run]):
    """The rules by which judgments can be added up, with their options."""

    queryset = Run.objects.none()
    serializer_class = MethodSerializer
    pagination_class = None
    access = {"list": Needs(Scope.READ)}

    @extend_schema(responses=MethodSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_unknown(request, set())
        listed = [
            {
                "slug": slug,
                "title": method.title,
                "family": method.family,
                "description": method.description,
                "reference": method.reference,
                "axioms": method.axioms,
                "options": [asdict(option) for option in method.options.form_fields()],
            }
            for slug, method in METHODS.items()
        ]
        return Response(MethodSerializer(listed, many=True).data)


class RunsViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Run]):
    """Aggregations: a method with its options and seed, on the log up to a mark."""

    queryset = Run.objects.none()
    serializer_class = RunSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "scores": Needs(Scope.READ, REVIEWERS),
        "result": Needs(Scope.READ, REVIEWERS),
        "table": Needs(Scope.READ, REVIEWERS),
        "compare": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.AGGREGATE, MANAGERS),
        "cancel": Needs(Scope.AGGREGATE, MANAGERS),
        "rebuild": Needs(Scope.AGGREGATE, MANAGERS),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=WorkState.choices)),
        "method": Filter("method", serializers.CharField(max_length=60)),
    }

    def rows(self) -> QuerySet[Run]:
        found = Run.objects.filter(project=self.project).select_related("replay_of")
        found = found.defer("replay_of__result")
        return found if self.action == "result" else found.defer("result", "replay_of__result")

    @extend_schema(request=RunRequestSerializer, responses={201: RunSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Start a run on the judgments there are now. 201 with the run; poll its `state`."""
        refuse_unknown(request, set())
        given = RunRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            basis = self._basis(asked.pop("same_judgments_as"))
            run = request_run(self.project, user=self.user, **asked | basis)
        except NotPossible as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)

    def _basis(self, public_id: Any) -> dict[str, Any]:
        if public_id is None:
            return {}
        run = self.rows().filter(public_id=public_id).first()
        if run is None:
            raise NotFound("There is no such run in this project.")
        refuse_if_people_left(run)
        return {
            "mark": run.mark,
            "kinds": run.kinds,
            "items": run.items,
            "criterion": run.criterion,
        }

    @extend_schema(responses=ScoreSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def scores(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The scores of a finished run, in the order of its items."""
        refuse_unknown(request, set())
        run = self._finished()
        return Response(ScoreSerializer(run.scores.order_by("position"), many=True).data)

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.OBJECT)}, filters=False)
    @action(detail=True, methods=["get"])
    def result(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The whole stored result, byte for byte."""
        refuse_unknown(request, set())
        return HttpResponse(self._finished().result or "", content_type="application/json")

    @extend_schema(
        parameters=[OpenApiParameter("table", str, OpenApiParameter.PATH, enum=sorted(TABLES))],
        responses={200: OpenApiResponse(OpenApiTypes.OBJECT)},
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="tables/<slug:table>", pagination_class=None)
    def table(self, request: Request, table: str, *args: Any, **kwargs: Any) -> Response:
        """One table of the run's page as a list of records; empty where there is nothing."""
        refuse_unknown(request, set())
        if table not in TABLES:
            raise NotFound(f"There is no such table. Known are: {', '.join(TABLES)}.")
        return Response(plain(TABLES[table](self._finished()).records()))

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "run",
                OpenApiTypes.UUID,
                many=True,
                required=True,
                description="At least two finished runs on the same judgments.",
            )
        ],
        responses=ComparisonSerializer,
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def compare(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ranks under several rules on the same judgments, and how alike their orders are."""
        refuse_unknown(request, {"run"})
        field = serializers.ListField(
            child=serializers.UUIDField(), min_length=2, max_length=MOST_COMPARED
        )
        asked = field.run_validation(request.query_params.getlist("run"))
        chosen = runs_named(self.project.pk, asked)
        if any(run.state != WorkState.DONE for run in chosen):
            raise Problem(HTTPStatus.CONFLICT, "Only finished runs can be compared.")
        if any(not same_basis(chosen[0], run) for run in chosen):
            raise Problem(HTTPStatus.CONFLICT, "These runs don't stand on the same judgments.")
        return Response(ComparisonSerializer(_compared(chosen)).data)

    def _finished(self) -> Run:
        run = self.get_object()
        if run.state != WorkState.DONE:
            raise Problem(HTTPStatus.CONFLICT, f"The run is {run.state}; it has no result.")
        return run

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for the run to stop: at once while it waits, else at its next look."""
        refuse_unknown(request, set())
        run = self.get_object()
        run.request_cancel()
        return Response(RunSerializer(run).data)

    @extend_schema(request=None, responses={201: RunSerializer})
    @action(detail=True, methods=["post"])
    def rebuild(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute it again from the log: a new run with `replay_of`, to be compared."""
        refuse_unknown(request, set())
        try:
            replay = request_replay(self.get_object(), user=self.user)
        except NotPossible as error:
            raise refused(error) from error
        return Response(RunSerializer(replay).data, status=status.HTTP_201_CREATED)


class ReleasesViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Release]):
    """Published datasets. A release is whole, signed and unchanging, or has no files at all."""

    queryset = Release.objects.none()
    serializer_class = ReleaseSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "file": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.PUBLISH, MANAGERS),
        "cancel": Needs(Scope.PUBLISH, MANAGERS),
        "checks": Needs(Scope.PUBLISH, MANAGERS),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=WorkState.choices)),
        "version": Filter("version", serializers.IntegerField(min_value=1, max_value=2**31 - 1)),
    }

    def rows(self) -> QuerySet[Release]:
        return Release.objects.filter(project=self.project).select_related("project")

    @extend_schema(request=ReleaseRequestSerializer, responses={201: ReleaseSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Publish the judgments there are now, or those of a run. 201; poll its `state`."""
        refuse_unknown(request, set())
        given = ReleaseRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            release = request_release(
                self.project,
                exports=asked["exports"],
                curation=Curation.from_plain(
                    {"kinds": default_kinds(self.project)} | asked.get("curation", {})
                ),
                run=self._run(asked["run"]),
                licence=asked["licence"],
                notes=asked["notes"],
                user=self.user,
            )
        except (NotPossible, CurationError) as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(ReleaseSerializer(release).data, status=status.HTTP_201_CREATED)

    def _run(self, public_id: Any) -> Run | None:
        if public_id is None:
            return None
        run = Run.objects.filter(project=self.project, public_id=public_id).first()
        if run is None:
            raise NotFound("There is no such run in this project.")
        return run

    @extend_schema(
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        filters=False,
    )
    @action(detail=True, methods=["get"], url_path="files/<str:name>")
    def file(self, request: Request, name: str, *args: Any, **kwargs: Any) -> FileResponse:
        """One file of a published release, by a name that its manifest lists."""
        refuse_unknown(request, set())
        try:
            return open_file(self.get_object(), name)
        except NoSuchFile as error:
            raise NotFound(str(error)) from error

    @extend_schema(request=None, responses=ReleaseSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for publishing to stop; nothing of it will be visible."""
        refuse_unknown(request, set())
        release = self.get_object()
        release.request_cancel()
        return Response(ReleaseSerializer(release).data)

    @extend_schema(request=CheckRequestSerializer, responses={201: CheckSerializer})
    @action(detail=True, methods=["post"])
    def checks(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Examine the release again: signature, hashes, rows, and a rebuild if asked."""
        refuse_unknown(request, set())
        given = CheckRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            check = request_check(self.get_object(), rebuild=given.validated_data["rebuild"])
        except NotPossible as error:
            raise refused(error) from error
        return Response(CheckSerializer(check).data, status=status.HTTP_201_CREATED)


class ChecksViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Check]):
    """Examinations of releases and what they found."""

    queryset = Check.objects.none()
    serializer_class = CheckSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
    }
    filters = {
        "release": Filter("release__public_id", serializers.UUIDField()),
    }

    def rows(self) -> QuerySet[Check]:
        return Check.objects.filter(release__project=self.project)


class ExaminationsViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ProjectViewSet[Examination]
):
    """Looks at runs: their judgments, how sturdy a winner is, how rules differ, what is needed."""

    queryset = Examination.objects.none()
    serializer_class = ExaminationSerializer
    access = {
        "list": Needs(Scope.READ, REVIEWERS),
        "retrieve": Needs(Scope.READ, REVIEWERS),
        "create": Needs(Scope.AGGREGATE, MANAGERS),
        "cancel": Needs(Scope.AGGREGATE, MANAGERS),
    }
    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=WorkState.choices)),
        "subject": Filter("subject", serializers.ChoiceField(choices=sorted(SUBJECTS))),
        "run": Filter("run__public_id", serializers.UUIDField()),
    }

    def rows(self) -> QuerySet[Examination]:
        found = Examination.objects.filter(run__project=self.project, subject__in=SUBJECTS)
        return found.select_related("run").defer("run__result").prefetch_related("beside")

    @extend_schema(request=ExaminationRequestSerializer, responses={201: ExaminationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for a run to be examined. 201 with the examination; poll its `state`."""
        refuse_unknown(request, set())
        given = ExaminationRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        run, *beside = runs_named(self.project.pk, [asked["run"], *asked["beside"]])
        try:
            examination = request_examination(
                run,
                asked["subject"],
                beside=beside,
                options=asked["options"],
                seed=asked["seed"],
                user=self.user,
            )
        except NotPossible as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        return Response(ExaminationSerializer(examination).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ExaminationSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Ask for it to stop: at once while it waits, else between two steps."""
        refuse_unknown(request, set())
        examination = self.get_object()
        examination.request_cancel()
        return Response(ExaminationSerializer(examination).data)
