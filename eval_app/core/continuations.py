"""Log-likelihoods of continuations, exact and in few tokens: options of one context stand in one row.

A row holds its context once and after it every option without its last token. Each option sees the context and itself
only (a block mask) and takes the positions that it would have alone, so that its numbers are those of a row of its own.
Architectures with a state, a convolution or a sliding window get plain rows. Tensor names end in their shape: B rows, T
positions, N predicted tokens, H hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training_app.core.loss import chunks
from training_app.core.model import head_weight

Answered = tuple[float, bool]  # log-likelihood in nats, whether greedy decoding would say it
Request = tuple[list[int], list[int]]  # tokens of the context, tokens of the continuation: neither is empty
Cut = Literal["", "prompt", "continuation"]  # whose beginning is missing; a cut continuation has no prompt
TOKENS_PER_BATCH = 4096
_TOLERANCE = 1e-4  # nats, between a shared row and plain ones when an architecture is tried


@dataclass(frozen=True)
class Row:
    """A context and the options after it; `numbers` says which request each option answers."""

    context: list[int]
    endings: list[list[int]]
    numbers: list[int]

    @cached_property
    def length(self) -> int:
        return len(self.context) + sum(len(ending) - 1 for ending in self.endings)

    @property
    def tokens(self) -> list[int]:
        return self.context + [token for ending in self.endings for token in ending[:-1]]

    @property
    def starts(self) -> list[int]:
        """Where each option's tokens begin."""
        return list(accumulate((len(ending) - 1 for ending in self.endings[:-1]), initial=len(self.context)))

    def positions(self) -> list[int]:
        """Of every token: what it would be if its option stood alone."""
        c = len(self.context)
        return [*range(c), *(c + n for ending in self.endings for n in range(len(ending) - 1))]

    def segments(self) -> list[int]:
        """0 for the context, else the number of the option from 1."""
        own = [place for place, ending in enumerate(self.endings, 1) for _ in ending[:-1]]
        return [0] * len(self.context) + own

    def predictors(self) -> Iterator[int]:
        """Which positions predict the tokens of the options, in order."""
        for start, ending in zip(self.starts, self.endings, strict=True):
            yield len(self.context) - 1
            yield from range(start, start + len(ending) - 1)


def shared_rows(requests: Sequence[Request], longest: int) -> list[Row]:
    """Neighbours with an equal context share a row if the context is most of what they hold.

    What is longer than `longest` + 1 tokens loses its beginning and stands alone, as in lm-eval's `HFLM`.
    """
    rows = []
    for _, group in groupby(range(len(requests)), key=lambda n: requests[n][0]):
        numbers = list(group)
        context, endings = requests[numbers[0]][0], [requests[n][1] for n in numbers]
        fits = len(context) + max(map(len, endings)) <= longest + 1
        if len(numbers) > 1 and fits and len(context) >= max(map(len, endings)):
            rows.append(Row(context, endings, numbers))
        else:
            rows += plain_rows(requests, longest, numbers)
    return rows


def plain_rows(requests: Sequence[Request], longest: int, numbers: Sequence[int] | None = None) -> list[Row]:
    """Every request in a row of its own."""
    rows = []
    for n in range(len(requests)) if numbers is None else numbers:
        context, ending = requests[n]
        kept = (context + ending)[-(longest + 1) :]
        ending = ending[-(len(kept) - 1) :]
        rows.append(Row(kept[: len(kept) - len(ending)], [ending], [n]))
    return rows


def cut_of(request: Request, longest: int) -> Cut:
    """What a model that sees `longest` tokens does not see of a request: the end is kept."""
    context, ending = request
    if len(ending) > longest:
        return "continuation"
    return "prompt" if len(context) + len(ending) > longest + 1 else ""


def batched(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows by falling length, so that little is padding, at most `TOKENS_PER_BATCH` a batch; shared and plain apart."""
    batches: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: (len(row.endings) > 1, row.length), reverse=True):
        last = batches[-1] if batches else []
        alike = bool(last) and (len(last[0].endings) > 1) == (len(row.endings) > 1)
        if alike and last[0].length * (len(last) + 1) <= TOKENS_PER_BATCH:
            last.append(row)
        else:
            batches.append([row])
    return batches


class Continuations:
    """Scores requests with one model. Whether options may share a row is tried once, when the first of them come."""

    def __init__(self, model: PreTrainedModel, padding: int, longest: int) -> None:
        self.model, self.padding, self.longest = model, padding, longest
        self._shares: bool | None = None

    def score(self, requests: Sequence[Request], after: Callable[[int], None] = lambda _: None) -> list[Answered]:
        """One answer a request, in their order; `after` is told how many were answered since the last call."""
        rows = shared_rows(requests, self.longest)
        if any(len(row.endings) > 1 for row in rows) and not self.shares:
            rows = plain_rows(requests, self.longest)
        return self._of_rows(rows, len(requests), after)

    @property
    def shares(self) -> bool:
        """Whether a shared row gives this model's numbers: asked of its config, then tried."""
        if self._shares is None:
            self._shares = attends_only(self.model) and self._same_when_shared()
        return self._shares

    def _same_when_shared(self) -> bool:
        ids = [n % self.model.config.vocab_size for n in (5, 11, 7, 3, 13, 17, 19, 23, 2)]
        requests = [(ids[:5], ids[5:8]), (ids[:5], ids[7:]), (ids[:5], ids[4:7])]
        with_mask = self._of_rows(shared_rows(requests, self.longest), 3)
        alone = self._of_rows(plain_rows(requests, self.longest), 3)
        return all(abs(a - b) < _TOLERANCE for (a, _), (b, _) in zip(with_mask, alone, strict=True))

    def _of_rows(
        self, rows: Sequence[Row], count: int, after: Callable[[int], None] = lambda _: None
    ) -> list[Answered]:
        found: list[Answered] = [(0.0, False)] * count
        for batch in batched(rows):
            numbers = [number for row in batch for number in row.numbers]
            for number, answer in zip(numbers, self._of_batch(batch), strict=True):
                found[number] = answer
            after(len(numbers))
        return found

    @torch.inference_mode()
    def _of_batch(self, batch: Sequence[Row]) -> list[Answered]:
        """Only the positions that predict an option are turned into logits."""
        device, longest = self.model.device, batch[0].length
        input_BT = _padded([row.tokens for row in batch], longest, self.padding).to(device)
        more = {} if len(batch[0].endings) == 1 else self._block_mask(batch, longest)
        hidden_BTH = self.model.base_model(input_ids=input_BT, use_cache=False, **more).last_hidden_state
        places = [b * longest + t for b, row in enumerate(batch) for t in row.predictors()]
        endings = [ending for row in batch for ending in row.endings]
        targets_N = torch.tensor([token for ending in endings for token in ending], device=device)
        hidden_NH = hidden_BTH.flatten(0, 1)[torch.tensor(places, device=device)]
        values_N, greedy_N = token_scores(hidden_NH, head_weight(self.model), targets_N)
        sizes = [len(ending) for ending in endings]
        pairs = zip(torch.split(values_N, sizes), torch.split(greedy_N, sizes), strict=True)
        return [(float(value.sum()), bool(said.all())) for value, said in pairs]

    def _block_mask(self, batch: Sequence[Row], longest: int) -> dict[str, Tensor]:
        """`position_ids` [B, T] and the mask [B, 1, T, T] that is added to the attention scores."""
        segment_BT = _padded([row.segments() for row in batch], longest, -1)
        same_BTT = segment_BT[:, :, None] == segment_BT[:, None, :]
        seen_BTT = (same_BTT | (segment_BT == 0)[:, None, :]).tril()
        dtype = self.model.dtype
        mask_BTT = torch.zeros(seen_BTT.shape, dtype=dtype).masked_fill_(~seen_BTT, torch.finfo(dtype).min)
        positions_BT = _padded([row.positions() for row in batch], longest, 0)
        device = self.model.device
        return {"attention_mask": mask_BTT[:, None].to(device), "position_ids": positions_BT.to(device)}


def attends_only(model: PreTrainedModel) -> bool:
    """Every layer is full attention: no state, no convolution, no window, so that padding and masks change nothing."""
    config = model.config
    layers = getattr(config, "layer_types", None) or []
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    stateful = getattr(model, "_is_stateful", False)
    return not stateful and not window and all(each == "full_attention" for each in layers)


def token_scores(hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
    """`(log-probability in nats as float64, whether it is the likeliest)` of every target, logits in chunks."""
    values, greedy = [], []
    for chunk in chunks(hidden_NH, head_VH):
        logits_NV = (hidden_NH[chunk] @ head_VH.T).float()
        wanted_N = targets_N[chunk]
        values.append(logits_NV.gather(1, wanted_N[:, None])[:, 0] - logits_NV.logsumexp(1))
        greedy.append(logits_NV.argmax(1) == wanted_N)
    return torch.cat(values).double().cpu(), torch.cat(greedy).cpu()


def _padded(lists: Sequence[Sequence[int]], length: int, padding: int) -> Tensor:
    return torch.tensor([[*each, *[padding] * (length - len(each))] for each in lists])
