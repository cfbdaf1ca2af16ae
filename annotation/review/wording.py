"""An answer in words, in terms of the question's places: “1 is better than 2”. For reviewers."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.catalogue import JUDGMENT_TYPES
from annotation.evidence import Answer, Comparison, Evidence, Label, Ranking, Rating, TieKind
from annotation.settling import MOST_PLACES

HOW_MUCH = {
    1: gettext_lazy("%(better)s is slightly better than %(worse)s"),
    2: gettext_lazy("%(better)s is better than %(worse)s"),
    3: gettext_lazy("%(better)s is much better than %(worse)s"),
}
ANSWERS = {
    Answer.YES: gettext_lazy("yes"),
    Answer.NO: gettext_lazy("no"),
    Answer.NOT_APPLICABLE: gettext_lazy("not applicable"),
}
MOST_SAID = 12  # statements of one answer; the rest is counted


def in_words(
    judgment_type: str, payload: Mapping[str, Any], criteria: Mapping[int, str] | None = None
) -> str:
    """What a payload says; places are counted from 1. `criteria` gives the texts by position."""
    evidence = JUDGMENT_TYPES[judgment_type].evidence(dict(payload), range(MOST_PLACES))
    said = [_said(each, criteria or {}) for each in evidence]
    if not said:
        return _("nothing marked")
    more = len(said) - MOST_SAID
    return "; ".join(said[:MOST_SAID]) + (_("; and %(n)s more") % {"n": more} if more > 0 else "")


def _said(evidence: Evidence, criteria: Mapping[int, str]) -> str:
    match evidence:
        case Comparison(a, b, strength, kind):
            if kind == TieKind.BOTH_BAD:
                return _("both are bad")
            if strength == 0:
                return _("about the same")
            better, worse = (a, b) if strength > 0 else (b, a)
            return str(HOW_MUCH[abs(strength)]) % {"better": better + 1, "worse": worse + 1}
        case Ranking(tiers, _shown):
            return " > ".join(" = ".join(str(place + 1) for place in tier) for tier in tiers)
        case Rating(candidate, criterion, value):
            return f"{candidate + 1}, {_named(criterion, criteria)}: {value:g}"
        case Label(candidate, criterion, answer):
            return f"{candidate + 1}, {_named(criterion, criteria)}: {ANSWERS[answer]}"


def _named(criterion: int, criteria: Mapping[int, str]) -> str:
    return criteria.get(criterion) or _("criterion %(n)s") % {"n": criterion + 1}
