"""What somebody reads on the judging page, and who is asked."""

from django.test import Client

from annotation.models import Candidate, Profile, Prompt, Question
from annotation.rendering import render_markdown, render_messages
from tests.annotation.calling import as_
from tests.annotation.test_api_assigning import patch
from tests.cast import World

JUDGE = "/projects/advice/judge/"
LONG = """
| Day | Noise |
|---|---|
| Mon | loud |

```python
def bark() -> None: ...
```

The mean is $\\bar{x} = \\frac{1}{n}\\sum x_i$.

ابدأ بالحديث معهم.

![A dog](https://example.org/dog.png) <script>alert(1)</script>
"""


def test_whatever_a_response_holds_can_be_read_on_the_judging_page(
    world: World, client: Client
) -> None:
    talk = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "The dog barks."},
        {"role": "assistant", "content": "At what time?"},
        {"role": "user", "content": "All *night*."},
    ]
    Prompt.objects.update(messages=talk, html=render_messages(talk))
    Candidate.objects.update(text=LONG, html=render_markdown(LONG))
    client.force_login(world.ada)
    said = client.get(JUDGE).content.decode()
    for part in ("Be kind.", "At what time?", "All <em>night</em>."):
        assert part in said
    for part in ("<table", "<math", "<mfrac>", 'class="k"', 'dir="auto"', "ابدأ بالحديث معهم."):
        assert part in said, part
    assert "<script>alert" not in said
    assert "<img" not in said  # linked, or fetched by this site where the owner allows it
    assert "example.org/dog.png" in said


def test_a_question_for_a_group_is_asked_of_nobody_else(world: World) -> None:
    olga = as_(world.olga)
    patch(olga, {"assignment": {"group_by": "side", "order": "sequential"}})
    Profile.objects.create(annotator=world.annotator_ada, version=1, attributes={"side": "north"})
    noise = world.questions[0]
    address = f"/projects/advice/questions/{noise.public_id}/audience/"
    assert olga.post(address, {"group": "north"}).status_code == 200
    got = {
        user.username: as_(user).post("/projects/advice/assignments/").json()["question"]
        for user in (world.ada, world.bob)
    }
    assert got["ada"] == str(noise.public_id)
    assert got["bob"] == str(world.questions[1].public_id)


def test_some_questions_ask_more_people_than_others(world: World, client: Client) -> None:
    """Each question has an overlap of its own; the project's is only what new ones begin with."""
    Question.objects.filter(external_id="noise").update(overlap=1)
    client.force_login(world.ada)
    page = client.get(JUDGE)
    said = {
        "handle": page.context["showing"].handle,
        "submission_key": "12345678",
        "choice": "2",
    }
    client.post(JUDGE, said)
    states = dict(Question.objects.values_list("external_id", "state"))
    assert states == {"noise": "answered", "rent": "open", "snow": "open"}
    first = as_(world.bob).post("/projects/advice/assignments/").json()["question"]
    assert first == str(world.questions[1].public_id)
