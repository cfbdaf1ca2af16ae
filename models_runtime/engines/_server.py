"""Talking to a model server over HTTP: guarded, patient within limits, and discreet.

No redirect is followed. Rate limits, server errors, timeouts and broken connections are tried again
with exponential backoff and full jitter, and never sooner than a Retry-After asks. What went wrong
is told in our own words: a server's error text may hold anything, a key included, so it is read
only for the few codes that name a cause and is never passed on.
"""

import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from annotation.phrases import say
from config import outbound
from models_runtime.engines import Cause, EngineError, Failure

LONGEST_REPLY = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try again. Seconds."""

    timeout: float = 120.0
    retries: int = 4
    backoff: float = 0.5
    longest_wait: float = 60.0


class Refused(Exception):
    """A request that failed for good; carries the `failure`."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        self.failure = Failure(cause, sentence)
        super().__init__(sentence)

    def as_engine_error(self) -> EngineError:
        return EngineError(self.failure.cause, self.failure.sentence)


class _Transient(Refused):
    """A request that may succeed if sent again, not sooner than in `wait` seconds."""

    def __init__(self, cause: Cause, sentence: str, *, wait: float = 0.0) -> None:
        self.wait = wait
        super().__init__(cause, sentence)


class Server:
    """One model's server. Safe to use from several threads; `close` wakes those that wait."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        secret: str,
        patience: Patience,
        jitter: random.Random | None = None,
    ) -> None:
        self._model = model
        self._patience = patience
        self._closed = threading.Event()
        self._jitter = jitter or random.Random()
        try:
            outbound.check(base_url)
        except outbound.OutboundRefused as error:
            raise EngineError(Cause.FORBIDDEN_ADDRESS, str(error)) from error
        url = httpx.URL(base_url.rstrip("/") + "/")
        self._where = url.netloc.decode("ascii")
        self._client = outbound.client(timeout=patience.timeout, max_bytes=LONGEST_REPLY)
        self._client.base_url = url
        if secret:
            self._client.headers["Authorization"] = f"Bearer {secret}"

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def beside(self, path: str) -> str:
        """The address of `path` beside the chat endpoints: at the root, without /v1."""
        base = self._client.base_url
        return str(base.copy_with(path=base.path.removesuffix("v1/") + path))

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The server's JSON object; raises Refused after the last try."""
        attempt = 0
        while True:
            try:
                return self._send(method, path, body)
            except _Transient as trouble:
                impatient = trouble.wait > self._patience.longest_wait
                if attempt >= self._patience.retries or impatient:
                    raise
                self._pause(attempt, trouble.wait)
                attempt += 1

    def _pause(self, attempt: int, at_least: float) -> None:
        ceiling = min(self._patience.backoff * 2**attempt, self._patience.longest_wait)
        if self._closed.wait(at_least + self._jitter.uniform(0, ceiling)):
            raise Refused(Cause.CANCELLED, say("The request was given up because the job ended."))

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        if self._closed.is_set():
            raise Refused(Cause.CANCELLED, say("The request was given up because the job ended."))
        try:
            reply = self._client.request(method, path, json=body)
        except outbound.AnswerRefused as error:
            raise Refused(Cause.MALFORMED_REPLY, str(error)) from error
        except outbound.OutboundRefused as error:
            raise Refused(Cause.FORBIDDEN_ADDRESS, str(error)) from error
        except httpx.TimeoutException as error:
            raise _Transient(Cause.TIMEOUT, self._says(say("didn't answer in time"))) from error
        except httpx.TransportError as error:
            sentence = self._says(say("can't be reached. Is it running, and is the address right?"))
            raise _Transient(Cause.UNREACHABLE, sentence) from error
        self._check_status(reply, reply.content)
        return self._object(reply.content)

    def _check_status(self, reply: httpx.Response, content: bytes) -> None:
        status = reply.status_code
        if status < 300:
            return
        if status < 400:
            raise Refused(
                Cause.REDIRECTED,
                self._says(
                    say("redirects to another address, which isn't followed. Check the URL.")
                ),
            )
        if status == 429:
            wait = _retry_after(reply)
            raise _Transient(
                Cause.RATE_LIMITED, self._says(say("asks for fewer requests")), wait=wait
            )
        if status >= 500 or status == 408:
            raise _Transient(
                Cause.SERVER_ERROR,
                self._says(say("failed with status %(status)s", status=status)),
                wait=_retry_after(reply),
            )
        raise self._client_error(status, content)

    def _client_error(self, status: int, content: bytes) -> Refused:
        code = _error_code(content)
        if status in {401, 403}:
            return Refused(
                Cause.UNAUTHORISED,
                self._says(
                    say(
                        "refused the key (status %(status)s). Check the secret's variable.",
                        status=status,
                    )
                ),
            )
        if status == 404 or code == "model_not_found":
            return self.model_missing()
        if code in {"context_length_exceeded", "string_above_max_length"} or status == 413:
            return Refused(
                Cause.TOO_LONG, say("The request is too long for %(model)s.", model=self._model)
            )
        return Refused(
            Cause.BAD_REQUEST,
            self._says(say("refused the request (status %(status)s)", status=status)),
        )

    def model_missing(self) -> Refused:
        return Refused(
            Cause.MODEL_NOT_FOUND,
            say(
                "The server %(where)s has no model %(model)s, or the address is wrong. "
                "Check the checkpoint's model name and URL.",
                where=self._where,
                model=f"{self._model!r}",
            ),
        )

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _Transient(
                Cause.MALFORMED_REPLY, self._says(say("sent no valid JSON"))
            ) from error
        if not isinstance(value, dict):
            raise _Transient(Cause.MALFORMED_REPLY, self._says(say("sent no JSON object")))
        return value

    def malformed(self, what: str) -> Refused:
        return Refused(Cause.MALFORMED_REPLY, self._says(what))

    def _says(self, what: str) -> str:
        return say("The model server %(where)s %(what)s", where=self._where, what=what) + (
            "" if what.endswith((".", "?")) else "."
        )


def _retry_after(reply: httpx.Response) -> float:
    """Seconds that the server asks to wait: a number, or a date. 0 if it doesn't say."""
    given = reply.headers.get("retry-after", "").strip()
    if not given:
        return 0.0
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _error_code(content: bytes) -> str:
    """The machine-readable code of an error body, empty if there is none."""
    try:
        error = json.loads(content)["error"]
        return str(error.get("code") or error.get("type") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
