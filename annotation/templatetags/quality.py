"""How shares are said: value, interval and what they rest on."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.quality.shares import Share

register = template.Library()


@register.simple_tag
def share(found: Share | None) -> SafeString:
    """“0.62 [0.55, 0.69] of 214”, or that there isn't enough."""
    if found is None:
        return format_html('<span class="unknown">{}</span>', _("nothing to compare"))
    return format_html(
        '{} <span class="interval">[{}, {}]</span> <span class="n">{}</span>',
        f"{found.value:.2f}",
        f"{found.low:.2f}",
        f"{found.high:.2f}",
        _("of %(n)s") % {"n": f"{found.n:,}"},
    )
