"""Which methods fit a project: those that can read the kind of evidence its judgments give."""

from aggregation.catalogue import METHODS
from aggregation.method import Method
from aggregation.tables import Ballots, Comparisons, Labels, Ratings
from annotation.catalogue import JUDGMENT_TYPES
from annotation.evidence import Comparison, Label, Ranking, Rating
from annotation.models import Judgment, Project

TABLES: dict[type, tuple[type, ...]] = {
    Comparison: (Comparisons,),
    Ranking: (Ballots,),
    Rating: (Ratings,),
    Label: (Labels, Ratings),
}


def methods_for(project: Project) -> dict[str, Method]:
    """Methods that can read this project's judgments; all of them while there are none."""
    kinds = tables_of(project)
    if not kinds:
        return dict(METHODS)
    return {
        slug: method
        for slug, method in METHODS.items()
        if any(method.accepts(kind) for kind in kinds)
    }


def tables_of(project: Project) -> set[type]:
    """The tables that one judgment of each judgment type here would go to."""
    kinds: set[type] = set()
    log = Judgment.objects.filter(question__project=project)
    for slug in project.questions.order_by().values_list("judgment_type", flat=True).distinct():
        judgment = log.filter(judgment_type=slug).first()
        if judgment is not None:
            for evidence in JUDGMENT_TYPES[slug].evidence(judgment.payload, range(64)):
                kinds.update(TABLES.get(type(evidence), ()))
    return kinds


def ranks(slug: str) -> bool:
    """Whether a method orders items, so that its ranks can stand beside another's."""
    return METHODS[slug].family != "consensus"
