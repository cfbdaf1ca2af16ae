"""Does the judge find the correct response among wrong ones?"""

from models_runtime.audits import Audit, Finding, Material, sign_of
from models_runtime.audits._best_of import Found, best_of


class BestOfN(Audit):
    """Responses known to be correct meet wrong ones to the same prompt, pair by pair; see
    `_best_of`."""

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
        rows = []
        for prompt, numbers in groups.values():
            told = [number for number in numbers if number is not None]
            if len(told) == len(numbers):
                lost = sum(sign_of(number) < 1 for number in told)
                rows.append(Found(prompt, lost, len(told)))
        return best_of(rows, limit)


AUDIT = BestOfN()
