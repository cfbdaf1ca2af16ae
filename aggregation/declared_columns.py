"""Which group every vote was cast in, by what its annotator had declared at the time.

An annotator speaks in one voice per declared value. Voices are what the columns of a chunk see, so
that nothing said in one voice is compared with what was said in another; afterwards the annotator
is one again, and the value is the context of each comparison.
"""

from dataclasses import replace

import numpy as np

from aggregation.evidence_columns import Chunk, Part, annotators_called
from aggregation.placements import Longs
from aggregation.report import comparisons_from, whole_people
from aggregation.tables import Labels, TableError
from annotation.models import Profile, Project
from annotation.phrases import say

BY_DECLARATION = say("votes into the groups that their annotators had declared when they judged")


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
            raise TableError(
                say("Nobody in this project declared “%(attribute)s”.", attribute=attribute)
            )
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

        None for labels, which hold no comparison of what is scored.
        """
        if isinstance(part.table, Labels):
            return None
        table, _, how = comparisons_from(part.table)
        whole, declared, values = whole_people(table, table.annotator_ids)  # type: ignore[arg-type]
        named = replace(whole, group=declared, group_ids=values)
        return Part(named, part.items, (*part.conversions, *how, BY_DECLARATION))
