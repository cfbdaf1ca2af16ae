"""What templates need to say numbers and build fields."""

from datetime import timedelta

from django import template
from django.forms import BoundField

from annotation.judgment_types import AskedCriterion, JudgmentForm
from annotation.judgment_types.checklist import field_name

register = template.Library()


@register.simple_tag
def checklist_field(form: JudgmentForm, place: int, criterion: AskedCriterion) -> BoundField:
    """The field that answers `criterion` for the response at `place` on the screen."""
    return form[field_name(place, criterion.position)]


@register.filter
def duration(milliseconds: float | None) -> str:
    """A time for people: 850 ms → “0.9 s”, 95000 → “1 min 35 s”; nothing for None."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return str(timedelta(seconds=round(seconds)))


@register.inclusion_tag("components/share_bar.html")
def share_bar(name: str, title: str, *parts: int | str) -> dict[str, object]:
    """A bar of up to three shares: `{% share_bar "far" "Questions" 3 "answered" 1 "begun" %}`.

    `parts` are counts, each followed by its label; `name` is unique on the page.
    """
    counts, labels = [int(count) for count in parts[::2]], parts[1::2]
    total = sum(counts)
    shares, x = [], 0.0
    for count, label in zip(counts, labels, strict=True):
        width = round(100 * count / total, 2) if total else 0.0
        shares.append({"label": label, "count": count, "x": round(x, 2), "width": width})
        x += width
    return {"name": name, "title": title, "total": total, "shares": shares}
