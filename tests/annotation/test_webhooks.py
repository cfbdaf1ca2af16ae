"""Letters to other servers: what is told, that nothing is lost or doubled, and how failures end."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotation import tasks
from annotation.models import Delivery, Standing, Webhook, WorkState
from annotation.webhooks import delivering, following, managing, signing
from annotation.webhooks.events import Event
from tests.aggregation.test_loading import say
from tests.annotation.calling import as_
from tests.cast import World

pytestmark = pytest.mark.django_db


@dataclass
class Receiver:
    """Somebody's server: keeps what it gets and answers with the next of `answers`, else 200."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(told.answers.pop(0) if told.answers else 200)
            self.send_header("location", "http://example.org/")
            self.end_headers()
            self.wfile.write(b"thank you")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{server.server_port}"]
    yield told
    server.shutdown()
    server.server_close()


def hook(world: World, receiver: Receiver, *events: str) -> Webhook:
    return managing.add_webhook(
        project=world.project,
        url=receiver.url,
        events=events or (Event.JUDGMENT_RECORDED,),
        created_by=world.olga,
    )


def tell(webhook: Webhook) -> None:
    tasks.tell_webhook(webhook.pk)
    webhook.refresh_from_db()


def test_a_signature_is_what_the_convention_says() -> None:
    # The example of the Standard Webhooks specification.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = signing.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_judgments_recorded_after_it_was_added_are_told_in_order(
    world: World, receiver: Receiver
) -> None:
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    webhook = hook(world, receiver)
    first = say(world.questions[1], world.annotator_ada, {"strength": -2}, reason="Too long.")
    say(world.questions[1], world.annotator_bob, {"strength": 3}, standing=Standing.PARKED)
    tell(webhook)
    (body,) = receiver.bodies()
    assert body["type"] == "judgment.recorded"
    assert body["project"] == world.project.slug
    told = body["data"]["judgments"]
    assert [each["payload"] for each in told] == [{"strength": -2}, {"strength": 3}]
    assert [each["standing"] for each in told] == ["counted", "parked"]
    assert told[0]["id"] == str(first.public_id)
    assert told[0]["question"] == world.questions[1].external_id
    assert told[0]["annotator"] == "person-ada"
    assert told[0]["reason"] == "Too long."
    tell(webhook)
    assert len(receiver.got) == 1


def test_the_receiver_can_verify_every_letter(world: World, receiver: Receiver) -> None:
    webhook = hook(world, receiver)
    managing.ping(webhook)
    tell(webhook)
    ((headers, body),) = receiver.got
    key = base64.b64decode(managing.secret(webhook).removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    managing.change_secret(webhook)
    assert base64.b64decode(managing.secret(webhook).removeprefix("whsec_")) != key


def test_many_judgments_become_letters_of_a_hundred_and_none_is_left_out(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "JUDGMENTS_PER_LETTER", 2)
    monkeypatch.setattr(following, "LETTERS_AT_A_TIME", 2)
    webhook = hook(world, receiver)
    said = [say(question, world.annotator_ada, {"strength": 1}) for question in world.questions]
    said += [say(question, world.annotator_bob, {"strength": 1}) for question in world.questions]
    while following.follow(webhook):
        pass
    tell(webhook)
    told = [each["id"] for body in receiver.bodies() for each in body["data"]["judgments"]]
    assert told == [str(each.public_id) for each in said]
    assert {len(body["data"]["judgments"]) for body in receiver.bodies()} <= {1, 2}


def test_ends_of_background_work_are_told_once(world: World, receiver: Receiver) -> None:
    from aggregation.enqueue import request_run
    from aggregation.runs import execute_run

    webhook = hook(world, receiver, Event.RUN_FINISHED)
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    run = request_run(world.project, "win_rate")
    tell(webhook)
    assert receiver.got == []
    execute_run(run.pk)
    tell(webhook)
    tell(webhook)
    (body,) = receiver.bodies()
    assert body["type"] == "run.finished"
    assert body["data"]["id"] == str(run.public_id)
    assert body["data"]["state"] == "done"


def test_a_refused_letter_is_tried_again_with_the_same_id_and_body(
    world: World, receiver: Receiver
) -> None:
    webhook = hook(world, receiver)
    letter = managing.ping(webhook)
    receiver.answers = [503]
    tell(webhook)
    letter.refresh_from_db()
    assert (letter.state, letter.status, letter.attempt) == ("queued", 503, 1)
    assert letter.not_before is not None
    assert letter.not_before > timezone.now()
    assert webhook.failing_since is not None
    Delivery.objects.update(not_before=timezone.now())
    tell(webhook)
    letter.refresh_from_db()
    assert (letter.state, letter.status, letter.answer) == ("done", 200, "thank you")
    (one, body_one), (two, body_two) = receiver.got
    assert (one["webhook-id"], body_one) == (two["webhook-id"], body_two)
    assert webhook.failing_since is None


def test_a_letter_is_given_up_with_a_sentence_after_its_last_try(
    world: World, receiver: Receiver
) -> None:
    webhook = hook(world, receiver)
    letter = managing.ping(webhook)
    Delivery.objects.update(attempt=len(delivering.WAITS))
    receiver.answers = [500]
    tell(webhook)
    letter.refresh_from_db()
    assert letter.state == WorkState.FAILED
    assert letter.error == "Tried 10 times without success; the last time: it answered 500"


def test_a_redirect_is_an_answer_that_is_not_followed(world: World, receiver: Receiver) -> None:
    webhook = hook(world, receiver)
    letter = managing.ping(webhook)
    receiver.answers = [302]
    tell(webhook)
    letter.refresh_from_db()
    assert letter.state == WorkState.QUEUED
    assert "redirect" in letter.answer


def test_a_receiver_that_is_gone_or_silent_for_three_days_is_left_alone_until_resumed(
    world: World, receiver: Receiver
) -> None:
    webhook = hook(world, receiver)
    managing.ping(webhook)
    receiver.answers = [410]
    tell(webhook)
    assert "gone for good" in webhook.paused_because
    Delivery.objects.update(not_before=timezone.now())
    tell(webhook)
    assert len(receiver.got) == 1
    managing.resume(webhook)
    tell(webhook)
    assert len(receiver.got) == 2
    assert webhook.paused_because == ""

    managing.ping(webhook)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=3, minutes=1))
    receiver.answers = [500]
    tell(webhook)
    assert webhook.paused_because.startswith("Nothing has arrived since")


def test_what_happens_while_paused_is_told_afterwards(world: World, receiver: Receiver) -> None:
    webhook = hook(world, receiver)
    managing.pause(webhook, "Paused by olga.")
    say(world.questions[0], world.annotator_ada, {"strength": 1})
    tell(webhook)
    assert receiver.got == []
    managing.resume(webhook)
    tell(webhook)
    assert len(receiver.bodies()[0]["data"]["judgments"]) == 1


def test_addresses_inside_the_house_are_refused(world: World) -> None:
    for url in ("http://169.254.169.254/", "http://localhost:5432/", "ftp://example.org/", "x"):
        with pytest.raises(managing.InvalidWebhook):
            managing.add_webhook(
                project=world.project, url=url, events=["run.finished"], created_by=None
            )


# --- Page and API -----------------------------------------------------------------------------


def test_an_owner_adds_tries_and_removes_a_webhook_on_the_page(
    client: Client, world: World, receiver: Receiver
) -> None:
    client.force_login(world.olga)
    refused = client.post("/projects/advice/webhooks/", {"url": "http://10.0.0.1/"})
    assert refused.status_code == 422
    assert "not on the public internet" in refused.content.decode()
    assert "Choose at least one thing" in refused.content.decode()
    made = client.post(
        "/projects/advice/webhooks/", {"url": receiver.url, "events": ["judgment.recorded"]}
    )
    webhook = Webhook.objects.get()
    page = f"/projects/advice/webhooks/{webhook.public_id}/"
    assert made["location"] == page
    assert managing.secret(webhook) in client.get(page).content.decode()
    client.post(page + "change/", {"do": "ping"})
    tell(webhook)
    assert "Arrived" in client.get(page).content.decode()
    letter = Delivery.objects.get()
    client.post(f"/projects/advice/webhooks/letters/{letter.public_id}/again/")
    tell(webhook)
    assert len(receiver.got) == 2
    client.post(page + "change/", {"do": "remove"})
    assert not Webhook.objects.exists()


def test_the_api_does_the_same(world: World, receiver: Receiver) -> None:
    olga, ada = as_(world.olga), as_(world.ada)
    asked = {"url": receiver.url, "events": ["judgment.recorded"]}
    assert ada.post("/projects/advice/webhooks/", asked).status_code == 403
    assert olga.post("/projects/advice/webhooks/", {"url": "x", "events": []}).status_code == 400
    made = olga.post("/projects/advice/webhooks/", asked)
    assert made.status_code == 201
    address = f"/projects/advice/webhooks/{made.json()['id']}/"
    assert olga.post(address + "ping/", {}).status_code == 202
    tell(Webhook.objects.get())
    letters = olga.get("/projects/advice/deliveries/").json()["results"]
    assert [(each["event"], each["state"]) for each in letters] == [("ping", "done")]
    assert olga.post(address + "pause/", {}).json()["paused_because"] == "Paused by olga."
    assert olga.post(address + "resume/", {}).json()["paused_because"] == ""
    assert olga.post(address + "new-secret/", {}).json()["secret"] != made.json()["secret"]
    again = olga.post(f"/projects/advice/deliveries/{letters[0]['id']}/send-again/", {})
    assert again.status_code == 202
    assert olga.send("DELETE", address).status_code == 204
