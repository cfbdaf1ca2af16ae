"""Which group every vote was cast in, by what its annotator had declared at the time.

An annotator speaks in one voice per declared value. Voices are what the columns of a chunk see, so
that nothing said in one voice is compared with what was said in another; afterwards the annotator
is one again, and the value is the context of each comparison.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from aggregation.evidence_columns import Chunk, Longs, Part, annotators_called
from aggregation.pluralism.votes import pairs_weighted_by_gap
from aggregation.tables import Ballots, Comparisons, Labels, Ratings, TableError, factorise
from aggregation.tables.conversions import pairs_from_rankings
from annotation.models import Profile, Project

BY_DECLARATION = "votes into the groups that their annotators had declared when they judged"


class Voices:
    """Annotators split by the value they declare for one attribute; without one: value 0."""

    def __init__(self, project: Project, attribute: str) -> None:
        self.project = project
        declared = {
            pk: attributes.get(attribute)
            for pk, attributes in Profile.objects.filter(annotator__project=project).values_list(
                "pk", "attributes"
            )
        }
        said = {pk: str(value) for pk, value in declared.items() if value not in (None, "")}
        if not said:
            raise TableError(f"Nobody in this project declared “{attribute}”.")
        self.values = sorted(set(said.values()))
        place = {value: code for code, value in enumerate(self.values, 1)}
        self._profile: Longs = np.array(sorted(said), dtype=np.int64)
        self._value: Longs = np.array([place[said[pk]] for pk in sorted(said)], dtype=np.int64)

    def split(self, chunk: Chunk) -> None:
        """Let every row of the chunk be said in its voice."""
        at = np.searchsorted(self._profile, chunk.profile).clip(max=len(self._profile) - 1)
        value = np.where(self._profile[at] == chunk.profile, self._value[at], 0)
        chunk.annotator = chunk.annotator * (len(self.values) + 1) + value

    def called(self, voices: Longs) -> list[tuple[str, str]]:
        """(annotator's external id, declared value or "") of each voice."""
        owner, value = np.divmod(voices, len(self.values) + 1)
        names = ["", *self.values]
        who = annotators_called(self.project, owner)
        return [(name, names[code]) for name, code in zip(who, value.tolist(), strict=True)]

    def people(self, voices: Longs) -> int:
        return len(np.unique(voices // (len(self.values) + 1)))

    def joined(self, part: Part) -> Part | None:
        """The comparisons in a part, annotators whole again, contexts the declared values.

        None for labels, which hold no comparison.
        """
        table, how = _comparisons(part.table)
        if table is None or table.annotator is None:
            return None
        voices: tuple[Any, ...] = table.annotator_ids
        owner, owners = factorise([name for name, _ in voices])
        place = {value: code for code, value in enumerate(self.values)}
        value = np.array([place.get(said, -1) for _, said in voices], dtype=np.int32)
        whole = replace(
            table,
            annotator=owner[table.annotator].astype(np.int32),
            annotator_ids=tuple(owners),
            group=value[table.annotator],
            group_ids=tuple(self.values),
        )
        return Part(whole, part.items, (*part.conversions, *how, BY_DECLARATION))


def _comparisons(table: Any) -> tuple[Comparisons | None, tuple[str, ...]]:
    if isinstance(table, Comparisons):
        return table, ()
    if isinstance(table, Ratings):
        return pairs_weighted_by_gap(table), ("ratings into pairs within annotator and context",)
    if isinstance(table, Ballots):
        return pairs_from_rankings(table), ("rankings into all implied pairs",)
    if isinstance(table, Labels):
        return None, ()
    raise TypeError(f"{type(table).__name__} holds no comparisons.")
