"""Words one after the other: temperature and nucleus sampling with a seed, streamed as they come.

Temperature divides the logits; the nucleus is the smallest set of tokens whose probability reaches `top_p` (Holtzman et
al., arXiv 1904.09751, section 3.1), the likeliest token always in it. Tensor names end in their shape: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream
from torch import Tensor
from transformers import PreTrainedModel

from training_app.core.configs_models import Sampling


def next_token(logits_V: Tensor, sampling: Sampling, random: torch.Generator) -> int:
    """One token id; greedy at temperature 0. Probabilities 0.5, 0.3, 0.2 at `top_p` 0.6 leave 0.625, 0.375."""
    if sampling.temperature == 0:
        return int(logits_V.argmax())
    probability_V = torch.softmax(logits_V.double() / sampling.temperature, 0)
    sorted_V, order_V = probability_V.sort(descending=True, stable=True)
    before_V = sorted_V.cumsum(0) - sorted_V
    sorted_V[before_V >= sampling.top_p] = 0.0
    return int(order_V[torch.multinomial(sorted_V, 1, generator=random)])


def end_ids(model: PreTrainedModel) -> set[int]:
    """The tokens that end a reply, as the generation config or the config names them."""
    named: Any = getattr(model.generation_config, "eos_token_id", None)
    if named is None:
        named = model.config.eos_token_id
    return set(named) if isinstance(named, list) else set() if named is None else {int(named)}


def generate(model: PreTrainedModel, ids: Sequence[int], sampling: Sampling, most: int) -> Iterator[int]:
    """Up to `most` token ids after `ids`, the one that ends the reply included. Equal arguments give equal tokens."""
    random = torch.Generator().manual_seed(sampling.seed)
    stop, cache = end_ids(model), None
    input_BT = torch.tensor([list(ids)], device=model.device)
    for _ in range(most):
        with torch.inference_mode():
            output = model(input_ids=input_BT, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        chosen = next_token(output.logits[0, -1].float().cpu(), sampling, random)
        yield chosen
        if chosen in stop:
            return
        input_BT = torch.tensor([[chosen]], device=model.device)


class Words:
    """Tokens to text, piece by piece: half a character waits for its other half; tokens of control are not shown."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer, self._stream = tokenizer, DecodeStream(skip_special_tokens=True)

    def add(self, token: int) -> str:
        """What the token adds to the text, perhaps nothing yet."""
        return self._stream.step(self.tokenizer, token) or ""
