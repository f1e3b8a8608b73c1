"""A generated program that a test accepts: pass@k, run in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

import chimera.typed
from chimera.errors import InputError
from chimera.sandbox.inside.walls import Limits
from chimera.sandbox.trials import Outcome, Trial, check_all, usable_walls
from eval_app.core.scorers.base import SCORERS, Answer, Metric, Scored, Scorer

TRIES = (1, 10, 100)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of k programs is right, of which n were drawn and c are right; without bias (Chen et al., arXiv
    2107.03374, equation 1): 1 - C(n-c, k) / C(n, k), as a product.

    Raises:
        ValueError: not 0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} right ones among {n} programs")
    if n - c < k:
        return 1.0
    wrong = 1.0
    for i in range(n - c + 1, n + 1):
        wrong *= 1 - k / i
    return 1 - wrong


def trial_of(item: Mapping[str, Any], completion: str) -> Trial:
    """The program is the prompt with the completion; the test may use what the prompt defines, with an empty body."""
    prompt = str(item["prompt"])
    return Trial(f"{prompt}{completion}\n", str(item["entry_point"]), f"{prompt}\n    pass\n{item['test']}\n")


@SCORERS.register("programs")
class Programs(Scorer):
    """HumanEval's pass@k (Chen et al. 2021, arXiv 2107.03374): as many k of 1, 10, 100 as there are answers for."""

    title: ClassVar[str] = "Programs that pass"
    metrics: ClassVar[tuple[Metric, ...]] = tuple(Metric(f"pass_{k}", f"pass@{k}") for k in TRIES)

    class Config(chimera.typed.Config):
        processor_seconds: int = Field(10, ge=1, le=60, title="Processor time", description="Seconds a program may use")
        wall_seconds: float = Field(20, ge=1, le=120, title="Time", description="Seconds until a program is ended")
        memory_mib: int = Field(1024, ge=64, le=8192, title="Memory", description="MiB a program may use")

    def __init__(self, config: Config) -> None:
        self.config = config
        self._known: dict[Trial, Outcome] = {}

    def lacking(self) -> str:
        try:
            usable_walls()
        except InputError as error:
            return str(error)
        return ""

    def prepare(self, asked: Iterable[tuple[Mapping[str, Any], Answer]]) -> None:
        """Run all programs of all items, several at a time.

        Raises:
            InputError: there is no sandbox on this machine.
        """
        trials = dict.fromkeys(trial_of(item, text) for item, answer in asked for text in answer.texts)
        self._known |= zip(trials, check_all(trials, Limits(**self.config.as_json())), strict=True)

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        trials = [trial_of(item, text) for text in answer.texts]
        if not self._known.keys() >= set(trials):
            self.prepare([(item, answer)])
        outcomes = [self._known[trial] for trial in trials]
        n, c = len(outcomes), sum(outcome.passed for outcome in outcomes)
        values = {f"pass_{k}": pass_at_k(n, c, k) if k <= n else None for k in TRIES}
        said = [{"reason": outcome.reason, "detail": outcome.detail} for outcome in outcomes]
        return Scored(values, {"programs": n, "right": c, "outcomes": said})
