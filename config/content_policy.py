"""The content security policy, written out once instead of for each of many thousand answers."""

from functools import cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest, HttpResponseBase

CHANGED_BY_VIEWS = ("_csp_config", "_csp_update", "_csp_replace", "_csp_exempt")


@cache
def usual() -> str:
    """As the settings say it."""
    return str(build_policy())


class ContentPolicy(CSPMiddleware):
    """django-csp's own, with a short way for the answers that nothing is special about."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        special = any(hasattr(response, name) for name in CHANGED_BY_VIEWS)
        if special or hasattr(request, "_csp_nonce") or HEADER in response:
            answer: HttpResponseBase = super().process_response(request, response)
            return answer
        response[HEADER] = usual()
        return response
