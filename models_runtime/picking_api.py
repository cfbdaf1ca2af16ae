"""POST /api/v1/projects/<project>/picks/: the best of each prompt's candidates, by a selector."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.access import MANAGERS
from annotation.api.filters import refuse_unknown
from annotation.api.permissions import HasScope, Needs, ProjectAccess
from annotation.api.problems import Problem
from annotation.models import Project, User
from annotation.tokens import Scope
from models_runtime.catalogue import SCORERS, SELECTORS
from models_runtime.errors import NotPossible
from models_runtime.models import GenerationJob
from models_runtime.picking import pick_best
from models_runtime.picking_inputs import USUAL_NAMES, Input, inputs_of

MOST_SHOWN = 1_000


class SelectorSerializer(serializers.Serializer[Any]):
    """A way of choosing one of several candidates. `inputs` are the numbers it reads, `measured_by`
    the measures (as in scoring jobs) that give them, by input."""

    slug = serializers.CharField()
    title = serializers.CharField()
    needs = serializers.ListField(child=serializers.CharField())
    inputs = serializers.ListField(child=serializers.CharField())
    extra_calls = serializers.CharField()
    reference = serializers.CharField()
    measured_by = serializers.DictField(child=serializers.CharField())


class InputSerializer(serializers.Serializer[Any]):
    """The measurement an input is read from; `source` may be left out where there is only one."""

    name = serializers.CharField(max_length=100)
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=200, required=False, default="", allow_blank=True
    )


class NewPickSerializer(serializers.Serializer[Any]):
    selector = serializers.ChoiceField(choices=sorted(SELECTORS))
    inputs = serializers.DictField(
        child=InputSerializer(),
        required=False,
        default=dict,
        help_text="By input: reward, weight, certainty, logprobs, recovered, p_correct, …",
    )
    options = serializers.DictField(required=False, default=dict)
    generation_job = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Only candidates it wrote."
    )
    prompt = serializers.CharField(
        max_length=200, required=False, default="", help_text="Only this prompt; its external id."
    )


class PickSerializer(serializers.Serializer[Any]):
    prompt = serializers.CharField()
    candidate = serializers.CharField()
    n = serializers.IntegerField(help_text="Candidates it was picked from.")
    score = serializers.FloatField(allow_null=True)
    reason = serializers.CharField()


class PickedSerializer(serializers.Serializer[Any]):
    """What was picked. Each candidate has a measurement `picked` (1 or 0) with this `source`."""

    source = serializers.CharField(source="made.__str__")  # type: ignore[assignment]
    method = serializers.CharField(source="made.method")
    parts = serializers.ListField(source="made.parts", child=serializers.DictField())
    candidates = serializers.IntegerField(source="made.candidates")
    prompts = serializers.IntegerField()
    picks = PickSerializer(many=True, help_text=f"The first {MOST_SHOWN:,}.")
    left_out = serializers.DictField(
        child=serializers.CharField(), help_text="Why a prompt has no pick, by prompt."
    )


class SelectorsView(APIView):
    """The selectors of this installation."""

    permission_classes = (HasScope,)
    access = {"get": Needs(Scope.READ)}

    @extend_schema(responses=SelectorSerializer(many=True))
    def get(self, request: Request) -> Response:
        refuse_unknown(request, set())
        return Response(SelectorSerializer([_shown(slug) for slug in SELECTORS], many=True).data)


def _shown(slug: str) -> dict[str, Any]:
    selector = SELECTORS[slug]
    inputs = inputs_of(selector)
    names = {field: USUAL_NAMES.get(field, field) for field in inputs}
    return {
        "slug": slug,
        "title": selector.title,
        "needs": sorted(need.value for need in selector.needs),
        "inputs": inputs,
        "extra_calls": selector.extra_calls,
        "reference": selector.reference,
        "measured_by": {
            field: slug
            for field, name in names.items()
            for slug, scorer in reversed(SCORERS.items())
            if name in scorer.names
        },
    }


class PicksView(APIView):
    """Picking the best of n."""

    permission_classes = (ProjectAccess,)
    access = {"post": Needs(Scope.RUN_MODELS, MANAGERS)}
    project: Project

    @extend_schema(request=NewPickSerializer, responses={201: PickedSerializer})
    def post(self, request: Request, project: str) -> Response:
        """Pick one candidate per prompt with a selector that reads measurements."""
        refuse_unknown(request, set())
        given = NewPickSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        user = request.user
        assert isinstance(user, User), "the permission class lets nobody else in"
        try:
            picked = pick_best(
                self.project,
                wanted["selector"],
                inputs={name: Input(**each) for name, each in wanted["inputs"].items()},
                options=wanted["options"],
                job=_job(self.project, wanted["generation_job"]),
                prompt=wanted["prompt"],
                user=user,
            )
        except NotPossible as refusal:
            raise Problem(HTTPStatus.BAD_REQUEST, str(refusal)) from refusal
        shown = {
            "made": picked.made,
            "prompts": len(picked.picks),
            "picks": picked.picks[:MOST_SHOWN],
            "left_out": dict(list(picked.left_out.items())[:MOST_SHOWN]),
        }
        return Response(PickedSerializer(shown).data, status=status.HTTP_201_CREATED)


def _job(project: Project, public_id: UUID | None) -> GenerationJob | None:
    if public_id is None:
        return None
    found = GenerationJob.objects.filter(project=project, public_id=public_id).first()
    if found is None:
        raise NotPossible(f"This project has no generation job {public_id}.")
    return found
