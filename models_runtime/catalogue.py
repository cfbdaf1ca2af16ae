"""What this app's plug-in folders hold."""

from dataclasses import dataclass
from typing import Any

from annotation.phrases import say
from config.plugins import discover
from models_runtime.engines import Cause, Engine, EngineError, EnginePlugin, ModelReference
from models_runtime.judge_exports import JudgeExport
from models_runtime.judging.protocol import JudgingProtocol
from models_runtime.rewards import Scorer
from models_runtime.selection import Selector
from models_runtime.studies import Study


@dataclass(frozen=True)
class UnavailableEngine:
    """Takes the place of an engine whose package is absent; says so, and opens nothing."""

    slug: str
    because: str
    needs_url: bool = False
    is_scripted: bool = False
    options_class: type[Any] = object

    @property
    def title(self) -> str:
        return f"unavailable: {self.because}"

    def unavailable_because(self) -> str:
        return self.because

    def open(self, reference: ModelReference) -> Engine:
        raise EngineError(
            Cause.UNAVAILABLE,
            say(
                "The engine %(slug)s is unavailable: %(because)s.",
                slug=self.slug,
                because=self.because,
            ),
        )


def _unavailable(slug: str, error: ImportError) -> UnavailableEngine:
    return UnavailableEngine(
        slug, say("the package %(error_name)s isn't installed", error_name=error.name)
    )


PROTOCOLS: dict[str, JudgingProtocol] = discover("models_runtime.judging.protocols", "PROTOCOL")
SCORERS: dict[str, Scorer] = discover("models_runtime.rewards", "SCORER")
SELECTORS: dict[str, Selector] = discover("models_runtime.selection", "SELECTOR")
JUDGE_EXPORTS: dict[str, JudgeExport] = discover("models_runtime.judge_exports", "EXPORT")
STUDIES: dict[str, Study] = discover("models_runtime.studies", "STUDY")
ENGINES: dict[str, EnginePlugin] = discover(
    "models_runtime.engines", "ENGINE", unavailable=_unavailable
)
