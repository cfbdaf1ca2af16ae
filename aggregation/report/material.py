"""What a report is made from: comparisons, who declared what, and the reasons people gave."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.pluralism.votes import pairs_from_answers, pairs_weighted_by_gap
from aggregation.tables import Ballots, Comparisons, Labels, Ratings, TableError, factorise
from aggregation.tables.conversions import pairs_from_rankings
from annotation.phrases import say

Level = Literal["systems", "responses", "statements", "items"]
NOUNS: dict[str, tuple[str, str]] = {
    "systems": ("system", "systems"),
    "responses": ("response", "responses"),
    "statements": ("statement", "statements"),
    "items": ("item", "items"),
}


@dataclass(frozen=True)
class Reason:
    """A sentence that an annotator gave with a vote; `sign` +1 for `a`, -1 for `b`."""

    annotator: str
    context: str
    a: Hashable
    b: Hashable
    sign: int
    text: str


@dataclass(frozen=True)
class Checks:
    """Answers held against another one, by annotator: how many, and how many differ.

    The other is the known answer, or the same person's earlier one. An answer about several things
    may differ in part.
    """

    annotators: tuple[str, ...]
    answers: tuple[float, ...]
    wrong: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Material:
    """Everything a report reads; nothing in it is looked up elsewhere.

    table       comparisons; contexts are prompts (or statements), if there are any
    level       what the items are
    declared    int[N], group that the annotator of each row had declared at the time, -1: none;
                `declared_names` are their names, `attribute` the question they answered
    attributes  per annotator what was last declared, for associations after the fact
    texts       readable text of a context or item, by its id
    gold        answers to questions with a known answer;  repeats: to a person's own ones again
    coarse      the same people's comparisons of fewer items (systems instead of responses), on
                which groups are sought where there are any
    copies      pairs of items that are near-copies of each other
    judges      comparisons of the same kind of items by models, which are placed but never counted
    properties  of each item (None: unknown), such as how long it is and which system wrote it
    """

    table: Comparisons
    level: Level = "items"
    declared: NDArray[np.int32] | None = None
    declared_names: tuple[str, ...] = ()
    attribute: str = ""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    gold: Checks | None = None
    repeats: Checks | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    coarse: Comparisons | None = None
    copies: tuple[tuple[Hashable, Hashable], ...] = ()
    judges: Comparisons | None = None
    properties: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    conversions: tuple[str, ...] = ()
    judgments: int | None = None
    exclusions: Mapping[str, int] = field(default_factory=dict)

    @property
    def nouns(self) -> tuple[str, str]:
        return NOUNS[self.level]


def comparisons_from(table: Any) -> tuple[Comparisons, Level, tuple[str, ...]]:
    """Comparisons in any table, what their items are by default, and what was done.

    Raises TableError for labels with more than yes, no and pass.
    """
    if isinstance(table, Comparisons):
        return table, "items", ()
    if isinstance(table, Ratings):
        return (
            pairs_weighted_by_gap(table),
            "items",
            (say("ratings into pairs weighted by their gap"),),
        )
    if isinstance(table, Ballots):
        return pairs_from_rankings(table), "items", (say("rankings into all implied pairs"),)
    if isinstance(table, Labels):
        said = say("each answer compares a statement with its contrary; a pass is a tie")
        return pairs_from_answers(table), "statements", (said,)
    raise TableError(say("A report can't be made from %(name)s.", name=type(table).__name__))


def whole_people(
    table: Comparisons, voices: Sequence[tuple[Hashable, str]]
) -> tuple[Comparisons, NDArray[np.int32], tuple[str, ...]]:
    """Annotators put together again from the voices they spoke in.

    `voices` holds per annotator code of the table (who, declared value or ""). Returns the table
    with whole people, the declared code of each row (-1: none), and the values in order.
    """
    owner, owners = factorise([who for who, _ in voices])
    values = sorted({said for _, said in voices if said})
    place = {value: code for code, value in enumerate(values)}
    declared = np.array([place.get(said, -1) for _, said in voices], dtype=np.int32)
    if table.annotator is None:
        return table, np.full(len(table), -1, dtype=np.int32), tuple(values)
    known = table.annotator >= 0
    code = np.where(known, table.annotator, 0)
    whole = replace(
        table,
        annotator=np.where(known, owner[code], -1).astype(np.int32),
        annotator_ids=tuple(owners),
    )
    return whole, np.where(known, declared[code], -1).astype(np.int32), tuple(values)


class Names:
    """Items and preferences in words."""

    def __init__(self, material: Material) -> None:
        self.ids = material.table.ids
        self.contexts = material.table.group_ids
        self.level, self.texts = material.level, material.texts

    def item(self, place: int) -> str:
        key = self.ids[place]
        if self.level == "statements":
            statement, side = _answer(key)
            return (
                self.context(statement)
                if side
                else say("not: %(statement)s", statement=self.context(statement))
            )
        if isinstance(key, tuple):
            return f"{key[-1]} ({' · '.join(map(str, key[:-1]))})"
        if self.level == "systems":  # a prompt may bear the name of a system
            return str(key)
        return self.texts.get(str(key), str(key))

    def context(self, key: Hashable) -> str:
        said = " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        return self.texts.get(said, said)

    def preference(self, over: int, under: int) -> str:
        """ "prefers “a” to “b”", or whether a statement is agreed with."""
        if self.level == "statements":
            statement, side = _answer(self.ids[over])
            said = self.context(statement)
            if side:
                return say("agrees with “%(statement)s”", statement=said)
            return say("disagrees with “%(statement)s”", statement=said)
        return say(
            "prefers “%(item)s” to “%(item_2)s”", item=self.item(over), item_2=self.item(under)
        )

    def leaning(self, over: int) -> str:
        """Of answers to statements: “agreeing with “a””, as people may be."""
        statement, side = _answer(self.ids[over])
        if side:
            return say("agreeing with “%(statement)s”", statement=self.context(statement))
        return say("disagreeing with “%(statement)s”", statement=self.context(statement))


def _answer(key: Hashable) -> tuple[Hashable, bool]:
    """(statement, whether it is agreed with) from an item of `pairs_from_answers`."""
    assert isinstance(key, tuple)
    statement, side = key
    return statement, bool(side)
