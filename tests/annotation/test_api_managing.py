"""Setting up and steering a project over the API: projects, guidelines, imports, people."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.models import Judgment, Project, ProjectState, Prompt, Role
from annotation.tokens import Scope
from tests.annotation.calling import Caller, as_
from tests.cast import World, member

PROJECT = "/projects/advice"


# --- Projects ---------------------------------------------------------------------------------


def test_whoever_runs_a_project_may_make_another(world: World) -> None:
    response = as_(world.olga).post(
        "/projects/", {"name": "Tea or coffee", "guideline": "Taste *slowly*.", "overlap": 5}
    )
    assert response.status_code == 201
    assert response.json()["slug"] == "tea-or-coffee"
    assert response.json()["role"] == "owner"
    made = Project.objects.get(slug="tea-or-coffee")
    assert (made.state, made.overlap) == (ProjectState.DRAFT, 5)
    assert "<em>slowly</em>" in made.guidelines.get().html


def test_annotators_make_no_projects(world: World) -> None:
    assert as_(world.ada).post("/projects/", {"name": "Mine"}).status_code == 403
    assert Project.objects.count() == 1


def test_a_narrow_token_makes_no_project(world: World) -> None:
    narrow = as_(world.olga, project=world.project)
    assert narrow.post("/projects/", {"name": "Another"}).status_code == 403


def test_an_address_in_use_is_a_conflict(world: World) -> None:
    response = as_(world.olga).post("/projects/", {"name": "x", "slug": "advice"})
    assert response.status_code == 409


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "日本"),
        ("slug", "New Project"),
        ("slug", "new"),
        ("judgment_type", "telepathy"),
        ("overlap", 0),
        ("lease_minutes", 10**9),
        ("reason", "always"),
    ],
)
def test_a_wrong_project_gets_the_forms_own_sentences(
    world: World, field: str, value: object
) -> None:
    response = as_(world.olga).post("/projects/", {"name": "Fine"} | {field: value})
    assert response.status_code == 400
    assert set(response.json()["errors"]) <= {field, "slug"}
    assert Project.objects.count() == 1


def test_a_project_is_opened_paused_and_closed(world: World) -> None:
    olga = as_(world.olga)
    for state in ("paused", "open", "closed"):
        response = olga.post(f"{PROJECT}/state/", {"state": state})
        assert response.json()["state"] == state
        assert Project.objects.get().state == state
    assert olga.post(f"{PROJECT}/state/", {"state": "draft"}).status_code == 400


def test_guidelines_grow_by_versions(world: World) -> None:
    olga = as_(world.olga)
    first = olga.post(f"{PROJECT}/guidelines/", {"text": "Be fair."})
    again = olga.post(f"{PROJECT}/guidelines/", {"text": "Be fair."})
    second = olga.post(f"{PROJECT}/guidelines/", {"text": "Be **kind**."})
    assert [r.json()["version"] for r in (first, again, second)] == [1, 1, 2]
    ada = as_(world.ada)
    assert "<strong>kind</strong>" in ada.get(f"{PROJECT}/guidelines/2/").json()["html"]
    newest = ada.get(f"{PROJECT}/guidelines/", ordering="-version", page_size=1).json()
    assert [row["version"] for row in newest["results"]] == [2]


def test_guidelines_cannot_smuggle_a_script(world: World) -> None:
    text = "<script>alert(1)</script><img src=x onerror=alert(1)>[x](javascript:alert(1))"
    html = as_(world.olga).post(f"{PROJECT}/guidelines/", {"text": text}).json()["html"]
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_an_annotator_is_paused_and_resumed(world: World) -> None:
    olga, ada = as_(world.olga), as_(world.ada)
    address = f"{PROJECT}/annotators/{world.annotator_ada.public_id}"
    assert olga.post(f"{address}/pause/").json()["is_paused"] is True
    stopped = ada.post(f"{PROJECT}/assignments/")
    assert stopped.status_code == 409
    assert "paused your judging" in stopped.json()["detail"]
    assert olga.post(f"{address}/resume/").json()["is_paused"] is False
    assert ada.post(f"{PROJECT}/assignments/").status_code == 201


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.REVIEWER])
def test_only_owners_and_managers_steer(world: World, role: Role) -> None:
    caller = as_(member(world.project, "someone", role))
    annotator = world.annotator_ada.public_id
    for address, body in (
        ("state", {"state": "closed"}),
        ("guidelines", {"text": "x"}),
        ("imports", {"kind": "prompts", "rows": [{"prompt_id": "1", "prompt_text": "x"}]}),
        (f"annotators/{annotator}/pause", {}),
    ):
        assert caller.post(f"{PROJECT}/{address}/", body).status_code == 403, address
    assert Project.objects.get().state == ProjectState.OPEN


# --- Imports ----------------------------------------------------------------------------------

ROWS = [{"prompt_id": f"p{n}", "prompt_text": f"What about {n}?"} for n in range(3)]
CSV = b"key,question\np1,What is one?\np2,What is two?\n"


def upload(caller: Caller, content: bytes, name: str = "prompts.csv", **fields: Any) -> Any:
    return caller.client.post(
        f"/api/v1{PROJECT}/imports/",
        {"file": SimpleUploadedFile(name, content), "kind": "prompts"} | fields,
        headers=caller._headers(),
    )


def test_rows_are_imported(world: World) -> None:
    before = Prompt.objects.count()
    response = as_(world.olga).post(f"{PROJECT}/imports/", {"kind": "prompts", "rows": ROWS})
    assert response.status_code == 201
    assert response.json()["created"]["prompts"] == 3
    assert "3" in response.json()["summary"]
    assert Prompt.objects.count() == before + 3


def test_a_file_is_imported_with_its_columns_mapped(world: World) -> None:
    mapping = '{"prompt_id": "key", "prompt_text": "question"}'
    response = upload(as_(world.olga), CSV, mapping=mapping)
    assert response.status_code == 201, response.content
    assert Prompt.objects.get(external_id="p2").last_text() == "What is two?"


def test_the_same_file_again_changes_nothing(world: World) -> None:
    olga = as_(world.olga)
    mapping = '{"prompt_id": "key", "prompt_text": "question"}'
    upload(olga, CSV, mapping=mapping)
    again = upload(olga, CSV, mapping=mapping).json()
    assert again["unchanged"]["prompts"] == 2
    assert not again["created"].get("prompts")


def test_a_dry_run_writes_nothing(world: World) -> None:
    before = Prompt.objects.count()
    body = {"kind": "prompts", "rows": ROWS, "dry_run": True}
    response = as_(world.olga).post(f"{PROJECT}/imports/", body)
    assert response.status_code == 200
    assert response.json()["dry_run"] is True
    assert Prompt.objects.count() == before


def test_one_bad_row_refuses_all_and_is_named(world: World) -> None:
    before = Prompt.objects.count()
    rows = [*ROWS, {"prompt_id": "p9", "prompt_text": ""}]
    response = as_(world.olga).post(f"{PROJECT}/imports/", {"kind": "prompts", "rows": rows})
    assert response.status_code == 400
    assert any(where.startswith("line 4") for where in response.json()["errors"])
    assert Prompt.objects.count() == before


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (CSV, {"kind": "poems"}),
        (CSV, {"mapping": "{"}),
        (CSV, {"mapping": '["key"]'}),
        (CSV, {"mapping": '{"prompt_id": 1}'}),
        (CSV, {"mapping": '{"prompt_id": "nowhere"}'}),
        (CSV, {}),
        (b"\xff\xfe\x00broken", {}),
        (b"", {}),
        (b"prompt_id,prompt_text\n1,a\n1,b\n", {}),
        (b"prompt_id,prompt_text\n1,a\n1 ,a\n", {}),
        (b"Abc,prompt_text\n", {"mapping": '{"prompt_id": "Abc"}'}),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(
    world: World, content: bytes, fields: dict[str, str]
) -> None:
    before = Prompt.objects.count()
    response = upload(as_(world.olga), content, **fields)
    assert response.status_code == 400
    assert response.json()["detail"]
    assert Prompt.objects.count() == before


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "/etc/passwd.csv", "x" * 60_000 + ".csv"])
def test_a_strange_file_name_reaches_no_strange_place(
    world: World, name: str, settings: Any
) -> None:
    content = b"prompt_id,prompt_text\np1,one\n"
    response = upload(as_(world.olga), content, name=name)
    assert response.status_code in (201, 400)
    assert not list(settings.IMPORTS_DIR.glob("upload-*"))


def test_a_large_upload_is_refused_before_it_is_read(world: World, settings: Any) -> None:
    settings.API_IMPORT_BYTES = 1000
    response = upload(as_(world.olga), b"x" * 2000)
    assert response.status_code == 413


def test_importing_needs_its_scope(world: World) -> None:
    caller = as_(world.olga, Scope.READ, Scope.MANAGE)
    response = caller.post(f"{PROJECT}/imports/", {"kind": "prompts", "rows": ROWS})
    assert response.status_code == 403


def test_flaws_name_no_place_on_the_server(world: World, settings: Any) -> None:
    response = upload(as_(world.olga), b"prompt_id,prompt_text\n1,\n")
    assert str(settings.VAR_DIR) not in response.content.decode()
    assert response.status_code == 400


# --- Amendments -------------------------------------------------------------------------------


def judged(caller: Caller) -> str:
    assignment = caller.post(f"{PROJECT}/assignments/").json()["id"]
    kept = caller.post(
        f"{PROJECT}/judgments/",
        {"assignment": assignment, "submission_key": "key-number-1", "answer": {"choice": 3}},
    )
    found: str = kept.json()["judgment"]["id"]
    return found


def amend(caller: Caller, judgment: str, key: str = "key-number-2", choice: Any = -1) -> Any:
    return caller.post(
        f"{PROJECT}/judgments/{judgment}/amendments/",
        {"submission_key": key, "answer": {"choice": choice}},
    )


def test_an_amendment_follows_and_the_first_stays(world: World) -> None:
    ada = as_(world.ada)
    first = judged(ada)
    response = amend(ada, first)
    assert response.status_code == 201
    assert response.json()["judgment"]["supersedes"] == first
    assert amend(ada, first).status_code == 200
    assert amend(ada, first, key="key-number-3").status_code == 409
    assert Judgment.objects.count() == 2


def test_nobody_amends_for_somebody_else(world: World) -> None:
    first = judged(as_(world.ada))
    assert amend(as_(world.bob), first).status_code == 404
    assert amend(as_(world.olga), first).status_code == 409
    assert Judgment.objects.count() == 1


def test_a_wrong_amendment_is_refused(world: World) -> None:
    ada = as_(world.ada)
    response = amend(ada, judged(ada), choice=9)
    assert response.status_code == 400
    assert "choice" in response.json()["errors"]


def test_a_file_too_large_for_memory_takes_the_same_way(world: World, settings: Any) -> None:
    """Beyond `FILE_UPLOAD_MAX_MEMORY_SIZE` an upload is spooled to disk."""
    lines = [f"p{number},{'long text ' * 5}" for number in range(60_000)]
    content = "\n".join(["prompt_id,prompt_text", *lines]).encode()
    assert len(content) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    response = upload(as_(world.olga), content, dry_run="true")
    assert response.json()["rows"] == 60_000
