"""What attributes of the responses do to their chance of being preferred."""

from dataclasses import dataclass

from aggregation.diagnostics.amce import Effects, conjoint_effects
from aggregation.options import OptionError, Options, option
from aggregation.reports import Report, plain
from aggregation.slates.item_values import item_values
from aggregation.subjects.case import Attributes, Case, Subject, Watch
from aggregation.tables import Comparisons, TableError, can_convert
from aggregation.tables.conversions import convert
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class EffectsOptions(Options):
    attributes: str = option(
        "", "Attributes", "Names, separated by commas; blank: all that can be told apart."
    )
    baselines: str = option(
        "", "Baselines", "ATTRIBUTE: LEVEL, …; the most frequent level where it is silent."
    )
    more: str = option(
        "",
        "More attributes",
        "CSV with a head: a line per system or response, a column per attribute.",
    )


def _effects(case: Case, options: EffectsOptions, watch: Watch) -> Report:
    table = case.table
    if not can_convert(type(table), (Comparisons,)):
        raise TableError(
            say("Effects of attributes are read from comparisons, rankings or ratings.")
        )
    pairs, how = convert(table, (Comparisons,))
    assert isinstance(pairs, Comparisons)
    found = conjoint_effects(
        pairs,
        chosen(case.attributes, options.attributes),
        item_values(options.baselines, "baselines"),
        level=options.level,
    )
    watch(1)
    return {"conversions": list(how), **effects_report(found)}


def chosen(known: Attributes, names: str) -> Attributes:
    """The attributes named, or all with two levels or more. Raises OptionError, TableError."""
    varied = {name: values for name, values in known.items() if len(set(values) - {None}) > 1}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in varied:
            raise OptionError(
                say(
                    "There is no attribute “%(name)s” with two levels or more. Known are: "
                    "%(value)s.",
                    name=name,
                    value=", ".join(varied) or "none",
                )
            )
    if not varied:
        raise TableError(
            say(
                "Nothing that differs is known about the responses: no lengths, "
                "measurements, families or systems. Add attributes as a table."
            )
        )
    return {name: varied[name] for name in wanted} if wanted else varied


def effects_report(found: Effects) -> Report:
    return {
        "pairs": found.pairs,
        "clusters": found.clusters,
        "left_out": found.left_out,
        "overlap": None if found.overlap is None else list(found.overlap),
        "levels": [plain(each) for each in found.levels],
        "warnings": [{"code": str(w.code), "sentence": w.sentence} for w in found.warnings],
    }


EFFECTS = Subject(
    title="What attributes of the responses do",
    examine=_effects,
    steps=lambda _options, _rules: 1,
    options=EffectsOptions,
    needs_result=False,
    evidence="responses",
)
