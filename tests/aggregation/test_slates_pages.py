"""A run that elects a slate: its page, its numbers and its stored result."""

from django.test import Client

from aggregation import runs
from aggregation.enqueue import request_run
from annotation.models import WorkState
from tests.aggregation.votes import person, say
from tests.cast import World, make_question


def test_the_page_of_a_run_names_the_slates_and_what_they_promise(world: World) -> None:
    question = make_question(world.project, "dog", judgment_type="ranking", candidates=3)
    for name, tiers in (
        ("ann", [[0], [1], [2]]),
        ("bob", [[0], [2], [1]]),
        ("cyn", [[1], [0], [2]]),
    ):
        say(question, person(world.project, name), {"tiers": tiers, "of": 3})
    run = request_run(world.project, "equal_shares", options={"seats": 2})
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    assert run.aggregate().committees
    client = Client()
    client.force_login(world.olga)
    address = f"/projects/{world.project.slug}/runs/{run.public_id}/"
    html = client.get(address).content.decode()
    assert "The slate is" in html
    assert "No group is left with fewer seats than it deserves" in html
    assert "rankings into approvals of the first tier" in html
    table = html.partition("How it was bought")[2].partition("</table>")[0]
    assert "Everyone had 0.6667 to spend. Added afterwards, not bought: “" in table
    cells = '<td class="number">0.5</td><td class="number">1</td><td class="number">2</td>'
    assert table.count("<tr>") == 2
    assert cells in table
    german = client.get(address, headers={"Accept-Language": "de"}).content.decode()
    assert "Jede Person konnte 0,6667 ausgeben. Danach ergänzt, nicht gekauft: “" in german
    assert "No group" not in german
    assert "“ und „" in german.partition("<tbody>")[2].partition("</tbody>")[0]
