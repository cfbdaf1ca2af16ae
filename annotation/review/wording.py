"""An answer in words, in terms of the question's places: “1 is better than 2”. For reviewers."""

from collections.abc import Mapping, Sequence
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
    judgment_type: str,
    payload: Mapping[str, Any],
    criteria: Mapping[int, str] | None = None,
    *,
    shown: Sequence[int] | None = None,
) -> str:
    """What a payload says. `criteria` gives their texts by position.

    Places are counted from 1; for an annotator, with the order they were `shown`, they are the
    letters on the screen.
    """
    evidence = JUDGMENT_TYPES[judgment_type].evidence(dict(payload), range(MOST_PLACES))
    names = [str(place + 1) for place in range(MOST_PLACES)]
    for place, position in enumerate(shown or ()):
        names[position] = "ABCDEFGHIJ"[place]
    said = [_said(each, criteria or {}, names) for each in evidence]
    if not said:
        return _("nothing marked")
    more = len(said) - MOST_SAID
    return "; ".join(said[:MOST_SAID]) + (_("; and %(n)s more") % {"n": more} if more > 0 else "")


def _said(evidence: Evidence, criteria: Mapping[int, str], names: Sequence[str]) -> str:
    match evidence:
        case Comparison(a, b, strength, kind):
            if kind == TieKind.BOTH_BAD:
                return _("both are bad")
            if strength == 0:
                return _("about the same")
            better, worse = (a, b) if strength > 0 else (b, a)
            return str(HOW_MUCH[abs(strength)]) % {
                "better": names[better],
                "worse": names[worse],
            }
        case Ranking(tiers, _shown):
            return " > ".join(" = ".join(names[place] for place in tier) for tier in tiers)
        case Rating(candidate, criterion, value):
            return f"{names[candidate]}, {_named(criterion, criteria)}: {value:g}"
        case Label(candidate, criterion, answer):
            return f"{names[candidate]}, {_named(criterion, criteria)}: {ANSWERS[answer]}"


def _named(criterion: int, criteria: Mapping[int, str]) -> str:
    return criteria.get(criterion) or _("criterion %(n)s") % {"n": criterion + 1}
