"""How a step of a talk is put to a model that writes its answer. Pure."""

from models_runtime.engines import Conversation, GenerationRequest, Sampling
from models_runtime.judging.talk import Ask, CallKind, Step

REASK_TEMPERATURE = 0.7
REPAIR_TOKENS = 40


def temperature_for(ask: Ask, step: Step) -> float:
    """The ask's own; a new sample of what couldn't be read is drawn more freely."""
    again = step.sample > 0 and step.kind is CallKind.ASK
    return max(ask.temperature, REASK_TEMPERATURE) if again else ask.temperature


def judged_request(
    key: str, ask: Ask, step: Step, messages: Conversation, *, seed: int, temperature: float
) -> GenerationRequest:
    """The request for a judgment in words; a repair restates one line only."""
    limit = ask.template.max_tokens
    if step.kind is CallKind.REPAIR:
        limit = min(limit, REPAIR_TOKENS)
    sampling = Sampling(max_tokens=limit, temperature=temperature)
    return GenerationRequest(key, messages, sampling, seed=seed)
