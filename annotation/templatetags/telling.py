"""What pure parts said, in the reader's language: `{{ warning.sentence|told }}`."""

from django import template
from django.utils.safestring import SafeString

from annotation.telling import told

register = template.Library()


@register.filter(name="told")
def told_filter(said: object) -> str:
    """What was said, told; nothing for nothing, and markup as it is."""
    if isinstance(said, SafeString):
        return said
    return "" if said is None else told(said)


@register.filter
def all_told(said: "list[object] | tuple[object, ...]") -> list[str]:
    """Each of several things said, told: `{{ choices|all_told|join:", " }}`."""
    return [told(each) for each in said]
