"""What a foreign trainer may say to us: the config of its run and the bodies of its calls, with their bounds (pure)."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AllowInfNan, Field, StringConstraints, field_validator

from chimera.typed import Config

MAX_BODY_BYTES = 2_000_000  # a call; below Django's own limit, so that ours answers
MAX_CONFIG_BYTES = 256_000
MAX_POINTS = 5_000  # a call
MAX_EVENTS = 200  # a call
MAX_KEYS = 5_000  # a run
MAX_KEY_LENGTH = 200
LEASE_SECONDS = 600.0  # a client that is silent for longer has failed, until it speaks again
KEY_PATTERN = r"^\w[\w ./:@%+=,()#&-]*$"  # neither * ? [ nor ], with which a page asks for families of series

Key = Annotated[str, StringConstraints(pattern=KEY_PATTERN, max_length=MAX_KEY_LENGTH)]
Number = Annotated[float, AllowInfNan(True)]  # also the words "NaN", "Infinity" and "-Infinity", which JSON lacks
Step = Annotated[int, Field(ge=0, lt=1 << 62)]
Session = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class ExternalRunConfig(Config):
    """A run that is trained elsewhere: how it is called here, and whatever its program says of its own settings."""

    name: str = Field(title="Name", min_length=1, max_length=200)
    group: str = Field("", title="Group", description="Runs of one group are compared with each other.", max_length=200)
    seed: int = Field(0, title="Seed", ge=-(1 << 62), lt=1 << 62)
    source: Literal["client", "transformers", "tensorboard", "mlflow", "csv", "json"] = Field(
        "client", title="Source", description="What the points come from."
    )
    steps: int | None = Field(None, title="Steps", description="Planned, if known.", ge=1, lt=1 << 62)
    budget_tokens: int | None = Field(None, title="Tokens", description="Planned, if known.", ge=1, lt=1 << 62)
    settings: dict[str, Any] = Field(default={}, title="Settings", description="The program's own config.")

    @field_validator("settings")
    @classmethod
    def _small_json(cls, settings: dict[str, Any]) -> dict[str, Any]:
        try:
            size = len(json.dumps(settings, allow_nan=False))
        except ValueError as error:
            raise ValueError(f"must be plain JSON: {error}") from error
        if size > MAX_CONFIG_BYTES:
            raise ValueError(f"has {size:,} bytes as JSON; at most {MAX_CONFIG_BYTES:,} are kept")
        return settings


class StartBody(ExternalRunConfig):
    """`POST /api/runs`. The same `id` again takes up the same run; with `resume_step` its later points are cut."""

    id: Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,56}$")] | None = Field(None, title="Id")
    resume_step: Step | None = Field(None, title="Resume after step")
    program: str = Field("", title="Program", max_length=200)

    def config(self) -> dict[str, Any]:
        """What is frozen with the run."""
        return self.model_dump(mode="json", include=set(ExternalRunConfig.model_fields))


class PointRow(Config):
    """The values of one step. `tokens` seen up to and including it and `time` (Unix seconds) may be left out."""

    step: Step = Field(title="Step")
    tokens: Step | None = Field(None, title="Tokens")
    time: float | None = Field(None, title="Time", ge=0, lt=1e11)
    values: dict[Key, Number] = Field(title="Values", max_length=MAX_KEYS)


class EventRow(Config):
    """Something that happened, to be drawn on the charts."""

    kind: str = Field("note", title="Kind", min_length=1, max_length=40)
    message: str = Field(title="Message", min_length=1, max_length=500)
    step: Step | None = Field(None, title="Step")


class PointsBody(Config):
    """`POST /api/runs/{run}/points`: a batch. A `seq` that is not above the last one is known and changes nothing."""

    session: Session = Field(title="Session")
    seq: int = Field(title="Number of the batch", ge=1, lt=1 << 62)
    points: list[PointRow] = Field(default=[], title="Points", max_length=MAX_POINTS)
    events: list[EventRow] = Field(default=[], title="Events", max_length=MAX_EVENTS)


class HeartbeatBody(Config):
    """`POST /api/runs/{run}/heartbeat`."""

    session: Session = Field(title="Session")


class FinishBody(Config):
    """`POST /api/runs/{run}/finish`: how it ended, in the words of its program."""

    session: Session = Field(title="Session")
    state: Literal["succeeded", "failed"] = Field("succeeded", title="State")
    message: str = Field("", title="Message", max_length=300)
