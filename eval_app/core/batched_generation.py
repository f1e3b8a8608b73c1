"""Text for many prompts at once: padded on the left, one cache of keys and values, each prompt with its own stop.

Architectures that padding would disturb (a state, a convolution, a window) get batches of prompts of one length.
Tensor names end in their shape: B prompts, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from eval_app.core.continuations import attends_only
from training_app.core.configs_models import Sampling
from training_app.core.generation import end_ids, next_token

TOKENS_PER_BATCH = 8192


@dataclass
class Reply:
    """One prompt and what has been said after it. `stops(text)` says whether the text is long enough."""

    ids: list[int]
    sampling: Sampling
    most: int
    stops: Callable[[str], bool]
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    done: bool = False


def write_replies(
    model: PreTrainedModel,
    replies: Sequence[Reply],
    decode: Callable[[list[int]], str],
    after: Callable[[int], None] = lambda _: None,
) -> None:
    """Fill in `tokens` and `text` of every reply; greedy ones are what each would get alone."""
    ends, padded = end_ids(model), attends_only(model)
    for batch in _batches(replies, one_length=not padded):
        _write(model, batch, decode, ends)
        after(len(batch))


def _batches(replies: Sequence[Reply], *, one_length: bool) -> list[list[Reply]]:
    """By falling length, at most `TOKENS_PER_BATCH` with what may be written."""
    batches: list[list[Reply]] = []
    ordered = sorted(replies, key=lambda reply: len(reply.ids), reverse=True)
    for _, group in groupby(ordered, key=lambda reply: len(reply.ids) if one_length else 0):
        batches.append([])
        for reply in group:
            last = batches[-1]
            size = max(len(each.ids) + each.most for each in [*last, reply])
            if last and size * (len(last) + 1) > TOKENS_PER_BATCH:
                batches.append([])
            batches[-1].append(reply)
    return batches


@torch.inference_mode()
def _write(model: PreTrainedModel, batch: list[Reply], decode: Callable[[list[int]], str], ends: set[int]) -> None:
    device, longest = model.device, max(len(reply.ids) for reply in batch)
    randoms = [torch.Generator().manual_seed(reply.sampling.seed) for reply in batch]
    gaps = torch.tensor([longest - len(reply.ids) for reply in batch], device=device)
    input_BT = torch.tensor([[0] * (longest - len(reply.ids)) + reply.ids for reply in batch], device=device)
    cache: Any = None
    for length in range(longest, longest + max(reply.most for reply in batch)):
        output = model(
            input_ids=input_BT, past_key_values=cache, use_cache=True, logits_to_keep=1, **_places(gaps, length, cache)
        )
        cache = output.past_key_values
        logits_BV = output.logits[:, -1].float().cpu()
        chosen = [_next(*each, decode, ends) for each in zip(batch, logits_BV, randoms, strict=True)]
        if all(reply.done for reply in batch):
            return
        input_BT = torch.tensor(chosen, device=device)[:, None]


def _places(gaps_B: Tensor, length: int, cache: Any) -> dict[str, Tensor]:
    """Mask and positions for rows that begin after gaps; nothing where there are none."""
    if not bool(gaps_B.any()):
        return {}
    place_BT = torch.arange(length, device=gaps_B.device)[None] - gaps_B[:, None]
    positions_BT = place_BT.clamp(min=0)
    mask_BT = (place_BT >= 0).long()
    return {"attention_mask": mask_BT, "position_ids": positions_BT if cache is None else positions_BT[:, -1:]}


def _next(
    reply: Reply, logits_V: Tensor, random: torch.Generator, decode: Callable[[list[int]], str], ends: set[int]
) -> int:
    """The next token of one reply; one that is done says its last token again, and nobody listens."""
    if reply.done:
        return reply.tokens[-1]
    token = next_token(logits_V, reply.sampling, random)
    reply.tokens.append(token)
    reply.text = decode(reply.tokens)
    reply.done = token in ends or len(reply.tokens) >= reply.most or reply.stops(reply.text)
    return token
