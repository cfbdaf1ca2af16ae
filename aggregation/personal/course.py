"""A course of training: stages of Adam steps that can be watched, stopped early and resumed.

A stage starts from given arrays and minimises a loss. Resumed from a checkpoint it goes on with the
same parameters, moments and step, so that the end is the same as without the interruption. Random
batches belong to the step's number, never to a generator that has moved on. One thread does the
sums: with several, the order of additions, and so the last digits, would depend on the machine.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from aggregation.personal.bench import Arrays, Bench, text_array

Device = Literal["auto", "cpu", "cuda"]
Loss = Callable[[dict[str, Any], int], Any]
HeldOut = Callable[[dict[str, Any]], float]
LOOK_EVERY = 20  # steps between looks at held-out votes, progress and cancellation
PATIENCE = 5  # looks without a better held-out loss before a stage ends
BETTER = 1e-4  # least improvement of the mean held-out loss that counts


@dataclass(frozen=True, eq=False)
class Learned:
    """Parameters after a stage: the best by held-out loss, or the last. `steps` leads to them."""

    parameters: Arrays
    loss: float
    held_out: float
    steps: int


@dataclass
class Course:
    """Stages of one training, `total` steps in all. `key` names data and options: a checkpoint of
    anything else is ignored.
    """

    bench: Bench
    key: str
    total: int
    device: str = "cpu"
    done: int = 0
    _kept: Arrays = field(default_factory=dict)
    _running: Arrays = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = self.bench.keeper.load() if self.bench.keeper is not None else None
        if found is not None and found.pop("key", np.zeros(0)).tobytes() == self.key.encode():
            self._kept = {n: a for n, a in found.items() if not n.startswith("running/")}
            self._running = {n: a for n, a in found.items() if n.startswith("running/")}

    def stage(
        self,
        name: str,
        start: Arrays,
        rates: dict[str, float],
        loss: Loss,
        steps: int,
        held_out: HeldOut | None = None,
        patience: int = PATIENCE,
    ) -> Learned:
        """Minimise `loss(parameters, step)` by Adam with a rate per parameter.

        With `held_out` the stage ends when it no longer improves, and the best parameters count:
        after `patience` looks without a better one.
        """
        before = self.done
        learned = self._finished(name, start)
        if learned is None:
            learned = self._train(name, start, rates, loss, steps, held_out, patience)
            self._keep_finished(name, learned)
        self.done = before + steps
        self.bench.watch(self.done, self.total)
        return learned

    def _train(
        self,
        name: str,
        start: Arrays,
        rates: dict[str, float],
        loss: Loss,
        steps: int,
        held_out: HeldOut | None,
        patience: int,
    ) -> Learned:
        import torch

        values = {
            n: torch.tensor(a, dtype=torch.float32, device=self.device).requires_grad_(True)
            for n, a in start.items()
        }
        adam = torch.optim.Adam([{"params": [values[n]], "lr": rates[n]} for n in start])
        best: dict[str, Any] = {}
        best_loss, best_step, waited, first = float("inf"), 0, 0, 0
        last = float("nan")
        if (kept := self._resumed(name, values, adam)) is not None:
            first, best_loss, best_step, waited = kept
            best = {
                n: torch.tensor(self._running[f"running/{name}/best/{n}"], device=self.device)
                for n in start
                if f"running/{name}/best/{n}" in self._running
            }
        for step in range(first, steps):
            adam.zero_grad(set_to_none=True)
            value = loss(values, step)
            value.backward()
            adam.step()
            passed = step + 1
            if passed % LOOK_EVERY == 0 or passed == steps:
                last = float(value.detach())
                if held_out is not None:
                    with torch.no_grad():
                        now = held_out(values)
                    if now < best_loss - BETTER:
                        best_loss, best_step, waited = now, passed, 0
                        best = {n: v.detach().clone() for n, v in values.items()}
                    else:
                        waited += 1
                self.bench.watch(self.done + passed, self.total)
                if held_out is not None and waited >= patience:
                    break
            if self.bench.keeper is not None and passed % self.bench.keep_every == 0:
                state = (passed, best_loss, best_step, waited)
                self._keep_running(name, values, adam, best, state)
        chosen = best or values
        arrays = {n: v.detach().cpu().numpy().copy() for n, v in chosen.items()}
        return Learned(arrays, last, best_loss, best_step if best else steps)

    # --- Checkpoints ---------------------------------------------------------------------------

    def _finished(self, name: str, start: Arrays) -> Learned | None:
        said = self._kept.get(f"done/{name}/said")
        if said is None:
            return None
        arrays = {n: self._kept[f"done/{name}/{n}"] for n in start}
        return Learned(arrays, float(said[0]), float(said[1]), int(said[2]))

    def _keep_finished(self, name: str, learned: Learned) -> None:
        said = np.array([learned.loss, learned.held_out, learned.steps], dtype=np.float64)
        self._kept[f"done/{name}/said"] = said
        self._kept |= {f"done/{name}/{n}": a for n, a in learned.parameters.items()}
        self._running = {}
        self._save()

    def _resumed(
        self, name: str, values: dict[str, Any], adam: Any
    ) -> tuple[int, float, int, int] | None:
        import torch

        state = self._running.get(f"running/{name}/state")
        if state is None:
            return None
        for n, value in values.items():
            kept = {
                what: torch.tensor(self._running[f"running/{name}/{what}/{n}"])
                for what in ("value", "exp_avg", "exp_avg_sq")
            }
            with torch.no_grad():
                value.copy_(kept["value"])
            adam.state[value] = {
                "step": torch.tensor(float(state[0])),
                "exp_avg": kept["exp_avg"].to(self.device),
                "exp_avg_sq": kept["exp_avg_sq"].to(self.device),
            }
        return int(state[0]), float(state[1]), int(state[2]), int(state[3])

    def _keep_running(
        self,
        name: str,
        values: dict[str, Any],
        adam: Any,
        best: dict[str, Any],
        state: tuple[float, ...],
    ) -> None:
        at = f"running/{name}"
        self._running = {f"{at}/state": np.array(state, dtype=np.float64)}
        for n, value in values.items():
            self._running[f"{at}/value/{n}"] = value.detach().cpu().numpy().copy()
            for what in ("exp_avg", "exp_avg_sq"):
                self._running[f"{at}/{what}/{n}"] = adam.state[value][what].cpu().numpy().copy()
        for n, value in best.items():
            self._running[f"{at}/best/{n}"] = value.cpu().numpy()
        self._save()

    def _save(self) -> None:
        if self.bench.keeper is not None:
            self.bench.keeper.save({**self._kept, **self._running, "key": text_array(self.key)})


def device_for(wanted: Device) -> str:
    """ "cuda" where it is wanted, or "auto", and there is one; else "cpu"."""
    import torch

    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order, whatever the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
