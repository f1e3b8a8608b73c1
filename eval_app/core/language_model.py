"""A checkpoint as lm-eval's language model: log-likelihoods of continuations and greedy text, in batches.

Token ids are those of the checkpoint's tokenizer without special tokens; an empty context is the end-of-text token, and
what is too long loses its beginning, as in lm-eval's `HFLM`. Tensor names end in their shape: B rows, T positions,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from training_app.core.configs_models import Sampling
from training_app.core.generation import generate
from training_app.core.model import head_weight, last_hidden

Pair = tuple[tuple[str, str], list[int], list[int]]
TOKENS_PER_BATCH = 4096


class CheckpointLM(TemplateLM):
    """What lm-eval's tasks ask. `after` is called with the number of requests answered since the last call."""

    backend = "causal"

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        end_id: int,
        max_length: int,
        after: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.model, self.words, self.end_id, self.max_length, self.after = model, tokenizer, end_id, max_length, after

    @property
    def eot_token_id(self) -> int:
        return self.end_id

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        ids: list[int] = self.words.encode(string, add_special_tokens=False).ids
        return ids

    def _loglikelihood_tokens(self, requests: Sequence[Pair], **kwargs: Any) -> list[tuple[float, bool]]:
        """`(log-likelihood in nats, whether greedy)` of each continuation, in the order of the requests."""
        rows = [((context + ending)[-(self.max_length + 1) :], len(ending)) for _, context, ending in requests]
        found: list[tuple[float, bool]] = [(0.0, False)] * len(rows)
        for numbers in _batches([len(row) for row, _ in rows]):
            for number, answer in zip(numbers, self._score([rows[n] for n in numbers]), strict=True):
                found[number] = answer
            self.after(len(numbers))
        return found

    def _score(self, rows: Sequence[tuple[list[int], int]]) -> list[tuple[float, bool]]:
        """Only the positions that predict a continuation are turned into logits."""
        longest = max(len(row) for row, _ in rows) - 1
        input_BT = torch.full((len(rows), longest), self.end_id)
        for place, (row, _) in enumerate(rows):
            input_BT[place, : len(row) - 1] = torch.tensor(row[:-1])
        with torch.inference_mode():
            hidden_BTH = last_hidden(self.model, input_BT.to(self.model.device))
            spans = [hidden_BTH[b, len(row) - 1 - ending : len(row) - 1] for b, (row, ending) in enumerate(rows)]
            targets = torch.tensor([token for row, ending in rows for token in row[-ending:]], device=hidden_BTH.device)
            return _answers(torch.cat(spans), head_weight(self.model), targets, [ending for _, ending in rows])

    def loglikelihood_rolling(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[float]:
        """Each token of each text predicted once, with as much context as fits."""
        from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

        found = []
        for request in requests:
            windows = get_rolling_token_windows(
                self.tok_encode(request.args[0]), self.end_id, max_seq_len=self.max_length, context_len=1
            )
            pairs = [(("", ""), *make_disjoint_window(window)) for window in windows]
            found.append(sum(value for value, _ in self._loglikelihood_tokens(pairs)))
        return found

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """Text up to the first stop string, greedy unless the task asks for a temperature."""
        found = []
        for number, request in enumerate(requests):
            context, settings = request.args
            found.append(self._generate(context, dict(settings or {}), seed=number))
            self.after(1)
        return found

    def _generate(self, context: str, settings: dict[str, Any], seed: int) -> str:
        most = int(settings.get("max_gen_toks", 256))
        stops = [each for each in settings.get("until", []) if each]
        sampling = Sampling(temperature=settings.get("temperature", 0.0), top_p=settings.get("top_p", 1.0), seed=seed)
        ids = (self.tok_encode(context) or [self.end_id])[-max(self.max_length - most, 1) :]
        tokens: list[int] = []
        text = ""
        for token in generate(self.model, ids, sampling, min(most, self.max_length - 1)):
            tokens.append(token)
            text = self.words.decode(tokens)
            if any(stop in text for stop in stops):
                break
        return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of rows by falling length, so that little is padding; at most `TOKENS_PER_BATCH` a batch."""
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    batches: list[list[int]] = []
    for number in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= TOKENS_PER_BATCH:
            batches[-1].append(number)
        else:
            batches.append([number])
    return batches


def _answers(hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor, sizes: list[int]) -> list[tuple[float, bool]]:
    logits_NV = hidden_NH.float() @ head_VH.float().T
    picked_N = logits_NV.gather(1, targets_N[:, None])[:, 0] - logits_NV.logsumexp(1)
    greedy_N = logits_NV.argmax(1) == targets_N
    values, said = torch.split(picked_N.double(), sizes), torch.split(greedy_N, sizes)
    return [(float(value.sum()), bool(each.all())) for value, each in zip(values, said, strict=True)]
