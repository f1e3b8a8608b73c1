"""Configs of what is done with whole models: import, verify, measure a worker, reply to a prompt (pure, torch-free)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from training_app.core.checkpoint import Checkpoint


class ImportModelConfig(Config):
    """A model of `transformers` from outside, to train on, to distil from or to chat with."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    source: str = Field(
        min_length=1, max_length=1000, title="Model",
        description="a folder on this server, or the name of an installed model such as smollm2-135m-instruct",
    )  # fmt: skip
    licence: str = Field("", max_length=60, title="Licence", description="empty: what the folder says of itself")
    max_gigabytes: float = Field(20.0, gt=0, le=1000, title="Largest size (GB)", description="of the weights")


class VerifyCheckpointConfig(Config):
    """Read every file of a checkpoint again."""

    checkpoint: Ref[Checkpoint] = Field(title="Checkpoint")


class MeasureWorkerConfig(Config):
    """How fast a worker multiplies matrices and moves memory: predictions of step times rest on it."""

    seconds: float = Field(0.3, gt=0, le=10, title="Seconds", description="for each size of matrix and precision")
    threads: int = Field(0, ge=0, le=256, title="CPU threads", description="0: as many as the worker may use")


class Message(Config):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"] = Field(title="Who")
    content: str = Field(max_length=100_000, title="Text", json_schema_extra={"multiline": True})


class Sampling(Config):
    """How the next token is chosen. Temperature 0 takes the likeliest one."""

    temperature: float = Field(0.7, ge=0, le=10, title="Temperature", description="0 takes the likeliest token")
    top_p: float = Field(0.95, gt=0, le=1, title="Top-p", description="nucleus: the smallest set with this probability")
    max_tokens: int = Field(128, ge=1, le=8192, title="Tokens at most")
    seed: int = Field(0, ge=0, lt=2**31, title="Seed")


class ReplyConfig(Sampling):
    """What a checkpoint says next in a conversation; equal configs give equal words on one kind of processor."""

    checkpoint: Ref[Checkpoint] = Field(title="Checkpoint")
    messages: list[Message] = Field(min_length=1, max_length=200, title="Conversation")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", title="Device", description="auto takes a GPU if present")
    threads: int = Field(1, ge=1, le=256, title="CPU threads")
