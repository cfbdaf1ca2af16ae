"""Does the place in which a response is shown move the verdict?"""

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Figure,
    Finding,
    Grade,
    Material,
    Pair,
    Show,
    Variant,
    at_least,
    logit,
    near_zero,
    share_of,
    sign_of,
    too_little,
)
from models_runtime.audits._intervals import mean, share, unknown

SWAPPED = "swapped"
LEAST_CONSISTENT = 0.75
POINTS = 4.0  # log-odds a point of win share is worth at an even pair


class Position(Audit):
    """Bias = mean over pairs of half the sum of the log-odds for the response shown first, over
    both orders: what the pair is worth cancels, what the place is worth stays. Without
    probabilities, the same with win shares. Consistency = share of pairs with the same winner (or
    tie) in both orders."""

    title = "Place"
    question = "Does the response shown first win because it is shown first?"
    reference = "Zheng et al. 2023 (MT-Bench); Shi et al. 2024"
    limit = 0.2

    def variants(self, pair: Pair) -> list[Variant]:
        first, second = pair.texts
        return [Variant(SWAPPED, (second, first), pair.conversation)]

    def examine(self, material: Material, limit: float) -> Finding:
        in_odds = material.gives_probabilities()
        biases: list[float] = []
        alike: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            by_first = _by_first(material, pair)
            if by_first is None:
                continue
            ab, ba = by_first
            prompts.append(pair.prompt)
            alike.append(float(sign_of(ab.number) == sign_of(ba.number)))
            if in_odds and ab.p is not None and ba.p is not None:
                biases.append((logit(ab.p) - logit(ba.p)) / 2)
            else:
                in_odds = False
                biases.append((share_of(ab.number) - share_of(ba.number)) / 2)
        rule = say(
            "Passes when the interval of the bias holds 0 or the bias is within "
            "±%(limit)s log-odds (a quarter of that in win share), and at least "
            "%(least_consistent)s of the pairs have the same winner in both orders.",
            limit=f"{limit:g}",
            least_consistent=f"{LEAST_CONSISTENT:.0%}",
        )
        if len(prompts) < LEAST:
            return too_little(
                unknown(say("bias"), n=len(prompts)),
                say("%(n)s pairs read in both orders.", n=len(prompts)),
                rule,
            )
        if not in_odds:
            biases = [
                (share_of(ab.number) - share_of(ba.number)) / 2
                for pair in material.pairs
                if (shows := _by_first(material, pair)) is not None
                for ab, ba in [shows]
            ]
        bias = mean(
            say("bias"), biases, prompts, unit=say("log-odds") if in_odds else say("win share")
        )
        same = share(say("same winner in both orders"), alike, prompts)
        if not bias.is_known:
            return too_little(bias, say("all pairs are of one prompt."), rule)
        grades = [
            near_zero(bias, limit if in_odds else limit / POINTS),
            at_least(same, LEAST_CONSISTENT),
        ]
        worst = max(grades, key=[Grade.PASS, Grade.WARN, Grade.FAIL].index)
        estimate, low, high = bias.known()
        side = say("first") if estimate >= 0 else say("second")
        return Finding(
            (bias, same, *_with_unread(material)),
            worst,
            rule,
            say(
                "The response shown %(side)s gains %(abs)s %(unit)s [%(low)s, %(high)s "
                "for the first] by its place; %(estimate)s of %(prompts)s pairs have the "
                "same winner in both orders.",
                side=side,
                abs=f"{abs(estimate):.2f}",
                unit=bias.unit,
                low=f"{low:.2f}",
                high=f"{high:.2f}",
                estimate=f"{same.estimate:.0%}",
                prompts=len(prompts),
            ),
        )


def _with_unread(material: Material) -> list[Figure]:
    """The consistency as LLMBar counts it, where some calls couldn't be read: that is one more
    verdict, and twice unreadable is twice the same."""
    alike: list[float] = []
    prompts: list[str] = []
    for pair in material.pairs:
        trial = material.trial(pair)
        if trial is None:
            continue
        told = {show.first: str(sign_of(show.number)) for show in trial.shows}
        told |= dict.fromkeys(trial.unread, "unread")
        if len(told) == 2:
            alike.append(float(told[0] == told[1]))
            prompts.append(pair.prompt)
    if not any(trial.unread for trial in material.trials.values()):
        return []
    return [share(say("same verdict, unreadable counted as one"), alike, prompts)]


def _by_first(material: Material, pair: Pair) -> tuple[Show, Show] | None:
    """The pair with position 0 shown first, and with position 1 shown first, in placement terms.

    From the calls of the verdict itself where the judge asks in both orders. Otherwise from the
    pair and its swapped copy: a judge that sees one order, or none, must mirror its verdict.
    """
    plain = material.trial(pair)
    if plain is None:
        return None
    shows = {show.first: show for show in plain.shows}
    if len(shows) == 2:
        return shows[0], shows[1]
    swapped = material.trial(pair, SWAPPED)
    if swapped is None or plain.number is None or swapped.number is None:
        return None
    for show in swapped.shows:
        mirrored = Show(1 - show.first, -show.number, None if show.p is None else 1 - show.p)
        shows.setdefault(mirrored.first, mirrored)
    if len(shows) == 2:
        return shows[0], shows[1]
    if shows:
        return None
    return (
        Show(0, plain.number, plain.p),
        Show(1, -swapped.number, None if swapped.p is None else 1 - swapped.p),
    )


AUDIT = Position()
