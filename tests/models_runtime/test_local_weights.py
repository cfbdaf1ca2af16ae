"""Real models of this machine are found, offered and pinned; without any, that is said plainly."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotation.models import Role
from models_runtime import enqueue, local_weights
from models_runtime.checkpoints import open_engine, register
from models_runtime.engines import Sampling
from models_runtime.generating import run_generation
from models_runtime.local_weights import models_here
from models_runtime.models import Checkpoint, Generation
from tests.cast import make_project, member
from tests.models_runtime.local_models import tiny_llama, tiny_reward
from tests.models_runtime.worlds import project_with_prompts

TORCH = all(find_spec(name) for name in ("torch", "transformers", "safetensors"))
needs_torch = pytest.mark.skipif(not TORCH, reason="torch and transformers are absent")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a model; the folder is the hub's cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv(local_weights.VARIABLE, raising=False)
    monkeypatch.setattr(local_weights, "ENCODER_PACKAGE", "no_such_package")
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


def stub(folder: Path, **config: Any) -> Path:
    """A folder that looks like a model, with weights of one number."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + b"\0\0\0\0"
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def cached(hub: Path, name: str, commit: str, **config: Any) -> None:
    home = hub / f"models--{name.replace('/', '--')}"
    stub(home / "snapshots" / commit, **config)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)


def offered(capsys: pytest.CaptureFixture[str], project: Any) -> str:
    call_command("offer_models", project.slug)
    return capsys.readouterr().out


def test_the_cache_is_read_and_each_model_pinned_to_its_commit(bare: Path) -> None:
    cached(bare, "lab/writer", "c0ffee", architectures=["LlamaForCausalLM"])
    cached(bare, "lab/rater", "beef", architectures=["Qwen3ForSequenceClassification"])
    cached(bare, "lab/coder", "f00d", architectures=["OwnForCausalLM"], auto_map={"AutoModel": "x"})
    cached(bare, "lab/eye", "1dea", architectures=["CLIPModel"])
    found = {
        each.model: (each.name, each.revision, each.kind, each.bytes) for each in models_here()
    }
    assert found == {
        "lab/writer": ("writer", "c0ffee", "causal", 4),
        "lab/rater": ("rater", "beef", "reward", 4),
    }


def test_named_folders_without_safetensors_or_sense_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = stub(tmp_path / "good", architectures=["LlamaForCausalLM"])
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    broken = stub(tmp_path / "broken")
    (broken / "config.json").write_text("[")
    monkeypatch.setenv(local_weights.VARIABLE, f"{good}:{pickled}:{broken}:{tmp_path / 'absent'}")
    (only,) = models_here()
    assert (only.name, only.model, only.kind) == ("good", str(good), "causal")
    assert only.revision.startswith("files-")


@pytest.mark.django_db
def test_a_machine_without_weights_says_that_everything_is_scripted(
    capsys: pytest.CaptureFixture[str], client: Client
) -> None:
    project = make_project()
    said = offered(capsys, project)
    assert "No real model is on this machine" in said
    assert "scripted engine, which invents them by rule" in said
    assert Checkpoint.objects.get().engine == "scripted"
    client.force_login(member(project, "olga", Role.OWNER))
    page = reverse("models_runtime:jobs", args=[project.slug])
    assert "Scripted only." in client.get(page).content.decode()
    offered(capsys, project)
    assert Checkpoint.objects.count() == 1


@needs_torch
@pytest.mark.slow
@pytest.mark.django_db
def test_a_machine_with_weights_offers_them_and_they_really_write(
    capsys: pytest.CaptureFixture[str], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(local_weights.VARIABLE, f"{tiny_llama()}:{tiny_reward()}")
    project = project_with_prompts(2)
    said = offered(capsys, project)
    assert "LlamaForCausalLM (writes and judges" in said
    assert "LlamaForSequenceClassification (scores" in said
    assert "scripted" not in said
    client.force_login(member(project, "olga", Role.OWNER))
    page = reverse("models_runtime:jobs", args=[project.slug])
    assert "Scripted only." not in client.get(page).content.decode()
    writer = Checkpoint.objects.get(model=tiny_llama())
    assert not writer.is_scripted
    job = enqueue.request_generation(project, writer, sampling=Sampling(max_tokens=8))
    run_generation(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("done", "")
    revisions = set(Generation.objects.values_list("model_revision", flat=True))
    assert revisions == {writer.revision}
    assert writer.revision.startswith("files-")


@needs_torch
@pytest.mark.slow
@pytest.mark.django_db
def test_a_folder_whose_weights_were_exchanged_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama(), folder)
    project = project_with_prompts(1)
    options = {"device": "cpu", "dtype": "float32"}
    checkpoint = register(
        project=project,
        name="mine",
        engine="transformers_local",
        model=str(folder),
        options=options,
    )
    with open_engine(checkpoint) as engine:
        assert engine.info.revision == checkpoint.revision
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # one bit of one weight
    weights.write_bytes(content)
    job = enqueue.request_generation(project, checkpoint)
    run_generation(job.pk)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "aren't those that were registered" in job.error
