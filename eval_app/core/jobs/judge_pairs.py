"""The job `judge-pairs`: a checkpoint compares the answers of two reports. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.context import Context
from chimera.errors import InputError, Problem
from eval_app.core.configs_judge import JudgeConfig
from eval_app.core.win_rate import Bits, Choice, by_judge, pairs_of
from training_app.core.checkpoint import Checkpoint


@dataclass(frozen=True)
class JudgeResult:
    """What the judge chose, by item."""

    choices: dict[str, Choice]


def run(config: JudgeConfig, ctx: Context) -> JudgeResult:
    """Ask the judge about every pair of first answers, in both orders.

    Raises:
        InputError: the two reports share no prompt of this task with generated answers.
    """
    reports = [ctx.open(ref).items(config.task) for ref in (config.candidate, config.baseline)]
    pairs = [pair for pair in pairs_of(*reports) if all(item.answers for item in pair)][: config.limit]
    if not pairs:
        hint = "choose a task with generated answers that both reports were asked with the same prompts"
        raise InputError(Problem(f"the reports share no answers of {config.task}", field="task", hint=hint))
    likelihood = _likelihood(ctx.open(config.judge), config)
    choices: dict[str, Choice] = {}
    for done, (one, other) in enumerate(pairs, 1):
        choices[one.item] = by_judge(one.prompt, one.answers[0], other.answers[0], likelihood)
        ctx.check()
        ctx.progress(done, len(pairs), unit="pairs")
    return JudgeResult(choices)


def _likelihood(judge: Checkpoint, config: JudgeConfig) -> Bits:
    import torch
    from lm_eval.api.instance import Instance
    from tokenizers import Tokenizer

    from eval_app.core.language_model import CheckpointLM
    from training_app.core.engine import resolve_device

    torch.set_num_threads(config.threads)
    model = judge.load_model()
    model.to(resolve_device(config.device))  # type: ignore[arg-type]
    words = Tokenizer.from_file(str(judge.tokenizer_path))
    lm = CheckpointLM(model, words, model.config.eos_token_id, model.config.max_position_embeddings)

    def likelihood(asked: str, ending: str) -> float:
        request = Instance("loglikelihood", {}, (asked, ending), 0)
        return float(lm.loglikelihood([request], disable_tqdm=True)[0][0]) / max(len(lm.tok_encode(ending)), 1)

    return likelihood
