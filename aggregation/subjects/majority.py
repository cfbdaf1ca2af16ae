"""Whether the majority is enough, or learning annotators' weights buys something."""

from dataclasses import replace

from aggregation.catalogue import METHODS
from aggregation.diagnostics.label_weights import label_weights
from aggregation.diagnostics.payments import peer_scores
from aggregation.options import Options
from aggregation.reports import Report, plain
from aggregation.subjects.case import Case, Subject, Watch
from aggregation.tables import Labels
from aggregation.tables.conversions import convert

FITTED = ("majority", "dawid_skene", "one_coin")


def examine_labels(table: Labels, options: Options, watch: Watch) -> Report:
    """The report on a table of labels; models are fitted without its gold."""
    blind = replace(table, gold=None)
    fits = []
    for step, slug in enumerate(FITTED, 1):
        fits.append(METHODS[slug].fit(blind))
        watch(step)
    found = label_weights(table, *fits, level=options.level, seed=options.seed)
    peers = peer_scores(table)
    watch(len(FITTED) + 1)
    return {
        "weights": plain(found),
        "peers": [
            {
                "annotator": plain(who),
                "correlated": plain(peers.correlated[j]),
                "output": plain(peers.output[j]),
                "peers": int(peers.peers[j]),
                "shared": int(peers.shared[j]),
            }
            for j, who in enumerate(peers.ids)
        ],
    }


def _majority(case: Case, options: Options, watch: Watch) -> Report:
    labels = case.table
    if not isinstance(labels, Labels):
        labels, _ = convert(labels, (Labels,))
    return examine_labels(labels, options, watch)


MAJORITY = Subject(
    title="Whether the majority is enough",
    examine=_majority,
    steps=lambda _options, _rules: len(FITTED) + 1,
)
