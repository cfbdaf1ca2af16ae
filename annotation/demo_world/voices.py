"""What simulated people make of the answers that scripted checkpoints write. Pure.

A scripted text is stitched together from stock lines, so nothing in it is worth judging; the loop
plants qualities by the voice of the checkpoint that wrote it, and a little chance per text.
"""

import random
from dataclasses import dataclass

from annotation.demo_world.content import Qualities

SPREAD = 0.12  # standard deviation of a text's qualities around its voice's


@dataclass(frozen=True, slots=True)
class Voice:
    """A scripted checkpoint of the loop: its name, the engine's voice, and what it tends to be."""

    checkpoint: str
    engine_voice: str
    tends_to: Qualities


VOICES = (
    Voice("scripted-brisk", "brisk", Qualities(0.6, 0.3, 0.3, 0.2)),
    Voice("scripted-warm", "warm", Qualities(0.4, 0.6, 0.35, 0.25)),
)


def planted_in(text: str, voice: Voice) -> Qualities:
    """The qualities of one text by this voice; the same text always has the same."""
    rng = random.Random(f"voice/{voice.checkpoint}/{text}")
    return Qualities(
        *(min(1.0, max(0.0, rng.gauss(value, SPREAD))) for _, value in voice.tends_to.items())
    )
