"""Prompts and candidates written by code: hashed, rendered, kept once."""

import pytest

from annotation.content import ContentConflict, add_candidate, add_prompt
from annotation.hashes import hash_messages, hash_text, question_id
from annotation.models import Candidate, Project, Prompt, System
from tests.cast import make_project


def test_a_hash_does_not_depend_on_the_order_of_keys() -> None:
    one = [{"role": "user", "content": "Hé"}]
    other = [{"content": "Hé", "role": "user"}]
    assert hash_messages(one) == hash_messages(other)
    assert hash_text("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def test_a_question_s_id_is_readable_until_it_would_be_too_long() -> None:
    assert question_id("p", ["a", "b"]) == "p/a~b"
    long = question_id("p" * 200, ["a", "b"])
    assert long.startswith("question-")
    assert len(long) <= 200
    assert long != question_id("p" * 200, ["a", "c"])


@pytest.fixture
def project(db: None) -> Project:
    return make_project("content")


def test_the_same_text_is_the_same_prompt(project: Project) -> None:
    prompt = add_prompt(project=project, messages="*Why?*")
    assert prompt == add_prompt(project=project, messages="*Why?*")
    assert "<em>Why?</em>" in prompt.html
    assert prompt.messages == [{"role": "user", "content": "*Why?*"}]
    assert Prompt.objects.count() == 1
    with pytest.raises(ContentConflict, match="with another text"):
        add_prompt(project=project, messages="How?", external_id=prompt.external_id)


def test_the_same_answer_by_the_same_system_is_one_candidate(project: Project) -> None:
    prompt = add_prompt(project=project, messages="Why?")
    first = add_candidate(prompt=prompt, text="So.", system="alpha", family="greek")
    assert first == add_candidate(prompt=prompt, text="So.", system="alpha")
    second = add_candidate(prompt=prompt, text="So.", system="beta")
    assert first != second
    assert Candidate.objects.count() == 2
    assert "alpha" not in first.external_id
    assert System.objects.get(name="alpha").family == "greek"
    with pytest.raises(ContentConflict, match="another text or system"):
        add_candidate(prompt=prompt, text="No.", external_id=first.external_id, system="alpha")
