"""Writing answers as JSON: quickly where that says the same."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer


class QuickJSONRenderer(JSONRenderer):
    """For bodies of plain values without infinities, such as what annotators are asked and told.

    A number too long for it, or half a surrogate pair, is left to REST framework's own.
    """

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        try:
            return orjson.dumps(data) if data is not None else b""
        except orjson.JSONEncodeError:
            written: bytes = super().render(data, accepted_media_type, renderer_context)
            return written
