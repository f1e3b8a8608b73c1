"""Configs of the kinds that turn a dataset into an order: group and schedule (pure, without torch)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from chimera.capabilities import ModelTokenizer
from chimera.errors import NestedProblems, Problem
from chimera.refs import Ref
from chimera.registry import Choice, Registry
from chimera.typed import Config
from curriculum_app.core.columns import Columns
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.groupings.base import GroupingChoice, default_groupings
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.sequences import Form, SequenceTable


class PolicyChoice(Choice):
    """A policy and its settings."""

    usual: ClassVar[str] = "shuffle"

    @classmethod
    def registry(cls) -> Registry[Any]:
        return POLICIES


class GroupConfig(Config):
    """Train a tokenizer, hold text out, pack the rest into sequences and sort them into groups."""

    name: str = Field(title="Name", min_length=1, max_length=120)
    dataset: Ref[DatasetVersion] = Field(title="Dataset version")
    form: Form = Field(
        "text",
        title="Sequences are",
        description="text: a packed stream of documents. chat: one conversation each, only its answers are learnt. "
        "pairs: one preference each, the chosen answer and the rejected one.",
    )
    tokenizer: Ref[ModelTokenizer] | None = Field(
        None,
        title="Tokenizer of",
        description="A checkpoint, to train it further; none trains a new tokenizer on this dataset version.",
    )
    like: Ref[SequenceTable] | None = Field(
        None,
        title="Tokenizer of sequences",
        description="Cut as these are, with their chat template: for a later phase of a chain of runs.",
    )
    vocab_size: int = Field(
        2048,
        title="Vocabulary",
        description="Tokens of the BPE trained here; a checkpoint has its own.",
        ge=257,
        le=65536,
    )
    sequence_length: int = Field(
        256, title="Sequence length", ge=8, le=16384,
        description="Tokens per sequence; of a conversation, and of each half of a pair, at most.",
    )  # fmt: skip
    too_long: Literal["drop", "cut"] = Field(
        "drop", title="Longer conversations", description="Left out, or cut at the end; either is counted."
    )
    chat_template: Literal["model", "plain"] = Field(
        "model",
        title="Chat template",
        description="model: that of the checkpoint, where it has one. plain: <|role|>, the words, end of text.",
    )
    held_out_tokens: int = Field(
        16384, title="Held-out tokens", description="Tokens per domain kept away from training.", ge=256, le=10_000_000
    )
    held_out_share: float = Field(
        0.05,
        title="Share kept for evaluation",
        description="Of the documents, near-duplicates together: never trained on in any version of this text.",
        ge=0.0,
        le=0.5,
    )
    near_duplicates: bool = Field(
        True,
        title="Near-duplicates on one side",
        description="Held out or trained on together. Off: only equal texts, which spares the search.",
    )
    apart: list[str] = Field(
        default_factory=list,
        title="Domains apart",
        description="Packed by themselves and never held out, as a warm-up on procedural strings asks for.",
    )
    metadata: Literal["none", "url", "source", "domain", "meta"] = Field(
        "none",
        title="Metadata before the text",
        description="What the model may read before each document; it is never learnt. url: the host.",
    )
    metadata_field: str = Field("", title="Field of meta", description="Where metadata is meta: its name there.")
    missing_metadata: Literal["unknown", "none"] = Field(
        "unknown", title="Documents without", description="unknown: this word in its place. none: only the text."
    )
    cooldown_share: float = Field(
        0.1, title="Cooldown", description="Share of the text that stays without metadata.", gt=0.0, lt=1.0
    )
    length_bins: int = Field(3, title="Length bins", description="Difficulty bins along document length.", ge=1, le=8)
    quality_bins: int = Field(3, title="Quality bins", description="Difficulty bins along density.", ge=1, le=8)
    quality_measure: Literal["compression", "surprisal"] = Field(
        "compression",
        title="Quality measure",
        description="Compression: how little zlib can shrink the text. Surprisal: how rare its tokens are.",
    )
    columns: Ref[Columns] | None = Field(
        None, title="Columns", description="Measured for this dataset version; takes the place of the measure above."
    )
    column: str = Field(
        "", title="Column", description="Its name in the columns; documents without a value get the middle rank."
    )
    length_weight: float = Field(
        0.5, title="Weight of length", description="Share of length in the difficulty of a document.", ge=0.0, le=1.0
    )
    seed: int = Field(0, title="Seed", ge=0, le=2**31 - 1)
    groupings: list[GroupingChoice] = Field(
        default_factory=default_groupings,
        title="Groupings",
        description="What tokens are counted by. Domain and difficulty must be among them: pools are drawn by both.",
    )

    @field_validator("groupings")
    @classmethod
    def _with_what_pools_need(cls, chosen: list[GroupingChoice]) -> list[GroupingChoice]:
        keys = [choice.key for choice in chosen]
        if missing := [choice.key for choice in default_groupings() if choice.key not in keys]:
            raise ValueError(f"pools are drawn by domain and difficulty; add {' and '.join(missing)}")
        return chosen

    @model_validator(mode="after")
    def _one_tokenizer(self) -> Self:
        if self.tokenizer is not None and self.like is not None:
            raise NestedProblems([Problem("a tokenizer of a checkpoint is chosen already: leave one empty", "like")])
        return self

    @model_validator(mode="after")
    def _of_packed_text(self) -> Self:
        if self.form != "text" and (self.apart or self.metadata != "none"):
            raise ValueError("domains apart and metadata are for packed text: choose the form text")
        if (self.metadata == "meta") != bool(self.metadata_field):
            raise ValueError("metadata: meta and the name of its field go together")
        return self


class ScheduleConfig(Config):
    """Draw a pool of exactly the token budget and let a policy order it."""

    name: str = Field(title="Name", min_length=1, max_length=120)
    sequences: Ref[SequenceTable] = Field(title="Sequences")
    policy: PolicyChoice = Field(title="Policy")
    budget_tokens: int = Field(
        title="Token budget",
        description="Tokens shown to the model; of packed text a multiple of the sequence length, of others at most.",
        ge=1,
    )
    pool_seed: int = Field(
        0, title="Pool seed", description="Which sequences are drawn: equal seeds draw equal pools.", ge=0, le=2**31 - 1
    )
    seed: int = Field(0, title="Order seed", description="Shuffling, and choice between equals.", ge=0, le=2**31 - 1)
