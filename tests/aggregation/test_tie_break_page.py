"""A tie broken on its page: drawn, settled, checked; refused with a sentence."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from aggregation import runs
from aggregation.diagnostics.tie_break import TieBreak, beacon_draw, commitment, verify
from aggregation.enqueue import request_run
from tests.aggregation.votes import person, vote
from tests.cast import World

PAGE = "/tie-breaks/"


@pytest.fixture
def olga(world: World) -> Client:
    client = Client()
    client.force_login(world.olga)
    return client


def record_in(html: str) -> TieBreak:
    found = re.search(r'<textarea id="record-text"[^>]*>(.*?)</textarea>', html, re.DOTALL)
    assert found
    return TieBreak.from_plain(json.loads(unescape(found[1])))


def posted(client: Client, status: int = 200, **given: Any) -> str:
    response = client.post(PAGE, given)
    assert response.status_code == status
    return response.content.decode()


def test_a_draw_is_the_librarys_and_can_be_checked(olga: Client) -> None:
    asked: dict[str, Any] = {
        "options": "x\ny\n z \n",
        "beacon": "3 7 19",
        "digest": "d",
        "question": "q",
    }
    html = posted(olga, act="draw", **asked)
    record = record_in(html)
    assert record == beacon_draw(["x", "y", "z"], "d", "q", "3 7 19")
    assert f"“{record.winner}” wins" in html
    assert "The record is right" in posted(olga, act="verify", text=json.dumps(record.plain()))
    changed = {**record.plain(), "place": (record.place + 1) % 3}
    assert "The record is wrong" in posted(olga, act="verify", text=json.dumps(changed))


def test_commitments_made_here_settle_a_game(olga: Client) -> None:
    html = posted(olga, act="commit")
    publish, number, salt = re.findall(r"<dd><code>(\w+)</code></dd>", html)
    assert commitment(int(number), salt) == publish
    assert "no-store" in olga.get(PAGE)["Cache-Control"]
    game = {
        "options": ["x", "y", "z"],
        "commits": {"ann": publish},
        "reveals": {"ann": {"number": int(number), "salt": salt}},
    }
    record = record_in(posted(olga, act="settle", game=json.dumps(game)))
    assert verify(record)
    assert record.place == int(number) % 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"act": "draw", "options": "", "beacon": "b"}, "required"),
        ({"act": "draw", "options": "x\nx", "beacon": "b"}, "different names"),
        ({"act": "settle", "game": "{"}, "This is no JSON"),
        ({"act": "settle", "game": "[]"}, "this is not one"),
        ({"act": "verify", "text": "[1]"}, "JSON object"),
        ({"act": "verify", "text": '{"rule": "x"}'}, "no record"),
        ({"act": "dance"}, "Draw by a beacon"),
    ],
)
def test_what_cannot_be_broken_is_refused_with_a_sentence(
    olga: Client, given: dict[str, str], said: str
) -> None:
    assert said in posted(olga, 422, **given)


def test_a_tied_run_leads_to_a_draw_between_its_winners(world: World, olga: Client) -> None:
    for number in range(4):
        vote(world.questions[0], person(world.project, f"p{number}"), 1 if number % 2 else -1)
    run = request_run(world.project, "copeland")
    runs.execute_run(run.pk)
    html = olga.get(f"/projects/advice/runs/{run.public_id}/").content.decode()
    address = re.search(r'href="(/tie-breaks/\?[^"]+)"', html)
    assert address
    form = olga.get(unescape(address[1])).content.decode()
    run.refresh_from_db()
    assert "system-0\nsystem-1" in form
    assert f"sha256:{run.result_digest}" in form


def test_strangers_are_asked_to_log_in() -> None:
    assert Client().get(PAGE).status_code == 302
