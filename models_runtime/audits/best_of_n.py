"""Does the judge find the correct response among wrong ones?"""

from models_runtime.audits import Audit, Finding, Grade, Material, at_least, sign_of, too_little
from models_runtime.audits._intervals import mean, share, unknown

LEAST_GROUPS = 10


class BestOfN(Audit):
    """Responses known to be correct meet wrong ones to the same prompt. Accuracy = the correct one
    beats them all, a tie being lost; reciprocal rank = 1 / (1 + how many it doesn't beat)."""

    title = "Best of n"
    question = "Does it find the correct response among wrong ones?"
    reference = "Kim et al. 2024 (RewardMATH)"
    limit = 0.0
    needs = "responses measured as correct (1) and wrong (0)"

    def examine(self, material: Material, limit: float) -> Finding:
        groups: dict[str, tuple[str, list[float | None]]] = {}
        for pair in material.pairs:
            if pair.right is not None and pair.group:
                number = material.number(pair)
                seen = None if number is None else number if pair.right == 0 else -number
                groups.setdefault(pair.group, (pair.prompt, []))[1].append(seen)
        whole = [
            (prompt, [each for each in numbers if each is not None])
            for prompt, numbers in groups.values()
            if None not in numbers
        ]
        rule = (
            "Passes when the interval of the accuracy lies above chance (one in n"
            f"{f', or {limit:.0%} as set' if limit else ''}); fails when it lies below; else warns."
        )
        if len(whole) < LEAST_GROUPS:
            return too_little(
                unknown("correct is best", n=len(whole)),
                f"{len(whole)} prompts with one correct response compared with every wrong one.",
                rule,
            )
        prompts = [prompt for prompt, _ in whole]
        lost = [sum(sign_of(number) < 1 for number in numbers) for _, numbers in whole]
        chances = [1 / (1 + len(numbers)) for _, numbers in whole]
        best = share("correct is best", [float(not each) for each in lost], prompts)
        rank = mean("reciprocal rank", [1 / (1 + each) for each in lost], prompts, unit="1/rank")
        chance = max(sum(chances) / len(chances), limit)
        estimate, low, high = best.known()
        grade = Grade.PASS if low > chance else Grade.FAIL if high < chance else Grade.WARN
        if limit and grade is not Grade.PASS:
            grade = at_least(best, limit)
        return Finding(
            (best, rank),
            grade,
            rule,
            f"The correct response is best in {estimate:.1%} [{low:.1%}, {high:.1%}] of "
            f"{len(whole)} prompts; chance is {chance:.1%}.",
            {"chance": chance},
        )


AUDIT = BestOfN()
