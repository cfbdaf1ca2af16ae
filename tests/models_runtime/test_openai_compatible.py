import logging
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from models_runtime.catalogue import ENGINES
from models_runtime.engines import (
    Cause,
    DecisionRequest,
    Engine,
    EngineError,
    GenerationReply,
    GenerationRequest,
    Message,
    ModelReference,
    Sampling,
)
from models_runtime.engines._server import Patience, Refused, Server
from models_runtime.engines.openai_compatible import decide_from
from models_runtime.prompting.pairwise import LABELS, PAIRWISE_TEMPLATES
from tests.models_runtime.loopback import MODEL, Fault, ModelServer, model_server

QUESTION = (Message("user", "May I paint my rented flat?"),)
SECRET = "sk-very-secret"


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


def client(url: str, *, model: str = MODEL, secret: str = SECRET, **options: Any) -> Engine:
    quick = {"backoff": 0.01, "timeout": 5.0, "retries": 3}
    reference = ModelReference(model, base_url=url, options=quick | options, secret=secret)
    return ENGINES["openai_compatible"].open(reference)


def ask(engine: Engine, **fields: Any) -> GenerationReply:
    (reply,) = engine.generate([GenerationRequest("k", QUESTION, **fields)])
    return reply


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_trouble_is_tried_again(server: ModelServer, status: int) -> None:
    server.faults.extend([Fault(status), Fault(status)])
    reply = ask(client(server.url))
    assert reply.failure is None
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault(429), Cause.RATE_LIMITED),
        (Fault(500), Cause.SERVER_ERROR),
        (Fault(200, b"{cut off"), Cause.MALFORMED_REPLY),
        (Fault(200, b"[1, 2]"), Cause.MALFORMED_REPLY),
        (Fault(200, b"{}"), Cause.MALFORMED_REPLY),
        (Fault(200, b'{"choices": ["x"]}'), Cause.MALFORMED_REPLY),
        (Fault(400), Cause.BAD_REQUEST),
        (Fault(401), Cause.UNAUTHORISED),
        (Fault(403), Cause.UNAUTHORISED),
        (Fault(404), Cause.MODEL_NOT_FOUND),
        (Fault(413), Cause.TOO_LONG),
        (Fault(400, b'{"error": {"code": "context_length_exceeded"}}'), Cause.TOO_LONG),
    ],
)
def test_lasting_trouble_is_named_by_its_cause_and_echoes_nothing(
    server: ModelServer, fault: Fault, cause: Cause, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.fault_for_all = fault
    reply = ask(client(server.url))
    assert reply.failure is not None
    assert reply.failure.cause is cause
    assert "upstream says" not in reply.failure.sentence
    assert SECRET not in reply.failure.sentence + caplog.text


def test_trouble_that_will_not_pass_is_not_tried_again(server: ModelServer) -> None:
    server.fault_for_all = Fault(401)
    ask(client(server.url))
    assert len(server.asked) == 1


def test_tries_are_bounded(server: ModelServer) -> None:
    server.fault_for_all = Fault(500)
    ask(client(server.url, retries=2))
    assert len(server.asked) == 3


def test_a_server_that_asks_for_time_gets_it(server: ModelServer) -> None:
    server.faults.append(Fault(429, headers={"Retry-After": "0.6"}))
    assert ask(client(server.url)).failure is None
    assert server.times[1] - server.times[0] >= 0.6


def test_a_date_in_retry_after_is_understood(server: ModelServer) -> None:
    began, later = time.monotonic(), datetime.now(UTC) + timedelta(seconds=2)
    server.faults.append(Fault(503, headers={"Retry-After": format_datetime(later)}))
    assert ask(client(server.url)).failure is None
    assert server.times[1] - began >= 0.9  # dates have whole seconds


def test_a_server_that_asks_for_too_much_time_is_not_waited_for(server: ModelServer) -> None:
    server.fault_for_all = Fault(429, headers={"Retry-After": "3600"})
    began = time.monotonic()
    reply = ask(client(server.url, longest_wait=1.0))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.RATE_LIMITED
    assert time.monotonic() - began < 1


class Longest(random.Random):
    """The longest pause that the jitter may draw."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_pauses_grow_between_tries(server: ModelServer) -> None:
    server.fault_for_all = Fault(500)
    patience = Patience(timeout=5, retries=4, backoff=0.1)
    talk = Server(base_url=server.url, model=MODEL, secret="", patience=patience, jitter=Longest())
    with pytest.raises(Refused):
        talk.ask("POST", "chat/completions", {})
    pauses = [later - earlier for earlier, later in pairwise(server.times)]
    assert all(b > 1.5 * a for a, b in pairwise(pauses))


def test_a_hanging_server_is_given_up(server: ModelServer) -> None:
    server.fault_for_all = Fault(200, delay=3)
    began = time.monotonic()
    reply = ask(client(server.url, timeout=0.3, retries=1))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.TIMEOUT
    assert time.monotonic() - began < 2


def test_closing_stops_a_client_that_waits_to_try_again(server: ModelServer) -> None:
    server.fault_for_all = Fault(429, headers={"Retry-After": "30"})
    engine = client(server.url, in_flight=2)
    replies = engine.generate(GenerationRequest(str(i), QUESTION) for i in range(2))
    threading.Timer(0.3, engine.close).start()
    began = time.monotonic()
    assert list(replies) == []
    assert time.monotonic() - began < 3


def test_a_redirect_is_never_followed(server: ModelServer) -> None:
    with model_server() as elsewhere:
        server.fault_for_all = Fault(307, headers={"Location": f"{elsewhere.url}/chat/completions"})
        reply = ask(client(server.url))
        assert elsewhere.asked == []
    assert reply.failure is not None
    assert reply.failure.cause in {Cause.REDIRECTED, Cause.FORBIDDEN_ADDRESS}


def test_a_dead_server_is_said_to_be_unreachable() -> None:
    with model_server() as gone:
        url = gone.url
    engine = client(url, retries=1)
    reply = ask(engine)
    assert reply.failure is not None
    assert reply.failure.cause is Cause.UNREACHABLE
    with pytest.raises(EngineError, match="can't be reached"):
        engine.check()


def test_an_address_that_is_not_allowed_is_refused_before_anything_is_sent(
    server: ModelServer, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(EngineError) as caught:
        client(server.url)
    assert caught.value.failure.cause is Cause.FORBIDDEN_ADDRESS
    assert server.asked == []


def test_an_enormous_reply_is_cut_off(server: ModelServer) -> None:
    server.fault_for_all = Fault(200, b" " * (17 * 1024 * 1024))
    reply = ask(client(server.url))
    assert reply.failure is not None
    assert server.asked


def test_a_missing_model_is_found_by_the_check(server: ModelServer) -> None:
    with pytest.raises(EngineError, match="no model 'nowhere'"):
        client(server.url, model="nowhere").check()


def test_a_server_without_a_list_of_models_is_asked_for_a_token(server: ModelServer) -> None:
    server.models = None
    client(server.url).check()
    assert server.asked[-1]["max_tokens"] == 1


def test_a_wrong_key_is_found_by_the_check(server: ModelServer) -> None:
    server.key = "right"
    with pytest.raises(EngineError) as caught:
        client(server.url, secret="sk-wrong").check()
    assert caught.value.failure.cause is Cause.UNAUTHORISED
    assert "sk-wrong" not in str(caught.value)
    client(server.url, secret="right").check()


def test_the_key_shows_in_no_description() -> None:
    assert SECRET not in repr(ModelReference("m", secret=SECRET))


def test_one_request_brings_all_samples_where_the_server_can(server: ModelServer) -> None:
    assert len(ask(client(server.url), n=5).samples) == 5
    assert [body.get("n") for body in server.asked] == [5]


def test_samples_a_server_silently_left_out_are_asked_for_again(server: ModelServer) -> None:
    server.honours_n = False
    reply = ask(client(server.url), n=4, seed=10)
    assert len(reply.samples) == 4
    assert len({sample.text for sample in reply.samples}) == 4


def test_settings_are_sent_as_asked(server: ModelServer) -> None:
    sampling = Sampling(max_tokens=7, temperature=0.3, top_p=0.9, top_k=5, stop=("END",))
    ask(client(server.url), sampling=sampling, seed=12)
    ask(client(server.url, sends_extra=True), sampling=sampling)
    plain, extra = server.asked
    assert (plain["max_tokens"], plain["temperature"], plain["top_p"]) == (7, 0.3, 0.9)
    assert (plain["stop"], plain["seed"], "top_k" in plain) == (["END"], 12, False)
    assert extra["top_k"] == 5


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    with model_server(latency_ms=30) as server:
        engine = client(server.url, in_flight=4)
        replies = list(engine.generate(GenerationRequest(str(i), QUESTION) for i in range(24)))
    assert len(replies) == 24
    assert 2 <= server.busiest <= 4


def test_tokens_are_counted_and_priced(server: ModelServer) -> None:
    reply = ask(client(server.url, price_in=2.0, price_out=10.0))
    expected = (reply.usage.tokens_in * 2 + reply.usage.tokens_out * 10) / 1e6
    assert reply.usage.tokens_out > 0
    assert reply.usage.cost == pytest.approx(expected)


def test_label_probabilities_equal_those_of_the_logic_behind_the_server(
    server: ModelServer,
) -> None:
    messages = PAIRWISE_TEMPLATES["labelled@1"].render(QUESTION, ("Yes.", "No."), "f00d1234")
    request = DecisionRequest("k", messages, LABELS)
    (there,) = client(server.url).decide([request])
    (here,) = server.engine.decide([request])
    assert there.decision is not None
    assert here.decision is not None
    assert there.decision.probabilities == pytest.approx(here.decision.probabilities)
    assert there.decision.mass == pytest.approx(here.decision.mass)


def test_a_server_that_accepts_logprobs_and_sends_none_is_found_out(server: ModelServer) -> None:
    server.honours_logprobs = False
    (reply,) = client(server.url).decide([DecisionRequest("k", QUESTION, LABELS)])
    assert reply.failure is not None
    assert reply.failure.cause is Cause.UNSUPPORTED


def test_a_label_outside_the_list_is_bounded_and_said_so() -> None:
    decision = decide_from({"A": -0.2, " a": -3.0, "The": -5.0}, ("A", "B"))
    assert decision.bounded == ("B",)
    assert decision.mass == pytest.approx(2.718281828**-0.2 + 2.718281828**-3.0)
    assert decision.probabilities["B"] < 0.01


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1/v1", "not a url", "http://user:pw@127.0.0.1/"]
)
def test_an_unusable_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(EngineError):
        client(url)
