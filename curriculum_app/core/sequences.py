"""`SequenceTable`: packed training sequences with group counts, difficulty and held-out text (pure).

Files of the artefact: `tokens.npy` (flat), `offsets.npy` (M+1), `groupings/<name>.npz` (CSR M x K, tokens), `bins.npy`
(M x B document-length bins, tokens), `difficulty.npy` (M), `pieces.npz` (sequence to document), `documents.parquet`,
`held_out/<number>.npz` per domain, `tokenizer.json`. Where not every token is a target (examples, text under metadata)
also `mask.npy` (uint8 per token: 0 context, 1 target); of examples (`form` chat or pairs in the manifest)
`chat_template.jinja`, and of pairs `splits.npy` (M: tokens of the chosen half, the rejected one follows).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from chimera.artefacts import ArtefactStore, Opened, Stage, Stored
from chimera.typed import sha256_json
from curriculum_app.core.packing import HeldOut, Int, Mask, Pieces, Tokens

Form = Literal["text", "chat", "pairs"]
DIGEST_NUMBERS = 1 << 20  # of sparse counts that are made dense at once
CHAT_TEMPLATE = "chat_template.jinja"


@dataclass(frozen=True)
class Grouping:
    """Tokens of K named groups in each of M sequences; rows sum to the sequence lengths."""

    names: tuple[str, ...]
    counts: sparse.csr_array  # (M, K) int64

    def dense(self, sequences: Int | None = None) -> Int:
        """Counts as a dense (m, K) array, of the given sequences or of all."""
        rows = self.counts if sequences is None else self.counts[sequences]
        return np.asarray(rows.toarray(), dtype=np.int64)

    def totals(self, sequences: Int | None = None) -> Int:
        """Shape (K,): tokens of each group."""
        rows = self.counts if sequences is None else self.counts[sequences]
        return np.asarray(rows.sum(axis=0), dtype=np.int64).ravel()


@dataclass(frozen=True)
class DocumentPiece:
    """`length` tokens of a sequence, from position `start`, that came from one document of the index."""

    document: dict[str, Any]  # a row of documents.parquet
    start: int
    length: int


@dataclass(frozen=True)
class SequenceContents:
    """Everything a SequenceTable holds, in memory, ready for `save_sequences`."""

    tokens: Tokens
    offsets: Int
    groupings: dict[str, Grouping]
    bins: Int
    difficulty: NDArray[np.float64]
    pieces: Pieces
    documents: pa.Table
    held_out: dict[str, HeldOut]
    unigram_bits_per_byte: dict[str, float]
    tokenizer_json: str
    vocab_size: int
    eos_id: int
    sequence_length: int
    mask: Mask | None = None
    splits: Int | None = None
    chat_template: str = ""
    form: Form = "text"  # a stretch of packed text, one conversation, or the two answers of one preference


def save_sequences(store: ArtefactStore, contents: SequenceContents, facts: dict[str, Any]) -> Stored:
    """Store a table. `facts` (JSON) join the manifest; of them only `recipe` and `dataset` count for the digest."""
    domains = list(contents.held_out)
    manifest = {
        **facts,
        "vocab_size": contents.vocab_size,
        "eos_id": contents.eos_id,
        "sequence_length": contents.sequence_length,
        "num_sequences": len(contents.offsets) - 1,
        "num_tokens": int(contents.offsets[-1]),
        "groupings": {name: list(grouping.names) for name, grouping in contents.groupings.items()},
        "tokens_by_group": {name: grouping.totals().tolist() for name, grouping in contents.groupings.items()},
        "held_out_domains": domains,
        "unigram_bits_per_byte": contents.unigram_bits_per_byte,
    }
    if contents.mask is not None:
        manifest |= {"target_tokens": int(contents.mask.sum())}
    if contents.form != "text":
        manifest |= {"form": contents.form}
    with store.stage("sequences") as stage:
        _write(stage, contents)
        return stage.seal(_digest(contents, facts), manifest)


def _write(stage: Stage, contents: SequenceContents) -> None:
    root = stage.path
    (root / "groupings").mkdir()
    (root / "held_out").mkdir()
    np.save(root / "tokens.npy", contents.tokens)
    np.save(root / "offsets.npy", contents.offsets)
    np.save(root / "bins.npy", contents.bins)
    np.save(root / "difficulty.npy", contents.difficulty)
    pieces = contents.pieces
    np.savez(root / "pieces.npz", offsets=pieces.offsets, documents=pieces.documents, lengths=pieces.lengths)
    for name, grouping in contents.groupings.items():
        sparse.save_npz(root / "groupings" / f"{name}.npz", grouping.counts, compressed=False)
    for number, part in enumerate(contents.held_out.values()):
        file = root / "held_out" / f"{number}.npz"  # a domain's name may not be a file name
        arrays: dict[str, Any] = {"tokens": part.tokens, "offsets": part.offsets, "n_bytes": part.n_bytes}
        arrays |= {} if part.mask is None else {"mask": part.mask}
        arrays |= {} if part.documents is None else {"documents": part.documents}
        np.savez(file, **arrays)
    for name, optional in (("mask", contents.mask), ("splits", contents.splits)):
        if optional is not None:
            np.save(root / f"{name}.npy", optional)
    if contents.chat_template:
        (root / CHAT_TEMPLATE).write_text(contents.chat_template, encoding="utf-8")
    pq.write_table(contents.documents, root / "documents.parquet", compression="zstd")
    (root / "tokenizer.json").write_text(contents.tokenizer_json, encoding="utf-8")


def _digest(contents: SequenceContents, facts: dict[str, Any]) -> str:
    """Hash of what the table means: recipe, dataset, tokenizer and all arrays, never of a file's encoding."""
    arrays: dict[str, NDArray[Any]] = {
        "tokens": contents.tokens,
        "offsets": contents.offsets,
        "bins": contents.bins,
        "difficulty": contents.difficulty,
        "documents": contents.pieces.documents,
    }
    for name, part in contents.held_out.items():
        arrays[f"held_out/{name}"] = part.tokens
        arrays |= {} if part.mask is None else {f"held_out_mask/{name}": part.mask}
    for name, optional in (("mask", contents.mask), ("splits", contents.splits)):
        arrays |= {} if optional is None else {name: optional}  # tables without them keep their ids
    meaning = {
        "recipe": facts.get("recipe"),
        "dataset": facts.get("dataset"),
        "tokenizer": hashlib.sha256(contents.tokenizer_json.encode()).hexdigest(),
        "groups": {name: list(grouping.names) for name, grouping in contents.groupings.items()},
        "arrays": {name: array_digest(array) for name, array in arrays.items()}
        | {f"grouping/{name}": counts_digest(grouping.counts) for name, grouping in contents.groupings.items()},
    }
    return sha256_json(meaning)


def array_digest(array: NDArray[Any]) -> str:
    """Hex sha256 of an array's type, shape and little-endian bytes."""
    plain = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return hashlib.sha256(f"{plain.dtype.str}{plain.shape}".encode() + plain.tobytes()).hexdigest()


def counts_digest(counts: sparse.csr_array) -> str:
    """`array_digest` of the dense array, without ever holding it: tables of thousands of groups are sparse."""
    plain = counts.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{plain.str}{counts.shape}".encode())
    rows = max(DIGEST_NUMBERS // max(counts.shape[1], 1), 1)
    for start in range(0, counts.shape[0], rows):
        digest.update(np.ascontiguousarray(counts[start : start + rows].toarray(), dtype=plain).tobytes())
    return digest.hexdigest()


class SequenceTable(Opened):
    """An opened table. Arrays are read from disk when first used; tokens stay memory-mapped."""

    ref_kind: ClassVar[str] = "sequences"

    @property
    def num_sequences(self) -> int:
        return int(self.manifest["num_sequences"])

    @property
    def num_tokens(self) -> int:
        return int(self.manifest["num_tokens"])

    @property
    def sequence_length(self) -> int:
        return int(self.manifest["sequence_length"])

    @property
    def vocab_size(self) -> int:
        return int(self.manifest["vocab_size"])

    @property
    def eos_id(self) -> int:
        return int(self.manifest["eos_id"])

    @property
    def tokenizer_path(self) -> Path:
        return self.path / "tokenizer.json"

    @cached_property
    def tokens(self) -> Tokens:
        """All tokens, flat, memory-mapped read-only."""
        mapped: Tokens = np.load(self.path / "tokens.npy", mmap_mode="r")
        return mapped

    @cached_property
    def offsets(self) -> Int:
        loaded: Int = np.load(self.path / "offsets.npy")
        return loaded

    @cached_property
    def lengths(self) -> Int:
        """Shape (M,): tokens of each sequence."""
        return np.diff(self.offsets)

    def tokens_of(self, index: int) -> Tokens:
        """The token ids of one sequence (a view of the store)."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    @property
    def form(self) -> Form:
        """ "text": a packed stream; "chat": one conversation a sequence; "pairs": a chosen answer, then a rejected."""
        found: Form = self.manifest.get("form", "text")
        return found

    @cached_property
    def mask(self) -> Mask | None:
        """Shape (tokens,): 1 where a token is a target, 0 where it is only context; None where all are targets."""
        if "target_tokens" not in self.manifest:
            return None
        mapped: Mask = np.load(self.path / "mask.npy", mmap_mode="r")
        return mapped

    @cached_property
    def splits(self) -> Int | None:
        """Shape (M,): tokens of each pair's chosen half; None where the sequences are no pairs."""
        if self.form != "pairs":
            return None
        loaded: Int = np.load(self.path / "splits.npy")
        return loaded

    @property
    def longest_text(self) -> int:
        """Tokens of the longest text that a model is shown at once: a sequence, or half a pair."""
        lengths = self.lengths
        return int(lengths.max() if self.splits is None else np.maximum(self.splits, lengths - self.splits).max())

    def mask_of(self, index: int) -> Mask:
        """The mask of one sequence; all ones where every token is a target."""
        if self.mask is None:
            return np.ones(int(self.lengths[index]), dtype=np.uint8)
        return self.mask[self.offsets[index] : self.offsets[index + 1]]

    @property
    def grouping_names(self) -> tuple[str, ...]:
        return tuple(self.manifest["groupings"])

    def grouping(self, name: str) -> Grouping:
        """The counts of one grouping: "domain", "difficulty", or what else was chosen.

        Raises:
            KeyError: the table has no such grouping.
        """
        names = tuple(self.manifest["groupings"][name])
        return Grouping(names, sparse.csr_array(sparse.load_npz(self.path / "groupings" / f"{name}.npz")))

    @cached_property
    def bins(self) -> Int:
        """Shape (M, B): tokens of each sequence by length bin of the whole document they came from."""
        loaded: Int = np.load(self.path / "bins.npy")
        return loaded

    @cached_property
    def difficulty(self) -> NDArray[np.float64]:
        """Shape (M,): token-weighted mean difficulty in [0, 1]; a proxy, see `curriculum_app.core.grouping`."""
        loaded: NDArray[np.float64] = np.load(self.path / "difficulty.npy")
        return loaded

    def held_out(self) -> dict[str, HeldOut]:
        """Evaluation windows by domain, in the order of the manifest."""
        return dict(self._held_out())

    def _held_out(self) -> Iterator[tuple[str, HeldOut]]:
        for number, domain in enumerate(self.manifest["held_out_domains"]):
            with np.load(self.path / "held_out" / f"{number}.npz") as file:
                more = {name: file.get(name) for name in ("mask", "documents")}  # which older tables do not have
                yield domain, HeldOut(file["tokens"], file["offsets"], file["n_bytes"], **more)

    def unigram_bits_per_byte(self) -> dict[str, float]:
        """Bits per byte of each domain's held-out text under the training token frequencies (add-one smoothing).

        A model that is not below this has not learned to use context.
        """
        return {domain: float(value) for domain, value in self.manifest["unigram_bits_per_byte"].items()}

    @cached_property
    def documents(self) -> pa.Table:
        """The document index: id, domain, title, source, license, url, tokens, length_rank, quality_rank, ..."""
        return pq.read_table(self.path / "documents.parquet")

    @cached_property
    def pieces(self) -> Pieces:
        with np.load(self.path / "pieces.npz") as file:
            return Pieces(file["offsets"], file["documents"], file["lengths"])

    def documents_of(self, sequence: int) -> list[DocumentPiece]:
        """The documents whose tokens make up one sequence, in order."""
        pieces = self.pieces
        span = slice(int(pieces.offsets[sequence]), int(pieces.offsets[sequence + 1]))
        lengths = pieces.lengths[span]
        starts = np.cumsum(lengths) - lengths
        rows = self.documents.take(pa.array(pieces.documents[span])).to_pylist()
        return [DocumentPiece(row, int(s), int(n)) for row, s, n in zip(rows, starts, lengths, strict=True)]
