"""Tables of evidence: columns in, sufficient statistics out. Pure numpy; ids are factorised at the
door.
"""

from aggregation.tables.ballots import Ballots
from aggregation.tables.columns import TableError, factorise
from aggregation.tables.comparisons import Comparisons
from aggregation.tables.conversions import Table, can_convert, convert
from aggregation.tables.labels import Labels
from aggregation.tables.pair_counts import PairCounts
from aggregation.tables.ratings import Ratings

__all__ = [
    "Ballots",
    "Comparisons",
    "Labels",
    "PairCounts",
    "Ratings",
    "Table",
    "TableError",
    "can_convert",
    "convert",
    "factorise",
]
