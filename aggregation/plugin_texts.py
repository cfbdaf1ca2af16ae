"""What methods, exports and the like declare about themselves, for the translations."""

from collections.abc import Iterable, Iterator

from aggregation.catalogue import EXPORTS, METHODS
from aggregation.diagnostics.next_pair import RULES
from aggregation.elections_scores import TITLES
from aggregation.options import Options
from aggregation.report.figures import NOUNS
from aggregation.report.study import ReportOptions
from aggregation.subjects import SUBJECTS
from aggregation.wording import UNITS


def plugin_texts() -> Iterator[str]:
    """Titles, descriptions and options, each as a page shows it."""
    for method in METHODS.values():
        yield from (method.title, *method.axioms, method.family.replace("_", " "))
        yield method.paragraphs()[0]
        yield from _of_options(method.options)
    for export in EXPORTS.values():
        yield from (export.title, export.description, *(each.meaning for each in export.fields))
    for subject in SUBJECTS.values():
        yield subject.title
        yield from _of_options(subject.options)
    for rule in RULES.values():
        yield from (rule.title, rule.sentence)
    yield from _of_options(ReportOptions)
    yield from UNITS.values()
    yield from TITLES.values()
    yield from _counted(NOUNS)


def _of_options(options: type[Options]) -> Iterator[str]:
    for each in options.form_fields():
        yield from (each.label, each.help)
        yield from (choice.replace("_", " ") for choice in each.choices)


def _counted(nouns: Iterable[tuple[str, str]]) -> Iterator[str]:
    for one, many in nouns:
        yield from (one, many, f"%(n)s {one}", f"%(n)s {many}")
