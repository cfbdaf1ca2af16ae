"""Encoders and reward models behind a server, as vLLM serves them."""

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from models_runtime.catalogue import ENGINES
from models_runtime.engines import (
    Capability,
    Cause,
    EmbeddingRequest,
    Engine,
    EngineError,
    GenerationRequest,
    Message,
    ModelReference,
    RewardRequest,
)
from models_runtime.rewards import vectors_of

ASKED = Message("user", "May I paint my rented flat?")
TALK = (ASKED, Message("assistant", "Ask first."))


@dataclass
class Told:
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answer: Any = None
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._send({"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        told: Told = self.server.told  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told.asked.append((self.path, body))
        answer = told.answer(body)
        self._send(answer, 400 if "error" in answer else 200)

    def _send(self, value: Any, status: int = 200) -> None:
        sent = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output quiet."""


@contextmanager
def pooling_server(answer: Any) -> Iterator[Told]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    told = Told(answer=answer, url=f"http://127.0.0.1:{http.server_address[1]}/v1")
    http.told = told  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def served(told: Told, kind: str, **more: Any) -> Engine:
    options = {"kind": kind, "retries": 0, "timeout": 5.0, **more}
    plugin = ENGINES["openai_compatible"]
    return plugin.open(ModelReference("m", base_url=told.url, options=options))


@pytest.mark.parametrize(
    ("kind", "path", "reply", "values"),
    [
        ("pooling", "/pooling", {"data": [{"data": [0.25]}]}, {"reward": 0.25}),
        ("pooling", "/pooling", {"data": [{"data": [[0.1], [0.7]]}]}, {"reward": 0.7}),
        ("pooling", "/pooling", {"data": [{"data": [1, 2]}]}, {"head_0": 1.0, "head_1": 2.0}),
        ("score", "/score", {"data": [{"score": 0.5}]}, {"reward": 0.5}),
        ("rerank", "/rerank", {"results": [{"relevance_score": 2}]}, {"reward": 2.0}),
    ],
)
def test_a_reward_is_read_from_each_endpoint(
    kind: str, path: str, reply: Any, values: dict[str, float]
) -> None:
    usage = {"usage": {"prompt_tokens": 9}}
    with pooling_server(lambda _: reply | usage) as told, served(told, kind) as engine:
        engine.check()
        (found,) = engine.rate([RewardRequest("k", TALK)])
    assert found.values == values
    assert found.usage.tokens_in == 9
    asked_path, body = told.asked[-1]
    assert asked_path == path
    if kind == "score":
        assert (body["text_1"], body["text_2"]) == (ASKED.content, "Ask first.")
    if kind == "rerank":
        assert (body["query"], body["documents"]) == (ASKED.content, ["Ask first."])


@pytest.mark.parametrize("kind", ["pooling", "score", "rerank"])
def test_a_reply_without_a_reward_is_a_failure_with_a_sentence(kind: str) -> None:
    with pooling_server(lambda _: {"data": []}) as told, served(told, kind) as engine:
        (found,) = engine.rate([RewardRequest("k", TALK)])
    assert found.failure is not None
    assert found.failure.cause is Cause.MALFORMED_REPLY


def test_vectors_come_in_the_order_of_the_texts_and_have_length_one() -> None:
    def answer(body: dict[str, Any]) -> Any:
        made = [{"index": i, "embedding": [len(text), 1.0]} for i, text in enumerate(body["input"])]
        return {"data": made[::-1]}

    texts = ["x" * n for n in range(150)]
    with pooling_server(answer) as told, served(told, "embeddings") as engine:
        vectors = engine.vectors(texts)
    assert len(told.asked) == 3
    assert [vector[0] / vector[1] for vector in vectors] == pytest.approx(list(range(150)))
    assert all(math.hypot(*vector) == pytest.approx(1) for vector in vectors)


def test_embeddings_say_what_they_took_by_the_server_s_count_and_the_prices() -> None:
    def answer(body: dict[str, Any]) -> Any:
        made = [{"index": i, "embedding": [1.0]} for i, _ in enumerate(body["input"])]
        return {"data": made, "usage": {"prompt_tokens": 7 * len(made), "total_tokens": 99}}

    with pooling_server(answer) as told, served(told, "embeddings", price_in=2e6) as engine:
        (reply,) = engine.embed([EmbeddingRequest("k", ("a", "b", "c"))])
    assert (reply.usage.tokens_in, reply.usage.cost, reply.computed) == (21, 42.0, 3)


def test_a_reply_without_vectors_is_a_failure_that_was_paid_for() -> None:
    def answer(body: dict[str, Any]) -> Any:
        return {"data": [], "usage": {"prompt_tokens": 5}}

    with pooling_server(answer) as told, served(told, "embeddings") as engine:
        (reply,) = engine.embed([EmbeddingRequest("k", ("a",))])
    assert reply.failure is not None
    assert reply.failure.cause is Cause.MALFORMED_REPLY
    assert (reply.usage.tokens_in, reply.computed) == (5, 0)


def test_too_few_vectors_are_refused() -> None:
    def answer(body: dict[str, Any]) -> Any:
        return {"data": [{"index": 0, "embedding": [1.0]}]}

    with (
        pooling_server(answer) as told,
        served(told, "embeddings") as engine,
        pytest.raises(EngineError, match="another number of embeddings"),
    ):
        engine.vectors(["a", "b"])


def test_one_text_that_is_too_long_leaves_the_others_of_its_request_their_vectors() -> None:
    def answer(body: dict[str, Any]) -> Any:
        if any(len(text) > 500 for text in body["input"]):
            return {"error": {"code": "context_length_exceeded", "message": "too long"}}
        return {"data": [{"index": i, "embedding": [1.0]} for i, _ in enumerate(body["input"])]}

    texts = ["x" * n for n in range(70)]
    with pooling_server(answer) as told, served(told, "embeddings") as engine:
        found, failed = vectors_of([*texts[:40], "long" * 200, *texts[40:]], engine)
    assert set(found) == set(texts)
    assert {text: failure.cause for text, failure in failed.items()} == {
        "long" * 200: Cause.TOO_LONG
    }
    assert len(told.asked) < 20


def test_a_server_that_refuses_everything_is_asked_for_each_text_once_alone() -> None:
    def answer(body: dict[str, Any]) -> Any:
        return {"error": {"message": "no"}}

    with pooling_server(answer) as told, served(told, "embeddings") as engine:
        found, failed = vectors_of(["a", "b", "c", "d"], engine)
    assert not found
    assert {failure.cause for failure in failed.values()} == {Cause.BAD_REQUEST}
    assert sorted(len(body["input"]) for _, body in told.asked) == [1, 1, 1, 1, 2, 2, 4]


def test_texts_that_a_stopped_engine_left_aside_are_not_blamed_for_it() -> None:
    def answer(body: dict[str, Any]) -> Any:
        engine.close()
        return {"error": {"message": "no"}}

    with pooling_server(answer) as told, served(told, "embeddings", in_flight=1) as engine:
        found, failed = vectors_of(["x" * n for n in range(100)], engine)
    assert not found
    assert {failure.cause for failure in failed.values()} == {Cause.CANCELLED}
    assert len(failed) == 100


def test_each_kind_offers_only_what_it_is() -> None:
    with pooling_server(lambda _: {}) as told:
        encoder, reward = served(told, "embeddings"), served(told, "score")
    assert encoder.info.can == {Capability.EMBED}
    assert reward.info.can == {Capability.SCORE}
    with pytest.raises(EngineError, match="can't generate"):
        encoder.generate([GenerationRequest("k", (ASKED,))])
    with pytest.raises(EngineError, match="can't score"):
        encoder.score([TALK])
    with pytest.raises(EngineError, match="can't embed"):
        reward.embed([])
