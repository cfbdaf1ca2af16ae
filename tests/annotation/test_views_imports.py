"""The import page: look first, then all of it or nothing, and every bad line named."""

import html
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation import uploads
from annotation.models import Candidate, Judgment, Prompt, Question, User
from tests.cast import World

IMPORT = "/projects/advice/import/"
PAIRS = """prompt,response_a,response_b,system_a,note
"What now, *then*?",Wait.,Go.,alpha,x
"And <b>now</b>?",Stay.,Run.,alpha,y
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "IMPORTS_DIR", tmp_path)


@pytest.fixture
def olga(world: World) -> Client:
    return browser_of(world.olga)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def said(reply: Any) -> str:
    return html.unescape(reply.content.decode())


def send(client: Client, content: str | bytes, name: str = "pairs.csv") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, data)})


def sent(client: Client, content: str | bytes, name: str = "pairs.csv") -> str:
    reply = send(client, content, name)
    assert reply.status_code == 302, said(reply)
    return str(reply["Location"])


def uploaded_folders() -> list[Path]:
    return list((Path(settings.IMPORTS_DIR) / "uploads").glob("*"))


def test_the_page_explains_what_a_row_can_be(olga: Client) -> None:
    page = said(olga.get(IMPORT))
    assert "A prompt and two responses per row." in page
    assert "response_a" in page


def test_a_file_is_looked_at_before_anything_is_written(world: World, olga: Client) -> None:
    prompts = Prompt.objects.count()
    page = said(olga.get(sent(olga, PAIRS)))
    assert "CSV" in page
    assert "What now, *then*?" in page
    assert "And <b>now</b>?" in page
    assert "“note” is a column that no field of pairs takes" in page
    assert "Import all rows" not in page
    assert Prompt.objects.count() == prompts


def fields_of(page: str) -> dict[str, str]:
    form = page[page.index('<form method="post">') :]
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form)
        if name != "csrfmiddlewaretoken"
    }


def looked_at(client: Client, path: str) -> dict[str, str]:
    """What the person sends after leaving out the columns that no field takes."""
    shown = client.get(path).content.decode()
    kind = re.search(r'name="shown_kind" value="(\w+)"', shown)
    assert kind is not None
    mapped = dict(re.findall(r'name="(field-\w+)"[^>]*? value="([^"]*)"', shown))
    asked = {"kind": kind[1], "shown_kind": kind[1], "rest": "ignore", **mapped}
    page = client.get(path, asked).content.decode()
    assert "Import all rows" in page
    return fields_of(page)


def test_after_looking_all_rows_are_imported(world: World, olga: Client) -> None:
    before = Question.objects.count()
    path = sent(olga, PAIRS)
    reply = olga.post(path, looked_at(olga, path), follow=True)
    assert "2 rows of “pairs.csv” brought" in said(reply)
    assert Question.objects.count() == before + 2
    wait = Candidate.objects.get(text="Wait.")
    assert wait.system is not None
    assert wait.system.name == "alpha"
    assert "<em>then</em>" in wait.prompt.html
    assert uploaded_folders() == []


def test_a_bad_line_stops_everything_and_is_named(world: World, olga: Client) -> None:
    before = Prompt.objects.count()
    path = sent(olga, PAIRS + ",Stay.,Run.,beta,z\n")
    reply = olga.post(path, looked_at(olga, path))
    page = said(reply)
    assert reply.status_code == 422
    assert "1 row of 3 in “pairs.csv” is bad, so nothing was written." in page
    assert re.search(r'<td class="number">4</td>', page)
    assert Prompt.objects.count() == before
    listed = olga.get(f"{path}flaws.csv")
    assert b"".join(listed.streaming_content).count(b"\n") >= 2  # type: ignore[attr-defined]


def test_choosing_another_kind_maps_anew(olga: Client) -> None:
    path = sent(olga, "prompt,response\nWhy?,Because.\n", "answers.csv")
    page = said(olga.get(path, {"kind": "prompts", "shown_kind": "candidates"}))
    assert '<option value="prompts" selected>' in page
    assert "“response” is a column that no field" in page


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "empty.csv", "empty"),
        (b"PK\x03\x04rest", "book.xlsx", "an Excel workbook"),
        ("prompt\nWhy?".encode("utf-16"), "wide.csv", "in UTF-16"),
        (b"\x00\x01\x02", "thing.bin", "unknown ending"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_is_not_kept(
    olga: Client, content: bytes, name: str, sentence: str
) -> None:
    reply = send(olga, content, name)
    assert reply.status_code == 422
    assert sentence in said(reply)
    assert uploaded_folders() == []


def test_a_file_too_large_for_the_page_names_the_command(
    olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 20)
    reply = send(olga, PAIRS)
    assert reply.status_code == 422
    assert "./polyphony import" in said(reply)


def test_a_name_full_of_dots_and_slashes_stays_a_name(olga: Client) -> None:
    path = sent(olga, PAIRS, "../../../etc/passwd.csv")
    assert "passwd.csv" in said(olga.get(path))
    (folder,) = uploaded_folders()
    assert {file.name for file in folder.iterdir()} == {"file", "name"}
    assert folder.stat().st_mode & 0o077 == 0


def test_a_file_belongs_to_the_account_that_sent_it(world: World, olga: Client) -> None:
    path = sent(olga, PAIRS)
    world.project.memberships.filter(user=world.ada).update(role="owner")
    reply = browser_of(world.ada).get(path, follow=True)
    assert "This file is no longer kept" in said(reply)


def test_a_file_that_nobody_imported_is_forgotten_after_a_day(olga: Client) -> None:
    path = sent(olga, PAIRS)
    (folder,) = uploaded_folders()
    os.utime(folder, (0, 0))
    uploads.forget_old()
    assert uploaded_folders() == []
    assert "This file is no longer kept" in said(olga.get(path, follow=True))


def test_judgments_are_imported_too(world: World, olga: Client) -> None:
    rows = "prompt,response_a,response_b,winner,annotator\nWhy?,Because.,Why not.,a,worker-1\n"
    path = sent(olga, rows, "votes.csv")
    olga.post(path, looked_at(olga, path))
    assert Judgment.objects.get().annotator.external_id == "worker-1"
