"""What scripted judges that rate and those that rank share: cases, and how they are examined."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_talk import audit_talk, subject_of
from models_runtime.audits import Finding, Material, Pair, Trial
from models_runtime.engines.scripted import ScriptedEngine, ScriptedOptions
from models_runtime.judging.options import Options
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.judging.subject import Criterion
from models_runtime.judging.talk import hold
from tests.models_runtime.planted import CLEAN, TAU, reply_of


@dataclass(frozen=True)
class Way:
    """How such judges are asked, and the planted engine that answers."""

    engine: Callable[..., ScriptedEngine]
    judgment_type: str
    protocol: JudgingProtocol
    options: Options
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class CellCase:
    """An audit of cells, a world for it, and what it must find."""

    slug: str
    figure: str
    truth: Callable[[], float]
    world: Callable[[int, int], Sequence[Pair]]
    planted: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    clean_world: Callable[[int, int], Sequence[Pair]] | None = None
    earlier: bool = False


def examined_by(way: Way, case: CellCase, seed: int, n: int, *, clean: bool) -> Finding:
    """What the audit finds of a judge as planted, or of a clean one."""
    world = (case.clean_world or case.world) if clean else case.world
    pairs = list(world(seed, n))
    planted = CLEAN if clean else case.planted
    extra = {} if clean else case.extra

    def judge(seed: int) -> ScriptedEngine:
        return way.engine(ScriptedOptions(seed=seed, tau=TAU, **planted), **extra)

    if case.earlier:
        before = _judged(way, pairs, case.slug, judge(seed + 10_000), seed)
        pairs = [replace(each, earlier_cells=before[each.key, "plain"].cells) for each in pairs]
    trials = _judged(way, pairs, case.slug, judge(seed), seed)
    audit = AUDITS[case.slug]
    return audit.examine(Material(pairs, trials, family="amber", seed=seed), audit.limit)


def _judged(
    way: Way, pairs: Sequence[Pair], slug: str, engine: ScriptedEngine, seed: int
) -> dict[tuple[str, str], Trial]:
    reply = reply_of(engine, 0.0)
    trials: dict[tuple[str, str], Trial] = {}
    for pair in pairs:
        about = replace(
            subject_of(pair, seed=seed),
            judgment_type=way.judgment_type, criteria=way.criteria, families=(),
        )  # fmt: skip
        talk = audit_talk(about, AUDITS[slug].variants(pair), way.protocol, way.options)
        for tried in hold(talk, reply).result:
            trials[pair.key, tried.variant] = tried.trial
    return trials
