"""Held-out bits per byte by domain, exact to the byte and to the bit of the sum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from chimera.errors import InputError, Problem
from curriculum_app.core.packing import HeldOut
from training_app.core.loss import token_nll
from training_app.core.model import head_weight, last_hidden

WINDOWS_PER_BATCH = 8


def bits_per_byte(nll_nats: float, n_bytes: int) -> float:
    """ΣNLL / (ln 2 · Σbytes). Log-probabilities −1, −2, −.5, −.5 over 12 bytes give 0.480898."""
    return nll_nats / (math.log(2.0) * n_bytes)


@dataclass(frozen=True)
class DomainScores:
    """Per window of one domain: summed NLL (nats, float64), predicted tokens and their bytes."""

    nll: NDArray[np.float64]
    tokens: NDArray[np.int64]
    n_bytes: NDArray[np.int64]

    @property
    def bits_per_byte(self) -> float:
        return bits_per_byte(float(self.nll.sum()), int(self.n_bytes.sum()))


@dataclass(frozen=True)
class HeldOutScores:
    """Scores of one model on all held-out domains."""

    domains: dict[str, DomainScores]

    def by_domain(self) -> dict[str, float]:
        return {domain: scores.bits_per_byte for domain, scores in self.domains.items()}

    @property
    def macro(self) -> float:
        """Unweighted mean of the domains' bits per byte."""
        values = list(self.by_domain().values())
        return sum(values) / len(values)

    def metrics(self) -> dict[str, float]:
        return {f"held_out/{domain}": value for domain, value in self.by_domain().items()} | {
            "held_out/macro": self.macro
        }

    def table(self) -> pa.Table:
        """One row per window: domain, window, nll (nats), tokens, bytes."""
        columns: dict[str, list[Any]] = {"domain": [], "window": [], "nll": [], "tokens": [], "bytes": []}
        for domain, scores in self.domains.items():
            columns["domain"] += [domain] * len(scores.nll)
            columns["window"] += range(len(scores.nll))
            columns["nll"] += scores.nll.tolist()
            columns["tokens"] += scores.tokens.tolist()
            columns["bytes"] += scores.n_bytes.tolist()
        return pa.table(columns)


class HeldOutText:
    """The held-out windows of all domains, padded once into batches of similar length.

    Raises:
        InputError: there is no window at all.
    """

    def __init__(self, held_out: dict[str, HeldOut], eos_id: int, device: torch.device) -> None:
        self.held_out = {domain: part for domain, part in held_out.items() if part.num_sequences}
        if not self.held_out:
            hint = "group the dataset again with more held-out tokens"
            raise InputError(Problem("these sequences hold no held-out text", field="sequences", hint=hint))
        self.batches = {domain: _batches(part, eos_id, device) for domain, part in self.held_out.items()}

    def score(self, model: PreTrainedModel) -> HeldOutScores:
        """Bits per byte now; the model's mode is restored."""
        was_training = model.training
        model.train(False)
        with torch.no_grad():
            domains = {domain: self._score_domain(model, domain) for domain in self.held_out}
        model.train(was_training)
        return HeldOutScores(domains)

    def _score_domain(self, model: PreTrainedModel, domain: str) -> DomainScores:
        part = self.held_out[domain]
        nll = np.zeros(part.num_sequences)
        for windows, inputs, targets, real in self.batches[domain]:
            hidden = last_hidden(model, inputs).flatten(0, 1)
            values = token_nll(hidden, head_weight(model), targets.flatten()).view_as(targets)
            nll[windows] = (values.double() * real).sum(1).cpu().numpy()
        return DomainScores(nll, part.predicted_by_window(), part.n_bytes)

    def probe_batch(self) -> Tensor:
        """The first full batch's leading windows of every domain, cut to one length: shape [B, T]."""
        firsts = [self.batches[domain][0][1][:1] for domain in self.held_out]
        length = min(first.shape[1] for first in firsts)
        return torch.cat([first[:, :length] for first in firsts])


WindowBatch = tuple[NDArray[np.int64], Tensor, Tensor, Tensor]


def _batches(part: HeldOut, eos_id: int, device: torch.device) -> list[WindowBatch]:
    """Windows by falling length (stable), so that little is padding: (window numbers, inputs, targets, predicted)."""
    lengths = np.diff(part.offsets)
    order = np.argsort(-lengths, kind="stable")
    starts = range(0, len(order), WINDOWS_PER_BATCH)
    return [_batch(part, order[start : start + WINDOWS_PER_BATCH], eos_id, device) for start in starts]


def _batch(part: HeldOut, windows: NDArray[np.int64], eos_id: int, device: torch.device) -> WindowBatch:
    longest = max(len(part.tokens_of(int(window))) for window in windows)
    padded = np.full((len(windows), longest), eos_id, dtype=np.int64)
    real = np.zeros((len(windows), longest - 1))
    for index, window in enumerate(windows):
        tokens = part.tokens_of(int(window))
        padded[index, : len(tokens)] = tokens
        real[index, : len(tokens) - 1] = part.predicted_of(int(window))
    tensor = torch.from_numpy(padded).to(device)
    return windows, tensor[:, :-1].contiguous(), tensor[:, 1:].contiguous(), torch.from_numpy(real).to(device)
