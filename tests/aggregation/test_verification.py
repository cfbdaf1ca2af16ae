"""Verifying from the folder alone: whatever byte is touched, a sentence names it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.management import CommandError, call_command

from aggregation import publishing, runs
from aggregation.dataset_files import RowError, canonical, file_digest, parquet_rows, write_rows
from aggregation.enqueue import request_release, request_run
from aggregation.exports import Field, Row
from aggregation.merkle import RowTree
from aggregation.signing import KeyUnusable, public_pem, sign, signing_key, verifies
from aggregation.verification import passed, verify
from tests.aggregation.votes import person, vote
from tests.cast import World


@pytest.fixture
def published(world: World) -> Iterator[Path]:
    for number in range(3):
        for question in world.questions:
            vote(question, person(world.project, f"p{number}"), 2)
    run = request_run(world.project, "win_rate")
    runs.execute_run(run.pk)
    release = request_release(world.project)
    publishing.publish(release.pk)
    release.refresh_from_db()
    yield publishing.release_folder(release)
    shutil.rmtree(settings.RELEASES_DIR, ignore_errors=True)


def wrong(folder: Path, **how: str) -> list[str]:
    return [line.sentence for line in verify(folder, **how) if not line.passed]


def test_an_untouched_release_passes(published: Path) -> None:
    assert passed(verify(published, trusted=publishing.trusted_fingerprint()))


def test_a_copy_elsewhere_passes_too(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "copy")
    assert passed(verify(tmp_path / "copy"))


def test_every_file_is_guarded(published: Path, tmp_path: Path) -> None:
    for path in sorted(published.iterdir()):
        copy = tmp_path / path.name
        shutil.copytree(published, copy)
        content = bytearray((copy / path.name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / path.name).write_bytes(bytes(content))
        assert wrong(copy), f"one bit of {path.name} was flipped and nothing said so"


def test_a_missing_and_an_extra_file_are_named(published: Path) -> None:
    (published / "README.md").unlink()
    (published / "notes.txt").write_text("hello")
    assert "README.md is missing." in wrong(published)
    assert "notes.txt lies in the folder but not in the manifest." in wrong(published)


def test_a_row_dropped_with_a_patched_manifest_fails_the_signature(published: Path) -> None:
    path = published / "trl_preference.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    manifest = json.loads((published / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        if entry["name"] == path.name:
            entry["bytes"] = path.stat().st_size
            entry["sha256"] = file_digest(path)
    (published / "manifest.json").write_text(json.dumps(manifest))
    said = " ".join(wrong(published))
    assert "was changed after it was signed" in said
    assert "trl_preference.jsonl has 2 rows; the manifest says 3." in said


def test_another_key_is_not_trusted(published: Path) -> None:
    other = Ed25519PrivateKey.generate()
    content = (published / "manifest.json").read_bytes()
    (published / "manifest.json.sig").write_text(sign(other, content))
    (published / "signing-key.pem").write_bytes(public_pem(other))
    said = wrong(published, trusted=publishing.trusted_fingerprint())
    assert any("signed by another key" in sentence for sentence in said)


def test_a_folder_without_a_manifest_is_said_to_be_that(tmp_path: Path) -> None:
    assert wrong(tmp_path)[0].startswith("manifest.json can't be read")
    (tmp_path / "manifest.json").write_text('{"schema": "something-else/9"}')
    assert "not of the form polyphony-release/1" in wrong(tmp_path)[0]


def test_a_manifest_cannot_name_files_outside_its_folder(published: Path) -> None:
    manifest = json.loads((published / "manifest.json").read_bytes())
    manifest["files"].append({"name": "../../secret", "bytes": 1, "sha256": "0" * 64})
    (published / "manifest.json").write_text(json.dumps(manifest))
    assert any("outside its folder" in sentence for sentence in wrong(published))


def test_the_command_says_ok_or_fails(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_release", published, key=publishing.trusted_fingerprint())
    assert "Signed by the trusted key" in capsys.readouterr().out
    path = published / "raw_judgments.jsonl"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CommandError, match="not as it was published"):
        call_command("verify_release", published)
    assert "FAILED  raw_judgments.jsonl has" in capsys.readouterr().out


def test_the_rebuild_command_proves_runs_and_releases(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("rebuild", "advice")
    said = capsys.readouterr().out
    assert said.count("byte for byte") == 2
    assert "FAILED" not in said


# --- Files, trees and keys --------------------------------------------------------------------

FIELDS = (Field("name", "string", "."), Field("share", "number", ".", nullable=True))


def test_both_files_say_the_same_and_never_change(tmp_path: Path) -> None:
    rows: list[Row] = [{"name": 'é \u2028 "', "share": 1}, {"share": None, "name": ""}] * 3
    first = write_rows(tmp_path, "a", FIELDS, rows)
    second = write_rows(tmp_path, "b", FIELDS, iter(rows))
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]
    tree = RowTree()
    for row in parquet_rows(tmp_path / "a.parquet", FIELDS):
        tree.add(row)
    assert (tree.count, tree.root()) == (first.rows, first.content_root)
    assert (tmp_path / "a.jsonl").read_bytes().split(b"\n")[1] == b'{"name":"","share":null}'


def test_no_rows_make_two_valid_empty_files(tmp_path: Path) -> None:
    written = write_rows(tmp_path, "none", FIELDS, [])
    assert written.rows == 0
    assert pq.read_table(tmp_path / "none.parquet").column_names == ["name", "share"]
    assert (tmp_path / "none.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": "a"}, "lacks share"),
        ({"name": "a", "share": 1, "email": "x"}, "undeclared email"),
        ({"name": None, "share": 1}, "name must not be empty"),
        ({"name": 3, "share": 1}, "name is a string"),
        ({"name": "a", "share": True}, "share is a number"),
        ({"name": "a", "share": float("nan")}, "must be finite"),
    ],
)
def test_a_row_that_breaks_its_declaration_is_refused(
    tmp_path: Path, row: dict[str, object], said: str
) -> None:
    with pytest.raises(RowError, match=said):
        write_rows(tmp_path, "bad", FIELDS, [row])


def test_the_tree_is_that_of_certificate_transparency() -> None:
    """RFC 6962's tree over the test vectors of its reference implementation."""
    leaves = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ]
    roots = {
        0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    tree = RowTree()
    for count in range(9):
        if count in roots:
            assert tree.root() == roots[count]
        if count < 8:
            tree.add(leaves[count])


def test_canonical_json_sorts_and_has_no_blanks() -> None:
    assert canonical({"b": [1.0, 2], "a": "ü"}) == '{"a":"ü","b":[1.0,2]}'.encode()


def test_a_signature_holds_for_its_bytes_only(tmp_path: Path) -> None:
    key = signing_key(tmp_path / "keys" / "key.pem")
    signature = sign(key, b"content")
    assert sign(signing_key(tmp_path / "keys" / "key.pem"), b"content") == signature
    assert verifies(public_pem(key), signature, b"content")
    assert not verifies(public_pem(key), signature, b"content.")
    assert not verifies(public_pem(key), "no hex", b"content")
    assert not verifies(b"no key", signature, b"content")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    path = tmp_path / "key.pem"
    path.write_bytes(
        X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match="no Ed25519 key"):
        signing_key(path)
