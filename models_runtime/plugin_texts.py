"""What protocols, scorers and the like declare about themselves, for the translations."""

from collections.abc import Iterator

from models_runtime.audit_catalogue import AUDITS
from models_runtime.catalogue import ENGINES, JUDGE_EXPORTS, PROTOCOLS, SCORERS, SELECTORS, STUDIES
from models_runtime.judging.options import Options
from models_runtime.operations.kinds import item_models, kinds_of_work


def plugin_texts() -> Iterator[str]:
    """Titles, summaries and options, each as a page shows it."""
    for protocol in PROTOCOLS.values():
        yield from (protocol.title, protocol.summary, *protocol.seats.values())
        yield from _of_options(protocol.options_class)
    for study in STUDIES.values():
        yield from (study.title, study.summary, *study.seats.values())
        yield from _of_options(study.options_class)
    for audit in AUDITS.values():
        yield from (audit.title, audit.question, audit.needs)
    for scorer in SCORERS.values():
        yield from (scorer.title, scorer.summary)
    for export in JUDGE_EXPORTS.values():
        yield from (export.title, export.summary)
    yield from (each.title for each in SELECTORS.values())
    yield from (str(each._meta.verbose_name) for each in (*kinds_of_work(), *item_models()))
    yield from (each.title for each in ENGINES.values())


def _of_options(options: type[Options]) -> Iterator[str]:
    for each in options.form_fields():
        yield from (each.label, each.help, *each.choices.values())
