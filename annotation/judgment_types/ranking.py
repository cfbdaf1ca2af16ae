"""Ranking: all responses in order, ties allowed; or only the best of them (`"top": 1`).

The form has a field `rank-<place on screen>` per response, a whole number from 1 (best); equal
numbers are a tie. Every response starts without a rank, and an untouched order is no answer: each
must be ranked, or `no_order` be ticked, which says that all are about the same. With the project's
option `"top": 1` only `best` is asked: the place of the best response. The payload is
{"tiers": [[placement positions], …], "of": number shown}, best first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.errors import InvalidPayload
from annotation.evidence import Evidence, Ranking
from annotation.judgment_types import Asked, JudgmentForm, Payload

UNPLACED = _("Give this response a rank, or say that all are about the same.")


def field_name(place: int) -> str:
    return f"rank-{place}"


def asks_for_best(asked: Asked) -> bool:
    return asked.options.get("top") == 1


class RankingForm(JudgmentForm):
    def __init__(
        self, data: Mapping[str, Any] | None = None, *, asked: Asked, shown: Sequence[int]
    ) -> None:
        super().__init__(data, asked=asked, shown=shown)
        count = len(self.shown)
        if asks_for_best(asked):
            self.fields["best"] = forms.TypedChoiceField(
                coerce=int,
                choices=[(str(place), "ABCDEFGHIJ"[place]) for place in range(count)],
                error_messages={
                    "required": _("Choose the best response."),
                    "invalid_choice": _(
                        "That isn't one of the responses. Choose the best of them."
                    ),
                },
            )
            return
        self.fields["no_order"] = forms.BooleanField(required=False)
        for place in range(count):
            self.fields[field_name(place)] = forms.IntegerField(
                required=False,
                min_value=1,
                max_value=count,
                error_messages=dict.fromkeys(
                    ("invalid", "min_value", "max_value"),
                    _("A rank is from 1 to %(most)s.") % {"most": count},
                ),
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["tiers"] = self._tiers(cleaned)
        return cleaned

    def _tiers(self, cleaned: Mapping[str, Any]) -> list[list[int]]:
        """Places on screen in tiers, best first. Adds an error to each response left unplaced."""
        places = range(len(self.shown))
        if asks_for_best(self.asked):
            return [[cleaned["best"]]] if "best" in cleaned else []
        if cleaned.get("no_order"):
            return [list(places)]
        ranks = {place: cleaned.get(field_name(place)) for place in places}
        for place, rank in ranks.items():
            if rank is None and field_name(place) not in self.errors:
                self.add_error(field_name(place), UNPLACED)
        used = sorted({rank for rank in ranks.values() if rank is not None})
        return [[place for place in places if ranks[place] == rank] for rank in used]


class RankingType:
    slug = "ranking"
    title = "Ranking"
    fewest_candidates = 2
    most_candidates = 9
    needs_rubric = False
    criterion_kind: str | None = None
    reads_texts = False
    form_class: type[JudgmentForm] = RankingForm

    def payload(self, cleaned: Mapping[str, Any], shown: Sequence[int]) -> Payload:
        tiers = [sorted(shown[place] for place in tier) for tier in cleaned["tiers"]]
        return {"tiers": tiers, "of": len(shown)}

    def form_data(self, payload: Payload, shown: Sequence[int]) -> dict[str, str]:
        tiers: list[list[int]] = payload["tiers"]
        place_of = {position: place for place, position in enumerate(shown)}
        if sum(map(len, tiers)) < len(shown):
            return {"best": str(place_of[tiers[0][0]])}
        if len(tiers) == 1:
            return {"no_order": "on"}
        return {
            field_name(place_of[position]): str(rank)
            for rank, tier in enumerate(tiers, start=1)
            for position in tier
        }

    def check(self, payload: Payload, asked: Asked) -> None:
        tiers = payload.get("tiers")
        if set(payload) != {"tiers", "of"} or not isinstance(tiers, list):
            raise InvalidPayload('a ranking is {"tiers": [[positions], …], "of": number shown}')
        if payload["of"] != asked.candidates:
            raise InvalidPayload(f"this question shows {asked.candidates} candidates")
        if not all(isinstance(tier, list) and tier for tier in tiers):
            raise InvalidPayload("each tier is a list of at least one position")
        named = [position for tier in tiers for position in tier]
        if any(type(position) is not int for position in named):
            raise InvalidPayload("tiers hold placement positions, which are whole numbers")
        if asks_for_best(asked):
            if len(named) != 1 or named[0] not in range(asked.candidates):
                raise InvalidPayload("this question asks for the best candidate and no other")
        elif sorted(named) != list(range(asked.candidates)):
            raise InvalidPayload("a ranking names each candidate once")

    def evidence(self, payload: Payload, candidates: Sequence[int]) -> list[Evidence]:
        """One ranking; unlisted candidates were shown and count as below the listed ones."""
        tiers = tuple(tuple(candidates[position] for position in tier) for tier in payload["tiers"])
        return [Ranking(tiers, tuple(candidates[: payload["of"]]))]


JUDGMENT_TYPE = RankingType()
