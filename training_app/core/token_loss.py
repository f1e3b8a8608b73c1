"""The loss of a trained model on whole texts, however long: windows that overlap, every token predicted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from training_app.core.loss import token_nll
from training_app.core.model import head_weight, last_hidden

WINDOWS_PER_BATCH = 8
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Tokens `start ... end - 1` of a stream are shown; those from `first` on are predicted."""

    start: int
    first: int
    end: int


def spans(length: int, window: int, stride: int) -> Iterator[Span]:
    """Windows of at most `window` tokens in which each token but the very first is predicted exactly once.

    Every window after the first moves on by at most `stride` tokens, so that a token it predicts has at least
    `window − stride` tokens before it.
    """
    end = min(window, length)
    if end > 1:
        yield Span(0, 1, end)
    while end < length:
        first, end = end, min(end + stride, length)
        yield Span(end - window, first, end)


class TextLoss:
    """A model that reads texts as it read them in training: each begins after an end-of-text token.

    That token is context only, so every token of the text is predicted. Without one (`start_id` None) the first token
    of a text is not predicted.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Tokenizer, start_id: int | None, window: int) -> None:
        self.model, self.tokenizer, self.start_id, self.window = model, tokenizer, start_id, window
        self.stride = max(1, window // 2)
        tokenizer.encode_special_tokens = True  # "<|endoftext|>" inside a document is text, never an end

    def bits(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Per text its bits (−Σ log2 p, summed in float64) and its predicted tokens; (0, 0) for an empty one."""
        start = [] if self.start_id is None else [self.start_id]
        streams = [np.array([*start, *found.ids], dtype=np.int64) for found in self.tokenizer.encode_batch_fast(texts)]
        nats, tokens = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)
        with torch.inference_mode():
            for batch in self._batches(streams):
                for (text, span), value in zip(batch, self._score(batch, streams), strict=True):
                    nats[text] += value
                    tokens[text] += span.end - span.first
        return list(zip((nats / log(2)).tolist(), tokens.tolist(), strict=True))

    def _batches(self, streams: Sequence[Ids]) -> Iterator[list[tuple[int, Span]]]:
        """Windows by falling length (stable), so that little is padding."""
        found = [
            (text, span) for text, stream in enumerate(streams) for span in spans(len(stream), self.window, self.stride)
        ]
        ordered = iter(sorted(found, key=lambda item: item[1].start - item[1].end))
        while batch := list(islice(ordered, WINDOWS_PER_BATCH)):
            yield batch

    def _score(self, batch: list[tuple[int, Span]], streams: Sequence[Ids]) -> NDArray[np.float64]:
        """Summed negative log-likelihood (nats) of the predicted tokens of each window; padding comes last."""
        longest = max(span.end - span.start for _, span in batch)
        padded = np.zeros((len(batch), longest), dtype=np.int64)
        asked = np.zeros((len(batch), longest - 1), dtype=bool)
        for row, (text, span) in enumerate(batch):
            padded[row, : span.end - span.start] = streams[text][span.start : span.end]
            asked[row, span.first - span.start - 1 : span.end - span.start - 1] = True
        input_BT = torch.from_numpy(padded).to(self.model.device)
        asked_BT = torch.from_numpy(asked).to(self.model.device)
        hidden_NH = last_hidden(self.model, input_BT[:, :-1])[asked_BT]
        nll_N = token_nll(hidden_NH, head_weight(self.model), input_BT[:, 1:][asked_BT]).double()
        sums = torch.zeros(len(batch), dtype=torch.float64)
        row_N = asked_BT.nonzero()[:, 0].cpu()
        return sums.index_add_(0, row_N, nll_N.cpu()).numpy()
