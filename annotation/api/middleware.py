"""What every answer of the API carries, whichever app gives it."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]


def keep_no_copies(get_response: Answer) -> Answer:
    """Judgments and names are for whoever asked: no cache on the way or on disk keeps them.

    An answer that says itself how long it may be kept, such as the schema, is left alone.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path.startswith("/api/") and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    return middleware
