"""Pages by key: the next page begins after the last row shown, however many rows came meanwhile.

Every list is ordered by one unique whole-number column, so a page costs the same at any depth, and
a row is never shown twice or skipped because others were added.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

M = TypeVar("M", bound=Model)
R = TypeVar("R")

LARGEST = 2**63 - 1


class KeysetPagination(BasePagination):
    """`?page_size=` and an opaque `?cursor=` that the previous page's `next` already contains.

    The view names its column in `page_key` (a unique whole number; the primary key by default) and
    the name under which `?ordering=` knows it in `page_order` (`created` by default).
    """

    default_size = 100
    largest_size = 1000

    def paginate_queryset(
        self, queryset: QuerySet[M, R] | Sequence[R], request: Request, view: Any = None
    ) -> list[R]:
        assert isinstance(queryset, QuerySet)
        self.request = request
        self.key = getattr(view, "page_key", "pk")
        size = self._size(request)
        descending = self._descends(request, getattr(view, "page_order", "created"))
        after = self._after(request)
        if after is not None:
            queryset = queryset.filter(**{f"{self.key}__{'lt' if descending else 'gt'}": after})
        rows = list(queryset.order_by(f"-{self.key}" if descending else self.key)[: size + 1])
        self.more = len(rows) > size
        self.page = rows[:size]
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next_link(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "Address of the next page; null on the last.",
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        order = getattr(view, "page_order", "created")
        return [
            _parameter("cursor", "Where the page begins: copied from the previous page's `next`."),
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": f"Rows in a page, {self.default_size} unless given.",
                "schema": {"type": "integer", "minimum": 1, "maximum": self.largest_size},
            },
            {
                "name": "ordering",
                "in": "query",
                "required": False,
                "description": "Oldest first, or newest first with a minus sign.",
                "schema": {"type": "string", "enum": [order, f"-{order}"], "default": order},
            },
        ]

    def _size(self, request: Request) -> int:
        text = request.query_params.get("page_size", str(self.default_size))
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= self.largest_size:
            raise ValidationError({"page_size": [f"A page holds 1 to {self.largest_size} rows."]})
        return int(text)

    def _descends(self, request: Request, order: str) -> bool:
        text = request.query_params.get("ordering", order)
        if text not in (order, f"-{order}"):
            raise ValidationError({"ordering": [f"Lists can be ordered by {order} or -{order}."]})
        return text.startswith("-")

    def _after(self, request: Request) -> int | None:
        text = request.query_params.get("cursor")
        if text is None:
            return None
        digits = text.removeprefix("after-")
        known = text.startswith("after-") and digits.isascii() and digits.isdigit()
        if not known or len(digits) > 19 or int(digits) > LARGEST:
            raise ValidationError(
                {"cursor": ["A cursor is copied from a page's `next`. Begin without one."]}
            )
        return int(digits)

    def _next_link(self) -> str | None:
        if not self.more:
            return None
        last = self.page[-1]
        cursor = f"after-{getattr(last, self.key)}"
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)


def _parameter(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }
