"""Prompts and candidates written by hand or by a program: hashed, rendered, kept once.

Files go through `annotation.intake`; this is the door for code that has a text in hand.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from annotation.errors import AnnotationError
from annotation.hashes import candidate_id, hash_messages, hash_text, prompt_id
from annotation.models import Candidate, Project, Prompt, System
from annotation.phrases import say
from annotation.rendering import render_markdown, render_messages

Messages = Sequence[Mapping[str, Any]]


class ContentConflict(AnnotationError):
    """An external id that already stands for another content."""


def user_message(text: str) -> list[dict[str, str]]:
    """A prompt that is one text: a single message of the user."""
    return [{"role": "user", "content": text}]


def add_prompt(
    *, project: Project, messages: Messages | str, external_id: str | None = None
) -> Prompt:
    """The prompt with this id and content, made if it isn't there.

    A plain text is one message of the user. Without an id, the id comes from the content. Raises
    ContentConflict when the id stands for another content.
    """
    told = user_message(messages) if isinstance(messages, str) else [dict(m) for m in messages]
    digest = hash_messages(told)
    external_id = external_id or prompt_id(digest)
    made = {"messages": told, "content_hash": digest, "html": render_messages(told)}
    prompt: Prompt
    prompt, _ = _kept_once(Prompt, {"project": project, "external_id": external_id}, made)
    if prompt.content_hash != digest:
        raise ContentConflict(
            say(
                "Prompt “%(external_id)s” is already in “%(project)s” with another text. "
                "Give the new one another id.",
                external_id=external_id,
                project=project,
            )
        )
    return prompt


def add_candidate(
    *,
    prompt: Prompt,
    text: str,
    external_id: str | None = None,
    system: str | None = None,
    family: str = "",
) -> Candidate:
    """The candidate with this id and text, made if it isn't there, with its system.

    Without an id, the id comes from system and text, so the same answer by the same system is one
    candidate. Raises ContentConflict when the id stands for another text or system.
    """
    digest = hash_text(text)
    external_id = external_id or candidate_id(digest, system)
    author = None
    if system:
        author, _ = _kept_once(
            System, {"project": prompt.project, "name": system}, {"family": family}
        )
    made = {"system": author, "text": text, "content_hash": digest, "html": render_markdown(text)}
    candidate: Candidate
    candidate, _ = _kept_once(Candidate, {"prompt": prompt, "external_id": external_id}, made)
    if (candidate.content_hash, candidate.system_id) != (digest, author.pk if author else None):
        raise ContentConflict(
            say(
                "Candidate “%(external_id)s” of prompt “%(prompt)s” is already there "
                "with another text or system. Give the new one another id.",
                external_id=external_id,
                prompt=prompt,
            )
        )
    return candidate


def _kept_once(model: Any, key: dict[str, Any], rest: dict[str, Any]) -> tuple[Any, bool]:
    """`get_or_create` that also holds when two callers make the same row at once."""
    found = model.objects.filter(**key).first()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():
            return model.objects.create(**key, **rest), True
    except IntegrityError:
        return model.objects.get(**key), False
