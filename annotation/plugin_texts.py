"""What kinds of files and common protocols declare about themselves, for the translations."""

from collections.abc import Iterator

from annotation.catalogue import JUDGMENT_TYPES
from annotation.intake.catalogue import KINDS
from annotation.intake.reports import NOUNS
from annotation.models import AnnotatorKind
from annotation.protocols import protocols


def plugin_texts() -> Iterator[str]:
    """Titles and explanations, each as a page shows it."""
    for kind in KINDS.values():
        yield from (kind.title, kind.help, *(each.help for each in kind.fields))
    yield from (f"%(n)s {noun}" for nouns in NOUNS for noun in nouns)
    yield from (*AnnotatorKind.values, *JUDGMENT_TYPES)
    for protocol in protocols().values():
        yield from (protocol.title, protocol.about)
