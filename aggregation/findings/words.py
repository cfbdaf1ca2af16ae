"""Small words that the findings share."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from aggregation.wording import named


def listed(names: Sequence[Any], *, quoted: bool = True) -> str:
    said = [f"“{named(name)}”" if quoted else named(name) for name in names[:5]]
    if len(names) > 5:
        return _("%(names)s and %(more)d others") % {
            "names": ", ".join(said), "more": len(names) - 5
        }  # fmt: skip
    if len(said) < 2:
        return "".join(said)
    return _("%(names)s and %(last)s") % {"names": ", ".join(said[:-1]), "last": said[-1]}
