"""Documents to token ids, with a tokenizer trained on them or that of a model (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from curriculum_app.core.documents import Document
from curriculum_app.core.holding_out import Cut, tokenizer_sample
from curriculum_app.core.packing import Int, Tokens, token_dtype
from curriculum_app.core.tokenizer import Reading, train_bpe

BATCH_BYTES = 1_000_000
Source = Callable[[], Iterable[Document]]
Report = Callable[[int, str], None]  # bytes done of twice the corpus, what is being done; may raise to stop


def train_tokenizer(source: Source, num_bytes: Int, cut: Cut, vocab_size: int) -> Reading:
    """Train the BPE on a sample balanced over domains that holds no reserved document."""
    rows = set(tokenizer_sample([split.rest for split in cut.splits.values()], num_bytes).tolist())
    texts = (document.text for row, document in enumerate(source()) if row in rows)
    tokenizer = train_bpe(texts, vocab_size)
    tokenizer.encode_special_tokens = True  # "<|endoftext|>" inside a document is text, never an end
    return Reading(tokenizer)


def encode_documents(reading: Reading, documents: Iterable[Document], report: Report) -> list[Tokens]:
    """Token ids of every document, in order."""
    dtype = token_dtype(reading.vocab_size)
    encoded: list[Tokens] = []
    done = 0
    for batch in _batches(documents):
        for item in reading.tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            ids: Tokens = np.array(item.ids, dtype=dtype)  # type: ignore[assignment]
            encoded.append(ids)
        done += sum(len(text.encode()) for text in batch)
        report(done, "tokenising")
    return encoded


def _batches(documents: Iterable[Document]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for document in documents:
        batch.append(document.text)
        size += len(document.text)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
