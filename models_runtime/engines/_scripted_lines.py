"""The lines the scripted engine writes; it recognises the worth planted in each when it judges."""

VOICES: dict[str, tuple[str, ...]] = {
    "plain": (
        "Short answer first, reasons after.",
        "Here is how I would go about it.",
        "Let me take this one step at a time.",
    ),
    "warm": (
        "That sounds like an uncomfortable spot to be in.",
        "It makes sense that this is on your mind.",
        "Many people would find this hard, so you are in good company.",
    ),
    "brisk": (
        "Do the simple thing first.",
        "Decide what you want, then act on it today.",
        "This is easier than it looks.",
    ),
    "careful": (
        "It depends on a few things, so let me name them.",
        "There are two sides to this, and both deserve a hearing.",
        "Before choosing, it helps to know what would change your mind.",
    ),
}

STRONG = (
    "Start by asking the other person how they see it; half of all quarrels are mistakes.",
    "Say what you noticed, what it did to you and what you would like instead, in that order.",
    "Put the cost of each option in writing, including the cost of waiting another month.",
    "Agree on a trial of two weeks and on the date when you will look at it again together.",
    "If it touches your safety or your rent, get the rule in writing before you act.",
    "Offer one thing you are ready to change yourself; it makes the request easier to accept.",
    "If the talk fails, a neutral third person usually helps more than a longer argument.",
    "Check the facts that your decision hangs on, because you can still change course cheaply now.",
)
FAIR = (
    "A short, friendly message is usually a good opening.",
    "Think about what you would expect if the roles were reversed.",
    "Pick a calm moment rather than the heat of the argument.",
    "Write down the two or three points that matter most to you.",
    "It is fine to take a day before you answer.",
    "Most people respond better to a request than to a complaint.",
    "Keep an eye on how it develops before doing anything drastic.",
    "There may be a middle way that costs both of you a little.",
)
WEAK = (
    "Different people will tell you different things about this.",
    "It is what it is, and time tends to sort things out.",
    "You could also look it up, since there is a lot written on it.",
    "In the end only you can know, so trust your feeling.",
    "This question comes up very often and has no easy answer.",
    "Everything has advantages and disadvantages.",
)
POOR = (
    "Just ignore it and it will go away.",
    "They are obviously wrong, so there is nothing to discuss.",
    "Everyone does it this way, so you should too.",
    "Do not waste time on the details; nobody reads them.",
    "If they do not like it, that is their problem.",
    "The best thing is to do the same to them and see how they like it.",
)

LEVELS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (1.0, STRONG),
    (0.35, FAIR),
    (-0.35, WEAK),
    (-1.0, POOR),
)
WORTH: dict[str, float] = {line: worth for worth, lines in LEVELS for line in lines}
VOICE_OF: dict[str, str] = {line: voice for voice, lines in VOICES.items() for line in lines}

REASONS = (
    "Response {better} deals with what was asked and gives the person something to do next, "
    "while Response {worse} stays general.",
    "Both address the message, but Response {better} is clearer about the consequences.",
    "Response {better} takes the other side into account; Response {worse} leaves it out.",
)
EVEN = "Both responses cover the same ground with the same care, and I see no real difference."
HOPELESS = "Neither response would help the person; both miss what was asked."

GARBAGE = (
    "Well, it is hard to say. One could argue for either, and much depends on the reader.",
    "Verdict: [[Response Q is the best]]",
    '{"thoughts": "unfinished',
    "A B A B A B A B A B",
    "",
)
REFUSAL = "I'm sorry, but I can't help with comparing these responses."
