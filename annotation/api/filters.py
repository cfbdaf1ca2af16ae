"""List filters by allow-list: what a view doesn't name is refused, however it is spelled.

A view declares them as serializer fields, each with the lookup it means:

    filters = {
        "state": Filter("state", serializers.ChoiceField(choices=RunState.choices)),
        "prompt": Filter("prompt__external_id", serializers.CharField(max_length=200)),
    }

Lookups are written in code and never taken from the address, so no parameter can walk to a
password, a token or another project.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

M = TypeVar("M", bound=Model)
R = TypeVar("R")

PAGING = frozenset({"cursor", "page_size", "ordering"})


@dataclass(frozen=True)
class Filter:
    """A query parameter: the lookup it stands for and the field that reads its value."""

    lookup: str
    field: serializers.Field[Any, Any, Any, Any]


class Negated(serializers.BooleanField):
    """True and false the other way round, for lookups such as `isnull`."""

    def to_internal_value(self, data: Any) -> bool:
        return not super().to_internal_value(data)


class AllowedFilters(BaseFilterBackend):
    """Applies the filters a view names and refuses every other parameter."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[M, R], view: Any
    ) -> QuerySet[M, R]:
        return queryset.filter(**read_filters(request, filters_of(view)))


def filters_of(view: Any) -> Mapping[str, Filter]:
    return getattr(view, "filters", {})


def read_filters(request: Request, filters: Mapping[str, Filter]) -> dict[str, Any]:
    """The lookups and values a request asks for. Raises ValidationError for anything unnamed."""
    refuse_unknown(request, PAGING | set(filters))
    wanted: dict[str, Any] = {}
    wrong: dict[str, Any] = {}
    for name, rule in filters.items():
        values = request.query_params.getlist(name)
        if len(values) > 1:
            wrong[name] = ["Give this filter once."]
        elif values:
            try:
                wanted[rule.lookup] = rule.field.run_validation(values[0])
            except ValidationError as error:
                wrong[name] = error.detail
    if wrong:
        raise ValidationError(wrong)
    return wanted


def refuse_unknown(request: Request, known: frozenset[str] | set[str]) -> None:
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise ValidationError(
            {
                "query": [
                    f"There is no parameter “{unknown[0][:80]}” here. "
                    f"Known ones are {', '.join(sorted(known))}."
                ]
            }
        )
