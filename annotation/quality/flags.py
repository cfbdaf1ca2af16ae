"""What is worth a look about how somebody answers: stated rules over their own answers. Pure.

A flag accuses nobody. It says what was counted, over how many answers, and by which rule; a person
with a reason for it stays as good an annotator as before. Below the stated number of answers a rule
says nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import comb

from annotation.phrases import say

CHARACTERS_PER_SECOND = 60.0  # some twelve words: faster than anybody skims
SHORTEST = 1.0  # second: a look and a key, whatever the length
LEAST_TIMED, MOST_FAST = 10, 0.2
LEAST_SIDED, UNLIKELY = 20, 0.001
LEAST_RUN, LEAST_FOR_RUNS = 15, 20
LEAST_REASONS, FEWEST_WORDS, MOST_DEFICIENT = 5, 3, 0.5
PASTED_WORDS, MOST_PASTED = 4, 0.3
TITLES = {
    "too_fast": say("Quick for the length"),
    "one_side": say("One side"),
    "straight_line": say("Same answer in a row"),
    "deficient_reasons": say("Very short reasons"),
    "pasted_reasons": say("Repeated reasons"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """One answer as far as the rules look at it, in the order in which they were given.

    `characters` is the length of the texts on the screen; `chose_first` whether the response shown
    first was preferred, None where neither or there is no first; `signature` what was answered in
    terms of the screen; `reason` what was written.
    """

    elapsed_ms: int | None
    characters: int
    chose_first: bool | None
    signature: str
    reason: str


@dataclass(frozen=True, slots=True)
class Flag:
    """`count` of `n` answers fell under the rule. `title` is short, `sentence` says all of it."""

    slug: str
    title: str
    count: int
    n: int
    sentence: str
    rule: str


Rule = Callable[[Sequence[Act]], Flag | None]


def too_fast(acts: Sequence[Act]) -> Flag | None:
    """More than a fifth of the timed answers came before the texts could have been skimmed."""
    timed = [(act.elapsed_ms / 1000, act.characters) for act in acts if act.elapsed_ms is not None]
    fast = sum(
        seconds < max(SHORTEST, characters / CHARACTERS_PER_SECOND) for seconds, characters in timed
    )
    if len(timed) < LEAST_TIMED or fast <= MOST_FAST * len(timed):
        return None
    return Flag(
        "too_fast",
        TITLES["too_fast"],
        fast,
        len(timed),
        say(
            "%(count)s of %(n)s timed answers came sooner than their texts can be skimmed.",
            count=fast,
            n=len(timed),
        ),
        say(
            "Sooner than %(speed)s characters a second (about twelve words) and %(shortest)s s at "
            "least; flagged above %(share)s of %(least)s or more. Somebody who knows the texts "
            "already can be this quick.",
            speed=f"{CHARACTERS_PER_SECOND:.0f}",
            shortest=f"{SHORTEST:.0f}",
            share=f"{MOST_FAST:.0%}",
            least=LEAST_TIMED,
        ),
    )


def one_side(acts: Sequence[Act]) -> Flag | None:
    """The response shown on one side was preferred far more often than a coin would have it."""
    sided = [act.chose_first for act in acts if act.chose_first is not None]
    n, first = len(sided), sum(sided)
    if n < LEAST_SIDED or (chance := _two_sided(first, n)) >= UNLIKELY:
        return None
    side, count = (
        (say("first (left)"), first) if 2 * first > n else (say("second (right)"), n - first)
    )
    said = f"{chance:.2g}" if chance >= 1e-6 else say("less than one in a million")
    return Flag(
        "one_side",
        TITLES["one_side"],
        count,
        n,
        say(
            "%(count)s of %(n)s decided answers prefer the response shown %(side_said)s, though "
            "sides are swapped at random; a coin would do so with probability %(chance_said)s.",
            count=count,
            n=n,
            side_said=side,
            chance_said=said,
        ),
        say(
            "Two-sided binomial test against one half, below %(chance)s, from %(least)s decided "
            "answers up.",
            chance=UNLIKELY,
            least=LEAST_SIDED,
        ),
    )


def straight_line(acts: Sequence[Act]) -> Flag | None:
    """The very same answer, as it stood on the screen, many times in a row."""
    if len(acts) < LEAST_FOR_RUNS:
        return None
    longest = max(len(list(run)) for _, run in groupby(act.signature for act in acts))
    if longest < LEAST_RUN:
        return None
    return Flag(
        "straight_line",
        TITLES["straight_line"],
        longest,
        len(acts),
        say(
            "The same answer %(times)s times in a row, of %(n)s looked at.",
            times=longest,
            n=len(acts),
        ),
        say(
            "%(run)s or more in a row among %(least)s or more. Where nearly everything deserves "
            "that answer, this is what careful people do too.",
            run=LEAST_RUN,
            least=LEAST_FOR_RUNS,
        ),
    )


def deficient_reasons(acts: Sequence[Act]) -> Flag | None:
    """Half of the reasons or more are too short to be one."""
    reasons = [act.reason for act in acts if act.reason]
    poor = sum(_words(reason) < FEWEST_WORDS for reason in reasons)
    if len(reasons) < LEAST_REASONS or poor < MOST_DEFICIENT * len(reasons):
        return None
    return Flag(
        "deficient_reasons",
        TITLES["deficient_reasons"],
        poor,
        len(reasons),
        say(
            "%(count)s of %(n)s reasons have fewer than %(words)s words.",
            count=poor,
            n=len(reasons),
            words=FEWEST_WORDS,
        ),
        say(
            "Fewer than %(words)s words with a letter in them (scripts without spaces: "
            "%(letters)s letters), in %(share)s or more of %(least)s or more.",
            words=FEWEST_WORDS,
            letters=2 * FEWEST_WORDS,
            share=f"{MOST_DEFICIENT:.0%}",
            least=LEAST_REASONS,
        ),
    )


def pasted_reasons(acts: Sequence[Act]) -> Flag | None:
    """Many reasons repeat another of the same person's word for word."""
    reasons = [" ".join(act.reason.casefold().split()) for act in acts if act.reason]
    long = Counter(reason for reason in reasons if len(reason.split()) >= PASTED_WORDS)
    pasted = sum(count for count in long.values() if count > 1)
    if len(reasons) < LEAST_REASONS or pasted <= MOST_PASTED * len(reasons):
        return None
    return Flag(
        "pasted_reasons",
        TITLES["pasted_reasons"],
        pasted,
        len(reasons),
        say(
            "%(count)s of %(n)s reasons are word for word the same as another one.",
            count=pasted,
            n=len(reasons),
        ),
        say(
            "Reasons of %(words)s or more words that occur more than once, above %(share)s of "
            "%(least)s or more.",
            words=PASTED_WORDS,
            share=f"{MOST_PASTED:.0%}",
            least=LEAST_REASONS,
        ),
    )


RULES: tuple[Rule, ...] = (too_fast, one_side, straight_line, deficient_reasons, pasted_reasons)


def flags(acts: Sequence[Act]) -> list[Flag]:
    """What the rules have to say about one person's answers; empty when nothing."""
    return [flag for rule in RULES if (flag := rule(acts)) is not None]


def _words(text: str) -> int:
    """Words with a letter or digit; in scripts without spaces two letters count as a word."""
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    wide = sum(map(_is_wide, text))
    return max(len(words), wide // 2)


def _is_wide(letter: str) -> bool:
    return "\u0e00" <= letter <= "\u0eff" or "\u3040" <= letter <= "\u9fff"


@lru_cache(maxsize=1024)
def _two_sided(heads: int, n: int) -> float:
    """The probability that a fair coin lies as far from the middle as this, or farther."""
    tail = sum(comb(n, k) for k in range(max(heads, n - heads), n + 1))
    doubled = 2 * tail if 2 * heads != n else 2**n
    return (
        min(1.0, doubled / 2**n) if n < 1000 else min(1.0, float(doubled * 10**12 // 2**n) / 1e12)
    )
