"""Config of the job `sample-rules` (it loads nothing heavy)."""

from __future__ import annotations

from pydantic import Field, field_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.configs import EVERY_OTHER_DOMAIN, default_recipes
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.filters.base import FilterChoice


class SampleRulesConfig(Config):
    """Measure every rule of the recipes on a sample of each domain, so that thresholds can be chosen by eye."""

    name: str = Field("rules", title="Name", min_length=1, max_length=200)
    datasets: list[Ref[DatasetVersion]] = Field(title="Dataset versions", min_length=1)
    recipes: dict[str, list[FilterChoice]] = Field(
        default_factory=default_recipes,
        title="Recipes",
        description="Domain → filters in order; * is for every domain that is not named. The thresholds are where the "
        "cuts stand at first.",
        json_schema_extra={"key_title": "Domain"},
    )
    final_filters: list[FilterChoice] = Field(
        default=[FilterChoice(key="pii")], title="At the end", description="Filters for what remains, in all domains."
    )
    documents: int = Field(400, title="Documents of each domain", description="Drawn at random.", ge=1, le=5000)
    seed: int = Field(0, title="Seed", description="Of the sample.", ge=0)

    @field_validator("datasets")
    @classmethod
    def _distinct(cls, datasets: list[Ref[DatasetVersion]]) -> list[Ref[DatasetVersion]]:
        if len(set(datasets)) < len(datasets):
            raise ValueError("names a dataset version twice")
        return datasets

    def recipe_of(self, domain: str) -> list[FilterChoice]:
        """The recipe that a domain goes through; empty if none is named for it."""
        return self.recipes.get(domain, self.recipes.get(EVERY_OTHER_DOMAIN, []))
