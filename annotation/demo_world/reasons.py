"""The sentences simulated people give as reasons, by what made them choose. Pure."""

import random

from annotation.demo_world.content import Qualities

WANTED = {
    "directness first": "directness",
    "kindness first": "warmth",
    "caution first": "caution",
}

FOR_IT = {
    "directness": (
        "Says what to do and stops.",
        "I know after one sentence what I would do.",
        "No beating about the bush.",
        "The other one never gets to the point.",
        "A clear recommendation that I could follow today.",
        "Treats me like an adult who can take a plain answer.",
    ),
    "warmth": (
        "Sees the person behind the question.",
        "I would feel understood by this one.",
        "It thinks of the other people as well.",
        "The other one is right, perhaps, but so cold.",
        "This would calm me down, and then I could act.",
        "Leaves room for everyone to keep face.",
    ),
    "caution": (
        "Names what could go wrong before it is too late.",
        "Tells me what to check first.",
        "I'd rather be on firm ground before I speak to anyone.",
        "The other one is bold with somebody else's risk.",
        "Says when I should get help from someone qualified.",
        "Careful with facts that differ from place to place.",
    ),
    "thoroughness": (
        "More complete, and I can choose between the steps.",
        "Explains why, so that I can judge the next case myself.",
        "Orders the options from small to large.",
    ),
}


def reason_for(group: str, better: Qualities, worse: Qualities, rng: random.Random) -> str:
    """A sentence that fits why someone of `group` preferred `better` to `worse`.

    The quality the group looks for, if the better answer has more of it; otherwise the quality in
    which the better answer leads most.
    """
    lead = {name: value - dict(worse.items())[name] for name, value in better.items()}
    wanted = WANTED[group]
    quality = wanted if lead[wanted] > 0 else max(lead, key=lambda name: lead[name])
    return rng.choice(FOR_IT[quality])
