"""What an annotator is shown: texts in the order on screen, and the form to fill. No authors."""

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.db.models import Prefetch, prefetch_related_objects
from django.utils.translation import get_language
from rest_framework import serializers

from annotation.api.serializers.prompts import MessageSerializer
from annotation.catalogue import JUDGMENT_TYPES
from annotation.models import Assignment, AssignmentState, Placement
from annotation.submission import asked_by

SHOWN = Prefetch(
    "placements",
    Placement.objects.asked()
    .select_related("candidate")
    .only("position", "question_id", "candidate__text", "candidate__html"),
)
LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_FORMS_KEPT = 500


class ShownCandidateSerializer(serializers.Serializer[Any]):
    """A response as it appears on screen, first one first."""

    label = serializers.CharField()  # type: ignore[assignment]
    text = serializers.CharField()
    html = serializers.CharField(help_text="Rendered, safe to show.")


class ShownPromptSerializer(serializers.Serializer[Any]):
    messages = MessageSerializer(many=True)
    html = serializers.CharField(help_text="Rendered, safe to show.")


class ChoiceSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class FormFieldSerializer(serializers.Serializer[Any]):
    """One field of the answer."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=["choice", "number", "text"])
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = ChoiceSerializer(many=True)


class AssignmentSerializer(serializers.Serializer[Assignment]):
    """A question reserved for you until `lease_until`, with everything needed to answer it."""

    id = serializers.UUIDField()
    question = serializers.UUIDField()
    judgment_type = serializers.CharField()
    state = serializers.ChoiceField(choices=AssignmentState.choices)
    leased_at = serializers.DateTimeField()
    lease_until = serializers.DateTimeField()
    prompt = ShownPromptSerializer()
    candidates = ShownCandidateSerializer(many=True)
    fields = FormFieldSerializer(many=True)  # type: ignore[assignment]

    def to_representation(self, assignment: Assignment) -> dict[str, Any]:
        return shown_to_annotator(assignment)


def shown_to_annotator(assignment: Assignment) -> dict[str, Any]:
    """Without a serializer, which copies its fields whenever it is made."""
    question = assignment.question
    if "placements" not in getattr(question, "_prefetched_objects_cache", ()):
        prefetch_related_objects([question], SHOWN)
    return {
        "id": str(assignment.public_id),
        "question": str(question.public_id),
        "judgment_type": question.judgment_type,
        "state": assignment.state,
        "leased_at": assignment.leased_at.isoformat(),
        "lease_until": assignment.lease_until.isoformat(),
        "prompt": {"messages": question.prompt.messages, "html": question.prompt.html},
        "candidates": list(_shown(assignment)),
        "fields": fields_of(assignment),
    }


class ReleaseSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        default="",
        help_text="Why you give the question back, if you like.",
    )


_described: dict[tuple[str, str | None, str, tuple[int, ...]], list[dict[str, Any]]] = {}


def fields_of(assignment: Assignment) -> list[dict[str, Any]]:
    """The form to fill, field by field.

    Questions that ask the same have the same form, so its description is kept: building a form
    costs more than finding the question. What it depends on is all in the key.
    """
    question, shown = assignment.question, tuple(assignment.shown_order)
    asked = asked_by(question, candidates=len(shown))
    key = question.judgment_type, get_language(), repr(asked), shown
    known = _described.get(key)
    if known is None:
        form = JUDGMENT_TYPES[question.judgment_type].form_class(None, asked=asked, shown=shown)
        known = [_field(name, field) for name, field in form.fields.items()]
        if len(_described) >= MOST_FORMS_KEPT:
            _described.clear()
        _described[key] = known
    return known


def _shown(assignment: Assignment) -> Iterator[dict[str, str]]:
    by_position = {
        placement.position: placement.candidate
        for placement in assignment.question.placements.all()
    }
    for place, position in enumerate(assignment.shown_order):
        candidate = by_position[position]
        yield {"label": LABELS[place], "text": candidate.text, "html": candidate.html}


def _field(name: str, field: forms.Field) -> dict[str, Any]:
    return {
        "name": name,
        "label": str(field.label or name.replace("_", " ").capitalize()),
        "kind": _kind(field),
        "required": field.required,
        "choices": [{"value": str(value), "label": str(label)} for value, label in _choices(field)],
    }


def _kind(field: forms.Field) -> str:
    if isinstance(field, forms.ChoiceField):
        return "choice"
    return "number" if isinstance(field, forms.IntegerField) else "text"  # a float is one too


def _choices(field: forms.Field) -> Iterable[tuple[Any, Any]]:
    found: Iterable[tuple[Any, Any]] = getattr(field, "choices", ())
    return found
