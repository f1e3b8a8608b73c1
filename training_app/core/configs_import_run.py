"""Config of the job `import-run` (it loads nothing heavy)."""

from __future__ import annotations

from pathlib import PurePath

from pydantic import Field, field_validator

from chimera.typed import Config
from training_app.core.configs_external import Key
from training_app.core.run_readers.base import RunReaderChoice

RENAMED = {f"train/{key}": key for key in ("loss", "grad_norm", "learning_rate")}
TOKENS = ["num_tokens", "train/num_tokens", "num_input_tokens_seen", "train/num_input_tokens_seen"]


class ImportRunConfig(Config):
    """Read the finished runs of another tool."""

    path: str = Field(
        title="File or folder",
        description="A path on the worker's machine: TensorBoard events or a folder of them, mlruns or mlflow.db, "
        "a history as CSV, JSON or JSON Lines, trainer_state.json; also an archive of such.",
        min_length=1,
        json_schema_extra={"upload": True},
    )
    reader: RunReaderChoice = Field(default_factory=lambda: RunReaderChoice(key="auto"), title="Read as")
    group: str = Field("", title="Group", description="Runs of one group are compared with each other.", max_length=200)
    rename: dict[str, Key] = Field(
        default=RENAMED,
        title="Rename series",
        description="Name in the source → name here. Our charts of loss, gradient norm and learning rate draw ours.",
        json_schema_extra={"key_title": "In the source", "value_title": "Here"},
    )
    tokens_from: list[str] = Field(
        default=TOKENS, title="Tokens from", description="Series that count the tokens seen; the first that is there."
    )
    tokens_per_step: int | None = Field(None, title="Tokens a step", description="Where no series counts them.", ge=1)
    max_points: int = Field(10_000_000, title="Points at most", ge=1, le=100_000_000)
    max_unpacked_bytes: int = Field(
        4 << 30,
        title="Archive at most",
        description="Bytes of a .zip, .tar, .tar.gz or .tar.zst once unpacked.",
        ge=1024,
    )

    @field_validator("tokens_from")
    @classmethod
    def _few(cls, names: list[str]) -> list[str]:
        if len(names) > 20:
            raise ValueError("at most 20 names")
        return names

    @property
    def name(self) -> str:
        """What its job is called."""
        return f"Runs of {PurePath(self.path).name}"
