"""Tokens of a dataset version under a tokenizer: per domain and source, and of what curation dropped per stage.

A count is an artefact of its own, named by version, tokenizer and tokens per image, so it is made once. Tokens are
those of the text alone, without end-of-text marks. An image stands for a declared number of tokens, counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from tokenizers import Tokenizer

from chimera.artefacts import ArtefactStore
from chimera.typed import sha256_json
from curriculum_app.core.dataset_version import DROPPED_FILE, DatasetVersion
from curriculum_app.core.documents import Document
from curriculum_app.core.parquet_rows import read_rows

KIND = "token-count"
TOKENS_PER_IMAGE = 256
OTHER_SOURCES = "(other sources)"
_SOURCES = 500  # named in a domain
_BATCH_CHARS = 1 << 20
_NUMBERS = ("documents", "bytes", "tokens", "media_tokens")

Tally = dict[str, int]
Report = Callable[[int], None]


def count_digest(dataset: str, tokenizer: str, tokens_per_image: int) -> str:
    """The name of a count: hashes of the version and of the file `tokenizer.json`, and what an image stands for."""
    return sha256_json({"dataset": dataset, "tokenizer": tokenizer, "tokens_per_image": tokens_per_image})


def count_tokens(
    store: ArtefactStore,
    version: DatasetVersion,
    tokenizers: Mapping[str, Tokenizer],
    tokens_per_image: int,
    report: Report,
) -> None:
    """Store the counts that are missing of a version, in one pass over its documents, in constant memory.

    `tokenizers` maps the sha256 of a tokenizer's file to it; `report` is told how many bytes of text were counted.
    """
    wanted = {sha: count_digest(version.digest, sha, tokens_per_image) for sha in tokenizers}
    missing = [sha for sha, digest in wanted.items() if not store.has(KIND, digest)]
    if not missing:
        return
    counts = {sha: _Counts(tokens_per_image) for sha in missing}
    for batch in _batches(_documents(version)):
        texts = [document.text for document, _ in batch]
        for sha in missing:
            encoded = tokenizers[sha].encode_batch_fast(texts, add_special_tokens=False)
            for (document, stage), encoding in zip(batch, encoded, strict=True):
                counts[sha].add(document, stage, len(encoding.ids))
        report(sum(document.num_bytes for document, _ in batch))
    for sha in missing:
        facts = {"dataset": version.digest, "tokenizer": sha, "tokens_per_image": tokens_per_image}
        with store.stage(KIND) as staged:
            staged.seal(wanted[sha], {**facts, **counts[sha].as_json()})


def _documents(version: DatasetVersion) -> Iterator[tuple[Document, str]]:
    """Every document with "", every dropped one (as it came into the stage that dropped it) with that stage."""
    dropped = version.stored.path / DROPPED_FILE
    rows: Iterable[dict[str, Any]] = read_rows(dropped) if dropped.is_file() else ()
    return chain(
        ((document, "") for document in version.iter_documents()),
        ((Document.from_row(row), row["stage"]) for row in rows),
    )


def _batches(documents: Iterable[tuple[Document, str]]) -> Iterator[list[tuple[Document, str]]]:
    batch: list[tuple[Document, str]] = []
    size = 0
    for item in documents:
        batch.append(item)
        size += len(item[0].text)
        if size >= _BATCH_CHARS or len(batch) == 256:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Counts:
    """Sums under one tokenizer."""

    def __init__(self, tokens_per_image: int) -> None:
        self._per_image = tokens_per_image
        self._domains: dict[str, Tally] = {}
        self._sources: dict[str, dict[str, Tally]] = {}
        self._dropped: dict[str, dict[str, Tally]] = {}

    def add(self, document: Document, stage: str, tokens: int) -> None:
        images = sum(item.type == "image" for item in document.media)
        numbers = (1, document.num_bytes, tokens, images * self._per_image)
        if stage:
            _add(self._dropped.setdefault(document.domain, {}), stage, numbers)
            return
        _add(self._domains, document.domain, numbers)
        sources = self._sources.setdefault(document.domain, {})
        named = document.source in sources or len(sources) < _SOURCES
        _add(sources, document.source if named else OTHER_SOURCES, numbers)

    def as_json(self) -> dict[str, Any]:
        return {"domains": self._domains, "sources": self._sources, "dropped": self._dropped}


def _add(tallies: dict[str, Tally], name: str, numbers: tuple[int, ...]) -> None:
    tally = tallies.setdefault(name, dict.fromkeys(_NUMBERS, 0))
    for key, number in zip(_NUMBERS, numbers, strict=True):
        tally[key] += number
