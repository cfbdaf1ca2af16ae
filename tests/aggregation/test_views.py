"""Pages of runs and releases: who may see them, what they say, and that nothing needs a script."""

import re
import shutil
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client

from aggregation import publishing, runs
from aggregation.catalogue import METHODS
from aggregation.enqueue import request_check, request_release, request_run
from aggregation.fitting import methods_for
from aggregation.models import Check, Release, Run
from annotation.models import Role, System, WorkState
from tests.aggregation.votes import call_both_bad, person, vote
from tests.cast import World, make_project, member

RUNS = "/projects/advice/runs/"
RELEASES = "/projects/advice/releases/"


@pytest.fixture
def judged(world: World) -> Iterator[World]:
    System.objects.filter(name="system-0").update(name="<b>careful</b>")
    for number in range(6):
        annotator = person(world.project, f"p{number}", opinion="calm" if number < 5 else "loud")
        for place, question in enumerate(world.questions):
            vote(question, annotator, -2 if (number + place) % 5 == 0 else 1)
    call_both_bad(world.questions[0], person(world.project, "p9"))
    yield world
    shutil.rmtree(settings.RELEASES_DIR, ignore_errors=True)


def as_(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def olga(judged: World) -> Client:
    return as_(judged.olga)


def finished(judged: World, method: str = "bradley_terry", **rest: Any) -> Run:
    run = request_run(judged.project, method, **rest)
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    return run


def published(judged: World, **rest: Any) -> Release:
    release = request_release(judged.project, **rest)
    publishing.publish(release.pk)
    release.refresh_from_db()
    assert release.state == WorkState.DONE, release.error
    return release


def page(client: Client, address: str, status: int = 200, **rest: Any) -> str:
    response = client.get(address, **rest)
    assert response.status_code == status, response.content[:2000]
    return str(response.content, "utf-8")


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- Who may see it ---------------------------------------------------------------------------


def test_annotators_and_strangers_see_no_results(judged: World) -> None:
    run, release = finished(judged), published(judged)
    addresses = [
        RUNS,
        f"{RUNS}{run.public_id}/",
        f"{RUNS}{run.public_id}/tables/scores.csv",
        f"{RUNS}{run.public_id}/result.json",
        f"{RUNS}compare/",
        RELEASES,
        f"{RELEASES}{release.version}/",
        f"{RELEASES}{release.version}/files/raw_judgments.jsonl",
        f"{RELEASES}preview/",
        "/projects/advice/results/",
    ]
    for address in addresses:
        page(as_(judged.ada), address, 403)
        page(as_(judged.sam), address, 404)
        assert Client().get(address).status_code == 302


def test_a_reviewer_sees_but_does_not_start(judged: World) -> None:
    client = as_(member(judged.project, "rita", Role.REVIEWER))
    html = page(client, RUNS)
    assert "Start run" not in html
    client.post(RUNS, {"method": "win_rate", "items": "systems", "kinds": "person", "seed": 0})
    client.post(RELEASES, {"exports": "raw_judgments", "kinds": "person"})
    assert not Run.objects.exists()
    assert not Release.objects.exists()


def test_a_run_of_another_project_is_not_found_here(judged: World, olga: Client) -> None:
    run = finished(judged)
    other = make_project("other")
    other.memberships.create(user=judged.olga, role=Role.OWNER)
    page(olga, f"/projects/other/runs/{run.public_id}/", 404)


# --- Runs -------------------------------------------------------------------------------------


def test_the_start_form_is_derived_from_the_methods_options(olga: Client) -> None:
    html = page(olga, f"{RUNS}?method=bradley_terry")
    for option in METHODS["bradley_terry"].options.form_fields():
        if option.name != "seed":
            assert f'name="option-{option.name}"' in html
    assert "no such" not in page(olga, RUNS).lower()


def test_an_unknown_method_in_the_address_is_said_to_be_that(olga: Client) -> None:
    assert "No such rule" in page(olga, f"{RUNS}?method=dice")


def test_starting_a_run_leads_to_its_page(judged: World, olga: Client) -> None:
    asked = {
        "method": "win_rate",
        "items": "systems",
        "kinds": ["person"],
        "seed": 4,
        "option-replicates": "25",
        "option-level": "0.9",
    }
    response = olga.post(RUNS, asked)
    run = Run.objects.get()
    assert response.headers["Location"] == f"{RUNS}{run.public_id}/"
    assert (run.method, run.seed, run.requested_by) == ("win_rate", 4, judged.olga)
    assert run.options == {"replicates": 25, "level": 0.9}
    assert "Waiting for a worker" in page(olga, f"{RUNS}{run.public_id}/")


def test_a_wrong_option_comes_back_with_a_sentence_and_nothing_lost(olga: Client) -> None:
    asked = {
        "method": "win_rate",
        "items": "systems",
        "kinds": ["person"],
        "seed": 12,
        "option-level": "7",
    }
    response = olga.post(RUNS, asked)
    assert response.status_code == 422
    html = str(response.content, "utf-8")
    assert "less than or equal to 0.999" in html
    assert 'value="12"' in html
    assert not Run.objects.exists()


def test_a_run_page_says_what_was_found_and_how(judged: World, olga: Client) -> None:
    run = finished(judged)
    html = page(olga, f"{RUNS}{run.public_id}/")
    said = words(html)
    assert "“&lt;b&gt;careful&lt;/b&gt;” comes first with" in said
    assert "from 19 judgments by 7 annotators" in said
    assert "higher is better. 95 % intervals over annotators." in said
    assert "<b>careful</b>" not in html
    assert run.input_digest in html
    assert run.result_digest in html
    assert "Rebuild from the log" in html
    svg = html[html.index('<svg class="chart"') : html.index("</svg>") + 6]
    chart = ElementTree.fromstring(svg)
    assert chart.find("{http://www.w3.org/2000/svg}title") is not None
    described = chart.find("{http://www.w3.org/2000/svg}desc")
    assert described is not None
    assert "system-1: -0.585 [-0.952, -0.219]" in "".join(described.itertext())
    assert "style=" not in html


@pytest.mark.parametrize(
    ("slug", "options", "sentence"),
    [
        (
            "bradley_terry",
            {"ci": "sandwich", "level": 0.9},
            "90 % intervals over single judgments.",
        ),
        ("bradley_terry", {"replicates": 3}, "95 % intervals by the bootstrap."),
        ("bradley_terry", {"ci": "hessian"}, "as if all judgments were independent."),
        ("copeland", {}, "This rule gives no intervals."),
    ],
)
def test_a_run_page_says_what_intervals_are_made_of(
    judged: World, olga: Client, slug: str, options: dict[str, Any], sentence: str
) -> None:
    run = request_run(judged.project, slug, options=options)
    runs.execute_run(run.pk)
    assert sentence in words(page(olga, f"{RUNS}{run.public_id}/"))


def test_scoring_responses_within_prompts_names_no_overall_winner(
    judged: World, olga: Client
) -> None:
    run = finished(judged, items="candidates")
    said = words(page(olga, f"{RUNS}{run.public_id}/"))
    assert "There is no overall winner: the items fall into 3 parts" in said
    assert "Read with care" in said
    assert "prompt-noise · noise-0" in said


def test_a_run_going_on_polls_and_a_final_one_ends_the_polling(judged: World, olga: Client) -> None:
    run = request_run(judged.project, "win_rate")
    address = f"{RUNS}{run.public_id}/"
    assert 'hx-trigger="every 2s"' in page(olga, address)
    status = olga.get(f"{address}status/", headers={"HX-Request": "true"})
    assert "HX-Refresh" not in status.headers
    runs.execute_run(run.pk)
    status = olga.get(f"{address}status/", headers={"HX-Request": "true"})
    assert status.headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in str(status.content)
    assert f'{address}status/"' not in page(olga, address)


def test_a_run_can_be_cancelled_from_its_page(judged: World, olga: Client) -> None:
    run = request_run(judged.project, "win_rate")
    olga.post(f"{RUNS}{run.public_id}/cancel/")
    assert "Cancelled" in page(olga, f"{RUNS}{run.public_id}/")
    assert as_(judged.ada).post(f"{RUNS}{run.public_id}/cancel/").status_code == 403
    assert olga.get(f"{RUNS}{run.public_id}/cancel/").status_code == 405


def test_a_failed_run_shows_its_sentence(world: World) -> None:
    run = request_run(world.project, "win_rate")
    runs.execute_run(run.pk)
    html = page(as_(world.olga), f"{RUNS}{run.public_id}/")
    assert "No judgments match this selection" in html


def test_rebuilding_shows_that_the_result_is_identical(judged: World, olga: Client) -> None:
    run = finished(judged)
    response = olga.post(f"{RUNS}{run.public_id}/rebuild/")
    replay = Run.objects.get(replay_of=run)
    assert response.headers["Location"] == f"{RUNS}{replay.public_id}/"
    runs.execute_run(replay.pk)
    assert "Its result is identical, byte for byte" in page(olga, f"{RUNS}{replay.public_id}/")
    assert "identical, byte for byte" in page(olga, f"{RUNS}{run.public_id}/")
    assert str(replay.public_id) not in page(olga, RUNS)


def test_a_changed_stored_result_is_shown_as_different(judged: World, olga: Client) -> None:
    run = finished(judged)
    olga.post(f"{RUNS}{run.public_id}/rebuild/")
    replay = Run.objects.get(replay_of=run)
    runs.execute_run(replay.pk)
    Run.objects.filter(pk=run.pk).update(result=(run.result or "").replace("logit", "probit"))
    assert "differs from the stored one" in page(olga, f"{RUNS}{replay.public_id}/")


def test_scores_download_as_csv_that_no_spreadsheet_executes(judged: World, olga: Client) -> None:
    System.objects.filter(name="system-1").update(name="=cmd()")
    run = finished(judged)
    lines = page(olga, f"{RUNS}{run.public_id}/tables/scores.csv").splitlines()
    assert lines[0] == "item,rank,score,se,lo,hi,rank_lo,rank_hi,judgments"
    assert any(line.startswith("'=cmd(),") for line in lines)
    assert page(olga, f"{RUNS}{run.public_id}/result.json") == run.result


def test_rules_are_compared_on_the_same_judgments(judged: World, olga: Client) -> None:
    assert "Nothing to compare yet" in page(olga, f"{RUNS}compare/")
    first = finished(judged, "bradley_terry")
    finished(judged, "win_rate")
    said = words(page(olga, f"{RUNS}compare/"))
    assert "wins under all 2 rules here" in said
    vote(judged.questions[0], person(judged.project, "late"), -3)
    olga.post(f"{RUNS}compare/", {"methods": ["majority"]})
    added = Run.objects.get(method="majority")
    assert added.mark == first.mark
    page(olga, f"{RUNS}compare/?run={first.public_id}")
    page(olga, f"{RUNS}compare/?run={judged.project.public_id}", 404)


def test_runs_on_other_judgments_are_not_mixed_in(judged: World, olga: Client) -> None:
    finished(judged, "win_rate")
    vote(judged.questions[0], person(judged.project, "late"), -3)
    finished(judged, "bradley_terry")
    html = page(olga, f"{RUNS}compare/")
    assert "20 judgments" in words(html)
    assert METHODS["win_rate"].title not in html[: html.index("Add rules")]


def test_every_method_has_a_page(judged: World, olga: Client) -> None:
    overview = page(olga, "/methods/")
    for slug, method in METHODS.items():
        assert f'href="/methods/{slug}/"' in overview
        assert method.title in page(olga, f"/methods/{slug}/").replace("&#x27;", "'")
    page(olga, "/methods/dice/", 404)


@pytest.mark.slow
def test_every_method_that_fits_can_be_run_rebuilt_and_shown(judged: World, olga: Client) -> None:
    for slug in methods_for(judged.project):
        run = request_run(judged.project, slug)
        runs.execute_run(run.pk)
        run.refresh_from_db()
        assert run.state == WorkState.DONE, f"{slug}: {run.error}"
        assert runs.rebuild(run).identical, slug
        page(olga, f"{RUNS}{run.public_id}/")
    page(olga, f"{RUNS}compare/")
    page(olga, RUNS)


# --- Releases ---------------------------------------------------------------------------------

ASKED = {
    "exports": ["trl_preference", "raw_judgments"],
    "kinds": ["person"],
    "ties": "ignore",
    "both_bad": "ignore",
    "least_votes": "2",
    "least_agreement": "0.5",
    "smallest_cell": "5",
    "licence": "CC BY 4.0",
    "notes": "Hello.",
}


def test_publishing_leads_to_the_release(judged: World, olga: Client) -> None:
    response = olga.post(RELEASES, ASKED)
    release = Release.objects.get()
    assert response.headers["Location"] == f"{RELEASES}1/"
    assert release.requested_by == judged.olga
    assert release.curation["ties"] == "ignore"
    assert release.curation["least_votes"] == 2
    html = page(olga, f"{RELEASES}1/")
    assert "Waiting for a worker" in html
    assert "Download" not in html


def test_words_and_attributes_together_are_refused_with_a_sentence(olga: Client) -> None:
    response = olga.post(RELEASES, ASKED | {"reasons": "on", "attributes": ["opinion"]})
    assert response.status_code == 422
    assert "never published side by side" in str(response.content, "utf-8")
    assert not Release.objects.exists()


def test_the_preview_shows_what_each_policy_removes(olga: Client) -> None:
    html = page(olga, f"{RELEASES}preview/", headers={"HX-Request": "true"})
    assert "<html" not in html
    said = words(html)
    assert "19 votes on 3 pairs" in said
    assert "no side has more votes than the other" in said or "nothing" in said
    strict = words(page(olga, f"{RELEASES}preview/?least_votes=7&least_agreement=0.9"))
    assert "fewer counted votes than the policy asks for" in strict
    assert "agree less than the policy asks for" in strict
    assert "1 or more" not in strict


def test_a_preview_of_nonsense_is_refused_with_a_sentence(olga: Client) -> None:
    html = page(olga, f"{RELEASES}preview/?least_agreement=7")
    assert "less than or equal to 1" in html


def test_a_release_page_is_the_card_of_a_library_book(judged: World, olga: Client) -> None:
    run = finished(judged)
    release = published(judged, run=run, licence="CC BY 4.0", notes="<i>First</i>")
    html = page(olga, f"{RELEASES}1/")
    said = words(html)
    assert "19 judgments by 7 annotators on 3 questions" in said
    assert "CC BY 4.0" in said
    assert "&lt;i&gt;First&lt;/i&gt;" in html
    assert "a tie never becomes a pair" in said
    assert "import pyarrow.parquet as pq" in said
    assert "What should I do about noise?" in said
    assert release.manifest_digest in html
    for name in ("trl_preference.parquet", "scores.json", "manifest.json.sig", "README.md"):
        assert f"/files/{name}" in html


def test_files_download_whole_and_only_those_listed(judged: World, olga: Client) -> None:
    release = published(judged)
    folder = publishing.release_folder(release)
    (folder / "secret.txt").write_text("no")
    for name in [*(f["name"] for f in release.files()), "manifest.json", "manifest.json.sig"]:
        response = olga.get(f"{RELEASES}1/files/{name}")
        assert b"".join(response.streaming_content) == (folder / name).read_bytes()  # type: ignore[attr-defined]
        assert response.headers["Content-Disposition"] == f'attachment; filename="advice-v1-{name}"'
    for name in ("secret.txt", "..%2Fv1%2Fmanifest.json", "%2Fetc%2Fpasswd", "nothing"):
        assert olga.get(f"{RELEASES}1/files/{name}").status_code == 404


def test_no_file_of_an_unpublished_release_is_handed_out(judged: World, olga: Client) -> None:
    request_release(judged.project)
    assert olga.get(f"{RELEASES}1/files/manifest.json").status_code == 404


def test_checks_are_asked_for_and_shown(judged: World, olga: Client) -> None:
    release = published(judged)
    olga.post(f"{RELEASES}1/check/", {"rebuild": "yes"})
    check = Check.objects.get()
    assert check.rebuild
    assert "A check is going on" in page(olga, f"{RELEASES}1/")
    publishing.check(check.pk)
    assert "identical, byte for byte" in page(olga, f"{RELEASES}1/")
    (publishing.release_folder(release) / "README.md").write_text("forged")
    publishing.check(request_check(release).pk)
    html = page(olga, f"{RELEASES}1/")
    assert "Something is wrong" in html
    assert "README.md has 6 bytes" in html


def test_a_release_whose_files_were_taken_away_still_has_its_page(
    judged: World, olga: Client
) -> None:
    release = published(judged)
    shutil.rmtree(publishing.release_folder(release))
    assert "How judgments became rows" in page(olga, f"{RELEASES}1/")
    assert olga.get(f"{RELEASES}1/files/README.md").status_code == 404


def test_a_release_going_on_can_be_cancelled(judged: World, olga: Client) -> None:
    request_release(judged.project)
    assert 'hx-trigger="every 2s"' in page(olga, f"{RELEASES}1/")
    olga.post(f"{RELEASES}1/cancel/")
    status = olga.get(f"{RELEASES}1/status/", headers={"HX-Request": "true"})
    assert status.headers["HX-Refresh"] == "true"
    assert "Cancelled" in page(olga, f"{RELEASES}1/")


# --- The project's panel ----------------------------------------------------------------------


def test_the_panel_is_a_fragment_for_htmx_and_a_page_without(judged: World, olga: Client) -> None:
    address = "/projects/advice/results/"
    assert "Nothing has been added up yet" in page(olga, address)
    request_run(judged.project, "win_rate")
    assert f"{METHODS['win_rate'].title}</a>: queued" in page(olga, address)
    finished(judged)
    published(judged)
    fragment = page(olga, address, headers={"HX-Request": "true"})
    assert "<html" not in fragment
    assert "comes first with" in fragment
    assert "Release 1" in fragment
    assert "<html" in page(olga, address)
