"""The starter taxonomy: capabilities and safety behaviours, from `taxonomy.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from chimera.typed import Config

FILE = Path(__file__).parent / "taxonomy.yaml"


class StarterNode(Config):
    """A node with everything below it. A child without a kind is of its parent's."""

    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)
    name: str = Field(min_length=1)
    kind: Literal["capability", "safety"] = "capability"
    description: str = ""
    weight: float = Field(1.0, gt=0)
    target_count: int = Field(0, ge=0)
    children: list[StarterNode] = []

    @model_validator(mode="before")
    @classmethod
    def _hand_down_kind(cls, values: Any) -> Any:
        if isinstance(values, dict) and "kind" in values:
            children = [{"kind": values["kind"], **child} for child in values.get("children", [])]
            return {**values, "children": children}
        return values

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        slugs = [child.slug for child in self.children]
        if len(set(slugs)) < len(slugs):
            raise ValueError(f"two children of {self.slug!r} have the same slug")
        return self


def nodes() -> list[dict[str, Any]]:
    """The roots as JSON values `{slug, name, kind, description, weight, target_count, children}`."""
    roots = yaml.safe_load(FILE.read_text(encoding="utf-8"))["nodes"]
    return [StarterNode.model_validate(root).as_json() for root in roots]
