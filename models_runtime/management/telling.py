"""What commands say: why something is refused, and what a job would take."""

from typing import Any

from models_runtime.generation_estimates import GenerationEstimate
from models_runtime.scoring_estimates import ScoringEstimate


def refusals_of(form: Any) -> str:
    """A form's errors in a line, each with the option it concerns."""
    return " ".join(
        message if field == "__all__" else f"--{field.replace('_', '-')}: {message}"
        for field, messages in form.errors.items()
        for message in messages
    )


def takes_words(found: GenerationEstimate | ScoringEstimate) -> str:
    """An estimate in sentences, with what it rests on."""
    cost = "no known cost" if found.cost is None else f"a cost of about {found.cost:.4g}"
    pace = found.pace
    rests = f"as in its newest {pace.jobs} jobs" if pace.is_measured else "which is assumed"
    thing = getattr(found, "thing", "candidates")
    return (
        f"{found.candidates:,} {thing}, about {found.tokens_in:,} tokens read and "
        f"{found.tokens_out:,} written, {cost}, about {found.time_words} at "
        f"{pace.per_second:,.1f} tokens a second, {rests}."
    )
