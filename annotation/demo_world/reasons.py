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


# What people add when they have a moment more. {how} says how clear the difference was to them.
ADDED = (
    "{how} for me.",
    "That settled it: {how}.",
    "I read both twice, and it was {how}.",
    "I'd want to hear this from a friend; {how}.",
    "The rest weighed less. It was {how}.",
    "For this question that matters most, so {how}.",
    "Somebody else may see it differently; to me it was {how}.",
    "The last paragraph decided: {how}.",
    "The opening decided: {how}.",
    "I thought of a case of my own, and then it was {how}.",
    "Length played no part. It was {how}.",
    "I'd have liked an example, but it was {how}.",
    "Both have their points; still, {how}.",
    "My first impression held: {how}.",
    "My first impression changed, in the end {how}.",
    "If I had to act tonight: {how}.",
)
HOW = {1: "a close call", 2: "clear enough", 3: "not close at all"}


def reason_for(
    group: str, better: Qualities, worse: Qualities, strength: int, rng: random.Random
) -> str:
    """A sentence or two that fit why someone of `group` preferred `better` to `worse`.

    The first names the quality the group looks for, if the better answer has more of it; otherwise
    the quality in which the better answer leads most. The second, which not everybody writes, says
    how clear it was: `strength` is 1 to 3.
    """
    lead = {name: value - dict(worse.items())[name] for name, value in better.items()}
    wanted = WANTED[group]
    quality = wanted if lead[wanted] > 0 else max(lead, key=lambda name: lead[name])
    said = rng.choice(FOR_IT[quality])
    if rng.random() < 0.1:
        return said
    added = rng.choice(ADDED).format(how=HOW[strength])
    return f"{said} {added[0].upper()}{added[1:]}"
