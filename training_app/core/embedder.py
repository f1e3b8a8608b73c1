"""Sentence vectors by a transformer encoder that lies in a directory of this machine (torch inside methods only)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chimera.errors import InputError, Problem

if TYPE_CHECKING:
    from torch import Tensor

MODEL_FACTS = "model.json"  # written by `make models`: name, version, license, sha256 of the weights
MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was made for; its card says longer text is cut
BATCH = 32


class TransformerEmbedder:
    """Mean of the last hidden states over the tokens of a text (Sentence-BERT, arXiv 1908.10084), length one.

    Implements `chimera.capabilities.Embedder`. Texts of similar length are computed together, so a row can differ in
    its last bits from that of another call; equal calls on one machine give equal rows.
    """

    def __init__(self, directory: Path, facts: dict[str, Any]) -> None:
        self.directory = directory
        self.name = f"{facts['name']}, {facts['sha256'][:12]}"

    @classmethod
    def open(cls, directory: Path) -> TransformerEmbedder:
        """The model in `directory`, which is looked at but not yet loaded.

        Raises:
            InputError: it is not installed.
        """
        path = directory / MODEL_FACTS
        if not path.is_file():
            message = "the sentence encoder is not installed on this machine"
            raise InputError(Problem(message, file=str(directory), hint="run `make models`"))
        return cls(directory, json.loads(path.read_text(encoding="utf-8")))

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.directory / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # a worker's stderr is a log, not a terminal
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = AutoModel.from_pretrained(self.directory, local_files_only=True, use_safetensors=True)
        return model.to(device).train(False)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape [len(texts), hidden size], float32, rows of length one."""
        encoded = self._tokenizer.encode_batch_fast(list(texts))
        ids = [item.ids for item in encoded]
        rows = np.empty((len(ids), self._model.config.hidden_size), dtype=np.float32)
        by_length = sorted(range(len(ids)), key=lambda at: (len(ids[at]), at))
        for start in range(0, len(ids), BATCH):
            chosen = by_length[start : start + BATCH]
            rows[chosen] = self._mean([ids[at] for at in chosen])
        return rows

    def _mean(self, ids: list[list[int]]) -> NDArray[np.float32]:
        import torch

        device = self._model.device
        longest = max(map(len, ids))
        input_BT = torch.tensor([row + [0] * (longest - len(row)) for row in ids], device=device)
        mask_BT = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=device)
        with torch.inference_mode():
            hidden_BTH = self._model(input_ids=input_BT, attention_mask=mask_BT).last_hidden_state
            mean_BH: Tensor = (hidden_BTH * mask_BT[:, :, None]).sum(1) / mask_BT.sum(1, keepdim=True)
            unit_BH = torch.nn.functional.normalize(mean_BH.float(), dim=1)
        result: NDArray[np.float32] = unit_BH.cpu().numpy()
        return result
