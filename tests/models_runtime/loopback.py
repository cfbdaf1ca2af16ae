"""A model server on loopback: the scripted engine's logic behind the OpenAI chat protocol."""

import json
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from models_runtime.engines import (
    Decision,
    DecisionRequest,
    Finish,
    GenerationRequest,
    Message,
    ModelReference,
    Sampling,
)
from models_runtime.engines._scripted_tasks import read_task
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions

MODEL = "amber"
LABELS_OF = {
    "rate": ("1", "2", "3", "4", "5"), "check": ("Yes", "No"), "verify": ("Yes", "No"),
    "true or false": ("True", "False"),
}  # fmt: skip


@dataclass
class Fault:
    """One spoiled answer: a status with headers and body, perhaps late."""

    status: int = 500
    body: bytes = b'{"error": {"message": "upstream says: sk-very-secret"}}'
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass
class ModelServer:
    """What the server does and what it was asked. `faults` are served first, one per request."""

    engine: ScriptedEngine
    models: tuple[str, ...] | None = (MODEL,)
    key: str = ""
    honours_n: bool = True
    honours_logprobs: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    fault_for_all: Fault | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        messages = tuple(Message(m["role"], m["content"]) for m in body["messages"])
        if body.get("top_logprobs") and body.get("max_tokens") == 1 and self.honours_logprobs:
            return self._decision(messages)
        sampling = Sampling(
            max_tokens=body.get("max_tokens", 512),
            temperature=body.get("temperature", 1.0),
            stop=tuple(body.get("stop", ())),
        )
        n = body.get("n", 1) if self.honours_n else 1
        wants = bool(body.get("logprobs")) and self.honours_logprobs
        request = GenerationRequest("http", messages, sampling, n, body.get("seed"), wants)
        (reply,) = self.engine.generate([request])
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": sample.text},
                "finish_reason": "length" if sample.finish is Finish.LENGTH else "stop",
                "logprobs": None
                if sample.logprobs is None
                else {
                    "content": [{"token": t.token, "logprob": t.logprob} for t in sample.logprobs]
                },
            }
            for index, sample in enumerate(reply.samples)
        ]
        usage = {
            "prompt_tokens": reply.usage.tokens_in,
            "completion_tokens": reply.usage.tokens_out,
        }
        return {"object": "chat.completion", "choices": choices, "usage": usage}

    def _decision(self, messages: tuple[Message, ...]) -> dict[str, Any]:
        task = read_task(messages)
        labels = LABELS_OF.get(task.name if task else "", ("A", "B", "C"))
        (reply,) = self.engine.decide([DecisionRequest("http", messages, labels)])
        decision = reply.decision or Decision({x: 1 / len(labels) for x in labels}, 0.9)
        listed = []
        for label, share in decision.probabilities.items():
            p = share * decision.mass  # split over two spellings, as real tokenizers do
            for token, part in ((label, 0.75), (f" {label}", 0.25)):
                listed.append({"token": token, "logprob": math.log(max(p * part, 1e-12))})
        listed.append({"token": "The", "logprob": math.log(1 - decision.mass)})
        choice = {
            "message": {"role": "assistant", "content": "A"},
            "finish_reason": "length",
            "logprobs": {"content": [{"token": "A", "logprob": -0.1, "top_logprobs": listed}]},
        }
        return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def told(self) -> ModelServer:
        return self.server.told  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        if self._spoiled() or not self._authorised():
            return
        if self.path != "/v1/models" or self.told.models is None:
            self._send(404, b"{}")
            return
        self._json({"data": [{"id": name} for name in self.told.models]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.told.lock:
            self.told.asked.append(body)
            self.told.times.append(time.monotonic())
            self.told.busy += 1
            self.told.busiest = max(self.told.busiest, self.told.busy)
        try:
            self._answer(body)
        finally:
            with self.told.lock:
                self.told.busy -= 1

    def _answer(self, body: dict[str, Any]) -> None:
        if self._spoiled() or not self._authorised():
            return
        if self.told.models is not None and body["model"] not in self.told.models:
            error = {
                "message": f"no {body['model']}, key sk-very-secret",
                "code": "model_not_found",
            }
            self._send(404, json.dumps({"error": error}).encode())
            return
        self._json(self.told.answer(body))

    def _authorised(self) -> bool:
        if not self.told.key or self.headers.get("Authorization") == f"Bearer {self.told.key}":
            return True
        self._send(401, b'{"error": {"message": "wrong key sk-very-secret"}}')
        return False

    def _spoiled(self) -> bool:
        with self.told.lock:
            fault = self.told.faults.popleft() if self.told.faults else self.told.fault_for_all
        if fault is None:
            return False
        time.sleep(fault.delay)
        self._send(fault.status, fault.body, fault.headers)
        return True

    def _json(self, value: dict[str, Any]) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client gave up waiting

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output quiet."""


class _Quiet(ThreadingHTTPServer):
    """Clients that hang up are part of the tests, not news."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def model_server(
    *, settings: dict[str, Any] | None = None, **options: Any
) -> Iterator[ModelServer]:
    """A running server; `options` are the scripted engine's, `settings` the server's own."""
    engine = ScriptedEngine(ModelReference(MODEL), ScriptedOptions(**options))
    told = ModelServer(engine, **(settings or {}))
    http = _Quiet(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    http.told = told  # type: ignore[attr-defined]
    told.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
