"""What drf-spectacular can't see for itself: tokens, filters, and how operations may refuse."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiFilterExtension
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from annotation.api.filters import filters_of
from annotation.api.problems import CONTENT_TYPE


class ProblemSerializer(serializers.Serializer[Any]):
    """A refusal (RFC 9457): `detail` is a sentence, `errors` says what to correct."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(
        required=False, help_text="Names a refusal that programs must tell from others."
    )
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


def one(serializer: type[serializers.Serializer[Any]]) -> Any:
    """For an answer to `list` that isn't a list of rows but one thing."""
    return forced_singular_serializer(serializer)  # type: ignore[no-untyped-call]


REFUSALS = {
    "400": "The request can't be read or doesn't fit; `errors` says where.",
    "401": "No token or session, or a token that opens nothing.",
    "403": "The token's scopes or the role don't allow this.",
    "404": "Nothing here that you may see.",
    "429": "Too many requests; wait as long as `Retry-After` says.",
    "503": "The database or the log is busy; try again after `Retry-After` seconds.",
}
REFUSALS_OF_WRITING = {
    "409": "The state of things doesn't allow this now; `detail` says why and what is safe.",
    "413": "The request is too large.",
    "415": "The body's media type isn't one that can be read here.",
}


class ApiSchema(AutoSchema):
    """Adds the refusals that any operation may answer with."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        refusals = REFUSALS | (REFUSALS_OF_WRITING if self.method != "GET" else {})
        for status, description in refusals.items():
            if status not in responses:
                responses[status] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    ProblemSerializer, status, [CONTENT_TYPE], direction
                ) | {"description": description}
        return responses


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "annotation.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pol_…",
            "description": "A token from the page /account/tokens/ or `manage.py issue_token`.",
        }


class AllowedFiltersParameters(OpenApiFilterExtension):  # type: ignore[no-untyped-call]
    target_class = "annotation.api.filters.AllowedFilters"

    def get_schema_operation_parameters(
        self, auto_schema: Any, *args: Any, **kwargs: Any
    ) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": str(rule.field.help_text or f"Only rows with this {name}."),
                "schema": auto_schema._map_serializer_field(rule.field, "request"),
            }
            for name, rule in filters_of(auto_schema.view).items()
        ]
